"""The mathematics of cutting by itself: which books are cut and how far, worked out by hand and by the model."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ballast.chain import Contract
from ballast.deploy import Protocol
from ballast.model.allocation import NEVER, make_row
from ballast.model.cutting import Aim, Candidate, cut_shares
from ballast.model.fixed_point import ceil_div
from ballast.params import WAD

Shares = Callable[..., list[int]]


def candidate(
    equity: int,
    maintenance: int,
    sigma_loss: int,
    cost: int,
    *,
    low: int | None = None,
    high: int = 0,
    target: int = 0,
    **flags: bool,
) -> Candidate:
    """In whole dollars; sharing leaves the book as it is unless told, its market allows everything."""
    kept = equity if low is None else low
    figures = [each * WAD for each in (equity, maintenance, sigma_loss, kept, max(equity, high))]
    allowed = {"active": True, "cuttable": True, "tap": True, **flags}
    return Candidate(make_row(*figures), max(equity, target) * WAD, cost * WAD, **allowed)


def as_told(book: Candidate) -> tuple[int, ...]:
    """The book as the contract has it: one that its market does not let be cut costs more than anything holds."""
    row, cost = book.row, book.cost if book.cuttable else NEVER
    figures = row.equity, row.maintenance, row.sigma_loss, row.low, row.high, book.target
    return *figures, cost, book.active, book.active and book.in_market, book.tap


@pytest.fixture
def shares(protocol: Protocol, owner: str) -> Shares:
    """`shares(book, …, free=0)`: the share of each book to cut [wad], by the contract; the model agrees."""
    harness: Contract = protocol.chain.deploy("CuttingHarness", sender=owner)

    def shares_(
        *books: Candidate, free: int = 0, largest: int = WAD, budget: int = NEVER, most: int = NEVER
    ) -> list[int]:
        free *= WAD
        levels, bounds = (2 * WAD, 8 * WAD, 10 * WAD, largest), (most, budget)
        found = harness.shares([as_told(each) for each in books], (free, *levels, 0, *bounds))
        total = sum(each.row.equity for each in books) + free
        assert found[: len(books)] == cut_shares(books, Aim(total, *levels, *bounds))
        assert not any(found[len(books) :])
        return list(found[: len(books)])

    return shares_


# z = 1; z = 8 takes $2,400
SHORT = candidate(1_000, 800, 200, cost=10, high=2_000, target=1_050)
HELPLESS = candidate(500, 800, 200, cost=10, high=2_400, target=600, cuttable=False)


def test_shares__cut_frees_what_others_cannot_have__its_own_need_alone(shares: Shares) -> None:
    """$400 beyond what it may be filled to and $1,350 to where sharing leaves it, of $2,390 for all of it."""
    own = candidate(1_000, 800, 200, cost=10, high=2_000, target=1_050, tap=False)
    relief = 2_390 * WAD
    expected = ceil_div(400 * WAD * WAD, relief) + ceil_div(1_350 * WAD * WAD, relief)
    assert shares(own, HELPLESS) == [expected, 0]


def test_shares__cut_frees_what_others_may_have__all_that_lacks(shares: Shares) -> None:
    """The same book in an open market is closed whole: the other lacks more than that frees."""
    assert shares(SHORT, HELPLESS) == [WAD, 0]
    assert shares(SHORT, HELPLESS, largest=WAD // 2) == [WAD // 2, 0]


def test_shares__healthy_book_that_gives_nothing__is_not_cut_for_others(shares: Shares) -> None:
    """§7.6: it has enough itself but stands below what donors keep: cutting it, though cheaper than cutting the short
    book, would free nothing. Of a donor, all that lacks is: $1,900 less the $500 that it can give anyway."""
    dear = candidate(500, 800, 200, cost=30, high=2_400, target=600)
    assert shares(candidate(3_000, 800, 200, cost=10), dear) == [0, ceil_div(1_900 * WAD, 2_370)]
    donor = candidate(3_000, 800, 200, cost=10, low=2_500)
    assert shares(donor, dear) == [ceil_div(1_400 * WAD, 2_390), 0]


def test_shares__money_enough__nothing_beyond_the_cap(shares: Shares) -> None:
    """Where cash covers what all lack, only what no money could fill is cut."""
    assert shares(SHORT, free=1_000) == [ceil_div(400 * WAD, 2_390)]


def test_shares__budget_broken__cheapest_risk_first_and_the_rest_from_the_next(shares: Shares) -> None:
    """REB-12: $240 less of $600 at risk, $150 of it where a dollar of cost frees three times as much."""
    dear, cheap = candidate(9_000, 100, 300, cost=30), candidate(9_000, 100, 300, cost=10)
    margin, fenced = candidate(500, 0, 0, cost=0), candidate(9_000, 100, 300, cost=0, active=False)
    cut = shares(dear, cheap, margin, fenced, largest=WAD // 2, budget=400 * WAD)
    assert cut == [3 * WAD // 10, WAD // 2, 0, 0]
    assert shares(cheap, dear, largest=WAD // 2, budget=400 * WAD) == [WAD // 2, 3 * WAD // 10]


def test_shares__budget_broken_and_nothing_to_cut__nothing(shares: Shares) -> None:
    locked = candidate(9_000, 100, 300, cost=30, cuttable=False)
    assert shares(locked, budget=100 * WAD) == [0]


def test_shares__one_book_above_its_share__to_two_thirds(shares: Shares) -> None:
    """A book without legs is beyond any distance and is left alone; so is one beyond the target."""
    near, far = candidate(1_000, 100, 300, cost=10), candidate(9_000, 100, 300, cost=10)
    assert shares(near, candidate(500, 0, 0, cost=0), far, most=150 * WAD) == [ceil_div(200 * WAD, 300), 0, 0]
