"""The in-process EVM: about 0.2 ms a call."""

from __future__ import annotations

import re
from typing import Any

from pyrevm import EVM, AccountInfo, BlockEnv

from ballast.chain.abi import checksum, revert_reason
from ballast.chain.base import Chain, Log, Receipt, Reverted, Sender, address_of

TRANSACTION_GAS = 30_000_000
CALL_GAS = 10**10  # scans read thousands of accounts in one call

_PADDING = 33  # [bytes] revm appends to code for its jump analysis
_OUTPUT = re.compile(r"Revert \{ gas_used: \d+, output: 0x([0-9a-f]*)")


class RevmChain(Chain):
    """Time stands still until it is moved. `gas_used` includes the intrinsic 21,000, but storage stays warm from one
    transaction to the next: it serves for comparison; benchmarks are taken on a node."""

    def __init__(self, timestamp: int = 1_700_000_000, chain_id: int = 31_337) -> None:
        self._evm = EVM(spec_id="CANCUN")
        self._chain_id = chain_id
        self._timestamp, self._block = timestamp, 1
        self._accounts = [checksum(f"0x{index:02x}{'acc0' * 9}{index:02x}") for index in range(1, 21)]
        for account in self._accounts:
            self._evm.insert_account_info(account, AccountInfo())
            self._evm.set_balance(account, 10**24)
        self._set_block()

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
        self._evm.reset_transient_storage()
        try:
            address = self._evm.deploy(address_of(sender), code, gas=gas or TRANSACTION_GAS)
        except RuntimeError as error:
            raise _reverted(error) from None
        return checksum(address), self._receipt()

    def send(
        self, to: str, data: bytes, *, sender: Sender, value: int = 0, gas: int | None = None
    ) -> tuple[Receipt, bytes]:
        returned = self._run(to, data, sender, value, gas or TRANSACTION_GAS, False)
        return self._receipt(), returned

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
        if static:
            return self._run(to, data, sender, value, gas or CALL_GAS, True)
        before = self._evm.snapshot()
        try:
            return self._run(to, data, sender, value, gas or CALL_GAS, False)
        finally:
            self._evm.revert(before)

    def code(self, address: str) -> bytes:
        return bytes(self._evm.get_code(address) or b"")[:-_PADDING]

    def storage(self, address: str, slot: int) -> int:
        """A word of a contract's storage."""
        return int(self._evm.storage(address, slot))

    def set_storage(self, address: str, slot: int, word: int) -> None:
        """Write into a contract's storage, for states that no transaction reaches."""
        self._evm.insert_account_storage(address, slot, word)

    def set_time(self, timestamp: int) -> None:
        if timestamp < self._timestamp:
            raise ValueError(f"time cannot go back from {self._timestamp} to {timestamp}")
        self._timestamp, self._block = timestamp, self._block + 1
        self._set_block()

    def snapshot(self) -> Any:
        return self._evm.snapshot(), self._timestamp, self._block

    def revert(self, snapshot: Any) -> None:
        checkpoint, self._timestamp, self._block = snapshot
        self._evm.revert(checkpoint)
        self._set_block()

    def _set_block(self) -> None:
        self._evm.set_block_env(
            BlockEnv(number=self._block, timestamp=self._timestamp, gas_limit=TRANSACTION_GAS, basefee=0)
        )

    def _run(self, to: str, data: bytes, sender: Sender, value: int, gas: int, static: bool) -> bytes:
        self._evm.reset_transient_storage()  # a message call is not yet a transaction
        try:
            returned = self._evm.message_call(
                caller=address_of(sender), to=to, calldata=data, value=value, gas=gas, is_static=static
            )
        except RuntimeError as error:
            raise _reverted(error) from None
        return bytes(returned)

    def _receipt(self) -> Receipt:
        result = self._evm.result
        assert result is not None
        logs = []
        for log in result.logs:
            topics, data = log.data
            logs.append(Log(checksum(log.address), [_bytes(topic) for topic in topics], bytes(data)))
        return Receipt(result.gas_used, self._timestamp, self._block, logs)


def _bytes(value: str | bytes) -> bytes:
    return bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else bytes(value)


def _reverted(error: RuntimeError) -> Reverted:
    match = _OUTPUT.search(str(error))
    return Reverted(revert_reason(bytes.fromhex(match[1]))) if match else Reverted(detail=str(error))
