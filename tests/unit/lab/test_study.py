"""Small real studies: every rule, several seeds, on one core and on two."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from ballast import params
from ballast.lab.report import Report, Setup
from ballast.lab.rules import RULES
from ballast.lab.study import Drawn, Study
from ballast.lab.windows import Source
from ballast.model.fixed_point import BPS

ACCOUNTS = 12
PARAMS = params.load()


def _study(rules: tuple[str, ...], seeds: tuple[int, ...] = (1,), caps: tuple[int, ...] = ()) -> Study:
    return Study(
        sources=[Source.of("generated_crash")],
        rules=rules,
        holdings=Drawn("mixed", ACCOUNTS),
        seeds=seeds,
        params=PARAMS,
        setup=Setup("mixed", ACCOUNTS, (2, 10), seeds),
        caps=caps,
    )


@pytest.fixture(scope="module")
def all_rules() -> Report:
    """Every rule once, and two points of the frontier."""
    return _study(tuple(RULES), caps=(0, 10_000)).run(lambda *_: None)


def test_run__all_rules__side_by_side_on_the_same_accounts(all_rules: Report) -> None:
    rules = all_rules.windows["generated_crash"]
    assert tuple(rules) == tuple(RULES)
    first = rules["isolated"].outcomes[0]
    for rule, cell in rules.items():
        (outcome,) = cell.outcomes
        assert (outcome.rule, outcome.seed, outcome.window) == (rule, 1, "generated_crash")
        assert np.array_equal(outcome.initial_equity, first.initial_equity)
        assert outcome.unexplained == pytest.approx(0, abs=1e-6)


def test_run__crash__the_engine_saves_what_isolated_margin_loses(all_rules: Report) -> None:
    rules = all_rules.windows["generated_crash"]
    lost = {rule: cell.estimate("accounts_liquidated_pct").mean for rule, cell in rules.items()}
    assert lost["isolated"] > 30 and lost["ballast"] < lost["isolated"] / 2


def test_run__containment__100_under_isolated_and_0_under_cross(all_rules: Report) -> None:
    rules = all_rules.windows["generated_crash"]
    assert rules["isolated"].containment == pytest.approx([100]) and rules["cross"].containment == [0]
    assert -20 < rules["ballast"].containment[0] <= 101


def test_run__frontier__more_into_one_book_contains_less(all_rules: Report) -> None:
    none, own, all_ = all_rules.frontier["generated_crash"]
    assert (none.cap, own.cap, all_.cap) == (0, PARAMS.policy.containment / BPS, 1)
    assert own.cost == all_rules.windows["generated_crash"]["ballast"].estimate("cost_bps")
    assert none.containment.mean >= all_.containment.mean


def test_run__two_processes__the_same_figures() -> None:
    told: list[tuple[str, int, int]] = []
    study = _study(("isolated", "ballast"), seeds=(1, 2))
    alone = study.run(lambda *_: None)
    both = study.run(lambda *each: told.append(each), processes=2)
    for rule in ("isolated", "ballast"):
        for name in ("accounts_liquidated_pct", "final_equity_pct", "cost_bps"):
            rules = [report.windows["generated_crash"][rule].values(name) for report in (alone, both)]
            assert rules[0] == rules[1]
    assert [done for _, done, _ in told] == [1, 2, 3, 4] and {total for *_, total in told} == {4}
    seeds = alone.windows["generated_crash"]["isolated"].outcomes
    assert not np.array_equal(seeds[0].initial_equity, seeds[1].initial_equity)


def test_run__without_cross__containment_is_not_defined() -> None:
    report = _study(("isolated",)).run(lambda *_: None)
    assert math.isnan(report.windows["generated_crash"]["isolated"].containment[0])


def test_run__unknown_population__says_which_there_are() -> None:
    study = replace(_study(("isolated",)), holdings=Drawn("lucky", 3))
    with pytest.raises(ValueError, match="population 'lucky': unknown; expected one of single"):
        study.run(lambda *_: None)
