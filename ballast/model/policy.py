"""What an owner lets the engine do, and what the engine remembers of an account."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ballast.model.errors import require
from ballast.model.fixed_point import BPS, WAD, ceil_div
from ballast.model.vault import BOOKS

DAY = 86_400  # [s]
CENTI = 10**16
FEE_UNIT = 10**12
MIN_DISTANCE, MAX_DISTANCE = WAD, 4_095 * CENTI  # [wad] of z_trigger, of all
MAX_SLIPPAGE = 1_000  # [bps]
MAX_FEE, MAX_FEE_PER_DAY = 200 * WAD, 10_000 * WAD  # [wad]
MAX_RESERVE = (2**32 - 1) * WAD  # [wad]
MIN_MIN_MOVE, MAX_MIN_MOVE = WAD, (2**16 - 1) * WAD  # [wad]
MASK_14, MASK_128 = 2**14 - 1, 2**128 - 1

REQUEST_DELAY = 30  # [s] from a request to the first round that may fill it
PATIENCE = 7_200  # [s] a request waits
SHARE_UNIT = 10**15  # [wad]


@dataclass(frozen=True)
class Policy:
    """What an owner lets the engine do: `IRebalancer.Policy`."""

    enabled: bool = False
    z_trigger: int = 0  # [wad]
    z_target: int = 0  # [wad]
    z_donor: int = 0  # [wad]
    z_delever: int = 0  # [wad]
    z_delever_target: int = 0  # [wad]
    treasury_reserve: int = 0  # [wad]
    allow_borrow: bool = False
    containment: int = 0  # [bps]
    max_risk_share: int = 0  # [bps]
    risk_budget: int = 0  # [bps]
    max_slippage: int = 0  # [bps]
    max_delever: int = 0  # [bps]
    min_move: int = 0  # [wad]
    cooldown: int = 0  # [s]
    max_fee: int = 0  # [wad]
    max_fee_per_day: int = 0  # [wad]
    no_fund: int = 0  # bits by market id
    no_tap: int = 0  # bits by market id

    def check(self) -> None:
        """Every field within its hard bounds and a multiple of what it is kept in."""
        require(self.z_trigger >= MIN_DISTANCE and self.z_target <= MAX_DISTANCE, "policy: distance out of bounds")
        require(self.z_trigger <= self.z_donor <= self.z_target, "policy: distances out of order")
        require(self.z_delever <= self.z_delever_target <= self.z_target, "policy: distances out of order")
        centi = (self.z_trigger, self.z_target, self.z_donor, self.z_delever, self.z_delever_target)
        fine = sum(figure % CENTI for figure in (*centi, self.max_fee, self.max_fee_per_day))
        require(fine + self.treasury_reserve % WAD + self.min_move % WAD == 0, "policy: too precise")
        require(max(self.containment, self.risk_budget) <= BPS, "policy: share out of bounds")
        require(0 < self.max_risk_share <= BPS, "policy: share out of bounds")
        require(self.max_slippage <= MAX_SLIPPAGE, "policy: slippage out of bounds")
        require(self.max_delever <= BPS, "policy: delever out of bounds")
        most = 0 if self.allow_borrow else MAX_RESERVE
        require(self.treasury_reserve <= most, "policy: reserve out of bounds")
        require(MIN_MIN_MOVE <= self.min_move <= MAX_MIN_MOVE, "policy: min move out of bounds")
        require(self.cooldown <= DAY, "policy: cooldown out of bounds")
        require(self.max_fee <= MAX_FEE and self.max_fee_per_day <= MAX_FEE_PER_DAY, "policy: fee out of bounds")
        require(max(self.no_fund, self.no_tap) <= MASK_128, "policy: no such market id")


@dataclass(frozen=True)
class Request:
    """A cut that was asked for."""

    market: int
    share: int  # [wad] of the book
    asked: int  # [s]

    @property
    def due(self) -> int:
        """It is filled at a round from then on [s]."""
        return self.asked + REQUEST_DELAY


@dataclass(frozen=True)
class State:
    """What the engine remembers of an account."""

    last_call: int = 0  # [s]
    digest: int = 0
    fees: int = 0  # [wad] paid, decaying over a day
    contained: tuple[int, ...] = (0,) * BOOKS  # [bps] net inflow by slot, decaying over a day
    requests: dict[int, Request] = field(default_factory=dict)  # by slot

    def decayed(self, now: int) -> State:
        """As it counts now, rounded up."""
        rest = max(DAY - (now - self.last_call), 0)
        contained = tuple(ceil_div(used * rest, DAY) for used in self.contained)
        return replace(self, fees=ceil_div(self.fees * rest, DAY), contained=contained)

    def live_requests(self, now: int) -> dict[int, Request]:
        """Those that are not too old."""
        if now > self.last_call + PATIENCE:
            return {}
        return {slot: request for slot, request in self.requests.items() if now - request.asked <= PATIENCE}

    def stored(self) -> State:
        """As its slot keeps it."""
        fees = min(ceil_div(self.fees, FEE_UNIT), 2**40 - 1) * FEE_UNIT
        return replace(self, fees=fees, contained=tuple(min(used, MASK_14) for used in self.contained))
