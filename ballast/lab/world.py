"""The protocol around many accounts while a tape runs: books, funding, the pool, insurance, and who paid whom what.

Sizes of a market add up to zero: the pool, and others who trade with it, hold the other side of all accounts, and what
one loses is in somebody's pocket (`World.total`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ballast.lab.outcome import Floats
from ballast.lab.population import Population
from ballast.lab.tape import Tape
from ballast.model.insurance import DAY
from ballast.model.vector.arrays import Flags, Index, by_market, pick
from ballast.model.vector.books import Books, Risk
from ballast.model.vector.marks import FIGURES, Marks
from ballast.params import WAD, Params

_PRICE = FIGURES.index("price")
_GWEI = 1e-9


@dataclass(frozen=True)
class Settings:
    """What a replay assumes of the world."""

    delay: int = 1  # [blocks] from what calls for somebody to his call
    gas_price: float = 2.0  # [gwei]
    profit: float = 0.0005  # of notional: what a bidder wants beyond his costs
    depth: float = 1.0  # the pool's money, funding's scale and the insurance, over those of markets at their caps
    paid: bool = False  # whether keepers call only where the reward pays their gas
    turnover: float = 4 * 3_600.0  # [s] in which other traders take over all but 1/e of what the pool holds

    def __post_init__(self) -> None:
        for name, least in (("delay", 0), ("gas_price", 0), ("profit", 0), ("depth", 1e-6), ("turnover", 1)):
            if not least <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} {getattr(self, name)}: expected at least {least}, and finite")


@dataclass
class Ledger:
    """By account [USD], as in `Outcome`."""

    gains: Floats
    funding: Floats
    penalties: Floats
    cut_costs: Floats
    rewards: Floats
    borne: Floats
    deficits: Floats

    @classmethod
    def new(cls, accounts: int) -> Ledger:
        """Nothing yet."""
        return cls(*(np.zeros(accounts) for _ in range(7)))


@dataclass
class Insurance:
    """The fund, and what each market has drawn lately."""

    cash: float  # [USD]
    cap: Floats  # [M] [USD] a day
    used: Floats  # [M] [USD]
    updated: Floats  # [M] [s]

    def draw(self, wanted: Floats, now: float) -> Floats:
        """What it grants each market, as `InsuranceFund.draw`."""
        granted = np.zeros_like(wanted)
        for market in np.flatnonzero(wanted > 0):
            used = float(self.used[market])
            used -= self._limit(market, used) * (now - self.updated[market]) / DAY
            used = max(used, 0.0)
            granted[market] = min(wanted[market], max(self._limit(market, used) - used, 0.0))
            if granted[market] > 0:
                self.used[market], self.updated[market] = used + granted[market], now
                self.cash -= granted[market]
        return granted

    def _limit(self, market: np.intp, used: float) -> float:
        """[USD] a day."""
        return min(float(self.cap[market]), (self.cash + used) / 2)


class World:
    """Time, prices, and what accounts hold: all open interest, of markets as full as `Settings.depth` says."""

    def __init__(self, tape: Tape, population: Population, params: Params, settings: Settings) -> None:
        self.tape, self.settings = tape, settings
        self.accounts, self.markets = population.notional.shape
        self.tick, self.now = 0, float(tape.start)
        self.funding = np.zeros(self.markets)  # [USD] cumulative per unit
        self._accrued = np.zeros(self.markets)  # [USD] of it, when the skew last changed
        self._accrued_at = np.full(self.markets, self.now)  # [s]
        self._skew = np.zeros(self.markets)  # [units] net size of all accounts
        self._rate = np.zeros(self.markets)  # per day, of notional
        self.prices = tape.said[0, :, _PRICE].copy()  # the latest, stale or not
        self._marks: Marks | None = None
        self._risk: Risk | None = None  # of all accounts, until something changes
        self.books = Books.opened(population.notional / self.prices, population.margin, population.cash, self.marks)
        self.opened = by_market(self.books.size)
        self.lost_at = by_market(np.full((self.accounts, self.markets), np.inf))  # [s]
        self.pool_closed = self.refused = 0
        self.everybody = np.arange(self.accounts)
        self.calls = np.zeros(self.accounts, dtype=np.int64)
        self.ledger = Ledger.new(self.accounts)
        self.others = np.zeros(self.markets)  # [units] what bidders bought, and what traders took over from the pool
        self.traders = self.bidders = self.keepers = self.pool_deficits = self.insured = self.socialised = 0.0  # [USD]

        self._native = params.rebalancer.native
        self._native_price = params.markets[self._native].feed.price / WAD
        self._fill_markets(params)
        self.refresh()

    def _fill_markets(self, params: Params) -> None:
        """The population is all the open interest there may be: what depends on it is in proportion."""
        depth, markets = self.settings.depth, self.tape.params
        sides = np.maximum(self.opened, 0).sum(axis=0), np.maximum(-self.opened, 0).sum(axis=0)
        units = np.maximum(*sides)
        caps = np.array([market.risk.open_interest_cap / WAD for market in markets])
        full = units * self.prices / (caps * [market.feed.price / WAD for market in markets])
        every = sum(each.risk.open_interest_cap * each.feed.price / WAD**2 for each in params.markets.values())
        draws = depth * full * [market.draw_cap / WAD for market in markets]
        self._skew_scale = depth * units / caps * [market.risk.skew_scale / WAD for market in markets]
        self._max_rate = np.array([market.risk.max_funding_rate / WAD for market in markets])
        self.pool = depth * params.pool.funding / WAD * float(units @ self.prices) / every  # [USD] equity
        self.pool_low = self.pool  # [USD] the least that it was
        nothing = np.zeros(self.markets)
        self.insurance = Insurance(2 * float(draws.sum()), draws, nothing, nothing + self.now)

    # Time and prices

    @property
    def marks(self) -> Marks:
        """What the markets say now."""
        if self._marks is None:
            self._marks = self.tape.marks(self.tick, self.now, self.funding)
        return self._marks

    def can_fill(self, times: Floats) -> Flags:
        """[T, M] whether the engine may fill books at each of the times, if nothing is published before."""
        over: Flags = self.tape.guarded_until[self.tick] <= times[:, None]
        return over | self.marks.can_fill

    def clocks(self, times: Floats) -> Floats:
        """[T, M] [s] the time that auctions go by: it stands still while there is no price."""
        tape, tick = self.tape, self.tick
        silent: Floats = tape.silent[tick] + np.maximum(times[:, None] - tape.stale_at[tick] + 1, 0)
        return times[:, None] - silent

    @property
    def published(self) -> Flags:
        """[M] whose rounds are those of the latest tick."""
        return self.tape.published[self.tick]

    @property
    def inventory(self) -> Floats:
        """[M] what the pool holds [units]."""
        held: Floats = -self.books.size.sum(axis=0) - self.others
        return held

    @property
    def skew(self) -> Floats:
        """[M] net size of all accounts, which funding follows [units]."""
        net: Floats = self.books.size.sum(axis=0)
        return net

    def advance(self, now: float) -> None:
        """Time passes: funding accrues, and others trade with the pool."""
        passed = now - self.now
        self.now, self._marks, self._risk = now, None, None
        self._accrue()
        self.others += self.inventory * -math.expm1(-passed / self.settings.turnover)

    def publish(self, tick: int) -> None:
        """The rounds of a tick."""
        prices = self.tape.said[tick, :, _PRICE]
        moved = prices - self.prices
        self.ledger.gains += worth(self.books.size, moved)
        self._settle(moved)
        self.prices, self.tick, self._marks, self._risk = prices, tick, None, None
        self._accrue()

    def _accrue(self) -> None:
        """Funding, at the latest price for all the time since the skew last changed, as `Market` reckons it."""
        funding = self._accrued + self._rate * self.prices * ((self.now - self._accrued_at) / DAY)
        accrued = funding - self.funding
        self.ledger.funding += worth(self.books.size, accrued)
        self._settle(-accrued)
        self.funding = funding

    def _settle(self, gains: Floats) -> None:
        """What a unit gained [USD], to the pool and to those who trade with it."""
        self.pool += float(self.inventory @ gains)
        self.traders += float(self.others @ gains)
        self.pool_low = min(self.pool_low, self.pool)

    def refresh(self) -> None:
        """Sizes have changed: the funding rate follows the net size of all accounts."""
        self._risk = None
        skew = self.skew
        changed = skew != self._skew
        self._accrued = np.where(changed, self.funding, self._accrued)
        self._accrued_at = np.where(changed, self.now, self._accrued_at)
        scale = np.where(self._skew_scale > 0, self._skew_scale, 1.0)
        self._skew, self._rate = skew, self._max_rate * np.clip(skew / scale, -1, 1)

    @property
    def gas_price(self) -> float:
        """[USD] per unit of gas."""
        native = self._native_price
        if self._native in self.tape.markets:
            native = float(self.prices[self.tape.markets.index(self._native)])
        return self.settings.gas_price * _GWEI * native

    # Accounts

    def risk(self, accounts: Index | None = None) -> Risk:
        """Of all accounts, or of some."""
        if accounts is not None:
            return self.books.risk(self.marks, accounts)
        if self._risk is None:
            self._risk = self.books.risk(self.marks)
        return self._risk

    def move(self, accounts: Index, transfers: Floats, rewards: Floats) -> None:
        """Margin between the books and the cash of each account, which pays its keeper."""
        paid = self.books.move(accounts, transfers, rewards, self.now)
        self.note(accounts, np.zeros(len(accounts)), paid)

    def note(self, accounts: Index, costs: Floats, rewards: Floats) -> None:
        """What accounts paid for cuts, which is the pool's, and to keepers."""
        self.ledger.cut_costs[accounts] += costs
        self.pool += float(costs.sum())
        self.ledger.rewards[accounts] += rewards
        self.keepers += float(rewards.sum())
        self.refresh()

    def takes(self, accounts: Index, shares: Floats) -> Flags:
        """Whether the pool can take these cuts over, one account after the other: its margin must suffice."""
        takes = self._carries(np.cumsum(pick(self.books.size, accounts) * shares, axis=0)) | ~(shares > 0).any(axis=1)
        self.refused += int((~takes).sum())
        return takes

    def could_take(self, accounts: Index, shares: Floats) -> Flags:
        """The same for each account alone."""
        could: Flags = self._carries(pick(self.books.size, accounts) * shares) | ~(shares > 0).any(axis=1)
        return could

    def could_buy(self, units: Floats, gains: Floats) -> Flags:
        """[n] whether the pool has the margin that it needs with so many units more [n, M], and so much money [USD]."""
        needs = self.marks.price * self.marks.maintenance_rate
        could: Flags = np.abs(self.inventory + units) @ needs <= self.pool + gains
        return could

    def _carries(self, taken: Floats) -> Flags:
        """Whether the pool's margin suffices with so many units more [n, M], or it needs no more than before."""
        held, needs = self.inventory, self.marks.price * self.marks.maintenance_rate
        carries: Flags = np.abs(held + taken) @ needs <= max(self.pool, float(np.abs(held) @ needs))
        return carries

    def lose(self, accounts: Index, books: Flags) -> None:
        """These books are sold or ended now, in part or whole."""
        before = pick(self.lost_at, accounts)
        lost = books & (pick(self.books.size, accounts) != 0)
        self.lost_at[accounts] = np.where(lost, np.minimum(before, self.now), before)

    @property
    def liquidated(self) -> Flags:
        """[A, M] books that were sold or ended by now, in part or whole."""
        return np.isfinite(self.lost_at)

    def equity(self) -> Floats:
        """Of accounts, at the latest prices, stale or not [USD]."""
        return self.margin().sum(axis=1) + self.books.cash

    def margin(self) -> Floats:
        """Equity of books at the latest prices [USD]."""
        margin: Floats = self.books.base + self.books.size * (self.prices - self.funding)
        return margin

    def total(self) -> float:
        """Everybody's equity: what it was at the start, whatever happens [USD]."""
        others = self.pool + self.insurance.cash + self.traders + self.bidders + self.keepers
        return float(self.equity().sum()) + others


def worth(units: Floats, prices: Floats) -> Floats:
    """[A] Σ over markets; market by market, which for so few beats a matrix product and its threads."""
    total = np.zeros(len(units))
    for market, price in enumerate(prices):
        if price != 0:
            total += units[:, market] * price
    return total
