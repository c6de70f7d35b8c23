"""`Exchange.vy` in integers: two-step orders against the pool. Times are [s], all else [wad]."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ballast.model.atomic import atomic
from ballast.model.errors import Rejected, require
from ballast.model.fixed_point import WAD, clamp, mul_div_up, mul_wad_up

if TYPE_CHECKING:
    from ballast.model.market import Market, TradeResult
    from ballast.model.vault import Vault

MIN_DELAY = 30
HEARTBEATS = 2
ABANDONED = 3 * 86_400
FEE_UNIT = 10**10

MAX_EXECUTION_FEE = 100 * WAD
MAX_BASE_FEE = 10**16
MIN_REFERENCE_VOLATILITY, MAX_REFERENCE_VOLATILITY = 10**16, 10 * WAD
MAX_VOLATILITY_CAP = 20 * WAD

_SIZE_BOUND = 2**95
_AMOUNT_BOUND = 2**112


class RiskShare(Protocol):
    """What the exchange asks the rebalancer."""

    def within_risk_share(self, account: int, markets: int, now: int) -> bool: ...


@dataclass(frozen=True)
class FeeConfig:
    """A market's trading fee."""

    base_fee: int
    reference_volatility: int
    volatility_cap: int

    def check(self) -> None:
        """The contract's hard bounds."""
        for value, low, high in (
            (self.base_fee, 0, MAX_BASE_FEE),
            (self.reference_volatility, MIN_REFERENCE_VOLATILITY, MAX_REFERENCE_VOLATILITY),
            (self.volatility_cap, WAD, MAX_VOLATILITY_CAP),
        ):
            require(low <= value <= high, "exchange: bad parameter")

    def fee(self, notional: int, fast_volatility: int) -> int:
        """The fee of a fill, every step rounded up."""
        ratio = mul_div_up(fast_volatility, WAD, self.reference_volatility)
        return mul_wad_up(notional, mul_wad_up(self.base_fee, clamp(ratio, WAD, self.volatility_cap)))


@dataclass(frozen=True)
class Order:
    """An open order."""

    account: int
    market: int
    size: int
    limit_price: int
    margin: int
    execution_fee: int
    due: int
    reduce_only: bool


@dataclass(frozen=True)
class Filled:
    """An order became a trade."""

    size: int
    price: int
    fee: int


@dataclass(frozen=True)
class Failed:
    """An order was consumed."""

    reason: str


@dataclass(frozen=True)
class Voided:
    """An order ended as if it had never been."""


Outcome = Filled | Failed | Voided


class Exchange:
    """Orders by id. Its address in the vault's roles is the object itself."""

    def __init__(
        self, vault: Vault, markets: Mapping[int, Market], rebalancer: RiskShare, owner: Hashable = "owner"
    ) -> None:
        self.owner = owner
        self.vault = vault
        self.markets = markets
        self.rebalancer = rebalancer
        self.orders: dict[int, Order] = {}
        self.order_count = 0
        self.execution_fee = 0
        self.fees: dict[int, FeeConfig] = {}

    # Account owner and operators

    def commit(
        self,
        actor: Hashable,
        account: int,
        market: int,
        size: int,
        limit_price: int,
        margin: int,
        reduce_only: bool = False,
        *,
        now: int,
    ) -> int:
        require(size != 0, "exchange: zero size")
        require(market in self.fees, "exchange: market has no fees")
        require(abs(size) < _SIZE_BOUND, "math: out of range")
        require(max(limit_price, margin) < _AMOUNT_BOUND, "math: out of range")
        self.vault.lock_escrow(self, account, actor, margin, self.execution_fee, now=now)
        self.order_count += 1
        self.orders[self.order_count] = Order(
            account, market, size, limit_price, margin, self.execution_fee, now + MIN_DELAY, reduce_only
        )
        return self.order_count

    # Anyone

    def execute(self, executor: Hashable, order: int, round_: int, *, now: int) -> Outcome:
        terms = self._open_order(order)
        require(now >= terms.due, "exchange: too early")
        market = self.markets[terms.market]
        price, time = market.feed.first_round(round_, terms.due, now)
        if time > self._patience(terms):
            return self._void(order)

        market.settle(now)
        outcome: Outcome
        try:
            with atomic(self.vault, market):
                outcome = self._fill(terms, price, executor, now)
        except Rejected as failure:
            fee = terms.execution_fee
            self.vault.release_escrow(self, terms.account, terms.margin + fee, fee, executor)
            outcome = Failed(failure.reason)
        del self.orders[order]
        return outcome

    def void(self, order: int, *, now: int) -> Outcome:
        terms = self._open_order(order)
        if now <= terms.due + ABANDONED:
            _, last = self.markets[terms.market].feed.last_round()
            require(last < terms.due, "exchange: order is not void")
            require(now > self._patience(terms), "exchange: order is not void")
        return self._void(order)

    # Owner

    def set_execution_fee(self, sender: Hashable, execution_fee: int) -> None:
        require(sender == self.owner, "ownable: caller is not the owner")
        require(execution_fee <= MAX_EXECUTION_FEE, "exchange: bad parameter")
        require(execution_fee % FEE_UNIT == 0, "exchange: bad parameter")
        self.execution_fee = execution_fee

    def set_fees(self, sender: Hashable, market: int, fees: FeeConfig) -> None:
        require(sender == self.owner, "ownable: caller is not the owner")
        require(market in self.vault.markets, "vault: unknown market")
        fees.check()
        self.fees[market] = fees

    # Internal

    def _open_order(self, order: int) -> Order:
        require(order in self.orders, "exchange: no such order")
        return self.orders[order]

    def _patience(self, order: Order) -> int:
        return order.due + HEARTBEATS * self.markets[order.market].feed.config.heartbeat

    def _void(self, order: int) -> Voided:
        terms = self.orders.pop(order)
        self.vault.release_escrow(self, terms.account, terms.margin + terms.execution_fee, 0, None)
        return Voided()

    def _fill(self, order: Order, price: int, executor: Hashable, now: int) -> Filled:
        market = self.markets[order.market]
        size = self._clamped(order, market)
        quote = market.feed.quote(now)
        fast_volatility, skew = quote.fast_volatility, market.skew
        worse = max(price, quote.price) if size > 0 else min(price, quote.price)
        fill_price = market.pool.order_price(order.market, size, worse, fast_volatility, skew)
        acceptable = fill_price <= order.limit_price if size > 0 else fill_price >= order.limit_price
        require(acceptable, "exchange: beyond limit price")

        fee = self.fees[order.market].fee(mul_wad_up(abs(size), fill_price), fast_volatility)
        self.vault.fill_order(
            self, order.account, order.market, order.margin, fee, order.execution_fee, executor, True, now=now
        )
        result = market.trade(order.account, size, fill_price, now)
        self._check_account(order, fee, result, now)
        self._check_pool(order.market, abs(skew + size) > abs(skew), result, now)
        return Filled(size, fill_price, fee)

    def _clamped(self, order: Order, market: Market) -> int:
        if not order.reduce_only:
            return order.size
        held = market.book(order.account).size
        require(held * order.size < 0, "exchange: nothing to reduce")
        return clamp(order.size, -abs(held), abs(held))

    def _check_account(self, order: Order, fee: int, result: TradeResult, now: int) -> None:
        after, before = result.risk, result.before
        covered = after.equity >= after.initial
        if not order.reduce_only:
            require(covered, "exchange: below initial margin")
            within = self.rebalancer.within_risk_share(order.account, 1 << order.market, now)
            require(within, "exchange: above risk share")
        elif not covered:
            require(after.sigma_loss != 0, "exchange: risk not reduced")
            found = before.equity + fee - order.margin
            scaled_before = (found - before.maintenance) * after.sigma_loss
            scaled_after = (after.equity - after.maintenance) * before.sigma_loss
            require(scaled_after >= scaled_before, "exchange: risk not reduced")

    def _check_pool(self, market: int, inventory_grew: bool, result: TradeResult, now: int) -> None:
        if result.pool_short_initial == 0:
            return
        moved = self.vault.top_up_pool(self, market, result.pool_short_initial, now=now)
        needed = result.pool_short_initial if inventory_grew else result.pool_short_maintenance
        require(moved >= needed, "pool: below margin")
