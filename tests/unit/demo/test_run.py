"""The whole demonstration in small: a day of silence, then a crash of two hours, on a node of its own."""

from __future__ import annotations

import pytest

from ballast.demo import run
from ballast.demo.prices import DAY, HOUR, MINUTE, Bar, Window
from ballast.demo.report import Report, pairs
from ballast.demo.stage import DemoError
from ballast.params import load

START = 1_700_006_400
FLAT, CRASH = 26 * 60, 120  # [minutes]


def _bars(price: int, fall: float) -> list[Bar]:
    """Flat for 26 hours, then down by `fall` in two, in small zigzags."""
    bars, level = [], price * 10**8
    for minute in range(FLAT + CRASH):
        close = level if minute < FLAT else round(level * (1 - fall / CRASH * 1.2))
        bars.append(Bar(START + minute * MINUTE, level, max(level, close), min(level, close), close))
        level = close
    return bars


@pytest.fixture(scope="module")
def report() -> Report:
    history = {"BTC": _bars(10_000, 0.22), "ETH": _bars(250, 0.26), "DOGE": _bars(1, 0.1)}
    return run.run(Window(history, START + DAY, START + (FLAT + CRASH) * MINUTE, "a test"), load())


def test_run__crash__engine_works_and_not_a_wei_is_lost(report: Report) -> None:
    """Transfers and cuts happen, guarded books survive that their twins lose, custody adds up to the wei."""
    assert report.conservation_error_wei == 0
    assert report.rescues and report.transfers and report.cuts
    for guarded, alone in pairs(report.accounts):
        kept = [text for symbol, text in guarded.holdings.items() if symbol in {loss.symbol for loss in guarded.lost}]
        assert len(guarded.lost) <= len(alone.lost), f"{guarded.name} lost {kept}"
        assert abs(guarded.equity_start - alone.equity_start) < 0.01 * guarded.equity_start
    assert sum(len(guarded.lost) for guarded, _ in pairs(report.accounts)) <= 1
    assert all("ring-fenced" in loss.why for guarded, _ in pairs(report.accounts) for loss in guarded.lost)


def test_run__unguarded__as_the_model_says(report: Report) -> None:
    """What the model calls "without" is what happens on the chain to accounts without the engine."""
    for account in report.accounts:
        if not account.guarded:
            assert sorted(loss.symbol for loss in account.lost) == sorted(account.lost_without)
            assert account.moved == account.cut == account.rewards == 0
    assert report.model_gap < 1


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
