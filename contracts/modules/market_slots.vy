# pragma version 0.4.3
"""
@title How a derivatives market lies in storage
@license AGPL-3.0-only
@notice Vyper gives every field a slot of its own, and a cold slot costs 2,100 gas. Each word here is packed by a
        `_pack_*` and read by its `_unpack_*` twins; bits are listed from the top. All that a valuation reads beside the
        book is one word; what only trades read is another.

            book       size int96 | base int104 | option legs 8 | net deposit 48 [cents]
            valuation  k 24 | range_min 20 | range_max 20 | initial_ratio 23 | close_rate 16 [ppm] | state 2
                       | more 1 | funding: rate a day int31 [1e7] | cumulative int87 | accrued at 32 [s]
            ramp       the risk parameters as in a valuation, at the start | 9 free | epochs of losses: of the longs 56
                       | of the shorts 56 | started at 32 [s]
            trading    24 free | open interest 96 | its cap 64 [1e15] | max_funding_rate 16 [ppm] | skew_scale 56 [1e15]
            loss       scale 64 | credit int96 | charge 96, an epoch of a side; a zero word is the first of a generation
            clock      64 free | stood still at 64 [s] | goes on at 64 [s] | live at 64 [s]
"""

from interfaces import IDerivativesMarket
from interfaces import IRiskModel

from . import errors


CENT: constant(uint256) = 10**16  # [wad]
PPM: constant(uint256) = 10**12  # [wad] one part per million
MILLI: constant(uint256) = 10**15  # [wad] one thousandth of a unit

RATE_UNIT: constant(int256) = 10**7  # [wad] of a funding rate
DAY: constant(int256) = 86_400  # [s]
SIGNED_WAD: constant(int256) = 10**18
FLOOR_OFFSET: constant(int256) = 2**107  # [wad] above any funding per unit that can accrue

MASK_2: constant(uint256) = 2**2 - 1
MASK_8: constant(uint256) = 2**8 - 1
MASK_16: constant(uint256) = 2**16 - 1
MASK_20: constant(uint256) = 2**20 - 1
MASK_23: constant(uint256) = 2**23 - 1
MASK_31: constant(uint256) = 2**31 - 1
MASK_32: constant(uint256) = 2**32 - 1
MASK_48: constant(uint256) = 2**48 - 1
MASK_56: constant(uint256) = 2**56 - 1
MASK_64: constant(uint256) = 2**64 - 1
MASK_87: constant(uint256) = 2**87 - 1
MASK_96: constant(uint256) = 2**96 - 1
MASK_104: constant(uint256) = 2**104 - 1
MASK_112: constant(uint256) = 2**112 - 1
LEGS: constant(uint256) = (2**96 - 1) << 160 | MASK_8 << 48  # bits of a book that margin does not touch

MAINTENANCE: constant(uint256) = MASK_64 << 192 | MASK_16 << 153  # bits of a valuation that maintenance depends on
STATE_SHIFT: constant(uint256) = 151
STATE_BITS: constant(uint256) = MASK_2 << 151
MORE: constant(uint256) = 1 << 150  # the ramp's word says more: where maintenance comes from, or what was lost
FUNDING_BITS: constant(uint256) = 150  # the low part of a valuation


# What funding has come to, and how it goes on
struct Funding:
    rate: int256  # [wad] per day and unit of notional, a multiple of RATE_UNIT; positive = longs pay
    cumulative: int256  # [wad] per unit
    accrued_at: uint256  # [s]


# What only trades read
struct Trading:
    open_interest: uint256  # [wad units] all longs, and all shorts
    open_interest_cap: uint256  # [wad units]
    max_funding_rate: uint256  # [wad] per day at full skew
    skew_scale: uint256  # [wad units] skew at which funding is full


# What one unit of a side at the start of its generation has become
struct Loss:
    scale: uint256  # [wad] units that are left of it
    credit: int256  # [wad] what those that were closed brought
    charge: uint256  # [wad] what it bore of the losses of others


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
    return convert(convert(word, bytes32), int256) >> 160, convert(convert(word << 96, bytes32), int256) >> 152


@internal
@pure
def _base(word: uint256) -> int256:
    """
    @dev A book's base [wad].
    """
    return convert(convert(word << 96, bytes32), int256) >> 152


@internal
@pure
def _net_deposit(word: uint256) -> uint256:
    """
    @dev A book's net deposit [wad].
    """
    return unsafe_mul(word & MASK_48, CENT)


@internal
@pure
def _has_legs(word: uint256) -> bool:
    """
    @dev Whether a book holds a perpetual or options.
    """
    return word >> 160 != 0 or word & (MASK_8 << 48) != 0


@internal
@pure
def _with_margin(word: uint256, base: int256, net_deposit: uint256) -> uint256:
    """
    @dev A book with other margin and the same legs. The net deposit is floored to whole cents.
    """
    cents: uint256 = net_deposit // CENT
    top: int256 = base >> 103
    assert (top == 0 or top == -1) and cents <= MASK_48, errors.OUT_OF_RANGE
    return word & LEGS | (convert(convert(base, bytes32), uint256) & MASK_104) << 56 | cents


# ------------------------------------------------------------------------------------------------
# Valuation: risk parameters, state, funding
# ------------------------------------------------------------------------------------------------


@internal
@pure
def _pack_valuation(params: IRiskModel.RiskParams, state: uint256, funding: Funding) -> uint256:
    """
    @dev The caller has bounded every parameter and made it a multiple of its unit. Without more. Time lasts until 2106.
    """
    return self._risk_param_bits(params) | (state << STATE_SHIFT) | self._funding_bits(funding)


@internal
@pure
def _pack_ramp(params: IRiskModel.RiskParams, started_at: uint256) -> uint256:
    """
    @dev Where a ramp starts, and when. `_unpack_risk_params` and `_ramp_start` are the twins.
    """
    return self._risk_param_bits(params) | started_at


@internal
@pure
def _ramp_start(ramp: uint256) -> uint256:
    """
    @dev When the ramp started [s].
    """
    return ramp & MASK_32


@internal
@pure
def _epochs(ramp: uint256) -> uint256:
    """
    @dev How often each side bore a loss; zero where neither ever did.
    """
    return (ramp >> 32) & MASK_112


@internal
@pure
def _with_epochs(ramp: uint256, epochs: uint256) -> uint256:
    """
    @dev The same ramp after another loss.
    """
    return (ramp & ~(MASK_112 << 32)) | (epochs << 32)


@internal
@pure
def _with_funding(valuation: uint256, funding: Funding) -> uint256:
    """
    @dev The same parameters, ramp and state, later.
    """
    return ((valuation >> FUNDING_BITS) << FUNDING_BITS) | self._funding_bits(funding)


@internal
@pure
def _with_state(valuation: uint256, state: uint256) -> uint256:
    """
    @dev The same parameters, ramp and funding in another state.
    """
    return (valuation & ~(MASK_2 << STATE_SHIFT)) | (state << STATE_SHIFT)


@internal
@pure
def _unpack_risk_params(valuation: uint256) -> IRiskModel.RiskParams:
    """
    @dev The five parameters of the risk model [wad]: where a ramp leads, or its word's start.
    """
    return IRiskModel.RiskParams(
        range_multiplier=unsafe_mul(valuation >> 232, PPM),
        range_min=unsafe_mul((valuation >> 212) & MASK_20, PPM),
        range_max=unsafe_mul((valuation >> 192) & MASK_20, PPM),
        initial_ratio=unsafe_mul((valuation >> 169) & MASK_23, PPM),
        close_rate=unsafe_mul((valuation >> 153) & MASK_16, PPM),
    )


@internal
@pure
def _risk_param_bits(params: IRiskModel.RiskParams) -> uint256:
    """
    @dev The high part of a valuation, and of a ramp.
    """
    return (
        ((params.range_multiplier // PPM) << 232)
        | ((params.range_min // PPM) << 212)
        | ((params.range_max // PPM) << 192)
        | ((params.initial_ratio // PPM) << 169)
        | ((params.close_rate // PPM) << 153)
    )


@internal
@pure
def _unpack_state(valuation: uint256) -> uint256:
    """
    @dev The market's state.
    """
    return (valuation >> STATE_SHIFT) & MASK_2


@internal
@pure
def _unpack_funding(valuation: uint256) -> Funding:
    """
    @dev The twin of `_funding_bits`.
    """
    return Funding(
        rate=unsafe_mul(convert(convert(valuation << 106, bytes32), int256) >> 225, RATE_UNIT),
        cumulative=convert(convert(valuation << 137, bytes32), int256) >> 169,
        accrued_at=valuation & MASK_32,
    )


@internal
@view
def _accrued(valuation: uint256, price: uint256) -> int256:
    """
    @dev Cumulative funding per unit up to now [wad]. One number serves both sides, so rounding makes no value. Unpacked
         in place, for every valuation asks. Unchecked: a rate is below 2^54, a price below 2^96, a time below 2^32.
         Adding and taking off a multiple of the divisor makes the division one of a positive number, and so a floor.
    """
    rate: int256 = unsafe_mul(convert(convert(valuation << 106, bytes32), int256) >> 225, RATE_UNIT)
    elapsed: uint256 = unsafe_sub(block.timestamp, valuation & MASK_32)
    product: int256 = unsafe_mul(rate, convert(unsafe_mul(price, elapsed), int256))
    raised: int256 = unsafe_div(unsafe_add(product, FLOOR_OFFSET * DAY * SIGNED_WAD), DAY * SIGNED_WAD)
    return unsafe_add(convert(convert(valuation << 137, bytes32), int256) >> 169, unsafe_sub(raised, FLOOR_OFFSET))


@internal
@pure
def _funding_bits(funding: Funding) -> uint256:
    """
    @dev The low part of a valuation. A rate is bounded by the parameters; cumulative funding reaches its limit at
         $77 million per unit.
    """
    assert self._fits(funding.cumulative, 86), errors.OUT_OF_RANGE
    rate: uint256 = self._bits(funding.rate // RATE_UNIT) & MASK_31
    return (rate << 119) | ((self._bits(funding.cumulative) & MASK_87) << 32) | funding.accrued_at


# ------------------------------------------------------------------------------------------------
# Trading: open interest and what drives funding
# ------------------------------------------------------------------------------------------------


@internal
@pure
def _pack_trading(trading: Trading) -> uint256:
    """
    @dev The caller has bounded every parameter and made it a multiple of its unit; open interest is within its cap, or
         falling.
    """
    return (
        (trading.open_interest << 136)
        | ((trading.open_interest_cap // MILLI) << 72)
        | ((trading.max_funding_rate // PPM) << 56)
        | (trading.skew_scale // MILLI)
    )


@internal
@pure
def _unpack_trading(word: uint256) -> Trading:
    """
    @dev The twin of `_pack_trading`.
    """
    return Trading(
        open_interest=word >> 136,
        open_interest_cap=unsafe_mul((word >> 72) & MASK_64, MILLI),
        max_funding_rate=unsafe_mul((word >> 56) & MASK_16, PPM),
        skew_scale=unsafe_mul(word & MASK_56, MILLI),
    )


# ------------------------------------------------------------------------------------------------
# Losses
# ------------------------------------------------------------------------------------------------


@internal
@pure
def _pack_loss(loss: Loss) -> uint256:
    """
    @dev A scale is at most one, and what a generation's units bring when they are closed is below any price; the caller
         has bounded the charge.
    """
    return (loss.scale << 192) | ((self._bits(loss.credit) & MASK_96) << 96) | loss.charge


@internal
@pure
def _unpack_loss(word: uint256) -> Loss:
    """
    @dev The twin of `_pack_loss`. Nothing was ever written for the first epoch of a generation.
    """
    if word == 0:
        return Loss(scale=10**18, credit=0, charge=0)
    return Loss(scale=word >> 192, credit=self._signed(word << 64) >> 160, charge=word & MASK_96)


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
