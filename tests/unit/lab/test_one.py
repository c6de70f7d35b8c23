"""One trader's answer: what is lost and when, what is left, and how the engine compares."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from ballast.lab.one import render
from ballast.lab.report import Report
from tests.unit.lab.studied import report


def _shown(asked: Report) -> str:
    console = Console(width=150)
    with console.capture() as capture:
        console.print(render(asked))
    return capture.get()


def _asked(**amounts: list[float]) -> Report:
    """Two accounts of a file; `amounts` of the engine's."""
    found = report()
    rules = dict(found.windows["a week"])
    arrays = {name: np.array(values) for name, values in amounts.items()}
    ours = [replace(outcome, **arrays) for outcome in rules["ballast"].outcomes]
    rules["ballast"] = replace(rules["ballast"], outcomes=ours)
    return replace(found, setup=replace(found.setup, names=("me", "you")), windows={"a week": rules})


def test_render__two_accounts__by_their_names() -> None:
    text = _shown(_asked())
    assert "a week, 1970-01-01 00:00 to 1970-01-01 00:01 UTC, BTC -12.0 % at worst" in text and "by hand" in text
    assert "me: long 1 BTC; equity $1,000.00, intended $900.00" in text
    assert "you: short 1 BTC; equity $500.00, intended -$400.00" in text
    rows = [line for line in text.splitlines() if line.strip().startswith("isolated")]
    assert "nothing" in rows[0] and "BTC 1970-01-01 00:01" in rows[1]


@pytest.mark.parametrize(
    "end, expected",
    [
        ([880.0, 0.0], "it ends with as much as isolated, which loses no books."),
        ([980.004, 0.0], "it ends with $100.00 more than isolated"),
        ([780.0, 0.0], "it ends with $100.00 less than isolated"),
    ],
)
def test_render__against_isolated__more_or_less(end: list[float], expected: str) -> None:
    text = _shown(_asked(final_equity=end, rewards=[3.0, 0.0], cut_costs=[15.0, 0.0], calls=[2, 0]))
    assert "ballast loses no books, for $18.00 in 2 calls; " + expected in text
    assert "-0.00" not in text
