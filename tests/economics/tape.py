"""One day as a trader finds it: the truth, the rounds, and the pool's prices at each, by the integer model."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ballast.history.bars import Bar
from ballast.model.exchange import MIN_DELAY, FeeConfig
from ballast.model.oracle import Feed, FeedConfig, Quote
from ballast.model.pool import LiquidityPool, QuoteConfig
from ballast.params import WAD, MarketParams
from tests.economics.paths import LATENCY, Series, bridge, publish

BLOCK = 12  # [s]

Seconds = NDArray[np.int64]


class Charge(StrEnum):
    """What the pool asks for a fill at once."""

    AGE = "half-spread for the price's age"  # what a cut pays
    BASE = "half-spread and fee"  # what an order pays


class Tape:
    """Times are seconds of the day, prices are numbers; those of fills come from the pool's integer arithmetic."""

    def __init__(self, bars: Sequence[Bar], seed: int, params: MarketParams, latency: int = LATENCY) -> None:
        self.truth = bridge(bars, seed)
        rounds = publish(self.truth, latency)
        self.length = len(self.truth)
        self.times: Seconds = np.array([round_.time for round_ in rounds])
        self.prices: Series = np.array([round_.price for round_ in rounds])
        self.latest: Seconds = np.searchsorted(self.times, np.arange(self.length), side="right") - 1
        self.gap: Series = self.truth / self.prices[self.latest] - 1  # what the trader knows and the feed does not say
        self.quotes = _quotes(rounds_of(self.times, self.prices), params)

        self._pool, self._fees = LiquidityPool(1), FeeConfig(**params.fees.model_dump())
        self._pool.set_quote(1, QuoteConfig(**params.quote.model_dump()))
        self.order_cost = cache(self._order_cost)
        self.engine_rate = cache(self._engine_rate)
        self.edges = cache(self._edges)
        self.adverse = cache(self._adverse)

    @property
    def days(self) -> float:
        """Length of the tape."""
        return self.length / 86_400

    def first_round(self, since: int) -> int | None:
        """The first round that lands at or after a time, which is not the day's first second; None if none does."""
        index = int(self.latest[min(since, self.length) - 1]) + 1
        return index if index < len(self.times) else None

    def order_fill(self, commit: int) -> int | None:
        """The round that fills an order."""
        return self.first_round(commit + MIN_DELAY)

    def _order_cost(self, round_: int, side: int) -> float:
        """What a small order pays beyond the oracle price, its fee included, as a share of it."""
        quote = self.quotes[round_]
        price = self._pool.order_price(1, side, quote.price, quote.fast_volatility, 0, False)
        fee = self._fees.fee(price, quote.fast_volatility)
        return (side * (price - quote.price) + fee) / quote.price

    def _engine_rate(self, round_: int, age: int) -> float:
        """What a cut pays, as a share of the oracle price."""
        return self._pool.engine_rate(1, self.quotes[round_].fast_volatility, age) / WAD

    def _adverse(self, side: int, level: float) -> Seconds:
        """When the gap is that far against whoever holds this side."""
        return np.flatnonzero(self.gap * side < -level)

    def _edges(self, charge: Charge) -> tuple[Series, Series]:
        """What buying and what selling at the last round brings at every second, as a share of its price."""
        if charge is Charge.AGE:
            rounds, ages = self.latest.tolist(), (np.arange(self.length) - self.times[self.latest]).tolist()
            buying = selling = np.array([self._engine_rate(*each) for each in zip(rounds, ages, strict=True)])
        else:
            costs = [[self.order_cost(round_, side) for round_ in range(len(self.quotes))] for side in (1, -1)]
            buying, selling = np.array(costs)[:, self.latest]
        return self.gap - buying, -self.gap - selling


def rounds_of(times: Seconds, prices: Series) -> list[tuple[int, int]]:
    """Time [s] and answer (8 decimals) of each round."""
    return [(int(time), round(price)) for time, price in zip(times, prices, strict=True)]


def _quotes(rounds: Sequence[tuple[int, int]], params: MarketParams) -> list[Quote]:
    """What the oracle says right after each round."""
    names = FeedConfig.__dataclass_fields__
    config = FeedConfig(**{name: value for name, value in params.feed.model_dump().items() if name in names})
    start = 10**9  # the oracle's times are not zero
    feed, quotes = Feed(config), []
    for time, answer in rounds:
        feed.publish(answer, start + time)
        if feed.state is None:
            feed.set_feed(start + time, answer * 10**10)
        else:
            feed.consume(start + time)
        quotes.append(feed.quote(start + time))
    return quotes
