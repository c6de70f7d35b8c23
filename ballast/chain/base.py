"""Chains, contracts and receipts: what every backend shares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ballast.chain.abi import Artifact, Function, artifact, checksum, event_types

Sender = Any  # an address, or an account that a backend can sign with: anything with `.address`


class Reverted(Exception):
    """A call or transaction was refused by a contract."""

    def __init__(self, reason: str = "", detail: str = "") -> None:
        super().__init__(reason or detail or "reverted without a reason")
        self.reason = reason  # the contract's reason string, "" where it gave none


class NodeError(Exception):
    """A node is down, on another chain, or refuses to serve. One line says which and where."""


@dataclass(frozen=True)
class Log:
    """A raw log."""

    address: str
    topics: Sequence[bytes]
    data: bytes


@dataclass(frozen=True)
class Event:
    """A decoded log: `event.args["amount"]` or, shorter, `event.amount`."""

    address: str
    name: str
    args: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["args"][name]
        except KeyError:
            raise AttributeError(f"event {self.__dict__.get('name')} has no argument {name!r}") from None


@dataclass(frozen=True)
class Receipt:
    """What a transaction did."""

    gas_used: int
    timestamp: int  # [s] of its block
    block: int
    logs: Sequence[Log] = field(repr=False)
    returned: Any = None  # exact in process; over RPC what the same call answered just before; None where unknown
    hash: str = ""

    @property
    def events(self) -> list[Event]:
        """Every log of a known event, in order."""
        known, found = event_types(), []
        for log in self.logs:
            if event := known.get((bytes(log.topics[0]), len(log.topics)) if log.topics else (b"", 0)):
                found.append(Event(log.address, event.name, event.decode(log.topics, log.data)))
        return found

    def named(self, name: str) -> list[Event]:
        """The events of that name."""
        return [event for event in self.events if event.name == name]

    def event(self, name: str) -> Event:
        """The one event of that name."""
        found = self.named(name)
        if len(found) != 1:
            raise LookupError(f"{len(found)} events {name} in {[event.name for event in self.events]}, expected one")
        return found[0]


class Method:
    """A function of a deployed contract: call it, or `.call` it to see what it would answer."""

    def __init__(self, contract: Contract, overloads: dict[int, Function]) -> None:
        self._contract = contract
        self._overloads = overloads

    def _function(self, args: Sequence[Any]) -> Function:
        return self._overloads.get(len(args)) or next(iter(self._overloads.values()))

    def __call__(self, *args: Any, sender: Sender = None, value: int = 0, gas: int | None = None) -> Any:
        """A view function's value, or the receipt of a transaction."""
        function = self._function(args)
        if function.is_view:
            return self.call(*args, sender=sender, gas=gas)
        if sender is None:
            raise TypeError(f"{function.name} is a transaction: it needs a sender")
        to, data = self._contract.address, function.encode(args)
        receipt, returned = self._contract.chain.send(to, data, sender=sender, value=value, gas=gas)
        if returned is not None:
            object.__setattr__(receipt, "returned", function.decode(returned))
        return receipt

    def call(self, *args: Any, sender: Sender = None, value: int = 0, gas: int | None = None) -> Any:
        """What the function would answer now; nothing changes."""
        function = self._function(args)
        to, data = self._contract.address, function.encode(args)
        chain = self._contract.chain
        return function.decode(chain.call(to, data, sender=sender, value=value, gas=gas, static=function.is_view))

    def encode(self, *args: Any) -> bytes:
        """The calldata."""
        return self._function(args).encode(args)

    def decode(self, returned: bytes) -> Any:
        """What returned bytes say."""
        return self._function(()).decode(returned)


class Contract:
    """A deployed contract: one attribute per function of its ABI."""

    def __init__(self, chain: Chain, of: Artifact, address: str, deployment: Receipt | None = None) -> None:
        self.chain = chain
        self.artifact = of
        self.address: str = checksum(address)
        self.deployment = deployment

    def __getattr__(self, name: str) -> Method:
        overloads = self.__dict__["artifact"].functions.get(name) if "artifact" in self.__dict__ else None
        if overloads is None:
            raise AttributeError(f"{self.__dict__.get('artifact') and self.artifact.name} has no function {name!r}")
        method = self.__dict__[name] = Method(self, overloads)
        return method

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Contract) and (self.address, self.chain) == (other.address, other.chain)

    def __hash__(self) -> int:
        return hash(self.address)

    def __repr__(self) -> str:
        return f"<{self.artifact.name} {self.address}>"


class Chain(ABC):
    """An EVM. Time control, snapshots and `accounts` exist on test chains only."""

    def deploy(self, name: str, *args: Any, sender: Sender) -> Contract:
        """Deploy the project's contract of that name."""
        of = artifact(name)
        address, receipt = self.create(of.bytecode + of.constructor.encode(args), sender=sender)
        return Contract(self, of, address, receipt)

    def at(self, name: str, address: str) -> Contract:
        """The project's contract of that name, deployed before."""
        return Contract(self, artifact(name), address)

    def advance(self, seconds: int) -> None:
        """Let time pass [s]."""
        self.set_time(self.timestamp + seconds)

    @property
    @abstractmethod
    def chain_id(self) -> int: ...

    @property
    @abstractmethod
    def timestamp(self) -> int:
        """What `block.timestamp` is in a view now [s]."""

    @property
    @abstractmethod
    def block(self) -> int:
        """Number of the latest block."""

    @property
    @abstractmethod
    def accounts(self) -> Sequence[Sender]:
        """Senders with money, where the chain is a test chain."""

    @abstractmethod
    def create(self, code: bytes, *, sender: Sender, gas: int | None = None) -> tuple[str, Receipt]:
        """Run creation code; the new contract's address."""

    @abstractmethod
    def send(
        self, to: str, data: bytes, *, sender: Sender, value: int = 0, gas: int | None = None
    ) -> tuple[Receipt, bytes | None]:
        """Send a transaction; its receipt and, where it can be known, what it returned."""

    @abstractmethod
    def call(
        self,
        to: str,
        data: bytes,
        *,
        sender: Sender = None,
        value: int = 0,
        gas: int | None = None,
        static: bool = False,
    ) -> bytes:
        """What a transaction would return; nothing changes."""

    @abstractmethod
    def code(self, address: str) -> bytes:
        """Runtime code at an address."""

    @abstractmethod
    def set_time(self, timestamp: int) -> None:
        """Move to that time [s], in a new block."""

    @abstractmethod
    def snapshot(self) -> Any:
        """Remember the state."""

    @abstractmethod
    def revert(self, snapshot: Any) -> None:
        """Return to a remembered state; the snapshot is used up."""


ZERO_ADDRESS = "0x" + "00" * 20


def address_of(sender: Sender) -> str:
    """The address behind a sender."""
    return checksum(getattr(sender, "address", sender) or ZERO_ADDRESS)
