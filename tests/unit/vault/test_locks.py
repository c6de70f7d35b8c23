"""Meters of profit, and the locks that the excess becomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Contract, Reverted

from .conftest import WAD, cash_of

NOBODY = "0x" + "00" * 20
DAY = 86_400
HOUR = 3_600


@pytest.fixture
def winner(
    vault: Contract,
    outflow: Contract,
    account: int,
    allocate: Callable[..., Any],
    gain: Callable[..., None],
    owner: str,
) -> int:
    """$100 put into market 1, $90 won there, and a meter that lets out $40 a day."""
    outflow.set_meter(1, 40 * WAD, sender=owner)
    allocate(account, 1, 100)
    gain(account, 1, 90)
    return account


def test_lock__within_net_deposits__nothing_metered(
    vault: Contract, outflow: Contract, winner: int, allocate: Callable[..., Any]
) -> None:
    allocate(winner, 1, -100)
    assert (vault.treasury(winner).locked, outflow.meter(1)) == (0, (40 * WAD, 40 * WAD))


def test_lock__book_goes_on__all_of_the_profit(
    vault: Contract, outflow: Contract, winner: int, allocate: Callable[..., Any]
) -> None:
    """HLT-9: what is left of the book may fall below zero yet, so the meter does not count: all is locked."""
    receipt = allocate(winner, 1, -130)
    event = receipt.event("Locked")
    assert (event.account, event.market, event.amount) == (winner, 1, 30 * WAD)
    assert outflow.lock(winner, 1) == vault.treasury(winner).locked == 30 * WAD
    assert outflow.lock_matures(winner, 1) == vault.chain.timestamp + HOUR
    assert outflow.meter(1) == (40 * WAD, 40 * WAD)
    assert cash_of(vault, winner) == 1_030 * WAD


def test_lock__book_ends__meter_first_then_lock(
    vault: Contract, outflow: Contract, winner: int, allocate: Callable[..., Any]
) -> None:
    """HLT-9: profit leaves a market at the meter's pace; the rest is locked."""
    receipt = allocate(winner, 1, -190)
    assert receipt.event("Locked").amount == 50 * WAD
    assert outflow.lock(winner, 1) == vault.treasury(winner).locked == 50 * WAD
    assert outflow.meter(1) == (40 * WAD, 0)
    assert cash_of(vault, winner) == 1_090 * WAD


def test_lock__book_ends_within_the_meter__nothing_locked(
    vault: Contract, outflow: Contract, winner: int, allocate: Callable[..., Any], owner: str
) -> None:
    outflow.set_meter(1, 90 * WAD, sender=owner)
    assert not allocate(winner, 1, -190).named("Locked")
    assert (vault.treasury(winner).locked, outflow.lock_matures(winner, 1)) == (0, 0)
    assert outflow.meter(1) == (90 * WAD, 0)


def test_meter__time_passes__refills_linearly(
    vault: Contract, outflow: Contract, winner: int, allocate: Callable[..., Any]
) -> None:
    allocate(winner, 1, -190)
    vault.chain.advance(DAY // 4)
    assert outflow.meter(1)[1] == 10 * WAD
    vault.chain.advance(10 * DAY)
    assert outflow.meter(1)[1] == 40 * WAD


def test_reallocate__cash_is_locked_already__stays_so(
    vault: Contract, outflow: Contract, winner: int, rebalancer: str, trader: str, allocate: Callable[..., Any]
) -> None:
    """HLT-9: margin that goes from book to book unlocks nothing."""
    allocate(winner, 1, -130)
    allocate(winner, 2, 20)
    vault.reallocate(winner, trader, 2, 3, 5 * WAD, sender=rebalancer)
    assert outflow.lock(winner, 1) == vault.treasury(winner).locked == 30 * WAD


def test_meet_and_release__anybody_but_the_vault__are_refused(
    vault: Contract, outflow: Contract, markets: list[Contract], winner: int, owner: str, stranger: str
) -> None:
    """HLT-7: what is locked only the vault says, which moves the money."""
    for sender in (owner, stranger):
        for call in (
            lambda sender=sender: outflow.meet(winner, 1, WAD, False, sender=sender),
            lambda sender=sender: outflow.release(winner, 1, markets[0].address, sender=sender),
        ):
            with pytest.raises(Reverted) as error:
                call()
            assert error.value.reason == "access: not the vault"
    assert (outflow.lock(winner, 1), vault.treasury(winner).locked) == (0, 0)


def test_release_lock__by_anyone__as_the_meter_refills(
    vault: Contract, outflow: Contract, winner: int, allocate: Callable[..., Any], stranger: str
) -> None:
    """Moving cash into books and back never lowers a lock; only the market's allowance does."""
    allocate(winner, 1, -190)
    assert outflow.lock(winner, 1) == 50 * WAD
    allocate(winner, 1, 500)
    allocate(winner, 2, 500)
    assert outflow.lock(winner, 1) == 50 * WAD
    vault.chain.advance(DAY // 2)
    receipt = vault.release_lock(winner, 1, sender=stranger)
    event = receipt.event("Unlocked")
    assert (event.account, event.market, event.amount) == (winner, 1, 20 * WAD)
    assert outflow.lock(winner, 1) == vault.treasury(winner).locked == 30 * WAD
    assert not vault.release_lock(winner, 1, sender=stranger).events
    vault.chain.advance(DAY)
    vault.release_lock(winner, 1, sender=stranger)
    assert outflow.lock(winner, 1) == vault.treasury(winner).locked == 0
    assert outflow.meter(1)[1] == 10 * WAD
    assert not vault.release_lock(winner, 1, sender=stranger).events
    assert not vault.release_lock(99, 1, sender=stranger).events


def test_release_lock__young__reverts_until_an_hour_after_it_last_grew(
    vault: Contract, outflow: Contract, winner: int, allocate: Callable[..., Any], stranger: str
) -> None:
    """A pump outlives no hour: the lock does, counted from its last growth."""
    allocate(winner, 1, -110)
    vault.chain.advance(HOUR - 1)
    with pytest.raises(Reverted) as error:
        vault.release_lock(winner, 1, sender=stranger)
    assert error.value.reason == "vault: lock is too young"
    allocate(winner, 1, -20)
    vault.chain.advance(HOUR - 1)
    with pytest.raises(Reverted) as error:
        vault.release_lock(winner, 1, sender=stranger)
    assert error.value.reason == "vault: lock is too young"
    assert outflow.lock(winner, 1) == 30 * WAD
    vault.chain.advance(1)
    assert vault.release_lock(winner, 1, sender=stranger).event("Unlocked").amount == 30 * WAD
    assert vault.treasury(winner).locked == 0


def test_release_lock__book_below_maintenance__reverts_until_it_is_not(
    vault: Contract,
    outflow: Contract,
    markets: list[Contract],
    winner: int,
    allocate: Callable[..., Any],
    stranger: str,
) -> None:
    """A lock outlives the loss of its own book: what was taken out stays until the book is whole."""
    allocate(winner, 1, -130)
    vault.chain.advance(HOUR)
    markets[0].set_maintenance(winner, 60 * WAD + 1, sender=stranger)
    with pytest.raises(Reverted) as error:
        vault.release_lock(winner, 1, sender=stranger)
    assert error.value.reason == "vault: book below maintenance"
    markets[0].gain(winner, -100 * WAD, sender=stranger)
    markets[0].set_maintenance(winner, 0, sender=stranger)
    with pytest.raises(Reverted) as error:
        vault.release_lock(winner, 1, sender=stranger)
    assert error.value.reason == "vault: book below maintenance"
    markets[0].gain(winner, 100 * WAD, sender=stranger)
    markets[0].set_maintenance(winner, 60 * WAD, sender=stranger)
    vault.release_lock(winner, 1, sender=stranger)
    assert outflow.lock(winner, 1) == 0


def test_release_lock__market_cannot_price_itself__reverts_while_there_is_a_book(
    vault: Contract,
    outflow: Contract,
    markets: list[Contract],
    winner: int,
    allocate: Callable[..., Any],
    stranger: str,
) -> None:
    """LIV-1: a frozen market keeps its own lock and nothing else; without a book there nobody asks it."""
    allocate(winner, 1, -130)
    vault.chain.advance(HOUR)
    markets[0].set_frozen(True, sender=stranger)
    with pytest.raises(Reverted) as error:
        vault.release_lock(winner, 1, sender=stranger)
    assert error.value.reason == "market: frozen"
    allocate(winner, 1, -60)
    vault.chain.advance(HOUR)
    assert outflow.lock(winner, 1) == 50 * WAD
    vault.release_lock(winner, 1, sender=stranger)
    assert outflow.lock(winner, 1) == 50 * WAD - 40 * WAD * HOUR // DAY - 0


def test_set_meter__in_use__settles_the_old_one_first(
    vault: Contract, outflow: Contract, winner: int, allocate: Callable[..., Any], owner: str
) -> None:
    """ACC-4: a new capacity does not change what had drained before."""
    allocate(winner, 1, -190)
    vault.chain.advance(DAY // 4)
    receipt = outflow.set_meter(1, 100 * WAD, sender=owner)
    assert (receipt.event("MeterSet").market, receipt.event("MeterSet").capacity) == (1, 100 * WAD)
    assert outflow.meter(1) == (100 * WAD, 70 * WAD)
    outflow.set_meter(1, 10 * WAD, sender=owner)
    assert outflow.meter(1) == (10 * WAD, 0)
    outflow.set_meter(1, 0, sender=owner)
    assert outflow.meter(1) == (0, 0)


def test_set_meter__bad_input__reverts(vault: Contract, outflow: Contract, owner: str, stranger: str) -> None:
    for sender, market, capacity, reason in (
        (stranger, 1, WAD, "ownable: caller is not the owner"),
        (owner, 11, WAD, "vault: unknown market"),
        (owner, 1, WAD - 1, "vault: parameter out of bounds"),
        (owner, 1, 2**95 + 1, "vault: parameter out of bounds"),
    ):
        with pytest.raises(Reverted) as error:
            outflow.set_meter(market, capacity, sender=sender)
        assert error.value.reason == reason


def test_set_vault__a_second_time_or_by_others__reverts(
    outflow: Contract, token: Contract, owner: str, stranger: str
) -> None:
    """AUT-3: whoever could name the vault could release every lock."""
    assert outflow.chain.deploy("Outflow", sender=owner).vault() == NOBODY
    for sender, vault, reason in (
        (stranger, token.address, "ownable: caller is not the owner"),
        (owner, NOBODY, "vault: zero address"),
        (owner, token.address, "outflow: vault is set"),
    ):
        with pytest.raises(Reverted) as error:
            outflow.set_vault(vault, sender=sender)
        assert error.value.reason == reason
    fresh = outflow.chain.deploy("Outflow", sender=owner)
    assert fresh.set_vault(token.address, sender=owner).event("VaultSet").vault == fresh.vault() == token.address
