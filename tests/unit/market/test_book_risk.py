from __future__ import annotations

import pytest

from tests.market_bench import WAD, MarketBench, plain
from tests.unit.market.conftest import EMPTY, LONG, SHORT

OPEN, REDUCE, TAKE, FILL, TAP = 1, 2, 4, 8, 16


def test_book_risk__long__matches_the_formulas(market: MarketBench) -> None:
    """HLT-11: 10 units at $2,000 and 90 %: R = 0.9·√(1/365) = 4.7108 %, close 0.5 %."""
    risk = market.market.book_risk(LONG)
    assert risk.equity == 5_000 * WAD
    assert risk.exposure == 20_000 * WAD
    assert risk.maintenance / WAD == pytest.approx(20_000 * (0.0471081530 + 0.005), rel=1e-9)
    assert risk.initial / WAD == pytest.approx(20_000 * (1.5 * 0.0471081530 + 0.005), rel=1e-9)
    assert risk.donor_floor == risk.initial
    assert risk.sigma_loss / WAD == pytest.approx(20_000 * 0.9 * (1 / 8_760) ** 0.5, rel=1e-12)
    assert risk.withdrawable == risk.equity - risk.initial
    assert risk.gates == OPEN | REDUCE | TAKE | FILL | TAP
    assert risk.round == market.feed.value.round


def test_book_risk__no_book__is_zero_but_for_round_and_gates(market: MarketBench) -> None:
    assert plain(market.market.book_risk(EMPTY)) == (0, 0, 0, 0, 0, 0, 0, market.feed.value.round, 31)


def test_book_risk__margin_without_legs__is_all_withdrawable(bench: MarketBench) -> None:
    bench.move_margin(EMPTY, 5 * WAD)
    risk = bench.market.book_risk(EMPTY)
    assert (risk.equity, risk.withdrawable) == (5 * WAD, 5 * WAD)
    assert (risk.maintenance, risk.initial, risk.sigma_loss, risk.exposure) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("state", "guarded", "unconfirmed", "gates"),
    [
        (0, False, False, OPEN | REDUCE | TAKE | FILL | TAP),
        (0, True, False, REDUCE | TAKE | FILL | TAP),
        (0, True, True, REDUCE | TAKE | TAP),
        (1, False, False, REDUCE | TAKE | FILL | TAP),
        (1, True, False, REDUCE | TAKE | FILL | TAP),
        (1, True, True, REDUCE | TAKE | TAP),
        (2, False, False, REDUCE),
        (2, True, False, REDUCE),
        (2, True, True, REDUCE),
    ],
)
def test_book_risk__state_and_guards__set_the_gates(
    market: MarketBench, state: int, guarded: bool, unconfirmed: bool, gates: int
) -> None:
    """ORC-5: an unconfirmed jump also keeps the engine from putting margin in."""
    market.market.set_state(state, sender=market.owner)
    market.quote(guarded=guarded, unconfirmed=unconfirmed)
    risk = market.market.book_risk(LONG)
    assert risk.gates == gates
    assert (risk.withdrawable > 0) == bool(gates & TAKE)


def test_book_risk__pumped_price__cannot_be_withdrawn(market: MarketBench) -> None:
    """HLT-9: Withdrawals are measured at the lower of price and moving average."""
    before = market.market.book_risk(LONG).withdrawable
    market.quote(3_000 * WAD, average=2_000 * WAD)
    assert market.market.book_risk(LONG).withdrawable == before
    market.quote(2_000 * WAD, average=1_900 * WAD)
    assert market.market.book_risk(LONG).withdrawable < before
    short_before = market.market.book_risk(SHORT).withdrawable
    market.quote(1_000 * WAD, average=2_000 * WAD)
    assert market.market.book_risk(SHORT).withdrawable <= short_before + 200 * WAD


def test_book_risk__volatility_spike__raises_all_but_maintenance_and_donor_floor(market: MarketBench) -> None:
    """Fast volatility drives prevention, slow volatility punishment."""
    before = market.market.book_risk(LONG)
    market.quote(fast_volatility=3 * WAD)
    after = market.market.book_risk(LONG)
    assert after.maintenance == before.maintenance
    assert after.donor_floor == before.donor_floor
    assert after.initial > before.initial
    assert after.sigma_loss > before.sigma_loss


def test_book_risks__page__is_each_book_in_order(market: MarketBench) -> None:
    page = [SHORT, EMPTY, LONG, LONG, market.pool_account]
    risks = market.market.book_risks(page)
    assert [plain(risk) for risk in risks] == [plain(market.market.book_risk(account)) for account in page]
    assert market.market.book_risks([]) == []
    assert len(market.market.book_risks([LONG] * 256)) == 256
