"""The stateful suite in `make test`: at least STEPS steps, seeds counted up from a fixed one."""

from __future__ import annotations

import pytest

from tests.stateful.run import run_until

STEPS = 21_000
PARTS = 4  # so that workers can share them


@pytest.mark.parametrize("part", range(PARTS))
def test_protocol__random_histories__chain_equals_model(part: int) -> None:
    """SOL-1, SOL-3, SOL-6, SOL-7, HLT-7, HLT-11, REB-1, REB-2, REB-3, AUT-1: see the machine's invariants."""
    run = run_until(STEPS // PARTS, first_seed=1_000_000 * part)
    assert run.steps >= STEPS // PARTS
