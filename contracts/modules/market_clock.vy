# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title The clock that auctions go by
@license AGPL-3.0-only
@notice It counts seconds in which a bid was possible: none while the feed gave no price, none while the market was
        halted, and none in the hour after the owner lifted that, in which the owners of accounts act first.

            active = now − silence of the feed
            clock  = stood_at + max(0, active − goes_on_at)

        A halt sets `stood_at` to what the clock shows. Lifting it sets `goes_on_at` to what will be active in an hour
        if the feed speaks on; a silence within that hour makes it longer. Neither ever turns the clock back.
"""

from . import market_slots


GRACE: public(constant(uint256)) = 3_600  # [s] after a halt is lifted, without bids

_clock: uint256  # packed; zero before the first halt


@external
@view
def live_at() -> uint256:
    """
    @notice When the grace after the last halt ends, or ended: no bid before.
    @dev Needs no price.
    @return Time [s]; 0 where no halt was ever lifted.
    """
    return self._clock & market_slots.MASK_64


@internal
@view
def _time(silence: uint256, halted: bool) -> uint256:
    """
    @dev The clock [s], when the feed has been silent for so long in all [s].
    """
    stood_at: uint256 = (self._clock >> 128) & market_slots.MASK_64
    goes_on_at: uint256 = (self._clock >> 64) & market_slots.MASK_64
    active: uint256 = block.timestamp - silence
    if halted or active < goes_on_at:
        return stood_at
    return stood_at + active - goes_on_at


@internal
def _stop(silence: uint256):
    """
    @dev The market is halted now: the clock stands at what it shows.
    """
    rest: uint256 = self._clock & (2**128 - 1)
    self._clock = (self._time(silence, False) << 128) | rest


@internal
def _start(silence: uint256):
    """
    @dev The halt is lifted now: the clock goes on in an hour.
    """
    live_at: uint256 = block.timestamp + GRACE
    self._clock = ((self._clock >> 128) << 128) | ((live_at - silence) << 64) | live_at
