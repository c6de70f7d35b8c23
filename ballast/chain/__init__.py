"""One small surface over every EVM the protocol runs on.

`RevmChain` is in-process (tests, fuzzing), `Web3Chain` is any JSON-RPC node with unlocked accounts (Anvil), `ApeChain`
is whatever network Ape is connected to, with Ape's accounts as signers. Code above this package never knows which.
"""

from __future__ import annotations

from ballast.chain.base import Chain, Contract, Event, Method, NodeError, Receipt, Reverted, Sender, address_of

__all__ = ["Chain", "Contract", "Event", "Method", "NodeError", "Receipt", "Reverted", "Sender", "address_of"]
