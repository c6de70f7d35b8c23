# pragma version 0.4.3
"""
@title The engine's packed slots
@license AGPL-3.0-only
@notice Vyper does not pack structs. Each `_pack_*` here has its `_unpack_*`, and the engine reads plainly elsewhere.
        A policy packs only where `_check_policy` has passed.
"""

from interfaces import IRebalancer

from . import errors

# policy  allow borrow 1 · 232 | reserve 32 · 200 | min move 16 · 184 | cooldown 17 · 167 | fee 15 · 152
#         | fee per day 20 · 132 | slippage 14 · 118 | delever 14 · 104 | budget 14 · 90 | share 14 · 76
#         | containment 14 · 62 | z_delever_target 12 · 50 | z_delever 12 · 38 | z_donor 12 · 26 | z_target 12 · 14
#         | z_trigger 12 · 2 | has sets 1 · 1 | enabled 1 · 0
# sets    no_tap 128 · 128 | no_fund 128 · 0
# state   contained 8 × 14 · 144 | fees 40 · 104 | digest 64 · 40 | asked 1 · 39 | last call 39 · 0

MAX_BOOKS: constant(uint256) = 8
NO_CALL_YET: constant(uint256) = 1      # state: a last call so long ago that nothing is left of it

_CENTI: constant(uint256) = 10**16      # distances and money are kept in hundredths
_WAD: constant(uint256) = 10**18
_FEE_UNIT: constant(uint256) = 10**12   # [wad] fees spent are kept in millionths of a dollar, rounded up
_DAY: constant(uint256) = 86_400        # [s]

_MASK_12: constant(uint256) = 2**12 - 1
_MASK_14: constant(uint256) = 2**14 - 1
_MASK_15: constant(uint256) = 2**15 - 1
_MASK_16: constant(uint256) = 2**16 - 1
_MASK_17: constant(uint256) = 2**17 - 1
_MASK_20: constant(uint256) = 2**20 - 1
_MASK_32: constant(uint256) = 2**32 - 1
_MASK_39: constant(uint256) = 2**39 - 1
_MASK_40: constant(uint256) = 2**40 - 1
_MASK_64: constant(uint256) = 2**64 - 1
_MASK_128: constant(uint256) = 2**128 - 1

# Hard bounds of a policy
_MIN_DISTANCE: constant(uint256) = 10**18           # [wad] of z_trigger
_MAX_DISTANCE: constant(uint256) = 4_095 * 10**16   # [wad]
_MAX_SHARE: constant(uint256) = 10_000              # [bps]
_MAX_SLIPPAGE: constant(uint256) = 1_000            # [bps]
_MAX_COOLDOWN: constant(uint256) = 86_400           # [s]
_MAX_FEE: constant(uint256) = 200 * 10**18          # [wad]
_MAX_FEE_PER_DAY: constant(uint256) = 10_000 * 10**18   # [wad]
_MAX_RESERVE: constant(uint256) = (2**32 - 1) * 10**18  # [wad]
_MIN_MIN_MOVE: constant(uint256) = 10**18           # [wad] a call that moves less cannot be worth its gas
_MAX_MIN_MOVE: constant(uint256) = (2**16 - 1) * 10**18 # [wad]

# What the engine remembers of an account
struct State:
    last_call: uint256      # [s]
    asked: bool             # whether any cut was asked for and waits, so that the word of requests is read only then
    digest: uint256         # of the rounds of the last call
    fees: uint256           # [wad] rewards paid, decaying linearly over a day
    contained: uint256[MAX_BOOKS]   # [bps] of account equity, net inflow by slot, decaying linearly over a day


@internal
@pure
def _check_policy(policy: IRebalancer.Policy):
    """
    @dev Every field within its hard bounds and a multiple of what it is kept in.
    """
    assert policy.z_trigger >= _MIN_DISTANCE, errors.POLICY_DISTANCE
    assert policy.z_target <= _MAX_DISTANCE, errors.POLICY_DISTANCE
    assert policy.z_trigger <= policy.z_donor and policy.z_donor <= policy.z_target, errors.POLICY_ORDER
    assert policy.z_delever <= policy.z_delever_target, errors.POLICY_ORDER
    assert policy.z_delever_target <= policy.z_target, errors.POLICY_ORDER
    remainders: uint256 = policy.z_trigger % _CENTI + policy.z_target % _CENTI + policy.z_donor % _CENTI
    remainders += policy.z_delever % _CENTI + policy.z_delever_target % _CENTI
    remainders += policy.max_fee % _CENTI + policy.max_fee_per_day % _CENTI
    remainders += policy.treasury_reserve % _WAD + policy.min_move % _WAD
    assert remainders == 0, errors.POLICY_PRECISION

    assert policy.containment <= _MAX_SHARE and policy.risk_budget <= _MAX_SHARE, errors.POLICY_SHARE
    assert policy.max_risk_share > 0 and policy.max_risk_share <= _MAX_SHARE, errors.POLICY_SHARE
    assert policy.max_slippage <= _MAX_SLIPPAGE, errors.POLICY_SLIPPAGE
    assert policy.max_delever <= _MAX_SHARE, errors.POLICY_DELEVER
    assert policy.treasury_reserve <= (0 if policy.allow_borrow else _MAX_RESERVE), errors.POLICY_RESERVE
    assert policy.min_move >= _MIN_MIN_MOVE and policy.min_move <= _MAX_MIN_MOVE, errors.POLICY_MIN_MOVE
    assert policy.cooldown <= _MAX_COOLDOWN, errors.POLICY_COOLDOWN
    assert policy.max_fee <= _MAX_FEE and policy.max_fee_per_day <= _MAX_FEE_PER_DAY, errors.POLICY_FEE
    assert policy.no_fund <= _MASK_128 and policy.no_tap <= _MASK_128, errors.POLICY_BOOKS


@internal
@pure
def _pack_policy(policy: IRebalancer.Policy) -> uint256:
    """
    @dev All of a checked policy but its sets. Never zero, since `z_trigger` is not.
    """
    word: uint256 = convert(policy.allow_borrow, uint256)
    word = (word << 32) | (policy.treasury_reserve // _WAD)
    word = (word << 16) | (policy.min_move // _WAD)
    word = (word << 17) | policy.cooldown
    word = (word << 15) | (policy.max_fee // _CENTI)
    word = (word << 20) | (policy.max_fee_per_day // _CENTI)
    word = (word << 14) | policy.max_slippage
    word = (word << 14) | policy.max_delever
    word = (word << 14) | policy.risk_budget
    word = (word << 14) | policy.max_risk_share
    word = (word << 14) | policy.containment
    word = (word << 12) | (policy.z_delever_target // _CENTI)
    word = (word << 12) | (policy.z_delever // _CENTI)
    word = (word << 12) | (policy.z_donor // _CENTI)
    word = (word << 12) | (policy.z_target // _CENTI)
    word = (word << 12) | (policy.z_trigger // _CENTI)
    word = (word << 1) | convert(policy.no_fund | policy.no_tap != 0, uint256)
    return (word << 1) | convert(policy.enabled, uint256)


@internal
@pure
def _unpack_policy(word: uint256, sets: uint256) -> IRebalancer.Policy:
    """
    @dev Inverse of `_pack_policy` and `_pack_sets`.
    """
    return IRebalancer.Policy(
        enabled=word & 1 != 0,
        z_trigger=unsafe_mul((word >> 2) & _MASK_12, _CENTI),
        z_target=unsafe_mul((word >> 14) & _MASK_12, _CENTI),
        z_donor=unsafe_mul((word >> 26) & _MASK_12, _CENTI),
        z_delever=unsafe_mul((word >> 38) & _MASK_12, _CENTI),
        z_delever_target=unsafe_mul((word >> 50) & _MASK_12, _CENTI),
        treasury_reserve=unsafe_mul((word >> 200) & _MASK_32, _WAD),
        allow_borrow=(word >> 232) & 1 != 0,
        containment=(word >> 62) & _MASK_14,
        max_risk_share=(word >> 76) & _MASK_14,
        risk_budget=(word >> 90) & _MASK_14,
        max_slippage=(word >> 118) & _MASK_14,
        max_delever=(word >> 104) & _MASK_14,
        min_move=unsafe_mul((word >> 184) & _MASK_16, _WAD),
        cooldown=(word >> 167) & _MASK_17,
        max_fee=unsafe_mul((word >> 152) & _MASK_15, _CENTI),
        max_fee_per_day=unsafe_mul((word >> 132) & _MASK_20, _CENTI),
        no_fund=sets & _MASK_128,
        no_tap=sets >> 128,
    )


@internal
@pure
def _z_trigger(word: uint256) -> uint256:
    """
    @dev One field of the policy [wad].
    """
    return unsafe_mul((word >> 2) & _MASK_12, _CENTI)


@internal
@pure
def _has_sets(word: uint256) -> bool:
    """
    @dev Whether the policy names any book; else its second word is not read.
    """
    return word & 2 != 0


@internal
@pure
def _pack_sets(policy: IRebalancer.Policy) -> uint256:
    """
    @dev The books that are not to be filled, and those that are not to give.
    """
    return (policy.no_tap << 128) | policy.no_fund


@internal
@pure
def _pack_state(state: State) -> uint256:
    """
    @dev One word. What was contained saturates; fees are bounded by the policy's.
    """
    word: uint256 = 0
    for contained: uint256 in state.contained:
        word = (word << 14) | min(contained, _MASK_14)
    word = (word << 40) | min((state.fees + (_FEE_UNIT - 1)) // _FEE_UNIT, _MASK_40)
    return (word << 104) | (state.digest << 40) | (convert(state.asked, uint256) << 39) | state.last_call


@internal
@view
def _unpack_state(word: uint256) -> State:
    """
    @dev Inverse of `_pack_state`, with what decays decayed up to now, rounded up.
    """
    state: State = empty(State)
    state.last_call = word & _MASK_39
    state.asked = self._has_asked(word)
    state.digest = (word >> 40) & _MASK_64
    elapsed: uint256 = block.timestamp - state.last_call
    if elapsed >= _DAY or word >> 104 == 0:
        return state

    rest: uint256 = _DAY - elapsed
    state.fees = (((word >> 104) & _MASK_40) * _FEE_UNIT * rest + (_DAY - 1)) // _DAY
    for slot: uint256 in range(MAX_BOOKS):
        contained: uint256 = (word >> (144 + 14 * (MAX_BOOKS - 1 - slot))) & _MASK_14
        state.contained[slot] = (contained * rest + (_DAY - 1)) // _DAY
    return state


@internal
@pure
def _last_call(word: uint256) -> uint256:
    """
    @dev Time of the last call [s] in a packed state.
    """
    return word & _MASK_39


@internal
@pure
def _has_asked(word: uint256) -> bool:
    """
    @dev Whether a packed state knows of a cut that was asked for.
    """
    return (word >> 39) & 1 != 0


@internal
@pure
def _was_filled(word: uint256, slot: uint256) -> bool:
    """
    @dev Whether a packed state knows of a net inflow into the book at `slot`, from the engine, by the last call.
    """
    return (word >> (144 + 14 * (MAX_BOOKS - 1 - slot))) & _MASK_14 != 0
