"""What markets say at one moment, for all books in them: the integer model's figures as floats."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ballast.model import pool
from ballast.model.fixed_point import WAD
from ballast.model.oracle import Quote
from ballast.model.pool import QuoteConfig
from ballast.model.risk import FILL, REDUCE, TAP, Mark
from ballast.model.vector.arrays import Flags, Floats

FIGURES = (
    "price",
    "maintenance_rate",
    "initial_rate",
    "donor_floor_rate",
    "sigma_rate",
    "fast_volatility",
    "spread",
    "deviation",
    "updated_at",
    "round",
    "gates",
)
UNPRICED = (0.0,) * len(FIGURES)  # of a market without a valid price

_PHASE, _ROUND = 64, 2**64 - 1  # of a proxy's round id
_PHASE_IN_FLOAT = 2**40


def figures(mark: Mark, quote: Quote, config: QuoteConfig) -> tuple[float, ...]:
    """`FIGURES` of one market, that change with its rounds and states only."""
    return (
        mark.price / WAD,
        mark.maintenance_rate / WAD,
        mark.initial_rate / WAD,
        mark.donor_floor_rate / WAD,
        mark.sigma_rate / WAD,
        quote.fast_volatility / WAD,
        pool.spread(config, quote.fast_volatility) / WAD,
        config.deviation / WAD,
        float(quote.updated_at),
        float((mark.round >> _PHASE) * _PHASE_IN_FLOAT + (mark.round & _ROUND)),
        float(mark.gates),
    )


@dataclass(frozen=True)
class Marks:
    """Markets at one moment; every array is [M]."""

    time: float  # [s]
    funding: Floats  # [USD] cumulative per unit
    price: Floats  # [USD] 0 where there is no valid one
    maintenance_rate: Floats  # of notional, as the next three
    initial_rate: Floats
    donor_floor_rate: Floats
    sigma_rate: Floats
    fast_volatility: Floats  # annualised
    spread: Floats  # half-spread of the pool
    deviation: Floats  # relative move at which the feed publishes
    updated_at: Floats  # [s] of the price
    round: Floats  # identifies the price
    gates: Floats  # bits

    @classmethod
    def of(cls, table: Floats, time: float, funding: Floats) -> Marks:
        """From a table markets × `FIGURES`."""
        return cls(time, funding, *np.ascontiguousarray(table.T))

    @cached_property
    def priced(self) -> Flags:
        """Whether the market has a valid price."""
        return self.price > 0

    @cached_property
    def engine_rate(self) -> Floats:
        """Half-spread of an engine fill at a price of this age: `LiquidityPool.engine_rate`."""
        age = (self.time - self.updated_at + pool.LATENCY) / pool.YEAR
        drift = pool.SIGMAS * self.fast_volatility * np.sqrt(np.maximum(age, 0))
        rate: Floats = self.spread + np.minimum(self.deviation, drift)
        return rate

    @cached_property
    def can_reduce(self) -> Flags:
        """Whether books may be cut."""
        return self._gate(REDUCE)

    @cached_property
    def can_fill(self) -> Flags:
        """Whether books may be filled."""
        return self._gate(FILL)

    @cached_property
    def can_tap(self) -> Flags:
        """Whether books may give."""
        return self._gate(TAP)

    def gated(self, opened: int = 0, closed: int = 0) -> Marks:
        """The same with some gates of all markets open, and some closed."""
        bits = (self.gates.astype(np.int64) | opened) & ~closed
        return replace(self, gates=bits.astype(np.float64))

    def _gate(self, bit: int) -> Flags:
        return self.gates.astype(np.int64) & bit != 0
