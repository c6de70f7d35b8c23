"""Named, seeded populations."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.lab import population
from ballast.lab.population import HEADROOM, KINDS, Population, draw

MARKETS = ("BTC", "ETH", "SOL")
RATES = np.array([0.06, 0.09, 0.2])


def _drawn(name: str, accounts: int = 400, seed: int = 1, leverage: tuple[float, float] = (2, 20)) -> Population:
    return draw(name, accounts, seed, MARKETS, RATES, leverage)


@pytest.mark.parametrize("name", KINDS)
def test_draw__same_seed__same_accounts(name: str) -> None:
    first, again, other = _drawn(name), _drawn(name), _drawn(name, seed=2)
    assert (first.notional == again.notional).all() and (first.cash == again.cash).all()
    assert (first.notional != other.notional).any()


@pytest.mark.parametrize("name", KINDS)
def test_draw__any__opens_at_initial_margin_or_above(name: str) -> None:
    drawn = _drawn(name)
    assert (drawn.margin >= np.abs(drawn.notional) * RATES * HEADROOM * (1 - 1e-12)).all()
    assert (drawn.margin >= 0).all() and (drawn.cash >= 0).all()
    assert (np.abs(drawn.notional) > 0).any(axis=1).all()


@pytest.mark.parametrize("name", ["single", "basis", "concentrated"])
def test_draw__leverage_that_margin_allows__is_within_the_range(name: str) -> None:
    drawn = _drawn(name, leverage=(2, 4))
    leverage = np.abs(drawn.notional) / drawn.margin
    assert leverage.min() >= 2 and leverage.max() <= 4


def test_draw__single__all_books_on_one_side() -> None:
    sides = np.sign(_drawn("single").notional)
    assert (np.abs(sides.sum(axis=1)) == len(MARKETS)).all()


def test_draw__hedged__long_one_and_short_another_for_as_much() -> None:
    drawn = _drawn("hedged")
    assert drawn.notional.sum(axis=1) == pytest.approx(0, abs=1e-6)
    assert ((drawn.notional != 0).sum(axis=1) == 2).all()


def test_draw__basis__short_what_is_held_beside() -> None:
    drawn = _drawn("basis")
    assert (drawn.notional <= 0).all() and (drawn.beside == -drawn.notional).all()


def test_draw__concentrated__most_in_one_book() -> None:
    margin = _drawn("concentrated").margin
    assert (margin.max(axis=1) >= 0.8 * margin.sum(axis=1) * (1 - 1e-9)).all()


@pytest.mark.parametrize("name", ["single", "concentrated", "mixed"])
def test_draw__any__longs_are_worth_as_much_as_shorts(name: str) -> None:
    drawn = _drawn(name)
    assert (np.abs(drawn.notional.sum(axis=0)) < 0.1 * np.abs(drawn.notional).sum(axis=0)).all()


def test_draw__mixed_in_one_market__goes_without_hedges() -> None:
    drawn = draw("mixed", 50, 1, ("BTC",), np.array([0.06]))
    assert drawn.notional.shape == (50, 1)


@pytest.mark.parametrize(
    "call, expected",
    [
        (lambda: _drawn("crowd"), "population 'crowd': unknown; expected one of single, hedged"),
        (lambda: _drawn("single", accounts=0), "population single: no accounts"),
        (lambda: _drawn("single", leverage=(5, 2)), "leverage 5 to 2: expected 0 < least ≤ most"),
        (lambda: draw("hedged", 5, 1, ("BTC",), RATES[:1]), "population hedged: one market; expected two"),
    ],
)
def test_draw__impossible__says_what_was_expected(call, expected: str) -> None:
    with pytest.raises(ValueError, match=expected.replace("(", r"\(")):
        call()


def test_mixture__shares__add_up() -> None:
    assert sum(population.MIXTURE.values()) == pytest.approx(1)
