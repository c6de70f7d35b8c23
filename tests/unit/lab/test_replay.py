"""Whole replays: where every dollar went, and what the rules are worth beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest

from ballast.history import generate
from ballast.history.bars import HOUR, Bar, Window
from ballast.history.feed import record
from ballast.lab.outcome import MOST_POINTS, Outcome
from ballast.lab.population import draw
from ballast.lab.replay import Replay, _Queue, replay
from ballast.lab.rules import RULES, Calls, Isolated, rule_of
from ballast.lab.tape import Tape
from ballast.lab.world import Settings, World
from ballast.model.vector.arrays import Index
from ballast.model.vector.marks import FIGURES
from tests.unit.lab import scene
from tests.unit.lab.scene import PARAMS, START

INITIAL = FIGURES.index("initial_rate")


@cache
def _crash() -> Tape:
    """Ten hours of the generated crash, its slide and its crash among them."""
    window = generate.crash()
    history = {
        name: [bar for bar in bars if bar.time < window.start + 14 * HOUR] for name, bars in window.history.items()
    }
    return Tape.of(record(Window(history, window.start + 4 * HOUR, window.start + 14 * HOUR, "crash")), PARAMS.markets)


def _population(accounts: int = 150, seed: int = 1):
    tape = _crash()
    return draw("mixed", accounts, seed, tape.markets, tape.said[0, :, INITIAL])


@cache
def _outcomes() -> Mapping[str, Outcome]:
    return {name: replay(_crash(), _population(), rule_of(name, PARAMS.policy), PARAMS) for name in RULES}


@pytest.mark.parametrize("name", RULES)
def test_replay__any_rule__every_dollar_has_a_name(name: str) -> None:
    found = _outcomes()[name]
    assert np.abs(found.unexplained).max() < 0.005
    assert found.final_equity == pytest.approx(found.final_margin.sum(axis=1) + found.final_cash)
    assert found.deficits.sum() + found.pool_deficits == pytest.approx(found.insured + found.socialised)


@pytest.mark.parametrize("name", RULES)
def test_replay__any_rule__nothing_is_made_or_lost(name: str) -> None:
    accounts = _population()
    run = Replay(World(_crash(), accounts, PARAMS, Settings()), accounts, rule_of(name, PARAMS.policy))
    before = run._world.total()
    run.run()
    assert run._world.total() == pytest.approx(before, abs=0.01)


def test_replay__crash__the_engine_keeps_what_others_lose() -> None:
    lost = {name: (found.books_liquidated > 0).mean() for name, found in _outcomes().items()}
    assert lost["isolated"] > 0.3 and lost["cross"] > 0.1
    assert lost["ballast"] < 0.3 * lost["cross"]
    for rule in ("fixed_weights", "pro_rata", "ballast_no_cut"):
        assert lost["ballast"] < lost[rule] < lost["isolated"]


def test_replay__crash__only_ballast_cuts_and_pays_for_it() -> None:
    for name, found in _outcomes().items():
        assert (found.cut_costs.sum() > 0) == (name == "ballast")
        assert (found.rewards.sum() > 0) == (found.calls.sum() > 0) == (name not in ("isolated", "cross"))
        assert (found.calls >= 0).all() and (found.books >= found.books_liquidated).all()


def test_replay__any_rule__the_strategy_as_intended_is_the_same_but_for_funding() -> None:
    """Funding follows the legs that are left; prices and what is held beside do not depend on the rule."""
    held = [found.held_equity for found in _outcomes().values()]
    beside = [found.beside for found in _outcomes().values()]
    assert all(each == pytest.approx(held[0], rel=0.01, abs=10) for each in held)
    assert all((each == beside[0]).all() for each in beside)


def test_replay__again__the_same_to_the_bit() -> None:
    again = replay(_crash(), _population(), rule_of("ballast", PARAMS.policy), PARAMS)
    for field in fields(Outcome):
        before, after = getattr(_outcomes()["ballast"], field.name), getattr(again, field.name)
        assert field.name == "series" or np.array_equal(before, after), field.name


def test_replay__series__few_points_that_only_grow() -> None:
    for found in _outcomes().values():
        series = found.series
        points = len(series.time)
        assert 100 < points <= MOST_POINTS
        assert all(len(getattr(series, field.name)) == points for field in fields(series))
        assert (np.diff(series.time) > 0).all() and (np.diff(series.liquidated) >= 0).all()
        assert series.liquidated[-1] <= (found.books_liquidated > 0).sum()
        assert (np.diff(series.equity, axis=1) >= 0).all() and series.equity[0] == pytest.approx(1)
        assert series.price[0] == pytest.approx(1)


def test_replay__keepers_late__more_is_lost() -> None:
    late = replay(_crash(), _population(), rule_of("ballast", PARAMS.policy), PARAMS, Settings(delay=100))
    assert (late.books_liquidated > 0).sum() >= (_outcomes()["ballast"].books_liquidated > 0).sum()
    assert late.penalties.sum() + late.deficits.sum() >= 0


def test_replay__nothing_moves__costs_nothing() -> None:
    bars = [Bar(START - 86_400 + 60 * i, *[10**12] * 4) for i in range(3 * 1440)]
    quiet = Tape.of(record(Window({"BTC": bars, "ETH": bars}, START, START + 2 * 86_400, "calm")), PARAMS.markets)
    accounts = draw("mixed", 100, 1, quiet.markets, quiet.said[0, :, INITIAL])
    for name in RULES:
        found = replay(quiet, accounts, rule_of(name, PARAMS.policy), PARAMS)
        spent = found.penalties + found.cut_costs + found.rewards + found.deficits
        assert (spent == 0).all() and not found.calls.any() and not found.books_liquidated.any(), name
        assert found.final_equity == pytest.approx(found.held_equity)


def test_replay__dead_feed__its_books_stay_and_others_go_on() -> None:
    prices = {"BTC": [100.0] * 200, "ETH": [10.0]}
    tape = scene.tape(prices)
    accounts = scene.population([[5_000, 5_000]], [[1_000, 1_000]], [0])
    for name in RULES:
        found = replay(tape, accounts, rule_of(name, PARAMS.policy), PARAMS)
        assert found.final_equity == pytest.approx(found.held_equity) and not found.books_liquidated.any()


class _Cutter(Isolated):
    """Whose keeper cuts a hundredth of the first account's books, some minutes after they are put up for sale."""

    def see(self, world: World) -> Calls:
        return np.arange(1 if world.tick else 0), np.full(1 if world.tick else 0, world.now + 300)

    def call(self, world: World, accounts: Index) -> None:
        world.books.cut(accounts, np.full((1, world.markets), 0.01), np.zeros((1, world.markets)), world.marks)
        world.refresh()


def test_replay__cut_while_for_sale__is_put_up_again_and_sold_before_the_next_round() -> None:
    accounts = scene.population([[20_000], [-20_000]], [[2_000], [9_000]], [0, 0], ("BTC",))
    tape = scene.tape({"BTC": [100.0, 93.5]}, end=START + 3_000)
    found = replay(tape, accounts, _Cutter(), PARAMS, scene.CALM)
    assert found.books_liquidated.tolist() == [1, 0]
    assert 0 < found.final_size[0, 0] < 0.99 * 200


def test_take__asked_for_twice__comes_once_at_the_earlier_time() -> None:
    queue = _Queue(5, delay=12)
    queue.add((np.array([1, 3]), np.array([100.0, 200.0])))
    queue.add((np.array([3, 4]), np.array([150.0, 300.0])))
    queue.add((np.array([4]), np.array([400.0])))
    assert queue.next == 112
    assert list(queue.take(112)) == [1]
    assert list(queue.take(200)) == [3]
    assert list(queue.take(312)) == [4]
    assert list(queue.take(1_000)) == [] and not np.isfinite(queue.next)


def test_replay__twice_the_depth__the_same_but_for_funding_and_refusals() -> None:
    deep = replay(_crash(), _population(), rule_of("ballast", PARAMS.policy), PARAMS, replace(Settings(), depth=4))
    assert (deep.books_liquidated > 0).sum() <= (_outcomes()["ballast"].books_liquidated > 0).sum()
