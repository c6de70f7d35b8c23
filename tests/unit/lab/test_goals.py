"""Goals are met or missed by the figures of the report."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from ballast.lab.goals import is_crash, judge
from ballast.lab.report import Cell, Report
from tests.unit.lab.studied import report


def _calm(found: Report) -> Report:
    """The same with prices that stay."""

    def still(cell: Cell) -> Cell:
        outcomes = [
            replace(each, series=replace(each.series, price=np.ones_like(each.series.price))) for each in cell.outcomes
        ]
        return replace(cell, outcomes=outcomes)

    rules = {rule: still(cell) for rule, cell in found.windows["a week"].items()}
    return replace(found, windows={"a week": rules})


def test_judge__crash__five_goals() -> None:
    """Nobody lost with the engine; $18 against $90; 60 % contained."""
    goals = judge(report())
    assert [goal.value for goal in goals] == pytest.approx([100, 100, 0, 0.2, 60])
    assert [goal.met for goal in goals] == [True, True, True, True, True]


def test_judge__calm__nothing_may_be_spent() -> None:
    goals = judge(_calm(report()))
    assert [goal.met for goal in goals] == [False, True] and goals[0].value == pytest.approx(120)


def test_judge__engine_that_loses_a_book_of_two__missed() -> None:
    found = report()
    rules = dict(found.windows["a week"])
    rules["ballast"] = rules["cross"]
    verdicts = judge(replace(found, windows={"a week": rules}))
    assert [goal.met for goal in verdicts][:2] == [False, False] and verdicts[0].value == 50


def test_judge__nothing_to_contain__no_such_goal() -> None:
    found = report()
    rules = dict(found.windows["a week"])
    rules["ballast"] = replace(rules["ballast"], containment=(math.nan, math.nan))
    goals = judge(replace(found, windows={"a week": rules}))
    assert len(goals) == 4 and not any("containment" in goal.text for goal in goals)


def test_judge__rule_left_out__no_goals() -> None:
    found = report()
    rules = {rule: cell for rule, cell in found.windows["a week"].items() if rule != "cross"}
    assert judge(replace(found, windows={"a week": rules})) == []


def test_is_crash__fall_from_a_later_high__counts() -> None:
    rules = report().windows["a week"]
    assert is_crash(rules) and not is_crash(_calm(report()).windows["a week"])
