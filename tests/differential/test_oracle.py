"""The oracle and its integer model, side by side through random histories: every answer and every reason equal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ballast.chain import Reverted
from ballast.chain.base import ZERO_ADDRESS, Contract
from ballast.chain.revm import RevmChain
from ballast.model.errors import Rejected
from ballast.model.fixed_point import WAD
from ballast.model.oracle import BASIS_POINT, PRICE_UNIT, Answer, Feed, FeedConfig, Sequencer, Told

FEED = 1
PERCENT = WAD // 100

Answered = tuple[str, Any]


def answered(call: Callable[[], Any]) -> Answered:
    """What a call gives: a value or the reason of its refusal."""
    try:
        value = call()
    except (Reverted, Rejected) as refusal:
        if not refusal.reason:
            raise
        return "refused", refusal.reason
    return "value", tuple(value) if isinstance(value, tuple) else value


@dataclass
class Second:
    """A second feed of the same price: contracts, and what it tells the model."""

    aggregator: Contract
    feed: Contract  # the aggregator, until it breaks
    decimals: int
    told: Told
    is_broken: bool = False


class Pair:
    """Contract and model of one feed, given the same rounds."""

    def __init__(self, bench: Bench, terms: Terms, first: int, sequencer: int | None) -> None:
        self.chain, self.oracle, self.reader = bench
        self.owner = self.chain.accounts[0]
        self.price = max(1, first)  # [raw]
        self.aggregator, self.proxy = self._new_feed(terms.decimals, self.price, 0)
        self.second = self._new_second(terms, self.price)
        self.uptime = self.chain.deploy("MockSequencerFeed", sender=self.owner)
        self.feed = self._model(terms, self.price, 0)
        if sequencer is not None:
            self.feed.sequencer = Sequencer(sequencer)
            self.set_status(0, 10**6)
            self.oracle.set_sequencer(self.uptime.address, sequencer, sender=self.owner)
        expected = self.feed.scaled(self.price) * PRICE_UNIT
        struct = self._struct(terms.config, self.proxy, self.second)
        self._same(
            lambda: self.oracle.set_feed(FEED, struct, expected, sender=self.owner) and None,
            lambda: self.feed.set_feed(self.now, expected),
        )

    @property
    def now(self) -> int:
        return self.chain.timestamp

    @property
    def latest(self) -> int:
        return len(self.feed.aggregators) << 64 | len(self.feed.aggregators[-1])

    # The feed

    def publish(self, answer: int) -> None:
        self.aggregator.publish(answer, sender=self.owner)
        self.feed.publish(answer, self.now)

    def publish_round(self, answer: int, updated_at: int, lag: int) -> None:
        number = len(self.feed.aggregators[-1]) + 1
        answered_in = max(0, number - lag)
        self.aggregator.publish_round(answer, 0, updated_at, answered_in, sender=self.owner)
        self.feed.publish_round(answer, updated_at, answered_in)

    def new_phase(self, rounds: int, decimals: int) -> None:
        self.aggregator = self._aggregator(decimals)
        for _ in range(rounds):
            self.aggregator.publish(self.price, sender=self.owner)
        self.proxy.set_aggregator(self.aggregator.address, sender=self.owner)
        self.feed.set_aggregator([Answer(self.price, self.now, number) for number in range(1, rounds + 1)], decimals)

    # Its guards

    def publish_second(self, move: int, age: int | None, lag: int) -> None:
        if (second := self.second) is not None:
            number, updated_at = second.told.id + 1, 0 if age is None else self.now - age
            answer = min(self._rescaled(self.price * move // 10_000, second.decimals), 2**126)
            answered_in = max(0, number - lag)
            second.aggregator.publish_round(answer, 0, updated_at, answered_in, sender=self.owner)
            second.told = Told(number, answer, 0, updated_at, answered_in)
            self._tell()

    def break_second(self, breakage: int) -> None:
        if (second := self.second) is not None:
            second.feed.set_breakage(breakage, sender=self.owner)
            second.is_broken = breakage not in (0, TOO_MUCH)
            self._tell()

    def set_status(self, status: int, age: int | None) -> None:
        started_at = 0 if age is None else self.now - age
        self.uptime.set_answer(status, started_at, sender=self.owner)
        if self.feed.sequencer is not None:
            self.feed.sequencer.told = Told(1, status, started_at, started_at, 1)

    def set_off(self, off: bool) -> None:
        self._same(
            lambda: self.oracle.set_feed_off(FEED, off, sender=self.owner) and None,
            lambda: self.feed.set_off(off, self.now),
        )

    def change(self, terms: Terms, move: int, age: int, skew: int) -> None:
        """Another proxy, or what the first shows with other terms; a refused change leaves everything."""
        if self.feed.state is None:
            return
        answer = max(1, self._rescaled(self.price * move // 10_000, terms.decimals))
        aggregator, proxy = self._new_feed(terms.decimals, answer, age)
        second = self._new_second(terms, answer)
        other = self._model(terms, answer, age, second)
        expected = other.scaled(answer) * PRICE_UNIT * skew // 10_000
        struct = self._struct(terms.config, proxy, second)
        before = self.feed.config
        self._same(
            lambda: self.oracle.set_feed(FEED, struct, expected, sender=self.owner) and None,
            lambda: self.feed.change_feed(other, self.now, expected),
        )
        if self.feed.config is not before:
            self.aggregator, self.proxy, self.second, self.price = aggregator, proxy, second, answer

    # Both

    def compare(self, back: int, ago: int) -> None:
        oracle, feed, now = self.oracle, self.feed, self.now
        self._same(lambda: oracle.quote(FEED), lambda: tuple(vars(feed.quote(now)).values()))
        self._same(lambda: oracle.pending(FEED), feed.pending)
        self._same(lambda: oracle.silence(FEED), lambda: feed.silence(now))
        self._same(lambda: oracle.silent_for(FEED), lambda: feed.silent_for(now))
        self._same(lambda: oracle.last_price(FEED), lambda: feed.last_price)
        self._same(lambda: oracle.last_round(FEED), feed.last_round)
        round_ = max(0, self.latest - back)
        self._same(
            lambda: oracle.first_round(FEED, round_, now - ago), lambda: feed.first_round(round_, now - ago, now)
        )
        self._same(lambda: oracle.price_since(FEED, now - ago), lambda: feed.price_since(now - ago, now))

    def consume(self) -> None:
        self._same(lambda: self.oracle.consume(FEED, sender=self.owner) and None, lambda: self.feed.consume(self.now))

    def consume_and_quote(self) -> None:
        """In one transaction: what was noted is what is quoted. A refusal takes the consumption with it."""
        feed, before, silence = self.feed, self.feed.state, self.feed.ended_silence

        def on_model() -> Any:
            try:
                feed.consume(self.now)
                return tuple(vars(feed.quote(self.now)).values())
            except Rejected:
                feed.state, feed.ended_silence = before, silence
                raise

        read = self.reader.consume_and_quote
        self._same(lambda: read(self.oracle.address, FEED, sender=self.owner).returned, on_model)

    def poke(self) -> None:
        self._same(lambda: self.oracle.poke(FEED, sender=self.owner).returned, lambda: self.feed.poke(self.now))

    # Internal

    def _aggregator(self, decimals: int) -> Contract:
        return self.chain.deploy("MockAggregator", decimals, "X / USD", sender=self.owner)

    def _new_feed(self, decimals: int, answer: int, age: int) -> tuple[Contract, Contract]:
        aggregator = self._aggregator(decimals)
        aggregator.publish_round(answer, 0, self.now - age, 1, sender=self.owner)
        return aggregator, self.chain.deploy("MockFeedProxy", aggregator.address, sender=self.owner)

    def _new_second(self, terms: Terms, answer: int) -> Second | None:
        if not terms.config.second_max_age:
            return None
        decimals, now = terms.second_decimals, self.now
        aggregator = self._aggregator(decimals)
        feed = self.chain.deploy("MockBrokenFeed", aggregator.address, sender=self.owner)
        same = answer * 10**decimals // 10**terms.decimals
        aggregator.publish_round(same, 0, now, 1, sender=self.owner)
        return Second(aggregator, feed, decimals, Told(1, same, 0, now, 1))

    def _model(self, terms: Terms, answer: int, age: int, second: Second | None = None) -> Feed:
        second = second or self.second
        return Feed(
            terms.config,
            terms.decimals,
            [[Answer(answer, self.now - age, 1)]],
            second.told if second else None,
            terms.second_decimals,
        )

    def _struct(self, config: FeedConfig, proxy: Contract, second: Second | None) -> dict[str, Any]:
        other = second.feed.address if second else ZERO_ADDRESS
        return {"feed": proxy.address, "second_feed": other, **vars(config)}

    def _rescaled(self, answer: int, decimals: int) -> int:
        return answer * 10**decimals // 10**self.feed.decimals

    def _tell(self) -> None:
        second = self.second
        self.feed.second = None if second is None or second.is_broken else second.told

    def _same(self, contract: Callable[[], Any], model: Callable[[], Any]) -> None:
        assert answered(contract) == answered(model)


class Terms(NamedTuple):
    """What an owner sets a feed with."""

    config: FeedConfig
    decimals: int
    second_decimals: int


Bench = tuple[RevmChain, Contract, Contract]
DECIMALS = st.sampled_from([0, 6, 8, 8, 8, 12, 18])


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    """Any configuration within bounds, every other one with a second feed."""
    floor = draw(st.integers(1, 255))
    cap = draw(st.integers(-(-floor // 10), 255)) * 10
    jump = draw(st.integers(1, 100))
    initial = st.integers(floor * PERCENT, cap * PERCENT)
    second = draw(st.booleans())
    config = FeedConfig(
        heartbeat=draw(st.integers(60, 172_800)),
        grace=draw(st.integers(0, 86_400)),
        volatility_floor=floor * PERCENT,
        volatility_cap=cap * PERCENT,
        initial_fast=draw(initial),
        initial_slow=draw(initial),
        slow_rise=draw(st.integers(1, 255)) * PERCENT,
        jump=jump * PERCENT,
        jump_duration=draw(st.integers(0, 255)) * 60,
        second_max_age=draw(st.integers(60, 3 * 86_400)) if second else 0,
        max_deviation=draw(st.integers(50, 100 * jump)) * BASIS_POINT if second else 0,
    )
    return Terms(config, draw(DECIMALS), draw(DECIMALS))


TOO_MUCH = 32
MOVES = st.one_of(
    st.integers(9_900, 10_100),  # [bps of the last price] everyday
    st.integers(5_000, 20_000),  # a jump
    st.sampled_from([1, 10**8]),  # absurd
)
ANSWERS = st.one_of(st.integers(-3, 3), st.sampled_from([-(2**127) + 1, 2**127 - 1, 2**72 - 1, 2**72, 10**17]))
AGES = st.sampled_from([0, 0, 0, 1, 30, -1, -500, None])
FEEDS = [
    st.tuples(st.just("publish"), MOVES),
    st.tuples(st.just("publish"), MOVES),
    st.tuples(st.just("wait"), st.one_of(st.integers(1, 120), st.integers(1, 20_000), st.just(10**8))),
    st.tuples(st.just("burst"), st.integers(2, 20)),
    st.tuples(st.just("odd"), ANSWERS, AGES, st.integers(0, 2)),
    st.tuples(st.just("outage"), st.integers(3, 5)),
    st.tuples(st.just("phase"), st.integers(0, 3), st.sampled_from([None, None, None, 6, 18])),
    st.tuples(st.just("consume")),
    st.tuples(st.just("poke")),
]
GUARDS = [
    st.tuples(st.just("second"), MOVES, AGES, st.integers(0, 1)),
    st.tuples(st.just("second"), st.integers(9_900, 10_100), st.just(0), st.just(0)),
    st.tuples(st.just("break"), st.sampled_from([0, 0, 1, 2, 4, 8, 16, TOO_MUCH])),
    st.tuples(
        st.just("sequencer"), st.sampled_from([0, 0, 0, 1, 2, -1]), st.sampled_from([10**6, 10**6, 100, 0, -5, None])
    ),
    st.tuples(st.just("off"), st.booleans()),
    st.tuples(
        st.just("change"),
        terms(),
        st.one_of(st.just(10_000), st.integers(9_500, 10_500), MOVES),
        st.sampled_from([0, 0, 60, 4_000]),
        st.sampled_from([10_000, 10_000, 7_000, 14_999, 15_001, 0]),
    ),
    st.tuples(st.just("together")),
]
STEPS = st.lists(st.one_of(*FEEDS), min_size=5, max_size=25)
GUARDED_STEPS = st.lists(st.one_of(*FEEDS, *GUARDS), min_size=5, max_size=25)


@pytest.fixture(scope="module")
def bench() -> Bench:
    chain = RevmChain()
    owner = chain.accounts[0]
    vault = chain.deploy("QuoteStub", sender=owner)
    oracle = chain.deploy("PriceOracle", vault.address, sender=owner)
    return chain, oracle, chain.deploy("MockOracleReader", sender=owner)


def take(pair: Pair, step: tuple[Any, ...]) -> None:
    """One step of a history."""
    match step:
        case ("publish", move):
            pair.price = min(max(1, pair.price * move // 10_000), 2**126)
            pair.publish(pair.price)
        case ("wait", seconds):
            pair.chain.advance(seconds)
        case ("burst", count):
            for index in range(count):
                pair.chain.advance(7)
                pair.publish(pair.price + index)
        case ("odd", answer, age, lag):
            pair.publish_round(answer, 0 if age is None else pair.now - age, lag)
        case ("outage", count):
            pair.chain.advance(1)
            for _ in range(count):
                pair.publish(0)
            pair.chain.advance(1)
            pair.publish(pair.price)
        case ("phase", rounds, decimals):
            pair.new_phase(rounds, pair.feed.decimals if decimals is None else decimals)
        case ("second", move, age, lag):
            pair.publish_second(move, age, lag)
        case ("break", breakage):
            pair.break_second(breakage)
        case ("sequencer", status, age):
            pair.set_status(status, age)
        case ("off", off):
            pair.set_off(off)
        case ("change", terms, move, age, skew):
            pair.change(terms, move, age, skew)
        case ("consume",):
            pair.consume()
        case ("together",):
            pair.consume_and_quote()
        case ("poke",):
            pair.poke()


def replay(pair: Pair, steps: list[tuple[Any, ...]], back: int, ago: int) -> None:
    """A history on both sides, compared after each step and to its end."""
    for step in steps:
        take(pair, step)
        pair.compare(back, ago)
    while pair.feed.state is not None and pair.feed.pending() > 1:
        pair.poke()
        pair.compare(back, ago)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(terms=terms(), dollars=st.integers(1, 200_000), steps=STEPS, back=st.integers(-1, 6), ago=st.integers(0, 600))
def test_oracle__random_history__equals_the_model(
    bench: Bench, terms: Terms, dollars: int, steps: list[tuple[Any, ...]], back: int, ago: int
) -> None:
    """HLT-11, §7.9: bit for bit, invalid rounds, phases, equal times and overlong histories included."""
    snapshot = bench[0].snapshot()
    try:
        replay(Pair(bench, terms, dollars * 10**terms.decimals, None), steps, back, ago)
    finally:
        bench[0].revert(snapshot)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    terms=terms(),
    dollars=st.integers(1, 200_000),
    sequencer=st.one_of(st.none(), st.integers(0, 86_400)),
    steps=GUARDED_STEPS,
    back=st.integers(-1, 6),
    ago=st.integers(0, 600),
)
def test_oracle__random_guards__equals_the_model(
    bench: Bench,
    terms: Terms,
    dollars: int,
    sequencer: int | None,
    steps: list[tuple[Any, ...]],
    back: int,
    ago: int,
) -> None:
    """HLT-11, §7.9, ORC-4: second feeds that lie or die, sequencers, switches and changed feeds, bit for bit."""
    snapshot = bench[0].snapshot()
    try:
        replay(Pair(bench, terms, dollars * 10**terms.decimals, sequencer), steps, back, ago)
    finally:
        bench[0].revert(snapshot)
