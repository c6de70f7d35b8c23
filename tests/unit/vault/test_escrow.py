"""Orders' money: into escrow, back, and into books."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Contract, Reverted

from .conftest import WAD, books_of, cash_of


@pytest.fixture
def ordered(vault: Contract, account: int, trader: str, exchange: str) -> int:
    """An account with $900 in cash and an order: $99 of margin, $1 for the executor."""
    vault.lock_escrow(account, trader, 99 * WAD, WAD, sender=exchange)
    return account


def test_lock_escrow__by_owner__moves_cash_aside(vault: Contract, account: int, trader: str, exchange: str) -> None:
    receipt = vault.lock_escrow(account, trader, 99 * WAD, WAD, sender=exchange)
    treasury = vault.treasury(account)
    assert (treasury.cash, treasury.escrow) == (900 * WAD, 100 * WAD)
    assert treasury.last_trade == vault.chain.timestamp
    assert vault.open_orders(account) == 1
    event = receipt.event("EscrowLocked")
    assert (event.account, event.amount) == (account, 100 * WAD)


def test_lock_escrow__bad_input__reverts(
    vault: Contract, account: int, trader: str, operator: str, exchange: str, rebalancer: str
) -> None:
    """AUT-2: TRADE is needed, whatever the engine says."""
    vault.set_operator(account, operator, 6, 2**40 - 1, sender=trader)
    for sender, actor, margin, reason in (
        (exchange, operator, 0, "access: no right"),
        (rebalancer, trader, 0, "access: not the engine"),
        (exchange, trader, 1_000 * WAD, "vault: insufficient cash"),
    ):
        with pytest.raises(Reverted) as error:
            vault.lock_escrow(account, actor, margin, WAD, sender=sender)
        assert error.value.reason == reason
    with pytest.raises(Reverted) as error:
        vault.lock_escrow(99, trader, 0, 0, sender=exchange)
    assert error.value.reason == "vault: unknown account"
    assert (cash_of(vault, account), vault.treasury(account).escrow) == (1_000 * WAD, 0)


def test_lock_escrow__too_many_orders__reverts(vault: Contract, account: int, trader: str, exchange: str) -> None:
    for _ in range(32):
        vault.lock_escrow(account, trader, 0, WAD, sender=exchange)
    with pytest.raises(Reverted) as error:
        vault.lock_escrow(account, trader, 0, WAD, sender=exchange)
    assert error.value.reason == "vault: too many orders"


def test_lock_escrow__locked_profit__is_margin_but_no_fee(
    vault: Contract, account: int, trader: str, exchange: str, allocate: Callable[..., Any], gain: Callable[..., None]
) -> None:
    """Execution fees cannot carry locked profit out of the account, one order after the other."""
    allocate(account, 1, 1_000)
    gain(account, 1, 50)
    allocate(account, 1, -50)
    allocate(account, 1, -1_000)
    assert vault.treasury(account).locked == 50 * WAD
    vault.lock_escrow(account, trader, 1_048 * WAD, 2 * WAD, sender=exchange)
    assert cash_of(vault, account) == 0
    vault.release_escrow(account, 1_050 * WAD, 2 * WAD, trader, sender=exchange)
    allocate(account, 2, 998)
    with pytest.raises(Reverted) as error:
        vault.lock_escrow(account, trader, 0, 1, sender=exchange)
    assert error.value.reason == "vault: cash is locked"


def test_release_escrow__order_ended__returns_and_pays(
    vault: Contract, ordered: int, exchange: str, keeper: str
) -> None:
    receipt = vault.release_escrow(ordered, 100 * WAD, WAD, keeper, sender=exchange)
    treasury = vault.treasury(ordered)
    assert (treasury.cash, treasury.escrow, vault.open_orders(ordered)) == (999 * WAD, 0, 0)
    assert vault.claimable(keeper) == WAD
    event = receipt.event("EscrowReleased")
    assert (event.account, event.amount, event.to_cash) == (ordered, 100 * WAD, 99 * WAD)
    assert receipt.event("Rewarded").amount == WAD


def test_release_escrow__bad_input__reverts(
    vault: Contract, ordered: int, exchange: str, rebalancer: str, keeper: str
) -> None:
    """SOL-9: nothing comes out of escrow that is not in it."""
    for sender, amount, reason in (
        (exchange, 100 * WAD + 1, "vault: not in escrow"),
        (rebalancer, WAD, "access: not the engine"),
    ):
        with pytest.raises(Reverted) as error:
            vault.release_escrow(ordered, amount, WAD, keeper, sender=sender)
        assert error.value.reason == reason
    assert (cash_of(vault, ordered), vault.treasury(ordered).escrow) == (900 * WAD, 100 * WAD)


def test_fill_order__new_book__turns_escrow_into_margin(
    vault: Contract, markets: list[Contract], ordered: int, exchange: str, keeper: str
) -> None:
    """SOL-9: margin to the book, fee to house and protocol, execution fee to the executor; no wei elsewhere."""
    vault.chain.advance(30)
    receipt = vault.fill_order(ordered, 6, 99 * WAD, 10 * WAD + 1, WAD, keeper, True, sender=exchange)
    treasury = vault.treasury(ordered)
    assert (treasury.cash, treasury.escrow, vault.open_orders(ordered)) == (900 * WAD, 0, 0)
    assert treasury.last_trade == vault.chain.timestamp
    assert vault.market(6)[1] == markets[5].book(ordered) == 89 * WAD - 1
    assert (cash_of(vault, 1), vault.insurance_due(), vault.protocol_revenue()) == (7 * WAD, WAD, 2 * WAD + 1)
    assert vault.claimable(keeper) == WAD
    assert books_of(vault, ordered)[0] == books_of(vault, 1)[0] == 6
    fee = receipt.event("FeeCollected")
    assert (fee.market, fee.account, fee.amount, fee.to_pool) == (6, ordered, 10 * WAD + 1, 7 * WAD)
    assert receipt.event("MarginMoved").amount == 89 * WAD - 1
    assert receipt.event("EscrowReleased").to_cash == 0


def test_fill_order__first_of_two_legs__order_still_counts(
    vault: Contract, ordered: int, exchange: str, keeper: str
) -> None:
    vault.fill_order(ordered, 6, 40 * WAD, WAD, 0, keeper, False, sender=exchange)
    assert (vault.open_orders(ordered), vault.treasury(ordered).escrow) == (1, 60 * WAD)
    vault.fill_order(ordered, 7, 59 * WAD, WAD, WAD, keeper, True, sender=exchange)
    assert (vault.open_orders(ordered), vault.treasury(ordered).escrow) == (0, 0)
    assert vault.claimable(keeper) == WAD


def test_fill_order__fee_above_margin__comes_out_of_the_book(
    vault: Contract, markets: list[Contract], account: int, trader: str, exchange: str, keeper: str, allocate: Any
) -> None:
    allocate(account, 6, 50)
    vault.lock_escrow(account, trader, 0, WAD, sender=exchange)
    vault.fill_order(account, 6, 0, 10 * WAD, WAD, keeper, True, sender=exchange)
    assert vault.market(6)[1] == markets[5].book(account) == 40 * WAD
    assert vault.treasury(account).locked == 0
    vault.lock_escrow(account, trader, 0, WAD, sender=exchange)
    with pytest.raises(Reverted) as error:
        vault.fill_order(account, 6, 0, 41 * WAD, WAD, keeper, True, sender=exchange)
    assert error.value.reason == "vault: market overdrawn"


def test_fill_order__bad_input__reverts(
    vault: Contract, ordered: int, exchange: str, rebalancer: str, keeper: str, allocate: Callable[..., Any]
) -> None:
    for sender, market, margin, reason in (
        (rebalancer, 6, 99, "access: not the engine"),
        (exchange, 6, 100, "vault: not in escrow"),
        (exchange, 11, 99, "vault: unknown market"),
    ):
        with pytest.raises(Reverted) as error:
            vault.fill_order(ordered, market, margin * WAD, 0, WAD, keeper, True, sender=sender)
        assert error.value.reason == reason
    for market in range(1, 9):
        allocate(ordered, market, 1)
    with pytest.raises(Reverted) as error:
        vault.fill_order(ordered, 9, 99 * WAD, 0, WAD, keeper, True, sender=exchange)
    assert error.value.reason == "vault: too many books"


def test_top_up_pool__short_of_cash__moves_what_there_is(
    vault: Contract,
    markets: list[Contract],
    fund: Callable[..., None],
    exchange: str,
    rebalancer: str,
    stranger: str,
) -> None:
    fund(1, 100)
    assert vault.top_up_pool.call(2, 60 * WAD, sender=exchange) == 60 * WAD
    receipt = vault.top_up_pool(2, 60 * WAD, sender=exchange)
    assert receipt.event("MarginMoved").account == 1
    assert (cash_of(vault, 1), vault.market(2)[1], markets[1].book(1)) == (40 * WAD, 60 * WAD, 60 * WAD)
    assert books_of(vault, 1)[0] == 2
    assert vault.top_up_pool.call(3, 60 * WAD, sender=rebalancer) == 40 * WAD
    vault.top_up_pool(3, 60 * WAD, sender=rebalancer)
    assert (cash_of(vault, 1), vault.market(3)[1]) == (0, 40 * WAD)
    assert not vault.top_up_pool(4, WAD, sender=exchange).named("MarginMoved")
    with pytest.raises(Reverted) as error:
        vault.top_up_pool(2, WAD, sender=stranger)
    assert error.value.reason == "access: not the engine"


def test_fill_order__pool_not_set__reverts(
    bare_vault: Contract, markets: list[Contract], trader: str, exchange: str, keeper: str, owner: str
) -> None:
    """No fee is credited to an account that does not exist."""
    bare_vault.add_market(markets[0].address, sender=owner)
    bare_vault.set_engine(exchange, 1, sender=owner)
    bare_vault.open_account(trader, sender=trader)
    bare_vault.lock_escrow(1, trader, 0, 0, sender=exchange)
    with pytest.raises(Reverted) as error:
        bare_vault.fill_order(1, 1, 0, 0, 0, keeper, True, sender=exchange)
    assert error.value.reason == "vault: unknown account"
