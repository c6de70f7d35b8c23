"""The whole demonstration in small: a day of silence, then a crash of two hours, on a node of its own."""

from __future__ import annotations

import pytest

from ballast.demo import run
from ballast.demo.report import Report, pairs
from ballast.demo.stage import DemoError
from ballast.history.bars import DAY, HOUR, MINUTE, Bar, Window
from ballast.params import load

START = 1_700_006_400
FLAT, CRASH, AFTER = 25 * 60, 120, 90  # [minutes]
END = START + (FLAT + CRASH + AFTER) * MINUTE


def _bars(price: int, fall: float) -> list[Bar]:
    """Flat for 25 hours, down by `fall` in two, then to and fro."""
    bars, level = [], price * 10**8
    for minute in range(FLAT + CRASH + AFTER):
        if minute < FLAT:
            close = level
        elif minute < FLAT + CRASH:
            close = round(level * (1 - fall / CRASH * 1.2))
        else:
            close = round(level * (1.006 if minute % 2 else 1 / 1.006))
        bars.append(Bar(START + minute * MINUTE, level, max(level, close), min(level, close), close))
        level = close
    return bars


@pytest.fixture(scope="module")
def report() -> Report:
    history = {"BTC": _bars(10_000, 0.22), "ETH": _bars(250, 0.26), "DOGE": _bars(1, 0.1)}
    return run.run(Window(history, START + DAY, END, "a test"), load())


def test_run__crash__engine_works_and_not_a_wei_is_lost(report: Report) -> None:
    """Transfers and cuts happen, guarded books survive that their twins lose, custody adds up to the wei."""
    assert report.conservation_error_wei == 0
    assert report.rescues and report.transfers and report.cuts
    for guarded, alone in pairs(report.accounts):
        kept = [text for symbol, text in guarded.holdings.items() if symbol in {loss.symbol for loss in guarded.lost}]
        assert len(guarded.lost) <= len(alone.lost), f"{guarded.name} lost {kept}"
        assert abs(guarded.equity_start - alone.equity_start) < 0.02 * guarded.equity_start
    lost = {guarded.name: guarded.lost for guarded, _ in pairs(report.accounts) if guarded.lost}
    assert set(lost) <= {"ring-fenced", "beyond-saving", "over-borrowed"} and "beyond-saving" in lost
    assert all("ring-fenced" in loss.why for loss in lost.get("ring-fenced", []))


def test_run__every_transaction__custody_covers_what_is_owed(report: Report) -> None:
    """SOL-1: looked at after each of them, token by token."""
    assert report.audit.short_wei == 0 and report.audit.blocks > 100


def test_run__parties__what_one_loses_another_wins(report: Report) -> None:
    """SOL-2: all together they win nothing but what their collateral did; dust is in the vault's favour, less than ten
    wei a transaction (an index rounds by a wei a unit of size, and there are hundreds of units)."""
    assert -10 * report.audit.modelled <= report.audit.created_wei <= 0
    earned = {party.name: party.earned for party in report.parties}
    assert earned["traders with the engine"] < 0 < earned["the keeper"]


def test_run__model__comes_out_equal_to_the_wei(report: Report) -> None:
    """HLT-11, LIQ-1: every transaction put to the model of it; what was liquidated, the model could not cure."""
    assert report.audit.modelled > 100
    assert report.audit.differences == 0, report.audit.first


def test_run__liquidation__no_deficit_is_unassigned(report: Report) -> None:
    """BDT-2, §7.6: books are sold, rescues come first, and what nobody can pay is borne at once."""
    liquidation = report.liquidation
    assert liquidation.auctions and liquidation.sales
    assert liquidation.unassigned == 0 and liquidation.known == 0
    assert any(sale.buyer == "the liquidator" for sale in liquidation.sales) and liquidation.held == 0
    for account in report.accounts:
        if not account.guarded:
            assert account.moved == account.cut == account.rewards == 0


def test_run__collateral__counts_in_equity_and_falls_with_the_price(report: Report) -> None:
    """At its haircut, on the chain and in the model; the holder's deposit is as he made it."""
    held = {account.name: account for account in report.accounts if account.collateral}
    assert len(held) == 10
    ether = held["ether-holder"]
    assert [text.split()[1] for text in ether.collateral] == ["WETH"]
    assert 0.75 * 15_000 < ether.collateral_start < 0.81 * 15_000
    assert 0.6 < ether.collateral_end / ether.collateral_start < 0.8
    assert ether.equity_start > ether.collateral_start + 5_000


def test_run__provider__enters_and_leaves_by_request(report: Report) -> None:
    """Each no sooner than an hour after it was asked for, and never better than the share price of that moment."""
    pool = report.pool
    assert pool.entry is not None and pool.entry.assets == 2_000_000
    assert pool.entry.executed >= pool.entry.asked + HOUR > START + DAY + 2 * HOUR - 60
    (leaving,) = pool.exits
    assert leaving.executed >= leaving.asked + HOUR
    assert leaving.shares == pytest.approx(pool.entry.shares)
    assert pool.gain == pytest.approx(leaving.assets / 2_000_000 - 1)
    assert len(pool.prices.values) > 20 and pool.prices.values[0] == 1
    assert pool.earned == pytest.approx(pool.assets.values[-1] - 40_000_000 - 2_000_000 + leaving.assets)


def test_run__market_halted__opened_by_the_timelock_while_the_others_go_on(report: Report) -> None:
    """GOV-4: no book of the halted market is filled or gives, those of the others are served; nobody but the timelock
    opens it again."""
    freeze = report.freeze
    assert freeze is not None and freeze.symbol == "ETH"
    assert START + FLAT * MINUTE < freeze.start < START + (FLAT + CRASH) * MINUTE
    assert freeze.refused == {
        "the guardian": "access: guardian only tightens",
        "the deployer": "access: not the guardian",
    }
    assert freeze.proposed is not None and freeze.end is not None
    assert freeze.end >= freeze.proposed + freeze.delay and freeze.delay == HOUR
    assert all(book.filled == book.given == 0 for book in freeze.group(True))
    assert any(book.is_short for book in freeze.group(True))
    assert any(book.filled for book in freeze.group(False))
    assert {book.account for book in freeze.books.values() if book.lost} <= {"beyond-saving"}


def test_run__unknown_underlying__not_part_of_it(report: Report) -> None:
    """Prices without a market are left out; kinds without prices are named."""
    assert set(report.prices) == {"BTC", "ETH"}
    assert report.skipped == {"four-markets": ["SOL", "LINK"], "alt-long": ["SOL"]}


def test_run__no_known_underlying__refused() -> None:
    """There must be something to trade."""
    window = Window({"DOGE": _bars(1, 0.1)}, START + DAY, START + DAY + HOUR, "a test")
    with pytest.raises(DemoError, match="no market for DOGE; the parameters know BTC"):
        run.run(window, load())


def test_run__prices_end_at_once__said() -> None:
    """Orders need a round after the delay."""
    bars = _bars(10_000, 0.0)[: 24 * 60 + 1]
    window = Window({"BTC": bars}, START + DAY, START + DAY + MINUTE, "a test")
    with pytest.raises(DemoError, match="end before every order was filled"):
        run.run(window, load())
