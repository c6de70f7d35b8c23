"""Any JSON-RPC node; here with its own unlocked accounts, as Anvil has them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from time import monotonic, sleep
from typing import Any

import requests
from web3 import HTTPProvider

from ballast.chain.abi import checksum, revert_reason
from ballast.chain.base import Chain, Log, NodeError, Receipt, Reverted, Sender, address_of

TRANSACTION_GAS = 15_000_000  # below the cap of one transaction on mainnet (EIP-7825)
CALL_GAS = 10**9
RECEIPT_SECONDS = 180


class Web3Chain(Chain):
    """A transaction is tried on the pending block first: a refusal costs nothing and carries its reason."""

    def __init__(self, url: str, chain_id: int | None = None) -> None:
        self._connect(HTTPProvider(url, request_kwargs={"timeout": 60}), url)
        if chain_id not in (None, self._chain_id):
            raise NodeError(f"the node at {url} is on chain {self._chain_id}, expected {chain_id}")

    def _connect(self, provider: Any, url: str) -> None:
        self._provider, self.url = provider, url
        self._chain_id = int(self.rpc("eth_chainId"), 16)

    @property
    def chain_id(self) -> int:
        return self._chain_id

    @property
    def timestamp(self) -> int:
        return int(self._header("latest")["timestamp"], 16)

    @property
    def block(self) -> int:
        return int(self.rpc("eth_blockNumber"), 16)

    @property
    def accounts(self) -> Sequence[Sender]:
        return [checksum(account) for account in self.rpc("eth_accounts")]

    def create(self, code: bytes, *, sender: Sender, gas: int | None = None) -> tuple[str, Receipt]:
        transaction = {"from": address_of(sender), "data": "0x" + code.hex()}
        receipt, raw, _ = self._transact(transaction, sender, gas)
        return checksum(raw["contractAddress"]), receipt

    def send(
        self, to: str, data: bytes, *, sender: Sender, value: int = 0, gas: int | None = None
    ) -> tuple[Receipt, bytes]:
        receipt, _, returned = self._transact(_transaction(to, data, sender, value), sender, gas)
        return receipt, returned

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
        transaction = {**_transaction(to, data, sender, value), "gas": hex(gas or CALL_GAS)}
        return _bytes(self.rpc("eth_call", transaction, "latest"))

    def code(self, address: str) -> bytes:
        return _bytes(self.rpc("eth_getCode", address, "latest"))

    def freeze(self) -> None:
        """Let time stand still until it is moved, whatever is mined (Anvil)."""
        self.rpc("anvil_setBlockTimestampInterval", 0)

    def impersonate(self, address: str) -> str:
        """Unlock an address (Anvil)."""
        self.rpc("anvil_impersonateAccount", address)
        self.rpc("anvil_setBalance", address, hex(10**24))
        return address

    def set_time(self, timestamp: int) -> None:
        now = self.timestamp
        if timestamp < now:
            raise ValueError(f"time cannot go back from {now} to {timestamp}")
        if timestamp > now:
            self.rpc("evm_setNextBlockTimestamp", timestamp)
        self.rpc("evm_mine")

    def snapshot(self) -> str:
        return str(self.rpc("evm_snapshot"))

    def revert(self, snapshot: Any) -> None:
        if not self.rpc("evm_revert", snapshot):
            raise NodeError(f"the node at {self.url} knows no snapshot {snapshot}")

    def rpc(self, method: str, *params: Any) -> Any:
        """A raw request."""
        try:
            response = self._provider.make_request(method, list(params))
        except (requests.RequestException, OSError) as failure:
            raise NodeError(f"no node answers at {self.url} ({type(failure).__name__})") from None
        except json.JSONDecodeError:
            raise NodeError(f"what answers at {self.url} is not a node") from None
        if error := response.get("error"):
            raise _refusal(self.url, method, error)
        return response["result"]

    def _header(self, block: str) -> Any:
        return self.rpc("eth_getBlockByNumber", block, False)

    def _transact(self, transaction: dict[str, str], sender: Sender, gas: int | None) -> tuple[Receipt, Any, bytes]:
        limited = {**transaction, "gas": hex(gas or self._gas_limit(transaction))}
        returned = _bytes(self.rpc("eth_call", limited, "pending"))
        sent = self._submit(limited, sender)
        raw = self._await(sent)
        if int(raw["status"], 16) == 0:
            self.rpc("eth_call", limited, "latest")  # raises the reason, unless another transaction came between
            raise Reverted(detail=f"transaction {sent} failed")
        logs = [
            Log(checksum(log["address"]), [_bytes(topic) for topic in log["topics"]], _bytes(log["data"]))
            for log in raw["logs"]
        ]
        block = raw["blockNumber"]
        timestamp = int(self._header(block)["timestamp"], 16)
        return Receipt(int(raw["gasUsed"], 16), timestamp, int(block, 16), logs, hash=sent), raw, returned

    def _await(self, sent: str) -> Any:
        """The raw receipt, once the transaction is mined."""
        pause, deadline = 0.002, monotonic() + RECEIPT_SECONDS
        while (raw := self.rpc("eth_getTransactionReceipt", sent)) is None:
            if monotonic() > deadline:
                raise NodeError(f"the node at {self.url} has not mined {sent} in {RECEIPT_SECONDS} s")
            sleep(pause)
            pause = min(2 * pause, 1.0)
        return raw

    def _gas_limit(self, transaction: dict[str, str]) -> int:
        """An estimate would be too tight: it does not see calls that may fail and are caught."""
        return TRANSACTION_GAS

    def _submit(self, transaction: dict[str, str], sender: Sender) -> str:
        return str(self.rpc("eth_sendTransaction", transaction))


def _transaction(to: str, data: bytes, sender: Sender, value: int) -> dict[str, str]:
    return {"from": address_of(sender), "to": to, "data": "0x" + data.hex(), "value": hex(value)}


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _refusal(url: str, method: str, error: Any) -> Exception:
    """A contract's refusal, or the node's."""
    data, message = error.get("data"), str(error.get("message", error))
    if isinstance(data, dict):
        data = data.get("data")
    if isinstance(data, str) and data.startswith("0x"):
        return Reverted(revert_reason(_bytes(data)), message)
    if any(sign in message.lower() for sign in ("revert", "out of gas", "evm error")):
        return Reverted(detail=message)
    return NodeError(f"the node at {url} refused {method}: {message}")
