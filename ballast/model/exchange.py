"""`Exchange.vy` in integers: two-step orders against the pool. Times are [s], all else [wad]."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ballast.model.atomic import atomic
from ballast.model.errors import Rejected, require
from ballast.model.fixed_point import WAD, clamp, mul_div_up, mul_wad_down, mul_wad_up
from ballast.model.vault import LIQUIDATOR

if TYPE_CHECKING:
    from ballast.model.market import Market, TradeResult
    from ballast.model.oracle import Quote
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
class Leg:
    """What an order trades in one market."""

    market: int
    size: int
    limit_price: int
    margin: int


@dataclass(frozen=True)
class Order:
    """An open order."""

    account: int
    execution_fee: int
    due: int
    reduce_only: bool
    legs: tuple[Leg, ...]

    @property
    def margin(self) -> int:
        """Of all legs."""
        return sum(leg.margin for leg in self.legs)


@dataclass(frozen=True)
class Proof:
    """A leg's round, proven to be its first."""

    round: int
    price: int
    time: int


@dataclass(frozen=True)
class Fill:
    """A leg became a trade."""

    market: int
    round: int
    size: int
    price: int
    fee: int


@dataclass(frozen=True)
class Filled:
    """All legs became trades."""

    fills: tuple[Fill, ...]


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

    def commit(self, actor: Hashable, account: int, legs: Sequence[Leg], reduce_only: bool = False, *, now: int) -> int:
        require(len(legs) != 0, "exchange: no legs")
        markets: set[int] = set()
        for leg in legs:
            require(leg.size != 0, "exchange: zero size")
            require(leg.market in self.fees, "exchange: market has no fees")
            require(leg.market not in markets, "exchange: market twice")
            markets.add(leg.market)
            require(abs(leg.size) < _SIZE_BOUND, "math: out of range")
            require(max(leg.limit_price, leg.margin) < _AMOUNT_BOUND, "math: out of range")
        order = Order(account, self.execution_fee, now + MIN_DELAY, reduce_only, tuple(legs))
        self.vault.lock_escrow(self, account, actor, order.margin, order.execution_fee, now=now)
        self.order_count += 1
        self.orders[self.order_count] = order
        return self.order_count

    # Anyone

    def execute(self, executor: Hashable, order: int, rounds: Sequence[int], *, now: int) -> Outcome:
        terms = self._open_order(order)
        require(now >= terms.due, "exchange: too early")
        require(len(rounds) == len(terms.legs), "exchange: rounds and legs differ")
        with atomic(*(self.markets[leg.market].feed for leg in terms.legs)):
            proofs = self._prove(terms, rounds, now)
        if proofs is None:
            return self._void(order, now)

        outcome: Outcome
        try:
            with atomic(self.vault, *(self.markets[leg.market] for leg in terms.legs)):
                outcome = self._fill(terms, proofs, executor, now)
        except Rejected as failure:
            fee = terms.execution_fee
            self.vault.release_escrow(self, terms.account, terms.margin + fee, fee, executor, now=now)
            outcome = Failed(failure.reason)
        del self.orders[order]
        return outcome

    def void(self, order: int, *, now: int) -> Outcome:
        terms = self._open_order(order)
        abandoned = now > terms.due + ABANDONED
        require(abandoned or self._is_missed(terms, now), "exchange: order is not void")
        return self._void(order, now)

    # Liquidators

    def void_for_liquidation(self, sender: Hashable, account: int, orders: Sequence[int], *, now: int) -> None:
        require(self.vault.roles.get(sender, 0) & LIQUIDATOR != 0, "access: not the engine")
        open_ = [order for order in dict.fromkeys(orders) if order in self.orders]
        require(all(self.orders[order].account == account for order in open_), "exchange: another's order")
        for order in open_:
            self._void(order, now)

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

    def _prove(self, order: Order, rounds: Sequence[int], now: int) -> list[Proof] | None:
        """The legs' rounds, settled; nothing where one of them came too late."""
        proofs = []
        for leg, round_ in zip(order.legs, rounds, strict=True):
            market = self.markets[leg.market]
            price, time, heartbeat = market.feed.first_round(round_, order.due, now)
            if time > order.due + HEARTBEATS * heartbeat:
                return None
            market.settle(now)
            proofs.append(Proof(round_, price, time))
        return proofs

    def _is_missed(self, order: Order, now: int) -> bool:
        feeds = [self.markets[leg.market].feed for leg in order.legs]
        return any(
            feed.last_round()[1] < order.due and now > order.due + HEARTBEATS * feed.config.heartbeat for feed in feeds
        )

    def _void(self, order: int, now: int) -> Voided:
        terms = self.orders.pop(order)
        self.vault.release_escrow(self, terms.account, terms.margin + terms.execution_fee, 0, None, now=now)
        return Voided()

    def _fill(self, order: Order, proofs: Sequence[Proof], executor: Hashable, now: int) -> Filled:
        latest = max(proof.time for proof in proofs)
        fills = tuple(
            self._fill_leg(order, leg, proof, latest, executor, now)
            for leg, proof in zip(order.legs, proofs, strict=True)
        )
        if not order.reduce_only:
            markets = sum(1 << leg.market for leg in order.legs)
            within = self.rebalancer.within_risk_share(order.account, markets, now)
            require(within, "exchange: above risk share")
        return Filled(fills)

    def _fill_leg(self, order: Order, leg: Leg, proof: Proof, latest: int, executor: Hashable, now: int) -> Fill:
        market = self.markets[leg.market]
        size = self._clamped(order, leg, market)
        quote, skew = market.feed.quote(now), market.skew
        price = self._price(market, size, proof.price, quote, order.reduce_only, latest)
        acceptable = price <= leg.limit_price if size > 0 else price >= leg.limit_price
        require(acceptable, "exchange: beyond limit price")

        fee = self.fees[leg.market].fee(mul_wad_up(abs(size), price), quote.fast_volatility)
        last = leg is order.legs[-1]
        execution_fee = order.execution_fee if last else 0
        self.vault.fill_order(self, order.account, leg.market, leg.margin, fee, execution_fee, executor, last, now=now)
        result = market.trade(order.account, size, price, now)
        self._check_book(order, leg, fee, result)
        self._check_pool(leg.market, abs(skew + size) > abs(skew), result, now)
        return Fill(leg.market, proof.round, size, price, fee)

    def _clamped(self, order: Order, leg: Leg, market: Market) -> int:
        if not order.reduce_only:
            return leg.size
        held = market.book(order.account).size
        require(held * leg.size < 0, "exchange: nothing to reduce")
        return clamp(leg.size, -abs(held), abs(held))

    def _price(self, market: Market, size: int, round_price: int, quote: Quote, reduce_only: bool, latest: int) -> int:
        volatility, gap = quote.fast_volatility, latest - quote.updated_at
        worse = max(round_price, quote.price) if size > 0 else min(round_price, quote.price)
        price = market.pool.order_price(market.id, size, worse, volatility, market.skew, reduce_only)
        if gap <= 0:
            return price
        rate = market.pool.engine_rate(market.id, volatility, gap)
        if size > 0:
            return max(price, mul_wad_up(quote.price, WAD + rate))
        return min(price, mul_wad_down(quote.price, WAD - rate))

    def _check_book(self, order: Order, leg: Leg, fee: int, result: TradeResult) -> None:
        after, before = result.risk, result.before
        if after.equity >= after.initial:
            return
        require(order.reduce_only, "exchange: below initial margin")
        require(after.sigma_loss != 0, "exchange: risk not reduced")
        found = before.equity + fee - leg.margin
        scaled_before = (found - before.maintenance) * after.sigma_loss
        scaled_after = (after.equity - after.maintenance) * before.sigma_loss
        require(scaled_after >= scaled_before, "exchange: risk not reduced")

    def _check_pool(self, market: int, inventory_grew: bool, result: TradeResult, now: int) -> None:
        if result.pool_short_initial == 0:
            return
        moved = self.vault.top_up_pool(self, market, result.pool_short_initial, now=now)
        needed = result.pool_short_initial if inventory_grew else result.pool_short_maintenance
        require(moved >= needed, "pool: below margin")
