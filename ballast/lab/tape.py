"""What markets say at every moment of a recording: the integer oracle and risk model, round by round, kept as floats.

Nothing here depends on accounts; funding, which does, is added by whoever replays.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ballast.history.feed import Recording, Round
from ballast.lab.outcome import Counts, Floats
from ballast.model import risk
from ballast.model.exchange import FeeConfig
from ballast.model.fixed_point import WAD
from ballast.model.market import ACTIVE, MarketConfig, gates_of
from ballast.model.oracle import Feed, FeedConfig
from ballast.model.pool import QuoteConfig
from ballast.model.vector.arrays import Flags
from ballast.model.vector.marks import FIGURES, UNPRICED, Marks, figures
from ballast.params import MarketParams

_ANSWER = 10**10  # [wad] in one unit of an answer of eight decimals
_GATES = FIGURES.index("gates")
_OPEN = float(gates_of(ACTIVE, False, False))


class _Said(NamedTuple):
    """What one market says from a round on."""

    figures: tuple[float, ...]
    guarded_until: int  # [s] after a jump
    fee_rate: float  # of notional


@dataclass(frozen=True)
class Tape:
    """T moments at which feeds publish, of M markets. The first moment is the start: what was said before stands."""

    label: str
    markets: tuple[str, ...]
    params: tuple[MarketParams, ...]  # by market
    start: int  # [s]
    end: int  # [s]
    times: Counts  # [T] [s]
    published: Flags  # [T, M]
    said: Floats  # [T, M, figures] of the latest round
    guarded_until: Floats  # [T, M] [s]
    stale_at: Floats  # [T, M] [s] from then on there is no price
    silent: Floats  # [T, M] [s] for how long, in all, there was none before the latest round
    opening_rate: Floats  # [M] spread and fee of an order at the start, of notional

    @classmethod
    def of(cls, recording: Recording, markets: Mapping[str, MarketParams]) -> Tape:
        """Every round through the oracle, under the parameters of its market."""
        unknown = sorted(set(recording.rounds) - set(markets))
        if unknown:
            raise ValueError(f"{recording.label}: no parameters for {unknown[0]}; expected one of {', '.join(markets)}")
        names = tuple(recording.rounds)
        params = tuple(markets[name] for name in names)
        times = _times(recording)
        lines = [_lines(recording.rounds[name], times, params_) for name, params_ in zip(names, params, strict=True)]
        said = np.array([[entry.figures for entry in line] for line in lines]).transpose(1, 0, 2)
        ages = np.array([market.feed.heartbeat + market.feed.grace for market in params], dtype=np.float64)
        own = [{each.time for each in recording.rounds[name]} for name in names]
        published = np.array([[time in rounds for rounds in own] for time in times])
        stale_at = said[:, :, FIGURES.index("updated_at")] + ages + 1
        return cls(
            label=recording.label,
            markets=names,
            params=params,
            start=recording.start,
            end=recording.end,
            times=times,
            published=published,
            said=np.ascontiguousarray(said),
            guarded_until=np.array([[entry.guarded_until for entry in line] for line in lines], dtype=np.float64).T,
            stale_at=stale_at,
            silent=_silent(times, published, stale_at),
            opening_rate=said[0, :, FIGURES.index("spread")] + np.array([line[0].fee_rate for line in lines]),
        )

    def marks(self, tick: int, now: float, funding: Floats) -> Marks:
        """What the markets say at `now`, the rounds of `tick` being the latest."""
        table, guarded, stale = self.said[tick], self.guarded_until[tick], self.stale_at[tick]
        if now >= stale.min() or (table[:, _GATES] != _OPEN).any():
            table = table.copy()
            table[guarded <= now, _GATES] = _OPEN
            table[stale <= now] = UNPRICED
        return Marks.of(table, now, funding)


def _times(recording: Recording) -> Counts:
    """The start, and every later moment up to the end at which a feed publishes."""
    if recording.end <= recording.start:
        raise ValueError(f"{recording.label}: ends at {recording.end}; expected later than its start {recording.start}")
    for name, rounds in recording.rounds.items():
        if not rounds or rounds[0].time > recording.start:
            raise ValueError(f"{recording.label}: {name} has no round by {recording.start}, the start; expected one")
    later = {round_.time for rounds in recording.rounds.values() for round_ in rounds}
    inside = sorted(time for time in later if recording.start < time <= recording.end)
    return np.array([recording.start, *inside], dtype=np.int64)


def _silent(times: Counts, published: Flags, stale_at: Floats) -> Floats:
    """[T, M] [s] of all silences that are over."""
    ended = np.zeros_like(stale_at)
    ended[1:] = np.where(published[1:], np.maximum(times[1:, None] - stale_at[:-1] + 1, 0), 0)
    silent: Floats = ended.cumsum(axis=0)
    return silent


def _lines(rounds: Sequence[Round], times: Counts, params: MarketParams) -> list[_Said]:
    """What the market says at each of the times."""
    feed = Feed(FeedConfig(**params.feed.model_dump(include=set(FeedConfig.__dataclass_fields__))))
    config, quotes = MarketConfig(**params.risk.model_dump()), QuoteConfig(**params.quote.model_dump())
    fees = FeeConfig(**params.fees.model_dump())
    said: list[_Said] = []
    waiting = deque(rounds)
    for time in times:
        news = False
        while waiting and waiting[0].time <= time:
            _observe(feed, waiting.popleft())
            news = True
        said.append(_say(feed, config, quotes, fees) if news else said[-1])
    return said


def _observe(feed: Feed, round_: Round) -> None:
    feed.publish(round_.answer, round_.time)
    if feed.state is None:
        feed.set_feed(round_.time)
    else:
        feed.consume(round_.time)


def _say(feed: Feed, config: MarketConfig, quotes: QuoteConfig, fees: FeeConfig) -> _Said:
    """At the moment of the latest round."""
    state = feed.state
    assert state is not None
    quote = feed.quote(state.updated_at)
    mark = risk.mark_of(config, quote, 0, gates_of(ACTIVE, quote.guarded, quote.unconfirmed))
    fee = fees.fee(WAD, quote.fast_volatility) / WAD
    return _Said(figures(mark, quote, quotes), state.updated_at + state.jump_left, fee)
