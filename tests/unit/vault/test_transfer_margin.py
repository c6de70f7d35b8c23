"""Moves between the books and the cash of one account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Contract, Reverted

from .conftest import WAD, books_of, cash_of


def moves(*pairs: tuple[int, int]) -> list[dict[str, int]]:
    return [{"slot": slot, "amount": usd * WAD} for slot, usd in pairs]


@pytest.fixture
def two_books(account: int, allocate: Callable[..., Any]) -> int:
    """$400 in market 3 at slot 0, $100 in market 5 at slot 1, $500 in cash."""
    allocate(account, 3, 400)
    allocate(account, 5, 100)
    return account


def test_transfer_margin__book_to_book__conserves(
    vault: Contract, markets: list[Contract], two_books: int, rebalancer: str, keeper: str
) -> None:
    """REB-1, SOL-6: what one book gives the other gets, to the wei."""
    last_trade = vault.treasury(two_books).last_trade
    vault.chain.advance(100)
    receipt = vault.transfer_margin(two_books, moves((1, 250), (0, -250)), 0, keeper, sender=rebalancer)
    assert (markets[2].book(two_books), markets[4].book(two_books)) == (150 * WAD, 350 * WAD)
    assert (vault.market(3)[1], vault.market(5)[1]) == (150 * WAD, 350 * WAD)
    assert cash_of(vault, two_books) == 500 * WAD
    assert vault.claimable(keeper) == 0
    assert [(e.account, e.market, e.amount) for e in receipt.named("MarginMoved")] == [
        (two_books, 5, 250 * WAD),
        (two_books, 3, -250 * WAD),
    ]
    assert not receipt.named("Rewarded")
    assert vault.treasury(two_books).last_trade == last_trade  # not a trade of the owner's


def test_transfer_margin__with_reward__credits_the_keeper(
    vault: Contract, token: Contract, two_books: int, rebalancer: str, keeper: str
) -> None:
    receipt = vault.transfer_margin(two_books, moves((0, -100), (1, 50)), 20 * WAD, keeper, sender=rebalancer)
    assert cash_of(vault, two_books) == 530 * WAD
    assert vault.claimable(keeper) == 20 * WAD
    event = receipt.event("Rewarded")
    assert (event.account, event.keeper, event.amount) == (two_books, keeper, 20 * WAD)
    vault.claim(keeper, sender=keeper)
    assert (vault.claimable(keeper), token.balanceOf(keeper)) == (0, 20 * 10**6)


def test_transfer_margin__takes_all__frees_the_slot_and_reuses_it(
    vault: Contract, two_books: int, rebalancer: str, keeper: str, allocate: Callable[..., Any]
) -> None:
    vault.transfer_margin(two_books, moves((0, -400)), 0, keeper, sender=rebalancer)
    assert books_of(vault, two_books) == [0, 5, 0, 0, 0, 0, 0, 0]
    assert vault.portfolio(two_books)[1][:2] == ["0x" + "00" * 20, vault.market(5)[0]]
    allocate(two_books, 7, 1)
    assert books_of(vault, two_books) == [7, 5, 0, 0, 0, 0, 0, 0]
    assert vault.portfolio(two_books)[1][:3] == [vault.market(7)[0], vault.market(5)[0], "0x" + "00" * 20]


def test_transfer_margin__beyond_what_there_is__reverts(
    vault: Contract, two_books: int, rebalancer: str, keeper: str
) -> None:
    """SOL-5: a market pays out of its own balance, an account out of its own cash."""
    for transfers, reward, reason in (
        (moves((0, -401)), 0, "vault: market overdrawn"),
        (moves((0, 501)), 0, "vault: insufficient cash"),
        (moves((2, 1)), 0, "vault: no such book"),
        (moves((8, 1)), 0, "vault: no such book"),
        ([], 201 * WAD, "vault: reward too high"),
    ):
        with pytest.raises(Reverted) as error:
            vault.transfer_margin(two_books, transfers, reward, keeper, sender=rebalancer)
        assert error.value.reason == reason
    assert (vault.market(3)[1], cash_of(vault, two_books)) == (400 * WAD, 500 * WAD)


def test_transfer_margin__by_anyone_else__reverts(
    vault: Contract, two_books: int, trader: str, owner: str, exchange: str, stranger: str
) -> None:
    """AUT-1, HLT-7: not the account's owner, not the protocol's, not the other engine."""
    for sender in (trader, owner, exchange, stranger):
        with pytest.raises(Reverted) as error:
            vault.transfer_margin(two_books, moves((0, -1)), 0, sender, sender=sender)
        assert error.value.reason == "access: not the engine"


def test_transfer_margin__another_markets_money__is_out_of_reach(
    vault: Contract, markets: list[Contract], two_books: int, rebalancer: str, keeper: str, owner: str
) -> None:
    """§7.3, SOL-5: a market that claims a profit it does not hold cannot draw the other market's balance."""
    markets[2].gain(two_books, 10**6 * WAD, sender=owner)
    with pytest.raises(Reverted) as error:
        vault.transfer_margin(two_books, moves((0, -500)), 0, keeper, sender=rebalancer)
    assert error.value.reason == "vault: market overdrawn"
    assert vault.market(5)[1] == 100 * WAD


def test_transfer_margin__reward_and_locks__paid_from_free_cash_only(
    vault: Contract,
    two_books: int,
    rebalancer: str,
    keeper: str,
    gain: Callable[..., None],
) -> None:
    """REB-5: locked profit pays no keeper; the rescue itself goes on."""
    gain(two_books, 3, 600)
    vault.transfer_margin(two_books, moves((0, -1_000), (1, 492)), 20 * WAD, keeper, sender=rebalancer)
    assert vault.treasury(two_books).locked == 600 * WAD
    assert vault.claimable(keeper) == 20 * WAD
    assert cash_of(vault, two_books) == 988 * WAD
    vault.transfer_margin(two_books, moves((1, 380)), 20 * WAD, keeper, sender=rebalancer)
    assert vault.claimable(keeper) == 28 * WAD
    assert cash_of(vault, two_books) == 600 * WAD
    vault.transfer_margin(two_books, moves((1, 600)), 20 * WAD, keeper, sender=rebalancer)
    assert vault.claimable(keeper) == 28 * WAD
    assert cash_of(vault, two_books) == 0
