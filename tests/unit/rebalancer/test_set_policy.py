"""`Rebalancer.set_policy` and `policy`."""

from __future__ import annotations

import pytest

from ballast.chain import Reverted
from ballast.params import WAD

CENT = 10**16
MARGIN, TRADE = 2, 1


def test_set_policy__owner__stored_and_logged(rebalancer, account, trader, default):
    receipt = rebalancer.set_policy(account, default, sender=trader)
    event = receipt.event("PolicySet")
    assert event.account == account
    assert event.policy._asdict() == default
    assert rebalancer.policy(account)._asdict() == default


@pytest.mark.parametrize("extreme", ["least", "most"])
def test_set_policy__extremes__come_back_as_they_were(rebalancer, account, trader, default, extreme):
    """Packing loses nothing."""
    most = {
        "enabled": True,
        "z_trigger": 4_095 * CENT,
        "z_target": 4_095 * CENT,
        "z_donor": 4_095 * CENT,
        "z_delever": 4_095 * CENT,
        "z_delever_target": 4_095 * CENT,
        "treasury_reserve": (2**32 - 1) * WAD,
        "allow_borrow": False,
        "containment": 10_000,
        "max_risk_share": 10_000,
        "risk_budget": 10_000,
        "max_slippage": 1_000,
        "max_delever": 10_000,
        "min_move": (2**16 - 1) * WAD,
        "cooldown": 86_400,
        "max_fee": 200 * WAD,
        "max_fee_per_day": 10_000 * WAD,
        "no_fund": 2**128 - 1,
        "no_tap": 2**128 - 1,
    }
    least = dict.fromkeys(most, 0) | {"enabled": False, "allow_borrow": False, "max_risk_share": 1, "min_move": WAD}
    least |= {"z_trigger": WAD, "z_donor": WAD, "z_target": WAD}
    policy = most if extreme == "most" else least
    rebalancer.set_policy(account, policy, sender=trader)
    assert rebalancer.policy(account)._asdict() == policy


def test_set_policy__borrowing_allowed__comes_back(rebalancer, account, trader, default):
    rebalancer.set_policy(account, {**default, "allow_borrow": True}, sender=trader)
    assert rebalancer.policy(account)._asdict() == {**default, "allow_borrow": True}


def test_set_policy__sets_taken_away__not_read(rebalancer, account, trader, default):
    rebalancer.set_policy(account, {**default, "no_fund": 2, "no_tap": 4}, sender=trader)
    rebalancer.set_policy(account, default, sender=trader)
    assert rebalancer.policy(account)._asdict() == default


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"z_trigger": WAD - CENT}, "policy: distance out of bounds"),
        ({"z_target": 4_096 * CENT}, "policy: distance out of bounds"),
        ({"z_trigger": 5 * WAD}, "policy: distances out of order"),
        ({"z_donor": 11 * WAD}, "policy: distances out of order"),
        ({"z_delever": 9 * WAD}, "policy: distances out of order"),
        ({"z_delever_target": 11 * WAD}, "policy: distances out of order"),
        ({"z_trigger": 2 * WAD + 1}, "policy: too precise"),
        ({"max_fee": 1}, "policy: too precise"),
        ({"treasury_reserve": WAD // 2}, "policy: too precise"),
        ({"min_move": 3 * WAD // 2}, "policy: too precise"),
        ({"containment": 10_001}, "policy: share out of bounds"),
        ({"risk_budget": 10_001}, "policy: share out of bounds"),
        ({"max_risk_share": 0}, "policy: share out of bounds"),
        ({"max_risk_share": 10_001}, "policy: share out of bounds"),
        ({"max_slippage": 1_001}, "policy: slippage out of bounds"),
        ({"max_delever": 10_001}, "policy: delever out of bounds"),
        ({"treasury_reserve": 2**32 * WAD}, "policy: reserve out of bounds"),
        ({"treasury_reserve": WAD, "allow_borrow": True}, "policy: reserve out of bounds"),
        ({"min_move": 0}, "policy: min move out of bounds"),
        ({"min_move": 2**16 * WAD}, "policy: min move out of bounds"),
        ({"cooldown": 86_401}, "policy: cooldown out of bounds"),
        ({"max_fee": 200 * WAD + CENT}, "policy: fee out of bounds"),
        ({"max_fee_per_day": 10_001 * WAD}, "policy: fee out of bounds"),
        ({"no_fund": 2**128}, "policy: no such market id"),
        ({"no_tap": 2**128}, "policy: no such market id"),
    ],
)
def test_set_policy__out_of_bounds__reverts(rebalancer, account, trader, default, changes, reason):
    """REB-14: hard bounds, each with its reason."""
    with pytest.raises(Reverted) as refusal:
        rebalancer.set_policy(account, {**default, **changes}, sender=trader)
    assert refusal.value.reason == reason
    assert rebalancer.policy(account).z_trigger == 0


def test_set_policy__margin_operator__may(rebalancer, vault, account, trader, operator, default, chain):
    vault.set_operator(account, operator, MARGIN, chain.timestamp + 60, sender=trader)
    rebalancer.set_policy(account, default, sender=operator)
    assert rebalancer.policy(account).enabled


def test_set_policy__others__revert(rebalancer, vault, account, trader, operator, stranger, default, chain):
    vault.set_operator(account, operator, TRADE, chain.timestamp + 60, sender=trader)
    for who in (operator, stranger):
        with pytest.raises(Reverted, match="access: no right"):
            rebalancer.set_policy(account, default, sender=who)
