"""`seize`: a share of a book, with everything in it, goes to another."""

from __future__ import annotations

import pytest

from ballast.chain import Reverted
from tests.market_bench import WAD, MarketBench
from tests.unit.market.conftest import EMPTY, LONG, SHORT


def test_seize__half__takes_half_of_everything(market: MarketBench) -> None:
    """LIQ-4: legs, margin and net deposit, pro rata; nobody else has more or less."""
    pool, short = market.market.book(market.pool_account), market.market.book(SHORT)
    assert market.seize(LONG, EMPTY, WAD // 2).returned is False
    left, taken = market.market.book(LONG), market.market.book(EMPTY)
    assert (left.size, left.base, left.net_deposit) == (5 * WAD, -7_500 * WAD, 2_500 * WAD)
    assert (taken.size, taken.base, taken.net_deposit) == (5 * WAD, -7_500 * WAD, 2_500 * WAD)
    assert market.market.book_risk(EMPTY).equity == 2_500 * WAD
    assert (market.market.book(market.pool_account), market.market.book(SHORT)) == (pool, short)
    assert (market.market.skew(), market.market.open_interest()) == (6 * WAD, 10 * WAD)
    market.assert_zero_sum(60_000 * WAD, LONG, SHORT, EMPTY)


def test_seize__all__leaves_an_empty_book(market: MarketBench) -> None:
    receipt = market.seize(LONG, EMPTY)
    assert receipt.returned is True
    assert market.market.book(LONG) == (0, 0, 0, 0)
    assert market.market.book_risk(EMPTY).equity == 5_000 * WAD
    event = receipt.event("Seized")
    assert (event.account, event.bidder, event.size, event.base) == (LONG, EMPTY, 10 * WAD, -15_000 * WAD)


def test_seize__below_zero__the_bidder_has_the_loss(market: MarketBench) -> None:
    market.quote(1_400 * WAD)
    market.seize(LONG, EMPTY, WAD // 4)
    assert market.market.book_risk(EMPTY).equity == -250 * WAD
    assert market.market.book_risk(LONG).equity == -750 * WAD


def test_seize__by_the_other_side__nets(market: MarketBench) -> None:
    """SOL-3: open interest shrinks by what meets."""
    market.seize(LONG, SHORT)
    assert market.market.book(SHORT).size == 6 * WAD
    assert market.market.open_interest() == 6 * WAD
    market.assert_zero_sum(60_000 * WAD, LONG, SHORT)


def test_seize__by_the_pool__changes_skew_and_funding(market: MarketBench) -> None:
    assert market.market.funding()[1] > 0
    market.chain.advance(3_600)
    before = market.market.funding()[0]
    market.seize(LONG, market.pool_account)
    cumulative, rate = market.market.funding()
    assert market.market.skew() == -4 * WAD
    assert cumulative >= before
    assert rate < 0
    market.assert_same_state(LONG, SHORT)
    market.assert_zero_sum(60_000 * WAD, LONG, SHORT)


@pytest.mark.parametrize("account", [LONG, SHORT])
@pytest.mark.parametrize("fraction", [1, 2, 10**17 + 1, WAD // 3, WAD - 1])
def test_seize__odd_fraction__gives_no_more_than_the_share(market: MarketBench, account: int, fraction: int) -> None:
    """RND-1: what the bidder gets is rounded down, to the wei."""
    before = market.market.book_risk(account).equity
    market.seize(account, EMPTY, fraction)
    got = market.market.book_risk(EMPTY).equity
    assert before * fraction // WAD - 2_002 < got <= before * fraction // WAD
    assert before - 1 <= got + market.market.book_risk(account).equity <= before
    market.assert_zero_sum(60_000 * WAD, LONG, SHORT, EMPTY)


def test_seize__in_parts__no_more_than_at_once(market: MarketBench) -> None:
    """RND-3: seven parts and the rest bring what all at once brings."""
    for _ in range(7):
        market.seize(LONG, EMPTY, WAD // 9)
    assert market.seize(LONG, EMPTY).returned is True
    book = market.market.book(EMPTY)
    assert (book.size, book.base, book.net_deposit) == (10 * WAD, -15_000 * WAD, 5_000 * WAD)


def test_seize__book_without_legs_in_part__shares_its_margin_and_goes_on(market: MarketBench) -> None:
    """LIQ-4: no legs are left before or after; the book is empty with its last wei of margin only."""
    bare, skew = 8, market.market.skew()
    market.move_margin(bare, 100 * WAD)
    assert market.seize(bare, EMPTY, WAD // 4).returned is False
    assert [market.market.book(account).base for account in (bare, EMPTY)] == [75 * WAD, 25 * WAD]
    assert [market.market.book(account).size for account in (bare, EMPTY)] == [0, 0]
    assert market.market.skew() == skew
    assert market.seize(bare, EMPTY).returned is True
    assert market.market.book(bare) == (0, 0, 0, 0) and market.market.book(EMPTY).base == 100 * WAD
    market.assert_same_state(LONG, SHORT, EMPTY, bare)


def test_seize__bad_arguments__are_refused(market: MarketBench) -> None:
    """X-LIQ-04: nothing, more than all, from the pool, from oneself."""
    for account, bidder, fraction, reason in (
        (LONG, EMPTY, 0, "market: bad fraction"),
        (LONG, EMPTY, WAD + 1, "market: bad fraction"),
        (market.pool_account, EMPTY, WAD, "market: the pool's own book"),
        (LONG, LONG, WAD, "market: same account"),
    ):
        with pytest.raises(Reverted, match=reason):
            market.seize(account, bidder, fraction)
    market.assert_same_state(LONG, SHORT, EMPTY)


def test_seize__not_the_vault__is_refused(market: MarketBench) -> None:
    for sender in (market.exchange, market.rebalancer, market.liquidator, market.owner):
        with pytest.raises(Reverted, match="access: not the vault"):
            market.market.seize(LONG, EMPTY, WAD, sender=sender)
        with pytest.raises(Reverted, match="access: not the vault"):
            market.market.absorb(LONG, sender=sender)
