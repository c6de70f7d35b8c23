"""The accounts of the model, whose engine never runs."""

from __future__ import annotations

import pytest

from ballast.demo.shadow import Ghost, Shadow, penalty
from ballast.history.feed import Tick
from ballast.model.market import Book, Market, MarketConfig
from ballast.model.oracle import Feed, FeedConfig
from ballast.model.pool import LiquidityPool, QuoteConfig
from ballast.params import WAD, load

POOL, TRADER, RICH = 1, 2, 3
START = 1_700_000_000


def _answer(price: int) -> int:
    return price * 10**8


@pytest.fixture
def shadow() -> Shadow:
    """A 10x long of one BTC at $10,000 with $500 of cash beside it, and one with plenty of margin."""
    params = load()
    btc = params.markets["BTC"]
    names = ("heartbeat", "grace", "volatility_floor", "volatility_cap", "initial_fast", "initial_slow", "slow_rise")
    limits = btc.feed.model_dump(include={*names, "jump", "jump_duration"})
    feed = Feed(FeedConfig(**limits))
    feed.publish(_answer(10_000), START)
    feed.set_feed(START)
    pool = LiquidityPool(POOL)
    pool.set_quote(1, QuoteConfig(**btc.quote.model_dump()))
    market = Market(1, feed, pool, MarketConfig(**btc.risk.model_dump()), START)
    market.books = {
        POOL: Book(size=-2 * WAD, base=50_000 * WAD),
        TRADER: Book(size=WAD, base=-9_000 * WAD, net_deposit=1_000 * WAD),
        RICH: Book(size=WAD, base=0, net_deposit=10_000 * WAD),
    }
    market.open_interest = 2 * WAD
    ghosts = {TRADER: Ghost(500 * WAD, ("BTC",)), RICH: Ghost(0, ("BTC",))}
    return Shadow({"BTC": feed}, 5 * WAD // 100, {"BTC": market}, ghosts, START)


def test_step__price_holds__nobody_loses(shadow: Shadow) -> None:
    """A small move costs equity, not the book."""
    shadow.step(Tick(START + 15, {"BTC": _answer(9_900)}))
    assert [ghost.lost for ghost in shadow.ghosts.values()] == [[], []]
    assert shadow.equity(TRADER) == 500 * WAD + 900 * WAD


def test_step__below_maintenance__book_closed_with_penalty(shadow: Shadow) -> None:
    """The book closes at the engine's fill, pays the penalty, and the rest returns to cash; others go on."""
    shadow.step(Tick(START + 15, {"BTC": _answer(9_370)}))
    ghost, market = shadow.ghosts[TRADER], shadow.markets["BTC"]
    assert ghost.lost == ["BTC"] and not shadow.ghosts[RICH].lost
    assert market.book(TRADER).size == 0 and market.book(TRADER).base == 0
    assert market.book(RICH).size == WAD
    assert 0 < ghost.penalties <= 370 * WAD
    assert 500 * WAD <= ghost.cash < 870 * WAD
    assert shadow.equity(TRADER) == ghost.cash
    assert sum(book.size for book in market.books.values()) == 0


def test_step__after_the_loss__nothing_more_happens(shadow: Shadow) -> None:
    """A book is lost once."""
    for i, price in enumerate((9_370, 9_300, 9_200), 1):
        shadow.step(Tick(START + 15 * i, {"BTC": _answer(price)}))
    assert shadow.ghosts[TRADER].lost == ["BTC"]


@pytest.mark.parametrize(
    ("exposure", "margin", "expected"), [(1_000, 500, 50), (1_000, 20, 20), (1_000, 0, 0), (1_000, -5, 0)]
)
def test_penalty__margin_left__bounds_it(exposure: int, margin: int, expected: int) -> None:
    """A penalty never takes more than the book still holds."""
    assert penalty(exposure * WAD, 5 * WAD // 100, margin * WAD) == expected * WAD
