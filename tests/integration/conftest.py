"""The protocol on Anvil through Ape: in the provider of `ape test`, or by `ape run` against a node of our own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account as Keys

from ballast.chain.anvil import Anvil, anvil
from ballast.chain.web3 import Web3Chain

ROOT = Path(__file__).parents[2]
SECONDS = 120  # one command
KEY, PASSPHRASE = "0x" + "5e" * 32, "not a secret"


@pytest.fixture(scope="module")
def node() -> Iterator[Anvil]:
    """An Anvil of the test's own, which stands for mainnet."""
    with anvil(chain_id=1) as running:
        yield running


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("deployments") / "mainnet.json"


@pytest.fixture(scope="module")
def ape(node: Anvil, manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """`ape("account", "show", "2")`: what that command says, run as a user runs it; it must succeed."""
    data = tmp_path_factory.mktemp("ape")

    def run(*args: str, signer: str | None = None, fails: bool = False, url: str = node.url, **env: str) -> str:
        options = ["--network", "ethereum:mainnet:node", "--manifest", str(manifest)]
        options += ["--account", signer] if signer else []
        words = list(args)
        at = words.index("--") if "--" in words else len(words)
        done = subprocess.run(
            ["ape", "run", *words[:at], *options, *words[at:]],
            cwd=ROOT,
            env=os.environ | {"BALLAST_MAINNET": url, "APE_DATA_FOLDER": str(data)} | env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        said = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, said
        return said

    run.data = data  # type: ignore[attr-defined]  # Ape's folder, for its accounts
    return run


@pytest.fixture(scope="module")
def deployer(node: Anvil, ape: Callable[..., str]) -> dict[str, str]:
    """A keyfile account with a little ether: what makes a command sign with it."""
    folder: Path = ape.data / "accounts"  # type: ignore[attr-defined]
    folder.mkdir()
    (folder / "deployer.json").write_text(json.dumps(Keys.encrypt(KEY, PASSPHRASE, iterations=2)))
    Web3Chain(node.url).rpc("anvil_setBalance", Keys.from_key(KEY).address, hex(10**21))
    return {"signer": "deployer", "APE_ACCOUNTS_deployer_PASSPHRASE": PASSPHRASE}


@pytest.fixture(scope="module")
def deployed(ape: Callable[..., str], deployer: dict[str, str], manifest: Path) -> tuple[str, dict[str, Any]]:
    """What the command of deployment said and recorded."""
    return ape("deploy", **deployer), json.loads(manifest.read_text())
