# pragma version 0.4.3
"""
@title What the pool is worth
@license AGPL-3.0-only
@notice Net assets of the pool's account: its cash, locked profit included, and the equity of its books. They are
        counted at the present price, at its 30-minute average, and at the first round from a request's due time on.
        Whoever enters pays the highest and whoever leaves gets the lowest of the three: a pumped price meets the
        average, and a request that somebody executes late meets the price at which it was due.
"""

from interfaces import IDerivativesMarket
from interfaces import ILiquidityPool
from interfaces import IMarket
from interfaces import IPriceOracle
from interfaces import IVault

from . import book_list
from . import errors
from . import risk_model
from . import vault_shares

uses: vault_shares

ORACLE: public(immutable(IPriceOracle))
ACCOUNT: public(immutable(uint256))     # the pool's account: what its shares are worth

# What a book is worth at each of the three prices, and what it lacks to its initial margin [wad]
struct Worth:
    present: int256
    average: int256
    first: int256
    lacking: int256


@deploy
def __init__(oracle: address, account: uint256):
    """
    @dev The account of a pool.
    """
    ORACLE = IPriceOracle(oracle)
    ACCOUNT = account


@internal
@view
def _net_assets(rounds: DynArray[uint256, 8], due: uint256, proven: bool) -> ILiquidityPool.NetAssets:
    """
    @dev Net assets at the present price and at its average and, where `proven`, at each book's first round from `due`
         on: one proxy round id per book, in slot order. Reverts where a book with a position cannot be priced, or only
         at a jump that nothing confirms, and where a book, or all of the pool, is below zero: that deficit is known and
         nobody's yet.
    """
    treasury: IVault.Treasury = empty(IVault.Treasury)
    markets: address[8] = empty(address[8])
    treasury, markets = staticcall vault_shares.VAULT.portfolio(ACCOUNT)
    free: int256 = treasury.cash - convert(treasury.locked, int256)
    present: int256 = treasury.cash
    average: int256 = treasury.cash
    first: int256 = treasury.cash
    books: uint256 = 0
    for slot: uint256 in range(book_list.BOOKS):
        if markets[slot] == empty(address):
            continue
        round: uint256 = 0
        if proven:
            assert books < len(rounds), errors.WRONG_ROUNDS
            round = rounds[books]
        books += 1
        market: uint256 = treasury.slots >> (8 * slot) & 255
        worth: Worth = self._book(market, IDerivativesMarket(markets[slot]), round, due, proven)
        assert worth.present >= 0, errors.DEFICIT
        present += worth.present
        average += worth.average
        first += worth.first
        free -= worth.lacking
    if proven:
        assert books == len(rounds), errors.WRONG_ROUNDS
    else:
        first = present
    lowest: int256 = min(present, min(average, first))
    assert lowest >= 0, errors.DEFICIT
    return ILiquidityPool.NetAssets(
        present=convert(present, uint256),
        lowest=convert(lowest, uint256),
        highest=convert(max(present, max(average, first)), uint256),
        free=convert(max(free, 0), uint256),
    )


@internal
@view
def _book(
    market: uint256, implementation: IDerivativesMarket, round: uint256, due: uint256, proven: bool
) -> Worth:
    """
    @dev One of the pool's books. One without a position needs no price. None is worth more than the vault holds for
         its market: the rest would be a deficit of those who owe it.
    """
    held: int256 = convert((staticcall vault_shares.VAULT.market(market))[1], int256)
    book: IDerivativesMarket.Book = staticcall implementation.book(ACCOUNT)
    if book.size == 0 and book.legs == 0:
        worth: int256 = min(book.base, held)
        return Worth(present=worth, average=worth, first=worth, lacking=0)

    quote: IPriceOracle.Quote = staticcall ORACLE.quote(market)
    funding: int256 = (staticcall implementation.funding())[0]
    risk: IMarket.BookRisk = staticcall IMarket(implementation.address).book_risk(ACCOUNT)
    first: uint256 = quote.price
    if proven:
        assert not quote.unconfirmed, errors.UNCONFIRMED
        first = (staticcall ORACLE.first_round(market, round, due))[0]
    return Worth(
        present=min(risk.equity, held),
        average=min(risk_model._equity(book.size, book.base, quote.average, funding), held),
        first=min(risk_model._equity(book.size, book.base, first, funding), held),
        lacking=max(convert(risk.initial, int256) - risk.equity, 0),
    )
