# pragma version 0.4.3
"""
@title The packed slots of credit and insurance
@license AGPL-3.0-only
@notice Vyper does not pack structs. Each `_pack_*` here has its `_unpack_*`; who packs has bounded every field, but for
        those that are bounded here.
"""

from interfaces import ICreditPool
from interfaces import IInsuranceFund

from . import errors

# index    index 128 · 128 | rate 64 · 64 | updated 64 · 0
# claims   debt shares 128 · 128 | reserve 128 · 0
# rates    base 32 · 128 | kink 32 · 96 | kink rate 32 · 64 | max rate 32 · 32 | reserve share 32 · 0 [ppm]
# limits   max assets 128 · 128 | max debt 128 · 0
# exit     shares 128 · 64 | opens 64 · 0
# meter    cap 96 · 160 | used 96 · 64 | updated 64 · 0

# All debt
struct Debt:
    index: uint256      # [wad] USD a debt share
    rate: uint256       # [wad] per year since `updated`
    updated: uint256    # [s]
    shares: uint256     # [wad]
    reserve: uint256    # [wad] insurance's share of interest, not yet collected

# What one market has drawn lately
struct Meter:
    cap: uint256        # [wad] a day
    used: uint256       # [wad] at `updated`
    updated: uint256    # [s]

PPM: constant(uint256) = 10**12         # [wad] one part per million
MAX_96: constant(uint256) = 2**96 - 1
MAX_128: constant(uint256) = 2**128 - 1

_MASK_32: constant(uint256) = 2**32 - 1
_MASK_64: constant(uint256) = 2**64 - 1


@internal
@pure
def _pack_index(debt: Debt) -> uint256:
    """
    @dev The part of the debt that grows by itself.
    """
    return (debt.index << 128) | (debt.rate << 64) | debt.updated


@internal
@pure
def _pack_claims(debt: Debt) -> uint256:
    """
    @dev The part of the debt that is moved. Reverts if it leaves 128 bits.
    """
    self._check_range(debt.shares <= MAX_128 and debt.reserve <= MAX_128)
    return (debt.shares << 128) | debt.reserve


@internal
@pure
def _unpack_debt(index: uint256, claims: uint256) -> Debt:
    """
    @dev Inverse of `_pack_index` and `_pack_claims`.
    """
    return Debt(
        index=index >> 128,
        rate=(index >> 64) & _MASK_64,
        updated=index & _MASK_64,
        shares=claims >> 128,
        reserve=claims & MAX_128,
    )


@internal
@pure
def _pack_rates(config: ICreditPool.RateConfig) -> uint256:
    """
    @dev Every parameter is a multiple of one part per million.
    """
    word: uint256 = (config.base_rate // PPM << 128) | (config.kink // PPM << 96) | (config.kink_rate // PPM << 64)
    return word | (config.max_rate // PPM << 32) | (config.reserve_share // PPM)


@internal
@pure
def _unpack_rates(word: uint256) -> ICreditPool.RateConfig:
    """
    @dev Inverse of `_pack_rates`.
    """
    return ICreditPool.RateConfig(
        base_rate=(word >> 128) * PPM,
        kink=((word >> 96) & _MASK_32) * PPM,
        kink_rate=((word >> 64) & _MASK_32) * PPM,
        max_rate=((word >> 32) & _MASK_32) * PPM,
        reserve_share=(word & _MASK_32) * PPM,
    )


@internal
@pure
def _pack_limits(max_assets: uint256, max_debt: uint256) -> uint256:
    """
    @dev Both caps [wad]. Reverts if one leaves 128 bits.
    """
    self._check_range(max_assets <= MAX_128 and max_debt <= MAX_128)
    return (max_assets << 128) | max_debt


@internal
@pure
def _unpack_limits(word: uint256) -> (uint256, uint256):
    """
    @dev Deposit cap [wad]; debt cap [wad].
    """
    return word >> 128, word & MAX_128


@internal
@pure
def _pack_exit(exit: IInsuranceFund.Exit) -> uint256:
    """
    @dev Shares in cooldown. Reverts if they leave 128 bits.
    """
    self._check_range(exit.shares <= MAX_128)
    return (exit.shares << 64) | exit.opens


@internal
@pure
def _unpack_exit(word: uint256) -> IInsuranceFund.Exit:
    """
    @dev Inverse of `_pack_exit`.
    """
    return IInsuranceFund.Exit(shares=word >> 64, opens=word & _MASK_64)


@internal
@pure
def _pack_meter(meter: Meter) -> uint256:
    """
    @dev What is used is never more than a cap was.
    """
    return (meter.cap << 160) | (meter.used << 64) | meter.updated


@internal
@pure
def _unpack_meter(word: uint256) -> Meter:
    """
    @dev Inverse of `_pack_meter`.
    """
    return Meter(cap=word >> 160, used=(word >> 64) & MAX_96, updated=word & _MASK_64)


@internal
@pure
def _check_range(is_within: bool):
    """
    @dev A number fits into its packed field.
    """
    assert is_within, errors.OUT_OF_RANGE
