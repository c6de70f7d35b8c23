# pragma version 0.4.3
"""
@title The books of a market
@license AGPL-3.0-only
@notice A book is stored as it was when it was last written. What its side bore for others since then belongs to it from
        that moment, and is worked out whenever it is read.
"""

from interfaces import IDerivativesMarket

from . import loss_index
from . import market_slots

uses: loss_index


_books: HashMap[uint256, uint256]  # account => packed book


@internal
def _settle(account: uint256, epochs: uint256):
    """
    @dev Write a book as it is now, where there ever was a loss.
    """
    if epochs != 0:
        self._store_book(account, self._book(account, epochs), epochs)


@internal
@view
def _position(account: uint256, epochs: uint256) -> (int256, int256):
    """
    @dev What valuing a book takes, with its share of losses: its size [wad units] and base [wad].
    """
    size: int256 = 0
    base: int256 = 0
    share: uint256 = 0
    size, base = market_slots._unpack_position(self._books[account])
    if epochs != 0 and size != 0:
        size, base, share = loss_index._settled(account, size, base, epochs)
    return size, base


@internal
@view
def _book(account: uint256, epochs: uint256) -> IDerivativesMarket.Book:
    """
    @dev A book with its share of losses.
    """
    if epochs == 0:
        return market_slots._unpack_book(self._books[account])
    return self._book_and_share(account, epochs)[0]


@internal
@view
def _book_and_share(account: uint256, epochs: uint256) -> (IDerivativesMarket.Book, uint256):
    """
    @dev A book with its share of losses, and that share [wad].
    """
    book: IDerivativesMarket.Book = market_slots._unpack_book(self._books[account])
    share: uint256 = 0
    if epochs != 0 and book.size != 0:
        book.size, book.base, share = loss_index._settled(account, book.size, book.base, epochs)
    return book, share


@internal
def _store_book(account: uint256, book: IDerivativesMarket.Book, epochs: uint256):
    """
    @dev Write a book, and where its market ever had losses, which of them it knows.
    """
    self._books[account] = market_slots._pack_book(book)
    if epochs != 0 and book.size != 0:
        loss_index._note(account, book.size, epochs)
