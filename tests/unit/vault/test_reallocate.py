"""Moves between two books in the name of the account's owner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Contract, Reverted

from .conftest import WAD, books_of, cash_of


def test_reallocate__part_of_a_book__moves_it_and_nothing_else(
    vault: Contract, markets: list[Contract], account: int, rebalancer: str, trader: str, allocate: Callable[..., Any]
) -> None:
    allocate(account, 4, 250)
    vault.chain.advance(10)
    receipt = vault.reallocate(account, trader, 4, 7, 100 * WAD, sender=rebalancer)
    assert cash_of(vault, account) == 750 * WAD
    assert (vault.market(4)[1], vault.market(7)[1]) == (150 * WAD, 100 * WAD)
    assert (markets[3].book(account), markets[6].book(account)) == (150 * WAD, 100 * WAD)
    assert books_of(vault, account) == [4, 7, 0, 0, 0, 0, 0, 0]
    moves = [(event.account, event.market, event.amount) for event in receipt.named("MarginMoved")]
    assert moves == [(account, 4, -100 * WAD), (account, 7, 100 * WAD)]
    assert vault.treasury(account).last_trade == vault.chain.timestamp


def test_reallocate__whole_book__target_takes_its_slot(
    vault: Contract, account: int, rebalancer: str, trader: str, allocate: Callable[..., Any]
) -> None:
    for market in range(1, 9):
        allocate(account, market, 1)
    with pytest.raises(Reverted) as error:
        vault.reallocate(account, trader, 3, 9, WAD // 2, sender=rebalancer)
    assert error.value.reason == "vault: too many books"
    vault.reallocate(account, trader, 3, 9, WAD, sender=rebalancer)
    assert books_of(vault, account) == [1, 2, 9, 4, 5, 6, 7, 8]


def test_reallocate__bad_input__reverts(
    vault: Contract, account: int, rebalancer: str, trader: str, stranger: str, allocate: Callable[..., Any]
) -> None:
    """AUT-2: engine and actor are checked; FND-1: a book gives no more than the vault holds for its market."""
    allocate(account, 1, 1)
    for sender, actor, source, target, amount, reason in (
        (trader, trader, 1, 2, WAD, "access: not the engine"),
        (rebalancer, stranger, 1, 2, WAD, "access: no right"),
        (rebalancer, trader, 1, 2, 0, "vault: zero amount"),
        (rebalancer, trader, 2, 1, WAD, "vault: no such book"),
        (rebalancer, trader, 1, 0, WAD, "vault: unknown market"),
        (rebalancer, trader, 1, 11, WAD, "vault: unknown market"),
        (rebalancer, trader, 1, 2, WAD + 1, "vault: market overdrawn"),
    ):
        with pytest.raises(Reverted) as error:
            vault.reallocate(account, actor, source, target, amount, sender=sender)
        assert error.value.reason == reason
    assert (cash_of(vault, account), vault.market(1)[1]) == (999 * WAD, WAD)
