"""A timelock that owns a market, and nothing else around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from ballast.chain import Contract
from ballast.chain.base import ZERO_ADDRESS
from tests.market_bench import CONFIG, MarketBench

DELAY = 2 * 86_400  # [s]
NONE = bytes(32)  # no predecessor

# Reasons of the library
ROLE = "access_control: account is missing role"
NOT_READY = "timelock_controller: operation is not ready"
NOT_PENDING = "timelock_controller: operation cannot be cancelled"
UNMET = "timelock_controller: missing dependency"
TOO_SOON = "timelock_controller: insufficient delay"
TWICE = "timelock_controller: operation already scheduled"
MISMATCH = "timelock_controller: length mismatch"
NOT_ITSELF = "timelock_controller: caller must be timelock"
NOT_OWNER = "ownable: caller is not the owner"


@dataclass(frozen=True)
class Operation:
    """Calls to be made together."""

    calls: tuple[tuple[Contract, bytes], ...]
    predecessor: bytes = NONE
    salt: bytes = NONE

    @property
    def arguments(self) -> tuple[Any, ...]:
        """As the batch functions take them."""
        targets = [target.address for target, _ in self.calls]
        return targets, [0] * len(targets), [data for _, data in self.calls], self.predecessor, self.salt


@dataclass
class House:
    """The timelock, who holds which role there, and what it owns."""

    bench: MarketBench
    timelock: Contract = field(init=False)

    def __post_init__(self) -> None:
        bench = self.bench
        self.deployer, self.proposer, self.stranger = bench.chain.accounts[5:8]
        self.timelock = bench.chain.deploy(
            "Timelock", DELAY, [self.proposer], [ZERO_ADDRESS], ZERO_ADDRESS, sender=self.deployer
        )
        bench.market.transfer_ownership(self.timelock.address, sender=bench.owner)

    def call(self, target: Contract, name: str, *args: Any) -> Operation:
        """One call."""
        return Operation(((target, getattr(target, name).encode(*args)),))

    def state(self, state: int) -> Operation:
        """The market's state."""
        return self.call(self.bench.market, "set_state", state)

    def batch(self, *operations: Operation) -> Operation:
        """Several as one."""
        return Operation(tuple(call for operation in operations for call in operation.calls))

    def id(self, operation: Operation) -> bytes:
        return bytes(self.timelock.hash_operation_batch(*operation.arguments))

    def schedule(self, operation: Operation, delay: int = DELAY, sender: str | None = None) -> Any:
        return self.timelock.schedule_batch(*operation.arguments, delay, sender=sender or self.proposer)

    def execute(self, operation: Operation, sender: str | None = None) -> Any:
        return self.timelock.execute_batch(*operation.arguments, sender=sender or self.stranger)

    def done(self, operation: Operation) -> Any:
        """Scheduled, waited for, executed."""
        self.schedule(operation)
        self.wait()
        return self.execute(operation)

    def wait(self, seconds: int = DELAY) -> None:
        self.bench.chain.advance(seconds)

    def stage(self, operation: Operation) -> tuple[bool, bool, bool]:
        """Pending, ready, done."""
        id_ = self.id(operation)
        timelock = self.timelock
        return timelock.is_operation_pending(id_), timelock.is_operation_ready(id_), timelock.is_operation_done(id_)


@pytest.fixture(scope="session")
def _house() -> House:
    return House(MarketBench(replace(CONFIG)))


@pytest.fixture
def house(_house: House) -> Iterator[House]:
    """An active market, owned by a timelock of two days; anyone executes."""
    start = _house.bench.chain.snapshot()
    yield _house
    _house.bench.chain.revert(start)
