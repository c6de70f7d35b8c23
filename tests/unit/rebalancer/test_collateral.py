"""Collateral counts in account equity at its haircut; what cannot be priced suspends what is a ratio to it."""

from __future__ import annotations

import pytest

from ballast.params import WAD

UNPRICED = 1 << 8  # bit of `frozen`


@pytest.fixture
def risky(build, guard, drain):
    """Two books and hardly any cash."""
    account = build(BTC=(30_000, 9_000), SOL=(3_000, 3_000))
    guard(account)
    drain(account)
    return account


def fresh(publish, *names, after=30):
    prices = {"BTC": 60_000, "ETH": 3_000, "SOL": 150, "LINK": 15}
    for name in names or prices:
        publish(name, prices[name] * WAD, after=after)
        after = 0


def test_plan__collateral__counts_at_its_haircut(protocol, rebalancer, risky, pledge, publish):
    fresh(publish)
    before = rebalancer.preview(risky).equity
    pledge(risky, "WETH", 10)
    pledge(risky, "WBTC", 1)
    price = int(protocol.oracle.quote(protocol.market_ids["ETH"]).price)
    plan = rebalancer.preview(risky)
    assert plan.frozen == 0
    assert plan.equity == before + (10 * price + 60_000 * WAD) * 8 // 10
    assert protocol.lens.report(risky).equity == plan.equity
    (row,) = protocol.lens.scan(risky, 1)
    assert (row.equity, row.frozen) == (plan.equity, 0)


def test_plan__more_collateral__heals_a_broken_risk_budget(rebalancer, risky, guard, pledge, publish):
    """A ratio to account equity counts what the account has."""
    guard(risky, risk_budget=200)
    fresh(publish)
    assert rebalancer.preview(risky).triggers == 4
    pledge(risky, "WETH", 20)
    assert rebalancer.preview(risky).triggers == 0


def test_plan__collateral_without_a_price__ratios_say_nothing(protocol, rebalancer, risky, guard, pledge, publish):
    """REB-15: as with a frozen book; what is short by itself is helped."""
    guard(risky, risk_budget=1, max_risk_share=1)
    pledge(risky, "WETH", 1)
    for _ in range(4):
        fresh(publish, "BTC", "SOL", after=1_100)
    plan = rebalancer.preview(risky)
    assert (plan.frozen, plan.triggers, plan.code) == (UNPRICED, 0, 8)
    assert rebalancer.within_risk_share(risky, 1 << 1)
    (row,) = protocol.lens.scan(risky, 1)
    assert row.triggered and row.frozen == 0
    publish("BTC", 45_500 * WAD, after=30)
    plan = rebalancer.preview(risky)
    assert (plan.triggers, plan.code) == (1, 0)


def test_scan__cut_that_waits__is_worth_a_look(protocol, rebalancer, build, guard, drain, publish, keeper):
    """Whatever the policy says since."""
    account = build(BTC=(60_000, 14_000))
    guard(account)
    drain(account)
    publish("BTC", 51_000 * WAD, after=30)
    rebalancer.rebalance(account, sender=keeper)
    guard(account, enabled=False)
    (row,) = protocol.lens.scan(account, 1)
    assert row.triggered
