"""Books of perpetuals: what they are worth, what they need, and what cuts and transfers do to them.

`Risk` is all that planning sees of a book: books of another kind join by giving the same figures for their columns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from ballast.model.vector.arrays import Flags, Floats, Index, by_market, pick
from ballast.model.vector.marks import Marks

DUST = 1e-9  # [USD] below it a balance is what rounding left
CENTS = 100  # [1/USD]


@dataclass(frozen=True)
class Risk:
    """Books as planning sees them; arrays are accounts × markets, those of markets' gates and rounds [M]."""

    listed: Flags  # there is such a book
    priced: Flags  # [M]
    equity: Floats  # [USD] 0 where there is no price
    maintenance: Floats  # [USD]
    initial: Floats  # [USD]
    sigma_loss: Floats  # [USD] 0 = no legs
    donor_floor: Floats  # [USD]
    exposure: Floats  # [USD] gross notional
    closing_cost: Floats  # [USD] what the pool would ask to take over the whole book now
    can_reduce: Flags  # [M]
    can_fill: Flags  # [M]
    can_tap: Flags  # [M]
    round: Floats  # [M]

    @property
    def z(self) -> Floats:
        """Distance to liquidation; +∞ without legs."""
        return distance(self.equity, self.maintenance, self.sigma_loss)

    @property
    def frozen(self) -> Flags:
        """[n] Whether a book of the account cannot be valued."""
        hidden: Flags = (self.listed & ~self.priced).any(axis=1)
        return hidden

    def pick(self, accounts: Index) -> Risk:
        """Of some accounts."""
        books = ("listed", "equity", "maintenance", "initial", "sigma_loss", "donor_floor", "exposure", "closing_cost")
        return replace(self, **{name: pick(getattr(self, name), accounts) for name in books})

    def cut(self, shares: Floats, costs: Floats) -> Risk:
        """After cuts of such shares, that cost so much [USD]: a book's needs are in proportion to it."""
        left = 1 - shares
        scaled = ("maintenance", "initial", "sigma_loss", "donor_floor", "exposure", "closing_cost")
        return replace(self, equity=self.equity - costs, **{name: getattr(self, name) * left for name in scaled})


@dataclass
class Books:
    """Accounts' books and cash: equity = base + size · (price − cumulative funding). Arrays are accounts × markets."""

    size: Floats  # [units] long if positive
    base: Floats  # [USD]
    net_deposit: Floats  # [USD] margin put in less margin taken out, in whole cents, at least 0
    lock: Floats  # [USD] of the account's cash: profit taken out of the book
    locked_at: Floats  # [s] when that last grew
    cash: Floats  # [A] [USD] free

    @classmethod
    def of(cls, size: ArrayLike, base: ArrayLike, cash: ArrayLike, net_deposit: ArrayLike | None = None) -> Books:
        """Copies, in the layout that is fast. Without `net_deposit` all that comes out of a book is profit."""
        sizes = by_market(size)
        deposit = np.zeros_like(sizes) if net_deposit is None else by_market(net_deposit)
        nothing, never = np.zeros_like(sizes), np.zeros_like(sizes)
        return cls(sizes, by_market(base), deposit, nothing, never, np.array(cash, dtype=np.float64))

    @classmethod
    def opened(cls, size: ArrayLike, margin: ArrayLike, cash: ArrayLike, marks: Marks) -> Books:
        """Books into which `margin` was put [USD], opened at the price of these marks."""
        books = cls.of(size, margin, cash, margin)
        books.base -= books.size * (marks.price - marks.funding)
        return books

    @property
    def locked(self) -> Floats:
        """[A] Cash that may not leave the account [USD]."""
        total: Floats = self.lock.sum(axis=1)
        return total

    def equity(self, marks: Marks, accounts: Index | None = None) -> Floats:
        """accounts × markets [USD], in markets without a price 0."""
        size, base = self._of(accounts)
        equity: Floats = size * (marks.price - marks.funding) + base
        return equity if marks.priced.all() else equity * marks.priced

    def risk(self, marks: Marks, accounts: Index | None = None) -> Risk:
        """Of all accounts, or of some."""
        size, base = self._of(accounts)
        exposure: Floats = np.abs(size) * marks.price
        return Risk(
            listed=(size != 0) | (base != 0),
            priced=marks.priced,
            equity=self.equity(marks, accounts),
            maintenance=exposure * marks.maintenance_rate,
            initial=exposure * marks.initial_rate,
            sigma_loss=exposure * marks.sigma_rate,
            donor_floor=exposure * marks.donor_floor_rate,
            exposure=exposure,
            closing_cost=exposure * marks.engine_rate,
            can_reduce=marks.can_reduce,
            can_fill=marks.can_fill,
            can_tap=marks.can_tap,
            round=marks.round,
        )

    def fill_costs(self, since: Floats, marks: Marks, accounts: Index) -> Floats:
        """What closing each whole book costs as asked for [USD]: at the worse of the present price and that of the
        first round since the request was due, `since` (accounts × markets, 0 where none came: +∞)."""
        size, _ = self._of(accounts)
        rate = marks.engine_rate
        bid, ask = np.minimum(since, marks.price) * (1 - rate), np.maximum(since, marks.price) * (1 + rate)
        cost: Floats = np.abs(size) * np.where(size < 0, ask - marks.price, marks.price - bid)
        return np.where(since > 0, cost, np.inf)

    def cut(self, accounts: Index, shares: Floats, costs: Floats, marks: Marks) -> None:
        """Close shares of books, which costs so much [USD]."""
        size, base = self._of(accounts)
        closed = size * shares
        self.size[accounts] = np.where(shares < 1, size - closed, 0.0)
        self.base[accounts] = base + closed * (marks.price - marks.funding) - costs

    def move(self, accounts: Index, transfers: Floats, rewards: Floats, now: float) -> Floats:
        """Margin into books or out of them, against cash; the rewards paid, out of cash that is not locked [USD].

        What is taken beyond net deposits is locked, unless the book ends with it.
        """
        size, base = self._of(accounts)
        base = base + transfers
        base = np.where((size == 0) & (np.abs(base) < DUST), 0.0, base)
        self.base[accounts] = base
        self._lock(accounts, transfers, (size == 0) & (base == 0), now)

        cash = self.cash[accounts] - transfers.sum(axis=1)
        paid: Floats = np.minimum(rewards, np.maximum(cash - pick(self.lock, accounts).sum(axis=1), 0))
        cash = cash - paid
        self.cash[accounts] = np.where(np.abs(cash) < DUST, 0.0, cash)
        return paid

    def _lock(self, accounts: Index, transfers: Floats, ended: Flags, now: float) -> None:
        deposit, taken = pick(self.net_deposit, accounts), np.maximum(-transfers, 0)
        beyond = np.maximum(taken - deposit, 0)
        left = np.maximum(deposit - taken, 0) + np.maximum(transfers, 0)
        self.net_deposit[accounts] = np.floor(left * CENTS + DUST) / CENTS
        grown = np.where(ended | (beyond < DUST), 0.0, beyond)
        self.lock[accounts] += grown
        self.locked_at[accounts] = np.where(grown > 0, now, pick(self.locked_at, accounts))

    def _of(self, accounts: Index | None) -> tuple[Floats, Floats]:
        if accounts is None:
            return self.size, self.base
        return pick(self.size, accounts), pick(self.base, accounts)


def distance(equity: Floats, maintenance: Floats, sigma_loss: Floats) -> Floats:
    """z = (e − mm) / b, +∞ where b = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        z: Floats = np.where(sigma_loss > 0, (equity - maintenance) / sigma_loss, np.inf)
    return z
