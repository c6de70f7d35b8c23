"""An order that waits for a second leg's round: the trader watches the first leg's price go, and may still back out."""

from __future__ import annotations

import pytest

from ballast.params import WAD

from .conftest import ANY_PRICE

SIZE = 1_000 * WAD
DEVIATION = 50  # [bps] further from the last round, a feed publishes


def order_of_two(protocol, account, trader, side):
    """A large leg in ETH, and a small one in LINK that can be made to wait; its id."""
    limit = ANY_PRICE if side > 0 else 0
    legs = [(protocol.market_ids["ETH"], side * SIZE, limit, 300_000 * WAD)]
    legs += [(protocol.market_ids["LINK"], side * WAD, limit, 100 * WAD)]
    return protocol.exchange.commit(account, legs, False, sender=trader).event("OrderCommitted").order


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("wait", [60, 600, 3_000])
@pytest.mark.parametrize("gap", [10, 30, DEVIATION])
def test_waiting_leg__truth_moved_within_the_deviation__does_not_pay(
    protocol, open_account, trader, publish, worth, keeper, gap, wait, side
) -> None:
    """X-ORC-10: he lets it fill only because he knows the next round of ETH; the pool is paid for that knowledge."""
    account = open_account(trader, 600_000 * WAD)
    order = order_of_two(protocol, account, trader, side)
    rounds = [publish("ETH", 3_000 * WAD, after=30), publish("LINK", 15 * WAD, after=wait)]
    before = worth(account)
    assert len(protocol.exchange.execute(order, rounds, sender=keeper).named("OrderFilled")) == 2
    publish("ETH", 3_000 * WAD * (10_000 + side * gap) // 10_000, after=10)
    assert worth(account) < before


def test_waiting_leg__made_to_fail__costs_the_fee_and_nothing_else(
    protocol, open_account, trader, publish, set_policy, worth, keeper
) -> None:
    """X-ORC-10: backing out is possible, hence the price of waiting. The order cannot be had back."""
    account = open_account(trader, 600_000 * WAD)
    order, before = order_of_two(protocol, account, trader, 1), worth(account)
    rounds = [publish("ETH", 3_000 * WAD, after=30), publish("LINK", 15 * WAD, after=600)]
    set_policy(account, max_risk_share=1)
    failed = protocol.exchange.execute(order, rounds, sender=keeper).event("OrderFailed")
    assert failed.reason == "exchange: above risk share"
    assert before - worth(account) == protocol.exchange.execution_fee()
    assert protocol.markets["ETH"].book(account).size == 0
