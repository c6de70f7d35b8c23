from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Reverted
from ballast.deploy import Protocol
from ballast.params import Params
from tests.unit.pool.shares import WAD, Shareholders


@pytest.fixture
def rich_book(
    protocol: Protocol, holders: Shareholders, short_pool: None, account: int, trade: Callable[..., Any]
) -> int:
    """The pool's book of ETH holds the margin of a position three quarters of which are closed; what it could give."""
    trade(account, "ETH", -75 * WAD, reduce_only=True)
    risk = protocol.markets["ETH"].book_risk(holders.account)
    return int(risk.equity - max(risk.initial, risk.maintenance))


def test_draw__surplus__becomes_the_pools_cash(
    protocol: Protocol, holders: Shareholders, rich_book: int, stranger: str
) -> None:
    """REB-16: all of it, but not down to where the next move would send it back."""
    market = protocol.market_ids["ETH"]
    cash, net = holders.cash(holders.account), protocol.pool.net_assets()
    risk = protocol.markets["ETH"].book_risk(holders.account)
    z_target = protocol.rebalancer.policy(holders.account).z_target
    target = risk.maintenance - -z_target * risk.sigma_loss // WAD
    amount = min(risk.equity - max(risk.initial, target), risk.withdrawable)
    receipt = protocol.pool.draw(market, sender=stranger)
    assert receipt.event("Drawn").args == {"market": market, "amount": amount}
    assert holders.cash(holders.account) == cash + amount
    after = protocol.pool.net_assets()
    assert (after.present, after.lowest, after.highest) == (net.present, net.lowest, net.highest)


def test_draw__target_above_initial_margin__stops_at_the_target(
    protocol: Protocol, holders: Shareholders, rich_book: int, params: Params, owner: str, stranger: str
) -> None:
    """REB-16: not down to initial margin, from where the next move would send it back."""
    risk = protocol.markets["ETH"].book_risk(holders.account)
    z_target = ((risk.equity + risk.initial) // 2 - risk.maintenance) * 100 // risk.sigma_loss * WAD // 100
    protocol.pool.set_policy({**params.policy.model_dump(), "z_target": z_target}, sender=owner)
    target = risk.maintenance - -z_target * risk.sigma_loss // WAD
    assert risk.initial < target < risk.equity
    protocol.pool.draw(protocol.market_ids["ETH"], sender=stranger)
    assert protocol.markets["ETH"].book_risk(holders.account).equity == target


def test_draw__nothing_above_the_target__reverts(
    protocol: Protocol, holders: Shareholders, rich_book: int, stranger: str
) -> None:
    market = protocol.market_ids["ETH"]
    protocol.pool.draw(market, sender=stranger)
    with pytest.raises(Reverted) as refusal:
        protocol.pool.draw(market, sender=stranger)
    assert refusal.value.reason == "pool: nothing to spare"


def test_draw__unknown_market__reverts(protocol: Protocol, stranger: str) -> None:
    with pytest.raises(Reverted, match="unknown market"):
        protocol.pool.draw(100, sender=stranger)


def test_draw__no_rebalancer_named__reverts(protocol: Protocol, owner: str, params: Params) -> None:
    pool = protocol.chain.deploy("LiquidityPool", protocol.vault, protocol.token, protocol.oracle, sender=owner)
    for call, arguments in ((pool.draw, (1,)), (pool.set_policy, (params.policy.model_dump(),))):
        with pytest.raises(Reverted) as refusal:
            call(*arguments, sender=owner)
        assert refusal.value.reason == "pool: no rebalancer"


def test_set_rebalancer__engine__once(protocol: Protocol, owner: str, stranger: str) -> None:
    pool = protocol.chain.deploy("LiquidityPool", protocol.vault, protocol.token, protocol.oracle, sender=owner)
    for wrong in (stranger, protocol.exchange.address):
        with pytest.raises(Reverted) as refusal:
            pool.set_rebalancer(wrong, sender=owner)
        assert refusal.value.reason == "pool: no rebalancer"
    receipt = pool.set_rebalancer(protocol.rebalancer.address, sender=owner)
    assert receipt.event("RebalancerSet").rebalancer == pool.rebalancer() == protocol.rebalancer.address
    with pytest.raises(Reverted) as refusal:
        pool.set_rebalancer(protocol.rebalancer.address, sender=owner)
    assert refusal.value.reason == "pool: rebalancer is set"


def test_set_policy__by_the_owner__is_the_pools(protocol: Protocol, owner: str, params: Params) -> None:
    policy = {**params.policy.model_dump(), "z_target": 12 * WAD}
    protocol.pool.set_policy(policy, sender=owner)
    assert protocol.rebalancer.policy(protocol.pool_account).z_target == 12 * WAD


def test_set_max_assets__by_the_owner__is_read_back(protocol: Protocol, owner: str) -> None:
    receipt = protocol.pool.set_max_assets(7 * WAD, sender=owner)
    assert receipt.event("MaxAssetsSet").max_assets == protocol.pool.max_assets() == 7 * WAD


@pytest.mark.parametrize("function", ["set_max_assets", "set_rebalancer", "set_policy"])
def test_owner_functions__by_a_stranger__revert(
    protocol: Protocol, params: Params, stranger: str, function: str
) -> None:
    argument: Any = {"set_rebalancer": stranger, "set_policy": params.policy.model_dump()}.get(function, 1)
    with pytest.raises(Reverted, match="ownable: caller is not the owner"):
        getattr(protocol.pool, function)(argument, sender=stranger)
