"""Price histories: bars of a minute or an hour from CSV files, checked line by line, and windows of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from ballast.history import lines
from ballast.model.oracle import MAX_PRICE, scaled_price

MINUTE = 60  # [s]
HOUR = 3_600  # [s]
DAY = 86_400  # [s]
NAMELESS = "the price history"
DECIMALS = 8  # of an answer, as Chainlink's USD feeds have
COLUMNS = ("timestamp", "open", "high", "low", "close")

History = Mapping[str, Sequence["Bar"]]


_MILLISECONDS = 10**11  # no time in seconds is as late


class PriceFileError(lines.LineError):
    """A price file that cannot be used."""


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


def files_of(prefix: Path) -> dict[str, Path]:
    """Every `<prefix>_<SYMBOL>.csv`, by symbol."""
    paths = sorted(prefix.parent.glob(f"{prefix.name}_*.csv")) if prefix.name else []
    if not paths:
        name = prefix.name or "<PREFIX>"
        problem = f"no price file {name}_<SYMBOL>.csv in {prefix.parent}; expected {name}_BTC.csv or alike"
        raise PriceFileError.at(prefix, None, problem)
    return {path.stem[len(prefix.name) + 1 :]: path for path in paths}


def load(prefix: str | Path, start: int = 0, end: int | None = None) -> dict[str, list[Bar]]:
    """Read every `<prefix>_<SYMBOL>.csv` from `start` up to `end` [s], cut to the bars that all of them have."""
    prefix = Path(prefix)
    return overlap({symbol: read(path, start, end) for symbol, path in files_of(prefix).items()}, prefix)


def read(path: Path, start: int = 0, end: int | None = None) -> list[Bar]:
    """Read one file from `start` up to `end` [s]; of lines outside only the time is looked at.

    Raises PriceFileError at the first line that is not what it should be.
    """
    bars = list(_parse(path, start, end))
    if not bars:
        span = f" from {moment(start)} up to {'the end' if end is None else moment(end)}" if start or end else ""
        raise PriceFileError.at(path, 2, f"no bars{span}; expected one line per minute or hour below the header")
    return _stepped(path, bars)


def overlap(history: Mapping[str, list[Bar]], source: Path) -> dict[str, list[Bar]]:
    """Cut all histories to their common span."""
    clocks = {symbol: (bars[0].step, bars[0].time % bars[0].step) for symbol, bars in history.items()}
    if len(set(clocks.values())) > 1:
        told = ", ".join(f"{symbol} every {step} s at {phase} s" for symbol, (step, phase) in clocks.items())
        raise PriceFileError.at(source, None, f"different clocks: {told}; expected bars of the same times")
    first = max(bars[0].time for bars in history.values())
    last = min(bars[-1].time for bars in history.values())
    if first > last:
        raise PriceFileError.at(
            source, None, f"{', '.join(history)} have no minute in common; expected one shared window"
        )
    return {symbol: [bar for bar in bars if first <= bar.time <= last] for symbol, bars in history.items()}


def whole(history: History, name: str = NAMELESS) -> Window:
    """Everything after the first day."""
    start, end = _tradable(history, name)
    return Window(history, start, end, f"all {(end - start) / HOUR:.0f} hours after the first day")


def worst(history: History, hours: int = 36, name: str = NAMELESS) -> Window:
    """The `hours` with the deepest fall (mean over the underlyings), searched hour by hour after the first day."""
    start, end = _tradable(history, name)
    span = hours * HOUR
    if end - start <= span:
        return whole(history, name)
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


def moment(time: int) -> str:
    """A time as people write it, UTC."""
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M}"


def _tradable(history: History, name: str) -> tuple[int, int]:
    """Start and end of the part that may be traded: a day of warm-up before it, at least an hour long."""
    start = next(iter(history.values()))[0].time + DAY
    end = min(bars[-1].time + bars[-1].step for bars in history.values())
    check_span(name, start - DAY, end)
    return start, end


def check_span(name: str, first: int, end: int) -> None:
    """Raise unless there is a day of warm-up and something to trade in after it [s]."""
    if end - first < DAY + HOUR:
        hours = (end - first) / HOUR
        raise ValueError(f"{name}: {hours:.1f} h of prices; expected a day of warm-up and at least 1 h after it")


def _index(bars: Sequence[Bar], time: int) -> int:
    """Index of the first bar at or after `time`."""
    low, high = 0, len(bars)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if bars[middle].time < time else (low, middle)
    return low


def _parse(path: Path, start: int, end: int | None) -> Iterator[tuple[int, Bar]]:
    """Lines and bars of a CSV whose header names the columns, in any order and among others."""
    for line, fields in lines.records(
        path, lambda names: lines.require(path, names, COLUMNS, PriceFileError), PriceFileError
    ):
        time = _timestamp(path, line, fields[COLUMNS[0]])
        if time < start or (end is not None and time >= end):
            continue
        bar = Bar(time, *(_answer(path, line, name, fields[name]) for name in COLUMNS[1:]))
        if not bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
            raise PriceFileError.at(path, line, "expected low <= open, close <= high")
        yield line, bar


def _stepped(path: Path, numbered: Sequence[tuple[int, Bar]]) -> list[Bar]:
    """The bars, each a minute, or each an hour, after the one before: nothing is filled in, left out or sorted."""
    steps = [(line, bar.time, bar.time - before.time) for (_, before), (line, bar) in pairwise(numbered)]
    for line, time, passed in steps:
        if passed <= 0:
            problem = "given twice" if passed == 0 else "out of order"
            raise PriceFileError.at(path, line, f"timestamp {time}: {problem}; expected later than {time - passed}")
    step = min((passed for *_, passed in steps), default=MINUTE)
    if step not in (MINUTE, HOUR):
        raise PriceFileError.at(path, steps[0][0], f"bars of {step} s; expected bars of {MINUTE} s or {HOUR} s")
    for line, time, passed in steps:
        if passed != step:
            missing = f"a gap of {passed} s from {moment(time - passed)} to {moment(time)}"
            mend = f"expected a bar every {step} s: add them, or replay a span without it (ape run lab --start, --end)"
            raise PriceFileError.at(path, line, f"timestamp {time}: {missing}; {mend}")
    return [replace(bar, step=step) for _, bar in numbered] if step != MINUTE else [bar for _, bar in numbered]


def _timestamp(path: Path, line: int, text: str) -> int:
    """A bar's time: whole minutes, Unix seconds."""
    try:
        time = int(text)
    except ValueError:
        raise PriceFileError.at(path, line, f"timestamp {text!r}; expected Unix seconds") from None
    if time >= _MILLISECONDS:
        raise PriceFileError.at(path, line, f"timestamp {time}; expected Unix seconds, not milliseconds")
    if time <= 0 or time % MINUTE:
        raise PriceFileError.at(path, line, f"timestamp {time}; expected the start of a minute in Unix seconds")
    return time


def _answer(path: Path, line: int, name: str, text: str) -> int:
    """A price as a feed would answer it."""
    try:
        price = Decimal(text)
        answer = int((price.scaleb(DECIMALS)).to_integral_value())
    except (ArithmeticError, ValueError):
        raise PriceFileError.at(path, line, f"{name} {text!r}; expected a number") from None
    if answer <= 0 or scaled_price(answer, DECIMALS) > MAX_PRICE:
        raise PriceFileError.at(path, line, f"{name} {text}; expected a price above 0 that a feed could answer")
    return answer
