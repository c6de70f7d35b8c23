"""What is reported of a replay, each by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from ballast.lab.measures import (
    MEASURES,
    Estimate,
    ahead_pct,
    better_pct,
    measure,
    saved_pct,
    student_t,
    tracking_worst5_bps,
)
from tests.unit.lab.test_outcome import outcome


def test_measure__two_accounts__as_by_hand() -> None:
    """Equity 1,500; one of two books lost below zero by 200; d = −20/1,000 and 400/500."""
    assert measure(outcome()) == pytest.approx(
        {
            "accounts_liquidated_pct": 50,
            "books_liquidated_pct": 50,
            "penalties_bps": 1e4 / 1_500,
            "cost_bps": 1e4 * 18 / 1_500,
            "bad_debt_bps": 1e4 * 200 / 1_500,
            "tracking_rms_bps": 1e4 * math.sqrt((0.02**2 + 0.8**2) / 2),
            "tracking_worst5_bps": 8_000,
            "final_equity_pct": 100 * 880 / 1_500,
            "calls_per_account": 0.5,
        }
    )
    assert list(measure(outcome())) == list(MEASURES)


def test_tracking_worst5__forty_accounts__mean_of_the_two_furthest() -> None:
    strayed = np.zeros(40)
    strayed[[3, 17]] = -0.2, 0.1
    found = replace(outcome(), initial_equity=np.ones(40), held_equity=np.ones(40), final_equity=1 + strayed)
    assert tracking_worst5_bps(found) == pytest.approx(1_500)


def test_ahead__two_rules__difference_of_sums_and_count_of_the_better_off() -> None:
    mine, other = outcome(), replace(outcome(), final_equity=np.array([800.0, 10.0]))
    assert ahead_pct(mine, other) == pytest.approx(100 * 70 / 1_500)
    assert better_pct(mine, other) == 50
    assert better_pct(mine, mine) == 0


def test_saved__nobody_liquidated_anyway__is_not_defined() -> None:
    assert saved_pct(1, 50) == 98
    assert math.isnan(saved_pct(0, 0))


def test_estimate__three_seeds__students_interval() -> None:
    estimate = Estimate.of([1.0, 2.0, 3.0])
    assert estimate.mean == 2 and estimate.half == pytest.approx(4.303 / math.sqrt(3))
    assert estimate.low == pytest.approx(2 - estimate.half)


def test_estimate__one_seed_or_none__no_interval() -> None:
    assert Estimate.of([5.0]).mean == 5 and math.isnan(Estimate.of([5.0]).half)
    assert math.isnan(Estimate.of([]).mean)
    assert Estimate.of([math.nan, 4.0, 4.0]) == Estimate(4, 4, 4)


@pytest.mark.parametrize("degrees", [*range(1, 31), 60, 200])
def test_student_t__any_number_of_seeds__cuts_off_a_fortieth(degrees: int) -> None:
    """By integration of the density from 0 to t: 0.475."""
    scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(degrees * math.pi)
    x = np.linspace(0, student_t(degrees), 200_001)
    density = scale * (1 + x**2 / degrees) ** (-(degrees + 1) / 2)
    assert np.trapz(density, x) == pytest.approx(0.475, abs=5e-5)


def test_bad_debt__pool_below_zero__counts_too() -> None:
    assert MEASURES["bad_debt_bps"](replace(outcome(), pool_deficits=100.0)) == pytest.approx(1e4 * 300 / 1_500)
