# pragma version 0.4.3
# pragma evm-version cancun
"""
@title A price feed that answers what its owner tells it to
@license AGPL-3.0-only
@notice Shaped like Chainlink's off-chain reporting aggregator, so that gas reads true: one slot for the latest round's
        id, one for each round. Stands behind `MockFeedProxy`.
@custom:kill Test and demo only: never deployed where money is.
"""

from interfaces import IAggregatorV3

implements: IAggregatorV3


event RoundPublished:
    round: indexed(uint256)
    answer: int256
    updated_at: uint256     # [s]


OWNER: public(immutable(address))
_DECIMALS: immutable(uint8)

description: public(String[64])
_hot_vars: uint256                          # id of the latest round
_rounds: HashMap[uint256, uint256]          # round => answer 128 | lag of the answer 32 | started 32 | updated 64


@deploy
def __init__(decimals_: uint8, description_: String[64]):
    """
    @notice A feed without rounds.
    @param decimals_ Decimals of its answers.
    @param description_ Name of the pair.
    """
    OWNER = msg.sender
    _DECIMALS = decimals_
    self.description = description_


# Owner


@external
def publish(answer: int256) -> uint256:
    """
    @notice A proper round now.
    @param answer Price at the feed's decimals.
    @return The round's id.
    """
    return self._publish(answer, block.timestamp, block.timestamp, self._hot_vars + 1)


@external
def publish_round(answer: int256, started_at: uint256, updated_at: uint256, answered_in_round: uint256) -> uint256:
    """
    @notice Any round, proper or not.
    @param answer Price at the feed's decimals.
    @param started_at Time [s].
    @param updated_at Time [s].
    @param answered_in_round Round in which the answer was found; at most the new round's id.
    @return The round's id.
    """
    return self._publish(answer, started_at, updated_at, answered_in_round)


# Views


@external
@view
def decimals() -> uint8:
    """
    @notice Decimals of the answers.
    @return The number.
    """
    return _DECIMALS


@external
@view
def latestRoundData() -> (uint80, int256, uint256, uint256, uint80):
    """
    @notice The latest round; all zero before the first.
    @return Round id; answer; started at [s]; updated at [s]; answered in round.
    """
    return self._round(self._hot_vars)


@external
@view
def getRoundData(round: uint80) -> (uint80, int256, uint256, uint256, uint80):
    """
    @notice A round; all zero where there is none.
    @param round The round's id.
    @return Round id; answer; started at [s]; updated at [s]; answered in round.
    """
    return self._round(convert(round, uint256))


# Internal


@internal
def _publish(answer: int256, started_at: uint256, updated_at: uint256, answered_in_round: uint256) -> uint256:
    """
    @dev Appends a round.
    """
    assert msg.sender == OWNER, "mock: not the owner"
    assert max(answer, -answer) < 2**127 and started_at < 2**32 and updated_at < 2**64, "mock: out of range"

    round: uint256 = self._hot_vars + 1
    lag: uint256 = round - answered_in_round
    assert lag < 2**32, "mock: out of range"

    bits: uint256 = convert(convert(answer, bytes32), uint256) & (2**128 - 1)
    self._rounds[round] = bits | lag << 128 | started_at << 160 | updated_at << 192
    self._hot_vars = round
    log RoundPublished(round=round, answer=answer, updated_at=updated_at)
    return round


@internal
@view
def _round(round: uint256) -> (uint80, int256, uint256, uint256, uint80):
    """
    @dev A stored round, all zero where there is none.
    """
    if round == 0 or round > self._hot_vars:
        return 0, 0, 0, 0, 0
    word: uint256 = self._rounds[round]
    answer: int256 = convert(convert(word << 128, bytes32), int256) >> 128
    lag: uint256 = word >> 128 & (2**32 - 1)
    return (
        convert(round, uint80),
        answer,
        word >> 160 & (2**32 - 1),
        word >> 192,
        convert(round - lag, uint80),
    )
