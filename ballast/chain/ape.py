"""Whatever network Ape is connected to, with Ape's accounts as signers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ape import accounts, networks
from ape.api import AccountAPI, ProviderAPI
from ape.exceptions import ContractLogicError, ProviderError, TransactionError

from ballast.chain.base import NodeError, Reverted, Sender
from ballast.chain.web3 import Web3Chain

BLOCK_GAS = 30_000_000


class ApeChain(Web3Chain):
    """Reads go straight to the provider's node; transactions are signed and sent by Ape."""

    def __init__(self, provider: ProviderAPI | None = None) -> None:
        self._ape = provider or networks.active_provider
        if self._ape is None:
            raise NodeError("Ape is not connected to a network: pass --network")
        node = self._ape.web3.provider
        self._connect(node, str(getattr(node, "endpoint_uri", self._ape.name)))

    @property
    def accounts(self) -> Sequence[Sender]:
        return list(accounts.test_accounts)

    @property
    def network(self) -> str:
        """Ape's name of the network, such as `ethereum:mainnet-fork:foundry`."""
        return str(self._ape.network_choice)

    def _gas_limit(self, transaction: dict[str, str]) -> int:
        if self._ape.network.is_dev:
            return super()._gas_limit(transaction)
        estimate = int(self.rpc("eth_estimateGas", transaction), 16)
        return min(estimate * 3 // 2 + 200_000, BLOCK_GAS)

    def _submit(self, transaction: dict[str, str], sender: Sender) -> str:
        signer = sender if isinstance(sender, AccountAPI) else accounts[str(getattr(sender, "address", sender))]
        fields: dict[str, Any] = {
            "sender": signer.address,
            "data": bytes.fromhex(transaction["data"][2:]),
            "value": int(transaction.get("value", "0x0"), 16),
            "gas_limit": int(transaction["gas"], 16),
            "chain_id": self.chain_id,
        }
        if "to" in transaction:
            fields["receiver"] = transaction["to"]
        try:
            receipt = signer.call(self._ape.network.ecosystem.create_transaction(**fields))
        except ContractLogicError as error:
            reason = error.revert_message
            raise Reverted("" if reason == TransactionError.DEFAULT_MESSAGE else reason) from None
        except ProviderError as error:
            raise NodeError(f"{self.network}: {error}") from None
        return str(receipt.txn_hash)
