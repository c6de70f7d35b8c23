# pragma version 0.4.3
"""
@title How long a feed has been silent in all
@license AGPL-3.0-only
@notice A feed is silent from heartbeat and grace after a round until the next one, and while it is switched off. Who
        counts the time in which there were prices takes that off. Only the end of a silence is written: a feed that
        speaks pays nothing.

            total = ended + stale now, or stale before it was switched off and all since
"""

_ended: HashMap[uint256, uint256]   # feed id => length of the silences that are over [s]


@internal
@view
def _total(feed_id: uint256, due_at: uint256, off_since: uint256) -> uint256:
    """
    @dev Silence up to now [s] of a feed whose price is stale after `due_at`, and off since `off_since` if not zero.
    """
    return self._ended[feed_id] + self._stretch(due_at, off_since)


@internal
@view
def _stretch(due_at: uint256, off_since: uint256) -> uint256:
    """
    @dev The silence that goes on [s] of such a feed.
    """
    if off_since == 0:
        return block.timestamp - min(block.timestamp, due_at)
    return block.timestamp - min(off_since, due_at)


@internal
def _end_stale(feed_id: uint256, stale: uint256, due_at: uint256, off_since: uint256):
    """
    @dev Rounds came after `stale` seconds without a price; the first was due at `due_at`. What is off counts as off.
    """
    if off_since != 0:
        self._ended[feed_id] += min(stale, off_since - min(off_since, due_at))
    else:
        self._ended[feed_id] += stale


@internal
def _end_off(feed_id: uint256, due_at: uint256, off_since: uint256):
    """
    @dev The feed is switched on again. If it is stale, what was so while it was off stays to be counted as that.
    """
    self._ended[feed_id] += min(max(due_at, off_since), block.timestamp) - off_since
