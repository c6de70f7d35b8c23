"""A cut that nobody fills: its owner waits for a round that suits him, an hour and many rounds later."""

from __future__ import annotations

from ballast.params import WAD


def test_late_cut__hundred_rounds_later__is_filled_at_the_worse_of_its_first_round_and_the_present(
    protocol, open_account, open_book, trader, publish, set_policy, leave_by_engine
) -> None:
    """X-ORC-10: were the first round forgotten after some others, waiting would pay."""
    account, market = open_account(trader, 30_000 * WAD), protocol.markets["ETH"]
    open_book(account, "ETH", 20 * WAD, 20_000 * WAD)
    leave_by_engine(account, "ETH")
    share = protocol.rebalancer.cut_requests(account)[0].fraction
    publish("ETH", 3_000 * WAD, after=30)
    for step in range(1, 101):
        publish("ETH", (3_000 + 3 * step) * WAD, after=30)
        protocol.oracle.poke(protocol.market_ids["ETH"], sender=trader)

    due = market.preview_reduce(account, share, 3_000 * WAD).cost
    (cut,) = protocol.rebalancer.preview_own(account).cuts
    assert cut.cost == due > market.preview_reduce(account, share, 0).cost
    receipt = protocol.rebalancer.rebalance_own(account, sender=trader)
    assert receipt.event("BookCut").cost == due


def test_late_cut__closing_order_fills_first__nothing_is_left_to_cut(
    protocol, open_account, open_book, trade, trader, publish, leave_by_engine
) -> None:
    """REB-3: a request of a book without legs is spent by whoever calls, at no cost."""
    account = open_account(trader, 30_000 * WAD)
    open_book(account, "ETH", 20 * WAD, 20_000 * WAD)
    leave_by_engine(account, "ETH")
    trade(account, "ETH", -20 * WAD, reduce_only=True)
    equity = protocol.markets["ETH"].book_risk(account).equity
    protocol.rebalancer.rebalance(account, sender=trader)
    assert protocol.rebalancer.cut_requests(account) == []
    assert protocol.markets["ETH"].book(account).size == 0
    assert protocol.markets["ETH"].book_risk(account).equity == equity
