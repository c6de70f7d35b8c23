"""A keeper who makes work for himself: dust given to accounts of others, one account named twice, call after call."""

from __future__ import annotations

import pytest

from ballast.chain import Reverted
from ballast.params import WAD


@pytest.fixture
def rescued(protocol, open_account, open_book, trader, publish, set_policy) -> int:
    """An account whose rescue is due, with cash for it."""
    account = open_account(trader, 20_001 * WAD)
    open_book(account, "ETH", 20 * WAD, 11_000 * WAD)
    set_policy(account)
    publish("ETH", 2_650 * WAD, after=60)
    assert protocol.rebalancer.check(account) == (True, 0)
    return account


def test_dust_farming__gifts_between_calls__pay_once(protocol, rescued, keeper, publish, owner) -> None:
    """X-RB-02, X-RB-06: cooldown or not, a book that is full makes no plan due."""
    vault, rebalancer = protocol.vault, protocol.rebalancer
    rebalancer.rebalance(rescued, sender=keeper)
    paid = vault.claimable(keeper)
    gift = protocol.mint(keeper, WAD, owner)
    protocol.token.approve(vault.address, gift, sender=keeper)
    for step in range(10):
        vault.deposit(rescued, protocol.token.address, gift // 10, sender=keeper)
        publish("ETH", (2_650 + step % 2) * WAD, after=12)
        with pytest.raises(Reverted, match="rebalancer: healthy"):
            rebalancer.rebalance(rescued, sender=keeper)
    assert vault.claimable(keeper) == paid


def test_dust_farming__one_account_many_times__is_served_once(protocol, rescued, keeper) -> None:
    """X-KPR-01."""
    receipt = protocol.rebalancer.rebalance_many([rescued] * 25, sender=keeper)
    assert len(receipt.named("Rebalanced")) == 1
