"""Sharing in floating point beside the integer allocation: ordinary accounts, edges, wei and figures beyond 2^100."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ballast.model.allocation import Row
from ballast.model.allocation import allocate as allocate_exactly
from ballast.model.vector.allocation import Rows, allocate
from ballast.model.vector.arrays import Floats
from tests.differential.exact_solver import State
from tests.differential.strategies import MAX_BOOKS, seeded_states
from tests.differential.test_allocation import rows_of

SEEDED = 5_000
TOLERANCE = 1e-14  # of all the figures of an account together


def test_allocate__seeded_states__the_integer_allocation() -> None:
    """Everything in wei: where each book ends, what is needed, whether there is a solution; but for ties."""
    states = [state for _, state in seeded_states(SEEDED)]
    exact = [allocate_exactly(rows_of(state), state.free, state.z_target) for state in states]
    rows = _rows([rows_of(state) for state in states])
    free, top = np.array([float(state.free) for state in states]), np.array([state.z_target / 1e18 for state in states])
    found = allocate(rows, free, top)
    ties = 0
    for i, (state, expected) in enumerate(zip(states, exact, strict=True)):
        within = TOLERANCE * _scale(state) + 4 * MAX_BOOKS
        spare = state.free + sum(row.equity - row.low for row in rows_of(state))
        if (abs(spare) <= within and (spare or state.free)) or 0 < expected.need <= within:
            ties += 1
            continue
        assert found.solved[i] == expected.solved, f"seed {i}"
        if not expected.solved:
            continue
        assert abs(found.need[i] - expected.need) <= within, f"seed {i}"
        ends = np.array([float(equity) for equity in expected.equities])
        assert (np.abs(found.equities[i, : len(ends)] - ends) <= within).all(), f"seed {i}"
    assert ties < SEEDED // 3  # these accounts are made to be ties, or of a few wei


def test_allocate__order_of_accounts__does_not_matter() -> None:
    """Each account is solved for itself."""
    states = [state for _, state in seeded_states(200)]
    rows = _rows([rows_of(state) for state in states])
    free, top = np.array([float(state.free) for state in states]), np.full(len(states), 10.0)
    together = allocate(rows, free, top)
    for i in range(len(states)):
        alone = allocate(rows.pick(np.array([i])), free[i : i + 1], top[i : i + 1])
        assert np.allclose(alone.equities[0], together.equities[i], rtol=0, atol=TOLERANCE * _scale(states[i]))


def _rows(accounts: Sequence[Sequence[Row]]) -> Rows:
    """In wei, with books of nothing beside those that there are."""

    def figures(name: str) -> Floats:
        padded = [[float(getattr(row, name)) for row in rows] + [0.0] * (MAX_BOOKS - len(rows)) for rows in accounts]
        return np.array(padded, order="F")

    names = ("equity", "maintenance", "sigma_loss", "low", "high")
    return Rows.of(*(figures(name) for name in names))


def _scale(state: State) -> float:
    return float(abs(state.free) + sum(abs(book.equity) + book.maintenance + book.sigma_loss for book in state.books))
