"""One assumption at a time: what an axis changes, what is replayed, where the promise is said to hold."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from ballast.lab import sensitivity_files, sensitivity_page, sensitivity_table
from ballast.lab.jobs import Worker
from ballast.lab.measures import CONTAINMENT, Estimate
from ballast.lab.report import BALLAST, CROSS, ISOLATED, Setup
from ballast.lab.sensitivity import AXES, MEASURES, RULES, Assumed, Axis, Point, Sensitivities, Sensitivity, held
from ballast.lab.study import Drawn
from ballast.lab.windows import FeedSettings, Source
from ballast.lab.world import Settings
from scripts.sensitivity import cli
from tests.unit.lab.scene import PARAMS, START

BY_NAME = {axis.name: axis for axis in AXES}
SETUP = Setup("mixed", 12, (2, 10), (1,))


def _sensitivity(axes: Sequence[Axis], accounts: int = 12, assumed: Assumed | None = None) -> Sensitivity:
    holdings = Drawn("mixed", accounts)
    source = Source.of("generated_crash")
    return Sensitivity([source], holdings, (1,), PARAMS, SETUP, assumed or Assumed(), axes)


def _point(value: float, lost: float, debt: float = 0.0, cost: float = 20.0, own: bool = False) -> Point:
    """Isolated margin loses four in five, for 60 bps."""
    nothing = dict.fromkeys((*MEASURES, CONTAINMENT), Estimate.of([math.nan]))

    def rule(**measures: float) -> Mapping[str, Estimate]:
        return {**nothing, **{name: Estimate.of([each]) for name, each in measures.items()}}

    rules = {
        ISOLATED: rule(accounts_liquidated_pct=80, penalties_bps=60, cost_bps=0, bad_debt_bps=1),
        CROSS: rule(accounts_liquidated_pct=40, penalties_bps=30, cost_bps=0, bad_debt_bps=0),
        BALLAST: rule(accounts_liquidated_pct=lost, penalties_bps=0, cost_bps=cost, bad_debt_bps=debt, pool_low_pct=55),
    }
    return Point(value, own, rules)


def _found() -> Sensitivities:
    """Keepers that may be a block late but not two, in bars; real rounds, which nothing is assumed of."""
    late = [_point(0, 0), _point(1, 1.6, own=True), _point(2, 1.7, cost=21), _point(5, 9, debt=3)]
    feeds = [_point(50, 0, own=True), _point(100, 0, debt=0.5)]
    lines = {"a <b>week": {"delay": late, "deviation": feeds}, "rounds": {"delay": late}}
    axes = [BY_NAME["delay"], BY_NAME["deviation"]]
    return Sensitivities(replace(SETUP, facts={"gas": "2 gwei"}), dict.fromkeys(lines, "by hand"), axes, lines, 1.5)


@pytest.mark.parametrize("axis", AXES, ids=lambda axis: axis.name)
def test_at__each_axis__changes_its_own_assumption_and_no_other(axis: Axis) -> None:
    base = Assumed()
    for value in axis.along(base):
        before, after = asdict(base), asdict(axis.at(base, value))
        assert after[axis.of][axis.attribute or axis.name] == value == axis.own(axis.at(base, value))
        for part in before:
            for name in before[part].keys() - {axis.attribute or axis.name, *axis.also}:
                assert after[part][name] == before[part][name]


def test_along__other_value_than_the_axis_has__is_among_them() -> None:
    assert BY_NAME["delay"].along(Assumed(settings=Settings(delay=3))) == [0, 1, 2, 3, 5, 10, 20]
    assert BY_NAME["deviation"].along(Assumed(feed=FeedSettings(25))) == [10, 25, 50, 100, 200]


def test_jobs__all_axes__each_once_and_those_of_one_tape_together() -> None:
    jobs = _sensitivity(AXES).jobs()
    assert len({replace(job, contained=True) for job in jobs}) == len(jobs)
    feeds = [job.feed for job in jobs]
    assert sum(feed != before for feed, before in zip(feeds[1:], feeds, strict=False)) == len(set(feeds)) - 1
    called = [job for job in jobs if job.settings.paid]
    assert {job.contender.rule for job in called} == {BALLAST} and len(called) == len(BY_NAME["paid"].values)


def test_jobs__containment__only_on_axes_that_it_hangs_on() -> None:
    gas, late = BY_NAME["gas_price"], BY_NAME["delay"]
    assert not any(job.contained for job in _sensitivity([gas]).jobs())
    asked = {(job.settings.delay, job.settings.gas_price) for job in _sensitivity([gas, late]).jobs() if job.contained}
    assert asked == {(delay, 2.0) for delay in late.values}


def test_scene__longer_delay__the_same_tape_and_accounts() -> None:
    worker = Worker(PARAMS, Drawn("mixed", 3))
    jobs = {job.settings.delay: job for job in _sensitivity([BY_NAME["delay"]]).jobs()}
    first = worker.scene(jobs[0])
    assert all(worker.scene(job) is first for job in jobs.values())


def test_scene__greater_deviation__fewer_rounds() -> None:
    worker = Worker(PARAMS, Drawn("mixed", 3))
    jobs = {job.feed.deviation_bps: job for job in _sensitivity([BY_NAME["deviation"]]).jobs()}
    rounds = [len(worker.scene(job).tape.times) for _, job in sorted(jobs.items())]
    assert rounds == sorted(rounds, reverse=True) and rounds[0] > 10 * rounds[-1]


def test_run__depth__the_engine_fails_with_its_pool() -> None:
    axis = replace(BY_NAME["depth"], values=(0.025, 1))
    told: list[tuple[int, int]] = []
    found = _sensitivity([axis], 40).run(lambda _, done, all_: told.append((done, all_)))
    shallow, own = found.lines["generated_crash"]["depth"]
    assert found.sources == {"generated_crash": "generated crash (not market data)"}
    assert told[-1] == (6, 6) and (shallow.own, own.own) == (False, True)
    lost = [point.mean(BALLAST, "accounts_liquidated_pct") for point in (shallow, own)]
    assert lost[0] > lost[1] and shallow.mean(BALLAST, "pool_low_pct") < own.mean(BALLAST, "pool_low_pct")
    assert own.rules[ISOLATED][CONTAINMENT].mean == pytest.approx(100) and own.rules[CROSS][CONTAINMENT].mean == 0
    assert set(own.rules) == set(RULES) and own.share_pct > 0


@pytest.mark.parametrize(
    "lost, debt, cost, kept, cheap",
    [(1.6, 0, 20, True, True), (1.7, 0, 20, False, True), (0, 0.1, 20, False, True), (0, 0, 20.1, True, False)],
)
def test_point__promise_and_price__by_the_goals(lost: float, debt: float, cost: float, kept: bool, cheap: bool) -> None:
    point = _point(1, lost, debt, cost)
    assert (point.kept(), point.cheap()) == (kept, cheap)


@pytest.mark.parametrize(
    "lost, text",
    [
        ((0, 0, 0, 0), "all"),
        ((9, 9, 9, 9), "none"),
        ((0, 0, 9, 9), "10–25"),
        ((9, 0, 9, 9), "25"),
        ((0, 9, 0, 0), "10, 50–100"),
    ],
)
def test_held__values__as_they_follow_one_another(lost: Sequence[float], text: str) -> None:
    axis = BY_NAME["profit"]
    line = [_point(value, each) for value, each in zip((0.001, 0.0025, 0.005, 0.01), lost, strict=True)]
    assert held(axis, line, Point.kept) == text


def test_axes_of__real_rounds__nothing_is_assumed_of_feeds(tmp_path: Path) -> None:
    path = tmp_path / "btc.csv"
    path.write_text(f"round_id,answer,updated_at\n1,4000000000000,{START}\n")
    study = _sensitivity(AXES)
    assert [axis.name for axis in study.axes_of(Source.of(f"BTC={path}"))] == [
        axis.name for axis in AXES if axis.name != "deviation"
    ]
    assert study.axes_of(study.sources[0]) == list(AXES)


def test_write__json__by_window_and_axis(tmp_path: Path) -> None:
    sensitivity_files.write(_found(), tmp_path)
    read = json.loads((tmp_path / "sensitivity.json").read_text())
    week = read["windows"]["a <b>week"]
    assert [point["value"] for point in week["deviation"]] == [0.5, 1] and list(read["windows"]["rounds"]) == ["delay"]
    assert [point["promise_kept"] for point in week["delay"]] == [True, True, False, False]
    assert week["delay"][1]["default"] and week["delay"][2]["cost_share_pct"] == 35
    assert week["delay"][0]["rules"][ISOLATED]["penalties_bps"] == 60
    assert week["delay"][0]["rules"][CROSS][CONTAINMENT] is None
    assert read["setup"]["gas"] == "2 gwei" and read["axes"]["delay"]["unit"] == "blocks"


def test_write__markdown__a_column_for_each_window(tmp_path: Path) -> None:
    sensitivity_files.write(_found(), tmp_path)
    lines = (tmp_path / "sensitivity.md").read_text().splitlines()
    assert {line.count("|") for line in lines} == {4}
    assert "| 1 (default) | 1.6 (80) · 20 (60) · 55 | 1.6 (80) · 20 (60) · 55 |" in lines
    assert "| 5 | **9.0** (80) · 20 (60) · 55, owed 3.0 | **9.0** (80) · 20 (60) · 55, owed 3.0 |" in lines
    assert lines[-1] == "| 1 | **0.0** (80) · 20 (60) · 55, owed 0.5 | – |"


def test_page__several_windows__stands_alone() -> None:
    text = sensitivity_page.render(_found())
    body = text[text.index("<body>") :]
    assert "<script src" not in text and "<link" not in text and "a &lt;b&gt;week" in body
    assert '<td><span class="good">0–1</span></td>' in body and "8 of 10</b><span>at which it is cheap" in body


def test_figures__line_for_each_window_and_rule__only_where_measured() -> None:
    found = _found()
    overview = sensitivity_page.overview_figure(found)
    assert len(overview.data) == 4 * (2 + 1), "neither calls nor containment were measured"
    (panel,) = {trace.name for trace in overview.data if len(trace.x) == 2}
    assert panel == "a <b>week"
    beside = sensitivity_page.axis_figure(found, found.axes[0])
    assert len(beside.data) == 2 * (3 + 3 + 4) and list(beside.data[0].y) == [80] * 4


def test_table__points_and_verdicts__in_the_terminal() -> None:
    console = Console(width=150, record=True, file=io.StringIO())
    console.print(sensitivity_table.render(_found()))
    text = console.export_text()
    assert "keeper delay, blocks" in text and "1 ←" in text and "0.5 ←" in text
    verdict = text[text.index("Where ≥ 98 %") :]
    assert [line.split() for line in verdict.splitlines() if "feed deviation" in line] == [
        ["feed", "deviation,", "%", "0.5", "–"],
        ["feed", "deviation,", "%", "all", "–"],
    ]


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(each) for each in arguments])


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (("--axis", "luck"), "'luck' is not one of 'delay', 'deviation'"),
        (("--prices", "nowhere/week"), "nowhere/week: no price file week_<SYMBOL>.csv in nowhere"),
        (("--population", "lucky"), "'lucky': expected one of single, hedged"),
        (("--gas-price", "-1"), "gas_price -1.0: expected at least 0"),
        (("--deviation", "0"), "deviation_bps 0: expected 1 to 10000"),
    ],
)
def test_sensitivity__bad_input__one_line(arguments: tuple[str, ...], complaint: str) -> None:
    result = _run(*arguments, "--jobs", 1)
    assert result.exit_code != 0
    (error,) = [line for line in result.output.splitlines() if line.startswith("Error:")]
    assert complaint in error and "Traceback" not in result.output
