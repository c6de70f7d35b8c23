# pragma version 0.4.3
# pragma evm-version cancun
"""
@title An oracle that quotes what it was told, feed by feed
@license AGPL-3.0-only
@notice For tests of what reads several feeds: a feed without a price is refused, one can be told to burn all its gas.
"""

from interfaces import IPriceOracle


quotes: HashMap[uint256, IPriceOracle.Quote]
burns: public(HashMap[uint256, bool])
silent_for: public(HashMap[uint256, uint256])   # [s]
last_price: public(HashMap[uint256, uint256])   # [wad]


@external
def set_quote(feed_id: uint256, price: uint256, average: uint256, volatility: uint256):
    """
    @notice Say what a feed quotes.
    @param feed_id Feed id.
    @param price USD [wad]; 0 = no valid price.
    @param average USD [wad].
    @param volatility Fast and slow, annualised [wad].
    """
    self.quotes[feed_id] = IPriceOracle.Quote(
        price=price,
        average=average,
        fast_volatility=volatility,
        slow_volatility=volatility,
        updated_at=block.timestamp,
        round=1,
        guarded=False,
        unconfirmed=False,
    )


@external
def set_silent_for(feed_id: uint256, silent_for: uint256, last_price: uint256):
    """
    @notice Say for how long a feed has been silent, and what it said last.
    @param feed_id Feed id.
    @param silent_for Time [s].
    @param last_price USD [wad].
    """
    self.silent_for[feed_id] = silent_for
    self.last_price[feed_id] = last_price


@external
def set_burns(feed_id: uint256, burns: bool):
    """
    @notice Say whether asking a feed burns all gas.
    @param feed_id Feed id.
    @param burns Whether it does.
    """
    self.burns[feed_id] = burns


@external
@view
def quote(feed_id: uint256) -> IPriceOracle.Quote:
    """
    @notice The quote that was set.
    @param feed_id Feed id.
    @return The quote.
    """
    if self.burns[feed_id]:
        for i: uint256 in range(10**9):
            assert self.quotes[i].price != max_value(uint256)
    assert self.quotes[feed_id].price != 0, "oracle: stale price"
    return self.quotes[feed_id]
