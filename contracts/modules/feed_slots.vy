# pragma version 0.4.3
"""
@title The oracle's packed slots
@license AGPL-3.0-only
@notice What a round changes is one slot, what only the owner changes two more. Prices are kept in 1e-12 USD and
        everything relative in 1e-8, which is finer than any feed.
"""

# source   feed 160 · 72 | decimals 8 · 64 | phase 16 · 48 | heartbeat 24 · 24 | max age 24 · 0
# state    price 72 · 184 | average 32 · 152 | fast 32 · 120 | slow 32 · 88 | updated 32 · 56 | round 32 · 24 | jump 24 · 0
# limits   floor 32 · 184 | cap 32 · 152 | initial fast 32 · 120 | initial slow 32 · 88 | rise 32 · 56 | jump 32 · 24 |
#          jump duration 24 · 0

PRICE_UNIT: constant(uint256) = 10**6       # [wad] in one 1e-12 USD
RATIO_UNIT: constant(uint256) = 10**10      # [wad] in one 1e-8
RATIO_ONE: constant(uint256) = 10**8        # [1e-8] 100 %
MAX_PRICE: constant(uint256) = 2**72 - 1    # [1e-12 USD] about 4.7 billion dollars
MAX_RATIO: constant(uint256) = 2**32 - 1    # [1e-8] about 4,295 %
MAX_TIME: constant(uint256) = 2**32 - 1     # [s] year 2106
MAX_ROUND: constant(uint256) = 2**32 - 1    # of an aggregator: reporting aggregators count in uint32

_MASK_8: constant(uint256) = 2**8 - 1
_MASK_16: constant(uint256) = 2**16 - 1
_MASK_24: constant(uint256) = 2**24 - 1
_MASK_32: constant(uint256) = 2**32 - 1

# Where a feed is and when it is too old
struct Source:
    feed: address       # proxy
    decimals: uint256   # of its answers
    phase: uint256      # of the last round processed
    heartbeat: uint256  # [s]
    max_age: uint256    # [s] heartbeat and grace

# What the rounds so far say
struct State:
    price: uint256      # [1e-12 USD] of the last observation
    average: uint256    # [1e-8] moving average over price, both when that observation was made
    fast: uint256       # [1e-8] annualised volatility
    slow: uint256       # [1e-8] annualised volatility
    updated_at: uint256 # [s] of the last observation
    round: uint256      # proxy round id of the last round processed, an observation or not
    jump_left: uint256  # [s] the jump guard stays up, counted from the last observation

# What bounds the estimates
struct Limits:
    floor: uint256          # [1e-8] annualised
    cap: uint256            # [1e-8] annualised
    initial_fast: uint256   # [1e-8] annualised
    initial_slow: uint256   # [1e-8] annualised
    slow_rise: uint256      # [1e-8] of itself per hour
    jump: uint256           # [1e-8] relative move
    jump_duration: uint256  # [s]


@internal
@pure
def _pack_source(source: Source) -> uint256:
    """
    @dev One word. The owner's setter bounds the fields; a phase has 16 bits.
    """
    word: uint256 = convert(source.feed, uint256) << 72
    return word | source.decimals << 64 | source.phase << 48 | source.heartbeat << 24 | source.max_age


@internal
@pure
def _unpack_source(word: uint256) -> Source:
    """
    @dev The inverse of `_pack_source`.
    """
    return Source(
        feed=convert(word >> 72 & (2**160 - 1), address),
        decimals=word >> 64 & _MASK_8,
        phase=word >> 48 & _MASK_16,
        heartbeat=word >> 24 & _MASK_24,
        max_age=word & _MASK_24,
    )


@internal
@pure
def _pack_state(state: State) -> uint256:
    """
    @dev One word; the round without its phase. The fields are bounded where they are computed.
    """
    word: uint256 = state.price << 184 | state.average << 152 | state.fast << 120 | state.slow << 88
    return word | state.updated_at << 56 | (state.round & _MASK_32) << 24 | state.jump_left


@internal
@pure
def _unpack_state(word: uint256, phase: uint256) -> State:
    """
    @dev The inverse of `_pack_state`, given the phase that the source keeps.
    """
    return State(
        price=word >> 184,
        average=word >> 152 & _MASK_32,
        fast=word >> 120 & _MASK_32,
        slow=word >> 88 & _MASK_32,
        updated_at=word >> 56 & _MASK_32,
        round=phase << 64 | (word >> 24 & _MASK_32),
        jump_left=word & _MASK_24,
    )


@internal
@pure
def _pack_limits(limits: Limits) -> uint256:
    """
    @dev One word. The owner's setter bounds the fields.
    """
    word: uint256 = limits.floor << 184 | limits.cap << 152 | limits.initial_fast << 120 | limits.initial_slow << 88
    return word | limits.slow_rise << 56 | limits.jump << 24 | limits.jump_duration


@internal
@pure
def _unpack_limits(word: uint256) -> Limits:
    """
    @dev The inverse of `_pack_limits`.
    """
    return Limits(
        floor=word >> 184,
        cap=word >> 152 & _MASK_32,
        initial_fast=word >> 120 & _MASK_32,
        initial_slow=word >> 88 & _MASK_32,
        slow_rise=word >> 56 & _MASK_32,
        jump=word >> 24 & _MASK_32,
        jump_duration=word & _MASK_24,
    )
