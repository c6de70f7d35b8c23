from __future__ import annotations

import pytest

from ballast.chain import Reverted
from tests.market_bench import CONFIG, WAD, MarketBench, plain
from tests.unit.market.conftest import EMPTY, LONG, SHORT

PRICE = 2_000 * WAD


def test_trade__new_book__moves_size_and_cost_to_the_pool(bench: MarketBench) -> None:
    """SOL-3: size and cost leave one book and arrive in the other to the wei; the result tells before and after."""
    bench.move_margin(LONG, 5_000 * WAD)
    receipt = bench.trade(LONG, 10 * WAD, 2_001 * WAD)

    result = receipt.returned
    assert result.before.equity == 5_000 * WAD
    assert result.before.exposure == 0
    assert result.risk.equity == 4_990 * WAD  # ten dollars of spread
    assert result.risk.exposure == 20_000 * WAD
    book, pool = bench.market.book(LONG), bench.market.book(bench.pool_account)
    assert (book.size, book.base, book.net_deposit) == (10 * WAD, -15_010 * WAD, 5_000 * WAD)
    assert (pool.size, pool.base, pool.net_deposit) == (-10 * WAD, 20_010 * WAD, 0)
    event = receipt.event("Traded")
    assert (event.account, event.size, event.price, event.funding) == (LONG, 10 * WAD, 2_001 * WAD, 0)
    assert bench.market.skew() == bench.market.open_interest() == 10 * WAD


def test_trade__result__is_what_the_views_say(market: MarketBench) -> None:
    """HLT-11: the margin used in checks is the margin that views show, for the pool as well."""
    before = market.market.book_risk(LONG)
    result = market.trade(LONG, 3 * WAD, 2_002 * WAD).returned
    pool = market.market.book_risk(market.pool_account)
    assert plain(result.before) == plain(before)
    assert plain(result.risk) == plain(market.market.book_risk(LONG))
    assert result.pool_short_initial == max(0, pool.initial - pool.equity)
    assert result.pool_short_maintenance == max(0, pool.maintenance - pool.equity)


def test_trade__pool_without_margin__tells_what_it_lacks(bench: MarketBench) -> None:
    bench.move_margin(LONG, 5_000 * WAD)
    result = bench.trade(LONG, 10 * WAD).returned
    assert result.pool_short_initial == result.risk.initial
    assert result.pool_short_maintenance == result.risk.maintenance


def test_trade__others__keep_their_books(market: MarketBench) -> None:
    """HLT-5: a trade of one account touches no other but the pool."""
    others = plain(market.market.book_risk(SHORT)), plain(market.market.book(SHORT))
    market.trade(LONG, -5 * WAD, 1_990 * WAD)
    assert (plain(market.market.book_risk(SHORT)), plain(market.market.book(SHORT))) == others
    market.assert_zero_sum(60_000 * WAD, LONG, SHORT)


@pytest.mark.parametrize("size", [3, -3, 1, -1])
def test_trade__one_wei_of_cost__is_rounded_against_the_account(market: MarketBench, size: int) -> None:
    """RND-1, RND-4, HLT-7: rounding never gives the account a wei."""
    price = PRICE + 1
    market.quote(price)
    before = market.market.book_risk(LONG).equity
    market.trade(LONG, size)
    assert before - 1 <= market.market.book_risk(LONG).equity <= before


def test_trade__not_the_exchange__reverts(bench: MarketBench) -> None:
    for sender in (bench.stranger, bench.owner, bench.rebalancer):
        with pytest.raises(Reverted, match="access: not the engine"):
            bench.market.trade(LONG, WAD, PRICE, sender=sender)


def test_trade__zero_size__reverts(bench: MarketBench) -> None:
    with pytest.raises(Reverted, match="market: zero size"):
        bench.trade(LONG, 0)


def test_trade__pool_account__reverts(bench: MarketBench) -> None:
    with pytest.raises(Reverted, match="market: the pool's own book"):
        bench.trade(bench.pool_account, WAD)


def test_trade__open_interest_cap__stops_growth_only(market: MarketBench) -> None:
    """ORC-9: The cap binds a trade that raises open interest, never one that lowers it or keeps it."""
    room = CONFIG.open_interest_cap - market.market.open_interest()
    with pytest.raises(Reverted, match="market: open interest cap"):
        market.trade(EMPTY, room + 1)
    market.trade(EMPTY, room)
    assert market.market.open_interest() == CONFIG.open_interest_cap
    with pytest.raises(Reverted, match="market: open interest cap"):
        market.trade(EMPTY, 1)
    market.trade(EMPTY, -1)
    market.trade(SHORT, -1)  # the pool's short passes to an account


@pytest.mark.parametrize("state", [1, 2])
@pytest.mark.parametrize("size", [1, -11 * WAD, -20 * WAD])
def test_trade__growth_or_turn_while_reduce_only_or_halted__reverts(market: MarketBench, state: int, size: int) -> None:
    """Turning a book round opens the other side: it counts as growth even where |size| falls."""
    market.market.set_state(state, sender=market.owner)
    market.model.set_state(state, market.now)
    with pytest.raises(Reverted, match="market: opening is closed"):
        market.trade(LONG, size)
    market.trade(LONG, -10 * WAD)
    assert market.market.book(LONG).size == 0


@pytest.mark.parametrize("size", [-1, 5 * WAD, 20 * WAD])
def test_trade__short_book_grown_or_turned_while_reduce_only__reverts(market: MarketBench, size: int) -> None:
    """The same on the other side; a step toward zero, and one to it, are let through."""
    market.market.set_state(1, sender=market.owner)
    market.model.set_state(1, market.now)
    with pytest.raises(Reverted, match="market: opening is closed"):
        market.trade(SHORT, size)
    market.trade(SHORT, WAD)
    market.trade(SHORT, 3 * WAD)
    assert market.market.book(SHORT).size == 0


@pytest.mark.parametrize("unconfirmed", [False, True])
def test_trade__growth_while_guarded__reverts(market: MarketBench, unconfirmed: bool) -> None:
    market.quote(guarded=True, unconfirmed=unconfirmed)
    with pytest.raises(Reverted, match="market: opening is closed"):
        market.trade(SHORT, -1)
    market.trade(SHORT, 1)


def test_trade__size_beyond_its_slot__reverts(bench: MarketBench) -> None:
    with pytest.raises(Reverted, match="math: out of range"):
        bench.trade(LONG, 2**95, 1)
    with pytest.raises(Reverted, match="math: out of range"):
        bench.trade(LONG, 2**80, 2**90)


def test_trade__stored_funding__is_carried(market: MarketBench) -> None:
    """ACC-1, §7.9: Every state change accrues first: funding up to the trade is at the old skew."""
    market.chain.advance(86_400)
    market.quote()
    cumulative, rate = market.market.funding()
    assert cumulative == rate * 2_000
    market.trade(LONG, WAD)
    assert market.market.funding()[0] == cumulative
    assert market.market.funding()[1] == rate * 7 // 6
