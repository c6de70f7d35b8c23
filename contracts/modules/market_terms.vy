# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title The terms of a market: parameters, state, funding, open interest
@license AGPL-3.0-only
@notice What a valuation needs beside the book, in one word, and what only trades need, in another. New parameters bind
        at once, but those of maintenance: they move in a straight line over `RAMP`, so that no owner's decision can
        liquidate a book that was healthy before its holder could answer.

            parameter(t) = start + (target − start) · min(t − started, RAMP) / RAMP      in whole ppm, toward the start

@dev A bit of the valuation's word says that a ramp is on, or that a side of the market ever bore a loss: without it,
     the second word is not read. The first to store funding after the end of a ramp takes the bit away, if there never
     was a loss.
"""

from interfaces import IDerivativesMarket
from interfaces import IPriceOracle
from interfaces import IRiskModel

from . import errors
from . import fixed_point
from . import market_slots
from . import risk_model


RAMP: constant(uint256) = 86_400  # [s] that maintenance parameters take to their new values

# States
ACTIVE: constant(uint256) = 0
HALTED: constant(uint256) = 2

# Gates
OPEN: constant(uint256) = 1
REDUCE: constant(uint256) = 2
TAKE: constant(uint256) = 4
FILL: constant(uint256) = 8
TAP: constant(uint256) = 16
ALL_GATES: constant(uint256) = OPEN | REDUCE | TAKE | FILL | TAP

# Hard bounds of the parameters. Together they keep initial margin above maintenance, and maintenance below notional:
# at every step of a ramp too, for what lies between two parameters within bounds is within them.
MIN_RANGE_MULTIPLIER: constant(uint256) = 10**17  # [wad]
MAX_RANGE_MULTIPLIER: constant(uint256) = 10 * 10**18  # [wad]
MIN_RANGE: constant(uint256) = 5 * 10**15  # [wad] 0.5 %
MAX_RANGE: constant(uint256) = 90 * 10**16  # [wad] 90 %
MIN_INITIAL_RATIO: constant(uint256) = 105 * 10**16  # [wad]
MAX_INITIAL_RATIO: constant(uint256) = 5 * 10**18  # [wad]
MAX_CLOSE_RATE: constant(uint256) = 5 * 10**16  # [wad] 5 %
MAX_FUNDING_RATE: constant(uint256) = 10**16  # [wad] 1 % a day
MAX_SKEW_SCALE: constant(uint256) = 2**56 * market_slots.MILLI - market_slots.MILLI  # [wad units]
MAX_OPEN_INTEREST_CAP: constant(uint256) = 2**95 - 2**95 % market_slots.MILLI  # [wad units] what a book can hold

_valuation: uint256  # packed risk parameters, state and funding: what every valuation reads
_trading: uint256  # packed open interest, its cap and the terms of funding: what only trades read
_ramp: uint256  # packed risk parameters that the last ramp started from, and when; epochs of losses


# ------------------------------------------------------------------------------------------------
# Views
# ------------------------------------------------------------------------------------------------


@external
@view
def config() -> IDerivativesMarket.MarketConfig:
    """
    @notice The market's parameters as set; maintenance may still be on its way to them (see `risk_params`).
    @dev Needs no price.
    @return All parameters.
    """
    risk: IRiskModel.RiskParams = market_slots._unpack_risk_params(self._valuation)
    trading: market_slots.Trading = market_slots._unpack_trading(self._trading)
    return IDerivativesMarket.MarketConfig(
        range_multiplier=risk.range_multiplier,
        range_min=risk.range_min,
        range_max=risk.range_max,
        initial_ratio=risk.initial_ratio,
        close_rate=risk.close_rate,
        max_funding_rate=trading.max_funding_rate,
        skew_scale=trading.skew_scale,
        open_interest_cap=trading.open_interest_cap,
    )


@external
@view
def risk_params() -> IRiskModel.RiskParams:
    """
    @notice The risk parameters that books are valued with now.
    @dev Needs no price.
    @return The five parameters.
    """
    return self._risk_params(self._valuation)


@external
@view
def ramp_end() -> uint256:
    """
    @notice When `risk_params` arrive, or arrived, at what `config` says.
    @dev Needs no price.
    @return Time [s]; 0 where maintenance never changed.
    """
    start: uint256 = market_slots._ramp_start(self._ramp)
    if start == 0:
        return 0
    return start + RAMP


@external
@view
def state() -> uint256:
    """
    @notice The state that owner or guardian set; the oracle's guards may narrow it further (see `BookRisk.gates`).
    @dev Needs no price.
    @return 0 = active, 1 = reduce-only, 2 = halted.
    """
    return self._state()


@external
@view
def open_interest() -> uint256:
    """
    @notice What all longs add up to, the pool's book among them; all shorts add up to the same.
    @dev Needs no price.
    @return Size [wad units].
    """
    return self._open_interest()


# ------------------------------------------------------------------------------------------------
# Valuation
# ------------------------------------------------------------------------------------------------


@internal
@view
def _mark(quote: IPriceOracle.Quote) -> risk_model.Mark:
    """
    @dev What prices, funding and state now mean for any book.
    """
    valuation: uint256 = self._valuation
    params: IRiskModel.RiskParams = market_slots._unpack_risk_params(valuation)
    epochs: uint256 = 0
    if valuation & market_slots.MORE != 0:
        params = self._ramped(params)
        epochs = market_slots._epochs(self._ramp)
    funding: int256 = market_slots._accrued(valuation, quote.price)
    gates: uint256 = ALL_GATES
    if quote.guarded or valuation & market_slots.STATE_BITS != ACTIVE:
        gates = self._narrowed(valuation, quote)
    return risk_model._mark(params, quote, funding, gates, epochs)


@internal
@pure
def _narrowed(valuation: uint256, quote: IPriceOracle.Quote) -> uint256:
    """
    @dev The lower rows of the table of market states. Who can be priced may reduce, in any state. An unconfirmed jump
         also closes the engine's way in: it must not fill a book at a price that nobody confirms.
    """
    if market_slots._unpack_state(valuation) == HALTED:
        return REDUCE
    if quote.unconfirmed:
        return REDUCE | TAKE | TAP
    return REDUCE | TAKE | FILL | TAP


@internal
@view
def _risk_params(valuation: uint256) -> IRiskModel.RiskParams:
    """
    @dev The risk parameters now [wad]. `_mark` has the same in place.
    """
    params: IRiskModel.RiskParams = market_slots._unpack_risk_params(valuation)
    if valuation & market_slots.MORE != 0:
        params = self._ramped(params)
    return params


@internal
@view
def _ramped(target: IRiskModel.RiskParams) -> IRiskModel.RiskParams:
    """
    @dev Where the ramp to `target` has come to [wad]: its end, where there is none. The ratio of initial margin is no
         part of it: it liquidates nobody.
    """
    ramp: uint256 = self._ramp
    start: IRiskModel.RiskParams = market_slots._unpack_risk_params(ramp)
    elapsed: uint256 = min(block.timestamp - market_slots._ramp_start(ramp), RAMP)
    return IRiskModel.RiskParams(
        range_multiplier=self._between(start.range_multiplier, target.range_multiplier, elapsed),
        range_min=self._between(start.range_min, target.range_min, elapsed),
        range_max=self._between(start.range_max, target.range_max, elapsed),
        initial_ratio=target.initial_ratio,
        close_rate=self._between(start.close_rate, target.close_rate, elapsed),
    )


@internal
@pure
def _between(start: uint256, target: uint256, elapsed: uint256) -> uint256:
    """
    @dev A parameter on its way [wad], rounded toward its start to the ppm in which it is stored. Setting it again and
         again cannot hurry it, and what starts in order stays in order.
    """
    if target < start:
        return start - (start - target) // market_slots.PPM * elapsed // RAMP * market_slots.PPM
    return start + (target - start) // market_slots.PPM * elapsed // RAMP * market_slots.PPM


# ------------------------------------------------------------------------------------------------
# Funding
# ------------------------------------------------------------------------------------------------


@internal
@pure
def _funding_rate(skew: int256, max_rate: uint256, scale: uint256) -> int256:
    """
    @dev clamp(skew / scale, ±1) · max_rate [wad] per day, rounded down to its unit: the crowded side pays the pool.
    """
    limit: int256 = convert(scale, int256)
    product: int256 = max(-limit, min(skew, limit)) * convert(max_rate, int256)
    return fixed_point._floor_div(product, limit * market_slots.RATE_UNIT) * market_slots.RATE_UNIT


@internal
@view
def _accrued_now(price: uint256) -> market_slots.Funding:
    """
    @dev Funding as `_store_funding` would store it at this price, at an unchanged rate.
    """
    valuation: uint256 = self._valuation
    return market_slots.Funding(
        rate=market_slots._unpack_funding(valuation).rate,
        cumulative=market_slots._accrued(valuation, price),
        accrued_at=block.timestamp,
    )


@internal
def _store_funding(funding: market_slots.Funding):
    """
    @dev Write funding, and note the end of a ramp that has arrived.
    """
    valuation: uint256 = market_slots._with_funding(self._valuation, funding)
    if valuation & market_slots.MORE != 0:
        ramp: uint256 = self._ramp
        if market_slots._epochs(ramp) == 0 and block.timestamp >= market_slots._ramp_start(ramp) + RAMP:
            valuation ^= market_slots.MORE
    self._valuation = valuation


# ------------------------------------------------------------------------------------------------
# Losses
# ------------------------------------------------------------------------------------------------


@internal
@view
def _epochs() -> uint256:
    """
    @dev How often each side bore a loss.
    """
    if self._valuation & market_slots.MORE == 0:
        return 0
    return market_slots._epochs(self._ramp)


@internal
def _store_epochs(epochs: uint256):
    """
    @dev After another loss: from now on every valuation asks for it.
    """
    self._ramp = market_slots._with_epochs(self._ramp, epochs)
    self._valuation |= market_slots.MORE


# ------------------------------------------------------------------------------------------------
# Trades
# ------------------------------------------------------------------------------------------------


@internal
@view
def _open_interest() -> uint256:
    """
    @dev All longs, and all shorts [wad units].
    """
    return market_slots._unpack_trading(self._trading).open_interest


@internal
def _store_trade(skew: int256, funding: int256, longs_before: int256, longs_after: int256):
    """
    @dev Write funding with the rate that the new skew sets, and open interest where the trade changed it.
    """
    trading: market_slots.Trading = market_slots._unpack_trading(self._trading)
    rate: int256 = self._funding_rate(skew, trading.max_funding_rate, trading.skew_scale)
    self._store_funding(market_slots.Funding(rate=rate, cumulative=funding, accrued_at=block.timestamp))

    if longs_after != longs_before:
        open_interest: int256 = convert(trading.open_interest, int256) + longs_after - longs_before
        trading.open_interest = convert(open_interest, uint256)
        within_cap: bool = trading.open_interest <= trading.open_interest_cap
        assert within_cap or longs_after < longs_before, errors.OPEN_INTEREST_CAP
        self._trading = market_slots._pack_trading(trading)


# ------------------------------------------------------------------------------------------------
# Parameters and state
# ------------------------------------------------------------------------------------------------


@internal
@view
def _state() -> uint256:
    """
    @dev The state.
    """
    return market_slots._unpack_state(self._valuation)


@internal
def _set_state(state: uint256):
    """
    @dev Write the state.
    """
    self._valuation = market_slots._with_state(self._valuation, state)
    log IDerivativesMarket.StateSet(state=state)


@internal
def _set_config(config: IDerivativesMarket.MarketConfig, accrued: market_slots.Funding, skew: int256):
    """
    @dev Check the bounds, write, and let funding go on at the rate the new terms set. State and open interest stay. A
         market's first parameters bind at once.
    """
    self._check_config(config)
    funding: market_slots.Funding = accrued
    funding.rate = self._funding_rate(skew, config.max_funding_rate, config.skew_scale)
    params: IRiskModel.RiskParams = IRiskModel.RiskParams(
        range_multiplier=config.range_multiplier,
        range_min=config.range_min,
        range_max=config.range_max,
        initial_ratio=config.initial_ratio,
        close_rate=config.close_rate,
    )
    before: uint256 = self._valuation
    after: uint256 = market_slots._pack_valuation(params, market_slots._unpack_state(before), funding)
    after |= before & market_slots.MORE
    if before != 0 and (before ^ after) & market_slots.MAINTENANCE != 0:
        ramp: uint256 = market_slots._pack_ramp(self._risk_params(before), block.timestamp)
        self._ramp = market_slots._with_epochs(ramp, market_slots._epochs(self._ramp))
        after |= market_slots.MORE
    self._valuation = after

    trading: market_slots.Trading = market_slots._unpack_trading(self._trading)
    trading.open_interest_cap = config.open_interest_cap
    trading.max_funding_rate = config.max_funding_rate
    trading.skew_scale = config.skew_scale
    self._trading = market_slots._pack_trading(trading)
    log IDerivativesMarket.ConfigSet(config=config)


@internal
@pure
def _check_config(config: IDerivativesMarket.MarketConfig):
    """
    @dev The hard bounds.
    """
    ppm: uint256 = market_slots.PPM
    self._check_parameter(config.range_multiplier, MIN_RANGE_MULTIPLIER, MAX_RANGE_MULTIPLIER, ppm)
    self._check_parameter(config.range_min, MIN_RANGE, MAX_RANGE, ppm)
    self._check_parameter(config.range_max, config.range_min, MAX_RANGE, ppm)
    self._check_parameter(config.initial_ratio, MIN_INITIAL_RATIO, MAX_INITIAL_RATIO, ppm)
    self._check_parameter(config.close_rate, 0, MAX_CLOSE_RATE, ppm)
    self._check_parameter(config.max_funding_rate, 0, MAX_FUNDING_RATE, ppm)
    self._check_parameter(config.skew_scale, market_slots.MILLI, MAX_SKEW_SCALE, market_slots.MILLI)
    self._check_parameter(config.open_interest_cap, 0, MAX_OPEN_INTEREST_CAP, market_slots.MILLI)


@internal
@pure
def _check_parameter(number: uint256, low: uint256, high: uint256, unit: uint256):
    """
    @dev Within its bounds, and a multiple of the unit it is stored in.
    """
    assert number >= low and number <= high and number % unit == 0, errors.MARKET_PARAMETER
