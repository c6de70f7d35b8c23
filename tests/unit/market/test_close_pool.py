"""`close_pool`: when the pool itself fails, its book is closed against the other side."""

from __future__ import annotations

import pytest

from ballast.chain import Reverted
from tests.market_bench import WAD, MarketBench
from tests.unit.market.conftest import EMPTY, LONG, SHORT
from tests.unit.market.test_absorb import equity


@pytest.fixture
def failed(market: MarketBench) -> MarketBench:
    """At $2,100 the pool's book, short 6 units, is $500 below zero; 10 are long, account 3 is short 4."""
    market.move_margin(market.pool_account, -49_900 * WAD)
    market.quote(2_100 * WAD)
    return market


def test_close_pool__below_zero__closed_at_mark_by_size(failed: MarketBench) -> None:
    """LIQ-10: the longs bear $500 and lose 6 of their 10 units, at the oracle price; nobody else notices."""
    receipt = failed.close_pool()
    assert receipt.returned == 500 * WAD
    assert failed.market.book(LONG).size == 4 * WAD
    assert equity(failed, LONG, SHORT, failed.pool_account) == [5_500, 4_600, 0]
    assert failed.market.book(failed.pool_account)[:2] == (0, 0)
    assert (failed.market.open_interest(), failed.market.skew()) == (4 * WAD, 0)
    assert failed.market.funding()[1] == 0
    event = receipt.event("PoolClosed")
    assert (event.size, event.price, event.loss) == (-6 * WAD, 2_100 * WAD, 500 * WAD)
    failed.assert_same_state(LONG, SHORT)
    failed.assert_zero_sum(10_100 * WAD, LONG, SHORT)


def test_close_pool__short_side__closed_against_shorts(market: MarketBench) -> None:
    market.trade(LONG, -9 * WAD)
    market.move_margin(market.pool_account, -49_900 * WAD)
    market.quote(1_900 * WAD)
    assert market.close_pool().returned == 200 * WAD
    assert market.market.book(SHORT).size == -1 * WAD
    assert equity(market, LONG, SHORT, market.pool_account) == [4_900, 5_200, 0]
    market.assert_zero_sum(10_100 * WAD, LONG, SHORT)


def test_close_pool__only_counterparty__a_new_generation(bench: MarketBench) -> None:
    """All longs are closed; what is left is margin, which can be taken out, and the next longs owe nothing."""
    bench.move_margin(LONG, 5_000 * WAD)
    bench.move_margin(bench.pool_account, 100 * WAD)
    bench.trade(LONG, 10 * WAD)
    bench.quote(2_100 * WAD)
    bench.close_pool()
    assert bench.market.book(LONG)[:2] == (0, 5_100 * WAD)
    assert bench.market.open_interest() == 0

    bench.move_margin(EMPTY, 1_000 * WAD)
    bench.trade(EMPTY, 1 * WAD)
    bench.quote(2_200 * WAD)
    assert equity(bench, LONG, EMPTY, bench.pool_account) == [5_100, 1_100, -100]
    bench.assert_same_state(LONG, EMPTY)
    bench.assert_zero_sum(6_100 * WAD, LONG, EMPTY)
    assert bench.move_margin(LONG, -5_100 * WAD)[1] is True
    bench.trade(LONG, 2 * WAD)
    assert bench.market.book(LONG).size == 2 * WAD
    bench.assert_same_state(LONG, EMPTY)


def test_close_pool__twice__the_rest_shrinks_again(failed: MarketBench) -> None:
    failed.close_pool()
    failed.trade(EMPTY, 3 * WAD)  # the pool is short 3 of 7
    failed.quote(2_200 * WAD)
    failed.close_pool()
    assert 4 * WAD - 8 <= failed.market.open_interest() <= 4 * WAD
    sizes = [failed.market.book(account).size for account in (LONG, EMPTY)]
    assert 4 * WAD - 8 <= sum(sizes) <= 4 * WAD
    assert abs(sizes[0] - 4 * WAD * 4 // 7) < 8
    failed.assert_same_state(LONG, SHORT, EMPTY)
    failed.assert_zero_sum(10_100 * WAD, LONG, SHORT, EMPTY, dust=20)


def test_close_pool__without_legs__both_sides_bear_it(market: MarketBench) -> None:
    market.trade(LONG, -6 * WAD)
    market.move_margin(market.pool_account, -50_080 * WAD)
    assert market.close_pool().returned == 80 * WAD
    assert equity(market, LONG, SHORT, market.pool_account) == [4_960, 4_960, 0]
    assert market.market.open_interest() == 4 * WAD
    market.assert_zero_sum(9_920 * WAD, LONG, SHORT)


def test_close_pool__nobody_holds_anything__waits(bench: MarketBench) -> None:
    """Only insurance can end this deficit, as its allowance comes back."""
    bench.move_margin(bench.pool_account, -1 * WAD)
    with pytest.raises(Reverted, match="market: nobody to charge"):
        bench.close_pool()
    bench.assert_same_state(LONG)


def test_close_pool__not_below_zero__is_refused(market: MarketBench) -> None:
    """X-RND-03: at zero exactly it has failed nobody."""
    market.quote(2_100 * WAD)
    market.move_margin(market.pool_account, -49_400 * WAD)
    assert equity(market, market.pool_account) == [0]
    with pytest.raises(Reverted, match="market: pool is not below zero"):
        market.close_pool()
    market.move_margin(market.pool_account, -1)
    assert market.close_pool().returned == 1


def test_close_pool__not_a_liquidator__is_refused(failed: MarketBench) -> None:
    for sender in (failed.exchange, failed.rebalancer, failed.owner, failed.guardian, failed.stranger):
        with pytest.raises(Reverted, match="access: not the engine"):
            failed.market.close_pool(sender=sender)
