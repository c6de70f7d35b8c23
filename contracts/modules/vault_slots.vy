# pragma version 0.4.3
"""
@title The vault's packed slots
@license AGPL-3.0-only
@notice Vyper does not pack structs. Each `_pack_*` here has its `_unpack_*`; an account's word, which every call
        reads, is packed where it is stored.
"""

from . import errors
from . import vault_checks

# account  cash, or debt shares below zero, int112 · 144 | collateral 8 · 128 | escrowed 8 · 120 | locked 8 · 112
#          | orders 8 · 104 | last trade 40 · 64 | books 8 × 8 · 0
# owner    owner 160 · 96 | escrow 96 · 0
# heir     owner to be 160 · 96 | epoch 96 · 0
# operator epoch 96 · 48 | rights 8 · 40 | expiry 40 · 0
# market   implementation 160 · 96 | balance 96 · 0
# meter    capacity 96 · 136 | used 96 · 40 | updated 40 · 0
# lock     amount 128 · 40 | grown at 40 · 0
# token    token 160 · 96 | decimals 96 · 0
# supply   cap 128 · 128 | total 128 · 0
# lender   CreditPool 160 · 96 | its account 96 · 0
# house    revenue 96 · 160 | due to insurance 96 · 64 | insurance account 32 · 32 | pool account 32 · 0

MASK_8: constant(uint256) = 2**8 - 1
MASK_32: constant(uint256) = 2**32 - 1
MASK_40: constant(uint256) = 2**40 - 1
MASK_64: constant(uint256) = 2**64 - 1
MASK_144: constant(uint256) = 2**144 - 1
_MASK_96: constant(uint256) = 2**96 - 1
_MASK_128: constant(uint256) = 2**128 - 1
CASH_BOUND: constant(int256) = 2**111      # cash lies in [−bound, bound)

# What changes together when an account acts
struct Account:
    cash: int256        # [wad] negative: debt
    books: uint256      # market ids, 8 bits each, slot i at bit 8·i
    last_trade: uint256 # [s]
    orders: uint256     # orders that hold escrow
    locked: bool        # whether any lock exists, so that the maps are read only then
    escrowed: bool      # whether anything is in escrow, for the same reason
    collateral: uint256 # bit i: some of collateral token i is held, for the same reason
    shares: uint256     # [wad] of debt when it was loaded
    owed: uint256       # [wad] what they were worth then

# What the protocol's own accounts are, and what is not yet in one
struct House:
    pool: uint256       # account id
    insurance: uint256  # account id
    due: uint256        # [wad] insurance's share of fees
    revenue: uint256    # [wad] the protocol's


@internal
@pure
def _pack_holding(holder: address, amount: uint256) -> uint256:
    """
    @dev An address with a number of at most 96 bits: an owner and its escrow, a market and its balance.
    """
    if amount > _MASK_96:
        vault_checks._refuse(errors.OUT_OF_RANGE)
    return (convert(holder, uint256) << 96) | amount


@internal
@pure
def _unpack_holding(word: uint256) -> (address, uint256):
    """
    @dev Inverse of `_pack_holding`.
    """
    return convert(word >> 96, address), word & _MASK_96


@internal
@pure
def _holder(word: uint256) -> address:
    """
    @dev The address of a holding.
    """
    return convert(word >> 96, address)


@internal
@pure
def _held(word: uint256) -> int256:
    """
    @dev The amount of a holding, signed to calculate with.
    """
    return convert(word & _MASK_96, int256)


@internal
@pure
def _with_held(word: uint256, amount: int256) -> uint256:
    """
    @dev A holding with another amount, which is not negative.
    """
    if amount > convert(_MASK_96, int256):
        vault_checks._refuse(errors.OUT_OF_RANGE)
    return (word & ~_MASK_96) | convert(amount, uint256)


@internal
@pure
def _pack_operator(epoch: uint256, rights: uint256, expiry: uint256) -> uint256:
    """
    @dev An epoch with rights of at most 8 bits and a time of at most 40.
    """
    return (epoch << 48) | (rights << 40) | expiry


@internal
@pure
def _unpack_operator(word: uint256) -> (uint256, uint256, uint256):
    """
    @dev Epoch; rights; expiry [s].
    """
    return word >> 48, (word >> 40) & MASK_8, word & MASK_40


@internal
@pure
def _pack_meter(capacity: uint256, used: uint256, updated: uint256) -> uint256:
    """
    @dev Reverts if an amount leaves 96 bits.
    """
    vault_checks._check_range(max(capacity, used) <= _MASK_96)
    return (capacity << 136) | (used << 40) | updated


@internal
@pure
def _unpack_meter(word: uint256) -> (uint256, uint256, uint256):
    """
    @dev Capacity [wad]; used [wad]; updated [s].
    """
    return word >> 136, (word >> 40) & _MASK_96, word & MASK_40


@internal
@pure
def _pack_lock(amount: uint256, grown: uint256) -> uint256:
    """
    @dev Reverts if the amount leaves 128 bits. A lock of nothing is an empty word.
    """
    vault_checks._check_range(amount <= _MASK_128)
    if amount == 0:
        return 0
    return (amount << 40) | grown


@internal
@pure
def _unpack_lock(word: uint256) -> (uint256, uint256):
    """
    @dev Amount [wad]; when it last grew [s].
    """
    return word >> 40, word & MASK_40


@internal
@pure
def _pack_supply(cap: uint256, total: uint256) -> uint256:
    """
    @dev Reverts if the cap leaves 128 bits; the total has been below a cap.
    """
    vault_checks._check_parameter(cap <= _MASK_128)
    return (cap << 128) | total


@internal
@pure
def _unpack_supply(word: uint256) -> (uint256, uint256):
    """
    @dev Cap [wad units]; total [wad units].
    """
    return word >> 128, word & _MASK_128


@internal
@pure
def _pack_house(house: House) -> uint256:
    """
    @dev Reverts if an amount leaves 96 bits; ids count from 1.
    """
    vault_checks._check_range(max(house.due, house.revenue) <= _MASK_96)
    return (house.revenue << 160) | (house.due << 64) | (house.insurance << 32) | house.pool


@internal
@pure
def _unpack_house(word: uint256) -> House:
    """
    @dev Inverse of `_pack_house`.
    """
    return House(
        pool=word & MASK_32, insurance=(word >> 32) & MASK_32, due=(word >> 64) & _MASK_96, revenue=word >> 160
    )
