"""An order that nobody executes: its owner must not choose, with later prices in hand, whether it happens."""

from __future__ import annotations

from ballast.params import WAD


def test_late_execution__pair_of_orders_and_the_engine__earns_nothing(
    protocol, open_account, trader, publish, commit, set_policy, leave_by_engine, worth
) -> None:
    """X-ORC-10: buy and sell wait; after a move of 3 % the good one is executed and left by the engine, one block."""
    buyer, seller = (open_account(trader, 600_000 * WAD) for _ in range(2))
    before = worth(buyer, seller)
    orders = [commit(buyer, "ETH", 1_000 * WAD, 500_000 * WAD), commit(seller, "ETH", -1_000 * WAD, 500_000 * WAD)]
    first = publish("ETH", 3_000 * WAD, after=30)
    publish("ETH", 3_090 * WAD, after=3_600)

    assert protocol.exchange.execute(orders[0], [first], sender=trader).named("OrderFilled")
    leave_by_engine(buyer, "ETH")
    set_policy(seller, max_risk_share=1)  # any failure will do
    assert protocol.exchange.execute(orders[1], [first], sender=trader).named("OrderFailed")
    assert worth(buyer, seller) <= before  # at the round's own price it was $71,000 more
