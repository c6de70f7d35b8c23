"""What a book of perpetuals needs, bit-exact with `contracts/modules/risk_model.vy`; the formulas are derived there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ballast.model.fixed_point import WAD, clamp, floor_div, mul_wad_up

if TYPE_CHECKING:
    from ballast.model.oracle import Quote

RISK_HORIZON = 3_600  # [s] over which sigma loss is measured
SQRT_DAY = 52_342_392_259_021_371  # [wad] √(1 day / 1 year), rounded up
SQRT_HORIZON = 10_684_346_079_267_206  # [wad] √(RISK_HORIZON / 1 year), rounded up

MIN_SIGMA_RATE = 10**14  # [wad] 1 bp
MAX_SIGMA_RATE = 95 * 10**16  # [wad] 95 %

# Gates: what a market's state lets happen to a book
OPEN, REDUCE, TAKE, FILL, TAP = 1, 2, 4, 8, 16


@dataclass(frozen=True)
class RiskParams:
    """The five parameters of the risk model."""

    range_multiplier: int  # [wad] the price range in one-day standard deviations
    range_min: int  # [wad] least price range, relative
    range_max: int  # [wad] largest price range, relative
    initial_ratio: int  # [wad] initial over maintenance price range
    close_rate: int  # [wad] cost of closing per unit of notional


@dataclass(frozen=True, slots=True)
class BookRisk:
    """What a market tells about one book."""

    equity: int  # [wad] margin and mark-to-market at the oracle price
    maintenance: int  # [wad] below it the book may be liquidated
    initial: int  # [wad] needed to open
    sigma_loss: int  # [wad] loss in an adverse one-sigma move over the horizon; 0 = no legs
    withdrawable: int  # [wad] what the owner may take out now
    donor_floor: int  # [wad] initial margin at slow volatility
    exposure: int  # [wad] gross notional at the oracle price
    round: int  # identifies the prices behind these figures
    gates: int  # bits


@dataclass(frozen=True, slots=True)
class Mark:
    """A market's present prices, and what they ask of one unit of notional."""

    price: int  # [wad]
    average: int  # [wad]
    funding: int  # [wad] cumulative per unit
    maintenance_rate: int  # [wad]
    initial_rate: int  # [wad]
    donor_floor_rate: int  # [wad]
    sigma_rate: int  # [wad]
    round: int
    gates: int


def mark_of(params: RiskParams, quote: Quote, funding: int, gates: int) -> Mark:
    """Everything about a book's risk that does not depend on the book."""
    slow_range = price_range(params, quote.slow_volatility)
    fast_range = price_range(params, max(quote.fast_volatility, quote.slow_volatility))
    sigma_rate = mul_wad_up(quote.fast_volatility, SQRT_HORIZON)
    return Mark(
        price=quote.price,
        average=quote.average,
        funding=funding,
        maintenance_rate=slow_range + params.close_rate,
        initial_rate=mul_wad_up(params.initial_ratio, fast_range) + params.close_rate,
        donor_floor_rate=mul_wad_up(params.initial_ratio, slow_range) + params.close_rate,
        sigma_rate=clamp(sigma_rate, MIN_SIGMA_RATE, MAX_SIGMA_RATE),
        round=quote.round,
        gates=gates,
    )


def book_risk(mark: Mark, size: int, base: int) -> BookRisk:
    """The risk of one book. The owner's withdrawals are measured at the oracle price and at its average."""
    exposure = notional(size, mark.price)
    equity = equity_of(size, base, mark.price, mark.funding)
    initial = mul_wad_up(exposure, mark.initial_rate)
    withdrawable = 0
    if mark.gates & TAKE:
        average_initial = mul_wad_up(notional(size, mark.average), mark.initial_rate)
        average_equity = equity_of(size, base, mark.average, mark.funding)
        withdrawable = max(0, min(equity - initial, average_equity - average_initial))
    return BookRisk(
        equity=equity,
        maintenance=mul_wad_up(exposure, mark.maintenance_rate),
        initial=initial,
        sigma_loss=mul_wad_up(exposure, mark.sigma_rate),
        withdrawable=withdrawable,
        donor_floor=mul_wad_up(exposure, mark.donor_floor_rate),
        exposure=exposure,
        round=mark.round,
        gates=mark.gates,
    )


def price_range(params: RiskParams, volatility: int) -> int:
    """R(σ) = clamp(⌈k·σ·√day⌉, min, max) [wad]."""
    move = -(-params.range_multiplier * volatility * SQRT_DAY // WAD**2)
    return clamp(move, params.range_min, params.range_max)


def equity_of(size: int, base: int, price: int, funding: int) -> int:
    """base + ⌊size · (price − funding)⌋ [wad]."""
    return base + floor_div(size * (price - funding), WAD)


def notional(size: int, price: int) -> int:
    """⌈|size| · price⌉ [wad]."""
    return mul_wad_up(abs(size), price)


def liquidation_price(maintenance_rate: int, size: int, base: int, funding: int) -> int:
    """The p of base + size · (p − funding) = |size| · p · rate [wad]; 0 where there is none."""
    if size == 0:
        return 0
    slope = size - abs(size) * maintenance_rate // WAD
    constant_part = base * WAD - size * funding
    if slope == 0 or constant_part == 0 or (constant_part > 0) == (slope > 0):
        return 0
    return -(constant_part // slope) if slope > 0 else -constant_part // slope
