"""Voiding orders that no round can fill."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ballast.chain import Contract, Reverted
from ballast.deploy import Protocol
from tests.support import refused

from .conftest import DELAY, ETH

DAY = 86_400


@pytest.fixture
def patience(protocol: Protocol, eth: int) -> int:
    """From commit to the last moment at which a round may come [s]."""
    return DELAY + 2 * int(protocol.oracle.heartbeat(eth))


def test_void__no_round_in_time__returns_everything(
    protocol: Protocol,
    exchange: Contract,
    account: int,
    eth: int,
    commit: Callable[..., int],
    patience: int,
    stranger: str,
) -> None:
    """LIV-1: a dead feed keeps nobody's escrow."""
    before = protocol.vault.treasury(account)
    order = commit(1, 1_000)
    protocol.chain.advance(patience)
    with refused("exchange: order is not void"):
        exchange.void(order, sender=stranger)
    protocol.chain.advance(1)
    event = exchange.void(order, sender=stranger).event("OrderVoided")
    assert (event.order, event.account) == (order, account)
    after = protocol.vault.treasury(account)
    assert (after.cash, after.escrow, protocol.vault.open_orders(account)) == (before.cash, 0, 0)
    with refused("exchange: no such order"):
        exchange.void(order, sender=stranger)


def test_void__a_round_came__is_refused(
    protocol: Protocol,
    exchange: Contract,
    commit: Callable[..., int],
    publish: Callable[..., int],
    price: int,
    patience: int,
    trader: str,
) -> None:
    """No free option: an order that can be executed is not taken back."""
    order = commit(1, 1_000)
    publish(ETH, price, DELAY)
    protocol.chain.advance(patience)
    with refused("exchange: order is not void"):
        exchange.void(order, sender=trader)


def test_void__abandoned__needs_no_feed(
    protocol: Protocol,
    exchange: Contract,
    account: int,
    commit: Callable[..., int],
    publish: Callable[..., int],
    price: int,
    stranger: str,
) -> None:
    """A phase change can make an order's round unprovable: after three days nobody asks the feed."""
    before = protocol.vault.treasury(account)
    order = commit(1, 1_000)
    publish(ETH, price, DELAY)
    protocol.chain.advance(3 * DAY)
    with pytest.raises(Reverted):
        exchange.void(order, sender=stranger)
    protocol.chain.advance(1)
    exchange.void(order, sender=stranger)
    assert protocol.vault.treasury(account).cash == before.cash
