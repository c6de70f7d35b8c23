# pragma version 0.4.3
"""
@title Auctions of anything, by key
@license AGPL-3.0-only
@notice When an auction began, whether it is on, and how old it is in *active* time: the clock that the caller reads
        stands still while the price is invalid or the market halted. An auction that ended and is opened again within
        an hour goes on at the age it had; one that nobody took for hours has lapsed, and begins anew. What is sold is
        marked by a digest: once it was traded, the auction must be opened again, at the same age. Bids count from the
        block after, so that nothing is ever sold in the block in which a trade found it healthy.
@dev One word a key: mark 96 · 120 | ended at 40 · 80 [s], 0 = on | opened at 40 · 40 [s] | origin 40 · 0 [s]: the
     clock's reading at age 0 while the auction is on, its age once it has ended.
"""

from . import errors


RESUME: constant(uint256) = 3_600       # [s] within which an auction that ended goes on at its age
LAPSE: constant(uint256) = 14_400       # [s] of active time after which an auction is void

_MASK_40: constant(uint256) = 2**40 - 1
_MASK_96: constant(uint256) = 2**96 - 1

# An auction that is on, or was
struct Auction:
    mark: uint256       # what was for sale when it was opened
    ended: uint256      # [s], 0 while it is on
    opened: uint256     # [s]
    origin: uint256     # [s] of the clock, or the age once it has ended


_auctions: HashMap[uint256, uint256]    # key → packed


@internal
@pure
def _key(account: uint256, lot: uint256) -> uint256:
    """
    @dev Key of a lot of an account: a market's id, or a token's index.
    """
    return (account << 8) | lot


@internal
@pure
def _mark(digest: uint256) -> uint256:
    """
    @dev A digest, shortened to its field.
    """
    return digest & _MASK_96


@internal
@view
def _auction(key: uint256) -> Auction:
    """
    @dev The auction; all zero where there never was one.
    """
    word: uint256 = self._auctions[key]
    return Auction(
        mark=word >> 120,
        ended=(word >> 80) & _MASK_40,
        opened=(word >> 40) & _MASK_40,
        origin=word & _MASK_40,
    )


@internal
def _store(key: uint256, auction: Auction):
    """
    @dev Inverse of `_auction`.
    """
    self._auctions[key] = (auction.mark << 120) | (auction.ended << 80) | (auction.opened << 40) | auction.origin


@internal
@pure
def _is_on(auction: Auction, clock: uint256) -> bool:
    """
    @dev Whether something is for sale.
    """
    return auction.opened != 0 and auction.ended == 0 and clock <= auction.origin + LAPSE


@internal
@view
def _age(auction: Auction, clock: uint256) -> uint256:
    """
    @dev Active time since its discount was nothing [s]; that at which it would be opened now where it is not on.
    """
    if self._is_on(auction, clock):
        return clock - auction.origin
    if auction.ended != 0 and block.timestamp <= auction.ended + RESUME:
        return auction.origin
    return 0


@internal
def _open(key: uint256, clock: uint256, digest: uint256) -> uint256:
    """
    @dev Opens an auction, or opens it again where what it sells was traded. Returns its age [s].
    """
    auction: Auction = self._auction(key)
    mark: uint256 = self._mark(digest)
    assert not (self._is_on(auction, clock) and auction.mark == mark), errors.AUCTION_IS_ON
    age: uint256 = self._age(auction, clock)
    self._store(key, Auction(mark=mark, ended=0, opened=block.timestamp, origin=clock - age))
    return age


@internal
@view
def _check_bid(auction: Auction, clock: uint256, digest: uint256):
    """
    @dev Bids are for auctions that are on, since an earlier block, and still sell what they sold when they were opened.
    """
    assert self._is_on(auction, clock), errors.NO_AUCTION
    assert auction.mark == self._mark(digest), errors.BOOK_TRADED
    assert block.timestamp > auction.opened, errors.AUCTION_TOO_YOUNG


@internal
def _mark_again(key: uint256, digest: uint256):
    """
    @dev What is for sale has changed by the auction itself.
    """
    auction: Auction = self._auction(key)
    auction.mark = self._mark(digest)
    self._store(key, auction)


@internal
def _end(key: uint256, clock: uint256):
    """
    @dev Ends an auction; its age is kept for an hour.
    """
    auction: Auction = self._auction(key)
    age: uint256 = self._age(auction, clock)
    self._store(key, Auction(mark=auction.mark, ended=block.timestamp, opened=auction.opened, origin=age))
