from __future__ import annotations

import pytest

from ballast.chain import Contract
from tests.market_bench import CONFIG, WAD
from tests.unit.risk.test_price_range import PARAMS

NO_FEE = {**PARAMS, "close_rate": 0}
UNIT, FUNDING = 10 * WAD, 3 * WAD


@pytest.mark.parametrize("size", [UNIT, -UNIT])
def test_liquidation_price__book_worth_nothing_at_a_price_of_zero__has_none(risk_model: Contract, size: int) -> None:
    """What it owes is its funding to the wei: equity meets what it needs at zero alone."""
    base = size * FUNDING // WAD
    assert risk_model.liquidation_price(PARAMS, WAD, size, base, FUNDING) == 0


@pytest.mark.parametrize("base", [-WAD, 0, WAD])
def test_liquidation_price__maintenance_of_the_whole_notional__long_book_has_none(
    risk_model: Contract, base: int
) -> None:
    """A dollar of price adds as much to what a long book needs as to what it is worth."""
    whole = {**NO_FEE, "range_min": WAD, "range_max": WAD}
    assert risk_model.liquidation_price(whole, WAD, UNIT, base, 0) == 0


def test_liquidation_price__usual_book__is_where_equity_meets_maintenance(risk_model: Contract) -> None:
    """Long 10 that cost $20,000, with $5,000: worth 10 p − 15,000, needs a share of 10 p."""
    rate = risk_model.price_range(PARAMS, 50 * WAD) + CONFIG.close_rate
    price = risk_model.liquidation_price(PARAMS, 50 * WAD, UNIT, -15_000 * WAD, 0)
    assert price == -(-1_500 * WAD * WAD // (WAD - rate))
