# pragma version 0.4.3
"""
@title Cuts that the engine asked for and has not filled yet
@license AGPL-3.0-only
@notice A cut is filled in two steps, as an order is, and for the same reason: whoever knows the price before the feed
        would have his books cut at a stale one. It is asked for now, for good, and filled at a round that the feed
        publishes half a minute later. A request lapses after two hours, or when its slot has another market's book.
@dev One word an account, 32 bits a slot: market 7 · 25 | share 10 · 15 [1/1000] | asked at 15 · 0 [s, modulo 2^15].
     A call of the engine drops what is dead, so no request is older than twice PATIENCE while its age matters.
"""

DELAY: constant(uint256) = 30           # [s] longer than the feed takes to tell what everybody else knows
PATIENCE: constant(uint256) = 7_200     # [s]
SHARE_UNIT: constant(uint256) = 10**15  # [wad] shares are rounded up to a thousandth

_SLOT_BITS: constant(uint256) = 32
_SLOT: constant(uint256) = 2**32 - 1
_MASK_10: constant(uint256) = 2**10 - 1
_MASK_15: constant(uint256) = 2**15 - 1

# One request
struct Request:
    market: uint256         # id
    share: uint256          # [wad] of the book
    asked: uint256          # [s]


@internal
@view
def _live(word: uint256, last_call: uint256) -> uint256:
    """
    @dev The word without requests that are too old. None is younger than the account's last call.
    """
    if word == 0 or block.timestamp > last_call + PATIENCE:
        return 0
    live: uint256 = word
    for slot: uint256 in range(8):
        if block.timestamp - self._request(word, slot).asked > PATIENCE:
            live = self._without(live, slot)
    return live


@internal
@view
def _request(word: uint256, slot: uint256) -> Request:
    """
    @dev The request at a slot; market 0 where there is none.
    """
    entry: uint256 = (word >> (_SLOT_BITS * slot)) & _SLOT
    age: uint256 = unsafe_sub(block.timestamp, entry) & _MASK_15
    return Request(
        market=entry >> 25,
        share=((entry >> 15) & _MASK_10) * SHARE_UNIT,
        asked=unsafe_sub(block.timestamp, age),
    )


@internal
@view
def _with(word: uint256, slot: uint256, market: uint256, share: uint256) -> uint256:
    """
    @dev The word with a request made now, in the place of any other; `share` is a multiple of SHARE_UNIT.
    """
    entry: uint256 = (market << 25) | ((share // SHARE_UNIT) << 15) | (block.timestamp & _MASK_15)
    return self._without(word, slot) | (entry << (_SLOT_BITS * slot))


@internal
@pure
def _share(wanted: int256, most: int256) -> uint256:
    """
    @dev A share as a request can hold it: rounded up, at most `most` rounded down [wad]. Neither is negative.
    """
    unit: int256 = convert(SHARE_UNIT, int256)
    return convert(min((wanted + (unit - 1)) // unit, most // unit) * unit, uint256)


@internal
@pure
def _differs(word: uint256, other: uint256, slot: uint256) -> bool:
    """
    @dev Whether two words differ at a slot.
    """
    return ((word ^ other) >> (_SLOT_BITS * slot)) & _SLOT != 0


@internal
@pure
def _without(word: uint256, slot: uint256) -> uint256:
    """
    @dev The word without the request at a slot.
    """
    return word & ~(_SLOT << (_SLOT_BITS * slot))
