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
MAX_FEED_ID: constant(uint256) = 127            # a feed has its market's id
_MAX_SKIPPED: constant(uint256) = 3             # invalid rounds between a first round and its predecessor
_AGGREGATOR_ROUND: constant(uint256) = 2**64 - 1    # bits of a proxy round id below the phase

# Bounds of a feed's configuration
_MAX_DECIMALS: constant(uint256) = 18
_MIN_HEARTBEAT: constant(uint256) = 60          # [s]
_MAX_HEARTBEAT: constant(uint256) = 2 * 86_400  # [s]
_MAX_GRACE: constant(uint256) = 86_400          # [s]
_MIN_VOLATILITY: constant(uint256) = 10**16     # [wad] 1 %
_MAX_VOLATILITY: constant(uint256) = 40 * 10**18    # [wad] 4,000 %
_MIN_SLOW_RISE: constant(uint256) = 10**16      # [wad] 1 % an hour
_MAX_SLOW_RISE: constant(uint256) = 10 * 10**18 # [wad] 1,000 % an hour
_MIN_JUMP: constant(uint256) = 10**16           # [wad] 1 %
_MAX_JUMP: constant(uint256) = 10**18           # [wad] 100 %
_MAX_JUMP_DURATION: constant(uint256) = 86_400  # [s]

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
    answer: int256          # [raw] at the feed's decimals
    updated_at: uint256     # [s]
    answered_in: uint256    # proxy round id


_sources: HashMap[uint256, uint256]     # feed id => packed source
_states: HashMap[uint256, uint256]      # feed id => packed state: all that a round changes
_limits: HashMap[uint256, uint256]      # feed id => packed limits, read only with an observation
_current: transient(HashMap[uint256, bool])     # feed id => this transaction has stored the latest round, and it is valid


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


@view
@external
def quote(feed_id: uint256) -> IPriceOracle.Quote:
    """
    @notice Price and estimates now, unprocessed rounds included.
    @dev Reverts with the reason where the price may not be used.
    @param feed_id The market's id.
    @return The quote.
    """
    source: feed_slots.Source = self._source(feed_id)
    state: feed_slots.State = feed_slots._unpack_state(self._states[feed_id], source.phase)
    if not self._current[feed_id]:
        latest: Round = self._latest_round(source)
        self._check_usable(latest, source)
        pending: uint256 = self._rounds_between(state.round, latest.id)
        assert pending <= MAX_PENDING, errors.POKE
        if pending > 0:
            state = self._advance(feed_id, source, state, latest, True)

    assert block.timestamp <= state.updated_at + source.max_age, errors.STALE_PRICE
    return IPriceOracle.Quote(
        price=state.price * feed_slots.PRICE_UNIT,
        average=volatility._average_price(state, block.timestamp),
        fast_volatility=state.fast * feed_slots.RATIO_UNIT,
        slow_volatility=state.slow * feed_slots.RATIO_UNIT,
        updated_at=state.updated_at,
        round=state.round,
        jumped=block.timestamp < state.updated_at + state.jump_left,
    )


@view
@external
def pending(feed_id: uint256) -> uint256:
    """
    @notice Rounds not yet processed; an unusable latest round stays pending.
    @param feed_id The market's id.
    @return Their number; 1 across a phase change.
    """
    return self._pending(feed_id)


@view
@external
def first_round(feed_id: uint256, round: uint256, not_before: uint256) -> (uint256, uint256):
    """
    @notice Prove that `round` is the feed's first valid round at or after `not_before`.
    @dev Only rounds of the current phase count: an old aggregator may go on answering unpublished.
    @param feed_id The market's id.
    @param round Proxy round id.
    @param not_before Time [s].
    @return The round's price [wad]; its time [s].
    """
    source: feed_slots.Source = self._source(feed_id)
    latest: Round = self._latest_round(source)
    assert round <= latest.id and round >> 64 == latest.id >> 64, errors.UNKNOWN_ROUND
    first: Round = latest
    if round != latest.id:
        first = self._round(source, round)
    self._check_usable(first, source)
    assert first.updated_at >= not_before, errors.ROUND_TOO_EARLY

    before: uint256 = self._valid_time_before(source, round)
    assert before < not_before, errors.NOT_FIRST_ROUND
    return self._price(first, source) * feed_slots.PRICE_UNIT, first.updated_at


@view
@external
def last_round(feed_id: uint256) -> (uint256, uint256):
    """
    @notice The feed's latest round, whatever its age.
    @param feed_id The market's id.
    @return Proxy round id; its time [s].
    """
    latest: Round = self._latest_round(self._source(feed_id))
    return latest.id, latest.updated_at


@view
@external
def heartbeat(feed_id: uint256) -> uint256:
    """
    @notice Longest silence that the feed promises.
    @param feed_id The market's id.
    @return The time [s].
    """
    return self._source(feed_id).heartbeat


@view
@external
def feed_config(feed_id: uint256) -> IPriceOracle.FeedConfig:
    """
    @notice What the owner set.
    @param feed_id The market's id.
    @return The configuration, relative values at 1e-8 precision.
    """
    source: feed_slots.Source = self._source(feed_id)
    limits: feed_slots.Limits = feed_slots._unpack_limits(self._limits[feed_id])
    return IPriceOracle.FeedConfig(
        feed=source.feed,
        heartbeat=source.heartbeat,
        grace=source.max_age - source.heartbeat,
        volatility_floor=limits.floor * feed_slots.RATIO_UNIT,
        volatility_cap=limits.cap * feed_slots.RATIO_UNIT,
        initial_fast=limits.initial_fast * feed_slots.RATIO_UNIT,
        initial_slow=limits.initial_slow * feed_slots.RATIO_UNIT,
        slow_rise=limits.slow_rise * feed_slots.RATIO_UNIT,
        jump=limits.jump * feed_slots.RATIO_UNIT,
        jump_duration=limits.jump_duration,
    )


# Owner


@external
def set_feed(feed_id: uint256, config: IPriceOracle.FeedConfig):
    """
    @notice Point a feed at a proxy, or set it anew; its estimates start from the configuration.
    @dev The bounds keep every packed field in range. The feed must answer a usable price now.
    @param feed_id The market's id.
    @param config Proxy, limits and starting estimates; relative values are cut to 1e-8.
    """
    ownable._check_owner()
    self._check_config(feed_id, config)
    decimals: uint256 = convert(staticcall IAggregatorV3(config.feed).decimals(), uint256)
    assert decimals <= _MAX_DECIMALS, errors.FEED_PARAMETER
    source: feed_slots.Source = feed_slots.Source(
        feed=config.feed,
        decimals=decimals,
        phase=0,
        heartbeat=config.heartbeat,
        max_age=config.heartbeat + config.grace,
    )
    latest: Round = self._latest_round(source)
    self._check_usable(latest, source)
    assert block.timestamp <= latest.updated_at + source.max_age, errors.STALE_PRICE

    source.phase = latest.id >> 64
    limits: feed_slots.Limits = feed_slots.Limits(
        floor=config.volatility_floor // feed_slots.RATIO_UNIT,
        cap=config.volatility_cap // feed_slots.RATIO_UNIT,
        initial_fast=config.initial_fast // feed_slots.RATIO_UNIT,
        initial_slow=config.initial_slow // feed_slots.RATIO_UNIT,
        slow_rise=config.slow_rise // feed_slots.RATIO_UNIT,
        jump=config.jump // feed_slots.RATIO_UNIT,
        jump_duration=config.jump_duration,
    )
    state: feed_slots.State = feed_slots.State(
        price=self._price(latest, source),
        average=feed_slots.RATIO_ONE,
        fast=limits.initial_fast,
        slow=limits.initial_slow,
        updated_at=latest.updated_at,
        round=latest.id,
        jump_left=0,
    )
    self._sources[feed_id] = feed_slots._pack_source(source)
    self._limits[feed_id] = feed_slots._pack_limits(limits)
    self._states[feed_id] = feed_slots._pack_state(state)
    log IPriceOracle.FeedSet(feed_id=feed_id, feed=config.feed)


# Internal: consuming rounds


@internal
def _process(feed_id: uint256) -> uint256:
    """
    @dev Stores up to MAX_PENDING pending rounds. Returns how many were pending before.
    """
    source: feed_slots.Source = self._source(feed_id)
    state: feed_slots.State = feed_slots._unpack_state(self._states[feed_id], source.phase)
    latest: Round = self._latest_round(source)
    usable: bool = self._defect(latest, source) == empty(Defect)
    pending: uint256 = self._rounds_between(state.round, latest.id)

    if pending > 0:
        advanced: feed_slots.State = self._advance(feed_id, source, state, latest, usable)
        if advanced.round != state.round:
            self._store(feed_id, source, advanced)
    if usable and pending <= MAX_PENDING:
        self._current[feed_id] = True
    return pending


@internal
def _store(feed_id: uint256, source: feed_slots.Source, state: feed_slots.State):
    """
    @dev Writes the state, and the phase where it changed.
    """
    self._states[feed_id] = feed_slots._pack_state(state)
    phase: uint256 = state.round >> 64
    if phase != source.phase:
        source.phase = phase
        self._sources[feed_id] = feed_slots._pack_source(source)
    log IPriceOracle.RoundConsumed(
        feed_id=feed_id,
        round=state.round,
        price=state.price * feed_slots.PRICE_UNIT,
        fast_volatility=state.fast * feed_slots.RATIO_UNIT,
        slow_volatility=state.slow * feed_slots.RATIO_UNIT,
        jumped=block.timestamp < state.updated_at + state.jump_left,
    )


@view
@internal
def _advance(
    feed_id: uint256, source: feed_slots.Source, state: feed_slots.State, latest: Round, usable: bool
) -> feed_slots.State:
    """
    @dev The state after the next ≤ MAX_PENDING rounds up to `latest`, which counts only if it is `usable`.
    """
    limits: feed_slots.Limits = feed_slots._unpack_limits(self._limits[feed_id])
    next: uint256 = state.round + 1
    if latest.id >> 64 != state.round >> 64:
        next = latest.id  # a new phase begins with its latest round

    for _: uint256 in range(MAX_PENDING):
        if next > latest.id or (next == latest.id and not usable):
            break
        round: Round = latest
        valid: bool = True
        if next != latest.id:
            round = self._round(source, next)
            valid = self._defect(round, source) == empty(Defect)
        state.round = next
        if valid and round.updated_at > state.updated_at:
            price: uint256 = self._price(round, source)
            state = volatility._observe(state, limits, price, round.updated_at, next)
        next += 1
    return state


@view
@internal
def _pending(feed_id: uint256) -> uint256:
    """
    @dev Rounds not yet processed.
    """
    source: feed_slots.Source = self._source(feed_id)
    state: feed_slots.State = feed_slots._unpack_state(self._states[feed_id], source.phase)
    return self._rounds_between(state.round, self._latest_round(source).id)


@pure
@internal
def _rounds_between(processed: uint256, latest: uint256) -> uint256:
    """
    @dev How many rounds follow `processed` up to `latest`: one across a phase change, none if the feed went back.
    """
    if latest >> 64 != processed >> 64:
        return 1
    return max(latest, processed) - processed


# Internal: reading a feed


@view
@internal
def _source(feed_id: uint256) -> feed_slots.Source:
    """
    @dev Where the feed is; reverts if it is not set.
    """
    word: uint256 = self._sources[feed_id]
    assert word != 0, errors.FEED_NOT_SET
    return feed_slots._unpack_source(word)


@view
@internal
def _latest_round(source: feed_slots.Source) -> Round:
    """
    @dev What the proxy holds for its latest round.
    """
    id: uint80 = 0
    answer: int256 = 0
    started_at: uint256 = 0
    updated_at: uint256 = 0
    answered_in: uint80 = 0
    id, answer, started_at, updated_at, answered_in = staticcall IAggregatorV3(source.feed).latestRoundData()
    return Round(
        id=convert(id, uint256),
        answer=answer,
        updated_at=updated_at,
        answered_in=convert(answered_in, uint256),
    )


@view
@internal
def _round(source: feed_slots.Source, round: uint256) -> Round:
    """
    @dev What the proxy holds for a round; it goes by the id that was asked for.
    """
    id: uint80 = 0
    answer: int256 = 0
    started_at: uint256 = 0
    updated_at: uint256 = 0
    answered_in: uint80 = 0
    id, answer, started_at, updated_at, answered_in = staticcall IAggregatorV3(source.feed).getRoundData(
        convert(round, uint80)
    )
    return Round(id=round, answer=answer, updated_at=updated_at, answered_in=convert(answered_in, uint256))


@view
@internal
def _valid_time_before(source: feed_slots.Source, round: uint256) -> uint256:
    """
    @dev Time of the valid round before `round` [s], past a few invalid ones. The first round of a phase has none.
    """
    before: uint256 = round
    for _: uint256 in range(_MAX_SKIPPED + 1):
        before -= 1
        assert before & _AGGREGATOR_ROUND != 0, errors.UNPROVEN_ROUND
        candidate: Round = self._round(source, before)
        if self._defect(candidate, source) == empty(Defect):
            return candidate.updated_at
    raise errors.UNPROVEN_ROUND


@view
@internal
def _check_usable(round: Round, source: feed_slots.Source):
    """
    @dev Reverts with the reason if the round has a defect.
    """
    defect: Defect = self._defect(round, source)
    if defect == empty(Defect):
        return
    assert defect != Defect.EMPTY, errors.EMPTY_ROUND
    assert defect != Defect.INCOMPLETE, errors.INCOMPLETE_ROUND
    assert defect != Defect.FUTURE, errors.FUTURE_ROUND
    assert defect != Defect.NEGATIVE, errors.NEGATIVE_PRICE
    assert defect != Defect.ZERO, errors.ZERO_PRICE
    raise errors.PRICE_TOO_HIGH


@view
@internal
def _defect(round: Round, source: feed_slots.Source) -> Defect:
    """
    @dev Why the round cannot be used; empty if it can. Age is not a defect.
    """
    if round.updated_at == 0:
        return Defect.EMPTY if round.answer == 0 else Defect.INCOMPLETE
    if round.answered_in < round.id or round.id & _AGGREGATOR_ROUND > feed_slots.MAX_ROUND:
        return Defect.INCOMPLETE
    if round.updated_at > min(block.timestamp, feed_slots.MAX_TIME):
        return Defect.FUTURE
    if round.answer < 0:
        return Defect.NEGATIVE
    price: uint256 = self._price(round, source)
    if price == 0:
        return Defect.ZERO
    if price > feed_slots.MAX_PRICE:
        return Defect.TOO_HIGH
    return empty(Defect)


@pure
@internal
def _price(round: Round, source: feed_slots.Source) -> uint256:
    """
    @dev The round's answer, not negative, in 1e-12 USD, rounded down; an absurd one saturates.
    """
    answer: uint256 = min(convert(round.answer, uint256), 2**128)
    if source.decimals <= 12:
        return answer * 10 ** (12 - source.decimals)
    return answer // 10 ** (source.decimals - 12)


# Internal: bounds


@view
@internal
def _check_config(feed_id: uint256, config: IPriceOracle.FeedConfig):
    """
    @dev Hard bounds of every field, so that no owner can make a feed meaningless.
    """
    assert feed_id > 0 and feed_id <= MAX_FEED_ID, errors.FEED_PARAMETER
    assert config.feed.is_contract, errors.FEED_PARAMETER
    self._check_between(config.heartbeat, _MIN_HEARTBEAT, _MAX_HEARTBEAT)
    self._check_between(config.grace, 0, _MAX_GRACE)
    self._check_between(config.volatility_floor, _MIN_VOLATILITY, config.volatility_cap)
    self._check_between(config.volatility_cap, config.volatility_floor, _MAX_VOLATILITY)
    self._check_between(config.initial_fast, config.volatility_floor, config.volatility_cap)
    self._check_between(config.initial_slow, config.volatility_floor, config.volatility_cap)
    self._check_between(config.slow_rise, _MIN_SLOW_RISE, _MAX_SLOW_RISE)
    self._check_between(config.jump, _MIN_JUMP, _MAX_JUMP)
    self._check_between(config.jump_duration, 0, _MAX_JUMP_DURATION)


@pure
@internal
def _check_between(number: uint256, lowest: uint256, highest: uint256):
    """
    @dev Reverts if `number` is outside [lowest, highest].
    """
    assert number >= lowest and number <= highest, errors.FEED_PARAMETER
