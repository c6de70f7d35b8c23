# pragma version 0.4.3
"""
@title How long a feed has been silent in all
@license AGPL-3.0-only
@notice A feed is silent from heartbeat and grace after a round until the next one, and while its price is refused: it
        is switched off, the sequencer is down or just back, or a second feed disagrees. Who counts the time in which
        there were prices takes that off. Only the end of a silence is written: a feed that speaks pays nothing.

            total = ended + what is stale now, or was when the refusal began, and all since then

@dev A refusal begins and ends with the calls that find it, but an outage of the sequencer, which no call can find, with
     the last round before it. What is stale and refused counts once.
"""

# silence  refused until 40 · 144 | known restart of the sequencer 40 · 104 | refused since 40 · 64 | ended 64 · 0

MASK_40: constant(uint256) = 2**40 - 1
MASK_64: constant(uint256) = 2**64 - 1

_silences: HashMap[uint256, uint256]    # feed id => packed silence


@internal
@view
def _total(feed_id: uint256, due_at: uint256) -> uint256:
    """
    @dev Silence up to now [s] of a feed whose price is stale after `due_at`.
    """
    word: uint256 = self._silences[feed_id]
    since: uint256 = word >> 64 & MASK_40
    if since == 0:
        since = block.timestamp
    return (word & MASK_64) + block.timestamp - min(since, due_at)


@internal
def _end_stale(feed_id: uint256, stale: uint256, due_at: uint256):
    """
    @dev Rounds came after `stale` seconds without a price; the first was due at `due_at`. What is refused counts as
         that.
    """
    word: uint256 = self._silences[feed_id]
    since: uint256 = word >> 64 & MASK_40
    if since == 0:
        self._silences[feed_id] = word + stale
    else:
        self._silences[feed_id] = word + min(stale, since - min(since, due_at))


@internal
def _begin(feed_id: uint256, at: uint256):
    """
    @dev The price is refused from a time on, if it was not before.
    """
    word: uint256 = self._silences[feed_id]
    if word >> 64 & MASK_40 == 0:
        self._silences[feed_id] = word | max(at, word >> 144) << 64


@internal
def _end(feed_id: uint256, due_at: uint256):
    """
    @dev The price may be used again. If it is stale, what was so while it was refused stays to be counted as that.
    """
    word: uint256 = self._silences[feed_id]
    since: uint256 = word >> 64 & MASK_40
    if since != 0:
        ended: uint256 = (word & MASK_64) + min(max(due_at, since), block.timestamp) - since
        self._silences[feed_id] = block.timestamp << 144 | (word >> 104 & MASK_40) << 104 | ended


@internal
def _note_restart(feed_id: uint256, up_since: uint256, heard_at: uint256):
    """
    @dev The sequencer is up since a time. If no round was heard since then, it was down after the last one.
    """
    word: uint256 = self._silences[feed_id]
    if up_since > max(heard_at, word >> 104 & MASK_40):
        self._silences[feed_id] = word & ~(MASK_40 << 104) | up_since << 104
        self._begin(feed_id, heard_at)
