# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Whose the house's money is
@license AGPL-3.0-only
@notice Three accounts are the protocol's own: the pool's takes the other side of every order, the insurance fund's
        covers deficits, the credit pool's lends. Trading fees are shared between the first two and the protocol.
@dev The shares never change, so what anybody earned is plain from what was traded.
"""

from interfaces import ICreditPool
from interfaces import IVault
from snekmate.auth import ownable

from . import accounts
from . import book_list
from . import debt
from . import errors
from . import fixed_point
from . import vault_checks
from . import vault_slots

uses: ownable
uses: debt
uses: accounts


POOL_SHARE: public(immutable(uint256))      # [wad] of each trading fee that the pool earns
INSURANCE_SHARE: public(immutable(uint256)) # [wad] of it that insurance earns; the rest is the protocol's


_house: uint256                             # accounts of pool and insurance, what insurance and the protocol earned


@deploy
def __init__(pool_share: uint256, insurance_share: uint256):
    """
    @dev Both together at most all of a fee.
    """
    vault_checks._check_parameter(max(pool_share, insurance_share) <= fixed_point.WAD)
    vault_checks._check_parameter(pool_share + insurance_share <= fixed_point.WAD)
    POOL_SHARE = pool_share
    INSURANCE_SHARE = insurance_share


################################################################
#                            ANYONE                            #
################################################################


@external
def collect_insurance() -> uint256:
    """
    @notice Turn the insurance fund's share of fees into cash of its account. Open to all.
    @dev A trade only counts it, in the word that holds the protocol's: 5,000 gas less.
    @return What it earned since the last time [wad]; nothing while there is no such account.
    """
    return self._collect_insurance()


################################################################
#                            OWNER                             #
################################################################


@external
def set_pool(account: uint256):
    """
    @notice Name the pool's account, once. Owner only.
    @param account Account id.
    """
    ownable._check_owner()
    accounts._check_known(account)
    if self._pool() != 0:
        vault_checks._refuse(errors.POOL_IS_SET)
    self._house |= account
    log IVault.PoolSet(account=account)


@external
def set_insurance(account: uint256):
    """
    @notice Name the account of the insurance fund, once. Owner only.
    @param account Account id.
    """
    ownable._check_owner()
    accounts._check_known(account)
    if self._insurance() != 0:
        vault_checks._refuse(errors.INSURANCE_IS_SET)
    self._house |= account << 32
    log IVault.InsuranceSet(account=account)


@external
def set_credit_pool(pool: address):
    """
    @notice Name the contract whose account lends, once. Owner only.
    @param pool The credit pool.
    """
    ownable._check_owner()
    if debt._lender != 0:
        vault_checks._refuse(errors.CREDIT_POOL_IS_SET)
    account: uint256 = staticcall ICreditPool(pool).ACCOUNT()
    accounts._check_known(account)
    debt._lender = vault_slots._pack_holding(pool, account)
    log IVault.CreditPoolSet(pool=pool, account=account)


################################################################
#                            VIEWS                             #
################################################################


@external
@view
def pool_account() -> uint256:
    """
    @notice The account that takes the other side of every order.
    @return Account id, 0 until it is set.
    """
    return self._pool()


@external
@view
def insurance_account() -> uint256:
    """
    @notice The account that penalties and a share of fees go to, and that covers deficits.
    @return Account id, 0 until it is set.
    """
    return self._insurance()


@external
@view
def insurance_due() -> uint256:
    """
    @notice The insurance fund's share of fees that is not in its account yet.
    @return USD [wad].
    """
    return vault_slots._unpack_house(self._house).due


@external
@view
def credit_pool() -> address:
    """
    @notice The contract whose account lends.
    @return The credit pool, zero until it is set.
    """
    return vault_slots._holder(debt._lender)


@external
@view
def protocol_revenue() -> uint256:
    """
    @notice The protocol's share of fees that nobody has collected yet.
    @return USD [wad].
    """
    return self._house >> 160


################################################################
#                           INTERNAL                           #
################################################################


@internal
@view
def _pool() -> uint256:
    """
    @dev The pool's account id, 0 until it is set.
    """
    return self._house & vault_slots.MASK_32


@internal
@view
def _insurance() -> uint256:
    """
    @dev The insurance fund's account id, 0 until it is set.
    """
    return (self._house >> 32) & vault_slots.MASK_32


@internal
def _collect_insurance() -> uint256:
    """
    @dev What insurance is due becomes cash of its account, where it has one. Returns the amount [wad].
    """
    house: vault_slots.House = vault_slots._unpack_house(self._house)
    due: uint256 = house.due
    if due == 0 or house.insurance == 0:
        return 0
    house.due = 0
    self._house = vault_slots._pack_house(house)
    accounts._credit(house.insurance, due)
    log IVault.InsuranceCollected(amount=due)
    return due


@internal
def _collect_fee(account: uint256, market: uint256, fee: uint256):
    """
    @dev Shares a trading fee: the pool's part to the pool's cash, insurance's to what it is due, both rounded down, the
         rest to the protocol. Opens the pool's book, since the pool is the other side.
    """
    house: vault_slots.House = vault_slots._unpack_house(self._house)
    vault_checks._check_account(house.pool != 0)
    to_pool: uint256 = fixed_point._mul_wad_down(fee, POOL_SHARE)
    to_insurance: uint256 = fixed_point._mul_wad_down(fee, INSURANCE_SHARE)
    house.due += to_insurance
    house.revenue += fee - to_pool - to_insurance
    self._house = vault_slots._pack_house(house)

    state: vault_slots.Account = accounts._load(house.pool)
    state.cash += convert(to_pool, int256)
    state.books = book_list._opened(state.books, market)
    accounts._store(house.pool, state)
    log IVault.FeeCollected(market=market, account=account, amount=fee, to_pool=to_pool, to_insurance=to_insurance)


@internal
def _take_revenue(scale: uint256) -> uint256:
    """
    @dev Takes the protocol's revenue, down to what is less than a token unit of `scale` [wad]. Returns units [raw].
    """
    amount: uint256 = (self._house >> 160) // scale
    self._house -= (amount * scale) << 160
    return amount
