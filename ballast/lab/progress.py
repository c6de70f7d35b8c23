"""How far a study is: a bar in a terminal, a line now and then where there is none."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from ballast.lab.jobs import Progress

EVERY = 20.0  # [s] from line to line


@contextmanager
def shown(console: Console, tell: Callable[[str], None]) -> Iterator[Progress]:
    """What to tell of every replay that is done; `tell` writes a line."""
    if not console.is_terminal:
        yield _Lines(tell)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console) as bar:
        task = bar.add_task("reading prices", total=None)
        yield lambda what, done, all_: bar.update(task, description=what, completed=done, total=all_)


class _Lines:
    """Says how far it is where the last time was long ago; short runs say nothing."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._begun = self._told = time.monotonic()

    def __call__(self, what: str, done: int, all_: int) -> None:
        now = time.monotonic()
        if now - self._told < EVERY:
            return
        self._told = now
        self._tell(f"{done} of {all_} replays, {now - self._begun:.0f} s: {what}")
