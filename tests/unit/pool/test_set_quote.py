from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest

from ballast.chain import Reverted
from ballast.model.errors import Rejected
from tests.market_bench import QUOTE_CONFIG, WAD, MarketBench


def test_set_quote__within_bounds__is_read_back(bench: MarketBench) -> None:
    config = replace(
        QUOTE_CONFIG, base_spread=0, deviation=WAD // 5, max_inventory=0, impact_scale=2**64 * 10**15 - 10**15
    )
    receipt = bench.pool.set_quote(7, config, sender=bench.owner)
    event = receipt.event("QuoteConfigSet")
    assert event.market == 7
    assert event.config._asdict() == bench.pool.quote_config(7)._asdict() == asdict(config)
    assert bench.pool.quote_config(1)._asdict() == asdict(QUOTE_CONFIG)
    assert set(bench.pool.quote_config(8)) == {0}


@pytest.mark.parametrize(
    "field",
    [
        {"base_spread": WAD // 20 + 10**12},
        {"base_spread": 1},
        {"reference_volatility": 0},
        {"reference_volatility": 10 * WAD + 10**12},
        {"volatility_cap": WAD - 10**12},
        {"volatility_cap": 11 * WAD},
        {"deviation": WAD // 5 + 10**12},
        {"impact_scale": 4 * QUOTE_CONFIG.max_inventory - 10**15},
        {"impact_scale": 2**64 * 10**15},
        {"max_inventory": QUOTE_CONFIG.impact_scale // 4 + 10**15},
        {"max_inventory": 1},
        {"max_inventory": 0, "impact_scale": 0},
    ],
)
def test_set_quote__out_of_bounds__reverts(bench: MarketBench, field: dict[str, Any]) -> None:
    config = replace(QUOTE_CONFIG, **field)
    with pytest.raises(Reverted, match="pool: parameter out of bounds"):
        bench.pool.set_quote(1, config, sender=bench.owner)
    with pytest.raises(Rejected, match="pool: parameter out of bounds"):
        bench.model.pool.set_quote(1, config)
    assert bench.pool.quote_config(1)._asdict() == asdict(QUOTE_CONFIG)


def test_set_quote__not_the_owner__reverts(bench: MarketBench) -> None:
    with pytest.raises(Reverted, match="ownable: caller is not the owner"):
        bench.pool.set_quote(1, QUOTE_CONFIG, sender=bench.stranger)
