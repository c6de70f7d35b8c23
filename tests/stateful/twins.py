"""The contracts and the model of them: one action goes to both, and both must end alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import is_dataclass
from typing import Any

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
from tests.support import round_params

TRADERS = 3
ACCOUNTS_EACH = 2
FIRST = 7  # the pool, insurance and the credit pool have those before
ACCOUNTS = range(FIRST, FIRST + TRADERS * ACCOUNTS_EACH)
CONSPIRATORS = (FIRST + TRADERS * ACCOUNTS_EACH, FIRST + TRADERS * ACCOUNTS_EACH + 1)  # of one more trader
BIDDER = CONSPIRATORS[-1] + 1
GUARDED = ("ETH", "SOL")  # markets with a second feed
CASH = 50_000 * WAD
METER = 100 * WAD  # a day
DRAW_CAP = 3_000 * WAD  # a day
LENT, INSURED, BIDS = 200_000, 10_000, 400_000  # [USD] what there is to begin with
FUNDING = 600_000 * WAD  # of the pool, which can fail, too
ROOM = 30_000 * WAD  # left in it below its cap
DELAY = 3_600  # [s] of the timelock
GRACE = 600  # [s] of the sequencer
UNLIMITED = 2**256 - 1
START = 1_700_000_000
PORTFOLIOS = (  # account, market, notional [USD], leverage: what every history starts with; one account has no book
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
    (10, 3, -40_000, 6),
    (10, 4, 40_000, 6),
    (12, 1, 60_000, 3),
    (12, 2, -60_000, 3),
)


class Watched:
    """The views of a contract that are asked after every step: what is asked is encoded once, and what comes back is
    decoded where it differs from last time."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract

    def __getattr__(self, name: str) -> Callable[..., Any]:
        contract, method = self._contract, getattr(self._contract, name)
        known: dict[tuple[Any, ...], tuple[bytes, bytes, Any]] = {}

        def ask(*args: Any) -> Any:
            data, before, answer = known.get(args) or (method.encode(*args), None, None)
            returned = contract.chain.call(contract.address, data, static=True)
            if returned != before:
                answer = method.decode(returned)
                known[args] = data, returned, answer
            return answer

        self.__dict__[name] = ask
        return ask


class Twins:
    """A deployed protocol that its timelock owns, its model, and accounts; senders are the same strings in both."""

    def __init__(self) -> None:
        self.chain = RevmChain(START)
        chain_accounts = [str(account) for account in self.chain.accounts]
        self.owner, self.keeper, self.stranger, self.operator, self.guardian = chain_accounts[:5]
        self.traders = chain_accounts[5 : 5 + TRADERS]
        self.conspirator, self.bidder = chain_accounts[5 + TRADERS : 7 + TRADERS]
        self.params = _prepared(round_params(), self.guardian)
        self.protocol = Protocol.deploy(self.chain, self.params, self.owner)
        self.protocol.hand_over(self.owner)
        self.names = dict(self.protocol.market_names)
        self.model = System.deploy(self.params, int(self.protocol.token.decimals()), {}, self.chain.timestamp)
        self.model.vault.guardian = self.guardian
        self.seen: Counter[str] = Counter()  # events and reasons, over all histories
        self._watched: dict[Contract, Watched] = {}
        self.chain.advance(GRACE)
        for trader in self.traders:
            for _ in range(ACCOUNTS_EACH):
                self._open(trader)
            self._endow(trader)
        for _ in CONSPIRATORS:
            self._open(self.conspirator)
        self._open(self.bidder)
        self._invest()
        for account in (FIRST, FIRST + 2):
            self._name_operator(account)
        for account, market, notional, leverage in PORTFOLIOS:
            self._trade(account, market, notional, leverage)

    @property
    def now(self) -> int:
        return self.chain.timestamp

    @property
    def accounts(self) -> list[int]:
        return [*ACCOUNTS, *CONSPIRATORS, BIDDER]

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
        if trader in (self.conspirator, self.bidder):
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
        for taker in (self.protocol.pool, self.protocol.credit_pool, self.protocol.insurance_fund):
            self.protocol.token.approve(taker.address, UNLIMITED, sender=trader)
        for name, token in self.protocol.collateral.items():
            self.protocol.mint(trader, 10**6 * WAD, self.owner, name)
            token.approve(self.protocol.vault.address, UNLIMITED, sender=trader)

    def _invest(self) -> None:
        """A lender, an insurer, and the liquidator's cash."""
        lender, insurer, scale = self.traders[0], self.traders[1], self.model.vault.scale
        lent, insured, bids = (dollars * WAD // scale for dollars in (LENT, INSURED, BIDS))
        self.protocol.credit_pool.deposit(lent, lender, sender=lender)
        self.model.credit.deposit(lent, lender, now=self.now)
        self.protocol.insurance_fund.deposit(insured, insurer, sender=insurer)
        self.model.insurance.deposit(insured, insurer)
        self.protocol.vault.deposit(BIDDER, self.protocol.token.address, bids, sender=self.bidder)
        self.model.vault.deposit(BIDDER, bids)

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

    def watched(self, contract: Contract) -> Watched:
        """The views of a contract."""
        return self._watched.setdefault(contract, Watched(contract))

    def differences(self, model: System) -> list[str]:
        """Every stored figure in which chain and model differ."""
        pairs = [*self._vault(model), *self._collateral(model), *self._shares(model)]
        pairs += [*self._credit(model), *self._insurance(model), *self._liquidation(model)]
        for id_, name in self.names.items():
            pairs += self._market(model.markets[id_], name)
        return [f"{what}: chain {chain}, model {other}" for what, chain, other in pairs if not _same(chain, other)]

    def _vault(self, model: System) -> Iterator[tuple[str, Any, Any]]:
        vault, other = self.watched(self.protocol.vault), model.vault
        for account in [*range(1, FIRST), *self.accounts]:
            yield f"treasury {account}", vault.treasury(account), other.treasury(account, self.now)
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
        vault, rules = self.watched(self.protocol.vault), self.watched(self.protocol.collateral_model)
        for index, (name, held) in enumerate(zip(self.protocol.collateral, model.vault.collateral, strict=True)):
            token = vault.collateral(index)
            yield f"total {name}", (token.cap, token.total), (held.cap, held.total)
        for account in ACCOUNTS:
            if not any(model.vault.collateral_of(account)):
                continue
            yield f"collateral {account}", vault.collateral_of(account), list(model.vault.collateral_of(account))
            credit = model.collateral_model.credit(account, now=self.now)
            yield f"credit {account}", tuple(rules.credit(account)), credit

    def _shares(self, model: System) -> Iterator[tuple[str, Any, Any]]:
        pool, shares = self.watched(self.protocol.pool), model.shares
        yield "supply", pool.totalSupply(), shares.supply
        yield "requests", pool.request_count(), len(shares.requests)
        for name, address in self.holders.items():
            yield f"shares of {name}", pool.balanceOf(address), shares.balances.get(name, 0)
        for trader in self.traders:
            entries, exits = shares.line(trader, False), shares.line(trader, True)
            yield f"entries of {trader}", (pool.maxDeposit(trader), pool.maxMint(trader)), (entries.left, entries.owed)
            yield f"exits of {trader}", (pool.maxRedeem(trader), pool.maxWithdraw(trader)), (exits.left, exits.owed)
        yield "net assets", _told(pool.net_assets), _answered(lambda: shares.net_assets(self.now))

    def _credit(self, model: System) -> Iterator[tuple[str, Any, Any]]:
        pool, other, now = self.watched(self.protocol.credit_pool), model.credit, self.now
        debt = other.accrued(now)
        mine = (pool.debt_index(), pool.debt_shares(), pool.total_debt(), pool.reserve(), pool.borrow_rate())
        yield "debt", mine, (debt.index, debt.shares, debt.worth, debt.reserve, other.debt.rate)
        mine = (pool.net_assets(), pool.totalSupply(), pool.available(), pool.queued_shares())
        yield "lent", mine, (other.net_assets(now), other.supply, other.available(now), other.queued_shares)
        for trader in self.traders:
            yield f"lender {trader}", pool.balanceOf(trader), other.balances.get(trader, 0)
            yield f"leaving {trader}", pool.claimable(trader), other.claimable.get(trader, 0)

    def _insurance(self, model: System) -> Iterator[tuple[str, Any, Any]]:
        fund, other, now = self.watched(self.protocol.insurance_fund), model.insurance, self.now
        yield "insured", (fund.net_assets(), fund.totalSupply()), (other.net_assets, other.supply)
        for trader in self.traders:
            yield f"insurer {trader}", fund.balanceOf(trader), other.balances.get(trader, 0)
            yield f"notice {trader}", fund.exit_of(trader), other.exit_of(trader)
        for id_ in (0, *self.names):
            yield f"drawable {id_}", fund.drawable(id_), other.drawable(id_, now)

    def _liquidation(self, model: System) -> Iterator[tuple[str, Any, Any]]:
        deficits, other = self.watched(self.protocol.deficits), model.deficits
        mine = (deficits.insolvencies(), deficits.insolvent_debts())
        yield "insolvencies", mine, (other.insolvencies, other.insolvent_debts)

    def _market(self, model: Market, name: str) -> Iterator[tuple[str, Any, Any]]:
        market, oracle = self.watched(self.protocol.markets[name]), self.watched(self.protocol.oracle)
        for account in [1, *self.accounts]:
            yield f"{name} book {account}", market.book(account), model.book(account)
        yield f"{name} skew", market.skew(), model.skew
        yield f"{name} open interest", market.open_interest(), model.open_interest
        yield f"{name} state", market.state(), model.state
        yield f"{name} clock", market.clock(), model.clock(self.now)
        yield f"{name} silence", oracle.silence(model.id), model.feed.silence(self.now)
        quote = _told(lambda: oracle.quote(model.id))
        yield f"{name} quote", quote, _answered(lambda: model.feed.quote(self.now))


def _prepared(params: Params, guardian: str) -> Params:
    """Meters and caps so small that they are felt, second feeds for some, a sequencer, a short delay."""
    second = SecondFeedParams(mock=True, decimals=8, max_age=3_900, max_deviation=WAD // 50)
    markets = {
        name: market.model_copy(
            update={
                "meter": METER,
                "draw_cap": DRAW_CAP,
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
            "credit": params.credit.model_copy(update={"max_assets": 400_000 * WAD, "max_debt": 250_000 * WAD}),
            "insurance": params.insurance.model_copy(update={"treasury_cap": DRAW_CAP // 10}),
            "pool": params.pool.model_copy(update={"funding": FUNDING, "max_assets": FUNDING + ROOM}),
            "oracle": params.oracle.model_copy(update={"sequencer": SequencerParams(mock=True, grace=GRACE)}),
            "governance": params.governance.model_copy(update={"delay": DELAY, "guardian": guardian}),
        }
    )


def _told(getter: Callable[[], Any]) -> Any:
    """What a view answers, or its reason."""
    try:
        return getter()
    except Reverted as failure:
        return failure.reason


def _answered(getter: Callable[[], Any]) -> Any:
    """What the model answers, or its reason."""
    try:
        return getter()
    except Rejected as failure:
        return failure.reason


def _same(chain: Any, model: Any) -> bool:
    """Equal; of a struct, every field of the chain's is equal to the model's of that name."""
    if hasattr(chain, "_fields") and is_dataclass(model):
        return all(value == getattr(model, field) for field, value in zip(chain._fields, chain, strict=True))
    return bool(chain == model)
