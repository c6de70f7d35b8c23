"""CSV files line by line, each with its number; what is wrong with one is named by file, line and what was expected."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self


class LineError(ValueError):
    """A file that cannot be used."""

    @classmethod
    def at(cls, path: Path, line: int | None, problem: str) -> Self:
        """In that line; None: as a whole."""
        return cls(f"{path}: {problem}" if line is None else f"{path}:{line}: {problem}")


def records(
    path: Path, check: Callable[[Sequence[str]], None], error: type[LineError]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Number and fields by column of every line below the header; empty lines are passed over.

    `check` says what is wrong with the names of the columns.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            yield from _records(path, csv.reader(file, strict=True), check, error)
    except OSError as problem:
        raise error.at(path, None, f"cannot be read: {problem.strerror}") from problem
    except (UnicodeDecodeError, csv.Error) as problem:
        raise error.at(path, None, f"cannot be read: {problem}; expected CSV in UTF-8") from problem


def header(path: Path, error: type[LineError]) -> list[str]:
    """The names of the columns."""
    names: list[str] = []
    for _ in records(path, names.extend, error):
        break
    return names


def require(path: Path, names: Sequence[str], wanted: Sequence[str], error: type[LineError]) -> None:
    """Raise unless the columns that are wanted are there."""
    missing = [name for name in wanted if name not in names]
    if missing:
        raise error.at(path, 1, f"missing column {', '.join(missing)}; expected a header {','.join(wanted)}")


def _records(
    path: Path, rows: Iterator[list[str]], check: Callable[[Sequence[str]], None], error: type[LineError]
) -> Iterator[tuple[int, dict[str, str]]]:
    names = [name.strip() for name in next(rows, [])]
    check(names)
    if twice := [name for name in names if names.count(name) > 1]:
        raise error.at(path, 1, f"two columns are called {twice[0]!r}; expected each name once")
    for line, row in enumerate(rows, start=2):
        if not row:
            continue
        if len(row) != len(names):
            raise error.at(path, line, f"{len(row)} fields; expected {len(names)}")
        yield line, dict(zip(names, row, strict=True))
