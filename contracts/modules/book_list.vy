# pragma version 0.4.3
"""
@title An account's list of books in one word
@license AGPL-3.0-only
@notice Eight slots of one byte, each a market id or 0. A slot keeps its place for as long as its book exists.
"""

from . import errors
from . import vault_checks

BOOKS: constant(uint256) = 8
_MASK_8: constant(uint256) = 2**8 - 1


@internal
@pure
def _at(books: uint256, slot: uint256) -> uint256:
    """
    @dev Market id at a slot, which must hold one.
    """
    market: uint256 = (books >> (8 * min(slot, BOOKS))) & _MASK_8
    if market == 0:
        vault_checks._refuse(errors.NO_BOOK)
    return market


@internal
@pure
def _find(books: uint256, market: uint256) -> uint256:
    """
    @dev Slot of a market, BOOKS where it has none. For market = 0, the first empty slot.
    """
    rest: uint256 = books
    for slot: uint256 in range(BOOKS):
        if rest & _MASK_8 == market:
            return slot
        rest >>= 8
    return BOOKS


@internal
@pure
def _check_listed(books: uint256, market: uint256):
    """
    @dev The list holds the market.
    """
    if self._find(books, market) >= BOOKS:
        vault_checks._refuse(errors.NO_BOOK)


@internal
@pure
def _opened(books: uint256, market: uint256) -> uint256:
    """
    @dev The list with the market in it: as it is, or in its first empty slot.
    """
    if self._find(books, market) < BOOKS:
        return books
    slot: uint256 = self._find(books, 0)
    if slot >= BOOKS:
        vault_checks._refuse(errors.TOO_MANY_BOOKS)
    return books | (market << (8 * slot))


@internal
@pure
def _freed(books: uint256, market: uint256) -> uint256:
    """
    @dev The list without the market, which must be in it.
    """
    slot: uint256 = self._find(books, market)
    return books & ~(_MASK_8 << (8 * slot))
