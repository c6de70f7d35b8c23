"""What the vault holds against what it owes, asked after every transaction that could have changed either."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from ballast.chain import Contract, Receipt, Sender, address_of
from ballast.chain.web3 import Web3Chain

MAX_TIP = 2 * 10**9  # [wei] a unit of gas

Watch = Callable[[str, bytes, str, Receipt], None]  # to, calldata, sender, receipt


class NodeBeside:
    """A node on this machine, asked a hundred thousand times over one connection: an HTTP library would do more work a
    question than the node."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = HTTPConnection(parts.hostname or "", parts.port, timeout=60)

    def make_request(self, method: str, params: list[Any]) -> Any:
        """The node's answer, as it is."""
        question = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        try:
            self._connection.request("POST", "/", question, {"Content-Type": "application/json"})
            return json.loads(self._connection.getresponse().read())
        except HTTPException as failure:
            raise ConnectionError(failure) from None


class WatchedChain(Web3Chain):
    """Whoever watches has his turn after each transaction, before anything else happens."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.watch: Watch = lambda *_: None

    def _connect(self, provider: Any, url: str) -> None:
        super()._connect(NodeBeside(url), url)

    def send(self, to: str, data: bytes, *, sender: Sender, **kwargs: Any) -> tuple[Receipt, bytes]:
        receipt, returned = super().send(to, data, sender=sender, **kwargs)
        self.watch(to, data, address_of(sender), receipt)
        return receipt, returned

    def gas_price(self, receipt: Receipt) -> int:
        """What the transaction paid, its tip at most that of a keeper's reward [wei]."""
        base_fee = int(self.rpc("eth_getBlockByNumber", hex(receipt.block), False)["baseFeePerGas"], 16)
        paid = int(self.rpc("eth_getTransactionReceipt", receipt.hash)["effectiveGasPrice"], 16)
        return min(max(paid, base_fee), base_fee + MAX_TIP)


@dataclass
class Audit:
    """SOL-1, over a whole run: for every token, custody covers what is owed. Rounds of the feeds move no money and are
    not counted."""

    auditor: Contract  # `contracts/mocks/Auditor.vy`
    claimants: Sequence[str]
    blocks: int = 0
    short_wei: int = 0  # most that custody ever fell short by, over all tokens [wad]

    def look(self) -> None:
        """Compare, token by token."""
        self.blocks += 1
        for balance in self.auditor.balances(self.claimants):
            self.short_wei = max(self.short_wei, balance.owed - balance.held)
