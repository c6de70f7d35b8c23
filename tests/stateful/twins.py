"""The contracts and the model of them: one action goes to both, and both must end alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import asdict, is_dataclass
from typing import Any

from ballast import params as params_
from ballast.chain import Contract, Receipt, Reverted
from ballast.chain.revm import RevmChain
from ballast.deploy import Protocol
from ballast.model.errors import Rejected
from ballast.model.exchange import MIN_DELAY, Filled, Leg
from ballast.model.market import Market
from ballast.model.oracle import Feed, Told
from ballast.model.policy import Policy
from ballast.model.shares import POOL
from ballast.model.system import System
from ballast.params import WAD, Params, SecondFeedParams, SequencerParams

TRADERS = 3
ACCOUNTS_EACH = 2
FIRST = 7  # the pool, insurance and the credit pool have those before
ACCOUNTS = range(FIRST, FIRST + TRADERS * ACCOUNTS_EACH)
CONSPIRATORS = (FIRST + TRADERS * ACCOUNTS_EACH, FIRST + TRADERS * ACCOUNTS_EACH + 1)  # of one more trader
GUARDED = ("ETH", "SOL")  # markets with a second feed
CASH = 50_000 * WAD
METER = 100 * WAD  # a day
ROOM = 30_000 * WAD  # left in the pool below its cap
DELAY = 3_600  # [s] of the timelock
GRACE = 600  # [s] of the sequencer
UNLIMITED = 2**256 - 1
START = 1_700_000_000
PORTFOLIOS = (  # account, market, notional [USD], leverage: what every history starts with
    (7, 1, 60_000, 9),
    (7, 2, 40_000, 5),
    (7, 3, -20_000, 4),
    (8, 2, 90_000, 9),
    (8, 1, -80_000, 8),
    (9, 1, 30_000, 3),
    (9, 2, 30_000, 7),
    (9, 3, 30_000, 6),
    (9, 4, -30_000, 6),
    (10, 2, 50_000, 9),
    (11, 3, -40_000, 6),
    (11, 4, 40_000, 6),
    (12, 1, 60_000, 3),
    (12, 2, -60_000, 3),
)


class Twins:
    """A deployed protocol that its timelock owns, its model, and accounts; senders are the same strings in both."""

    def __init__(self) -> None:
        self.chain = RevmChain(START)
        chain_accounts = [str(account) for account in self.chain.accounts]
        self.owner, self.keeper, self.stranger, self.operator, self.guardian = chain_accounts[:5]
        self.traders = chain_accounts[5 : 5 + TRADERS]
        self.conspirator = chain_accounts[5 + TRADERS]
        self.params = _prepared(params_.load(), self.guardian)
        self.protocol = Protocol.deploy(self.chain, self.params, self.owner)
        self.protocol.hand_over(self.owner)
        self.names = dict(self.protocol.market_names)
        self.model = System.deploy(self.params, int(self.protocol.token.decimals()), {}, self.chain.timestamp)
        self.model.vault.guardian = self.guardian
        self.seen: Counter[str] = Counter()  # events and reasons, over all histories
        self.chain.advance(GRACE)
        for trader in self.traders:
            for _ in range(ACCOUNTS_EACH):
                self._open(trader)
            self._endow(trader)
        for _ in CONSPIRATORS:
            self._open(self.conspirator)
        for account in (FIRST, FIRST + 2):
            self._name_operator(account)
        for account, market, notional, leverage in PORTFOLIOS:
            self._trade(account, market, notional, leverage)

    @property
    def now(self) -> int:
        return self.chain.timestamp

    @property
    def accounts(self) -> list[int]:
        return [*ACCOUNTS, *CONSPIRATORS]

    @property
    def holders(self) -> dict[Any, str]:
        """Whoever may hold shares of the pool: the model's name, the chain's address."""
        people = (self.owner, self.stranger, self.operator, *self.traders)
        return {"owner": self.owner, POOL: self.protocol.pool.address, **{each: each for each in people[1:]}}

    def publish(self, feed: Feed, market: int, answer: int) -> int:
        """A round now, of the second feed too where there is one; the first's round id."""
        name = self.names[market]
        if feed.config.second_max_age:
            self.publish_second(feed, name, answer)
        self.protocol.aggregators[name].publish(answer, sender=self.owner)
        return feed.publish(answer, self.now)

    def publish_second(self, feed: Feed, name: str, answer: int) -> None:
        """A round of the second feed now."""
        self.protocol.second_aggregators[name].publish(answer, sender=self.owner)
        id_ = feed.second.id + 1 if feed.second else 1
        feed.second = Told(id_, answer, self.now, self.now, id_)

    def _open(self, trader: str) -> None:
        self.protocol.vault.open_account(trader, sender=trader)
        account = self.model.vault.open_account(trader)
        self.protocol.token.approve(self.protocol.vault.address, UNLIMITED, sender=trader)
        amount = self.protocol.mint(trader, 1_000 * CASH, self.owner)
        self.protocol.vault.deposit(account, self.protocol.token.address, amount // 1_000, sender=trader)
        self.model.vault.deposit(account, amount // 1_000)
        if trader == self.conspirator:
            return
        policy = self.params.policy.model_dump()
        self.protocol.rebalancer.set_policy(account, policy, sender=trader)
        self.model.rebalancer.set_policy(trader, account, self.model_policy(policy), now=self.now)

    def _name_operator(self, account: int) -> None:
        """With every right, for a month."""
        owner, until = self.model.vault.accounts[account].owner, self.now + 30 * 86_400
        self.protocol.vault.set_operator(account, self.operator, 7, until, sender=owner)
        self.model.vault.set_operator(owner, account, self.operator, 7, until)

    def _endow(self, trader: str) -> None:
        """Tokens in the wallet, and nothing that needs an approval."""
        self.protocol.token.approve(self.protocol.pool.address, UNLIMITED, sender=trader)
        for name, token in self.protocol.collateral.items():
            self.protocol.mint(trader, 10**6 * WAD, self.owner, name)
            token.approve(self.protocol.vault.address, UNLIMITED, sender=trader)

    def _trade(self, account: int, market: int, notional: int, leverage: int) -> None:
        """Open a book at the present price."""
        feed, holder = self.model.markets[market].feed, self.model.vault.accounts[account].owner
        answer = feed.aggregators[-1][-1].answer
        price = answer * 10 ** (18 - feed.decimals)
        size, limit = notional * WAD * WAD // price, 2 * price if notional > 0 else 0
        legs = [Leg(market, size, limit, margin=abs(notional) * WAD // leverage)]
        commit = self.protocol.exchange.commit(account, legs, False, sender=holder)
        id_ = self.model.exchange.commit(holder, account, legs, now=self.now)
        assert commit.event("OrderCommitted").order == id_
        self.chain.advance(MIN_DELAY)
        round_ = self.publish(feed, market, answer)
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
            self.seen[reason] += 1
        else:
            raise AssertionError(f"not refused: expected {reason!r}")

    def fresh_model(self) -> System:
        """A copy of the model as it stood when the accounts had been opened."""
        return deepcopy(self.model)

    # Comparison

    def differences(self, model: System) -> list[str]:
        """Every stored figure in which chain and model differ."""
        pairs = [*self._vault(model), *self._collateral(model), *self._shares(model)]
        for id_, name in self.names.items():
            pairs += self._market(model.markets[id_], name)
        return [f"{what}: chain {chain}, model {other}" for what, chain, other in pairs if not _same(chain, other)]

    def _vault(self, model: System) -> Iterator[tuple[str, Any, Any]]:
        vault, other = self.protocol.vault, model.vault
        for account in [*range(1, FIRST), *self.accounts]:
            yield f"treasury {account}", vault.treasury(account)._asdict(), _fields(other.treasury(account))
        for account in ACCOUNTS:
            yield f"owner {account}", vault.owner_of(account), other.accounts[account].owner
        for claimant in (self.keeper, *self.traders):
            yield f"claimable {claimant}", vault.claimable(claimant), other.claimable.get(claimant, 0)
        yield "revenue", vault.protocol_revenue(), other.protocol_revenue
        yield "insurance due", vault.insurance_due(), other.insurance_due
        yield "guardian", vault.guardian(), other.guardian
        for id_ in self.names:
            yield f"balance {id_}", vault.market(id_)[1], other.markets[id_].balance

    def _collateral(self, model: System) -> Iterator[tuple[str, Any, Any]]:
        vault = self.protocol.vault
        for index, (name, held) in enumerate(zip(self.protocol.collateral, model.vault.collateral, strict=True)):
            token = vault.collateral(index)
            yield f"total {name}", (token.cap, token.total), (held.cap, held.total)
        for account in ACCOUNTS:
            if not any(model.vault.collateral_of(account)):
                continue
            yield f"collateral {account}", vault.collateral_of(account), list(model.vault.collateral_of(account))
            credit = model.collateral_model.credit(account, now=self.now)
            yield f"credit {account}", tuple(self.protocol.collateral_model.credit(account)), credit

    def _shares(self, model: System) -> Iterator[tuple[str, Any, Any]]:
        pool, shares = self.protocol.pool, model.shares
        yield "supply", pool.totalSupply(), shares.supply
        yield "requests", pool.request_count(), len(shares.requests)
        for name, address in self.holders.items():
            yield f"shares of {name}", pool.balanceOf(address), shares.balances.get(name, 0)
        for trader in self.traders:
            entries, exits = shares.line(trader, False), shares.line(trader, True)
            yield f"entries of {trader}", (pool.maxDeposit(trader), pool.maxMint(trader)), (entries.left, entries.owed)
            yield f"exits of {trader}", (pool.maxRedeem(trader), pool.maxWithdraw(trader)), (exits.left, exits.owed)
        yield "net assets", _told(pool.net_assets), _answered(lambda: _fields(shares.net_assets(self.now)))

    def _market(self, model: Market, name: str) -> Iterator[tuple[str, Any, Any]]:
        market = self.protocol.markets[name]
        for account in [1, *self.accounts]:
            yield f"{name} book {account}", market.book(account)._asdict(), _fields(model.book(account))
        yield f"{name} skew", market.skew(), model.skew
        yield f"{name} open interest", market.open_interest(), model.open_interest
        yield f"{name} state", market.state(), model.state
        oracle: Contract = self.protocol.oracle
        quote = _told(lambda: oracle.quote(model.id))
        yield f"{name} quote", quote, _answered(lambda: _fields(model.feed.quote(self.now)))


def _prepared(params: Params, guardian: str) -> Params:
    """Meters and caps so small that they are felt, second feeds for some, a sequencer, a short delay."""
    second = SecondFeedParams(mock=True, decimals=8, max_age=3_900, max_deviation=WAD // 50)
    markets = {
        name: market.model_copy(
            update={
                "meter": METER,
                "feed": market.feed.model_copy(update={"second": second if name in GUARDED else None}),
            }
        )
        for name, market in params.markets.items()
    }
    collateral = {
        name: token.model_copy(update={"cap": token.cap // 1_000}) for name, token in params.collateral.items()
    }
    return params.model_copy(
        update={
            "markets": markets,
            "collateral": collateral,
            "pool": params.pool.model_copy(update={"max_assets": params.pool.funding + ROOM}),
            "oracle": params.oracle.model_copy(update={"sequencer": SequencerParams(mock=True, grace=GRACE)}),
            "governance": params.governance.model_copy(update={"delay": DELAY, "guardian": guardian}),
        }
    )


def _told(getter: Callable[[], Any]) -> Any:
    """What a view answers, or its reason."""
    try:
        return dict(getter()._asdict())
    except Reverted as failure:
        return failure.reason


def _answered(getter: Callable[[], Any]) -> Any:
    """What the model answers, or its reason."""
    try:
        return getter()
    except Rejected as failure:
        return failure.reason


def _fields(record: Any) -> dict[str, Any]:
    assert is_dataclass(record) and not isinstance(record, type)
    plain = asdict(record)
    if "books" in plain and hasattr(record, "slots"):
        plain.pop("books")
        plain["slots"] = record.slots
    return plain


def _same(chain: Any, model: Any) -> bool:
    """Equal in every field that both have."""
    if isinstance(chain, dict) and isinstance(model, dict):
        return all(chain[key] == model[key] for key in chain if key in model)
    return bool(chain == model)
