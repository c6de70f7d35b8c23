"""What the Ape commands in `scripts/` share: finding a deployment, and errors in one line."""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import wraps
from pathlib import Path
from typing import Any

import click
from ape import networks
from ape.api import AccountAPI

from ballast.chain import NodeError, Reverted
from ballast.chain.ape import ApeChain
from ballast.client import Ballast, UnknownName
from ballast.deploy import FOLDER, DeploymentError, Manifest
from ballast.params import ParamsError

_EXPECTED = (ParamsError, DeploymentError, NodeError, UnknownName, ValueError)


class Number(click.ParamType):
    """An exact decimal number."""

    name = "number"

    def convert(self, value: Any, param: Any, ctx: Any) -> Decimal:
        try:
            return Decimal(str(value).replace("_", "").replace(",", ""))
        except InvalidOperation:
            self.fail(f"{value!r} is not a number", param, ctx)


NUMBER = Number()

manifest_option = click.option(
    "--manifest",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Deployment to use; by default deployments/<network>.json, on a fork that of the forked network.",
)

mint_option = click.option("--mint", is_flag=True, help="Mint it first, where the token is a mock of yours.")


def ballast_command(command: Callable[..., Any]) -> Callable[..., Any]:
    """What goes wrong outside the program ends in one line and exit code 1, and keyfiles need no questions."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if account := kwargs.get("account"):
            _sign_unasked(account)
        try:
            return command(*args, **kwargs)
        except Reverted as error:
            raise click.ClickException(f"refused: {error}") from None
        except _EXPECTED as error:
            raise click.ClickException(str(error)) from None

    return wrapped


def network_name() -> str:
    """Name of the connected network as its manifest's file bears it."""
    network = networks.provider.network
    ecosystem = network.ecosystem.name
    return network.name if ecosystem == "ethereum" else f"{ecosystem}-{network.name}"


def manifest_path(given: Path | None) -> Path:
    """Where the deployment to use is recorded."""
    return given or FOLDER / f"{network_name().removesuffix('-fork')}.json"


def manifest_to_write(given: Path | None, chain: ApeChain) -> Manifest:
    """The record of a deployment to make or go on with. One of a local chain that is gone is dropped."""
    path = given or FOLDER / f"{network_name()}.json"
    manifest = Manifest.open(path, chain.chain_id)
    is_gone = manifest.contracts and not any(chain.code(entry.address) for entry in manifest.contracts.values())
    return Manifest(chain.chain_id, path) if is_gone and networks.provider.network.is_dev else manifest


def _sign_unasked(account: Any) -> None:
    """Let a keyfile account whose passphrase is in the environment sign without questions."""
    if os.environ.get(f"APE_ACCOUNTS_{account.alias}_PASSPHRASE") and hasattr(account, "set_autosign"):
        account.set_autosign(True)


def connect(manifest: Path | None) -> Ballast:
    """The deployment on the network that Ape is connected to."""
    return Ballast.at(ApeChain(), manifest_path(manifest))


def mint_to(ballast: Ballast, account: AccountAPI, amount: Decimal, collateral: str | None = None) -> None:
    """Mint that much of the settlement token, or of a collateral token, to whoever signs."""
    ballast.protocol.mint(account, int(amount * 10**18), account, collateral)
