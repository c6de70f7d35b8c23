"""The pool's own account: the engine moves its equity as anybody's, and does no more."""

from __future__ import annotations

import pytest

from ballast.params import WAD
from tests.support import refused


@pytest.fixture
def house(protocol, params, owner):
    """`house(z_trigger=...)`: the pool's account, with a policy of its own set as its contract would."""

    def house_(**changes):
        policy = {**params.policy.model_dump(), "cooldown": 0, **changes}
        protocol.pool.set_policy(policy, sender=owner)
        return protocol.pool_account

    return house_


@pytest.fixture
def burdened(protocol, build, publish, house, open_account, owner, other_trader, open_book):
    """The pool, long and short of bitcoin and ether, after a fall that its bitcoin book feels."""
    build(BTC=(60_000, 14_000))
    account = open_account(other_trader, 60_000 * WAD)
    open_book(account, "BTC", -3 * WAD, 50_000 * WAD)
    pool = house()
    publish("BTC", 50_500 * WAD, after=30)
    publish("ETH", 3_000 * WAD)
    return pool


def test_rebalance__pool_short_in_one_book__filled_without_reward(protocol, rebalancer, vault, burdened, keeper, z):
    """REB-3, POOL-5: from its own cash, and nobody is paid for it."""
    low, cash = z(burdened, "BTC"), vault.treasury(burdened).cash
    assert low < 2
    claimable = vault.claimable(keeper)
    plan = rebalancer.preview(burdened)
    assert (plan.code, plan.triggers, plan.reserve, plan.cuts, plan.requests) == (0, 1, 0, [], [])
    receipt = rebalancer.rebalance(burdened, sender=keeper)
    assert receipt.returned == 0 and vault.claimable(keeper) == claimable
    assert z(burdened, "BTC") > low
    assert cash - vault.treasury(burdened).cash == plan.moved > 0


def test_rebalance__pool_broken_by_any_share_of_risk__no_cut(rebalancer, burdened, house, keeper):
    """REB-3: it fills the cuts of others and cannot be its own counterparty; shares of risk are not for it."""
    house(max_risk_share=1, risk_budget=1, z_delever=10 * WAD, z_delever_target=10 * WAD)
    plan = rebalancer.preview(burdened)
    assert (plan.triggers, plan.requests) == (1, [])
    rebalancer.rebalance(burdened, sender=keeper)
    assert rebalancer.within_risk_share(burdened, 1 << 1)


def test_rebalance__pools_policy_is_off__off(rebalancer, house, keeper):
    with refused("rebalancer: policy is off"):
        rebalancer.rebalance(house(enabled=False), sender=keeper)


def test_rebalance__pool_in_good_health__healthy(rebalancer, house, keeper):
    with refused("rebalancer: healthy"):
        rebalancer.rebalance(house(), sender=keeper)


def test_transfer_margin__stranger_for_the_pool__no_right(rebalancer, burdened, keeper, owner):
    for sender in (keeper, owner):
        with refused("access: no right"):
            rebalancer.transfer_margin(burdened, 0, 1, WAD, sender=sender)
