"""Guarded accounts in the states that the engine is for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Contract, Receipt
from ballast.deploy import Protocol
from ballast.params import WAD, Params
from tests.support import deposit_to, last_price

LIQUIDATOR = 4  # role
START = {"BTC": 60_000, "ETH": 3_000, "SOL": 150, "LINK": 15}  # [USD]


@pytest.fixture
def rebalancer(protocol: Protocol) -> Contract:
    return protocol.rebalancer


@pytest.fixture
def vault(protocol: Protocol) -> Contract:
    return protocol.vault


@pytest.fixture
def default(params: Params) -> dict[str, Any]:
    """The policy of params/default.yaml, with every share of risk allowed, so that books may be built freely."""
    return {**params.policy.model_dump(), "max_risk_share": 10_000, "cooldown": 0}


@pytest.fixture
def guard(rebalancer: Contract, trader: str, default: dict[str, Any]) -> Callable[..., None]:
    """`guard(account, z_target=5 * WAD)`: set the default policy with changes."""

    def guard_(account: int, **changes: Any) -> None:
        rebalancer.set_policy(account, {**default, **changes}, sender=trader)

    return guard_


@pytest.fixture
def build(open_account: Callable[..., int], open_book: Callable[..., None], trader: str) -> Callable[..., int]:
    """`build(BTC=(30_000, 6_000), cash=100)`: an account with books of a notional and a margin [USD], prices fresh."""

    def build_(cash: int = 0, **books: tuple[int, int]) -> int:
        account = open_account(trader, (cash + sum(margin + 10 for _, margin in books.values())) * WAD)
        for name, (notional, margin) in books.items():
            open_book(account, name, notional * WAD // START[name], margin * WAD)
        return account

    return build_


@pytest.fixture
def drain(vault: Contract, protocol: Protocol, trader: str) -> Callable[..., None]:
    """`drain(account, leave=0)`: withdraw the cash down to that many dollars."""

    def drain_(account: int, leave: int = 0) -> None:
        raw = vault.treasury(account).cash // 10**12 - leave * 10**6
        vault.withdraw(account, protocol.token.address, raw, trader, sender=trader)

    return drain_


@pytest.fixture
def z(protocol: Protocol) -> Callable[[int, str], float]:
    """`z(account, "BTC")`: the distance of a book."""

    def z_(account: int, name: str) -> float:
        risk = protocol.markets[name].book_risk(account)
        return (risk.equity - risk.maintenance) / risk.sigma_loss

    return z_


@pytest.fixture
def cut(rebalancer: Contract, protocol: Protocol, publish: Callable[..., int], keeper: str) -> Callable[..., Receipt]:
    """`cut(account)`: ask for the cuts that are due, let the prices stand for half a minute, fill; the last receipt."""

    def cut_(account: int, sender: str = keeper, own: bool = False) -> Receipt:
        call = rebalancer.rebalance_own if own else rebalancer.rebalance
        receipt: Receipt = call(account, sender=sender)
        assert receipt.named("CutRequested") and not receipt.named("BookCut")
        protocol.chain.advance(30)
        for name in protocol.markets:
            publish(name, last_price(protocol, name))
        filled: Receipt = call(account, sender=sender)
        return filled

    return cut_


@pytest.fixture
def short(
    build: Callable[..., int], guard: Callable[..., None], drain: Callable[..., None], publish: Callable[..., int]
) -> int:
    """A guarded account without cash whose BTC book is short of margin and whose ETH book has plenty."""
    account = build(BTC=(60_000, 14_000), ETH=(15_000, 15_000))
    guard(account)
    drain(account)
    publish("ETH", START["ETH"] * WAD, after=30)
    publish("BTC", 50_500 * WAD)
    return account


@pytest.fixture
def liquidator(vault: Contract, owner: str, protocol: Protocol) -> str:
    """Somebody with the role."""
    who = str(protocol.chain.accounts[9])
    vault.set_engine(who, LIQUIDATOR, sender=owner)
    return who


@pytest.fixture
def state_of(protocol: Protocol, rebalancer: Contract) -> Callable[[int], Any]:
    """`state_of(account)`: its treasury, books and requests."""

    def state_(account: int) -> Any:
        books = [tuple(market.book(account)) for market in protocol.markets.values()]
        return tuple(protocol.vault.treasury(account)), books, rebalancer.cut_requests(account)

    return state_


@pytest.fixture
def pledge(protocol: Protocol, owner: str, trader: str) -> Callable[[int, str, int], None]:
    """`pledge(account, "WETH", 10)`: deposit units of a collateral token."""

    def pledge_(account: int, name: str, units: int) -> None:
        deposit_to(protocol, account, trader, units * WAD, owner, name)

    return pledge_


@pytest.fixture
def lender(protocol: Protocol, owner: str) -> Contract:
    """The credit pool, with $50,000 to lend."""
    pool, amount = protocol.credit_pool, protocol.mint(owner, 50_000 * WAD, owner)
    protocol.token.approve(pool.address, amount, sender=owner)
    pool.deposit(amount, owner, sender=owner)
    return pool
