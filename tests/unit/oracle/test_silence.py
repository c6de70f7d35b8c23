"""`silence`: for how long there was no price, so that auctions can leave it out."""

from __future__ import annotations

import pytest

from ballast.chain import Reverted
from tests.unit.oracle.conftest import CONFIG, FEED, Oracle

MAX_AGE = CONFIG.heartbeat + CONFIG.grace


def silence(oracle: Oracle) -> int:
    return int(oracle.contract.silence(FEED))


def test_silence__within_heartbeat_and_grace__is_none(oracle: Oracle) -> None:
    for _ in range(4):
        oracle.publish(2_000, after=MAX_AGE)
        assert silence(oracle) == 0
        oracle.consume()
    oracle.chain.advance(MAX_AGE)
    assert silence(oracle) == 0


def test_silence__stale__counts_from_then_to_the_next_round(oracle: Oracle) -> None:
    """LIQ-7: as long as it lasts, and what it was for good."""
    oracle.chain.advance(MAX_AGE + 500)
    assert silence(oracle) == 500
    oracle.publish(2_000, after=100)
    ended = silence_after_consuming(oracle)
    assert 600 <= ended <= 605
    oracle.publish(2_000, after=3_000)
    assert silence_after_consuming(oracle) == ended


def silence_after_consuming(oracle: Oracle) -> int:
    oracle.consume()
    return silence(oracle)


def test_silence__rounds_nobody_consumed__are_not_silent(oracle: Oracle) -> None:
    """A quiet market, whose feed spoke all along, loses nothing: before they are consumed and after."""
    for _ in range(5):
        oracle.publish(2_000, after=3_000)
    assert silence(oracle) == 0
    assert silence_after_consuming(oracle) == 0


def test_silence__invalid_rounds__are_silence(oracle: Oracle) -> None:
    oracle.chain.advance(MAX_AGE)
    for answer in (0, -1):
        oracle.publish_round(answer)
    oracle.chain.advance(200)
    assert 200 <= silence(oracle) <= 210
    oracle.publish(2_000)
    assert 200 <= silence_after_consuming(oracle) <= 220


def test_silence__switched_off__counts_from_switch_to_switch(oracle: Oracle) -> None:
    """GOV-4: whatever the feed says meanwhile."""
    oracle.contract.set_feed_off(FEED, True, sender=oracle.guardian)
    began = oracle.chain.timestamp
    oracle.publish(2_010, after=1_000)
    oracle.consume()
    assert silence(oracle) == oracle.chain.timestamp - began
    oracle.chain.advance(MAX_AGE + 700)
    oracle.publish(2_020)
    oracle.contract.set_feed_off(FEED, False, sender=oracle.owner)
    ended = oracle.chain.timestamp - began
    assert silence(oracle) == ended
    oracle.chain.advance(1_000)
    assert silence(oracle) == ended


def test_silence__stale_and_off__counts_once(oracle: Oracle) -> None:
    """Stale, then off, then on but still stale, then a round: one silence from the first to the last."""
    due = oracle.chain.timestamp + MAX_AGE
    oracle.chain.advance(MAX_AGE + 100)
    for off in (True, False, True, False):
        oracle.contract.set_feed_off(FEED, off, sender=oracle.owner)
        assert abs(silence(oracle) - (oracle.chain.timestamp - due)) <= 5
        oracle.chain.advance(300)
    oracle.publish(2_000)
    last = oracle.chain.timestamp
    assert abs(silence_after_consuming(oracle) - (last - due)) <= 5


def test_silence__feed_changed__ends_it(oracle: Oracle) -> None:
    oracle.chain.advance(MAX_AGE + 250)
    oracle.set_feed(feed=oracle.new_feed(2_000).address, heartbeat=7_200)
    ended = silence(oracle)
    assert 250 <= ended <= 260
    oracle.chain.advance(5_000)
    assert silence(oracle) == ended


def test_silence__dead_feed__still_answers(oracle: Oracle) -> None:
    """LIV-3: who halts a market must not depend on its feed."""
    broken = oracle.deploy("MockBrokenFeed", oracle.proxy.address)
    oracle.set_feed(feed=broken.address)
    for breakage in (1, 2, 4, 8, 16):
        broken.set_breakage(breakage, sender=oracle.owner)
        assert silence(oracle) >= 0
    oracle.chain.advance(2 * MAX_AGE)
    assert silence(oracle) >= MAX_AGE - 100


def test_silence__too_little_gas__is_no_answer(oracle: Oracle) -> None:
    """Nobody can make a feed look silent by sending too little."""
    with pytest.raises(Reverted, match="oracle: not enough gas"):
        oracle.contract.set_feed_off(FEED, True, sender=oracle.guardian, gas=120_000)


def test_silence__unknown_feed__is_none(oracle: Oracle) -> None:
    assert oracle.contract.silence(FEED + 1) == 0


def test_silent_for__a_round__begins_anew(oracle: Oracle) -> None:
    """X-ORC-05: two silences of a minute are not one of two."""
    contract = oracle.contract
    assert contract.silent_for(FEED) == contract.silent_for(200) == 0
    oracle.chain.advance(MAX_AGE + 500)
    assert contract.silent_for(FEED) == silence(oracle) == 500
    oracle.publish(2_000, after=100)
    assert contract.silent_for(FEED) == 0
    oracle.consume()
    assert contract.silent_for(FEED) == 0 < silence(oracle)
    oracle.chain.advance(MAX_AGE + 60)
    assert contract.silent_for(FEED) == 60


def test_silent_for__switched_off__counts_from_the_switch_or_from_when_it_was_stale(oracle: Oracle) -> None:
    contract = oracle.contract
    contract.set_feed_off(FEED, True, sender=oracle.owner)
    oracle.chain.advance(700)
    assert contract.silent_for(FEED) == 700
    contract.set_feed_off(FEED, False, sender=oracle.owner)
    assert contract.silent_for(FEED) == 0
    oracle.chain.advance(MAX_AGE)
    stale = contract.silent_for(FEED)
    contract.set_feed_off(FEED, True, sender=oracle.owner)
    assert 0 < stale == contract.silent_for(FEED)
