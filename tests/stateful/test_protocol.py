"""The stateful suite in `make test`: at least STEPS steps, seeds counted up from a fixed one."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.stateful.rules.world import twins
from tests.stateful.run import run_until

STEPS = 21_000
PARTS = 4  # so that workers can share them
MUST_HAPPEN = {  # a suite in which nothing happens proves nothing: event or reason → least count a part
    "OrderFilled": 40,
    "OrderFailed": 20,
    "Rebalanced": 150,
    "CutRequested": 30,
    "BookCut": 30,
    "MarginMoved": 300,
    "Locked": 1,
    "Withdrawn": 20,
    "JumpGuardRaised": 5,
    "oracle: poke": 5,
    "oracle: stale price": 2,
    "access: no right": 10,
    "rebalancer: healthy": 100,
    "rebalancer: cooldown": 20,
}


@pytest.mark.parametrize("part", range(PARTS))
def test_protocol__random_histories__chain_equals_model(part: int) -> None:
    """SOL-1, SOL-3, SOL-6, SOL-7, HLT-7, HLT-11, REB-1, REB-2, REB-3, AUT-1: see the machine's invariants."""
    before = Counter(twins().seen)
    run = run_until(STEPS // PARTS, first_seed=1_000_000 * part)
    assert run.steps >= STEPS // PARTS
    seen = twins().seen - before
    assert not {what: seen[what] for what, least in MUST_HAPPEN.items() if seen[what] < least}
