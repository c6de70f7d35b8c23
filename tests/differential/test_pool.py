"""The shares of `LiquidityPool.vy` and `ballast.model.shares` side by side, on the whole protocol, to the wei."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import astuple
from random import Random
from typing import Any

import pytest

from ballast.chain import Receipt, Reverted
from ballast.deploy import Protocol
from ballast.model.errors import Rejected
from ballast.model.exchange import Leg
from ballast.model.rebalancer import Policy
from ballast.model.shares import PENDING, POOL
from ballast.model.system import OWNER, System
from ballast.params import Params
from tests.support import UNLIMITED

WAD = 10**18
STEPS = 300
MARKETS = ("BTC", "ETH")


class Pair:
    """The protocol and its model: two traders, three holders of shares, the owner with the first ones among them."""

    def __init__(
        self,
        protocol: Protocol,
        params: Params,
        traders: list[str],
        holders: list[str],
        owner: str,
        keeper: str,
        seed: int,
    ) -> None:
        self.random = Random(seed)
        self.protocol, self.owner, self.keeper = protocol, owner, keeper
        self.pool, self.vault, self.token = protocol.pool, protocol.vault, protocol.token
        self.names = {protocol.market_ids[name]: name for name in MARKETS}
        times = {id_: int(feed.latestRoundData()[3]) for id_, feed in enumerate(protocol.feeds.values(), 1)}
        self.model = System.deploy(params, int(protocol.token.decimals()), times, self.now)
        self.shares = self.model.shares
        self.shares.balances[owner] = self.shares.balances.pop(OWNER)
        self.holders = [owner, *holders]
        self.seen: Counter[str] = Counter()
        self.largest = 10**13  # [raw] entry
        self.accounts: dict[int, str] = {}
        for party in [*traders, *holders]:
            self.token.approve(self.vault.address, UNLIMITED, sender=party)
            self.token.approve(self.pool.address, UNLIMITED, sender=party)
        for trader in traders:
            account = int(self.vault.open_account(trader, sender=trader).event("AccountOpened").account)
            assert self.model.vault.open_account(trader) == account
            self.gift(account, trader, 2_000_000)
            self.accounts[account] = trader
        policy = params.policy.model_dump()
        self.pool.set_policy(policy, sender=owner)
        self.shares.set_policy(OWNER, Policy(**policy), now=self.now)
        self.drained = False

    @property
    def now(self) -> int:
        return self.protocol.chain.timestamp

    def both(self, chain: Callable[[], Receipt], model: Callable[[], Any]) -> Receipt | None:
        """Both do it, or both refuse for the same reason."""
        refused = ""
        try:
            model()
        except Rejected as rejected:
            refused = rejected.reason
        self.seen[refused or "done"] += 1
        if refused:
            with pytest.raises(Reverted) as error:
                chain()
            assert error.value.reason == refused
            return None
        receipt = chain()
        self.seen.update(event.name for event in receipt.events)
        self.seen["in part"] += any(event.rest for event in receipt.named("RequestExecuted"))
        return receipt

    # Prices, trades, gifts

    def publish(self) -> None:
        self.protocol.chain.advance(self.random.choice((12, 60, 600, 1_800, 3_600)))
        for id_, name in self.names.items():
            feed = self.model.markets[id_].feed
            answer = feed.aggregators[-1][-1].answer * self.random.choice((970, 995, 1_000, 1_005, 1_030)) // 1_000
            round_ = self.protocol.publish(name, answer * 10 ** (18 - feed.decimals), self.owner)
            assert feed.publish(answer, self.now) == round_
            self.protocol.oracle.poke(id_, sender=self.keeper)
            feed.poke(self.now)

    def trade(self) -> None:
        """An order, its round, its execution."""
        account, trader = self.random.choice(list(self.accounts.items()))
        id_, name = self.random.choice(list(self.names.items()))
        feed, held = self.model.markets[id_].feed, self.model.markets[id_].book(account).size
        price = feed.aggregators[-1][-1].answer * 10 ** (18 - feed.decimals)
        size = self.random.choice((-1, 1)) * self.random.randrange(10_000, 900_000) * WAD * WAD // price
        closes = held != 0 and self.random.random() < 0.5
        size = -held if closes else size
        legs = [Leg(id_, size, 2 * price if size > 0 else 0, abs(size) * price // WAD // 5)]
        receipt = self.both(
            lambda: self.protocol.exchange.commit(account, legs, closes, sender=trader),
            lambda: self.model.exchange.commit(trader, account, legs, closes, now=self.now),
        )
        self.protocol.chain.advance(30)
        round_ = self.protocol.publish(name, price, self.owner)
        assert feed.publish(feed.aggregators[-1][-1].answer, self.now) == round_
        if receipt is not None:
            order = receipt.event("OrderCommitted").order
            self.both(
                lambda: self.protocol.exchange.execute(order, [round_], sender=self.keeper),
                lambda: self.model.exchange.execute(self.keeper, order, [round_], now=self.now),
            )

    def gift(self, account: int, giver: str, usd: int) -> None:
        raw = self.protocol.mint(giver, usd * WAD, self.owner)
        self.vault.deposit(account, self.token.address, raw, sender=giver)
        self.model.vault.deposit(account, raw)

    def donate(self) -> None:
        own = (self.shares.account, self.shares.entry_account, self.shares.exit_account)
        self.gift(
            self.random.choice(own), self.random.choice(list(self.accounts.values())), self.random.choice((1, 777))
        )

    # Shares

    def request_deposit(self) -> None:
        holder, owner = self.random.choice(self.holders[1:]), self.random.choice(self.holders[1:])
        raw = self.random.choice((0, 1, 10**6, 12_345_678_901, self.largest))
        self.token.mint(owner, raw, sender=self.owner)
        self.both(
            lambda: self.pool.requestDeposit(raw, owner, owner, sender=holder),
            lambda: self.shares.request_deposit(holder, raw, owner, owner, now=self.now),
        )

    def request_redeem(self) -> None:
        holder, controller = self.random.choice(self.holders), self.random.choice(self.holders)
        held = self.shares.balances.get(holder, 0)
        shares = self.random.choice((0, 1, held // 9, held // 3, held, held + 1))
        if holder == self.owner and shares == held:
            shares = held // 20  # somebody must stay, or nobody can trade
        self.both(
            lambda: self.pool.requestRedeem(shares, controller, holder, sender=holder),
            lambda: self.shares.request_redeem(holder, shares, controller, holder, now=self.now),
        )

    def shrink(self) -> None:
        """The owner leaves but for 2 %: now the pool is short of cash at times."""
        self.largest = 10**11
        shares = self.shares.balances[self.owner] * 98 // 100
        self.both(
            lambda: self.pool.requestRedeem(shares, self.owner, self.owner, sender=self.owner),
            lambda: self.shares.request_redeem(self.owner, shares, self.owner, self.owner, now=self.now),
        )
        self.protocol.chain.advance(3_600)
        self.both(
            lambda: self.pool.execute_request(1, [], sender=self.keeper),
            lambda: self.shares.execute_request(1, [], now=self.now),
        )

    def execute(self) -> None:
        """Every pending request, at its first rounds or some beside them."""
        for id_, request in list(self.shares.requests.items()):
            if request.status != PENDING or self.random.random() < 0.5:
                continue
            rounds = [
                self._first_round(market, request.due)
                for market in self.model.vault.treasury(self.shares.account).books
                if market
            ]
            if self.random.random() < 0.1:
                rounds = self.random.choice((rounds[1:], [*rounds, 1], [round_ - 1 for round_ in rounds]))
            self.both(
                lambda id_=id_, rounds=rounds: self.pool.execute_request(id_, rounds, sender=self.keeper),
                lambda id_=id_, rounds=rounds: self.shares.execute_request(id_, rounds, now=self.now),
            )

    def _first_round(self, market: int, due: int) -> int:
        rounds = self.model.markets[market].feed.aggregators[-1]
        index = next((index for index, answer in enumerate(rounds, 1) if answer.updated_at >= due), len(rounds))
        return 1 << 64 | index

    def void(self) -> None:
        if self.shares.requests:
            id_ = self.random.choice(list(self.shares.requests))
            if self.random.random() < 0.1:
                self.protocol.chain.advance(4 * 86_400)
            sender = self.random.choice((*self.holders, self.shares.requests[id_].controller))
            self.both(
                lambda: self.pool.void_request(id_, sender, sender=sender),
                lambda: self.shares.void_request(sender, id_, sender, now=self.now),
            )

    def claim(self) -> None:
        """By amount or by result: all, some, or too much."""
        controller, sender = self.random.choice(self.holders), self.random.choice(self.holders)
        sender = self.random.choice((controller, controller, controller, sender))
        is_exit, by_result = self.random.random() < 0.5, self.random.random() < 0.5
        line = self.shares.line(controller, is_exit)
        most = line.owed if by_result else line.left
        amount = self.random.choice((0, 1, most // 3, most, most, most + 1))
        chain = {
            (False, False): self.pool.deposit,
            (False, True): self.pool.mint,
            (True, False): self.pool.redeem,
            (True, True): self.pool.withdraw,
        }[is_exit, by_result]
        model: dict[tuple[bool, bool], Callable[[], int]] = {
            (False, False): lambda: self.shares.deposit(sender, amount, sender, controller),
            (False, True): lambda: self.shares.mint_claimed(sender, amount, sender, controller),
            (True, False): lambda: self.shares.redeem(sender, amount, sender, controller, now=self.now),
            (True, True): lambda: self.shares.withdraw(sender, amount, sender, controller, now=self.now),
        }
        self.both(lambda: chain(amount, sender, controller, sender=sender), model[is_exit, by_result])

    def set_operator(self) -> None:
        holder, operator = self.random.sample(self.holders, 2)
        approved = self.random.random() < 0.3
        self.both(
            lambda: self.pool.setOperator(operator, approved, sender=holder),
            lambda: self.shares.set_operator(holder, operator, approved),
        )

    def draw(self) -> None:
        market = self.random.choice(list(self.names))
        self.both(
            lambda: self.pool.draw(market, sender=self.keeper),
            lambda: self.shares.draw(market, now=self.now),
        )

    # Both sides are one

    def compare(self) -> None:
        shares, pool = self.shares, self.pool
        for account in (shares.account, shares.entry_account, shares.exit_account, *self.accounts):
            expected = self.model.vault.treasury(account)
            actual = self.vault.treasury(account)
            assert (actual.cash, actual.locked, actual.slots) == (expected.cash, expected.locked, expected.slots)
        assert self.model.vault.owed() == self.model.vault.custody * self.model.vault.scale
        assert pool.totalSupply() == shares.supply == sum(shares.balances.values())
        assert pool.balanceOf(pool.address) == shares.balances.get(POOL, 0)
        for holder in self.holders:
            entries, exits = shares.line(holder, False), shares.line(holder, True)
            assert pool.balanceOf(holder) == shares.balances.get(holder, 0)
            assert (pool.maxDeposit(holder), pool.maxMint(holder)) == (entries.left, entries.owed)
            assert (pool.maxRedeem(holder), pool.maxWithdraw(holder)) == (exits.left, exits.owed)
        assert pool.request_count() == len(shares.requests)
        for id_, request in list(shares.requests.items())[-6:]:
            who = request.controller
            assert tuple(pool.request(id_)) == (who, request.due, request.is_exit, request.status, request.amount)
            assert pool.pendingDepositRequest(id_, who) == shares.pending(id_, who, False)
            assert pool.pendingRedeemRequest(id_, who) == shares.pending(id_, who, True)
            assert pool.claimableDepositRequest(id_, who) == shares.claimable(id_, who, False)
            assert pool.claimableRedeemRequest(id_, who) == shares.claimable(id_, who, True)
        try:
            expected = shares.net_assets(self.now)
        except Rejected as rejected:
            with pytest.raises(Reverted) as error:
                pool.net_assets()
            assert error.value.reason == rejected.reason
            return
        assert tuple(pool.net_assets()) == astuple(expected)
        assert pool.totalAssets() == shares.total_assets(self.now)
        assert pool.convertToShares(10**9 + 1) == shares.to_shares(10**9 + 1, self.now)
        assert pool.convertToAssets(WAD + 1) == shares.to_assets(WAD + 1, self.now)

    def price(self) -> int | None:
        """Of 10^12 shares at the present price [wad]; None where there is none."""
        try:
            net = self.shares.net_assets(self.now).present
        except Rejected:
            return None
        return (net + 10**12) * 10**30 // (self.shares.supply + 10**12)


@pytest.mark.parametrize("seed", range(4))
def test_pool__random_history__contract_equals_model(
    protocol: Protocol,
    params: Params,
    trader: str,
    other_trader: str,
    operator: str,
    stranger: str,
    keeper: str,
    owner: str,
    seed: int,
) -> None:
    """SOL-1, RND-2, RND-5: every number and reason of requests, claims and net assets; and whatever is requested,
    executed, voided or claimed, the price of a share does not fall by it."""
    pair = Pair(protocol, params, [trader, other_trader], [operator, stranger], owner, keeper, seed)
    of_shares = {pair.request_deposit: 6, pair.request_redeem: 6, pair.execute: 8, pair.claim: 8, pair.void: 2}
    others = {pair.publish: 8, pair.trade: 6, pair.donate: 1, pair.set_operator: 2, pair.draw: 1}
    actions = of_shares | others
    if seed % 2:
        pair.shrink()
    for _ in range(STEPS):
        action = pair.random.choices(list(actions), list(actions.values()))[0]
        before, at = pair.price(), pair.now
        action()
        after = pair.price()
        if action in of_shares and before is not None and after is not None and pair.now == at:
            assert after >= before
        pair.compare()
    assert pair.seen.keys() >= {"RequestExecuted", "Deposit", "Withdraw", "OrderFilled", "pool: too early"}
    assert pair.seen.keys() >= {"pool: more than claimable", "pool: one round per book", "access: no right"}
    assert seed != 1 or pair.seen["in part"] + pair.seen["pool: no free cash"]
