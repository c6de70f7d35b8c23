# pragma version 0.4.3
"""
@title The exchange's packed slots
@license AGPL-3.0-only
@notice An order takes two slots, the terms of all orders and the fees of a market one each.
"""

from interfaces import IExchange

from . import errors

# order A  size int96 · 160 | execution fee 40 · 120 | reduce only · 112 | market 8 · 104 | due 40 · 64 | account 64 · 0
# order B  margin 112 · 112 | limit price 112 · 0
# terms    execution fee 40 · 64 | order count 64 · 0
# fees     volatility cap 80 · 160 | reference volatility 80 · 80 | base fee 80 · 0

FEE_UNIT: constant(uint256) = 10**10        # [wad] execution fees are stored in units of 1e-8 USD

_MASK_8: constant(uint256) = 2**8 - 1
_MASK_40: constant(uint256) = 2**40 - 1
_MASK_64: constant(uint256) = 2**64 - 1
_MASK_80: constant(uint256) = 2**80 - 1
_MASK_112: constant(uint256) = 2**112 - 1
_SIZE_BOUND: constant(int256) = 2**95       # size lies strictly between −bound and bound


@internal
@pure
def _pack_order(order: IExchange.Order) -> (uint256, uint256):
    """
    @dev Reverts if size, limit price or margin leave their fields. The rest is bounded by vault and exchange.
    """
    assert abs(order.size) < _SIZE_BOUND, errors.OUT_OF_RANGE
    assert max(order.limit_price, order.margin) <= _MASK_112, errors.OUT_OF_RANGE
    word: uint256 = convert(convert(order.size << 160, bytes32), uint256)
    word |= (order.execution_fee // FEE_UNIT << 120) | (convert(order.reduce_only, uint256) << 112)
    word |= (order.market << 104) | (order.due << 64) | order.account
    return word, (order.margin << 112) | order.limit_price


@internal
@pure
def _unpack_order(a: uint256, b: uint256) -> IExchange.Order:
    """
    @dev Inverse of `_pack_order`.
    """
    return IExchange.Order(
        account=a & _MASK_64,
        market=(a >> 104) & _MASK_8,
        size=convert(convert(a, bytes32), int256) >> 160,
        limit_price=b & _MASK_112,
        margin=b >> 112,
        execution_fee=((a >> 120) & _MASK_40) * FEE_UNIT,
        due=(a >> 64) & _MASK_40,
        reduce_only=(a >> 112) & _MASK_8 != 0,
    )


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
