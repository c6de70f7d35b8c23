"""What the protocol is made of, as values: Decimal US dollars, units and z; timedelta for times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import IntEnum, IntFlag
from typing import Any

from ballast.client.units import distance, from_wad, to_wad
from ballast.params import PolicyParams


class Right(IntFlag):
    """What an owner can let an operator do."""

    TRADE = 1
    MARGIN = 2
    WITHDRAW = 4


class Gate(IntFlag):
    """What a market lets happen to a book now."""

    OPEN = 1
    REDUCE = 2
    TAKE = 4
    FILL = 8
    TAP = 16


class State(IntEnum):
    """State of a market."""

    ACTIVE = 0
    REDUCE_ONLY = 1
    HALTED = 2


def at_time(timestamp: int) -> datetime:
    """A block's time."""
    return datetime.fromtimestamp(timestamp, UTC)


@dataclass(frozen=True)
class Market:
    """An underlying as it stands now."""

    id: int
    name: str
    state: State
    price: Decimal  # [USD]
    average: Decimal  # [USD] over 30 minutes
    fast_volatility: Decimal  # annualised
    slow_volatility: Decimal  # annualised
    updated_at: datetime
    skew: Decimal  # [units] net size of all accounts but the pool
    open_interest: Decimal  # [units] each side


@dataclass(frozen=True)
class Book:
    """One account's whole exposure in one market, with its margin: a position."""

    market: str
    slot: int
    frozen: bool  # its market cannot price itself: only stored figures are given
    size: Decimal  # [units] long if positive
    price: Decimal  # [USD]
    liquidation_price: Decimal  # [USD] 0 where no price liquidates it
    z: Decimal  # one-sigma hours away from liquidation
    equity: Decimal  # [USD]
    maintenance: Decimal  # [USD]
    initial: Decimal  # [USD]
    sigma_loss: Decimal  # [USD]
    withdrawable: Decimal  # [USD]
    exposure: Decimal  # [USD]
    gates: Gate

    @property
    def leverage(self) -> Decimal:
        """Exposure over equity; infinite where no equity is left."""
        return self.exposure / self.equity if self.equity > 0 else Decimal("Infinity")

    @classmethod
    def of(cls, market: str, raw: Any) -> Book:
        """From `Lens.BookReport`."""
        return cls(
            market=market,
            slot=raw.slot,
            frozen=raw.frozen,
            size=from_wad(raw.size),
            price=from_wad(raw.price),
            liquidation_price=from_wad(raw.liquidation_price),
            z=distance(raw.z),
            equity=from_wad(raw.risk.equity),
            maintenance=from_wad(raw.risk.maintenance),
            initial=from_wad(raw.risk.initial),
            sigma_loss=from_wad(raw.risk.sigma_loss),
            withdrawable=from_wad(raw.risk.withdrawable),
            exposure=from_wad(raw.risk.exposure),
            gates=Gate(raw.risk.gates),
        )


@dataclass(frozen=True)
class Treasury:
    """The free part of an account."""

    cash: Decimal  # [USD] negative: debt
    escrow: Decimal  # [USD] behind open orders
    locked: Decimal  # [USD] of cash, for books only

    @property
    def debt(self) -> Decimal:
        """What the account owes [USD]."""
        return max(-self.cash, Decimal(0))


@dataclass(frozen=True)
class Leg:
    """What an order trades in one market."""

    market: str
    size: Decimal  # [units] buys if positive
    limit_price: Decimal  # [USD]
    margin: Decimal  # [USD]

    @classmethod
    def of(cls, market: str, raw: Any) -> Leg:
        """From `IExchange.Leg`."""
        return cls(market, *map(from_wad, (raw.size, raw.limit_price, raw.margin)))


@dataclass(frozen=True)
class Order:
    """A committed order: all of its legs are filled, or none."""

    id: int
    account: int
    execution_fee: Decimal  # [USD]
    due: datetime  # each leg is filled by its feed's first round at or after this time
    reduce_only: bool
    legs: tuple[Leg, ...]

    @classmethod
    def of(cls, id_: int, names: Mapping[int, str], raw: Any) -> Order:
        """From `IExchange.Order` or its event; `names` are the markets' by id."""
        return cls(
            id=id_,
            account=raw.account,
            execution_fee=from_wad(raw.execution_fee),
            due=at_time(raw.due),
            reduce_only=raw.reduce_only,
            legs=tuple(Leg.of(names[leg.market], leg) for leg in raw.legs),
        )


_WADS = (
    *("z_trigger", "z_target", "z_donor", "z_delever", "z_delever_target"),
    *("treasury_reserve", "min_move", "max_fee", "max_fee_per_day"),
)
_SHARES = ("containment", "max_risk_share", "risk_budget", "max_slippage", "max_delever")
_BPS = 10_000


@dataclass(frozen=True)
class Policy:
    """What an owner lets the engine do. Shares are fractions: Decimal("0.4") is 40 %."""

    enabled: bool
    z_trigger: Decimal
    z_target: Decimal
    z_donor: Decimal
    z_delever: Decimal
    z_delever_target: Decimal
    treasury_reserve: Decimal  # [USD]
    allow_borrow: bool
    containment: Decimal
    max_risk_share: Decimal
    risk_budget: Decimal
    max_slippage: Decimal
    max_delever: Decimal
    min_move: Decimal  # [USD]
    cooldown: timedelta
    max_fee: Decimal  # [USD]
    max_fee_per_day: Decimal  # [USD]
    no_fund: frozenset[int] = frozenset()  # ids of markets whose books are never filled
    no_tap: frozenset[int] = frozenset()  # ids of markets whose books never give

    @classmethod
    def of(cls, raw: Any) -> Policy:
        """From `IRebalancer.Policy`, or from a parameters file's."""
        return cls(
            enabled=raw.enabled,
            allow_borrow=raw.allow_borrow,
            cooldown=timedelta(seconds=raw.cooldown),
            no_fund=_markets(raw.no_fund),
            no_tap=_markets(raw.no_tap),
            **{name: from_wad(getattr(raw, name)) for name in _WADS},
            **{name: Decimal(getattr(raw, name)) / _BPS for name in _SHARES},
        )

    @classmethod
    def default(cls, params: PolicyParams) -> Policy:
        """The policy of a parameters file."""
        return cls.of(params)

    def but(self, **changes: Any) -> Policy:
        """This policy with some fields replaced, by name; unknown names are refused."""
        known = {field.name for field in fields(self)}
        if unknown := set(changes) - known:
            names = [", ".join(sorted(each)) for each in (unknown, known)]
            raise ValueError(f"no such policy field: {names[0]}; known are {names[1]}")
        return replace(self, **changes)

    def struct(self) -> dict[str, Any]:
        """`IRebalancer.Policy`."""
        shares = {name: getattr(self, name) * _BPS for name in _SHARES}
        for name, share in shares.items():
            if share != share.to_integral_value():
                raise ValueError(f"{name}: expected whole basis points, got {getattr(self, name)}")
        return {
            "enabled": self.enabled,
            "allow_borrow": self.allow_borrow,
            "cooldown": int(self.cooldown.total_seconds()),
            "no_fund": sum(1 << market for market in self.no_fund),
            "no_tap": sum(1 << market for market in self.no_tap),
            **{name: to_wad(getattr(self, name)) for name in _WADS},
            **{name: int(share) for name, share in shares.items()},
        }


def _markets(bits: int) -> frozenset[int]:
    return frozenset(market for market in range(128) if bits >> market & 1)


@dataclass(frozen=True)
class Rebalance:
    """What a rebalance moved, from its event."""

    account: int
    keeper: str
    moved: Decimal  # [USD]
    transfers: int
    cuts: int
    cost: Decimal  # [USD] of all cuts
    reward: Decimal  # [USD]
    min_z_before: Decimal
    min_z_after: Decimal

    @classmethod
    def of(cls, event: Any) -> Rebalance:
        """From `Rebalanced`."""
        return cls(
            account=event.account,
            keeper=event.keeper,
            moved=from_wad(event.moved),
            transfers=event.transfers,
            cuts=event.cuts,
            cost=from_wad(event.cost),
            reward=from_wad(event.reward),
            min_z_before=distance(event.min_z_before),
            min_z_after=distance(event.min_z_after),
        )
