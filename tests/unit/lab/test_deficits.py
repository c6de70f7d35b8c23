"""Who bears what accounts and the pool cannot."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.lab import deficits
from tests.unit.lab import scene
from tests.unit.lab.scene import START


def _world():
    """A long of $6,000, shorts of $3,000 and $1,000: the pool is short $2,000."""
    accounts = scene.population([[6_000], [-3_000], [-1_000]], [[1_000], [1_000], [1_000]], [0, 0, 0], ("BTC",))
    return scene.world(scene.tape({"BTC": [100.0, 100.0]}, end=START + 86_400), accounts)


def test_absorb__insurance_has_nothing__other_side_by_size_pool_included() -> None:
    world = _world()
    world.books.base[0, 0] -= 1_600
    world.insurance.cash = 0.0
    before, pool = world.total(), world.pool
    deficits.absorb(world, np.array([0]), np.array([[True]]), whole=False)
    assert world.ledger.deficits == pytest.approx([600, 0, 0])
    assert world.socialised == pytest.approx(600) and world.insured == 0
    assert world.ledger.borne == pytest.approx([0, 450, 150])  # its legs are the pool's now, which thus is long
    assert world.pool == pytest.approx(pool)
    assert world.inventory == pytest.approx([40]) and world.total() == pytest.approx(before)


def test_absorb__one_margin_for_all__its_cash_goes_first() -> None:
    world = _world()
    world.books.base[0, 0] -= 1_600
    world.books.cash[0] = 250.0
    before = world.total()
    deficits.absorb(world, np.array([0]), np.array([[True]]), whole=True)
    assert world.ledger.deficits[0] == pytest.approx(350) and world.books.cash[0] == 0
    assert world.total() == pytest.approx(before)


def test_absorb__two_at_once__insurance_pays_one_account_after_the_other() -> None:
    notional = [[0, 5_000], [5_000, 0], [-5_000, -5_000]]
    accounts = scene.population(notional, [[0, 1_000], [1_000, 0], [2_000, 2_000]], [0, 0, 0])
    world = scene.world(scene.tape({"BTC": [100.0], "ETH": [10.0]}, end=START + 86_400), accounts)
    world.books.base[0, 1] -= 1_030
    world.books.base[1, 0] -= 1_060
    world.insurance.cash, world.insurance.cap = 100.0, np.array([1_000.0, 1_000.0])
    deficits.absorb(world, np.arange(2), np.array([[False, True], [True, False]]), whole=False)
    assert world.insured == pytest.approx(30 + 35)  # half of what it has left
    assert world.ledger.deficits == pytest.approx([30, 60, 0])
    assert world.ledger.borne == pytest.approx([0, 0, 25])


def test_close_pool__below_zero__is_closed_against_the_longs() -> None:
    world = _world()
    world.pool, world.insurance.cash, world.insurance.cap = -90.0, 60.0, np.array([1_000.0])
    before, equity = world.total(), world.equity()
    deficits.close_pool(world)
    assert world.pool == pytest.approx(0) and world.inventory == pytest.approx([0])
    assert world.books.size[:, 0] == pytest.approx([40, -30, -10])
    assert world.insured == pytest.approx(30)  # half of the fund
    assert equity - world.equity() == pytest.approx([60, 0, 0])
    assert world.total() == pytest.approx(before)
    assert world.pool_closed == 1 and world.pool_deficits == 90


def test_close_pool__others_hold_part_of_the_other_side__bear_and_close_their_share() -> None:
    world = _world()
    world.others[0] = 20.0  # they are long as well: the pool is short 40
    world.pool, world.insurance.cash = -80.0, 0.0
    before = world.total()
    deficits.close_pool(world)
    assert world.ledger.borne[0] == pytest.approx(60) and world.traders == pytest.approx(-20)
    assert world.books.size[0, 0] == pytest.approx(30) and world.others[0] == pytest.approx(10)
    assert world.inventory == pytest.approx([0]) and world.total() == pytest.approx(before)
