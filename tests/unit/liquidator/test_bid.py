"""Buying a book that is for sale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Contract, Receipt
from ballast.deploy import Protocol
from ballast.params import WAD
from tests.support import deposit_to, refused

from .conftest import BTC_LOW, ETH, LOW, NO_LIMIT, ZERO

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


def test_bid__part_that_makes_the_rest_safe__ends_the_auction(
    liquidator: Contract, market: Contract, on_sale: Callable[..., int], eth: int, bid: Bid
) -> None:
    """LIQ-7: less than the limit was sold, and still nothing more is: what is left stands beyond a distance of 1."""
    account = on_sale()
    part = liquidator.offer(account, eth).limit * 95 // 100
    receipt = bid(account, part)
    assert receipt.event("BookSold").fraction == part and receipt.named("AuctionEnded")
    assert WAD <= z_of(market.book_risk(account)) < 2 * WAD
    assert not liquidator.offer(account, eth).on


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


# Several at once


@pytest.fixture
def two_on_sale(
    two_books: int,
    liquidator: Contract,
    eth: int,
    btc: int,
    publish: Callable[..., int],
    keeper: str,
) -> int:
    """The victim, both of whose books were put up for sale ten minutes ago."""
    for after in (60, 600):
        publish(ETH, LOW, after=after)
        publish("BTC", BTC_LOW)
        if after == 60:
            assert liquidator.start_many(two_books, [eth, btc], [], sender=keeper).returned == 2
    return two_books


@pytest.fixture
def terms(
    protocol: Protocol, two_on_sale: int, bidder: int, market: Contract, eth: int, btc: int
) -> list[dict[str, Any]]:
    """A bid for each of the two, at any price."""
    digests = {eth: market.legs_digest(two_on_sale), btc: protocol.markets["BTC"].legs_digest(two_on_sale)}
    common = {"account": two_on_sale, "fraction": WAD, "bidder": bidder, "max_payment": NO_LIMIT, "orders": []}
    return [{**common, "market": each, "digest": digest, "margin": 10_000 * WAD} for each, digest in digests.items()]


def test_bid_many__two_books__sells_what_two_bids_would(
    protocol: Protocol, liquidator: Contract, terms: list[dict[str, Any]], other_trader: str
) -> None:
    """LIQ-2: each as `bid`, one after the other."""
    snapshot = protocol.chain.snapshot()
    one_by_one = [tuple(liquidator.bid(bid, sender=other_trader).returned) for bid in terms]
    protocol.chain.revert(snapshot)
    receipt = liquidator.bid_many(terms, sender=other_trader)
    assert [tuple(outcome) for outcome in receipt.returned] == one_by_one
    assert [event.market for event in receipt.named("BookSold")] == [bid["market"] for bid in terms]
    assert all(fraction > 0 and not cured for cured, fraction, *_ in one_by_one)


def test_bid_many__first_bids_rescue_cures_both__second_sells_nothing(
    protocol: Protocol,
    liquidator: Contract,
    two_on_sale: int,
    terms: list[dict[str, Any]],
    bidder: int,
    set_policy: Callable[..., None],
    cash: Callable[[int], int],
    trader: str,
    other_trader: str,
    owner: str,
) -> None:
    """§7.6: a book that an earlier bid's rescue has saved stops nobody's other bids; alone it would be refused."""
    set_policy(two_on_sale)
    deposit_to(protocol, two_on_sale, trader, 20_000 * WAD, owner)
    before = cash(bidder)
    receipt = liquidator.bid_many(terms, sender=other_trader)
    assert [tuple(outcome) for outcome in receipt.returned] == [(True, 0, 0, 0, 0)] * 2
    assert not receipt.named("BookSold") and cash(bidder) == before
    with refused("liquidator: book is healthy"):
        liquidator.bid(terms[1], sender=other_trader)


def test_bid_many__one_is_refused__none_is_made(
    protocol: Protocol,
    liquidator: Contract,
    market: Contract,
    two_on_sale: int,
    terms: list[dict[str, Any]],
    bidder: int,
    other_trader: str,
) -> None:
    legs = market.legs_digest(two_on_sale)
    with refused("liquidator: above max payment"):
        liquidator.bid_many([terms[0], {**terms[1], "max_payment": 0}], sender=other_trader)
    assert market.legs_digest(two_on_sale) == legs and market.book(bidder).size == 0


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


def test_bid_for_pool__curable_book__is_rescued_and_not_bought(
    protocol: Protocol,
    liquidator: Contract,
    market: Contract,
    on_sale: Callable[..., int],
    eth: int,
    set_policy: Callable[..., None],
    cash: Callable[[int], int],
    trader: str,
    owner: str,
    keeper: str,
) -> None:
    """§7.6: the pool's turn comes after the account's own means, too."""
    account = on_sale(age=1_800)
    set_policy(account)
    deposit_to(protocol, account, trader, 20_000 * WAD, owner)
    pool = protocol.pool_account
    before = cash(pool), tuple(market.book(pool))
    receipt = liquidator.bid_for_pool(account, eth, [], sender=keeper)
    assert receipt.returned.cured and receipt.named("AuctionEnded") and not receipt.named("BookSold")
    assert (cash(pool), tuple(market.book(pool))) == before
    risk = market.book_risk(account)
    assert risk.equity >= risk.maintenance


@pytest.fixture
def pool_is_long(protocol: Protocol, open_account: Callable[..., int], open_book: Callable[..., None]) -> None:
    """Somebody is short 60 ETH, so what the pool buys of a long book adds to its own."""
    seller = open_account(protocol.chain.accounts[6], 200_000 * WAD)
    open_book(seller, ETH, -60 * WAD, 100_000 * WAD)


def test_bid_for_pool__its_book_falls_short__cash_lifts_it_to_initial_or_at_least_to_maintenance(
    protocol: Protocol,
    liquidator: Contract,
    market: Contract,
    pool_is_long: None,
    on_sale: Callable[..., int],
    cash: Callable[[int], int],
    eth: int,
    btc: int,
    owner: str,
    keeper: str,
) -> None:
    """HLT-1: it pays what it has; with a wei too little for maintenance margin it buys nothing."""
    account, pool = on_sale(age=1_800), protocol.pool_account
    protocol.vault.set_engine(owner, 7, sender=owner)
    rich, snapshot = cash(pool), protocol.chain.snapshot()
    sold = liquidator.bid_for_pool(account, eth, [], sender=keeper).event("BookSold")
    topped_up = rich - cash(pool) - sold.payment - sold.penalty
    risk = market.book_risk(pool)
    assert topped_up > 0 and risk.equity == risk.initial
    least = sold.payment + sold.penalty + topped_up - (risk.initial - risk.maintenance)
    protocol.chain.revert(snapshot)

    protocol.vault.top_up_pool(btc, rich - least, sender=owner)
    snapshot = protocol.chain.snapshot()
    liquidator.bid_for_pool(account, eth, [], sender=keeper)
    risk = market.book_risk(pool)
    assert (cash(pool), risk.equity) == (0, risk.maintenance)
    protocol.chain.revert(snapshot)

    protocol.vault.top_up_pool(btc, 1, sender=owner)
    books = [tuple(market.book(each)) for each in (pool, account)]
    with refused("pool: below margin"):
        liquidator.bid_for_pool(account, eth, [], sender=keeper)
    assert cash(pool) == least - 1 and [tuple(market.book(each)) for each in (pool, account)] == books


def test_offer__below_zero__is_the_bonus_and_no_price(
    liquidator: Contract, market: Contract, on_sale: Callable[..., int], eth: int, bid: Bid, insured: int
) -> None:
    """§7.9, LIQ-2: nothing is paid for it, all of it goes, and the bonus is what a bid then gets beyond the deficit."""
    account = on_sale(ZERO, age=600)
    risk, offer = market.book_risk(account), liquidator.offer(account, eth)
    assert risk.equity < 0 and offer.on
    assert (offer.limit, offer.payment, offer.penalty, offer.bonus) == (WAD, 0, 0, risk.maintenance // 10)
    assert bid(account).returned.paid_by_insurance == -risk.equity + offer.bonus


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
