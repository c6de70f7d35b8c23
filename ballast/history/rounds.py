"""Rounds of real feeds from CSV files, as an explorer or `getRoundData` gives them, checked line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ballast.history import lines
from ballast.history.bars import DAY, DECIMALS, PriceFileError, check_span, moment
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


def read(path: Path, start: int = 0, end: int | None = None) -> RoundFile:
    """Read one file, and keep the rounds from `start` up to `end` [s].

    Raises PriceFileError at the first line that no feed could have written.
    """
    found = RoundFile([], [])
    for line, round_, held in _parse(path):
        if start <= held.updated_at and (end is None or held.updated_at < end):
            _file(found, line, round_, held)
    if not found.rounds:
        span = f" from {moment(start)} up to {'the end' if end is None else moment(end)}" if start or end else ""
        raise PriceFileError.at(path, 2, f"no round that could be used{span}; expected one a line below the header")
    return found


def whole(rounds: Mapping[str, Sequence[Round]], label: str) -> Recording:
    """All that the feeds have in common, after a first day that only warms up."""
    first = max(each[0].time for each in rounds.values())
    end = min(each[-1].time for each in rounds.values())
    check_span(label, first, end)
    return Recording(rounds, first + DAY, end, label)


def _file(found: RoundFile, line: int, round_: int, held: Answer) -> None:
    index = round_ & _AGGREGATOR_ROUND
    reason = defect_of(held, index, scaled_price(held.answer, DECIMALS), held.updated_at)
    if not reason and found.rounds and held.updated_at <= found.rounds[-1].time:
        reason = NOT_LATER
    if reason:
        found.skipped.append(Skipped(line, round_, reason))
        return
    found.rounds.append(Round(held.updated_at, held.answer))


def _parse(path: Path) -> Iterator[tuple[int, int, Answer]]:
    """Line, proxy round id and what the aggregator holds, the ids in order."""
    previous = -1
    for line, fields in lines.records(
        path, lambda names: lines.require(path, names, COLUMNS, PriceFileError), PriceFileError
    ):
        round_, answer, _, updated, answered_in = (_integer(path, line, name, fields[name]) for name in COLUMNS)
        if round_ <= previous:
            raise PriceFileError.at(path, line, f"round {round_} after {previous}; expected a higher id")
        previous = round_
        yield line, round_, Answer(answer, updated, answered_in & _AGGREGATOR_ROUND)


def _integer(path: Path, line: int, name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise PriceFileError.at(path, line, f"{name} {text!r}; expected a whole number") from None
