"""The allocation three times over: the contract, the integer model and the exact solver agree to the wei."""

from __future__ import annotations

from dataclasses import astuple, replace
from random import Random
from statistics import median
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from ballast.chain.revm import RevmChain
from ballast.model.allocation import NEVER, Allocation, allocate, bounded_row
from tests.differential.exact_solver import Book, State, solve
from tests.differential.strategies import MAX_BOOKS, seeded_states, states

SEEDED = 5_000
WORST_GAS = 60_000  # goal for eight books


@pytest.fixture(scope="module")
def harness() -> Any:
    chain = RevmChain()
    return chain.deploy("AllocationHarness", sender=chain.accounts[0])


def by_contract(harness: Any, state: State) -> Allocation | None:
    """None where there is no solution: then the other fields mean nothing."""
    found = harness.allocate([_arguments(book) for book in state.books], state.free, state.z_target, state.z_donor)
    used = len(state.books)  # the contract's arrays have room for eight
    targets, equities = tuple(found.targets[:used]), tuple(found.equities[:used])
    return Allocation(True, found.level, found.donor_level, found.need, targets, equities) if found.solved else None


def by_model(state: State) -> Allocation | None:
    found = allocate(
        [bounded_row(*_arguments(book), state.z_donor) for book in state.books], state.free, state.z_target
    )
    return found if found.solved else None


def exactly(state: State) -> Allocation | None:
    found = solve(state)
    if found is None:
        return None
    need = sum(max(0, target - book.equity) for target, book in zip(found.targets, state.books, strict=True))
    donor_level = NEVER if found.donor_level is None else found.donor_level
    return Allocation(True, found.level, donor_level, need, found.targets, found.equities)


def _arguments(book: Book) -> tuple[Any, ...]:
    return astuple(book)  # the harness and the model name the same fields in the same order


def test_allocate__seeded_accounts__model_is_exact() -> None:
    """REB-1, REB-8: of every kind of account, with a solution or without."""
    for seed, state in seeded_states(SEEDED):
        assert by_model(state) == exactly(state), seed


def test_allocate__seeded_accounts__contract_equals_model(harness: Any) -> None:
    """REB-1, REB-8: of every kind of account, with a solution or without."""
    for seed, state in seeded_states(SEEDED):
        assert by_contract(harness, state) == by_model(state), seed


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(state=states())
def test_allocate__any_account__contract_model_and_fractions_agree(harness: Any, state: State) -> None:
    """REB-1, REB-8: and Hypothesis shrinks what does not."""
    assert by_contract(harness, state) == by_model(state) == exactly(state)


def test_allocate__books_in_another_order__same_end() -> None:
    """REB-10: the order of the books matters only to those without legs, which pay in turn."""
    for seed, state in seeded_states(SEEDED // 5, first_seed=SEEDED):
        order = [i for i, book in enumerate(state.books) if book.sigma_loss]
        Random(seed).shuffle(order)
        order += [i for i, book in enumerate(state.books) if not book.sigma_loss]
        shuffled = by_model(replace(state, books=tuple(state.books[i] for i in order)))
        found = by_model(state)
        if found is None or shuffled is None:
            assert found is shuffled, seed
            continue
        assert (shuffled.level, shuffled.donor_level) == (found.level, found.donor_level), seed
        assert shuffled.equities == tuple(found.equities[i] for i in order), seed


def test_allocate__eight_books__within_the_gas_goals(harness: Any) -> None:
    """The mathematics alone, bounds of the books included."""
    spent = []
    for _, state in seeded_states(SEEDED):
        if len(state.books) == MAX_BOOKS:
            books = [_arguments(book) for book in state.books]
            spent.append(harness.gas_of_allocation(books, state.free, state.z_target, state.z_donor))
    print(f"{len(spent)} accounts: median {median(spent):,.0f}, worst {max(spent):,} gas")
    assert max(spent) <= WORST_GAS
