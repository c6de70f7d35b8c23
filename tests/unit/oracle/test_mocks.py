"""The mocks answer as Chainlink's proxy and aggregator do: the tests above stand on that."""

from __future__ import annotations

import pytest

from ballast.chain import Reverted
from tests.unit.oracle.conftest import UNIT, Oracle


def test_feed_proxy__rounds__carry_their_phase(oracle: Oracle) -> None:
    time = oracle.chain.timestamp
    latest = (1 << 64 | 2, 2_000 * UNIT, time, time, 1 << 64 | 2)
    assert oracle.proxy.latestRoundData() == latest
    assert oracle.proxy.getRoundData(1 << 64 | 2) == latest
    assert (oracle.proxy.phaseId(), oracle.proxy.aggregator()) == (1, oracle.aggregator.address)
    assert (oracle.proxy.decimals(), oracle.proxy.description()) == (8, "ETH / USD")


def test_feed_proxy__new_aggregator__keeps_the_old_phase_readable(oracle: Oracle) -> None:
    old = oracle.proxy.getRoundData(1 << 64 | 1)
    event = oracle.proxy.set_aggregator(oracle.new_aggregator().address, sender=oracle.owner).event("AggregatorSet")
    assert event.phase == oracle.proxy.phaseId() == 2
    assert oracle.proxy.getRoundData(1 << 64 | 1) == old
    assert oracle.proxy.latestRoundData() == (2 << 64, 0, 0, 0, 2 << 64)


@pytest.mark.parametrize("round_", [0, 1 << 64, 1 << 64 | 3, 2 << 64 | 1])
def test_feed_proxy__unknown_round__is_all_zero(oracle: Oracle, round_: int) -> None:
    assert oracle.proxy.getRoundData(round_) == (0, 0, 0, 0, 0)


def test_aggregator__any_round__is_told_as_published(oracle: Oracle) -> None:
    receipt = oracle.aggregator.publish_round(-(2**127) + 1, 5, 2**64 - 1, 1, sender=oracle.owner)
    event = receipt.event("RoundPublished")
    assert (event.round, event.answer, event.updated_at) == (3, -(2**127) + 1, 2**64 - 1)
    assert oracle.aggregator.latestRoundData() == (3, -(2**127) + 1, 5, 2**64 - 1, 1)


def test_mocks__stranger__reverts(oracle: Oracle) -> None:
    for function, argument in ((oracle.aggregator.publish, 1), (oracle.proxy.set_aggregator, oracle.stranger)):
        with pytest.raises(Reverted, match="mock: not the owner"):
            function(argument, sender=oracle.stranger)
