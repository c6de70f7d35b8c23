"""Auctions of many lots: the integer model's prices, bidders who wait until it pays, deficits and who bears them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ballast.lab.auctions import Auctions, _each_once
from ballast.lab.rules import Ballast, Cross, Isolated, Rule
from ballast.lab.world import World
from ballast.model import auction
from ballast.params import WAD
from tests.unit.lab import scene
from tests.unit.lab.scene import CALM, START

ALL = np.arange(2)


def _fallen(to: float, whole: bool = False, cash: float = 0.0, settings=CALM):
    """A long of $20,000 and a short against it; the price of 100 falls at once. The short's book is out of danger."""
    accounts = scene.population([[20_000], [-20_000]], [[2_000], [9_000]], [cash, 0], ("BTC",))
    world = scene.world(scene.tape({"BTC": [100.0, to]}, end=START + 86_400), accounts, settings)
    world.advance(START + 60)
    world.publish(1)
    return world, Auctions(world, Cross() if whole else Isolated())


def test_bid__first_moment_that_pays__sells_at_the_integer_models_price() -> None:
    world, auctions = _fallen(93.5)
    risk = world.risk()
    calling = auctions.calling(risk)
    assert list(calling) == [0]
    auctions.look(calling)
    auctions.plan_bids(START + 86_400)
    at = auctions.next_bid
    age = int(at - world.now)
    assert 12 <= age < auction.POOL_TIME and age % 12 == 0

    equity, exposure = 700 * WAD, 18_700 * WAD
    needs = round((risk.maintenance[0, 0] + 2 * risk.sigma_loss[0, 0]) * WAD)
    discount = auction.grown(auction.MAX_DISCOUNT, age)
    fraction = auction.book_limit(equity, needs, exposure, discount)
    payment, penalty = auction.book_price(equity, fraction, discount)
    gain = (equity * fraction // WAD - payment - penalty) / WAD
    world.advance(at)
    rate = world.marks.engine_rate[0]
    assert gain >= fraction / WAD * exposure / WAD * rate
    before = world.total()
    auctions.bid()

    assert world.books.size[0, 0] == pytest.approx(200 * (1 - fraction / WAD), rel=1e-9)
    lost = equity * fraction // WAD - payment
    assert world.ledger.penalties[0] == pytest.approx(lost / WAD, rel=1e-9)
    assert world.equity()[0] == pytest.approx(700 - lost / WAD, rel=1e-9)
    assert world.liquidated.tolist() == [[True], [False]]
    assert world.total() == pytest.approx(before)
    assert not np.isfinite(auctions.next_bid)


def test_plan_bids__profit_too_high_for_anybody__the_pool_buys_in_time() -> None:
    world, auctions = _fallen(93.5, settings=replace(CALM, profit=0.5))
    auctions.look(ALL[:1])
    auctions.plan_bids(START + 86_400)
    assert auctions.next_bid == world.now + auction.POOL_TIME
    world.advance(auctions.next_bid)
    pool = world.pool
    auctions.bid()
    assert world.pool > pool
    assert world.ledger.penalties[0] > 0 and world.bidders == 0


def test_look__price_is_back__ends_the_auction_and_keeps_its_age_for_an_hour() -> None:
    world, auctions = _fallen(93.5)
    auctions.look(ALL[:1])
    world.advance(world.now + 600)
    world.books.base[0, 0] += 5_000
    world.refresh()
    assert list(auctions.calling(world.risk())) == [0]
    auctions.look(ALL[:1])
    world.books.base[0, 0] -= 5_000
    world.refresh()
    world.advance(world.now + 60)
    auctions.look(ALL[:1])
    auctions.plan_bids(START + 86_400)
    anew = Auctions(world, Isolated())
    anew.look(ALL[:1])
    anew.plan_bids(START + 86_400)
    assert anew.next_bid - auctions.next_bid == 600


def test_look__below_zero__insurance_pays_then_the_opposite_side() -> None:
    world, auctions = _fallen(89.0)
    deficit = 20_000 * 0.11 - 2_000
    world.insurance.cash = 100.0
    before = world.total()
    auctions.look(ALL[:1])
    assert world.ledger.deficits == pytest.approx([deficit, 0])
    assert world.insured == pytest.approx(50)  # half of the fund
    assert world.socialised == pytest.approx(deficit - 50)
    assert world.ledger.borne == pytest.approx([0, deficit - 50])
    assert world.equity() == pytest.approx([0, 9_000 + 2_200 - (deficit - 50)])
    assert world.total() == pytest.approx(before)
    assert world.liquidated[0, 0] and world.books.size[0, 0] == 0


def test_look__book_without_hope_after_a_jump__waits_until_it_may_be_filled() -> None:
    world, auctions = _fallen(70.0)
    auctions.look(ALL[:1])
    assert world.books.size[0, 0] != 0
    world.advance(world.now + 600)
    auctions.look(ALL[:1])
    assert world.books.size[0, 0] == 0


def test_calling__one_margin_for_all__cash_counts() -> None:
    world, auctions = _fallen(93.5, whole=True, cash=500.0)
    assert not len(auctions.calling(world.risk()))
    world, auctions = _fallen(93.5, whole=True)
    assert list(auctions.calling(world.risk())) == [0]


def test_bid__one_margin_for_all__every_book_shrinks_alike() -> None:
    accounts = scene.population([[10_000, 10_000], [-10_000, -10_000]], [[900, 900], [9_000, 9_000]], [100, 0])
    world = scene.world(scene.tape({"BTC": [100.0, 94.0], "ETH": [10.0, 9.5]}, end=START + 86_400), accounts)
    world.advance(START + 60)
    world.publish(1)
    auctions, before = Auctions(world, Cross()), world.total()
    auctions.look(ALL[:1])
    auctions.plan_bids(START + 86_400)
    world.advance(auctions.next_bid)
    auctions.bid()
    left = world.books.size[0] / world.opened[0]
    assert 0.3 < left[0] < 0.9 and left[0] == pytest.approx(left[1])
    assert world.liquidated[0].all() and not world.liquidated[1].any()
    assert world.equity()[0] == pytest.approx(800 - world.ledger.penalties[0])
    assert world.total() == pytest.approx(before)


def test_each_once__repeated_accounts__split_into_parts_without_repeats() -> None:
    accounts = np.array([3, 1, 3, 2, 3, 1])
    parts = _each_once(accounts)
    assert sorted(np.concatenate(parts)) == list(range(6))
    assert all(len(set(accounts[part])) == len(part) for part in parts)
    assert _each_once(np.empty(0, dtype=int)) == []


def _jumped(rule: Rule, cash: float = 4_000, margin: float = 3_200) -> tuple[World, Auctions]:
    """A long of $12,000, a short against it; the price falls by a quarter at once, and books may not be filled. What
    is for sale has been for 25 minutes."""
    accounts = scene.population([[12_000], [-12_000]], [[margin], [9_000]], [cash, 0], ("BTC",))
    world = scene.world(scene.tape({"BTC": [100.0, 75.0]}, end=START + 3_000), accounts)
    rule.begin(world)
    world.advance(START + 60)
    world.publish(1)
    auctions = Auctions(world, rule)
    auctions.look(ALL[:1])
    auctions._origin -= 1_500
    auctions.plan_bids(START + 3_000)
    return world, auctions


def _unasked() -> Ballast:
    """The engine without cuts: it moves margin, or nothing."""
    return Ballast(scene.PARAMS.policy.model_copy(update={"max_delever": 0}))


def test_plan_bids__engine_would_save_it_but_may_not_fill_it__nobody_bids_meanwhile() -> None:
    world, auctions = _jumped(_unasked())
    allowed = world.tape.guarded_until[1, 0]
    assert not world.marks.can_fill[0] and world.now < allowed
    _, unguarded = _jumped(Isolated())
    assert world.now < unguarded.next_bid < allowed
    assert allowed <= auctions.next_bid < allowed + 12
    world.advance(auctions.next_bid)
    auctions.bid()
    risk = world.risk()
    assert not world.liquidated.any() and risk.equity[0, 0] > risk.maintenance[0, 0]
    assert not np.isfinite(auctions.next_bid)


def test_plan_bids__engine_has_nothing_to_save_it_with__is_sold_although_it_may_not_be_filled() -> None:
    rule = _unasked()
    world, auctions = _jumped(rule, cash=0.0)
    assert not rule.saves(world, ALL[:1]).any()
    assert auctions.next_bid < world.tape.guarded_until[1, 0]


def test_bid__means_come_just_before_it__is_held_back() -> None:
    world, auctions = _jumped(_unasked(), cash=0.0)
    world.advance(auctions.next_bid)
    world.books.cash[0] += 4_000
    auctions.bid()
    assert not world.liquidated.any()
    auctions.plan_bids(START + 3_000)
    assert auctions.next_bid >= world.tape.guarded_until[1, 0]


def test_look__below_zero_and_may_not_be_filled__is_for_sale_until_it_may_then_ended() -> None:
    world, auctions = _jumped(Isolated(), cash=0.0, margin=2_900)
    assert np.isfinite(auctions._origin[0, 0]) and not np.isfinite(auctions.next_bid)
    assert not len(auctions.calling(world.risk()))
    world.advance(world.tape.guarded_until[1, 0])
    assert list(auctions.calling(world.risk())) == [0]
    auctions.look(ALL[:1])
    assert world.ledger.deficits[0] > 0 and not np.isfinite(auctions._origin[0, 0])


def test_traded__cut_while_it_is_for_sale__is_put_up_again_at_its_age() -> None:
    world, auctions = _fallen(93.5)
    _, uncut = _fallen(93.5)
    for each in (auctions, uncut):
        each.look(ALL[:1])
    world.advance(world.now + 120)
    world.books.cut(ALL[:1], np.array([[0.01]]), np.zeros((1, 1)), world.marks)
    world.refresh()
    assert list(auctions.traded(ALL)) == [0] and list(auctions.calling(world.risk())) == [0]
    auctions.plan_bids(START + 86_400)
    assert not np.isfinite(auctions.next_bid)

    auctions.look(ALL[:1])
    assert not len(auctions.traded(ALL)) and not len(auctions.calling(world.risk()))
    auctions.plan_bids(START + 86_400)
    uncut.plan_bids(START + 86_400)
    assert world.now < auctions.next_bid == pytest.approx(uncut.next_bid, abs=24)


def test_look__put_up_again_and_cured_by_the_rescue__the_auction_ends() -> None:
    accounts = scene.population([[20_000], [-20_000]], [[2_000], [9_000]], [0, 0], ("BTC",))
    world = scene.world(scene.tape({"BTC": [100.0, 93.5]}, end=START + 86_400), accounts)
    rule = _unasked()
    rule.begin(world)
    world.advance(START + 60)
    world.publish(1)
    auctions = Auctions(world, rule)
    auctions.look(ALL[:1])
    world.books.cut(ALL[:1], np.array([[0.01]]), np.zeros((1, 1)), world.marks)
    world.books.cash[0] += 400
    world.refresh()
    assert list(auctions.calling(world.risk())) == [0]
    auctions.look(ALL[:1])
    risk = world.risk()
    assert risk.maintenance[0, 0] < risk.equity[0, 0] < risk.maintenance[0, 0] + risk.sigma_loss[0, 0]
    assert not np.isfinite(auctions._origin[0, 0])


def test_bid__cut_in_the_same_block__nobody_may_bid() -> None:
    world, auctions = _fallen(93.5)
    auctions.look(ALL[:1])
    auctions.plan_bids(START + 86_400)
    world.advance(auctions.next_bid)
    world.books.cut(ALL[:1], np.array([[0.01]]), np.zeros((1, 1)), world.marks)
    world.refresh()
    auctions.bid()
    assert not world.liquidated.any() and np.isfinite(auctions._origin[0, 0])


def test_plan_bids__pool_without_margin__does_not_buy() -> None:
    world, auctions = _fallen(93.5, settings=replace(CALM, profit=0.5))
    auctions.look(ALL[:1])
    world.others[0] -= 100  # the pool holds as much
    world.pool = 100 * 93.5 * float(world.marks.maintenance_rate[0])
    auctions.plan_bids(START + 86_400)
    assert not np.isfinite(auctions.next_bid)
    world.pool *= 4
    auctions.plan_bids(START + 86_400)
    assert auctions.next_bid == world.now + auction.POOL_TIME


def test_bid__two_lots_and_margin_for_one__the_pool_buys_one() -> None:
    accounts = scene.population([[20_000], [20_000], [-40_000]], [[2_000], [2_000], [9_000]], [0, 0, 0], ("BTC",))
    settings = replace(CALM, profit=0.5)
    world = scene.world(scene.tape({"BTC": [100.0, 93.5]}, end=START + 86_400), accounts, settings)
    world.advance(START + 60)
    world.publish(1)
    auctions = Auctions(world, Isolated())
    auctions.look(ALL)
    auctions.plan_bids(START + 86_400)
    world.advance(auctions.next_bid)
    world.pool = 200 * 93.5 * float(world.marks.maintenance_rate[0])  # for one of them, and half of the other
    auctions.bid()
    assert world.liquidated[:, 0].tolist() == [True, False, False]


def test_plan_bids__nobody_for_hours__lapses_and_begins_anew() -> None:
    world, auctions = _fallen(93.5, settings=replace(CALM, profit=0.5))
    world.pool = -1e9  # nor does the pool buy
    auctions.look(ALL[:1])
    auctions._origin -= auction.LAPSE - 1_000
    world.advance(world.now + 500)
    auctions._end((ALL[:1], ALL[:1]))
    auctions.look(ALL[:1])
    world.advance(world.now + 500)
    auctions.plan_bids(START + 86_400)
    assert not len(auctions.calling(world.risk()))
    world.advance(world.now + 1)
    auctions.plan_bids(START + 86_400)
    assert list(auctions.calling(world.risk())) == [0]
    auctions.look(ALL[:1])
    assert auctions._clock[0] == auctions._origin[0, 0]


def test_plan_bids__feed_silent_in_between__the_auction_stands_still() -> None:
    accounts = scene.population([[20_000], [-20_000]], [[2_000], [9_000]], [0, 0], ("BTC",))
    limits = scene.PARAMS.markets["BTC"].feed
    silence = 5_000
    step = limits.heartbeat + limits.grace + silence
    prices = {"BTC": [100.0, 93.5, 93.5]}
    world = scene.world(scene.tape(prices, step=step, end=START + 86_400), accounts, replace(CALM, profit=0.5))
    world.advance(START + step)
    world.publish(1)
    auctions = Auctions(world, Isolated())
    auctions.look(ALL[:1])
    world.advance(START + 2 * step - 1)
    assert not world.marks.priced.any() and not len(auctions.calling(world.risk()))
    auctions.look(ALL[:1])
    auctions.plan_bids(START + 86_400)
    assert not np.isfinite(auctions.next_bid)
    world.advance(START + 2 * step)
    world.publish(2)
    auctions.plan_bids(START + 86_400)
    assert auctions._clock[0] - auctions._origin[0, 0] == limits.heartbeat + limits.grace
