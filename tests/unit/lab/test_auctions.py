"""Auctions of many lots: the integer model's prices, bidders who wait until it pays, deficits and who bears them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ballast.lab.auctions import Auctions, _each_once
from ballast.model import auction
from ballast.params import WAD
from tests.unit.lab import scene
from tests.unit.lab.scene import CALM, START

ALL = np.arange(2)


def _nothing(*_: object) -> None:
    """No rescue."""


def _fallen(to: float, whole: bool = False, cash: float = 0.0, settings=CALM):
    """A long of $20,000 and a short against it; the price of 100 falls at once. The short's book is out of danger."""
    accounts = scene.population([[20_000], [-20_000]], [[2_000], [9_000]], [cash, 0], ("BTC",))
    world = scene.world(scene.tape({"BTC": [100.0, to]}, end=START + 86_400), accounts, settings)
    world.advance(START + 60)
    world.publish(1)
    return world, Auctions(world, whole, _nothing)


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
    anew = Auctions(world, False, _nothing)
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
    auctions, before = Auctions(world, True, _nothing), world.total()
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
