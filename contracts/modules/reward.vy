# pragma version 0.4.3
"""
@title Reward: what a keeper earns for one rebalance
@license AGPL-3.0-only
@notice The estimated gas at the transaction's price with a premium, and 5 bps of what moved; at most a tenth of what
        the call was good for, and never more than the plan set aside. None of it has a say in whether a plan is due.
@dev The gas of a whole transaction, measured with feeds shaped like Chainlink's and cold storage (`make bench`).
"""

WAD: constant(uint256) = 10**18

BASE_GAS: constant(uint256) = 75_000
GAS_PER_BOOK: constant(uint256) = 45_000
GAS_PER_TRANSFER: constant(uint256) = 22_000
GAS_PER_CUT: constant(uint256) = 100_000
GAS_PER_REQUEST: constant(uint256) = 60_000

MAX_TIP: constant(uint256) = 2 * 10**9          # [raw] wei per gas
MIN_PREMIUM: constant(uint256) = 11 * 10**17    # [wad] for a book that just triggers
URGENCY_PREMIUM: constant(uint256) = 4 * 10**17 # [wad] on top, for one at liquidation
MOVED_BPS: constant(uint256) = 5                # [bps] of what moved
BENEFIT_BPS: constant(uint256) = 1_000          # [bps] of what moved and was relieved, at most
BPS: constant(uint256) = 10_000

# What a rebalance did
struct Work:
    books: uint256          # valued
    transfers: uint256
    cuts: uint256
    asked: uint256          # cuts asked for
    moved: uint256          # [wad] into books
    relieved: uint256       # [wad] of maintenance margin
    min_z: int256           # [wad] before
    z_trigger: uint256      # [wad]


@internal
@view
def _gas_price() -> uint256:
    """
    @dev Base fee and a capped tip [raw], in wei per gas.
    """
    return min(max(tx.gasprice, block.basefee), block.basefee + MAX_TIP)


@internal
@pure
def _reward(work: Work, gas_price: uint256, native_price: uint256, reserve: uint256) -> uint256:
    """
    @dev The reward [wad], rounded down; `native_price` is USD per 1e18 wei [wad], 0 where it is not known.
    """
    gas: uint256 = BASE_GAS + GAS_PER_BOOK * work.books + GAS_PER_TRANSFER * work.transfers
    gas += GAS_PER_CUT * work.cuts + GAS_PER_REQUEST * work.asked
    premium: uint256 = MIN_PREMIUM + URGENCY_PREMIUM * self._urgency(work.min_z, work.z_trigger) // WAD
    cost: uint256 = gas * gas_price * native_price // WAD * premium // WAD
    benefit: uint256 = (work.moved + work.relieved) * BENEFIT_BPS // BPS
    return min(reserve, min(cost + work.moved * MOVED_BPS // BPS, benefit))


@internal
@pure
def _urgency(min_z: int256, z_trigger: uint256) -> uint256:
    """
    @dev clamp((z_trigger − z) / z_trigger, 0, 1) [wad].
    """
    trigger: int256 = convert(z_trigger, int256)
    missing: int256 = min(max(trigger - max(min_z, 0), 0), trigger)
    return convert(missing, uint256) * WAD // z_trigger
