# pragma version 0.4.3
"""
@title What one more round teaches
@license AGPL-3.0-only
@notice Exponentially weighted variance on irregular rounds, v ← w·v + (1 − w)·r²·year/Δt with w = e^{−Δt/θ}, once fast
        and once slow; a moving average of the price; and the guard that a large jump raises. Estimates are rounded to
        their stored precision at every observation, so it does not matter in how many calls rounds are consumed.
@dev Arithmetic is unchecked: prices have 72 bits, ratios and times 32, a wad weight 60, the capped return 57. No
     product below passes 2^200, and what is subtracted is never the larger.
"""

from snekmate.utils import math

from . import feed_reader
from . import feed_slots

WINDOW: constant(uint256) = 1_800               # [s] of the moving average
FAST_WINDOW: constant(uint256) = 4 * 3_600      # [s] θ of the fast estimate
SLOW_WINDOW: constant(uint256) = 7 * 86_400     # [s] θ of the slow estimate, 42 times the fast one
RETURN_CAP: constant(uint256) = 10**17          # [wad] one round counts as a move of at most 10 %
YEAR: constant(uint256) = 365 * 86_400          # [s]

_WAD: constant(uint256) = 10**18
_HOUR: constant(uint256) = 3_600                # [s]
_RATIO: constant(uint256) = feed_slots.RATIO_ONE
_MAX_STEPS: constant(uint256) = 64              # of a square root; no state within bounds takes 40
_VARIANCE_UNIT: constant(uint256) = 10**20      # [1e-36] in one 1e-16: a squared wad over a squared 1e-8


@internal
@pure
def _observe(word: uint256, source: uint256, price: uint256, updated_at: uint256) -> uint256:
    """
    @dev The packed state after an observation of `price` [1e-12 USD, > 0] at `updated_at` [s, later than the state's],
         within the limits of the packed `source`; its round is the caller's to set.
    """
    state: feed_slots.State = feed_slots._unpack_state(word)
    elapsed: uint256 = unsafe_sub(updated_at, state.updated_at)
    distance: uint256 = unsafe_sub(max(price, state.price), min(price, state.price))

    # [1e-16] variance a year, as if every such stretch of time looked like this one
    log_return: uint256 = self._log_return(distance, unsafe_add(price, state.price))
    squared: uint256 = unsafe_mul(unsafe_mul(log_return, log_return), YEAR)
    variance: uint256 = unsafe_div(squared, unsafe_mul(elapsed, _VARIANCE_UNIT))

    weight: uint256 = self._slow_weight(elapsed)
    fast: uint256 = self._blend(state.fast, variance, self._fast_weight(weight))
    slow: uint256 = self._blend(state.slow, variance, weight)
    lowest: uint256 = feed_slots._floor(source)
    highest: uint256 = feed_slots._cap(source)
    rise: uint256 = unsafe_mul(unsafe_mul(state.slow, feed_slots._slow_rise(source)), elapsed) // (_RATIO * _HOUR)

    # the guard: a large move raises it anew
    jump_left: uint256 = unsafe_sub(state.jump_left, min(state.jump_left, elapsed))
    if unsafe_mul(distance, _RATIO) > unsafe_mul(feed_slots._jump(source), state.price):
        jump_left = feed_slots._jump_duration(source)

    state.average = self._carried_average(state.price, state.average, elapsed, price)
    state.price = price
    state.fast = min(max(fast, lowest), highest)
    state.slow = min(min(max(slow, lowest), highest), unsafe_add(state.slow, rise))
    state.updated_at = updated_at
    state.jump_left = jump_left
    return feed_slots._pack_state(state)


@internal
@view
def _resumed(word: uint256, source: uint256, round: feed_reader.Round) -> uint256:
    """
    @dev The packed state of a feed that was changed and now shows `round`, within the limits of the new packed
         `source`. The step from one feed to another is no return: both volatilities stay. The old price stood until
         the new round, or until the old one's time where that is later; a step beyond the jump raises the guard from
         now on.
    """
    state: feed_slots.State = feed_slots._unpack_state(word)
    elapsed: uint256 = unsafe_sub(max(round.updated_at, state.updated_at), state.updated_at)
    distance: uint256 = unsafe_sub(max(round.price, state.price), min(round.price, state.price))

    until: uint256 = feed_slots._jump_until(word)
    if unsafe_mul(distance, _RATIO) > unsafe_mul(feed_slots._jump(source), state.price):
        until = max(until, unsafe_add(block.timestamp, feed_slots._jump_duration(source)))

    state.average = self._carried_average(state.price, state.average, elapsed, round.price)
    state.price = round.price
    state.updated_at = round.updated_at
    state.round = round.id & feed_slots.MASK_32
    state.jump_left = unsafe_sub(max(until, round.updated_at), round.updated_at)
    return feed_slots._pack_state(state)


@internal
@pure
def _carried_average(old_price: uint256, average: uint256, elapsed: uint256, price: uint256) -> uint256:
    """
    @dev Moving average over the new price [1e-8], never zero, after the old price stood for `elapsed` [s].
    """
    weighted: uint256 = unsafe_mul(old_price, self._weighted_ratio(average, elapsed))
    return max(1, min(unsafe_div(weighted, unsafe_mul(price, WINDOW)), feed_slots.MAX_RATIO))


@internal
@pure
def _average_price(price: uint256, average: uint256, elapsed: uint256) -> uint256:
    """
    @dev Moving average [wad] of a feed at `price` [wad] since its last round, when their ratio was `average` [1e-8].
    """
    return unsafe_div(unsafe_mul(price, self._weighted_ratio(average, elapsed)), _RATIO * WINDOW)


@internal
@pure
def _weighted_ratio(average: uint256, elapsed: uint256) -> uint256:
    """
    @dev Moving average over price after the price stood for a while, times WINDOW [1e-8 · s].
    """
    stood: uint256 = min(elapsed, WINDOW)
    return unsafe_add(unsafe_mul(average, unsafe_sub(WINDOW, stood)), unsafe_mul(_RATIO, stood))


@internal
@pure
def _log_return(distance: uint256, total: uint256) -> uint256:
    """
    @dev |ln(p1/p0)| = 2·artanh(d) with d = |p1 − p0| / (p1 + p0), capped [wad]. The cap is near d = 5 %, where the
         series 2·(d + d³/3 + d⁵/5) is short by less than 3e-10; below, by much less.
    """
    d: uint256 = min(unsafe_div(unsafe_mul(distance, _WAD), total), RETURN_CAP // 2)
    square: uint256 = unsafe_mul(d, d) // _WAD
    series: uint256 = unsafe_add(_WAD, unsafe_mul(square, unsafe_add(_WAD // 3, square // 5)) // _WAD)
    return min(unsafe_mul(unsafe_mul(2, d), series) // _WAD, RETURN_CAP)


@internal
@pure
def _slow_weight(elapsed: uint256) -> uint256:
    """
    @dev e^{−elapsed/θ} of the slow estimate [wad].
    """
    exponent: uint256 = unsafe_mul(elapsed, _WAD) // SLOW_WINDOW
    return convert(math._wad_exp(unsafe_sub(0, convert(exponent, int256))), uint256)


@internal
@pure
def _fast_weight(slow: uint256) -> uint256:
    """
    @dev e^{−elapsed/θ} of the fast estimate [wad]: the slow weight to the power of 42 = 32 + 8 + 2.
    """
    second: uint256 = unsafe_mul(slow, slow) // _WAD
    power: uint256 = unsafe_mul(second, second) // _WAD
    eighth: uint256 = unsafe_mul(power, power) // _WAD
    power = unsafe_mul(eighth, eighth) // _WAD
    power = unsafe_mul(power, power) // _WAD
    return unsafe_mul(unsafe_mul(power, eighth) // _WAD, second) // _WAD


@internal
@pure
def _blend(volatility: uint256, variance: uint256, weight: uint256) -> uint256:
    """
    @dev √(w·σ² + (1 − w)·variance) [1e-8], rounded up. Newton's steps from the old volatility, which is near: after the
         first they only fall until the root's floor is found; each at least halves what lies beyond twice the root.
    """
    kept: uint256 = unsafe_mul(weight, unsafe_mul(volatility, volatility))
    added: uint256 = unsafe_mul(unsafe_sub(_WAD, weight), variance)
    square: uint256 = unsafe_add(unsafe_add(kept, added), _WAD - 1) // _WAD

    root: uint256 = unsafe_add(volatility, unsafe_div(square, volatility)) >> 1
    for _: uint256 in range(_MAX_STEPS):
        better: uint256 = unsafe_add(root, unsafe_div(square, root)) >> 1
        if better >= root:
            break
        root = better
    if unsafe_mul(root, root) < square:
        return unsafe_add(root, 1)
    return root
