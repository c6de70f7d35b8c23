"""The engine's contracts and `ballast.model` side by side, with everything they stand on: the same plans to the wei."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from random import Random
from typing import Any

import pytest

from ballast.chain import Reverted
from ballast.deploy import Protocol
from ballast.model import vault
from ballast.model.errors import Rejected
from ballast.model.exchange import Leg
from ballast.model.policy import Policy
from ballast.model.system import OWNER, System
from ballast.params import WAD, Params

SEEDS, STEPS = 6, 90
KEEPER, LIQUIDATOR = 3, 9
UNLIMITED = 2**256 - 1
MOVES = (0, 5, 10, 20, 40, 80, 120, 210)  # [per mille] of a price, either way


class Twin:
    """A deployed protocol, its model, and random steps on both."""

    def __init__(self, protocol: Protocol, params: Params, seed: int) -> None:
        self.random = Random(seed)
        self.protocol, self.params = protocol, params
        self.chain, self.keeper = protocol.chain, protocol.chain.accounts[KEEPER]
        self.owner = str(protocol.chain.accounts[0])
        self.names = list(params.markets)
        self.prices = {name: market.feed.price for name, market in params.markets.items()}
        times = {protocol.market_ids[name]: int(protocol.feeds[name].latestRoundData()[3]) for name in self.names}
        self.model = System.deploy(params, int(protocol.token.decimals()), times, self.now)
        self.liquidator = str(protocol.chain.accounts[LIQUIDATOR])
        protocol.vault.set_engine(self.liquidator, vault.LIQUIDATOR, sender=self.owner)
        self.model.vault.set_engine(OWNER, self.liquidator, vault.LIQUIDATOR)
        self.rebalances = self.cuts = self.rescues = self.cut_at_once = self.debts = self.borrowed = self.repaid = 0
        self.lend(80_000)
        self.codes: set[int] = set()
        self.accounts = [self.open(str(protocol.chain.accounts[4 + i])) for i in range(3)]
        for account in self.accounts:
            self.set_policy(account)
            self.pledge(account, "WETH", 5)
            for name in self.names:
                self.trade(account, name)

    @property
    def now(self) -> int:
        return int(self.chain.timestamp)

    def open(self, holder: str) -> int:
        account = int(self.protocol.vault.open_account(holder, sender=holder).event("AccountOpened").account)
        assert account == self.model.vault.open_account(holder)
        raw = self.protocol.mint(holder, 60_000 * WAD, self.owner)
        self.protocol.token.approve(self.protocol.vault.address, UNLIMITED, sender=holder)
        self.protocol.vault.deposit(account, self.protocol.token.address, raw, sender=holder)
        self.model.vault.deposit(account, raw)
        return account

    def lend(self, dollars: int) -> None:
        raw, pool = self.protocol.mint(self.owner, dollars * WAD, self.owner), self.protocol.credit_pool
        self.protocol.token.approve(pool.address, raw, sender=self.owner)
        pool.deposit(raw, self.owner, sender=self.owner)
        self.model.credit.deposit(raw, self.owner, now=self.now)

    def pledge(self, account: int, name: str, units: int) -> None:
        """Collateral, and debt up to most of what it secures."""
        token, holder = self.protocol.collateral[name], self.holder(account)
        raw = self.protocol.mint(holder, units * WAD, self.owner, name)
        token.approve(self.protocol.vault.address, raw, sender=holder)
        self.protocol.vault.deposit(account, token.address, raw, sender=holder)
        self.model.vault.deposit(account, raw, name, sender=holder, now=self.now)

    def borrow(self) -> None:
        account = self.random.choice(self.accounts)
        risk = self.model.collateral_model.treasury_risk(account, -1, self.now)
        amount = max(self.cash(account) + risk.credit * self.random.choice((5, 30, 60, 95, 101)) // 100, 0) // 10**12
        holder = self.holder(account)
        self.both(
            lambda: self.protocol.vault.withdraw(account, self.protocol.token.address, amount, holder, sender=holder),
            lambda: self.model.vault.withdraw(holder, account, amount, holder, now=self.now),
        )

    def drain(self, account: int) -> None:
        """Nothing but books is left of it."""
        amount, holder = self.cash(account) // 10**12, self.holder(account)
        self.protocol.vault.withdraw(account, self.protocol.token.address, amount, holder, sender=holder)
        self.model.vault.withdraw(holder, account, amount, holder, now=self.now)

    def holder(self, account: int) -> str:
        return str(self.model.vault.accounts[account].owner)

    def both(self, on_chain: Callable[[], Any], in_model: Callable[[], Any]) -> tuple[Any, Any] | None:
        """What both return; None if both refuse for the same reason."""
        try:
            answer = on_chain()
        except Reverted as refusal:
            with pytest.raises(Rejected) as rejected:
                in_model()
            assert rejected.value.reason == refusal.reason
            return None
        return answer, in_model()

    # Steps

    def step(self) -> None:
        name = self.random.choice(
            ("trade",) * 3 + ("move",) * 8 + ("policy", "policy", "own", "transfer", "transfer", "withdraw", "borrow")
        )
        getattr(self, name)()
        if self.random.random() < 0.4:
            self.rescue()
        if self.random.random() < 0.5:
            self.keep()

    def advance(self, longest: int) -> None:
        self.chain.advance(self.random.randint(1, longest))

    def move(self) -> None:
        self.advance(self.random.choice((30, 600, 3_000)))
        fall = self.random.random() < 0.5
        for name in self.names:
            if self.random.random() < 0.7:
                step = self.random.choice(MOVES) * (-1 if fall else 1)
                self.publish(name, self.prices[name] * (1_000 + step) // 1_000)
        if self.random.random() < 0.3:
            for id_, market in self.model.markets.items():
                while self.protocol.oracle.poke(id_, sender=self.keeper).returned:
                    market.feed.poke(self.now)
                market.feed.poke(self.now)

    def publish(self, name: str, price: int) -> int:
        feed = self.model.markets[self.protocol.market_ids[name]].feed
        unit = 10 ** (18 - feed.decimals)
        self.prices[name] = price // unit * unit
        round_ = self.protocol.publish(name, self.prices[name], self.owner)
        assert feed.publish(price // unit, self.now) & (2**64 - 1) == round_ & (2**64 - 1)
        return round_

    def trade(self, account: int = 0, name: str = "") -> None:
        account, name = account or self.random.choice(self.accounts), name or self.random.choice(self.names)
        market, holder = self.protocol.market_ids[name], self.holder(account)
        margin = self.random.randint(1_000, 14_000) * WAD
        leverage = self.random.choice((20, 30, 40, 70))  # tenths
        size = margin * leverage * WAD // self.prices[name] // 10 * self.random.choice((-1, 1))
        limit = self.prices[name] * 2 if size > 0 else 0
        legs = [Leg(market, size, limit, margin)]
        done = self.both(
            lambda: self.protocol.exchange.commit(account, legs, False, sender=holder),
            lambda: self.model.exchange.commit(holder, account, legs, now=self.now),
        )
        if done is None:
            return
        self.chain.advance(40)
        round_ = self.publish(name, self.prices[name])
        self.both(
            lambda: self.protocol.exchange.execute(done[1], [round_], sender=self.keeper),
            lambda: self.model.exchange.execute(self.keeper, done[1], [round_], now=self.now),
        )

    def policy(self) -> None:
        changes: dict[str, Any] = {"cooldown": self.random.choice((0, 60, 900))}
        if self.random.random() < 0.4:
            changes["risk_budget"] = self.random.choice((0, 300, 1_000))
            changes["max_risk_share"] = self.random.choice((200, 500, 1_500))
        if self.random.random() < 0.4:
            changes["containment"] = self.random.choice((0, 100, 1_000, 10_000))
            changes["treasury_reserve"] = self.random.choice((0, 50_000, 1_000_000)) * WAD
        elif self.random.random() < 0.7:
            changes["allow_borrow"] = True
        if self.random.random() < 0.3:
            changes["no_fund"], changes["no_tap"] = self.random.randrange(32), self.random.randrange(32)
        if self.random.random() < 0.3:
            changes["z_delever"], changes["z_delever_target"] = 4 * WAD, 8 * WAD
        self.set_policy(self.random.choice(self.accounts), **changes)

    def set_policy(self, account: int, **changes: Any) -> None:
        policy = Policy(**{**self.params.policy.model_dump(), **changes})
        self.both(
            lambda: self.protocol.rebalancer.set_policy(account, asdict(policy), sender=self.holder(account)),
            lambda: self.model.rebalancer.set_policy(self.holder(account), account, policy, now=self.now),
        )
        assert asdict(policy) == self.protocol.rebalancer.policy(account)._asdict()

    def withdraw(self) -> None:
        account = self.random.choice(self.accounts)
        cash = max(self.cash(account), 0) // 10**12
        holder, amount = self.holder(account), self.random.choice((1, cash // 8, cash, cash + 1))
        self.both(
            lambda: self.protocol.vault.withdraw(account, self.protocol.token.address, amount, holder, sender=holder),
            lambda: self.model.vault.withdraw(holder, account, amount, holder, now=self.now),
        )

    def transfer(self) -> None:
        account = self.random.choice(self.accounts)
        source, target = self.random.randint(0, 4), self.random.randint(0, 4)
        amount = self.random.choice((0, WAD, 500 * WAD, 20_000 * WAD))
        holder = self.holder(account)
        self.both(
            lambda: self.protocol.rebalancer.transfer_margin(account, source, target, amount, sender=holder),
            lambda: self.model.rebalancer.transfer_margin(holder, account, source, target, amount, now=self.now),
        )

    def own(self) -> None:
        account = self.random.choice(self.accounts)
        self.both(
            lambda: self.protocol.rebalancer.rebalance_own(account, sender=self.holder(account)),
            lambda: self.model.rebalancer.rebalance_own(self.holder(account), account, now=self.now),
        )

    def keep(self) -> None:
        for account in self.accounts:
            plan = self.model.rebalancer.preview(account, now=self.now)
            assert self.plain(self.protocol.rebalancer.preview(account)) == self.plain(plan)
            assert tuple(self.protocol.rebalancer.check(account)) == (plan.code == 0, plan.code)
            own = self.model.rebalancer.preview_own(account, now=self.now)
            assert self.plain(self.protocol.rebalancer.preview_own(account)) == self.plain(own)
            self.codes.add(plan.code)
            done = self.both(
                lambda account=account: self.protocol.rebalancer.rebalance(account, sender=self.keeper),
                lambda account=account: self.model.rebalancer.rebalance(self.keeper, account, now=self.now),
            )
            if done is not None:
                receipt, result = done
                event = receipt.event("Rebalanced")
                assert receipt.returned == event.reward == result.reward
                assert (event.digest, event.cost, event.cuts) == (result.digest, result.cost, len(plan.cuts))
                self.rebalances += 1
                self.cuts += len(plan.cuts)
        self.compare()

    def rescue(self) -> None:
        for account in self.accounts:
            plan = self.model.rebalancer.preview_rescue(account, now=self.now)
            assert self.plain(self.protocol.rebalancer.preview_rescue(account)) == self.plain(plan)
            for market in self.protocol.market_ids.values():
                would = self.model.rebalancer.would_cure(account, market, now=self.now)
                assert self.protocol.rebalancer.would_cure(account, market) == would
            before, cash = self.distances(account), self.cash(account)
            done = self.both(
                lambda account=account: self.protocol.rebalancer.rescue(account, sender=self.liquidator),
                lambda account=account: self.model.rebalancer.rescue(self.liquidator, account, now=self.now),
            )
            assert done is not None
            receipt, results = done
            assert receipt.returned == len(results)
            assert [(event.digest, event.cost, event.cuts) for event in receipt.named("Rebalanced")] == [
                (result.digest, result.cost, len(result.plan.cuts)) for result in results
            ]
            after = self.distances(account)
            assert all(after.get(market, z) >= min(z, 0) for market, z in before.items())
            assert results or after == before
            self.rescues += bool(results)
            self.borrowed += self.cash(account) < min(cash, 0)
            self.repaid += cash < 0 and self.cash(account) - cash > WAD
            self.cut_at_once += sum(len(result.plan.cuts) for result in results)
        self.compare()

    def cash(self, account: int) -> int:
        return self.model.vault.treasury(account, self.now).cash

    def distances(self, account: int) -> dict[int, int]:
        """z of the account's books that can be priced and have legs."""
        found = self.model.rebalancer.planner.gather(account, Policy(), self.now)
        return {book.market: book.z for book in found.books}

    # Comparison

    @staticmethod
    def plain(plan: Any) -> dict[str, Any]:
        fields = plan._asdict() if hasattr(plan, "_asdict") else asdict(plan)
        for name in ("cuts", "transfers", "requests"):
            fields[name] = [tuple(row.values() if isinstance(row, dict) else row) for row in fields[name]]
        return fields

    def compare(self) -> None:
        for account in (self.model.pool.account, *self.accounts):
            chain, model = self.protocol.vault.treasury(account), self.model.vault.treasury(account, self.now)
            assert (chain.cash, chain.escrow, chain.locked, chain.slots) == (
                model.cash,
                model.escrow,
                model.locked,
                model.slots,
            )
            self.debts += chain.cash < 0
            for id_, market in self.model.markets.items():
                book = self.protocol.markets[self.names[id_ - 1]].book(account)
                assert (book.size, book.base) == (market.book(account).size, market.book(account).base)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_rebalance__random_accounts__contract_equals_model(protocol: Protocol, params: Params, seed: int) -> None:
    """REB-1, REB-13: after every step plans, codes, rewards, treasuries and books agree to the wei; and `check` says
    whether `rebalance` succeeds."""
    twin = Twin(protocol, params, seed)
    for _ in range(STEPS):
        twin.step()
    assert twin.rebalances > 3 and twin.cuts > 3 and twin.debts > 3


def test_rescue__random_accounts__contract_equals_model(protocol: Protocol, params: Params) -> None:
    """§7.6: nobody else keeps the accounts: whatever the model says that a policy can cure is cured, cuts at once,
    and no rescue brings a book nearer to its liquidation that is there already."""
    twin = Twin(protocol, params, SEEDS)
    for account in twin.accounts:
        twin.drain(account)
        twin.pledge(account, "WETH", 15)
        twin.set_policy(account, allow_borrow=True, treasury_reserve=0)
    for step in range(3 * STEPS):
        twin.move()
        twin.rescue()
        (twin.borrow if step % 10 == 9 else twin.trade)()
        if step % 30 == 29:
            twin.policy()
    assert twin.rescues > 3 and twin.cut_at_once > 3 and twin.borrowed and twin.repaid
