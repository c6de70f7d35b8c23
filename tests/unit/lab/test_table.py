"""What the terminal shows."""

from __future__ import annotations

import pytest
from rich.console import Console

from ballast.lab.command import show
from ballast.lab.table import render
from tests.unit.lab.studied import report


def test_render__report__rules_figures_goals_and_legend(capsys: pytest.CaptureFixture[str]) -> None:
    """On a narrow terminal nothing of the table is cut off: figures once ended in dots."""
    show(Console(width=60), render(report()))
    text = capsys.readouterr().out
    assert "2 accounts (mixed), leverage 2–10, 2 seeds" in text
    row = next(line for line in text.splitlines() if line.strip().startswith("ballast"))
    assert "0.0 ±0.0" in row and "60 ±127" in row
    assert "≥ 98 % fewer accounts liquidated than isolated" in text and "no bad debt [bps]" in text
    assert "over that of others, % of initial equity: isolated 28.0 ±0.0, cross 28.0 ±0.0" in text
    assert "…" not in text and "liquidated" in text
    assert "a week: the pool had 90 % of its money at worst, 95 % at the end" in text and "it failed" not in text
