"""The whole loop through Ape's provider: deploy, open, trade, crash, rescue, withdraw."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ballast import params as params_
from ballast.chain import Reverted
from ballast.chain.ape import ApeChain
from ballast.client import Ballast, Policy
from ballast.deploy import Protocol
from ballast.keeper import Keeper, Work

DEPOSIT = Decimal(20_000)


@pytest.fixture(scope="module")
def actors(accounts):
    """Owner, trader, keeper."""
    return accounts[0], accounts[1], accounts[2]


@pytest.fixture(scope="module")
def ballast(actors):
    return Ballast(Protocol.deploy(ApeChain(), params_.load(), actors[0]))


@pytest.fixture(scope="module")
def account(ballast, actors):
    """An account with a 5× long in ETH, a short in BTC, and the default policy."""
    owner, trader, keeper = actors
    opened = ballast.open_account(trader)
    ballast.protocol.mint(trader, int(DEPOSIT) * 10**18, owner)
    opened.deposit(DEPOSIT, trader)
    opened.set_policy(Policy.default(params_.load().policy), trader)
    opened.commit("ETH", 10, margin=6_000, sender=trader)
    opened.commit("BTC", Decimal("-0.1"), margin=1_500, sender=trader)
    ballast.protocol.chain.advance(30)
    for market in ("ETH", "BTC"):
        ballast.protocol.publish(market, int(ballast.market(market).price) * 10**18, owner)
    work = Work()
    Keeper(ballast.protocol, keeper).execute_orders(work)
    assert len(work.filled) == 2
    return opened


def test_deploy__through_ape__is_verified(ballast):
    assert ballast.protocol.verify(params_.load()) == []


def test_trade__two_orders__leaves_two_books(ballast, account):
    report = account.report()

    assert {book.market: book.size for book in report.books} == {"ETH": 10, "BTC": Decimal("-0.1")}
    assert report.treasury.cash == DEPOSIT - 6_000 - 1_500 - 2
    assert report.treasury.escrow == 0
    assert not report.due


def test_keeper__crash__saves_the_account(ballast, account, actors):
    owner, _, keeper = actors
    chain, protocol = ballast.protocol.chain, ballast.protocol
    chain.advance(1_800)
    protocol.publish("ETH", 2_500 * 10**18, owner)
    before = account.report()
    assert before.due
    assert before.book("ETH").z < 2
    earned = ballast.claimable(keeper)

    work = Keeper(protocol, keeper).run_once()

    after = account.report()
    assert work.rebalanced == [account.id]
    assert after.book("ETH").z > before.book("ETH").z
    assert after.book("BTC").z > 4
    reward = ballast.claimable(keeper) - earned
    assert 0 < reward <= before.policy.max_fee
    costs = Decimal(sum(event.cost for receipt in work.receipts for event in receipt.named("BookCut"))) / 10**18
    funding = after.equity - (before.equity - reward - costs)  # of the seconds in between
    assert abs(funding) < Decimal("0.000001")
    with pytest.raises(Reverted):
        account.rebalance(keeper)


def test_withdraw__free_cash__arrives(ballast, account, actors):
    _, trader, _ = actors
    token = ballast.protocol.token
    held, free = token.balanceOf(trader.address), account.treasury.cash

    account.withdraw(1_000, trader)

    assert token.balanceOf(trader.address) == held + 1_000 * 10**6
    assert account.treasury.cash == free - 1_000
    with pytest.raises(Reverted, match="insufficient cash"):
        account.withdraw(DEPOSIT, trader)


def test_claim__reward__is_paid(ballast, account, actors):
    _, _, keeper = actors
    earned = ballast.claimable(keeper)

    paid = ballast.claim(keeper)

    assert earned - paid < Decimal("0.000001")
    assert ballast.protocol.token.balanceOf(keeper.address) == int(paid * 10**6)
