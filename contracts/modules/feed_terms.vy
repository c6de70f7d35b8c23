# pragma version 0.4.3
"""
@title What an owner may ask of a feed
@license AGPL-3.0-only
@notice Hard bounds of every field of a feed's configuration, so that no owner can make a feed meaningless, and its way
        into the slots.
"""

from interfaces import IPriceOracle

from . import errors
from . import feed_reader
from . import feed_slots

MAX_FEED_ID: constant(uint256) = 255    # up to 127 a market's id, above for collateral without a market
_MAX_DECIMALS: constant(uint256) = 18
_MIN_HEARTBEAT: constant(uint256) = 60          # [s]
_MAX_HEARTBEAT: constant(uint256) = 2 * 86_400  # [s]
MAX_GRACE: constant(uint256) = 86_400          # [s]
_MAX_JUMP: constant(uint256) = 100              # [percent]
_MIN_SECOND_AGE: constant(uint256) = 60         # [s]
_MAX_SECOND_AGE: constant(uint256) = 3 * 86_400 # [s]
_MIN_DEVIATION: constant(uint256) = 50          # [bps] two feeds that publish at 0.25 % each
_WHOLE: constant(uint256) = 10_000              # [bps]
_PERCENT: constant(uint256) = feed_slots.PERCENT * feed_slots.RATIO_UNIT            # [wad]
_TEN_PERCENT: constant(uint256) = feed_slots.TEN_PERCENT * feed_slots.RATIO_UNIT    # [wad]


@internal
@view
def _usable_decimals(feed: address) -> uint256:
    """
    @dev Decimals of a feed, asked of the feed itself.
    """
    decimals: uint256 = feed_reader._decimals_of(feed)
    assert decimals <= _MAX_DECIMALS, errors.FEED_PARAMETER
    return decimals


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
    assert feed_id > 0 and feed_id <= MAX_FEED_ID, errors.FEED_PARAMETER
    assert config.feed.is_contract, errors.FEED_PARAMETER
    assert config.heartbeat >= _MIN_HEARTBEAT and config.heartbeat <= _MAX_HEARTBEAT, errors.FEED_PARAMETER
    assert config.grace <= MAX_GRACE, errors.FEED_PARAMETER

    self._check_units(config.volatility_floor, _PERCENT, 1, feed_slots.MAX_LIMIT)
    self._check_units(config.volatility_cap, _TEN_PERCENT, 1, feed_slots.MAX_LIMIT)
    self._check_units(config.slow_rise, _PERCENT, 1, feed_slots.MAX_LIMIT)
    self._check_units(config.jump, _PERCENT, 1, _MAX_JUMP)
    self._check_units(config.jump_duration, feed_slots.MINUTE, 0, feed_slots.MAX_LIMIT)

    if config.second_feed == empty(address):
        assert config.second_max_age == 0 and config.max_deviation == 0, errors.FEED_PARAMETER
    else:
        self._check_second(config)

    lowest: uint256 = min(config.initial_fast, config.initial_slow)
    highest: uint256 = max(config.initial_fast, config.initial_slow)
    assert lowest >= config.volatility_floor and highest <= config.volatility_cap, errors.FEED_PARAMETER


@internal
@view
def _check_second(config: IPriceOracle.FeedConfig):
    """
    @dev Hard bounds of a second feed. It may deviate by a jump at most: the price before a jump can then never confirm
         the price after it.
    """
    assert config.second_feed.is_contract and config.second_feed != config.feed, errors.FEED_PARAMETER
    assert config.second_max_age >= _MIN_SECOND_AGE, errors.FEED_PARAMETER
    assert config.second_max_age <= _MAX_SECOND_AGE, errors.FEED_PARAMETER
    self._check_units(config.max_deviation, feed_slots.BASIS_POINT, _MIN_DEVIATION, _WHOLE)
    assert config.max_deviation <= config.jump, errors.FEED_PARAMETER


@internal
@pure
def _check_units(number: uint256, unit: uint256, fewest: uint256, most: uint256):
    """
    @dev Reverts unless `number` is a whole number of units within the bounds.
    """
    assert number % unit == 0, errors.FEED_PARAMETER
    assert number >= fewest * unit and number <= most * unit, errors.FEED_PARAMETER
