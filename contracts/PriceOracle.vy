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
     left of the old phase is passed over.
@custom:security A feed's answer is believed within the limits above: nothing here compares it with a second source, so
                 a jump raises a guard that the markets obey.
@custom:kill The owner can point a feed at another proxy; without valid rounds every quote is refused, which freezes
             the market and nothing else.
"""

from interfaces import IAggregatorV3
from interfaces import IPriceOracle
from snekmate.auth import ownable

from .modules import errors
from .modules import feed_slots
from .modules import volatility

implements: IPriceOracle
initializes: ownable

exports: (ownable.owner, ownable.transfer_ownership)


MAX_PENDING: public(constant(uint256)) = 16     # rounds that one call consumes
_MAX_FEED_ID: constant(uint256) = 127            # a feed has its market's id
_MAX_SKIPPED: constant(uint256) = 3             # invalid rounds between a first round and its predecessor
_AGGREGATOR_ROUND: constant(uint256) = 2**64 - 1    # bits of a proxy round id below the phase

# Bounds of a feed's configuration
_MAX_DECIMALS: constant(uint256) = 18
_MIN_HEARTBEAT: constant(uint256) = 60          # [s]
_MAX_HEARTBEAT: constant(uint256) = 2 * 86_400  # [s]
_MAX_GRACE: constant(uint256) = 86_400          # [s]
_MAX_JUMP: constant(uint256) = 100              # [percent]
_PERCENT: constant(uint256) = feed_slots.PERCENT * feed_slots.RATIO_UNIT            # [wad]
_TEN_PERCENT: constant(uint256) = feed_slots.TEN_PERCENT * feed_slots.RATIO_UNIT    # [wad]

# Why a round cannot be used
flag Defect:
    EMPTY
    INCOMPLETE
    FUTURE
    NEGATIVE
    ZERO
    TOO_HIGH

# A round as its proxy tells it
struct Round:
    id: uint256             # proxy round id
    price: uint256          # [1e-12 USD] 0 where the answer is negative
    updated_at: uint256     # [s]
    defect: Defect          # empty if the price can be used

# What a feed's estimates started from
struct Start:
    fast: uint256           # [wad] annualised volatility
    slow: uint256           # [wad] annualised volatility


_sources: HashMap[uint256, uint256]     # feed id => packed source and limits
_states: HashMap[uint256, uint256]      # feed id => packed state: all that a round changes
_starts: HashMap[uint256, Start]        # feed id => starting estimates, kept for the record
_current: transient(HashMap[uint256, bool])     # feed id => this transaction stored the latest round, and it is valid


@deploy
def __init__():
    """
    @notice The deployer becomes the owner; feeds are set one by one.
    """
    ownable.__init__()


# Anybody


@external
def consume(feed_id: uint256):
    """
    @notice Store what `quote` would compute, so that the rest of the transaction reads it from storage.
    @dev Reverts with "oracle: poke" if more rounds are pending than one call may consume. An unusable latest round is
         no reason to revert: its predecessors are consumed.
    @param feed_id The market's id.
    """
    if not self._current[feed_id]:
        pending: uint256 = self._process(feed_id)
        assert pending <= MAX_PENDING, errors.POKE


@external
def poke(feed_id: uint256) -> uint256:
    """
    @notice Consume up to MAX_PENDING rounds.
    @param feed_id The market's id.
    @return How many rounds are still pending.
    """
    self._process(feed_id)
    return self._pending(feed_id)


# Views


@external
@view
def quote(feed_id: uint256) -> IPriceOracle.Quote:
    """
    @notice Price and estimates now, unprocessed rounds included.
    @dev Reverts with the reason where the price may not be used.
    @param feed_id The market's id.
    @return The quote.
    """
    source: uint256 = self._source(feed_id)
    state: feed_slots.State = self._state(feed_id, source)
    if not self._current[feed_id]:
        latest: Round = self._latest_round(source)
        self._check_usable(latest.defect)
        if latest.id != state.round:
            assert self._rounds_between(state.round, latest.id) <= MAX_PENDING, errors.POKE
            state = self._advance(source, state, latest)

    assert block.timestamp <= state.updated_at + feed_slots._max_age(source), errors.STALE_PRICE
    return IPriceOracle.Quote(
        price=state.price * feed_slots.PRICE_UNIT,
        average=volatility._average_price(state, block.timestamp),
        fast_volatility=state.fast * feed_slots.RATIO_UNIT,
        slow_volatility=state.slow * feed_slots.RATIO_UNIT,
        updated_at=state.updated_at,
        round=state.round,
        jumped=block.timestamp < state.updated_at + state.jump_left,
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
def first_round(feed_id: uint256, round: uint256, not_before: uint256) -> (uint256, uint256):
    """
    @notice Prove that `round` is the feed's first valid round at or after `not_before`.
    @dev Only rounds of the current phase count: an old aggregator may go on answering unpublished.
    @param feed_id The market's id.
    @param round Proxy round id.
    @param not_before Time [s].
    @return The round's price [wad]; its time [s].
    """
    source: uint256 = self._source(feed_id)
    latest: Round = self._latest_round(source)
    assert round <= latest.id and round >> 64 == latest.id >> 64, errors.UNKNOWN_ROUND
    first: Round = latest
    if round != latest.id:
        first = self._round(source, round)
    self._check_usable(first.defect)
    assert first.updated_at >= not_before, errors.ROUND_TOO_EARLY

    before: uint256 = self._valid_time_before(source, round)
    assert before < not_before, errors.NOT_FIRST_ROUND
    return first.price * feed_slots.PRICE_UNIT, first.updated_at


@external
@view
def last_round(feed_id: uint256) -> (uint256, uint256):
    """
    @notice The feed's latest round, whatever its age.
    @param feed_id The market's id.
    @return Proxy round id; its time [s].
    """
    latest: Round = self._latest_round(self._source(feed_id))
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
    )


# Owner


@external
def set_feed(feed_id: uint256, config: IPriceOracle.FeedConfig):
    """
    @notice Point a feed at a proxy, or set it anew; its estimates start from the configuration.
    @dev Floor, slow rise and jump are whole percents, the cap tens of percents, the jump's duration minutes: they
         share the slot of the proxy. The feed must answer a usable price now.
    @param feed_id The market's id.
    @param config Proxy, limits and starting estimates.
    """
    ownable._check_owner()
    self._check_config(feed_id, config)
    decimals: uint256 = convert(staticcall IAggregatorV3(config.feed).decimals(), uint256)
    assert decimals <= _MAX_DECIMALS, errors.FEED_PARAMETER
    source: uint256 = self._packed_source(config, decimals)
    latest: Round = self._latest_round(source)
    self._check_usable(latest.defect)
    assert block.timestamp <= latest.updated_at + feed_slots._max_age(source), errors.STALE_PRICE

    self._sources[feed_id] = feed_slots._with_phase(source, latest.id >> 64)
    self._starts[feed_id] = Start(fast=config.initial_fast, slow=config.initial_slow)
    self._states[feed_id] = feed_slots._pack_state(
        feed_slots.State(
            price=latest.price,
            average=feed_slots.RATIO_ONE,
            fast=config.initial_fast // feed_slots.RATIO_UNIT,
            slow=config.initial_slow // feed_slots.RATIO_UNIT,
            updated_at=latest.updated_at,
            round=latest.id,
            jump_left=0,
        )
    )
    log IPriceOracle.FeedSet(feed_id=feed_id, feed=config.feed)


# Internal: consuming rounds


@internal
def _process(feed_id: uint256) -> uint256:
    """
    @dev Stores up to MAX_PENDING pending rounds. Returns how many were pending before.
    """
    source: uint256 = self._source(feed_id)
    state: feed_slots.State = self._state(feed_id, source)
    latest: Round = self._latest_round(source)
    pending: uint256 = self._rounds_between(state.round, latest.id)

    if pending > 0:
        advanced: feed_slots.State = self._advance(source, state, latest)
        if advanced.round != state.round:
            self._store(feed_id, source, advanced)
            if advanced.jump_left > 0:
                self._report_jump(feed_id, state, advanced)
    if latest.defect == empty(Defect) and pending <= MAX_PENDING:
        self._current[feed_id] = True
    return pending


@internal
def _store(feed_id: uint256, source: uint256, state: feed_slots.State):
    """
    @dev Writes the state, and the phase where it changed.
    """
    self._states[feed_id] = feed_slots._pack_state(state)
    phase: uint256 = state.round >> 64
    if phase != feed_slots._phase(source):
        self._sources[feed_id] = feed_slots._with_phase(source, phase)


@internal
def _report_jump(feed_id: uint256, before: feed_slots.State, after: feed_slots.State):
    """
    @dev Logs a guard that these rounds raised, or raised anew.
    """
    until: uint256 = after.updated_at + after.jump_left
    if until > before.updated_at + before.jump_left:
        log IPriceOracle.JumpGuardRaised(
            feed_id=feed_id, round=after.round, price=after.price * feed_slots.PRICE_UNIT, until=until
        )


@internal
@view
def _advance(source: uint256, state: feed_slots.State, latest: Round) -> feed_slots.State:
    """
    @dev The state after the next ≤ MAX_PENDING rounds up to `latest`, which waits while it has a defect.
    """
    first: uint256 = unsafe_add(state.round, 1)
    if latest.id >> 64 != state.round >> 64:
        first = latest.id  # a new phase begins with its latest round
    end: uint256 = latest.id
    if latest.defect == empty(Defect):
        end = unsafe_add(end, 1)

    for id: uint256 in range(first, max(first, min(end, unsafe_add(first, MAX_PENDING))), bound=MAX_PENDING):
        round: Round = latest
        if id != latest.id:
            round = self._round(source, id)
        state.round = id
        if round.defect == empty(Defect) and round.updated_at > state.updated_at:
            state = volatility._observe(state, source, round.price, round.updated_at, id)
    return state


@internal
@view
def _pending(feed_id: uint256) -> uint256:
    """
    @dev Rounds not yet processed.
    """
    source: uint256 = self._source(feed_id)
    return self._rounds_between(self._state(feed_id, source).round, self._latest_round(source).id)


@internal
@pure
def _rounds_between(processed: uint256, latest: uint256) -> uint256:
    """
    @dev How many rounds follow `processed` up to `latest`: one across a phase change, none if the feed went back.
    """
    if latest >> 64 != processed >> 64:
        return 1
    return max(latest, processed) - processed


# Internal: reading a feed


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
def _state(feed_id: uint256, source: uint256) -> feed_slots.State:
    """
    @dev What the processed rounds say.
    """
    return feed_slots._unpack_state(self._states[feed_id], feed_slots._phase(source))


@internal
@view
def _latest_round(source: uint256) -> Round:
    """
    @dev The proxy's latest round.
    """
    id: uint80 = 0
    answer: int256 = 0
    started_at: uint256 = 0
    updated_at: uint256 = 0
    answered_in: uint80 = 0
    feed: address = feed_slots._feed(source)
    id, answer, started_at, updated_at, answered_in = staticcall IAggregatorV3(feed).latestRoundData()
    return self._examined(source, convert(id, uint256), answer, updated_at, convert(answered_in, uint256))


@internal
@view
def _round(source: uint256, round: uint256) -> Round:
    """
    @dev An earlier round; it goes by the id that was asked for.
    """
    id: uint80 = 0
    answer: int256 = 0
    started_at: uint256 = 0
    updated_at: uint256 = 0
    answered_in: uint80 = 0
    feed: address = feed_slots._feed(source)
    asked: uint80 = convert(round, uint80)
    id, answer, started_at, updated_at, answered_in = staticcall IAggregatorV3(feed).getRoundData(asked)
    return self._examined(source, round, answer, updated_at, convert(answered_in, uint256))


@internal
@view
def _examined(source: uint256, id: uint256, answer: int256, updated_at: uint256, answered_in: uint256) -> Round:
    """
    @dev A round with its price and what is wrong with it. Age is not a defect.
    """
    round: Round = Round(id=id, price=self._price(source, answer), updated_at=updated_at, defect=empty(Defect))
    if updated_at == 0:
        round.defect = Defect.EMPTY if answer == 0 else Defect.INCOMPLETE
    elif answered_in < id or id & _AGGREGATOR_ROUND > feed_slots.MAX_ROUND:
        round.defect = Defect.INCOMPLETE
    elif updated_at > min(block.timestamp, feed_slots.MAX_TIME):
        round.defect = Defect.FUTURE
    elif round.price == 0:
        round.defect = Defect.NEGATIVE if answer < 0 else Defect.ZERO
    elif round.price > feed_slots.MAX_PRICE:
        round.defect = Defect.TOO_HIGH
    return round


@internal
@pure
def _price(source: uint256, answer: int256) -> uint256:
    """
    @dev The answer in 1e-12 USD, rounded down; 0 if negative, and an absurd one saturates.
    """
    price: uint256 = convert(min(max(answer, 0), 2**128), uint256)
    decimals: uint256 = feed_slots._decimals(source)
    if decimals <= 12:
        return price * 10 ** (12 - decimals)
    return price // 10 ** (decimals - 12)


@internal
@view
def _valid_time_before(source: uint256, round: uint256) -> uint256:
    """
    @dev Time of the valid round before `round` [s], past a few invalid ones. The first round of a phase has none.
    """
    before: uint256 = round
    for _: uint256 in range(_MAX_SKIPPED + 1):
        before -= 1
        if before & _AGGREGATOR_ROUND == 0:
            break
        candidate: Round = self._round(source, before)
        if candidate.defect == empty(Defect):
            return candidate.updated_at
    raise errors.UNPROVEN_ROUND


@internal
@view
def _check_usable(defect: Defect):
    """
    @dev Reverts with the reason if there is a defect.
    """
    if defect == empty(Defect):
        return
    assert defect != Defect.EMPTY, errors.EMPTY_ROUND
    assert defect != Defect.INCOMPLETE, errors.INCOMPLETE_ROUND
    assert defect != Defect.FUTURE, errors.FUTURE_ROUND
    assert defect != Defect.NEGATIVE, errors.NEGATIVE_PRICE
    assert defect != Defect.ZERO, errors.ZERO_PRICE
    raise errors.PRICE_TOO_HIGH


# Internal: a feed's configuration


@internal
@pure
def _packed_source(config: IPriceOracle.FeedConfig, decimals: uint256) -> uint256:
    """
    @dev A feed before its first round: no phase yet.
    """
    return feed_slots._pack_source(
        feed_slots.Source(
            feed=config.feed,
            phase=0,
            decimals=decimals,
            heartbeat=config.heartbeat,
            grace=config.grace,
            floor=config.volatility_floor // feed_slots.RATIO_UNIT,
            cap=config.volatility_cap // feed_slots.RATIO_UNIT,
            slow_rise=config.slow_rise // feed_slots.RATIO_UNIT,
            jump=config.jump // feed_slots.RATIO_UNIT,
            jump_duration=config.jump_duration,
        )
    )


@internal
@view
def _check_config(feed_id: uint256, config: IPriceOracle.FeedConfig):
    """
    @dev Hard bounds of every field, so that no owner can make a feed meaningless.
    """
    assert feed_id > 0 and feed_id <= _MAX_FEED_ID, errors.FEED_PARAMETER
    assert config.feed.is_contract, errors.FEED_PARAMETER
    assert config.heartbeat >= _MIN_HEARTBEAT and config.heartbeat <= _MAX_HEARTBEAT, errors.FEED_PARAMETER
    assert config.grace <= _MAX_GRACE, errors.FEED_PARAMETER

    self._check_units(config.volatility_floor, _PERCENT, 1, feed_slots.MAX_LIMIT)
    self._check_units(config.volatility_cap, _TEN_PERCENT, 1, feed_slots.MAX_LIMIT)
    self._check_units(config.slow_rise, _PERCENT, 1, feed_slots.MAX_LIMIT)
    self._check_units(config.jump, _PERCENT, 1, _MAX_JUMP)
    self._check_units(config.jump_duration, feed_slots.MINUTE, 0, feed_slots.MAX_LIMIT)

    lowest: uint256 = min(config.initial_fast, config.initial_slow)
    highest: uint256 = max(config.initial_fast, config.initial_slow)
    assert lowest >= config.volatility_floor and highest <= config.volatility_cap, errors.FEED_PARAMETER


@internal
@pure
def _check_units(number: uint256, unit: uint256, fewest: uint256, most: uint256):
    """
    @dev Reverts unless `number` is a whole number of units within the bounds.
    """
    assert number % unit == 0, errors.FEED_PARAMETER
    assert number >= fewest * unit and number <= most * unit, errors.FEED_PARAMETER
