"""Losses that an account cannot bear, and who does: `Deficits.vy`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ballast.model.collateral import TreasuryRisk
from ballast.model.errors import require
from ballast.model.fixed_point import WAD
from ballast.model.liquidation import Liquidation
from ballast.model.market import POOL_BOOK, Market
from ballast.model.risk import BookRisk
from ballast.model.vault import Transfer

DUST = 10 * WAD
BURIAL = 7 * 86_400  # [s] of silence


@dataclass
class Notes:
    """Deficits that are known and nobody bears yet."""

    since: dict[tuple[int, int], int] = field(default_factory=dict)  # by account and market, 0 = its debt [s]


@dataclass(eq=False, repr=False)
class Deficits(Liquidation):
    """Who is below zero, and who pays."""

    _notes: Notes = field(default_factory=Notes, init=False)

    @property
    def insolvencies(self) -> int:
        """How many deficits are known that nobody bears yet."""
        return len(self._notes.since)

    @property
    def insolvent_debts(self) -> int:
        """How many of them are treasuries' debts."""
        return sum(market == 0 for _, market in self._notes.since)

    # Anyone

    def note(self, account: int, market: int, *, now: int) -> bool:
        """Make known that something is below zero, or no longer is."""
        if market == 0:
            _, risk = self._treasury(account, now)
            require(risk.complete, "liquidator: a price is missing")
            below = risk.equity < 0
        else:
            require(market in self.markets, "vault: unknown market")
            below = self.markets[market].book_risk(account, now).equity < 0
        self._note(account, market, below, now)
        return below

    def realise_deficit(self, account: int, market: int, orders: Sequence[int] = (), *, now: int) -> int:
        """End a book below zero; what was spread over others [wad]."""
        require(account != self.vault.pool_account, POOL_BOOK)
        with self._whole():
            venue = self._live_venue(market, now)
            require(venue.book_risk(account, now).equity < 0, "deficits: not below zero")
            risk = self._rescued_book(account, venue, orders, now)
            self._note(account, market, False, now)
            return 0 if risk.equity >= 0 else self._absorb(account, venue, risk, now)

    def realise_debt(self, account: int, orders: Sequence[int] = (), *, now: int) -> int:
        """End the debt of an account without collateral; what the lenders bear [wad]."""
        with self._whole():
            require(self._treasury(account, now)[1].equity < 0, "deficits: not below zero")
            since = self._notes.since.get((account, 0))
            treasury, risk = self._rescued_treasury(account, orders, since, now)
            if not self._counts(account, risk, since, now):
                self._note(account, 0, risk.equity < 0, now)
                return 0
            self._note(account, 0, False, now)
            if risk.equity >= 0:
                return 0
            self._sweep(account, treasury.cash, risk, now)
            self._close_books(account, treasury.books, now)
            debt = self._debt(account, now)
            paid = self._covered(account, 0, debt, now) if debt else 0
            return self.vault.write_off(self, account, now=now) if paid < debt else 0

    def close_pool(self, market: int, *, now: int) -> int:
        """Close the pool's book, which is below zero; what was spread over others [wad]."""
        with self._whole():
            pool, venue = self.vault.pool_account, self._live_venue(market, now)
            require(venue.book_risk(pool, now).equity < 0, "deficits: not below zero")
            self._rescued_book(pool, venue, (), now)
            self._keep_pool(venue, now)
            risk = venue.book_risk(pool, now)
            self._note(pool, market, False, now)
            if risk.equity >= 0 or self._insured(pool, venue, risk, now) == -risk.equity:
                return 0
            return venue.close_pool(now)

    # Internal

    def _records(self) -> list[object]:
        return [self._notes]

    def _note(self, account: int, market: int, below: bool, now: int) -> None:
        if below:
            self._notes.since.setdefault((account, market), now)
        else:
            self._notes.since.pop((account, market), None)

    def _insured(self, account: int, venue: Market, risk: BookRisk, now: int) -> int:
        self._check_final(risk)
        return self._covered(account, venue.id, -risk.equity, now)

    def _covered(self, account: int, market: int, deficit: int, now: int) -> int:
        granted = self.fund.draw(self, market, deficit, now=now)
        if granted:
            self.vault.cover_deficit(self, account, market, granted, now=now)
        return granted

    def _absorb(self, account: int, venue: Market, risk: BookRisk, now: int) -> int:
        if risk.equity < 0:
            self._insured(account, venue, risk, now)
        spread = self.vault.absorb_book(self, account, venue.id, now=now)
        self._keep_pool(venue, now)
        return spread

    def _keep_pool(self, venue: Market, now: int) -> None:
        risk = venue.book_risk(self.vault.pool_account, now)
        if risk.equity < risk.initial:
            self.vault.top_up_pool(self, venue.id, risk.initial - risk.equity, now=now)

    def _debt(self, account: int, now: int) -> int:
        return max(-self.vault.treasury(account, now).cash, 0)

    def _sweep(self, account: int, cash: int, risk: TreasuryRisk, now: int) -> None:
        worth, silent = self.collateral.unpriced(account, now)
        left = risk.equity - cash + (worth if silent < BURIAL else 0)
        for index, amount in enumerate(self.vault.collateral_of(account)):
            if amount:
                require(left < DUST, "deficits: collateral is left")
                self.vault.seize_collateral(self, account, self.fund.account, self, index, amount, 0, 0, now=now)

    def _close_books(self, account: int, books: Sequence[int], now: int) -> None:
        for slot, market in enumerate(books):
            if market and self._debt(account, now):
                venue = self._live_venue(market, now)
                risk = venue.book_risk(account, now)
                self._check_final(risk)
                self._absorb(account, venue, risk, now)
                left = venue.book_risk(account, now).equity
                if left:
                    self.vault.transfer_margin(self, account, [Transfer(slot, -left)], now=now)
