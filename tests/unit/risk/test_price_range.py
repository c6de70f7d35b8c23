from __future__ import annotations

import pytest

from ballast.chain import Contract
from ballast.model.risk import SQRT_DAY, SQRT_HORIZON
from tests.market_bench import CONFIG, WAD

PARAMS = {
    name: getattr(CONFIG, name)
    for name in ("range_multiplier", "range_min", "range_max", "initial_ratio", "close_rate")
}


def test_price_range__usual_volatility__is_one_day_of_it(risk_model: Contract) -> None:
    """One standard deviation of a day at 73 % a year: 0.73 · √(1/365) = 3.82 %."""
    assert risk_model.price_range(PARAMS, 73 * WAD // 100) / WAD == pytest.approx(0.73 / 365**0.5, rel=1e-12)


def test_price_range__calm_or_wild__is_clamped(risk_model: Contract) -> None:
    assert risk_model.price_range(PARAMS, 0) == CONFIG.range_min
    assert risk_model.price_range(PARAMS, 50 * WAD) == CONFIG.range_max


def test_constants__roots__are_rounded_up() -> None:
    for root, part in ((SQRT_DAY, 365), (SQRT_HORIZON, 8_760)):
        assert (root - 1) ** 2 * part < WAD**2 <= root**2 * part
