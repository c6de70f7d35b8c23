"""Somebody who wants a holder of shares to stay."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ballast.chain import Reverted
from ballast.deploy import Protocol
from ballast.params import WAD
from tests.support import UNLIMITED
from tests.unit.pool.shares import Shareholders


@pytest.fixture
def holders(protocol: Protocol, owner: str, keeper: str) -> Shareholders:
    return Shareholders(protocol, owner, keeper)


def test_grudged_exit__gift_of_a_unit__puts_the_rest_off_by_nothing(
    protocol: Protocol,
    holders: Shareholders,
    account: int,
    owner: str,
    stranger: str,
    open_book: Callable[..., None],
) -> None:
    """X-DOS-02: what is left of an exit stays due when the exit was; a gift that pays a millionth of it delays none."""
    open_book(account, "ETH", 100 * WAD, 60_000 * WAD)
    pool, vault, token = protocol.pool, protocol.vault, protocol.token
    exit_ = holders.request_exit(owner, pool.balanceOf(owner))
    rounds = holders.ripen()
    exit_ = holders.execute(exit_, rounds).event("RequestExecuted").rest
    due = pool.request(exit_).due

    protocol.mint(stranger, WAD, owner)
    token.approve(vault.address, UNLIMITED, sender=stranger)
    for _ in range(3):
        vault.deposit(holders.account, token.address, 1, sender=stranger)
        done = pool.execute_request(exit_, rounds, sender=stranger).event("RequestExecuted")
        assert 0 < done.assets <= 2
        exit_ = done.rest
        assert pool.request(exit_).due == due

    with pytest.raises(Reverted) as refusal:
        holders.execute(exit_, rounds)
    assert refusal.value.reason == "pool: no free cash"
    protocol.mint(owner, 10_000 * WAD, owner)
    token.approve(vault.address, UNLIMITED, sender=owner)
    vault.deposit(holders.account, token.address, 5_000 * 10**6, sender=owner)
    assert holders.execute(exit_, rounds).event("RequestExecuted").assets >= 4_999 * 10**6
