# pragma version 0.4.3
# pragma evm-version cancun
"""
@title The reward's formula, callable
@license AGPL-3.0-only
@notice For the differential test. No part of the protocol.
"""

from contracts.modules import reward


@external
@pure
def compute(work: reward.Work, gas_price: uint256, native_price: uint256, reserve: uint256) -> uint256:
    """
    @notice What a keeper earns.
    @param work What the rebalance did.
    @param gas_price [raw] wei per gas
    @param native_price USD per native token [wad]
    @param reserve Most it may be [wad].
    @return The reward [wad].
    """
    return reward._reward(work, gas_price, native_price, reserve)
