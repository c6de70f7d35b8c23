"""Auctions of many accounts at once: the prices of `ballast.model.auction`, bidders who wait until a bid pays.

What is sold is a lot: a book with its margin, or under one margin for all, the whole account. Lots are arrays
accounts × L, with L = M or 1. A bidder closes elsewhere what he bought, for what the pool would ask of an engine.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ballast.lab import deficits
from ballast.lab.outcome import Floats
from ballast.lab.rules import Rule
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

Lots = tuple[Index, Index]  # accounts, and which of their lots


class _Needs(NamedTuple):
    """Of lots [USD]; an account with a market that has no price is no lot."""

    equity: Floats
    maintenance: Floats
    sigma_loss: Floats
    priced: Flags
    final: Flags  # whether the engine may fill it, or there is none: else one below zero is not ended

    @property
    def short(self) -> Flags:
        return self.priced & (self.equity < self.maintenance)

    @property
    def below(self) -> Flags:
        """To be ended, and what it lacks borne by others."""
        return self.short & self.final & (self.equity < 0)

    @property
    def safe(self) -> Flags:
        return self.priced & (self.equity >= self.maintenance + self.sigma_loss)

    @property
    def restored(self) -> Floats:
        """What a sale aims at."""
        return self.maintenance + _TARGET * self.sigma_loss

    def at(self, places: tuple[Index, ...]) -> _Needs:
        """Of some of them."""
        amounts = self.equity[places], self.maintenance[places], self.sigma_loss[places]
        return _Needs(*amounts, self.priced[places], self.final[places])


class Auctions:
    """Auctions that are on, and those that were within the hour."""

    def __init__(self, world: World, rule: Rule) -> None:
        self._world, self._rule, self._whole = world, rule, rule.whole
        shape = (world.accounts, 1 if self._whole else world.markets)
        self._origin = np.full(shape, _NEVER)  # [s] of its clock when its age was 0; +∞ where none is on
        self._ended = np.full(shape, -_NEVER)  # [s]
        self._age = np.zeros(shape)  # [s] at its end
        self._bid_at = np.full(shape, _NEVER)  # [s] the next bid, if nothing is published before
        self._offered = np.zeros((world.accounts, world.markets))  # [units] what was put up for sale
        self._any = False  # auction on

    @property
    def next_bid(self) -> float:
        """When somebody bids next [s]."""
        return float(self._bid_at.min()) if self._any else _NEVER

    def calling(self, risk: Risk) -> Index:
        """Accounts that somebody would look at: a lot is short and not for sale as it is, below zero, or safe again."""
        needs = self._needs(risk, None)
        rows = np.flatnonzero(needs.short.any(axis=1))
        if self._any:
            rows = np.union1d(rows, np.flatnonzero(np.isfinite(self._origin).any(axis=1)))
        if not len(rows):
            return rows
        needs = needs.at((rows,))
        calls = self._to_open(rows, needs) | needs.below | needs.safe & np.isfinite(self._origin[rows])
        calling: Index = rows[calls.any(axis=1)]
        return calling

    def traded(self, accounts: Index) -> Index:
        """Whose lots for sale are not what was put up: nobody may bid before they are put up again."""
        if not self._any:
            return accounts[:0]
        changed: Index = accounts[self._traded(accounts).any(axis=1)]
        return changed

    def look(self, accounts: Index) -> None:
        """Somebody looks at accounts: where lots are short a rescue first; then deficits are realised, auctions opened
        or ended."""
        world = self._world
        needs = self._needs(world.risk(accounts), accounts)
        to_open = self._to_open(accounts, needs)
        calls = to_open | needs.below
        asked_for = to_open & (calls.cumsum(axis=1) == 1)  # the rescue that cures what it is asked for ends its auction
        self._rule.rescue(world, accounts[calls.any(axis=1)])
        needs = self._needs(world.risk(accounts), accounts)
        to_open, below = self._to_open(accounts, needs), needs.below
        on = np.isfinite(self._origin[accounts])
        self._end(self._at(accounts, on & (needs.safe | below | asked_for & needs.priced & ~needs.short)))
        self._open(self._at(accounts, to_open))
        lost = np.flatnonzero(below.any(axis=1))
        if len(lost):
            books = np.broadcast_to(below[lost], (len(lost), world.markets))
            deficits.absorb(world, accounts[lost], books, self._whole)

    def plan_bids(self, until: float) -> None:
        """Prices or lots have changed: when each lot that is on will be bid for, if that is before `until`."""
        if not self._any:
            return
        world = self._world
        self._bid_at[:] = _NEVER
        lapsed = self._clock > self._origin + LAPSE
        self._origin[lapsed], self._ended[lapsed] = _NEVER, -_NEVER
        rows, columns = np.nonzero(np.isfinite(self._origin))
        self._any = len(rows) > 0
        blocks = int(min(until - world.now, POOL_TIME + BLOCK) // BLOCK)
        if not self._any or blocks < 1:
            return
        same = ~self._traded(rows)[np.arange(len(rows)), columns]
        lots = rows[same], columns[same]
        times = world.now + BLOCK * np.arange(1, blocks + 1)
        bids, pool = self._buyers(lots, times)
        sold = bids | pool
        self._bid_at[lots] = np.where(sold.any(axis=1), times[sold.argmax(axis=1)], _NEVER)

    def bid(self) -> None:
        """Whoever waited for this moment bids: for one lot of an account after the other."""
        rows, columns = np.nonzero(self._bid_at <= self._world.now)
        self._bid_at[rows, columns] = _NEVER
        for some in _each_once(rows):
            self._bid((rows[some], columns[some]))

    # Internal

    def _bid(self, lots: Lots) -> None:
        """For lots of different accounts that are what was put up for sale; a rescue comes first."""
        world = self._world
        same = ~self._traded(lots[0])[np.arange(len(lots[0])), lots[1]]
        rows, columns = lots[0][same], lots[1][same]
        self._rule.rescue(world, rows)
        needs = self._lots((rows, columns))
        cured = needs.priced & ~needs.short
        self._end((rows[cured], columns[cured]))
        rows, columns = rows[~cured], columns[~cured]
        wanted, late = (buys[:, 0] for buys in self._buyers((rows, columns), np.array([world.now])))
        unwanted = np.flatnonzero(late & ~wanted)
        late[unwanted] = self._could_buy((rows[unwanted], columns[unwanted]), together=True)
        sold = wanted | late
        if sold.any():
            self._sell((rows[sold], columns[sold]), wanted[sold])

    def _needs(self, risk: Risk, accounts: Index | None) -> _Needs:
        """[n, L] of all lots of the accounts."""
        if not self._whole:
            shape = risk.equity.shape
            gates = np.broadcast_to(risk.priced, shape), np.broadcast_to(risk.can_fill, shape)
            return _Needs(risk.equity, risk.maintenance, risk.sigma_loss, *gates)
        cash = self._world.books.cash if accounts is None else self._world.books.cash[accounts]
        sums = (risk.equity.sum(axis=1) + cash, risk.maintenance.sum(axis=1), risk.sigma_loss.sum(axis=1))
        equity, maintenance, sigma_loss = (each[:, None] for each in sums)
        return _Needs(equity, maintenance, sigma_loss, ~risk.frozen[:, None], np.ones_like(equity, dtype=np.bool_))

    def _lots(self, lots: Lots) -> _Needs:
        """[n] of some lots."""
        every = self._needs(self._world.risk(lots[0]), lots[0])
        return every.at((np.arange(len(lots[0])), lots[1]))

    def _to_open(self, accounts: Index, needs: _Needs) -> Flags:
        """[n, L] short and not for sale, or traded since they were put up for sale."""
        to_open: Flags = needs.short & ~needs.below & (~np.isfinite(self._origin[accounts]) | self._traded(accounts))
        return to_open

    def _traded(self, accounts: Index) -> Flags:
        """[n, L] for sale, and since cut, or closed against a pool that failed."""
        changed = pick(self._world.books.size, accounts) != self._offered[accounts]
        traded: Flags = np.isfinite(self._origin[accounts]) & (
            changed.any(axis=1, keepdims=True) if self._whole else changed
        )
        return traded

    def _held(self, lots: Lots, times: Floats) -> Flags:
        """[n, T] whether a lot may not be sold at each of the times: its market keeps an engine from filling it that
        would save it."""
        if self._whole:
            return np.zeros((len(lots[0]), len(times)), dtype=np.bool_)
        held = ~self._world.can_fill(times)[:, lots[1]].T
        some = np.flatnonzero(held.any(axis=1))
        if len(some):
            accounts, which = np.unique(lots[0][some], return_inverse=True)
            held[some] &= self._rule.saves(self._world, accounts)[which, lots[1][some]][:, None]
        return held

    def _exposure(self, lots: Lots) -> Floats:
        """[n, M] of the books of each lot [USD]."""
        exposure: Floats = np.where(self._books(lots), self._world.risk(lots[0]).exposure, 0.0)
        return exposure

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
        """Anew at its age what was traded, or was for sale within the hour. Bids count from the next block."""
        on, resumed = np.isfinite(self._origin[lots]), self._world.now <= self._ended[lots] + RESUME
        origin = self._clock[lots[1]] - np.where(resumed, self._age[lots], 0.0)
        self._origin[lots] = np.where(on, self._origin[lots], origin)
        self._bid_at[lots] = _NEVER
        which, markets = np.nonzero(self._books(lots))
        accounts = lots[0][which]
        self._offered[accounts, markets] = self._world.books.size[accounts, markets]
        self._any |= len(lots[0]) > 0

    def _end(self, lots: Lots) -> None:
        self._age[lots] = self._clock[lots[1]] - self._origin[lots]
        self._ended[lots] = self._world.now
        self._origin[lots], self._bid_at[lots] = _NEVER, _NEVER

    @property
    def _clock(self) -> Floats:
        """[L] the time that auctions go by [s]."""
        clock: Floats = self._clocks(np.array([self._world.now]))[0]
        return clock

    def _clocks(self, times: Floats) -> Floats:
        """[T, L] the same at each of the times."""
        return times[:, None] if self._whole else self._world.clocks(times)

    def _discount(self, age: Floats) -> Floats:
        return _MOST_DISCOUNT * np.minimum(age, RAMP) / RAMP

    def _rates(self, times: Floats) -> Floats:
        """[T, M] the pool's half-spread for an engine at each of the times."""
        marks = self._world.marks
        age = np.maximum(times[:, None] - marks.updated_at + LATENCY, 0) / YEAR
        rates: Floats = marks.spread + np.minimum(marks.deviation, SIGMAS * marks.fast_volatility * np.sqrt(age))
        return rates

    def _buyers(self, lots: Lots, times: Floats) -> tuple[Flags, Flags]:
        """[n, T] whether a bid for each lot pays at each of the times, and whether the pool would buy it."""
        world = self._world
        needs, exposure = self._lots(lots), self._exposure(lots)
        equity, restored = needs.equity[:, None], needs.restored[:, None]
        age = self._clocks(times)[:, lots[1]].T - self._origin[lots][:, None]
        discount = self._discount(age)
        fraction = self._fraction(equity, restored, exposure.sum(axis=1)[:, None], discount)
        gain = (1 - _SHARE) * discount * equity
        cost = exposure @ self._rates(times).T + world.settings.profit * exposure.sum(axis=1)[:, None]
        pays = fraction * (gain - cost) >= BID_GAS * world.gas_price
        for_sale = (needs.short & (needs.equity > 0))[:, None] & ~self._held(lots, times)
        late = for_sale & (age >= POOL_TIME)
        unwanted = np.flatnonzero(late.any(axis=1))
        late[unwanted] &= self._could_buy((lots[0][unwanted], lots[1][unwanted]))[:, None]
        return pays & for_sale, late

    def _could_buy(self, lots: Lots, together: bool = False) -> Flags:
        """[n] whether the pool has the margin for a lot, or for one after the other."""
        needs, exposure = self._lots(lots), self._exposure(lots).sum(axis=1)
        fraction = self._fraction(needs.equity, needs.restored, exposure, np.full(len(exposure), _MOST_DISCOUNT))
        units = np.where(self._books(lots), pick(self._world.books.size, lots[0]), 0.0) * fraction[:, None]
        gains = (1 - _SHARE) * _MOST_DISCOUNT * fraction * needs.equity
        if together:
            units, gains = units.cumsum(axis=0), gains.cumsum()
        return self._world.could_buy(units, gains)

    @staticmethod
    def _fraction(equity: Floats, needs: Floats, exposure: Floats, discount: Floats) -> Floats:
        """Most of a lot that may be sold: `auction.book_limit`."""
        limit = np.minimum((needs - equity) / np.maximum(needs - discount * equity, 1e-12), 1.0)
        return np.where(exposure * (1 - limit) < _SMALL, 1.0, limit)

    def _sell(self, lots: Lots, wanted: Flags) -> None:
        """Sell what restores lots of different accounts, to a bidder or, where nobody wants it, to the pool."""
        world, accounts = self._world, lots[0]
        needs, books, exposures = self._lots(lots), self._books(lots), self._exposure(lots)
        discount = self._discount(self._clock[lots[1]] - self._origin[lots])
        fraction = self._fraction(needs.equity, needs.restored, exposures.sum(axis=1), discount)
        penalty = fraction * discount * needs.equity
        spread = fraction * (exposures @ self._rates(np.array([world.now]))[0])
        world.insurance.cash += float(_SHARE * penalty.sum())
        world.bidders += float(np.where(wanted, (1 - _SHARE) * penalty - spread, 0.0).sum())
        world.traders += float(np.where(wanted, spread, 0.0).sum())
        world.pool += float(np.where(wanted, 0.0, (1 - _SHARE) * penalty).sum())
        sold = np.where(books, pick(world.books.size, accounts) * fraction[:, None], 0.0)
        world.others += np.where(wanted[:, None], sold, 0.0).sum(axis=0)
        self._end(lots)
        self._hand_over(accounts, books, fraction, discount, penalty)
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
        world.lose(accounts, books)
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
