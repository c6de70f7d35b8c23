"""Cuts: what the engine does where sharing is not enough."""

from __future__ import annotations

import pytest

from ballast.params import WAD
from tests.support import drain_pool


@pytest.fixture
def alone(build, guard, drain, publish):
    """A guarded account with one book near liquidation and nothing to share."""
    account = build(BTC=(60_000, 14_000))
    guard(account)
    drain(account)
    publish("BTC", 51_000 * WAD, after=30)
    return account


def test_cut__nothing_to_share__exposure_falls_and_z_rises(protocol, rebalancer, vault, alone, keeper, z):
    """REB-1, REB-12: the book shrinks toward zero, at no more than the pool's spread, and is safer."""
    market, pool = protocol.markets["BTC"], protocol.pool.ACCOUNT()
    before, low, equity = market.book(alone), z(alone, "BTC"), market.book_risk(alone).equity
    pool_size, pool_cash = market.book(pool).size, vault.treasury(pool).cash
    (cut,) = rebalancer.preview(alone).cuts
    receipt = rebalancer.rebalance(alone, sender=keeper)

    after, event = market.book(alone), receipt.event("BookCut")
    assert 0 < after.size < before.size
    assert after.size == before.size - before.size * cut.fraction // WAD
    assert market.book(pool).size - pool_size == before.size - after.size
    assert equity - market.book_risk(alone).equity == cut.cost == event.cost
    assert vault.treasury(pool).cash == pool_cash - cut.pool_top_up
    assert (event.account, event.market, event.fraction) == (alone, 1, cut.fraction)
    assert z(alone, "BTC") > low
    assert receipt.event("Rebalanced").cuts == 1


def test_cut__reward__never_without_cash(rebalancer, vault, alone, keeper):
    """REB-5: a plan that only cuts pays its keeper out of free cash alone."""
    assert vault.treasury(alone).cash < WAD
    claimable = vault.claimable(keeper)
    rebalancer.rebalance(alone, sender=keeper)
    assert vault.claimable(keeper) - claimable < WAD
    assert vault.treasury(alone).cash >= 0


def test_cut__reaches_the_target__within_max_delever(rebalancer, alone, guard, keeper, z):
    guard(alone, z_delever_target=4 * WAD, max_delever=10_000)
    rebalancer.rebalance(alone, sender=keeper)
    assert 3.99 < z(alone, "BTC") < 4.2


def test_cut__max_delever__bounds_a_call(protocol, rebalancer, alone, guard, keeper):
    """REB-14."""
    guard(alone, max_delever=500)
    size = protocol.markets["BTC"].book(alone).size
    rebalancer.rebalance(alone, sender=keeper)
    assert protocol.markets["BTC"].book(alone).size == size - size * 5 // 100


def test_cut__spread_above_max_slippage__none(rebalancer, alone, guard):
    """REB-14."""
    guard(alone, max_slippage=1)
    assert rebalancer.check(alone) == (False, 9)


def test_cut__ring_fenced_book__never(rebalancer, alone, guard):
    guard(alone, no_fund=1 << 1, no_tap=1 << 1)
    assert rebalancer.check(alone) == (False, 8)


def test_cut__fund_off_alone__cut_never_filled(protocol, rebalancer, build, guard, publish, keeper):
    account = build(cash=20_000, BTC=(60_000, 14_000))
    guard(account, no_fund=1 << 1)
    publish("BTC", 51_000 * WAD, after=30)
    receipt = rebalancer.rebalance(account, sender=keeper)
    assert receipt.event("Rebalanced").cuts == 1 and receipt.event("Rebalanced").moved == 0


def test_cut__toxic_book__refused(protocol, rebalancer, build, guard, drain, publish):
    """A cut that does not improve z is refused: equity below what it costs to close."""
    account = build(BTC=(60_000, 14_000))
    guard(account)
    drain(account)
    publish("BTC", 50_000 * WAD, after=30)
    publish("BTC", 45_980 * WAD, after=30)
    assert protocol.markets["BTC"].book_risk(account).equity < 40 * WAD
    assert rebalancer.check(account) == (False, 9)


def test_cut__pool_short_of_cash__only_what_it_can_carry(protocol, rebalancer, alone, owner, keeper):
    """A pool that cannot hold what is cut does not take it."""
    drain_pool(protocol, owner)
    plan = rebalancer.preview(alone)
    assert all(cut.pool_top_up <= 10**12 for cut in plan.cuts)
    assert rebalancer.check(alone)[0] == (plan.code == 0)


def test_cut__risk_share_broken_by_volatility_alone__two_thirds(protocol, rebalancer, build, guard, publish, keeper, z):
    """The price returns to where it was; volatility has risen, and the book is cut to two thirds of its share."""
    account = build(cash=3_000, BTC=(60_000, 9_000))
    guard(account, z_trigger=WAD)
    for price in (60_900, 59_800, 60_900, 60_000):
        publish("BTC", price * WAD, after=60)
    risk = protocol.markets["BTC"].book_risk(account)
    equity = rebalancer.preview(account).equity
    share = risk.sigma_loss * 10_000 // equity
    guard(account, z_trigger=WAD, z_target=40 * WAD, max_risk_share=share * 9 // 10)
    plan = rebalancer.preview(account)
    assert plan.triggers == 2 and len(plan.cuts) == 1
    rebalancer.rebalance(account, sender=keeper)
    after = protocol.markets["BTC"].book_risk(account).sigma_loss
    limit = equity * (share * 9 // 10) // 10_000
    assert limit * 2 // 3 * 99 // 100 < after <= limit * 2 // 3 + 10


def test_cut__risk_budget_broken__just_inside(protocol, rebalancer, build, guard, publish, keeper):
    """Volatility targeting: a narrow stop."""
    account = build(BTC=(30_000, 9_000), ETH=(30_000, 9_000))
    guard(account)
    publish("BTC", 60_000 * WAD, after=30)
    publish("ETH", 3_000 * WAD)
    total = sum(protocol.markets[name].book_risk(account).sigma_loss for name in ("BTC", "ETH"))
    equity = rebalancer.preview(account).equity
    budget = total * 8_000 // equity
    guard(account, risk_budget=budget)
    assert rebalancer.preview(account).triggers == 4
    rebalancer.rebalance(account, sender=keeper)
    after = sum(protocol.markets[name].book_risk(account).sigma_loss for name in ("BTC", "ETH"))
    assert equity * budget // 10_000 * 88 // 100 < after <= equity * budget // 10_000 * 9 // 10 + 10


def test_cut__frozen_book__ratios_to_account_equity_say_nothing(protocol, rebalancer, build, guard, publish):
    account = build(BTC=(30_000, 9_000), SOL=(3_000, 3_000))
    guard(account, risk_budget=1)
    publish("BTC", 60_000 * WAD, after=30)
    assert rebalancer.preview(account).triggers == 4
    for _ in range(4):
        publish("BTC", 60_000 * WAD, after=1_100)
    plan = rebalancer.preview(account)
    assert plan.frozen == 2 and plan.triggers == 0 and plan.code == 8
