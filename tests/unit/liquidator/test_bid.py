"""Buying a book that is for sale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Contract, Receipt
from ballast.deploy import Protocol
from ballast.params import WAD
from tests.support import deposit_to, refused

from .conftest import ETH, LOW, ZERO

Bid = Callable[..., Receipt]


def z_of(risk: Any) -> int:
    return int((risk.equity - risk.maintenance) * WAD // risk.sigma_loss)


@pytest.fixture
def cash(protocol: Protocol) -> Callable[[int], int]:
    return lambda account: int(protocol.vault.treasury(account).cash)


# What is sold, and at which price


def test_bid__half_way_through__buys_what_restores_the_book(
    protocol: Protocol,
    liquidator: Contract,
    market: Contract,
    on_sale: Callable[..., int],
    bidder: int,
    eth: int,
    bid: Bid,
    cash: Callable[[int], int],
    insured: int,
) -> None:
    """LIQ-2, LIQ-9: legs and margin pro rata; the payment is the rest of the book's, the penalty the insurance's."""
    account = on_sale(age=600)
    before, size, paid_from, fund = market.book_risk(account), market.book(account).size, cash(bidder), cash(insured)
    offer = liquidator.offer(account, eth)
    assert offer.discount == 15 * WAD // 100 and 0 < offer.limit < WAD

    sold = bid(account).event("BookSold")
    assert (sold.fraction, sold.payment, sold.penalty) == (offer.limit, offer.payment, offer.penalty)
    assert sold.payment == pytest.approx(before.equity * sold.fraction // WAD * 85 // 100, abs=2)
    assert sold.penalty == pytest.approx(before.equity * sold.fraction // WAD * 3 // 100, abs=2)
    after, bought = market.book_risk(account), market.book_risk(bidder)
    assert market.book(bidder).size == size * sold.fraction // WAD
    assert market.book(bidder).size + market.book(account).size == size
    assert after.equity + bought.equity == pytest.approx(before.equity + sold.payment + 10_000 * WAD, abs=2)
    assert z_of(after) == pytest.approx(2 * WAD, abs=10)
    assert cash(bidder) == paid_from - sold.payment - sold.penalty - 10_000 * WAD
    assert cash(insured) == fund + sold.penalty
    assert not liquidator.offer(account, eth).on


def test_bid__above_the_needed_fraction__gets_no_more_than_that(
    liquidator: Contract, on_sale: Callable[..., int], eth: int, bid: Bid
) -> None:
    """LIQ-9: the limit is what restores the book, whatever is asked for."""
    account = on_sale()
    limit = liquidator.offer(account, eth).limit
    assert bid(account, limit + 1).event("BookSold").fraction == limit < WAD


def test_bid__in_parts__sells_on_where_the_first_left_off(
    liquidator: Contract, market: Contract, on_sale: Callable[..., int], eth: int, bid: Bid
) -> None:
    """RND-3: two parts sell what one would, and the discount goes on growing."""
    account = on_sale()
    first = bid(account, WAD // 10)
    assert first.event("BookSold").fraction == WAD // 10 and not first.named("AuctionEnded")
    offer = liquidator.offer(account, eth)
    assert offer.on and offer.age == 600
    assert bid(account).named("AuctionEnded")
    assert z_of(market.book_risk(account)) == pytest.approx(2 * WAD, abs=100)


def test_bid__small_book__goes_whole(
    protocol: Protocol,
    market: Contract,
    open_account: Callable[..., int],
    open_book: Callable[..., None],
    publish: Callable[..., int],
    start: Callable[..., Receipt],
    bid: Bid,
    cash: Callable[[int], int],
    trader: str,
) -> None:
    """LIQ-5: no crumb is left behind; what a whole book brings is its account's cash, and its slot is free."""
    account = open_account(trader, 50 * WAD)
    open_book(account, ETH, WAD // 10, 30 * WAD)
    publish(ETH, LOW, after=60)
    start(account)
    publish(ETH, LOW, after=60)
    before = cash(account)
    sold = bid(account).event("BookSold")
    assert sold.fraction == WAD
    assert cash(account) == before + sold.payment
    assert protocol.vault.treasury(account).slots == 0
    assert tuple(market.book(account))[:2] == (0, 0)


def test_bid__crumb_of_a_large_book__is_too_small(on_sale: Callable[..., int], bid: Bid) -> None:
    """X-LIQ-04, X-LIQ-05: less than a small lot is sold only where nothing else is left."""
    account = on_sale()
    with refused("liquidator: bid is too small"):
        bid(account, WAD // 100)


def test_bid__below_zero__insurance_pays_deficit_and_bonus(
    protocol: Protocol,
    market: Contract,
    on_sale: Callable[..., int],
    bidder: int,
    bid: Bid,
    insured: int,
    cash: Callable[[int], int],
    keeper: str,
) -> None:
    """BDT-2: first loss is the insurance's; the bidder's bonus grows to a fifth of maintenance, and no further."""
    account = on_sale(ZERO, age=1_500)
    protocol.vault.collect_insurance(sender=keeper)
    risk, fund, before = market.book_risk(account), cash(insured), cash(bidder)
    assert risk.equity < 0
    sold = bid(account, WAD // 2).event("BookSold")
    assert (sold.fraction, sold.payment, sold.penalty) == (WAD, 0, 0), "whole, whatever is asked for"
    assert sold.paid_by_insurance == -risk.equity + risk.maintenance // 5
    assert cash(insured) == fund - sold.paid_by_insurance
    assert cash(bidder) == before - 10_000 * WAD
    assert market.book_risk(bidder).equity == pytest.approx(10_000 * WAD + risk.maintenance // 5, abs=2)
    assert tuple(market.book(account))[:2] == (0, 0)


def test_bid__below_zero_and_insurance_too_poor__is_refused(
    protocol: Protocol, on_sale: Callable[..., int], bid: Bid
) -> None:
    """Nobody buys a deficit unawares: what insurance cannot pay is for `Deficits`."""
    account = on_sale(ZERO)
    with refused("liquidator: insurance is short"):
        bid(account)


# What the bidder guards himself with


def test_bid__price_above_his_limit__is_refused(
    liquidator: Contract, on_sale: Callable[..., int], eth: int, bid: Bid
) -> None:
    """LIQ-8: the worst price he states, to the wei; a price of zero buys nothing."""
    account = on_sale()
    offer = liquidator.offer(account, eth)
    total = offer.payment + offer.penalty
    for limit in (0, total - 1):
        with refused("liquidator: above max payment"):
            bid(account, max_payment=limit)
    assert bid(account, max_payment=total).event("BookSold").payment == offer.payment


def test_bid__insurance_pays_less_than_he_asks__is_refused(
    market: Contract, on_sale: Callable[..., int], bid: Bid, insured: int
) -> None:
    """LIQ-8: of a book below zero he states the least that he gets."""
    account = on_sale(ZERO, age=600)
    risk = market.book_risk(account)
    granted = -risk.equity + risk.maintenance // 10
    with refused("liquidator: above max payment"):
        bid(account, max_payment=-granted - 1)
    assert bid(account, max_payment=-granted).event("BookSold").paid_by_insurance == granted


def test_bid__stale_digest__is_refused(on_sale: Callable[..., int], market: Contract, bid: Bid) -> None:
    """LIQ-8: he bids for the legs that he saw."""
    account = on_sale()
    digest = market.legs_digest(account)
    bid(account, WAD // 10)
    with refused("liquidator: book is not as seen"):
        bid(account, digest=digest)


def test_bid__below_initial_margin__is_refused(
    market: Contract, on_sale: Callable[..., int], bidder: int, bid: Bid
) -> None:
    """HLT-4: who takes a book over has what opening it takes, to the wei."""
    account = on_sale()
    with refused("liquidator: bidder's book short"):
        bid(account, margin=0)
    bid(account, margin=5_000 * WAD)
    assert market.book_risk(bidder).equity >= market.book_risk(bidder).initial


# Who may not bid, and for what


def test_bid__for_nothing_or_for_more_than_all__is_refused(on_sale: Callable[..., int], bid: Bid) -> None:
    """X-LIQ-04."""
    account = on_sale()
    for fraction in (0, WAD + 1):
        with refused("market: bad fraction"):
            bid(account, fraction)


def test_bid__healthy_book__is_refused(on_sale: Callable[..., int], publish: Callable[..., int], bid: Bid) -> None:
    """LIQ-1: an auction that nobody has ended yet sells nothing of a book that has recovered."""
    account = on_sale()
    publish(ETH, 3_000 * WAD, after=60)
    with refused("liquidator: book is healthy"):
        bid(account)


def test_bid__without_an_auction__is_refused(victim: int, publish: Callable[..., int], bid: Bid) -> None:
    publish(ETH, LOW, after=60)
    with refused("liquidator: no auction"):
        bid(victim)


def test_bid__in_the_block_of_the_start__is_refused(on_sale: Callable[..., int], bid: Bid) -> None:
    """LIQ-6: a book that was healthy in this block is not sold in it."""
    account = on_sale(age=0)
    with refused("liquidator: opened in this block"):
        bid(account)


def test_bid__in_the_name_of_another__is_refused(on_sale: Callable[..., int], bid: Bid, stranger: str) -> None:
    """AUT-1: only who may trade for the bidding account."""
    account = on_sale()
    with refused("access: no right"):
        bid(account, sender=stranger)


def test_bid__curable_book__is_rescued_and_nothing_is_sold(
    protocol: Protocol,
    liquidator: Contract,
    market: Contract,
    on_sale: Callable[..., int],
    bidder: int,
    eth: int,
    bid: Bid,
    set_policy: Callable[..., None],
    cash: Callable[[int], int],
    trader: str,
    owner: str,
) -> None:
    """§7.6: its owner brought money and a policy after the start: that is used first, and the auction is over."""
    account = on_sale()
    set_policy(account)
    deposit_to(protocol, account, trader, 20_000 * WAD, owner)
    before = cash(bidder)
    receipt = bid(account)
    assert receipt.returned.cured and not receipt.named("BookSold")
    risk = market.book_risk(account)
    assert risk.equity >= risk.maintenance
    assert (cash(bidder), market.book(bidder).size) == (before, 0)
    assert not liquidator.offer(account, eth).on


def test_bid__margin_waits_in_an_order__saves_the_book_first(
    protocol: Protocol,
    market: Contract,
    on_sale: Callable[..., int],
    eth: int,
    bid: Bid,
    set_policy: Callable[..., None],
    trader: str,
    owner: str,
) -> None:
    """LIQ-11, X-LIQ-11: escrow counts once, for its account; who does not name the order is refused."""
    account = on_sale()
    set_policy(account, max_slippage=0)  # no cut is cheap enough
    deposit_to(protocol, account, trader, 20_000 * WAD, owner)
    free = protocol.vault.treasury(account).cash - 2 * WAD
    leg = eth, WAD, 2**112 - 1, free
    order = protocol.exchange.commit(account, [leg], False, sender=trader).event("OrderCommitted").order
    with refused("liquidator: orders are open"):
        bid(account)
    assert bid(account, orders=[order]).returned.cured
    assert protocol.vault.open_orders(account) == 0
    risk = market.book_risk(account)
    assert risk.equity >= risk.maintenance


def test_bid__order_that_saves_nothing__keeps_nobody_off(
    protocol: Protocol, on_sale: Callable[..., int], eth: int, bid: Bid, trader: str
) -> None:
    """X-LIQ-02: an order committed in the same block is no shield."""
    account = on_sale()
    leg = eth, WAD, 2**112 - 1, WAD
    protocol.exchange.commit(account, [leg], False, sender=trader)
    assert bid(account).named("BookSold")


def test_bid__in_the_name_of_the_house__is_refused(
    protocol: Protocol,
    market: Contract,
    on_sale: Callable[..., int],
    bid: Bid,
    insured: int,
    trader: str,
    stranger: str,
) -> None:
    """AUT-2, X-LIQ-04: nobody spends the pool's or the insurance's cash on a book; the pool has its own turn."""
    account = on_sale(age=1)
    for house in (protocol.pool_account, insured):
        before, book = protocol.vault.treasury(house).cash, tuple(market.book(house))
        assert before > 0
        for sender in (trader, stranger):
            with refused("access: no right"):
                bid(account, bidder=house, margin=0, sender=sender)
        assert protocol.vault.treasury(house).cash == before
        assert tuple(market.book(house)) == book


# The pool


def test_bid_for_pool__before_its_time__is_refused(
    liquidator: Contract, on_sale: Callable[..., int], eth: int, keeper: str
) -> None:
    account = on_sale(age=1_799)
    with refused("liquidator: not the pool's turn"):
        liquidator.bid_for_pool(account, eth, [], sender=keeper)


def test_bid_for_pool__nobody_wanted_it__buys_at_the_floor(
    protocol: Protocol,
    liquidator: Contract,
    market: Contract,
    on_sale: Callable[..., int],
    eth: int,
    keeper: str,
) -> None:
    """X-LIQ-07: no keeper's money is needed to end it; the pool's book keeps its margin."""
    account = on_sale(age=1_800)
    inventory = market.book(protocol.pool_account).size
    sold = liquidator.bid_for_pool(account, eth, [], sender=keeper).event("BookSold")
    assert (sold.bidder, sold.discount) == (protocol.pool_account, 30 * WAD // 100)
    assert market.book(protocol.pool_account).size > inventory
    pool, left = market.book_risk(protocol.pool_account), market.book_risk(account)
    assert pool.equity >= pool.maintenance
    assert z_of(left) == pytest.approx(2 * WAD, abs=10)


def test_offer__at_every_age__is_what_a_bid_pays(
    protocol: Protocol, liquidator: Contract, on_sale: Callable[..., int], eth: int, bid: Bid
) -> None:
    """§7.9: a view equals the change that it previews."""
    account = on_sale(age=1)
    for age in (1, 299, 900, 2_000):
        snapshot = protocol.chain.snapshot()
        protocol.chain.advance(age)
        offer = liquidator.offer(account, eth)
        outcome = bid(account).returned
        expected = (False, offer.limit, offer.payment, offer.penalty, 0)
        assert tuple(outcome) == expected
        protocol.chain.revert(snapshot)


def test_bid__guardian_freezes_in_mid_auction__it_stands_still_and_goes_on_where_it_was(
    protocol: Protocol,
    liquidator: Contract,
    on_sale: Callable[..., int],
    bid: Callable[..., Receipt],
    eth: int,
    market: Contract,
    publish: Callable[..., int],
    owner: str,
    stranger: str,
) -> None:
    """X-GOV-03, X-GOV-04, LIQ-7: halted, bids at a valid price go on, at the discount of that moment; off, nobody bids;
    reopened, owners have an hour before bidders; and none of that time makes the book cheaper."""
    account = on_sale(age=600)
    protocol.vault.set_guardian(stranger, sender=owner)
    market.set_state(2, sender=stranger)
    discount = liquidator.offer(account, eth).discount

    publish(ETH, LOW, after=1_800)
    assert liquidator.offer(account, eth).discount == discount > 0
    snapshot = protocol.chain.snapshot()
    assert bid(account).event("BookSold").discount == discount
    protocol.chain.revert(snapshot)

    protocol.oracle.set_feed_off(eth, True, sender=stranger)
    with refused("oracle: feed is off"):
        bid(account)
    protocol.chain.advance(1_800)
    protocol.oracle.set_feed_off(eth, False, sender=owner)
    market.set_state(0, sender=owner)
    publish(ETH, LOW, after=3_000)
    with refused("liquidator: market just resumed"):
        bid(account)
    publish(ETH, LOW, after=600)
    assert bid(account).event("BookSold").discount == discount
