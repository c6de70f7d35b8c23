"""Orders of several legs: each at its own feed's round, all of them or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Contract, Receipt, Reverted
from ballast.deploy import Protocol
from ballast.params import Params
from tests.support import refused

from .conftest import ANY_PRICE, DELAY, WAD

START = {"BTC": 60_000, "ETH": 3_000, "SOL": 150, "LINK": 15}
Leg = tuple[str, int, int]  # market, size [wad units], margin [wad]
PAIR: list[Leg] = [("ETH", 2 * WAD, 1_000 * WAD), ("BTC", -WAD // 10, 1_000 * WAD)]


@pytest.fixture
def commit_legs(protocol: Protocol, exchange: Contract, account: int, trader: str) -> Callable[..., int]:
    """`commit_legs([("ETH", size, margin), …])`: an order at any price; its id."""

    def commit_(legs: list[Leg], reduce_only: bool = False, limits: dict[str, int] | None = None) -> int:
        raw = [
            (protocol.market_ids[name], size, (limits or {}).get(name, ANY_PRICE if size > 0 else 0), margin)
            for name, size, margin in legs
        ]
        return int(exchange.commit(account, raw, reduce_only, sender=trader).event("OrderCommitted").order)

    return commit_


@pytest.fixture
def publish_all(publish: Callable[..., int]) -> Callable[..., list[int]]:
    """`publish_all(["ETH", "BTC"], ETH=3_100)`: rounds in this very block, at the start's prices unless told."""
    return lambda names, **prices: [publish(name, prices.get(name, START[name]) * WAD) for name in names]


@pytest.fixture
def execute_legs(
    protocol: Protocol, exchange: Contract, publish_all: Callable[..., list[int]], keeper: str
) -> Callable[..., Receipt]:
    """`execute_legs(order)`: a round for each leg when it is due, and the keeper's execution at once."""

    def execute_(order: int, **prices: int) -> Receipt:
        names = [protocol.market_names[leg.market] for leg in exchange.order(order).legs]
        protocol.chain.advance(DELAY)
        return exchange.execute(order, publish_all(names, **prices), sender=keeper)

    return execute_


def test_commit__several_legs__one_order_one_escrow(
    protocol: Protocol, exchange: Contract, account: int, commit_legs: Callable[..., int]
) -> None:
    legs = [("ETH", WAD, 100 * WAD), ("BTC", -WAD, 0), ("LINK", 7 * WAD, 30 * WAD), ("SOL", -1, 1)]
    before, fee = protocol.vault.treasury(account), exchange.execution_fee()
    order = exchange.order(commit_legs(legs, limits={"ETH": 5 * WAD, "SOL": 9}))
    ids = protocol.market_ids
    assert order.legs == [
        (ids["ETH"], WAD, 5 * WAD, 100 * WAD),
        (ids["BTC"], -WAD, 0, 0),
        (ids["LINK"], 7 * WAD, ANY_PRICE, 30 * WAD),
        (ids["SOL"], -1, 9, 1),
    ]
    after = protocol.vault.treasury(account)
    assert after.escrow == before.cash - after.cash == 130 * WAD + 1 + fee
    assert (order.execution_fee, protocol.vault.open_orders(account)) == (fee, 1)


@pytest.mark.parametrize(
    ("legs", "reason"),
    [
        ([], "exchange: no legs"),
        ([(2, WAD, 0, 0), (3, WAD, 0, 0), (2, -WAD, 0, 0)], "exchange: market twice"),
        ([(2, WAD, 0, 0), (3, 0, 0, 0)], "exchange: zero size"),
        ([(2, WAD, 0, 0), (5, WAD, 0, 0)], "exchange: market has no fees"),
        ([(2, WAD, 0, 0), (2**255 + 2, WAD, 0, 0)], "exchange: market has no fees"),
        ([(2, WAD, 0, 60_000 * WAD), (3, WAD, 0, 60_000 * WAD)], "vault: insufficient cash"),
        ([(2, WAD, 0, 0), (3, WAD, 0, 2**112)], "math: out of range"),
    ],
)
def test_commit__bad_legs__revert(
    protocol: Protocol, exchange: Contract, account: int, trader: str, legs: list[Any], reason: str
) -> None:
    """AUT-5."""
    with refused(reason):
        exchange.commit(account, legs, False, sender=trader)
    assert (exchange.order_count(), protocol.vault.treasury(account).escrow) == (0, 0)


def test_commit__nine_legs__revert(exchange: Contract, account: int, trader: str) -> None:
    with pytest.raises(Reverted):  # by the ABI decoder, without a word
        exchange.commit(account, [(market, WAD, 0, 0) for market in range(1, 10)], False, sender=trader)


def test_execute__several_legs__all_fill(
    protocol: Protocol,
    exchange: Contract,
    account: int,
    keeper: str,
    commit_legs: Callable[..., int],
    execute_legs: Callable[..., Receipt],
) -> None:
    """SOL-9: one event a leg, one execution fee, one order less; nothing stays in escrow."""
    vault, fee = protocol.vault, exchange.execution_fee()
    before = vault.treasury(account)
    legs = [*PAIR, ("LINK", 50 * WAD, 300 * WAD)]
    order = commit_legs(legs)
    events = execute_legs(order).named("OrderFilled")
    assert [(protocol.market_names[event.market], event.size) for event in events] == [leg[:2] for leg in legs]
    assert {event.order for event in events} == {order}
    for event, (name, size, margin) in zip(events, legs, strict=True):
        book = protocol.markets[name].book(account)
        cost = -(-size * event.price // WAD)
        assert (book.size, book.base, event.round) == (size, margin - event.fee - cost, protocol.latest_round(name))
        assert protocol.markets[name].book(protocol.pool_account).size == -size
    after = vault.treasury(account)
    assert (after.cash, after.escrow) == (before.cash - 2_300 * WAD - fee, 0)
    assert (vault.claimable(keeper), vault.open_orders(account)) == (fee, 0)
    assert tuple(exchange.order(order)) == (0, 0, 0, False, [])
    with refused("exchange: no such order"):
        exchange.execute(order, [protocol.latest_round(leg[0]) for leg in legs], sender=keeper)


@pytest.mark.parametrize("bad", [0, 1])
@pytest.mark.parametrize(
    "reason",
    [
        "exchange: beyond limit price",
        "exchange: below initial margin",
        "market: open interest cap",
        "market: opening is closed",
        "pool: inventory limit",
        "exchange: nothing to reduce",
        "oracle: stale price",
    ],
)
def test_execute__one_leg_fails__none_fills(
    protocol: Protocol,
    exchange: Contract,
    account: int,
    keeper: str,
    owner: str,
    commit_legs: Callable[..., int],
    execute_legs: Callable[..., Receipt],
    publish_all: Callable[..., list[int]],
    money: Callable[[], Any],
    bad: int,
    reason: str,
) -> None:
    """HLT-4, ORC-9: whichever leg it is, the order is consumed whole, every margin returns and the executor is paid."""
    name, market = PAIR[bad][0], protocol.markets[PAIR[bad][0]]
    legs, limits, reduce_only = list(PAIR), {}, False
    if reason == "exchange: beyond limit price":
        limits = {name: START[name] * WAD}
    elif reason == "exchange: below initial margin":
        legs[bad] = (name, legs[bad][1], 50 * WAD)
    elif reason == "market: open interest cap":
        market.set_config(market.config()._replace(open_interest_cap=WAD // 100), sender=owner)
    elif reason == "market: opening is closed":
        market.set_state(1, sender=owner)
    elif reason == "pool: inventory limit":
        id_ = protocol.market_ids[name]
        protocol.pool.set_quote(id_, protocol.pool.quote_config(id_)._replace(max_inventory=0), sender=owner)
    elif reason == "exchange: nothing to reduce":
        other = PAIR[1 - bad]
        assert execute_legs(commit_legs([other])).named("OrderFilled")
        legs = [(each, -size if each == other[0] else size, 0) for each, size, _ in PAIR]
        reduce_only = True
    before, fee = money(), exchange.execution_fee()
    order = commit_legs(legs, reduce_only, limits)
    if reason == "oracle: stale price":
        protocol.chain.advance(DELAY)
        rounds = {name: publish_all([name])[0]}
        protocol.chain.advance(6_000)
        rounds |= {PAIR[1 - bad][0]: publish_all([PAIR[1 - bad][0]])[0]}
        receipt = exchange.execute(order, [rounds[each] for each, _, _ in PAIR], sender=keeper)
    else:
        receipt = execute_legs(order)
    event = receipt.event("OrderFailed")
    assert (event.order, event.account, event.executor, event.reason) == (order, account, keeper, reason)
    assert not receipt.named("OrderFilled")
    treasuries, books, earned, revenue, orders = before
    treasuries[0] = treasuries[0]._replace(cash=treasuries[0].cash - fee)
    assert money() == (treasuries, books, earned + fee, revenue, orders)
    assert exchange.order(order).account == 0


def test_execute__legs_at_different_times__each_at_its_own_round(
    protocol: Protocol,
    exchange: Contract,
    commit_legs: Callable[..., int],
    publish: Callable[..., int],
    keeper: str,
) -> None:
    """Neither too early nor too late a round for any leg; the one that is missing holds up the other."""
    order = commit_legs(PAIR)
    early = publish("BTC", 60_000 * WAD, DELAY - 1)
    first = publish("ETH", 3_000 * WAD, 1)
    with refused("oracle: round too early"):
        exchange.execute(order, [first, early], sender=keeper)
    own = publish("BTC", 60_100 * WAD, 60)
    later = publish("ETH", 3_001 * WAD, 5)
    with refused("oracle: not the first round"):
        exchange.execute(order, [later, own], sender=keeper)
    with refused("oracle: unknown round"):
        exchange.execute(order, [first, own + 1], sender=keeper)
    for rounds in ([first], [], [first, own, own]):
        with refused("exchange: rounds and legs differ"):
            exchange.execute(order, rounds, sender=keeper)
    eth, btc = exchange.execute(order, [first, own], sender=keeper).named("OrderFilled")
    assert (eth.round, btc.round) == (first, own)


def test_execute__waits_for_another_leg__pays_for_the_age_of_the_price(
    protocol: Protocol,
    exchange: Contract,
    commit_legs: Callable[..., int],
    publish: Callable[..., int],
    keeper: str,
) -> None:
    """X-ORC-10: the leg whose price is older than the last round pays what an engine's fill at that age would."""
    for sign in (1, -1):
        order = commit_legs([("ETH", sign * WAD, 2_000 * WAD), ("LINK", sign * WAD, 10 * WAD)], reduce_only=sign < 0)
        rounds = [publish("ETH", 3_000 * WAD, DELAY), publish("LINK", 15 * WAD, 600)]
        eth, link = exchange.execute(order, rounds, sender=keeper).named("OrderFilled")
        volatility = protocol.oracle.quote(eth.market).fast_volatility
        rate = protocol.pool.engine_rate(eth.market, volatility, 600)
        assert rate > 40 * WAD // 10_000
        assert abs(eth.price - (3_000 * (WAD + sign * rate))) <= 1
        assert abs(link.price - 15 * WAD) < 15 * rate // 2, "the last round's leg pays the spread alone"


def test_execute__one_round_two_heartbeats_late__voids_all(
    protocol: Protocol,
    exchange: Contract,
    account: int,
    commit_legs: Callable[..., int],
    publish: Callable[..., int],
    money: Callable[[], Any],
    keeper: str,
) -> None:
    before = money()
    for legs in (PAIR, PAIR[::-1]):
        order = commit_legs(legs)
        rounds = {"ETH": publish("ETH", 3_000 * WAD, DELAY)}
        late = 2 * int(protocol.oracle.heartbeat(protocol.market_ids["BTC"])) + 1
        rounds["BTC"] = publish("BTC", 60_000 * WAD, late)
        event = exchange.execute(order, [rounds[leg[0]] for leg in legs], sender=keeper).event("OrderVoided")
        assert (event.order, event.account) == (order, account)
        assert money() == before


def test_void__one_leg_waits_in_vain__returns_everything(
    protocol: Protocol,
    exchange: Contract,
    commit_legs: Callable[..., int],
    publish: Callable[..., int],
    money: Callable[[], Any],
    stranger: str,
) -> None:
    """LIV-1: a feed that is dead for one leg keeps nobody's escrow."""
    before = money()
    order = commit_legs(PAIR)
    publish("ETH", 3_000 * WAD, DELAY)
    protocol.chain.advance(2 * int(protocol.oracle.heartbeat(protocol.market_ids["BTC"])))
    with refused("exchange: order is not void"):
        exchange.void(order, sender=stranger)
    protocol.chain.advance(1)
    assert exchange.void(order, sender=stranger).event("OrderVoided").order == order
    assert money() == before
    assert exchange.order(order).legs == []


def test_execute__one_feed_too_far_behind__loses_nothing(
    protocol: Protocol,
    exchange: Contract,
    commit_legs: Callable[..., int],
    publish: Callable[..., int],
    money: Callable[[], Any],
    keeper: str,
) -> None:
    """X-KPR-04."""
    order = commit_legs(PAIR)
    rounds = [publish("ETH", 3_000 * WAD, DELAY), publish("BTC", 60_000 * WAD)]
    for _ in range(17):
        publish("BTC", 60_000 * WAD, 1)
    before = money()
    with refused("oracle: poke"):
        exchange.execute(order, rounds, sender=keeper)
    assert (money(), len(exchange.order(order).legs)) == (before, 2)
    protocol.oracle.poke(protocol.market_ids["BTC"], sender=keeper)
    assert len(exchange.execute(order, rounds, sender=keeper).named("OrderFilled")) == 2


def test_execute__closing_several_books__each_is_clamped(
    protocol: Protocol, account: int, commit_legs: Callable[..., int], execute_legs: Callable[..., Receipt]
) -> None:
    assert len(execute_legs(commit_legs(PAIR)).named("OrderFilled")) == 2
    closing = [(name, -5 * size, 0) for name, size, _ in PAIR]
    events = execute_legs(commit_legs(closing, reduce_only=True)).named("OrderFilled")
    assert [event.size for event in events] == [-size for _, size, _ in PAIR]
    assert [protocol.markets[name].book(account).size for name, _, _ in PAIR] == [0, 0]


def test_execute__risk_share__is_tested_over_all_legs(
    protocol: Protocol,
    account: int,
    trader: str,
    params: Params,
    commit_legs: Callable[..., int],
    execute_legs: Callable[..., Receipt],
) -> None:
    """The first leg alone would do; it is the second that is too large."""
    protocol.rebalancer.set_policy(account, params.policy.model_dump() | {"max_risk_share": 100}, sender=trader)
    large = [PAIR[0], ("SOL", 2_000 * WAD, 40_000 * WAD)]
    assert execute_legs(commit_legs(large)).event("OrderFailed").reason == "exchange: above risk share"
    assert protocol.markets["ETH"].book(account).size == 0
    assert len(execute_legs(commit_legs(PAIR)).named("OrderFilled")) == 2
