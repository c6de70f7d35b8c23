"""Cash below zero: who may owe, where it comes from, what interest does to it, and how it is repaid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Contract, Reverted
from ballast.chain.revm import RevmChain

from .conftest import RAW, WAD, books_of, cash_of

LENDER = 3  # its account


def test_withdraw__more_than_there_is__is_lent(
    vault: Contract, account: int, collateral: list[Contract], valued: Contract, lender: Contract, trader: str
) -> None:
    """SOL-1: a debt of $600 is what left the lender's cash, counted in shares."""
    vault.deposit(account, collateral[0].address, 12 * WAD, sender=trader)
    receipt = vault.withdraw(account, vault.SETTLEMENT(), 1_600 * RAW, trader, sender=trader)
    event = receipt.event("DebtChanged")
    assert (event.account, event.amount) == (account, 600 * WAD)
    assert (cash_of(vault, account), cash_of(vault, LENDER)) == (-600 * WAD, 9_400 * WAD)
    assert (lender.debt_shares(), lender.idle()) == (600 * WAD, 9_400 * WAD)


def test_withdraw__debt__up_to_initial_margin(vault: Contract, debtor: int, trader: str) -> None:
    """HLT-4, X-LIQ-01: $960 may be drawn on 12 tokens at $100 and 80 %, and not a unit more."""
    with pytest.raises(Reverted) as error:
        vault.withdraw(debtor, vault.SETTLEMENT(), 160 * RAW + 1, trader, sender=trader)
    assert error.value.reason == "vault: below initial margin"
    vault.withdraw(debtor, vault.SETTLEMENT(), 160 * RAW, trader, sender=trader)
    assert cash_of(vault, debtor) == -960 * WAD


def test_withdraw__debt_without_a_price__reverts_but_free_cash_leaves(
    vault: Contract, account: int, collateral: list[Contract], valued: Contract, lender: Contract, trader: str
) -> None:
    """LIV-1: cash at zero or above asks nobody."""
    vault.deposit(account, collateral[0].address, 12 * WAD, sender=trader)
    valued.set_quote((0, 0, 0, 0, 0, 0, False, False), sender=trader)
    with pytest.raises(Reverted) as error:
        vault.withdraw(account, vault.SETTLEMENT(), 1_000 * RAW + 1, trader, sender=trader)
    assert error.value.reason == "vault: below initial margin"
    vault.withdraw(account, vault.SETTLEMENT(), 1_000 * RAW, trader, sender=trader)
    assert cash_of(vault, account) == 0


def test_withdraw__nobody_lends_or_nothing_secures__insufficient_cash(
    vault: Contract, account: int, collateral: list[Contract], valued: Contract, trader: str
) -> None:
    for amount in (1_000 * RAW + 1, 2**255):
        with pytest.raises(Reverted) as error:
            vault.withdraw(account, vault.SETTLEMENT(), amount, trader, sender=trader)
        assert error.value.reason == "vault: insufficient cash"
    vault.deposit(account, collateral[0].address, 12 * WAD, sender=trader)
    with pytest.raises(Reverted) as error:
        vault.withdraw(account, vault.SETTLEMENT(), 1_000 * RAW + 1, trader, sender=trader)
    assert error.value.reason == "vault: insufficient cash"


def test_withdraw__lender_has_less__reverts(
    vault: Contract, debtor: int, lender: Contract, collateral: list[Contract], trader: str, owner: str
) -> None:
    """SOL-1: only the lender's own cash is ever lent."""
    vault.withdraw(LENDER, vault.SETTLEMENT(), 9_150 * RAW, owner, sender=owner)
    with pytest.raises(Reverted) as error:
        vault.withdraw(debtor, vault.SETTLEMENT(), 50 * RAW + 1, trader, sender=trader)
    assert error.value.reason == "vault: not enough to lend"
    vault.withdraw(debtor, vault.SETTLEMENT(), 50 * RAW, trader, sender=trader)
    assert (cash_of(vault, debtor), cash_of(vault, LENDER)) == (-850 * WAD, 0)


def test_withdraw__by_the_lender_itself__does_not_borrow(vault: Contract, lender: Contract, owner: str) -> None:
    with pytest.raises(Reverted) as error:
        vault.withdraw(LENDER, vault.SETTLEMENT(), 10_000 * RAW + 1, owner, sender=owner)
    assert error.value.reason == "vault: insufficient cash"


def test_debt__interest__grows_with_the_index(vault: Contract, debtor: int, lender: Contract, owner: str) -> None:
    """ACC-1: nobody has to touch the account; what is owed is rounded up."""
    lender.set_index(WAD * 11 // 10 + 1, sender=owner)
    assert cash_of(vault, debtor) == -880 * WAD - 800
    lender.set_index(WAD * 12 // 10, sender=owner)
    assert vault.portfolio(debtor)[0].cash == cash_of(vault, debtor) == -960 * WAD
    assert cash_of(vault, LENDER) == 9_200 * WAD


def test_deposit__debt__repays(
    vault: Contract, debtor: int, lender: Contract, fund: Callable[..., None], owner: str
) -> None:
    """LIV-2: interest included, and what is above it is cash again."""
    lender.set_index(WAD * 12 // 10, sender=owner)
    fund(debtor, 480)
    assert (cash_of(vault, debtor), lender.debt_shares()) == (-480 * WAD, 400 * WAD)
    lender.set_closed(True, sender=owner)
    fund(debtor, 500)
    assert (cash_of(vault, debtor), lender.debt_shares()) == (20 * WAD, 0)
    assert cash_of(vault, LENDER) == lender.idle() == 10_160 * WAD


def test_debt__touched_without_a_change__keeps_its_shares(
    vault: Contract, debtor: int, lender: Contract, collateral: list[Contract], trader: str, owner: str
) -> None:
    """RND-2: loading and storing a debt a hundred times costs nothing."""
    lender.set_index(WAD + 111_111_111_111_111_111, sender=owner)
    for _ in range(10):
        vault.deposit(debtor, collateral[1].address, 10**8, sender=trader)
        vault.withdraw(debtor, collateral[1].address, 10**8, trader, sender=trader)
    assert (lender.debt_shares(), cash_of(vault, LENDER)) == (800 * WAD, 9_200 * WAD)


@pytest.mark.parametrize("index", [WAD, WAD + 1, 1_234_567_890_123_456_789, 3 * WAD - 1, 17 * WAD // 3])
def test_debt__there_and_back__never_in_the_debtors_favour(
    vault: Contract,
    account: int,
    collateral: list[Contract],
    valued: Contract,
    lender: Contract,
    trader: str,
    owner: str,
    index: int,
) -> None:
    """RND-2, X-RND-04: a unit borrowed and repaid leaves at most a wei more than the index to pay."""
    vault.deposit(account, collateral[0].address, 12 * WAD, sender=trader)
    lender.set_index(index, sender=owner)
    vault.withdraw(account, vault.SETTLEMENT(), 1_000 * RAW, trader, sender=trader)
    for count in range(1, 6):
        vault.withdraw(account, vault.SETTLEMENT(), 7, trader, sender=trader)
        owed = -cash_of(vault, account) - count * 7 * 10**12
        assert 0 <= owed <= count * (index // WAD + 1)


def test_withdraw__collateral_behind_debt__keeps_initial_margin(
    vault: Contract, debtor: int, collateral: list[Contract], trader: str
) -> None:
    """HLT-4: $800 of debt are 10 tokens at $100 and 80 %; one token unit less is refused, what is above leaves."""
    token, gold = collateral[0], collateral[2]
    vault.deposit(debtor, gold.address, RAW, sender=trader)
    vault.withdraw(debtor, gold.address, RAW, trader, sender=trader)
    with pytest.raises(Reverted) as error:
        vault.withdraw(debtor, token.address, 2 * WAD + 1, trader, sender=trader)
    assert error.value.reason == "vault: below initial margin"
    vault.withdraw(debtor, token.address, 2 * WAD, trader, sender=trader)
    for amount, unit in ((1, token.address), (1, vault.SETTLEMENT())):
        with pytest.raises(Reverted) as error:
            vault.withdraw(debtor, unit, amount, trader, sender=trader)
        assert error.value.reason == "vault: below initial margin"
    vault.deposit(debtor, token.address, WAD, sender=trader)
    assert vault.collateral_of(debtor)[0] == 11 * WAD


def test_withdraw__borrowing_without_a_model__reverts(
    vault: Contract, account: int, collateral: list[Contract], lender: Contract, trader: str
) -> None:
    vault.deposit(account, collateral[0].address, 12 * WAD, sender=trader)
    with pytest.raises(Reverted) as error:
        vault.withdraw(account, vault.SETTLEMENT(), 1_001 * RAW, trader, sender=trader)
    assert error.value.reason == "vault: no collateral model"


def test_withdraw__collateral_after_locked_profit_repaid__keeps_the_lock_secured(
    vault: Contract,
    debtor: int,
    collateral: list[Contract],
    allocate: Callable[..., Any],
    gain: Callable[..., None],
    trader: str,
    owner: str,
) -> None:
    """X-ECO-02: profit that may not be real repays a debt, and sets no collateral free before it is released."""
    allocate(debtor, 1, 100)
    gain(debtor, 1, 1_000)
    allocate(debtor, 1, -1_050)
    assert (cash_of(vault, debtor), vault.treasury(debtor).locked) == (150 * WAD, 950 * WAD)
    with pytest.raises(Reverted) as error:
        vault.withdraw(debtor, collateral[0].address, 2 * WAD + 1, trader, sender=trader)
    assert error.value.reason == "vault: below initial margin"
    vault.withdraw(debtor, collateral[0].address, 2 * WAD, trader, sender=trader)
    with pytest.raises(Reverted) as error:
        vault.withdraw(debtor, vault.SETTLEMENT(), 1, trader, sender=trader)
    assert error.value.reason == "vault: cash is locked"


def test_allocate__more_than_cash__is_lent_while_nothing_is_locked(
    vault: Contract, debtor: int, allocate: Callable[..., Any], gain: Callable[..., None]
) -> None:
    allocate(debtor, 1, 160)
    assert (cash_of(vault, debtor), books_of(vault, debtor)[0]) == (-960 * WAD, 1)
    with pytest.raises(Reverted) as error:
        allocate(debtor, 1, 1)
    assert error.value.reason == "vault: below initial margin"
    gain(debtor, 1, 10)
    allocate(debtor, 1, -165)
    assert (cash_of(vault, debtor), vault.treasury(debtor).locked) == (-795 * WAD, 5 * WAD)
    with pytest.raises(Reverted) as error:
        allocate(debtor, 1, 1)
    assert error.value.reason == "vault: cash is locked"


def test_reallocate__in_debt_below_initial_margin__moves(
    vault: Contract,
    debtor: int,
    allocate: Callable[..., Any],
    markets: list[Contract],
    valued: Contract,
    rebalancer: str,
    trader: str,
) -> None:
    """GOV-3: cash is as before, so nobody has to be asked."""
    allocate(debtor, 1, 100)
    valued.set_quote((0, 0, 0, 0, 0, 0, False, False), sender=trader)
    vault.reallocate(debtor, trader, 1, 2, 60 * WAD, sender=rebalancer)
    assert [markets[market].book(debtor) for market in (0, 1)] == [40 * WAD, 60 * WAD]
    assert cash_of(vault, debtor) == -900 * WAD


def test_transfer_margin__debt__grows_secured_falls_always_and_lends_no_reward(
    vault: Contract, debtor: int, allocate: Callable[..., Any], valued: Contract, rebalancer: str, keeper: str
) -> None:
    """REB-5: a keeper earns nothing that was lent, and no more than the books repaid: no debt grows by a reward."""
    allocate(debtor, 1, 100)
    vault.transfer_margin(debtor, [(0, 60 * WAD)], WAD, keeper, sender=rebalancer)
    assert (cash_of(vault, debtor), vault.claimable(keeper)) == (-960 * WAD, 0)
    with pytest.raises(Reverted) as error:
        vault.transfer_margin(debtor, [(0, 1)], 0, keeper, sender=rebalancer)
    assert error.value.reason == "vault: below initial margin"
    valued.set_quote((0, 0, 0, 0, 0, 0, False, False), sender=keeper)
    vault.transfer_margin(debtor, [(0, -50 * WAD)], WAD, keeper, sender=rebalancer)
    assert (cash_of(vault, debtor), vault.claimable(keeper)) == (-911 * WAD, WAD)
    vault.transfer_margin(debtor, [(0, -WAD // 2)], WAD, keeper, sender=rebalancer)
    assert (cash_of(vault, debtor), vault.claimable(keeper)) == (-911 * WAD, WAD * 3 // 2)


def test_lock_escrow__in_debt__margin_and_fee_are_lent_and_return(
    vault: Contract, debtor: int, lender: Contract, exchange: str, trader: str, keeper: str
) -> None:
    vault.lock_escrow(debtor, trader, 100 * WAD, WAD, sender=exchange)
    assert (cash_of(vault, debtor), vault.treasury(debtor).escrow) == (-901 * WAD, 101 * WAD)
    with pytest.raises(Reverted) as error:
        vault.lock_escrow(debtor, trader, 60 * WAD, 0, sender=exchange)
    assert error.value.reason == "vault: below initial margin"
    vault.release_escrow(debtor, 101 * WAD, WAD, keeper, sender=exchange)
    assert (cash_of(vault, debtor), vault.claimable(keeper)) == (-801 * WAD, WAD)
    assert lender.debt_shares() == 801 * WAD


def test_debt__growth_refused_by_the_credit_pool__reverts_whole(
    vault: Contract, debtor: int, lender: Contract, trader: str, owner: str
) -> None:
    lender.set_closed(True, sender=owner)
    with pytest.raises(Reverted):
        vault.withdraw(debtor, vault.SETTLEMENT(), 1, trader, sender=trader)
    assert (cash_of(vault, debtor), cash_of(vault, LENDER)) == (-800 * WAD, 9_200 * WAD)


def test_set_credit_pool__once_with_an_account__reads_back(
    vault: Contract, chain: RevmChain, owner: str, stranger: str
) -> None:
    good, bad = (chain.deploy("MockCreditPool", account, sender=owner).address for account in (1, 99))
    for sender, pool, reason in (
        (stranger, good, "ownable: caller is not the owner"),
        (owner, bad, "vault: unknown account"),
    ):
        with pytest.raises(Reverted) as error:
            vault.set_credit_pool(pool, sender=sender)
        assert error.value.reason == reason
    event = vault.set_credit_pool(good, sender=owner).event("CreditPoolSet")
    assert (event.pool, event.account, vault.credit_pool()) == (good, 1, good)
    with pytest.raises(Reverted) as error:
        vault.set_credit_pool(good, sender=owner)
    assert error.value.reason == "vault: credit pool is set"


def test_set_insurance__once__collects_its_share_of_all_fees(
    vault: Contract, account: int, exchange: str, trader: str, keeper: str, owner: str, stranger: str
) -> None:
    """SOL-1: pool 70 %, insurance 10 %, the protocol what is left, to the wei."""

    def trade() -> Any:
        vault.lock_escrow(account, trader, 11, 0, sender=exchange)
        return vault.fill_order(account, 1, 11, 9, 0, keeper, True, sender=exchange).event("FeeCollected")

    event = trade()
    assert (event.amount, event.to_pool, event.to_insurance) == (9, 6, 0)
    assert not vault.collect_insurance(sender=stranger).events
    vault.open_account(owner, sender=owner)
    for sender, id_, reason in (
        (stranger, 3, "ownable: caller is not the owner"),
        (owner, 99, "vault: unknown account"),
    ):
        with pytest.raises(Reverted) as error:
            vault.set_insurance(id_, sender=sender)
        assert error.value.reason == reason
    assert vault.set_insurance(3, sender=owner).event("InsuranceSet").account == vault.insurance_account() == 3
    with pytest.raises(Reverted) as error:
        vault.set_insurance(3, sender=owner)
    assert error.value.reason == "vault: insurance is set"
    vault.lock_escrow(account, trader, 100 * WAD + 19, 0, sender=exchange)
    event = vault.fill_order(account, 1, 100 * WAD + 19, 10 * WAD + 19, 0, keeper, True, sender=exchange)
    fee = event.event("FeeCollected")
    assert (fee.to_pool, fee.to_insurance) == (7 * WAD + 13, WAD + 1)
    assert (vault.insurance_due(), vault.protocol_revenue()) == (WAD + 1, 3 + 2 * WAD + 5)
    assert vault.collect_insurance(sender=stranger).event("InsuranceCollected").amount == cash_of(vault, 3) == WAD + 1
    assert (vault.insurance_due(), vault.protocol_revenue()) == (0, 3 + 2 * WAD + 5)
