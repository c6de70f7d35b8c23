# pragma version 0.4.3
"""
@title The exchange's packed slots
@license AGPL-3.0-only
@notice Each leg of an order takes two slots, the terms of all orders and the fees of a market one each. What belongs
        to the whole order stands in its first leg's.
"""

from interfaces import IExchange

from . import errors

# leg A    size int96 · 160 | market 8 · 104, and of the first leg also
#          execution fee 40 · 120 | legs 7 · 113 | reduce only 1 · 112 | due 40 · 64 | account 64 · 0
# leg B    margin 112 · 112 | limit price 112 · 0
# terms    execution fee 40 · 64 | order count 64 · 0
# fees     volatility cap 80 · 160 | reference volatility 80 · 80 | base fee 80 · 0

# An order without its legs
struct Header:
    account: uint256        # vault account id
    execution_fee: uint256  # [wad]
    due: uint256            # [s]
    reduce_only: bool
    legs: uint256           # how many

FEE_UNIT: constant(uint256) = 10**10        # [wad] execution fees are stored in units of 1e-8 USD

_MASK_7: constant(uint256) = 2**7 - 1
_MASK_8: constant(uint256) = 2**8 - 1
_MASK_40: constant(uint256) = 2**40 - 1
_MASK_64: constant(uint256) = 2**64 - 1
_MASK_80: constant(uint256) = 2**80 - 1
_MASK_112: constant(uint256) = 2**112 - 1
_SIZE_BOUND: constant(int256) = 2**95       # size lies strictly between −bound and bound


@internal
@pure
def _pack_header(header: Header) -> uint256:
    """
    @dev To be joined with the first leg's word A. Every field is bounded by vault and exchange.
    """
    word: uint256 = (header.execution_fee // FEE_UNIT << 120) | (header.legs << 113)
    word |= (convert(header.reduce_only, uint256) << 112) | (header.due << 64)
    return word | header.account


@internal
@pure
def _unpack_header(word: uint256) -> Header:
    """
    @dev Inverse of `_pack_header`.
    """
    return Header(
        account=word & _MASK_64,
        execution_fee=((word >> 120) & _MASK_40) * FEE_UNIT,
        due=(word >> 64) & _MASK_40,
        reduce_only=(word >> 112) & 1 != 0,
        legs=(word >> 113) & _MASK_7,
    )


@internal
@pure
def _pack_leg(leg: IExchange.Leg) -> (uint256, uint256):
    """
    @dev Reverts if size, limit price or margin leave their fields. The market is known to the exchange.
    """
    assert abs(leg.size) < _SIZE_BOUND, errors.OUT_OF_RANGE
    assert max(leg.limit_price, leg.margin) <= _MASK_112, errors.OUT_OF_RANGE
    word: uint256 = convert(convert(leg.size << 160, bytes32), uint256)
    return word | (leg.market << 104), (leg.margin << 112) | leg.limit_price


@internal
@pure
def _unpack_leg(a: uint256, b: uint256) -> IExchange.Leg:
    """
    @dev Inverse of `_pack_leg`, whatever else stands in word A.
    """
    return IExchange.Leg(
        market=self._unpack_market(a),
        size=convert(convert(a, bytes32), int256) >> 160,
        limit_price=b & _MASK_112,
        margin=b >> 112,
    )


@internal
@pure
def _unpack_market(a: uint256) -> uint256:
    """
    @dev A leg's market, out of its word A.
    """
    return (a >> 104) & _MASK_8


@internal
@pure
def _pack_terms(order_count: uint256, execution_fee: uint256) -> uint256:
    """
    @dev What every new order is given: its id follows the count [raw]; its execution fee [wad].
    """
    return (execution_fee // FEE_UNIT << 64) | order_count


@internal
@pure
def _unpack_terms(word: uint256) -> (uint256, uint256):
    """
    @dev Order count; execution fee [wad].
    """
    return word & _MASK_64, (word >> 64) * FEE_UNIT


@internal
@pure
def _pack_fees(fees: IExchange.FeeConfig) -> uint256:
    """
    @dev One word; the exchange bounds the fields.
    """
    return (fees.volatility_cap << 160) | (fees.reference_volatility << 80) | fees.base_fee


@internal
@pure
def _unpack_fees(word: uint256) -> IExchange.FeeConfig:
    """
    @dev Inverse of `_pack_fees`.
    """
    return IExchange.FeeConfig(
        base_fee=word & _MASK_80,
        reference_volatility=(word >> 80) & _MASK_80,
        volatility_cap=word >> 160,
    )
