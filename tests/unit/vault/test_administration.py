"""What the owner sets, and what it collects."""

from __future__ import annotations

import pytest

from ballast.chain import Contract, Reverted
from tests.support import deploy_vault

from .conftest import POOL_SHARE, WAD

NOBODY = "0x" + "00" * 20


def test_constructor__settings__read_back_within_bounds(bare_vault: Contract, token: Contract, owner: str) -> None:
    assert (bare_vault.SETTLEMENT(), bare_vault.POOL_SHARE()) == (token.address, POOL_SHARE)
    assert bare_vault.owner() == owner
    with pytest.raises(Reverted) as error:
        deploy_vault(bare_vault.chain, token.address, WAD + 1, owner)
    assert error.value.reason == "vault: parameter out of bounds"


def test_add_market__new_or_known__counts_each_once(bare_vault: Contract, markets: list[Contract], owner: str) -> None:
    for id_, market in enumerate(markets[:2], 1):
        event = bare_vault.add_market(market.address, sender=owner).event("MarketAdded")
        assert (event.market, event.implementation) == (id_, market.address)
        assert bare_vault.market(id_) == (market.address, 0)
    assert bare_vault.market_count() == 2
    assert bare_vault.market(3) == (NOBODY, 0)
    for market, reason in ((markets[0].address, "vault: market exists"), (NOBODY, "vault: zero address")):
        with pytest.raises(Reverted) as error:
            bare_vault.add_market(market, sender=owner)
        assert error.value.reason == reason


def test_add_market__128th__reverts(bare_vault: Contract, owner: str) -> None:
    for index in range(1, 128):
        bare_vault.add_market(f"0x{index:040x}", sender=owner)
    with pytest.raises(Reverted) as error:
        bare_vault.add_market("0x" + "ff" * 20, sender=owner)
    assert error.value.reason == "vault: too many markets"


def test_set_engine__roles__given_and_revoked(bare_vault: Contract, exchange: str, owner: str) -> None:
    event = bare_vault.set_engine(exchange, 7, sender=owner).event("EngineSet")
    assert (event.engine, event.roles, bare_vault.roles(exchange)) == (exchange, 7, 7)
    bare_vault.set_engine(exchange, 0, sender=owner)
    assert bare_vault.roles(exchange) == 0
    for engine, roles, reason in (
        (exchange, 8, "vault: parameter out of bounds"),
        (NOBODY, 1, "vault: zero address"),
    ):
        with pytest.raises(Reverted) as error:
            bare_vault.set_engine(engine, roles, sender=owner)
        assert error.value.reason == reason


def test_set_pool__known_account__set_once(bare_vault: Contract, pool_owner: str, owner: str) -> None:
    with pytest.raises(Reverted) as error:
        bare_vault.set_pool(1, sender=owner)
    assert error.value.reason == "vault: unknown account"
    bare_vault.open_account(pool_owner, sender=pool_owner)
    bare_vault.open_account(pool_owner, sender=pool_owner)
    assert bare_vault.set_pool(2, sender=owner).event("PoolSet").account == bare_vault.pool_account() == 2
    with pytest.raises(Reverted) as error:
        bare_vault.set_pool(1, sender=owner)
    assert error.value.reason == "vault: pool is set"


def test_setters__not_the_owner__revert(vault: Contract, stranger: str, exchange: str, rebalancer: str) -> None:
    """AUT-1."""
    for sender in (stranger, exchange, rebalancer):
        for method, arguments in (
            ("add_market", (stranger,)),
            ("set_engine", (stranger, 3)),
            ("set_pool", (1,)),
            ("collect_revenue", (stranger,)),
            ("transfer_ownership", (stranger,)),
        ):
            with pytest.raises(Reverted) as error:
                getattr(vault, method)(*arguments, sender=sender)
            assert error.value.reason == "ownable: caller is not the owner"


def test_collect_revenue__by_owner__leaves_dust(
    vault: Contract, token: Contract, account: int, trader: str, exchange: str, keeper: str, owner: str
) -> None:
    """RND-1: whole token units leave, dust stays with the vault."""
    vault.lock_escrow(account, trader, 20 * WAD, 0, sender=exchange)
    vault.fill_order(account, 1, 20 * WAD, 10 * WAD + 5, 0, keeper, True, sender=exchange)
    revenue = vault.protocol_revenue()
    assert revenue == 2 * WAD + 2
    event = vault.collect_revenue(keeper, sender=owner).event("RevenueCollected")
    assert (event.receiver, event.amount, token.balanceOf(keeper)) == (keeper, 2 * 10**6, 2 * 10**6)
    assert vault.protocol_revenue() == 2
    assert vault.pool_account() == 1


def test_claim__anyone__is_paid_its_own_and_leaves_dust(
    vault: Contract, token: Contract, account: int, trader: str, exchange: str, keeper: str, stranger: str
) -> None:
    vault.lock_escrow(account, trader, 0, WAD + 7, sender=exchange)
    vault.release_escrow(account, WAD + 7, WAD + 7, keeper, sender=exchange)
    assert vault.claim(stranger, sender=stranger).event("Claimed").amount == 0
    event = vault.claim(stranger, sender=keeper).event("Claimed")
    assert (event.claimant, event.receiver, event.amount) == (keeper, stranger, 10**6)
    assert (token.balanceOf(stranger), vault.claimable(keeper)) == (10**6, 7)
    with pytest.raises(Reverted) as error:
        vault.claim(NOBODY, sender=keeper)
    assert error.value.reason == "vault: zero address"


def test_set_guardian__by_owner_alone__named_and_dismissed(bare_vault: Contract, owner: str, keeper: str) -> None:
    assert bare_vault.guardian() == NOBODY
    assert bare_vault.set_guardian(keeper, sender=owner).event("GuardianSet").guardian == keeper
    assert bare_vault.guardian() == keeper
    with pytest.raises(Reverted) as error:
        bare_vault.set_guardian(keeper, sender=keeper)
    assert error.value.reason == "ownable: caller is not the owner"
    bare_vault.set_guardian(NOBODY, sender=owner)
    assert bare_vault.guardian() == NOBODY
