"""A market of perpetuals, bit-exact with `contracts/DerivativesMarket.vy`. Time is an argument: `now` [s]."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from eth_utils import keccak

from ballast.model import risk
from ballast.model.errors import Rejected, require
from ballast.model.fixed_point import OUT_OF_RANGE, WAD, ceil_div, clamp, floor_div, mul_wad_down, mul_wad_up
from ballast.model.loss_index import LossIndex
from ballast.model.risk import FILL, OPEN, REDUCE, TAKE, TAP, BookRisk, Mark, RiskParams

if TYPE_CHECKING:
    from ballast.model.oracle import Feed, Quote
    from ballast.model.pool import LiquidityPool

DAY = 86_400  # [s]
CENT = 10**16  # [wad]
PPM = 10**12  # [wad] one part per million
MILLI = 10**15  # [wad] one thousandth of a unit
RATE_UNIT = 10**7  # [wad] of a funding rate
RAMP = 86_400  # [s] that maintenance parameters take to their new values
GRACE = 3_600  # [s] after a halt is lifted, without bids

ACTIVE, REDUCE_ONLY, HALTED = 0, 1, 2

ZERO_SIZE = "market: zero size"
OPENING_CLOSED = "market: opening is closed"
OPEN_INTEREST_CAP = "market: open interest cap"
POOL_BOOK = "market: the pool's own book"
BAD_FRACTION = "market: bad fraction"
COST_TOO_HIGH = "market: cost too high"
UNKNOWN_STATE = "market: unknown state"
ONLY_TIGHTENS = "access: guardian only tightens"
MARKET_PARAMETER = "market: parameter out of bounds"
SAME_ACCOUNT = "market: same account"
POOL_SOLVENT = "market: pool is not below zero"
NOBODY_TO_CHARGE = "market: nobody to charge"


@dataclass(frozen=True)
class MarketConfig(RiskParams):
    """All parameters of a market."""

    max_funding_rate: int  # [wad] funding per day and unit of notional at full skew
    skew_scale: int  # [wad units] net size of all accounts but the pool at which funding is full
    open_interest_cap: int  # [wad units] most that all longs, or all shorts, may add up to

    def check(self) -> None:
        """The contract's hard bounds."""
        _check_parameter(self.range_multiplier, WAD // 10, 10 * WAD, PPM)
        _check_parameter(self.range_min, WAD // 200, WAD * 9 // 10, PPM)
        _check_parameter(self.range_max, self.range_min, WAD * 9 // 10, PPM)
        _check_parameter(self.initial_ratio, WAD * 105 // 100, 5 * WAD, PPM)
        _check_parameter(self.close_rate, 0, WAD // 20, PPM)
        _check_parameter(self.max_funding_rate, 0, WAD // 100, PPM)
        _check_parameter(self.skew_scale, MILLI, 2**56 * MILLI - MILLI, MILLI)
        _check_parameter(self.open_interest_cap, 0, 2**95 - 2**95 % MILLI, MILLI)


@dataclass(frozen=True, slots=True)
class Ramp:
    """What maintenance comes from."""

    start: RiskParams
    started_at: int  # [s]

    def params(self, target: RiskParams, now: int) -> RiskParams:
        """Where it has come to. The ratio of initial margin is no part of it."""
        elapsed = min(now - self.started_at, RAMP)
        return RiskParams(
            range_multiplier=_between(self.start.range_multiplier, target.range_multiplier, elapsed),
            range_min=_between(self.start.range_min, target.range_min, elapsed),
            range_max=_between(self.start.range_max, target.range_max, elapsed),
            initial_ratio=target.initial_ratio,
            close_rate=_between(self.start.close_rate, target.close_rate, elapsed),
        )


@dataclass(frozen=True, slots=True)
class Book:
    """One account's exposure and margin."""

    size: int = 0  # [wad units] perpetual, long if positive
    base: int = 0  # [wad] equity = base + size · (price − cumulative funding)
    legs: int = 0  # option legs
    net_deposit: int = 0  # [wad] margin put in less margin taken out, in whole cents, at least 0


@dataclass(frozen=True, slots=True)
class TradeResult:
    """What a trade did to the account, and what the pool's book lacks after it."""

    risk: BookRisk
    before: BookRisk
    pool_short_initial: int  # [wad]
    pool_short_maintenance: int  # [wad]


@dataclass(frozen=True, slots=True)
class Cut:
    """What a cut of a book does, or did."""

    risk: BookRisk
    cost: int  # [wad] what the account loses to the pool's spread
    pool_short_initial: int  # [wad]
    pool_short_maintenance: int  # [wad]


@dataclass(frozen=True, slots=True)
class Clock:
    """The time that auctions go by."""

    stood_at: int = 0  # [s] since the last halt
    goes_on_at: int = 0  # [s] of feed time
    live_at: int = 0  # [s] end of the grace after it

    def time(self, now: int, silence: int) -> int:
        """What it shows unless the market is halted."""
        return self.stood_at + max(0, now - silence - self.goes_on_at)

    def stop(self, now: int, silence: int) -> Clock:
        """A halt."""
        return replace(self, stood_at=self.time(now, silence))

    def start(self, now: int, silence: int) -> Clock:
        """The end of a halt."""
        return Clock(self.stood_at, now + GRACE - silence, now + GRACE)


@dataclass(frozen=True, slots=True)
class _Fill:
    size: int
    price: int
    account: Book
    pool: Book


class Market:
    """Books, funding, open interest. Rights are the caller's matter here: only the vault and the engines call."""

    def __init__(self, id_: int, feed: Feed, pool: LiquidityPool, config: MarketConfig, now: int) -> None:
        config.check()
        self.id = id_
        self.feed = feed
        self.pool = pool
        self.config = config
        self.ramp: Ramp | None = None
        self.state = ACTIVE
        self.books: dict[int, Book] = {}  # as they were stored
        self.losses = LossIndex()
        self.clock_state = Clock()
        self.cumulative_funding = 0  # [wad] per unit
        self.accrued_at = now  # [s]
        self.funding_rate = 0  # [wad] per day and unit of notional
        self.open_interest = 0  # [wad units]

    # Protocol contracts

    def move_margin(self, account: int, amount: int) -> tuple[int, bool]:
        """Put margin in or take it out; what went beyond net deposits, and whether the book is now empty."""
        book = self.book(account) if amount < 0 else self.books.get(account, Book())
        taken = max(0, -amount)
        beyond = taken - min(taken, book.net_deposit)
        net_deposit = book.net_deposit - (taken - beyond) + max(0, amount)
        changed = _packed(replace(book, base=book.base + amount, net_deposit=net_deposit))
        if amount < 0:
            self._store_book(account, changed)
        else:
            self.books[account] = changed  # as it was stored, but for the margin
        return beyond, changed.size == 0 and changed.legs == 0 and changed.base == 0

    def trade(self, account: int, size: int, price: int, now: int) -> TradeResult:
        """Trade between an account and the pool at the Exchange's price."""
        require(account != self.pool.account, POOL_BOOK)
        require(size != 0, ZERO_SIZE)
        mark = self._mark(self.feed.quote(now), now)
        book = self.book(account)
        if _grows(book.size, size):
            require(mark.gates & OPEN != 0, OPENING_CLOSED)

        fill = self._fill(book, size, price, mark.funding)
        self._store(account, fill, mark.funding, now)
        return TradeResult(
            risk.book_risk(mark, fill.account.size, fill.account.base),
            risk.book_risk(mark, book.size, book.base),
            *_shortfalls(mark, fill.pool),
        )

    def reduce(self, account: int, fraction: int, max_cost: int, now: int, bound: int = 0) -> Cut:
        """Close a share of the book against the pool at its engine price."""
        quote = self.feed.quote(now)
        mark = self._mark(quote, now)
        cut, fill = self._cut(account, fraction, bound, quote, mark, now)
        require(cut.cost <= max_cost, COST_TOO_HIGH)
        self._store(account, fill, mark.funding, now)
        return cut

    def seize(self, account: int, bidder: int, fraction: int, now: int) -> bool:
        """Hand a share of the book over; whether nothing is left."""
        require(account != self.pool.account, POOL_BOOK)
        require(account != bidder, SAME_ACCOUNT)
        require(0 < fraction <= WAD, BAD_FRACTION)
        funding = self._accrued(self.feed.quote(now).price, now)
        left, taker = self.book(account), self.book(bidder)
        size = mul_wad_down(abs(left.size), fraction) * (1 if left.size > 0 else -1)
        base, cents = floor_div(left.base * fraction, WAD), left.net_deposit * fraction // WAD // CENT * CENT
        longs = max(left.size, 0) + max(taker.size, 0)
        left = replace(left, size=left.size - size, base=left.base - base, net_deposit=left.net_deposit - cents)
        taker = replace(taker, size=taker.size + size, base=taker.base + base, net_deposit=taker.net_deposit + cents)
        left, taker = _packed(left), _packed(taker)
        require(_fits(funding, 86), OUT_OF_RANGE)
        self._store_book(account, left)
        self._store_book(bidder, taker)
        self._store_trade(funding, longs, max(left.size, 0) + max(taker.size, 0), now)
        return left.size == 0 and left.base == 0

    def absorb(self, account: int, now: int) -> tuple[int, bool]:
        """Move the legs to the pool at the oracle price; the loss that others bear, whether nothing is left."""
        with self._all_or_nothing():
            return self._absorb(account, now)

    def close_pool(self, now: int) -> int:
        """Close the pool's book, which is below zero, against the opposite side; the loss that others bear."""
        with self._all_or_nothing():
            return self._close_pool(now)

    # Anyone

    def settle(self, now: int) -> None:
        """Consume the unprocessed oracle rounds."""
        self.feed.consume(now)

    def accrue(self, now: int) -> None:
        """Store the funding accrued up to now."""
        cumulative = self._accrued(self.feed.quote(now).price, now)
        require(_fits(cumulative, 86), OUT_OF_RANGE)
        self.cumulative_funding, self.accrued_at = cumulative, now

    # Owner

    def set_config(self, config: MarketConfig, now: int) -> None:
        """Set the parameters, after accruing funding under the old ones. Those of maintenance get there in a day."""
        cumulative = self._accrued(self.feed.quote(now).price, now)
        config.check()
        require(_fits(cumulative, 86), OUT_OF_RANGE)
        if _maintenance(config) != _maintenance(self.config):
            self.ramp = Ramp(self.risk_params(now), now)
        self.config, self.cumulative_funding, self.accrued_at = config, cumulative, now
        self.funding_rate = self._funding_rate(self.skew)

    def set_state(self, state: int, now: int, guardian: bool = False) -> None:
        """0 = active, 1 = reduce-only, 2 = halted: any by the owner, a tighter one by the guardian."""
        require(not guardian or state > self.state, ONLY_TIGHTENS)
        require(state <= HALTED, UNKNOWN_STATE)
        if (self.state == HALTED) != (state == HALTED):
            silence, clock = self.feed.silence(now), self.clock_state
            self.clock_state = clock.start(now, silence) if self.state == HALTED else clock.stop(now, silence)
        self.state = state

    # Views

    @property
    def skew(self) -> int:
        """Net size of all accounts but the pool [wad units]."""
        return -self.book(self.pool.account).size

    def risk_params(self, now: int) -> RiskParams:
        """The risk parameters that books are valued with now."""
        return (self.ramp or Ramp(self.config, now)).params(self.config, now)

    @property
    def ramp_end(self) -> int:
        """When they arrive, or arrived, at what was set; 0 where maintenance never changed."""
        return self.ramp.started_at + RAMP if self.ramp else 0

    def book(self, account: int) -> Book:
        """The book, with its share of what its side bore for others."""
        book = self.books.get(account, Book())
        settled = self.losses.settled(account, book.size, book.base)
        return replace(book, size=settled.size, base=settled.base)

    def legs_digest(self, account: int) -> int:
        """What a bidder states of the legs that he means."""
        book = self.book(account)
        words = (account, book.size, book.legs)
        return int.from_bytes(keccak(b"".join((word % 2**256).to_bytes(32, "big") for word in words)), "big")

    def clock(self, now: int) -> int:
        """The time that auctions go by."""
        clock = self.clock_state
        return clock.stood_at if self.state == HALTED else clock.time(now, self.feed.silence(now))

    @property
    def live_at(self) -> int:
        """When the grace after the last halt ends, or ended; 0 where none was ever lifted."""
        return self.clock_state.live_at

    def book_risk(self, account: int, now: int) -> BookRisk:
        """The book valued now."""
        return self.book_risks([account], now)[0]

    def book_risks(self, accounts: Sequence[int], now: int) -> list[BookRisk]:
        """Many books at one price."""
        mark = self._mark(self.feed.quote(now), now)
        books = (self.book(account) for account in accounts)
        return [risk.book_risk(mark, book.size, book.base) for book in books]

    def preview_reduce(self, account: int, fraction: int, now: int, bound: int = 0) -> Cut:
        """What `reduce` would do now."""
        quote = self.feed.quote(now)
        return self._cut(account, fraction, bound, quote, self._mark(quote, now), now)[0]

    def engine_cost(self, now: int) -> int:
        """What the pool asks to take a cut over, per unit of notional."""
        return self._engine_rate(self.feed.quote(now), now)

    def liquidation_price(self, account: int, now: int) -> int:
        """Oracle price at which the book meets its maintenance margin; 0 where none does."""
        mark, book = self._mark(self.feed.quote(now), now), self.book(account)
        return risk.liquidation_price(mark.maintenance_rate, book.size, book.base, mark.funding)

    def funding(self, now: int) -> tuple[int, int]:
        """Cumulative funding per unit up to now, and the present rate per day."""
        return self._accrued(self.feed.quote(now).price, now), self.funding_rate

    # Valuation

    def _mark(self, quote: Quote, now: int) -> Mark:
        gates = gates_of(self.state, quote.guarded, quote.unconfirmed)
        return risk.mark_of(self.risk_params(now), quote, self._accrued(quote.price, now), gates)

    def _funding_rate(self, skew: int) -> int:
        scale = self.config.skew_scale
        return floor_div(clamp(skew, -scale, scale) * self.config.max_funding_rate, scale * RATE_UNIT) * RATE_UNIT

    def _accrued(self, price: int, now: int) -> int:
        return self.cumulative_funding + floor_div(self.funding_rate * price * (now - self.accrued_at), DAY * WAD)

    def _engine_rate(self, quote: Quote, now: int) -> int:
        return self.pool.engine_rate(self.id, quote.fast_volatility, now - quote.updated_at)

    # Trades

    def _fill(self, book: Book, size: int, price: int, funding: int) -> _Fill:
        cost = ceil_div(size * (price - funding), WAD)
        pool = self.book(self.pool.account)
        return _Fill(
            size,
            price,
            replace(book, size=book.size + size, base=book.base - cost),
            replace(pool, size=pool.size - size, base=pool.base + cost),
        )

    def _cut(self, account: int, fraction: int, bound: int, quote: Quote, mark: Mark, now: int) -> tuple[Cut, _Fill]:
        require(account != self.pool.account, POOL_BOOK)
        require(0 < fraction <= WAD, BAD_FRACTION)
        book = self.book(account)
        closed = mul_wad_down(abs(book.size), fraction)
        rate = self._engine_rate(quote, now)
        if book.size < 0:
            size, price = closed, mul_wad_up(max(bound, quote.price), WAD + rate)
        else:
            size, price = -closed, mul_wad_down(min(bound or quote.price, quote.price), WAD - rate)
        fill = self._fill(book, size, price, mark.funding)
        after = risk.book_risk(mark, fill.account.size, fill.account.base)
        before = risk.equity_of(book.size, book.base, mark.price, mark.funding)
        return Cut(after, before - after.equity, *_shortfalls(mark, fill.pool)), fill

    def _store(self, account: int, fill: _Fill, funding: int, now: int) -> None:
        book, pool = _packed(fill.account), _packed(fill.pool)
        longs_before = max(fill.account.size - fill.size, 0) + max(fill.pool.size + fill.size, 0)
        longs_after = max(book.size, 0) + max(pool.size, 0)
        open_interest = self.open_interest + longs_after - longs_before
        require(_fits(funding, 86), OUT_OF_RANGE)
        require(longs_after <= longs_before or open_interest <= self.config.open_interest_cap, OPEN_INTEREST_CAP)

        self._store_book(account, book)
        self._store_book(self.pool.account, pool)
        self._store_trade(funding, longs_before, longs_after, now)

    def _store_book(self, account: int, book: Book) -> None:
        self.books[account] = book
        self.losses.note(account, book.size)

    def _store_trade(self, funding: int, longs_before: int, longs_after: int, now: int) -> None:
        require(_fits(funding, 86), OUT_OF_RANGE)
        self.cumulative_funding, self.accrued_at = funding, now
        self.funding_rate = self._funding_rate(self.skew)
        self.open_interest += longs_after - longs_before

    # Losses

    def _absorb(self, account: int, now: int) -> tuple[int, bool]:
        require(account != self.pool.account, POOL_BOOK)
        mark = self._mark(self.feed.quote(now), now)
        held = self.books.get(account, Book())
        borne = self.losses.settled(account, held.size, held.base).borne
        book = self.book(account)
        equity = risk.equity_of(book.size, book.base, mark.price, mark.funding)
        loss = unplaced = max(-equity, 0)
        if loss and book.size:
            unplaced = self._spread(book.size, loss, min(borne, loss))

        pool, base = self.book(self.pool.account), max(equity, 0)
        taken = book.base - base + loss - unplaced
        fill = _Fill(
            -book.size,
            mark.price,
            replace(book, size=0, base=base),
            replace(pool, size=pool.size + book.size, base=pool.base + taken),
        )
        self._store(account, fill, mark.funding, now)
        return loss, base == 0

    def _close_pool(self, now: int) -> int:
        mark, pool = self._mark(self.feed.quote(now), now), self.book(self.pool.account)
        loss = -risk.equity_of(pool.size, pool.base, mark.price, mark.funding)
        require(loss > 0, POOL_SOLVENT)
        held = min(abs(pool.size), self.open_interest)
        require(self._spread(pool.size, loss, loss // 2 if held == 0 else 0) == 0, NOBODY_TO_CHARGE)
        left = self.open_interest
        if held:
            left = self.losses.close(pool.size < 0, held, left, mark.price - mark.funding)
        self._store_book(self.pool.account, replace(pool, size=0, base=0))
        self._store_trade(mark.funding, self.open_interest - left, 0, now)
        return loss

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """What is refused leaves no trace in the losses."""
        losses = deepcopy(self.losses)
        try:
            yield
        except Rejected:
            self.losses = losses
            raise

    def _spread(self, size: int, loss: int, own: int) -> int:
        """Charge a loss to the opposite side, and `own` of it to the rest of the book's; what nobody is there for."""
        side, held = size > 0, abs(size)
        unplaced = self.losses.charge(not side, loss - own, self.open_interest)
        return unplaced + self.losses.charge(side, own, max(0, self.open_interest - held))


def _maintenance(params: RiskParams) -> tuple[int, int, int, int]:
    """The parameters that maintenance depends on."""
    return params.range_multiplier, params.range_min, params.range_max, params.close_rate


def _between(start: int, target: int, elapsed: int) -> int:
    """A parameter on its way, rounded toward its start to the ppm in which it is stored."""
    moved = abs(target - start) // PPM * elapsed // RAMP * PPM
    return start + moved if target > start else start - moved


def gates_of(state: int, guarded: bool, unconfirmed: bool) -> int:
    """What a market's state lets happen to a book."""
    if state == HALTED:
        return REDUCE
    if unconfirmed:
        return REDUCE | TAKE | TAP
    if state == REDUCE_ONLY or guarded:
        return REDUCE | TAKE | FILL | TAP
    return OPEN | REDUCE | TAKE | FILL | TAP


def _grows(held: int, size: int) -> bool:
    """Whether a trade adds exposure on either side: anything but a step from `held` toward zero."""
    remaining = held + size
    return remaining < 0 or size > 0 if held >= 0 else remaining > 0 or size < 0


def _shortfalls(mark: Mark, book: Book) -> tuple[int, int]:
    """What a book lacks to its initial and to its maintenance margin."""
    needs = risk.book_risk(mark, book.size, book.base)
    return max(needs.initial - needs.equity, 0), max(needs.maintenance - needs.equity, 0)


def _packed(book: Book) -> Book:
    """The book as its slot keeps it: in range, the net deposit in whole cents."""
    cents = book.net_deposit // CENT
    require(_fits(book.size, 95) and _fits(book.base, 103) and cents < 2**48, OUT_OF_RANGE)
    return replace(book, net_deposit=cents * CENT)


def _fits(number: int, bits: int) -> bool:
    """Whether −2^bits ≤ number < 2^bits."""
    return -(2**bits) <= number < 2**bits


def _check_parameter(number: int, low: int, high: int, unit: int) -> None:
    """Within its bounds, and a multiple of the unit it is stored in."""
    require(low <= number <= high and number % unit == 0, MARKET_PARAMETER)
