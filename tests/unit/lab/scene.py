"""Small recordings and populations, written down by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from ballast import params
from ballast.history.feed import Recording, Round
from ballast.lab.population import Population
from ballast.lab.tape import Tape
from ballast.lab.world import Settings, World

PARAMS = params.load()
START = 1_700_006_400  # [s]
MINUTE = 60
CALM = Settings(gas_price=0, profit=0, depth=1, turnover=1e12)


def recording(prices: Mapping[str, Sequence[float]], step: int = MINUTE, end: int | None = None) -> Recording:
    """A round of each feed every `step` seconds: the first a day before the start, the second at the start."""
    rounds = {
        name: [
            Round(START - 86_400 if place == 0 else START + (place - 1) * step, round(price * 10**8))
            for place, price in enumerate([each[0], *each])
        ]
        for name, each in prices.items()
    }
    last = max(line[-1].time for line in rounds.values())
    return Recording(rounds, START, (last + step) if end is None else end, "by hand")


def tape(prices: Mapping[str, Sequence[float]], step: int = MINUTE, end: int | None = None) -> Tape:
    """The same, through the oracle."""
    return Tape.of(recording(prices, step, end), PARAMS.markets)


def population(
    notional: ArrayLike, margin: ArrayLike, cash: ArrayLike, markets: tuple[str, ...] = ("BTC", "ETH")
) -> Population:
    """Accounts by hand [USD]."""
    books = np.array(notional, dtype=np.float64)
    margins = np.array(margin, dtype=np.float64)
    return Population("by hand", 0, markets, books, margins, np.array(cash, dtype=np.float64), np.zeros_like(books))


def world(tape_: Tape, accounts: Population, settings: Settings = CALM) -> World:
    """At the start."""
    return World(tape_, accounts, PARAMS, settings)
