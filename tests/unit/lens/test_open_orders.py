"""Lens.open_orders: the orders that wait, and which of them a round decides."""

from __future__ import annotations

import pytest

from ballast.params import WAD


@pytest.fixture
def order(protocol, account, trader):
    leg = protocol.market_ids["ETH"], WAD, 4_000 * WAD, 1_000 * WAD
    receipt = protocol.exchange.commit(account, [leg], False, sender=trader)
    return receipt.event("OrderCommitted").order


def test_open_orders__committed__waits_unripe(protocol, order, account):
    [item] = protocol.lens.open_orders(1, 256)

    assert item.id == order
    assert item.order == protocol.exchange.order(order)
    assert item.order.account == account
    assert item.last_rounds[0].id == protocol.latest_round("ETH")
    assert not item.ripe


def test_open_orders__round_before_due__stays_unripe(protocol, order, publish):
    publish("ETH", 3_000 * WAD, after=29)

    assert not protocol.lens.open_orders(1, 256)[0].ripe


def test_open_orders__round_at_due__is_ripe(protocol, order, publish):
    round_ = publish("ETH", 3_000 * WAD, after=30)

    [item] = protocol.lens.open_orders(1, 256)
    assert item.ripe
    assert item.last_rounds == [(round_, item.order.due)]


def test_open_orders__several_legs__ripe_when_each_has_its_round(protocol, account, trader, publish):
    legs = [(protocol.market_ids[name], WAD, 10**30, 100 * WAD) for name in ("ETH", "LINK")]
    protocol.exchange.commit(account, legs, False, sender=trader)
    early = protocol.latest_round("LINK")
    first = publish("ETH", 3_000 * WAD, after=30)

    [item] = protocol.lens.open_orders(1, 256)
    assert [leg.market for leg in item.order.legs] == [leg[0] for leg in legs]
    assert [last.id for last in item.last_rounds] == [first, early]
    assert not item.ripe

    publish("LINK", 15 * WAD, after=60)
    assert protocol.lens.open_orders(1, 256)[0].ripe


def test_open_orders__feed_that_does_not_answer__unripe_without_a_round(
    protocol, account, trader, publish, order, owner
):
    """EXT-3: the other orders, and the other legs, are told as ever."""
    legs = [(protocol.market_ids[name], WAD, 10**30, 100 * WAD) for name in ("ETH", "LINK")]
    protocol.exchange.commit(account, legs, False, sender=trader)
    publish("LINK", 15 * WAD, after=30)
    protocol.feeds["ETH"].set_aggregator(trader, sender=owner)  # no contract

    one, two = protocol.lens.open_orders(1, 256)
    assert (one.id, one.ripe, one.last_rounds) == (order, False, [(0, 0)])
    assert not two.ripe
    assert two.last_rounds == [(0, 0), (protocol.latest_round("LINK"), two.order.due)]


def test_open_orders__executed__is_gone(protocol, order, publish, keeper):
    protocol.exchange.execute(order, [publish("ETH", 3_000 * WAD, after=30)], sender=keeper)

    assert protocol.lens.open_orders(1, 256) == []


@pytest.mark.parametrize(("start", "count"), [(2, 256), (1, 0)])
def test_open_orders__outside_the_page__is_left_out(protocol, order, start, count):
    assert protocol.lens.open_orders(start, count) == []
