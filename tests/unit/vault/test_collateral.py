"""Tokens beside cash: in, out, caps, decimals, and what debt keeps back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Contract, Reverted
from ballast.chain.revm import RevmChain

from .conftest import RAW, WAD, cash_of

NOBODY = "0x" + "00" * 20


def held(vault: Contract, account: int) -> list[int]:
    """The first three tokens' amounts."""
    return list(vault.collateral_of(account)[:3])


@pytest.mark.parametrize("index", [0, 1, 2])
def test_deposit__collateral__credits_whole_tokens(
    vault: Contract, account: int, collateral: list[Contract], trader: str, index: int
) -> None:
    """RND-7, X-TOK-01: 18, 8 and 6 decimals, with and without an answer from the token."""
    token = collateral[index]
    amount = 7 * 10 ** token.decimals() + 3
    wads = amount * 10 ** (18 - token.decimals())
    event = vault.deposit(account, token.address, amount, sender=trader).event("Deposited")
    assert (event.account, event.token, event.sender, event.amount) == (account, token.address, trader, amount)
    assert held(vault, account) == [wads * (each == index) for each in range(3)]
    assert vault.collateral(index).total == wads
    assert vault.treasury(account).collateral == 1 << index
    assert (cash_of(vault, account), vault.treasury(account).last_trade) == (1_000 * WAD, 0)
    assert token.balanceOf(vault.address) == amount

    vault.withdraw(account, token.address, amount - 1, trader, sender=trader)
    assert vault.treasury(account).collateral == 1 << index
    event = vault.withdraw(account, token.address, 1, trader, sender=trader).event("Withdrawn")
    assert (event.account, event.token, event.receiver, event.amount) == (account, token.address, trader, 1)
    assert (held(vault, account), vault.treasury(account).collateral) == ([0, 0, 0], 0)
    assert (vault.collateral(index).total, token.balanceOf(trader)) == (0, 1_000 * 10 ** token.decimals())


def test_deposit__collateral_of_two_accounts__apart(
    vault: Contract, account: int, collateral: list[Contract], trader: str, other_trader: str
) -> None:
    """HLT-5: nobody's collateral is another's."""
    vault.open_account(trader, sender=other_trader)
    vault.deposit(account, collateral[0].address, 5 * WAD, sender=trader)
    vault.deposit(3, collateral[0].address, 7 * WAD, sender=trader)
    vault.withdraw(account, collateral[0].address, 5 * WAD, trader, sender=trader)
    assert (held(vault, account)[0], held(vault, 3)[0]) == (0, 7 * WAD)
    with pytest.raises(Reverted) as error:
        vault.withdraw(account, collateral[0].address, 1, trader, sender=trader)
    assert error.value.reason == "vault: insufficient collateral"


def test_deposit__first_of_a_token__owner_or_operator_only(
    vault: Contract, account: int, collateral: list[Contract], trader: str, operator: str, owner: str
) -> None:
    """REB-6: a stranger's dust of every token would make the account dear to look at; what is held anyone adds to.

    A stranger is also whoever was an operator and has no right left, however late that expires."""
    token = collateral[0]
    vault.set_operator(account, operator, 0, vault.chain.timestamp + 60, sender=trader)
    for sender in (owner, operator):
        token.mint(sender, 10 * WAD, sender=owner)
        token.approve(vault.address, 10 * WAD, sender=sender)
        with pytest.raises(Reverted) as error:
            vault.deposit(account, token.address, 1, sender=sender)
        assert error.value.reason == "vault: owner deposits it first"
    vault.set_operator(account, operator, 1, vault.chain.timestamp + 60, sender=trader)
    vault.deposit(account, token.address, 1, sender=operator)
    vault.deposit(account, token.address, 9 * WAD, sender=owner)
    assert held(vault, account) == [9 * WAD + 1, 0, 0]
    vault.withdraw(account, token.address, 9 * WAD + 1, trader, sender=trader)
    vault.chain.advance(60)
    with pytest.raises(Reverted) as error:
        vault.deposit(account, token.address, 1, sender=operator)
    assert error.value.reason == "vault: owner deposits it first"


def test_deposit__collateral_cap__holds_on_increase_only(
    vault: Contract, account: int, collateral: list[Contract], trader: str, owner: str
) -> None:
    """ORC-9: to the token unit; a cap lowered below what is held lets everything out."""
    token = collateral[2]
    with pytest.raises(Reverted) as error:
        vault.deposit(account, token.address, 100 * RAW + 1, sender=trader)
    assert error.value.reason == "vault: collateral cap"
    vault.deposit(account, token.address, 100 * RAW, sender=trader)
    event = vault.set_collateral_cap(2, 50 * WAD, sender=owner).event("CollateralCapSet")
    assert (event.index, event.cap) == (2, 50 * WAD)
    vault.withdraw(account, token.address, 40 * RAW, trader, sender=trader)
    with pytest.raises(Reverted) as error:
        vault.deposit(account, token.address, 1, sender=trader)
    assert error.value.reason == "vault: collateral cap"
    vault.withdraw(account, token.address, 60 * RAW, trader, sender=trader)
    vault.deposit(account, token.address, 50 * RAW, sender=trader)
    vault.set_collateral_cap(2, 50 * WAD + 10**12 - 1, sender=owner)
    with pytest.raises(Reverted) as error:
        vault.deposit(account, token.address, 1, sender=trader)
    assert error.value.reason == "vault: collateral cap"
    assert held(vault, account) == [0, 0, 50 * WAD]


@pytest.mark.parametrize(("behaviour", "reason"), [(1, "vault: wrong amount received"), (2, "vault: transfer failed")])
def test_deposit__misbehaving_collateral__reverts(
    vault: Contract,
    account: int,
    collateral: list[Contract],
    trader: str,
    owner: str,
    behaviour: int,
    reason: str,
) -> None:
    """X-TOK-01, X-TOK-02: a fee on transfer and a false answer are refused, in and out; cash goes on."""
    token = collateral[0]
    vault.deposit(account, token.address, WAD, sender=trader)
    token.misbehave(behaviour, trader, b"", sender=owner)
    with pytest.raises(Reverted) as error:
        vault.deposit(account, token.address, 100 * WAD // 2, sender=trader)
    assert error.value.reason == reason
    if behaviour == 2:
        with pytest.raises(Reverted) as error:
            vault.withdraw(account, token.address, WAD, trader, sender=trader)
        assert error.value.reason == reason
    assert held(vault, account) == [WAD, 0, 0]
    vault.withdraw(account, vault.SETTLEMENT(), RAW, trader, sender=trader)


def test_deposit__collateral_reenters__only_collateral_of_answers(
    vault: Contract, account: int, collateral: list[Contract], trader: str, owner: str
) -> None:
    """EXT-1, EXT-2, X-RE-04: the one view that is open in the middle says what is true afterwards."""
    token = collateral[0]
    for data, opens in (
        (vault.collateral_of.encode(account), True),
        (vault.treasury.encode(account), False),
        (vault.collateral.encode(0), False),
        (vault.withdraw.encode(account, token.address, 1, trader), False),
    ):
        token.misbehave(4, vault.address, data, sender=owner)
        vault.deposit(account, token.address, WAD, sender=trader)
        assert token.call_succeeded() == opens
        vault.withdraw(account, token.address, WAD, trader, sender=trader)
        assert token.call_succeeded() == opens


def test_withdraw__collateral_bad_input__reverts(
    vault: Contract, account: int, collateral: list[Contract], trader: str, other_trader: str, operator: str
) -> None:
    """AUT-2: WITHDRAW is needed for collateral as for cash."""
    token = collateral[0].address
    vault.deposit(account, token, 5 * WAD, sender=trader)
    vault.set_operator(account, operator, 3, 2**40 - 1, sender=trader)
    for sender, arguments, reason in (
        (operator, (account, token, 1, operator), "access: no right"),
        (other_trader, (account, token, 1, other_trader), "access: no right"),
        (trader, (account, token, 0, trader), "vault: zero amount"),
        (trader, (account, token, 5 * WAD + 1, trader), "vault: insufficient collateral"),
        (trader, (account, token, 2**256 - 1, trader), "vault: insufficient collateral"),
        (trader, (account, collateral[1].address, 1, trader), "vault: insufficient collateral"),
        (trader, (account, trader, 1, trader), "vault: unknown token"),
        (trader, (account, token, 1, NOBODY), "vault: zero address"),
        (trader, (account, token, 1, vault.address), "vault: zero address"),
        (trader, (99, token, 1, trader), "vault: unknown account"),
    ):
        with pytest.raises(Reverted) as error:
            vault.withdraw(*arguments, sender=sender)
        assert error.value.reason == reason
    assert held(vault, account) == [5 * WAD, 0, 0]
    vault.set_operator(account, operator, 4, 2**40 - 1, sender=trader)
    vault.withdraw(account, token, 5 * WAD, operator, sender=operator)
    assert collateral[0].balanceOf(operator) == 5 * WAD


def test_withdraw__collateral_without_debt__asks_no_price(
    vault: Contract, account: int, collateral: list[Contract], valued: Contract, trader: str, owner: str
) -> None:
    """LIV-1: with an oracle that answers nothing, and cash of zero, all of it leaves."""
    vault.deposit(account, collateral[0].address, 5 * WAD, sender=trader)
    vault.withdraw(account, vault.SETTLEMENT(), 1_000 * RAW, trader, sender=trader)
    valued.set_quote((0, 0, 0, 0, 0, 0, False, False), sender=owner)
    vault.withdraw(account, collateral[0].address, 5 * WAD, trader, sender=trader)
    assert held(vault, account) == [0, 0, 0]


def test_add_collateral__good_tokens__indices_in_order(
    vault: Contract, chain: RevmChain, collateral: list[Contract], owner: str
) -> None:
    assert vault.collateral_count() == 3
    for index, token in enumerate(collateral):
        assert tuple(vault.collateral(index)) == (token.address, token.decimals(), 100 * WAD, 0)
    assert tuple(vault.collateral(3)) == (NOBODY, 0, 0, 0)
    token = chain.deploy("MockToken", "Cents", "CENT", 2, sender=owner)
    event = vault.add_collateral(token.address, 5, sender=owner).event("CollateralAdded")
    assert (event.index, event.token, event.decimals, event.cap) == (3, token.address, 2, 5)


def test_add_collateral__ninth_or_known_or_unbounded__reverts(
    vault: Contract, chain: RevmChain, collateral: list[Contract], owner: str, stranger: str
) -> None:
    fresh = chain.deploy("MockToken", "Fresh", "NEW", 18, sender=owner).address
    for sender, token, cap, reason in (
        (stranger, fresh, WAD, "ownable: caller is not the owner"),
        (owner, vault.SETTLEMENT(), WAD, "vault: token exists"),
        (owner, collateral[1].address, WAD, "vault: token exists"),
        (owner, fresh, 2**128, "vault: parameter out of bounds"),
        (owner, stranger, WAD, "vault: token without decimals"),
        (owner, NOBODY, WAD, "vault: token without decimals"),
    ):
        with pytest.raises(Reverted) as error:
            vault.add_collateral(token, cap, sender=sender)
        assert error.value.reason == reason
    for _ in range(5):
        vault.add_collateral(chain.deploy("MockToken", "T", "T", 18, sender=owner).address, WAD, sender=owner)
    with pytest.raises(Reverted) as error:
        vault.add_collateral(fresh, WAD, sender=owner)
    assert error.value.reason == "vault: too many tokens"
    assert vault.collateral_count() == 8


def test_add_collateral__unusable_decimals__reverts(vault: Contract, chain: RevmChain, owner: str) -> None:
    """X-TOK-06: above 18, none at all (a market), an answer of two words, an answer of none."""
    nineteen = chain.deploy("MockSilentToken", 19, sender=owner).address
    two_words, nothing = (
        chain.create(bytes.fromhex(f"600580600b6000396000f360{size:02x}6000f3"), sender=owner)[0] for size in (64, 0)
    )
    for token, reason in (
        (nineteen, "vault: more than 18 decimals"),
        (chain.deploy("MockMarket", sender=owner).address, "vault: token without decimals"),
        (two_words, "vault: token without decimals"),
        (nothing, "vault: token without decimals"),
    ):
        with pytest.raises(Reverted) as error:
            vault.add_collateral(token, WAD, sender=owner)
        assert error.value.reason == reason
    assert vault.collateral_count() == 0


def test_deposit__decimals_change_later__first_answer_counts(
    vault: Contract, chain: RevmChain, account: int, collateral: list[Contract], trader: str
) -> None:
    """X-TOK-06: a token that says 8 and later 2 gives nobody a million times what was deposited."""
    token = collateral[1]
    vault.deposit(account, token.address, 10**8, sender=trader)
    chain.set_storage(token.address, 0, 2)
    assert token.decimals() == 2
    vault.deposit(account, token.address, 10**8, sender=trader)
    assert held(vault, account) == [0, 2 * WAD, 0]
    assert vault.collateral(1).decimals == 8
    vault.withdraw(account, token.address, 2 * 10**8, trader, sender=trader)
    assert token.balanceOf(trader) == 1_000 * 10**8


def test_set_collateral_cap__bad_input__reverts(
    vault: Contract, collateral: list[Contract], owner: str, stranger: str
) -> None:
    for sender, index, cap, reason in (
        (stranger, 0, WAD, "ownable: caller is not the owner"),
        (owner, 3, WAD, "vault: unknown token"),
        (owner, 0, 2**128, "vault: parameter out of bounds"),
    ):
        with pytest.raises(Reverted) as error:
            vault.set_collateral_cap(index, cap, sender=sender)
        assert error.value.reason == reason
    assert vault.collateral(0).cap == 100 * WAD


def test_set_collateral_model__once__and_not_nobody(vault: Contract, owner: str, keeper: str, stranger: str) -> None:
    for sender, model, reason in (
        (stranger, keeper, "ownable: caller is not the owner"),
        (owner, NOBODY, "vault: zero address"),
    ):
        with pytest.raises(Reverted) as error:
            vault.set_collateral_model(model, sender=sender)
        assert error.value.reason == reason
    assert vault.set_collateral_model(keeper, sender=owner).event("CollateralModelSet").model == keeper
    with pytest.raises(Reverted) as error:
        vault.set_collateral_model(stranger, sender=owner)
    assert error.value.reason == "vault: collateral model is set"
    assert vault.collateral_model() == keeper


def test_withdraw__collateral_locked_profit__is_no_obstacle(
    vault: Contract,
    account: int,
    collateral: list[Contract],
    trader: str,
    allocate: Callable[..., Any],
    gain: Callable[..., None],
) -> None:
    """A lock is on cash; tokens that were put in are the owner's."""
    vault.deposit(account, collateral[0].address, WAD, sender=trader)
    allocate(account, 1, 1_000)
    gain(account, 1, 50)
    allocate(account, 1, -1_050)
    assert vault.treasury(account).locked == 50 * WAD
    vault.withdraw(account, collateral[0].address, WAD, trader, sender=trader)
    assert held(vault, account) == [0, 0, 0]
