"""How a feed publishes a history."""

from __future__ import annotations

from ballast.history import feed
from ballast.history.bars import Bar, Window
from ballast.history.feed import Round


def test_walk__low_is_further__low_first() -> None:
    """Open, adverse extreme, other extreme, close, 15 s apart."""
    assert feed.walk(Bar(600, 100, 104, 90, 103)) == (Round(600, 100), Round(615, 90), Round(630, 104), Round(645, 103))


def test_walk__high_is_further__high_first() -> None:
    """The adverse extreme is the one further from the open, whichever side."""
    assert [point.answer for point in feed.walk(Bar(600, 100, 104, 99, 103))] == [100, 104, 99, 103]


def test_walk__hour__points_a_quarter_of_an_hour_apart() -> None:
    assert [point.time for point in feed.walk(Bar(3600, 100, 104, 90, 103, 3600))] == [3600, 4500, 5400, 6300]


def test_publish__move_below_deviation__silent_until_heartbeat() -> None:
    """49.9 bps publish nothing for an hour; then the heartbeat does."""
    bars = [Bar(60 * minute, 10_000, 10_049, 10_000, 10_049) for minute in range(100)]
    assert [point.time for point in feed.publish(bars)] == [0, 3600]


def test_publish__move_of_deviation__new_round() -> None:
    """Half a per cent, either way, publishes at once."""
    rounds = list(feed.publish([Bar(0, 10_000, 10_050, 10_000, 10_050), Bar(60, 10_050, 10_050, 9_999, 10_010)]))
    assert rounds == [Round(0, 10_000), Round(15, 10_050), Round(75, 9_999), Round(90, 10_050)]


def test_ticks__two_feeds__rounds_of_one_moment_together() -> None:
    """What is published at one time is one tick."""
    history = {"BTC": [Bar(0, 100, 100, 90, 95)], "ETH": [Bar(0, 10, 10, 10, 10)]}
    merged = feed.ticks(history)
    assert [(tick.time, dict(tick.answers)) for tick in merged] == [
        (0, {"BTC": 100, "ETH": 10}),
        (15, {"BTC": 90}),
        (30, {"BTC": 100}),
        (45, {"BTC": 95}),
    ]


def test_record__latency__rounds_land_later() -> None:
    """What is true at 15 s is on chain at 25."""
    bars = {"BTC": [Bar(0, 10_000, 10_000, 9_900, 9_900)]}
    found = feed.record(Window(bars, 0, 60, "a minute"), deviation_bps=100, latency=10)
    assert found.rounds == {"BTC": [Round(10, 10_000), Round(25, 9_900), Round(40, 10_000), Round(55, 9_900)]}
    assert (found.start, found.end, found.label) == (0, 60, "a minute")
