"""The vault alone: two markets that know margin and nothing else, and engines that a test holds the keys of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ballast.chain import Contract
from ballast.chain.revm import RevmChain

WAD = 10**18
RAW = 10**6  # token units of one USD
POOL_SHARE = 7 * WAD // 10
FUNDS = 1_000_000 * RAW


@pytest.fixture(scope="session")
def _chain() -> RevmChain:
    return RevmChain()


@pytest.fixture
def chain(_chain: RevmChain) -> Iterator[RevmChain]:
    snapshot = _chain.snapshot()
    yield _chain
    _chain.revert(snapshot)


def _actor(index: int) -> Any:
    @pytest.fixture
    def actor(chain: RevmChain) -> str:
        return chain.accounts[index]

    return actor


owner, trader, other_trader, keeper, operator, stranger = map(_actor, range(6))
pool_owner, exchange, rebalancer = map(_actor, range(6, 9))


@pytest.fixture
def token(chain: RevmChain, owner: str) -> Contract:
    return chain.deploy("MockToken", "US Dollar", "USD", 6, sender=owner)


@pytest.fixture
def bare_vault(chain: RevmChain, token: Contract, owner: str) -> Contract:
    """Nothing set up."""
    return chain.deploy("Vault", token.address, POOL_SHARE, sender=owner)


@pytest.fixture
def markets(chain: RevmChain, owner: str) -> list[Contract]:
    """Ten markets: enough for one book too many. Ids are 1 to 10."""
    return [chain.deploy("MockMarket", sender=owner) for _ in range(10)]


@pytest.fixture
def vault(
    bare_vault: Contract,
    markets: list[Contract],
    owner: str,
    pool_owner: str,
    exchange: str,
    rebalancer: str,
) -> Contract:
    """Markets registered, engines with their roles, the pool's account 1 open and empty."""
    for market in markets:
        bare_vault.add_market(market.address, sender=owner)
    bare_vault.set_engine(exchange, 1, sender=owner)
    bare_vault.set_engine(rebalancer, 2, sender=owner)
    bare_vault.open_account(pool_owner, sender=pool_owner)
    bare_vault.set_pool(1, sender=owner)
    return bare_vault


@pytest.fixture
def fund(vault: Contract, token: Contract, owner: str) -> Callable[..., None]:
    """`fund(account, usd)`: the owner mints and deposits."""

    def fund_(account: int, usd: int) -> None:
        token.mint(owner, usd * RAW, sender=owner)
        token.approve(vault.address, usd * RAW, sender=owner)
        vault.deposit(account, token.address, usd * RAW, sender=owner)

    return fund_


@pytest.fixture
def account(vault: Contract, fund: Callable[..., None], trader: str) -> int:
    """The trader's account 2, with $1,000 of cash."""
    vault.open_account(trader, sender=trader)
    fund(2, 1_000)
    return 2


@pytest.fixture
def allocate(vault: Contract, rebalancer: str, trader: str) -> Callable[..., Any]:
    """`allocate(account, market, usd)` in the trader's name."""
    return lambda account, market, usd: vault.allocate(account, trader, market, usd * WAD, sender=rebalancer)


@pytest.fixture
def gain(
    vault: Contract,
    markets: list[Contract],
    allocate: Callable[..., Any],
    fund: Callable[..., None],
    trader: str,
    owner: str,
) -> Callable[..., None]:
    """`gain(account, market, usd)`: the account wins that much from another account's book in the market."""

    def gain_(account: int, market: int, usd: int) -> None:
        loser = vault.open_account(trader, sender=trader).event("AccountOpened").account
        fund(loser, usd)
        allocate(loser, market, usd)
        markets[market - 1].gain(loser, -usd * WAD, sender=owner)
        markets[market - 1].gain(account, usd * WAD, sender=owner)

    return gain_


@pytest.fixture
def donations() -> list[int]:
    """Token units that a test sent to the vault without a deposit."""
    return []


@pytest.fixture(autouse=True)
def custody(request: pytest.FixtureRequest, donations: list[int]) -> Iterator[None]:
    """SOL-1: after every test, what is owed adds up to what came in."""
    if "vault" not in request.fixturenames:
        yield
        return
    vault, token, chain = (request.getfixturevalue(name) for name in ("vault", "token", "chain"))
    yield
    treasuries = [vault.treasury(account) for account in range(1, vault.account_count() + 1)]
    owed = sum(each.cash + each.escrow for each in treasuries)
    owed += sum(vault.market(market)[1] for market in range(1, vault.market_count() + 1))
    owed += sum(vault.claimable(claimant) for claimant in chain.accounts)
    owed += vault.protocol_revenue()
    assert owed == (token.balanceOf(vault.address) - sum(donations)) * 10**12


def books_of(vault: Contract, account: int) -> list[int]:
    """Market ids by slot."""
    return [vault.treasury(account).slots >> 8 * slot & 255 for slot in range(8)]


def cash_of(vault: Contract, account: int) -> int:
    return int(vault.treasury(account).cash)
