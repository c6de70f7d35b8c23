"""Withdrawals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Contract, Reverted

from .conftest import RAW, WAD, cash_of

NOBODY = "0x" + "00" * 20


def test_withdraw__by_owner__pays_the_receiver(
    vault: Contract, token: Contract, account: int, trader: str, stranger: str
) -> None:
    """LIV-1: all of it, without a price."""
    receipt = vault.withdraw(account, token.address, 1_000 * RAW, stranger, sender=trader)
    assert (token.balanceOf(stranger), token.balanceOf(trader)) == (1_000 * RAW, 0)
    assert cash_of(vault, account) == 0
    event = receipt.event("Withdrawn")
    assert (event.account, event.token, event.receiver, event.amount) == (
        account,
        token.address,
        stranger,
        1_000 * RAW,
    )


@pytest.mark.parametrize(
    ("rights", "lifetime", "allowed"), [(4, 60, True), (7, 60, True), (3, 60, False), (4, 0, False), (0, 60, False)]
)
def test_withdraw__by_operator__only_with_the_right_and_in_time(
    vault: Contract,
    token: Contract,
    account: int,
    trader: str,
    operator: str,
    rights: int,
    lifetime: int,
    allowed: bool,
) -> None:
    """AUT-2."""
    expiry = vault_time(vault) + lifetime
    receipt = vault.set_operator(account, operator, rights, expiry, sender=trader)
    event = receipt.event("OperatorSet")
    assert (event.account, event.operator, event.rights, event.expiry) == (account, operator, rights, expiry)
    assert vault.operator(account, operator) == (rights, expiry)
    if allowed:
        vault.withdraw(account, token.address, RAW, operator, sender=operator)
        assert token.balanceOf(operator) == RAW
        return
    with pytest.raises(Reverted) as error:
        vault.withdraw(account, token.address, RAW, operator, sender=operator)
    assert error.value.reason == "access: no right"


def vault_time(vault: Contract) -> int:
    return int(vault.chain.timestamp)


def test_withdraw__by_stranger_or_engine__reverts(
    vault: Contract, token: Contract, account: int, stranger: str, owner: str, rebalancer: str, other_trader: str
) -> None:
    """AUT-1, GOV-6: neither the protocol's owner nor an engine takes an account's money."""
    for sender in (stranger, owner, rebalancer, other_trader):
        with pytest.raises(Reverted) as error:
            vault.withdraw(account, token.address, RAW, sender, sender=sender)
        assert error.value.reason == "access: no right"
    assert cash_of(vault, account) == 1_000 * WAD


def test_withdraw__bad_input__reverts(
    vault: Contract, token: Contract, account: int, trader: str, stranger: str
) -> None:
    for arguments, reason in (
        ((account, token.address, 0, trader), "vault: zero amount"),
        ((account, stranger, RAW, trader), "vault: unknown token"),
        ((account, token.address, 1_000 * RAW + 1, trader), "vault: insufficient cash"),
        ((account, token.address, 2**256 - 1, trader), "vault: insufficient cash"),
        ((account, token.address, RAW, NOBODY), "vault: zero address"),
        ((account, token.address, RAW, vault.address), "vault: zero address"),
        ((99, token.address, RAW, trader), "vault: unknown account"),
    ):
        with pytest.raises(Reverted) as error:
            vault.withdraw(*arguments, sender=trader)
        assert error.value.reason == reason
    assert cash_of(vault, account) == 1_000 * WAD


def test_withdraw__cash_in_books_and_escrow__stays(
    vault: Contract, token: Contract, account: int, trader: str, exchange: str, allocate: Callable[..., Any]
) -> None:
    """SOL-4: what is owed elsewhere does not leave."""
    allocate(account, 1, 300)
    vault.lock_escrow(account, trader, 200 * WAD, WAD, sender=exchange)
    with pytest.raises(Reverted) as error:
        vault.withdraw(account, token.address, 499 * RAW + 1, trader, sender=trader)
    assert error.value.reason == "vault: insufficient cash"
    vault.withdraw(account, token.address, 499 * RAW, trader, sender=trader)
    assert cash_of(vault, account) == 0


def test_withdraw__locked_profit__stays(
    vault: Contract, token: Contract, account: int, trader: str, allocate: Callable[..., Any], gain: Callable[..., None]
) -> None:
    """What a market without a meter lets out beyond deposits can be used, not withdrawn."""
    allocate(account, 1, 100)
    gain(account, 1, 50)
    allocate(account, 1, -150)
    assert cash_of(vault, account) == 1_050 * WAD
    assert vault.treasury(account).locked == 50 * WAD
    with pytest.raises(Reverted) as error:
        vault.withdraw(account, token.address, 1_000 * RAW + 1, trader, sender=trader)
    assert error.value.reason == "vault: cash is locked"
    assert (cash_of(vault, account), token.balanceOf(trader)) == (1_050 * WAD, 0)
    vault.withdraw(account, token.address, 1_000 * RAW, trader, sender=trader)
    allocate(account, 2, 50)
    assert cash_of(vault, account) == 0


def test_withdraw__token_says_false__reverts(
    vault: Contract, token: Contract, account: int, trader: str, owner: str
) -> None:
    """X-TOK-01."""
    token.misbehave(2, trader, b"", sender=owner)
    with pytest.raises(Reverted) as error:
        vault.withdraw(account, token.address, RAW, trader, sender=trader)
    assert error.value.reason == "vault: transfer failed"
    assert cash_of(vault, account) == 1_000 * WAD


def test_set_operator__not_owner_or_bad_rights__reverts(
    vault: Contract, account: int, trader: str, operator: str
) -> None:
    """AUT-3: an operator names no operator, whatever its rights."""
    vault.set_operator(account, operator, 7, 2**40 - 1, sender=trader)
    for sender, rights, expiry, reason in (
        (operator, 7, 1, "access: not the owner"),
        (trader, 8, 1, "vault: parameter out of bounds"),
        (trader, 7, 2**40, "vault: parameter out of bounds"),
    ):
        with pytest.raises(Reverted) as error:
            vault.set_operator(account, operator, rights, expiry, sender=sender)
        assert error.value.reason == reason
    with pytest.raises(Reverted):
        vault.set_operator(99, operator, 7, 1, sender=trader)
    assert vault.authorised(account, operator, 7)
    vault.set_operator(account, operator, 0, 0, sender=trader)
    assert not vault.authorised(account, operator, 1)
