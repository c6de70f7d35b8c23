from __future__ import annotations

from collections.abc import Callable

import pytest

from ballast.chain import Contract, Reverted
from ballast.model.fixed_point import WAD
from tests.unit.oracle.conftest import FEED, UNIT, Oracle


def test_first_round__the_one__is_proven(oracle: Oracle) -> None:
    oracle.chain.advance(30)
    not_before = oracle.chain.timestamp
    first = oracle.publish(2_010, after=30)
    time = oracle.chain.timestamp
    oracle.publish(2_020, after=30)
    assert oracle.contract.first_round(FEED, first, not_before) == (2_010 * WAD, time, oracle.contract.heartbeat(FEED))
    assert oracle.contract.first_round(FEED, first, time)[:2] == (2_010 * WAD, time)
    with pytest.raises(Reverted, match="oracle: round too early"):
        oracle.contract.first_round(FEED, first, time + 1)


def test_first_round__consumed_or_stale__is_proven_all_the_same(oracle: Oracle) -> None:
    not_before = oracle.chain.timestamp + 1
    first = oracle.publish(2_010, after=30)
    time = oracle.chain.timestamp
    oracle.publish(2_020, after=30)
    oracle.consume()
    oracle.chain.advance(100_000)
    assert oracle.contract.first_round(FEED, first, not_before)[:2] == (2_010 * WAD, time)


def test_first_round__a_later_one__reverts(oracle: Oracle) -> None:
    not_before = oracle.chain.timestamp + 1
    oracle.publish(2_010, after=30)
    later = oracle.publish(2_020, after=30)
    with pytest.raises(Reverted, match="oracle: not the first round"):
        oracle.contract.first_round(FEED, later, not_before)


def test_first_round__invalid_rounds_between__are_passed_over(oracle: Oracle) -> None:
    not_before = oracle.chain.timestamp + 1
    oracle.chain.advance(30)
    for _ in range(3):
        oracle.publish_round(0)
    first = oracle.publish(2_010, after=30)
    assert oracle.contract.first_round(FEED, first, not_before)[0] == 2_010 * WAD


def test_first_round__four_invalid_rounds_between__prove_nothing(oracle: Oracle) -> None:
    not_before = oracle.chain.timestamp + 1
    oracle.chain.advance(30)
    for _ in range(4):
        oracle.publish_round(0)
    first = oracle.publish(2_010, after=30)
    with pytest.raises(Reverted, match="oracle: no valid predecessor"):
        oracle.contract.first_round(FEED, first, not_before)


def test_first_round__invalid_itself__reverts_with_its_reason(oracle: Oracle) -> None:
    not_before = oracle.chain.timestamp + 1
    oracle.chain.advance(30)
    invalid = oracle.publish_round(-2_000 * UNIT)
    oracle.publish(2_010, after=30)
    with pytest.raises(Reverted, match="oracle: negative price"):
        oracle.contract.first_round(FEED, invalid, not_before)


def test_first_round__not_published_yet__reverts(oracle: Oracle) -> None:
    for unknown in (oracle.latest() + 1, oracle.latest() + (1 << 64), 2**200):
        with pytest.raises(Reverted, match="oracle: unknown round"):
            oracle.contract.first_round(FEED, unknown, oracle.chain.timestamp)


def test_first_round__first_of_a_phase__proves_nothing(oracle: Oracle) -> None:
    for number, reason in ((1, "oracle: no valid predecessor"), (0, "oracle: empty round")):
        with pytest.raises(Reverted, match=reason):
            oracle.contract.first_round(FEED, 1 << 64 | number, 0)


def test_first_round__of_an_old_phase__reverts(oracle: Oracle, second_phase: Callable[[], Contract]) -> None:
    """The old aggregator may go on answering: its rounds are no longer the feed's."""
    not_before = oracle.chain.timestamp + 1
    first, old = oracle.publish(2_010, after=30), oracle.aggregator
    second_phase()
    old.publish(1_000 * UNIT, sender=oracle.owner)
    for round_ in (first, first + 1):
        with pytest.raises(Reverted, match="oracle: unknown round"):
            oracle.contract.first_round(FEED, round_, not_before)


def test_first_round__unknown_feed__reverts(oracle: Oracle) -> None:
    with pytest.raises(Reverted, match="oracle: feed not set"):
        oracle.contract.first_round(FEED + 1, oracle.latest(), 0)
