# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Exits that wait for cash
@license AGPL-3.0-only
@notice First come, first served; what was served waits to be claimed, so that no receiver can hold up the others.
@dev It counts; the pool values, burns and moves.
"""

from interfaces import ICreditPool

from . import errors

claimable: public(HashMap[address, uint256])    # claimant → [raw]
queued_shares: public(uint256)                  # [wad] of all exits that wait

_last: uint256                                  # id of the exit that came last
_oldest: uint256                                # how many have left the queue
_exits: HashMap[uint256, ICreditPool.Exit]


@external
@view
def queue() -> (uint256, uint256):
    """
    @notice The queue of exits.
    @return Id of the oldest exit that waits; how many wait.
    """
    return self._oldest + 1, self._last - self._oldest


@external
@view
def queued_exit(id: uint256) -> ICreditPool.Exit:
    """
    @notice What is left of an exit.
    @param id Its id.
    @return The exit; zeros where it was served, or never was.
    """
    return self._exits[id]


@internal
@view
def _is_empty() -> bool:
    """
    @dev Nobody waits.
    """
    return self._oldest == self._last


@internal
def _push(claimant: address, shares: uint256) -> uint256:
    """
    @dev The last in the queue. Returns its id; ids count from 1.
    """
    assert claimant != empty(address), errors.NO_CLAIMANT
    id: uint256 = self._last + 1
    self._last = id
    self._exits[id] = ICreditPool.Exit(claimant=claimant, shares=shares)
    self.queued_shares += shares
    return id


@internal
@view
def _front() -> (uint256, ICreditPool.Exit):
    """
    @dev The oldest exit and its id; there must be one.
    """
    id: uint256 = self._oldest + 1
    return id, self._exits[id]


@internal
def _serve(id: uint256, exit: ICreditPool.Exit, shares: uint256, assets: uint256) -> bool:
    """
    @dev Shares of the oldest exit now are tokens to be claimed. Returns whether it leaves the queue.
    """
    self.queued_shares -= shares
    self.claimable[exit.claimant] += assets
    log ICreditPool.ExitServed(id=id, claimant=exit.claimant, shares=shares, assets=assets)
    if shares < exit.shares:
        self._exits[id].shares = exit.shares - shares
        return False
    self._exits[id] = empty(ICreditPool.Exit)
    self._oldest = id
    return True


@internal
def _claim() -> uint256:
    """
    @dev All that the caller may claim [raw].
    """
    assets: uint256 = self.claimable[msg.sender]
    self.claimable[msg.sender] = 0
    return assets
