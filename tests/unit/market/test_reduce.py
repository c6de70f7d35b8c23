from __future__ import annotations

import pytest

from ballast.chain import Reverted
from tests.market_bench import UNLIMITED, WAD, MarketBench, plain
from tests.unit.market.conftest import EMPTY, LONG, SHORT


@pytest.mark.parametrize("account", [LONG, SHORT])
def test_reduce__half__costs_the_engine_rate(market: MarketBench, account: int) -> None:
    """REB-12: half of the size goes, equity falls by the cost and by nothing else, the pool gets it all."""
    before, size = market.market.book_risk(account), market.market.book(account).size
    pool_before = market.market.book_risk(market.pool_account).equity
    other = plain(market.market.book_risk(LONG + SHORT - account))
    rate = market.market.engine_cost()

    receipt = market.reduce(account, WAD // 2)

    cut, after = receipt.returned, market.market.book_risk(account)
    assert plain(cut.risk) == plain(after)
    assert market.market.book(account).size == size // 2
    assert cut.cost == before.equity - after.equity == rate * 2_000 * abs(size) // 2 // WAD
    assert market.market.book_risk(market.pool_account).equity == pool_before + cut.cost
    assert plain(market.market.book_risk(LONG + SHORT - account)) == other
    event = receipt.event("Reduced")
    assert (event.account, event.size, event.cost, event.funding) == (account, -size // 2, cut.cost, 0)
    assert event.price == 2_000 * (WAD - rate if account == LONG else WAD + rate)
    market.assert_zero_sum(60_000 * WAD, LONG, SHORT)


@pytest.mark.parametrize("fraction", [1, WAD // 3, WAD])
def test_reduce__preview__comes_true(market: MarketBench, fraction: int) -> None:
    """HLT-11: `preview_reduce` and `reduce` are one function."""
    preview = market.market.preview_reduce(SHORT, fraction, 0)
    assert plain(market.reduce(SHORT, fraction).returned) == plain(preview)


def test_reduce__all__leaves_no_size(market: MarketBench) -> None:
    cut = market.reduce(LONG, WAD).returned
    assert market.market.book(LONG).size == 0
    assert (cut.risk.exposure, cut.risk.maintenance, cut.risk.sigma_loss) == (0, 0, 0)
    assert cut.risk.equity == market.market.book(LONG).base == 5_000 * WAD - cut.cost


def test_reduce__fraction_rounded__never_exceeds_what_was_asked(market: MarketBench) -> None:
    market.reduce(LONG, WAD // 3)
    assert market.market.book(LONG).size == 10 * WAD - 10 * WAD * (WAD // 3) // WAD


def test_reduce__nothing_to_close__changes_nothing(market: MarketBench) -> None:
    """A book too small to be divided is no reason to revert the engine's run."""
    market.trade(EMPTY, 1)
    risk = plain(market.market.book_risk(EMPTY))
    assert market.reduce(EMPTY, WAD // 2).returned.cost == 0
    assert plain(market.market.book_risk(EMPTY)) == risk
    assert market.reduce(EMPTY + 1, WAD).returned.cost == 0


def test_reduce__older_price__costs_more(market: MarketBench) -> None:
    """The age of the price is paid for, up to the feed's deviation."""
    costs = []
    for age in (0, 60, 600, 86_400):
        market.quote(age=age)
        costs.append(market.market.preview_reduce(LONG, WAD, 0).cost)
    assert costs == sorted(costs)
    assert costs[0] < costs[1] < costs[2] == costs[3]


def test_reduce__any_cut__never_raises_open_interest(market: MarketBench) -> None:
    """A cut works at the cap: what the book gives up, the pool takes over at most."""
    config = {**market.market.config()._asdict(), "open_interest_cap": 0}
    market.market.set_config(config, sender=market.owner)
    for account in (LONG, SHORT):
        before = market.market.open_interest()
        market.market.reduce(account, WAD, 0, UNLIMITED, sender=market.rebalancer)
        assert market.market.open_interest() <= before
    assert market.market.open_interest() == market.market.skew() == 0


def test_reduce__cost_above_maximum__reverts(market: MarketBench) -> None:
    cost = market.market.preview_reduce(LONG, WAD, 0).cost
    with pytest.raises(Reverted, match="market: cost too high"):
        market.reduce(LONG, WAD, cost - 1)
    market.reduce(LONG, WAD, cost)


def test_reduce__not_the_rebalancer__reverts(market: MarketBench) -> None:
    """HLT-7: nobody else can make an account pay the spread."""
    for sender in (market.stranger, market.owner, market.exchange):
        with pytest.raises(Reverted, match="access: not the engine"):
            market.market.reduce(LONG, WAD, 0, UNLIMITED, sender=sender)


@pytest.mark.parametrize("fraction", [0, WAD + 1])
def test_reduce__fraction_out_of_range__reverts(market: MarketBench, fraction: int) -> None:
    with pytest.raises(Reverted, match="market: bad fraction"):
        market.reduce(LONG, fraction)
    with pytest.raises(Reverted, match="market: bad fraction"):
        market.market.preview_reduce(LONG, fraction, 0)


def test_reduce__pool_account__reverts(market: MarketBench) -> None:
    with pytest.raises(Reverted, match="market: the pool's own book"):
        market.reduce(market.pool_account, WAD)


@pytest.mark.parametrize(("state", "guarded"), [(1, False), (2, False), (0, True), (2, True)])
def test_reduce__any_state__is_possible(market: MarketBench, state: int, guarded: bool) -> None:
    """LIQ-4: reducing at a valid price is never stopped."""
    market.market.set_state(state, sender=market.owner)
    market.model.set_state(state, market.now)
    market.quote(guarded=guarded, unconfirmed=guarded)
    market.reduce(LONG, WAD // 2)
    assert market.market.book(LONG).size == 5 * WAD


@pytest.mark.parametrize(("account", "better"), [(LONG, 101), (SHORT, 99)])
def test_reduce__bound__is_taken_where_it_is_worse(market, account, better):
    """X-ORC-10: the pool's price starts from the worse of the two, for a long and for a short."""
    price = market.feed.value.price
    plain_cost = market.market.preview_reduce(account, WAD, 0).cost
    assert market.market.preview_reduce(account, WAD, price * better // 100).cost == plain_cost
    worse = price * (200 - better) // 100
    assert market.market.preview_reduce(account, WAD, worse).cost > plain_cost
    assert market.reduce(account, WAD, bound=worse).returned.cost > plain_cost
