"""What each rule does for an account before it is liquidated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ballast.lab.rules import RULES, Ballast, FixedWeights, ProRata, Rule, rule_of
from ballast.lab.world import Settings, World
from ballast.params import WAD, ParamsError
from tests.unit.lab import scene
from tests.unit.lab.scene import PARAMS, START

POLICY = PARAMS.policy
ONE = np.arange(1)


def _hedged(
    rule: Rule,
    prices: dict[str, list[float]],
    cash: float = 0.0,
    worth: float = 10_000,
    short_margin: float = 1_000,
    settings: Settings = scene.CALM,
) -> World:
    """Long BTC with $1,000 and short ETH, each of that worth; the rule has seen and answered the last prices."""
    accounts = scene.population([[worth, -worth]], [[1_000, short_margin]], [cash])
    world = scene.world(scene.tape(prices, end=START + 86_400), accounts, settings)
    rule.begin(world)
    for tick in range(1, len(prices["BTC"])):
        world.advance(START + 60 * tick)
        world.publish(tick)
        called, _ = rule.see(world)
        rule.call(world, called)
    return world


@pytest.mark.parametrize("name", ["isolated", "cross"])
def test_call__rule_without_engine__nobody_ever(name: str) -> None:
    world = _hedged(rule_of(name, POLICY), {"BTC": [100, 95], "ETH": [10, 9.5]})
    assert world.calls[0] == 0 and world.margin()[0] == pytest.approx([500, 1_500], abs=0.1)


def test_call__fixed_weights__every_book_back_at_its_weight() -> None:
    rule = FixedWeights(POLICY)
    world = _hedged(rule, {"BTC": [100, 95], "ETH": [10, 9.5]}, worth=4_000)
    assert world.calls[0] == 1 and world.margin()[0] == pytest.approx([1_000, 1_000], abs=0.1)
    assert not len(rule.see(world)[0])


def test_call__fixed_weights_within_the_threshold__nothing() -> None:
    world = _hedged(FixedWeights(POLICY), {"BTC": [100, 99.1], "ETH": [10, 9.91]})
    assert world.calls[0] == 0


def test_call__fixed_weights__cash_is_shared_out_too() -> None:
    world = _hedged(FixedWeights(POLICY), {"BTC": [100, 95], "ETH": [10, 9.5]}, cash=300, worth=4_000)
    assert world.margin()[0] == pytest.approx([1_150, 1_150], abs=0.1) and world.books.cash[0] == pytest.approx(0)


def test_call__fixed_weights_that_break_initial_margin__nothing() -> None:
    """Both lose: the better book cannot give without falling below its floor."""
    world = _hedged(FixedWeights(POLICY), {"BTC": [100, 93], "ETH": [10, 10.3]})
    assert world.calls[0] == 0


def test_call__pro_rata__equity_in_proportion_to_maintenance() -> None:
    world = _hedged(ProRata(POLICY), {"BTC": [100, 94.5], "ETH": [10, 8.9]})
    risk = world.risk()
    assert world.calls[0] == 1
    assert (risk.equity / risk.maintenance)[0] == pytest.approx(
        np.full(2, (risk.equity.sum() / risk.maintenance.sum()))
    )


def test_call__pro_rata_far_from_liquidation__nothing() -> None:
    assert _hedged(ProRata(POLICY), {"BTC": [100, 99], "ETH": [10, 9]}).calls[0] == 0


def test_call__pro_rata__once_in_a_cooldown() -> None:
    rule = ProRata(POLICY.model_copy(update={"z_trigger": 2 * WAD}))
    world = _hedged(rule, {"BTC": [100, 94.8], "ETH": [10, 9.5]})
    world.books.base[0] += np.array([-180.0, 300.0])
    world.refresh()
    called, at = rule.see(world)
    assert list(called) == [0] and at[0] in (world.now, START + 60 + POLICY.cooldown)


def test_call__ballast__surplus_of_the_healthy_book_first() -> None:
    world = _hedged(Ballast(POLICY), {"BTC": [100, 94.8], "ETH": [10, 9.9]}, short_margin=3_000)
    margin = world.margin()[0]
    kept = margin.sum() + world.books.cash[0] + world.ledger.rewards[0]
    assert world.calls[0] == 1 and kept == pytest.approx(480 + 3_100, abs=0.1)
    assert margin[0] > 1_000 and (world.books.size == world.opened).all()


@pytest.mark.parametrize("rule", [FixedWeights(POLICY), ProRata(POLICY), Ballast(POLICY)], ids=lambda rule: rule.name)
@pytest.mark.parametrize("gas_price, calls", [(1.0, 1), (1e6, 0)])
def test_call__keepers_who_want_their_gas_paid__only_where_the_reward_does(
    rule: Rule, gas_price: float, calls: int
) -> None:
    """The native coin is worth $10, and the reward at most a tenth of what is moved."""
    prices = {"BTC": [100, 94.5], "ETH": [10, 8.9]}
    paid = replace(scene.CALM, gas_price=gas_price, paid=True)
    assert _hedged(rule, prices, short_margin=3_000, settings=paid).calls[0] == calls
    assert _hedged(rule, prices, short_margin=3_000, settings=replace(paid, paid=False)).calls[0] == 1


def test_call__ballast_with_nothing_to_share__asks_for_a_cut_that_a_later_round_fills() -> None:
    rule = Ballast(POLICY)
    prices = {"BTC": [100, 94.8, 94.5, 94.4], "ETH": [10, 10.35, 10.36, 10.37]}
    world = _hedged(rule, {name: line[:2] for name, line in prices.items()})
    assert (world.books.size == world.opened).all()
    world = _hedged(rule, prices)
    assert (np.abs(world.books.size) < np.abs(world.opened)).any()
    assert world.ledger.cut_costs[0] > 0 and world.total() == pytest.approx(_total_at_start())


def _total_at_start() -> float:
    return _hedged(rule_of("isolated", POLICY), {"BTC": [100], "ETH": [10]}).total()


def test_call__ballast_without_cuts__never_cuts() -> None:
    prices = {"BTC": [100, 94.8, 94.5, 94.4], "ETH": [10, 10.35, 10.36, 10.37]}
    assert (_hedged(rule_of("ballast_no_cut", POLICY), prices).ledger.cut_costs == 0).all()


def test_rescue__ballast__cuts_at_once() -> None:
    world = _hedged(rule := Ballast(POLICY), {"BTC": [100], "ETH": [10]})
    world.books.base[0] -= 620
    world.refresh()
    rule.rescue(world, ONE)
    risk = world.risk()
    assert (risk.equity >= risk.maintenance).all() and (np.abs(world.books.size) < np.abs(world.opened)).any()


def test_rescue__pool_without_margin__no_cut() -> None:
    world = _hedged(rule := Ballast(POLICY), {"BTC": [100], "ETH": [10]})
    world.books.base[0] -= 620
    world.pool = 0.0
    world.others = -world.books.size.sum(axis=0)
    world.refresh()
    rule.rescue(world, ONE)
    assert (world.books.size == world.opened).all()


def test_saves__pool_without_margin__counts_on_no_cut() -> None:
    world = _hedged(rule := Ballast(POLICY), {"BTC": [100], "ETH": [10]})
    world.books.base[0] -= 620
    world.refresh()
    assert rule.saves(world, ONE).any() and (world.books.size == world.opened).all()
    world.pool = 0.0
    world.others = -world.books.size.sum(axis=0)
    assert not rule.saves(world, ONE).any() and world.refused == 0


@pytest.mark.parametrize("name", RULES)
def test_rule_of__every_name__bears_it(name: str) -> None:
    rule = rule_of(name, POLICY)
    assert rule.name == name and rule.whole == (name == "cross")


def test_rule_of__policy_file__is_named_after_it(tmp_path: Path) -> None:
    path = tmp_path / "careful.yaml"
    path.write_text("z_trigger: 3\n")
    assert rule_of(str(path), POLICY).name == "careful"


@pytest.mark.parametrize(
    "text, expected",
    [
        (
            "z_trigger: 5\nz_donor: 4\nz_target: 10\n",
            "z_trigger 5, z_donor 4, z_target 10; expected z_trigger ≤ z_donor ≤ z_target; no owner",
        ),
        ("z_trigger: x\n", "policy.z_trigger"),
    ],
)
def test_rule_of__impossible_policy__names_the_file(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "careful.yaml"
    path.write_text(text)
    with pytest.raises(ParamsError) as error:
        rule_of(str(path), POLICY)
    assert str(path) in str(error.value) and expected in str(error.value)


def test_rule_of__unknown_name__says_which_there_are() -> None:
    with pytest.raises(ValueError, match="rule 'luck': unknown; expected one of isolated, fixed_weights"):
        rule_of("luck", POLICY)


def test_call__old_locks__go_but_where_the_book_is_below_maintenance() -> None:
    rule = Ballast(POLICY)
    world = _hedged(rule, {"BTC": [100], "ETH": [10]})
    world.books.lock[0] = [5, 7]
    world.books.base[0, 0] -= 1_000
    world.refresh()
    rule.call(world, ONE)
    assert list(world.books.lock[0]) == [5, 0]
