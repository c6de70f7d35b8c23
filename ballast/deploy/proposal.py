"""The owner's way once the timelock owns everything: calls proposed as one batch, kept as a file, executed when due."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from ballast.chain import Contract, Receipt, Sender
from ballast.chain.base import ZERO_ADDRESS
from ballast.deploy.manifest import DeploymentError
from ballast.deploy.protocol import Protocol
from ballast.deploy.settings import Setting

NONE = bytes(32)  # no predecessor


class Stage(StrEnum):
    """How far a proposal is."""

    UNKNOWN = "not scheduled"
    WAITING = "waiting"
    READY = "ready"
    DONE = "done"


@dataclass(frozen=True)
class Call:
    """One call that the timelock is to make."""

    target: str
    data: str  # hex


@dataclass(frozen=True)
class Proposal:
    """Calls that succeed or fail together. Its id follows from its content, so a file can say nothing but the truth."""

    chain_id: int
    timelock: str
    calls: tuple[Call, ...]
    salt: str  # hex: tells two proposals of the same calls apart
    predecessor: str = "0x" + NONE.hex()  # id of what must be done before

    @classmethod
    def of(cls, protocol: Protocol, settings: Iterable[Setting]) -> Proposal:
        """What would set all of these."""
        calls = tuple(Call(setting.contract.address, "0x" + setting.encode().hex()) for setting in settings)
        salt = protocol.chain.timestamp.to_bytes(32, "big").hex()
        return cls(protocol.chain.chain_id, protocol.timelock.address, calls, "0x" + salt)

    @classmethod
    def load(cls, path: Path) -> Proposal:
        """Read a file; the error says what is wrong with it."""
        try:
            data = json.loads(path.read_text())
            return cls(**data | {"calls": tuple(Call(**call) for call in data["calls"])})
        except FileNotFoundError:
            raise DeploymentError(f"{path}: no such proposal") from None
        except (ValueError, KeyError, TypeError) as error:
            raise DeploymentError(f"{path}: not a proposal: {error}") from None

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")

    # On chain

    def id(self, protocol: Protocol) -> str:
        """As the timelock computes it."""
        _require_same(self, protocol)
        return "0x" + bytes(protocol.timelock.hash_operation_batch(*self._arguments)).hex()

    def stage(self, protocol: Protocol) -> Stage:
        """How far it is."""
        ready_at = self.ready_at(protocol)
        if ready_at <= 1:
            return Stage.DONE if ready_at else Stage.UNKNOWN
        return Stage.WAITING if ready_at > protocol.chain.timestamp else Stage.READY

    def ready_at(self, protocol: Protocol) -> int:
        """When it may be executed [s]; 0 where it is not scheduled, 1 where it is done."""
        return int(protocol.timelock.get_timestamp(bytes.fromhex(self.id(protocol)[2:])))

    def schedule(self, protocol: Protocol, sender: Sender, delay: int | None = None) -> Receipt:
        """By a proposer; after the least delay unless a longer one is given [s]."""
        _require_same(self, protocol)
        wait = int(protocol.timelock.get_minimum_delay()) if delay is None else delay
        receipt: Receipt = protocol.timelock.schedule_batch(*self._arguments, wait, sender=sender)
        return receipt

    def execute(self, protocol: Protocol, sender: Sender) -> Receipt:
        """By an executor, once it is ready."""
        _require_same(self, protocol)
        receipt: Receipt = protocol.timelock.execute_batch(*self._arguments, sender=sender)
        return receipt

    def cancel(self, protocol: Protocol, sender: Sender) -> Receipt:
        """By a proposer, before it is executed."""
        receipt: Receipt = protocol.timelock.cancel(bytes.fromhex(self.id(protocol)[2:]), sender=sender)
        return receipt

    def describe(self, protocol: Protocol) -> Iterator[str]:
        """Its calls in words, decoded from what would really be sent."""
        roles = {contract.address: (role, contract) for role, contract in protocol.contracts.items()}
        for call in self.calls:
            role, contract = roles.get(call.target, (call.target, None))
            yield f"{role}.{_decoded(contract, bytes.fromhex(call.data[2:]))}"

    @property
    def _arguments(self) -> tuple[Any, ...]:
        payloads = [bytes.fromhex(call.data[2:]) for call in self.calls]
        salt, predecessor = (bytes.fromhex(word[2:]) for word in (self.salt, self.predecessor))
        return [call.target for call in self.calls], [0] * len(self.calls), payloads, predecessor, salt


def _require_same(proposal: Proposal, protocol: Protocol) -> None:
    ours = protocol.chain.chain_id, protocol.timelock.address
    if (proposal.chain_id, proposal.timelock) != ours:
        raise DeploymentError(
            f"proposal: for the timelock {proposal.timelock} of chain {proposal.chain_id}, "
            f"connected to {ours[1]} of chain {ours[0]}"
        )


def _decoded(contract: Contract | None, data: bytes) -> str:
    """`set_meter(market=2, allowance=5)`, or the bytes where nobody knows the function."""
    for overloads in contract.artifact.functions.values() if contract else ():
        for function in overloads.values():
            if function.selector == data[:4]:
                values = zip(function.inputs.names, function.inputs.decode(data[4:]), strict=True)
                return f"{function.name}({', '.join(f'{name}={_shown(value)}' for name, value in values)})"
    return f"0x{data.hex()}"


def _shown(value: Any) -> str:
    if hasattr(value, "_asdict"):
        return "{" + ", ".join(f"{name}: {_shown(field)}" for name, field in value._asdict().items()) + "}"
    return "nobody" if value == ZERO_ADDRESS else f"{value:_}" if type(value) is int else str(value)
