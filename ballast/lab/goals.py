"""What the default policy is meant to reach, and whether it does."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ballast.lab.measures import saved_pct
from ballast.lab.report import BALLAST, CROSS, ISOLATED, Report, Rules

CRASH = 0.15  # fall of a price from a high to a later low, from which a window is a crash

SAVED, SAVED_CROSS = 98.0, 95.0  # [%]
COST = 1 / 3  # of the penalties under isolated margin
CONTAINED = 60.0  # [%]
CALM_COST = 0.05  # [bps] that print as 0.0


@dataclass(frozen=True)
class Goal:
    """One goal in one window."""

    window: str
    text: str
    value: float
    met: bool


def judge(report: Report) -> list[Goal]:
    """Every goal, window by window; none where a rule it compares with was left out."""
    return [
        goal
        for window, rules in report.windows.items()
        if {ISOLATED, CROSS, BALLAST} <= set(rules)
        for goal in (_in_crash(window, rules) if is_crash(rules) else _in_calm(window, rules))
    ]


def is_crash(rules: Rules) -> bool:
    """Whether any price fell far, by the moments that the series keep."""
    falls = [
        float((1 - outcome.series.price / np.maximum.accumulate(outcome.series.price, axis=0)).max())
        for outcome in rules[ISOLATED].outcomes
    ]
    return max(falls) >= CRASH


def _in_crash(window: str, rules: Rules) -> Iterator[Goal]:
    lost = {rule: _mean(rules, rule, "accounts_liquidated_pct") for rule in (ISOLATED, CROSS, BALLAST)}
    saved, saved_cross = (saved_pct(lost[BALLAST], lost[rule]) for rule in (ISOLATED, CROSS))
    yield Goal(window, f"≥ {SAVED:.0f} % fewer accounts liquidated than isolated", saved, saved >= SAVED)
    if not math.isnan(saved_cross):
        text = f"≥ {SAVED_CROSS:.0f} % fewer accounts liquidated than cross"
        yield Goal(window, text, saved_cross, saved_cross >= SAVED_CROSS)
    debt = _mean(rules, BALLAST, "bad_debt_bps")
    yield Goal(window, "no bad debt [bps]", debt, debt == 0)
    penalties = _mean(rules, ISOLATED, "penalties_bps")
    share = _mean(rules, BALLAST, "cost_bps") / penalties if penalties else math.nan
    yield Goal(window, "cuts and rewards ≤ ⅓ of penalties under isolated", share, share <= COST)
    yield from _contained(window, rules)


def _in_calm(window: str, rules: Rules) -> Iterator[Goal]:
    cost = _mean(rules, BALLAST, "cost_bps")
    yield Goal(window, "calm: no cuts and rewards [bps]", cost, cost < CALM_COST)
    yield from _contained(window, rules)


def _contained(window: str, rules: Rules) -> Iterator[Goal]:
    """None where cross margin loses hardly more than isolated margin: there is nothing to contain."""
    contained = _mean(rules, BALLAST, "containment_pct")
    if not math.isnan(contained):
        yield Goal(window, f"containment ≥ {CONTAINED:.0f} %", contained, contained >= CONTAINED)


def _mean(rules: Rules, rule: str, name: str) -> float:
    return rules[rule].estimate(name).mean
