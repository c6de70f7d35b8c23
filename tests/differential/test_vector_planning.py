"""Plans of `ballast.model.vector` beside those of the integer model, over random accounts: every decision the same."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from ballast.model.allocation import NEVER
from ballast.model.fixed_point import WAD
from ballast.model.planning import DUE, KEEPER, OFF, OWN, RESCUE, Found, Plan
from ballast.model.vector import planning
from ballast.model.vector.arrays import Floats
from tests.differential.vector_world import World

WORLDS = 80
TOLERANCE = 1e-12  # of an account's equity and notional
Z_TOLERANCE = 1e-9  # [z] absolute, and relative beyond 1
GAS_PRICE = 30 * 10**9  # [wei]


@dataclass(frozen=True)
class Played:
    """One world, planned twice."""

    world: World
    plans: list[tuple[Plan, Found]]
    vector: planning.Plan
    scale: Floats  # [USD] of each account


@cache
def played(seed: int, mode: int) -> Played:
    world = World(seed)
    marks, books, state = world.marks(), world.books(), world.vector_state()
    everyone = np.arange(len(world.accounts))
    risk = books.risk(marks)
    found = planning.plan(
        risk,
        books.cash,
        world.vector_policies(),
        state,
        world.now,
        mode,
        locked=world.locked(),
        fill_costs=books.fill_costs(world.since(state), marks, everyone),
        gas_price=world.dollars_per_gas(GAS_PRICE),
    )
    scale = 1 + np.abs(risk.equity).sum(axis=1) + risk.exposure.sum(axis=1) + books.cash
    return Played(world, [world.plan(account, mode) for account in world.accounts], found, scale)


@pytest.mark.parametrize("mode", [KEEPER, OWN, RESCUE])
def test_plan__random_accounts__same_decisions(mode: int) -> None:
    """Codes, triggers, which books move, are cut and asked for: exactly; shares to a thousandth, as they are kept."""
    codes, kinds = Counter[int](), Counter[str]()
    for seed in range(WORLDS):
        game = played(seed, mode)
        for i, (plan, found) in enumerate(game.plans):
            where = f"seed {seed}, account {i}"
            codes[plan.code] += 1
            assert game.vector.code[i] == plan.code, where
            if plan.code == OFF:
                continue
            assert game.vector.triggers[i] == plan.triggers, where
            if plan.code != DUE:
                continue
            cuts = _by_book(game, {cut.slot: cut.fraction for cut in plan.cuts})
            requests = _by_book(game, {slot: request.share for slot, request in found.waiting.items()})
            moves = _by_book(game, {move.slot: move.amount for move in plan.transfers})
            assert np.allclose(game.vector.cuts[i], cuts, rtol=0, atol=TOLERANCE), where
            assert np.allclose(game.vector.requests[i], requests, rtol=0, atol=TOLERANCE), where
            assert ((game.vector.transfers[i] != 0) == (moves != 0)).all(), where
            kinds.update(cuts=len(plan.cuts), asked=len(plan.requests), moves=len(plan.transfers))
    assert min(kinds.values()) > (20 if mode == RESCUE else 500)
    assert codes[DUE] > 500


@pytest.mark.parametrize("mode", [KEEPER, OWN, RESCUE])
def test_plan__random_accounts__figures_within_tolerance(mode: int) -> None:
    """Dollars within 1e-12 of what the account holds, distances within 1e-9."""
    for seed in range(WORLDS):
        game = played(seed, mode)
        for i, (plan, found) in enumerate(game.plans):
            where, within = f"seed {seed}, account {i}", TOLERANCE * game.scale[i]
            if plan.code == OFF:
                continue
            _check_level(game.vector.min_z_before[i], plan.min_z_before, where)
            _check_level(game.vector.min_z_after[i], plan.min_z_after, where)
            assert game.vector.equity[i] == pytest.approx(plan.equity / WAD, abs=within, rel=0), where
            if plan.code != DUE:
                continue
            for name in ("moved", "relieved", "reserve"):
                assert getattr(game.vector, name)[i] == pytest.approx(getattr(plan, name) / WAD, abs=within, rel=0), (
                    where
                )
            moves = _by_book(game, {move.slot: move.amount for move in plan.transfers})
            costs = _by_book(game, {cut.slot: cut.cost for cut in plan.cuts})
            assert np.allclose(game.vector.transfers[i], moves, rtol=0, atol=within), where
            assert np.allclose(game.vector.costs[i], costs, rtol=0, atol=within), where
            earned = game.world.engine()._reward(game.world.accounts[i], plan, found, GAS_PRICE, game.world.now) / WAD
            assert game.vector.reward[i] == pytest.approx(earned, abs=within, rel=TOLERANCE), where
            if plan.donor_level != NEVER and plan.moved:
                _check_level(game.vector.donor_level[i], plan.donor_level, where)


def _by_book(game: Played, figures: dict[int, int]) -> Floats:
    """By slot, as floats."""
    return np.array([figures.get(slot, 0) / WAD for slot in range(len(game.world.ids))])


def _check_level(got: float, expected: int, where: str) -> None:
    level = np.inf if expected == NEVER else expected / WAD
    assert got == pytest.approx(level, rel=Z_TOLERANCE, abs=Z_TOLERANCE), where
