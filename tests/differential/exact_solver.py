"""An exact solver of the allocation, in fractions and by brute force: what the model and the contract are judged by.

It follows the words of the specification, not the code: the bounds of a book depend on the level (`lo` and `hi`),
every bend of every book is listed, and every linear piece between two bends is tried. It shares no code with
`ballast.model` and does not know the closed form that the engine uses.

Amounts are wei of a dollar, levels wei of one standard deviation (1e18 = 1 σ); both may be fractions of a wei here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import floor

WAD = 10**18


@dataclass(frozen=True)
class Book:
    """What the allocation knows of one book."""

    equity: int  # [wad]
    maintenance: int  # [wad]
    sigma_loss: int  # [wad] 0 = no legs
    donor_floor: int  # [wad] initial margin at slow volatility
    cap: int  # [wad] most equity that containment lets the engine give it, ≥ equity
    fund: bool = True  # may be filled
    tap: bool = True  # may be a donor

    def at(self, level: Fraction | int) -> Fraction:
        """The equity at which the book stands at `level` [wad]."""
        return self.maintenance + Fraction(level) * self.sigma_loss / WAD

    def level_of(self, equity: Fraction | int) -> Fraction:
        """The level at which the book stands with `equity` [wad]."""
        return (Fraction(equity) - self.maintenance) * WAD / self.sigma_loss


@dataclass(frozen=True)
class State:
    """An account before a rebalance. `free` is treasury cash less both reserves: negative if donors pay the reward."""

    books: tuple[Book, ...]
    free: int  # [wad]
    z_target: int  # [wad]
    z_donor: int  # [wad]

    @property
    def budget(self) -> int:
        return sum(book.equity for book in self.books) + self.free


@dataclass(frozen=True)
class Solution:
    """Where everything ends. `equities` has one entry a book; `cash` is the change of the treasury's free cash."""

    level: int  # [wad]
    targets: tuple[int, ...]  # [wad] T_i(L): the least a donor may be left with, exactly what a receiver gets
    donor_level: int | None  # [wad] None if no book with legs gives anything
    equities: tuple[int, ...]  # [wad]
    cash: int  # [wad]


@dataclass(frozen=True)
class Curve:
    """A continuous, piecewise linear function of the level, with all the levels at which it may bend."""

    value: Callable[[Fraction], Fraction]
    bends: tuple[Fraction, ...]


# Curves


def clamp_curve(low: int, high: int, maintenance: int, sigma_loss: int) -> Curve:
    """mm + L·b, held between two constants."""
    book = Book(0, maintenance, sigma_loss, 0, 0)
    bends = (book.level_of(low), book.level_of(high)) if sigma_loss else ()
    return Curve(lambda level: _clamp(book.at(level), low, high), bends)


def book_curve(book: Book, z_donor: int) -> Curve:
    """T_i(L) as the specification writes it. The donor's own floor at `z_donor` is a whole number of wei."""
    kept = max(floor(book.at(z_donor)), book.donor_floor)

    def target(level: Fraction) -> Fraction:
        return _between_spec_bounds(book, kept, book.at(level))

    if not book.sigma_loss:
        return Curve(target, ())
    return Curve(target, tuple(book.level_of(equity) for equity in (book.equity, kept, book.cap)))


def _between_spec_bounds(book: Book, kept: int, wanted: Fraction) -> Fraction:
    low = min(Fraction(book.equity), max(wanted, Fraction(kept))) if book.tap else Fraction(book.equity)
    high = max(book.equity, book.cap) if book.fund else book.equity
    return _clamp(wanted, low, high)


def _clamp(value: Fraction, low: Fraction | int, high: Fraction | int) -> Fraction:
    return min(max(value, Fraction(low)), Fraction(high))


# The highest level that a budget pays for


def highest_level(curves: Sequence[Curve], budget: int, top: int) -> Fraction | None:
    """The greatest level ≤ `top` at which the curves sum to at most `budget`; None if there is none."""

    def total(level: Fraction) -> Fraction:
        return sum((curve.value(level) for curve in curves), Fraction(0))

    bends = sorted({bend for curve in curves for bend in curve.bends if bend < top} | {Fraction(top)})
    totals = [total(bend) for bend in bends]
    found = [bend for bend, cost in zip(bends, totals, strict=True) if cost <= budget]
    for (left, right), (cost_left, cost_right) in zip(pairwise(bends), pairwise(totals), strict=True):
        if cost_left <= budget < cost_right:
            found.append(left + (budget - cost_left) * (right - left) / (cost_right - cost_left))
    return max(found, default=None)  # below the first bend every curve is flat: that bend speaks for all of it


def level(state: State) -> Fraction | None:
    """L of the specification, before it is rounded down."""
    curves = [book_curve(book, state.z_donor) for book in state.books]
    return highest_level(curves, state.budget, state.z_target)


def targets(state: State, at: int) -> tuple[int, ...]:
    """T_i at a whole level, in whole wei."""
    return tuple(
        floor(
            _between_spec_bounds(
                book, max(floor(book.at(state.z_donor)), book.donor_floor), Fraction(floor(book.at(at)))
            )
        )
        for book in state.books
    )


def solve(state: State) -> Solution | None:
    """The whole allocation: L, the receivers' targets, and who pays: cash, empty books in order, then the richest."""
    exact = level(state)
    if exact is None:
        return None
    wanted = targets(state, floor(exact))
    equities = [max(book.equity, target) for book, target in zip(state.books, wanted, strict=True)]
    need = sum(equities) - sum(book.equity for book in state.books)
    if need == 0:
        return Solution(floor(exact), wanted, None, tuple(equities), 0)

    shortage = need - state.free
    for i, book in enumerate(state.books):
        if book.sigma_loss == 0 and shortage > 0:
            given = min(shortage, max(0, book.equity - wanted[i]))
            equities[i] -= given
            shortage -= given

    donor_level = None
    donors = [i for i, book in enumerate(state.books) if book.sigma_loss and book.equity > wanted[i]]
    if shortage > 0:
        donor_level = donors_level([(state.books[i], wanted[i]) for i in donors], shortage)
        for i in donors:
            kept = max(wanted[i], floor(state.books[i].at(donor_level)))
            equities[i] = min(state.books[i].equity, kept)
    return Solution(
        floor(exact),
        wanted,
        donor_level,
        tuple(equities),
        sum(book.equity for book in state.books) - sum(equities),
    )


def donors_level(donors: Sequence[tuple[Book, int]], shortage: int) -> int:
    """λ: the highest whole level to which donors (book, least equity) may be shaved and still pay `shortage`."""
    curves = [clamp_curve(kept, book.equity, book.maintenance, book.sigma_loss) for book, kept in donors]
    top = max(floor(book.level_of(book.equity)) for book, _ in donors) + 1
    found = highest_level(curves, sum(book.equity for book, _ in donors) - shortage, top)
    assert found is not None, "donors cannot pay what the level promised"
    return floor(found)


# What "optimal" means, checked without a solver


def improvement(state: State, equities: Sequence[Fraction | int]) -> str | None:
    """How a feasible reallocation could help a worse-off book, or None: then the allocation is max-min fair.

    An allocation is max-min fair exactly if no single dollar can be moved to a book from unspent money or from a
    better-off book (Bertsekas and Gallager, Data Networks, §6.5.2). Books without legs have no level and stay out.
    """
    spent = sum((Fraction(equity) for equity in equities), Fraction(0))
    if spent > state.budget:
        return "spends more than there is"
    rows = list(enumerate(zip(state.books, equities, strict=True)))
    for i, (book, equity) in rows:
        low, high = _range(book, state.z_donor)
        if not low <= equity <= high:
            return f"book {i} is outside its bounds"
    for i, (needy, has) in rows:
        can_rise = needy.sigma_loss and has < _range(needy, state.z_donor)[1]
        if not can_rise or needy.level_of(has) >= state.z_target:
            continue
        if spent < state.budget:
            return f"unspent money could raise book {i}"
        for j, (rich, holds) in rows:
            can_give = rich.sigma_loss and holds > _range(rich, state.z_donor)[0]
            if i != j and can_give and rich.level_of(holds) > needy.level_of(has):
                return f"book {j} could raise book {i}"
    return None


def sorted_levels(state: State, equities: Sequence[Fraction | int]) -> list[Fraction]:
    """The levels from the worst-off up, each counted up to `z_target`: greater in this order is better."""
    return sorted(
        min(book.level_of(equity), Fraction(state.z_target))
        for book, equity in zip(state.books, equities, strict=True)
        if book.sigma_loss
    )


def _range(book: Book, z_donor: int) -> tuple[int, int]:
    """The least and the most that any level may leave in the book."""
    kept = max(floor(book.at(z_donor)), book.donor_floor)
    low = min(book.equity, kept) if book.tap else book.equity
    return low, max(book.equity, book.cap) if book.fund else book.equity
