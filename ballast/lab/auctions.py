"""Auctions of many accounts at once: the prices of `ballast.model.auction`, bidders who wait until a bid pays.

What is sold is a lot: a book with its margin, or under one margin for all, the whole account. Lots are arrays
accounts × L, with L = M or 1. A bidder closes elsewhere what he bought, for what the pool would ask of an engine.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ballast.lab import deficits
from ballast.lab.outcome import Floats
from ballast.lab.world import World
from ballast.model.auction import (
    LAPSE,
    MAX_DISCOUNT,
    PENALTY_SHARE,
    POOL_TIME,
    RAMP,
    RESUME,
    SMALL_LOT,
    TARGET_DISTANCE,
)
from ballast.model.fixed_point import WAD
from ballast.model.pool import LATENCY, SIGMAS, YEAR
from ballast.model.vector.arrays import Flags, Index, pick
from ballast.model.vector.books import Risk

BLOCK = 12  # [s]
BID_GAS = 320_000  # of a bid, the rescue before it included

_NEVER = np.inf
_MOST_DISCOUNT, _SHARE = MAX_DISCOUNT / WAD, PENALTY_SHARE / WAD
_TARGET, _SMALL = TARGET_DISTANCE / WAD, SMALL_LOT / WAD

Rescue = Callable[[World, Index], None]
Lots = tuple[Index, Index]  # accounts, and which of their lots


class Auctions:
    """Auctions that are on, and those that were within the hour."""

    def __init__(self, world: World, whole: bool, rescue: Rescue) -> None:
        self._world, self._whole, self._rescue = world, whole, rescue
        shape = (world.accounts, 1 if whole else world.markets)
        self._origin = np.full(shape, _NEVER)  # [s] when its age was 0; +∞ where none is on
        self._ended = np.full(shape, -_NEVER)  # [s]
        self._age = np.zeros(shape)  # [s] at its end
        self._bid_at = np.full(shape, _NEVER)  # [s] the next bid, if nothing is published before

        self._any = False  # auction on

    @property
    def next_bid(self) -> float:
        """When somebody bids next [s]."""
        return float(self._bid_at.min()) if self._any else _NEVER

    def calling(self, risk: Risk) -> Index:
        """Accounts that somebody would look at: a lot is short and not for sale, below zero, or safe again."""
        equity, maintenance, sigma_loss = self._figures(risk, None)
        rows = np.flatnonzero((equity < maintenance).any(axis=1))
        if self._any:
            rows = np.union1d(rows, np.flatnonzero(np.isfinite(self._origin).any(axis=1)))
        if not len(rows):
            return rows
        equity, maintenance, sigma_loss = (pick(each, rows) for each in (equity, maintenance, sigma_loss))
        on = np.isfinite(self._origin[rows])
        short = (equity < maintenance) & (~on | (equity < 0)) & (maintenance > 0)
        calling: Index = rows[(short | on & (equity >= maintenance + sigma_loss)).any(axis=1)]
        return calling

    def look(self, accounts: Index) -> None:
        """Somebody looks at accounts with short lots: a rescue first, then deficits are realised, auctions opened."""
        world = self._world
        self._rescue(world, accounts)
        risk = world.risk(accounts)
        equity, maintenance, sigma_loss = self._figures(risk, accounts)
        short = (equity < maintenance) & (maintenance > 0)
        on = np.isfinite(self._origin[accounts])
        safe = on & (equity >= maintenance + sigma_loss)
        self._end(self._at(accounts, safe))
        below = short & (equity < 0) & self._final(risk)
        self._end(self._at(accounts, below & on))
        self._open(self._at(accounts, short & (equity >= 0) & ~on))
        lots = self._at(accounts, below)
        for some in _each_once(lots[0]):
            deficits.absorb(world, lots[0][some], self._books((lots[0][some], lots[1][some])), self._whole)

    def plan_bids(self, until: float) -> None:
        """Prices or lots have changed: when each lot that is on will be bid for, if that is before `until`."""
        if not self._any:
            return
        world = self._world
        self._bid_at[:] = _NEVER
        lapsed = world.now > self._origin + LAPSE
        self._origin[lapsed] = _NEVER
        rows, columns = np.nonzero(np.isfinite(self._origin))
        lots, self._any = (rows, columns), len(rows) > 0
        blocks = int(min(until - world.now, POOL_TIME + BLOCK) // BLOCK)
        if not len(rows) or blocks < 1:
            return
        times = world.now + BLOCK * np.arange(1, blocks + 1)
        pays = self._pays(lots, times)
        first = pays.argmax(axis=1)
        self._bid_at[lots] = np.where(pays.any(axis=1), times[first], _NEVER)

    def bid(self) -> None:
        """Whoever waited for this moment bids."""
        world = self._world
        rows, columns = np.nonzero(self._bid_at <= world.now)
        self._bid_at[rows, columns] = _NEVER
        self._rescue(world, np.unique(rows))
        risk = world.risk(rows)
        equity, maintenance, sigma_loss = (
            figures[np.arange(len(rows)), columns] for figures in self._figures(risk, rows)
        )
        cured = equity >= maintenance
        self._end((rows[cured], columns[cured]))
        left = np.flatnonzero(~cured)
        pays = left[self._pays((rows[left], columns[left]), np.array([world.now]))[:, 0]]
        if len(pays):
            needs = maintenance[pays] + _TARGET * sigma_loss[pays]
            self._sell((rows[pays], columns[pays]), risk.pick(pays), equity[pays], needs)

    # Internal

    def _figures(self, risk: Risk, accounts: Index | None) -> tuple[Floats, Floats, Floats]:
        """Equity, maintenance and sigma-loss of lots; an account with a market that has no price is no lot."""
        if not self._whole:
            return risk.equity, risk.maintenance, risk.sigma_loss
        cash = self._world.books.cash if accounts is None else self._world.books.cash[accounts]
        visible = ~risk.frozen
        equity = risk.equity.sum(axis=1) + cash
        lots = (equity, risk.maintenance.sum(axis=1) * visible, risk.sigma_loss.sum(axis=1))
        return lots[0][:, None], lots[1][:, None], lots[2][:, None]

    def _final(self, risk: Risk) -> Flags:
        """Whether a lot below zero may be ended: where the engine may fill it, or could not help it anyway."""
        return np.array([[True]]) if self._whole else risk.can_fill[None, :]

    def _books(self, lots: Lots) -> Flags:
        """[n, M] the books of each lot."""
        if self._whole:
            return np.ones((len(lots[0]), self._world.markets), dtype=np.bool_)
        books: Flags = np.arange(self._world.markets) == lots[1][:, None]
        return books

    @staticmethod
    def _at(accounts: Index, chosen: Flags) -> Lots:
        rows, columns = np.nonzero(chosen)
        return accounts[rows], columns

    def _open(self, lots: Lots) -> None:
        now = self._world.now
        resumed = now <= self._ended[lots] + RESUME
        self._origin[lots] = now - np.where(resumed, self._age[lots], 0.0)
        self._any |= len(lots[0]) > 0

    def _end(self, lots: Lots) -> None:
        now = self._world.now
        self._age[lots] = now - self._origin[lots]
        self._ended[lots] = now
        self._origin[lots], self._bid_at[lots] = _NEVER, _NEVER

    def _discount(self, age: Floats) -> Floats:
        return _MOST_DISCOUNT * np.minimum(age, RAMP) / RAMP

    def _rates(self, times: Floats) -> Floats:
        """[T, M] the pool's half-spread for an engine at each of the times."""
        marks = self._world.marks
        age = np.maximum(times[:, None] - marks.updated_at + LATENCY, 0) / YEAR
        rates: Floats = marks.spread + np.minimum(marks.deviation, SIGMAS * marks.fast_volatility * np.sqrt(age))
        return rates

    def _pays(self, lots: Lots, times: Floats) -> Flags:
        """[n, T] whether a bid for each lot pays at each of the times."""
        world = self._world
        risk = world.risk(lots[0])
        at = np.arange(len(lots[0])), lots[1]
        equity, maintenance, sigma_loss = (figures[at][:, None] for figures in self._figures(risk, lots[0]))
        exposure = np.where(self._books(lots), risk.exposure, 0.0)
        age = times[None, :] - self._origin[lots][:, None]
        discount = self._discount(age)
        fraction = self._fraction(equity, maintenance + _TARGET * sigma_loss, exposure.sum(axis=1)[:, None], discount)
        gain = (1 - _SHARE) * discount * equity
        cost = exposure @ self._rates(times).T + world.settings.profit * exposure.sum(axis=1)[:, None]
        pays: Flags = (fraction * (gain - cost) >= BID_GAS * world.gas_price) | (age >= POOL_TIME)
        return pays & (equity > 0) & (equity < maintenance)

    @staticmethod
    def _fraction(equity: Floats, needs: Floats, exposure: Floats, discount: Floats) -> Floats:
        """Most of a lot that may be sold: `auction.book_limit`."""
        limit = np.minimum((needs - equity) / np.maximum(needs - discount * equity, 1e-12), 1.0)
        return np.where(exposure * (1 - limit) < _SMALL, 1.0, limit)

    def _sell(self, lots: Lots, risk: Risk, equity: Floats, needs: Floats) -> None:
        """Sell what restores each lot, to a bidder or, where nobody wanted it in time, to the pool."""
        world, accounts = self._world, lots[0]
        books = self._books(lots)
        age = world.now - self._origin[lots]
        discount = self._discount(age)
        exposures = np.where(books, risk.exposure, 0.0)
        exposure = exposures.sum(axis=1)
        fraction = self._fraction(equity, needs, exposure, discount)
        penalty = fraction * discount * equity
        spread = fraction * (exposures @ self._rates(np.array([world.now]))[0])
        wanted = age < POOL_TIME
        world.insurance.cash += float(_SHARE * penalty.sum())
        world.bidders += float(np.where(wanted, (1 - _SHARE) * penalty - spread, 0.0).sum())
        world.traders += float(np.where(wanted, spread, 0.0).sum())
        world.pool += float(np.where(wanted, 0.0, (1 - _SHARE) * penalty).sum())
        sold = np.where(books, pick(world.books.size, accounts) * fraction[:, None], 0.0)
        world.others += np.where(wanted[:, None], sold, 0.0).sum(axis=0)
        self._end(lots)
        for account in _each_once(accounts):
            self._hand_over(accounts[account], books[account], fraction[account], discount[account], penalty[account])
        world.refresh()

    def _hand_over(self, accounts: Index, books: Flags, fraction: Floats, discount: Floats, penalty: Floats) -> None:
        """Reduce the books of lots of different accounts, and their margin by the discount on what went."""
        world = self._world
        held, cash = world.books, world.books.cash[accounts]
        marks, size = world.marks, pick(held.size, accounts)
        equity = pick(held.base, accounts) + size * (marks.price - marks.funding)
        left = np.where(books, size * (1 - fraction)[:, None], size)
        left = np.where(books & (fraction >= 1)[:, None], 0.0, left)
        lost = (fraction * discount)[:, None]
        world.liquidated[accounts] |= books & (size != 0)
        margin = np.where(books, equity * (1 - lost), equity)
        if self._whole:
            cash = cash * (1 - fraction * discount)
        freed = np.where(books & (left == 0), margin, 0.0)
        held.size[accounts] = left
        held.base[accounts] = margin - freed - left * (marks.price - marks.funding)
        held.cash[accounts] = cash + freed.sum(axis=1)
        world.ledger.penalties[accounts] += penalty


def _each_once(accounts: Index) -> list[Index]:
    """Positions of the accounts, split so that none appears twice in a part."""
    order = np.argsort(accounts, kind="stable")
    ordered = accounts[order]
    turn = np.arange(len(accounts)) - np.searchsorted(ordered, ordered)
    return [np.sort(order[turn == number]) for number in range(int(turn.max()) + 1)] if len(accounts) else []
