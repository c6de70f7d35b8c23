# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Reads an oracle as the protocol does: consume first, quote in the same transaction
@license AGPL-3.0-only
@custom:kill Test only.
"""

from interfaces import IPriceOracle


@external
def consume_and_quote(oracle: address, feed_id: uint256) -> IPriceOracle.Quote:
    """
    @notice What the rest of a transaction sees after consuming.
    @param oracle The oracle.
    @param feed_id The market's id.
    @return The quote.
    """
    extcall IPriceOracle(oracle).consume(feed_id)
    extcall IPriceOracle(oracle).consume(feed_id)
    return staticcall IPriceOracle(oracle).quote(feed_id)
