"""The liquidation contracts and `ballast.model` side by side, with everything they stand on: to the wei."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ballast.deploy import Protocol
from ballast.model import collateral_auctions, liquidation
from ballast.model.exchange import Leg
from ballast.params import WAD, Params
from tests.differential.test_rebalancer import UNLIMITED, Twin

SEEDS, STEPS = 6, 60
FALLS = (0, 2, 5, 10, 15, 25, 40, 90)  # [per mille] of a price
NO_LIMIT = 2**255 - 1
WBTC, COIN = 1, 10**8
DEBTORS = 2


class Liquidations(Twin):
    """Accounts that are rescued, and others that nobody saves; two in debt; one that bids."""

    def __init__(self, protocol: Protocol, params: Params, seed: int) -> None:
        super().__init__(protocol, params, seed)
        self.seen: Counter[str] = Counter()
        self.bidder, *self.debtors = (self.open(str(protocol.chain.accounts[8 + i])) for i in range(1 + DEBTORS))
        self.fund(self.bidder, 3_000_000)
        self.fund(self.model.insurance.account, self.random.choice((0, 5_000, 200_000)))
        self.lend(500_000)
        for account in self.accounts[1:]:
            self.set_policy(account, enabled=False)
        for debtor in self.debtors:
            self.borrow(debtor)

    def fund(self, account: int, cash: int) -> None:
        """Give an account cash [USD]."""
        if cash:
            raw = self.protocol.mint(self.owner, cash * WAD, self.owner)
            self.protocol.token.approve(self.protocol.vault.address, UNLIMITED, sender=self.owner)
            self.protocol.vault.deposit(account, self.protocol.token.address, raw, sender=self.owner)
            self.model.vault.deposit(account, raw, now=self.now)

    def lend(self, cash: int) -> None:
        raw = self.protocol.mint(self.owner, cash * WAD, self.owner)
        self.protocol.token.approve(self.protocol.credit_pool.address, UNLIMITED, sender=self.owner)
        self.protocol.credit_pool.deposit(raw, self.owner, sender=self.owner)
        self.model.credit.deposit(raw, self.owner, now=self.now)

    def borrow(self, account: int) -> None:
        """Half a WBTC and nothing else, against which as much as possible was drawn out."""
        holder, token = self.holder(account), self.protocol.collateral["WBTC"]
        self.protocol.mint(holder, WAD // 2, self.owner, "WBTC")
        token.approve(self.protocol.vault.address, UNLIMITED, sender=holder)
        self.protocol.vault.deposit(account, token.address, COIN // 2, sender=holder)
        self.model.vault.deposit(account, COIN // 2, "WBTC", sender=holder, now=self.now)
        credit = self.model.collateral_model.credit(account, now=self.now)[0]
        amount = (self.model.vault.treasury(account, self.now).cash + credit) // 10**12
        self.protocol.vault.withdraw(account, self.protocol.token.address, amount, holder, sender=holder)
        self.model.vault.withdraw(holder, account, amount, holder, now=self.now)
        assert self.model.vault.treasury(account, self.now).cash < 0

    # Steps

    def step(self) -> None:
        self.fall()
        for name in self.random.choices(("trade", "refill", "squeeze", "squeeze", "transfer", "commit", "keep"), k=4):
            getattr(self, name)()
        for _ in range(3):
            for market in self.model.markets:
                self.liquidate(market)
            self.collect()
            self.advance(700)
        self.compare()

    def fall(self) -> None:
        self.advance(self.random.choice((30, 600, 2_400)))
        rise = self.random.random() < 0.4
        for name in self.names:
            step = self.random.choice(FALLS) * (1 if rise else -1)
            self.publish(name, self.prices[name] * (1_000 + step) // 1_000)

    def refill(self) -> None:
        """New money for an account, and a book at the limit of its leverage."""
        account, name = self.random.choice(self.accounts), self.random.choice(self.names)
        self.fund(account, 6_000)
        market, holder, margin = self.protocol.market_ids[name], self.holder(account), 5_000 * WAD
        size = margin * self.random.choice((20, 40, 80)) * WAD // self.prices[name] // 10 * self.random.choice((-1, 1))
        legs = [Leg(market, size, 2**100 if size > 0 else 0, margin)]
        done = self.both(
            lambda: self.protocol.exchange.commit(account, legs, False, sender=holder),
            lambda: self.model.exchange.commit(holder, account, legs, now=self.now),
        )
        if done:
            self.chain.advance(40)
            round_ = self.publish(name, self.prices[name])
            self.both(
                lambda: self.protocol.exchange.execute(done[1], [round_], sender=self.keeper),
                lambda: self.model.exchange.execute(self.keeper, done[1], [round_], now=self.now),
            )

    def squeeze(self) -> None:
        """An account takes out all it may."""
        account = self.random.choice(self.accounts)
        holder = self.holder(account)
        for id_, market in self.model.markets.items():
            spare = market.book_risk(account, self.now).withdrawable
            if spare:
                self.both(
                    lambda i=id_, s=spare: self.protocol.rebalancer.transfer_margin(account, i, 0, s, sender=holder),
                    lambda i=id_, s=spare: self.model.rebalancer.transfer_margin(
                        holder, account, i, 0, s, now=self.now
                    ),
                )
        treasury = self.model.vault.treasury(account, self.now)
        free = (treasury.cash - treasury.locked) // 10**12
        if free > 0:
            token = self.protocol.token.address
            self.protocol.vault.withdraw(account, token, free, holder, sender=holder)
            self.model.vault.withdraw(holder, account, free, holder, now=self.now)

    def commit(self) -> None:
        """An order that waits, and holds margin in escrow."""
        account, market = self.random.choice(self.accounts), self.random.choice(list(self.model.markets))
        legs = [Leg(market, WAD // 100, 2**100, self.random.choice((1, 3_000)) * WAD)]
        self.both(
            lambda: self.protocol.exchange.commit(account, legs, False, sender=self.holder(account)),
            lambda: self.model.exchange.commit(self.holder(account), account, legs, now=self.now),
        )

    def liquidate(self, market: int) -> None:
        venue, chain = self.model.markets[market], self.protocol.markets[self.names[market - 1]]
        for account in (*self.accounts, self.model.pool.account):
            orders = [id_ for id_, order in self.model.exchange.orders.items() if order.account == account]
            orders = orders if self.random.random() < 0.8 else []
            assert chain.legs_digest(account) == venue.legs_digest(account)
            for name in ("note", "start", "bid", "bid_for_pool", "stop", "realise_deficit", "close_pool"):
                if self.random.random() < 0.5:
                    getattr(self, f"try_{name}")(account, market, orders)

    def saw(self, name: str, done: tuple[Any, Any] | None) -> tuple[Any, Any] | None:
        self.seen[name if done else f"no {name}"] += 1
        return done

    def try_note(self, account: int, market: int, orders: list[int]) -> None:
        done = self.both(
            lambda: self.protocol.deficits.note(account, market, sender=self.keeper),
            lambda: self.model.deficits.note(account, market, now=self.now),
        )
        assert done is None or done[0].returned == done[1]
        assert self.protocol.deficits.insolvencies() == self.model.deficits.insolvencies
        assert self.protocol.deficits.insolvent_debts() == self.model.deficits.insolvent_debts

    def try_start(self, account: int, market: int, orders: list[int]) -> None:
        done = self.both(
            lambda: self.protocol.liquidator.start(account, market, orders, sender=self.keeper),
            lambda: self.model.liquidator.start(account, market, orders, now=self.now),
        )
        if done:
            assert done[0].returned == done[1]
            self.seen["started" if done[1] else "cured"] += 1

    def try_bid(self, account: int, market: int, orders: list[int]) -> None:
        digest = self.model.markets[market].legs_digest(account)
        fraction, margin = self.random.choice((WAD, WAD // 3, WAD // 50)), self.random.choice((0, 30_000 * WAD))
        terms = liquidation.Bid(account, market, fraction, self.bidder, NO_LIMIT, digest, margin, tuple(orders))
        holder = self.holder(self.bidder)
        done = self.both(
            lambda: self.protocol.liquidator.bid(vars(terms), sender=holder),
            lambda: self.model.liquidator.bid(holder, terms, now=self.now),
        )
        self.sold(done)

    def try_bid_for_pool(self, account: int, market: int, orders: list[int]) -> None:
        done = self.both(
            lambda: self.protocol.liquidator.bid_for_pool(account, market, orders, sender=self.keeper),
            lambda: self.model.liquidator.bid_for_pool(account, market, orders, now=self.now),
        )
        self.sold(done, "pool")

    def sold(self, done: tuple[Any, Any] | None, to: str = "bidder") -> None:
        if done:
            assert tuple(done[0].returned) == tuple(vars(done[1]).values())
            kind = "cured" if done[1].cured else "insured" if done[1].paid_by_insurance else f"sold to {to}"
            self.seen[kind] += 1

    def try_stop(self, account: int, market: int, orders: list[int]) -> None:
        done = self.both(
            lambda: self.protocol.liquidator.stop(account, market, sender=self.keeper),
            lambda: self.model.liquidator.stop(account, market, now=self.now),
        )
        self.saw("stopped", done)

    def try_realise_deficit(self, account: int, market: int, orders: list[int]) -> None:
        done = self.both(
            lambda: self.protocol.deficits.realise_deficit(account, market, orders, sender=self.keeper),
            lambda: self.model.deficits.realise_deficit(account, market, orders, now=self.now),
        )
        if self.saw("realised", done):
            assert done[0].returned == done[1]
            self.seen["spread"] += done[1] > 0

    def try_close_pool(self, account: int, market: int, orders: list[int]) -> None:
        self.both(
            lambda: self.protocol.deficits.close_pool(market, sender=self.keeper),
            lambda: self.model.deficits.close_pool(market, now=self.now),
        )

    def collect(self) -> None:
        """Debts: auctions of the collateral, and what they leave."""
        for account in self.debtors:
            assert self.protocol.vault.treasury(account).cash == self.model.vault.treasury(account, self.now).cash
            bid = collateral_auctions.Bid(account, WBTC, self.random.choice((WAD, WAD // 10)), self.bidder, 2**128, ())
            done = self.both(
                lambda bid=bid: self.protocol.collateral_auctions.bid(vars(bid), sender=self.holder(self.bidder)),
                lambda bid=bid: self.model.collateral_auctions.bid(self.holder(self.bidder), bid, now=self.now),
            )
            if self.saw("collateral", done):
                assert tuple(done[0].returned) == tuple(vars(done[1]).values())
            self.saw(
                "collateral started",
                self.both(
                    lambda a=account: self.protocol.collateral_auctions.start(a, WBTC, [], sender=self.keeper),
                    lambda a=account: self.model.collateral_auctions.start(a, WBTC, now=self.now),
                ),
            )
            self.both(
                lambda a=account: self.protocol.collateral_auctions.stop(a, WBTC, sender=self.keeper),
                lambda a=account: self.model.collateral_auctions.stop(a, WBTC, now=self.now),
            )
            done = self.both(
                lambda a=account: self.protocol.deficits.realise_debt(a, [], sender=self.keeper),
                lambda a=account: self.model.deficits.realise_debt(a, now=self.now),
            )
            if self.saw("debt realised", done):
                assert done[0].returned == done[1]

    def compare(self) -> None:
        super().compare()
        for account in (self.bidder, *self.debtors, self.model.insurance.account, self.model.credit.account):
            chain, model = self.protocol.vault.treasury(account), self.model.vault.treasury(account, self.now)
            assert (chain.cash, chain.slots) == (model.cash, model.slots)


def test_liquidations__random_histories__contracts_equal_the_model(protocol: Protocol, params: Params) -> None:
    """§7.6, §7.9, LIQ-1, BDT-2: who is rescued, what is sold, who pays, to the wei; and every way of it is gone."""
    seen: Counter[str] = Counter()
    for seed in range(SEEDS):
        snapshot = protocol.chain.snapshot()
        twin = Liquidations(protocol, params, seed)
        for _ in range(STEPS):
            twin.step()
        seen.update(twin.seen)
        protocol.chain.revert(snapshot)
    ways = "cured", "sold to bidder", "sold to pool", "insured", "realised", "spread", "stopped", "collateral"
    assert {way for way in ways if seen[way]} == set(ways), seen
