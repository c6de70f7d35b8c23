# pragma version 0.4.3
"""
@title What leaves an account's cash
@license AGPL-3.0-only
@notice Cash above the locks is free. Locked cash, which is profit that may not be real, may become margin of the
        account's own books and nothing else. Cash that is not there is lent to who has collateral and no lock.
@dev Nothing here asks for a price while cash stays at zero or above.
"""

from interfaces import IOutflow

from . import book_list
from . import collateral_ledger
from . import debt
from . import firewall
from . import vault_checks
from . import vault_slots

uses: collateral_ledger
uses: debt
uses: firewall


OUTFLOW: public(immutable(address))         # meters and locks of profit


@deploy
def __init__(outflow: address):
    """
    @dev The contract that locks profit.
    """
    OUTFLOW = outflow


@internal
@view
def _locked_cash(account: uint256, locked: bool) -> int256:
    """
    @dev Σ of the account's locks [wad]; asked only where the account's flag says there are any.
    """
    if not locked:
        return 0
    return convert(staticcall IOutflow(OUTFLOW).locked(account), int256)


@internal
@view
def _spent(account: uint256, state: vault_slots.Account, own: uint256, leaving: uint256) -> int256:
    """
    @dev An account's cash without `own`, which stays the account's, and `leaving`, which does not and so comes out of
         what stands above the locks [wad].
    """
    left: int256 = state.cash - convert(leaving, int256)
    cash: int256 = left - convert(own, int256)
    self._check_debt(account, state, cash)
    if leaving != 0 and state.locked:
        vault_checks._check_unlocked(left >= self._locked_cash(account, True))
    return cash


@internal
@view
def _check_debt(account: uint256, state: vault_slots.Account, cash: int256):
    """
    @dev Cash falls below zero, or further, only where somebody lends, the account has collateral and no lock, and its
         treasury is then at or above its initial margin.
    """
    if cash < 0 and cash < state.cash:
        vault_checks._check_cash(state.collateral != 0 and debt._lender != 0)
        vault_checks._check_unlocked(not state.locked)
        collateral_ledger._check_secured(account, cash)


@internal
def _move_margin(account: uint256, books: uint256, market: uint256, amount: int256) -> (uint256, bool):
    """
    @dev Moves margin between cash and a book, meets what leaves beyond net deposits, frees the slot of a book that
         became empty. Returns the list of books; whether anything was locked. The caller takes the amount from the
         account's cash.
    """
    beyond: uint256 = 0
    is_empty: bool = False
    beyond, is_empty = firewall._move(account, market, amount)
    locks: bool = False
    if beyond != 0:
        locks = extcall IOutflow(OUTFLOW).meet(account, market, beyond, is_empty)
    if is_empty:
        return book_list._freed(books, market), locks
    return books, locks
