"""The vault alone: two markets that know margin and nothing else, and engines that a test holds the keys of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ballast.chain import Contract
from ballast.chain.revm import RevmChain
from tests.support import deploy_vault, outflow_of

WAD = 10**18
RAW = 10**6  # token units of one USD
POOL_SHARE = 7 * WAD // 10
INSURANCE_SHARE = WAD // 10
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
    return deploy_vault(chain, token.address, POOL_SHARE, owner, INSURANCE_SHARE)


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
def outflow(vault: Contract) -> Contract:
    """The vault's meters and locks."""
    return outflow_of(vault)


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
def collateral(vault: Contract, chain: RevmChain, owner: str, trader: str) -> list[Contract]:
    """Tokens of 18, 8 and 6 decimals under the indices 0, 1 and 2, with caps of 100 each; the trader has 1,000 each.

    The second returns nothing from its transfers.
    """
    tokens = [
        chain.deploy("MockToken", "Ether", "WETH", 18, sender=owner),
        chain.deploy("MockSilentToken", 8, sender=owner),
        chain.deploy("MockToken", "Gold", "XAU", 6, sender=owner),
    ]
    for token in tokens:
        vault.add_collateral(token.address, 100 * WAD, sender=owner)
        token.mint(trader, 1_000 * 10 ** token.decimals(), sender=owner)
        token.approve(vault.address, 2**256 - 1, sender=trader)
    return tokens


@pytest.fixture
def valued(vault: Contract, chain: RevmChain, collateral: list[Contract], owner: str) -> Contract:
    """A collateral model that values a token of any kind at $100: 80 % secure debt, 90 % before it is liquidated."""
    oracle = chain.deploy("QuoteStub", sender=owner)
    oracle.set_quote((100 * WAD, 100 * WAD, WAD // 2, WAD // 2, chain.timestamp, 1, False, False), sender=owner)
    model = chain.deploy("CollateralModel", vault.address, oracle.address, sender=owner)
    for index in range(len(collateral)):
        model.set_config(index, (128 + index, 8 * WAD // 10, 9 * WAD // 10), sender=owner)
    vault.set_collateral_model(model.address, sender=owner)
    return oracle


@pytest.fixture
def lender(vault: Contract, chain: RevmChain, fund: Callable[..., None], account: int, owner: str) -> Contract:
    """A credit pool whose account 3 has $10,000 to lend."""
    vault.open_account(owner, sender=owner)
    pool = chain.deploy("MockCreditPool", account + 1, sender=owner)
    vault.set_credit_pool(pool.address, sender=owner)
    fund(account + 1, 10_000)
    return pool


@pytest.fixture
def debtor(
    vault: Contract, account: int, collateral: list[Contract], valued: Contract, lender: Contract, trader: str
) -> int:
    """The trader's account: 12 tokens at $100, which secure $960, and a debt of $800."""
    vault.deposit(account, collateral[0].address, 12 * WAD, sender=trader)
    vault.withdraw(account, vault.SETTLEMENT(), 1_800 * RAW, trader, sender=trader)
    return account


@pytest.fixture
def donations() -> list[int]:
    """Token units that a test sent to the vault without a deposit."""
    return []


@pytest.fixture(autouse=True)
def custody(request: pytest.FixtureRequest, donations: list[int]) -> Iterator[None]:
    """SOL-1: after every test, what is owed adds up to what came in, token by token; debt is what left the lender."""
    if "vault" not in request.fixturenames:
        yield
        return
    vault, token, chain = (request.getfixturevalue(name) for name in ("vault", "token", "chain"))
    yield
    treasuries = [vault.treasury(account) for account in range(1, vault.account_count() + 1)]
    owed = sum(max(each.cash, 0) + each.escrow for each in treasuries)
    owed += sum(vault.market(market)[1] for market in range(1, vault.market_count() + 1))
    owed += sum(vault.claimable(claimant) for claimant in chain.accounts)
    owed += vault.insurance_due() + vault.protocol_revenue()
    assert owed == (token.balanceOf(vault.address) - sum(donations)) * 10**12
    holdings = [vault.collateral_of(account) for account in range(1, vault.account_count() + 1)]
    for index in range(vault.collateral_count()):
        held = vault.collateral(index)
        assert held.total == sum(amounts[index] for amounts in holdings)
        tokens = chain.at("MockToken", held.token).balanceOf(vault.address)
        assert held.total == tokens * 10 ** (18 - held.decimals)


def books_of(vault: Contract, account: int) -> list[int]:
    """Market ids by slot."""
    return [vault.treasury(account).slots >> 8 * slot & 255 for slot in range(8)]


def cash_of(vault: Contract, account: int) -> int:
    return int(vault.treasury(account).cash)
