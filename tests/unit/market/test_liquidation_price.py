from __future__ import annotations

import pytest

from tests.market_bench import WAD, MarketBench
from tests.unit.market.conftest import EMPTY, LONG, SHORT


@pytest.mark.parametrize("account", [LONG, SHORT])
def test_liquidation_price__at_it__equity_meets_maintenance(market: MarketBench, account: int) -> None:
    market.chain.advance(86_400)
    market.quote(2_010 * WAD)
    market.market.accrue(sender=market.stranger)  # funding so far is at the present price
    price = market.market.liquidation_price(account)
    assert price < 2_010 * WAD if account == LONG else price > 2_010 * WAD
    market.quote(price)
    risk = market.market.book_risk(account)
    assert abs(risk.equity - risk.maintenance) <= 30
    worse = price * 999 // 1_000 if account == LONG else price * 1_001 // 1_000
    market.quote(worse)
    risk = market.market.book_risk(account)
    assert risk.equity < risk.maintenance


def test_liquidation_price__nothing_to_lose__is_zero(market: MarketBench) -> None:
    assert market.market.liquidation_price(EMPTY) == 0
    market.move_margin(LONG, 100_000 * WAD)  # more than the whole notional
    assert market.market.liquidation_price(LONG) == 0
