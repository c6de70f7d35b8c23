"""Somebody who wants to buy, at a discount, a book that its own account could have saved."""

from __future__ import annotations

import pytest

from ballast.chain import Reverted
from ballast.params import WAD
from tests.support import deposit_to

ETH = "ETH"
NO_LIMIT = 2**255 - 1
LOW = 2_830 * WAD  # below maintenance, above zero


@pytest.fixture
def victim(protocol, open_account, open_book, trader) -> int:
    """10 ETH at $3,000 on a margin of $3,000."""
    account = open_account(trader, 3_100 * WAD)
    open_book(account, ETH, 10 * WAD, 3_000 * WAD)
    return account


@pytest.fixture
def bid(protocol, open_account, other_trader):
    """`bid(account, orders=())`: for all of its ETH book, at any price."""
    bidder = open_account(other_trader, 100_000 * WAD)

    def bid_(account: int, orders: tuple[int, ...] = ()):
        eth = protocol.market_ids[ETH]
        digest = protocol.markets[ETH].legs_digest(account)
        terms = account, eth, WAD, bidder, NO_LIMIT, digest, 10_000 * WAD, list(orders)
        return protocol.liquidator.bid(terms, sender=other_trader)

    return bid_


@pytest.mark.parametrize("how", ["jump", "halt"])
def test_bid__while_the_engine_may_not_fill__waits_for_books_that_it_would_save(
    protocol, victim, bid, publish, set_policy, trader, owner, how: str
) -> None:
    """§7.6, X-LIQ-01, X-ECO-02: its account has the money, and only the engine is held back. Who has opted out, or
    fences the book off, or no longer has the money, is saved by nobody later either: nothing keeps bidders off."""
    eth, market = protocol.market_ids[ETH], protocol.markets[ETH]
    deposit_to(protocol, victim, trader, 20_000 * WAD, owner)
    if how == "jump":
        publish(ETH, 3_600 * WAD, after=60)
        publish(ETH, 2_840 * WAD, after=700)  # 21 % at once
    else:
        publish(ETH, LOW, after=60)
        market.set_state(2, sender=owner)
    risk = market.book_risk(victim)
    assert 0 < risk.equity < risk.maintenance
    protocol.liquidator.start(victim, eth, [], sender=trader)
    protocol.chain.advance(30)
    set_policy(victim, max_slippage=0)  # no cut is cheap enough
    with pytest.raises(Reverted, match="liquidator: rescue is suspended"):
        bid(victim)
    snapshot = protocol.chain.snapshot()
    set_policy(victim, no_fund=1 << eth, max_slippage=0)
    assert bid(victim).named("BookSold")
    protocol.chain.revert(snapshot)
    snapshot = protocol.chain.snapshot()
    set_policy(victim, enabled=False)
    assert bid(victim).named("BookSold")
    protocol.chain.revert(snapshot)
    cash = protocol.vault.treasury(victim).cash
    protocol.vault.withdraw(victim, protocol.token.address, cash // 10**12, trader, sender=trader)
    assert bid(victim).named("BookSold")


def test_bid__cash_and_escrow_save_the_book_together__who_hides_the_order_is_refused(
    protocol, victim, bid, publish, set_policy, trader, keeper, owner
) -> None:
    """§7.6, LIQ-11: neither half is enough alone, so the rescue spends none of it; both are the account's."""
    eth, market = protocol.market_ids[ETH], protocol.markets[ETH]
    publish(ETH, LOW, after=60)
    protocol.liquidator.start(victim, eth, [], sender=keeper)
    publish(ETH, LOW, after=600)
    risk, cash = market.book_risk(victim), protocol.vault.treasury(victim).cash
    lacking = risk.maintenance - risk.equity
    deposit_to(protocol, victim, trader, lacking * 3 // 2 - cash, owner)
    set_policy(victim, max_slippage=0, containment=10_000)  # no cut is cheap enough
    leg = eth, WAD, 2**112 - 1, lacking * 3 // 4
    order = protocol.exchange.commit(victim, [leg], False, sender=trader).event("OrderCommitted").order
    with pytest.raises(Reverted, match="liquidator: orders are open"):
        bid(victim)
    assert bid(victim, (order,)).returned.cured
    assert protocol.vault.open_orders(victim) == 0
