"""Summary, table and page, from figures written here."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from plotly.offline import get_plotlyjs
from rich.console import Console

from ballast.demo import figures, page, table
from ballast.demo.report import (
    CASH,
    AccountResult,
    AuditResult,
    BookInFreeze,
    FreezeResult,
    LiquidationResult,
    Loss,
    Party,
    Passage,
    PoolResult,
    Report,
    Rescue,
    Sale,
    Trace,
    write_summary,
)


def _account(name: str, twin: str, guarded: bool) -> AccountResult:
    account = AccountResult(name, twin, guarded, "a story", {"BTC": "10x long BTC", "ETH": "5x short ETH"})
    account.equity_start, account.equity_end = 10_000.0, 9_100.456 if guarded else 2_500.0
    account.min_z, account.moved, account.cut, account.rewards = 1.23456, 500.0, 4_000.0, 3.5
    account.z = {symbol: Trace([100, 200, 300], [5.0, 1.2, 6.0]) for symbol in account.holdings}
    return account


@pytest.fixture
def report() -> Report:
    """A run with one pair of accounts, one transfer and one cut."""
    guarded, alone = _account("pair", "pair (unguarded)", True), _account("pair (unguarded)", "pair", False)
    alone.lost = [Loss(200, alone.name, "BTC", -0.4, "the engine is off")]
    rescues = [
        Rescue(150, "pair", {"BTC": 300.0, "ETH": -200.0, CASH: -101.5}, {}, 0.0, 1.5),
        Rescue(200, "pair", {}, {"BTC": 4_000.0}, 8.0, 2.0, volatility_only=True),
    ]
    series = {symbol: Trace([100, 200, 300], [50.0, 30.0, 40.0]) for symbol in ("BTC", "ETH")}
    volatilities = {symbol: Trace([100, 200, 300], [0.8, 2.0, 1.5]) for symbol in ("BTC", "ETH")}
    skipped = {"alt-long": ["SOL"]}
    return Report(
        "a test", "all of it", 100, 300, 6, [guarded, alone], skipped, rescues, series, volatilities,
        conservation_error_wei=0, pool=_pool(), freeze=_freeze(), audit=AuditResult(1_234, 0, -7, 1_200, 0),
        liquidation=_liquidation(),
        parties=[Party("the pool", 1e6, 1.25e6), Party("traders", 1e6, 0.75e6)],
    )  # fmt: skip


def _pool() -> PoolResult:
    """A pool of a million that earns a hundredth while somebody holds a tenth of it."""
    pool = PoolResult(Trace([100, 200, 300], [1.0, 0.99, 1.01]), Trace([100, 200, 300], [1e6, 1.089e6, 1.01e6]))
    pool.entry = Passage(100, 150, 100_000.0, 100_000.0)
    pool.exits = [Passage(200, 250, 40_400.0, 40_000.0), Passage(200, 280, 60_600.0, 60_000.0)]
    return pool


def _liquidation() -> LiquidationResult:
    """Half a book sold in an auction, and one below zero that insurance could not pay for alone."""
    sold = Sale(200, 2, "pair (unguarded)", "BTC", "the liquidator", 600.0, 0.5, 60.0, 12.0, 0.0, 0.0)
    spread = Sale(250, 2, "pair (unguarded)", "ETH", "the pool, at mark", -90.0, 1.0, 0.0, 0.0, 50.0, 40.0)
    return LiquidationResult([sold, spread], auctions=2, cured=1)


def _freeze() -> FreezeResult:
    """BTC halted: its book is cut, another one cannot be served, a third is none of it."""
    freeze = FreezeResult("BTC", 120, 0.2, 3_600, {"the guardian": "no"}, 130, 200)
    freeze.books = {
        (1, "ETH"): BookInFreeze("other", "ETH", "5x short ETH", False, 1.5, 3, filled=200.0),
        (1, "BTC"): BookInFreeze("pair", "BTC", "10x long BTC", True, 0.5, 7, cut=4_000.0),
        (2, "BTC"): BookInFreeze("third", "BTC", "2x long BTC", True, 1.9, 2),
        (3, "BTC"): BookInFreeze("fourth", "BTC", "1x long BTC", True, 9.0),
    }
    return freeze


def test_write_summary__run__holds_what_others_read(report: Report, tmp_path: Path) -> None:
    """The keys that the README promises."""
    write_summary(report, tmp_path / "demo" / "summary.json")
    summary = json.loads((tmp_path / "demo" / "summary.json").read_text())
    counts = {key: summary[key] for key in ("rebalances", "transfers", "cuts", "conservation_error_wei")}
    assert counts == {"rebalances": 2, "transfers": 3, "cuts": 1, "conservation_error_wei": 0}
    assert summary["cuts_by_volatility_alone"] == 1
    account, twin = summary["accounts"]
    assert (account["policy"], twin["policy"], account["twin"]) == ("on", "off", twin["name"])
    assert (account["books"], account["books_liquidated"]) == (2, 0)
    assert twin["books_liquidated"] == 1
    money = ("min_z", "moved_usd", "cut_usd", "rewards_usd", "equity_start_usd", "equity_end_usd")
    assert [account[key] for key in money] == [1.2346, 500.0, 4_000.0, 3.5, 10_000.0, 9_100.46]
    assert twin["equity_end_usd"] == 2_500.0


def test_write_summary__pool__what_it_earned_and_what_the_provider_took(report: Report, tmp_path: Path) -> None:
    """Flows are no earnings: 10,000 of growth, 100,000 brought, 101,000 taken."""
    write_summary(report, tmp_path / "summary.json")
    pool = json.loads((tmp_path / "summary.json").read_text())["pool"]
    assert pool["earned_usd"] == 11_000
    assert (pool["share_price_start"], pool["share_price_low"], pool["share_price_end"]) == (1.0, 0.99, 1.01)
    assert pool["provider"]["gain"] == 0.01
    assert [each["assets_usd"] for each in pool["provider"]["exits"]] == [40_400, 60_600]
    assert [each["time"] for each in pool["hourly"]] == [100, 300]


def test_write_summary__freeze__halted_books_apart_from_the_others(report: Report, tmp_path: Path) -> None:
    """Who called, who was served, and by what."""
    write_summary(report, tmp_path / "summary.json")
    freeze = json.loads((tmp_path / "summary.json").read_text())["freeze"]
    assert (freeze["market"], freeze["start"], freeze["proposed"], freeze["end"]) == ("BTC", 120, 130, 200)
    assert (freeze["halted"]["books"], freeze["halted"]["short"], freeze["halted"]["served"]) == (3, 2, 1)
    assert (freeze["others"]["books"], freeze["others"]["served"], freeze["others"]["filled_usd"]) == (1, 1, 200.0)
    assert [book["account"] for book in freeze["books"]] == ["pair", "third", "other"]


def test_broken__whatever_must_hold__is_named(report: Report) -> None:
    """Nothing in a run as it should be; else each fault by itself. Dust that nobody gets is none."""
    assert report.broken == []
    report.audit = AuditResult(10, 3, 5, 10, 1, ["bid at 200: no"])
    report.liquidation.unassigned, report.liquidation.known = 1.5, 2
    report.conservation_error_wei = 7
    assert report.broken == [
        "7 wei were created or lost",
        "custody fell short by 3 wei",
        "all together won 5 wei",
        "chain and model differ 1 times",
        "nobody bears $1.500000 of deficits",
        "2 deficits are known and not realised",
    ]


def test_pool__provider_still_in__has_no_result() -> None:
    """Half an exit is none."""
    pool = _pool()
    pool.exits.pop()
    assert pool.gain is None


def test_table__width_of_a_wide_terminal__nothing_is_cut_short(report: Report) -> None:
    """Every figure can be read, and the accounts that took no part are named."""
    console = Console(width=table.WIDTH, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(table.render(report))
    text = console.export_text()
    assert "…" not in text
    assert "pair     10x BTC, -5x ETH   0/2      1/2" in text
    assert "With the engine 2 of 2 books were kept, without it 1." in text
    assert "1 by volatility alone, at an unchanged price" in text
    assert "skipped alt-long: it lacks SOL" in text
    assert "The pool earned $11,000" in text and "It gained 1.000%." in text
    assert "the guardian halted BTC; the other markets went on" in text
    assert "Of 3 guarded books in BTC 2 fell short of margin meanwhile: 0 were filled, 1 cut, 0 lost." in text
    for outcome in ("cut by $4,000", "not served", "filled $200"):
        assert outcome in text


def test_table__parties__who_won_and_who_lost(report: Report) -> None:
    """Gains and losses with their signs, and that they add up."""
    console = Console(width=table.WIDTH, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(table.render(report))
    text = console.export_text()
    assert re.search(r"the pool +1,000,000 +1,250,000 +\+250,000", text) and "-250,000" in text
    assert "After each of 1,234 transactions custody covered what is owed to the wei." in text
    assert "Who won and who lost" in page.render(report)


def test_table__custody_short__says_so(report: Report) -> None:
    """A wei that is missing once is loud."""
    report.audit = AuditResult(10, 3, 0)
    console = Console(width=table.WIDTH, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(table.render(report))
    assert "3 WEI WERE MISSING" in console.export_text()


def test_write_summary__liquidation__who_paid_for_what(report: Report, tmp_path: Path) -> None:
    """Figures of all sales, and each of them."""
    write_summary(report, tmp_path / "summary.json")
    found = json.loads((tmp_path / "summary.json").read_text())["liquidation"]
    assert (found["auctions"], found["cured"], found["unassigned_usd"], found["known_deficits"]) == (2, 1, 0, 0)
    assert [found[f"{name}_usd"] for name in ("cost", "penalty", "insured", "spread")] == [60, 12, 50, 40]
    assert [sale["what"] for sale in found["sales"]] == ["BTC", "ETH"]
    assert found["sales"][0]["equity_usd"] == 600 and "id" not in found["sales"][0]


def test_table__liquidation__every_sale_and_who_bore_the_rest(report: Report) -> None:
    """What was sold, the deficit in red, and that nobody was forgotten."""
    console = Console(width=table.WIDTH, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(table.render(report))
    text = console.export_text()
    assert "What could not be saved" in text and "the liquidator" in text and "-90" in text
    assert "1 sales took $60" in text and "the insurance paid $50" in text and "bore $40" in text
    assert "No deficit is unassigned." in text
    assert "The integer model took 1,200 of them" in text and "nothing was" in text
    assert "What could not be saved" in page.render(report)


def test_table__deficit_without_a_bearer__says_so(report: Report) -> None:
    report.liquidation.unassigned = 1.5
    console = Console(width=table.WIDTH, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(table.render(report))
    assert "$1.500000 OF DEFICITS THAT NOBODY BEARS" in console.export_text()


def test_table__prices_end_too_soon__says_that_it_stayed_halted(report: Report) -> None:
    """What did not happen is not told."""
    assert report.freeze is not None
    report.freeze.end = None
    console = Console(width=table.WIDTH, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(table.render(report))
    assert "The prices ended before the timelock" in console.export_text()


def test_table__nobody_halted_anything__no_word_of_it(report: Report) -> None:
    """Without a freeze there is no second table."""
    report.freeze = None
    console = Console(width=table.WIDTH, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(table.render(report))
    assert "halted" not in console.export_text()
    assert "halted" not in page.render(report).replace(get_plotlyjs(), "")


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
    for text in ("2 of 2", "1 of 2", "alt-long took no part: it lacks SOL", "5x short ETH, unguarded"):
        assert text in html
    for text in ("BTC halted in mid-crash", "Shaded: BTC was halted", "+1.00%", 'id="pool"', "cut by $4,000"):
        assert text in html
    assert html.count("#f5c2c0") >= 7  # the band: three rows of the accounts, two of the pool, two of the market


def test_page__many_points__extremes_survive_thinning() -> None:
    """A dip of one round is still drawn."""
    trace = Trace(list(range(10_000)), [5.0] * 10_000)
    trace.values[7_777] = -1.0
    thin = figures._thin(trace, min)
    assert len(thin.values) <= figures.POINTS
    assert (7_777, -1.0) in zip(thin.times, thin.values, strict=True)
