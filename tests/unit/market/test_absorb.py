"""`absorb`: the pool takes the legs over; what is lost is charged to those on the other side."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ballast.chain import Reverted
from ballast.model.loss_index import MAX_CHARGE
from ballast.model.market import RAMP
from tests.market_bench import WAD, MarketBench
from tests.unit.market.conftest import EMPTY, LONG, SHORT

THIRD = 4


def equity(market: MarketBench, *accounts: int) -> list[int]:
    """In whole dollars."""
    return [round(market.market.book_risk(account).equity / WAD) for account in accounts]


@pytest.fixture
def lost(market: MarketBench) -> MarketBench:
    """At $1,400 account 2 is $1,000 below zero; the shorts are account 3 with 4 units, the pool with 6."""
    market.quote(1_400 * WAD)
    return market


def test_absorb__above_zero__keeps_its_margin(market: MarketBench) -> None:
    market.quote(1_900 * WAD)
    receipt = market.absorb(LONG)
    assert tuple(receipt.returned) == (0, False)
    book = market.market.book(LONG)
    assert (book.size, book.base) == (0, 4_000 * WAD)
    assert market.market.book(market.pool_account).size == 4 * WAD
    assert equity(market, SHORT, market.pool_account) == [5_400, 50_600]
    assert (market.market.open_interest(), market.market.skew()) == (4 * WAD, -4 * WAD)
    market.assert_zero_sum(60_000 * WAD, LONG, SHORT)


def test_absorb__below_zero__opposite_side_pays_by_size(lost: MarketBench) -> None:
    """BDT-2: $1,000 over 10 units, 4 of account 3 and 6 of the pool; once, and at once."""
    assert equity(lost, LONG, SHORT, lost.pool_account) == [-1_000, 7_400, 53_600]
    receipt = lost.absorb(LONG)
    assert tuple(receipt.returned) == (1_000 * WAD, True)
    assert lost.market.book(LONG)[:3] == (0, 0, 0)
    assert equity(lost, LONG, SHORT, lost.pool_account) == [0, 7_000, 53_000]
    event = receipt.event("Absorbed")
    assert (event.account, event.size, event.price) == (LONG, 10 * WAD, 1_400 * WAD)
    assert (event.loss, event.pool_loss) == (1_000 * WAD, 0)
    lost.assert_zero_sum(60_000 * WAD, LONG, SHORT)
    assert tuple(lost.absorb(LONG).returned) == (0, True)
    assert equity(lost, LONG, SHORT, lost.pool_account) == [0, 7_000, 53_000]


def test_absorb__short_below_zero__longs_pay(market: MarketBench) -> None:
    market.move_margin(SHORT, -4_900 * WAD)
    market.quote(2_100 * WAD)
    market.absorb(SHORT)
    assert equity(market, LONG, SHORT, market.pool_account) == [5_700, 0, 49_400]
    assert market.market.book(market.pool_account).size == -10 * WAD
    market.assert_zero_sum(55_100 * WAD, LONG, SHORT)


def test_absorb__later_books__bear_nothing(lost: MarketBench) -> None:
    """X-LIQ-09: who leaves before a loss is known or comes after it has no part in it, who stays has."""
    lost.trade(SHORT, 3 * WAD)
    lost.absorb(LONG)
    lost.move_margin(THIRD, 5_000 * WAD)
    lost.trade(THIRD, -3 * WAD)
    assert equity(lost, SHORT, THIRD) == [7_300, 5_000]
    lost.assert_same_state(LONG, SHORT, THIRD)
    lost.assert_zero_sum(65_000 * WAD, LONG, SHORT, THIRD)


def test_absorb__turned_round_since__charged_on_its_side_only(lost: MarketBench) -> None:
    lost.absorb(LONG)
    lost.trade(SHORT, 8 * WAD)
    assert equity(lost, SHORT) == [7_000]
    lost.move_margin(THIRD, 100 * WAD)
    lost.trade(THIRD, -2 * WAD)
    lost.quote(1_500 * WAD)
    lost.absorb(THIRD)
    lost.assert_same_state(LONG, SHORT, THIRD)
    lost.assert_zero_sum(60_100 * WAD, LONG, SHORT, THIRD)
    assert equity(lost, SHORT, THIRD) == [7_400 - 100 * 4 // 4, 0]


@pytest.mark.parametrize("amount", [100, -100])
def test_absorb__margin_moved_before_it_is_settled__counts_once(lost: MarketBench, amount: int) -> None:
    lost.absorb(LONG)
    lost.move_margin(SHORT, amount * WAD)
    assert equity(lost, SHORT) == [7_000 + amount]
    lost.trade(SHORT, 1 * WAD)
    assert equity(lost, SHORT) == [7_000 + amount]
    lost.assert_zero_sum((60_000 + amount) * WAD, LONG, SHORT)


def test_absorb__share_beyond_equity__rest_of_its_side_bears_it(lost: MarketBench) -> None:
    """SOL-5: account 3 has $10 left of what it should pay; what is missing goes to its own side, not back."""
    lost.move_margin(THIRD, 5_000 * WAD)
    lost.trade(THIRD, -6 * WAD)
    lost.move_margin(SHORT, -7_390 * WAD)
    lost.absorb(LONG)
    assert equity(lost, SHORT, THIRD, lost.pool_account) == [-390, 4_400, 53_600]
    pool_before = equity(lost, lost.pool_account)
    receipt = lost.absorb(SHORT)
    assert tuple(receipt.returned)[1] is True
    assert equity(lost, SHORT, THIRD) == [0, 4_010]
    assert equity(lost, lost.pool_account) == pool_before
    lost.assert_zero_sum((60_000 - 2_390) * WAD, LONG, SHORT, THIRD)


def test_absorb__alone_on_its_side__pool_bears_the_spill(lost: MarketBench) -> None:
    lost.move_margin(SHORT, -7_390 * WAD)
    lost.absorb(LONG)
    assert equity(lost, SHORT, lost.pool_account) == [-390, 53_000]
    receipt = lost.absorb(SHORT)
    assert receipt.event("Absorbed").pool_loss == receipt.returned[0]
    assert equity(lost, SHORT, lost.pool_account) == [0, 52_610]
    lost.assert_zero_sum(52_610 * WAD, LONG, SHORT)


def test_absorb__own_loss_beside_its_share__each_to_its_side(lost: MarketBench) -> None:
    """The part that its own side laid on it spills there, the part that it lost itself goes to the other."""
    lost.move_margin(THIRD, 5_000 * WAD)
    lost.trade(THIRD, -6 * WAD)
    lost.move_margin(SHORT, -7_390 * WAD)
    lost.absorb(LONG)
    lost.quote(1_450 * WAD)  # $200 more of its own
    before = equity(lost, SHORT, THIRD, lost.pool_account)
    assert before == [-590, 4_100, 54_100]
    receipt = lost.absorb(SHORT)
    assert receipt.returned[0] == 590 * WAD
    assert equity(lost, SHORT, THIRD, lost.pool_account) == [0, 3_700, 53_910]


def test_absorb__no_legs__pool_bears_it(market: MarketBench) -> None:
    """It was the other side of whatever closed them."""
    market.move_margin(EMPTY, -50 * WAD)
    assert tuple(market.absorb(EMPTY).returned) == (50 * WAD, True)
    assert equity(market, EMPTY, LONG, SHORT, market.pool_account) == [0, 5_000, 5_000, 49_950]
    market.assert_zero_sum(59_950 * WAD, EMPTY, LONG, SHORT)


def test_absorb__loss_beyond_what_a_unit_can_bear__pool_bears_it(bench: MarketBench) -> None:
    """RND-6: a wei of size and a thousand dollars of loss: the index does not overflow."""
    bench.trade(LONG, 1)
    bench.move_margin(LONG, -1_000 * WAD)
    receipt = bench.absorb(LONG)
    assert receipt.event("Absorbed").pool_loss == receipt.returned[0] > MAX_CHARGE // WAD
    assert equity(bench, LONG, bench.pool_account) == [0, -1_000]


def test_absorb__market_with_losses__keeps_ramp_and_terms(lost: MarketBench) -> None:
    """ACC-4: the word of the ramp serves both, whichever came first."""
    lost.absorb(LONG)
    assert lost.market.ramp_end() == 0
    lost.set_config(lost.model.config)
    assert lost.market.ramp_end() == 0
    lost.set_config(replace(lost.model.config, close_rate=WAD // 50))
    assert lost.market.ramp_end() == lost.now + RAMP
    lost.assert_same_state(LONG, SHORT)
    for _ in range(4):
        lost.chain.advance(40_000)
        lost.quote()
        lost.same(lambda: lost.market.accrue(sender=lost.stranger), lambda: lost.model.accrue(lost.now))
        lost.assert_same_state(LONG, SHORT)


def test_absorb__pools_own_book__is_refused(market: MarketBench) -> None:
    with pytest.raises(Reverted, match="market: the pool's own book"):
        market.absorb(market.pool_account)
