# pragma version 0.4.3
"""
@title What an auction asks, and how much it sells
@license AGPL-3.0-only
@notice Dutch auctions: a discount d grows with the auction's age from nothing to a bound. A bidder pays
        `f·e·(1 − d)` for the fraction `f` of a book worth `e`, and a share of what he saves goes to the insurance. The
        rest of the book is left with `e·(1 − f·d)` against `(1 − f)·M`, hence, with M = mm + z_target·b,

            f ≤ (M − e) / (M − d·e)

        A book at or below zero goes whole; there the insurance pays, up to a share of mm beyond the deficit.
        Collateral worth v, sold at `v·(1 − d)`, takes `v·d` off the treasury's equity and `v·g` off what it needs,
        g = 1 − threshold + z_target·s, hence `v ≤ (M0 − E0) / (g − d)`, and never more than repays the debt.
@dev Discounts, bonuses and what the account is asked to part with for a price are rounded in the account's favour;
     how much is sold is rounded up, so that the target is reached.
"""

from . import fixed_point


RAMP: constant(uint256) = 1_200                 # [s] of active time until the discount is at its bound
POOL_TIME: constant(uint256) = 1_800            # [s] of active time after which the pool buys what nobody wanted
MAX_DISCOUNT: constant(uint256) = 30 * 10**16   # [wad] of a book's equity
MAX_COLLATERAL_DISCOUNT: constant(uint256) = 10 * 10**16    # [wad] of the price
MAX_BONUS: constant(uint256) = 20 * 10**16      # [wad] of mm: beyond the deficit, from the insurance to the bidder
PENALTY_SHARE: constant(uint256) = 20 * 10**16  # [wad] of each discount that is the insurance's
TARGET_DISTANCE: constant(uint256) = 2 * 10**18 # [wad] z of what is left
SMALL_LOT: constant(uint256) = 1_000 * 10**18   # [wad] of exposure, or of collateral: no less is sold, or left


@internal
@pure
def _grown(bound: uint256, age: uint256) -> uint256:
    """
    @dev What grows with the auction's age [s] up to its bound, rounded down [wad].
    """
    return fixed_point._mul_div_down(bound, min(age, RAMP), RAMP)


@internal
@pure
def _needed(maintenance: uint256, sigma_loss: uint256) -> uint256:
    """
    @dev M = mm + z_target·b, rounded up [wad].
    """
    return maintenance + fixed_point._mul_wad_up(sigma_loss, TARGET_DISTANCE)


@internal
@pure
def _book_limit(equity: int256, needed: uint256, exposure: uint256, discount: uint256) -> uint256:
    """
    @dev Most of a book that may be sold [wad]: what restores it, rounded up; all where that is all, or would leave a
         small lot.
    """
    if equity <= 0:
        return fixed_point.WAD
    worth: uint256 = convert(equity, uint256)
    lost: uint256 = fixed_point._mul_wad_down(worth, discount)
    limit: uint256 = fixed_point._mul_div_up(needed - worth, fixed_point.WAD, needed - lost)
    if fixed_point._mul_wad_down(exposure, fixed_point.WAD - limit) < SMALL_LOT:
        return fixed_point.WAD
    return limit


@internal
@pure
def _bonus(maintenance: uint256, age: uint256) -> uint256:
    """
    @dev What the insurance pays beyond the deficit of a book at or below zero, rounded down [wad].
    """
    return fixed_point._mul_wad_down(maintenance, self._grown(MAX_BONUS, age))


@internal
@pure
def _book_price(equity: int256, fraction: uint256, discount: uint256) -> (uint256, uint256):
    """
    @dev What a bidder pays for a fraction of a book above zero: to the account; to the insurance [wad].
    """
    return self._price(fixed_point._mul_wad_up(convert(equity, uint256), fraction), discount)


@internal
@pure
def _price(worth: uint256, discount: uint256) -> (uint256, uint256):
    """
    @dev What a bidder pays for something of that worth: to the account; to the insurance, both rounded up [wad].
    """
    payment: uint256 = fixed_point._mul_wad_up(worth, fixed_point.WAD - discount)
    saved: uint256 = worth - payment
    return payment, fixed_point._mul_wad_up(saved, PENALTY_SHARE)


@internal
@pure
def _collateral_bound(threshold: uint256) -> uint256:
    """
    @dev The largest discount on a token: at most half of what its threshold leaves, so that a sale always helps [wad].
    """
    return min(MAX_COLLATERAL_DISCOUNT, (fixed_point.WAD - threshold) // 2)


@internal
@pure
def _relief(threshold: uint256, sigma_rate: uint256) -> uint256:
    """
    @dev What the treasury needs less for each unit of worth sold: g = 1 − threshold + z_target·s, rounded down, so
         that enough is sold [wad].
    """
    return fixed_point.WAD - threshold + fixed_point._mul_wad_down(TARGET_DISTANCE, sigma_rate)


@internal
@pure
def _collateral_limit(
    equity: int256, needed: uint256, debt: uint256, held: uint256, relief: uint256, discount: uint256
) -> uint256:
    """
    @dev Most of a token, `held` in worth, that may be sold, in worth, rounded up [wad]: what restores the treasury, or
         all where that would leave a small lot, and never more than repays the debt.
    """
    limit: uint256 = held
    missing: uint256 = convert(max(convert(needed, int256) - equity, 0), uint256)
    restoring: uint256 = fixed_point._mul_div_up(missing, fixed_point.WAD, relief - discount)
    if restoring < held and held - restoring >= SMALL_LOT:
        limit = restoring
    return min(limit, fixed_point._mul_div_up(debt, fixed_point.WAD, fixed_point.WAD - discount))
