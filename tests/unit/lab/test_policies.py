"""Policies that no owner could set are named by field, wherever the model refuses them."""

from __future__ import annotations

from typing import Any

import pytest

from ballast import params
from ballast.lab.policies import impossible
from ballast.model.errors import Rejected
from ballast.model.fixed_point import WAD
from ballast.model.policy import Policy

DISTANCES = {"z_trigger": 2, "z_donor": 4, "z_target": 10, "z_delever": 2, "z_delever_target": 8}
DEFAULT = params.load().policy.model_copy(update={name: z * WAD for name, z in DISTANCES.items()})
CASES: list[tuple[dict[str, Any], str]] = [
    ({"z_trigger": WAD - WAD // 100}, "z_trigger 0.99; expected 1 to 40.95"),
    ({"z_target": 41 * WAD}, "z_target 41; expected 0 to 40.95"),
    ({"z_donor": 10**30}, "z_donor 1e+12; expected 0 to 40.95"),
    ({"z_delever": 10**30}, "z_delever 1e+12; expected 0 to 40.95"),
    ({"z_delever_target": 10**30}, "z_delever_target 1e+12; expected 0 to 40.95"),
    ({"z_donor": WAD}, "z_trigger 2, z_donor 1, z_target 10; expected z_trigger ≤ z_donor ≤ z_target"),
    ({"z_delever": 9 * WAD}, "expected z_delever ≤ z_delever_target ≤ z_target"),
    ({"z_target": 10 * WAD + 1}, "z_target 10; expected a multiple of 0.01"),
    ({"containment": 10_001}, "containment 10001 bps; expected 0 bps to 10000 bps"),
    ({"max_risk_share": 0}, "max_risk_share 0 bps; expected 1 bps to 10000 bps"),
    ({"risk_budget": 10_001}, "risk_budget 10001 bps"),
    ({"max_slippage": 1_001}, "max_slippage 1001 bps; expected 0 bps to 1000 bps"),
    ({"max_delever": 10_001}, "max_delever 10001 bps"),
    ({"treasury_reserve": 2**32 * WAD}, "treasury_reserve $4.29497e+09"),
    ({"treasury_reserve": 5 * WAD, "allow_borrow": True}, "treasury_reserve $5 with allow_borrow; expected one of"),
    ({"min_move": 0}, "min_move $0; expected $1 to $65,535"),
    ({"min_move": 3 * WAD // 2}, "min_move $1.5; expected a multiple of 1"),
    ({"cooldown": 86_401}, "cooldown 86,401 s; expected 0 s to 86,400 s"),
    ({"max_fee": 201 * WAD}, "max_fee $201; expected $0 to $200"),
    ({"max_fee_per_day": 10_001 * WAD}, "max_fee_per_day $10,001; expected $0 to $10,000"),
    ({"no_fund": 2**128}, "no_fund 3.40282e+38"),
    ({"no_tap": 2**128}, "no_tap 3.40282e+38"),
]


@pytest.mark.parametrize("fields, expected", CASES)
def test_impossible__one_field_out_of_bounds__named_where_the_model_refuses(
    fields: dict[str, Any], expected: str
) -> None:
    policy = DEFAULT.model_copy(update=fields)
    assert expected in impossible(policy)
    with pytest.raises(Rejected):
        Policy(**policy.model_dump()).check()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"z_trigger": WAD, "z_donor": WAD, "z_target": 40 * WAD},
        {"z_delever": 0, "z_delever_target": 0},
        {"containment": 0, "max_risk_share": 1, "risk_budget": 10_000, "max_slippage": 1_000, "max_delever": 0},
        {"min_move": WAD, "cooldown": 0, "max_fee": 0, "max_fee_per_day": 10_000 * WAD, "no_fund": 2**128 - 1},
        {"enabled": False},
    ],
)
def test_impossible__at_the_bounds__nothing_and_the_model_agrees(fields: dict[str, Any]) -> None:
    policy = DEFAULT.model_copy(update=fields)
    assert impossible(policy) == ""
    Policy(**policy.model_dump()).check()
