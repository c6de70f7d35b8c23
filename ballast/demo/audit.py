"""What the vault holds against what it owes, asked after every transaction that could have changed either."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ballast.chain import Contract, Receipt, Sender, address_of
from ballast.chain.web3 import Web3Chain

MAX_TIP = 2 * 10**9  # [wei] a unit of gas

Watch = Callable[[str, bytes, str, Receipt], None]  # to, calldata, sender, receipt


class WatchedChain(Web3Chain):
    """Whoever watches has his turn after each transaction, before anything else happens."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.watch: Watch = lambda *_: None

    def send(self, to: str, data: bytes, *, sender: Sender, **kwargs: Any) -> tuple[Receipt, bytes]:
        receipt, returned = super().send(to, data, sender=sender, **kwargs)
        self.watch(to, data, address_of(sender), receipt)
        return receipt, returned

    def gas_price(self, receipt: Receipt) -> int:
        """What the transaction paid, its tip at most that of a keeper's reward [wei]."""
        base_fee = int(self.rpc("eth_getBlockByNumber", hex(receipt.block), False)["baseFeePerGas"], 16)
        paid = int(self.rpc("eth_getTransactionByHash", receipt.hash)["gasPrice"], 16)
        return min(max(paid, base_fee), base_fee + MAX_TIP)


@dataclass
class Audit:
    """SOL-1, over a whole run: for every token, custody covers what is owed. Rounds of the feeds move no money and are
    not counted."""

    auditor: Contract  # `contracts/mocks/Auditor.vy`
    claimants: Sequence[str]
    blocks: int = 0
    short_wei: int = 0  # most that custody ever fell short by, over all tokens [wad]

    def look(self) -> None:
        """Compare, token by token."""
        self.blocks += 1
        for balance in self.auditor.balances(self.claimants):
            self.short_wei = max(self.short_wei, balance.owed - balance.held)
