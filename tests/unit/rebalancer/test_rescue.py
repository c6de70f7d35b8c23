"""`Rebalancer.rescue`: what an account does for itself before anything of it is sold."""

from __future__ import annotations

import pytest

from ballast.params import WAD
from tests.support import refused

PLANS = 8  # most that one rescue executes
FILL = 8  # gate
BOTH = ("BTC", "ETH")


@pytest.fixture
def alone(build, guard, drain, publish):
    """A guarded account with one book below maintenance margin and nothing to share."""
    account = build(BTC=(60_000, 14_000))
    guard(account)
    drain(account)
    publish("BTC", 47_500 * WAD, after=30)
    return account


def is_short(market, account):
    risk = market.book_risk(account)
    return risk.equity < risk.maintenance


def test_rescue__anybody_else__is_refused(rebalancer, alone, keeper, owner, trader):
    for sender in (keeper, owner, trader):
        with refused("access: not the engine"):
            rebalancer.rescue(alone, sender=sender)


def test_rescue__nothing_below_maintenance__does_nothing(rebalancer, short, liquidator, state_of):
    """LIQ-1: a rescue is no way around triggers and gates, however much the plan of a keeper would move."""
    assert rebalancer.check(short) == (True, 0)
    before = state_of(short)
    assert rebalancer.preview_rescue(short).code == 8
    assert rebalancer.rescue(short, sender=liquidator).returned == 0
    assert state_of(short) == before


def test_rescue__donor__cures_without_gates_or_reward(
    protocol, rebalancer, vault, short, guard, liquidator, publish, trader, z
):
    """§7.6, REB-1: in the block in which the owner traded, on rounds already used, within the cooldown."""
    guard(short, cooldown=86_400)
    publish("BTC", 48_000 * WAD, after=30)
    rebalancer.transfer_margin(short, 2, 0, WAD, sender=trader)
    assert is_short(protocol.markets["BTC"], short)
    cash, claimable = vault.treasury(short).cash, vault.claimable(liquidator)
    plan = rebalancer.preview_rescue(short)
    receipt = rebalancer.rescue(short, sender=liquidator)
    event = receipt.event("Rebalanced")
    assert receipt.returned == 1 and (event.reward, event.keeper) == (0, liquidator)
    assert vault.claimable(liquidator) == claimable
    assert vault.treasury(short).cash == cash - sum(transfer.amount for transfer in plan.transfers)
    assert z(short, "BTC") >= 0 and z(short, "ETH") >= 4
    assert rebalancer.rescue(short, sender=liquidator).returned == 0


def test_rescue__nothing_to_share__cuts_at_once(protocol, rebalancer, alone, liquidator):
    """§7.6, LIQ-4: no second call, no round to wait for; at the pool's rate, within the policy's slippage."""
    market = protocol.markets["BTC"]
    before = market.book(alone)
    (cut,) = rebalancer.preview_rescue(alone).cuts
    receipt = rebalancer.rescue(alone, sender=liquidator)
    assert not is_short(market, alone)
    assert receipt.named("BookCut")[0].fraction == cut.fraction <= WAD // 2
    assert receipt.returned == len(receipt.named("BookCut")) == len(receipt.named("Rebalanced"))
    assert 0 < market.book(alone).size < before.size
    assert rebalancer.cut_requests(alone) == []


def test_rescue__one_cut_is_not_enough__goes_on(protocol, rebalancer, alone, guard, liquidator):
    """`max_delever` bounds each plan, not the rescue."""
    guard(alone, max_delever=500)
    receipt = rebalancer.rescue(alone, sender=liquidator)
    assert 1 < receipt.returned <= PLANS
    assert {event.fraction for event in receipt.named("BookCut")} == {WAD // 20}
    assert is_short(protocol.markets["BTC"], alone) == (receipt.returned == PLANS)


def test_rescue__cut_that_waits__is_filled_anew(protocol, rebalancer, build, guard, drain, publish, liquidator, keeper):
    """The round it was asked for is not there yet: the present price counts, and nothing waits any longer."""
    account = build(BTC=(60_000, 14_000))
    guard(account)
    drain(account)
    publish("BTC", 51_000 * WAD, after=30)
    rebalancer.rebalance(account, sender=keeper)
    assert rebalancer.cut_requests(account)
    publish("BTC", 48_000 * WAD, after=10)
    assert is_short(protocol.markets["BTC"], account)
    receipt = rebalancer.rescue(account, sender=liquidator)
    assert receipt.named("BookCut") and not is_short(protocol.markets["BTC"], account)
    assert rebalancer.cut_requests(account) == []


def test_rescue__cut_whose_round_is_there__at_the_worse_price(
    protocol, rebalancer, build, guard, drain, publish, liquidator, keeper
):
    """X-ORC-10: a request binds in a rescue too; whoever waited for a better price does not get it."""
    account = build(BTC=(60_000, 14_000))
    guard(account)
    drain(account)
    publish("BTC", 51_000 * WAD, after=30)
    rebalancer.rebalance(account, sender=keeper)
    publish("BTC", 47_000 * WAD, after=30)
    publish("BTC", 48_000 * WAD, after=30)
    assert is_short(protocol.markets["BTC"], account)
    risk = protocol.markets["BTC"].book_risk(account)
    cut = rebalancer.preview_rescue(account).cuts[0]
    rate = protocol.markets["BTC"].engine_cost()
    assert cut.cost > (risk.exposure * cut.fraction // WAD) * rate // WAD
    receipt = rebalancer.rescue(account, sender=liquidator)
    assert receipt.named("BookCut")[0].cost == cut.cost
    assert rebalancer.cut_requests(account) == []


@pytest.mark.parametrize("changes", [{"enabled": False}, {"no_fund": 1 << 1, "no_tap": 1 << 1}])
def test_rescue__opted_out_or_ring_fenced__untouched(rebalancer, alone, guard, liquidator, state_of, changes):
    """REB-14: the owner's limits win; what the policy does not allow cannot cure."""
    guard(alone, **changes)
    before = state_of(alone)
    assert rebalancer.rescue(alone, sender=liquidator).returned == 0
    assert state_of(alone) == before


def test_rescue__waiting_cut_of_one_who_opted_out__is_not_filled(
    rebalancer, build, guard, drain, publish, keeper, liquidator, state_of
):
    """It is decided, but for keepers to fill."""
    account = build(BTC=(60_000, 14_000))
    guard(account)
    drain(account)
    publish("BTC", 51_000 * WAD, after=30)
    rebalancer.rebalance(account, sender=keeper)
    guard(account, enabled=False)
    publish("BTC", 48_000 * WAD, after=30)
    before = state_of(account)
    assert rebalancer.rescue(account, sender=liquidator).returned == 0
    assert state_of(account) == before


def test_rescue__beyond_saving__nothing_helps(protocol, rebalancer, alone, publish, liquidator, state_of):
    """A book without equity cannot pay for a cut."""
    publish("BTC", 45_900 * WAD, after=30)
    assert protocol.markets["BTC"].book_risk(alone).equity < 0
    before = state_of(alone)
    assert rebalancer.preview_rescue(alone).code == 9
    assert rebalancer.rescue(alone, sender=liquidator).returned == 0
    assert state_of(alone) == before


def test_rescue__money_for_maintenance_only__is_spent(protocol, rebalancer, build, guard, drain, publish, liquidator):
    """A keeper throws no good money after bad, below z = 1; the last line does, down to z = 0."""
    account = build(cash=2_000, BTC=(60_000, 14_000))
    guard(account, max_delever=0)
    publish("BTC", 48_000 * WAD, after=30)
    risk = protocol.markets["BTC"].book_risk(account)
    lacking = risk.maintenance - risk.equity
    assert lacking > 0
    drain(account, leave=lacking // WAD + 5)
    assert rebalancer.preview(account).code == 9
    rebalancer.rescue(account, sender=liquidator)
    risk = protocol.markets["BTC"].book_risk(account)
    assert risk.maintenance <= risk.equity < risk.maintenance + risk.sigma_loss


def test_rescue__feed_that_must_be_poked__reverts(protocol, rebalancer, short, publish, liquidator):
    """§7.6: nobody hides a donor behind unprocessed rounds and has the other book sold."""
    for _ in range(17):
        publish("ETH", 3_000 * WAD, after=1)
    publish("BTC", 48_000 * WAD, after=1)
    with refused("oracle: poke"):
        rebalancer.rescue(short, sender=liquidator)
    protocol.oracle.poke(protocol.market_ids["ETH"], sender=liquidator)
    assert rebalancer.rescue(short, sender=liquidator).returned == 1


def test_would_cure__second_of_two_books__is_told_from_the_first(rebalancer, build, guard, publish, protocol):
    """§7.6: each book by itself, though its market holds the engine back; one that no plan touches is not cured."""
    account = build(cash=20_000, BTC=(60_000, 14_000), ETH=(15_000, 3_500), SOL=(300, 3_000))
    guard(account, containment=10_000, max_delever=0, no_tap=1 << 3)
    publish("ETH", 2_350 * WAD, after=30)
    publish("BTC", 47_500 * WAD)
    publish("SOL", 150 * WAD)
    risks = {name: market.book_risk(account) for name, market in protocol.markets.items()}
    assert all(risks[name].gates & FILL == 0 and risks[name].equity < risks[name].maintenance for name in BOTH)
    assert rebalancer.preview_rescue(account).transfers == []
    cures = {name for name in risks if rebalancer.would_cure(account, protocol.market_ids[name])}
    assert cures == set(BOTH)
