# pragma version 0.4.3
"""
@title Who bears what a market lost
@license AGPL-3.0-only
@notice A loss that nobody pays is charged to a side of the market by size, and the pool's legs, if it fails, are closed
        against a side by size: in O(1), for a side keeps what has become of one unit, and a book when it last knew.

            units  = |size| / scale0                       of a book, at the start of the generation
            size'  = ⌊size · scale / scale0⌋               toward −∞, as whatever an account holds
            base'  = base + ⌊|size| · ((credit − credit0) − (charge − charge0)) / scale0⌋
            share  = ⌈|size| · (charge − charge0) / scale0⌉

        A side whose units are all closed begins a new generation. An epoch is one loss of one side; a book keeps the
        epoch of its side, and only where there ever was one.
@dev What rounding keeps is the vault's. A settled book loses less than a wei of size and of base; a charge brings more
     than the loss by a wei for each unit that the generation began with, at the most, and by what open interest does
     not count of the shorts, or less by what it counts too much (a wei for each settled book); a close rounds the side
     by open interest / scale. Bounds that make the unchecked parts safe: |size| ≤ 2^95, scale ≤ 1e18, credit and
     charge < 2^96. Epochs last for 2^40 losses of a generation and 2^16 generations.
"""

from . import fixed_point
from . import market_slots


SHORTS: constant(uint256) = 0
LONGS: constant(uint256) = 1
EPOCH_BITS: constant(uint256) = 56  # generation 16 | losses in it 40
MASK_56: constant(uint256) = 2**56 - 1
LAST: constant(uint256) = 2**40 - 1  # in the place of the number of losses: a generation's end
MAX_CHARGE: constant(uint256) = 2**96 - 1  # [wad] a generation's unit can keep: 79 billion dollars
SIGNED_WAD: constant(int256) = 10**18

_losses: HashMap[uint256, uint256]  # side and epoch => packed loss
_known: HashMap[uint256, uint256]  # account => epoch of its side at which its book was stored


# ------------------------------------------------------------------------------------------------
# Books
# ------------------------------------------------------------------------------------------------


@internal
@view
def _settled(account: uint256, size: int256, base: int256, epochs: uint256) -> (int256, int256, uint256):
    """
    @dev What a stored book with legs has become: its size and base, and what it bore of the losses of others since it
         was stored.
    """
    side: uint256 = self._side(size)
    epoch: uint256 = self._epoch(epochs, side)
    known: uint256 = self._known[account]
    if known == epoch:
        return size, base, 0
    if known >> 40 != epoch >> 40:
        epoch = known | LAST  # all of that generation was closed
    then: market_slots.Loss = self._loss(side, known)
    now: market_slots.Loss = self._loss(side, epoch)

    units: int256 = abs(size)
    scale: int256 = convert(then.scale, int256)
    charge: int256 = convert(now.charge - then.charge, int256)
    return (
        fixed_point._floor_div(size * convert(now.scale, int256), scale),
        base + fixed_point._floor_div(units * (now.credit - then.credit - charge), scale),
        convert(fixed_point._ceil_div(units * charge, scale), uint256),
    )


@internal
def _note(account: uint256, size: int256, epochs: uint256):
    """
    @dev A book with legs is stored as it is at these epochs.
    """
    epoch: uint256 = self._epoch(epochs, self._side(size))
    if self._known[account] != epoch:
        self._known[account] = epoch


# ------------------------------------------------------------------------------------------------
# Sides
# ------------------------------------------------------------------------------------------------


@internal
def _charge(epochs: uint256, side: uint256, loss: uint256, units: uint256) -> (uint256, uint256):
    """
    @dev Charge a loss [wad] to a side that adds up to `units`. The epochs after it, and what of the loss the side could
         not take: all or nothing.
    """
    if loss == 0 or units == 0:
        return epochs, loss
    index: market_slots.Loss = self._loss(side, self._epoch(epochs, side))
    index.charge += fixed_point._mul_div_up(loss, index.scale, units)
    if index.charge > MAX_CHARGE:
        return epochs, loss
    return self._advanced(epochs, side, index), 0


@internal
def _close(
    epochs: uint256, side: uint256, closed: uint256, units: uint256, worth: int256
) -> (uint256, uint256):
    """
    @dev Close `closed` of the `units` of a side, each book's share of it, where a unit is worth `worth` [wad]. The
         epochs after it, and how many units are left. What rounding takes from longs or leaves with shorts is paid by
         nobody, so it is worth something to the vault at any price above funding.
    """
    index: market_slots.Loss = self._loss(side, self._epoch(epochs, side))
    scale: uint256 = index.scale
    left: uint256 = units - closed
    signed_worth: int256 = -worth
    index.scale = fixed_point._mul_div_up(scale, units - closed, units)
    if side == LONGS:
        signed_worth = worth
        index.scale = fixed_point._mul_div_down(scale, units - closed, units)
        left = fixed_point._mul_div_down(units, index.scale, scale)
    value: int256 = convert(scale * closed, int256) * signed_worth
    index.credit += fixed_point._floor_div(value, convert(units, int256) * SIGNED_WAD)
    return self._advanced(epochs, side, index), left


@internal
@pure
def _side(size: int256) -> uint256:
    """
    @dev Of a book with legs.
    """
    return LONGS if size > 0 else SHORTS


@internal
@pure
def _epoch(epochs: uint256, side: uint256) -> uint256:
    """
    @dev A side's epoch.
    """
    return (epochs >> (EPOCH_BITS * side)) & MASK_56


@internal
@view
def _loss(side: uint256, epoch: uint256) -> market_slots.Loss:
    """
    @dev What had become of a side's unit at an epoch.
    """
    return market_slots._unpack_loss(self._losses[side << EPOCH_BITS | epoch])


@internal
def _advanced(epochs: uint256, side: uint256, index: market_slots.Loss) -> uint256:
    """
    @dev Write what a side's unit has become. The epochs then: the next, or a new generation if nothing is left.
    """
    epoch: uint256 = self._epoch(epochs, side) + 1
    key: uint256 = epoch
    if index.scale == 0:
        key = epoch | LAST
        epoch = key + 1
    self._losses[side << EPOCH_BITS | key] = market_slots._pack_loss(index)
    place: uint256 = EPOCH_BITS * side
    return (epochs & ~(MASK_56 << place)) | (epoch << place)
