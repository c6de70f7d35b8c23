# pragma version 0.4.3
"""
@title The collateral model's packed slots
@license AGPL-3.0-only
@notice Price and haircuts of one token in one word. Shares are wads of at most 60 bits.
"""

from . import fixed_point

# haircut  feed 8 · 220 | ltv 60 · 160 | start 60 · 100 | target 60 · 40 | since 40 · 0

RAMP: constant(uint256) = 86_400    # [s] over which a lowered threshold comes into force
_MASK_40: constant(uint256) = 2**40 - 1
_MASK_60: constant(uint256) = 2**60 - 1

# What the owner set, and where a lowered threshold comes from
struct Haircut:
    feed_id: uint256    # 0: the token has none yet
    ltv: uint256        # [wad]
    start: uint256      # [wad] threshold at `since`
    target: uint256     # [wad] threshold from `since + RAMP` on
    since: uint256      # [s]


@internal
@pure
def _pack_haircut(haircut: Haircut) -> uint256:
    """
    @dev One word; every field is bounded by the model.
    """
    word: uint256 = (haircut.feed_id << 220) | (haircut.ltv << 160)
    return word | (haircut.start << 100) | (haircut.target << 40) | haircut.since


@internal
@pure
def _unpack_haircut(word: uint256) -> Haircut:
    """
    @dev Inverse of `_pack_haircut`.
    """
    return Haircut(
        feed_id=word >> 220,
        ltv=(word >> 160) & _MASK_60,
        start=(word >> 100) & _MASK_60,
        target=(word >> 40) & _MASK_60,
        since=word & _MASK_40,
    )


@internal
@view
def _threshold(haircut: Haircut) -> uint256:
    """
    @dev The threshold now [wad], rounded down: it falls from `start` to `target` over RAMP.
    """
    elapsed: uint256 = block.timestamp - haircut.since
    if elapsed >= RAMP:
        return haircut.target
    return haircut.start - fixed_point._mul_div_up(haircut.start - haircut.target, elapsed, RAMP)
