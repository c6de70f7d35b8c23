"""A small report by hand: one window, three rules, two seeds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ballast.lab.measures import Estimate
from ballast.lab.outcome import QUANTILES, Series
from ballast.lab.report import Cell, FrontierPoint, Report, Setup
from tests.unit.lab.test_outcome import outcome

SETUP = Setup("mixed", 2, (2, 10), (1, 2), {"keeper delay": "1 block"})
POINTS = 4


def series() -> Series:
    """Four moments of one market that falls by a fifth."""
    points = np.linspace(1, 0.5, POINTS)[:, None] * np.ones(len(QUANTILES))
    price = np.array([[1.0], [1.1], [0.9], [0.88]])
    return Series(60 * np.arange(1, POINTS + 1), np.arange(POINTS), points, 10 * points, price, price)


def cell(rule: str, lost: tuple[int, int], containment: tuple[float, float], **amounts: tuple[float, float]) -> Cell:
    """One rule; `lost` says which of the two accounts lose their book."""
    arrays = {name: np.array(values, dtype=np.float64) for name, values in amounts.items()}
    outcomes = [
        replace(outcome(), rule=rule, seed=seed, books_liquidated=np.array(lost), series=series(), **arrays)
        for seed in (1, 2)
    ]
    return Cell(outcomes, containment)


def report() -> Report:
    """Isolated loses both accounts, cross one, the engine none."""
    nothing = (0.0, 0.0)
    free = {"cut_costs": nothing, "rewards": nothing}
    kept = {"penalties": nothing, "deficits": nothing}
    rules = {
        "isolated": cell("isolated", (1, 1), (100.0, 100.0), penalties=(60.0, 30.0), **free),
        "cross": cell("cross", (0, 1), (0.0, 0.0), penalties=(0.0, 45.0), **free),
        "ballast": cell("ballast", (0, 0), (50.0, 70.0), final_equity=(900.0, 400.0), **kept),
    }
    point = FrontierPoint(0.4, Estimate.of([100, 98]), Estimate.of([50, 70]), Estimate.of([18, 18]))
    return Report(SETUP, {"a week": rules}, {"a week": "by hand"}, {"a week": [point]}, 1.5)
