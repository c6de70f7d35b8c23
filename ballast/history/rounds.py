"""Rounds of real feeds from CSV files, as an explorer or `getRoundData` gives them, checked line by line."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ballast.history.bars import DAY, DECIMALS, HOUR, PriceFileError
from ballast.history.feed import Recording, Round
from ballast.model.oracle import Answer, defect_of, scaled_price

COLUMNS = ("round", "answer", "start", "update", "answeredInRound")
NOT_LATER = "no later than the round before"

_AGGREGATOR_ROUND = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Skipped:
    """A round that the oracle would pass over."""

    line: int
    round: int  # proxy round id
    reason: str


@dataclass(frozen=True)
class RoundFile:
    """What a file holds."""

    rounds: list[Round]
    skipped: list[Skipped]


def read(path: Path) -> RoundFile:
    """Read one file. Raises PriceFileError at the first line that no feed could have written."""
    found = RoundFile([], [])
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for line, round_, held in _parse(path, csv.reader(file)):
                _file(found, line, round_, held)
    except (OSError, UnicodeDecodeError) as problem:
        raise PriceFileError(path, None, f"cannot be read: {problem}") from problem
    if not found.rounds:
        raise PriceFileError(path, 2, "no round that could be used; expected one line per round below the header")
    return found


def whole(rounds: Mapping[str, Sequence[Round]], label: str) -> Recording:
    """All that the feeds have in common, after a first day that only warms up."""
    start = max(each[0].time for each in rounds.values()) + DAY
    end = min(each[-1].time for each in rounds.values())
    if end - start < HOUR:
        hours = (end - start + DAY) / HOUR
        raise ValueError(
            f"the rounds have {hours:.1f} h in common; expected a day of warm-up and at least 1 h after it"
        )
    return Recording(rounds, start, end, label)


def _file(found: RoundFile, line: int, round_: int, held: Answer) -> None:
    index = round_ & _AGGREGATOR_ROUND
    reason = defect_of(held, index, scaled_price(held.answer, DECIMALS), held.updated_at)
    if not reason and found.rounds and held.updated_at <= found.rounds[-1].time:
        reason = NOT_LATER
    if reason:
        found.skipped.append(Skipped(line, round_, reason))
        return
    found.rounds.append(Round(held.updated_at, held.answer))


def _parse(path: Path, rows: Iterator[list[str]]) -> Iterator[tuple[int, int, Answer]]:
    """Line, proxy round id and what the aggregator holds, the ids in order."""
    header = [name.strip() for name in next(rows, [])]
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise PriceFileError(path, 1, f"missing column {', '.join(missing)}; expected a header {','.join(COLUMNS)}")
    columns = [header.index(name) for name in COLUMNS]
    previous = -1
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise PriceFileError(path, line, f"{len(row)} fields; expected {len(header)}")
        figures = [_integer(path, line, name, row[column]) for name, column in zip(COLUMNS, columns, strict=True)]
        round_, answer, _, updated, answered_in = figures
        if round_ <= previous:
            raise PriceFileError(path, line, f"round {round_} after {previous}; expected a higher id")
        previous = round_
        yield line, round_, Answer(answer, updated, answered_in & _AGGREGATOR_ROUND)


def _integer(path: Path, line: int, name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise PriceFileError(path, line, f"{name} {text!r}; expected a whole number") from None
