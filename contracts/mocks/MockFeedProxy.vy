# pragma version 0.4.3
# pragma evm-version cancun
"""
@title The proxy in front of a mock aggregator
@license AGPL-3.0-only
@notice Shaped like Chainlink's aggregator proxy: an access-control slot and a phase slot are read on every call, and
        round ids carry the phase above bit 64. A new aggregator starts a new phase; old phases stay readable.
@custom:kill Test and demo only: never deployed where money is.
"""

from interfaces import IAggregatorV3

implements: IAggregatorV3


event AggregatorSet:
    phase: indexed(uint256)
    aggregator: indexed(address)


OWNER: public(immutable(address))

accessController: public(address)           # none: everybody may read
_phase: uint256                             # aggregator 160 | phase id 16
_phase_aggregators: HashMap[uint256, address]   # phase => its aggregator


@deploy
def __init__(aggregator_: address):
    """
    @notice A proxy in its first phase.
    @param aggregator_ The phase's aggregator.
    """
    OWNER = msg.sender
    self._set_aggregator(aggregator_)


# Owner


@external
def set_aggregator(aggregator_: address):
    """
    @notice Start a new phase.
    @param aggregator_ The phase's aggregator.
    """
    self._set_aggregator(aggregator_)


# Views


@external
@view
def phaseId() -> uint16:
    """
    @notice Id of the current phase.
    @return The id, from 1.
    """
    return convert(self._phase >> 160, uint16)


@external
@view
def aggregator() -> address:
    """
    @notice The current phase's aggregator.
    @return Its address.
    """
    return self._aggregator()


@external
@view
def decimals() -> uint8:
    """
    @notice Decimals of the current aggregator's answers.
    @return The number.
    """
    return staticcall IAggregatorV3(self._aggregator()).decimals()


@external
@view
def description() -> String[64]:
    """
    @notice Name of the pair.
    @return The current aggregator's description.
    """
    return staticcall IAggregatorV3(self._aggregator()).description()


@external
@view
def latestRoundData() -> (uint80, int256, uint256, uint256, uint80):
    """
    @notice The current aggregator's latest round, its ids carrying the phase.
    @return Round id; answer; started at [s]; updated at [s]; answered in round.
    """
    self._check_access()
    round: uint80 = 0
    answer: int256 = 0
    started_at: uint256 = 0
    updated_at: uint256 = 0
    answered_in_round: uint80 = 0
    phase: uint256 = self._phase
    feed: address = convert(phase & (2**160 - 1), address)
    round, answer, started_at, updated_at, answered_in_round = staticcall IAggregatorV3(feed).latestRoundData()
    ids: uint80 = convert(phase >> 160 << 64, uint80)
    return round | ids, answer, started_at, updated_at, answered_in_round | ids


@external
@view
def getRoundData(round: uint80) -> (uint80, int256, uint256, uint256, uint80):
    """
    @notice A round of any phase; all zero where there is none.
    @param round Proxy round id.
    @return Round id; answer; started at [s]; updated at [s]; answered in round.
    """
    self._check_access()
    id: uint80 = 0
    answer: int256 = 0
    started_at: uint256 = 0
    updated_at: uint256 = 0
    answered_in_round: uint80 = 0
    phase: uint256 = convert(round, uint256) >> 64
    feed: address = self._phase_aggregators[phase]
    if feed == empty(address):
        return 0, 0, 0, 0, 0
    ids: uint80 = convert(phase << 64, uint80)
    id, answer, started_at, updated_at, answered_in_round = staticcall IAggregatorV3(feed).getRoundData(round ^ ids)
    if id == 0:
        return 0, 0, 0, 0, 0
    return id | ids, answer, started_at, updated_at, answered_in_round | ids


# Internal


@internal
def _set_aggregator(aggregator_: address):
    """
    @dev Starts a new phase.
    """
    assert msg.sender == OWNER, "mock: not the owner"
    phase: uint256 = (self._phase >> 160) + 1
    self._phase = phase << 160 | convert(aggregator_, uint256)
    self._phase_aggregators[phase] = aggregator_
    log AggregatorSet(phase=phase, aggregator=aggregator_)


@internal
@view
def _aggregator() -> address:
    """
    @dev The current phase's aggregator.
    """
    return convert(self._phase & (2**160 - 1), address)


@internal
@view
def _check_access():
    """
    @dev One slot, read as the real proxy reads it.
    """
    assert self.accessController == empty(address), "mock: no access"
