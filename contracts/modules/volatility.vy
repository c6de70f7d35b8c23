# pragma version 0.4.3
"""
@title What one more round teaches
@license AGPL-3.0-only
@notice Exponentially weighted variance on irregular rounds, v ← w·v + (1 − w)·r²·year/Δt with w = e^{−Δt/θ}, once fast
        and once slow; a moving average of the price; and the guard that a large jump raises. Estimates are rounded to
        their stored precision at every observation, so it does not matter in how many calls rounds are consumed.
"""

from snekmate.utils import math

from . import feed_slots

WINDOW: constant(uint256) = 1_800               # [s] of the moving average
FAST_WINDOW: constant(uint256) = 4 * 3_600      # [s] θ of the fast estimate
SLOW_WINDOW: constant(uint256) = 7 * 86_400     # [s] θ of the slow estimate
RETURN_CAP: constant(int256) = 10**17           # [wad] one round counts as a move of at most 10 %
YEAR: constant(uint256) = 365 * 86_400          # [s]

_WAD: constant(uint256) = 10**18
_HOUR: constant(uint256) = 3_600                # [s]
_RATIO: constant(uint256) = feed_slots.RATIO_ONE


@internal
@pure
def _observe(
    state: feed_slots.State, limits: feed_slots.Limits, price: uint256, updated_at: uint256, round: uint256
) -> feed_slots.State:
    """
    @dev The state after an observation of `price` [1e-12 USD, > 0] at `updated_at` [s, later than the state's].
    """
    elapsed: uint256 = updated_at - state.updated_at
    squared: uint256 = self._squared_return(state.price, price)
    # [1e-16] variance a year, as if every such stretch of time looked like this one
    variance: uint256 = squared * YEAR // (elapsed * 10**20)

    fast: uint256 = self._blend(state.fast, variance, elapsed, FAST_WINDOW)
    slow: uint256 = self._blend(state.slow, variance, elapsed, SLOW_WINDOW)
    rise: uint256 = state.slow * limits.slow_rise * elapsed // (_RATIO * _HOUR)

    return feed_slots.State(
        price=price,
        average=self._average_ratio(state, price, elapsed),
        fast=min(max(fast, limits.floor), limits.cap),
        slow=min(min(max(slow, limits.floor), limits.cap), state.slow + rise),
        updated_at=updated_at,
        round=round,
        jump_left=self._jump_left(state, limits, price, elapsed),
    )


@internal
@pure
def _average_price(state: feed_slots.State, now: uint256) -> uint256:
    """
    @dev Moving average up to `now` [wad]: the last price has stood since its round.
    """
    stood: uint256 = min(now - state.updated_at, WINDOW)
    weighted: uint256 = state.average * (WINDOW - stood) + _RATIO * stood
    return state.price * feed_slots.PRICE_UNIT * weighted // (_RATIO * WINDOW)


@internal
@pure
def _average_ratio(state: feed_slots.State, price: uint256, elapsed: uint256) -> uint256:
    """
    @dev Moving average when `price` arrives, over `price` [1e-8]: the old price stood meanwhile. Never zero.
    """
    stood: uint256 = min(elapsed, WINDOW)
    weighted: uint256 = state.average * (WINDOW - stood) + _RATIO * stood
    return max(1, min(state.price * weighted // (price * WINDOW), feed_slots.MAX_RATIO))


@internal
@pure
def _squared_return(before: uint256, after: uint256) -> uint256:
    """
    @dev Square of the capped logarithmic return [1e-36]. The ratio is at least one wei, since ln 0 reads as 0.
    """
    growth: uint256 = max(1, after * _WAD // before)
    log_return: int256 = math._wad_ln(convert(growth, int256))
    capped: int256 = min(max(log_return, -RETURN_CAP), RETURN_CAP)
    return convert(capped * capped, uint256)


@internal
@pure
def _blend(volatility: uint256, variance: uint256, elapsed: uint256, window: uint256) -> uint256:
    """
    @dev √(w·σ² + (1 − w)·variance) with w = e^{−elapsed/window} [1e-8], rounded up.
    """
    exponent: int256 = -convert(elapsed * _WAD // window, int256)
    weight: uint256 = convert(math._wad_exp(exponent), uint256)
    squared: uint256 = (weight * volatility * volatility + (_WAD - weight) * variance + _WAD - 1) // _WAD
    root: uint256 = isqrt(squared)
    if root * root < squared:
        root += 1
    return root


@internal
@pure
def _jump_left(
    state: feed_slots.State, limits: feed_slots.Limits, price: uint256, elapsed: uint256
) -> uint256:
    """
    @dev How long the jump guard stays up from this round on [s]: a large move raises it anew.
    """
    distance: uint256 = max(price, state.price) - min(price, state.price)
    if distance * _RATIO > limits.jump * state.price:
        return limits.jump_duration
    return state.jump_left - min(state.jump_left, elapsed)
