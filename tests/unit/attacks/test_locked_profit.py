"""Profit beyond a market's meter is locked: no way round turns it into cash that leaves."""

from __future__ import annotations

import pytest

from ballast.chain import Reverted
from ballast.params import WAD


@pytest.fixture
def locked(protocol, open_account, open_book, publish, trader, owner) -> int:
    """An account whose cash is all profit, and all locked: its market's meter lets nothing through."""
    protocol.outflow.set_meter(protocol.market_ids["ETH"], 0, sender=owner)
    account = open_account(trader, 100_001 * WAD)
    open_book(account, "ETH", 100 * WAD, 100_000 * WAD)
    publish("ETH", 3_500 * WAD, after=60)
    protocol.chain.advance(1_900)
    publish("ETH", 3_500 * WAD)
    book = protocol.markets["ETH"].book(account)
    spare = protocol.markets["ETH"].book_risk(account).withdrawable
    assert spare < book.net_deposit  # so the net deposit leaves first; the rest is profit
    protocol.rebalancer.transfer_margin(account, 2, 0, spare, sender=trader)
    close = (
        protocol.exchange.commit(account, [(2, -book.size, 0, 0)], True, sender=trader).event("OrderCommitted").order
    )
    round_ = publish("ETH", 3_500 * WAD, after=30)
    assert protocol.exchange.execute(close, [round_], sender=trader).named("OrderFilled")
    rest = protocol.markets["ETH"].book_risk(account).withdrawable
    protocol.rebalancer.transfer_margin(account, 2, 0, rest, sender=trader)
    treasury = protocol.vault.treasury(account)
    free = (treasury.cash - treasury.locked) // 10**12
    protocol.vault.withdraw(account, protocol.token.address, free, trader, sender=trader)
    assert protocol.vault.treasury(account).locked > 40_000 * WAD
    return account


def _assert_locked(protocol, account: int, trader: str) -> None:
    treasury = protocol.vault.treasury(account)
    assert treasury.cash - treasury.locked < 10**12
    with pytest.raises(Reverted, match="vault: cash is locked"):
        protocol.vault.withdraw(account, protocol.token.address, 1, trader, sender=trader)


def test_locked_profit__into_another_book_and_back__is_locked(protocol, locked, trader) -> None:
    """X-ECO-02: a book may use it; out of it, it is what it was."""
    cash = protocol.vault.treasury(locked).cash
    protocol.rebalancer.transfer_margin(locked, 0, 1, cash, sender=trader)
    protocol.rebalancer.transfer_margin(locked, 1, 0, cash, sender=trader)
    _assert_locked(protocol, locked, trader)


def test_locked_profit__into_an_order__pays_no_fee_with_it(protocol, locked, commit, trader) -> None:
    """X-ECO-02: an execution fee would reach the executor, who may be the same."""
    with pytest.raises(Reverted, match="vault: cash is locked"):
        commit(locked, "BTC", WAD, protocol.vault.treasury(locked).cash // 2)


def test_locked_profit__through_a_failed_order__is_locked(protocol, locked, commit, publish, trader, owner) -> None:
    """X-ECO-02: an order's margin comes back as what it was."""
    protocol.vault.deposit(locked, protocol.token.address, protocol.mint(trader, WAD, owner), sender=trader)
    order = commit(locked, "BTC", 100 * WAD, protocol.vault.treasury(locked).cash - WAD)
    round_ = publish("BTC", 60_000 * WAD, after=30)
    assert protocol.exchange.execute(order, [round_], sender=trader).named("OrderFailed")
    _assert_locked(protocol, locked, trader)


def test_locked_profit__as_a_keepers_reward__is_locked(
    protocol, locked, open_book, publish, set_policy, trader, keeper, owner
) -> None:
    """X-RB-13: the engine uses it for a book in need, and pays nobody with it."""
    protocol.vault.deposit(locked, protocol.token.address, protocol.mint(trader, WAD, owner), sender=trader)
    open_book(locked, "BTC", WAD // 2, 8_000 * WAD)
    publish("BTC", 50_000 * WAD, after=60)
    set_policy(locked)
    assert protocol.rebalancer.check(locked) == (True, 0)
    earned = protocol.vault.claimable(keeper)
    assert protocol.rebalancer.rebalance(locked, sender=keeper).event("Rebalanced").moved > 0
    assert protocol.vault.claimable(keeper) == earned
