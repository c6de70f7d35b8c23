# pragma version 0.4.3
# pragma evm-version cancun
"""
@title The mathematics of cutting, callable
@license AGPL-3.0-only
@notice For tests of how much of which books is cut, without markets behind them. No part of the protocol.
"""

from contracts.modules import cutting

MAX_BOOKS: constant(uint256) = 8


@external
@pure
def shares(books: DynArray[cutting.Candidate, MAX_BOOKS], aim: cutting.Aim, free: int256) -> int256[MAX_BOOKS]:
    """
    @notice The share of each book to cut.
    @param books The books, after perfect sharing.
    @param aim What to cut for.
    @param free Cash that sharing may use [wad].
    @return Shares [wad].
    """
    return cutting._shares(books, aim, free)
