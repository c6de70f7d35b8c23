"""Somebody who wants the pool's profit to stay locked, so that shareholders cannot be paid out of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Reverted
from ballast.deploy import Protocol
from ballast.params import WAD

HOUR = 3_600
PRICE = 2_700 * WAD


@pytest.fixture
def locked(
    protocol: Protocol,
    account: int,
    open_book: Callable[..., None],
    trade: Callable[..., Any],
    publish: Callable[..., int],
    keeper: str,
) -> int:
    """The trader has lost to the pool and closed most; what its book could spare was drawn: the profit locked."""
    open_book(account, "ETH", 100 * WAD, 60_000 * WAD)
    publish("ETH", PRICE, after=60)
    protocol.chain.advance(1_900)
    publish("ETH", PRICE)
    trade(account, "ETH", -90 * WAD, reduce_only=True)
    protocol.pool.draw(protocol.market_ids["ETH"], sender=keeper)
    amount = int(protocol.outflow.lock(protocol.pool_account, protocol.market_ids["ETH"]))
    assert amount > 0
    return amount


def test_withheld_profit__drawn_a_little_each_hour__is_released_all_the_same(
    protocol: Protocol, locked: int, publish: Callable[..., int], stranger: str
) -> None:
    """X-DOS-02: a draw starts a lock anew, so it waits for the lock's hour, releases it first, and leaves no dust."""
    pool, market = protocol.pool, protocol.market_ids["ETH"]
    matures = protocol.outflow.lock_matures(protocol.pool_account, market)
    protocol.chain.advance(HOUR // 2)
    publish("ETH", PRICE - 10 * WAD)
    with pytest.raises(Reverted) as refusal:
        pool.draw(market, sender=stranger)
    assert refusal.value.reason == "vault: lock is too young"
    assert protocol.outflow.lock_matures(protocol.pool_account, market) == matures

    protocol.chain.advance(HOUR // 2)
    publish("ETH", PRICE - 10 * WAD)
    free = int(pool.net_assets().free)
    drawn = pool.draw(market, sender=stranger).event("Drawn").amount
    assert protocol.outflow.lock(protocol.pool_account, market) == drawn
    assert pool.net_assets().free == free + locked
