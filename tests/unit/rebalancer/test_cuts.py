"""Cuts: what the engine does where sharing is not enough. One call asks for them, a later one fills them."""

from __future__ import annotations

import pytest

from ballast.chain import Reverted
from ballast.params import WAD
from tests.support import deposit_to, drain_pool, refused


@pytest.fixture
def alone(build, guard, drain, publish):
    """A guarded account with one book near liquidation and nothing to share."""
    account = build(BTC=(60_000, 14_000))
    guard(account)
    drain(account)
    publish("BTC", 51_000 * WAD, after=30)
    return account


@pytest.fixture
def asked(rebalancer, alone, keeper):
    """The same account, once a cut was asked for."""
    rebalancer.rebalance(alone, sender=keeper)
    return alone


def test_cut__due__is_asked_for_and_nothing_else(protocol, rebalancer, vault, alone, keeper, chain):
    """REB-3: the call binds the account, and leaves its book and the pool's as they were."""
    market, pool = protocol.markets["BTC"], protocol.pool.ACCOUNT()
    before = market.book(alone), market.book(pool), vault.treasury(pool)
    plan = rebalancer.preview(alone)
    receipt = rebalancer.rebalance(alone, sender=keeper)
    assert (market.book(alone), market.book(pool), vault.treasury(pool)) == before
    (request,) = rebalancer.cut_requests(alone)
    assert [request] == plan.requests and plan.cuts == [] and plan.relieved > 0
    assert (request.slot, request.market, request.due) == (0, 1, chain.timestamp + 30)
    event = receipt.event("CutRequested")
    assert (event.account, event.market, event.fraction) == (alone, 1, request.fraction)


def test_cut__nothing_to_share__exposure_falls_and_z_rises(
    protocol, rebalancer, vault, asked, keeper, z, publish, chain
):
    """REB-1, REB-12: the book shrinks toward zero, at no more than the pool's spread, and is safer."""
    alone = asked
    publish("BTC", 51_000 * WAD, after=30)
    market, pool = protocol.markets["BTC"], protocol.pool.ACCOUNT()
    before, low, equity = market.book(alone), z(alone, "BTC"), market.book_risk(alone).equity
    pool_size, pool_cash = market.book(pool).size, vault.treasury(pool).cash
    (cut,) = rebalancer.preview(alone).cuts
    assert cut.fraction == rebalancer.cut_requests(alone)[0].fraction
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
    assert rebalancer.cut_requests(alone) == []


@pytest.mark.parametrize("after", [1, 29])
def test_cut__round_before_its_time__waits(rebalancer, asked, publish, keeper, after):
    """X-ORC-10: what somebody knew when the cut was asked for is in the price at which it is filled."""
    publish("BTC", 51_000 * WAD, after=after)
    assert rebalancer.check(asked) == (False, 3)
    with refused("rebalancer: cut is waiting"):
        rebalancer.rebalance(asked, sender=keeper)
    rebalancer.chain.advance(60)
    assert rebalancer.check(asked)[0] is False
    publish("BTC", 51_000 * WAD)
    assert rebalancer.check(asked) == (True, 0)


@pytest.mark.parametrize("later", [49_000, 53_000])
def test_cut__filled_late__at_the_worse_of_its_round_and_the_present(protocol, rebalancer, asked, publish, later):
    """X-ORC-10: whoever fills it has nothing to wait for."""
    market = protocol.markets["BTC"]
    publish("BTC", 51_000 * WAD, after=30)
    for step in range(1, 4):
        publish("BTC", (51_000 + (later - 51_000) * step // 3) * WAD, after=12)
    share = rebalancer.cut_requests(asked)[0].fraction
    (cut,) = rebalancer.preview(asked).cuts
    assert cut.cost == market.preview_reduce(asked, share, 51_000 * WAD).cost
    assert (cut.cost > market.preview_reduce(asked, share, 0).cost) == (later > 51_000)


def test_cut__asked_for__owner_cannot_call_it_off(protocol, rebalancer, vault, asked, publish, guard, owner, trader):
    """X-ORC-10: else he would wait and see whether the round suits him."""
    guard(asked, enabled=False, max_slippage=0, max_delever=0, no_fund=2, no_tap=2, cooldown=86_400)
    publish("BTC", 60_000 * WAD, after=30)
    deposit_to(protocol, asked, trader, 50_000 * WAD, owner)
    rebalancer.transfer_margin(asked, 0, 1, 20_000 * WAD, sender=trader)
    plan = rebalancer.preview(asked)
    assert (plan.code, plan.triggers, len(plan.cuts), plan.transfers) == (0, 8, 1, [])
    receipt = rebalancer.rebalance(asked, sender=owner)
    assert receipt.event("BookCut").fraction == plan.cuts[0].fraction
    assert rebalancer.check(asked) == (False, 1)


def test_cut__asked_for__cannot_be_asked_for_again(rebalancer, asked, trader):
    """A book waits for one cut at a time."""
    assert rebalancer.preview_own(asked).code == 3
    with refused("rebalancer: cut is waiting"):
        rebalancer.rebalance_own(asked, sender=trader)


def test_cut__no_round_for_two_hours__is_void(rebalancer, asked, publish):
    """A feed that is silent for so long leaves nobody bound; the account is judged anew."""
    rebalancer.chain.advance(7_201)
    assert rebalancer.cut_requests(asked) == []
    publish("BTC", 60_000 * WAD)
    assert rebalancer.check(asked) == (False, 8)


def test_cut__book_closed_and_another_in_its_slot__is_void(
    protocol, rebalancer, asked, trade, trader, owner, publish, guard
):
    """A request dies with its book."""
    guard(asked, enabled=False)
    deposit_to(protocol, asked, trader, 3_000 * WAD, owner)
    market = protocol.markets["BTC"]
    publish("BTC", 60_000 * WAD, after=12)
    trade(asked, "BTC", -market.book(asked).size, reduce_only=True)
    rebalancer.transfer_margin(asked, 1, 0, market.book(asked).base, sender=trader)
    assert protocol.vault.treasury(asked).slots == 0
    trade(asked, "ETH", WAD, 2_000 * WAD)
    assert protocol.vault.treasury(asked).slots == 2
    publish("ETH", 3_000 * WAD, after=60)
    assert rebalancer.check(asked) == (False, 1)
    assert protocol.markets["ETH"].book(asked).size == WAD


def test_cut__reward__never_without_cash(rebalancer, vault, alone, keeper):
    """REB-5: a plan that only cuts pays its keeper out of free cash alone."""
    assert vault.treasury(alone).cash < WAD
    claimable = vault.claimable(keeper)
    rebalancer.rebalance(alone, sender=keeper)
    assert vault.claimable(keeper) - claimable < WAD
    assert vault.treasury(alone).cash >= 0


def test_cut__reaches_the_target__within_max_delever(alone, guard, cut, z):
    guard(alone, z_delever_target=4 * WAD, max_delever=10_000)
    cut(alone)
    assert 3.99 < z(alone, "BTC") < 4.2


def test_cut__max_delever__bounds_a_call(protocol, alone, guard, cut):
    """REB-14."""
    guard(alone, max_delever=500)
    size = protocol.markets["BTC"].book(alone).size
    cut(alone)
    assert protocol.markets["BTC"].book(alone).size == size - size * 5 // 100


def test_cut__spread_above_max_slippage__none(rebalancer, alone, guard):
    """REB-14."""
    guard(alone, max_slippage=1)
    assert rebalancer.check(alone) == (False, 9)


def test_cut__ring_fenced_book__never(rebalancer, alone, guard):
    guard(alone, no_fund=1 << 1, no_tap=1 << 1)
    assert rebalancer.check(alone) == (False, 8)


def test_cut__fund_off_alone__cut_never_filled(build, guard, publish, cut):
    account = build(cash=20_000, BTC=(60_000, 14_000))
    guard(account, no_fund=1 << 1)
    publish("BTC", 51_000 * WAD, after=30)
    receipt = cut(account)
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


def test_cut__risk_share_broken_by_volatility_alone__two_thirds(protocol, rebalancer, build, guard, publish, cut, z):
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
    assert plan.triggers == 2 and len(plan.requests) == 1
    cut(account)
    after = protocol.markets["BTC"].book_risk(account).sigma_loss
    limit = equity * (share * 9 // 10) // 10_000
    assert limit * 2 // 3 * 99 // 100 < after <= limit * 2 // 3 + 10


def test_cut__risk_budget_broken__just_inside(protocol, rebalancer, build, guard, publish, cut):
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
    cut(account)
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


@pytest.mark.parametrize("filling", [False, True])
def test_cut__any_gas__the_whole_plan_or_nothing(rebalancer, alone, publish, keeper, chain, filling):
    """REB-13, KPR-2: nobody fakes a market that cannot tell its cost, its cut, or the price of its round."""
    if filling:
        rebalancer.rebalance(alone, sender=keeper)
        publish("BTC", 51_000 * WAD, after=30)
    event = "BookCut" if filling else "CutRequested"
    refusals = set()
    for gas in range(430_000, 900_000, 10_000):
        state = chain.snapshot()
        try:
            assert rebalancer.rebalance(alone, sender=keeper, gas=gas).event(event).account == alone
        except Reverted as refusal:
            refusals.add(refusal.reason)
        chain.revert(state)
    assert refusals == {"rebalancer: not enough gas"}
    assert rebalancer.rebalance(alone, sender=keeper).event(event).account == alone
