"""Orders on the whole protocol: the other side of every one is the pool."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ballast.chain import Contract, Receipt
from ballast.deploy import Protocol

WAD = 10**18
ETH = "ETH"
DELAY = 30
ANY_PRICE = 2**112 - 1


@pytest.fixture
def exchange(protocol: Protocol) -> Contract:
    return protocol.exchange


@pytest.fixture
def eth(protocol: Protocol) -> int:
    return protocol.market_ids[ETH]


@pytest.fixture
def price(price_of: Callable[[str], int]) -> int:
    """The price of ETH before the test [wad]."""
    return price_of(ETH)


@pytest.fixture
def commit(exchange: Contract, account: int, eth: int, trader: str) -> Callable[..., int]:
    """`commit(size, margin)`: an order of the trader's with any price, sizes and margin in whole units; its id."""

    def commit_(size: int, margin: int = 0, limit: int | None = None, reduce_only: bool = False, **kwargs: Any) -> int:
        if limit is None:
            limit = ANY_PRICE if size > 0 else 0
        leg = eth, size * WAD, limit, margin * WAD
        receipt = exchange.commit(account, [leg], reduce_only, sender=trader)
        return int(receipt.event("OrderCommitted").order)

    return commit_


@pytest.fixture
def execute(exchange: Contract, publish: Callable[..., int], price: int, keeper: str) -> Callable[..., Receipt]:
    """`execute(order)`: a round after the delay, at the same price unless told, and the keeper's execution at once."""

    def execute_(order: int, at: int | None = None, after: int = DELAY) -> Receipt:
        return exchange.execute(order, [publish(ETH, at or price, after)], sender=keeper)

    return execute_


@pytest.fixture
def fill(commit: Callable[..., int], execute: Callable[..., Receipt]) -> Callable[..., Any]:
    """`fill(size, margin)`: an order that must be filled; the event."""
    return lambda *args, **kwargs: execute(commit(*args, **kwargs)).event("OrderFilled")


@pytest.fixture
def money(protocol: Protocol, account: int, keeper: str) -> Callable[[], Any]:
    """`money()`: all that an execution may move, in every market."""

    def money_() -> Any:
        vault, accounts = protocol.vault, (account, protocol.pool_account)
        books = [tuple(market.book(each)) for market in protocol.markets.values() for each in accounts]
        treasuries = [vault.treasury(each)._replace(last_trade=0) for each in accounts]
        return (
            treasuries,
            books,
            vault.claimable(keeper),
            vault.protocol_revenue(),
            vault.open_orders(account),
        )

    return money_


@pytest.fixture(autouse=True)
def books_balance(protocol: Protocol) -> Iterator[None]:
    """SOL-1, SOL-3: after every test, custody adds up, sizes to zero and bases to what the vault owes each market."""
    yield
    vault = protocol.vault
    accounts = range(1, vault.account_count() + 1)
    treasuries = [vault.treasury(account) for account in accounts]
    owed = sum(each.cash + each.escrow for each in treasuries) + vault.insurance_due()
    owed += vault.protocol_revenue()
    owed += sum(vault.claimable(claimant) for claimant in protocol.chain.accounts)
    for id_, market in enumerate(protocol.markets.values(), 1):
        books = [market.book(account) for account in accounts]
        assert sum(book.size for book in books) == 0
        assert sum(book.base for book in books) == vault.market(id_)[1]
        owed += vault.market(id_)[1]
    assert owed == protocol.token.balanceOf(vault.address) * vault.SCALE()
