from __future__ import annotations

import pytest

from ballast.chain import Reverted
from ballast.deploy import Protocol
from tests.unit.pool.shares import USDC, WAD, Shareholders


def test_seed__first_money__a_share_per_dollar(protocol: Protocol, owner: str) -> None:
    """SOL-1, SOL-8: tokens go through the pool into the vault's custody; nothing and no allowance stays behind."""
    chain, token, vault = protocol.chain, protocol.token, protocol.vault
    pool = chain.deploy("LiquidityPool", vault, token, protocol.oracle, sender=owner)
    token.mint(owner, 1_000 * USDC, sender=owner)
    token.approve(pool.address, 1_000 * USDC, sender=owner)
    custody, held = token.balanceOf(vault.address), token.balanceOf(owner)

    receipt = pool.seed(1_000 * USDC, sender=owner)

    assert vault.treasury(pool.ACCOUNT()).cash == 1_000 * WAD
    assert pool.balanceOf(owner) == pool.totalSupply() == 1_000 * WAD
    assert token.balanceOf(vault.address) == custody + 1_000 * USDC
    assert token.balanceOf(owner) == held - 1_000 * USDC
    assert token.balanceOf(pool.address) == token.allowance(pool.address, vault.address) == 0
    assert receipt.event("Seeded").args == {"sender": owner, "amount": 1_000 * USDC}


def test_constructor__three_accounts__all_of_the_pool(protocol: Protocol) -> None:
    pool, vault = protocol.pool, protocol.vault
    accounts = [pool.ACCOUNT(), pool.ENTRY_ACCOUNT(), pool.EXIT_ACCOUNT()]
    assert len(set(accounts)) == 3
    assert {vault.owner_of(account) for account in accounts} == {pool.address}
    assert vault.pool_account() == pool.ACCOUNT()
    assert (pool.name(), pool.symbol(), pool.decimals()) == ("Ballast Pool Share", "BPOOL", 18)


def test_seed__while_there_are_shares__reverts(protocol: Protocol, holders: Shareholders, owner: str) -> None:
    with pytest.raises(Reverted) as refusal:
        protocol.pool.seed(USDC, sender=owner)
    assert refusal.value.reason == "pool: has shares"


def test_seed__all_shares_gone__a_share_per_dollar_again(protocol: Protocol, holders: Shareholders, owner: str) -> None:
    """RND-4: what rounding left in the pool is the new holder's."""
    holders.leave(owner, protocol.pool.balanceOf(owner))
    assert protocol.pool.totalSupply() == 0
    protocol.mint(owner, 1_000 * WAD, owner)
    protocol.token.approve(protocol.pool.address, 1_000 * USDC, sender=owner)
    protocol.pool.seed(1_000 * USDC, sender=owner)
    assert protocol.pool.balanceOf(owner) == protocol.pool.totalSupply() == 1_000 * WAD
    assert 1_000 * USDC <= protocol.pool.convertToAssets(1_000 * WAD) <= 1_000 * USDC + 1


def test_seed__not_the_owner__reverts(protocol: Protocol, stranger: str) -> None:
    with pytest.raises(Reverted, match="ownable: caller is not the owner"):
        protocol.pool.seed(1, sender=stranger)
