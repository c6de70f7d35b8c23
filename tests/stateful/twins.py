"""The contracts and the model of them: one action goes to both, and both must end alike."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, is_dataclass
from typing import Any

from ballast.model.rebalancer import Policy

from ballast import params as params_
from ballast.chain import Receipt, Reverted
from ballast.chain.revm import RevmChain
from ballast.deploy import Protocol
from ballast.model.errors import Rejected
from ballast.model.market import Market
from ballast.model.system import System
from ballast.model.vault import Vault
from ballast.params import WAD

TRADERS = 3
ACCOUNTS_EACH = 2
CASH = 50_000 * WAD
UNLIMITED = 2**256 - 1
START = 1_700_000_000


class Twins:
    """A deployed protocol, its model, and accounts with cash; senders are the same strings in both."""

    def __init__(self) -> None:
        self.params = params_.load()
        self.chain = RevmChain(START)
        chain_accounts = [str(account) for account in self.chain.accounts]
        self.owner, self.keeper, self.stranger, self.operator = chain_accounts[:4]
        self.traders = chain_accounts[4 : 4 + TRADERS]
        self.protocol = Protocol.deploy(self.chain, self.params, self.owner)
        self.names = dict(self.protocol.market_names)
        feeds = {id_: int(self.protocol.oracle.last_round(id_)[1]) for id_ in self.names}
        self.model = System.deploy(self.params, int(self.protocol.token.decimals()), feeds, self.chain.timestamp)
        self.holders: dict[int, str] = {}
        for trader in self.traders:
            for _ in range(ACCOUNTS_EACH):
                self._open(trader)

    @property
    def now(self) -> int:
        return self.chain.timestamp

    @property
    def accounts(self) -> list[int]:
        return list(self.holders)

    def _open(self, trader: str) -> None:
        self.protocol.vault.open_account(trader, sender=trader)
        account = self.model.vault.open_account(trader)
        self.holders[account] = trader
        self.protocol.token.approve(self.protocol.vault.address, UNLIMITED, sender=trader)
        amount = self.protocol.mint(trader, 1_000 * CASH, self.owner)
        self.protocol.vault.deposit(account, self.protocol.token.address, amount // 1_000, sender=trader)
        self.model.vault.deposit(account, amount // 1_000)
        policy = self.params.policy.model_dump()
        self.protocol.rebalancer.set_policy(account, policy, sender=trader)
        self.model.rebalancer.set_policy(trader, account, self.model_policy(policy), now=self.now)

    def model_policy(self, policy: dict[str, Any]) -> Policy:
        """The model's form of a policy."""
        return Policy(**policy)

    def both(self, chain: Callable[[], Receipt], model: Callable[[], Any]) -> tuple[Receipt | None, Any]:
        """Do it in both; both succeed, or both refuse with the same reason."""
        refused = reverted = None
        receipt = result = None
        try:
            receipt = chain()
        except Reverted as failure:
            reverted = failure.reason or failure.detail or "?"
        try:
            result = model()
        except Rejected as failure:
            refused = failure.reason
        assert (reverted is None) == (refused is None), f"chain: {reverted or 'done'}, model: {refused or 'done'}"
        assert reverted == refused, f"chain: {reverted}, model: {refused}"
        return receipt, result

    def refused(self, attempt: Callable[[], Any], reason: str) -> None:
        """The chain refuses, with that reason."""
        try:
            attempt()
        except Reverted as failure:
            assert failure.reason == reason, f"refused with {failure.reason!r}, expected {reason!r}"
        else:
            raise AssertionError(f"not refused: expected {reason!r}")

    def fresh_model(self) -> System:
        """A copy of the model as it stood when the accounts had been opened."""
        return deepcopy(self.model)

    # Comparison

    def differences(self, model: System) -> list[str]:
        """Every stored figure in which chain and model differ."""
        found: list[str] = []
        self._compare_vault(model.vault, found)
        for id_, name in self.names.items():
            self._compare_market(model.markets[id_], name, found)
        return found

    def _compare_vault(self, model: Vault, found: list[str]) -> None:
        vault = self.protocol.vault
        for account in [self.protocol.pool_account, *self.accounts]:
            _compare(f"treasury {account}", vault.treasury(account)._asdict(), _fields(model.treasury(account)), found)
        for claimant in (self.keeper, *self.traders):
            _compare(f"claimable {claimant}", vault.claimable(claimant), model.claimable.get(claimant, 0), found)
        _compare("revenue", vault.protocol_revenue(), model.protocol_revenue, found)
        for id_ in self.names:
            _compare(f"balance {id_}", vault.market(id_)[1], model.markets[id_].balance, found)

    def _compare_market(self, model: Market, name: str, found: list[str]) -> None:
        market = self.protocol.markets[name]
        for account in [self.protocol.pool_account, *self.accounts]:
            _compare(f"{name} book {account}", market.book(account)._asdict(), _fields(model.book(account)), found)
        _compare(f"{name} skew", market.skew(), model.skew, found)
        _compare(f"{name} open interest", market.open_interest(), model.open_interest, found)
        quote = self._chain_quote(model.id)
        try:
            _compare(f"{name} quote", quote, _fields(model.feed.quote(self.now)), found)
        except Rejected as failure:
            _compare(f"{name} quote", quote, failure.reason, found)

    def _chain_quote(self, id_: int) -> dict[str, Any] | str:
        """The oracle's quote, or its reason for none."""
        try:
            return dict(self.protocol.oracle.quote(id_)._asdict())
        except Reverted as failure:
            return failure.reason


def _fields(record: Any) -> dict[str, Any]:
    assert is_dataclass(record) and not isinstance(record, type)
    plain = asdict(record)
    if "books" in plain and hasattr(record, "slots"):
        plain.pop("books")
        plain["slots"] = record.slots
    return plain


def _compare(what: str, chain: Any, model: Any, found: list[str]) -> None:
    if isinstance(chain, dict) and isinstance(model, dict):
        chain = {key: chain[key] for key in chain if key in model}
        model = {key: model[key] for key in chain}
    if chain != model:
        found.append(f"{what}: chain {chain}, model {model}")
