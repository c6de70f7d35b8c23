"""A book of the trader's that falls below maintenance, and somebody with cash who may buy it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Contract, Receipt
from ballast.deploy import Protocol
from ballast.params import WAD, Params
from tests.support import deposit_to

ETH = "ETH"
LOW = 2_830 * WAD  # below maintenance, above zero
ZERO = 2_650 * WAD  # below zero
BTC_LOW = 55_000 * WAD  # the same of the second book of `two_books`: below maintenance, above zero
NO_LIMIT = 2**255 - 1


@pytest.fixture
def liquidator(protocol: Protocol) -> Contract:
    return protocol.liquidator


@pytest.fixture
def eth(protocol: Protocol) -> int:
    return protocol.market_ids[ETH]


@pytest.fixture
def btc(protocol: Protocol) -> int:
    return protocol.market_ids["BTC"]


@pytest.fixture
def market(protocol: Protocol) -> Contract:
    return protocol.markets[ETH]


@pytest.fixture
def victim(protocol: Protocol, open_account: Callable[..., int], open_book: Callable[..., None], trader: str) -> int:
    """10 ETH at $3,000 on a margin of $3,000, nothing else, and no policy: nobody saves it."""
    account = open_account(trader, 3_100 * WAD)
    open_book(account, ETH, 10 * WAD, 3_000 * WAD)
    return account


@pytest.fixture
def two_books(protocol: Protocol, victim: int, open_book: Callable[..., None], trader: str, owner: str) -> int:
    """The victim, with 0.1 BTC at $60,000 on a margin of $600 as well, and no more cash than before."""
    deposit_to(protocol, victim, trader, 601 * WAD, owner)
    open_book(victim, "BTC", WAD // 10, 600 * WAD)
    return victim


@pytest.fixture
def bidder(open_account: Callable[..., int], other_trader: str) -> int:
    """Another trader's account, with $100,000 of cash."""
    return open_account(other_trader, 100_000 * WAD)


@pytest.fixture
def insured(protocol: Protocol, owner: str) -> int:
    """The insurance's account, with $50,000 of cash."""
    account = int(protocol.insurance_fund.ACCOUNT())
    deposit_to(protocol, account, owner, 50_000 * WAD, owner)
    return account


@pytest.fixture
def set_policy(protocol: Protocol, params: Params, trader: str) -> Callable[..., None]:
    """`set_policy(account, tap=0)`: the default policy with changes."""

    def set_policy_(account: int, **changes: Any) -> None:
        policy = {**params.policy.model_dump(), "max_risk_share": 10_000, **changes}
        protocol.rebalancer.set_policy(account, policy, sender=trader)

    return set_policy_


@pytest.fixture
def start(liquidator: Contract, eth: int, keeper: str) -> Callable[..., Receipt]:
    """`start(account)`: open the auction of its ETH book."""

    def start_(account: int, orders: list[int] | None = None) -> Receipt:
        return liquidator.start(account, eth, orders or [], sender=keeper)

    return start_


@pytest.fixture
def bid(liquidator: Contract, market: Contract, eth: int, bidder: int, other_trader: str) -> Callable[..., Receipt]:
    """`bid(account, fraction, margin=0)`: the other trader's bid for its ETH book, at any price."""

    def bid_(account: int, fraction: int = WAD, margin: int = 10_000 * WAD, **changes: Any) -> Receipt:
        terms = {
            "account": account,
            "market": eth,
            "fraction": fraction,
            "bidder": bidder,
            "max_payment": NO_LIMIT,
            "digest": market.legs_digest(account),
            "margin": margin,
            "orders": [],
        }
        sender = changes.pop("sender", other_trader)
        return liquidator.bid({**terms, **changes}, sender=sender)

    return bid_


@pytest.fixture
def on_sale(
    protocol: Protocol, victim: int, publish: Callable[..., int], start: Callable[..., Receipt]
) -> Callable[..., int]:
    """`on_sale(price=LOW, age=600)`: the victim, its auction opened `age` seconds ago, and a fresh round."""

    def on_sale_(price: int = LOW, age: int = 600) -> int:
        publish(ETH, price, after=60)
        start(victim)
        if age:
            publish(ETH, price, after=age)
        return victim

    return on_sale_
