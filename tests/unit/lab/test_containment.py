"""A feed that fails: what is displaced, what is lost, and what stays where it was."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ballast.history.bars import HOUR
from ballast.history.feed import Recording, Round
from ballast.lab.containment import AFTER, DISPLACED, contained_pct, failing, failures, losses
from ballast.lab.population import Population
from ballast.lab.rules import rule_of
from tests.unit.lab import scene
from tests.unit.lab.scene import CALM, PARAMS, START

SILENCE = 2 * HOUR


def _flat() -> Recording:
    """Six quiet hours: a round every ten minutes."""
    return scene.recording({"BTC": [100.0] * 37, "ETH": [10.0] * 37}, step=600)


def _accounts(leverage: float) -> Population:
    """Long both, $1,000 in each, and $1,000 of cash; the second account short both."""
    side = 1_000 * leverage
    return scene.population([[side, side], [-side, -side]], [[1_000, 1_000]] * 2, [1_000, 1_000])


def _loss(rule: str, leverage: float, market: str = "BTC") -> float:
    """Under the two failures of one market: −30 % hurts the first account, +30 % the second [USD]."""
    failed = [each for each in failures(_flat(), PARAMS.markets) if each.market == market]
    return losses(failed, _accounts(leverage), lambda: rule_of(rule, PARAMS.policy), PARAMS, CALM)


def test_failing__one_feed__displaced_for_an_hour_then_silent() -> None:
    failed = failing(_flat(), "BTC", -0.3, SILENCE)
    first, dead = START + AFTER, START + AFTER + DISPLACED
    assert failed.end == dead + SILENCE
    line = failed.rounds["BTC"]
    assert all(each.answer == 100 * 10**8 for each in line if each.time < first)
    false = [each for each in line if each.time >= first]
    assert false[0] == Round(first, 70 * 10**8) and {each.answer for each in false} == {70 * 10**8}
    assert false[-1].time < dead and len({each.time for each in line}) == len(line)
    assert [*failed.rounds["ETH"]] == [each for each in _flat().rounds["ETH"] if each.time <= failed.end]


def test_failures__two_markets__each_down_and_up() -> None:
    found = [(each.market, each.shift) for each in failures(_flat(), PARAMS.markets)]
    assert found == [("BTC", -0.3), ("BTC", 0.3), ("ETH", -0.3), ("ETH", 0.3)]


def test_losses__isolated__the_margin_of_the_dead_book_and_no_more() -> None:
    """Each account is hurt once, and loses its $1,000."""
    assert _loss("isolated", 5) == pytest.approx(2 * 1_000, abs=2)
    assert _loss("isolated", 2) == pytest.approx(2 * 1_000, abs=2)


def test_losses__cross_that_survives__the_false_loss() -> None:
    """Long $5,000: 30 % of it is $1,500, and no book is sold; the shorts lose as much."""
    assert _loss("cross", 5) == pytest.approx(2 * 1_500, abs=5)


def test_losses__cross_that_is_wiped_out__all_there_was() -> None:
    """12 × $1,000 × 30 % is more than the $3,000 of each account."""
    assert _loss("cross", 12) == pytest.approx(2 * 3_000, abs=5)


def test_losses__ballast__between_isolated_and_cross() -> None:
    assert _loss("isolated", 9) <= _loss("ballast", 9) < _loss("cross", 9)


def test_contained__losses_of_three_rules__by_hand() -> None:
    assert contained_pct(130, 150, 100) == pytest.approx(40)
    assert contained_pct(100, 150, 100) == 100
    assert math.isnan(contained_pct(100, 90, 100))


def test_contained__cross_loses_hardly_more__is_not_defined() -> None:
    """A ratio to next to nothing once stood in a table as −1,100 %."""
    assert math.isnan(contained_pct(120, 102, 100)) and contained_pct(120, 110, 100) == pytest.approx(-100)


def test_hurts__fall_and_rise__longs_and_shorts() -> None:
    falls, rises = (each for each in failures(_flat(), PARAMS.markets) if each.market == "ETH")
    assert np.array_equal(falls.hurts(_accounts(3)), [1, 0]) and np.array_equal(rises.hurts(_accounts(3)), [0, 1])
