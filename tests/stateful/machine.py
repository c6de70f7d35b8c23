"""Random histories of the whole protocol: what anyone may do, in any order, on any prices.

After every step the chain equals the model to the wei, and the invariants of docs/mathematics.md hold.
"""

from __future__ import annotations

from typing import Any

from hypothesis.stateful import initialize, invariant

from ballast.model.errors import Rejected
from tests.stateful.rules.collusion import Collusion
from tests.stateful.rules.engine import Engine
from tests.stateful.rules.powers import Powers
from tests.stateful.rules.shares import PoolShares


class Protocol(Collusion, Engine, PoolShares, Powers):
    """All rules, and what always holds."""

    steps = 0  # over all examples of the process

    @initialize()
    def begin(self) -> None:
        assert not self.differences(), "the model does not start where the chain does"

    @invariant()
    def chain_equals_model(self) -> None:
        Protocol.steps += 1
        differences = self.differences()
        assert not differences, "\n".join(differences)

    def differences(self) -> list[str]:
        return self.twins.differences(self.model)

    @invariant()
    def custody_covers_what_is_owed(self) -> None:
        """§7.1, SOL-1: per token, what is owed = custody, donations aside."""
        vault = self.protocol.vault.address
        held = int(self.protocol.token.balanceOf(vault)) - self.donated
        assert held == self.model.vault.custody
        assert self.model.vault.owed() == held * self.model.vault.scale
        for index, each in enumerate(self.model.vault.collateral):
            held = int(self.protocol.collateral[str(each.token)].balanceOf(vault))
            assert held * each.scale == each.custody * each.scale == each.total
            assert each.total == sum(self.model.vault.collateral_of(account)[index] for account in self.twins.accounts)

    @invariant()
    def sizes_add_up_to_zero(self) -> None:
        """§7.2, SOL-3: Σ sizes = 0; Σ base = the market's balance; Σ equity is that less dust."""
        for id_, market in self.model.markets.items():
            books = market.books
            balance = self.model.vault.markets[id_].balance
            assert sum(book.size for book in books.values()) == 0
            assert sum(book.base for book in books.values()) == balance >= 0
            try:
                equities = [market.book_risk(account, self.now).equity for account in books]
            except Rejected:
                continue
            assert 0 <= balance - sum(equities) <= len(equities)

    @invariant()
    def cash_is_never_negative(self) -> None:
        """§7.7: nobody can take out more than there is."""
        for account in [1, 2, 3, *self.twins.accounts]:
            treasury = self.model.vault.treasury(account)
            assert treasury.cash >= 0 and treasury.escrow >= 0 and treasury.locked >= 0

    @invariant()
    def shares_are_backed(self) -> None:
        """RND-2: shares add up to the supply; what waits and what is owed lies in accounts of its own."""
        shares, vault = self.model.shares, self.model.vault
        assert sum(shares.balances.values()) == shares.supply
        waiting = sum(each.amount for each in shares.requests.values() if each.status == 1 and not each.is_exit)
        assert vault.treasury(shares.entry_account).cash == waiting * vault.scale
        owed: Any = sum(line.owed for line in shares.exits.values())
        assert vault.treasury(shares.exit_account).cash == owed * vault.scale
