"""The first round's price, found without its id."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ballast.chain import Contract
from ballast.model.fixed_point import WAD
from tests.unit.oracle.conftest import FEED, Oracle


@pytest.mark.parametrize("rounds", [1, 2, 3, 9, 40])
def test_price_since__any_time__is_the_first_rounds(oracle: Oracle, rounds: int) -> None:
    """X-ORC-10: whatever the distance; at its own second, and one later."""
    times = []
    for step in range(rounds):
        oracle.publish(2_001 + step, after=30)
        times.append(oracle.chain.timestamp)
        oracle.contract.poke(FEED, sender=oracle.owner)
    for step, time in enumerate(times):
        assert oracle.contract.price_since(FEED, time) == (2_001 + step) * WAD
        later = (2_002 + step) * WAD if step + 1 < rounds else 0
        assert oracle.contract.price_since(FEED, time + 1) == later


def test_price_since__unusable_rounds__count_as_too_early(oracle: Oracle) -> None:
    since = oracle.chain.timestamp + 1
    oracle.chain.advance(30)
    oracle.publish_round(0)
    assert oracle.contract.price_since(FEED, since) == 0
    oracle.publish(2_010, after=30)
    oracle.publish(2_020, after=30)
    assert oracle.contract.price_since(FEED, since) == 2_010 * WAD


def test_price_since__new_phase__knows_its_rounds_alone(oracle: Oracle, second_phase: Callable[[], Contract]) -> None:
    """X-ORC-10: before anybody has consumed it; of the old phase nothing is told."""
    before = oracle.chain.timestamp
    oracle.chain.advance(30)
    since = oracle.chain.timestamp
    second_phase()
    oracle.publish(2_010, after=30)
    assert oracle.contract.price_since(FEED, since + 1) == 2_010 * WAD
    assert oracle.contract.price_since(FEED, before) == 1_900 * WAD


def test_price_since__new_phase_of_other_decimals__says_nothing(oracle: Oracle) -> None:
    """Its prices would be wrong by powers of ten."""
    since = oracle.chain.timestamp
    aggregator = oracle.new_aggregator(decimals=18)
    aggregator.publish(2_000 * 10**18, sender=oracle.owner)
    oracle.proxy.set_aggregator(aggregator.address, sender=oracle.owner)
    assert oracle.contract.price_since(FEED, since) == 0
