"""The search for default parameters: its space, how trials are judged, and what the page says."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ballast import params as params_
from ballast.chain.abi import ROOT
from ballast.lab.calibrated import BEGIN, END, Calibration, as_json, insert, markdown, write
from ballast.lab.calibration import SPACE, Bench, Figures, Judged, best, params_of, search, undone, values_of
from ballast.lab.study import Drawn
from ballast.lab.windows import sources
from ballast.model.fixed_point import WAD
from ballast.model.policy import Policy

PARAMS = params_.load(params_.DEFAULT)
CRASH = Figures(
    crash=True,
    cost_bps=100.0,
    penalties_bps=150.0,
    tracking_rms_bps=5_000.0,
    saved_pct=100.0,
    saved_cross_pct=96.0,
    bad_debt_bps=0.0,
    isolated_debt_bps=50.0,
    containment_pct=70.0,
    leverage=4.0,
)
CALM = replace(
    CRASH,
    crash=False,
    cost_bps=0.0,
    saved_pct=math.nan,
    saved_cross_pct=math.nan,
    isolated_debt_bps=0.0,
    tracking_rms_bps=0.0,
)
NOW = Judged(values_of(PARAMS), {"crash": CRASH, "calm": CALM})


def changed(**figures: float) -> Judged:
    """With other figures in the crash."""
    return Judged({**NOW.values, "containment": 20.0}, {"crash": replace(CRASH, **figures), "calm": CALM})


@pytest.fixture(scope="module")
def crash(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A calm day, then a market that loses two fifths within two hours: a prefix of files."""
    prefix = tmp_path_factory.mktemp("prices") / "fall"
    moves = np.random.default_rng(1).normal(0, 0.0004, 1_440 + 150)
    moves[1_440:1_560] -= 0.0043
    closes = 30_000 * np.exp(np.cumsum(moves))
    opens = np.concatenate([[30_000.0], closes[:-1]])
    lines = [
        f"{1_700_006_400 + 60 * minute},{open_},{max(open_, close)},{min(open_, close)},{close}"
        for minute, (open_, close) in enumerate(zip(opens, closes, strict=True))
    ]
    prefix.with_name("fall_BTC.csv").write_text("\n".join(["timestamp,open,high,low,close", *lines]) + "\n")
    return str(prefix)


def bench(*windows: str) -> Bench:
    return Bench(tuple(sources(windows)), Drawn("single", 12), (1,), PARAMS)


def found() -> Calibration:
    """By hand: two trials, the second of which is better."""
    chosen = changed(cost_bps=50.0)
    back = {"containment": changed(cost_bps=80.0, containment_pct=55.0)}
    here = bench("generated_crash", "generated_calm")
    return Calibration(here, here, [NOW, chosen], chosen, back, NOW, chosen)


# The space


def test_params_of__where_parameters_stand__the_same_parameters() -> None:
    assert params_of(values_of(PARAMS), PARAMS) == PARAMS


def test_params_of__anywhere_in_the_space__an_owner_could_set_the_policy() -> None:
    source = np.random.default_rng(5)
    for _ in range(500):
        values = {
            each.name: each.low + each.step * source.integers(round((each.high - each.low) / each.step) + 1)
            for each in SPACE
        }
        params = params_of(values, PARAMS)
        Policy(**params.policy.model_dump()).check()
        assert params.policy.z_trigger == round(values["z_trigger"] * 100) * WAD // 100
        assert {market.risk.initial_ratio for market in params.markets.values()} == {
            round(values["initial_ratio"] * 100) * WAD // 100
        }


def test_space__the_present_parameters__are_a_point_of_it() -> None:
    for variable in SPACE:
        steps = (NOW.values[variable.name] - variable.low) / variable.step
        assert steps == pytest.approx(round(steps)) and variable.low <= NOW.values[variable.name] <= variable.high


# Judging


def test_violations__all_goals_met__none_above_zero() -> None:
    assert NOW.feasible
    assert NOW.violations()["containment"] == pytest.approx(-10)


@pytest.mark.parametrize(
    ("figures", "goal", "by"),
    [
        ({"saved_pct": 90.0}, "saved", 8.0),
        ({"saved_cross_pct": 90.0}, "saved_cross", 5.0),
        ({"bad_debt_bps": 0.1}, "bad_debt", 0.1),
        ({"containment_pct": 40.0}, "containment", 20.0),
    ],
)
def test_violations__a_goal_missed_in_one_window__by_how_much(figures: dict[str, float], goal: str, by: float) -> None:
    judged = changed(**figures)
    assert not judged.feasible
    assert judged.violations()[goal] == pytest.approx(by)


def test_violations__nothing_to_contain__no_goal() -> None:
    for figures in (CRASH, CALM):
        judged = Judged(NOW.values, {"week": replace(figures, containment_pct=math.nan)})
        assert judged.feasible and judged.violations()["containment"] == 0


def test_violations__cuts_in_a_calm_week__missed() -> None:
    judged = Judged(NOW.values, {"calm": replace(CALM, cost_bps=1.0)})
    assert judged.violations()["calm"] == pytest.approx(0.95)


def test_score__the_present__one_and_each_part_counts() -> None:
    assert NOW.score(NOW) == 1
    assert changed(cost_bps=60.0).score(NOW) == pytest.approx(0.9)
    assert changed(tracking_rms_bps=2_500.0).score(NOW) == pytest.approx(0.875)
    assert changed(isolated_debt_bps=0.0).score(NOW) == pytest.approx(0.75)
    assert changed(leverage=0.0).score(NOW) == pytest.approx(1.25)


def test_best__cheapest_misses_a_goal__the_next() -> None:
    cheap, fair = changed(cost_bps=1.0, containment_pct=59.0), changed(cost_bps=90.0)
    assert best([NOW, cheap, fair]) is fair
    with pytest.raises(ValueError, match="none of 1 trials meets the goals"):
        best([cheap])


def test_best__scores_next_to_each_other__what_lets_most_flow() -> None:
    cheapest = changed(cost_bps=60.0)
    near = replace(changed(cost_bps=63.9), values={**NOW.values, "containment": 35.0})
    dearer = replace(changed(cost_bps=65.0), values={**NOW.values, "containment": 60.0})
    assert best([NOW, cheapest, near, dearer]) is near


# The search


def test_search__a_fall__begins_with_the_present_and_repeats_itself(crash: str) -> None:
    here = replace(bench(crash), kept=("range_multiplier",))
    told: list[int] = []
    first = search(here, 3, 7, lambda _, done, __: told.append(done), processes=2)
    again = search(here, 3, 7, lambda *_: None, processes=1)
    assert told == [1, 3] and [each.values for each in first] == [each.values for each in again]
    assert first[0].values == NOW.values and first[0].figures == again[0].figures
    assert first[1].values != first[2].values
    assert {each.values["range_multiplier"] for each in first} == {1}
    assert len({each.values["initial_ratio"] for each in first}) > 1
    back = undone(here, first[1], processes=2)
    assert set(back) == {name for name, value in first[1].values.items() if value != NOW.values[name]}


def test_search__nothing_ever_cut__asks_for_a_crash() -> None:
    nothing = Judged(NOW.values, {"calm": CALM})
    with pytest.raises(ValueError, match="training windows calm: cost_bps is 0 as it is; expected a crash among them"):
        nothing.check_comparable()


# The page


def test_markdown__two_trials__what_was_chosen_and_what_it_is_worth() -> None:
    text = markdown(found())
    assert "2 trials, 2 of them feasible" in text
    contained, trigger = NOW.values["containment"], NOW.values["z_trigger"]
    assert f"| containment | of account equity, into one book a day | 5 – 60 % | {contained:g} | **20** |" in text
    assert f"| z_trigger | a book nearer than this triggers | 1 – 4 | {trigger:g} | as now |" in text
    assert f"| containment {contained:g} | 0.950 | containment 5.0 |" in text


def test_write__page_with_marks__figures_replaced_and_the_rest_kept(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    figures, tables, _ = write(found(), tmp_path, page)
    assert json.loads(figures.read_text()) == as_json(found())
    assert tables.read_text().strip() in page.read_text()
    assert page.read_text().startswith("before\n") and page.read_text().endswith(f"{END}\nafter\n")
    assert "\nold\n" not in page.read_text()


def test_insert__page_without_marks__says_what_is_expected(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing")
    with pytest.raises(ValueError, match="no place for the figures; expected the lines"):
        insert(page, "figures")
    assert page.read_text() == "nothing"


def test_default_policy__committed_calibration__what_it_chose() -> None:
    committed = json.loads((ROOT / "benchmarks" / "calibration.json").read_text())
    assert values_of(PARAMS) == pytest.approx(committed["chosen"]["values"])
