"""`consume` marks a feed as current for the rest of its transaction; `quote` then reads storage alone."""

from __future__ import annotations

import pytest

from ballast.chain import Reverted
from ballast.chain.base import Contract
from tests.unit.oracle.conftest import FEED, Oracle


@pytest.fixture
def reader(oracle: Oracle) -> Contract:
    return oracle.chain.deploy("MockOracleReader", sender=oracle.owner)


def test_quote__after_consume_in_one_transaction__is_the_same(oracle: Oracle, reader: Contract) -> None:
    """ORC-2: one price in one transaction."""
    for dollars in (2_010, 1_500, 1_501):
        oracle.publish(dollars, after=60)
    before = oracle.quote()
    assert reader.consume_and_quote(oracle.contract.address, FEED, sender=oracle.stranger).returned == before
    assert oracle.quote() == before


def test_quote__after_consume_in_one_transaction__is_refused_when_stale(oracle: Oracle, reader: Contract) -> None:
    """REB-15"""
    oracle.chain.advance(3_661)
    with pytest.raises(Reverted, match="oracle: stale price"):
        reader.consume_and_quote(oracle.contract.address, FEED, sender=oracle.stranger)


def test_quote__after_consuming_an_unusable_round__is_refused(oracle: Oracle, reader: Contract) -> None:
    """REB-15: only a valid latest round is remembered as read."""
    oracle.publish(2_010, after=60)
    oracle.publish_round(0)
    with pytest.raises(Reverted, match="oracle: zero price"):
        reader.consume_and_quote(oracle.contract.address, FEED, sender=oracle.stranger)
