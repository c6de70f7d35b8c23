"""The protocol on an in-process EVM: deployed once a session, put back to that state after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import settings

from ballast.deploy import Protocol
from ballast.params import WAD, Params
from tests.support import deposit_to, round_params, trade_at_oracle

# The same examples in every run; other seeds are for `make soak`
settings.register_profile("ballast", derandomize=True, database=None, deadline=None)
settings.load_profile("ballast")


@pytest.fixture(scope="session")
def params() -> Params:
    """The default parameters, but for a policy of round figures: BTC, ETH, SOL and LINK with mock feeds."""
    return round_params()


@pytest.fixture(scope="session")
def _deployed(params: Params) -> Protocol:
    from ballast.chain.revm import RevmChain

    chain = RevmChain()
    return Protocol.deploy(chain, params, chain.accounts[0])


@pytest.fixture
def protocol(_deployed: Protocol) -> Iterator[Protocol]:
    """A fresh protocol with a funded pool and a price in every market, at the time of the deployment."""
    snapshot = _deployed.chain.snapshot()
    yield _deployed
    _deployed.chain.revert(snapshot)


@pytest.fixture
def chain(protocol: Protocol) -> Any:
    return protocol.chain


# Actors, by role


@pytest.fixture(scope="session")
def owner(_deployed: Protocol) -> str:
    """Who deployed the protocol and owns its contracts and mocks."""
    return str(_deployed.chain.accounts[0])


@pytest.fixture(scope="session")
def trader(_deployed: Protocol) -> str:
    return str(_deployed.chain.accounts[1])


@pytest.fixture(scope="session")
def other_trader(_deployed: Protocol) -> str:
    return str(_deployed.chain.accounts[2])


@pytest.fixture(scope="session")
def keeper(_deployed: Protocol) -> str:
    return str(_deployed.chain.accounts[3])


@pytest.fixture(scope="session")
def operator(_deployed: Protocol) -> str:
    return str(_deployed.chain.accounts[4])


@pytest.fixture(scope="session")
def stranger(_deployed: Protocol) -> str:
    return str(_deployed.chain.accounts[5])


# What tests do before they test


@pytest.fixture
def open_account(protocol: Protocol, owner: str) -> Callable[..., int]:
    """`open_account(trader, cash=0)`: a new account with that much cash [wad]; its id."""

    def open_(holder: str, cash: int = 0) -> int:
        account = int(protocol.vault.open_account(holder, sender=holder).event("AccountOpened").account)
        if cash:
            deposit_to(protocol, account, holder, cash, owner)
        return account

    return open_


@pytest.fixture
def account(open_account: Callable[..., int], trader: str) -> int:
    """The trader's account, with $100,000 of cash."""
    return open_account(trader, 100_000 * WAD)


@pytest.fixture
def publish(protocol: Protocol, owner: str) -> Callable[..., int]:
    """`publish("ETH", 3_000 * WAD, after=12)`: a round `after` seconds from now; its proxy round id."""

    def publish_(market: str, price: int, after: int = 0) -> int:
        if after:
            protocol.chain.advance(after)
        return protocol.publish(market, price, owner)

    return publish_


@pytest.fixture
def price_of(protocol: Protocol) -> Callable[[str], int]:
    """`price_of("ETH")`: the oracle price [wad]."""
    return lambda market: int(protocol.oracle.quote(protocol.market_ids[market]).price)


@pytest.fixture
def trade(protocol: Protocol, owner: str, keeper: str) -> Callable[..., Any]:
    """`trade(account, "ETH", size, margin)`: commit, publish a round at an unchanged price, execute; the receipt."""

    def trade_(account: int, market: str, size: int, margin: int = 0, **kwargs: Any) -> Any:
        return trade_at_oracle(protocol, account, market, size, margin, owner=owner, keeper=keeper, **kwargs)

    return trade_


@pytest.fixture
def open_book(trade: Callable[..., Any]) -> Callable[..., None]:
    """`open_book(account, "ETH", size, margin)`: as `trade`, and it must be filled."""

    def open_(account: int, market: str, size: int, margin: int) -> None:
        receipt = trade(account, market, size, margin)
        failures = receipt.named("OrderFailed")
        assert not failures, failures[0].args

    return open_
