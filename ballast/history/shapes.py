"""Generated weeks of several underlyings, by shape and seed: minute bars that are not market data, and labelled so.

Each minute is four steps of a quarter; bars are what those steps touch. One common move drives all underlyings by
their betas, each has a move of its own beside it, and the more the market falls the less that counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ballast.history.bars import DAY, DECIMALS, MINUTE, Bar, Window, whole
from ballast.history.feed import POINTS
from ballast.history.generate import START, Coin

DAYS = 8  # the first of them only warms up
COINS = (Coin("BTC", 40_000, 1.0, 0.25), Coin("ETH", 2_500, 1.15, 0.45), Coin("SOL", 100, 1.4, 0.70))
LABEL = "{}, seed {} (generated, not market data)"

_MINUTES = DAYS * DAY // MINUTE
_STEPS = _MINUTES * POINTS
_PER_DAY = DAY // MINUTE * POINTS
_YEAR = 365 * _PER_DAY  # steps

Floats = NDArray[np.float64]
Path = tuple[Floats, Floats]  # by step: the common log return, and how much of their own moves underlyings keep


def window(shape: str, seed: int = 1) -> Window:
    """A week of the shape after a day of warm-up."""
    if shape not in SHAPES:
        raise ValueError(f"shape {shape!r}: unknown; expected one of {', '.join(SHAPES)}")
    source = np.random.default_rng((seed, *shape.encode()))
    common, freedom = SHAPES[shape](source)
    history = {coin.symbol: _bars(coin, _own(source, coin, common, freedom)) for coin in COINS}
    found = whole(history)
    return Window(found.history, found.start, found.end, LABEL.format(shape, seed))


def calm(source: Generator) -> Path:
    """Volatility of 30 %, nothing else."""
    return _diffusion(source, np.full(_STEPS, 0.3)), np.full(_STEPS, 0.6)


def jump_diffusion(source: Generator) -> Path:
    """R. C. Merton's (1976): volatility of 60 %, and three jumps a day of 2.5 %, down rather than up."""
    jumps = np.where(source.random(_STEPS) < 3 / _PER_DAY, source.normal(-0.004, 0.025, _STEPS), 0.0)
    return _diffusion(source, np.full(_STEPS, 0.6)) + jumps, np.ones(_STEPS)


def regimes(source: Generator) -> Path:
    """J. D. Hamilton's (1989): calm, nervous and panic take turns; in a panic prices fall by 4 % an hour, as one."""
    volatility, drift, freedom, stay = (0.35, 0.9, 3.0), (0.0, 0.0, -0.04), (1.0, 0.7, 0.2), (18.0, 6.0, 1.5)
    follows = ((0.0, 0.9, 0.1), (0.5, 0.0, 0.5), (0.2, 0.8, 0.0))
    states, state = np.zeros(_STEPS, dtype=np.intp), 0
    at = _PER_DAY  # the warm-up is calm
    while at < _STEPS:
        state = int(source.choice(3, p=follows[state]))
        end = at + max(1, int(source.exponential(stay[state]) * _PER_DAY / 24))
        states[at:end], at = state, end
    hourly = np.array(drift)[states] / (_PER_DAY / 24)
    return hourly + _diffusion(source, np.array(volatility)[states]), np.array(freedom)[states]


def waves(source: Generator) -> Path:
    """Three to five waves within four days, all underlyings as one; half of each comes back, 25 to 45 % do not."""
    volatility, drift, freedom = np.full(_STEPS, 0.7), np.zeros(_STEPS), np.ones(_STEPS)
    fall, count = np.log(1 - source.uniform(0.25, 0.45)), int(source.integers(3, 6))
    shares = source.dirichlet(np.full(count, 4.0)) * 2  # half of what falls comes back
    starts = np.sort(source.uniform(1.2, 5.0, count)) * _PER_DAY
    for share, start in zip(shares, starts, strict=True):
        begin, length = int(start), int(source.uniform(1, 4) * _PER_DAY / 24)
        down, up = slice(begin, begin + length), slice(begin + length, begin + 4 * length)
        drift[down] += fall * share / length
        drift[up] -= fall * share / 2 / (3 * length)
        volatility[down], volatility[up] = 5.0, 2.5
        freedom[down], freedom[up] = 0.2, 0.5
    return drift + _diffusion(source, volatility), freedom


SHAPES: Mapping[str, Callable[[Generator], Path]] = {
    "calm": calm,
    "jump_diffusion": jump_diffusion,
    "regimes": regimes,
    "waves": waves,
}


def _diffusion(source: Generator, volatility: Floats) -> Floats:
    """Log returns of annualised volatilities, by step."""
    returns: Floats = volatility / np.sqrt(_YEAR) * source.standard_normal(_STEPS)
    return returns


def _own(source: Generator, coin: Coin, common: Floats, freedom: Floats) -> Floats:
    """Log prices of an underlying after each step."""
    own = _diffusion(source, np.full(_STEPS, coin.own_volatility)) * freedom
    path: Floats = np.log(coin.price) + np.cumsum(coin.beta * common + own)
    return path


def _bars(coin: Coin, path: Floats) -> list[Bar]:
    """Minutes, each from where the one before ended."""
    prices = np.concatenate([[coin.price], np.exp(path)])
    points = np.column_stack([prices[:-1:POINTS], prices[1:].reshape(-1, POINTS)])
    rows = np.column_stack([points[:, 0], points.max(axis=1), points.min(axis=1), points[:, -1]])
    answers = np.rint(rows * 10**DECIMALS).astype(np.int64)
    return [Bar(START + MINUTE * place, *(int(answer) for answer in row)) for place, row in enumerate(answers)]
