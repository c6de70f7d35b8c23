# pragma version 0.4.3
# pragma evm-version cancun
"""
@title The uptime feed of a rollup's sequencer
@license AGPL-3.0-only
@notice Shaped like Chainlink's: the answer is 0 while the sequencer is up and 1 while it is down, `startedAt` says
        since when. Before its first status it answers with `startedAt` zero.
@custom:kill Test and demo only: never deployed where money is.
"""

from interfaces import IAggregatorV3

implements: IAggregatorV3


event StatusSet:
    status: int256
    started_at: uint256     # [s]


OWNER: public(immutable(address))

_round_id: uint80           # of the latest status
_status: int256             # 0 = up, 1 = down
_started_at: uint256        # [s]


@deploy
def __init__():
    """
    @notice A feed without a status.
    """
    OWNER = msg.sender


# Owner


@external
def set_status(status: int256):
    """
    @notice The sequencer went down or came back now.
    @param status 0 = up, 1 = down; others to see what happens.
    """
    self._set(status, block.timestamp)


@external
def set_answer(status: int256, started_at: uint256):
    """
    @notice Any answer, proper or not.
    @param status 0 = up, 1 = down; others to see what happens.
    @param started_at Time [s].
    """
    self._set(status, started_at)


# Views


@external
@view
def decimals() -> uint8:
    """
    @notice Decimals of the answers: none.
    @return Zero.
    """
    return 0


@external
@view
def description() -> String[64]:
    """
    @notice What this is.
    @return A name.
    """
    return "L2 Sequencer Uptime Status Feed"


@external
@view
def latestRoundData() -> (uint80, int256, uint256, uint256, uint80):
    """
    @notice The present status.
    @return Round id; status; since when [s]; updated at [s]; answered in round.
    """
    return self._round_id, self._status, self._started_at, self._started_at, self._round_id


@external
@view
def getRoundData(round: uint80) -> (uint80, int256, uint256, uint256, uint80):
    """
    @notice Only the present status is kept.
    @param round The round's id.
    @return The present status, or all zero.
    """
    if round != self._round_id:
        return 0, 0, 0, 0, 0
    return self._round_id, self._status, self._started_at, self._started_at, self._round_id


# Internal


@internal
def _set(status: int256, started_at: uint256):
    """
    @dev A new status.
    """
    assert msg.sender == OWNER, "mock: not the owner"
    self._round_id += 1
    self._status = status
    self._started_at = started_at
    log StatusSet(status=status, started_at=started_at)
