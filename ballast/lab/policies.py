"""Why no owner could set a policy, in the words of who wrote it: field, figure, and what was expected."""

from __future__ import annotations

from collections.abc import Iterator

from ballast.model.fixed_point import BPS, WAD
from ballast.model.policy import (
    CENTI,
    DAY,
    MASK_128,
    MAX_DISTANCE,
    MAX_FEE,
    MAX_FEE_PER_DAY,
    MAX_MIN_MOVE,
    MAX_RESERVE,
    MAX_SLIPPAGE,
    MIN_DISTANCE,
    MIN_MIN_MOVE,
)
from ballast.params import PolicyParams

_ORDERS = (("z_trigger", "z_donor", "z_target"), ("z_delever", "z_delever_target", "z_target"))  # rising
_DISTANCES = tuple(dict.fromkeys(name for order in _ORDERS for name in order))
_BOUNDS = {  # field: least, most, unit, and how that is written
    **dict.fromkeys(_DISTANCES, (0, MAX_DISTANCE, WAD, "{:g}")),
    "z_trigger": (MIN_DISTANCE, MAX_DISTANCE, WAD, "{:g}"),
    "containment": (0, BPS, 1, "{:g} bps"),
    "max_risk_share": (1, BPS, 1, "{:g} bps"),
    "risk_budget": (0, BPS, 1, "{:g} bps"),
    "max_slippage": (0, MAX_SLIPPAGE, 1, "{:g} bps"),
    "max_delever": (0, BPS, 1, "{:g} bps"),
    "treasury_reserve": (0, MAX_RESERVE, WAD, "${:,g}"),
    "min_move": (MIN_MIN_MOVE, MAX_MIN_MOVE, WAD, "${:,g}"),
    "cooldown": (0, DAY, 1, "{:,g} s"),
    "max_fee": (0, MAX_FEE, WAD, "${:,g}"),
    "max_fee_per_day": (0, MAX_FEE_PER_DAY, WAD, "${:,g}"),
    "no_fund": (0, MASK_128, 1, "{:g}"),
    "no_tap": (0, MASK_128, 1, "{:g}"),
}
_GRAINS = {  # field: what it must be a multiple of
    **dict.fromkeys((*_DISTANCES, "max_fee", "max_fee_per_day"), CENTI),
    **dict.fromkeys(("treasury_reserve", "min_move"), WAD),
}


def impossible(policy: PolicyParams) -> str:
    """What is wrong with it first, "" if an owner could set it: `Policy.check`, with names and figures."""
    return next(_complaints(policy), "")


def _complaints(policy: PolicyParams) -> Iterator[str]:
    for name, (least, most, unit, form) in _BOUNDS.items():
        value = getattr(policy, name)
        if not least <= value <= most:
            low, high = (form.format(bound / unit) for bound in (least, most))
            yield f"{_said(policy, name)}; expected {low} to {high}"
    for names in _ORDERS:
        values = [getattr(policy, name) for name in names]
        if values != sorted(values):
            yield f"{', '.join(_said(policy, name) for name in names)}; expected {' ≤ '.join(names)}"
    for name, grain in _GRAINS.items():
        if getattr(policy, name) % grain:
            yield f"{_said(policy, name)}; expected a multiple of {grain / WAD:g}"
    if policy.allow_borrow and policy.treasury_reserve:
        yield f"{_said(policy, 'treasury_reserve')} with allow_borrow; expected one of them only"


def _said(policy: PolicyParams, name: str) -> str:
    _, _, unit, form = _BOUNDS[name]
    return f"{name} {form.format(getattr(policy, name) / unit)}"
