# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title What leaves a market beyond what was put in: meters and locks
@license AGPL-3.0-only
@notice Profit is paid by others, and profit that is not settled may be a pumped price's. What an account takes out of a
        book beyond its net deposits is therefore locked: its books may use it, nobody can withdraw it.
@dev A book that ends with it, no legs and no margin left, has nothing more to lose: its profit passes as far as the
     market's meter allows, and only the rest is locked. A book that goes on may still fall below zero once the price
     is back: all of its profit is locked, for LOCK_PERIOD at least, and for as long as the book is short. Then the
     meter lets it go.
"""

from interfaces import IMarket
from interfaces import IVault
from snekmate.auth import ownable

from . import errors
from . import firewall
from . import fixed_point
from . import vault_checks
from . import vault_slots

uses: ownable
uses: firewall


LOCK_PERIOD: public(constant(uint256)) = 3_600  # [s] a lock lasts since it last grew: twice the price average's window
WINDOW: constant(uint256) = 86_400          # [s] in which a full meter drains
MIN_CAPACITY: constant(uint256) = 10**18    # [wad] of a meter; below it the drain per second rounds coarsely
MAX_CAPACITY: constant(uint256) = 2**95     # [wad] of a meter, within its packed field


_meters: HashMap[uint256, uint256]              # market → capacity, used, updated
_locks: HashMap[uint256, HashMap[uint256, uint256]]         # account → market → amount, when it last grew
_locked: HashMap[uint256, uint256]              # account → Σ of its locks [wad]


################################################################
#                            OWNER                             #
################################################################


@external
def set_meter(market: uint256, capacity: uint256):
    """
    @notice Set how much profit may leave a market per window. Owner only.
    @param market Market id.
    @param capacity USD per window [wad]; 0 locks all profit.
    """
    ownable._check_owner()
    firewall._check_market(firewall._markets[market])
    vault_checks._check_parameter(capacity == 0 or (capacity >= MIN_CAPACITY and capacity <= MAX_CAPACITY))

    old: uint256 = 0
    used: uint256 = 0
    old, used = self._metered(market)
    self._meters[market] = vault_slots._pack_meter(capacity, used, block.timestamp)
    log IVault.MeterSet(market=market, capacity=capacity)


################################################################
#                            VIEWS                             #
################################################################


@external
@view
def lock(account: uint256, market: uint256) -> uint256:
    """
    @notice Cash locked because of one market's profit.
    @param account Account id.
    @param market Market id.
    @return USD [wad].
    """
    return vault_slots._unpack_lock(self._locks[account][market])[0]


@external
@view
def lock_matures(account: uint256, market: uint256) -> uint256:
    """
    @notice When a lock is old enough for `release_lock`.
    @param account Account id.
    @param market Market id.
    @return The first such moment [s]; 0 where there is no lock.
    """
    amount: uint256 = 0
    grown: uint256 = 0
    amount, grown = vault_slots._unpack_lock(self._locks[account][market])
    return grown + LOCK_PERIOD if amount != 0 else 0


@external
@view
def meter(market: uint256) -> (uint256, uint256):
    """
    @notice A market's meter of profit.
    @param market Market id.
    @return Capacity per window [wad]; what may leave now [wad].
    """
    capacity: uint256 = 0
    used: uint256 = 0
    capacity, used = self._metered(market)
    return capacity, capacity - min(used, capacity)


################################################################
#                           INTERNAL                           #
################################################################


@internal
@view
def _locked_cash(account: uint256, locked: bool) -> int256:
    """
    @dev Σ of the account's locks [wad]; reads storage only where the account's flag says there are any.
    """
    if not locked:
        return 0
    return convert(self._locked[account], int256)


@internal
def _meet(account: uint256, market: uint256, profit: uint256, is_empty: bool) -> bool:
    """
    @dev Lets the profit of a book that has ended out as far as the meter allows; locks the rest, or all of the profit
         of one that goes on. Returns whether anything was locked.
    """
    excess: uint256 = profit
    if is_empty:
        passed: uint256 = self._draw_meter(market, profit)
        excess -= passed
    if excess == 0:
        return False

    lock: uint256 = vault_slots._unpack_lock(self._locks[account][market])[0]
    self._locks[account][market] = vault_slots._pack_lock(lock + excess, block.timestamp)
    self._locked[account] += excess
    log IVault.Locked(account=account, market=market, amount=excess)
    return True


@internal
def _release(account: uint256, market: uint256, has_book: bool) -> (uint256, bool):
    """
    @dev Releases what the meter lets through of a lock that is old enough, while the book it came from, if there is
         one, is not short. Returns what was released [wad]; whether the account has no lock left.
    """
    lock: uint256 = 0
    grown: uint256 = 0
    lock, grown = vault_slots._unpack_lock(self._locks[account][market])
    if lock == 0:
        return 0, False
    assert block.timestamp >= grown + LOCK_PERIOD, errors.YOUNG_LOCK
    if has_book:
        risk: IMarket.BookRisk = staticcall IMarket(firewall._implementation(market)).book_risk(account)
        assert risk.equity >= convert(risk.maintenance, int256), errors.BOOK_SHORT

    released: uint256 = self._draw_meter(market, lock)
    if released == 0:
        return 0, False
    locked: uint256 = self._locked[account] - released
    self._locks[account][market] = vault_slots._pack_lock(lock - released, grown)
    self._locked[account] = locked
    log IVault.Unlocked(account=account, market=market, amount=released)
    return released, locked == 0


@internal
def _draw_meter(market: uint256, amount: uint256) -> uint256:
    """
    @dev Uses the meter for up to `amount`. Returns what it let through [wad].
    """
    capacity: uint256 = 0
    used: uint256 = 0
    capacity, used = self._metered(market)
    drawn: uint256 = min(amount, capacity - min(used, capacity))
    if drawn != 0:
        self._meters[market] = vault_slots._pack_meter(capacity, used + drawn, block.timestamp)
    return drawn


@internal
@view
def _metered(market: uint256) -> (uint256, uint256):
    """
    @dev A meter's capacity and what of it is in use now [wad]. Use drains by one capacity a window, rounded down.
    """
    capacity: uint256 = 0
    used: uint256 = 0
    updated: uint256 = 0
    capacity, used, updated = vault_slots._unpack_meter(self._meters[market])
    drained: uint256 = fixed_point._mul_div_down(capacity, block.timestamp - updated, WINDOW)
    return capacity, used - min(drained, used)
