# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Nobody leaves while a loss has no bearer
@license AGPL-3.0-only
@notice A deficit that is known and not yet assigned falls on those who are there: whoever bears losses does not leave
        before it has. Assigning it is open to all, so the gate is seldom shut for longer than a transaction.
"""

from interfaces import IDeficitGate
from interfaces import IDeficits
from snekmate.auth import ownable

from . import errors

uses: ownable


deficits: public(address)       # who knows


@external
def set_deficits(deficits: address):
    """
    @notice Name the contract that knows of deficits nobody bears yet, once. Owner only. No exit while there is one.
    @param deficits The contract.
    """
    ownable._check_owner()
    assert self.deficits == empty(address) and deficits != empty(address), errors.DEFICITS_ARE_SET
    self.deficits = deficits
    log IDeficitGate.DeficitsSet(deficits=deficits)


@internal
@view
def _is_open(debts_only: bool) -> bool:
    """
    @dev Every known deficit has its bearer; or every debt, for those whom losses of markets do not reach.
    """
    deficits: IDeficits = IDeficits(self.deficits)
    if deficits.address == empty(address):
        return True
    if debts_only:
        return staticcall deficits.insolvent_debts() == 0
    return staticcall deficits.insolvencies() == 0


@internal
@view
def _check_open(debts_only: bool):
    """
    @dev Refuses an exit ahead of a known loss.
    """
    assert self._is_open(debts_only), errors.UNASSIGNED_DEFICIT
