"""Committing orders."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ballast.chain import Contract
from ballast.deploy import Protocol
from tests.support import refused

from .conftest import ANY_PRICE, DELAY, WAD


def test_commit__by_owner__escrows_margin_and_fee(
    protocol: Protocol, exchange: Contract, account: int, eth: int, trader: str
) -> None:
    before, fee = protocol.vault.treasury(account), exchange.execution_fee()
    assert fee > 0
    leg = (eth, -3 * WAD, 7 * WAD, 500 * WAD)
    event = exchange.commit(account, [leg], True, sender=trader).event("OrderCommitted")
    assert (event.order, event.account, event.actor) == (1, account, trader)
    order = exchange.order(1)
    assert tuple(order) == (account, fee, protocol.chain.timestamp + DELAY, True, [leg])
    assert tuple(event.args.values())[3:] == tuple(order)[1:]
    after = protocol.vault.treasury(account)
    assert (after.cash, after.escrow) == (before.cash - 500 * WAD - fee, 500 * WAD + fee)
    assert (exchange.order_count(), protocol.vault.open_orders(account)) == (1, 1)
    assert protocol.markets["ETH"].book(account).size == 0


def test_commit__by_operator__needs_the_trade_right(
    protocol: Protocol, exchange: Contract, account: int, eth: int, trader: str, operator: str
) -> None:
    """AUT-2."""
    protocol.vault.set_operator(account, operator, 6, 2**40 - 1, sender=trader)
    with refused("access: no right"):
        exchange.commit(account, [(eth, WAD, 0, 0)], False, sender=operator)
    protocol.vault.set_operator(account, operator, 1, 2**40 - 1, sender=trader)
    assert (
        exchange.commit(account, [(eth, WAD, 0, 0)], False, sender=operator).event("OrderCommitted").actor == operator
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"size": 0}, "exchange: zero size"),
        ({"market": 5}, "exchange: market has no fees"),
        ({"market": 0}, "exchange: market has no fees"),
        ({"account": 99}, "vault: unknown account"),
        ({"account": 1}, "access: no right"),
        ({"margin": 100_000 * WAD}, "vault: insufficient cash"),
        ({"margin": 2**112}, "math: out of range"),
        ({"limit_price": 2**112}, "math: out of range"),
        ({"size": 2**95}, "math: out of range"),
        ({"size": -(2**95)}, "math: out of range"),
    ],
)
def test_commit__bad_input__reverts(
    protocol: Protocol, exchange: Contract, account: int, eth: int, trader: str, changes: dict[str, int], reason: str
) -> None:
    order = {"account": account, "market": eth, "size": WAD, "limit_price": ANY_PRICE, "margin": WAD, **changes}
    of, *leg = order.values()
    with refused(reason):
        exchange.commit(of, [leg], False, sender=trader)
    assert protocol.vault.treasury(account).escrow == 0
    assert exchange.order_count() == 0


def test_commit__extremes__survive_packing(exchange: Contract, account: int, eth: int, trader: str) -> None:
    """RND-6: an order reads back as it was committed, at the edges of its fields."""
    for size, limit in ((2**95 - 1, 2**112 - 1), (1 - 2**95, 0), (1, 1), (-1, 1)):
        leg = (eth, size, limit, 1)
        order = exchange.commit(account, [leg], size > 0, sender=trader).event("OrderCommitted").order
        stored = exchange.order(order)
        assert (stored.legs, stored.reduce_only) == ([leg], size > 0)


def test_commit__a_later_fee__leaves_open_orders_alone(
    exchange: Contract, commit: Callable[..., int], owner: str
) -> None:
    """ACC-4."""
    fee, order = exchange.execution_fee(), commit(1, 500)
    exchange.set_execution_fee(5 * WAD, sender=owner)
    assert exchange.order(order).execution_fee == fee
    assert exchange.order(commit(1, 500)).execution_fee == 5 * WAD
