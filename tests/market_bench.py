"""One market between stubs, and its model beside it: any price, volatility and role, without rounds or money."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from ballast.chain import Contract, Reverted
from ballast.chain.revm import RevmChain
from ballast.model.errors import Rejected
from ballast.model.market import Market, MarketConfig
from ballast.model.pool import LiquidityPool, QuoteConfig

WAD = 10**18
EXCHANGE, REBALANCER, LIQUIDATOR = 1, 2, 4
UNLIMITED = 2**256 - 1

CONFIG = MarketConfig(
    range_multiplier=WAD,
    range_min=WAD * 2 // 100,
    range_max=WAD * 25 // 100,
    initial_ratio=WAD * 3 // 2,
    close_rate=WAD * 5 // 1_000,
    max_funding_rate=WAD // 1_000,
    skew_scale=1_000 * WAD,
    open_interest_cap=10_000 * WAD,
)
QUOTE_CONFIG = QuoteConfig(
    base_spread=WAD * 5 // 10_000,
    reference_volatility=WAD * 60 // 100,
    volatility_cap=5 * WAD,
    deviation=WAD * 5 // 1_000,
    impact_scale=100_000 * WAD,
    max_inventory=5_000 * WAD,
)


@dataclass(frozen=True)
class Quote:
    """What the stubbed oracle answers."""

    price: int = 2_000 * WAD
    average: int = 2_000 * WAD
    fast_volatility: int = WAD * 90 // 100
    slow_volatility: int = WAD * 90 // 100
    updated_at: int = 0
    round: int = 1
    guarded: bool = False
    unconfirmed: bool = False


class StubFeed:
    """The model's oracle: the same stub."""

    def __init__(self, quote: Quote) -> None:
        self.value = quote
        self.silent = 0  # [s] in all

    def quote(self, now: int) -> Quote:
        return self.value

    def consume(self, now: int) -> None:
        """Nothing is pending."""

    def silence(self, now: int) -> int:
        return self.silent


class MarketBench:
    """Chain and model, moved together. Account 1 is the pool's."""

    pool_account = 1

    def __init__(self, config: MarketConfig = CONFIG, quote_config: QuoteConfig = QUOTE_CONFIG) -> None:
        self._config = config
        self.chain = RevmChain()
        self.owner, self.exchange, self.rebalancer, self.stranger, self.guardian, self.liquidator = self.chain.accounts[
            :6
        ]
        self.vault = self._deploy("QuoteStub")
        self.vault.set_roles(self.exchange, EXCHANGE, sender=self.owner)
        self.vault.set_roles(self.rebalancer, REBALANCER, sender=self.owner)
        self.vault.set_roles(self.liquidator, LIQUIDATOR, sender=self.owner)
        self.vault.set_guardian(self.guardian, sender=self.owner)
        self.pool = self._deploy("LiquidityPool", self.vault, self.vault, self.vault)
        self.pool.set_quote(1, quote_config, sender=self.owner)
        self.market = self._deploy("DerivativesMarket", self.vault, self.vault, self.pool, 1, config)

        self.feed = StubFeed(Quote())
        pool = LiquidityPool(self.pool_account)
        pool.set_quote(1, quote_config)
        self.model = Market(1, cast(Any, self.feed), pool, config, self.now)
        self.quote()
        self._start = self.chain.snapshot()

    def reset(self) -> None:
        """Back to the day of the deployment."""
        self.chain.revert(self._start)
        self._start = self.chain.snapshot()
        model = self.model
        self.model = Market(1, model.feed, model.pool, self._config, self.now)
        self.feed.value, self.feed.silent = Quote(), 0
        self.quote()

    def _deploy(self, name: str, *args: Any) -> Contract:
        return self.chain.deploy(name, *args, sender=self.owner)

    @property
    def now(self) -> int:
        return self.chain.timestamp

    def quote(self, price: int | None = None, age: int = 0, **fields: Any) -> Quote:
        """Change the quote; the average follows the price unless given."""
        if price is not None:
            fields = {"price": price, "average": price, **fields}
        quote = replace(self.feed.value, updated_at=self.now - age, round=self.feed.value.round + 1, **fields)
        self.vault.set_quote(quote, sender=self.owner)
        self.feed.value = quote
        return quote

    # One action on both; what the chain returned

    def move_margin(self, account: int, amount: int) -> tuple[int, bool]:
        """Through the stubbed vault."""
        receipt = self.same(
            lambda: self.vault.move_margin(self.market, account, amount, sender=self.owner),
            lambda: self.model.move_margin(account, amount),
        )
        beyond, empty = receipt.returned
        return beyond, empty

    def trade(self, account: int, size: int, price: int | None = None) -> Any:
        """As the Exchange, at the oracle price where none is given."""
        price = self.feed.value.price if price is None else price
        return self.same(
            lambda: self.market.trade(account, size, price, sender=self.exchange),
            lambda: self.model.trade(account, size, price, self.now),
        )

    def reduce(self, account: int, fraction: int, max_cost: int = UNLIMITED, bound: int = 0) -> Any:
        """As the Rebalancer."""
        return self.same(
            lambda: self.market.reduce(account, fraction, bound, max_cost, sender=self.rebalancer),
            lambda: self.model.reduce(account, fraction, max_cost, self.now, bound),
        )

    def seize(self, account: int, bidder: int, fraction: int = WAD) -> Any:
        """Through the stubbed vault."""
        return self.same(
            lambda: self.vault.seize(self.market, account, bidder, fraction, sender=self.owner),
            lambda: self.model.seize(account, bidder, fraction, self.now),
        )

    def absorb(self, account: int) -> Any:
        """Through the stubbed vault."""
        return self.same(
            lambda: self.vault.absorb(self.market, account, sender=self.owner),
            lambda: self.model.absorb(account, self.now),
        )

    def close_pool(self) -> Any:
        """As the liquidator."""
        return self.same(
            lambda: self.market.close_pool(sender=self.liquidator), lambda: self.model.close_pool(self.now)
        )

    def silence(self, seconds: int) -> None:
        """Say how long the feed was silent in all."""
        self.vault.set_silence(1, seconds, sender=self.owner)
        self.feed.silent = seconds

    def set_config(self, config: MarketConfig) -> Any:
        """As the owner."""
        return self.same(
            lambda: self.market.set_config(config, sender=self.owner), lambda: self.model.set_config(config, self.now)
        )

    def set_state(self, state: int, guardian: bool = False) -> Any:
        """As the owner or the guardian."""
        return self.same(
            lambda: self.market.set_state(state, sender=self.guardian if guardian else self.owner),
            lambda: self.model.set_state(state, self.now, guardian),
        )

    def same(self, on_chain: Callable[[], Any], on_model: Callable[[], Any]) -> Any:
        """Do both: the same answer, or the same refusal, which is raised. The receipt or view."""
        refusal: Reverted | None = None
        try:
            result = on_chain()
        except Reverted as error:
            refusal = error
        if refusal is not None:
            assert refusal.reason, f"refused without a reason: {refusal}"
            with pytest.raises(Rejected) as rejection:
                on_model()
            assert rejection.value.reason == refusal.reason
            raise refusal
        assert plain(getattr(result, "returned", result)) == plain(on_model())
        return result

    def assert_same_state(self, *accounts: int) -> None:
        """Everything stored, and every view, on both sides."""
        market, model, now = self.market, self.model, self.now
        for account in (self.pool_account, *accounts):
            assert plain(market.book(account)) == plain(model.book(account))
            assert plain(market.book_risk(account)) == plain(model.book_risk(account, now))
            assert market.liquidation_price(account) == model.liquidation_price(account, now)
        assert plain(market.funding()) == model.funding(now)
        assert market.skew() == model.skew
        assert market.open_interest() == model.open_interest
        assert market.state() == model.state
        assert plain(market.config()) == plain(model.config)
        assert plain(market.risk_params()) == plain(model.risk_params(now))
        assert market.ramp_end() == model.ramp_end
        assert (market.clock(), market.live_at()) == (model.clock(now), model.live_at)

    def assert_zero_sum(self, margin: int, *accounts: int, dust: int | None = None) -> None:
        """Sizes add up to zero, bases to the margin moved in, equities to that but for less than a wei a book. `dust`
        bounds what losses borne may have left: wei of size, and of money at the present price."""
        accounts = (self.pool_account, *accounts)
        books = [self.market.book(account) for account in accounts]
        equity = sum(self.market.book_risk(account).equity for account in accounts)
        longs = sum(max(book.size, 0) for book in books)
        assert self.market.skew() == -books[0].size
        if dust is None:
            assert sum(book.size for book in books) == 0
            assert sum(book.base for book in books) == margin
            assert margin - len(accounts) < equity <= margin
            assert self.market.open_interest() == longs
            return
        worth = abs(self.feed.value.price - self.market.funding()[0])
        assert -dust <= sum(book.size for book in books) <= 0
        assert 0 <= self.market.open_interest() - longs <= dust
        assert abs(margin - equity) <= dust * (1 + worth // WAD)


def plain(struct: Any) -> Any:
    """Structs of either side as nested tuples."""
    if isinstance(struct, (int, str, bool, type(None))):
        return struct
    if isinstance(struct, (tuple, list)):
        return tuple(plain(item) for item in struct)
    return tuple(plain(getattr(struct, name)) for name in struct.__dataclass_fields__)
