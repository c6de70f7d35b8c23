"""Switching a feed off: at once by the guardian, on again by the owner alone."""

from __future__ import annotations

import pytest

from ballast.chain import Reverted
from ballast.model.fixed_point import WAD
from tests.unit.oracle.conftest import FEED, Oracle


def test_set_feed_off__by_guardian__stops_the_price_of_this_feed(oracle: Oracle) -> None:
    """GOV-4, X-GOV-04: rounds are consumed all the same, and other feeds go on."""
    oracle.set_feed(5)
    event = oracle.contract.set_feed_off(FEED, True, sender=oracle.guardian).event("FeedSwitched")
    assert event.args == {"feed_id": FEED, "off": True}
    assert oracle.contract.off_since(FEED) == oracle.chain.timestamp
    oracle.publish(2_010, after=60)
    oracle.consume()
    assert oracle.contract.pending(FEED) == 0
    with pytest.raises(Reverted, match="oracle: feed is off"):
        oracle.quote()
    assert oracle.contract.quote(5).price == 2_010 * WAD


def test_set_feed_off__on_again__only_by_the_owner(oracle: Oracle) -> None:
    """GOV-4, X-GOV-04: a guardian tightens and never loosens."""
    oracle.contract.set_feed_off(FEED, True, sender=oracle.guardian)
    with pytest.raises(Reverted, match="access: guardian only tightens"):
        oracle.contract.set_feed_off(FEED, False, sender=oracle.guardian)
    for off in (False, True):
        with pytest.raises(Reverted, match="access: not the guardian"):
            oracle.contract.set_feed_off(FEED, off, sender=oracle.stranger)
    oracle.contract.set_feed_off(FEED, False, sender=oracle.owner)
    assert oracle.quote().price == 2_000 * WAD
    assert oracle.contract.off_since(FEED) == 0


def test_set_feed_off__twice__keeps_the_first_time(oracle: Oracle) -> None:
    oracle.contract.set_feed_off(FEED, True, sender=oracle.owner)
    first = oracle.contract.off_since(FEED)
    oracle.chain.advance(60)
    assert oracle.contract.set_feed_off(FEED, True, sender=oracle.guardian).events == []
    assert oracle.contract.off_since(FEED) == first
    oracle.contract.set_feed_off(FEED, False, sender=oracle.owner)
    assert oracle.contract.set_feed_off(FEED, False, sender=oracle.owner).events == []


def test_set_feed_off__unknown_feed__reverts(oracle: Oracle) -> None:
    for feed_id in (FEED + 1, 2**200):
        with pytest.raises(Reverted, match="oracle: feed not set"):
            oracle.contract.set_feed_off(feed_id, True, sender=oracle.guardian)


def test_set_feed__while_off__stays_off(oracle: Oracle) -> None:
    oracle.contract.set_feed_off(FEED, True, sender=oracle.guardian)
    oracle.set_feed()
    with pytest.raises(Reverted, match="oracle: feed is off"):
        oracle.quote()
    oracle.contract.set_feed_off(FEED, False, sender=oracle.owner)
    assert oracle.quote().price == 2_000 * WAD
