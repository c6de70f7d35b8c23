"""The oracle and its integer model, side by side through random histories: every answer and every reason equal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ballast.chain import Reverted
from ballast.chain.base import ZERO_ADDRESS, Contract
from ballast.chain.revm import RevmChain
from ballast.model.errors import Rejected
from ballast.model.fixed_point import WAD
from ballast.model.oracle import PRICE_UNIT, Answer, Feed, FeedConfig, scaled_price

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


class Pair:
    """Contract and model of one feed, given the same rounds."""

    def __init__(self, chain: RevmChain, oracle: Contract, config: FeedConfig, decimals: int, first: int) -> None:
        self.chain, self.oracle = chain, oracle
        self.owner = chain.accounts[0]
        self.decimals = decimals
        self.feed = Feed(config, decimals)
        self.price = max(1, first)
        self.aggregator = self._aggregator()
        self.proxy = chain.deploy("MockFeedProxy", self.aggregator.address, sender=self.owner)
        self.publish(self.price)
        struct = {"feed": self.proxy.address, "second_feed": ZERO_ADDRESS, **vars(config)}
        expected = scaled_price(self.price, decimals) * PRICE_UNIT
        self._same(
            lambda: oracle.set_feed(FEED, struct, expected, sender=self.owner) and None,
            lambda: self.feed.set_feed(self.now, expected),
        )

    @property
    def now(self) -> int:
        return self.chain.timestamp

    @property
    def latest(self) -> int:
        return len(self.feed.aggregators) << 64 | len(self.feed.aggregators[-1])

    def publish(self, answer: int) -> None:
        self.aggregator.publish(answer, sender=self.owner)
        self.feed.publish(answer, self.now)

    def publish_round(self, answer: int, updated_at: int, lag: int) -> None:
        number = len(self.feed.aggregators[-1]) + 1
        answered_in = max(0, number - lag)
        self.aggregator.publish_round(answer, 0, updated_at, answered_in, sender=self.owner)
        self.feed.publish_round(answer, updated_at, answered_in)

    def new_phase(self, rounds: int) -> None:
        self.aggregator = self._aggregator()
        for _ in range(rounds):
            self.aggregator.publish(self.price, sender=self.owner)
        self.proxy.set_aggregator(self.aggregator.address, sender=self.owner)
        self.feed.set_aggregator([Answer(self.price, self.now, number) for number in range(1, rounds + 1)])

    def compare(self, back: int, ago: int) -> None:
        oracle, feed, now = self.oracle, self.feed, self.now
        self._same(lambda: oracle.quote(FEED), lambda: tuple(vars(feed.quote(now)).values()))
        self._same(lambda: oracle.pending(FEED), feed.pending)
        self._same(lambda: oracle.last_round(FEED), feed.last_round)
        round_ = max(0, self.latest - back)
        self._same(
            lambda: oracle.first_round(FEED, round_, now - ago), lambda: feed.first_round(round_, now - ago, now)
        )

    def consume(self) -> None:
        self._same(lambda: self.oracle.consume(FEED, sender=self.owner) and None, lambda: self.feed.consume(self.now))

    def poke(self) -> None:
        self._same(lambda: self.oracle.poke(FEED, sender=self.owner).returned, lambda: self.feed.poke(self.now))

    def _aggregator(self) -> Contract:
        return self.chain.deploy("MockAggregator", self.decimals, "X / USD", sender=self.owner)

    def _same(self, contract: Callable[[], Any], model: Callable[[], Any]) -> None:
        assert answered(contract) == answered(model)


@st.composite
def configs(draw: st.DrawFn) -> FeedConfig:
    """Any configuration within bounds."""
    floor = draw(st.integers(1, 255))
    cap = draw(st.integers(-(-floor // 10), 255)) * 10
    initial = st.integers(floor * PERCENT, cap * PERCENT)
    return FeedConfig(
        heartbeat=draw(st.integers(60, 172_800)),
        grace=draw(st.integers(0, 86_400)),
        volatility_floor=floor * PERCENT,
        volatility_cap=cap * PERCENT,
        initial_fast=draw(initial),
        initial_slow=draw(initial),
        slow_rise=draw(st.integers(1, 255)) * PERCENT,
        jump=draw(st.integers(1, 100)) * PERCENT,
        jump_duration=draw(st.integers(0, 255)) * 60,
    )


MOVES = st.one_of(
    st.integers(9_900, 10_100),  # [bps of the last price] everyday
    st.integers(5_000, 20_000),  # a jump
    st.sampled_from([1, 10**8]),  # absurd
)
ANSWERS = st.one_of(st.integers(-3, 3), st.sampled_from([-(2**127) + 1, 2**127 - 1, 2**72 - 1, 2**72, 10**17]))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), MOVES),
        st.tuples(st.just("publish"), MOVES),
        st.tuples(st.just("wait"), st.one_of(st.integers(1, 120), st.integers(1, 20_000), st.just(10**8))),
        st.tuples(st.just("burst"), st.integers(2, 20)),
        st.tuples(st.just("odd"), ANSWERS, st.sampled_from([0, 0, 0, 1, 30, -1, -500, None]), st.integers(0, 2)),
        st.tuples(st.just("outage"), st.integers(3, 5)),
        st.tuples(st.just("phase"), st.integers(0, 3)),
        st.tuples(st.just("consume")),
        st.tuples(st.just("poke")),
    ),
    min_size=5,
    max_size=25,
)


@pytest.fixture(scope="module")
def deployed() -> tuple[RevmChain, Contract]:
    chain = RevmChain()
    owner = chain.accounts[0]
    vault = chain.deploy("QuoteStub", sender=owner)
    return chain, chain.deploy("PriceOracle", vault.address, sender=owner)


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
        case ("phase", rounds):
            pair.new_phase(rounds)
        case ("consume",):
            pair.consume()
        case ("poke",):
            pair.poke()


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    config=configs(),
    decimals=st.sampled_from([0, 6, 8, 8, 8, 12, 18]),
    dollars=st.integers(1, 200_000),
    steps=STEPS,
    back=st.integers(-1, 6),
    ago=st.integers(0, 600),
)
def test_oracle__random_history__equals_the_model(
    deployed: tuple[RevmChain, Contract],
    config: FeedConfig,
    decimals: int,
    dollars: int,
    steps: list[tuple[Any, ...]],
    back: int,
    ago: int,
) -> None:
    """HLT-11, §7.9: bit for bit, invalid rounds, phases, equal times and overlong histories included."""
    chain, oracle = deployed
    snapshot = chain.snapshot()
    try:
        pair = Pair(chain, oracle, config, decimals, dollars * 10**decimals)
        for step in steps:
            take(pair, step)
            pair.compare(back, ago)
        while pair.feed.pending() > 1:
            pair.poke()
            pair.compare(back, ago)
    finally:
        chain.revert(snapshot)
