# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title How much of which books to cut
@license AGPL-3.0-only
@notice The planner asks here where sharing leaves a book short, or the account's risk breaks a bound of its policy.
@dev Apart from the planner because few plans need it and both would not fit into one contract.
@custom:kill Nothing to kill: it has no rights.
"""

from interfaces import ICutPlanner

from contracts.modules import allocation
from contracts.modules import cutting
from contracts.modules import valuation

implements: ICutPlanner


################################################################
#                            ANYONE                            #
################################################################

@external
@view
def shares(
    books: DynArray[ICutPlanner.Candidate, allocation.MAX_ROWS], aim: ICutPlanner.Aim
) -> int256[allocation.MAX_ROWS]:
    """
    @notice The share of each book to cut: the largest that any cause asks for, at most `max_share`.
    @dev Asks each book's market what cutting costs. Never reverts but for missing gas.
    @param books All that take part in sharing, in any order.
    @param aim What the policy wants cuts for.
    @return The shares, in the order of the books [wad]; 0 where nothing is to be cut.
    """
    candidates: DynArray[cutting.Candidate, allocation.MAX_ROWS] = []
    for book: ICutPlanner.Candidate in books:
        cost: int256 = allocation.NEVER
        if book.active and book.cuttable and book.sigma_loss != 0:
            cost = valuation._tried_cost(book.implementation, book.exposure, aim.max_slippage)
        candidates.append(cutting.Candidate(
            equity=book.equity,
            maintenance=book.maintenance,
            sigma_loss=book.sigma_loss,
            low=book.low,
            high=book.high,
            target=book.target,
            cost=cost,
            active=book.active,
            budgeted=book.active and book.implementation != empty(address),
            tap=book.tap,
        ))
    return cutting._shares(candidates, aim)
