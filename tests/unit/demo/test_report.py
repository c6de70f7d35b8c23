"""Summary, table and page, from figures written here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from ballast.demo import page, table
from ballast.demo.report import CASH, AccountResult, Loss, Report, Rescue, Trace, write_summary


def _account(name: str, twin: str, guarded: bool) -> AccountResult:
    account = AccountResult(name, twin, guarded, "a story", {"BTC": "10x long BTC", "ETH": "5x short ETH"})
    account.equity_start, account.equity_end, account.equity_end_without = 10_000.0, 9_100.456, 2_500.0
    account.min_z, account.moved, account.cut, account.rewards = 1.23456, 500.0, 4_000.0, 3.5
    account.lost_without = ["BTC"]
    account.z = {symbol: Trace([100, 200, 300], [5.0, 1.2, 6.0]) for symbol in account.holdings}
    return account


@pytest.fixture
def report() -> Report:
    """A run with one pair of accounts, one transfer and one cut."""
    guarded, alone = _account("pair", "pair (unguarded)", True), _account("pair (unguarded)", "pair", False)
    alone.lost = [Loss(200, alone.name, "BTC", -0.4, 50.0, "the engine is off")]
    rescues = [
        Rescue(150, "pair", {"BTC": 300.0, "ETH": -200.0, CASH: -101.5}, {}, 0.0, 1.5),
        Rescue(200, "pair", {}, {"BTC": 4_000.0}, 8.0, 2.0, volatility_only=True),
    ]
    series = {symbol: Trace([100, 200, 300], [50.0, 30.0, 40.0]) for symbol in ("BTC", "ETH")}
    volatilities = {symbol: Trace([100, 200, 300], [0.8, 2.0, 1.5]) for symbol in ("BTC", "ETH")}
    skipped = {"alt-long": ["SOL"]}
    return Report(
        "a test", "all of it", 100, 300, 6, [guarded, alone], skipped, rescues, series, volatilities,
        conservation_error_wei=0,
    )  # fmt: skip


def test_write_summary__run__holds_what_others_read(report: Report, tmp_path: Path) -> None:
    """The keys that the README promises."""
    write_summary(report, tmp_path / "demo" / "summary.json")
    summary = json.loads((tmp_path / "demo" / "summary.json").read_text())
    counts = {key: summary[key] for key in ("rebalances", "transfers", "cuts", "conservation_error_wei")}
    assert counts == {"rebalances": 2, "transfers": 3, "cuts": 1, "conservation_error_wei": 0}
    assert summary["cuts_by_volatility_alone"] == 1
    account, twin = summary["accounts"]
    assert (account["policy"], twin["policy"], account["twin"]) == ("on", "off", twin["name"])
    assert (account["books"], account["books_liquidated"], account["books_liquidated_without"]) == (2, 0, 1)
    assert twin["books_liquidated"] == 1
    money = ("min_z", "moved_usd", "cut_usd", "rewards_usd", "equity_start_usd", "equity_end_usd")
    assert [account[key] for key in money] == [1.2346, 500.0, 4_000.0, 3.5, 10_000.0, 9_100.46]
    assert account["equity_end_without_usd"] == 2_500.0


def test_table__width_of_a_wide_terminal__nothing_is_cut_short(report: Report) -> None:
    """Every figure can be read, and the accounts that took no part are named."""
    console = Console(width=table.WIDTH, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(table.render(report))
    text = console.export_text()
    assert "…" not in text
    assert "pair     10x BTC, -5x ETH   0/2      1/2" in text
    assert "With the engine 2 of 2 books were kept, without it 1." in text
    assert "1 by volatility alone, at an unchanged price" in text
    assert "skipped alt-long: no prices for SOL" in text


def test_table__wei_missing__says_so(report: Report) -> None:
    """A broken conservation is the loudest line."""
    report.conservation_error_wei = 3
    console = Console(width=table.WIDTH, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(table.render(report))
    assert "CONSERVATION BROKEN by 3 wei" in console.export_text()


def test_page__run__one_file_with_everything_inside(report: Report) -> None:
    """Self-contained: no script or style is fetched; notes name what was lost."""
    html = page.render(report)
    assert "<script src" not in html and "<link" not in html
    assert "plotly.js v" in html
    for text in ("2 of 2", "1 of 2", "alt-long took no part: no prices for SOL", "5x short ETH, unguarded"):
        assert text in html


def test_page__many_points__extremes_survive_thinning() -> None:
    """A dip of one round is still drawn."""
    trace = Trace(list(range(10_000)), [5.0] * 10_000)
    trace.values[7_777] = -1.0
    thin = page._thin(trace, min)
    assert len(thin.values) <= page.POINTS
    assert (7_777, -1.0) in zip(thin.times, thin.values, strict=True)
