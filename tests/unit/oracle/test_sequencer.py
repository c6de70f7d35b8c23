"""On a rollup every price waits for the sequencer, and a while after it came back."""

from __future__ import annotations

import pytest

from ballast.chain import Reverted
from ballast.chain.base import Contract
from ballast.model.fixed_point import WAD
from tests.unit.oracle.conftest import FEED, Oracle

GRACE = 1_800
NOBODY = "0x" + "00" * 20


@pytest.fixture
def sequencer(oracle: Oracle) -> Contract:
    """Up for an hour, with half an hour's grace."""
    feed: Contract = oracle.deploy("MockSequencerFeed")
    feed.set_status(0, sender=oracle.owner)
    oracle.publish(2_000, after=3_600)
    event = oracle.contract.set_sequencer(feed.address, GRACE, sender=oracle.owner).event("SequencerSet")
    assert event.args == {"feed": feed.address, "grace": GRACE}
    return feed


def test_quote__sequencer_up__is_as_without_it(oracle: Oracle, sequencer: Contract) -> None:
    """X-ORC-09"""
    quote = oracle.quote()
    assert (quote.price, quote.guarded, quote.unconfirmed) == (2_000 * WAD, False, False)
    assert oracle.contract.sequencer() == (sequencer.address, GRACE)


def test_quote__jump_under_a_sequencer__is_unconfirmed(oracle: Oracle, sequencer: Contract) -> None:
    """A sequencer that is up confirms no price."""
    oracle.publish(1_500, after=60)
    assert (oracle.quote().guarded, oracle.quote().unconfirmed) == (True, True)


def test_quote__sequencer_down__is_refused(oracle: Oracle, sequencer: Contract) -> None:
    """X-ORC-09: rounds are consumed all the same."""
    oracle.publish(2_010, after=60)
    sequencer.set_status(1, sender=oracle.owner)
    oracle.consume()
    assert oracle.contract.pending(FEED) == 0
    with pytest.raises(Reverted, match="oracle: sequencer is down"):
        oracle.quote()


def test_quote__sequencer_just_up__is_refused_for_the_grace(oracle: Oracle, sequencer: Contract) -> None:
    """X-ORC-09"""
    sequencer.set_status(1, sender=oracle.owner)
    oracle.chain.advance(600)
    sequencer.set_status(0, sender=oracle.owner)
    oracle.chain.advance(GRACE - 1)
    with pytest.raises(Reverted, match="oracle: sequencer just restarted"):
        oracle.quote()
    oracle.chain.advance(1)
    assert oracle.quote().price == 2_000 * WAD


@pytest.mark.parametrize(("status", "age"), [(0, None), (1, None), (2, 7_200), (-1, 7_200), (0, -1)])
def test_quote__sequencer_without_a_proper_answer__is_refused(
    oracle: Oracle, sequencer: Contract, status: int, age: int | None
) -> None:
    """X-ORC-09: startedAt 0 is an uptime feed that was never started, a time to come is none, 2 is no status."""
    started_at = 0 if age is None else oracle.chain.timestamp - age
    sequencer.set_answer(status, started_at, sender=oracle.owner)
    with pytest.raises(Reverted, match="oracle: no sequencer answer"):
        oracle.quote()


@pytest.mark.parametrize("breakage", [1, 2, 4, 8, 16])
def test_quote__sequencer_feed_broken__is_refused(oracle: Oracle, sequencer: Contract, breakage: int) -> None:
    """X-ORC-08: without knowing the sequencer up no price is used, and no gas of others is burnt."""
    broken = oracle.deploy("MockBrokenFeed", sequencer.address)
    oracle.contract.set_sequencer(broken.address, GRACE, sender=oracle.owner)
    broken.set_breakage(breakage, sender=oracle.owner)
    with pytest.raises(Reverted, match="oracle: no sequencer answer"):
        oracle.quote()


def test_quote__feed_set_later__waits_for_the_sequencer_too(oracle: Oracle, sequencer: Contract) -> None:
    oracle.set_feed(200)
    sequencer.set_status(1, sender=oracle.owner)
    for feed_id in (FEED, 200):
        with pytest.raises(Reverted, match="oracle: sequencer is down"):
            oracle.contract.quote(feed_id)


def test_set_sequencer__none__ends_the_waiting(oracle: Oracle, sequencer: Contract) -> None:
    sequencer.set_status(1, sender=oracle.owner)
    oracle.contract.set_feed_off(FEED, False, sender=oracle.owner)
    oracle.contract.set_sequencer(NOBODY, 0, sender=oracle.owner)
    assert oracle.quote().price == 2_000 * WAD
    assert oracle.contract.sequencer() == (NOBODY, 0)


def test_set_sequencer__refused__changes_nothing(oracle: Oracle, sequencer: Contract) -> None:
    """ORC-10: it must answer, within bounds."""
    contract = oracle.contract
    fresh = oracle.deploy("MockSequencerFeed")
    for feed, grace, reason in (
        (sequencer.address, 86_401, "oracle: parameter out of bounds"),
        (NOBODY, 1, "oracle: parameter out of bounds"),
        (fresh.address, GRACE, "oracle: no sequencer answer"),
        ("0x" + "12" * 20, GRACE, "oracle: no sequencer answer"),
    ):
        with pytest.raises(Reverted, match=reason):
            contract.set_sequencer(feed, grace, sender=oracle.owner)
    for caller in (oracle.guardian, oracle.stranger):
        with pytest.raises(Reverted, match="ownable: caller is not the owner"):
            contract.set_sequencer(sequencer.address, 0, sender=caller)
    assert contract.sequencer() == (sequencer.address, GRACE)


def test_quote__after_consume_in_one_transaction__is_the_same(oracle: Oracle, sequencer: Contract) -> None:
    """ORC-2: what the guards let pass is asked once; a sequencer alone leaves nothing to remember."""
    oracle.chain.advance(GRACE)
    oracle.publish(2_010, after=60)
    before = oracle.quote()
    reader = oracle.deploy("MockOracleReader")
    assert reader.consume_and_quote(oracle.contract.address, FEED, sender=oracle.stranger).returned == before
    assert not before.guarded and not before.unconfirmed
