# pragma version 0.4.3
"""
@title The oracle's packed slots
@license AGPL-3.0-only
@notice What only the owner changes is one slot, what a round changes another. Prices are kept in 1e-12 USD and what a
        round changes in 1e-8, finer than any feed; the owner's limits in whole percents and minutes.
"""

# source   feed 160 · 96 | phase 16 · 80 | decimals 5 · 75 | heartbeat 18 · 57 | grace 17 · 40 |
#          floor 8 · 32 | cap 8 · 24 | slow rise 8 · 16 | guarded 1 · 15 | jump 7 · 8 | jump duration 8 · 0
# state    price 72 · 184 | average 32 · 152 | fast 32 · 120 | slow 32 · 88 | updated at 32 · 56 | round 32 · 24 |
#          jump left 24 · 0
# guard    second feed 160 · 96 | decimals 5 · 91 | max age 18 · 73 | max deviation 14 · 59 | off since 32 · 0
# sequencer  feed 160 · 96 | grace 32 · 0

PRICE_UNIT: constant(uint256) = 10**6       # [wad] in one 1e-12 USD
PRICE_ONE: constant(uint256) = 10**12       # [1e-12 USD] 1 USD
RATIO_UNIT: constant(uint256) = 10**10      # [wad] in one 1e-8
RATIO_ONE: constant(uint256) = 10**8        # [1e-8] 100 %
MAX_PRICE: constant(uint256) = 2**72 - 1    # [1e-12 USD] about 4.7 billion dollars
MAX_RATIO: constant(uint256) = 2**32 - 1    # [1e-8] about 4,295 %
MAX_TIME: constant(uint256) = 2**32 - 1     # [s] year 2106
MAX_ROUND: constant(uint256) = 2**32 - 1    # of an aggregator: reporting aggregators count in uint32

PERCENT: constant(uint256) = 10**6          # [1e-8] unit of floor, slow rise and jump
TEN_PERCENT: constant(uint256) = 10**7      # [1e-8] unit of the cap
MINUTE: constant(uint256) = 60              # [s] unit of the jump duration
BASIS_POINT: constant(uint256) = 10**14     # [wad] unit of the second feed's deviation
MAX_LIMIT: constant(uint256) = 2**8 - 1     # [units] of any limit

GUARDED: constant(uint256) = 1 << 15        # of a source: there is more to ask than its feed

MASK_5: constant(uint256) = 2**5 - 1
MASK_7: constant(uint256) = 2**7 - 1
MASK_8: constant(uint256) = 2**8 - 1
MASK_14: constant(uint256) = 2**14 - 1
MASK_16: constant(uint256) = 2**16 - 1
MASK_17: constant(uint256) = 2**17 - 1
MASK_18: constant(uint256) = 2**18 - 1
MASK_24: constant(uint256) = 2**24 - 1
MASK_32: constant(uint256) = 2**32 - 1
_PHASE: constant(uint256) = MASK_16 << 80
_ROUND: constant(uint256) = MASK_32 << 24

# Where a feed is, and what bounds its estimates
struct Source:
    feed: address           # proxy
    phase: uint256          # of the last round processed
    decimals: uint256       # of its answers
    heartbeat: uint256      # [s]
    grace: uint256          # [s]
    floor: uint256          # [1e-8] annualised volatility
    cap: uint256            # [1e-8] annualised volatility
    slow_rise: uint256      # [1e-8] of itself per hour
    jump: uint256           # [1e-8] relative move
    jump_duration: uint256  # [s]

# What else must hold before a source's price is used
struct Guard:
    second: address         # proxy of a second feed of the same price; zero = none
    decimals: uint256       # of its answers
    max_age: uint256        # [s] after which it counts as silent
    max_deviation: uint256  # [bps] of the lower of the two prices
    off_since: uint256      # [s] since when nothing may use the price; zero = on

# What the rounds so far say
struct State:
    price: uint256      # [1e-12 USD] of the last observation
    average: uint256    # [1e-8] moving average over price, both when that observation was made
    fast: uint256       # [1e-8] annualised volatility
    slow: uint256       # [1e-8] annualised volatility
    updated_at: uint256 # [s] of the last observation
    round: uint256      # of the aggregator: the last round processed, an observation or not
    jump_left: uint256  # [s] the jump guard stays up, counted from the last observation


@internal
@pure
def _pack_source(source: Source) -> uint256:
    """
    @dev One word. The owner's setter bounds the fields, limits in whole units.
    """
    word: uint256 = convert(source.feed, uint256) << 96 | source.phase << 80 | source.decimals << 75
    word |= source.heartbeat << 57 | source.grace << 40
    word |= source.floor // PERCENT << 32 | source.cap // TEN_PERCENT << 24
    word |= source.slow_rise // PERCENT << 16 | source.jump // PERCENT << 8
    return word | source.jump_duration // MINUTE


@internal
@pure
def _unpack_source(word: uint256) -> Source:
    """
    @dev The inverse of `_pack_source`.
    """
    return Source(
        feed=self._feed(word),
        phase=self._phase(word),
        decimals=self._decimals(word),
        heartbeat=self._heartbeat(word),
        grace=word >> 40 & MASK_17,
        floor=self._floor(word),
        cap=self._cap(word),
        slow_rise=self._slow_rise(word),
        jump=self._jump(word),
        jump_duration=self._jump_duration(word),
    )


@internal
@pure
def _feed(word: uint256) -> address:
    """
    @dev A source's proxy.
    """
    return convert(word >> 96, address)


@internal
@pure
def _phase(word: uint256) -> uint256:
    """
    @dev A source's phase.
    """
    return word >> 80 & MASK_16


@internal
@pure
def _decimals(word: uint256) -> uint256:
    """
    @dev Decimals of a source's answers.
    """
    return word >> 75 & MASK_5


@internal
@pure
def _heartbeat(word: uint256) -> uint256:
    """
    @dev A source's heartbeat [s].
    """
    return word >> 57 & MASK_18


@internal
@pure
def _max_age(word: uint256) -> uint256:
    """
    @dev A source's heartbeat and grace [s].
    """
    return (word >> 57 & MASK_18) + (word >> 40 & MASK_17)


@internal
@pure
def _floor(word: uint256) -> uint256:
    """
    @dev Least volatility that a source may show [1e-8].
    """
    return unsafe_mul(word >> 32 & MASK_8, PERCENT)


@internal
@pure
def _cap(word: uint256) -> uint256:
    """
    @dev Most volatility that a source may show [1e-8].
    """
    return unsafe_mul(word >> 24 & MASK_8, TEN_PERCENT)


@internal
@pure
def _slow_rise(word: uint256) -> uint256:
    """
    @dev Most that a source's slow volatility may rise in an hour, as a fraction of itself [1e-8].
    """
    return unsafe_mul(word >> 16 & MASK_8, PERCENT)


@internal
@pure
def _jump(word: uint256) -> uint256:
    """
    @dev Relative move of a source that raises its jump guard [1e-8].
    """
    return unsafe_mul(word >> 8 & MASK_7, PERCENT)


@internal
@pure
def _jump_duration(word: uint256) -> uint256:
    """
    @dev How long a source's jump guard stays up [s].
    """
    return unsafe_mul(word & MASK_8, MINUTE)


@internal
@pure
def _with_phase(word: uint256, phase: uint256) -> uint256:
    """
    @dev A source in another phase, which has 16 bits.
    """
    return word & ~_PHASE | phase << 80


@internal
@pure
def _with_guarded(word: uint256, guarded: bool) -> uint256:
    """
    @dev A source with its guards asked, or not.
    """
    if guarded:
        return word | GUARDED
    return word & ~GUARDED


@internal
@pure
def _pack_guard(guard: Guard) -> uint256:
    """
    @dev One word, zero where there is nothing to guard. The owner's setter bounds the fields.
    """
    word: uint256 = convert(guard.second, uint256) << 96 | guard.decimals << 91 | guard.max_age << 73
    return word | guard.max_deviation << 59 | guard.off_since


@internal
@pure
def _unpack_guard(word: uint256) -> Guard:
    """
    @dev The inverse of `_pack_guard`.
    """
    return Guard(
        second=convert(word >> 96, address),
        decimals=word >> 91 & MASK_5,
        max_age=word >> 73 & MASK_18,
        max_deviation=word >> 59 & MASK_14,
        off_since=word & MASK_32,
    )


@internal
@pure
def _pack_state(state: State) -> uint256:
    """
    @dev One word. The fields are bounded where they are computed.
    """
    word: uint256 = state.price << 184 | state.average << 152 | state.fast << 120 | state.slow << 88
    return word | state.updated_at << 56 | state.round << 24 | state.jump_left


@internal
@pure
def _unpack_state(word: uint256) -> State:
    """
    @dev The inverse of `_pack_state`.
    """
    return State(
        price=word >> 184,
        average=word >> 152 & MASK_32,
        fast=word >> 120 & MASK_32,
        slow=word >> 88 & MASK_32,
        updated_at=word >> 56 & MASK_32,
        round=word >> 24 & MASK_32,
        jump_left=word & MASK_24,
    )


@internal
@pure
def _updated_at(state: uint256) -> uint256:
    """
    @dev Time of a state's last observation [s].
    """
    return state >> 56 & MASK_32


@internal
@pure
def _jump_left(state: uint256) -> uint256:
    """
    @dev How long a state's jump guard stays up from its last observation [s].
    """
    return state & MASK_24


@internal
@pure
def _jump_until(state: uint256) -> uint256:
    """
    @dev First moment at which a state's jump guard is down [s].
    """
    return unsafe_add(state >> 56 & MASK_32, state & MASK_24)


@internal
@pure
def _with_round(state: uint256, round: uint256) -> uint256:
    """
    @dev A state with a later round processed.
    """
    return state & ~_ROUND | (round & MASK_32) << 24


@internal
@pure
def _round(source: uint256, state: uint256) -> uint256:
    """
    @dev Proxy round id of the last round processed.
    """
    return (source >> 80 & MASK_16) << 64 | (state >> 24 & MASK_32)
