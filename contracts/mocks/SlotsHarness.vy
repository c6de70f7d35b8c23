# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Packed slots, there and back
@license AGPL-3.0-only
@notice For tests: what is packed and unpacked again.
"""

from contracts.modules import accounts
from contracts.modules import book_list
from contracts.modules import debt
from contracts.modules import order_slots
from contracts.modules import request_slots
from contracts.modules import vault_slots
from interfaces import IExchange

initializes: debt
initializes: accounts[debt := debt]


@external
def set_lender(lender: address):
    """
    @notice Name a credit pool, whose account is the second.
    @param lender The credit pool.
    """
    debt._lender = vault_slots._pack_holding(lender, 2)


@external
def account(account: vault_slots.Account) -> vault_slots.Account:
    """
    @notice An account's word, there and back.
    @param account What to store.
    @return What was read again.
    """
    accounts._store(1, account)
    return accounts._load(1)


@external
@pure
def holding(holder: address, amount: uint256) -> (address, uint256):
    """
    @notice An address with an amount, there and back.
    @param holder The address.
    @param amount At most 96 bits [wad].
    @return Both.
    """
    return vault_slots._unpack_holding(vault_slots._pack_holding(holder, amount))


@external
@pure
def meter(capacity: uint256, used: uint256, updated: uint256) -> (uint256, uint256, uint256):
    """
    @notice A meter, there and back.
    @param capacity At most 96 bits [wad].
    @param used At most 96 bits [wad].
    @param updated Time [s].
    @return All three.
    """
    return vault_slots._unpack_meter(vault_slots._pack_meter(capacity, used, updated))


@external
@pure
def operator(epoch: uint256, rights: uint256, expiry: uint256) -> (uint256, uint256, uint256):
    """
    @notice An operator's word, there and back.
    @param epoch At most 96 bits.
    @param rights At most 8 bits.
    @param expiry Time [s].
    @return All three.
    """
    return vault_slots._unpack_operator(vault_slots._pack_operator(epoch, rights, expiry))


@external
@pure
def lock(amount: uint256, grown: uint256) -> (uint256, uint256):
    """
    @notice A lock, there and back.
    @param amount At most 128 bits [wad].
    @param grown Time [s].
    @return Both; nothing of a lock of nothing.
    """
    return vault_slots._unpack_lock(vault_slots._pack_lock(amount, grown))


@external
@pure
def supply(cap: uint256, total: uint256) -> (uint256, uint256):
    """
    @notice A token's cap and total, there and back.
    @param cap At most 128 bits [wad units].
    @param total At most 128 bits [wad units].
    @return Both.
    """
    return vault_slots._unpack_supply(vault_slots._pack_supply(cap, total))


@external
@pure
def order(header: order_slots.Header, leg: IExchange.Leg) -> (order_slots.Header, IExchange.Leg):
    """
    @notice What stands in an order's first two words, there and back.
    @param header What to pack.
    @param leg What to pack with it.
    @return What was unpacked.
    """
    a: uint256 = 0
    b: uint256 = 0
    a, b = order_slots._pack_leg(leg)
    a |= order_slots._pack_header(header)
    return order_slots._unpack_header(a), order_slots._unpack_leg(a, b)


@external
@pure
def opened(books: uint256, market: uint256) -> uint256:
    """
    @notice A list of books with one more.
    @param books The list.
    @param market Market id.
    @return The list.
    """
    return book_list._opened(books, market)


@external
@pure
def freed(books: uint256, market: uint256) -> uint256:
    """
    @notice A list of books with one less.
    @param books The list.
    @param market Market id.
    @return The list.
    """
    return book_list._freed(books, market)


@external
@pure
def request(request: request_slots.Request) -> request_slots.Request:
    """
    @notice A request's two words, there and back.
    @param request What to pack.
    @return What was unpacked.
    """
    terms: uint256 = 0
    amounts: uint256 = 0
    terms, amounts = request_slots._pack_request(request)
    return request_slots._unpack_request(terms, amounts)
