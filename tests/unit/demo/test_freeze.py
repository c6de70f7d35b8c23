"""Which market the guardian halts, and when."""

from __future__ import annotations

from ballast.demo import freeze
from ballast.demo.roster import roster
from ballast.history.bars import DAY, HOUR, MINUTE, Bar, Window

START = 1_700_006_400


def _window(drop_at: int) -> Window:
    """Two flat underlyings, one of which falls by a tenth within a minute at `drop_at` [s after the start]."""
    flat = [Bar(START + i * MINUTE, 100, 100, 100, 100) for i in range(36 * 60)]
    fallen = [bar if bar.time < START + drop_at else Bar(bar.time, 90, 90, 90, 90) for bar in flat]
    return Window({"BTC": flat, "ETH": fallen}, START + DAY, START + 36 * HOUR, "a test")


def test_choose__two_markets__the_one_with_fewer_books_in_its_worst_hour() -> None:
    """Ether has fewer books than bitcoin; the halt comes half way through an hour that holds the fall."""
    entries, _ = roster({"BTC", "ETH"}, ())
    choice = freeze.choose(_window(30 * HOUR), entries, {"BTC", "ETH"})
    assert choice is not None and choice.symbol == "ETH"
    assert choice.at - HOUR // 2 < START + 30 * HOUR <= choice.at + HOUR // 2
    assert abs(choice.fall - 0.1) < 1e-9


def test_choose__one_market__nothing_to_halt() -> None:
    """Others must be left that go on."""
    entries, _ = roster({"BTC"}, ())
    assert freeze.choose(_window(30 * HOUR), entries, {"BTC"}) is None


def test_choose__fall_at_the_opening__not_before_books_are_open() -> None:
    """The first hour belongs to the orders."""
    at, _ = freeze.deepest_hour(_window(24 * HOUR + 10 * MINUTE), "ETH")
    assert at >= START + DAY + HOUR


def test_choose__twice__the_same() -> None:
    """Nothing but prices and roster decides."""
    entries, _ = roster({"BTC", "ETH"}, ())
    first, second = (freeze.choose(_window(26 * HOUR), entries, ["BTC", "ETH"]) for _ in range(2))
    assert first == second
