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
     middle of a call, so the two functions that engines use for every book do without the lock, 120 to 330 gas each.
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
_LATEST: constant(uint256) = 0      # asks for the latest round; no round has this id

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
_current: transient(uint256)            # bit m: this transaction stored the latest round of feed m, and it is valid


@deploy
def __init__():
    """
    @notice The deployer becomes the owner; feeds are set one by one.
    """
    ownable.__init__()


# Anybody


@external
@reentrant
def consume(feed_id: uint256):
    """
    @notice Store what `quote` would compute, so that the rest of the transaction reads it from storage.
    @dev Reverts with "oracle: poke" if more rounds are pending than one call may consume. An unusable latest round is
         no reason to revert: its predecessors are consumed.
    @param feed_id The market's id.
    """
    current: uint256 = self._current
    if (current >> feed_id) & 1 == 0:
        pending: uint256 = 0
        defect: Defect = empty(Defect)
        pending, defect = self._process(feed_id)
        assert pending <= MAX_PENDING, errors.POKE
        if defect == empty(Defect):
            self._current = current | (1 << feed_id)


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
@reentrant
def quote(feed_id: uint256) -> IPriceOracle.Quote:
    """
    @notice Price and estimates now, unprocessed rounds included.
    @dev Reverts with the reason where the price may not be used. Reads the packed state in place, since engines
         ask up to twenty times in a transaction: 1,531 gas after `consume`, and 2,349 through its struct and accessors.
    @param feed_id The market's id.
    @return The quote.
    """
    source: uint256 = self._source(feed_id)
    state: uint256 = self._states[feed_id]
    if (self._current >> feed_id) & 1 == 0:
        source, state = self._up_to_date(source, state)

    price: uint256 = unsafe_mul(state >> 184, feed_slots.PRICE_UNIT)
    updated_at: uint256 = state >> 56 & feed_slots.MASK_32
    max_age: uint256 = unsafe_add(source >> 57 & feed_slots.MASK_18, source >> 40 & feed_slots.MASK_17)
    age: uint256 = unsafe_sub(block.timestamp, updated_at)  # no observation is from the future
    assert age <= max_age, errors.STALE_PRICE
    jumped: bool = age < state & feed_slots.MASK_24
    return IPriceOracle.Quote(
        price=price,
        average=volatility._average_price(price, state >> 152 & feed_slots.MASK_32, age),
        fast_volatility=unsafe_mul(state >> 120 & feed_slots.MASK_32, feed_slots.RATIO_UNIT),
        slow_volatility=unsafe_mul(state >> 88 & feed_slots.MASK_32, feed_slots.RATIO_UNIT),
        updated_at=updated_at,
        round=(source >> 80 & feed_slots.MASK_16) << 64 | (state >> 24 & feed_slots.MASK_32),
        guarded=jumped,
        unconfirmed=jumped,
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
    latest: Round = self._round(source, _LATEST)
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
    latest: Round = self._round(self._source(feed_id), _LATEST)
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
    latest: Round = self._round(source, _LATEST)
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
            round=latest.id & _AGGREGATOR_ROUND,
            jump_left=0,
        )
    )
    log IPriceOracle.FeedSet(feed_id=feed_id, feed=config.feed)


# Internal: consuming rounds


@internal
def _process(feed_id: uint256) -> (uint256, Defect):
    """
    @dev Stores up to MAX_PENDING pending rounds. Returns how many were pending before; what is wrong with the latest.
    """
    source: uint256 = self._source(feed_id)
    state: uint256 = self._states[feed_id]
    latest: Round = self._round(source, _LATEST)
    processed: uint256 = feed_slots._round(source, state)
    if latest.id == processed:
        return 0, latest.defect

    new_source: uint256 = 0
    new_state: uint256 = 0
    new_source, new_state = self._advance(source, state, latest)
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
    latest: Round = self._round(source, _LATEST)
    self._check_usable(latest.defect)
    processed: uint256 = feed_slots._round(source, state)
    if latest.id == processed:
        return source, state
    assert self._rounds_between(processed, latest.id) <= MAX_PENDING, errors.POKE
    return self._advance(source, state, latest)


@internal
@view
def _advance(source: uint256, state: uint256, latest: Round) -> (uint256, uint256):
    """
    @dev A feed's two words after the next ≤ MAX_PENDING rounds up to `latest`, which waits while it has a defect.
    """
    is_new_phase: bool = latest.id >> 64 != feed_slots._phase(source)
    if latest.defect != empty(Defect) and is_new_phase:
        return source, state
    first: uint256 = unsafe_add(feed_slots._round(source, state), 1)
    if is_new_phase:
        first = latest.id  # a new phase begins with its latest round
    end: uint256 = latest.id
    if latest.defect == empty(Defect):
        end = unsafe_add(end, 1)

    new_state: uint256 = state
    round: Round = latest
    for id: uint256 in range(first, max(first, min(end, unsafe_add(first, MAX_PENDING))), bound=MAX_PENDING):
        if id == latest.id:
            round = latest
        else:
            round = self._round(source, id)
        new_state = feed_slots._with_round(new_state, id)
        if round.defect == empty(Defect) and round.updated_at > feed_slots._updated_at(new_state):
            new_state = volatility._observe(new_state, source, round.price, round.updated_at)
    return feed_slots._with_phase(source, latest.id >> 64), new_state


@internal
@view
def _pending(feed_id: uint256) -> uint256:
    """
    @dev Rounds not yet processed.
    """
    source: uint256 = self._source(feed_id)
    processed: uint256 = feed_slots._round(source, self._states[feed_id])
    return self._rounds_between(processed, self._round(source, _LATEST).id)


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
def _round(source: uint256, asked: uint256) -> Round:
    """
    @dev The feed's latest round, or an earlier one by the id that was asked for, with its price and what is wrong with
         it. Age is not a defect.
    """
    id: uint80 = 0
    answer: int256 = 0
    started_at: uint256 = 0
    updated_at: uint256 = 0
    answered_in: uint80 = 0
    feed: IAggregatorV3 = IAggregatorV3(feed_slots._feed(source))
    if asked == _LATEST:
        id, answer, started_at, updated_at, answered_in = staticcall feed.latestRoundData()
    else:
        id, answer, started_at, updated_at, answered_in = staticcall feed.getRoundData(convert(asked, uint80))
        id = convert(asked, uint80)

    # the answer in 1e-12 USD, rounded down; an absurd one saturates below 2^168
    price: uint256 = 0
    if answer > 0:
        price = unsafe_mul(convert(min(answer, 2**128), uint256), feed_slots.PRICE_ONE)
        price = unsafe_div(price, 10 ** feed_slots._decimals(source))

    defect: Defect = empty(Defect)
    if updated_at == 0:
        defect = Defect.EMPTY if answer == 0 else Defect.INCOMPLETE
    elif answered_in < id or convert(id, uint256) & _AGGREGATOR_ROUND > feed_slots.MAX_ROUND:
        defect = Defect.INCOMPLETE
    elif updated_at > min(block.timestamp, feed_slots.MAX_TIME):
        defect = Defect.FUTURE
    elif price == 0:
        defect = Defect.NEGATIVE if answer < 0 else Defect.ZERO
    elif price > feed_slots.MAX_PRICE:
        defect = Defect.TOO_HIGH
    return Round(id=convert(id, uint256), price=price, updated_at=updated_at, defect=defect)


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
