"""A generated crash: the shape of a bad week in minute bars, from a seed. Not market data, and labelled so."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from ballast.history.bars import DAY, DECIMALS, MINUTE, Bar, Window, worst

LABEL = "a generated crash (not market data)"
SEED = 1
START = 1_700_006_400  # [s] any midnight
MINUTES_PER_YEAR = 365 * 24 * 60


@dataclass(frozen=True)
class Phase:
    """A stretch of the story: how far the underlyings drift in it, and how wildly."""

    hours: float
    drift: float  # log return of the whole phase for beta 1
    volatility: float  # annualised


@dataclass(frozen=True)
class Coin:
    """An underlying: where it starts and how strongly it follows the common move."""

    symbol: str
    price: float
    beta: float
    own_volatility: float  # annualised, on top of the common one


STORY = (
    Phase(24, +0.01, 0.55),  # warm-up: an ordinary day
    Phase(6, -0.02, 1.30),  # chop: volatility rises, prices go nowhere
    Phase(4, +0.02, 1.60),
    Phase(3, -0.10, 2.50),  # the slide
    Phase(1.5, -0.26, 6.00),  # the crash
    Phase(3, +0.08, 4.00),  # a bounce that traps late shorts
    Phase(2, -0.22, 6.00),  # the second leg
    Phase(5, +0.14, 3.00),
    Phase(11.5, +0.02, 1.50),  # aftershocks
)
GAP, GAP_AT = 0.08, round(34.5 * 60)  # early in the slide, for beta 1: a minute in which nobody can act
COINS = (Coin("BTC", 40_000, 1.0, 0.25), Coin("ETH", 2_500, 1.15, 0.45))


def crash(seed: int = SEED, gap: float = GAP) -> Window:
    """The shipped crash, ready to run: BTC falls by about 40 % within hours, part of it in one minute, ETH by more."""
    source = random.Random(seed)
    moves = [_common_move(source, phase) for phase in STORY for _ in range(round(phase.hours * 60))]
    move, volatility = moves[GAP_AT]
    moves[GAP_AT] = move + math.log1p(-gap), volatility
    history = {coin.symbol: _bars(source, coin, moves) for coin in COINS}
    return worst(history)


def _common_move(source: random.Random, phase: Phase) -> tuple[float, float]:
    """One minute of the market: its log return and the volatility that drew it."""
    step = phase.volatility / math.sqrt(MINUTES_PER_YEAR)
    return phase.drift / (phase.hours * 60) + source.gauss(0, step), phase.volatility


def _bars(source: random.Random, coin: Coin, moves: list[tuple[float, float]]) -> list[Bar]:
    """The coin's bars under the common moves, with wicks in proportion to the volatility of the minute."""
    bars, price = [], coin.price
    for index, (move, volatility) in enumerate(moves):
        own = source.gauss(0, coin.own_volatility / math.sqrt(MINUTES_PER_YEAR))
        close = price * math.exp(coin.beta * move + own)
        wick = volatility / math.sqrt(MINUTES_PER_YEAR) / 3
        high = max(price, close) * (1 + abs(source.gauss(0, wick)))
        low = min(price, close) * (1 - abs(source.gauss(0, wick)))
        bars.append(Bar(START + index * MINUTE, *(round(value * 10**DECIMALS) for value in (price, high, low, close))))
        price = close
    return bars


assert START % DAY == 0  # the warm-up day is a calendar day
