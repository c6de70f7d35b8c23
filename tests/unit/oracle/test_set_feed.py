from __future__ import annotations

from typing import Any

import pytest

from ballast.chain import Reverted
from ballast.model.fixed_point import WAD
from tests.unit.oracle.conftest import FEED, UNIT, Oracle

PERCENT = WAD // 100


def test_set_feed__by_owner__is_read_back(oracle: Oracle) -> None:
    config = oracle.config(
        heartbeat=172_800,
        grace=86_400,
        volatility_floor=255 * PERCENT,
        volatility_cap=2_550 * PERCENT,
        initial_fast=2_550 * PERCENT,
        initial_slow=255 * PERCENT + 1,
        slow_rise=255 * PERCENT,
        jump=100 * PERCENT,
        jump_duration=0,
        second_feed=oracle.new_feed(2_020).address,
        second_max_age=259_200,
        max_deviation=100 * PERCENT,
    )
    event = oracle.contract.set_feed(255, config, 2_000 * WAD, sender=oracle.owner).event("FeedSet")
    assert event.args == {"feed_id": 255, "feed": oracle.proxy.address}
    assert oracle.contract.feed_config(255)._asdict() == config
    assert oracle.contract.heartbeat(255) == 172_800
    assert oracle.contract.feed_config(FEED)._asdict() == oracle.config()


def test_set_feed__same_feed_anew__changes_nothing_but_the_limits(oracle: Oracle) -> None:
    """ORC-6: pending rounds are taken first; price, average, estimates and a raised guard stay."""
    oracle.publish(2_500, after=60)
    oracle.publish(2_510, after=60)
    before = oracle.quote()
    oracle.set_feed(expected=2_500, initial_fast=200 * PERCENT, initial_slow=200 * PERCENT, heartbeat=1_800)
    assert oracle.contract.pending(FEED) == 0
    assert oracle.quote() == before
    assert before.guarded is True
    assert oracle.contract.heartbeat(FEED) == 1_800


def test_set_feed__not_the_owner__reverts(oracle: Oracle) -> None:
    for caller in (oracle.stranger, oracle.guardian):
        with pytest.raises(Reverted, match="ownable: caller is not the owner"):
            oracle.contract.set_feed(FEED, oracle.config(), 2_000 * WAD, sender=caller)


@pytest.mark.parametrize(
    "change",
    [
        {"feed": "0x" + "12" * 20},  # no code
        {"heartbeat": 59},
        {"heartbeat": 172_801},
        {"grace": 86_401},
        {"volatility_floor": 0},
        {"volatility_floor": 30 * PERCENT + 1},
        {"volatility_floor": 81 * PERCENT},  # above an initial estimate
        {"volatility_cap": 505 * PERCENT},
        {"volatility_cap": 2_560 * PERCENT},
        {"volatility_cap": 80 * PERCENT},  # below an initial estimate
        {"initial_fast": 29 * PERCENT},
        {"initial_slow": 501 * PERCENT},
        {"slow_rise": 0},
        {"slow_rise": 256 * PERCENT},
        {"jump": 0},
        {"jump": 101 * PERCENT},
        {"jump_duration": 61},
        {"jump_duration": 256 * 60},
    ],
    ids=str,
)
def test_set_feed__out_of_bounds__reverts(oracle: Oracle, change: dict[str, Any]) -> None:
    """ORC-10: hard bounds on every field."""
    with pytest.raises(Reverted, match="oracle: parameter out of bounds"):
        oracle.set_feed(**change)


@pytest.mark.parametrize("feed_id", [0, 256, 2**255])
def test_set_feed__id_of_no_market__reverts(oracle: Oracle, feed_id: int) -> None:
    with pytest.raises(Reverted, match="oracle: parameter out of bounds"):
        oracle.set_feed(feed_id)


def test_set_feed__too_many_decimals__reverts(oracle: Oracle) -> None:
    """ORC-6: decimals are asked of the feed, not of the owner."""
    aggregator = oracle.new_aggregator(19)
    aggregator.publish(2_000 * UNIT, sender=oracle.owner)
    proxy = oracle.chain.deploy("MockFeedProxy", aggregator.address, sender=oracle.owner)
    with pytest.raises(Reverted, match="oracle: parameter out of bounds"):
        oracle.set_feed(feed=proxy.address)


def test_set_feed__unusable_round__reverts(oracle: Oracle) -> None:
    """ORC-6: a feed that shows no price is not taken."""
    oracle.publish_round(0)
    with pytest.raises(Reverted, match="oracle: zero price"):
        oracle.set_feed()


def test_set_feed__stale_round__reverts(oracle: Oracle) -> None:
    oracle.chain.advance(3_661)
    with pytest.raises(Reverted, match="oracle: stale price"):
        oracle.set_feed()
