# pragma version 0.4.3
"""
@title The pool's packed requests
@license AGPL-3.0-only
@notice A request is two words: who and when, and how much.
"""

from . import errors

# terms    controller 160 · 96 | due 40 · 56 | is exit 8 · 48 | status 48 · 0
# amounts  amount 128 · 128 | start 128 · 0

_MASK_8: constant(uint256) = 2**8 - 1
_MASK_40: constant(uint256) = 2**40 - 1
_MASK_48: constant(uint256) = 2**48 - 1
_MASK_128: constant(uint256) = 2**128 - 1

# Statuses
PENDING: constant(uint256) = 1      # waits for its execution
EXECUTED: constant(uint256) = 2     # can be claimed, or has been
VOIDED: constant(uint256) = 3       # given back

# An entry asks with tokens [raw] for shares, an exit with shares [wad] for tokens
struct Request:
    controller: address     # who claims what comes of it
    due: uint256            # [s] executed at the first rounds from then on
    is_exit: bool
    status: uint256         # 0 = there is no such request
    amount: uint256         # what was handed in: tokens [raw] or shares [wad]
    start: uint256          # of that, what the controller's earlier executed requests add up to


@internal
@pure
def _pack_request(request: Request) -> (uint256, uint256):
    """
    @dev Terms; amounts. Reverts if an amount leaves 128 bits.
    """
    assert max(request.amount, request.start) <= _MASK_128, errors.OUT_OF_RANGE
    terms: uint256 = convert(request.controller, uint256) << 96 | request.due << 56
    terms |= convert(request.is_exit, uint256) << 48 | request.status
    return terms, request.amount << 128 | request.start


@internal
@pure
def _unpack_request(terms: uint256, amounts: uint256) -> Request:
    """
    @dev The inverse of `_pack_request`.
    """
    return Request(
        controller=convert(terms >> 96, address),
        due=terms >> 56 & _MASK_40,
        is_exit=terms >> 48 & _MASK_8 != 0,
        status=terms & _MASK_48,
        amount=amounts >> 128,
        start=amounts & _MASK_128,
    )
