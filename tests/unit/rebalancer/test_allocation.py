"""The allocation's mathematics by itself: small accounts whose outcome is worked out by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ballast.chain import Contract
from ballast.deploy import Protocol
from ballast.model.allocation import NEVER
from ballast.params import WAD
from tests.differential.exact_solver import Book

Z_TARGET, Z_DONOR = 10, 4

Allocate = Callable[..., tuple[float, float | None, list[float]] | None]


def book(equity: int, maintenance: int, sigma_loss: int, floor: int = 0, cap: int = 10_000, tap: bool = True) -> Book:
    """In whole dollars."""
    return Book(equity * WAD, maintenance * WAD, sigma_loss * WAD, floor * WAD, cap * WAD, True, tap)


NEEDY = book(1_000, 500, 100, tap=False)  # z = 5: $500 short of z = 10
RICH = book(3_000, 1_000, 100)  # z = 20: could give $1,000
COMFORTABLE = book(1_700, 500, 100)  # z = 12: could give $200


@pytest.fixture
def allocate(protocol: Protocol, owner: str) -> Allocate:
    """`allocate(NEEDY, RICH, free=0)`: level, donors' level and equities, in dollars; None if unsolved."""
    harness: Contract = protocol.chain.deploy("AllocationHarness", sender=owner)

    def allocate_(*books: Book, free: int = 0) -> tuple[float, float | None, list[float]] | None:
        found = harness.allocate(
            [tuple(vars(each).values()) for each in books], free * WAD, Z_TARGET * WAD, Z_DONOR * WAD
        )
        if not found.solved:
            return None
        level = None if found.donor_level == NEVER else found.donor_level / WAD
        return found.level / WAD, level, [equity / WAD for equity in found.equities[: len(books)]]

    return allocate_


def test_allocate__cash_is_enough__no_book_gives(allocate: Allocate) -> None:
    assert allocate(NEEDY, RICH, free=500) == (10, None, [1_500, 3_000])


def test_allocate__book_without_legs__gives_before_any_with(allocate: Allocate) -> None:
    """REB-1: margin that protects nothing goes first, and no further than it is asked for."""
    assert allocate(NEEDY, book(800, 0, 0), RICH) == (10, None, [1_500, 300, 3_000])


def test_allocate__shortage_beyond_it__the_richest_is_shaved_and_the_next_keeps_all(allocate: Allocate) -> None:
    """REB-2: down to z = 17, which a book at z = 12 does not feel."""
    assert allocate(NEEDY, book(200, 0, 0), RICH, COMFORTABLE) == (10, 17, [1_500, 0, 2_700, 1_700])


def test_allocate__richest_at_its_floor__the_next_pays_the_rest(allocate: Allocate) -> None:
    """REB-2: a floor of $2,800 lets $200 go; the other gives $100 and stands at z = 11."""
    floored = book(3_000, 1_000, 100, floor=2_800)
    assert allocate(NEEDY, book(200, 0, 0), floored, COMFORTABLE) == (10, 11, [1_500, 0, 2_800, 1_600])


def test_allocate__two_equally_rich__are_shaved_alike(allocate: Allocate) -> None:
    assert allocate(NEEDY, RICH, RICH) == (10, 17.5, [1_500, 2_750, 2_750])


def test_allocate__more_to_be_left_than_there_is__has_no_solution(allocate: Allocate) -> None:
    """Negative cash is a sum that must be left over: who may give nothing cannot leave it."""
    assert allocate(NEEDY, free=-1) is None
    assert allocate(NEEDY, RICH, free=-1) == (10, 14.99, [1_500, 2_499])
