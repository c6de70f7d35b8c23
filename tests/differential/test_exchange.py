"""`Exchange.vy` and `ballast.model.exchange` side by side, on the whole protocol: orders end alike, to the wei."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

import pytest

from ballast.chain import Reverted
from ballast.deploy import Protocol
from ballast.model.errors import Rejected
from ballast.model.exchange import Failed, Filled, Outcome, Voided
from ballast.model.system import System
from ballast.params import Params

WAD = 10**18
STEPS = 150
MARKET = "ETH"


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
        self.id = protocol.market_ids[MARKET]
        feeds = protocol.feeds.values()
        times = {id_: int(feed.latestRoundData()[3]) for id_, feed in enumerate(feeds, 1)}
        self.model = System.deploy(params, int(protocol.token.decimals()), times, protocol.chain.timestamp)
        self.feed, self.market = self.model.markets[self.id].feed, self.model.markets[self.id]
        self.price = params.markets[MARKET].feed.price
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
        size = self.random.choice((-1, 1)) * self.random.choice((1, WAD, 20 * WAD, 90 * WAD))
        size += self.random.randrange(abs(size))
        limit = self.random.choice((0, self.price, 10**30))
        margin = self.random.choice((0, 1_000 * WAD, abs(size) * self.price // WAD // 8))
        trader, reduce_only = self.accounts[account], self.random.random() < 0.4
        arguments = (account, self.id, size, limit, margin, reduce_only)
        order, reason = attempt(lambda: self.model.exchange.commit(trader, *arguments, now=self.now))
        if order is None:
            with pytest.raises(Reverted) as error:
                self.protocol.exchange.commit(*arguments, sender=trader)
            assert error.value.reason == reason
            return
        receipt = self.protocol.exchange.commit(*arguments, sender=trader)
        assert receipt.event("OrderCommitted").order == order

    def publish(self) -> None:
        """A round after a while: mostly soon, sometimes far too late; mostly near, sometimes a jump."""
        self.protocol.chain.advance(self.random.choice((5, 12, 30, 30, 60, 600, 9_000)))
        self.price = self.price * self.random.choice((995, 999, 1_000, 1_001, 1_005, 950, 1_060)) // 1_000
        scale = 10 ** (18 - self.feed.decimals)
        self.price = self.price // scale * scale
        round_ = self.protocol.publish(MARKET, self.price, self.owner)
        assert self.feed.publish(self.price // scale, self.now) == round_

    def execute(self) -> None:
        """Every open order, tried with each of the last rounds until one fits."""
        latest = self.protocol.latest_round(MARKET)
        for order in list(self.model.exchange.orders):
            for round_ in range(max(latest - 6, latest >> 64 << 64 | 1), latest + 2):
                if self._executed(order, round_):
                    break

    def _executed(self, order: int, round_: int) -> bool:
        outcome, reason = attempt(lambda: self.model.exchange.execute(self.keeper, order, round_, now=self.now))
        if outcome is None:
            with pytest.raises(Reverted) as error:
                self.protocol.exchange.execute(order, round_, sender=self.keeper)
            assert error.value.reason == reason
            return False
        receipt = self.protocol.exchange.execute(order, round_, sender=self.keeper)
        self._compare(order, outcome, receipt)
        return True

    def _compare(self, order: int, outcome: Outcome, receipt: Any) -> None:
        if isinstance(outcome, Filled):
            event = receipt.event("OrderFilled")
            assert (event.size, event.price, event.fee) == (outcome.size, outcome.price, outcome.fee)
            self.endings.add("filled")
        elif isinstance(outcome, Failed):
            assert receipt.event("OrderFailed").reason == outcome.reason
            self.endings.add(outcome.reason)
        else:
            assert isinstance(outcome, Voided)
            assert receipt.event("OrderVoided").order == order
            self.endings.add("voided")

    def compare(self) -> None:
        """Chain equals model: accounts, books, revenue, custody."""
        vault, market = self.protocol.vault, self.protocol.markets[MARKET]
        for account in (self.protocol.pool_account, *self.accounts):
            expected = self.model.vault.treasury(account)
            wanted = (expected.cash, expected.escrow, expected.locked, expected.last_trade, expected.slots)
            assert tuple(vault.treasury(account)) == (*wanted, expected.collateral)
            book = self.market.book(account)
            assert tuple(market.book(account)) == (book.size, book.base, book.legs, book.net_deposit)
        assert vault.market(self.id)[1] == self.model.vault.markets[self.id].balance
        assert vault.protocol_revenue() == self.model.vault.protocol_revenue
        assert vault.claimable(self.keeper) == self.model.vault.claimable.get(self.keeper, 0)
        assert self.model.vault.owed() == self.model.vault.custody * self.model.vault.scale
        assert sum(self.market.book(account).base for account in (1, *self.accounts)) == vault.market(self.id)[1]


@pytest.mark.parametrize("seed", range(3))
def test_exchange__random_orders__contract_equals_model(
    protocol: Protocol, params: Params, trader: str, other_trader: str, keeper: str, owner: str, seed: int
) -> None:
    """SOL-2, SOL-3, RND-6: fills, failures and voids agree in every number and every reason."""
    pair = Pair(protocol, params, [trader, other_trader], keeper, owner, seed)
    for _ in range(STEPS):
        pair.random.choices((pair.commit, pair.publish, pair.execute), (3, 2, 2))[0]()
        pair.compare()
    assert pair.endings >= {"filled", "voided", "exchange: beyond limit price", "exchange: nothing to reduce"}
