"""`Exchange.vy` and `ballast.model.exchange` side by side, on the whole protocol: orders end alike, to the wei."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from random import Random
from typing import Any, TypeVar

import pytest

from ballast.chain import Reverted
from ballast.deploy import Protocol
from ballast.model.errors import Rejected
from ballast.model.exchange import Failed, Filled, Leg, Outcome, Voided
from ballast.model.system import System
from ballast.params import Params

WAD = 10**18
STEPS = 300
MARKETS = ("BTC", "ETH", "SOL")


Value = TypeVar("Value")


def attempt(call: Callable[[], Value]) -> tuple[Value | None, str]:
    """What a call of the model returns, or why it is rejected."""
    try:
        return call(), ""
    except Rejected as rejected:
        return None, rejected.reason


class Pair:
    """The protocol, its model, and random orders of two traders on both."""

    def __init__(self, protocol: Protocol, params: Params, traders: list[str], keeper: str, owner: str, seed: int):
        self.random = Random(seed)
        self.protocol, self.keeper, self.owner = protocol, keeper, owner
        self.names = {protocol.market_ids[name]: name for name in MARKETS}
        feeds = protocol.feeds.values()
        times = {id_: int(feed.latestRoundData()[3]) for id_, feed in enumerate(feeds, 1)}
        self.model = System.deploy(params, int(protocol.token.decimals()), times, protocol.chain.timestamp)
        self.prices = {id_: params.markets[name].feed.price for id_, name in self.names.items()}
        self.endings: set[str] = set()
        self.accounts = {}
        for trader in traders:
            account = int(protocol.vault.open_account(trader, sender=trader).event("AccountOpened").account)
            assert self.model.vault.open_account(trader) == account
            raw = protocol.mint(trader, 200_000 * WAD, owner)
            protocol.token.approve(protocol.vault.address, raw, sender=trader)
            protocol.vault.deposit(account, protocol.token.address, raw, sender=trader)
            self.model.vault.deposit(account, raw)
            self.accounts[account] = trader

    @property
    def now(self) -> int:
        return self.protocol.chain.timestamp

    def commit(self) -> None:
        account = self.random.choice(list(self.accounts))
        trader, reduce_only = self.accounts[account], self.random.random() < 0.3
        markets = self.random.sample(list(self.names), self.random.choice((1, 2, 3, 3)))
        if self.random.random() < 0.05:
            markets.append(self.random.choice((markets[0], 99)))
        legs = [self._leg(account, market, reduce_only) for market in markets]
        order, reason = attempt(
            lambda: self.model.exchange.commit(trader, account, legs, reduce_only, now=self.now),
        )
        if order is None:
            with pytest.raises(Reverted) as error:
                self.protocol.exchange.commit(account, legs, reduce_only, sender=trader)
            assert error.value.reason == reason
            return
        receipt = self.protocol.exchange.commit(account, legs, reduce_only, sender=trader)
        assert receipt.event("OrderCommitted").order == order

    def _leg(self, account: int, market: int, reduce_only: bool) -> Leg:
        """Mostly one that can be filled; else of no size, at a price that will not do, or short of margin."""
        price = self.prices.get(market, WAD)
        notional = self.random.choice((3_000, 10_000, 40_000, 270_000)) * WAD
        size = self.random.choice((-1, 1)) * (notional + self.random.randrange(notional)) * WAD // price
        if reduce_only and market in self.names and self.random.random() < 0.8:
            size = -self.model.markets[market].book(account).size or size
        limit, margin = (10**30 if size > 0 else 0), notional // 4
        if self.random.random() < 0.15:
            size = self.random.choice((size, size // WAD, 0))
            limit = self.random.choice((0, price, 10**30))
            margin = self.random.choice((0, 1_000 * WAD))
        return Leg(market, size, limit, margin)

    def publish(self) -> None:
        """Rounds after a while: mostly soon, sometimes far too late; mostly near, sometimes a jump; not every feed."""
        self.protocol.chain.advance(self.random.choice((5, 12, 30, 30, 60, 60, 60, 600, 600, 9_000)))
        for market, name in self.names.items():
            if self.random.random() < 0.15:
                continue
            feed = self.model.markets[market].feed
            price = (
                self.prices[market]
                * self.random.choice(
                    (995, 998, 999, 1_000, 1_000, 1_001, 1_002, 1_005, self.random.choice((950, 1_060)))
                )
                // 1_000
            )
            scale = 10 ** (18 - feed.decimals)
            self.prices[market] = price // scale * scale
            round_ = self.protocol.publish(name, self.prices[market], self.owner)
            assert feed.publish(price // scale, self.now) == round_

    def execute(self) -> None:
        """Every open order at its rounds, or rounds beside them."""
        for order, terms in list(self.model.exchange.orders.items()):
            rounds = [self._first_round(leg.market, terms.due) for leg in terms.legs]
            if self.random.random() < 0.1:
                rounds = [round_ + self.random.choice((-1, 0, 1)) for round_ in rounds]
            if self.random.random() < 0.02:
                rounds = rounds[1:]
            self._try(order, rounds)

    def void(self) -> None:
        for order in list(self.model.exchange.orders):
            outcome, reason = attempt(lambda order=order: self.model.exchange.void(order, now=self.now))
            if outcome is None:
                with pytest.raises(Reverted) as error:
                    self.protocol.exchange.void(order, sender=self.keeper)
                assert error.value.reason == reason
            else:
                self._compare(order, outcome, self.protocol.exchange.void(order, sender=self.keeper))

    def _first_round(self, market: int, due: int) -> int:
        """The first round at or after a time, or the one to come."""
        answers = self.model.markets[market].feed.aggregators
        found = (number for number, answer in enumerate(answers[-1], 1) if answer.updated_at >= due)
        return len(answers) << 64 | next(found, len(answers[-1]) + 1)

    def _try(self, order: int, rounds: list[int]) -> None:
        outcome, reason = attempt(lambda: self.model.exchange.execute(self.keeper, order, rounds, now=self.now))
        if outcome is None:
            with pytest.raises(Reverted) as error:
                self.protocol.exchange.execute(order, rounds, sender=self.keeper)
            assert error.value.reason == reason
            return
        self._compare(order, outcome, self.protocol.exchange.execute(order, rounds, sender=self.keeper))

    def _compare(self, order: int, outcome: Outcome, receipt: Any) -> None:
        if isinstance(outcome, Filled):
            for event, fill in zip(receipt.named("OrderFilled"), outcome.fills, strict=True):
                assert {name: event.args[name] for name in vars(fill)} == vars(fill)
            self.endings.add(f"filled {len(outcome.fills)}")
        elif isinstance(outcome, Failed):
            assert receipt.event("OrderFailed").reason == outcome.reason
            self.endings.add(outcome.reason)
        else:
            assert isinstance(outcome, Voided)
            assert receipt.event("OrderVoided").order == order
            self.endings.add("voided")

    def compare(self) -> None:
        """Chain equals model: accounts, books, revenue, custody."""
        vault, accounts = self.protocol.vault, (self.protocol.pool_account, *self.accounts)
        for account in accounts:
            expected = self.model.vault.treasury(account)
            wanted = (expected.cash, expected.escrow, expected.locked, expected.last_trade, expected.slots)
            assert tuple(vault.treasury(account)) == (*wanted, expected.collateral)
            assert vault.open_orders(account) == self.model.vault.accounts[account].orders
        for id_, name in self.names.items():
            books = [self.protocol.markets[name].book(account) for account in accounts]
            for account, book in zip(accounts, books, strict=True):
                assert tuple(book) == astuple(self.model.markets[id_].book(account))
            balance = vault.market(id_)[1]
            assert balance == self.model.vault.markets[id_].balance == sum(book.base for book in books)
            assert sum(book.size for book in books) == 0
        assert vault.protocol_revenue() == self.model.vault.protocol_revenue
        assert vault.claimable(self.keeper) == self.model.vault.claimable.get(self.keeper, 0)
        assert self.model.vault.owed() == self.model.vault.custody * self.model.vault.scale
        for order in range(1, self.model.exchange.order_count + 1):
            terms, stored = self.model.exchange.orders.get(order), self.protocol.exchange.order(order)
            wanted = astuple(terms) if terms else (0, 0, 0, False, ())
            assert (*stored[:4], tuple(stored.legs)) == wanted


@pytest.mark.parametrize("seed", range(3))
def test_exchange__random_orders__contract_equals_model(
    protocol: Protocol, params: Params, trader: str, other_trader: str, keeper: str, owner: str, seed: int
) -> None:
    """SOL-2, SOL-3, RND-6: fills, failures and voids agree in every number and every reason."""
    pair = Pair(protocol, params, [trader, other_trader], keeper, owner, seed)
    for _ in range(STEPS):
        pair.random.choices((pair.commit, pair.publish, pair.execute, pair.void), (6, 4, 4, 1))[0]()
        pair.compare()
    assert pair.endings >= {
        "filled 1",
        "filled 2",
        "filled 3",
        "voided",
        "exchange: beyond limit price",
        "exchange: nothing to reduce",
    }
