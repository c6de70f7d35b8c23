"""HLT-11, SOL-3: the market's contract equals its model bit for bit, and stays zero-sum, whatever happens to it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ballast.chain import Reverted
from ballast.model.market import MarketConfig
from tests.market_bench import CONFIG, QUOTE_CONFIG, UNLIMITED, WAD, MarketBench, plain

ACCOUNTS = (2, 3, 4)

EXTREME = MarketConfig(
    range_multiplier=10 * WAD,
    range_min=WAD // 200,
    range_max=WAD * 9 // 10,
    initial_ratio=5 * WAD,
    close_rate=WAD // 20,
    max_funding_rate=WAD // 100,
    skew_scale=10**15,
    open_interest_cap=2**95 - 2**95 % 10**15,
)


def spread(low: int, high: int) -> st.SearchStrategy[int]:
    """Numbers of every order of magnitude, and the edges."""
    exponents = st.integers(low.bit_length(), high.bit_length())
    anywhere = exponents.flatmap(lambda bits: st.integers(max(low, 2**bits // 2), max(low, min(high, 2**bits))))
    return st.one_of(anywhere, st.sampled_from((low, high)))


def ppm(low: int, high: int) -> st.SearchStrategy[int]:
    """Whole parts per million."""
    return spread(low // 10**12, high // 10**12).map(lambda number: number * 10**12)


def signed(high: int) -> st.SearchStrategy[int]:
    return st.builds(lambda number, sign: sign * number, spread(1, high), st.sampled_from((-1, 1)))


accounts = st.sampled_from(ACCOUNTS)
volatilities = spread(10**16, 50 * WAD)
usual_sizes = st.one_of(signed(100 * WAD), signed(2**64), signed(2**75))
guards = st.sampled_from(((False, False), (False, False), (True, False), (True, True)))
trades = st.tuples(st.just("trade"), accounts, usual_sizes, st.integers(90, 110))
closes = st.tuples(st.just("close"), accounts, st.sampled_from((-100, -150, -50)), st.integers(90, 110))
reductions = st.tuples(
    st.just("reduce"),
    accounts,
    spread(1, WAD),
    st.one_of(st.just(UNLIMITED), st.just(UNLIMITED), spread(1, 10**21)),
    st.sampled_from((0, 0, 90, 100, 110)),
)
losses = (
    st.tuples(st.just("seize"), accounts, st.sampled_from((1, *ACCOUNTS)), spread(1, WAD)),
    st.tuples(st.just("absorb"), accounts),
    st.tuples(st.just("absorb"), accounts),
    st.tuples(st.just("empty the pool"), st.integers(0, 1_000)),
    st.tuples(st.just("close pool")),
    st.tuples(st.just("silence"), st.integers(0, 5_000)),
    # a gap: many bases are below zero then
    st.tuples(st.just("step"), st.sampled_from((30, 60, 160, 300)), st.just(0)),
)
configs = st.builds(
    MarketConfig,
    range_multiplier=ppm(WAD // 10, 10 * WAD),
    range_min=ppm(WAD // 200, WAD // 20),
    range_max=ppm(WAD // 20, WAD * 9 // 10),
    initial_ratio=ppm(WAD * 105 // 100, 5 * WAD),
    close_rate=ppm(0, WAD // 20),
    max_funding_rate=ppm(0, WAD // 100),
    skew_scale=st.sampled_from((10**15, WAD, 1_000 * WAD)),
    open_interest_cap=st.sampled_from((0, 100 * WAD, EXTREME.open_interest_cap)),
)
steps = st.one_of(
    st.tuples(st.just("quote"), spread(10**12, 10**25), st.integers(50, 200), volatilities, volatilities, guards),
    st.tuples(st.just("step"), st.integers(80, 125), st.integers(0, 90_000)),
    st.tuples(st.just("wait"), spread(1, 10**8)),
    st.tuples(st.just("wait"), st.integers(0, 2 * 86_400)),
    st.tuples(st.just("margin"), accounts, signed(10**24)),
    trades,
    trades,
    st.tuples(st.just("trade"), accounts, signed(2**96), st.integers(90, 110)),
    closes,
    closes,
    reductions,
    reductions,
    st.tuples(st.just("state"), st.sampled_from((0, 0, 0, 0, 1, 2))),
    st.tuples(st.just("accrue")),
    st.tuples(st.just("guardian"), st.sampled_from((0, 0, 1, 2, 3))),
    st.tuples(st.just("config"), st.one_of(st.sampled_from((CONFIG, EXTREME)), configs)),
)


@pytest.fixture(scope="module")
def benches() -> dict[str, MarketBench]:
    return {"usual": MarketBench(CONFIG), "extreme": MarketBench(EXTREME)}


class Dust:
    """What losses may have left between the sizes, and between equity and the market's balance. From each settlement of
    a book a wei of size and of money; from each close open interest / scale of either; from each charge as much of
    money, and what it brings too little, or too much, where open interest counts what settlements and closes took, or
    does not count what they added. Size counts at its present worth."""

    def __init__(self, bench: MarketBench) -> None:
        self.bench = bench
        self.settled = 0  # [wad units]
        self.size = 0  # [wad units]
        self.kept = 0  # [wad] by the vault
        self.missing = 0  # [wad]

    def before(self, name: str, args: list[Any]) -> None:
        """Before a step that may charge or close."""
        model, n = self.bench.model, len(ACCOUNTS) + 1
        if not self.is_any and name not in ("absorb", "close pool"):
            return
        self.settled += n
        self.kept += n
        if name in ("absorb", "close pool"):
            account = args[0] if name == "absorb" else model.pool.account
            equity = model.book_risk(account, self.bench.now).equity
            units = max(1, model.open_interest - abs(model.book(account).size) * (name == "absorb"))
            per_unit = sum(model.open_interest // model.losses.last(side).scale + n for side in (False, True))
            self.kept += 2 * per_unit - min(0, equity) * (self.size + self.settled) // units
            self.missing += -(min(0, equity) * self.settled // units)
            self.size += per_unit

    @property
    def is_any(self) -> bool:
        """Whether there ever was a loss."""
        return any(self.bench.model.losses.epoch(side) != (0, 0) for side in (False, True))

    def check(self, margin: int) -> None:
        """Nothing else is missing, and nothing came from nowhere."""
        bench, accounts = self.bench, (self.bench.pool_account, *ACCOUNTS)
        books = [bench.market.book(account) for account in accounts]
        longs = sum(max(book.size, 0) for book in books)
        assert -self.size - self.settled <= sum(book.size for book in books) <= 0
        assert 0 <= bench.market.open_interest() - longs <= self.settled
        equity = sum(bench.market.book_risk(account).equity for account in accounts)
        worth = (self.size + self.settled) * (bench.feed.value.price - bench.market.funding()[0])
        assert -self.kept - max(0, worth // WAD + 1) <= equity - margin <= self.missing - min(0, worth // WAD)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kind=st.sampled_from(("usual", "usual", "extreme")),
    opening=st.lists(trades, min_size=2, max_size=6),
    walk=st.lists(st.one_of(steps, *losses, *losses), min_size=10, max_size=40),
)
@example(  # a wei that closing added to the shorts, and open interest does not count, bears a loss too
    kind="usual",
    opening=[("trade", 2, 100 * WAD, 90), ("trade", 3, -100 * WAD, 90), ("trade", 2, -1, 90)],
    walk=[
        ("quote", 10**12, 50, 10**16, 10**16, (False, False)),
        ("step", 80, 0),
        ("close pool",),
        ("absorb", 2),
    ],
)
def test_market__any_losses__equals_model_and_conserves_value(
    benches: dict[str, MarketBench], kind: str, opening: list[tuple[Any, ...]], walk: list[tuple[Any, ...]]
) -> None:
    """SOL-2, SOL-3, HLT-11, BDT-2: seized, absorbed and closed in any order, chain = model; what one side loses another
    bears, but for a dust that is stated."""
    bench = benches[kind]
    bench.reset()
    margin, dust = 0, Dust(bench)
    for name, *args in opening + walk:
        dust.before(name, args)
        with suppress(Reverted):  # refused by both, for one reason
            margin += _step(bench, name, args)
        bench.assert_same_state(*ACCOUNTS)
        if dust.is_any:
            dust.check(margin)
        else:
            bench.assert_zero_sum(margin, *ACCOUNTS)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kind=st.sampled_from(("usual", "extreme")),
    opening=st.lists(trades, min_size=2, max_size=4),
    walk=st.lists(steps, min_size=10, max_size=40),
)
def test_market__any_walk__equals_model_and_stays_zero_sum(
    benches: dict[str, MarketBench], kind: str, opening: list[tuple[Any, ...]], walk: list[tuple[Any, ...]]
) -> None:
    """SOL-3, HLT-11: after every step chain = model, Σ size = 0, Σ base = margin moved in, and previews came true."""
    bench = benches[kind]
    bench.reset()
    margin = 0
    for name, *args in opening + walk:
        with suppress(Reverted):  # refused by both, for one reason
            margin += _step(bench, name, args)
        bench.assert_same_state(*ACCOUNTS)
        bench.assert_zero_sum(margin, *ACCOUNTS)


def _step(bench: MarketBench, name: str, args: list[Any]) -> int:
    """One step on both sides; the margin it moved into the market."""
    market, model, price = bench.market, bench.model, bench.feed.value.price
    match name, args:
        case "quote", [price, skewed, fast, slow, (guarded, unconfirmed)]:
            average, guards = price * skewed // 100, {"guarded": guarded, "unconfirmed": unconfirmed}
            bench.quote(price, average=average, fast_volatility=fast, slow_volatility=slow, **guards)
        case "step", [percent, age]:
            bench.quote(min(10**25, price * percent // 100 + 1), age=age)
        case "wait", [seconds]:
            bench.chain.advance(seconds)
        case "margin", [account, amount]:
            bench.move_margin(account, amount)
            return int(amount)
        case "trade", [account, size, percent]:
            bench.trade(account, size, price * percent // 100)
        case "close", [account, share, percent]:
            bench.trade(account, model.book(account).size * share // 100, price * percent // 100)
        case "reduce", [account, fraction, max_cost, percent]:
            bound = price * percent // 100
            preview = bench.same(
                lambda: market.preview_reduce(account, fraction, bound),
                lambda: model.preview_reduce(account, fraction, bench.now, bound),
            )
            assert plain(bench.reduce(account, fraction, max_cost, bound).returned) == plain(preview)
        case "seize", [account, bidder, fraction]:
            bench.seize(account, bidder, fraction)
        case "absorb", [account]:
            bench.absorb(account)
        case "empty the pool", [cents]:
            amount = cents * 10**16 - model.book_risk(bench.pool_account, bench.now).equity
            bench.move_margin(bench.pool_account, amount)
            return amount
        case "close pool", []:
            bench.close_pool()
        case "silence", [seconds]:
            bench.silence(bench.feed.silent + seconds)
        case "state", [state]:
            bench.set_state(state)
        case "guardian", [state]:
            bench.set_state(state, guardian=True)
        case "accrue", []:
            bench.same(lambda: market.accrue(sender=bench.stranger), lambda: model.accrue(bench.now))
        case "config", [config]:
            bench.set_config(config)
    return 0


@settings(max_examples=400, deadline=None)
@given(
    size=st.one_of(signed(2**200), usual_sizes),
    skew=st.one_of(signed(2**95), usual_sizes, st.just(0)),
    price=spread(10**6, 2**92),
    volatility=volatilities,
    age=spread(0, 10**7),
    reduce_only=st.booleans(),
)
def test_pool__any_question__equals_model(
    benches: dict[str, MarketBench], size: int, skew: int, price: int, volatility: int, age: int, reduce_only: bool
) -> None:
    """HLT-11: the pool's prices and rates, at any size, inventory, volatility and age."""
    bench = benches["usual"]
    pool, model = bench.pool, bench.model.pool
    reduce_only &= abs(size) < 2**96  # no book holds more to be closed
    with suppress(Reverted):  # refused by both, for one reason
        filled = bench.same(
            lambda: pool.order_price(1, size, price, volatility, skew, reduce_only),
            lambda: model.order_price(1, size, price, volatility, skew, reduce_only),
        )
        assert (filled - price) * size >= 0
    rate = bench.same(lambda: pool.engine_rate(1, volatility, age), lambda: model.engine_rate(1, volatility, age))
    assert QUOTE_CONFIG.base_spread <= rate < WAD
