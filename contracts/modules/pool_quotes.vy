# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title How the pool quotes
@license AGPL-3.0-only
@notice Rates are rounded up and prices against the trader; no quote ever pays a trader for reducing the pool's
        inventory, so nobody can build it up in order to be paid for taking it down.
"""

from interfaces import ILiquidityPool
from snekmate.auth import ownable

from . import errors
from . import fixed_point

uses: ownable

# quote  base_spread 32 · 224 | reference_volatility 32 · 192 | volatility_cap 32 · 160 | deviation 32 · 128 [ppm] |
#        impact_scale 64 · 64 | max_inventory 64 · 0 [1e15]

WAD: constant(uint256) = 10**18
YEAR: constant(uint256) = 365 * 86_400  # [s]
LATENCY: constant(uint256) = 12  # [s] a price is older than its round says by up to this
SIGMAS: constant(uint256) = 3  # how many standard deviations of drift an engine fill pays for

# Units of the packed quote
PPM: constant(uint256) = 10**12  # [wad] one part per million
MILLI: constant(uint256) = 10**15  # [wad] one thousandth of a unit
MASK_32: constant(uint256) = 2**32 - 1
MASK_64: constant(uint256) = 2**64 - 1

# Hard bounds. Together they keep every rate below 100 %: spread ≤ 50 %, impact ≤ 25 %, deviation ≤ 20 %.
MIN_REFERENCE_VOLATILITY: constant(uint256) = 10**16  # [wad] 1 %
MAX_REFERENCE_VOLATILITY: constant(uint256) = 10 * 10**18  # [wad] 1,000 %
MAX_BASE_SPREAD: constant(uint256) = 5 * 10**16  # [wad] 5 %
MAX_VOLATILITY_CAP: constant(uint256) = 10 * 10**18  # [wad]
MAX_DEVIATION: constant(uint256) = 20 * 10**16  # [wad] 20 %
MAX_IMPACT_SCALE: constant(uint256) = 2**64 * MILLI - MILLI  # [wad units]
MAX_INVENTORY: constant(uint256) = 2**95 - 2**95 % MILLI  # [wad units] what a book can hold
SCALE_PER_INVENTORY: constant(uint256) = 4  # impact scale over inventory limit, at least


_quotes: HashMap[uint256, uint256]  # market => packed quote


@external
@view
@reentrant
def order_price(
    market: uint256, size: int256, price: uint256, fast_volatility: uint256, skew: int256, reduce_only: bool
) -> uint256:
    """
    @notice Fill price of a two-step order: oracle price ± spread by volatility ± impact where |skew| grows.
    @dev Reverts if the pool's inventory would pass its limit while growing, but for who closes. `@reentrant`, as
         all quotes are: nothing that a request changes is in them, and an order whose price is refused is consumed.
         Else whoever could call from inside a transfer to the pool would make others' orders fail.
    @param market Market id.
    @param size Signed size of the trader's order [wad units].
    @param price Oracle price of the order's round [wad].
    @param fast_volatility Annualised [wad].
    @param skew Net size of all accounts but the pool before the trade [wad units]; the pool's inventory negated.
    @param reduce_only Whether the trader only closes: nobody is kept in by the limit, whose impact is the most he pays.
    @return Price per unit [wad], rounded against the trader.
    """
    config: ILiquidityPool.QuoteConfig = self._config(market)
    rate: uint256 = self._spread(config, fast_volatility) + self._impact(config, skew, size, reduce_only)
    if size > 0:
        return fixed_point._mul_wad_up(price, WAD + rate)
    return fixed_point._mul_wad_down(price, WAD - rate)


@external
@view
@reentrant
def engine_rate(market: uint256, fast_volatility: uint256, age: uint256) -> uint256:
    """
    @notice Half-spread of a synchronous engine fill: wide on an old price, no inventory impact.
    @dev The price can have drifted by up to the feed's deviation unseen, and no further than volatility carries it.
    @param market Market id.
    @param fast_volatility Annualised [wad].
    @param age Seconds since the round [s].
    @return Rate per unit of notional [wad], rounded up.
    """
    config: ILiquidityPool.QuoteConfig = self._config(market)
    root: uint256 = isqrt(fixed_point._mul_div_up(age + LATENCY, WAD * WAD, YEAR) - 1) + 1  # [wad] √years, rounded up
    drift: uint256 = fixed_point._mul_wad_up(SIGMAS * fast_volatility, root)
    return self._spread(config, fast_volatility) + min(config.deviation, drift)


@external
@view
@reentrant
def quote_config(market: uint256) -> ILiquidityPool.QuoteConfig:
    """
    @notice How the pool quotes a market.
    @dev Does not revert: a market without a quote reads as zeros.
    @param market Market id.
    @return All parameters, all zero where it does not quote.
    """
    return self._unpack_quote(self._quotes[market])


@external
def set_quote(market: uint256, config: ILiquidityPool.QuoteConfig):
    """
    @notice Owner only: set how the pool quotes a market, within hard bounds.
    @dev The bounds keep every price positive. An inventory limit of 0 closes the market for orders that would grow it.
    @param market Market id.
    @param config All parameters.
    """
    ownable._check_owner()
    self._check_parameter(config.base_spread, 0, MAX_BASE_SPREAD, PPM)
    self._check_parameter(config.reference_volatility, MIN_REFERENCE_VOLATILITY, MAX_REFERENCE_VOLATILITY, PPM)
    self._check_parameter(config.volatility_cap, WAD, MAX_VOLATILITY_CAP, PPM)
    self._check_parameter(config.deviation, 0, MAX_DEVIATION, PPM)
    self._check_parameter(config.max_inventory, 0, MAX_INVENTORY, MILLI)
    least_scale: uint256 = max(MILLI, SCALE_PER_INVENTORY * config.max_inventory)
    self._check_parameter(config.impact_scale, least_scale, MAX_IMPACT_SCALE, MILLI)

    self._quotes[market] = self._pack_quote(config)
    log ILiquidityPool.QuoteConfigSet(market=market, config=config)


@internal
@pure
def _spread(config: ILiquidityPool.QuoteConfig, fast_volatility: uint256) -> uint256:
    """
    @dev ⌈base · clamp(σ_fast / σ_reference, 1, cap)⌉ [wad].
    """
    ratio: uint256 = fixed_point._mul_div_up(fast_volatility, WAD, config.reference_volatility)
    return fixed_point._mul_wad_up(config.base_spread, max(WAD, min(ratio, config.volatility_cap)))


@internal
@pure
def _impact(config: ILiquidityPool.QuoteConfig, skew: int256, size: int256, reduce_only: bool) -> uint256:
    """
    @dev The mean of skew / scale along the trade, ⌈(after² − before²) / (2 · scale · |size|)⌉ [wad]; nothing where
         |skew| does not grow, and no more than at the limit.
    """
    before: uint256 = convert(abs(skew), uint256)
    after: uint256 = convert(abs(skew + size), uint256)
    if after <= before:
        return 0
    assert reduce_only or after <= config.max_inventory, errors.INVENTORY_LIMIT
    impact: uint256 = fixed_point._mul_div_up(
        after * after - before * before, WAD, 2 * config.impact_scale * convert(abs(size), uint256)
    )
    return min(impact, fixed_point._mul_div_up(config.max_inventory, WAD, config.impact_scale))


@internal
@pure
def _check_parameter(number: uint256, low: uint256, high: uint256, unit: uint256):
    """
    @dev Within its bounds, and a multiple of the unit it is stored in.
    """
    assert number >= low and number <= high and number % unit == 0, errors.POOL_PARAMETER


@internal
@view
def _config(market: uint256) -> ILiquidityPool.QuoteConfig:
    """
    @dev The stored quote of a market; one that was never set is refused.
    """
    word: uint256 = self._quotes[market]
    assert word != 0, errors.NO_QUOTE
    return self._unpack_quote(word)


@internal
@pure
def _pack_quote(config: ILiquidityPool.QuoteConfig) -> uint256:
    """
    @dev The caller has bounded every parameter, and made it a multiple of its unit.
    """
    return (
        ((config.base_spread // PPM) << 224)
        | ((config.reference_volatility // PPM) << 192)
        | ((config.volatility_cap // PPM) << 160)
        | ((config.deviation // PPM) << 128)
        | ((config.impact_scale // MILLI) << 64)
        | (config.max_inventory // MILLI)
    )


@internal
@pure
def _unpack_quote(word: uint256) -> ILiquidityPool.QuoteConfig:
    """
    @dev The twin of `_pack_quote`.
    """
    return ILiquidityPool.QuoteConfig(
        base_spread=(word >> 224) * PPM,
        reference_volatility=((word >> 192) & MASK_32) * PPM,
        volatility_cap=((word >> 160) & MASK_32) * PPM,
        deviation=((word >> 128) & MASK_32) * PPM,
        impact_scale=((word >> 64) & MASK_64) * MILLI,
        max_inventory=(word & MASK_64) * MILLI,
    )
