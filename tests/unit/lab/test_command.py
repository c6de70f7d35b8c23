"""`ape run lab`, run as a user runs it, on small histories; bad input ends in one line."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scripts.lab import cli

START, HOURS = 1_700_006_400, 30


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prefix of two files: a day of calm, then a fall by a quarter within three hours."""
    folder = tmp_path_factory.mktemp("prices")
    for symbol, price in (("BTC", 40_000.0), ("ETH", 2_500.0)):
        lines = ["timestamp,open,high,low,close"]
        for minute in range(HOURS * 60):
            fall = min(max(minute - 25 * 60, 0) / 180, 1) * 0.25
            now = price * (1 - fall) * (1 + 0.0004 * math.sin(minute))
            lines.append(f"{START + 60 * minute},{now},{now},{now},{now}")
        (folder / f"week_{symbol}.csv").write_text("\n".join(lines) + "\n")
    return folder / "week"


def _lab(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(each) for each in arguments])


def test_lab__prices__table_page_and_files(week: Path, tmp_path: Path) -> None:
    asked = ("--prices", week, "--accounts", 30, "--seeds", 2, "--jobs", 1, "--no-frontier", "--output", tmp_path)
    result = _lab(*asked)
    assert result.exit_code == 0, result.output
    assert "30 accounts (mixed), leverage 2–10, 2 seeds" in result.output and "Goals" in result.output
    names = {"index.html", "summary.json", "measures.csv", "measures.parquet", "versus.csv", "versus.parquet"}
    assert {path.name for path in tmp_path.iterdir()} == names | {"accounts.parquet", "series.parquet"}
    found = json.loads((tmp_path / "summary.json").read_text())["windows"]["week"]
    assert list(found) == ["isolated", "fixed_weights", "pro_rata", "cross", "ballast_no_cut", "ballast"]
    assert found["isolated"]["accounts_liquidated_pct"] > 20 > found["ballast"]["accounts_liquidated_pct"]


def test_lab__own_account_and_policy__answered_in_the_terminal(week: Path, tmp_path: Path) -> None:
    account, policy = tmp_path / "mine.csv", tmp_path / "careful.yaml"
    account.write_text("account,cash,BTC_notional,BTC_margin,ETH_notional,ETH_margin\nme,200,8000,1000,-8000,1000\n")
    policy.write_text("z_trigger: 3\n")
    result = _lab("--prices", week, "--account", account, "--policy", policy, "--jobs", 1, "--output", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "mine" in result.output and "careful" in result.output and "2,200.00" in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (("--prices", "nowhere/week"), "nowhere/week: no price file week_<SYMBOL>.csv in nowhere"),
        (("--population", "lucky"), "'lucky': expected one of single, hedged"),
        (("--account", "lucky"), "'lucky': expected an id or a CSV file"),
        (("--account", "gone.csv"), "gone.csv: cannot be read"),
        (("--policy", "gone.yaml", "--rule", "isolated"), "gone.yaml: no such file"),
        (("--params", "gone.yaml"), "gone.yaml: no such file"),
        (("--deviation", "much"), "expected a rate such as"),
        (("--heartbeat", "often"), 'expected a time such as "30 s"'),
        (("--depth", "0"), "depth 0.0: expected at least"),
        (("--leverage", "5", "2"), "leverage 5 to 2: expected 0 < least ≤ most"),
        (("--accounts", "0"), "0 is not in the range x>=1"),
    ],
)
def test_lab__bad_input__one_line(week: Path, arguments: tuple[str, ...], complaint: str) -> None:
    given = arguments if "--prices" in arguments else ("--prices", str(week), *arguments)
    result = _lab(*given, "--jobs", 1, "--seeds", 1)
    assert result.exit_code != 0
    (error,) = [line for line in result.output.splitlines() if line.startswith("Error:")]
    assert complaint in error and "Traceback" not in result.output


def test_lab__gap_in_the_prices__names_file_and_line(week: Path, tmp_path: Path) -> None:
    for symbol in ("BTC", "ETH"):
        lines = Path(f"{week}_{symbol}.csv").read_text().splitlines()
        del lines[100]
        (tmp_path / f"gap_{symbol}.csv").write_text("\n".join(lines) + "\n")
    result = _lab("--prices", tmp_path / "gap", "--jobs", 1)
    assert result.exit_code == 1 and "gap_BTC.csv:101: timestamp" in result.output and "a gap of 120 s" in result.output
