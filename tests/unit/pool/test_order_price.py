from __future__ import annotations

import pytest

from ballast.chain import Reverted
from tests.market_bench import QUOTE_CONFIG, WAD, MarketBench

PRICE = 2_000 * WAD
CALM = QUOTE_CONFIG.reference_volatility
SCALE = QUOTE_CONFIG.impact_scale
LIMIT = QUOTE_CONFIG.max_inventory


def test_order_price__empty_pool__is_spread_and_half_the_impact(bench: MarketBench) -> None:
    """100 units against a scale of 100,000: the mean impact along the trade is 5 bps, the spread another 5."""
    assert bench.pool.order_price(1, 100 * WAD, PRICE, CALM, 0, False) == PRICE * 10_010 // 10_000
    assert bench.pool.order_price(1, -100 * WAD, PRICE, CALM, 0, False) == PRICE * 9_990 // 10_000


def test_order_price__reducing_inventory__pays_the_spread_and_is_paid_nothing(bench: MarketBench) -> None:
    """Impact is charged where |skew| grows and never paid out, or a self-made cut could harvest it."""
    for skew in (1_000 * WAD, -1_000 * WAD):
        size = -skew // 2
        expected = PRICE * (10_005 if size > 0 else 9_995) // 10_000
        assert bench.pool.order_price(1, size, PRICE, CALM, skew, False) == expected
        assert bench.pool.order_price(1, -2 * skew, PRICE, CALM, skew, False) in (
            PRICE * 10_005 // 10_000,
            PRICE * 9_995 // 10_000,
        )  # to the same inventory on the other side: |skew| has not grown


def test_order_price__round_trip__never_profits(bench: MarketBench) -> None:
    """In and out at one oracle price, in any number of steps, costs the trader."""
    for size in (WAD, 700 * WAD, LIMIT):
        bought = bench.pool.order_price(1, size, PRICE, CALM, 0, False)
        sold = bench.pool.order_price(1, -size, PRICE, CALM, size, False)
        assert sold < PRICE < bought


def test_order_price__split_order__costs_no_less_than_whole(bench: MarketBench) -> None:
    """RND-3, REB-11: the impact integral is additive, so splitting gains at most the rounding, in the pool's favour."""
    whole = 100 * bench.pool.order_price(1, 100 * WAD, PRICE, CALM, 0, False)
    parts = [bench.pool.order_price(1, 25 * WAD, PRICE, CALM, 25 * WAD * step, False) for step in range(4)]
    assert whole <= 25 * sum(parts) <= whole + 10_000


def test_order_price__volatility__widens_the_spread_up_to_the_cap(bench: MarketBench) -> None:
    prices = [bench.pool.order_price(1, 1, PRICE, CALM * ratio // 2, 0, False) for ratio in (1, 2, 4, 10, 30)]
    assert [(price - PRICE) * 10_000 / PRICE for price in prices] == pytest.approx([5, 5, 10, 25, 25])


def test_order_price__rounding__is_against_the_trader(bench: MarketBench) -> None:
    """ORC-8, RND-1: bid ≤ oracle price ≤ ask, to the wei."""
    assert bench.pool.order_price(1, 1, 3, CALM, 0, False) == 4
    assert bench.pool.order_price(1, -1, 3, CALM, 0, False) == 2


@pytest.mark.parametrize("sign", [1, -1])
def test_order_price__beyond_inventory__reverts_only_while_growing(bench: MarketBench, sign: int) -> None:
    bench.pool.order_price(1, sign * LIMIT, PRICE, CALM, 0, False)
    with pytest.raises(Reverted, match="pool: inventory limit"):
        bench.pool.order_price(1, sign * (LIMIT + 1), PRICE, CALM, 0, False)
    with pytest.raises(Reverted, match="pool: inventory limit"):
        bench.pool.order_price(1, sign, PRICE, CALM, sign * LIMIT, False)
    bench.pool.order_price(1, -sign, PRICE, CALM, sign * LIMIT * 2, False)


@pytest.mark.parametrize("sign", [1, -1])
def test_order_price__who_closes_beyond_the_limit__pays_what_it_costs_there(bench: MarketBench, sign: int) -> None:
    """LIV-2: nobody is kept in by the pool's limit; its impact is the most that a closing pays."""
    within = bench.pool.order_price(1, sign * LIMIT, PRICE, CALM, 0, True)
    assert within == bench.pool.order_price(1, sign * LIMIT, PRICE, CALM, 0, False)
    most = PRICE + sign * PRICE * (WAD // 2_000 + LIMIT * WAD // SCALE) // WAD
    for skew in (LIMIT, 2 * LIMIT, 10 * LIMIT):
        assert bench.pool.order_price(1, sign * LIMIT, PRICE, CALM, sign * skew, True) == most


def test_order_price__no_quote__reverts(bench: MarketBench) -> None:
    with pytest.raises(Reverted, match="pool: no quote"):
        bench.pool.order_price(2, WAD, PRICE, CALM, 0, False)
    with pytest.raises(Reverted, match="pool: no quote"):
        bench.pool.engine_rate(2, CALM, 0)
