"""The protocol on Anvil through Ape: in the provider of `ape test`, or by `ape run` against a node of our own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ballast.chain.anvil import Anvil, anvil

ROOT = Path(__file__).parents[2]
SECONDS = 120  # one command


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
