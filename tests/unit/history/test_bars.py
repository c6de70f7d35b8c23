"""Price files and windows."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from ballast.history import bars as histories
from ballast.history.bars import DAY, HOUR, MINUTE, Bar, PriceFileError

HEADER = "timestamp,open,high,low,close\n"
GOOD = "1583712000,8034.76,8060.98,8030.21,8059.67\n"


def _file(folder: Path, text: str, name: str = "crash_BTC.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def _flat(hours: int, price: int = 10**10, start: int = 20 * DAY) -> list[Bar]:
    return [Bar(start + i * MINUTE, price, price, price, price) for i in range(hours * 60)]


def test_read__good_file__bars_as_answers(tmp_path: Path) -> None:
    """Prices become answers of eight decimals, exactly."""
    (bar,) = histories.read(_file(tmp_path, HEADER + GOOD))
    assert bar == Bar(1583712000, 803476000000, 806098000000, 803021000000, 805967000000)


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("", 1, "missing column timestamp, open, high, low, close"),
        ("timestamp,open,high,close\n", 1, "missing column low"),
        (HEADER, 2, "no bars"),
        (HEADER + "1583712000,1,1,1\n", 2, "4 fields; expected 5"),
        (HEADER + GOOD + "soon,1,1,1,1\n", 3, "expected Unix seconds"),
        (HEADER + "1583712001,1,1,1,1\n", 2, "start of a minute"),
        (HEADER + GOOD + GOOD, 3, "given twice"),
        (HEADER + "120,1,1,1,1\n60,1,1,1,1\n", 3, "timestamp 60: out of order; expected later than 120"),
        (HEADER + "60,1,1,1,1\n120,1,1,1,1\n60,1,1,1,1\n", 4, "timestamp 60: out of order; expected later"),
        (HEADER + "60,1,1,1,1\n180,1,1,1,1\n120,1,1,1,1\n", 4, "timestamp 120: out of order; expected later than 180"),
        (HEADER + "60,1,1,1,1\n120,1,1,1,1\n240,1,1,1,1\n", 4, "timestamp 240: a gap of 120 s from 1970-01-01 00:02"),
        (HEADER + "3600,1,1,1,1\n7200,1,1,1,1\n14400,1,1,1,1\n", 4, "a gap of 7200 s"),
        (HEADER + "3600,1,1,1,1\n10800,1,1,1,1\n14400,1,1,1,1\n", 3, "expected a bar every 3600 s: add them, or"),
        (HEADER + "60,1,1,1,1\n360,1,1,1,1\n", 3, "bars of 300 s; expected bars of 60 s or 3600 s"),
        (HEADER + "1583712000000,1,1,1,1\n", 2, "expected Unix seconds, not milliseconds"),
        ("timestamp,open,high,low,close,close\n", 1, "two columns are called 'close'"),
        (HEADER + "1583712000,1,1e30,1,1\n", 2, "high 1e30; expected a price above 0 that a feed could answer"),
        (HEADER + "1583712000,1,1e999999999,1,1\n", 2, "high '1e999999999'; expected a number"),
        (HEADER + "1583712000,1,sNaN,1,1\n", 2, "expected a number"),
        (HEADER + "1583712000,,1,1,1\n", 2, "open ''; expected a number"),
        (HEADER + "1583712000,1,x,1,1\n", 2, "high 'x'; expected a number"),
        (HEADER + "1583712000,1,nan,1,1\n", 2, "expected a number"),
        (HEADER + "1583712000,0,1,0,1\n", 2, "expected a price above 0"),
        (HEADER + "1583712000,1,1,-1,1\n", 2, "expected a price above 0"),
        (HEADER + "1583712000,2,1,1,1\n", 2, "expected low <= open, close <= high"),
    ],
)
def test_read__bad_line__names_file_line_and_expectation(tmp_path: Path, text: str, line: int, expected: str) -> None:
    """A bad file is named, with the line and what was expected."""
    path = _file(tmp_path, text)
    with pytest.raises(PriceFileError) as caught:
        histories.read(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert expected in str(caught.value)


def test_read__not_text__names_the_file(tmp_path: Path) -> None:
    """Rubbish is no traceback."""
    path = tmp_path / "crash_BTC.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PriceFileError, match=r"crash_BTC\.csv: cannot be read"):
        histories.read(path)


def test_read__span__only_its_bars_and_gaps_elsewhere_do_not_matter(tmp_path: Path) -> None:
    """What lies outside of the span may have gaps; a span with nothing in it is named."""
    hours = [1, 2, 5, 6, 7, 9]
    path = _file(tmp_path, HEADER + "".join(f"{hour * HOUR},1,1,1,1\n" for hour in hours))
    with pytest.raises(PriceFileError, match=r"crash_BTC\.csv:4: .* 02:00 to 1970-01-01 05:00; .*--start, --end"):
        histories.read(path)
    assert [bar.time // HOUR for bar in histories.read(path, 5 * HOUR, 8 * HOUR)] == [5, 6, 7]
    with pytest.raises(PriceFileError, match=r"no bars from 1970-01-01 10:00 up to the end"):
        histories.read(path, 10 * HOUR)


def test_read__byte_order_mark_and_empty_lines__say_nothing(tmp_path: Path) -> None:
    """Spreadsheets write both."""
    path = _file(tmp_path, "\ufeff" + HEADER + GOOD + "\n")
    assert len(histories.read(path)) == 1


def test_price_file_error__from_another_process__is_the_same() -> None:
    """Workers hand their errors over pickled: this one once broke the pool instead."""
    error = PriceFileError.at(Path("crash_BTC.csv"), 7, "out of order")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is PriceFileError and str(again) == "crash_BTC.csv:7: out of order"


def test_load__prefix_without_files__says_which_are_expected(tmp_path: Path) -> None:
    """A wrong prefix is named."""
    with pytest.raises(PriceFileError, match=r"expected crash_BTC\.csv"):
        histories.load(tmp_path / "crash")


def test_load__two_files__cut_to_their_common_minutes(tmp_path: Path) -> None:
    """Only minutes that every underlying has are replayed."""
    rows = [f"{60 * minute},1,1,1,1\n" for minute in range(1, 11)]
    _file(tmp_path, HEADER + "".join(rows[:8]), "x_BTC.csv")
    _file(tmp_path, HEADER + "".join(rows[3:]), "x_ETH.csv")
    history = histories.load(tmp_path / "x")
    assert {symbol: (bars[0].time, bars[-1].time) for symbol, bars in history.items()} == {
        "BTC": (240, 480),
        "ETH": (240, 480),
    }


def test_read__hours__bars_of_an_hour(tmp_path: Path) -> None:
    """The step is found from the file."""
    bars = histories.read(_file(tmp_path, HEADER + "3600,1,1,1,1\n7200,1,1,1,1\n"))
    assert [(bar.time, bar.step) for bar in bars] == [(3600, HOUR), (7200, HOUR)]


def test_read__span__what_is_outside_is_not_looked_at(tmp_path: Path) -> None:
    """A gap years ago does not spoil a window of today."""
    rows = "60,1,1,1,1\n600,1,1,1,1\n660,1,1,1,1\n720,x,1,1,1\n"
    path = _file(tmp_path, HEADER + rows)
    assert [bar.time for bar in histories.read(path, 600, 720)] == [600, 660]
    with pytest.raises(PriceFileError, match="no bars"):
        histories.read(path, 10_000)


def test_load__minutes_and_hours__different_clocks(tmp_path: Path) -> None:
    """Underlyings of different steps, or of hours that begin at different minutes, cannot be replayed together."""
    _file(tmp_path, HEADER + "3600,1,1,1,1\n7200,1,1,1,1\n", "x_BTC.csv")
    for other in ("3600,1,1,1,1\n3660,1,1,1,1\n", "3660,1,1,1,1\n7260,1,1,1,1\n"):
        _file(tmp_path, HEADER + other, "x_ETH.csv")
        with pytest.raises(PriceFileError, match="different clocks: BTC every 3600 s at 0 s, ETH every"):
            histories.load(tmp_path / "x")


def test_load__no_common_minute__refused(tmp_path: Path) -> None:
    """Histories of different weeks cannot be replayed together."""
    _file(tmp_path, HEADER + "60,1,1,1,1\n", "x_BTC.csv")
    _file(tmp_path, HEADER + "120,1,1,1,1\n", "x_ETH.csv")
    with pytest.raises(PriceFileError, match="no minute in common"):
        histories.load(tmp_path / "x")


def test_worst__crash_inside__window_holds_it() -> None:
    """The window holds the whole fall, and warm-up is at least a day."""
    bars = _flat(120)
    bottom = 90 * 60
    for i in range(bottom, len(bars)):
        bars[i] = Bar(bars[i].time, 10**10, 10**10, 6 * 10**9, 6 * 10**9)
    window = histories.worst({"BTC": bars})
    assert window.start <= bars[bottom - 1].time < bars[bottom].time < window.end
    assert window.end - window.start == 36 * HOUR
    assert window.warm_up >= DAY
    assert window.history["BTC"][-1].time < window.end
    assert histories.drawdown(bars, window.start, window.end) == pytest.approx(0.4)


def test_worst__short_history__all_of_it() -> None:
    """Less than the asked hours: everything after the first day."""
    window = histories.worst({"BTC": _flat(40)})
    assert (window.end - window.start, window.warm_up) == (16 * HOUR, DAY)


def test_whole__always__first_day_is_warm_up() -> None:
    """FULL=1 replays all but the first day."""
    window = histories.whole({"BTC": _flat(100)})
    assert (window.end - window.start, window.warm_up) == (76 * HOUR, DAY)


def test_whole__no_day_of_warm_up__refused() -> None:
    """Nothing is traded on cold volatilities."""
    with pytest.raises(ValueError, match=r"the price history: 24\.5 h of prices"):
        histories.whole({"BTC": _flat(24) + _flat(1, start=21 * DAY)[:30]})
