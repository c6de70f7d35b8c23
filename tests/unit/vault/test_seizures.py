"""What a liquidator may do to accounts, and what the vault does not let it do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Contract, Reverted
from ballast.chain.revm import RevmChain

from .conftest import RAW, WAD, books_of, cash_of

LENDER, BIDDER, INSURANCE = 3, 4, 5  # accounts
LIQUIDATOR = 4  # role
TRADE, MARGIN = 1, 2  # rights


@pytest.fixture
def liquidator(vault: Contract, chain: RevmChain, owner: str) -> str:
    vault.set_engine(chain.accounts[9], LIQUIDATOR, sender=owner)
    return str(chain.accounts[9])


@pytest.fixture
def bidder(
    vault: Contract, lender: Contract, liquidator: str, fund: Callable[..., None], other_trader: str, owner: str
) -> str:
    """The other trader, with $1,000 in account 4; the insurance's account 5 has $500."""
    vault.open_account(other_trader, sender=other_trader)
    vault.open_account(owner, sender=owner)
    vault.set_insurance(INSURANCE, sender=owner)
    fund(BIDDER, 1_000)
    fund(INSURANCE, 500)
    return other_trader


@pytest.fixture
def book(account: int, allocate: Callable[..., Any], bidder: str) -> int:
    """The trader's account with $400 in market 2 and $600 of cash."""
    allocate(account, 2, 400)
    return account


# Books


def test_seize_book__in_part__payment_is_margin_of_the_rest(
    vault: Contract, markets: list[Contract], book: int, bidder: str, liquidator: str
) -> None:
    """SOL-1: what the bidder pays is what the book and the insurance get; he opens a book of his own."""
    last_trades = [vault.treasury(account).last_trade for account in (book, BIDDER)]
    receipt = vault.seize_book(book, BIDDER, bidder, 2, WAD // 4, 90 * WAD, 3 * WAD, 50 * WAD, sender=liquidator)
    event = receipt.event("BookSeized")
    assert (event.account, event.bidder, event.market, event.fraction) == (book, BIDDER, 2, WAD // 4)
    assert (event.payment, event.penalty) == (90 * WAD, 3 * WAD)
    assert [markets[1].book(account) for account in (book, BIDDER)] == [390 * WAD, 150 * WAD]
    assert [cash_of(vault, each) for each in (book, BIDDER, INSURANCE)] == [600 * WAD, 857 * WAD, 503 * WAD]
    assert vault.market(2)[1] == 540 * WAD
    assert (books_of(vault, book)[0], books_of(vault, BIDDER)[0]) == (2, 2)
    assert [vault.treasury(account).last_trade for account in (book, BIDDER)] == last_trades


def test_seize_book__in_part_for_nothing__moves_no_cash(
    vault: Contract, markets: list[Contract], book: int, bidder: str, liquidator: str
) -> None:
    """What a share of a book costs may round down to nothing: the rest of it gets nothing, and nobody pays."""
    before = vault.market(2)[1]
    assert not vault.seize_book.call(book, BIDDER, bidder, 2, WAD // 4, 0, 0, 0, sender=liquidator)
    receipt = vault.seize_book(book, BIDDER, bidder, 2, WAD // 4, 0, 0, 0, sender=liquidator)
    assert receipt.event("BookSeized").payment == 0 and not receipt.named("MarginMoved")
    assert [markets[1].book(account) for account in (book, BIDDER)] == [300 * WAD, 100 * WAD]
    assert [cash_of(vault, each) for each in (book, BIDDER, INSURANCE)] == [600 * WAD, 1_000 * WAD, 500 * WAD]
    assert vault.market(2)[1] == before


def test_seize_book__whole__payment_is_cash_and_the_slot_free(
    vault: Contract, markets: list[Contract], book: int, bidder: str, liquidator: str
) -> None:
    assert vault.seize_book.call(book, BIDDER, bidder, 2, WAD, 380 * WAD, 0, 0, sender=liquidator)
    vault.seize_book(book, BIDDER, bidder, 2, WAD, 380 * WAD, 0, 0, sender=liquidator)
    assert [markets[1].book(account) for account in (book, BIDDER)] == [0, 400 * WAD]
    assert [cash_of(vault, each) for each in (book, BIDDER)] == [980 * WAD, 620 * WAD]
    assert (books_of(vault, book), books_of(vault, BIDDER)[0]) == ([0] * 8, 2)


def test_seize_book__of_an_account_in_debt__payment_repays(
    vault: Contract, debtor: int, bidder: str, allocate: Callable[..., Any], liquidator: str
) -> None:
    allocate(debtor, 2, 100)
    vault.seize_book(debtor, BIDDER, bidder, 2, WAD, 90 * WAD, 0, 0, sender=liquidator)
    assert (cash_of(vault, debtor), cash_of(vault, LENDER)) == (-810 * WAD, 9_190 * WAD)


@pytest.mark.parametrize("house", [1, INSURANCE])
def test_seize_book__for_the_house__in_the_liquidators_own_name(
    vault: Contract,
    markets: list[Contract],
    book: int,
    fund: Callable[..., None],
    liquidator: str,
    house: int,
    trader: str,
    stranger: str,
) -> None:
    """AUT-2: pool and insurance buy with their cash when the liquidator itself says so, in nobody else's name."""
    fund(1, 500)
    for actor in (trader, stranger):
        with pytest.raises(Reverted) as error:
            vault.seize_book(book, house, actor, 2, WAD, 380 * WAD, 0, 0, sender=liquidator)
        assert error.value.reason == "access: no right"
    vault.seize_book(book, house, liquidator, 2, WAD, 380 * WAD, 0, 0, sender=liquidator)
    assert (markets[1].book(house), cash_of(vault, book)) == (400 * WAD, 980 * WAD)


def test_seize_book__bad_input__reverts(vault: Contract, book: int, bidder: str, liquidator: str, trader: str) -> None:
    """AUT-1, X-LIQ-04: the firewall of liquidation."""
    for sender, arguments, reason in (
        (bidder, (book, BIDDER, bidder, 2, WAD, 1, 0, 0), "access: not the engine"),
        (liquidator, (book, BIDDER, trader, 2, WAD, 1, 0, 0), "access: no right"),
        (liquidator, (book, LENDER, liquidator, 2, WAD, 1, 0, 0), "access: no right"),
        (liquidator, (book, 99, bidder, 2, WAD, 1, 0, 0), "vault: unknown account"),
        (liquidator, (book, 0, bidder, 2, WAD, 0, 0, 0), "vault: unknown account"),
        (liquidator, (book, 0, liquidator, 2, WAD, 0, 0, 0), "vault: unknown account"),
        (liquidator, (book, book, trader, 2, WAD, 1, 0, 0), "vault: bid for its own"),
        (liquidator, (book, BIDDER, bidder, 1, WAD, 1, 0, 0), "vault: no such book"),
        (liquidator, (99, BIDDER, bidder, 2, WAD, 1, 0, 0), "vault: no such book"),
        (liquidator, (book, BIDDER, bidder, 2, WAD, 900 * WAD, 60 * WAD, 40 * WAD + 1), "vault: insufficient cash"),
    ):
        with pytest.raises(Reverted) as error:
            vault.seize_book(*arguments, sender=sender)
        assert error.value.reason == reason
    assert [cash_of(vault, each) for each in (book, BIDDER)] == [600 * WAD, 1_000 * WAD]


def test_seize_book__by_operator__needs_the_right_to_trade(
    vault: Contract, book: int, bidder: str, operator: str, liquidator: str
) -> None:
    """AUT-2: who may put margin at risk may bid, who may only move it may not."""
    vault.set_operator(BIDDER, operator, MARGIN, 2**40 - 1, sender=bidder)
    with pytest.raises(Reverted) as error:
        vault.seize_book(book, BIDDER, operator, 2, WAD, 1, 0, 0, sender=liquidator)
    assert error.value.reason == "access: no right"
    vault.set_operator(BIDDER, operator, TRADE, 2**40 - 1, sender=bidder)
    vault.seize_book(book, BIDDER, operator, 2, WAD, 1, 0, 0, sender=liquidator)


def test_seize_book__locked_cash__is_margin_but_no_payment(
    vault: Contract, book: int, bidder: str, rebalancer: str, gain: Callable[..., None], liquidator: str
) -> None:
    """X-ECO-02: profit that may not be real buys nobody's book."""
    vault.allocate(BIDDER, bidder, 1, 100 * WAD, sender=rebalancer)
    gain(BIDDER, 1, 500)
    vault.allocate(BIDDER, bidder, 1, -400 * WAD, sender=rebalancer)
    assert (cash_of(vault, BIDDER), vault.treasury(BIDDER).locked) == (1_300 * WAD, 300 * WAD)
    with pytest.raises(Reverted) as error:
        vault.seize_book(book, BIDDER, bidder, 2, WAD // 2, 900 * WAD, 100 * WAD + 1, 0, sender=liquidator)
    assert error.value.reason == "vault: cash is locked"
    vault.seize_book(book, BIDDER, bidder, 2, WAD // 2, 900 * WAD, 100 * WAD, 300 * WAD, sender=liquidator)
    assert cash_of(vault, BIDDER) == 0


def test_seize_book__bidder_borrows__up_to_initial_margin(
    vault: Contract, debtor: int, bidder: str, rebalancer: str, liquidator: str, trader: str
) -> None:
    """HLT-4: $160 are left to draw on the debtor's collateral, for payment, penalty and margin together."""
    vault.allocate(BIDDER, bidder, 2, 400 * WAD, sender=rebalancer)
    with pytest.raises(Reverted) as error:
        vault.seize_book(BIDDER, debtor, trader, 2, WAD, 100 * WAD, 10 * WAD, 50 * WAD + 1, sender=liquidator)
    assert error.value.reason == "vault: below initial margin"
    vault.seize_book(BIDDER, debtor, trader, 2, WAD, 100 * WAD, 10 * WAD, 50 * WAD, sender=liquidator)
    assert [cash_of(vault, each) for each in (BIDDER, debtor)] == [700 * WAD, -960 * WAD]


def test_seize_book__nobody_insures__no_penalty(
    vault: Contract, account: int, allocate: Callable[..., Any], fund: Callable[..., None], liquidator: str
) -> None:
    allocate(account, 2, 400)
    fund(1, 500)
    with pytest.raises(Reverted) as error:
        vault.seize_book(account, 1, liquidator, 2, WAD, 1, 1, 0, sender=liquidator)
    assert error.value.reason == "vault: unknown account"


def test_absorb_book__below_zero__ends_it_and_opens_the_pools(
    vault: Contract, markets: list[Contract], book: int, gain: Callable[..., None], liquidator: str, owner: str
) -> None:
    """BDT-2: the market says what others bear; no money moves."""
    markets[1].gain(book, -450 * WAD, sender=owner)
    assert vault.absorb_book.call(book, 2, sender=liquidator) == 50 * WAD
    event = vault.absorb_book(book, 2, sender=liquidator).event("BookAbsorbed")
    assert (event.account, event.market, event.loss) == (book, 2, 50 * WAD)
    assert (books_of(vault, book), books_of(vault, 1)[0]) == ([0] * 8, 2)
    assert (cash_of(vault, book), vault.market(2)[1]) == (600 * WAD, 400 * WAD)


def test_absorb_book__margin_left__stays_in_its_slot(vault: Contract, book: int, liquidator: str) -> None:
    assert vault.absorb_book.call(book, 2, sender=liquidator) == 0
    vault.absorb_book(book, 2, sender=liquidator)
    assert books_of(vault, book)[0] == 2
    vault.transfer_margin(book, [(0, -400 * WAD)], 0, liquidator, sender=liquidator)
    assert (books_of(vault, book), cash_of(vault, book)) == ([0] * 8, 1_000 * WAD)


def test_absorb_book__bad_input__reverts(vault: Contract, book: int, liquidator: str, stranger: str) -> None:
    for sender, account, market, reason in (
        (stranger, book, 2, "access: not the engine"),
        (liquidator, book, 1, "vault: no such book"),
        (liquidator, 99, 2, "vault: no such book"),
    ):
        with pytest.raises(Reverted) as error:
            vault.absorb_book(account, market, sender=sender)
        assert error.value.reason == reason


# Collateral and debt


def test_seize_collateral__of_a_debtor__repays_and_changes_hands(
    vault: Contract, debtor: int, bidder: str, collateral: list[Contract], liquidator: str
) -> None:
    """SOL-1: no token moves, and the sum of what accounts hold stays."""
    receipt = vault.seize_collateral(debtor, BIDDER, bidder, 0, 5 * WAD, 450 * WAD, 9 * WAD, sender=liquidator)
    event = receipt.event("CollateralSeized")
    assert (event.account, event.bidder, event.index, event.amount) == (debtor, BIDDER, 0, 5 * WAD)
    assert (event.payment, event.penalty) == (450 * WAD, 9 * WAD)
    assert [vault.collateral_of(each)[0] for each in (debtor, BIDDER)] == [7 * WAD, 5 * WAD]
    assert [cash_of(vault, each) for each in (debtor, BIDDER, INSURANCE)] == [-350 * WAD, 541 * WAD, 509 * WAD]
    assert cash_of(vault, LENDER) == 9_650 * WAD
    assert vault.treasury(BIDDER).collateral == 1

    vault.seize_collateral(debtor, BIDDER, bidder, 0, 7 * WAD, 500 * WAD, 0, sender=liquidator)
    assert (vault.treasury(debtor).collateral, cash_of(vault, debtor)) == (0, 150 * WAD)
    vault.withdraw(BIDDER, collateral[0].address, 12 * WAD, bidder, sender=bidder)


def test_seize_collateral__bad_input__reverts(
    vault: Contract, debtor: int, bidder: str, liquidator: str, trader: str
) -> None:
    """AUT-1, X-LIQ-04: nobody loses collateral who owes nothing."""
    for sender, arguments, reason in (
        (bidder, (debtor, BIDDER, bidder, 0, WAD, 1, 0), "access: not the engine"),
        (liquidator, (debtor, BIDDER, trader, 0, WAD, 1, 0), "access: no right"),
        (liquidator, (debtor, debtor, trader, 0, WAD, 1, 0), "vault: bid for its own"),
        (liquidator, (BIDDER, debtor, trader, 0, WAD, 1, 0), "vault: no debt"),
        (liquidator, (debtor, BIDDER, bidder, 0, 12 * WAD + 1, 1, 0), "vault: insufficient collateral"),
        (liquidator, (debtor, BIDDER, bidder, 1, 1, 1, 0), "vault: insufficient collateral"),
        (liquidator, (debtor, BIDDER, bidder, 9, 1, 1, 0), "vault: insufficient collateral"),
        (liquidator, (debtor, BIDDER, bidder, 0, 0, 1, 0), "vault: zero amount"),
    ):
        with pytest.raises(Reverted) as error:
            vault.seize_collateral(*arguments, sender=sender)
        assert error.value.reason == reason
    assert vault.collateral_of(debtor)[0] == 12 * WAD


def test_seize_collateral__payment_lent_on_what_is_bought__keeps_initial_margin(
    vault: Contract, debtor: int, bidder: str, liquidator: str
) -> None:
    """HLT-4: what is bought secures 80 % of itself, so $1,000 of cash and 12 tokens at $100 pay $1,960."""
    with pytest.raises(Reverted) as error:
        vault.seize_collateral(debtor, BIDDER, bidder, 0, 12 * WAD, 1_960 * WAD, 1, sender=liquidator)
    assert error.value.reason == "vault: below initial margin"
    vault.seize_collateral(debtor, BIDDER, bidder, 0, 12 * WAD, 1_960 * WAD, 0, sender=liquidator)
    assert [cash_of(vault, each) for each in (debtor, BIDDER)] == [1_160 * WAD, -960 * WAD]


def test_cover_deficit__book_or_cash__out_of_the_insurance(
    vault: Contract, markets: list[Contract], book: int, liquidator: str
) -> None:
    event = vault.cover_deficit(book, 2, 100 * WAD, sender=liquidator).event("DeficitCovered")
    assert (event.account, event.market, event.amount) == (book, 2, 100 * WAD)
    vault.cover_deficit(book, 0, 50 * WAD, sender=liquidator)
    assert [cash_of(vault, each) for each in (book, INSURANCE)] == [650 * WAD, 350 * WAD]
    assert (markets[1].book(book), vault.market(2)[1]) == (500 * WAD, 500 * WAD)


def test_cover_deficit__bad_input__reverts(vault: Contract, book: int, liquidator: str, stranger: str) -> None:
    for sender, account, market, amount, reason in (
        (stranger, book, 2, 1, "access: not the engine"),
        (liquidator, 99, 0, 1, "vault: unknown account"),
        (liquidator, book, 1, 1, "vault: no such book"),
        (liquidator, book, 0, 500 * WAD + 1, "vault: insufficient cash"),
    ):
        with pytest.raises(Reverted) as error:
            vault.cover_deficit(account, market, amount, sender=sender)
        assert error.value.reason == reason


def test_write_off__nothing_left__lenders_bear_it(
    vault: Contract, debtor: int, lender: Contract, bidder: str, liquidator: str
) -> None:
    """BDT-3: the debt ends where the collateral has, at what it is worth with interest."""
    vault.seize_collateral(debtor, BIDDER, bidder, 0, 12 * WAD, 300 * WAD, 0, sender=liquidator)
    lender.set_index(WAD * 11 // 10, sender=liquidator)
    assert vault.write_off.call(debtor, sender=liquidator) == 550 * WAD
    event = vault.write_off(debtor, sender=liquidator).event("DebtWrittenOff")
    assert (event.account, event.amount) == (debtor, 550 * WAD)
    assert (cash_of(vault, debtor), cash_of(vault, LENDER)) == (0, 9_500 * WAD)
    assert (lender.written_off(), lender.debt_shares(), lender.idle()) == (500 * WAD, 0, 9_500 * WAD)


def test_write_off__something_left_or_no_debt__reverts(
    vault: Contract,
    debtor: int,
    bidder: str,
    allocate: Callable[..., Any],
    exchange: str,
    liquidator: str,
    trader: str,
    stranger: str,
) -> None:
    """BDT-3: as long as there is collateral, margin or escrow, it pays first."""

    def refused(sender: str = liquidator, account: int = debtor) -> str:
        with pytest.raises(Reverted) as error:
            vault.write_off(account, sender=sender)
        return str(error.value.reason)

    assert refused(sender=stranger) == "access: not the engine"
    assert refused(account=BIDDER) == "vault: no debt"
    assert refused() == "vault: something is left"
    allocate(debtor, 2, 10)
    vault.lock_escrow(debtor, trader, 5 * WAD, 0, sender=exchange)
    vault.seize_collateral(debtor, BIDDER, bidder, 0, 12 * WAD, 1, 0, sender=liquidator)
    assert refused() == "vault: something is left"
    vault.transfer_margin(debtor, [(0, -10 * WAD)], 0, stranger, sender=liquidator)
    assert refused() == "vault: something is left"
    vault.release_escrow(debtor, 5 * WAD, 0, trader, sender=exchange)
    vault.write_off(debtor, sender=liquidator)
    assert cash_of(vault, debtor) == 0


def test_withdraw__after_a_write_off__nothing_is_lent_without_collateral(
    vault: Contract, debtor: int, bidder: str, liquidator: str, trader: str
) -> None:
    vault.seize_collateral(debtor, BIDDER, bidder, 0, 12 * WAD, 1, 0, sender=liquidator)
    vault.write_off(debtor, sender=liquidator)
    with pytest.raises(Reverted) as error:
        vault.withdraw(debtor, vault.SETTLEMENT(), RAW, trader, sender=trader)
    assert error.value.reason == "vault: insufficient cash"
