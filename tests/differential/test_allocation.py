"""The allocation three times over: the contract's, the integer model's, and an exact solver's that shares no code."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

import pytest
from hypothesis import given, settings

from ballast.chain import Contract
from ballast.chain.revm import RevmChain
from ballast.model.allocation import NEVER, Allocation, Row, allocate, bounded_row, highest_level
from tests.differential.exact_solver import State, improvement, solve
from tests.differential.strategies import seeded_states, states

SEEDED = 5_000
MEDIAN_GAS, WORST_GAS = 26_000, 60_000  # eight books, their bounds included


@pytest.fixture(scope="module")
def harness() -> Contract:
    chain = RevmChain()
    return chain.deploy("AllocationHarness", sender=chain.accounts[0])


def rows_of(state: State) -> list[Row]:
    return [
        bounded_row(
            book.equity,
            book.maintenance,
            book.sigma_loss,
            book.donor_floor,
            book.cap,
            book.fund,
            book.tap,
            state.z_donor,
        )
        for book in state.books
    ]


def arguments(state: State) -> tuple[Any, ...]:
    return [tuple(vars(book).values()) for book in state.books], state.free, state.z_target, state.z_donor


def by_model(state: State) -> Allocation:
    return allocate(rows_of(state), state.free, state.z_target)


def check_against_solver(state: State, found: Allocation) -> None:
    """The same level, the same wei in every book, and nothing that could still be bettered."""
    exact = solve(state)
    assert (exact is not None) == found.solved
    if exact is None:
        return
    assert found.level == exact.level
    assert found.targets == exact.targets
    assert found.donor_level == (NEVER if exact.donor_level is None else exact.donor_level)
    assert found.equities == exact.equities


def test_allocate__seeded_states__contract_equals_model_equals_solver(harness: Contract) -> None:
    """REB-1, REB-2: ordinary accounts, caps, pins, ring-fenced and empty books, ties, edges of one wei."""
    for seed, state in seeded_states(SEEDED):
        found = by_model(state)
        on_chain = harness.allocate(*arguments(state))
        books = len(state.books) if found.solved else 0
        assert on_chain.solved == found.solved, f"seed {seed}"
        if found.solved:
            got = (on_chain.level, on_chain.donor_level, on_chain.need)
            assert got == (found.level, found.donor_level, found.need), f"seed {seed}"
            assert tuple(on_chain.targets[:books]) == found.targets, f"seed {seed}"
            assert tuple(on_chain.equities[:books]) == found.equities, f"seed {seed}"
        check_against_solver(state, found)


@settings(max_examples=300, deadline=None)
@given(states())
def test_allocate__any_state__solver_and_conservation(state: State) -> None:
    """REB-1, REB-2: what the model moves it has; no donor below its bound, no receiver above its cap."""
    found = by_model(state)
    check_against_solver(state, found)
    if not found.solved:
        return
    rows = rows_of(state)
    if found.need:
        assert sum(found.equities) <= state.budget
    for row, equity in zip(rows, found.equities, strict=True):
        assert row.low <= equity or equity == row.equity
        assert equity <= max(row.high, row.equity)


def test_allocate__order_of_books__does_not_matter() -> None:
    """REB-10: the same books in another order end at the same equities; books without legs give in their order."""
    for _, state in seeded_states(300):
        if any(book.sigma_loss == 0 for book in state.books):
            continue
        mirrored = State(state.books[::-1], state.free, state.z_target, state.z_donor)
        assert by_model(mirrored).equities[::-1] == by_model(state).equities


def test_allocate__again__moves_nothing_more_than_dust() -> None:
    """REB-7, REB-9: the outcome is its own allocation, but for what rounding left in cash."""
    for _, state in seeded_states(300):
        found = by_model(state)
        if not found.solved or not found.need or improvement(state, found.targets):
            continue
        rows = [
            Row(equity, row.maintenance, row.sigma_loss, min(row.low, equity), row.high, row.bend_low, row.bend_high)
            for row, equity in zip(rows_of(state), found.equities, strict=True)
        ]
        left = state.budget - sum(found.equities)
        assert allocate(rows, left, state.z_target).need <= len(rows) + max(0, left)


def test_level__one_wei_more__is_never_lower(harness: Contract) -> None:
    """The level is monotone in the budget, and the contract's is the model's."""
    for _, state in seeded_states(200):
        rows = rows_of(state)
        budget = sum(row.low for row in rows)
        for more in (0, 1, 10**18):
            level = highest_level(rows, budget + more, state.z_target)
            assert level == harness.level([tuple(vars(row).values()) for row in rows], budget + more, state.z_target)
            assert level >= highest_level(rows, budget, state.z_target)


def test_allocate__gas_of_eight_books(harness: Contract) -> None:
    """The mathematics alone, without decoding."""
    used: Sequence[int] = [
        harness.gas_of_allocation(*arguments(state)) for _, state in seeded_states(600) if len(state.books) == 8
    ]
    assert median(used) <= MEDIAN_GAS
    assert max(used) <= WORST_GAS
