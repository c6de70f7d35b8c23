# pragma version 0.4.3
"""
@title What else must hold before a feed's price is used
@license AGPL-3.0-only
@notice A feed may have a second one beside it: where both speak and disagree, the price is refused; a silent second
        feed stops opening and no more; an agreeing one confirms a jump. Any feed can be switched off, and on a rollup
        all of them wait for the sequencer.
@dev A feed without any of this never comes here: one bit of its source says so. The bound of deviation is at most the
     jump and is taken of the lower price, so a second feed that has not moved can never confirm a jump.
"""

from . import errors
from . import feed_reader
from . import feed_slots

_BASIS_POINTS: constant(uint256) = 10_000

# What the guards say of a price. Empty: nothing was set to ask
flag Verdict:
    OFF
    NO_SEQUENCER
    SEQUENCER_DOWN
    SEQUENCER_YOUNG
    DISAGREE
    SILENT
    AGREE

_guards: HashMap[uint256, uint256]      # feed id => packed guard, zero where there is none
_sequencer: uint256                     # packed uptime feed and grace, zero where there is none
_silent: transient(uint256)             # bit m: in this transaction, the second feed of feed m was silent
_agreeing: transient(uint256)           # bit m: and here it agreed


@internal
@view
def _guard(feed_id: uint256) -> feed_slots.Guard:
    """
    @dev A feed's guard, empty where there is none.
    """
    return feed_slots._unpack_guard(self._guards[feed_id])


@internal
def _set_guard(feed_id: uint256, guard: feed_slots.Guard):
    """
    @dev Stores a guard. The source's bit is the caller's to set.
    """
    self._guards[feed_id] = feed_slots._pack_guard(guard)


@internal
@view
def _is_guarded(feed_id: uint256) -> bool:
    """
    @dev Whether a feed's price depends on more than the feed.
    """
    return self._guards[feed_id] | self._sequencer != 0


@internal
def _set_sequencer(feed: address, grace: uint256):
    """
    @dev Stores the sequencer's uptime feed; zero for none.
    """
    self._sequencer = convert(feed, uint256) << 96 | grace


@internal
@view
def _sequencer_terms() -> (address, uint256):
    """
    @dev The sequencer's uptime feed; how long after a restart prices wait [s].
    """
    return convert(self._sequencer >> 96, address), self._sequencer & feed_slots.MASK_32


@internal
@view
def _verdict(feed_id: uint256, price: uint256) -> Verdict:
    """
    @dev What the guards of a feed say of its price [1e-12 USD].
    """
    guard: feed_slots.Guard = self._guard(feed_id)
    if guard.off_since != 0:
        return Verdict.OFF
    verdict: Verdict = self._ask_sequencer()
    if verdict != empty(Verdict):
        return verdict
    return self._ask_second(guard, price)


@internal
@view
def _ask_sequencer() -> Verdict:
    """
    @dev What the sequencer's uptime feed says: 0 is up, 1 is down, and when that began.
    """
    if self._sequencer == 0:
        return empty(Verdict)
    feed: address = empty(address)
    grace: uint256 = 0
    feed, grace = self._sequencer_terms()

    answered: bool = False
    status: feed_reader.Answer = empty(feed_reader.Answer)
    answered, status = feed_reader._try_latest(feed)
    if not answered or status.started_at == 0 or status.started_at > block.timestamp:
        return Verdict.NO_SEQUENCER
    if status.answer == 1:
        return Verdict.SEQUENCER_DOWN
    if status.answer != 0:
        return Verdict.NO_SEQUENCER
    if block.timestamp - status.started_at < grace:
        return Verdict.SEQUENCER_YOUNG
    return empty(Verdict)


@internal
@view
def _ask_second(guard: feed_slots.Guard, price: uint256) -> Verdict:
    """
    @dev Whether a second feed confirms a price [1e-12 USD]. It counts only while it answers a proper round in time.
         Its decimals need no canary: were they to change, it would disagree.
    """
    if guard.second == empty(address):
        return empty(Verdict)
    answered: bool = False
    told: feed_reader.Answer = empty(feed_reader.Answer)
    answered, told = feed_reader._try_latest(guard.second)
    if not answered or told.answer <= 0 or told.answered_in < told.id or told.updated_at > block.timestamp:
        return Verdict.SILENT
    other: uint256 = convert(min(told.answer, 2**128), uint256) * feed_slots.PRICE_ONE // 10 ** guard.decimals
    if other == 0 or other > feed_slots.MAX_PRICE or block.timestamp - told.updated_at > guard.max_age:
        return Verdict.SILENT

    lower: uint256 = min(price, other)
    if (max(price, other) - lower) * _BASIS_POINTS > guard.max_deviation * lower:
        return Verdict.DISAGREE
    return Verdict.AGREE


@internal
@view
def _is_allowed(verdict: Verdict) -> bool:
    """
    @dev Whether a price may be used in spite of its guards.
    """
    return verdict == empty(Verdict) or verdict in (Verdict.SILENT | Verdict.AGREE)


@internal
@view
def _check_allowed(verdict: Verdict):
    """
    @dev Reverts with the reason where the guards refuse the price.
    """
    if self._is_allowed(verdict):
        return
    assert verdict != Verdict.OFF, errors.FEED_OFF
    assert verdict != Verdict.NO_SEQUENCER, errors.NO_SEQUENCER
    assert verdict != Verdict.SEQUENCER_DOWN, errors.SEQUENCER_DOWN
    assert verdict != Verdict.SEQUENCER_YOUNG, errors.SEQUENCER_YOUNG
    raise errors.FEEDS_DISAGREE


@internal
def _note(feed_id: uint256, price: uint256) -> bool:
    """
    @dev Asks the guards once for the rest of the transaction. Whether the price may be used: only then it is noted.
    """
    verdict: Verdict = self._verdict(feed_id, price)
    if verdict == Verdict.SILENT:
        self._silent |= 1 << feed_id
    elif verdict == Verdict.AGREE:
        self._agreeing |= 1 << feed_id
    return self._is_allowed(verdict)


@internal
@view
def _noted(feed_id: uint256) -> Verdict:
    """
    @dev What the guards said of a price that was noted in this transaction.
    """
    if (self._silent >> feed_id) & 1 != 0:
        return Verdict.SILENT
    if (self._agreeing >> feed_id) & 1 != 0:
        return Verdict.AGREE
    return empty(Verdict)


@internal
def _forget():
    """
    @dev Nothing was noted in this transaction.
    """
    self._silent = 0
    self._agreeing = 0
