# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title What one market may draw from insurance
@license AGPL-3.0-only
@notice A market's draws fill its meter, which drains in a day. However high the cap, no market finds more than half of
        the fund, of what it has drawn lately and what is left: the others' half is there, whatever happens to it.
"""

from interfaces import IInsuranceFund

from . import credit_slots
from . import errors
from . import fixed_point

DAY: constant(uint256) = 86_400         # [s] in which a full meter drains


_meters: HashMap[uint256, uint256]      # market → cap, used, updated


@external
@view
def draw_cap(market: uint256) -> uint256:
    """
    @notice How much a market may draw a day.
    @param market Market id, 0 for treasuries.
    @return USD [wad].
    """
    return credit_slots._unpack_meter(self._meters[market]).cap


@internal
def _set_cap(market: uint256, cap: uint256, cash: uint256):
    """
    @dev The owner's cap [wad], of a fund with that much cash; what was drawn lately stays drawn.
    """
    assert cap <= credit_slots.MAX_96, errors.INSURANCE_PARAMETER
    meter: credit_slots.Meter = self._metered(market, cash)
    meter.cap = cap
    self._meters[market] = credit_slots._pack_meter(meter)
    log IInsuranceFund.DrawCapSet(market=market, cap=cap)


@internal
def _use(market: uint256, amount: uint256, cash: uint256):
    """
    @dev Fills the meter. The caller has asked `_left` of the same cash.
    """
    meter: credit_slots.Meter = self._metered(market, cash)
    meter.used += amount
    self._meters[market] = credit_slots._pack_meter(meter)


@internal
@view
def _left(market: uint256, cash: uint256) -> uint256:
    """
    @dev What a market may draw of that much cash [wad].
    """
    meter: credit_slots.Meter = self._metered(market, cash)
    limit: uint256 = self._limit(meter, cash)
    return limit - min(limit, meter.used)


@internal
@view
def _metered(market: uint256, cash: uint256) -> credit_slots.Meter:
    """
    @dev A market's meter, drained up to now: by its limit a day, or a cap above half of the fund would drain it in
         minutes.
    """
    meter: credit_slots.Meter = credit_slots._unpack_meter(self._meters[market])
    limit: uint256 = self._limit(meter, cash)
    drained: uint256 = fixed_point._mul_div_down(limit, block.timestamp - meter.updated, DAY)
    meter.used -= min(meter.used, drained)
    meter.updated = block.timestamp
    return meter


@internal
@pure
def _limit(meter: credit_slots.Meter, cash: uint256) -> uint256:
    """
    @dev Most that a meter holds: the cap, and half of the fund as it was before [wad].
    """
    return min(meter.cap, (cash + meter.used) // 2)
