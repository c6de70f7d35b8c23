# pragma version 0.4.3
"""
@title How a derivatives market lies in storage
@license AGPL-3.0-only
@notice Vyper gives every field a slot of its own, and a cold slot costs 2,100 gas. Each word here is packed by a
        `_pack_*` and read by its `_unpack_*` twins; bits are listed from the top. Out-of-range values revert.

            book      size int96 | base int104 | option legs 8 | net deposit 48 [cents]
            terms     k 32 | range_min 32 | range_max 32 | initial_ratio 32 | close_rate 32 [ppm]
                      | max_funding_rate 32 [ppm] | state 8 | skew_scale 56 [1e15]
            funding   cumulative int112 | accrued at 40 [s] | skew int96 | 8 free
            interest  open interest 128 | its cap 128
"""

from interfaces import IDerivativesMarket
from interfaces import IRiskModel

from . import errors


CENT: constant(uint256) = 10**16  # [wad]
PPM: constant(uint256) = 10**12  # [wad] one part per million
MILLI: constant(uint256) = 10**15  # [wad] one thousandth of a unit

MASK_8: constant(uint256) = 2**8 - 1
MASK_32: constant(uint256) = 2**32 - 1
MASK_40: constant(uint256) = 2**40 - 1
MASK_48: constant(uint256) = 2**48 - 1
MASK_56: constant(uint256) = 2**56 - 1
MASK_96: constant(uint256) = 2**96 - 1
MASK_104: constant(uint256) = 2**104 - 1
MASK_128: constant(uint256) = 2**128 - 1

STATE_SHIFT: constant(uint256) = 56


# What funding has come to
struct Funding:
    cumulative: int256  # [wad] per unit
    accrued_at: uint256  # [s]
    skew: int256  # [wad units] net size of all accounts but the pool


# ------------------------------------------------------------------------------------------------
# Books
# ------------------------------------------------------------------------------------------------


@internal
@pure
def _pack_book(book: IDerivativesMarket.Book) -> uint256:
    """
    @dev The net deposit is floored to whole cents.
    """
    cents: uint256 = book.net_deposit // CENT
    assert self._fits(book.size, 95) and self._fits(book.base, 103) and cents <= MASK_48, errors.OUT_OF_RANGE
    return (self._bits(book.size) << 160) | ((self._bits(book.base) & MASK_104) << 56) | (book.legs << 48) | cents


@internal
@pure
def _unpack_book(word: uint256) -> IDerivativesMarket.Book:
    """
    @dev The twin of `_pack_book`.
    """
    return IDerivativesMarket.Book(
        size=self._signed(word) >> 160,
        base=self._signed(word << 96) >> 152,
        legs=(word >> 48) & MASK_8,
        net_deposit=unsafe_mul(word & MASK_48, CENT),
    )


@internal
@pure
def _unpack_position(word: uint256) -> (int256, int256):
    """
    @dev What valuing a book takes: its size [wad units] and base [wad].
    """
    return self._signed(word) >> 160, self._signed(word << 96) >> 152


# ------------------------------------------------------------------------------------------------
# Terms: parameters and state
# ------------------------------------------------------------------------------------------------


@internal
@pure
def _pack_terms(config: IDerivativesMarket.MarketConfig, state: uint256) -> uint256:
    """
    @dev The caller has bounded every parameter, and made it a multiple of its unit.
    """
    return (
        ((config.range_multiplier // PPM) << 224)
        | ((config.range_min // PPM) << 192)
        | ((config.range_max // PPM) << 160)
        | ((config.initial_ratio // PPM) << 128)
        | ((config.close_rate // PPM) << 96)
        | ((config.max_funding_rate // PPM) << 64)
        | (state << STATE_SHIFT)
        | (config.skew_scale // MILLI)
    )


@internal
@pure
def _unpack_risk_params(terms: uint256) -> IRiskModel.RiskParams:
    """
    @dev The five parameters of the risk model [wad].
    """
    return IRiskModel.RiskParams(
        range_multiplier=unsafe_mul(terms >> 224, PPM),
        range_min=unsafe_mul((terms >> 192) & MASK_32, PPM),
        range_max=unsafe_mul((terms >> 160) & MASK_32, PPM),
        initial_ratio=unsafe_mul((terms >> 128) & MASK_32, PPM),
        close_rate=unsafe_mul((terms >> 96) & MASK_32, PPM),
    )


@internal
@pure
def _unpack_funding_terms(terms: uint256) -> (uint256, uint256):
    """
    @dev The funding rate per day at full skew [wad]; the skew at which it is full [wad units].
    """
    return unsafe_mul((terms >> 64) & MASK_32, PPM), unsafe_mul(terms & MASK_56, MILLI)


@internal
@pure
def _unpack_state(terms: uint256) -> uint256:
    """
    @dev The market's state.
    """
    return (terms >> STATE_SHIFT) & MASK_8


@internal
@pure
def _with_state(terms: uint256, state: uint256) -> uint256:
    """
    @dev The same parameters in another state.
    """
    return (terms & ~(MASK_8 << STATE_SHIFT)) | (state << STATE_SHIFT)


# ------------------------------------------------------------------------------------------------
# Funding and open interest
# ------------------------------------------------------------------------------------------------


@internal
@pure
def _pack_funding(funding: Funding) -> uint256:
    """
    @dev Time needs no check for 34,000 years.
    """
    assert self._fits(funding.cumulative, 111) and self._fits(funding.skew, 95), errors.OUT_OF_RANGE
    return (
        (self._bits(funding.cumulative) << 144) | (funding.accrued_at << 104) | ((self._bits(funding.skew) & MASK_96) << 8)
    )


@internal
@pure
def _unpack_funding(word: uint256) -> Funding:
    """
    @dev The twin of `_pack_funding`.
    """
    return Funding(
        cumulative=self._signed(word) >> 144,
        accrued_at=(word >> 104) & MASK_40,
        skew=self._signed(word << 152) >> 160,
    )


@internal
@pure
def _pack_interest(open_interest: uint256, cap: uint256) -> uint256:
    """
    @dev Open interest is bounded by its cap, and the cap by the caller [wad units].
    """
    return (open_interest << 128) | cap


@internal
@pure
def _unpack_interest(word: uint256) -> (uint256, uint256):
    """
    @dev Open interest and its cap [wad units].
    """
    return word >> 128, word & MASK_128


# ------------------------------------------------------------------------------------------------
# Bits of signed numbers
# ------------------------------------------------------------------------------------------------


@internal
@pure
def _fits(number: int256, bits: uint256) -> bool:
    """
    @dev Whether −2^bits ≤ number < 2^bits: above, a signed field repeats its sign.
    """
    top: int256 = number >> bits
    return top == 0 or top == -1


@internal
@pure
def _bits(number: int256) -> uint256:
    """
    @dev Two's complement: `convert` alone refuses negatives.
    """
    return convert(convert(number, bytes32), uint256)


@internal
@pure
def _signed(word: uint256) -> int256:
    """
    @dev The inverse of `_bits`; `>>` on its result repeats the sign.
    """
    return convert(convert(word, bytes32), int256)
