"""An Anvil of one's own: on a free port, stopped by its process id."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from time import monotonic, sleep
from typing import TypeVar

from ballast.chain.abi import ROOT
from ballast.chain.base import NodeError
from ballast.chain.web3 import Web3Chain

_LISTENING = re.compile(r"Listening on (127\.0\.0\.1:\d+)")
_START_SECONDS = 30

Kind = TypeVar("Kind", bound=Web3Chain)


@dataclass(frozen=True)
class Anvil:
    """A running node."""

    url: str
    pid: int

    def chain(self, kind: type[Kind] = Web3Chain) -> Kind:  # type: ignore[assignment]
        """The node as a chain on which time stands still until it is moved."""
        chain = kind(self.url)
        chain.freeze()
        if chain.block == 0:
            chain.rpc("evm_mine")  # calls on block 0 would see time 1
        return chain


def anvil_path() -> str:
    """The Anvil that npm installed, else the one on the PATH."""
    local = ROOT / "node_modules" / ".bin" / "anvil"
    found = str(local) if local.exists() else shutil.which("anvil")
    if found is None:
        raise NodeError("anvil is not installed: run `make setup`, or put an anvil on the PATH")
    return found


@contextmanager
def anvil(
    port: int | None = None,
    fork: str | None = None,
    chain_id: int | None = None,
    timestamp: int | None = None,
    history: bool = True,
) -> Iterator[Anvil]:
    """Start Anvil on a free port (or `port`) of 127.0.0.1; stop it at the end.

    `fork` is the URL of the node to fork, `timestamp` the first block's time [s]; without `history` the node keeps
    no old states, which saves memory in long runs.
    """
    command = [anvil_path(), "--host", "127.0.0.1", "--port", str(port or 0), "--accounts", "20"]
    command += ["--balance", "1000000", "--hardfork", "cancun"]
    command += ["--fork-url", fork, "--no-rate-limit"] if fork else []
    command += ["--chain-id", str(chain_id)] if chain_id else []
    command += ["--timestamp", str(timestamp)] if timestamp else []
    command += [] if history else ["--prune-history", "100"]
    with NamedTemporaryFile("w", prefix="ballast-anvil-", suffix=".log") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            yield Anvil(_url(process, Path(log.name)), process.pid)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    """Wait for the node to say where it listens."""
    deadline = monotonic() + _START_SECONDS
    while monotonic() < deadline:
        if match := _LISTENING.search(log.read_text(errors="replace")):
            return f"http://{match[1]}"
        if process.poll() is not None:
            break
        sleep(0.05)
    raise NodeError("anvil did not start: " + (log.read_text(errors="replace").strip()[-300:] or "it said nothing"))
