from __future__ import annotations

import pytest

from ballast.chain import Reverted
from ballast.model.fixed_point import WAD
from tests.unit.oracle.conftest import FEED, Oracle


def test_poke__many_pending__takes_sixteen_and_returns_the_rest(oracle: Oracle) -> None:
    for index in range(35):
        oracle.publish(2_000 + index, after=10)
    assert oracle.contract.pending(FEED) == 35
    assert [oracle.contract.poke(FEED, sender=oracle.stranger).returned for _ in range(4)] == [19, 3, 0, 0]
    assert oracle.quote().price == 2_034 * WAD


def test_poke__invalid_rounds__are_eaten_too(oracle: Oracle) -> None:
    for _ in range(20):
        oracle.publish_round(0)
    assert oracle.contract.poke(FEED, sender=oracle.stranger).returned == 4
    assert oracle.contract.poke(FEED, sender=oracle.stranger).returned == 1  # the latest waits


def test_poke__same_rounds_in_any_portions__teach_the_same(oracle: Oracle) -> None:
    """Nobody gains by choosing when rounds are consumed."""
    prices = [2_000 + 7 * (index % 5) for index in range(20)]
    snapshot = oracle.chain.snapshot()
    for dollars in prices:
        oracle.publish(dollars, after=30)
    oracle.contract.poke(FEED, sender=oracle.stranger)
    in_portions = oracle.quote()
    oracle.chain.revert(snapshot)
    for dollars in prices:
        oracle.publish(dollars, after=30)
        oracle.consume()
    assert oracle.quote() == in_portions


def test_poke__unknown_feed__reverts(oracle: Oracle) -> None:
    with pytest.raises(Reverted, match="oracle: feed not set"):
        oracle.contract.poke(FEED + 1, sender=oracle.stranger)
