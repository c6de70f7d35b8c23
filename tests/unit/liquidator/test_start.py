"""Opening an auction, and ending it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ballast.chain import Contract, Receipt
from ballast.deploy import Protocol
from ballast.params import WAD
from tests.support import deposit_to, refused

from .conftest import BTC_LOW, ETH, LOW


def test_start__below_maintenance__is_for_sale_at_no_discount(
    liquidator: Contract, victim: int, eth: int, publish: Callable[..., int], start: Callable[..., Receipt]
) -> None:
    publish(ETH, LOW, after=60)
    receipt = start(victim)
    event = receipt.event("AuctionStarted")
    assert (receipt.returned, event.account, event.market, event.age) == (True, victim, eth, 0)
    assert 0 < event.equity < event.maintenance
    offer = liquidator.offer(victim, eth)
    assert (offer.on, offer.age, offer.discount, offer.penalty) == (True, 0, 0, 0)


def test_start__healthy_book__is_refused(
    liquidator: Contract, victim: int, bidder: int, eth: int, start: Callable[..., Receipt], keeper: str
) -> None:
    """LIQ-1: and so is no book at all."""
    with refused("liquidator: book is healthy"):
        start(victim)
    with refused("liquidator: book is healthy"):
        start(bidder)
    with refused("vault: unknown market"):
        liquidator.start(victim, 99, [], sender=keeper)


def test_start__at_maintenance_and_one_wei_below__exact(
    protocol: Protocol, victim: int, publish: Callable[..., int], start: Callable[..., Receipt], trader: str, owner: str
) -> None:
    """X-LIQ-01: at maintenance a book is healthy, a wei below it is not."""
    publish(ETH, LOW, after=60)
    market = protocol.markets[ETH]
    risk = market.book_risk(victim)
    short = risk.maintenance - risk.equity
    deposit_to(protocol, victim, trader, short + 10**12, owner)
    snapshot = protocol.chain.snapshot()
    protocol.rebalancer.transfer_margin(victim, 0, protocol.market_ids[ETH], short, sender=trader)
    assert market.book_risk(victim).equity == market.book_risk(victim).maintenance
    with refused("liquidator: book is healthy"):
        start(victim)
    protocol.chain.revert(snapshot)
    protocol.rebalancer.transfer_margin(victim, 0, protocol.market_ids[ETH], short - 1, sender=trader)
    assert start(victim).returned


def test_start__account_can_cure_it__is_rescued_and_not_for_sale(
    protocol: Protocol,
    liquidator: Contract,
    victim: int,
    eth: int,
    publish: Callable[..., int],
    start: Callable[..., Receipt],
    set_policy: Callable[..., None],
    trader: str,
    owner: str,
) -> None:
    """§7.6: rebalance before liquidate, in the same transaction."""
    set_policy(victim)
    deposit_to(protocol, victim, trader, 20_000 * WAD, owner)
    publish(ETH, LOW, after=60)
    receipt = start(victim)
    assert not receipt.returned and not receipt.named("AuctionStarted")
    risk = protocol.markets[ETH].book_risk(victim)
    assert risk.equity >= risk.maintenance
    assert not liquidator.offer(victim, eth).on


def test_start__twice__is_refused(victim: int, publish: Callable[..., int], start: Callable[..., Receipt]) -> None:
    """X-LIQ-08: nobody sets the clock back."""
    publish(ETH, LOW, after=60)
    start(victim)
    with refused("liquidator: auction is on"):
        start(victim)


def test_start__pools_own_book__is_refused(protocol: Protocol, victim: int, start: Callable[..., Receipt]) -> None:
    """The pool's books are its engine's, and `Deficits`' where they fall below zero."""
    with refused("market: the pool's own book"):
        start(protocol.pool_account)


def test_start__hour_after_a_halt__is_refused(
    protocol: Protocol,
    victim: int,
    publish: Callable[..., int],
    start: Callable[..., Receipt],
    owner: str,
) -> None:
    """X-GOV-03: owners act before liquidators do; while it is halted, a valid price is enough."""
    market = protocol.markets[ETH]
    publish(ETH, LOW, after=60)
    market.set_state(2, sender=owner)
    snapshot = protocol.chain.snapshot()
    assert start(victim).returned
    protocol.chain.revert(snapshot)
    market.set_state(0, sender=owner)
    publish(ETH, LOW, after=3_599)
    with refused("liquidator: market just resumed"):
        start(victim)
    publish(ETH, LOW, after=1)
    assert start(victim).returned


def test_start_many__one_short_one_healthy__opens_the_short_one_alone(
    liquidator: Contract,
    victim: int,
    eth: int,
    btc: int,
    open_book: Callable[..., None],
    publish: Callable[..., int],
    trader: str,
    keeper: str,
    protocol: Protocol,
    owner: str,
) -> None:
    """LIQ-1: the second market is looked at after the same rescue; a healthy book is passed over, not refused."""
    deposit_to(protocol, victim, trader, 10_000 * WAD, owner)
    open_book(victim, "BTC", WAD // 10, 5_000 * WAD)
    publish(ETH, LOW, after=60)
    receipt = liquidator.start_many(victim, [eth, btc], [], sender=keeper)
    assert receipt.returned == 1
    assert [event.market for event in receipt.named("AuctionStarted")] == [eth]
    assert [liquidator.offer(victim, market).on for market in (eth, btc)] == [True, False]


def test_start_many__both_short__opens_both_after_one_rescue(
    liquidator: Contract,
    two_books: int,
    eth: int,
    btc: int,
    publish: Callable[..., int],
    keeper: str,
) -> None:
    publish(ETH, LOW, after=60)
    publish("BTC", BTC_LOW)
    receipt = liquidator.start_many(two_books, [eth, btc], [], sender=keeper)
    assert receipt.returned == 2
    assert [(event.account, event.market) for event in receipt.named("AuctionStarted")] == [
        (two_books, eth),
        (two_books, btc),
    ]
    with refused("liquidator: auction is on"):
        liquidator.start(two_books, btc, [], sender=keeper)


def test_stop__at_a_distance_of_one__ends_and_keeps_its_age(
    protocol: Protocol,
    liquidator: Contract,
    on_sale: Callable[..., int],
    eth: int,
    publish: Callable[..., int],
    start: Callable[..., Receipt],
    keeper: str,
) -> None:
    """LIQ-7: what recovers for a moment goes on where it was; below a distance of 1 nothing ends."""
    account = on_sale()
    with refused("liquidator: not safe yet"):
        liquidator.stop(account, eth, sender=keeper)
    publish(ETH, 3_000 * WAD, after=60)
    event = liquidator.stop(account, eth, sender=keeper).event("AuctionEnded")
    assert (event.account, event.market, event.age) == (account, eth, 660)
    with refused("liquidator: no auction"):
        liquidator.stop(account, eth, sender=keeper)
    publish(ETH, LOW, after=1_000)
    assert start(account).event("AuctionStarted").age == 660


def test_stop__owner_closed_the_book__ends(
    protocol: Protocol,
    liquidator: Contract,
    on_sale: Callable[..., int],
    eth: int,
    trade: Callable[..., Any],
    keeper: str,
) -> None:
    """LIQ-7: a book without legs has no distance to be short of; its margin stays where it is."""
    account = on_sale()
    assert trade(account, ETH, -10 * WAD, reduce_only=True).named("OrderFilled")
    risk = protocol.markets[ETH].book_risk(account)
    assert (risk.sigma_loss, risk.maintenance) == (0, 0)
    event = liquidator.stop(account, eth, sender=keeper).event("AuctionEnded")
    assert (event.account, event.market) == (account, eth)
    assert not liquidator.offer(account, eth).on
    assert protocol.markets[ETH].book_risk(account).equity == risk.equity
