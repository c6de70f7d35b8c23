"""Random histories of the whole protocol: what anyone may do, in any order, on any prices.

After every step the chain equals the model to the wei, and the invariants of docs/mathematics.md hold.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis.stateful import initialize, invariant

from ballast.model.errors import Rejected
from ballast.params import WAD
from tests.stateful.rules.collusion import Collusion
from tests.stateful.rules.engine import Engine
from tests.stateful.rules.liquidation import Liquidation
from tests.stateful.rules.shares import PoolShares

WITHIN_A_STEP = 4  # times as large as between steps


class Protocol(Collusion, Engine, PoolShares, Liquidation):
    """All rules, and what always holds."""

    steps = 0  # over all examples of the process

    def __init__(self) -> None:
        super().__init__()
        self.index = 0  # [wad] of debt, last seen
        self.widest: Counter[int] = Counter()  # by market: most units that all sizes have added up to
        self.losses: Counter[int] = Counter()  # by market: how often a side bore one, last seen
        self.dust: Counter[int] = Counter()  # by market: most that this kept of sizes [wei], nobody's since
        self.worth: Counter[int] = Counter()  # and of margin, that dust at its price included [wei]

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
        vault, accounts = self.protocol.vault.address, self.model.vault.accounts
        held = int(self.protocol.token.balanceOf(vault)) - self.donated
        assert held == self.model.vault.custody
        assert self.model.vault.owed() == held * self.model.vault.scale
        for index, each in enumerate(self.model.vault.collateral):
            held = int(self.protocol.collateral[str(each.token)].balanceOf(vault))
            assert held * each.scale == each.custody * each.scale == each.total
            assert each.total == sum(self.model.vault.collateral_of(account)[index] for account in accounts)

    @invariant()
    def sizes_add_up_to_zero(self) -> None:
        """§7.2, SOL-3, BDT-3: Σ sizes = 0, Σ base = the balance, Σ equity = the balance; less dust, where losses were
        spread: a wei a book and unit that bore one, and what the dust of sizes is worth."""
        for id_, market in self.model.markets.items():
            books = [market.book(account) for account in market.books]
            balance, unheld = self.model.vault.markets[id_].balance, -sum(book.size for book in books)
            self.widest[id_] = max(self.widest[id_], sum(abs(book.size) for book in books) // WAD)
            self.count_dust(id_, len(books))
            assert 0 <= unheld <= self.dust[id_]
            assert 0 <= balance - sum(book.base for book in books) <= self.worth[id_] and balance >= 0
            try:
                equities = [risk.equity for risk in market.book_risks(list(market.books), self.now)]
                worth = market.feed.quote(self.now).price - market.funding(self.now)[0]
            except Rejected:
                continue
            assert 0 <= balance - sum(equities) <= len(equities) + self.worth[id_] + unheld * worth // WAD

    def count_dust(self, market: int, books: int) -> None:
        """What the losses since last time may have left, at the highest price there was; books may have been larger in
        the midst of a step than before or after it."""
        venue, feed = self.model.markets[market], self.feed(market)
        if grown := venue.losses.count - self.losses[market]:
            dust = grown * (books + WITHIN_A_STEP * self.widest[market])
            highest = feed.scaled(max(told.answer for told in feed.aggregators[-1])) * 10**6
            self.losses[market] += grown
            self.dust[market] += dust
            self.worth[market] += dust + dust * highest // WAD

    @invariant()
    def only_collateral_allows_debt(self) -> None:
        """§7.7: nobody can take out more than there is, but for a loan; nothing locked is ever lent against."""
        for account, state in self.model.vault.accounts.items():
            assert state.cash >= 0 and state.escrow >= 0 and state.locked >= 0
            assert state.shares == 0 or (account in self.twins.accounts and state.cash == 0)

    @invariant()
    def debt_is_what_was_lent(self) -> None:
        """SOL-3, ACC-2, ACC-6, BDT-4: debt shares add up; what is lent came out of idle cash; the index never falls."""
        credit, vault = self.model.credit, self.model.vault
        debt = credit.accrued(self.now)
        assert sum(state.shares for state in vault.accounts.values()) == debt.shares
        owed = sum(-min(0, vault.treasury(account, self.now).cash) for account in self.twins.accounts)
        assert 0 <= owed - debt.worth <= len(self.twins.accounts)
        assert debt.index >= self.index and credit.idle >= 0
        self.twins.seen["interest"] += debt.index > self.index > 0 < debt.shares
        assert sum(credit.balances.values()) == credit.supply
        self.index = debt.index
        claims = sum(credit.claimable.values()) * vault.scale
        assert vault.treasury(credit.exit_account).cash == claims

    @invariant()
    def insurance_is_its_cash(self) -> None:
        """BDT-4: never negative, shares add up, and no more is drawable than there is."""
        fund = self.model.insurance
        assert fund.net_assets >= 0 and sum(fund.balances.values()) == fund.supply
        assert all(0 <= fund.drawable(market, self.now) <= fund.net_assets for market in (0, *self.twins.names))

    @invariant()
    def shares_are_backed(self) -> None:
        """RND-2: shares add up to the supply; what waits and what is owed lies in accounts of its own."""
        shares, vault = self.model.shares, self.model.vault
        assert sum(shares.balances.values()) == shares.supply
        waiting = sum(each.amount for each in shares.requests.values() if each.status == 1 and not each.is_exit)
        assert vault.treasury(shares.entry_account).cash == waiting * vault.scale
        owed: Any = sum(line.owed for line in shares.exits.values())
        assert vault.treasury(shares.exit_account).cash == owed * vault.scale
