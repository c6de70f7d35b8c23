"""What the vault holds against what it owes, asked after every transaction that could have changed either."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ballast.chain import Contract
from ballast.chain.web3 import Web3Chain


class WatchedChain(Web3Chain):
    """Whoever watches has his turn after each transaction, before anything else happens."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.watch: Callable[[], None] = lambda: None

    def send(self, *args: Any, **kwargs: Any) -> Any:
        result = super().send(*args, **kwargs)
        self.watch()
        return result


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
