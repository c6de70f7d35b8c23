from __future__ import annotations

from collections.abc import Callable

import pytest

from ballast.chain import Contract, Reverted
from ballast.model.fixed_point import WAD
from tests.unit.oracle.conftest import FEED, UNIT, Oracle


def test_consume__nothing_pending__changes_nothing(oracle: Oracle) -> None:
    before = oracle.quote()
    assert oracle.consume().events == []
    assert oracle.quote() == before


def test_consume__pending_rounds__stores_them_all(oracle: Oracle) -> None:
    for dollars in (2_010, 2_020, 2_030):
        oracle.publish(dollars, after=60)
    assert oracle.contract.pending(FEED) == 3
    receipt = oracle.consume()
    assert receipt.events == []
    assert oracle.contract.pending(FEED) == 0
    assert oracle.quote().price == 2_030 * WAD


def test_consume__jump__logs_the_guard(oracle: Oracle) -> None:
    oracle.publish(2_010, after=60)
    oracle.publish(1_500, after=60)
    event = oracle.consume().event("JumpGuardRaised")
    assert event.args == {
        "feed_id": FEED,
        "round": oracle.latest(),
        "price": 1_500 * WAD,
        "until": oracle.chain.timestamp + 600,
    }
    oracle.publish(1_501, after=60)
    assert oracle.consume().events == []  # still up, not raised anew
    oracle.publish(2_000, after=60)
    assert oracle.consume().event("JumpGuardRaised").until == oracle.chain.timestamp + 600


def test_consume__unusable_latest__takes_its_predecessors(oracle: Oracle) -> None:
    """A price that may not be used is no reason to revert."""
    oracle.publish(2_010, after=60)
    oracle.publish_round(0)
    oracle.consume()
    assert oracle.contract.pending(FEED) == 1
    oracle.publish(2_011, after=60)
    assert oracle.contract.pending(FEED) == 2
    oracle.consume()
    assert oracle.contract.pending(FEED) == 0


def test_consume__future_round_that_comes_of_age__is_observed(oracle: Oracle) -> None:
    oracle.publish_round(2_100 * UNIT, updated_at=oracle.chain.timestamp + 60)
    oracle.consume()
    oracle.chain.advance(60)
    assert oracle.quote().price == 2_100 * WAD


def test_consume__stale__still_consumes(oracle: Oracle) -> None:
    oracle.publish(2_010, after=60)
    oracle.chain.advance(10_000)
    oracle.consume()
    assert oracle.contract.pending(FEED) == 0
    with pytest.raises(Reverted, match="oracle: stale price"):
        oracle.quote()


def test_consume__unusable_first_round_of_a_phase__keeps_the_old_phase(
    oracle: Oracle, second_phase: Callable[[], Contract]
) -> None:
    second_phase()
    oracle.publish_round(-1)
    oracle.consume()
    assert oracle.contract.pending(FEED) == 1
    oracle.publish(2_020, after=60)
    oracle.consume()
    assert oracle.quote().round == (2 << 64 | 4)


def test_consume__seventeen_pending__reverts(oracle: Oracle) -> None:
    for _ in range(17):
        oracle.publish(2_001, after=10)
    with pytest.raises(Reverted, match="oracle: poke"):
        oracle.consume()


def test_consume__unknown_feed__reverts(oracle: Oracle) -> None:
    with pytest.raises(Reverted, match="oracle: feed not set"):
        oracle.contract.consume(FEED + 1, sender=oracle.stranger)


def test_consume__other_feed__is_untouched(oracle: Oracle) -> None:
    oracle.set_feed(5)
    oracle.publish(2_010, after=60)
    oracle.consume()
    assert oracle.contract.pending(FEED) == 0
    assert oracle.contract.pending(5) == 1
