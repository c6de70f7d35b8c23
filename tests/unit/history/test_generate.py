"""The generated crash."""

from __future__ import annotations

from ballast.history import generate
from ballast.history.bars import DAY, HOUR, drawdown


def test_crash__twice__same_bars() -> None:
    """The seed decides everything."""
    assert generate.crash() == generate.crash()
    assert generate.crash(2) != generate.crash(3)


def test_crash__default__falls_by_about_forty_per_cent() -> None:
    """The shape is a crash for both underlyings, most of it within hours, and says that it is generated."""
    window = generate.crash()
    falls = {symbol: drawdown(bars, window.start, window.end) for symbol, bars in window.history.items()}
    assert 0.35 < falls["BTC"] < 0.46 and 0.35 < falls["ETH"] < 0.52
    assert "generated" in generate.LABEL
    assert (window.end - window.start, window.warm_up) == (36 * HOUR, DAY)
    for bars in window.history.values():
        assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)


def test_crash__gap__one_minute_that_nobody_can_act_in() -> None:
    """Eight per cent of bitcoin within a minute, more of ether; nothing else differs, before or after."""
    with_, without = generate.crash(), generate.crash(gap=0)
    for symbol, bars in with_.history.items():
        before, gap = without.history[symbol], bars[generate.GAP_AT]
        assert bars[: generate.GAP_AT] == before[: generate.GAP_AT]
        assert 0.07 < 1 - gap.close / gap.open < 0.11
        ratios = {round(bar.close / old.close, 6) for bar, old in zip(bars, before, strict=True) if bar.time > gap.time}
        assert len(ratios) == 1
