from __future__ import annotations

import pytest

from ballast.chain import Reverted
from ballast.deploy import Protocol
from tests.unit.pool.shares import USDC, WAD, Shareholders

NO_RIGHT = "access: no right"
TOO_HIGH = "pool: more than claimable"


@pytest.fixture
def entered(protocol: Protocol, holders: Shareholders, trader: str) -> int:
    """The trader's executed entry of $1,000, unclaimed."""
    id_ = holders.request_entry(trader, 1_000 * WAD)
    holders.ripen()
    holders.execute(id_)
    return id_


@pytest.fixture
def left(protocol: Protocol, holders: Shareholders, owner: str) -> int:
    """The owner's executed exit of 1,000 shares, unclaimed."""
    id_ = holders.request_exit(owner, 1_000 * WAD)
    holders.ripen()
    holders.execute(id_)
    return id_


def test_deposit__in_two_parts__hands_out_all_shares(
    protocol: Protocol, entered: int, trader: str, stranger: str
) -> None:
    pool = protocol.pool
    shares = pool.maxMint(trader)
    receipt = pool.deposit(300 * USDC + 1, stranger, trader, sender=trader)
    part = shares * (300 * USDC + 1) // (1_000 * USDC)
    assert pool.claimableRedeemRequest(entered, trader) == pool.claimableDepositRequest(entered, stranger) == 0
    assert receipt.event("Deposit").args == {
        "sender": trader,
        "owner": stranger,
        "assets": 300 * USDC + 1,
        "shares": part,
    }
    assert pool.balanceOf(stranger) == part
    assert pool.claimableDepositRequest(entered, trader) == pool.maxDeposit(trader) == 700 * USDC - 1
    pool.deposit(700 * USDC - 1, stranger, sender=trader)  # ERC-4626's form: the caller is the controller
    assert pool.balanceOf(stranger) == shares
    assert pool.balanceOf(pool.address) == pool.maxMint(trader) == pool.maxDeposit(trader) == 0
    assert pool.claimableDepositRequest(entered, trader) == 0


def test_mint__shares__rounds_what_they_took_up(protocol: Protocol, entered: int, trader: str) -> None:
    pool = protocol.pool
    shares = pool.maxMint(trader)
    pool.mint(1, trader, trader, sender=trader)
    assert pool.balanceOf(trader) == 1
    assert pool.maxDeposit(trader) == 1_000 * USDC - 1
    pool.mint(shares - 1, trader, sender=trader)
    assert pool.balanceOf(trader) == shares
    assert pool.maxDeposit(trader) == 0


def test_redeem__in_two_parts__pays_all_tokens(
    protocol: Protocol, holders: Shareholders, left: int, owner: str, stranger: str
) -> None:
    pool, token = protocol.pool, protocol.token
    assets, custody = pool.maxWithdraw(owner), token.balanceOf(protocol.vault.address)
    receipt = pool.redeem(333 * WAD, stranger, owner, sender=owner)
    part = assets * 333 // 1_000
    assert receipt.event("Withdraw").args == {
        "sender": owner,
        "receiver": stranger,
        "owner": owner,
        "assets": part,
        "shares": 333 * WAD,
    }
    assert token.balanceOf(stranger) == part
    assert token.balanceOf(protocol.vault.address) == custody - part
    assert pool.claimableRedeemRequest(left, owner) == pool.maxRedeem(owner) == 667 * WAD
    pool.redeem(667 * WAD, stranger, owner, sender=owner)
    assert token.balanceOf(stranger) == assets
    assert holders.cash(holders.exit_account) == pool.maxWithdraw(owner) == pool.maxRedeem(owner) == 0


def test_withdraw__tokens__rounds_their_shares_up(protocol: Protocol, left: int, owner: str, stranger: str) -> None:
    """RND-4: nothing is paid for nothing."""
    pool = protocol.pool
    assets = pool.maxWithdraw(owner)
    pool.withdraw(1, stranger, owner, sender=owner)
    assert protocol.token.balanceOf(stranger) == 1
    assert pool.maxRedeem(owner) == 1_000 * WAD - -(-1_000 * WAD // assets)
    pool.withdraw(assets - 1, stranger, owner, sender=owner)
    assert protocol.token.balanceOf(stranger) == assets
    assert pool.maxRedeem(owner) == 0


def test_claim__of_anothers__needs_his_operator(
    protocol: Protocol, entered: int, left: int, trader: str, owner: str, stranger: str
) -> None:
    pool = protocol.pool
    claims = (
        (pool.deposit, USDC, trader),
        (pool.mint, WAD, trader),
        (pool.redeem, WAD, owner),
        (pool.withdraw, 1, owner),
    )
    for call, amount, holder in claims:
        with pytest.raises(Reverted) as refusal:
            call(amount, stranger, holder, sender=stranger)
        assert refusal.value.reason == NO_RIGHT
        pool.setOperator(stranger, True, sender=holder)
        call(amount, stranger, holder, sender=stranger)
        pool.setOperator(stranger, False, sender=holder)


def test_claim__more_than_claimable__reverts(
    protocol: Protocol, entered: int, left: int, trader: str, owner: str
) -> None:
    pool = protocol.pool
    most = (
        (pool.deposit, pool.maxDeposit(trader), trader),
        (pool.mint, pool.maxMint(trader), trader),
        (pool.redeem, pool.maxRedeem(owner), owner),
        (pool.withdraw, pool.maxWithdraw(owner), owner),
    )
    for call, amount, holder in most:
        with pytest.raises(Reverted) as refusal:
            call(amount + 1, holder, holder, sender=holder)
        assert refusal.value.reason == TOO_HIGH


def test_claim__nothing__hands_out_nothing(protocol: Protocol, stranger: str) -> None:
    pool = protocol.pool
    for call in (pool.deposit, pool.mint):
        assert call(0, stranger, stranger, sender=stranger).event("Deposit").shares == 0
    for call in (pool.redeem, pool.withdraw):
        with pytest.raises(Reverted) as refusal:
            call(0, stranger, stranger, sender=stranger)
        assert refusal.value.reason == "vault: zero amount"


def test_claim__several_requests__the_oldest_first_at_one_average(
    protocol: Protocol, holders: Shareholders, short_pool: None, trader: str
) -> None:
    pool = protocol.pool
    first, second = holders.request_entry(trader, 1_000 * WAD), holders.request_entry(trader, 3_000 * WAD)
    rounds = holders.ripen()
    holders.execute(second, rounds)
    holders.execute(first, rounds)
    assert pool.claimableDepositRequest(first, trader) == 1_000 * USDC
    pool.deposit(3_500 * USDC, trader, trader, sender=trader)
    assert pool.claimableDepositRequest(second, trader) == 0
    assert pool.claimableDepositRequest(first, trader) == pool.maxDeposit(trader) == 500 * USDC


def test_claim__receiver_refused_by_the_token__blocks_nobody(
    protocol: Protocol, left: int, owner: str, stranger: str
) -> None:
    """X-TOK-03: pull payments; the controller names another receiver."""
    pool = protocol.pool
    for nobody in (protocol.vault.address, "0x" + "00" * 20):
        with pytest.raises(Reverted) as refusal:
            pool.redeem(pool.maxRedeem(owner), nobody, owner, sender=owner)
        assert refusal.value.reason == "vault: zero address"
    pool.redeem(pool.maxRedeem(owner), stranger, owner, sender=owner)


def test_claims__others_waiting__are_never_paid_with(
    protocol: Protocol, holders: Shareholders, left: int, owner: str, trader: str
) -> None:
    """SOL-4: entries, exits and the pool's own money are three accounts."""
    holders.request_entry(trader, 5_000 * WAD)
    net = holders.cash(holders.account)
    protocol.pool.redeem(1_000 * WAD, owner, owner, sender=owner)
    assert holders.cash(holders.entry_account) == 5_000 * WAD
    assert holders.cash(holders.account) == net
