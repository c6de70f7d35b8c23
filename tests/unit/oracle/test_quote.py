from __future__ import annotations

from collections.abc import Callable
from math import exp, log, sqrt

import pytest

from ballast.chain import Contract, Reverted
from ballast.model.fixed_point import WAD
from tests.unit.oracle.conftest import FEED, UNIT, Oracle

YEAR = 365 * 86_400
HOUR = 3_600


def test_quote__fresh_feed__starts_from_the_configuration(oracle: Oracle) -> None:
    quote = oracle.quote()
    assert quote.price == quote.average == 2_000 * WAD
    assert quote.fast_volatility == 90 * WAD // 100
    assert quote.slow_volatility == 80 * WAD // 100
    assert quote.updated_at == oracle.chain.timestamp
    assert quote.round == oracle.latest() == (1 << 64 | 2)
    assert quote.guarded is False


def test_quote__one_round__follows_the_formulas(oracle: Oracle) -> None:
    """v ← w·v + (1 − w)·r²·year/Δt, in floating point: 0.5 % after ten minutes."""
    oracle.publish(2_010, after=600)
    quote, r = oracle.quote(), log(2_010 / 2_000)
    for volatility, before, window in (
        (quote.fast_volatility, 0.9, 4 * HOUR),
        (quote.slow_volatility, 0.8, 7 * 24 * HOUR),
    ):
        w = exp(-600 / window)
        expected = sqrt(w * before**2 + (1 - w) * r**2 * YEAR / 600)
        assert volatility / WAD == pytest.approx(expected, abs=2e-8)
    assert quote.price == 2_010 * WAD
    assert quote.average / WAD == pytest.approx(2_000, abs=1e-4)


def test_quote__big_move__counts_as_ten_percent(oracle: Oracle) -> None:
    oracle.publish(2_390, after=HOUR)
    w = exp(-1 / 4)
    assert oracle.quote().fast_volatility / WAD == pytest.approx(
        sqrt(w * 0.9**2 + (1 - w) * 0.1**2 * YEAR / HOUR), abs=2e-8
    )


def test_quote__spike__raises_fast_at_once_and_slow_by_the_hour(oracle: Oracle) -> None:
    """The slow estimate may rise by 25 % of itself an hour: a spike liquidates nobody by itself."""
    for dollars in (2_390, 2_000, 2_390, 2_000):
        oracle.publish(dollars, after=60)
    quote = oracle.quote()
    assert quote.fast_volatility > 3 * WAD
    assert quote.slow_volatility / WAD == pytest.approx(0.8 * (1 + 0.25 / 60) ** 4, rel=1e-6)


def test_quote__endless_turmoil__stops_at_the_cap(oracle: Oracle) -> None:
    for index in range(16):
        oracle.publish(2_390 if index % 2 else 2_000, after=60)
    assert oracle.quote().fast_volatility == 5 * WAD


def test_quote__calm__stops_at_the_floor(oracle: Oracle) -> None:
    for _ in range(16):
        oracle.publish(2_000, after=HOUR)
    assert oracle.quote().fast_volatility == 30 * WAD // 100


def test_quote__same_price_after_months__fast_volatility_forgets_all(oracle: Oracle) -> None:
    """Nothing is left of the old estimate, not even its rounding; the floor is what remains."""
    oracle.publish(2_200, after=60)
    assert oracle.quote().fast_volatility > 30 * WAD // 100
    oracle.publish(2_200, after=120 * 86_400)
    assert oracle.quote().fast_volatility == 30 * WAD // 100


def test_quote__average__reaches_the_price_in_half_an_hour(oracle: Oracle) -> None:
    oracle.publish(2_100, after=HOUR)
    averages = []
    for _ in range(4):
        averages.append(oracle.quote().average / WAD)
        oracle.chain.advance(600)
    assert averages == pytest.approx([2_000, 2_100 - 200 / 3, 2_100 - 100 / 3, 2_100], abs=1e-4)


def test_quote__view__equals_the_state_change(oracle: Oracle) -> None:
    """REB-13, §7.9: what `quote` says before `consume` is what it says after."""
    for dollars in (2_010, 1_500, 1_510, 2_600):
        oracle.publish(dollars, after=77)
    before = oracle.quote()
    oracle.consume()
    assert oracle.quote() == before
    assert before.guarded is before.unconfirmed is True


def test_quote__consumed_one_by_one__is_the_same_as_at_once(oracle: Oracle) -> None:
    prices = (2_010, 2_020, 1_990, 2_400, 2_395)
    snapshot = oracle.chain.snapshot()
    for dollars in prices:
        oracle.publish(dollars, after=61)
    at_once = oracle.quote()
    oracle.chain.revert(snapshot)
    for dollars in prices:
        oracle.publish(dollars, after=61)
        oracle.consume()
    assert oracle.quote() == at_once


def test_quote__jump__raises_the_guard_for_its_duration(oracle: Oracle) -> None:
    """ORC-5: a move beyond the bound, up or down, closes opening and giving for a while."""
    oracle.publish(2_400, after=60)
    assert oracle.quote().guarded is False  # 20 % exactly is not beyond 20 %
    oracle.publish(1_919, after=60)
    assert oracle.quote().guarded is True
    oracle.publish(1_920, after=300)
    assert oracle.quote().guarded is True
    oracle.chain.advance(299)
    assert oracle.quote().guarded is True
    oracle.chain.advance(1)
    assert oracle.quote().guarded is False


def test_quote__jump_in_history__still_counts(oracle: Oracle) -> None:
    oracle.publish(2_500, after=60)
    oracle.publish(2_501, after=599)
    assert oracle.quote().guarded is True


# Refusals


def test_quote__unknown_feed__reverts(oracle: Oracle) -> None:
    with pytest.raises(Reverted, match="oracle: feed not set"):
        oracle.contract.quote(FEED + 1)


@pytest.mark.parametrize(
    ("answer", "age", "lag", "reason"),
    [
        (0, None, 0, "oracle: empty round"),
        (2_000 * UNIT, None, 0, "oracle: incomplete round"),
        (2_000 * UNIT, 0, 1, "oracle: incomplete round"),
        (2_000 * UNIT, -1, 0, "oracle: round in the future"),
        (2_000 * UNIT, -(2**40), 0, "oracle: round in the future"),
        (0, 0, 0, "oracle: zero price"),
        (-1, 0, 0, "oracle: negative price"),
        (5 * 10**9 * UNIT, 0, 0, "oracle: price too high"),
        (2**127 - 1, 0, 0, "oracle: price too high"),
    ],
)
def test_quote__unusable_round__reverts_with_its_reason(
    oracle: Oracle, answer: int, age: int | None, lag: int, reason: str
) -> None:
    """ORC-1, REB-15: each way in which a round can be unusable has a reason; the next good round ends it."""
    oracle.chain.advance(60)
    oracle.publish_round(answer, 0 if age is None else oracle.chain.timestamp - age, lag)
    with pytest.raises(Reverted, match=reason):
        oracle.quote()

    oracle.consume()
    assert oracle.contract.pending(FEED) == 1  # it waits
    with pytest.raises(Reverted, match=reason):
        oracle.quote()

    oracle.publish(2_005, after=60)
    assert oracle.quote().price == 2_005 * WAD


def test_quote__stale__reverts_one_second_after_heartbeat_and_grace(oracle: Oracle) -> None:
    """ORC-1, REB-15"""
    oracle.chain.advance(3_660)
    assert oracle.quote().price == 2_000 * WAD
    oracle.chain.advance(1)
    with pytest.raises(Reverted, match="oracle: stale price"):
        oracle.quote()


def test_quote__seventeen_pending__reverts_until_poked(oracle: Oracle) -> None:
    for _ in range(16):
        oracle.publish(2_001, after=10)
    oracle.quote()
    oracle.publish(2_001, after=10)
    with pytest.raises(Reverted, match="oracle: poke"):
        oracle.quote()
    oracle.contract.poke(FEED, sender=oracle.stranger)
    assert oracle.quote().round == oracle.latest()


def test_quote__price_too_small_for_its_slot__is_no_price(oracle: Oracle) -> None:
    """ORC-7: what would round to zero is refused; the least price that is kept is above it."""
    aggregator = oracle.new_aggregator(18)
    aggregator.publish(10**6, sender=oracle.owner)
    proxy = oracle.chain.deploy("MockFeedProxy", aggregator.address, sender=oracle.owner)
    oracle.set_feed(7, expected=1e-12, feed=proxy.address)
    assert oracle.contract.quote(7).price == 10**6
    oracle.chain.advance(60)
    aggregator.publish(10**6 - 1, sender=oracle.owner)
    with pytest.raises(Reverted, match="oracle: zero price"):
        oracle.contract.quote(7)


# Odd histories


def test_quote__invalid_rounds_in_history__are_no_observations(oracle: Oracle) -> None:
    """§4: skipped for the estimates, as if they had never been."""
    oracle.chain.advance(300)
    snapshot = oracle.chain.snapshot()
    oracle.publish(2_010, after=300)
    clean = oracle.quote()
    oracle.chain.revert(snapshot)
    oracle.publish_round(0)
    oracle.publish_round(-5)
    oracle.publish_round(9_999 * UNIT, lag=2)
    oracle.publish_round(0, updated_at=0)
    oracle.publish(2_010, after=300)
    quote = oracle.quote()
    assert quote.round == clean.round + 4
    assert quote._replace(round=0) == clean._replace(round=0)


def test_quote__time_that_does_not_increase__is_no_observation(oracle: Oracle) -> None:
    oracle.publish(2_010, after=300)
    before = oracle.quote()
    oracle.publish(2_500)
    oracle.publish_round(2_600 * UNIT, updated_at=oracle.chain.timestamp - 5)
    assert oracle.quote() == before._replace(round=before.round + 2)


def test_quote__new_phase__counts_its_latest_round_once(oracle: Oracle, second_phase: Callable[[], Contract]) -> None:
    oracle.publish(2_010, after=60)
    oracle.chain.advance(60)
    second_phase()
    assert oracle.contract.pending(FEED) == 1
    quote = oracle.quote()
    assert (quote.price, quote.round) == (1_950 * WAD, 2 << 64 | 2)
    oracle.consume()
    assert oracle.quote() == quote
    assert oracle.contract.pending(FEED) == 0
    oracle.publish(1_960, after=60)
    assert oracle.quote().price == 1_960 * WAD


def test_quote__new_phase_without_rounds__is_refused_until_the_first(oracle: Oracle) -> None:
    """Real feeds show an all-zero round at a phase boundary."""
    oracle.aggregator = oracle.new_aggregator()
    oracle.proxy.set_aggregator(oracle.aggregator.address, sender=oracle.owner)
    with pytest.raises(Reverted, match="oracle: empty round"):
        oracle.quote()
    oracle.consume()
    oracle.publish(2_020, after=60)
    assert oracle.quote().price == 2_020 * WAD


@pytest.mark.parametrize("decimals", [0, 6, 8, 12, 18])
def test_quote__any_decimals__is_wad(oracle: Oracle, decimals: int) -> None:
    oracle.set_feed(7, expected=1_234, feed=oracle.new_feed(1_234, decimals).address)
    assert oracle.contract.quote(7).price == 1_234 * WAD
