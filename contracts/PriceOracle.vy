# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Prices and volatilities from the rounds of Chainlink-style feeds
@license AGPL-3.0-only
@notice One feed per market, read through its proxy. Every round is consumed in order, so that nobody can choose which
        ones an estimate sees; a price that may not be used is refused with the reason.
@dev The latest round is processed only while it is valid: an invalid one waits, and is skipped once superseded. A new
     phase begins with its latest round, since the proxy never published the earlier ones of that aggregator; what was
     left of the old phase is passed over. Only feeds are called, and only by static calls: nothing can change in the
     middle of a call, so the functions that engines use for every book do without the lock, 120 to 330 gas each.
@custom:security A feed's answer is believed within the limits above and, where it has a second feed, while that one
                 does not contradict. A jump raises a guard that the markets obey.
@custom:kill Owner and guardian can switch a feed off, only the owner on again; he can point it at another proxy, whose
             price must be near the last one. Without a usable price a market is frozen and nothing else.
"""

from interfaces import IPriceOracle
from interfaces import IVault
from snekmate.auth import ownable

from .modules import errors
from .modules import feed_guards
from .modules import feed_reader
from .modules import feed_silence
from .modules import feed_slots
from .modules import feed_terms
from .modules import volatility

implements: IPriceOracle
initializes: ownable
initializes: feed_guards
initializes: feed_silence

exports: (ownable.owner, ownable.transfer_ownership)


MAX_PENDING: public(constant(uint256)) = 16     # rounds that one call consumes

# Bounds of a changed feed's first price
_NEAR: constant(uint256) = 1_000        # [bps] from the last good price at once …
_WIDENING: constant(uint256) = 9        # [s] … and one more as each of these passes without a round: 4 % an hour
_FORGET_AFTER: constant(uint256) = 86_400       # [s] after which the last price of a feed that is off counts no more
_BASIS_POINTS: constant(uint256) = 10_000
_POKE_GAS: constant(uint256) = 400_000  # to take the pending rounds of a feed that is being changed
_SET_GAS: constant(uint256) = _POKE_GAS * 64 // 63 + 10_000

# What a feed's estimates started from
struct Start:
    fast: uint256           # [wad] annualised volatility
    slow: uint256           # [wad] annualised volatility


VAULT: public(immutable(IVault))        # knows the guardian
_sources: HashMap[uint256, uint256]     # feed id => packed source and limits
_states: HashMap[uint256, uint256]      # feed id => packed state: all that a round changes
_starts: HashMap[uint256, Start]        # feed id => starting estimates, kept for the record
_current: transient(uint256)            # bit m: this transaction stored feed m's latest round, and it may be used


@deploy
def __init__(vault: address):
    """
    @notice The deployer becomes the owner; feeds are set one by one.
    @param vault The vault, which names the guardian.
    """
    ownable.__init__()
    VAULT = IVault(vault)


# Anybody


@external
@reentrant
def consume(feed_id: uint256):
    """
    @notice Store what `quote` would compute, so that the rest of the transaction reads it from storage.
    @dev Reverts with "oracle: poke" if more rounds are pending than one call may consume. An unusable latest round is
         no reason to revert: its predecessors are consumed. Nor is a price that its guards refuse.
    @param feed_id The market's id.
    """
    current: uint256 = self._current
    if (current >> feed_id) & 1 == 0:
        source: uint256 = self._source(feed_id)
        pending: uint256 = 0
        defect: feed_reader.Defect = empty(feed_reader.Defect)
        pending, defect = self._process(feed_id, source)
        assert pending <= MAX_PENDING, errors.POKE
        usable: bool = defect == empty(feed_reader.Defect)
        if usable and source & feed_slots.GUARDED != 0:
            usable = feed_guards._note(feed_id, self._states[feed_id] >> 184)
        if usable:
            self._current = current | (1 << feed_id)


@external
@reentrant
def poke(feed_id: uint256) -> uint256:
    """
    @notice Consume up to MAX_PENDING rounds.
    @dev `@reentrant` because `set_feed` holds the lock while it calls.
    @param feed_id The market's id.
    @return How many rounds are still pending.
    """
    self._process(feed_id, self._source(feed_id))
    return self._pending(feed_id)


# Views


@external
@view
@reentrant
def quote(feed_id: uint256) -> IPriceOracle.Quote:
    """
    @notice Price and estimates now, unprocessed rounds included.
    @dev Reverts with the reason where the price may not be used. Reads the packed state in place, since engines
         ask up to twenty times in a transaction: two thirds of the gas that its struct and accessors would take.
    @param feed_id The market's id.
    @return The quote.
    """
    source: uint256 = self._source(feed_id)
    state: uint256 = self._states[feed_id]
    is_noted: bool = (self._current >> feed_id) & 1 != 0
    if not is_noted:
        source, state = self._up_to_date(source, state)

    price: uint256 = unsafe_mul(state >> 184, feed_slots.PRICE_UNIT)
    updated_at: uint256 = state >> 56 & feed_slots.MASK_32
    max_age: uint256 = unsafe_add(source >> 57 & feed_slots.MASK_18, source >> 40 & feed_slots.MASK_17)
    age: uint256 = unsafe_sub(block.timestamp, updated_at)  # no observation is from the future
    assert age <= max_age, errors.STALE_PRICE
    guarded: bool = age < state & feed_slots.MASK_24
    unconfirmed: bool = guarded
    if source & feed_slots.GUARDED != 0:
        guarded, unconfirmed = self._guarded(feed_id, state >> 184, guarded, is_noted)
    return IPriceOracle.Quote(
        price=price,
        average=volatility._average_price(price, state >> 152 & feed_slots.MASK_32, age),
        fast_volatility=unsafe_mul(state >> 120 & feed_slots.MASK_32, feed_slots.RATIO_UNIT),
        slow_volatility=unsafe_mul(state >> 88 & feed_slots.MASK_32, feed_slots.RATIO_UNIT),
        updated_at=updated_at,
        round=(source >> 80 & feed_slots.MASK_16) << 64 | (state >> 24 & feed_slots.MASK_32),
        guarded=guarded,
        unconfirmed=unconfirmed,
    )


@external
@view
def pending(feed_id: uint256) -> uint256:
    """
    @notice Rounds not yet processed; an unusable latest round stays pending.
    @param feed_id The market's id.
    @return Their number; 1 across a phase change.
    """
    return self._pending(feed_id)


@external
@view
def first_round(feed_id: uint256, round: uint256, not_before: uint256) -> (uint256, uint256, uint256):
    """
    @notice Prove that `round` is the feed's first valid round at or after `not_before`.
    @dev Only rounds of the current phase count: an old aggregator may go on answering unpublished. This proves what
         the feed said, not that it may be used now: whoever uses the price also asks for a quote, which is guarded.
    @param feed_id The market's id.
    @param round Proxy round id.
    @param not_before Time [s].
    @return The round's price [wad]; its time [s]; the feed's heartbeat [s].
    """
    source: uint256 = self._source(feed_id)
    latest: feed_reader.Round = feed_reader._round(source, feed_reader.LATEST)
    assert round <= latest.id and round >> 64 == latest.id >> 64, errors.UNKNOWN_ROUND
    first: feed_reader.Round = latest
    if round != latest.id:
        first = feed_reader._round(source, round)
    if round >> 64 != feed_slots._phase(source):
        first.defect = feed_reader._new_phase_defect(source, first)
    feed_reader._check_usable(first.defect)
    assert first.updated_at >= not_before, errors.ROUND_TOO_EARLY

    before: uint256 = feed_reader._valid_time_before(source, round)
    assert before < not_before, errors.NOT_FIRST_ROUND
    return first.price * feed_slots.PRICE_UNIT, first.updated_at, feed_slots._heartbeat(source)


@external
@view
def price_since(feed_id: uint256, since: uint256) -> uint256:
    """
    @notice The price of a feed's first round at or after a time, for those who know no round's id.
    @dev In the current phase; like `first_round` it says what the feed said, not that it may be used now.
    @param feed_id The market's id.
    @param since Time [s].
    @return The price [wad]; 0 where there is no such round, or the latest one cannot be used.
    """
    source: uint256 = self._source(feed_id)
    latest: feed_reader.Round = feed_reader._round(source, feed_reader.LATEST)
    if latest.id >> 64 != feed_slots._phase(source):
        latest.defect = feed_reader._new_phase_defect(source, latest)
    if latest.defect != empty(feed_reader.Defect) or latest.updated_at < since:
        return 0
    return feed_reader._first_since(source, latest, since).price * feed_slots.PRICE_UNIT


@external
@view
def last_round(feed_id: uint256) -> (uint256, uint256):
    """
    @notice The feed's latest round, whatever its age.
    @param feed_id The market's id.
    @return Proxy round id; its time [s].
    """
    latest: feed_reader.Round = feed_reader._round(self._source(feed_id), feed_reader.LATEST)
    return latest.id, latest.updated_at


@external
@view
def heartbeat(feed_id: uint256) -> uint256:
    """
    @notice Longest silence that the feed promises.
    @param feed_id The market's id.
    @return The time [s].
    """
    return feed_slots._heartbeat(self._source(feed_id))


@external
@view
def feed_config(feed_id: uint256) -> IPriceOracle.FeedConfig:
    """
    @notice What the owner set.
    @param feed_id The market's id.
    @return The configuration.
    """
    source: feed_slots.Source = feed_slots._unpack_source(self._source(feed_id))
    start: Start = self._starts[feed_id]
    guard: feed_slots.Guard = feed_guards._guard(feed_id)
    return IPriceOracle.FeedConfig(
        feed=source.feed,
        heartbeat=source.heartbeat,
        grace=source.grace,
        volatility_floor=source.floor * feed_slots.RATIO_UNIT,
        volatility_cap=source.cap * feed_slots.RATIO_UNIT,
        initial_fast=start.fast,
        initial_slow=start.slow,
        slow_rise=source.slow_rise * feed_slots.RATIO_UNIT,
        jump=source.jump * feed_slots.RATIO_UNIT,
        jump_duration=source.jump_duration,
        second_feed=guard.second,
        second_max_age=guard.max_age,
        max_deviation=guard.max_deviation * feed_slots.BASIS_POINT,
    )


@external
@view
def off_since(feed_id: uint256) -> uint256:
    """
    @notice Since when a feed's price may not be used because owner or guardian switched it off.
    @param feed_id The market's id.
    @return Time [s]; zero while it is on.
    """
    return feed_guards._guard(feed_id).off_since


@external
@view
def silence(feed_id: uint256) -> uint256:
    """
    @notice For how long, in all, a feed gave no price: it was stale, from heartbeat and grace after a round to the next
            one, or switched off.
    @dev Reverts for want of gas only: who asks must not depend on the feed. A sequencer that was down and a second feed
         that disagreed leave no trace, so they are not counted. Exact once the feed's rounds are consumed.
    @param feed_id The market's id.
    @return Time [s].
    """
    source: uint256 = self._sources[feed_id]
    if source == 0:
        return 0
    return feed_silence._total(feed_id, self._next_due_at(feed_id, source), feed_guards._guard(feed_id).off_since)


@external
@view
def silent_for(feed_id: uint256) -> uint256:
    """
    @notice For how long, without a break, a feed has been giving no price: the last stretch of `silence`.
    @dev Reverts for want of gas only.
    @param feed_id The market's id.
    @return Time [s]; zero while it speaks.
    """
    source: uint256 = self._sources[feed_id]
    if source == 0:
        return 0
    return feed_silence._stretch(self._next_due_at(feed_id, source), feed_guards._guard(feed_id).off_since)


@external
@view
def sequencer() -> (address, uint256):
    """
    @notice The feed that tells whether the rollup's sequencer is up.
    @return The feed, zero where there is none; how long prices wait after a restart [s].
    """
    return feed_guards._sequencer_terms()


@external
@view
def last_price(feed_id: uint256) -> uint256:
    """
    @notice The price of the last round that was stored, whatever its age: no price to trade at.
    @param feed_id The market's id.
    @return USD [wad]; zero for an unknown feed.
    """
    return (self._states[feed_id] >> 184) * feed_slots.PRICE_UNIT


# Guardian


@external
def set_feed_off(feed_id: uint256, off: bool):
    """
    @notice Switch a feed off: no price, as if it were stale. Owner or guardian; only the owner switches it on again.
    @param feed_id The market's id.
    @param off Whether it shall be off.
    """
    if msg.sender != ownable.owner:
        assert msg.sender == staticcall VAULT.guardian(), errors.NOT_GUARDIAN
        assert off, errors.ONLY_TIGHTENS
    self._source(feed_id)
    guard: feed_slots.Guard = feed_guards._guard(feed_id)
    if off == (guard.off_since != 0):
        return
    self._take_last_rounds(feed_id)
    if not off:
        feed_silence._end_off(feed_id, self._due_at(feed_id), guard.off_since)
    guard.off_since = block.timestamp if off else 0
    feed_guards._set_guard(feed_id, guard)
    self._sources[feed_id] = feed_slots._with_guarded(self._sources[feed_id], feed_guards._is_guarded(feed_id))
    self._forget_notes()
    log IPriceOracle.FeedSwitched(feed_id=feed_id, off=off)


# Owner


@external
def set_feed(feed_id: uint256, config: IPriceOracle.FeedConfig, expected_price: uint256):
    """
    @notice Point a feed at a proxy, or set it anew. Estimates of a new feed start from the configuration, those of a
            feed that was set before stay.
    @dev Floor, slow rise and jump are whole percents, the cap tens of percents, the jump's duration minutes, the
         deviation basis points: they share slots with the proxies. The feed must answer a usable price now, within
         [2/3, 3/2] of what the owner expects and near the feed's last good price; its second feed must agree.
    @param feed_id The market's id.
    @param config Proxies, limits and starting estimates.
    @param expected_price What the price should be, roughly [wad].
    """
    ownable._check_owner()
    feed_terms._check_config(feed_id, config)
    is_new: bool = self._sources[feed_id] == 0
    if not is_new:
        self._take_last_rounds(feed_id)
    source: uint256 = feed_terms._packed_source(config, feed_terms._usable_decimals(config.feed))
    latest: feed_reader.Round = feed_reader._round(source, feed_reader.LATEST)
    feed_reader._check_usable(latest.defect)
    assert block.timestamp <= latest.updated_at + feed_slots._max_age(source), errors.STALE_PRICE
    self._check_expected(latest.price * feed_slots.PRICE_UNIT, expected_price)

    old: uint256 = self._states[feed_id]
    state: uint256 = 0
    if is_new:
        state = self._first_state(latest, config)
    else:
        self._check_near(feed_id, latest.price, old)
        self._end_stale(feed_id, block.timestamp - min(block.timestamp, self._due_at(feed_id)))
        state = volatility._resumed(old, source, latest)
    self._set_second(feed_id, config, latest.price)

    source = feed_slots._with_phase(source, latest.id >> 64)
    self._sources[feed_id] = feed_slots._with_guarded(source, feed_guards._is_guarded(feed_id))
    self._starts[feed_id] = Start(fast=config.initial_fast, slow=config.initial_slow)
    self._states[feed_id] = state
    self._forget_notes()
    log IPriceOracle.FeedSet(feed_id=feed_id, feed=config.feed)
    self._report_jump(feed_id, old, source, state)


@external
def set_sequencer(feed: address, grace: uint256):
    """
    @notice Make every price wait for a rollup's sequencer; the zero address ends it. Owner only.
    @dev Marks each feed that is set, so that without a sequencer none of them has to ask.
    @param feed Its uptime feed, which must answer now.
    @param grace How long prices wait after a restart [s].
    """
    ownable._check_owner()
    assert grace <= feed_terms.MAX_GRACE and (feed != empty(address) or grace == 0), errors.FEED_PARAMETER
    feed_guards._set_sequencer(feed, grace)
    assert feed_guards._ask_sequencer() != feed_guards.Verdict.NO_SEQUENCER, errors.NO_SEQUENCER
    for id: uint256 in range(1, feed_terms.MAX_FEED_ID + 1):
        source: uint256 = self._sources[id]
        if source != 0:
            self._sources[id] = feed_slots._with_guarded(source, feed_guards._is_guarded(id))
    self._forget_notes()
    log IPriceOracle.SequencerSet(feed=feed, grace=grace)


# Internal: consuming rounds


@internal
def _process(feed_id: uint256, source: uint256) -> (uint256, feed_reader.Defect):
    """
    @dev Stores up to MAX_PENDING pending rounds. Returns how many were pending before; what is wrong with the latest.
    """
    state: uint256 = self._states[feed_id]
    latest: feed_reader.Round = feed_reader._round(source, feed_reader.LATEST)
    processed: uint256 = feed_slots._round(source, state)
    if latest.id == processed:
        return 0, latest.defect
    if latest.id >> 64 != processed >> 64:
        latest.defect = feed_reader._new_phase_defect(source, latest)

    new_source: uint256 = 0
    new_state: uint256 = 0
    stale: uint256 = 0
    new_source, new_state, stale = self._advance(source, state, latest)
    if stale != 0:
        self._end_stale(feed_id, stale)
    if new_source != source:
        self._sources[feed_id] = new_source
    if new_state != state:
        self._states[feed_id] = new_state
        self._report_jump(feed_id, state, new_source, new_state)
    return self._rounds_between(processed, latest.id), latest.defect


@internal
def _report_jump(feed_id: uint256, old_state: uint256, source: uint256, state: uint256):
    """
    @dev Logs a guard that these rounds raised, or raised anew.
    """
    if feed_slots._jump_left(state) != 0 and feed_slots._jump_until(state) > feed_slots._jump_until(old_state):
        log IPriceOracle.JumpGuardRaised(
            feed_id=feed_id,
            round=feed_slots._round(source, state),
            price=(state >> 184) * feed_slots.PRICE_UNIT,
            until=feed_slots._jump_until(state),
        )


@internal
@view
def _up_to_date(source: uint256, state: uint256) -> (uint256, uint256):
    """
    @dev A feed's two words as `consume` would leave them. Reverts if the latest round cannot be used.
    """
    latest: feed_reader.Round = feed_reader._round(source, feed_reader.LATEST)
    processed: uint256 = feed_slots._round(source, state)
    if latest.id == processed:
        feed_reader._check_usable(latest.defect)
        return source, state
    if latest.id >> 64 != processed >> 64:
        latest.defect = feed_reader._new_phase_defect(source, latest)
    feed_reader._check_usable(latest.defect)
    assert self._rounds_between(processed, latest.id) <= MAX_PENDING, errors.POKE
    new_source: uint256 = 0
    new_state: uint256 = 0
    stale: uint256 = 0
    new_source, new_state, stale = self._advance(source, state, latest)
    return new_source, new_state


@internal
@view
def _advance(source: uint256, state: uint256, latest: feed_reader.Round) -> (uint256, uint256, uint256):
    """
    @dev A feed's two words after the next ≤ MAX_PENDING rounds up to `latest`, which waits while it has a defect; and
         for how long, between these rounds, the price was stale [s].
    """
    is_new_phase: bool = latest.id >> 64 != source >> 80 & feed_slots.MASK_16
    if latest.defect != empty(feed_reader.Defect) and is_new_phase:
        return source, state, 0
    first: uint256 = unsafe_add(feed_slots._round(source, state), 1)
    if is_new_phase:
        first = latest.id  # a new phase begins with its latest round
    end: uint256 = latest.id
    if latest.defect == empty(feed_reader.Defect):
        end = unsafe_add(end, 1)

    new_state: uint256 = state
    stale: uint256 = 0
    max_age: uint256 = unsafe_add(source >> 57 & feed_slots.MASK_18, source >> 40 & feed_slots.MASK_17)
    round: feed_reader.Round = latest
    for id: uint256 in range(first, max(first, min(end, unsafe_add(first, MAX_PENDING))), bound=MAX_PENDING):
        if id == latest.id:
            round = latest
        else:
            round = feed_reader._round(source, id)
        new_state = feed_slots._with_round(new_state, id)
        heard_at: uint256 = new_state >> 56 & feed_slots.MASK_32
        if round.defect == empty(feed_reader.Defect) and round.updated_at > heard_at:
            if unsafe_sub(round.updated_at, heard_at) > max_age:
                stale = unsafe_add(stale, unsafe_sub(unsafe_sub(round.updated_at, heard_at), max_age))
            new_state = volatility._observe(new_state, source, round.price, round.updated_at)
    return feed_slots._with_phase(source, latest.id >> 64), new_state, stale


@internal
@view
def _pending(feed_id: uint256) -> uint256:
    """
    @dev Rounds not yet processed.
    """
    source: uint256 = self._source(feed_id)
    processed: uint256 = feed_slots._round(source, self._states[feed_id])
    return self._rounds_between(processed, feed_reader._round(source, feed_reader.LATEST).id)


@internal
@pure
def _rounds_between(processed: uint256, latest: uint256) -> uint256:
    """
    @dev How many rounds follow `processed` up to `latest`: one across a phase change, none if the feed went back.
    """
    if latest >> 64 != processed >> 64:
        return 1
    return max(latest, processed) - processed


# Internal: a feed and its price


@internal
@view
def _source(feed_id: uint256) -> uint256:
    """
    @dev Where the feed is, packed; reverts if it is not set.
    """
    source: uint256 = self._sources[feed_id]
    assert source != 0, errors.FEED_NOT_SET
    return source


@internal
@view
def _due_at(feed_id: uint256) -> uint256:
    """
    @dev When a feed's last observation is stale [s].
    """
    return feed_slots._updated_at(self._states[feed_id]) + feed_slots._max_age(self._sources[feed_id])


@internal
@view
def _next_due_at(feed_id: uint256, source: uint256) -> uint256:
    """
    @dev The same of its last observation that anybody made, stored or not [s].
    """
    heard_at: uint256 = feed_slots._updated_at(self._states[feed_id])
    if (self._current >> feed_id) & 1 == 0:
        heard_at = max(heard_at, feed_reader._last_heard(source))
    return heard_at + feed_slots._max_age(source)


@internal
def _end_stale(feed_id: uint256, stale: uint256):
    """
    @dev Count for how long the price was stale [s] until the rounds that are about to be stored.
    """
    feed_silence._end_stale(feed_id, stale, self._due_at(feed_id), feed_guards._guard(feed_id).off_since)


@internal
@view
def _guarded(feed_id: uint256, price: uint256, jumped: bool, is_noted: bool) -> (bool, bool):
    """
    @dev Whether nothing may open at this price [1e-12 USD], and whether a jump is unconfirmed. Reverts with the reason
         where the guards refuse the price.
    """
    verdict: feed_guards.Verdict = empty(feed_guards.Verdict)
    if is_noted:
        verdict = feed_guards._noted(feed_id)
    else:
        verdict = feed_guards._verdict(feed_id, price)
        feed_guards._check_allowed(verdict)
    is_alone: bool = verdict == feed_guards.Verdict.SILENT
    return jumped or is_alone, jumped and verdict != feed_guards.Verdict.AGREE


@internal
def _forget_notes():
    """
    @dev What this transaction noted of any feed's price must be asked anew.
    """
    self._current = 0
    feed_guards._forget()


# Internal: a feed's configuration


@internal
def _take_last_rounds(feed_id: uint256):
    """
    @dev Consumes what is pending of a feed that is being changed, up to MAX_PENDING rounds. It may be dead: then its
         last price is the one that is stored.
    """
    assert msg.gas > _SET_GAS, errors.ORACLE_STARVED
    success: bool = raw_call(
        self, abi_encode(feed_id, method_id=method_id("poke(uint256)")), gas=_POKE_GAS, revert_on_failure=False
    )


@internal
@pure
def _first_state(latest: feed_reader.Round, config: IPriceOracle.FeedConfig) -> uint256:
    """
    @dev The packed state of a feed that was never set before.
    """
    return feed_slots._pack_state(
        feed_slots.State(
            price=latest.price,
            average=feed_slots.RATIO_ONE,
            fast=config.initial_fast // feed_slots.RATIO_UNIT,
            slow=config.initial_slow // feed_slots.RATIO_UNIT,
            updated_at=latest.updated_at,
            round=latest.id & feed_reader.AGGREGATOR_ROUND,
            jump_left=0,
        )
    )


@internal
@pure
def _check_expected(price: uint256, expected: uint256):
    """
    @dev Reverts unless the price [wad] is within [2/3, 3/2] of what the owner expects: decimals or a pair taken for
         others are further off. A timelock's delay lies between, so the bound is wide.
    """
    assert max(price, expected) <= min(price, expected) * 3 // 2, errors.UNEXPECTED_PRICE


@internal
@view
def _check_near(feed_id: uint256, price: uint256, state: uint256):
    """
    @dev Reverts unless a changed feed's price [1e-12 USD] is near the last good one. The bound widens with that one's
         age, since prices move; a feed that has been off for a day has no last good price, or a wrong one that was
         taken once would bar the right one for ever.
    """
    off_since: uint256 = feed_guards._guard(feed_id).off_since
    if off_since != 0 and block.timestamp - off_since >= _FORGET_AFTER:
        return
    last: uint256 = state >> 184
    age: uint256 = block.timestamp - feed_slots._updated_at(state)
    distance: uint256 = max(price, last) - min(price, last)
    assert distance * _BASIS_POINTS <= (_NEAR + age // _WIDENING) * min(price, last), errors.PRICE_MOVED


@internal
def _set_second(feed_id: uint256, config: IPriceOracle.FeedConfig, price: uint256):
    """
    @dev Sets or removes a second feed, which must confirm the price [1e-12 USD] now. A feed that is off stays off.
    """
    guard: feed_slots.Guard = feed_slots.Guard(
        second=config.second_feed,
        decimals=0,
        max_age=config.second_max_age,
        max_deviation=config.max_deviation // feed_slots.BASIS_POINT,
        off_since=feed_guards._guard(feed_id).off_since,
    )
    if config.second_feed != empty(address):
        guard.decimals = feed_terms._usable_decimals(config.second_feed)
        verdict: feed_guards.Verdict = feed_guards._ask_second(guard, price)
        assert verdict != feed_guards.Verdict.SILENT, errors.SECOND_SILENT
        assert verdict == feed_guards.Verdict.AGREE, errors.FEEDS_DISAGREE
    feed_guards._set_guard(feed_id, guard)
