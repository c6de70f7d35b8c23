from __future__ import annotations

import pytest

from ballast.chain import Reverted
from ballast.deploy import Protocol

USDC = 10**6
WAD = 10**18


def test_fund__owner__fills_the_pools_account(protocol: Protocol, owner: str) -> None:
    """SOL-1, SOL-8: tokens go through the pool into the vault's custody; nothing and no allowance stays behind."""
    token, vault, pool, account = protocol.token, protocol.vault, protocol.pool, protocol.pool_account
    token.mint(owner, 1_000 * USDC, sender=owner)
    token.approve(pool.address, 1_000 * USDC, sender=owner)
    cash, custody, held = vault.treasury(account).cash, token.balanceOf(vault.address), token.balanceOf(owner)

    receipt = pool.fund(1_000 * USDC, sender=owner)

    assert vault.owner_of(account) == pool.address
    assert vault.treasury(account).cash == cash + 1_000 * WAD
    assert token.balanceOf(vault.address) == custody + 1_000 * USDC
    assert token.balanceOf(owner) == held - 1_000 * USDC
    assert token.balanceOf(pool.address) == token.allowance(pool.address, vault.address) == 0
    assert receipt.event("Funded").args == {"sender": owner, "amount": 1_000 * USDC}


def test_fund__not_the_owner__reverts(protocol: Protocol, stranger: str) -> None:
    with pytest.raises(Reverted, match="ownable: caller is not the owner"):
        protocol.pool.fund(1, sender=stranger)


def test_defund__owner__takes_free_cash_to_the_receiver(protocol: Protocol, owner: str, stranger: str) -> None:
    token, vault, pool, account = protocol.token, protocol.vault, protocol.pool, protocol.pool_account
    cash, custody, held = vault.treasury(account).cash, token.balanceOf(vault.address), token.balanceOf(stranger)

    receipt = pool.defund(1_000 * USDC, stranger, sender=owner)

    assert vault.treasury(account).cash == cash - 1_000 * WAD
    assert token.balanceOf(vault.address) == custody - 1_000 * USDC
    assert token.balanceOf(stranger) == held + 1_000 * USDC
    assert receipt.event("Defunded").args == {"receiver": stranger, "amount": 1_000 * USDC}


def test_defund__more_than_free_cash__reverts(protocol: Protocol, owner: str) -> None:
    """HLT-4: the margin that pays traders' profits is out of the owner's reach."""
    cash = protocol.vault.treasury(protocol.pool_account).cash
    with pytest.raises(Reverted, match="vault: insufficient cash"):
        protocol.pool.defund(cash // 10**12 + 1, owner, sender=owner)


def test_defund__not_the_owner__reverts(protocol: Protocol, stranger: str) -> None:
    with pytest.raises(Reverted, match="ownable: caller is not the owner"):
        protocol.pool.defund(1, stranger, sender=stranger)
