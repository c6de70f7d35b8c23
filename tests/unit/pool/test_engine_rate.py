from __future__ import annotations

import pytest

from tests.market_bench import QUOTE_CONFIG, WAD, MarketBench

CALM = QUOTE_CONFIG.reference_volatility
YEAR = 365 * 86_400


def test_engine_rate__fresh_price__is_spread_and_twelve_seconds_of_drift(bench: MarketBench) -> None:
    rate = bench.pool.engine_rate(1, CALM, 0)
    assert rate / WAD == pytest.approx(0.0005 + 3 * 0.6 * (12 / YEAR) ** 0.5, rel=1e-12)


def test_engine_rate__old_price__is_capped_by_the_deviation(bench: MarketBench) -> None:
    """The feed would have published a larger move."""
    assert bench.pool.engine_rate(1, CALM, 10**6) == QUOTE_CONFIG.base_spread + QUOTE_CONFIG.deviation


def test_engine_rate__age_and_volatility__never_lower_it(bench: MarketBench) -> None:
    """HLT-8: what a cut costs is monotone in volatility and in the price's age."""
    grid = [[bench.pool.engine_rate(1, CALM * hot, age) for age in (0, 1, 30, 300, 4_000)] for hot in (1, 2, 4, 9)]
    assert all(row == sorted(row) for row in grid)
    assert all(list(column) == sorted(column) for column in zip(*grid, strict=True))
