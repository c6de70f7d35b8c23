"""What an attacker has: accounts of his own, with money, and every function that is open to him."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.deploy import Protocol
from ballast.params import WAD, Params
from tests.support import deposit_to, lend

START = {"BTC": 60_000, "ETH": 3_000, "SOL": 150, "LINK": 15}  # [USD]
ANY_PRICE = 2**112 - 1


@pytest.fixture
def worth(protocol: Protocol) -> Callable[..., int]:
    """`worth(a, b)`: equity of accounts together, cash and escrow included [wad]."""

    def worth_(*accounts: int) -> int:
        total = 0
        for account in accounts:
            treasury = protocol.vault.treasury(account)
            total += treasury.cash + treasury.escrow
            total += sum(market.book_risk(account).equity for market in protocol.markets.values())
        return total

    return worth_


@pytest.fixture
def lenders(protocol: Protocol, owner: str) -> int:
    """The owner has lent $1,000,000; the credit pool's account."""
    return lend(protocol, owner, 10**6 * WAD, owner)


@pytest.fixture
def secure(protocol: Protocol, trader: str, owner: str) -> Callable[..., None]:
    """`secure(account, "WETH", amount)`: collateral of the trader's [wad]."""

    def secure_(account: int, name: str, amount: int) -> None:
        deposit_to(protocol, account, trader, amount, owner, name)

    return secure_


@pytest.fixture
def commit(protocol: Protocol, trader: str) -> Callable[..., int]:
    """`commit(account, "ETH", size, margin)`: an order of the trader's at any price; its id."""

    def commit_(account: int, market: str, size: int, margin: int = 0, reduce_only: bool = False) -> int:
        limit = ANY_PRICE if size > 0 else 0
        leg = protocol.market_ids[market], size, limit, margin
        return int(protocol.exchange.commit(account, [leg], reduce_only, sender=trader).event("OrderCommitted").order)

    return commit_


@pytest.fixture
def set_policy(protocol: Protocol, params: Params, trader: str) -> Callable[..., None]:
    """`set_policy(account, max_risk_share=1)`: the default policy with changes, every share of risk allowed."""

    def set_policy_(account: int, **changes: Any) -> None:
        policy = {**params.policy.model_dump(), "max_risk_share": 10_000, "cooldown": 0, **changes}
        protocol.rebalancer.set_policy(account, policy, sender=trader)

    return set_policy_


@pytest.fixture
def leave_by_engine(protocol: Protocol, set_policy: Callable[..., None], trader: str) -> Callable[[int, str], None]:
    """`leave_by_engine(account, "ETH")`: a policy under which the engine closes most of a healthy book."""

    def leave(account: int, market: str) -> None:
        far = 40 * WAD
        set_policy(
            account,
            z_trigger=WAD,
            z_donor=far,
            z_target=far,
            z_delever=far,
            z_delever_target=far,
            max_delever=10_000,
            no_fund=1 << protocol.market_ids[market],
        )
        protocol.rebalancer.rebalance_own(account, sender=trader)

    return leave
