"""Windows by prefix, by file or generated; what cannot be used is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from ballast.history.bars import DAY, HOUR, PriceFileError
from ballast.lab.windows import GENERATED, FeedSettings, Source, sources
from ballast.model.oracle import ZERO_PRICE

START = 1_700_006_400
FEED = FeedSettings()


def _bars(path: Path, hours: int = 30, price: float = 100.0, step: int = 60, start: int = START) -> Path:
    lines = [f"{start + i * step},{price},{price},{price},{price}" for i in range(hours * HOUR // step)]
    path.write_text("\n".join(["timestamp,open,high,low,close", *lines]) + "\n")
    return path


def _rounds(path: Path, hours: int = 30, first: int = START) -> Path:
    lines = [f"{i + 1},10000000000,{first + i * HOUR},{first + i * HOUR},{i + 1}" for i in range(hours + 1)]
    path.write_text("\n".join(["round,answer,start,update,answeredInRound", *lines]) + "\n")
    return path


def test_of__prefix__every_file_of_it(tmp_path: Path) -> None:
    for symbol in ("BTC", "ETH"):
        _bars(tmp_path / f"march_{symbol}.csv")
    source = Source.of(str(tmp_path / "march"))
    recording = source.recording(1, FEED)
    assert source.name == recording.label == "march" and source.text == "march_BTC.csv, march_ETH.csv"
    assert set(recording.rounds) == {"BTC", "ETH"}
    assert (recording.start, recording.end) == (START + DAY, START + 30 * HOUR)


def test_of__files_by_symbol__bars_or_rounds(tmp_path: Path) -> None:
    bars, rounds = _bars(tmp_path / "a.csv"), _rounds(tmp_path / "b.csv")
    assert set(Source.of(f"BTC={bars}").recording(1, FEED).rounds) == {"BTC"}
    found = Source.of(f"ETH={rounds}").recording(1, FEED)
    assert len(found.rounds["ETH"]) == 31 and found.label == "b" and found.end == START + 30 * HOUR


def test_recording__feed_settings__more_or_fewer_rounds(tmp_path: Path) -> None:
    source = Source.of(f"BTC={_bars(tmp_path / 'a.csv')}")
    assert len(source.recording(1, FeedSettings(heartbeat=1_800)).rounds["BTC"]) == 60
    late = source.recording(1, FeedSettings(latency=7)).rounds["BTC"]
    assert len(late) == 30 and late[0].time == START + 7


@pytest.mark.parametrize("name", GENERATED)
def test_recording__generated__another_path_for_each_seed(name: str) -> None:
    source = Source.of(name)
    first, again, other = (source.recording(seed, FEED).rounds["BTC"] for seed in (1, 1, 2))
    assert first == again != other and "not market data" in source.text


def test_of__no_such_prefix__says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(PriceFileError, match=r"no price file nothing_<SYMBOL>\.csv in"):
        Source.of(str(tmp_path / "nothing"))


def test_of__underlying_twice__named() -> None:
    with pytest.raises(ValueError, match="BTC is given twice; expected each underlying once"):
        Source.of("BTC=a.csv,BTC=b.csv")


def test_recording__outage__a_span_beside_it(tmp_path: Path) -> None:
    """Hourly bars with a gap: refused as a whole, replayed from behind it."""
    path = _bars(tmp_path / "a.csv", hours=60, step=HOUR)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:10] + lines[12:]) + "\n")
    with pytest.raises(PriceFileError, match=r"a.csv:11: .* a gap of 10800 s from 2023-11-15 08:00 to .* 11:00"):
        Source.of(f"BTC={path}").recording(1, FEED)
    recording = Source.of(f"BTC={path}", START + 11 * HOUR, START + 50 * HOUR).recording(1, FEED)
    assert (recording.start, recording.end) == (START + 35 * HOUR, START + 50 * HOUR) and recording.notes == ()


def test_recording__too_short__named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a: 20\.0 h of prices; expected a day of warm-up and at least 1 h after it"):
        Source.of(f"BTC={_bars(tmp_path / 'a.csv', hours=20)}").recording(1, FEED)


def test_recording__different_lengths__says_what_is_left_out(tmp_path: Path) -> None:
    long, short = _bars(tmp_path / "a.csv", hours=40), _bars(tmp_path / "b.csv", hours=30)
    recording = Source.of(f"BTC={long},ETH={short}").recording(1, FEED)
    assert recording.end == START + 30 * HOUR
    assert recording.notes == ("left out: 600 bars of BTC that others do not have",)


def test_recording__rounds_the_oracle_would_not_take__counted(tmp_path: Path) -> None:
    path = _rounds(tmp_path / "b.csv")
    lines = path.read_text().splitlines()
    lines[5] = lines[5].replace("10000000000", "0", 1)
    path.write_text("\n".join(lines) + "\n")
    recording = Source.of(f"ETH={path}").recording(1, FEED)
    assert recording.notes == (f"passed over as the oracle does: 1 of ETH ({ZERO_PRICE})",)


@pytest.mark.parametrize("text", ["BTC=", "BTC=a.csv,b.csv", "=a.csv"])
def test_of__half_a_pair__says_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match="expected SYMBOL=file"):
        Source.of(text)


def test_recording__bars_beside_rounds__names_the_file(tmp_path: Path) -> None:
    bars, rounds = _bars(tmp_path / "a.csv"), _rounds(tmp_path / "b.csv")
    with pytest.raises(PriceFileError, match=r"b.csv:1: other columns than .*a.csv; expected bars in both"):
        Source.of(f"BTC={bars},ETH={rounds}").recording(1, FEED)


def test_recording__different_clocks__names_both(tmp_path: Path) -> None:
    _bars(tmp_path / "march_BTC.csv")
    _bars(tmp_path / "march_ETH.csv", step=3_600)
    with pytest.raises(PriceFileError, match="different clocks: BTC every 60 s at 0 s, ETH every 3600 s"):
        Source.of(str(tmp_path / "march")).recording(1, FEED)


def test_recording__missing_file__names_it(tmp_path: Path) -> None:
    with pytest.raises(PriceFileError, match=r"gone.csv: cannot be read"):
        Source.of(f"BTC={tmp_path / 'gone.csv'}").recording(1, FEED)


def test_sources__two_of_one_name__named(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        _bars(tmp_path / folder / "march_BTC.csv")
    with pytest.raises(ValueError, match="both are called march; expected other names"):
        sources([str(tmp_path / folder / "march") for folder in ("a", "b")])


def test_feed_settings__impossible__named() -> None:
    with pytest.raises(ValueError, match="heartbeat 5: expected 60 to 86400"):
        FeedSettings(heartbeat=5)
    with pytest.raises(ValueError, match="deviation_bps 30000: expected 1 to 10000"):
        FeedSettings(deviation_bps=30_000)
