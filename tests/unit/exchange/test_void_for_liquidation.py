"""Voiding the orders of an account that is being liquidated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Contract
from ballast.deploy import Protocol
from tests.support import refused

from .conftest import DELAY, ETH

LIQUIDATOR = 4


@pytest.fixture
def liquidator(protocol: Protocol, stranger: str, owner: str) -> str:
    protocol.vault.set_engine(stranger, LIQUIDATOR, sender=owner)
    return stranger


def test_void_for_liquidation__open_orders__return_everything(
    protocol: Protocol, exchange: Contract, account: int, commit: Callable[..., int], liquidator: str
) -> None:
    """LIQ-11, X-LIQ-11: what waits in escrow is cash again before anything is sold, the execution fee included."""
    before = protocol.vault.treasury(account)
    orders = [commit(1, 1_000), commit(-1, 500)]
    receipt = exchange.void_for_liquidation(account, orders, sender=liquidator)
    assert [event.order for event in receipt.named("OrderVoided")] == orders
    after = protocol.vault.treasury(account)
    assert (after.cash, after.escrow, protocol.vault.open_orders(account)) == (before.cash, 0, 0)
    with refused("exchange: no such order"):
        exchange.execute(orders[0], [1], sender=liquidator)


def test_void_for_liquidation__gone_or_named_twice__is_skipped(
    exchange: Contract,
    account: int,
    commit: Callable[..., int],
    fill: Callable[..., Any],
    liquidator: str,
) -> None:
    """LIV-2: who executes an order just before does not keep the liquidation off."""
    gone = int(fill(1, 1_000).order)
    order = commit(1, 1_000)
    receipt = exchange.void_for_liquidation(account, [gone, order, order, 999], sender=liquidator)
    assert [event.order for event in receipt.named("OrderVoided")] == [order]


def test_void_for_liquidation__anothers_order__is_refused(
    exchange: Contract, account: int, commit: Callable[..., int], liquidator: str
) -> None:
    order = commit(1, 1_000)
    with refused("exchange: another's order"):
        exchange.void_for_liquidation(account + 1, [order], sender=liquidator)


def test_void_for_liquidation__by_anybody_else__is_refused(
    exchange: Contract, account: int, commit: Callable[..., int], publish: Callable[..., int], price: int, trader: str
) -> None:
    """No free option: the owner cannot take an order back by way of a liquidation."""
    order = commit(1, 1_000)
    publish(ETH, price, DELAY)
    with refused("access: not the engine"):
        exchange.void_for_liquidation(account, [order], sender=trader)
