"""Files of real rounds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ballast.chain.abi import ROOT
from ballast.history import rounds
from ballast.history.bars import DAY, PriceFileError
from ballast.history.feed import Round
from ballast.history.rounds import NOT_LATER
from ballast.model.oracle import EMPTY_ROUND, ZERO_PRICE

HEADER = "round,answer,start,update,answeredInRound\n"
PHASE = 6 << 64
REAL = Path(os.environ.get("BALLAST_ROUNDS", ROOT.parent / "shared" / "data" / "chainlink"))


def _file(folder: Path, *rows: tuple[int, int, int]) -> Path:
    """Rounds as (id within the phase, answer, time)."""
    path = folder / "rounds.csv"
    lines = (f"{PHASE + id_},{answer},{time},{time},{PHASE + id_}\n" for id_, answer, time in rows)
    path.write_text(HEADER + "".join(lines))
    return path


def test_read__empty_and_zero_rounds__skipped_with_the_oracles_reason(tmp_path: Path) -> None:
    found = rounds.read(_file(tmp_path, (0, 0, 0), (1, 100, 60), (2, 0, 90), (3, 101, 120), (4, 102, 120)))
    assert found.rounds == [Round(60, 100), Round(120, 101)]
    assert [(each.line, each.reason) for each in found.skipped] == [(2, EMPTY_ROUND), (4, ZERO_PRICE), (6, NOT_LATER)]


@pytest.mark.parametrize(
    "text, line, expected",
    [
        ("round,answer\n", 1, "missing column start, update, answeredInRound"),
        (HEADER, 2, "no round that could be used"),
        (HEADER + "1,2,3\n", 2, "3 fields; expected 5"),
        (HEADER + "1,x,3,3,1\n", 2, "answer 'x'; expected a whole number"),
        (HEADER + "2,1,3,3,2\n1,1,4,4,1\n", 3, "round 1 after 2; expected a higher id"),
    ],
)
def test_read__bad_line__names_file_line_and_expectation(tmp_path: Path, text: str, line: int, expected: str) -> None:
    path = tmp_path / "rounds.csv"
    path.write_text(text)
    with pytest.raises(PriceFileError) as caught:
        rounds.read(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert expected in str(caught.value)


def test_whole__two_feeds__their_common_span_after_a_day() -> None:
    found = rounds.whole({"BTC": [Round(60, 1), Round(3 * DAY, 1)], "ETH": [Round(120, 1), Round(2 * DAY, 1)]}, "x")
    assert (found.start, found.end) == (DAY + 120, 2 * DAY)
    with pytest.raises(ValueError, match=r"x: 1\.0 h of prices; expected a day of warm-up"):
        rounds.whole({"BTC": [Round(60, 1), Round(3_660, 1)]}, "x")


def test_read__span__only_its_rounds(tmp_path: Path) -> None:
    path = _file(tmp_path, (1, 100, 60), (2, 101, 120), (3, 0, 150), (4, 102, 180))
    found = rounds.read(path, 100, 180)
    assert found.rounds == [Round(120, 101)] and [each.line for each in found.skipped] == [4]
    with pytest.raises(PriceFileError, match=r"no round that could be used from 1970-01-01 00:15 up to the end"):
        rounds.read(path, 900)


@pytest.mark.parametrize("symbol", ["BTC", "ETH"])
def test_read__real_rounds__all_but_a_few_count(symbol: str) -> None:
    paths = sorted(REAL.glob(f"{symbol}_USD_rounds_*.csv"))
    if not paths:
        pytest.skip(f"no {symbol}_USD_rounds_*.csv in {REAL}")
    found = rounds.read(paths[0])
    assert len(found.rounds) > 10_000
    assert found.skipped[0].reason == EMPTY_ROUND
    assert {each.reason for each in found.skipped[1:]} <= {NOT_LATER} and len(found.skipped) < 10
