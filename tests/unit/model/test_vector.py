"""Parts of `ballast.model.vector` that whole histories (tests/differential) do not show by themselves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ballast.model.fixed_point import WAD
from ballast.model.market import MarketConfig
from ballast.model.oracle import Quote
from ballast.model.pool import LiquidityPool, QuoteConfig
from ballast.model.risk import FILL, OPEN, REDUCE, TAKE, TAP, mark_of
from ballast.model.vector.books import Books
from ballast.model.vector.engine import Engine
from ballast.model.vector.marks import FIGURES, UNPRICED, Marks, figures
from ballast.model.vector.policy import EngineState, Policies
from ballast.params import load
from tests.support import round_params

NOW = 1_700_000_000  # [s]
ALL = OPEN | REDUCE | TAKE | FILL | TAP
BTC, ETH, DEAD = range(3)
EVERYONE = np.arange(1)


def marks_of(ages: Sequence[int] = (0, 0), gates: int = ALL, round_: int = 1) -> Marks:
    """BTC and ETH of the default parameters, and a market without a price."""
    table = []
    for market, age in zip(list(load().markets.values())[:2], ages, strict=True):
        feed = market.feed
        quote = Quote(feed.price, feed.price, feed.initial_fast, feed.initial_slow, NOW - age, round_, False, False)
        mark = mark_of(MarketConfig(**market.risk.model_dump()), quote, 0, gates)
        table.append(figures(mark, quote, QuoteConfig(**market.quote.model_dump())))
    return Marks.of(np.array([*table, UNPRICED]), NOW, np.zeros(3))


def engine_of(size: list[float], margin: list[float], cash: float) -> Engine:
    """One account under a policy of round figures."""
    books = Books.opened([size], [margin], [cash], marks_of())
    return Engine(books, Policies.same(round_params().policy, 1, [1, 2, 3]), EngineState.new(1, 3))


@pytest.mark.parametrize("age", [0, 12, 300, 3_600])
def test_engine_rate__any_age__is_the_pools(age: int) -> None:
    market = load().markets["BTC"]
    pool = LiquidityPool(1)
    pool.set_quote(1, QuoteConfig(**market.quote.model_dump()))
    expected = pool.engine_rate(1, market.feed.initial_fast, age) / WAD
    assert marks_of((age, 0)).engine_rate[BTC] == pytest.approx(expected, rel=1e-12)


def test_figures__round_of_a_later_phase__is_another() -> None:
    """Proxy ids have a phase in their upper bits, beyond what a float holds."""
    rounds = {marks_of(round_=phase << 64 | n).round[BTC] for phase in (1, 2, 40) for n in (1, 2, 2**39)}
    assert len(rounds) == 9


def test_marks__closed_gates__are_closed() -> None:
    marks = marks_of(gates=REDUCE | TAKE)
    assert marks.can_reduce.tolist() == [True, True, False]
    assert not marks.can_fill.any() and not marks.can_tap.any()
    assert len(FIGURES) == len(UNPRICED)


def test_policies__same__as_one_each() -> None:
    policy = load().policy
    same, each = Policies.same(policy, 4, [1, 2]), Policies.of([policy] * 4, [1, 2])
    for name, array in vars(each).items():
        assert (getattr(same, name) == array).all(), name


def test_plan__account_in_debt__is_refused_by_name() -> None:
    """Debt is planned in integers."""
    engine = engine_of([0.1, 0, 0], [3_000, 0, 0], -1)
    with pytest.raises(ValueError, match="account 0 of the plan: expected cash ≥ 0, got -1"):
        engine.preview(EVERYONE, marks_of())


def test_plan__debt_that_rounding_left__is_none() -> None:
    """A search for parameters once ended at cash of −4.7e-9."""
    settled = engine_of([0.1, 0, 0], [3_000, 0, 0], 0).preview(EVERYONE, marks_of())
    found = engine_of([0.1, 0, 0], [3_000, 0, 0], -4.7e-9).preview(EVERYONE, marks_of())
    for name, array in vars(settled).items():
        assert (getattr(found, name) == array).all(), name


def test_call__book_without_a_price__stays_and_counts_for_nothing() -> None:
    engine = engine_of([0.5, 0, 0], [1_600, 5_000, 0], 0)
    engine.books.base[0, DEAD] = 9_000
    found = engine.call(EVERYONE, marks_of())
    assert found.equity[0] == pytest.approx(6_600)
    assert found.transfers[0, DEAD] == 0 and engine.books.base[0, DEAD] == 9_000
    assert found.rounds[0].tolist() == [1, 1, 0]


def test_call__empty_book_gives_all__is_gone_and_locks_nothing() -> None:
    """What a book holds beyond deposits is locked while it lasts; a book that ends leaves no lock."""
    engine = engine_of([0.5, 0, 0], [1_400, 200, 0], 0)
    engine.books.base[0, ETH] = 300
    found = engine.call(EVERYONE, marks_of())
    assert found.transfers[0, ETH] == pytest.approx(-300)
    assert not engine.books.risk(marks_of()).listed[0, ETH]
    assert engine.books.locked[0] == 0


def test_call__profit_taken_out_of_a_book__is_locked() -> None:
    """No keeper is paid out of it."""
    engine = engine_of([0.5, 0.5, 0], [1_400, 100, 0], 0)
    engine.books.base[0, ETH] += 1_000
    found = engine.call(EVERYONE, marks_of(), gas_price=1e-6)
    given = -found.transfers[0, ETH]
    assert given > 100
    assert engine.books.locked[0] == pytest.approx(given - 100)
    assert engine.books.net_deposit[0, ETH] == 0
    assert found.reward[0] == 0


def test_call__twice_at_the_same_rounds__does_nothing_more() -> None:
    engine = engine_of([0.5, 1, 0], [1_400, 3_000, 0], 100)
    assert engine.call(EVERYONE, marks_of()).due.tolist() == [0]
    before = engine.books.base.copy()
    assert engine.call(EVERYONE, marks_of()).due.tolist() == []
    assert (engine.books.base == before).all()
