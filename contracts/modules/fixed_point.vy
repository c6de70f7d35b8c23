# pragma version 0.4.3
"""
@title Fixed-point arithmetic with the rounding in the name
@license AGPL-3.0-only
@notice Quantities are 18-decimal fixed point ("wad") unless their unit tag says otherwise. `//` truncates toward
        zero in Vyper, so signed divisions go through `_floor_div` and `_ceil_div` here and nowhere else.
"""

WAD: constant(uint256) = 10**18
SIGNED_WAD: constant(int256) = 10**18
BPS: constant(uint256) = 10_000


@internal
@pure
def _mul_div_down(a: uint256, b: uint256, divisor: uint256) -> uint256:
    """
    @dev ⌊a·b / divisor⌋. Reverts if a·b ≥ 2^256 or divisor = 0.
    """
    return a * b // divisor


@internal
@pure
def _mul_div_up(a: uint256, b: uint256, divisor: uint256) -> uint256:
    """
    @dev ⌈a·b / divisor⌉. Reverts if a·b + divisor > 2^256 or divisor = 0.
    """
    return (a * b + (divisor - 1)) // divisor


@internal
@pure
def _mul_wad_down(a: uint256, b: uint256) -> uint256:
    """
    @dev ⌊a·b⌋ of two wads [wad].
    """
    return a * b // WAD


@internal
@pure
def _mul_wad_up(a: uint256, b: uint256) -> uint256:
    """
    @dev ⌈a·b⌉ of two wads [wad].
    """
    return (a * b + (WAD - 1)) // WAD


@internal
@pure
def _floor_div(a: int256, divisor: int256) -> int256:
    """
    @dev a / divisor rounded toward −∞; divisor > 0.
    """
    quotient: int256 = a // divisor
    if a < 0 and quotient * divisor != a:
        quotient -= 1
    return quotient


@internal
@pure
def _ceil_div(a: int256, divisor: int256) -> int256:
    """
    @dev a / divisor rounded toward +∞; divisor > 0.
    """
    quotient: int256 = a // divisor
    if a > 0 and quotient * divisor != a:
        quotient += 1
    return quotient
