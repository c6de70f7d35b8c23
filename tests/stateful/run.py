"""Run the machine seed by seed until it has made its steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.stateful.machine import Protocol

EXAMPLES = 10  # a seed
STEPS = 50  # an example

SETTINGS = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink),
    print_blob=True,
)


@dataclass(frozen=True)
class Run:
    """What a run did."""

    steps: int
    next_seed: int


def run_until(steps: int, first_seed: int, after_seed: Callable[[int, int], None] = lambda seed, steps: None) -> Run:
    """Run seeds from the first on until `steps` steps are made; the seed of a failure is in its message."""
    made, current = 0, first_seed
    while made < steps:
        before = Protocol.steps
        machine = seed(current)(type("Protocol", (Protocol,), {}))
        try:
            run_state_machine_as_test(machine, settings=SETTINGS)
        except BaseException as failure:
            failure.add_note(f"stateful seed {current}")
            raise
        made += Protocol.steps - before
        current += 1
        after_seed(current, made)
    return Run(made, current)
