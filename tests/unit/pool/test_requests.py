from __future__ import annotations

import pytest

from ballast.chain import Reverted
from ballast.chain.base import ZERO_ADDRESS
from ballast.deploy import Protocol
from tests.support import UNLIMITED
from tests.unit.pool.shares import USDC, WAD, Shareholders

NO_RIGHT = "access: no right"


def test_request_deposit__tokens__wait_outside_the_pool(protocol: Protocol, holders: Shareholders, trader: str) -> None:
    """SOL-1: what waits is custody of the vault, in an account of its own, and no part of net assets."""
    pool, now = protocol.pool, protocol.chain.timestamp
    net, supply, custody = pool.totalAssets(), pool.totalSupply(), protocol.token.balanceOf(protocol.vault.address)

    id_ = holders.request_entry(trader, 1_000 * WAD)

    assert pool.request_count() == id_ == 1
    assert pool.request(id_)._asdict() == {
        "controller": trader,
        "due": now + pool.REQUEST_DELAY(),
        "is_exit": False,
        "status": 1,
        "amount": 1_000 * USDC,
    }
    assert pool.pendingDepositRequest(id_, trader) == 1_000 * USDC
    assert pool.claimableDepositRequest(id_, trader) == pool.maxDeposit(trader) == pool.maxMint(trader) == 0
    assert pool.pendingDepositRequest(id_, pool.address) == pool.pendingRedeemRequest(id_, trader) == 0
    assert (pool.totalAssets(), pool.totalSupply()) == (net, supply)
    assert holders.cash(holders.entry_account) == 1_000 * WAD
    assert protocol.token.balanceOf(protocol.vault.address) == custody + 1_000 * USDC
    assert protocol.token.balanceOf(pool.address) == protocol.token.allowance(pool.address, protocol.vault.address) == 0


def test_request_redeem__shares__stay_in_the_supply(protocol: Protocol, holders: Shareholders, owner: str) -> None:
    pool = protocol.pool
    held, supply, net = pool.balanceOf(owner), pool.totalSupply(), pool.totalAssets()

    receipt = pool.requestRedeem(5 * WAD, owner, owner, sender=owner)

    id_ = pool.request_count()
    assert receipt.event("RedeemRequest").args == {
        "controller": owner,
        "owner": owner,
        "requestId": id_,
        "sender": owner,
        "shares": 5 * WAD,
    }
    assert pool.pendingRedeemRequest(id_, owner) == 5 * WAD
    assert pool.pendingDepositRequest(id_, owner) == pool.claimableRedeemRequest(id_, owner) == 0
    assert pool.balanceOf(owner) == held - 5 * WAD
    assert pool.balanceOf(pool.address) == 5 * WAD
    assert (pool.totalSupply(), pool.totalAssets()) == (supply, net)


def test_request_deposit__of_anothers_tokens__needs_his_operator(
    protocol: Protocol, holders: Shareholders, trader: str, stranger: str
) -> None:
    """AUT-2: whoever trusts the pool with an allowance trusts nobody else with it."""
    pool = protocol.pool
    raw = protocol.mint(trader, 1_000 * WAD, holders.owner)
    protocol.token.approve(pool.address, UNLIMITED, sender=trader)
    with pytest.raises(Reverted) as refusal:
        pool.requestDeposit(raw, stranger, trader, sender=stranger)
    assert refusal.value.reason == NO_RIGHT

    receipt = pool.setOperator(stranger, True, sender=trader)
    assert receipt.event("OperatorSet").args == {"controller": trader, "operator": stranger, "approved": True}
    assert pool.isOperator(trader, stranger)
    assert pool.requestDeposit(raw // 2, stranger, trader, sender=stranger).event("DepositRequest").args == {
        "controller": stranger,
        "owner": trader,
        "requestId": 1,
        "sender": stranger,
        "assets": raw // 2,
    }
    pool.setOperator(stranger, False, sender=trader)
    with pytest.raises(Reverted) as refusal:
        pool.requestDeposit(raw // 2, stranger, trader, sender=stranger)
    assert refusal.value.reason == NO_RIGHT


def test_request_redeem__of_anothers_shares__needs_allowance_or_operator(
    protocol: Protocol, holders: Shareholders, owner: str, stranger: str
) -> None:
    pool = protocol.pool
    with pytest.raises(Reverted) as refusal:
        pool.requestRedeem(WAD, stranger, owner, sender=stranger)
    assert refusal.value.reason == "erc20: insufficient allowance"
    pool.approve(stranger, 3 * WAD, sender=owner)
    pool.requestRedeem(2 * WAD, owner, owner, sender=stranger)
    assert pool.allowance(owner, stranger) == WAD
    pool.setOperator(stranger, True, sender=owner)
    pool.requestRedeem(5 * WAD, owner, owner, sender=stranger)
    assert pool.allowance(owner, stranger) == WAD
    assert pool.balanceOf(pool.address) == 7 * WAD


def test_request__nothing_or_for_nobody__reverts(protocol: Protocol, holders: Shareholders, owner: str) -> None:
    pool = protocol.pool
    for call in (pool.requestDeposit, pool.requestRedeem):
        with pytest.raises(Reverted) as refusal:
            call(0, owner, owner, sender=owner)
        assert refusal.value.reason == "pool: nothing requested"
        with pytest.raises(Reverted) as refusal:
            call(1, ZERO_ADDRESS, owner, sender=owner)
        assert refusal.value.reason == "pool: no controller"


def test_request_deposit__above_the_cap__reverts(
    protocol: Protocol, holders: Shareholders, trader: str, owner: str
) -> None:
    """ORC-9: the cap holds on increase only; what waits counts."""
    pool = protocol.pool
    net = pool.totalAssets() * 10**12
    pool.set_max_assets(net + 1_000 * WAD, sender=owner)
    first = holders.request_entry(trader, 600 * WAD)
    with pytest.raises(Reverted) as refusal:
        holders.request_entry(trader, 401 * WAD)
    assert refusal.value.reason == "pool: deposit cap"
    holders.request_entry(trader, 400 * WAD)

    pool.set_max_assets(0, sender=owner)
    holders.ripen()
    holders.execute(first)  # what was accepted is executed
    assert pool.maxDeposit(trader) == 600 * USDC
    with pytest.raises(Reverted) as refusal:
        holders.request_entry(trader, WAD)
    assert refusal.value.reason == "pool: deposit cap"


def test_request__feed_of_a_book_dead__entry_closed_and_exit_requested(
    protocol: Protocol, holders: Shareholders, short_pool: None, trader: str, owner: str
) -> None:
    """X-SHR-03: a price that is missing is no price of zero."""
    protocol.chain.advance(86_400)
    with pytest.raises(Reverted) as refusal:
        holders.request_entry(trader, 1_000 * WAD)
    assert refusal.value.reason == "oracle: stale price"
    assert holders.request_exit(owner, WAD) == 1


def test_void_request__before_its_time__reverts(
    protocol: Protocol, holders: Shareholders, trader: str, owner: str, stranger: str
) -> None:
    """A request cannot be cancelled: it would be an option on the price."""
    pool = protocol.pool
    ids = [holders.request_entry(trader, 1_000 * WAD), holders.request_exit(owner, WAD)]
    protocol.chain.advance(pool.REQUEST_DELAY() + pool.VOID_DELAY() - 2)
    for id_, holder in zip(ids, (trader, owner), strict=True):
        with pytest.raises(Reverted) as refusal:
            pool.void_request(id_, holder, sender=stranger)
        assert refusal.value.reason == NO_RIGHT
        with pytest.raises(Reverted) as refusal:
            pool.void_request(id_, holder, sender=holder)
        assert refusal.value.reason == "pool: too early"


def test_void_request__days_later__gives_back_what_was_handed_in(
    protocol: Protocol, holders: Shareholders, trader: str, owner: str, stranger: str
) -> None:
    pool, token = protocol.pool, protocol.token
    entry, exit_ = holders.request_entry(trader, 1_000 * WAD), holders.request_exit(owner, 5 * WAD)
    supply, net = pool.totalSupply(), pool.totalAssets()
    protocol.chain.advance(pool.REQUEST_DELAY() + pool.VOID_DELAY())
    pool.setOperator(stranger, True, sender=trader)

    receipt = pool.void_request(entry, stranger, sender=stranger)
    assert receipt.event("RequestVoided").args == {"requestId": entry, "controller": trader, "receiver": stranger}
    pool.void_request(exit_, stranger, sender=owner)

    assert token.balanceOf(stranger) == 1_000 * USDC
    assert pool.balanceOf(stranger) == 5 * WAD
    assert (pool.totalSupply(), pool.totalAssets()) == (supply, net)
    assert holders.cash(holders.entry_account) == pool.balanceOf(pool.address) == 0
    for id_, holder in ((entry, trader), (exit_, owner)):
        assert pool.request(id_).status == 3
        assert pool.pendingDepositRequest(id_, holder) == pool.pendingRedeemRequest(id_, holder) == 0
        assert pool.claimableDepositRequest(id_, holder) == pool.claimableRedeemRequest(id_, holder) == 0
        with pytest.raises(Reverted) as refusal:
            pool.void_request(id_, holder, sender=holder)
        assert refusal.value.reason == "pool: no such request"
        with pytest.raises(Reverted) as refusal:
            holders.execute(id_, [])
        assert refusal.value.reason == "pool: no such request"


@pytest.mark.parametrize(("behaviour", "reason"), [(1, "token: balance too low"), (2, "vault: transfer failed")])
def test_request_deposit__misbehaving_token__reverts_whole(
    protocol: Protocol, holders: Shareholders, trader: str, owner: str, behaviour: int, reason: str
) -> None:
    """SOL-4, X-TOK-01, X-TOK-02: a token that takes a fee, or says false: without its worth there is no request."""
    protocol.token.misbehave(behaviour, trader, b"", sender=owner)
    with pytest.raises(Reverted) as refusal:
        holders.request_entry(trader, WAD)
    assert refusal.value.reason == reason
    assert protocol.pool.request_count() == 0
