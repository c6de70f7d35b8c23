"""Moves in the name of the account's owner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Contract, Reverted

from .conftest import WAD, books_of, cash_of


def test_allocate__new_book__opens_it(
    vault: Contract, markets: list[Contract], account: int, rebalancer: str, trader: str
) -> None:
    receipt = vault.allocate(account, trader, 4, 250 * WAD, sender=rebalancer)
    assert (cash_of(vault, account), vault.market(4)[1]) == (750 * WAD, 250 * WAD)
    assert markets[3].book(account) == 250 * WAD
    assert books_of(vault, account) == [4, 0, 0, 0, 0, 0, 0, 0]
    event = receipt.event("MarginMoved")
    assert (event.account, event.market, event.amount) == (account, 4, 250 * WAD)
    assert vault.treasury(account).last_trade == vault.chain.timestamp


def test_allocate__back__returns_to_cash_and_frees(vault: Contract, account: int, allocate: Callable[..., Any]) -> None:
    allocate(account, 4, 250)
    allocate(account, 4, -249)
    assert books_of(vault, account)[0] == 4
    allocate(account, 4, -1)
    assert (cash_of(vault, account), vault.market(4)[1]) == (1_000 * WAD, 0)
    assert books_of(vault, account) == [0] * 8


def test_allocate__ninth_book__reverts(vault: Contract, account: int, allocate: Callable[..., Any]) -> None:
    for market in range(1, 9):
        allocate(account, market, 1)
    with pytest.raises(Reverted) as error:
        allocate(account, 9, 1)
    assert error.value.reason == "vault: too many books"
    assert (cash_of(vault, account), vault.market(9)[1]) == (992 * WAD, 0)
    allocate(account, 8, 1)
    assert books_of(vault, account) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_allocate__more_than_a_market_may_hold__reverts(
    vault: Contract, markets: list[Contract], fund: Callable[..., None], account: int, rebalancer: str, trader: str
) -> None:
    """RND-6: what the vault owes a market has 96 bits, $79 billion: to the wei."""
    fund(account, 8 * 10**10)
    vault.allocate(account, trader, 2, 2**96 - 1, sender=rebalancer)
    cash = cash_of(vault, account)
    with pytest.raises(Reverted) as error:
        vault.allocate(account, trader, 2, 1, sender=rebalancer)
    assert error.value.reason == "math: out of range"
    assert (vault.market(2)[1], markets[1].book(account), cash_of(vault, account)) == (2**96 - 1, 2**96 - 1, cash)


def test_allocate__bad_input__reverts(vault: Contract, account: int, allocate: Callable[..., Any]) -> None:
    allocate(account, 1, 1)
    for market, usd, reason in (
        (1, 0, "vault: zero amount"),
        (1, 1_000, "vault: insufficient cash"),
        (0, 1, "vault: unknown market"),
        (11, 1, "vault: unknown market"),
        (2, -1, "vault: no such book"),
        (1, -2, "vault: market overdrawn"),
    ):
        with pytest.raises(Reverted) as error:
            allocate(account, market, usd)
        assert error.value.reason == reason
    assert cash_of(vault, account) == 999 * WAD


def test_allocate__actor__needs_the_margin_right(
    vault: Contract, account: int, trader: str, operator: str, stranger: str, rebalancer: str, exchange: str
) -> None:
    """AUT-2: the vault checks the actor itself and does not take the engine's word."""
    vault.set_operator(account, operator, 2, 2**40 - 1, sender=trader)
    vault.allocate(account, operator, 1, WAD, sender=rebalancer)
    vault.set_operator(account, operator, 5, 2**40 - 1, sender=trader)
    for actor in (operator, stranger):
        with pytest.raises(Reverted) as error:
            vault.allocate(account, actor, 1, WAD, sender=rebalancer)
        assert error.value.reason == "access: no right"
    with pytest.raises(Reverted) as error:
        vault.allocate(account, trader, 1, WAD, sender=exchange)
    assert error.value.reason == "access: not the engine"
