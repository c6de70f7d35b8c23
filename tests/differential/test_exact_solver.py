"""The solver that judges the engine, itself judged by hand-worked accounts and by enumeration."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product
from random import Random

import pytest
from hypothesis import given

from tests.differential.exact_solver import (
    WAD,
    Book,
    Solution,
    State,
    book_curve,
    clamp_curve,
    highest_level,
    improvement,
    level,
    solve,
    sorted_levels,
)
from tests.differential.strategies import MAX_BOOKS, random_state, seeded_states, solvable_states, states

SEEDED = 1_000


def usd(amount: float) -> int:
    return round(amount * 100) * WAD // 100


def book(equity: float, maintenance: float, sigma_loss: float, floor: float = 0, cap: float = 1e9, **switches) -> Book:
    return Book(usd(equity), usd(maintenance), usd(sigma_loss), usd(floor), usd(cap), **switches)


def account(*books: Book, free: float = 0, z_target: float = 10, z_donor: float = 4) -> State:
    return State(books, usd(free), usd(z_target), usd(z_donor))


def solution(state: State) -> Solution:
    found = solve(state)
    assert found is not None
    return found


# Hand-worked accounts


def test_solve__one_short_one_rich__common_level():
    # 110 + 1500 = 1610 = 100 + 10 L + 500 + 50 L  ⇒  60 L = 1010, L = 16.83 > 10: fill to 10, donor keeps the rest
    found = solution(account(book(110, 100, 10), book(1_500, 500, 50)))
    assert found.level == 10 * WAD
    assert found.equities == (usd(200), usd(1_410))
    assert found.donor_level == 182 * WAD // 10  # (1410 − 500) / 50
    assert found.cash == 0


def test_solve__money_runs_out__all_end_at_one_level():
    # 110 + 800 = 910 = 600 + 60 L  ⇒  L = 31/6 = 5.1666…
    state = account(book(110, 100, 10), book(800, 500, 50))
    assert level(state) == Fraction(31, 6) * WAD
    found = solution(state)
    assert found.level == 5_166_666_666_666_666_666
    assert found.donor_level == found.level
    assert found.equities[0] == usd(100) + 51_666_666_666_666_666_660  # ⌊L⌋·b / 1e18
    assert 0 <= found.cash < 60  # wei: what rounding both levels down leaves, b/1e18 a book


def test_solve__donor_at_z_donor__keeps_four_sigmas():
    # the donor stops at 500 + 4·50 = 700; 110 + (720 − 700) = 130  ⇒  L = 3
    found = solution(account(book(110, 100, 10), book(720, 500, 50)))
    assert found.level == 3 * WAD
    assert found.targets == (usd(130), usd(700))
    assert found.equities == (usd(130), usd(700))


def test_solve__donor_floor_above_z_donor__keeps_initial_margin():
    found = solution(account(book(110, 100, 10), book(720, 500, 50, floor=715)))
    assert found.level == 15 * WAD // 10  # 115 = 100 + 1.5·10
    assert found.equities == (usd(115), usd(715))


def test_solve__free_cash_first__donor_untouched():
    found = solution(account(book(110, 100, 10), book(1_500, 500, 50), free=100))
    assert found.equities == (usd(200), usd(1_500))
    assert (found.donor_level, found.cash) == (None, -usd(90))


def test_solve__cash_then_donor__donor_pays_the_rest():
    found = solution(account(book(110, 100, 10), book(1_500, 500, 50), free=30))
    assert found.equities == (usd(200), usd(1_440))
    assert (found.donor_level, found.cash) == (188 * WAD // 10, -usd(30))


def test_solve__two_donors__the_richest_pay():
    # levels 40 and 20, need 90: shave both to λ: 900 − 90 = 10 λ + 10 λ + 200 ⇒ λ = 30.5 > 20: the richer pays alone
    found = solution(account(book(110, 100, 10), book(500, 100, 10), book(300, 100, 10)))
    assert found.equities == (usd(200), usd(410), usd(300))
    assert found.donor_level == 31 * WAD


def test_solve__two_donors_big_need__both_shaved_to_one_level():
    # need 290: 800 − 290 = 510 = 200 + 20 λ ⇒ λ = 15.5
    found = solution(account(book(-90, 100, 10), book(500, 100, 10), book(300, 100, 10)))
    assert found.equities == (usd(200), usd(255), usd(255))
    assert found.donor_level == 155 * WAD // 10


def test_solve__empty_books__pay_in_order_before_donors():
    empty = book(50, 0, 0)
    found = solution(account(book(110, 100, 10), empty, empty, book(1_500, 500, 50), free=10))
    assert found.equities == (usd(200), 0, usd(20), usd(1_500))
    assert (found.donor_level, found.cash) == (None, -usd(10))


def test_solve__containment_cap__receiver_pinned_others_rise():
    # the first may have no more than 130; 110 + 900 + 110 = 1120 = 130 + 500 + 50 L + 100 + 10 L ⇒ L = 6.5
    found = solution(account(book(110, 100, 10, cap=130), book(900, 500, 50), book(110, 100, 10)))
    assert found.level == 65 * WAD // 10
    assert found.equities == (usd(130), usd(825), usd(165))


def test_solve__switches__ring_fenced_book_untouched():
    rich = book(9_000, 100, 10, fund=False, tap=False)
    poor = book(-500, 100, 10, fund=False, tap=False)
    found = solution(account(book(110, 100, 10), rich, poor, free=5))
    assert found.level == 15 * WAD // 10
    assert found.equities == (usd(115), usd(9_000), -usd(500))


def test_solve__negative_free__donors_pay_the_reward():
    # free = −20: 110 + 800 − 20 = 890 = 600 + 60 L ⇒ L = 29/6
    state = account(book(110, 100, 10), book(800, 500, 50), free=-20)
    assert level(state) == Fraction(29, 6) * WAD
    assert usd(20) <= solution(state).cash < usd(20) + 60


def test_solve__reward_beyond_all_means__none():
    assert solve(account(book(110, 100, 10), book(700, 500, 50), free=-20)) is None


def test_solve__nobody_short__nothing_moves():
    state = account(book(300, 100, 10), book(800, 500, 5), free=77)
    found = solution(state)
    assert found.equities == tuple(b.equity for b in state.books)
    assert (found.donor_level, found.cash) == (None, 0)


def test_level__flat_total__the_top_of_the_flat():
    # between the first's ceiling (L = 1) and the second's bend (L = 5) the total does not change
    curves = [clamp_curve(0, usd(110), usd(100), usd(10)), clamp_curve(usd(150), usd(900), usd(100), usd(10))]
    assert highest_level(curves, usd(260), 10 * WAD) == 5 * WAD
    assert highest_level(curves, usd(260) - 1, 10 * WAD) == WAD - Fraction(1, 10)
    assert highest_level(curves, usd(260) + 1, 10 * WAD) == 5 * WAD + Fraction(1, 10)


@pytest.mark.parametrize(
    ("extra", "expected"),
    [(-1, None), (0, Fraction(-10 * WAD)), (1, Fraction(-10 * WAD) + Fraction(1, 10))],
)
def test_level__one_wei_around_the_least_budget(extra: int, expected: Fraction | None):
    # the only book stands at 0 = 100 − 10·10
    assert level(replace(account(book(0, 100, 10)), free=extra)) == expected


# Optimality


def test_improvement__unfair_allocations__named():
    state = account(book(110, 100, 10), book(800, 500, 50))
    fair = [curve.value(Fraction(31, 6) * WAD) for curve in (book_curve(b, state.z_donor) for b in state.books)]
    assert improvement(state, fair) is None
    assert improvement(state, [fair[0], fair[1] + 1]) == "spends more than there is"
    assert improvement(state, [fair[0], fair[1] - 1]) == "unspent money could raise book 0"
    assert improvement(state, [fair[0] - 1, fair[1] + 1]) == "book 1 could raise book 0"
    assert improvement(state, [usd(211), usd(699)]) == "book 1 is outside its bounds"


def test_level__seeded_accounts__no_reallocation_helps_the_worst_off():
    for seed, state in seeded_states(SEEDED):
        exact = level(state)
        if exact is not None:
            fair = [book_curve(b, state.z_donor).value(exact) for b in state.books]
            assert improvement(state, fair) is None, seed


@given(solvable_states())
def test_solve__any_account__conserves_and_respects_every_bound(state: State):
    found = solution(state)
    assert found.level <= state.z_target
    assert sum(found.equities) + found.cash == sum(b.equity for b in state.books)
    assert found.cash >= -max(0, state.free)
    for b, target, ends in zip(state.books, found.targets, found.equities, strict=True):
        assert ends == target if target > b.equity else target <= ends <= b.equity
    if found.donor_level is not None:
        assert found.donor_level >= found.level


def test_level__small_accounts__no_whole_wei_allocation_is_better():
    """Enumeration: no way to lay out a few wei beats the fair levels, compared from the worst-off book up."""
    for seed in range(200):
        state = _pocket_state(Random(seed))
        curves = [book_curve(b, state.z_donor) for b in state.books]
        exact = level(state)
        assert exact is not None, seed
        best = sorted_levels(state, [curve.value(exact) for curve in curves])
        ends = [[int(curve.value(Fraction(side * 100 * WAD))) for side in (-1, 1)] for curve in curves]
        for equities in product(*(range(low, high + 1) for low, high in ends)):
            if sum(equities) <= state.budget:
                assert sorted_levels(state, equities) <= best, seed


def _pocket_state(random: Random) -> State:
    books = []
    for _ in range(3):
        equity, maintenance, cap_room = random.randint(-2, 8), random.randint(0, 4), random.randint(0, 5)
        switches = {"fund": random.random() < 0.8, "tap": random.random() < 0.8}
        sigma_loss, floor = random.randint(1, 4), random.randint(0, 4)
        books.append(Book(equity, maintenance, sigma_loss, floor, equity + cap_room, **switches))
    return State(tuple(books), random.randint(0, 4), 3 * WAD, WAD)


# The generator


def test_random_state__same_seed__same_account():
    assert random_state(Random(7)) == random_state(Random(7))


def test_random_state__seeded__every_kind_appears():
    drawn = [state for _, state in seeded_states(SEEDED)]
    books = [b for state in drawn for b in state.books]
    assert {len(state.books) for state in drawn} == set(range(1, MAX_BOOKS + 1))
    assert {(b.fund, b.tap) for b in books} == {(x, y) for x in (True, False) for y in (True, False)}
    assert any(b.sigma_loss == 0 and b.equity > 0 for b in books)
    assert any(b.equity < 0 for b in books)
    assert any(b.cap == b.equity for b in books)
    assert any(b.sigma_loss == 1 for b in books) and any(b.sigma_loss > 2**100 for b in books)
    assert any(len(set(state.books)) < len(state.books) for state in drawn)
    assert any(state.free < 0 for state in drawn)
    assert 0.5 < sum(solve(state) is not None for state in drawn) / len(drawn) < 0.99


@given(states())
def test_states__any__within_the_engine_bounds(state: State):
    for b in state.books:
        assert b.equity <= b.cap
        assert min(b.maintenance, b.sigma_loss, b.donor_floor) >= 0
        assert max(abs(b.equity), b.maintenance, b.sigma_loss, b.donor_floor) < 2**112
