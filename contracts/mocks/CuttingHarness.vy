# pragma version 0.4.3
# pragma evm-version cancun
"""
@title The mathematics of cutting, callable
@license AGPL-3.0-only
@notice For tests of how much of which books is cut, without markets behind them. No part of the protocol.
"""

from interfaces import ICutPlanner

from contracts.modules import cutting

MAX_ROWS: constant(uint256) = cutting.MAX_ROWS


@external
@pure
def shares(books: DynArray[cutting.Candidate, MAX_ROWS], aim: ICutPlanner.Aim) -> int256[MAX_ROWS]:
    """
    @notice The share of each book to cut.
    @param books The books, after perfect sharing.
    @param aim What to cut for.
    @return Shares [wad].
    """
    return cutting._shares(books, aim)
