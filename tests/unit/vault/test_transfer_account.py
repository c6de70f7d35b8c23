"""Accounts change hands in two steps; nobody whom the old owner named keeps a right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Contract, Reverted

from .conftest import RAW, WAD, cash_of

NOBODY = "0x" + "00" * 20
EVER = 2**40 - 1


@pytest.fixture
def offered(vault: Contract, account: int, trader: str, other_trader: str) -> int:
    """The trader's account, offered to the other trader."""
    vault.transfer_account(account, other_trader, sender=trader)
    return account


def test_transfer_account__not_yet_accepted__changes_nothing(
    vault: Contract, token: Contract, account: int, trader: str, other_trader: str
) -> None:
    event = vault.transfer_account(account, other_trader, sender=trader).event("AccountOffered")
    assert (event.account, event.owner, event.new_owner) == (account, trader, other_trader)
    assert (vault.owner_of(account), vault.pending_owner(account), vault.epoch(account)) == (trader, other_trader, 0)
    with pytest.raises(Reverted) as error:
        vault.withdraw(account, token.address, RAW, other_trader, sender=other_trader)
    assert error.value.reason == "access: no right"
    vault.withdraw(account, token.address, RAW, trader, sender=trader)


def test_accept_account__by_the_new_owner__everything_is_his(
    vault: Contract, token: Contract, offered: int, trader: str, other_trader: str, exchange: str
) -> None:
    vault.lock_escrow(offered, trader, 99 * WAD, WAD, sender=exchange)
    event = vault.accept_account(offered, sender=other_trader).event("AccountTransferred")
    assert (event.account, event.owner, event.new_owner) == (offered, trader, other_trader)
    assert (vault.owner_of(offered), vault.pending_owner(offered), vault.epoch(offered)) == (other_trader, NOBODY, 1)
    assert (cash_of(vault, offered), vault.treasury(offered).escrow) == (900 * WAD, 100 * WAD)
    vault.withdraw(offered, token.address, 900 * RAW, other_trader, sender=other_trader)
    assert token.balanceOf(other_trader) == 900 * RAW
    for call in (
        lambda: vault.withdraw(offered, token.address, RAW, trader, sender=trader),
        lambda: vault.lock_escrow(offered, trader, 0, 0, sender=exchange),
    ):
        with pytest.raises(Reverted) as error:
            call()
        assert error.value.reason == "access: no right"


def test_accept_account__same_block__operators_are_void(
    vault: Contract, token: Contract, offered: int, trader: str, other_trader: str, operator: str, exchange: str
) -> None:
    """AUT-2: in the very block of the change, an operator of the old owner does nothing; a new one starts anew."""
    vault.set_operator(offered, operator, 7, EVER, sender=trader)
    now = vault.chain.timestamp
    vault.withdraw(offered, token.address, RAW, operator, sender=operator)
    vault.accept_account(offered, sender=other_trader)
    assert vault.chain.timestamp == now
    assert vault.operator(offered, operator) == (0, 0)
    assert not any(vault.authorised(offered, operator, right) for right in (0, 1, 2, 4, 7))
    for call in (
        lambda: vault.withdraw(offered, token.address, RAW, operator, sender=operator),
        lambda: vault.lock_escrow(offered, operator, 0, 0, sender=exchange),
    ):
        with pytest.raises(Reverted) as error:
            call()
        assert error.value.reason == "access: no right"
    vault.set_operator(offered, operator, 4, EVER, sender=other_trader)
    assert vault.authorised(offered, operator, 4)
    vault.transfer_account(offered, trader, sender=other_trader)
    vault.accept_account(offered, sender=trader)
    assert vault.epoch(offered) == 2
    assert not vault.authorised(offered, operator, 4), "nor do the rights of the first epoch come back"


def test_accept_account__by_anyone_else__reverts(
    vault: Contract, offered: int, trader: str, other_trader: str, operator: str, stranger: str, owner: str
) -> None:
    """AUT-4: not the protocol's owner, not an operator, not twice, not an account that was never offered."""
    vault.set_operator(offered, operator, 7, EVER, sender=trader)
    for sender in (trader, operator, stranger, owner):
        with pytest.raises(Reverted) as error:
            vault.accept_account(offered, sender=sender)
        assert error.value.reason == "access: not the new owner"
    for account in (1, 99):
        with pytest.raises(Reverted) as error:
            vault.accept_account(account, sender=other_trader)
        assert error.value.reason == "access: not the new owner"
    vault.accept_account(offered, sender=other_trader)
    with pytest.raises(Reverted) as error:
        vault.accept_account(offered, sender=other_trader)
    assert error.value.reason == "access: not the new owner"


def test_transfer_account__taken_back_or_replaced__the_first_offer_is_void(
    vault: Contract, offered: int, trader: str, other_trader: str, stranger: str
) -> None:
    vault.transfer_account(offered, NOBODY, sender=trader)
    with pytest.raises(Reverted) as error:
        vault.accept_account(offered, sender=other_trader)
    assert error.value.reason == "access: not the new owner"
    vault.transfer_account(offered, other_trader, sender=trader)
    vault.transfer_account(offered, stranger, sender=trader)
    with pytest.raises(Reverted) as error:
        vault.accept_account(offered, sender=other_trader)
    assert error.value.reason == "access: not the new owner"
    vault.accept_account(offered, sender=stranger)
    assert vault.owner_of(offered) == stranger


def test_transfer_account__bad_input__reverts(
    vault: Contract, account: int, trader: str, other_trader: str, operator: str, allocate: Callable[..., Any]
) -> None:
    """AUT-3: an operator with every right hands nothing over; the vault owns no account."""
    vault.set_operator(account, operator, 7, EVER, sender=trader)
    for sender, id_, new_owner, reason in (
        (operator, account, operator, "access: not the owner"),
        (other_trader, account, other_trader, "access: not the owner"),
        (trader, 1, trader, "access: not the owner"),
        (trader, 99, trader, "access: not the owner"),
        (trader, account, vault.address, "vault: zero address"),
    ):
        with pytest.raises(Reverted) as error:
            vault.transfer_account(id_, new_owner, sender=sender)
        assert error.value.reason == reason
    assert vault.pending_owner(account) == NOBODY
