"""Titanoboa's EVM behind the house's own interface: slower than revm by two orders, but it tells what it ran."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

from boa.environment import Env
from boa.util.abi import Address
from boa.vm.fast_accountdb import patch_pyevm_state_object

from ballast.chain.abi import checksum, revert_reason
from ballast.chain.base import Chain, Log, Receipt, Reverted, Sender, address_of
from ballast.chain.revm import CALL_GAS, TRANSACTION_GAS

_REASON = re.compile(rb"[a-z]+: [a-z0-9 '-]+")


class Hits:
    """Steps by code, and the reasons that any call reverted with, returned or logged."""

    def __init__(self) -> None:
        self.steps: dict[bytes, set[tuple[int, int]]] = defaultdict(set)  # code → {(position, next position)}
        self.reasons: set[str] = set()

    def add(self, computation: Any) -> None:
        """A call with everything it called."""
        trace = computation.code._trace
        self.steps[bytes(computation.code._raw_code_bytes)].update(pairwise(trace))
        answer = b"" if computation.msg.is_create and not computation.is_error else computation.output  # no code
        for said in (answer, *(data for *_, data in computation._log_entries)):
            if b": " in said:
                self.reasons.update(match[0].decode() for match in _REASON.finditer(said))
        for child in computation.children:
            self.add(child)


class BoaChain(Chain):
    """Every chain of a process adds to the same hits."""

    hits = Hits()

    def __init__(self, timestamp: int = 1_700_000_000, chain_id: int = 31_337) -> None:
        self._boa = Env().evm
        patch_pyevm_state_object(self._boa.vm.state)
        self._chain_id = chain_id
        self._timestamp, self._block = timestamp, 1
        self._accounts = [checksum(f"0x{index:02x}{'acc0' * 9}{index:02x}") for index in range(1, 21)]
        for account in self._accounts:
            self._boa.set_balance(Address(account), 10**24)
        self._evm = SimpleNamespace(  # what tests ask of pyrevm itself
            insert_account_info=self._insert,
            set_balance=lambda address, wei: self._boa.set_balance(Address(address), wei),
        )
        self._set_block()

    def _insert(self, address: str, info: Any) -> None:
        self._boa.set_code(Address(address), bytes(info.code or b"").rstrip(b"\0"))

    @property
    def chain_id(self) -> int:
        return self._chain_id

    @property
    def timestamp(self) -> int:
        return self._timestamp

    @property
    def block(self) -> int:
        return self._block

    @property
    def accounts(self) -> list[str]:
        return self._accounts

    def create(self, code: bytes, *, sender: Sender, gas: int | None = None) -> tuple[str, Receipt]:
        self._begin()
        deployer = Address(address_of(sender))
        target = self._boa.generate_create_address(deployer)
        computation = self._boa.deploy_code(deployer, deployer, target, gas or TRANSACTION_GAS, 0, 0, code)
        return checksum(target), self._receipt(computation, code)

    def send(
        self, to: str, data: bytes, *, sender: Sender, value: int = 0, gas: int | None = None
    ) -> tuple[Receipt, bytes]:
        computation = self._run(to, data, sender, value, gas or TRANSACTION_GAS, False)
        return self._receipt(computation, data), computation.output

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
        before = self._boa.snapshot()
        try:
            return bytes(self._run(to, data, sender, value, gas or CALL_GAS, static).output)
        finally:
            self._boa.revert(before)

    def code(self, address: str) -> bytes:
        return bytes(self._boa.get_code(Address(address)))

    def storage(self, address: str, slot: int) -> int:
        """A word of a contract's storage."""
        return int(self._boa.get_storage(Address(address), slot))

    def set_storage(self, address: str, slot: int, word: int) -> None:
        """Write into a contract's storage."""
        self._boa.set_storage(Address(address), slot, word)

    def set_time(self, timestamp: int) -> None:
        if timestamp < self._timestamp:
            raise ValueError(f"time cannot go back from {self._timestamp} to {timestamp}")
        self._timestamp, self._block = timestamp, self._block + 1
        self._set_block()

    def snapshot(self) -> Any:
        return self._boa.snapshot(), self._timestamp, self._block

    def revert(self, snapshot: Any) -> None:
        checkpoint, self._timestamp, self._block = snapshot
        self._boa.revert(checkpoint)
        self._set_block()

    def _set_block(self) -> None:
        self._boa.patch.timestamp, self._boa.patch.block_number = self._timestamp, self._block

    def _begin(self) -> None:
        self._boa.vm.state.clear_transient_storage()

    def _run(self, to: str, data: bytes, sender: Sender, value: int, gas: int, static: bool) -> Any:
        self._begin()
        target = Address(to)
        computation = self._boa.execute_code(
            sender=Address(address_of(sender)),
            to=target,
            gas=gas - _intrinsic(data),
            gas_price=0,
            value=value,
            bytecode=self._boa.get_code(target),
            data=data,
            is_static=static,
            fake_codesize=None,
            start_pc=0,
            ir_executor=None,
            contract=None,
        )
        return self._checked(computation)

    def _checked(self, computation: Any) -> Any:
        self.hits.add(computation)
        if computation.is_error:
            raise Reverted(revert_reason(computation.output), repr(computation.error))
        return computation

    def _receipt(self, computation: Any, data: bytes) -> Receipt:
        self._checked(computation) if computation.msg.is_create else None
        logs = [
            Log(checksum(address), [topic.to_bytes(32, "big") for topic in topics], data)
            for address, topics, data in computation.get_log_entries()
        ]
        return Receipt(_intrinsic(data) + computation.get_gas_used(), self._timestamp, self._block, logs)


def _intrinsic(data: bytes) -> int:
    """What a transaction costs before anything runs [gas]."""
    return 21_000 + 16 * len(data) - 12 * data.count(0)
