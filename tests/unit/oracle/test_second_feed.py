"""A second feed of the same price: refused where both speak and disagree, believed alone where it is silent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Reverted
from ballast.chain.base import Contract
from ballast.model.fixed_point import WAD
from tests.unit.oracle.conftest import FEED, Oracle

PERCENT = WAD // 100
REVERTS, BURNS, NOTHING, LITTLE, NONSENSE, TOO_MUCH = (1 << bit for bit in range(6))


class Second:
    """The second feed behind a wrapper that can break it."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self.aggregator = oracle.new_aggregator(18)
        self.proxy = oracle.deploy("MockFeedProxy", self.aggregator.address)
        self.feed = oracle.deploy("MockBrokenFeed", self.proxy.address)

    def publish(self, dollars: float) -> None:
        """A round now."""
        self.aggregator.publish(round(dollars * 10**6) * 10**12, sender=self._oracle.owner)

    def break_(self, breakage: int) -> None:
        """Answer nonsense from now on, or none again with 0."""
        self.feed.set_breakage(breakage, sender=self._oracle.owner)


@pytest.fixture
def second(oracle: Oracle) -> Second:
    """A second feed, an hour's silence and 2 % of deviation allowed, that agrees on $2,000."""
    second = Second(oracle)
    second.publish(2_000)
    oracle.set_feed(second_feed=second.feed.address, second_max_age=3_600, max_deviation=2 * PERCENT)
    return second


@pytest.fixture
def reader(oracle: Oracle) -> Callable[[], Any]:
    """Consume and quote in one transaction."""
    contract: Contract = oracle.deploy("MockOracleReader")
    return lambda: contract.consume_and_quote(oracle.contract.address, FEED, sender=oracle.stranger).returned


def test_quote__second_agrees__is_as_without_it(oracle: Oracle, second: Second) -> None:
    """ORC-4"""
    quote = oracle.quote()
    assert (quote.price, quote.guarded, quote.unconfirmed) == (2_000 * WAD, False, False)


@pytest.mark.parametrize(("first", "other"), [(2_040, 2_000), (2_000, 2_040)])
def test_quote__feeds_disagree__is_refused_until_they_agree(
    oracle: Oracle, second: Second, reader: Callable[[], Any], first: int, other: int
) -> None:
    """ORC-4, X-ORC-03: the deviation is of the lower price; 2 % exactly is allowed, more is not."""
    oracle.publish(first, after=60)
    second.publish(other)
    assert oracle.quote().price == first * WAD
    oracle.publish(first + (first > other), after=60)
    second.publish(other + (other > first))
    for ask in (oracle.quote, reader):
        with pytest.raises(Reverted, match="oracle: feeds disagree"):
            ask()
    oracle.consume()  # its rounds are consumed all the same
    assert oracle.contract.pending(FEED) == 0
    second.publish(first)
    assert oracle.quote() == reader()


@pytest.mark.parametrize("breakage", [REVERTS, BURNS, NOTHING, LITTLE, NONSENSE])
def test_quote__second_broken__closes_opening_and_no_more(
    oracle: Oracle, second: Second, reader: Callable[[], Any], breakage: int
) -> None:
    """ORC-4, X-ORC-08: a feed that reverts, burns its gas or answers nonsense freezes nothing."""
    oracle.publish(2_010, after=60)
    second.break_(breakage)
    quote = oracle.quote()
    assert (quote.price, quote.guarded, quote.unconfirmed) == (2_010 * WAD, True, False)
    assert reader() == quote
    second.break_(0)
    assert oracle.quote().guarded is False


def test_quote__second_answers_too_much__is_heard(oracle: Oracle, second: Second) -> None:
    second.break_(TOO_MUCH)
    assert oracle.quote().guarded is False


def test_quote__second_too_old__is_silent(oracle: Oracle, second: Second) -> None:
    oracle.publish(2_100, after=3_600)
    with pytest.raises(Reverted, match="oracle: feeds disagree"):
        oracle.quote()
    oracle.chain.advance(1)
    quote = oracle.quote()
    assert (quote.guarded, quote.unconfirmed) == (True, False)


@pytest.mark.parametrize(
    ("answer", "age", "lag"),
    [
        (0, 0, 0),
        (-1, 0, 0),
        (10**6 - 1, 0, 0),  # of 18 decimals: no price in 1e-12 USD
        (2_000 * 10**18, None, 0),
        (2_000 * 10**18, -1, 0),  # in the future
        (2_000 * 10**18, 0, 1),  # answered in an older round
        (5 * 10**9 * 10**18, 0, 0),  # too high
    ],
)
def test_quote__second_shows_an_unusable_round__is_silent(
    oracle: Oracle, second: Second, answer: int, age: int | None, lag: int
) -> None:
    """ORC-1: a wrong price of the second feed cannot freeze the first by being no price."""
    oracle.chain.advance(60)
    updated_at = 0 if age is None else oracle.chain.timestamp - age
    second.aggregator.publish_round(answer, 0, updated_at, 2 - lag, sender=oracle.owner)
    assert oracle.quote().guarded is True


def test_quote__jump_that_the_second_shows__is_confirmed(
    oracle: Oracle, second: Second, reader: Callable[[], Any]
) -> None:
    """ORC-5: opening stays closed for a while, the engine may go on."""
    oracle.publish(1_500, after=60)
    second.publish(1_510)
    quote = oracle.quote()
    assert (quote.guarded, quote.unconfirmed) == (True, False)
    assert reader() == quote


def test_quote__jump_with_a_silent_second__is_unconfirmed(
    oracle: Oracle, second: Second, reader: Callable[[], Any]
) -> None:
    """ORC-5"""
    oracle.publish(1_500, after=60)
    second.break_(REVERTS)
    quote = oracle.quote()
    assert (quote.guarded, quote.unconfirmed) == (True, True)
    assert reader() == quote
    oracle.chain.advance(600)
    assert (oracle.quote().guarded, oracle.quote().unconfirmed) == (True, False)


@pytest.mark.parametrize("dollars", [2_401, 1_599])
def test_quote__jump_that_the_second_has_not_seen__is_refused(oracle: Oracle, second: Second, dollars: int) -> None:
    """ORC-4, ORC-5: the allowed deviation is at most the jump, so the price before can never confirm the one after."""
    oracle.set_feed(second_feed=second.feed.address, second_max_age=3_600, max_deviation=20 * PERCENT)
    oracle.publish(dollars, after=60)
    with pytest.raises(Reverted, match="oracle: feeds disagree"):
        oracle.quote()


@pytest.mark.parametrize("gas", range(60_000, 130_000, 2_000))
def test_quote__little_gas__never_silences_the_second(oracle: Oracle, second: Second, gas: int) -> None:
    """ORC-4, EXT-3: who sends too little gas for the second feed to answer gets nothing, not a price unguarded."""
    second.publish(2_100)
    with pytest.raises(Reverted) as refusal:
        oracle.contract.quote(FEED, gas=gas)
    assert refusal.value.reason in ("", "oracle: not enough gas", "oracle: feeds disagree")


def test_quote__just_too_little_gas__says_so(oracle: Oracle, second: Second) -> None:
    reasons = set()
    for gas in range(60_000, 130_000, 2_000):
        try:
            oracle.contract.quote(FEED, gas=gas)
        except Reverted as refusal:
            reasons.add(refusal.reason)
    assert "oracle: not enough gas" in reasons


# Setting it


@pytest.mark.parametrize(
    "change",
    [
        {"second_feed": "0x" + "12" * 20},  # no code
        {"second_feed": "0x" + "00" * 20},  # none, with limits
        {"second_max_age": 59},
        {"second_max_age": 259_201},
        {"max_deviation": 49 * WAD // 10_000},
        {"max_deviation": 2 * PERCENT + 1},
        {"max_deviation": 21 * PERCENT},  # above the jump
    ],
    ids=str,
)
def test_set_feed__second_out_of_bounds__reverts(oracle: Oracle, second: Second, change: dict[str, Any]) -> None:
    """ORC-10"""
    terms = {"second_feed": second.feed.address, "second_max_age": 3_600, "max_deviation": 2 * PERCENT}
    with pytest.raises(Reverted, match="oracle: parameter out of bounds"):
        oracle.set_feed(**terms | change)


def test_set_feed__second_is_the_first__reverts(oracle: Oracle) -> None:
    with pytest.raises(Reverted, match="oracle: parameter out of bounds"):
        oracle.set_feed(second_feed=oracle.proxy.address, second_max_age=3_600, max_deviation=2 * PERCENT)


def test_set_feed__second_silent_or_elsewhere__reverts(oracle: Oracle, second: Second) -> None:
    """ORC-6: a second feed must confirm the price when it is set."""
    terms = {"second_feed": second.feed.address, "second_max_age": 3_600, "max_deviation": 2 * PERCENT}
    second.break_(BURNS)
    with pytest.raises(Reverted, match="oracle: second feed is silent"):
        oracle.set_feed(**terms)
    second.break_(0)
    second.publish(2_100)
    with pytest.raises(Reverted, match="oracle: feeds disagree"):
        oracle.set_feed(**terms)


def test_set_feed__without_the_second__asks_it_no_more(oracle: Oracle, second: Second) -> None:
    second.publish(3_000)
    oracle.set_feed()
    assert oracle.quote().price == 2_000 * WAD
    assert oracle.contract.feed_config(FEED).second_feed == "0x" + "00" * 20


def test_quote__a_first_feed_that_breaks__is_frozen_and_its_neighbour_is_not(oracle: Oracle) -> None:
    """X-ORC-08, ORC-3: the first feed has no substitute; nothing but its own price is gone."""
    broken = oracle.deploy("MockBrokenFeed", oracle.proxy.address)
    oracle.set_feed(5, feed=broken.address)
    for breakage in (REVERTS, NOTHING, LITTLE, NONSENSE):
        broken.set_breakage(breakage, sender=oracle.owner)
        with pytest.raises(Reverted):
            oracle.contract.quote(5)
        assert oracle.quote().price == 2_000 * WAD


def test_set_feed__old_feed_is_dead__can_be_replaced(oracle: Oracle) -> None:
    """What it published and nobody consumed is passed over."""
    broken = oracle.deploy("MockBrokenFeed", oracle.proxy.address)
    oracle.set_feed(5, feed=broken.address)
    oracle.publish(2_050, after=60)
    for breakage in (REVERTS, BURNS, NOTHING):
        broken.set_breakage(breakage, sender=oracle.owner)
        snapshot = oracle.chain.snapshot()
        oracle.set_feed(5, feed=oracle.new_feed(2_040).address)
        assert oracle.contract.quote(5).price == 2_040 * WAD
        oracle.chain.revert(snapshot)


def test_set_feed__too_little_gas_for_the_old_feeds_rounds__reverts(oracle: Oracle) -> None:
    """Nobody can skip pending rounds by executing a change with little gas."""
    oracle.publish(2_050, after=60)
    with pytest.raises(Reverted, match="oracle: not enough gas"):
        oracle.contract.set_feed(FEED, oracle.config(), 2_000 * WAD, sender=oracle.owner, gas=400_000)
