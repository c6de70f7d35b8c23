"""Executions that are refused lose nothing, and a market that fails keeps to itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Contract, Receipt, Reverted
from ballast.deploy import Protocol
from ballast.params import Params
from tests.support import refused

from .conftest import ANY_PRICE, DELAY, ETH, WAD

UNIT = 10**8  # [raw] one dollar at the feeds' decimals


@pytest.mark.parametrize(
    ("answer", "age", "complete", "reason"),
    [
        (0, None, False, "oracle: empty round"),
        (3_000 * UNIT, None, True, "oracle: incomplete round"),
        (3_000 * UNIT, 0, False, "oracle: incomplete round"),
        (3_000 * UNIT, -600, True, "oracle: round in the future"),
        (0, 0, True, "oracle: zero price"),
        (-1, 0, True, "oracle: negative price"),
        (5 * 10**9 * UNIT, 0, True, "oracle: price too high"),
    ],
)
def test_execute__unusable_round__reverts_and_the_next_good_one_fills(
    protocol: Protocol,
    exchange: Contract,
    commit: Callable[..., int],
    execute: Callable[..., Receipt],
    money: Callable[[], Any],
    owner: str,
    keeper: str,
    answer: int,
    age: int | None,
    complete: bool,
    reason: str,
) -> None:
    """ORC-1, REB-15: an unusable round prices no order; margin, fee and order stay as they were."""
    order = commit(1, 1_000)
    protocol.chain.advance(DELAY)
    aggregator, time = protocol.aggregators[ETH], 0 if age is None else protocol.chain.timestamp - age
    answered_in = aggregator.latestRoundData()[0] + (1 if complete else 0)
    aggregator.publish_round(answer, time, time, answered_in, sender=owner)
    before, terms = money(), exchange.order(order)
    with refused(reason):
        exchange.execute(order, [protocol.latest_round(ETH)], sender=keeper)
    assert (money(), exchange.order(order)) == (before, terms)
    assert execute(order, after=2).named("OrderFilled")


def test_execute__wrong_moment_or_round__loses_nothing(
    protocol: Protocol,
    exchange: Contract,
    commit: Callable[..., int],
    publish: Callable[..., int],
    money: Callable[[], Any],
    price: int,
    keeper: str,
) -> None:
    """Too early, a round before its time, a later one, one that was never published; then the right one, and twice."""
    order = commit(1, 1_000)
    early = publish(ETH, price, DELAY - 1)
    before = money()

    def refuses(round_: int, reason: str) -> None:
        with refused(reason):
            exchange.execute(order, [round_], sender=keeper)
        assert money() == before

    refuses(early, "exchange: too early")
    first, later = publish(ETH, price, 1), publish(ETH, price, 1)
    refuses(early, "oracle: round too early")
    refuses(later, "oracle: not the first round")
    refuses(later + 1, "oracle: unknown round")
    assert exchange.execute(order, [first], sender=keeper).named("OrderFilled")
    before = money()
    refuses(first, "exchange: no such order")


def test_execute__seventeen_rounds_pending__loses_nothing(
    exchange: Contract,
    commit: Callable[..., int],
    publish: Callable[..., int],
    money: Callable[[], Any],
    price: int,
    keeper: str,
) -> None:
    order = commit(1, 1_000)
    first = publish(ETH, price, DELAY)
    for _ in range(16):
        publish(ETH, price, 1)
    before = money()
    with refused("oracle: poke"):
        exchange.execute(order, [first], sender=keeper)
    assert money() == before


def test_execute__price_gone_stale__returns_the_margin(
    protocol: Protocol,
    exchange: Contract,
    account: int,
    commit: Callable[..., int],
    publish: Callable[..., int],
    price: int,
    params: Params,
    keeper: str,
) -> None:
    """ORC-1: its own round was good, but nobody came before it was too old to value a book at."""
    feed = params.markets[ETH].feed
    before = protocol.vault.treasury(account)
    order = commit(1, 1_000)
    round_ = publish(ETH, price, DELAY)
    protocol.chain.advance(feed.heartbeat + feed.grace + 1)
    event = exchange.execute(order, [round_], sender=keeper).event("OrderFailed")
    assert event.reason == "oracle: stale price"
    after, fee = protocol.vault.treasury(account), exchange.execution_fee()
    assert (after.cash, after.escrow) == (before.cash - fee, 0)
    assert protocol.vault.claimable(keeper) == fee
    assert protocol.markets[ETH].book(account).size == 0


def test_commit__refused__leaves_cash_and_books(
    exchange: Contract, account: int, eth: int, money: Callable[[], Any], trader: str, stranger: str
) -> None:
    """AUT-4, AUT-5: nobody orders for another account, at no market and for no account that is not there."""
    good = {"account": account, "market": eth, "size": WAD, "limit": ANY_PRICE, "margin": WAD}
    before = money()
    for changes, sender, reason in (
        ({}, stranger, "access: no right"),
        ({"account": 99}, trader, "vault: unknown account"),
        ({"market": 99}, trader, "exchange: market has no fees"),
        ({"size": 0}, trader, "exchange: zero size"),
        ({"margin": 100_001 * WAD}, trader, "vault: insufficient cash"),
    ):
        of, *leg = (good | changes).values()
        with refused(reason):
            exchange.commit(of, [leg], False, sender=sender)
        assert money() == before


@pytest.fixture
def broken(protocol: Protocol, eth: int, params: Params, owner: str) -> int:
    """A fifth market, set up like ETH and with its feed, that can do nothing but hold margin; its id."""
    market = protocol.chain.deploy("MockBrokenMarket", sender=owner)
    protocol.vault.add_market(market.address, sender=owner)
    id_ = int(protocol.vault.market_count())
    feed = params.markets[ETH].feed
    protocol.oracle.set_feed(id_, feed.struct(protocol.feeds[ETH].address), feed.price, sender=owner)
    protocol.pool.set_quote(id_, protocol.pool.quote_config(eth), sender=owner)
    protocol.exchange.set_fees(id_, protocol.exchange.fee_config(eth), sender=owner)
    return id_


def test_execute__market_fails_without_a_word__returns_the_margin(
    protocol: Protocol,
    exchange: Contract,
    account: int,
    broken: int,
    publish: Callable[..., int],
    price: int,
    trader: str,
    keeper: str,
) -> None:
    """KPR-2, §7.10: a market that cannot trade costs the order, not the margin."""
    before = protocol.vault.treasury(account)
    order = exchange.commit(account, [(broken, WAD, ANY_PRICE, 1_000 * WAD)], False, sender=trader)
    round_ = publish(ETH, price, DELAY)
    event = exchange.execute(order.event("OrderCommitted").order, [round_], sender=keeper).event("OrderFailed")
    assert event.reason == "exchange: fill failed"
    after = protocol.vault.treasury(account)
    assert (after.cash, after.escrow, after.slots) == (before.cash - exchange.execution_fee(), 0, before.slots)
    assert protocol.vault.market(broken)[1] == 0


@pytest.mark.parametrize("fault", ["dead feed", "halted", "reduce-only"])
def test_any__one_market_down__nothing_else_is(
    protocol: Protocol,
    account: int,
    trade: Callable[..., Receipt],
    publish: Callable[..., int],
    price: int,
    owner: str,
    trader: str,
    fault: str,
) -> None:
    """§7.10, ORC-3, LIV-1, GOV-3: other markets trade; cash comes and goes; margin goes into the one that is down."""
    assert trade(account, ETH, WAD, 2_000 * WAD).named("OrderFilled")
    if fault == "dead feed":
        protocol.chain.advance(86_400)
        protocol.oracle.poke(protocol.market_ids[ETH], sender=trader)
        with pytest.raises(Reverted, match="oracle: stale price"):
            protocol.markets[ETH].book_risk(account)
    else:
        protocol.markets[ETH].set_state(2 if fault == "halted" else 1, sender=owner)
    stored = protocol.markets[ETH].book(account)
    publish("BTC", 60_000 * WAD)
    assert trade(account, "BTC", WAD // 10, 2_000 * WAD).named("OrderFilled")
    raw = protocol.mint(trader, 500 * WAD, owner)
    protocol.vault.deposit(account, protocol.token.address, raw, sender=trader)
    assert protocol.markets[ETH].book(account) == stored
    protocol.rebalancer.transfer_margin(account, 0, protocol.market_ids[ETH], 100 * WAD, sender=trader)
    assert protocol.markets[ETH].book(account).base == stored.base + 100 * WAD
    cash = protocol.vault.treasury(account).cash
    protocol.vault.withdraw(account, protocol.token.address, cash // 10**12, trader, sender=trader)
    assert protocol.vault.treasury(account).cash < 10**12


def test_withdraw__last_user_out__gets_everything(
    protocol: Protocol, account: int, fill: Callable[..., Any], trader: str
) -> None:
    """LIV-4: closes, takes the book's margin back and all cash; no book, no escrow and less than a token unit stay."""
    fill(10, 5_000)
    fill(-10, reduce_only=True)
    market, vault, token = protocol.markets[ETH], protocol.vault, protocol.token
    base, cash, held = market.book(account).base, vault.treasury(account).cash, token.balanceOf(trader)
    protocol.rebalancer.transfer_margin(account, protocol.market_ids[ETH], 0, base, sender=trader)
    raw = (cash + base) // vault.SCALE()
    vault.withdraw(account, token.address, raw, trader, sender=trader)
    left = vault.treasury(account)
    assert (left.slots, left.escrow, left.locked) == (0, 0, 0)
    assert 0 <= left.cash < vault.SCALE()
    assert token.balanceOf(trader) == held + raw
