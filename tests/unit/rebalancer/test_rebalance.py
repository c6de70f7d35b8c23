"""`Rebalancer.rebalance`: moves between the books and the cash of one account."""

from __future__ import annotations

import pytest

from ballast.chain import Reverted
from ballast.deploy.settings import REBALANCER
from ballast.params import WAD
from tests.support import refused


def equities(protocol, account):
    return {name: market.book_risk(account).equity for name, market in protocol.markets.items()}


def test_rebalance__one_short_one_rich__equity_moves_and_is_conserved(
    protocol, vault, rebalancer, short, keeper, account, z
):
    """REB-1, REB-2, REB-3, REB-4: to the wei, but for the reward; no other account or book is touched."""
    before, cash = equities(protocol, short), vault.treasury(short).cash
    other = vault.treasury(account), equities(protocol, account)
    claimable, low = vault.claimable(keeper), z(short, "BTC")
    plan = rebalancer.preview(short)
    receipt = rebalancer.rebalance(short, sender=keeper)

    after, event = equities(protocol, short), receipt.event("Rebalanced")
    moved = {transfer.slot: transfer.amount for transfer in plan.transfers}
    assert after["BTC"] - before["BTC"] == moved[0] == event.moved > 0
    assert after["ETH"] - before["ETH"] == moved[1] < 0
    assert after["SOL"] == before["SOL"] == 0
    assert vault.treasury(short).cash == cash - sum(moved.values()) - receipt.returned
    assert vault.claimable(keeper) - claimable == receipt.returned == event.reward <= plan.reserve
    assert sum(after.values()) + vault.treasury(short).cash + receipt.returned == sum(before.values()) + cash
    assert z(short, "BTC") > low and z(short, "ETH") > 4
    assert (event.account, event.keeper, event.transfers, event.cuts) == (short, keeper, 2, 0)
    assert (event.min_z_before, event.min_z_after) == (plan.min_z_before, plan.min_z_after)
    assert other == (vault.treasury(account), equities(protocol, account))


def test_rebalance__cash__pays_first(protocol, rebalancer, vault, build, guard, publish, keeper, z):
    account = build(cash=40_000, BTC=(60_000, 14_000), ETH=(15_000, 15_000))
    guard(account, containment=10_000)
    publish("BTC", 50_500 * WAD, after=30)
    before = equities(protocol, account)
    receipt = rebalancer.rebalance(account, sender=keeper)
    assert equities(protocol, account)["ETH"] == before["ETH"]
    assert len(receipt.named("MarginMoved")) == 1
    assert z(account, "BTC") == pytest.approx(10)


def test_rebalance__treasury_reserve__stays(rebalancer, vault, build, guard, publish, keeper):
    """REB-14: the owner's limits win."""
    account = build(cash=9_000, BTC=(60_000, 14_000))
    guard(account, treasury_reserve=7_000 * WAD)
    publish("BTC", 50_500 * WAD, after=30)
    rebalancer.rebalance(account, sender=keeper)
    assert vault.treasury(account).cash >= 7_000 * WAD


def test_rebalance__twice__same_rounds(rebalancer, short, keeper, chain):
    """REB-7: nobody earns twice on the same prices."""
    rebalancer.rebalance(short, sender=keeper)
    with refused("rebalancer: same rounds"):
        rebalancer.rebalance(short, sender=keeper)
    chain.advance(60)
    assert rebalancer.check(short) == (False, 6)


def test_rebalance__new_round_after__healthy(rebalancer, short, keeper, publish):
    """REB-7, REB-9: the trigger band is entered far from where a rebalance ends."""
    rebalancer.rebalance(short, sender=keeper)
    publish("BTC", 50_500 * WAD, after=60)
    with refused("rebalancer: healthy"):
        rebalancer.rebalance(short, sender=keeper)


def test_rebalance__cooldown__waits_unless_urgent(rebalancer, build, guard, drain, keeper, publish, chain):
    """REB-14: below z = 1 nobody waits."""
    account = build(BTC=(60_000, 14_000), ETH=(15_000, 40_000))
    guard(account, cooldown=3_600, z_target=3 * WAD, z_donor=3 * WAD, z_delever_target=3 * WAD, containment=10_000)
    drain(account)
    publish("BTC", 50_500 * WAD, after=30)
    publish("ETH", 3_000 * WAD)
    rebalancer.rebalance(account, sender=keeper)
    publish("BTC", 47_700 * WAD, after=60)
    assert WAD < rebalancer.preview(account).min_z_before < 2 * WAD
    assert rebalancer.check(account) == (False, 5)
    publish("BTC", 44_500 * WAD, after=60)
    assert rebalancer.preview(account).min_z_before < WAD
    rebalancer.rebalance(account, sender=keeper)


def test_rebalance__owner_traded_in_this_block__waits(rebalancer, short, keeper, trader):
    rebalancer.transfer_margin(short, 2, 0, 10 * WAD, sender=trader)
    with refused("rebalancer: owner traded"):
        rebalancer.rebalance(short, sender=keeper)


def test_rebalance__off_or_unknown__reverts(rebalancer, short, guard, keeper, account, protocol):
    """REB-14: opting out wins."""
    guard(short, enabled=False)
    with refused("rebalancer: policy is off"):
        rebalancer.rebalance(short, sender=keeper)
    with refused("rebalancer: policy is off"):
        rebalancer.rebalance(account, sender=keeper)
    with refused("rebalancer: unknown account"):
        rebalancer.rebalance(9_999, sender=keeper)


def test_rebalance__nothing_to_give__no_remedy(rebalancer, build, guard, drain, publish, keeper):
    account = build(BTC=(60_000, 14_000))
    guard(account, max_delever=0)
    drain(account)
    publish("BTC", 50_500 * WAD, after=30)
    with refused("rebalancer: no remedy"):
        rebalancer.rebalance(account, sender=keeper)


def test_rebalance__too_little_to_move__below_min(rebalancer, build, guard, drain, publish, keeper):
    """REB-5, REB-6: dust is no reason for a reward."""
    account = build(BTC=(60_000, 14_000))
    guard(account, max_delever=0, max_fee=0)
    drain(account, leave=4)
    publish("BTC", 51_300 * WAD, after=30)
    with refused("rebalancer: below min move"):
        rebalancer.rebalance(account, sender=keeper)


def test_rebalance__deposit_by_a_stranger__triggers_nothing(rebalancer, protocol, vault, build, guard, owner, stranger):
    """REB-6."""
    account = build(BTC=(30_000, 14_000))
    guard(account)
    protocol.chain.advance(1)
    raw = protocol.mint(stranger, 1_000 * WAD, owner)
    protocol.token.approve(vault.address, 2**256 - 1, sender=stranger)
    vault.deposit(account, protocol.token.address, raw, sender=stranger)
    assert rebalancer.check(account) == (False, 8)


def test_rebalance__ring_fenced__neither_triggers_nor_takes_part(protocol, rebalancer, short, guard, keeper):
    """REB-14."""
    guard(short, no_fund=1 << 1, no_tap=1 << 1)
    with refused("rebalancer: healthy"):
        rebalancer.rebalance(short, sender=keeper)
    guard(short, no_fund=1 << 2, no_tap=1 << 2, max_delever=0)
    with refused("rebalancer: no remedy"):
        rebalancer.rebalance(short, sender=keeper)


def test_rebalance__containment__caps_the_inflow_of_a_day(protocol, rebalancer, short, guard, keeper, publish, chain):
    """REB-11, REB-14: used room comes back over 24 hours, not with another call."""
    guard(short, containment=500, max_delever=0)
    plan = rebalancer.preview(short)
    room = plan.equity * 500 // 10_000
    assert plan.moved == room
    rebalancer.rebalance(short, sender=keeper)
    publish("BTC", 50_400 * WAD, after=30)
    assert rebalancer.preview_own(short).moved < room // 100
    for _ in range(12):  # keep the feeds fresh for half a day
        publish("BTC", 50_400 * WAD, after=3_600)
        publish("ETH", 3_000 * WAD)
    assert room * 48 // 100 < rebalancer.preview_own(short).moved <= room * 52 // 100


def test_rebalance__fee_budget_spent__rescue_without_reward(rebalancer, vault, short, guard, keeper):
    """REB-5, REB-8: an exhausted budget zeroes the reward, never the rescue."""
    guard(short, max_fee_per_day=0)
    claimable = vault.claimable(keeper)
    receipt = rebalancer.rebalance(short, sender=keeper)
    assert receipt.event("Rebalanced").moved > 0
    assert vault.claimable(keeper) == claimable and receipt.returned == 0


def test_rebalance__fees_of_a_day__stay_within_the_budget(rebalancer, short, guard, keeper, publish):
    """REB-5."""
    guard(short, max_fee=2 * WAD, max_fee_per_day=3 * WAD, z_target=4 * WAD, z_delever_target=4 * WAD, max_delever=0)
    paid = 0
    for price in (50_500, 46_500, 43_500, 41_500):
        publish("BTC", price * WAD, after=60)
        if rebalancer.check(short)[0]:
            reward = rebalancer.rebalance(short, sender=keeper).returned
            assert reward <= 2 * WAD
            paid += reward
    assert 2 * WAD < paid <= 3 * WAD + WAD // 100


def test_rebalance__zero_margin_book__is_the_neediest(protocol, rebalancer, build, guard, drain, publish, keeper, z):
    """REB-8: a book at zero equity is filled, not an error."""
    account = build(BTC=(60_000, 14_000), ETH=(15_000, 40_000))
    guard(account, containment=10_000)
    drain(account)
    publish("BTC", 50_000 * WAD, after=30)
    publish("BTC", 45_990 * WAD, after=30)
    publish("ETH", 3_000 * WAD)
    assert protocol.markets["BTC"].book_risk(account).equity < 100 * WAD
    rebalancer.rebalance(account, sender=keeper)
    assert z(account, "BTC") > 2


def test_rebalance__beyond_saving__gets_nothing(protocol, rebalancer, build, guard, drain, publish, keeper):
    """No good money after bad: what cannot be lifted to z = 1 is left alone, and takes nobody with it."""
    account = build(BTC=(60_000, 14_000), ETH=(15_000, 4_300))
    guard(account, max_delever=0)
    drain(account)
    publish("BTC", 42_000 * WAD, after=30)
    publish("ETH", 3_000 * WAD)
    plan = rebalancer.preview(account)
    assert plan.code == 9 and plan.transfers == [] and plan.min_z_before < 0
    with refused("rebalancer: no remedy"):
        rebalancer.rebalance(account, sender=keeper)


def test_rebalance__stale_feed__frozen_book_stays_and_the_rest_goes_on(
    protocol, rebalancer, build, guard, drain, publish, keeper
):
    """REB-15: nothing moves into or out of a book without a price, and nothing else stops."""
    account = build(BTC=(60_000, 14_000), ETH=(15_000, 15_000), SOL=(5_000, 5_000))
    guard(account)
    drain(account)
    for _ in range(4):
        publish("BTC", 50_500 * WAD, after=1_000)
        publish("ETH", 3_000 * WAD)
    plan = rebalancer.preview(account)
    assert plan.frozen == 1 << 2 and plan.code == 0
    stored = protocol.markets["SOL"].book(account)
    rebalancer.rebalance(account, sender=keeper)
    assert protocol.markets["SOL"].book(account) == stored


def test_rebalance__any_gas__the_whole_plan_or_nothing(rebalancer, short, keeper, chain):
    """Nobody can fake a frozen market by starving it: with less gas the call reverts whole."""
    refusals = set()
    for gas in range(150_000, 900_000, 25_000):
        state = chain.snapshot()
        try:
            assert rebalancer.rebalance(short, sender=keeper, gas=gas).event("Rebalanced").transfers == 2
        except Reverted as refusal:
            refusals.add(refusal.reason)
        chain.revert(state)
    assert "rebalancer: not enough gas" in refusals
    assert refusals <= {"rebalancer: not enough gas", ""}
    assert rebalancer.rebalance(short, sender=keeper).event("Rebalanced").transfers == 2


def test_rebalance__halted_market__neither_gives_nor_takes(protocol, rebalancer, short, guard, owner):
    """REB-15."""
    guard(short, max_delever=0)
    protocol.markets["ETH"].set_state(2, sender=owner)
    assert rebalancer.preview(short).code == 9
    protocol.markets["ETH"].set_state(1, sender=owner)
    assert rebalancer.preview(short).code == 0


def test_rebalance__pending_rounds_beyond_one_call__poke(protocol, rebalancer, short, publish, keeper):
    for step in range(18):
        publish("BTC", (50_500 + step) * WAD, after=1)
    with refused("oracle: poke"):
        rebalancer.rebalance(short, sender=keeper)
    assert rebalancer.check(short) == (False, 4)
    protocol.oracle.poke(1, sender=keeper)
    assert rebalancer.check(short) == (True, 0)


def test_rebalance__two_frozen_feeds_with_rounds_pending__poke(protocol, rebalancer, short, publish, keeper):
    """One is enough to say so; both must be poked."""
    for step in range(18):
        publish("BTC", (50_500 + step) * WAD, after=1)
        publish("ETH", (3_000 + step) * WAD)
    assert (rebalancer.check(short), rebalancer.preview(short).frozen) == ((False, 4), 3)
    protocol.oracle.poke(1, sender=keeper)
    assert rebalancer.check(short) == (False, 4)
    protocol.oracle.poke(2, sender=keeper)
    assert rebalancer.check(short) == (True, 0)


def test_rebalance__book_of_margin_alone__gives_first(
    protocol, rebalancer, build, guard, drain, publish, keeper, trader
):
    """REB-1: margin that protects nothing goes before any other; it has no distance that could fall."""
    account = build(cash=3_000, BTC=(60_000, 14_000), ETH=(15_000, 15_000))
    guard(account)
    rebalancer.transfer_margin(account, 0, protocol.market_ids["SOL"], 2_000 * WAD, sender=trader)
    drain(account)
    publish("BTC", 50_500 * WAD, after=30)
    for name, price in (("ETH", 3_000), ("SOL", 150)):
        publish(name, price * WAD)
    before = equities(protocol, account)
    assert rebalancer.rebalance(account, sender=keeper).event("Rebalanced").transfers == 3
    after = equities(protocol, account)
    assert (before["SOL"], after["SOL"]) == (2_000 * WAD, 0)
    assert after["BTC"] - before["BTC"] > 2_000 * WAD and after["ETH"] < before["ETH"]


def test_rebalance__ring_fenced_book_short_as_well__only_the_other_is_mended(rebalancer, build, guard, publish, keeper):
    """REB-14: what takes no part is neither filled nor cut, however short."""
    account = build(cash=30_000, BTC=(60_000, 14_000), SOL=(6_000, 1_400))
    guard(account, no_fund=1 << 3, no_tap=1 << 3, containment=10_000)
    publish("BTC", 50_500 * WAD, after=30)
    publish("SOL", 126 * WAD)
    plan = rebalancer.preview(account)
    assert (plan.code, plan.requests, [transfer.slot for transfer in plan.transfers]) == (0, [], [0])


def test_rebalance__native_feed_silent__rescue_goes_on(protocol, rebalancer, vault, build, guard, publish, keeper):
    """REB-8: without a price of gas the reward has no share for it, and nobody waits for one."""
    account = build(cash=20_000, BTC=(60_000, 14_000))
    guard(account)
    for _ in range(4):
        publish("BTC", 50_500 * WAD, after=1_000)
    with pytest.raises(Reverted):
        protocol.oracle.quote(rebalancer.NATIVE_FEED())
    plan, claimable = rebalancer.preview(account), vault.claimable(keeper)
    receipt = rebalancer.rebalance(account, sender=keeper)
    assert receipt.event("Rebalanced").moved == plan.moved > 0
    assert vault.claimable(keeper) - claimable == receipt.returned <= plan.reserve


def test_rebalance__native_price_absurd__rescue_goes_on_as_without_one(
    protocol, rebalancer, vault, short, default, owner, trader, keeper
):
    """EXT-3: a price that no slot of the oracle could hold is no price of gas, and stops nothing."""
    quotes, feed = protocol.chain.deploy("MockQuotes", sender=owner), rebalancer.NATIVE_FEED()
    engine = protocol.chain.deploy(
        "Rebalancer", vault.address, quotes.address, protocol.planner.address, feed, sender=owner
    )
    vault.set_engine(engine.address, REBALANCER, sender=owner)
    engine.set_policy(short, default, sender=trader)
    protocol.chain.advance(1)
    before, events = protocol.chain.snapshot(), []
    for price in (0, 2**112, 2**256 - 1):
        quotes.set_quote(feed, price, price, WAD, sender=owner)
        events.append(engine.rebalance(short, sender=keeper).event("Rebalanced"))
        protocol.chain.revert(before)
        before = protocol.chain.snapshot()
    assert {(event.moved, event.reward) for event in events} == {(events[0].moved, events[0].reward)}
    assert events[0].moved > 0 and events[0].reward > 0
