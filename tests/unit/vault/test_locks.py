"""Meters of profit, and the locks that the excess becomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Contract, Reverted

from .conftest import WAD, cash_of

DAY = 86_400


@pytest.fixture
def winner(vault: Contract, account: int, allocate: Callable[..., Any], gain: Callable[..., None], owner: str) -> int:
    """$100 put into market 1, $90 won there, and a meter that lets out $40 a day."""
    vault.set_meter(1, 40 * WAD, sender=owner)
    allocate(account, 1, 100)
    gain(account, 1, 90)
    return account


def test_lock__within_net_deposits__nothing_metered(vault: Contract, winner: int, allocate: Callable[..., Any]) -> None:
    allocate(winner, 1, -100)
    assert (vault.treasury(winner).locked, vault.meter(1)) == (0, (40 * WAD, 40 * WAD))


def test_lock__beyond__meter_first_then_lock(vault: Contract, winner: int, allocate: Callable[..., Any]) -> None:
    """HLT-9: profit leaves a market at the meter's pace; the rest is locked."""
    allocate(winner, 1, -130)
    assert (vault.treasury(winner).locked, vault.meter(1)) == (0, (40 * WAD, 10 * WAD))
    receipt = allocate(winner, 1, -60)
    event = receipt.event("Locked")
    assert (event.account, event.market, event.amount) == (winner, 1, 50 * WAD)
    assert vault.lock(winner, 1) == vault.treasury(winner).locked == 50 * WAD
    assert vault.meter(1) == (40 * WAD, 0)
    assert cash_of(vault, winner) == 1_090 * WAD


def test_meter__time_passes__refills_linearly(vault: Contract, winner: int, allocate: Callable[..., Any]) -> None:
    allocate(winner, 1, -140)
    vault.chain.advance(DAY // 4)
    assert vault.meter(1)[1] == 10 * WAD
    vault.chain.advance(10 * DAY)
    assert vault.meter(1)[1] == 40 * WAD


def test_release_lock__by_anyone__as_the_meter_refills(
    vault: Contract, winner: int, allocate: Callable[..., Any], stranger: str
) -> None:
    """Moving cash into books and back never lowers a lock; only the market's allowance does."""
    allocate(winner, 1, -190)
    assert vault.lock(winner, 1) == 50 * WAD
    assert not vault.release_lock(winner, 1, sender=stranger).events
    allocate(winner, 1, 500)
    allocate(winner, 2, 500)
    assert vault.lock(winner, 1) == 50 * WAD
    vault.chain.advance(DAY // 2)
    receipt = vault.release_lock(winner, 1, sender=stranger)
    event = receipt.event("Unlocked")
    assert (event.account, event.market, event.amount) == (winner, 1, 20 * WAD)
    assert vault.lock(winner, 1) == vault.treasury(winner).locked == 30 * WAD
    vault.chain.advance(DAY)
    vault.release_lock(winner, 1, sender=stranger)
    assert vault.lock(winner, 1) == vault.treasury(winner).locked == 0
    assert vault.meter(1)[1] == 10 * WAD
    assert not vault.release_lock(winner, 1, sender=stranger).events
    assert not vault.release_lock(99, 1, sender=stranger).events


def test_set_meter__in_use__settles_the_old_one_first(
    vault: Contract, winner: int, allocate: Callable[..., Any], owner: str
) -> None:
    """ACC-4: a new capacity does not change what had drained before."""
    allocate(winner, 1, -140)
    vault.chain.advance(DAY // 4)
    receipt = vault.set_meter(1, 100 * WAD, sender=owner)
    assert (receipt.event("MeterSet").market, receipt.event("MeterSet").capacity) == (1, 100 * WAD)
    assert vault.meter(1) == (100 * WAD, 70 * WAD)
    vault.set_meter(1, 10 * WAD, sender=owner)
    assert vault.meter(1) == (10 * WAD, 0)
    vault.set_meter(1, 0, sender=owner)
    assert vault.meter(1) == (0, 0)


def test_set_meter__bad_input__reverts(vault: Contract, owner: str, stranger: str) -> None:
    for sender, market, capacity, reason in (
        (stranger, 1, WAD, "ownable: caller is not the owner"),
        (owner, 11, WAD, "vault: unknown market"),
        (owner, 1, WAD - 1, "vault: parameter out of bounds"),
        (owner, 1, 2**95 + 1, "vault: parameter out of bounds"),
    ):
        with pytest.raises(Reverted) as error:
            vault.set_meter(market, capacity, sender=sender)
        assert error.value.reason == reason
