"""`ape run lab`, run as a user runs it, on small histories; bad input ends in one line."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from ballast.lab.rules import RULES
from scripts.lab import cli

START, HOURS = 1_700_006_400, 30
HEADER = "account,cash,BTC_notional,BTC_margin,ETH_notional,ETH_margin\n"


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


def test_lab__own_account_and_policy__answered_in_the_terminal(
    week: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which books are lost and when, what is left, what it cost, what is left of the money: under every rule."""
    account, policy = tmp_path / "mine.csv", tmp_path / "careful.yaml"
    account.write_text(f"{HEADER}me,200,8000,1000,-8000,1000\nyou,0,2000,1000,0,0\n")
    policy.write_text("z_trigger: 3\n")
    monkeypatch.chdir(tmp_path)
    result = _lab("--prices", week, "--account", account, "--policy", policy, "--jobs", 1)
    assert result.exit_code == 0, result.output
    assert "week, 2023-11-16 00:00 to 2023-11-16 06:00 UTC, BTC -25.0 % at worst" in result.output
    assert re.search(r"me: long 0\.\d+ BTC, short 3\.\d+ ETH; equity \$2,200\.00, intended \$", result.output)
    rows = {line.split()[0]: line for line in result.output.split("you:")[0].splitlines() if line.strip()}
    assert {*RULES, "careful"} <= set(rows)
    assert "BTC 2023-11-16 0" in rows["isolated"] and "0 / 100" in rows["isolated"]
    assert "nothing" in rows["careful"]
    assert re.search(r"ballast loses no books, for \$\d+\.\d\d in \d+ calls?; it ends with", result.output)
    assert not (tmp_path / "build").exists()


def test_lab__real_rounds__said_and_taken_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "rounds.csv"
    rounds = [f"{i + 1},{10**11 - i * 10**9},{START + i * 1800},{START + i * 1800},{i + 1}" for i in range(60)]
    path.write_text("\n".join(["round,answer,start,update,answeredInRound", "0,0,0,0,0", *rounds]) + "\n")
    asked = ("--prices", f"BTC={path}", "--accounts", 5, "--seeds", 1, "--jobs", 1, "--no-frontier")
    result = _lab(*asked, "--output", tmp_path / "out")
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert found["setup"]["feed"] == "rounds as they were published"
    assert found["sources"]["rounds"].startswith("rounds.csv; passed over as the oracle does: 1 of BTC (")


def test_lab__span__only_what_lies_in_it(week: Path, tmp_path: Path) -> None:
    asked = ("--prices", week, "--accounts", 5, "--seeds", 1, "--jobs", 1, "--rule", "isolated", "--no-frontier")
    result = _lab(*asked, "--start", "2023-11-15 02:00", "--end", "2023-11-16 04:00", "--output", tmp_path)
    assert result.exit_code == 0, result.output
    series = pl.read_parquet(tmp_path / "series.parquet")["time"]
    assert series.min() == START + 26 * 3600 and series.max() < START + 28 * 3600


def test_lab__bad_prices_in_another_process__one_line(week: Path, tmp_path: Path) -> None:
    """The error once broke the pool of processes instead, and a trace came out."""
    lines = Path(f"{week}_BTC.csv").read_text().splitlines()
    (tmp_path / "gap_BTC.csv").write_text("\n".join(lines[:90] + lines[91:]) + "\n")
    result = _lab("--prices", week, "--prices", tmp_path / "gap", "--jobs", 2, "--output", tmp_path)
    assert result.exit_code == 1 and result.output.startswith("Error: ") and result.output.count("\n") == 1
    assert "gap_BTC.csv:91: timestamp" in result.output and not (tmp_path / "summary.json").exists()


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (("--prices", "nowhere/week"), "nowhere/week: no price file week_<SYMBOL>.csv in nowhere"),
        (("--population", "lucky"), "'lucky': expected one of single, hedged"),
        (("--account", "lucky"), "'lucky': expected an id or a CSV file"),
        (("--account", "gone.csv"), "gone.csv: cannot be read: No such file"),
        (("--policy", "gone.yaml", "--rule", "isolated"), "gone.yaml: no such file"),
        (("--params", "gone.yaml"), "gone.yaml: no such file"),
        (("--deviation", "much"), "expected a rate such as"),
        (("--heartbeat", "often"), 'expected a time such as "30 s"'),
        (("--depth", "0"), "depth 0.0: expected at least"),
        (("--depth", "inf"), "depth inf: expected at least 1e-06, and finite"),
        (("--gas-price", "nan"), "gas_price nan: expected at least 0, and finite"),
        (("--deviation", "300 %"), "deviation_bps 30000: expected 1 to 10000"),
        (("--heartbeat", "12 h"), "BTC has no price after"),
        (("--latency", "2 h"), "latency 7200: expected 0 to 3600"),
        (("--start", "2023-11-16", "--end", "2023-11-15"), "expected later than 2023-11-16 00:00:00, the --start"),
        (("--start", "soon"), "'soon' does not match the formats"),
        (("--start", "2024-01-01"), "week_BTC.csv:2: no bars from 2024-01-01 00:00 up to the end"),
        (("--end", "2023-11-15 12:00"), "week: 12.0 h of prices; expected a day of warm-up"),
        (("--rule", "cross", "--rule", "cross"), "two rules are called cross; expected each once"),
        (("--prices", "BTC=a.csv,BTC=b.csv"), "BTC is given twice; expected each underlying once"),
        (("--prices", "DOGE={week}_BTC.csv"), "no parameters for DOGE; expected one of BTC, ETH"),
        (("--prices", "BTC={week}_BTC.csv", "--population", "hedged"), "population hedged: one market; expected two"),
        (("--population", "{mine}", "--accounts", "5"), "--accounts says nothing with accounts that are not drawn"),
        (("--account", "{mine}", "--population", "single"), "--population says nothing with --account"),
        (("--account", "7"), "not connected to a network: pass --network"),
        (("--account", "7", "--network", "ethereum:nowhere"), "No network in 'ethereum' named 'nowhere'"),
        (("--policy", "{isolated}", "--rule", "isolated"), "two rules are called isolated; expected each once"),
        (("--output", "{mine}"), "expected a folder"),
        (("--leverage", "5", "2"), "leverage 5 to 2: expected 0 < least ≤ most"),
        (("--accounts", "0"), "0 is not in the range x>=1"),
    ],
)
def test_lab__bad_input__one_line(week: Path, tmp_path: Path, arguments: tuple[str, ...], complaint: str) -> None:
    mine, isolated = tmp_path / "mine.csv", tmp_path / "isolated.yaml"
    mine.write_text(f"{HEADER}me,200,8000,1000,-8000,1000\n")
    isolated.write_text("z_trigger: 3\n")
    given = arguments if "--prices" in arguments else ("--prices", "{week}", *arguments)
    output = () if {"--output", "--account"} & {*given} else ("--output", tmp_path / "out")
    result = _lab(*(each.format(week=week, mine=mine, isolated=isolated) for each in given), "--jobs", 1, *output)
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
