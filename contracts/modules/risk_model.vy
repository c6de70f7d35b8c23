# pragma version 0.4.3
"""
@title What a book of perpetuals needs
@license AGPL-3.0-only
@notice The scenario margin of protocol.md §4 in closed form. A book that holds nothing but a perpetual loses in
        proportion to the adverse move, so of the scenarios {0, ±⅓, ±⅔, ±1}·R the worst is a whole R, and the extreme
        move of 3R counted at one third is at most that same R (less where the price factor is clamped). Implied
        volatility moves nothing and there are no short strikes: one product takes the place of the loop.

            R(σ) = clamp(k·σ·√day, min, max)
            maintenance  = N · (R(σ_slow) + close)
            initial      = N · (ratio · R(max(σ_fast, σ_slow)) + close)
            donor floor  = N · (ratio · R(σ_slow) + close)
            sigma loss   = N · clamp(σ_fast · √horizon, 1 bp, 95 %)

        Requirements are rounded up, equity down. Bounds that make the unchecked arithmetic safe: |size| ≤ 2^95 and
        |base| ≤ 2^103 (a book's slot), |funding| < 2^111 (what is stored and what can accrue on it), prices < 2^96 and
        volatilities < 2^72 (the oracle's slots), risk parameters < 2^72 (their hard bounds).
"""

from interfaces import IMarket
from interfaces import IPriceOracle
from interfaces import IRiskModel


WAD: constant(uint256) = 10**18
SIGNED_WAD: constant(int256) = 10**18
ROUND_UP: constant(uint256) = WAD - 1  # added before a division by WAD
FLOOR_OFFSET: constant(int256) = 2**160  # above any |profit|

RISK_HORIZON: constant(uint256) = 3_600  # [s] over which sigma loss is measured
SQRT_DAY: constant(uint256) = 52_342_392_259_021_371  # [wad] √(1 day / 1 year), rounded up
SQRT_HORIZON: constant(uint256) = 10_684_346_079_267_206  # [wad] √(RISK_HORIZON / 1 year), rounded up

MIN_SIGMA_RATE: constant(uint256) = 10**14  # [wad] 1 bp
MAX_SIGMA_RATE: constant(uint256) = 95 * 10**16  # [wad] 95 %

TAKE: constant(uint256) = 4  # gate: the owner may take margin out


# The market's present prices, and what they ask of one unit of notional
struct Mark:
    price: uint256  # [wad]
    average: uint256  # [wad]
    funding: int256  # [wad] cumulative per unit
    maintenance_rate: uint256  # [wad]
    initial_rate: uint256  # [wad]
    donor_floor_rate: uint256  # [wad]
    sigma_rate: uint256  # [wad]
    round: uint256
    gates: uint256
    epochs: uint256  # how often either side bore a loss, of which a book may not know yet


@internal
@pure
def _mark(
    params: IRiskModel.RiskParams, quote: IPriceOracle.Quote, funding: int256, gates: uint256, epochs: uint256
) -> Mark:
    """
    @dev Everything about a book's risk that does not depend on the book. Products are rounded up in place, here and
         below: a helper would take 60 to 100 gas a call, and engines value up to eight books at once.
    """
    slow_range: uint256 = self._price_range(params, quote.slow_volatility)
    donor_floor_rate: uint256 = unsafe_add(
        unsafe_div(unsafe_add(unsafe_mul(params.initial_ratio, slow_range), ROUND_UP), WAD), params.close_rate
    )
    initial_rate: uint256 = donor_floor_rate
    if quote.fast_volatility > quote.slow_volatility:
        fast_range: uint256 = self._price_range(params, quote.fast_volatility)
        initial_rate = unsafe_add(
            unsafe_div(unsafe_add(unsafe_mul(params.initial_ratio, fast_range), ROUND_UP), WAD), params.close_rate
        )
    sigma_rate: uint256 = unsafe_div(unsafe_add(unsafe_mul(quote.fast_volatility, SQRT_HORIZON), ROUND_UP), WAD)
    return Mark(
        price=quote.price,
        average=quote.average,
        funding=funding,
        maintenance_rate=unsafe_add(slow_range, params.close_rate),
        initial_rate=initial_rate,
        donor_floor_rate=donor_floor_rate,
        sigma_rate=max(MIN_SIGMA_RATE, min(sigma_rate, MAX_SIGMA_RATE)),
        round=quote.round,
        gates=gates,
        epochs=epochs,
    )


@internal
@pure
def _book_risk(mark: Mark, size: int256, base: int256) -> IMarket.BookRisk:
    """
    @dev The risk of one book. What the owner may take out is measured at the oracle price and at its average, so that
         a pumped profit cannot leave.
    """
    units: uint256 = convert(size if size > 0 else unsafe_sub(0, size), uint256)
    equity: int256 = self._equity(size, base, mark.price, mark.funding)
    exposure: uint256 = unsafe_div(unsafe_add(unsafe_mul(units, mark.price), ROUND_UP), WAD)
    initial: uint256 = unsafe_div(unsafe_add(unsafe_mul(exposure, mark.initial_rate), ROUND_UP), WAD)
    withdrawable: int256 = 0
    if mark.gates & TAKE != 0:
        withdrawable = unsafe_sub(equity, convert(initial, int256))
        if mark.average != mark.price and withdrawable > 0:
            average_equity: int256 = self._equity(size, base, mark.average, mark.funding)
            average_exposure: uint256 = unsafe_div(unsafe_add(unsafe_mul(units, mark.average), ROUND_UP), WAD)
            average_initial: uint256 = unsafe_div(
                unsafe_add(unsafe_mul(average_exposure, mark.initial_rate), ROUND_UP), WAD
            )
            withdrawable = min(withdrawable, unsafe_sub(average_equity, convert(average_initial, int256)))
    return IMarket.BookRisk(
        equity=equity,
        maintenance=unsafe_div(unsafe_add(unsafe_mul(exposure, mark.maintenance_rate), ROUND_UP), WAD),
        initial=initial,
        sigma_loss=unsafe_div(unsafe_add(unsafe_mul(exposure, mark.sigma_rate), ROUND_UP), WAD),
        withdrawable=convert(max(withdrawable, 0), uint256),
        donor_floor=unsafe_div(unsafe_add(unsafe_mul(exposure, mark.donor_floor_rate), ROUND_UP), WAD),
        exposure=exposure,
        round=mark.round,
        gates=mark.gates,
    )


@internal
@pure
def _price_range(params: IRiskModel.RiskParams, volatility: uint256) -> uint256:
    """
    @dev R(σ) = clamp(⌈k·σ·√day⌉, min, max) [wad]. The product is below 2^72 · 2^72 · 2^56.
    """
    product: uint256 = unsafe_mul(unsafe_mul(params.range_multiplier, volatility), SQRT_DAY)
    move: uint256 = unsafe_div(unsafe_add(product, WAD * WAD - 1), WAD * WAD)
    return max(params.range_min, min(move, params.range_max))


@internal
@pure
def _equity(size: int256, base: int256, price: uint256, funding: int256) -> int256:
    """
    @dev base + ⌊size · (price − funding)⌋ [wad]. The product is below 2^95 · 2^112. Adding and taking off a multiple of
         WAD makes the division one of a positive number, and so a floor.
    """
    product: int256 = unsafe_mul(size, unsafe_sub(convert(price, int256), funding))
    profit: int256 = unsafe_sub(unsafe_div(unsafe_add(product, FLOOR_OFFSET * SIGNED_WAD), SIGNED_WAD), FLOOR_OFFSET)
    return unsafe_add(base, profit)


@internal
@pure
def _liquidation_price(maintenance_rate: uint256, size: int256, base: int256, funding: int256) -> uint256:
    """
    @dev The p of base + size · (p − funding) = |size| · p · rate [wad], rounded toward the present price of a healthy
         book; 0 where there is none.
    """
    if size == 0:
        return 0
    rate: int256 = convert(maintenance_rate, int256)
    slope: int256 = size - abs(size) * rate // SIGNED_WAD  # [wad units] gain of e − mm per unit of price
    constant_part: int256 = base * SIGNED_WAD - size * funding  # [wad · wad] e − mm at a price of 0
    if slope == 0 or constant_part == 0 or (constant_part > 0) == (slope > 0):
        return 0
    price: int256 = -constant_part // slope
    if slope > 0 and price * slope != -constant_part:
        price += 1
    return convert(price, uint256)
