"""The truth second by second, and what a price feed tells of it.

Minute bars only bound the truth: a seeded Brownian bridge runs through each minute's open, high, low and close. The
feed publishes on a move of 0.5 % or on its heartbeat; what it publishes is ten seconds old when it lands, if not told
otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ballast.history import generate
from ballast.history.bars import MINUTE, Bar, read, worst

LATENCY = 10  # [s] from what the feed observes to the round on chain
DEVIATION = 0.005
HEARTBEAT = 3_600  # [s]
HOURS = 24  # of a history that are played: those with the deepest fall

Series = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Round:
    """One answer of the feed."""

    time: int  # [s] from the start of the path: when it lands, and its `updatedAt`
    price: float  # the truth when the feed observed it


def generated_day() -> list[Bar]:
    """The worst day of the demonstration's generated crash."""
    return _worst_day(generate.crash(gap=0).history["ETH"])


def price_files(folder: Path) -> dict[str, Path]:
    """Every `<window>_<SYMBOL>.csv` of minute bars in a folder, by its name; none if it is not there."""
    return {path.stem: path for path in sorted(folder.glob("*_[A-Z]*.csv"))}


def real_day(path: Path) -> list[Bar]:
    """The worst day of a file."""
    return _worst_day(read(path))


def bridge(bars: Sequence[Bar], seed: int) -> Series:
    """The truth at every second of `bars`: it meets each bar's open, high, low and close, and leaves no bar."""
    source = np.random.default_rng(seed)
    return np.concatenate([_minute(bar, source) for bar in bars])


def publish(truth: Series, latency: int = LATENCY) -> list[Round]:
    """The rounds that a feed watching `truth` lands, so late [s]; the first at once."""
    rounds, seen = [Round(0, float(truth[0]))], 0
    while True:
        ahead = truth[seen + 1 : seen + 1 + HEARTBEAT]
        moved = np.abs(ahead / truth[seen] - 1) >= DEVIATION
        seen += int(moved.argmax()) + 1 if moved.any() else HEARTBEAT
        if seen + latency >= len(truth):
            return rounds
        rounds.append(Round(seen + latency, float(truth[seen])))


def _worst_day(bars: Sequence[Bar]) -> list[Bar]:
    window = worst({"": bars}, HOURS)
    return [bar for bar in window.history[""] if window.start <= bar.time < window.end]


def _minute(bar: Bar, source: np.random.Generator) -> Series:
    """Sixty seconds within one bar: from open to one extreme, to the other, to the close."""
    first, second = sorted(source.choice(np.arange(5, 55), size=2, replace=False))
    extremes = (bar.high, bar.low) if source.random() < 0.5 else (bar.low, bar.high)
    corners = ((0, bar.open), (int(first), extremes[0]), (int(second), extremes[1]), (MINUTE, bar.close))
    # the mean range of a Brownian minute is 1.6 standard deviations
    steps = source.normal(0, np.log(bar.high / bar.low) / 1.6 / np.sqrt(MINUTE), MINUTE)
    path = np.empty(MINUTE + 1)
    for (start, entry), (end, leave) in pairwise(corners):
        walk = np.concatenate(([0.0], np.cumsum(steps[start:end])))
        line = np.linspace(0, 1, end - start + 1)
        path[start : end + 1] = np.log(entry) + walk - line * walk[-1] + line * np.log(leave / entry)
    return np.clip(np.exp(path[:MINUTE]), bar.low, bar.high)
