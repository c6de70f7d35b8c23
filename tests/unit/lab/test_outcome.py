"""What a replay leaves behind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ballast.lab.outcome import QUANTILES, Outcome, Series


def outcome() -> Outcome:
    """Two accounts: one was cut and kept, one was lost below zero."""

    def usd(first: float, second: float) -> np.ndarray:
        return np.array([first, second])

    points = np.zeros((1, len(QUANTILES)))
    series = Series(np.array([60]), np.array([1]), points, points, np.ones((1, 1)), np.ones((1, 1)))
    return Outcome(
        window="a week",
        rule="ballast",
        population="single",
        seed=1,
        markets=("BTC",),
        start=0,
        end=60,
        initial_equity=usd(1_000, 500),
        final_equity=usd(880, 0),
        held_equity=usd(900, -400),
        beside=usd(0, 0),
        books=np.array([1, 1]),
        books_liquidated=np.array([0, 1]),
        lost_at=np.array([[np.inf], [60.0]]),
        calls=np.array([1, 0]),
        gains=usd(-100, -700),
        funding=usd(2, -1),
        penalties=usd(0, 1),
        cut_costs=usd(15, 0),
        rewards=usd(3, 0),
        borne=usd(0, 0),
        deficits=usd(0, 200),
        trading_costs=usd(5, 5),
        opened=np.array([[1.0], [-1.0]]),
        final_size=np.zeros((2, 1)),
        final_margin=np.zeros((2, 1)),
        final_cash=usd(880, 0),
        pool_deficits=0.0,
        insured=200.0,
        socialised=0.0,
        pool_start=100.0,
        pool_low=90.0,
        pool_end=95.0,
        pool_closed=0,
        cuts_refused=0,
        series=series,
    )


def test_unexplained__every_dollar_named__nothing() -> None:
    assert outcome().accounts == 2
    assert outcome().unexplained == pytest.approx(0)


def test_unexplained__a_dollar_lost__shows_where() -> None:
    found = replace(outcome(), final_equity=np.array([879.0, 0.0]))
    assert found.unexplained == pytest.approx([-1, 0])
