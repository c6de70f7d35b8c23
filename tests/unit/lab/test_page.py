"""The page stands alone and shows every window and rule."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from ballast.lab.figures import cost_figure, equity_figure, frontier_figure, time_figure
from ballast.lab.page import render, write_page
from ballast.lab.report import Report
from tests.unit.lab.studied import report


def _many(windows: int) -> Report:
    """The same window under several names."""
    found = report()
    names = [f"week {i}" for i in range(windows)]
    rules, points = found.windows["a week"], found.frontier["a week"]
    return replace(
        found,
        windows=dict.fromkeys(names, rules),
        sources=dict.fromkeys(names, "by hand"),
        frontier=dict.fromkeys(names, points),
    )


def test_write__page__needs_nothing_else(tmp_path: Path) -> None:
    write_page(report(), tmp_path / "lab" / "index.html")
    text = (tmp_path / "lab" / "index.html").read_text()
    assert "<script src" not in text and "<link" not in text and "Plotly" in text
    body = text[text.index("<body>") :]
    assert all(word in body for word in ("a week", "isolated", "cross", "60.0", "keeper delay: 1 block"))
    assert re.search(r"<b>100\.0 %</b><span>of accounts lose a book: isolated", body)
    assert "0.0 %</b><span>of accounts lose a book: ballast" in body and "5 of 5" in body


def test_render__name_with_markup__is_text() -> None:
    found = report()
    nasty = "<b>week"
    rules = found.windows["a week"]
    text = render(replace(found, windows={nasty: rules}, sources={nasty: "x"}, frontier={}))
    assert "&lt;b&gt;week" in text[text.index("<body>") :]


@pytest.mark.parametrize("windows", [1, 3, 7])
def test_figures__any_number_of_windows__every_rule_in_each(windows: int) -> None:
    found = _many(windows)
    assert len(frontier_figure(found).data) == windows * (3 + 1)
    assert len(cost_figure(found).data) == windows * 4
    assert sum(bool(trace.visible) for trace in equity_figure(found).data) == 1
    shown = [trace for trace in time_figure(found).data if trace.visible]
    assert len(shown) == 2 + 3 * 5 and {trace.name for trace in shown} == {"BTC", "isolated", "cross", "ballast"}


def test_cost_figure__cuts_and_rewards__apart() -> None:
    """Of $1,500 the engine cost $15 and $3 in the outcome by hand; the table shows them together."""
    bars = {trace.name: dict(zip(trace.y, trace.x, strict=True)) for trace in cost_figure(report()).data}
    assert bars["cuts"]["ballast"] == pytest.approx(100) and bars["rewards"]["ballast"] == pytest.approx(20)
    assert bars["penalties"]["isolated"] == pytest.approx(600)


def test_render__table__says_when_each_window_was() -> None:
    assert "a week, 1970-01-01 00:00 to 1970-01-01 00:01 UTC, BTC -12.0 % at worst" in render(report())


def test_equity_figure__engine_against_isolated__in_percent_of_equity() -> None:
    (heat,) = equity_figure(report()).data
    assert heat.z[2][0] == pytest.approx(100 * (1_300 - 880) / 1_500) and heat.z[0][2] == pytest.approx(-28)


def test_render__pool_that_failed__says_so() -> None:
    found = report()
    rules = dict(found.windows["a week"])
    broke = [replace(outcome, pool_closed=3) for outcome in rules["ballast"].outcomes]
    rules["ballast"] = replace(rules["ballast"], outcomes=broke)
    assert "it failed in 2 of 2 seeds" in render(replace(found, windows={"a week": rules}))


def test_render__without_engine_or_goals__still_a_page() -> None:
    found = report()
    rules = {"isolated": found.windows["a week"]["isolated"]}
    text = render(replace(found, windows={"a week": rules}, frontier={}))
    assert "Goals of the default policy" not in text and "Efficiency against containment" not in text
