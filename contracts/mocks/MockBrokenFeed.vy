# pragma version 0.4.3
# pragma evm-version cancun
"""
@title A feed that may break at any time
@license AGPL-3.0-only
@notice Tells the rounds of the feed behind it until it is broken: then it reverts, burns all its gas, answers too
        little, too much, or nonsense.
@custom:kill Test only: never deployed where money is.
"""

from interfaces import IAggregatorV3

flag Breakage:
    REVERTS
    BURNS
    ANSWERS_NOTHING
    ANSWERS_LITTLE
    ANSWERS_NONSENSE
    ANSWERS_TOO_MUCH

FEED: immutable(IAggregatorV3)

_breakage: Breakage


@deploy
def __init__(feed: address):
    """
    @notice In order at first.
    @param feed Where the rounds come from.
    """
    FEED = IAggregatorV3(feed)


@external
def set_breakage(breakage: Breakage):
    """
    @notice How to answer from now on.
    @param breakage One bit, or none to be in order.
    """
    self._breakage = breakage


@external
@view
def decimals() -> uint8:
    """
    @notice Decimals of the answers.
    @return The number, whatever is broken.
    """
    return staticcall FEED.decimals()


@external
@view
@raw_return
def latestRoundData() -> Bytes[4096]:
    """
    @notice The latest round of the feed behind it, or what it is broken to.
    @return Five words when in order.
    """
    breakage: Breakage = self._breakage
    assert breakage != Breakage.REVERTS, "mock: broken"
    if breakage == Breakage.BURNS:
        for i: uint256 in range(10**9):
            assert self._breakage == breakage
    if breakage == Breakage.ANSWERS_NOTHING:
        return b""
    if breakage == Breakage.ANSWERS_LITTLE:
        return slice(self._answer(), 0, 159)
    if breakage == Breakage.ANSWERS_NONSENSE:
        ones: uint256 = max_value(uint256)
        return abi_encode(ones, ones, ones, ones, ones)
    if breakage == Breakage.ANSWERS_TOO_MUCH:
        return concat(self._answer(), empty(bytes32), slice(self._answer(), 0, 100))
    return self._answer()


@internal
@view
def _answer() -> Bytes[160]:
    """
    @dev The round of the feed behind it.
    """
    return abi_encode(staticcall FEED.latestRoundData())
