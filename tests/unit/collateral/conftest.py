"""A collateral model over a real vault and an oracle that answers what it is told, feed by feed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ballast.chain import Contract
from ballast.chain.revm import RevmChain
from tests.support import deploy_vault

WAD = 10**18
ETH, BTC, GOLD = 2, 1, 130  # feed ids: two of markets, one of its own
FEEDS = (ETH, BTC, GOLD)  # by index of the token
DECIMALS = (18, 8, 6)


@pytest.fixture(scope="session")
def _chain() -> RevmChain:
    return RevmChain()


@pytest.fixture
def chain(_chain: RevmChain) -> Iterator[RevmChain]:
    snapshot = _chain.snapshot()
    yield _chain
    _chain.revert(snapshot)


@pytest.fixture
def owner(chain: RevmChain) -> str:
    return chain.accounts[0]


@pytest.fixture
def trader(chain: RevmChain) -> str:
    return chain.accounts[1]


@pytest.fixture
def oracle(chain: RevmChain, owner: str) -> Contract:
    return chain.deploy("MockQuotes", sender=owner)


@pytest.fixture
def say(oracle: Contract, owner: str) -> Callable[..., None]:
    """`say(ETH, 3_000, average=2_900, volatility=WAD)`: what a feed quotes from now on [USD]; no price = refused."""

    def say_(feed_id: int, price: int = 0, average: int | None = None, volatility: int = WAD // 2) -> None:
        oracle.set_quote(feed_id, price * WAD, (price if average is None else average) * WAD, volatility, sender=owner)

    return say_


@pytest.fixture
def vault(chain: RevmChain, owner: str, trader: str) -> Contract:
    """Three collateral tokens of 18, 8 and 6 decimals; the trader's account 1 holds 10 of each."""
    settlement = chain.deploy("MockToken", "US Dollar", "USD", 6, sender=owner)
    vault = deploy_vault(chain, settlement.address, 0, owner)
    vault.open_account(trader, sender=trader)
    for decimals in DECIMALS:
        token = chain.deploy("MockToken", "Token", "TKN", decimals, sender=owner)
        vault.add_collateral(token.address, 10**6 * WAD, sender=owner)
        token.mint(trader, 10 * 10**decimals, sender=owner)
        token.approve(vault.address, 10 * 10**decimals, sender=trader)
        vault.deposit(1, token.address, 10 * 10**decimals, sender=trader)
    return vault


@pytest.fixture
def bare_model(chain: RevmChain, vault: Contract, oracle: Contract, owner: str) -> Contract:
    """No token has a price yet."""
    return chain.deploy("CollateralModel", vault.address, oracle.address, sender=owner)


@pytest.fixture
def model(bare_model: Contract, say: Callable[..., None], owner: str) -> Contract:
    """ETH at $3,000, 80 % and 85 %; BTC at $60,000, 75 % and 80 %; gold at $2,000, 0 % and 50 %."""
    haircuts = ((80, 85), (75, 80), (0, 50))
    for index, (feed_id, price, (ltv, threshold)) in enumerate(
        zip(FEEDS, (3_000, 60_000, 2_000), haircuts, strict=True)
    ):
        say(feed_id, price)
        bare_model.set_config(index, (feed_id, ltv * WAD // 100, threshold * WAD // 100), sender=owner)
    return bare_model
