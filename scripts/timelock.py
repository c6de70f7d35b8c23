"""Proposals to the timelock, the only owner of the protocol."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import click
from ape.api import AccountAPI
from ape.cli import ConnectedProviderCommand, account_option

from ballast import params as params_
from ballast.cli import ballast_command, connect, manifest_option
from ballast.client.objects import at_time
from ballast.deploy import FOLDER, Proposal, Protocol, Setting, Stage

PROPOSALS = FOLDER / "proposals"

proposal_argument = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
file_option = click.option(
    "--file", type=click.Path(dir_okay=False, path_type=Path), help="Where to write it; else beside the record."
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Write the file; send nothing.")


@click.group()
def cli() -> None:
    """Propose what differs from a parameters file, and do it once the delay is over.

    A proposal is a file: what it says is decoded from the calls themselves, and its id on chain is the hash of them, so
    whoever reviews it reads what will happen. It is done whole or not at all.
    """


@cli.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@click.option("--params", "params_file", type=click.Path(dir_okay=False, path_type=Path), default=params_.DEFAULT)
@file_option
@dry_run_option
@ballast_command
def schedule(account: AccountAPI, manifest: Path | None, params_file: Path, file: Path | None, dry_run: bool) -> None:
    """Propose everything in which the chain differs from a parameters file, as one batch.

    ape run timelock schedule --params params/mainnet.yaml --network ethereum:mainnet:node --account proposer
    """
    protocol = connect(manifest).protocol
    differences = protocol.differences(params_.load(params_file))
    if not differences:
        raise click.ClickException(f"nothing to propose: the chain is as {params_file} says")
    _propose(protocol, differences, account, file, dry_run)


@cli.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@click.argument("role")
@click.argument("function")
@click.argument("arguments", nargs=-1)
@file_option
@dry_run_option
@ballast_command
def call(
    account: AccountAPI,
    manifest: Path | None,
    role: str,
    function: str,
    arguments: tuple[str, ...],
    file: Path | None,
    dry_run: bool,
) -> None:
    """Propose one call that no parameters file holds: FUNCTION of the contract that the record knows as ROLE.

    \b
    ape run timelock call market.ETH set_state 0 --network ethereum:mainnet:node --account proposer
    ape run timelock call oracle set_feed_off 2 no --network ethereum:mainnet:node --account proposer
    """
    protocol = connect(manifest).protocol
    if role not in protocol.contracts:
        raise click.ClickException(f"the record knows no {role!r}; it knows {', '.join(protocol.contracts)}")
    asked = Setting.parse(role, protocol.contracts[role], function, arguments)
    _propose(protocol, [asked], account, file, dry_run)


@cli.command(cls=ConnectedProviderCommand)
@manifest_option
@proposal_argument
@ballast_command
def show(manifest: Path | None, file: Path) -> None:
    """Say what the proposal in FILE would do, decoded from its calls, and how far it is.

    ape run timelock show deployments/proposals/1-5e71a9c0.json --network ethereum:mainnet:node
    """
    _print(connect(manifest).protocol, Proposal.load(file))


@cli.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@proposal_argument
@ballast_command
def execute(account: AccountAPI, manifest: Path | None, file: Path) -> None:
    """Do what the proposal in FILE says: by anyone, where no executor is named, once its delay is over.

    ape run timelock execute deployments/proposals/1-5e71a9c0.json --network ethereum:mainnet:node --account anyone
    """
    protocol, proposal = connect(manifest).protocol, Proposal.load(file)
    proposal.execute(protocol, account)
    _print(protocol, proposal)


@cli.command(cls=ConnectedProviderCommand)
@account_option()
@manifest_option
@proposal_argument
@ballast_command
def cancel(account: AccountAPI, manifest: Path | None, file: Path) -> None:
    """Withdraw the proposal in FILE before it is done.

    ape run timelock cancel deployments/proposals/1-5e71a9c0.json --network ethereum:mainnet:node --account proposer
    """
    protocol, proposal = connect(manifest).protocol, Proposal.load(file)
    proposal.cancel(protocol, account)
    _print(protocol, proposal)


def _propose(
    protocol: Protocol, settings: Iterable[Setting], account: AccountAPI, file: Path | None, dry_run: bool
) -> None:
    proposal = Proposal.of(protocol, settings)
    path = file or PROPOSALS / f"{protocol.chain.chain_id}-{proposal.id(protocol)[2:10]}.json"
    proposal.save(path)
    if not dry_run:
        proposal.schedule(protocol, account)
    _print(protocol, proposal)
    click.echo(f"written to {path}")


def _print(protocol: Protocol, proposal: Proposal) -> None:
    for line in proposal.describe(protocol):
        click.echo(f"  {line}")
    stage, ready_at = proposal.stage(protocol), proposal.ready_at(protocol)
    until = f", ready from {_when(at_time(ready_at))}" if stage in (Stage.WAITING, Stage.READY) else ""
    click.echo(f"proposal {proposal.id(protocol)}: {stage}{until}")


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
