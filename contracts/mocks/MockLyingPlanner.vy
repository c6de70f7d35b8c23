# pragma version 0.4.3
# pragma evm-version cancun
"""
@title A planner whose plans do not add up
@license AGPL-3.0-only
@notice Hands on the plan of the real planner with one figure falsified. The engine must not believe it.
@custom:kill Test only: never deployed where money is.
"""

from interfaces import IPlanner

implements: IPlanner

HONEST: public(constant(uint256)) = 0
CASH: public(constant(uint256)) = 1     # a wei more cash than there is
EQUITY: public(constant(uint256)) = 2   # a wei more equity in the first book that moves
CUT: public(constant(uint256)) = 3      # a wei less maintenance margin after the cut than the market says
FLOOR: public(constant(uint256)) = 4    # no book may give
CAP: public(constant(uint256)) = 5      # no book may receive
ROBBERY: public(constant(uint256)) = 6  # takes from those in need as well, and there are no bounds
TOP_UP: public(constant(uint256)) = 7   # more for the pool's book than its cash can pay

PLANNER: public(immutable(IPlanner))
lie: public(uint256)


@deploy
def __init__(planner: IPlanner):
    """
    @param planner The real planner.
    """
    PLANNER = planner


@external
def tell(lie: uint256):
    """
    @notice Choose the lie.
    @param lie One of the constants.
    """
    self.lie = lie


@external
@view
def plan(
    account: uint256, mode: uint256, policy: uint256, sets: uint256, state: uint256, requests: uint256
) -> IPlanner.Outcome:
    """
    @notice The plan, falsified.
    @param account Vault account id.
    @param mode Who calls.
    @param policy The policy's packed word.
    @param sets Its packed sets.
    @param state The engine's packed state.
    @param requests The packed cuts that were asked for.
    @return The plan and what its execution needs.
    """
    return self._falsified(staticcall PLANNER.plan(account, mode, policy, sets, state, requests))


@external
def settled_plan(
    account: uint256, mode: uint256, policy: uint256, sets: uint256, state: uint256, requests: uint256
) -> IPlanner.Outcome:
    """
    @notice The same, after the account's markets have settled.
    @param account Vault account id.
    @param mode Who calls.
    @param policy The policy's packed word.
    @param sets Its packed sets.
    @param state The engine's packed state.
    @param requests The packed cuts that were asked for.
    @return The plan and what its execution needs.
    """
    return self._falsified(extcall PLANNER.settled_plan(account, mode, policy, sets, state, requests))


@external
@view
def limits(account: uint256, markets: uint256, share: uint256) -> (uint256, bool):
    """
    @notice The real planner's answer.
    @param account Vault account id.
    @param markets Bit m: the book in market m is asked about.
    @param share [bps]
    @return What the owner may take out; whether the book's risk is within the share.
    """
    return staticcall PLANNER.limits(account, markets, share)


@internal
@view
def _falsified(outcome: IPlanner.Outcome) -> IPlanner.Outcome:
    """
    @dev The outcome with one lie in it.
    """
    done: IPlanner.Outcome = outcome
    lie: uint256 = self.lie
    if lie == CASH:
        done.cash += 1
    elif lie == EQUITY:
        done.steps[0].equity += 1
    elif lie == CUT:
        done.steps[0].maintenance -= 1
    elif lie == TOP_UP:
        done.steps[0].pool_top_up = 2**100
    for i: uint256 in range(len(done.steps), bound=8):
        if lie == FLOOR or lie == ROBBERY:
            done.steps[i].low = max_value(int256) if lie == FLOOR else min_value(int256)
        if lie == CAP or lie == ROBBERY:
            done.steps[i].high = min_value(int256) if lie == CAP else max_value(int256)
        if lie == ROBBERY:
            done.steps[i].amount = -abs(done.steps[i].amount)
    return done
