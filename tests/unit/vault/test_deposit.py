"""Deposits."""

from __future__ import annotations

import pytest

from ballast.chain import Contract, Reverted
from ballast.chain.revm import RevmChain
from tests.support import deploy_vault

from .conftest import POOL_SHARE, RAW, WAD, cash_of


@pytest.fixture
def funded(vault: Contract, token: Contract, owner: str, stranger: str) -> str:
    """A stranger with $500, approved."""
    token.mint(stranger, 500 * RAW, sender=owner)
    token.approve(vault.address, 2**256 - 1, sender=stranger)
    return stranger


def test_deposit__by_anyone__credits_what_arrived(vault: Contract, token: Contract, account: int, funded: str) -> None:
    before, pool_before = cash_of(vault, account), cash_of(vault, 1)
    receipt = vault.deposit(account, token.address, 123_456_789, sender=funded)
    assert cash_of(vault, account) == before + 123_456_789 * 10**12
    assert cash_of(vault, 1) == pool_before
    assert token.balanceOf(funded) == 500 * RAW - 123_456_789
    event = receipt.event("Deposited")
    assert (event.account, event.token, event.sender, event.amount) == (account, token.address, funded, 123_456_789)
    assert vault.treasury(account).last_trade == 0


@pytest.mark.parametrize(
    ("target", "amount", "reason"),
    [(2, 0, "vault: zero amount"), (0, 1, "vault: unknown account"), (3, 1, "vault: unknown account")],
)
def test_deposit__bad_input__reverts(
    vault: Contract, token: Contract, account: int, funded: str, target: int, amount: int, reason: str
) -> None:
    with pytest.raises(Reverted) as error:
        vault.deposit(target, token.address, amount, sender=funded)
    assert error.value.reason == reason
    assert (cash_of(vault, account), token.balanceOf(funded)) == (1_000 * WAD, 500 * RAW)


def test_deposit__more_than_the_caller_has__reverts(
    vault: Contract, token: Contract, account: int, funded: str
) -> None:
    """The token refuses it; the vault credits nothing."""
    with pytest.raises(Reverted, match="token: balance too low"):
        vault.deposit(account, token.address, 500 * RAW + 1, sender=funded)
    assert (cash_of(vault, account), token.balanceOf(funded)) == (1_000 * WAD, 500 * RAW)


def test_deposit__another_token__reverts(vault: Contract, chain: RevmChain, account: int, owner: str) -> None:
    other = chain.deploy("MockToken", "Other", "OTH", 6, sender=owner)
    with pytest.raises(Reverted) as error:
        vault.deposit(account, other.address, 1, sender=owner)
    assert error.value.reason == "vault: unknown token"
    assert cash_of(vault, account) == 1_000 * WAD


@pytest.mark.parametrize(("behaviour", "reason"), [(1, "vault: wrong amount received"), (2, "vault: transfer failed")])
def test_deposit__misbehaving_token__reverts(
    vault: Contract, token: Contract, account: int, funded: str, owner: str, behaviour: int, reason: str
) -> None:
    """X-TOK-01, X-TOK-02: a fee on transfer and a false answer are refused."""
    token.misbehave(behaviour, funded, b"", sender=owner)
    with pytest.raises(Reverted) as error:
        vault.deposit(account, token.address, 100 * RAW, sender=funded)
    assert error.value.reason == reason
    assert cash_of(vault, account) == 1_000 * WAD


@pytest.mark.parametrize("view", [True, False])
def test_deposit__token_reenters__inner_call_fails(
    vault: Contract, token: Contract, account: int, funded: str, owner: str, view: bool
) -> None:
    """EXT-1, EXT-2, X-RE-01, X-RE-04: from inside a transfer neither a change nor a view of the vault succeeds."""
    data = vault.treasury.encode(account) if view else vault.open_account.encode(funded)
    token.misbehave(4, vault.address, data, sender=owner)
    accounts = vault.account_count()
    vault.deposit(account, token.address, RAW, sender=funded)
    assert not token.call_succeeded()
    assert vault.account_count() == accounts


@pytest.mark.parametrize("decimals", [2, 6, 8, 18])
def test_deposit__decimals__scaled_to_wad(chain: RevmChain, owner: str, trader: str, decimals: int) -> None:
    """RND-7, X-TOK-01: tokens of any decimals that return nothing go in and out."""
    token = chain.deploy("MockSilentToken", decimals, sender=owner)
    vault = deploy_vault(chain, token.address, POOL_SHARE, owner)
    assert vault.SCALE() == 10 ** (18 - decimals)
    vault.open_account(trader, sender=trader)
    amount = 7 * 10**decimals + 3
    token.mint(trader, amount, sender=trader)
    token.approve(vault.address, amount, sender=trader)
    vault.deposit(1, token.address, amount, sender=trader)
    assert cash_of(vault, 1) == amount * 10 ** (18 - decimals)
    vault.withdraw(1, token.address, amount, trader, sender=trader)
    assert (cash_of(vault, 1), token.balanceOf(trader)) == (0, amount)


def test_constructor__unusable_decimals__reverts(chain: RevmChain, owner: str) -> None:
    """X-TOK-06: more than 18, or nobody who could say."""
    token = chain.deploy("MockSilentToken", 19, sender=owner).address
    for settlement, reason in ((token, "vault: more than 18 decimals"), (owner, "vault: token without decimals")):
        with pytest.raises(Reverted) as error:
            deploy_vault(chain, settlement, POOL_SHARE, owner)
        assert error.value.reason == reason


def test_deposit__donation__changes_nobody(
    vault: Contract, token: Contract, account: int, funded: str, donations: list[int]
) -> None:
    """SOL-7: tokens sent without a deposit belong to nobody."""
    donations.append(100 * RAW)
    before = vault.treasury(account)
    token.transfer(vault.address, 100 * RAW, sender=funded)
    assert vault.treasury(account) == before
    vault.deposit(account, token.address, RAW, sender=funded)
    assert cash_of(vault, account) == before.cash + WAD
