# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title What debtors owe
@license AGPL-3.0-only
@notice Debt is counted in shares, and a share is worth one index, which grows at the rate that the utilisation had when
        the pool was last touched. A part of all interest is insurance's.
@dev The index grows by e^(rate · time). What is rounded is rounded up: it is never below the exact figure, and each
     call leaves it at most 5e-18 of it above, so that a call every second costs debtors 1.6e-10 a year. Rate and time
     of one step are bounded, so nothing overflows, and no call ever fails for the time that has passed.
"""

from interfaces import ICreditPool
from snekmate.utils import math

from . import credit_slots
from . import errors
from . import fixed_point

WAD: constant(uint256) = 10**18
YEAR: constant(uint256) = 365 * 86_400                  # [s]

MAX_ELAPSED: public(constant(uint256)) = YEAR           # [s] that one step charges for
MAX_RATE: public(constant(uint256)) = 2 * 10**18        # [wad] per year
EXP_ERROR: constant(uint256) = 2                       # [wad] more than the exponential is ever too low by
MIN_KINK: constant(uint256) = 5 * 10**17                # [wad]
MAX_KINK: constant(uint256) = 99 * 10**16               # [wad]
MAX_RESERVE_SHARE: constant(uint256) = 5 * 10**17       # [wad]


_index: uint256         # index, rate, when it was last stored
_claims: uint256        # debt shares, reserve
_rates: uint256         # packed config


@deploy
def __init__():
    """
    @dev Nothing is owed, and a share is worth a dollar.
    """
    self._index = credit_slots._pack_index(
        credit_slots.Debt(index=WAD, rate=0, updated=block.timestamp, shares=0, reserve=0)
    )


@external
@view
def debt_index() -> uint256:
    """
    @notice What a debt share is worth now, interest up to this second included.
    @dev Reads nothing but the pool's own storage and never reverts.
    @return USD [wad], from 1e18 on; never falls.
    """
    return self._grown(credit_slots._unpack_debt(self._index, 0))


@external
@view
def total_debt() -> uint256:
    """
    @notice What all debtors owe now.
    @return USD [wad], rounded down.
    """
    return self._worth(self._accrued(self._load()))


@external
@view
def debt_shares() -> uint256:
    """
    @notice Debt shares of all accounts.
    @return Debt shares [wad].
    """
    return self._load().shares


@external
@view
def borrow_rate() -> uint256:
    """
    @notice What debt costs since the last change.
    @return Rate per year [wad].
    """
    return self._load().rate


@external
@view
def reserve() -> uint256:
    """
    @notice Insurance's share of interest up to now that has not been collected.
    @return USD [wad].
    """
    return self._accrued(self._load()).reserve


@external
@view
def rate_config() -> ICreditPool.RateConfig:
    """
    @notice What debt costs, by utilisation.
    @return All parameters; all zero where none were set, and interest with them.
    """
    return credit_slots._unpack_rates(self._rates)


################################################################
#                           INTEREST                           #
################################################################


@internal
def _accrue() -> credit_slots.Debt:
    """
    @dev All debt, interest up to now included, for a change that ends in `_save`.
    """
    before: credit_slots.Debt = self._load()
    debt: credit_slots.Debt = self._accrued(before)
    if debt.index != before.index:
        log ICreditPool.Accrued(
            index=debt.index,
            interest=self._worth(debt) - self._worth(before),
            to_reserve=debt.reserve - before.reserve,
        )
    return debt


@internal
def _save(debt: credit_slots.Debt, idle: uint256) -> uint256:
    """
    @dev Stores all debt, and what it costs from now on beside that much idle cash [wad]. Returns that rate.
    """
    changed: credit_slots.Debt = debt
    changed.rate = self._rate_up(credit_slots._unpack_rates(self._rates), self._worth(debt), idle)
    self._store(changed)
    return changed.rate


@internal
def _store(debt: credit_slots.Debt):
    """
    @dev Stores all debt at the rate it has.
    """
    self._index = credit_slots._pack_index(debt)
    self._claims = credit_slots._pack_claims(debt)


@internal
@view
def _load() -> credit_slots.Debt:
    """
    @dev All debt as it was stored last.
    """
    return credit_slots._unpack_debt(self._index, self._claims)


@internal
@view
def _accrued(debt: credit_slots.Debt) -> credit_slots.Debt:
    """
    @dev The same debt now.
    """
    accrued: credit_slots.Debt = debt
    accrued.index = self._grown(debt)
    accrued.updated = block.timestamp
    interest: uint256 = self._worth(accrued) - self._worth(debt)
    if interest != 0:
        share: uint256 = credit_slots._unpack_rates(self._rates).reserve_share
        accrued.reserve = min(accrued.reserve + fixed_point._mul_wad_down(interest, share), credit_slots.MAX_128)
    return accrued


@internal
@view
def _grown(debt: credit_slots.Debt) -> uint256:
    """
    @dev ⌈index · e^(rate · time)⌉ [wad], up to what 128 bits hold.
    """
    elapsed: uint256 = min(block.timestamp - debt.updated, MAX_ELAPSED)
    if elapsed == 0 or debt.rate == 0:
        return debt.index
    exponent: uint256 = fixed_point._mul_div_up(debt.rate, elapsed, YEAR)
    growth: uint256 = convert(math._wad_exp(convert(exponent, int256)), uint256) + EXP_ERROR
    return min(fixed_point._mul_wad_up(debt.index, growth), credit_slots.MAX_128)


@internal
@pure
def _worth(debt: credit_slots.Debt) -> uint256:
    """
    @dev ⌊shares · index⌋ [wad].
    """
    return fixed_point._mul_wad_down(debt.shares, debt.index)


@internal
@pure
def _rate_up(config: ICreditPool.RateConfig, debt: uint256, idle: uint256) -> uint256:
    """
    @dev Two straight lines over the utilisation, which meet at the kink [wad per year].
    """
    if debt == 0 or config.kink == 0:
        return config.base_rate
    utilisation: uint256 = fixed_point._mul_div_up(debt, WAD, debt + idle)
    if utilisation <= config.kink:
        steep: uint256 = config.kink_rate - config.base_rate
        return config.base_rate + fixed_point._mul_div_up(steep, utilisation, config.kink)
    steep: uint256 = config.max_rate - config.kink_rate
    return config.kink_rate + fixed_point._mul_div_up(steep, utilisation - config.kink, WAD - config.kink)


################################################################
#                            CONFIG                            #
################################################################


@internal
def _set_rates(config: ICreditPool.RateConfig):
    """
    @dev Stores what debt costs. The caller has accrued at the old rate, and saves after this.
    """
    self._check(config.base_rate <= config.kink_rate and config.kink_rate <= config.max_rate)
    self._check(config.max_rate <= MAX_RATE and config.reserve_share <= MAX_RESERVE_SHARE)
    self._check(config.kink >= MIN_KINK and config.kink <= MAX_KINK)
    word: uint256 = credit_slots._pack_rates(config)
    stored: ICreditPool.RateConfig = credit_slots._unpack_rates(word)
    self._check(stored.base_rate == config.base_rate and stored.kink == config.kink)
    self._check(stored.kink_rate == config.kink_rate and stored.max_rate == config.max_rate)
    self._check(stored.reserve_share == config.reserve_share)
    self._rates = word
    log ICreditPool.RateConfigSet(config=config)


@internal
@pure
def _check(is_within: bool):
    """
    @dev A parameter is within its hard bounds, and a multiple of the unit it is stored in.
    """
    assert is_within, errors.CREDIT_PARAMETER
