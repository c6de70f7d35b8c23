# pragma version 0.4.3
"""
@title Cash below zero
@license AGPL-3.0-only
@notice An account that spends more cash than it has owes the rest to the CreditPool, whose own cash is the only money
        that is ever lent. What it owes is stored in shares of all debt, whose worth grows with one index.
@dev Both conversions round against the account: there and back costs it at most a wei more than the index, in USD a
     share. The index is asked for only where there is debt.
"""

from interfaces import ICreditPool

from . import fixed_point
from . import vault_slots


_lender: uint256    # CreditPool, its account


@internal
@view
def _index() -> uint256:
    """
    @dev What a share of debt is worth now [wad].
    """
    return staticcall ICreditPool(vault_slots._holder(self._lender)).debt_index()


@internal
@view
def _worth(shares: uint256) -> uint256:
    """
    @dev What shares of debt come to now, rounded up [wad].
    """
    return fixed_point._mul_wad_up(shares, self._index())


@internal
@view
def _shares(owed: uint256) -> uint256:
    """
    @dev The shares of a debt, rounded up [wad]. None of none, whoever lends.
    """
    if owed == 0:
        return 0
    return fixed_point._mul_div_up(owed, fixed_point.WAD, self._index())
