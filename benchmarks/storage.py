"""Copy an account's storage to others: a thousand accounts with books take seconds, not an hour of trades.

Their books have no counterparty, so nothing but reading makes sense afterwards.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from eth_utils import keccak

from ballast.chain import Contract
from ballast.chain.web3 import Web3Chain
from ballast.deploy import Protocol

ROOT = Path(__file__).parent.parent


def copy_books(protocol: Protocol, source: int, targets: Iterable[int]) -> None:
    """Give every target account the source's cash, list of books, and books."""
    chain = protocol.chain
    assert isinstance(chain, Web3Chain)
    words = [(protocol.vault, _slot("Vault", "_accounts"))]
    words += [(market, _slot("DerivativesMarket", "_books")) for market in protocol.markets.values()]
    values = [(of, slot, _read(chain, of, slot, source)) for of, slot in words]
    for target in targets:
        for of, slot, value in values:
            if int(value, 16):
                chain.rpc("anvil_setStorageAt", of.address, _key(slot, target), value)


def _slot(contract: str, variable: str) -> int:
    """Where the compiler put a storage variable, the contract's own or that of one of its modules."""
    command = [sys.executable, "-m", "vyper", "-p", str(ROOT), "-f", "layout", str(ROOT / f"contracts/{contract}.vy")]
    layout = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["storage_layout"]
    parts = [layout, *(part for part in layout.values() if "slot" not in part)]
    (found,) = (int(part[variable]["slot"]) for part in parts if variable in part)
    return found


def _key(slot: int, account: int) -> str:
    """Slot of a map's entry: the hash of the map's slot and the key."""
    return "0x" + keccak(slot.to_bytes(32, "big") + account.to_bytes(32, "big")).hex()


def _read(chain: Web3Chain, of: Contract, slot: int, account: int) -> str:
    return str(chain.rpc("eth_getStorageAt", of.address, _key(slot, account), "latest"))
