# pragma version 0.4.3
# pragma evm-version cancun
"""
@title The auctions' mathematics and their clock, callable
@license AGPL-3.0-only
@notice For the differential tests of what an auction asks, how much it sells, and how old it is. No part of the
        protocol.
"""

from contracts.modules import auction_price
from contracts.modules import auctions

initializes: auctions


@external
def open(key: uint256, clock: uint256, digest: uint256) -> uint256:
    """
    @notice Open an auction.
    @param key Of what.
    @param clock Reading of the clock [s].
    @param digest Of what is sold.
    @return Its age [s].
    """
    return auctions._open(key, clock, digest)


@external
def end(key: uint256, clock: uint256):
    """
    @notice End an auction.
    @param key Of what.
    @param clock Reading of the clock [s].
    """
    auctions._end(key, clock)


@external
def mark_again(key: uint256, digest: uint256):
    """
    @notice Mark what is for sale again.
    @param key Of what.
    @param digest Of what is sold.
    """
    auctions._mark_again(key, digest)


@external
@view
def state(key: uint256, clock: uint256) -> (bool, uint256):
    """
    @notice Whether it is on; its age.
    @param key Of what.
    @param clock Reading of the clock [s].
    @return Whether it is on; its age [s].
    """
    auction: auctions.Auction = auctions._auction(key)
    return auctions._is_on(auction, clock), auctions._age(auction, clock)


@external
@view
def check_bid(key: uint256, clock: uint256, digest: uint256):
    """
    @notice Reverts where no bid is taken.
    @param key Of what.
    @param clock Reading of the clock [s].
    @param digest Of what is sold.
    """
    auctions._check_bid(auctions._auction(key), clock, digest)


@external
@pure
def sale(
    equity: int256, maintenance: uint256, sigma_loss: uint256, exposure: uint256, age: uint256, fraction: uint256
) -> (uint256, uint256, uint256, uint256, uint256):
    """
    @notice What a bid on a book comes to.
    @param equity [wad]
    @param maintenance [wad]
    @param sigma_loss [wad]
    @param exposure [wad]
    @param age [s]
    @param fraction Wanted [wad].
    @return Discount; limit; fraction sold; payment; penalty, or the insurance's bonus [wad].
    """
    discount: uint256 = auction_price._grown(auction_price.MAX_DISCOUNT, age)
    needed: uint256 = auction_price._needed(maintenance, sigma_loss)
    limit: uint256 = auction_price._book_limit(equity, needed, exposure, discount)
    if equity <= 0:
        bonus: uint256 = auction_price._bonus(maintenance, age)
        return discount, limit, limit, 0, bonus
    sold: uint256 = min(fraction, limit)
    payment: uint256 = 0
    penalty: uint256 = 0
    payment, penalty = auction_price._book_price(equity, sold, discount)
    return discount, limit, sold, payment, penalty


@external
@pure
def collateral_sale(
    equity: int256,
    needed: uint256,
    debt: uint256,
    held: uint256,
    threshold: uint256,
    sigma_rate: uint256,
    age: uint256,
) -> (uint256, uint256, uint256, uint256):
    """
    @notice What a bid on all of a token that is for sale comes to.
    @param equity Of the treasury [wad].
    @param needed By the treasury [wad].
    @param debt [wad]
    @param held Worth of the token [wad].
    @param threshold [wad]
    @param sigma_rate [wad]
    @param age [s]
    @return Discount; limit, in worth; payment; penalty [wad].
    """
    discount: uint256 = auction_price._grown(auction_price._collateral_bound(threshold), age)
    relief: uint256 = auction_price._relief(threshold, sigma_rate)
    limit: uint256 = auction_price._collateral_limit(equity, needed, debt, held, relief, discount)
    payment: uint256 = 0
    penalty: uint256 = 0
    payment, penalty = auction_price._price(limit, discount)
    return discount, limit, payment, penalty
