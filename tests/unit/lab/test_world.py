"""Books, funding, the pool and insurance around many accounts."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from ballast.lab.world import Insurance, Settings
from ballast.model.insurance import Meter
from ballast.params import WAD
from tests.unit.lab import scene
from tests.unit.lab.scene import CALM, PARAMS, START

PRICES = {"BTC": [100.0, 110.0, 90.0], "ETH": [10.0, 10.5, 11.0]}
EVERYBODY = np.arange(2)


def _world(settings: Settings = CALM):
    accounts = scene.population([[5_000, -2_000], [-1_000, 3_000]], [[1_000, 800], [700, 600]], [50, 20])
    return scene.world(scene.tape(PRICES), accounts, settings)


def test_equity__after_prices_moved__is_margin_and_what_legs_gained() -> None:
    world = _world()
    assert world.equity() == pytest.approx([1_850, 1_320])
    world.publish(1)
    assert world.equity() == pytest.approx([1_850 + 500 - 100, 1_320 - 100 + 150])
    assert world.ledger.gains == pytest.approx([400, 50])


def test_total__whatever_happens__stays() -> None:
    world = _world(replace(CALM, turnover=600))
    before = world.total()
    for tick in (1, 2):
        world.advance(START + tick * 60)
        world.publish(tick)
        world.move(EVERYBODY, np.array([[10.0, -10.0], [0.0, 5.0]]), np.array([2.0, 1.0]))
        world.note(EVERYBODY, np.array([3.0, 0.0]), np.zeros(2))
        world.books.base[0, 0] -= 3
    assert world.total() == pytest.approx(before, abs=1e-6)
    assert world.keepers == pytest.approx(6) and world.ledger.cut_costs[0] == 6
    assert np.abs(world.others).sum() > 0


def test_advance__more_longs_than_shorts__longs_pay_by_skew() -> None:
    accounts = scene.population([[6_000], [-2_000]], [[2_000], [2_000]], [0, 0], ("BTC",))
    tape = scene.tape({"BTC": [100.0]}, end=START + 86_400)
    world = scene.world(tape, accounts)
    world.advance(START + 3_600)
    market = PARAMS.markets["BTC"].risk
    share = (6_000 - 2_000) / 6_000 * market.open_interest_cap / market.skew_scale  # the longs fill the market
    rate = market.max_funding_rate / WAD * share / 24
    assert world.ledger.funding == pytest.approx([6_000 * rate, -2_000 * rate])


def test_publish__price_moves__funding_is_reckoned_at_it_since_the_skew_changed() -> None:
    accounts = scene.population([[6_000], [-2_000]], [[2_000], [2_000]], [0, 0], ("BTC",))
    world = scene.world(scene.tape({"BTC": [100.0, 110.0, 90.0]}), accounts)
    world.advance(START + 60)
    before = world.ledger.funding.copy()
    world.publish(1)
    assert world.ledger.funding == pytest.approx(1.1 * before)
    world.books.size[0] /= 2  # from here on it is another rate, and what has accrued stays
    world.refresh()
    world.advance(START + 120)
    world.publish(2)
    per_unit = before[0] / 60  # of 60 units in a minute at a price of 100; the skew falls from 40 to 10 units
    assert world.funding[0] == pytest.approx(1.1 * per_unit + 0.9 * per_unit / 4)


def test_draw__any_sequence__is_the_integer_meters() -> None:
    source = Random(3)
    cap, cash = 1_000 * WAD, 3_000 * WAD
    meter = Meter(cap, 0, START)
    fund = Insurance(cash / WAD, np.array([cap / WAD]), np.zeros(1), np.array([float(START)]))
    now = START
    for _ in range(50):
        now += source.randrange(20_000)
        wanted = source.randrange(600) * WAD
        drained = meter.at(now, cash)
        granted = min(wanted, drained.left(cash))
        if granted:
            meter, cash = replace(drained, used=drained.used + granted), cash - granted
        assert fund.draw(np.array([wanted / WAD]), now)[0] == pytest.approx(granted / WAD, abs=1e-9)


def test_takes__more_than_the_pools_margin__refuses_the_last() -> None:
    world = _world()
    world.pool = 3_000 * float(world.marks.maintenance_rate[0])  # carries $3,000 of BTC
    world.others = -world.books.size.sum(axis=0)
    assert list(world.takes(EVERYBODY, np.array([[0.5, 0.0], [0.0, 0.0]]))) == [True, True]
    assert list(world.takes(EVERYBODY, np.array([[0.8, 0.0], [0.0, 0.0]]))) == [False, True]


def test_gas_price__native_market__in_dollars() -> None:
    world = _world(replace(CALM, gas_price=5))
    assert world.gas_price == pytest.approx(5e-9 * 10)


@pytest.mark.parametrize("field, value", [("delay", -1), ("gas_price", -1), ("depth", 0), ("turnover", 0)])
def test_settings__impossible__names_the_field(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{field} {value}: expected at least"):
        Settings(**{field: value})
