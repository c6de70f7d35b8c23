from __future__ import annotations

from dataclasses import replace

import pytest

from ballast.chain import Reverted
from tests.market_bench import CONFIG, WAD, MarketBench, plain
from tests.unit.market.conftest import EMPTY, LONG, SHORT


def test_move_margin__in__adds_to_base_and_net_deposit(market: MarketBench) -> None:
    before, other = market.market.book_risk(LONG), plain(market.market.book(SHORT))
    assert market.move_margin(LONG, 700 * WAD) == (0, False)
    assert market.market.book_risk(LONG).equity == before.equity + 700 * WAD
    assert market.market.book(LONG).net_deposit == 5_700 * WAD
    assert plain(market.market.book(SHORT)) == other


def test_move_margin__out_beyond_net_deposit__tells_how_much(market: MarketBench) -> None:
    """Profit that leaves is metered by the vault: the market says what of it was never put in."""
    market.quote(3_000 * WAD)
    assert market.move_margin(LONG, -4_000 * WAD) == (0, False)
    assert market.move_margin(LONG, -3_000 * WAD) == (2_000 * WAD, False)
    assert market.market.book(LONG).net_deposit == 0
    assert market.move_margin(LONG, -5 * WAD) == (5 * WAD, False)
    assert market.move_margin(LONG, 3 * WAD) == (0, False)
    assert market.market.book(LONG).net_deposit == 3 * WAD


def test_move_margin__less_than_a_cent__is_not_counted_as_deposit(bench: MarketBench) -> None:
    """Net deposits are floored to cents: in the vault's favour."""
    bench.move_margin(EMPTY, WAD // 100 - 1)
    assert bench.market.book(EMPTY).net_deposit == 0
    assert bench.market.book(EMPTY).base == WAD // 100 - 1
    assert bench.move_margin(EMPTY, 1 - WAD // 100) == (WAD // 100 - 1, True)


def test_move_margin__all_out_without_legs__is_empty(bench: MarketBench) -> None:
    assert bench.move_margin(EMPTY, 100 * WAD) == (0, False)
    assert bench.move_margin(EMPTY, -100 * WAD) == (0, True)
    assert plain(bench.market.book(EMPTY)) == (0, 0, 0, 0)


def test_move_margin__no_margin_but_legs__is_not_empty(market: MarketBench) -> None:
    base = market.market.book(SHORT).base
    assert market.move_margin(SHORT, -base)[1] is False


def test_move_margin__out_while_requirements_rise__counts_as_ever(market: MarketBench) -> None:
    """ORC-10: the market's word says more than usual then, but of a ramp and not of losses: no book is settled."""
    market.set_config(replace(CONFIG, range_min=3 * CONFIG.range_min))
    market.chain.advance(60)
    assert market.market.ramp_end() > market.now
    before = market.market.book(LONG)
    assert market.move_margin(LONG, -700 * WAD) == (0, False)
    after = market.market.book(LONG)
    assert (after.size, after.base, after.net_deposit) == (before.size, before.base - 700 * WAD, 4_300 * WAD)
    market.quote()
    market.assert_same_state(LONG, SHORT)


def test_move_margin__not_the_vault__reverts(market: MarketBench) -> None:
    """HLT-7, SOL-4: margin exists only where the vault says so."""
    for sender in (market.owner, market.exchange, market.rebalancer, market.stranger):
        with pytest.raises(Reverted, match="access: not the vault"):
            market.market.move_margin(LONG, WAD, sender=sender)


@pytest.mark.parametrize("amount", [2**103, -(2**103) - 1, 2**48 * 10**16])
def test_move_margin__beyond_the_slot__reverts(bench: MarketBench, amount: int) -> None:
    with pytest.raises(Reverted, match="math: out of range"):
        bench.move_margin(EMPTY, amount)
