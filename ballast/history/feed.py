"""How a price feed would have published a history: rounds on a move or on the heartbeat, nothing in between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ballast.history.bars import Bar, History, Window

POINTS = 4  # of a bar
DEVIATION_BPS = 50  # [bps] move since the last round that publishes a new one
HEARTBEAT = 3_600  # [s] silence after which a round is published whatever the move


@dataclass(frozen=True, slots=True)
class Round:
    """One answer of one feed (8 decimals)."""

    time: int
    answer: int


@dataclass(frozen=True, slots=True)
class Tick:
    """All rounds published at one time, by underlying."""

    time: int
    answers: Mapping[str, int]


@dataclass(frozen=True)
class Recording:
    """What feeds publish: rounds before `start` only warm the volatility up, the rest is replayed until `end`."""

    rounds: Mapping[str, Sequence[Round]]  # by underlying
    start: int  # [s]
    end: int  # [s]
    label: str
    notes: tuple[str, ...] = ()  # what was left out of the files, and why


def record(
    window: Window, deviation_bps: int = DEVIATION_BPS, heartbeat: int = HEARTBEAT, latency: int = 0
) -> Recording:
    """The rounds of a window, each of which lands `latency` seconds after what it says was true."""
    rounds = {
        symbol: [Round(point.time + latency, point.answer) for point in publish(bars, deviation_bps, heartbeat)]
        for symbol, bars in window.history.items()
    }
    return Recording(rounds, window.start, window.end, window.label)


def walk(bar: Bar) -> tuple[Round, Round, Round, Round]:
    """A bar as four points: open, the extreme further from the open, the other extreme, close."""
    adverse, other = (bar.low, bar.high) if bar.open - bar.low >= bar.high - bar.open else (bar.high, bar.low)
    points = (bar.open, adverse, other, bar.close)
    first, second, third, fourth = (Round(bar.time + i * bar.step // POINTS, answer) for i, answer in enumerate(points))
    return first, second, third, fourth


def publish(bars: Iterable[Bar], deviation_bps: int = DEVIATION_BPS, heartbeat: int = HEARTBEAT) -> Iterator[Round]:
    """The rounds of one feed over `bars`; the first point always publishes."""
    last: Round | None = None
    for bar in bars:
        for point in walk(bar):
            if last is None or _is_due(last, point, deviation_bps, heartbeat):
                last = point
                yield point


def ticks(history: History) -> list[Tick]:
    """The rounds of all feeds in time order, those of one moment together."""
    return merge({symbol: publish(bars) for symbol, bars in history.items()})


def merge(rounds: Mapping[str, Iterable[Round]]) -> list[Tick]:
    """Rounds by underlying, in time order."""
    merged: dict[int, dict[str, int]] = {}
    for symbol, published in rounds.items():
        for point in published:
            merged.setdefault(point.time, {})[symbol] = point.answer
    return [Tick(time, merged[time]) for time in sorted(merged)]


def _is_due(last: Round, point: Round, deviation_bps: int, heartbeat: int) -> bool:
    """Whether the feed would publish `point` after `last`."""
    moved = abs(point.answer - last.answer) * 10_000 >= deviation_bps * last.answer
    return moved or point.time - last.time >= heartbeat
