from __future__ import annotations

import pytest

from ballast.chain import Reverted
from tests.market_bench import CONFIG, WAD, MarketBench
from tests.unit.market.conftest import EMPTY, LONG, SHORT

DAY = 86_400


def test_funding__skewed_long__longs_pay_shorts_and_pool(market: MarketBench) -> None:
    """ACC-3, SOL-3: funding is paid by the crowded side and received to the wei by the others."""
    before = {account: market.market.book_risk(account).equity for account in (1, LONG, SHORT)}
    market.chain.advance(DAY)
    market.quote()
    cumulative, rate = market.market.funding()
    assert rate == CONFIG.max_funding_rate * 6 // 1_000
    assert cumulative == rate * 2_000
    change = {account: market.market.book_risk(account).equity - before[account] for account in before}
    assert change == {LONG: -10 * cumulative, SHORT: 4 * cumulative, 1: 6 * cumulative}


def test_funding__skewed_short__shorts_pay(market: MarketBench) -> None:
    market.trade(SHORT, -20 * WAD)
    market.chain.advance(DAY)
    market.quote()
    cumulative, rate = market.market.funding()
    assert rate == -CONFIG.max_funding_rate * 14 // 1_000
    assert cumulative == rate * 2_000


def test_funding__beyond_the_scale__is_clamped(market: MarketBench) -> None:
    market.trade(EMPTY, 5_000 * WAD)
    assert market.market.funding()[1] == CONFIG.max_funding_rate


def test_funding__no_skew__does_not_move(market: MarketBench) -> None:
    market.trade(SHORT, -6 * WAD)
    market.chain.advance(10 * DAY)
    market.quote()
    assert market.market.funding() == (0, 0)


def test_accrue__anyone__stores_what_views_showed(market: MarketBench) -> None:
    """HLT-11: a view equals the state change it previews; nobody's equity moves."""
    market.chain.advance(12_345)
    market.quote(1_987 * WAD)
    cumulative, _ = market.market.funding()
    equity = market.market.book_risk(LONG).equity

    receipt = market.market.accrue(sender=market.stranger)
    market.model.accrue(market.now)

    assert receipt.event("FundingAccrued").funding == cumulative > 0
    assert market.market.book_risk(LONG).equity == equity
    market.quote(5_000 * WAD)  # a later price does not reach back
    assert market.market.funding()[0] == cumulative
    market.assert_same_state(LONG, SHORT)


def test_accrue__every_second__the_same_as_once(market: MarketBench) -> None:
    """ACC-5: whoever calls how often changes funding by no more than a wei a call, and never stops it."""
    state = market.chain.snapshot()
    market.chain.advance(120)
    market.quote()
    market.market.accrue(sender=market.stranger)
    once = market.market.funding()[0]
    market.chain.revert(state)
    values = []
    for _ in range(120):
        market.chain.advance(1)
        market.quote()
        market.market.accrue(sender=market.stranger)
        values.append(market.market.funding()[0])
    assert abs(values[-1] - once) <= 120
    assert all(later > sooner for sooner, later in zip([0, *values], values, strict=False))


def test_funding__more_than_its_field_holds__nothing_is_stored(market: MarketBench) -> None:
    """RND-6: at $77 million a unit, which takes a price no token ever had, it is refused and not cut off."""
    market.trade(EMPTY, 5_000 * WAD)
    market.quote(7 * 10**10 * WAD)
    market.chain.advance(DAY)
    market.quote()
    accrued = market.market.funding()[0]
    assert 69 * 10**6 * WAD < accrued < 2**86
    market.market.accrue(sender=market.stranger)
    market.chain.advance(DAY)
    market.quote()
    with pytest.raises(Reverted, match="math: out of range"):
        market.market.accrue(sender=market.stranger)
    with pytest.raises(Reverted, match="math: out of range"):
        market.market.trade(SHORT, WAD, market.feed.value.price, sender=market.exchange)
    assert market.market.funding()[0] == 2 * accrued > 2**86


def test_settle__anyone__passes_on_to_the_oracle(market: MarketBench) -> None:
    equity = market.market.book_risk(LONG).equity
    market.market.settle(sender=market.stranger)
    assert market.market.book_risk(LONG).equity == equity
