"""Pointing a feed at another proxy: what is believed at once, what is not, and what stays."""

from __future__ import annotations

import pytest

from ballast.chain import Reverted
from ballast.model.fixed_point import WAD
from tests.unit.oracle.conftest import FEED, UNIT, Oracle

PERCENT = WAD // 100
HOUR = 3_600


@pytest.mark.parametrize(
    ("dollars", "expected"), [(2_000, 3_000), (2_000, 1_333.34), (2_000, 2_000)], ids=["above", "below", "exact"]
)
def test_set_feed__price_as_expected__is_set(oracle: Oracle, dollars: float, expected: float) -> None:
    oracle.set_feed(7, expected, feed=oracle.new_feed(dollars).address)
    assert oracle.contract.quote(7).price == dollars * WAD


@pytest.mark.parametrize(
    ("shown", "decimals", "expected"),
    [
        (2_000, 8, 3_001),
        (2_000, 8, 1_333),
        (2_000, 8, 0),
        (2_000 * 10**-10, 18, 2_000),  # 8 decimals in fact, and said to be 18
        (2_000 * 10**4, 8, 2_000),  # 12 in fact, and said to be 8
        (1 / 2_000, 8, 2_000),  # the inverse pair
        (25, 8, 2_000),  # another asset
    ],
)
def test_set_feed__price_that_nobody_expects__reverts(
    oracle: Oracle, shown: float, decimals: int, expected: float
) -> None:
    """ORC-6, X-ORC-06: a new feed with wrong decimals, of an inverse pair or another asset."""
    with pytest.raises(Reverted, match="oracle: unexpected price"):
        oracle.set_feed(7, expected, feed=oracle.new_feed(shown, decimals).address)
    with pytest.raises(Reverted, match="oracle: feed not set"):
        oracle.contract.quote(7)


@pytest.mark.parametrize(
    ("shown", "decimals", "expected"),
    [(2_201, 8, 2_201), (1_818, 8, 1_818), (1 / 2_000, 8, 1 / 2_000), (2e-7, 18, 2e-7)],
)
def test_set_feed__far_from_the_last_price__reverts(
    oracle: Oracle, shown: float, decimals: int, expected: float
) -> None:
    """ORC-6, X-ORC-06: even where the owner's expectation is as wrong as the feed."""
    before = oracle.quote()
    with pytest.raises(Reverted, match="oracle: far from the last price"):
        oracle.set_feed(FEED, expected, feed=oracle.new_feed(shown, decimals).address)
    assert oracle.quote() == before


def test_set_feed__last_price_is_old__bound_widens(oracle: Oracle) -> None:
    """ORC-6: 10 % at once, and 4 % more for each hour of silence."""
    oracle.set_feed(FEED, 2_200, feed=oracle.new_feed(2_200).address)
    oracle.chain.advance(10 * HOUR)
    for dollars in (3_301, 1_466):
        with pytest.raises(Reverted, match="oracle: far from the last price"):
            oracle.set_feed(FEED, dollars, feed=oracle.new_feed(dollars).address)
    oracle.set_feed(FEED, 3_300, feed=oracle.new_feed(3_300).address)
    assert oracle.quote().price == 3_300 * WAD


def test_set_feed__off_for_a_day__last_price_counts_no_more(oracle: Oracle) -> None:
    """X-GOV-04: a wrong price that was taken once does not bar the right one; the owner's expectation still does."""
    oracle.publish(2_000_000, after=60)
    oracle.consume()
    oracle.contract.set_feed_off(FEED, True, sender=oracle.guardian)
    oracle.chain.advance(86_399)
    good = oracle.new_feed(2_000).address
    with pytest.raises(Reverted, match="oracle: far from the last price"):
        oracle.set_feed(FEED, 2_000, feed=good)
    oracle.chain.advance(1)
    oracle.set_feed(FEED, 2_000, feed=oracle.new_feed(2_000).address, grace=86_400)
    oracle.contract.set_feed_off(FEED, False, sender=oracle.owner)
    quote = oracle.quote()
    assert (quote.price, quote.guarded) == (2_000 * WAD, True)


def test_set_feed__another_proxy__keeps_volatilities_and_average(oracle: Oracle) -> None:
    """ORC-6: the step between two feeds is no return; initial estimates are for new feeds."""
    oracle.publish(2_100, after=600)
    oracle.chain.advance(600)
    before = oracle.quote()
    oracle.set_feed(FEED, 2_080, feed=oracle.new_feed(2_079).address, initial_fast=200 * PERCENT)
    quote = oracle.quote()
    assert quote.price == 2_079 * WAD
    assert (quote.fast_volatility, quote.slow_volatility) == (before.fast_volatility, before.slow_volatility)
    assert quote.average == pytest.approx(before.average, rel=2e-8)
    assert (quote.updated_at, quote.round) == (oracle.chain.timestamp, 1 << 64 | 1)


def test_set_feed__another_proxys_older_round__is_taken_as_it_is(oracle: Oracle) -> None:
    other = oracle.new_feed(2_079).address
    oracle.publish(2_100, after=600)
    before = oracle.quote()
    oracle.set_feed(FEED, 2_080, feed=other)
    quote = oracle.quote()
    assert (quote.price, quote.updated_at) == (2_079 * WAD, before.updated_at - 600)
    assert quote.slow_volatility == before.slow_volatility


def test_set_feed__step_beyond_the_jump__raises_the_guard_from_now(oracle: Oracle) -> None:
    """ORC-5: also where the other feed's round is older than the guard lasts."""
    oracle.chain.advance(3_000)
    event = oracle.set_feed(FEED, 2_260, feed=_older(oracle, 2_260), jump=12 * PERCENT).event("JumpGuardRaised")
    assert event.until == oracle.chain.timestamp + 600
    oracle.chain.advance(599)
    assert oracle.quote().unconfirmed is True
    oracle.chain.advance(1)
    assert oracle.quote().guarded is False


def _older(oracle: Oracle, dollars: int) -> str:
    """A feed whose last round is 2,000 seconds old."""
    aggregator = oracle.new_aggregator()
    time = oracle.chain.timestamp - 2_000
    aggregator.publish_round(dollars * UNIT, time, time, 1, sender=oracle.owner)
    return oracle.deploy("MockFeedProxy", aggregator.address).address


def test_set_feed__higher_floor__reaches_the_slow_estimate_slowly(oracle: Oracle) -> None:
    """ORC-10: maintenance margin is ramped, whatever the owner sets; the fast estimate follows at once."""
    slow = oracle.quote().slow_volatility
    oracle.set_feed(volatility_floor=200 * PERCENT, initial_fast=200 * PERCENT, initial_slow=200 * PERCENT)
    assert oracle.quote().slow_volatility == slow
    oracle.publish(2_000, after=HOUR)
    quote = oracle.quote()
    assert quote.fast_volatility == 200 * PERCENT
    assert quote.slow_volatility == slow * 125 // 100


# The decimals canary


def test_quote__new_phase_with_other_decimals__is_refused(oracle: Oracle) -> None:
    """ORC-6, X-ORC-06: a proxy's aggregator that counts in 18 decimals is no price of 10^10 as much."""
    oracle.publish(2_000, after=60)
    oracle.aggregator = oracle.new_aggregator(18)
    oracle.aggregator.publish(2_010 * UNIT, sender=oracle.owner)
    oracle.aggregator.publish(2_010 * UNIT, sender=oracle.owner)
    not_before = oracle.chain.timestamp
    oracle.proxy.set_aggregator(oracle.aggregator.address, sender=oracle.owner)
    oracle.consume()
    assert oracle.contract.pending(FEED) == 1
    with pytest.raises(Reverted, match="oracle: decimals changed"):
        oracle.quote()
    with pytest.raises(Reverted, match="oracle: decimals changed"):
        oracle.contract.first_round(FEED, 2 << 64 | 2, not_before)

    oracle.aggregator = oracle.new_aggregator(8)
    oracle.proxy.set_aggregator(oracle.aggregator.address, sender=oracle.owner)
    oracle.publish(2_020)
    assert oracle.quote().price == 2_020 * WAD


def test_quote__new_phase_that_was_adopted__asks_its_decimals_no_more(oracle: Oracle) -> None:
    oracle.aggregator = oracle.new_aggregator(8)
    oracle.proxy.set_aggregator(oracle.aggregator.address, sender=oracle.owner)
    oracle.publish(2_020, after=60)
    oracle.consume()
    oracle.publish(2_030, after=60)
    assert oracle.quote().price == 2_030 * WAD
