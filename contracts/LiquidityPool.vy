# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title The account that takes the other side
@license AGPL-3.0-only
@notice The pool is an ordinary account of the vault, funded by its owner. It quotes around the oracle price and holds
        no money itself. Rates are rounded up and prices against the trader; no quote ever pays a trader for reducing
        the pool's inventory, so nobody can build it up in order to be paid for taking it down.
@custom:kill The owner takes what is free (`defund`); trades that the pool can no longer margin are refused.
"""

from ethereum.ercs import IERC20
from snekmate.auth import ownable

from interfaces import ILiquidityPool
from interfaces import IVault

from contracts.modules import errors
from contracts.modules import fixed_point

implements: ILiquidityPool

initializes: ownable

exports: (
    ownable.owner,
    ownable.transfer_ownership,
)


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

VAULT: public(immutable(IVault))
TOKEN: public(immutable(IERC20))
ACCOUNT: public(immutable(uint256))

_quotes: HashMap[uint256, uint256]  # market => packed quote


@deploy
def __init__(vault: address, token: address):
    """
    @notice Opens the pool's account; the deployer owns the pool.
    @param vault The vault.
    @param token The vault's settlement token.
    """
    ownable.__init__()
    VAULT = IVault(vault)
    TOKEN = IERC20(token)
    ACCOUNT = extcall IVault(vault).open_account(self)


# ------------------------------------------------------------------------------------------------
# Anyone
# ------------------------------------------------------------------------------------------------


@external
@view
def order_price(market: uint256, size: int256, price: uint256, fast_volatility: uint256, skew: int256) -> uint256:
    """
    @notice Fill price of a two-step order: oracle price ± spread by volatility ± impact where |skew| grows.
    @dev Reverts if the pool's inventory would pass its limit while growing.
    @param market Market id.
    @param size Signed size of the trader's order [wad units].
    @param price Oracle price of the order's round [wad].
    @param fast_volatility Annualised [wad].
    @param skew Net size of all accounts but the pool before the trade [wad units]; the pool's inventory negated.
    @return Price per unit [wad], rounded against the trader.
    """
    config: ILiquidityPool.QuoteConfig = self._config(market)
    rate: uint256 = self._spread(config, fast_volatility) + self._impact(config, skew, size)
    if size > 0:
        return fixed_point._mul_wad_up(price, WAD + rate)
    return fixed_point._mul_wad_down(price, WAD - rate)


@external
@view
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
def quote_config(market: uint256) -> ILiquidityPool.QuoteConfig:
    """
    @notice How the pool quotes a market.
    @dev Does not revert: a market without a quote reads as zeros.
    @param market Market id.
    @return All parameters, all zero where it does not quote.
    """
    return self._unpack_quote(self._quotes[market])


# ------------------------------------------------------------------------------------------------
# Owner
# ------------------------------------------------------------------------------------------------


@external
def fund(amount: uint256):
    """
    @notice Owner only: pull settlement tokens from the owner into the pool's account.
    @dev Leaves no allowance behind: the vault takes all of it.
    @param amount Tokens [raw].
    """
    ownable._check_owner()

    log ILiquidityPool.Funded(sender=msg.sender, amount=amount)
    assert extcall TOKEN.transferFrom(
        msg.sender, self, amount, default_return_value=True
    ), errors.TRANSFER_FAILED
    assert extcall TOKEN.approve(VAULT.address, amount, default_return_value=True), errors.TRANSFER_FAILED
    extcall VAULT.deposit(ACCOUNT, TOKEN.address, amount)


@external
def defund(amount: uint256, receiver: address):
    """
    @notice Owner only: take free cash out of the pool's account.
    @dev Margin in the pool's books is out of reach: traders' profits are paid from there.
    @param amount Tokens [raw].
    @param receiver Who gets them.
    """
    ownable._check_owner()

    log ILiquidityPool.Defunded(receiver=receiver, amount=amount)
    extcall VAULT.withdraw(ACCOUNT, TOKEN.address, amount, receiver)


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


# ------------------------------------------------------------------------------------------------
# Rates
# ------------------------------------------------------------------------------------------------


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
def _impact(config: ILiquidityPool.QuoteConfig, skew: int256, size: int256) -> uint256:
    """
    @dev The mean of skew / scale along the trade, ⌈(after² − before²) / (2 · scale · |size|)⌉ [wad]; nothing where
         |skew| does not grow.
    """
    before: uint256 = convert(abs(skew), uint256)
    after: uint256 = convert(abs(skew + size), uint256)
    if after <= before:
        return 0
    assert after <= config.max_inventory, errors.INVENTORY_LIMIT
    return fixed_point._mul_div_up(
        after * after - before * before, WAD, 2 * config.impact_scale * convert(abs(size), uint256)
    )


@internal
@pure
def _check_parameter(number: uint256, low: uint256, high: uint256, unit: uint256):
    """
    @dev Within its bounds, and a multiple of the unit it is stored in.
    """
    assert number >= low and number <= high and number % unit == 0, errors.POOL_PARAMETER


# ------------------------------------------------------------------------------------------------
# Storage: base_spread 32 | reference_volatility 32 | volatility_cap 32 | deviation 32 [ppm]
#          | impact_scale 64 | max_inventory 64 [1e15]
# ------------------------------------------------------------------------------------------------


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
