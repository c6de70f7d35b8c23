"""How far a study is, in a terminal and without one."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from ballast.lab import progress


def test_shown__no_terminal__a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter((0.0, 5.0, 21.0, 30.0, 50.0))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(now))
    told: list[str] = []
    with progress.shown(Console(file=io.StringIO()), told.append) as tell:
        for done in range(1, 5):
            tell(f"march, cross, seed {done}", done, 9)
    assert told == ["2 of 9 replays, 21 s: march, cross, seed 2", "4 of 9 replays, 50 s: march, cross, seed 4"]


def test_shown__terminal__a_bar() -> None:
    written, told = io.StringIO(), list[str]()
    with progress.shown(Console(file=written, force_terminal=True, width=100), told.append) as tell:
        tell("march, cross, seed 1", 9, 9)
    assert "march, cross, seed 1" in written.getvalue() and "9/9" in written.getvalue() and not told
