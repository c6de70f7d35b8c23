"""Price histories: bars of a minute or an hour from CSV files, checked line by line, and windows of them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path

MINUTE = 60  # [s]
HOUR = 3_600  # [s]
DAY = 86_400  # [s]
DECIMALS = 8  # of an answer, as Chainlink's USD feeds have
COLUMNS = ("timestamp", "open", "high", "low", "close")

History = Mapping[str, Sequence["Bar"]]


class PriceFileError(ValueError):
    """A price file that cannot be used: names the file, the line and what was expected."""

    def __init__(self, path: Path, line: int | None, problem: str) -> None:
        where = str(path) if line is None else f"{path}:{line}"
        super().__init__(f"{where}: {problem}")


@dataclass(frozen=True, slots=True)
class Bar:
    """One minute, or hour, of one underlying; prices are feed answers (8 decimals)."""

    time: int
    open: int
    high: int
    low: int
    close: int
    step: int = MINUTE  # [s] that it covers


@dataclass(frozen=True)
class Window:
    """What a run replays: bars before `start` only warm the volatility up, trading happens in [start, end)."""

    history: History
    start: int
    end: int
    label: str

    @property
    def warm_up(self) -> int:
        """Seconds of history before trading starts."""
        return self.start - min(bars[0].time for bars in self.history.values())


def load(prefix: str | Path, start: int = 0, end: int | None = None) -> dict[str, list[Bar]]:
    """Read every `<prefix>_<SYMBOL>.csv` from `start` up to `end` [s], cut to the bars that all of them have."""
    prefix = Path(prefix)
    paths = sorted(prefix.parent.glob(f"{prefix.name}_*.csv"))
    if not paths:
        expected = (
            f"no price file {prefix.name}_<SYMBOL>.csv in {prefix.parent}; expected {prefix.name}_BTC.csv or alike"
        )
        raise PriceFileError(prefix, None, expected)
    return overlap({path.stem[len(prefix.name) + 1 :]: read(path, start, end) for path in paths}, prefix)


def read(path: Path, start: int = 0, end: int | None = None) -> list[Bar]:
    """Read one file from `start` up to `end` [s]; of lines outside only the time is looked at.

    Raises PriceFileError at the first line that is not what it should be.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            bars = list(_parse(path, csv.reader(file), start, end))
    except (OSError, UnicodeDecodeError) as problem:
        raise PriceFileError(path, None, f"cannot be read: {problem}") from problem
    if not bars:
        raise PriceFileError(path, 2, "no bars; expected one line per minute or hour below the header")
    return _stepped(path, bars)


def overlap(history: Mapping[str, list[Bar]], source: Path) -> dict[str, list[Bar]]:
    """Cut all histories to their common span."""
    clocks = {symbol: (bars[0].step, bars[0].time % bars[0].step) for symbol, bars in history.items()}
    if len(set(clocks.values())) > 1:
        told = ", ".join(f"{symbol} every {step} s at {phase} s" for symbol, (step, phase) in clocks.items())
        raise PriceFileError(source, None, f"different clocks: {told}; expected bars of the same times")
    first = max(bars[0].time for bars in history.values())
    last = min(bars[-1].time for bars in history.values())
    if first > last:
        raise PriceFileError(source, None, f"{', '.join(history)} have no minute in common; expected one shared window")
    return {symbol: [bar for bar in bars if first <= bar.time <= last] for symbol, bars in history.items()}


def whole(history: History) -> Window:
    """Everything after the first day."""
    start, end = _tradable(history)
    return Window(history, start, end, f"all {(end - start) / HOUR:.0f} hours after the first day")


def worst(history: History, hours: int = 36) -> Window:
    """The `hours` with the deepest fall (mean over the underlyings), searched hour by hour after the first day."""
    start, end = _tradable(history)
    span = hours * HOUR
    if end - start <= span:
        return whole(history)
    starts = range(start, end - span + 1, HOUR)
    best = max(starts, key=lambda at: sum(drawdown(bars, at, at + span) for bars in history.values()))
    cut = {symbol: [bar for bar in bars if bar.time < best + span] for symbol, bars in history.items()}
    return Window(cut, best, best + span, f"the {hours} worst hours")


def drawdown(bars: Sequence[Bar], start: int, end: int) -> float:
    """Deepest fall from a high to a later low within [start, end), as a fraction."""
    peak, deepest = 0, 0.0
    for bar in bars[_index(bars, start) : _index(bars, end)]:
        peak = max(peak, bar.high)
        deepest = max(deepest, 1 - bar.low / peak)
    return deepest


def _tradable(history: History) -> tuple[int, int]:
    """Start and end of the part that may be traded: a day of warm-up before it, at least an hour long."""
    start = next(iter(history.values()))[0].time + DAY
    end = min(bars[-1].time + bars[-1].step for bars in history.values())
    if end - start < HOUR:
        hours = (end - start + DAY) / HOUR
        raise ValueError(f"the price history covers {hours:.1f} h; expected a day of warm-up and at least 1 h after it")
    return start, end


def _index(bars: Sequence[Bar], time: int) -> int:
    """Index of the first bar at or after `time`."""
    low, high = 0, len(bars)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if bars[middle].time < time else (low, middle)
    return low


def _parse(path: Path, rows: Iterator[list[str]], start: int, end: int | None) -> Iterator[tuple[int, Bar]]:
    """Lines and bars of a CSV whose header names the columns, in any order and among others."""
    header = [name.strip() for name in next(rows, [])]
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise PriceFileError(path, 1, f"missing column {', '.join(missing)}; expected a header {','.join(COLUMNS)}")
    columns = {name: header.index(name) for name in COLUMNS}
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise PriceFileError(path, line, f"{len(row)} fields; expected {len(header)}")
        time = _timestamp(path, line, row[columns["timestamp"]])
        if time < start or (end is not None and time >= end):
            continue
        bar = Bar(time, *(_answer(path, line, name, row[columns[name]]) for name in COLUMNS[1:]))
        if not bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
            raise PriceFileError(path, line, "expected low <= open, close <= high")
        yield line, bar


def _stepped(path: Path, lines: Sequence[tuple[int, Bar]]) -> list[Bar]:
    """The bars, each a minute, or each an hour, after the one before: nothing is filled in."""
    step = HOUR if len(lines) > 1 and lines[1][1].time - lines[0][1].time == HOUR else MINUTE
    for (_, before), (line, bar) in pairwise(lines):
        passed = bar.time - before.time
        if passed == step:
            continue
        problem = "given twice" if passed == 0 else "out of order" if passed < 0 else f"a gap of {passed} s"
        raise PriceFileError(path, line, f"timestamp {bar.time}: {problem}; expected {before.time + step}")
    return [replace(bar, step=step) for _, bar in lines] if step != MINUTE else [bar for _, bar in lines]


def _timestamp(path: Path, line: int, text: str) -> int:
    """A bar's time: whole minutes, Unix seconds."""
    try:
        time = int(text)
    except ValueError:
        raise PriceFileError(path, line, f"timestamp {text!r}; expected Unix seconds") from None
    if time <= 0 or time % MINUTE:
        raise PriceFileError(path, line, f"timestamp {time}; expected the start of a minute in Unix seconds")
    return time


def _answer(path: Path, line: int, name: str, text: str) -> int:
    """A price as a feed would answer it."""
    try:
        price = Decimal(text)
        answer = int((price.scaleb(DECIMALS)).to_integral_value())
    except (InvalidOperation, ValueError, OverflowError):
        raise PriceFileError(path, line, f"{name} {text!r}; expected a number") from None
    if answer <= 0:
        raise PriceFileError(path, line, f"{name} {text}; expected a price above 0")
    return answer
