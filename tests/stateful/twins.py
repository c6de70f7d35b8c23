"""The contracts and the model of them: one action goes to both, and both must end alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, is_dataclass
from typing import Any

from ballast import params as params_
from ballast.chain import Receipt, Reverted
from ballast.chain.revm import RevmChain
from ballast.deploy import Protocol
from ballast.model.errors import Rejected
from ballast.model.exchange import MIN_DELAY, Filled, Leg
from ballast.model.market import Market
from ballast.model.policy import Policy
from ballast.model.system import System
from ballast.model.vault import Vault
from ballast.params import WAD, Params

TRADERS = 3
ACCOUNTS_EACH = 2
CASH = 50_000 * WAD
METER = 100 * WAD  # a day
UNLIMITED = 2**256 - 1
START = 1_700_000_000
PORTFOLIOS = (  # which account, market, notional [USD], leverage: what every history starts with
    (0, 1, 60_000, 9),
    (0, 2, 40_000, 5),
    (0, 3, -20_000, 4),
    (1, 2, 90_000, 9),
    (1, 1, -80_000, 8),
    (2, 1, 30_000, 3),
    (2, 2, 30_000, 7),
    (2, 3, 30_000, 6),
    (2, 4, -30_000, 6),
    (3, 2, 50_000, 9),
    (4, 3, -40_000, 6),
    (4, 4, 40_000, 6),
    (5, 1, 60_000, 3),
    (5, 2, -60_000, 3),
)


class Twins:
    """A deployed protocol, its model, and accounts with cash; senders are the same strings in both."""

    def __init__(self) -> None:
        self.params = _with_small_meters(params_.load())
        self.chain = RevmChain(START)
        chain_accounts = [str(account) for account in self.chain.accounts]
        self.owner, self.keeper, self.stranger, self.operator = chain_accounts[:4]
        self.traders = chain_accounts[4 : 4 + TRADERS]
        self.protocol = Protocol.deploy(self.chain, self.params, self.owner)
        self.names = dict(self.protocol.market_names)
        feeds = {id_: int(self.protocol.oracle.last_round(id_)[1]) for id_ in self.names}
        self.model = System.deploy(self.params, int(self.protocol.token.decimals()), feeds, self.chain.timestamp)
        self.holders: dict[int, str] = {}
        self.seen: Counter[str] = Counter()  # events and reasons, over all histories
        for trader in self.traders:
            for _ in range(ACCOUNTS_EACH):
                self._open(trader)
        for which, market, notional, leverage in PORTFOLIOS:
            self._trade(self.accounts[which], market, notional, leverage)

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

    def _trade(self, account: int, market: int, notional: int, leverage: int) -> None:
        """Open a book at the present price."""
        feed, holder = self.model.markets[market].feed, self.holders[account]
        answer = feed.aggregators[-1][-1].answer
        price = answer * 10 ** (18 - feed.decimals)
        size, limit = notional * WAD * WAD // price, 2 * price if notional > 0 else 0
        legs = [Leg(market, size, limit, margin=abs(notional) * WAD // leverage)]
        commit = self.protocol.exchange.commit(account, legs, False, sender=holder)
        id_ = self.model.exchange.commit(holder, account, legs, now=self.now)
        assert commit.event("OrderCommitted").order == id_
        self.chain.advance(MIN_DELAY)
        round_ = self.protocol.publish(self.names[market], price, self.owner)
        feed.publish(answer, self.now)
        receipt = self.protocol.exchange.execute(id_, [round_], sender=self.keeper)
        outcome = self.model.exchange.execute(self.keeper, id_, [round_], now=self.now)
        assert receipt.named("OrderFilled") and isinstance(outcome, Filled), (receipt.events, outcome)

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
        self.seen.update([refused] if receipt is None else [event.name for event in receipt.events])
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


def _with_small_meters(params: Params) -> Params:
    """Meters so small that profits are locked."""
    markets = {name: market.model_copy(update={"meter": METER}) for name, market in params.markets.items()}
    return params.model_copy(update={"markets": markets})


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
