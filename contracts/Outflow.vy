# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title What leaves a market beyond what was put in: meters and locks
@license AGPL-3.0-only
@notice Profit is paid by others, and profit that is not settled may be a pumped price's. What an account takes out of a
        book beyond its net deposits is therefore locked: its books may use it, nobody can withdraw it.
@dev A book that ends with it, no legs and no margin left, has nothing more to lose: its profit passes as far as the
     market's meter allows, and only the rest is locked. A book that goes on may still fall below zero once the price
     is back: all of its profit is locked, for LOCK_PERIOD at least, and for as long as the book is short. Then the
     meter lets it go. The vault asks in the middle of its own calls, when it answers nothing itself.
@custom:security It holds no money. Whoever is not the vault can only look.
@custom:kill Nothing to kill: without it no profit leaves a market. Set a meter to 0, and all profit is locked.
"""

from interfaces import IMarket
from interfaces import IOutflow
from interfaces import IVault
from snekmate.auth import ownable

from .modules import errors
from .modules import fixed_point
from .modules import vault_checks
from .modules import vault_slots

implements: IOutflow
initializes: ownable

exports: (ownable.owner, ownable.transfer_ownership)


LOCK_PERIOD: public(constant(uint256)) = 3_600  # [s] a lock lasts since it last grew: twice the price average's window
WINDOW: constant(uint256) = 86_400          # [s] in which a full meter drains
MIN_CAPACITY: constant(uint256) = 10**18    # [wad] of a meter; below it the drain per second rounds coarsely
MAX_CAPACITY: constant(uint256) = 2**95     # [wad] of a meter, within its packed field


vault: public(address)                          # who meets and releases

_meters: HashMap[uint256, uint256]              # market → capacity, used, updated
_locks: HashMap[uint256, HashMap[uint256, uint256]]         # account → market → amount, when it last grew
_locked: HashMap[uint256, uint256]              # account → Σ of its locks [wad]


@deploy
def __init__():
    """
    @dev The vault is deployed with this contract's address, and named here afterwards.
    """
    ownable.__init__()


################################################################
#                            VAULT                             #
################################################################


@external
def meet(account: uint256, market: uint256, profit: uint256, is_empty: bool) -> bool:
    """
    @notice Let the profit of a book that has ended out as far as the meter allows; lock the rest, or all of the profit
            of one that goes on. The vault only.
    @param account Account id.
    @param market Market id.
    @param profit What left the book beyond net deposits [wad].
    @param is_empty Whether the book has ended.
    @return Whether anything was locked.
    """
    self._check_vault()
    excess: uint256 = profit
    if is_empty:
        passed: uint256 = self._draw_meter(market, profit)
        excess -= passed
    if excess == 0:
        return False

    lock: uint256 = vault_slots._unpack_lock(self._locks[account][market])[0]
    self._locks[account][market] = vault_slots._pack_lock(lock + excess, block.timestamp)
    self._locked[account] += excess
    log IOutflow.Locked(account=account, market=market, amount=excess)
    return True


@external
def release(account: uint256, market: uint256, implementation: address) -> (uint256, bool):
    """
    @notice Release what the meter lets through of a lock that is old enough, while its book is not short. The vault
            only.
    @param account Account id.
    @param market Market id that the locked profit came from.
    @param implementation The market's contract where the account has a book there, else zero.
    @return What was released [wad]; whether the account has no lock left.
    """
    self._check_vault()
    lock: uint256 = 0
    grown: uint256 = 0
    lock, grown = vault_slots._unpack_lock(self._locks[account][market])
    if lock == 0:
        return 0, False
    assert block.timestamp >= grown + LOCK_PERIOD, errors.YOUNG_LOCK
    if implementation != empty(address):
        risk: IMarket.BookRisk = staticcall IMarket(implementation).book_risk(account)
        assert risk.equity >= convert(risk.maintenance, int256), errors.BOOK_SHORT

    released: uint256 = self._draw_meter(market, lock)
    if released == 0:
        return 0, False
    locked: uint256 = self._locked[account] - released
    self._locks[account][market] = vault_slots._pack_lock(lock - released, grown)
    self._locked[account] = locked
    log IOutflow.Unlocked(account=account, market=market, amount=released)
    return released, locked == 0


################################################################
#                            OWNER                             #
################################################################


@external
def set_vault(vault: address):
    """
    @notice Name the vault, once. Owner only.
    @param vault The vault.
    """
    ownable._check_owner()
    vault_checks._check_address(vault != empty(address))
    assert self.vault == empty(address), errors.VAULT_IS_SET
    self.vault = vault
    log IOutflow.VaultSet(vault=vault)


@external
def set_meter(market: uint256, capacity: uint256):
    """
    @notice Set how much profit may leave a market per window. Owner only.
    @param market Market id.
    @param capacity USD per window [wad]; 0 locks all profit.
    """
    ownable._check_owner()
    assert (staticcall IVault(self.vault).market(market))[0] != empty(address), errors.UNKNOWN_MARKET
    vault_checks._check_parameter(capacity == 0 or (capacity >= MIN_CAPACITY and capacity <= MAX_CAPACITY))

    old: uint256 = 0
    used: uint256 = 0
    old, used = self._metered(market)
    self._meters[market] = vault_slots._pack_meter(capacity, used, block.timestamp)
    log IOutflow.MeterSet(market=market, capacity=capacity)


################################################################
#                            VIEWS                             #
################################################################


@external
@view
def locked(account: uint256) -> uint256:
    """
    @notice Cash of an account that only its books may use.
    @param account Account id.
    @return Σ of its locks, USD [wad].
    """
    return self._locked[account]


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
    @notice When a lock is old enough for `Vault.release_lock`.
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
def _check_vault():
    """
    @dev The vault calls.
    """
    assert msg.sender == self.vault, errors.NOT_VAULT


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
