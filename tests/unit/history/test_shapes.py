"""Generated weeks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from ballast.history import shapes
from ballast.history.bars import DAY, MINUTE, drawdown
from ballast.history.shapes import SHAPES


@pytest.mark.parametrize("shape", SHAPES)
def test_window__same_seed__same_bars(shape: str) -> None:
    first, again, other = shapes.window(shape), shapes.window(shape), shapes.window(shape, 2)
    assert first == again and first.history != other.history
    assert "not market data" in first.label and shape in first.label


@pytest.mark.parametrize("shape", SHAPES)
def test_window__any_shape__a_week_of_whole_bars_after_a_day(shape: str) -> None:
    window = shapes.window(shape)
    assert (window.end - window.start, window.warm_up) == (7 * DAY, DAY)
    assert set(window.history) == {"BTC", "ETH", "SOL"}
    for bars in window.history.values():
        assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)
        assert all(before.close == after.open for before, after in pairwise(bars))
        assert {after.time - before.time for before, after in pairwise(bars)} == {MINUTE}


def _falls(shape: str, seed: int) -> list[float]:
    window = shapes.window(shape, seed)
    return [drawdown(bars, window.start, window.end) for bars in window.history.values()]


def test_window__calm__hardly_moves() -> None:
    assert max(_falls("calm", 1)) < 0.2


@pytest.mark.parametrize("seed", range(1, 6))
def test_window__waves__falls_deep_and_all_together(seed: int) -> None:
    falls = _falls("waves", seed)
    assert min(falls) > 0.25 and falls[2] > falls[0]
    window = shapes.window("waves", seed)
    moves = np.diff(np.log([[bar.close for bar in bars[::60]] for bars in window.history.values()]))
    assert np.corrcoef(moves)[0, 1] > 0.9


def test_window__unknown_shape__says_which_there_are() -> None:
    with pytest.raises(ValueError, match="shape 'boom': unknown; expected one of calm, jump_diffusion"):
        shapes.window("boom")
