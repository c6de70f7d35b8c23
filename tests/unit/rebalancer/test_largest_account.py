"""The largest account there is: eight books."""

from __future__ import annotations

from typing import Any

import pytest

from ballast.chain.revm import RevmChain
from ballast.deploy import Protocol
from ballast.params import WAD, Params
from tests.support import deposit_to, last_price, trade_at_oracle

LIMIT = 5_000_000  # [gas]


@pytest.fixture
def eight(params: Params) -> Protocol:
    """The default markets, each twice."""
    markets = {f"{name}{copy}": market for copy in ("", "2") for name, market in params.markets.items()}
    chain = RevmChain()
    return Protocol.deploy(chain, params.model_copy(update={"markets": markets}), chain.accounts[0])


@pytest.fixture
def account(eight: Protocol, params: Params) -> int:
    """A guarded account with a book in each of them and no cash."""
    chain = eight.chain
    owner, trader, keeper = chain.accounts[0], chain.accounts[1], chain.accounts[3]
    account = int(eight.vault.open_account(trader, sender=trader).event("AccountOpened").account)
    deposit_to(eight, account, trader, 100_000 * WAD, owner)
    for name in eight.markets:
        size = 30_000 * WAD * WAD // last_price(eight, name)
        trade_at_oracle(eight, account, name, size, 9_000 * WAD, owner=owner, keeper=keeper)
    policy = {**params.policy.model_dump(), "max_risk_share": 10_000}
    eight.rebalancer.set_policy(account, policy, sender=trader)
    cash = eight.vault.treasury(account).cash // eight.vault.SCALE()
    eight.vault.withdraw(account, eight.token.address, cash, trader, sender=trader)
    chain.advance(60)
    return account


def fall(eight: Protocol, percent: int) -> None:
    """Every price falls by that much."""
    for name in eight.markets:
        eight.publish(name, last_price(eight, name) * (100 - percent) // 100, eight.chain.accounts[0])


def test_rebalance__eight_books_all_short__fits_well_into_a_block(eight: Protocol, account: int) -> None:
    """LIV-3, §7.12: valued, and cut in every book, each below 5 M gas."""
    chain, keeper = eight.chain, eight.chain.accounts[3]
    fall(eight, 16)
    plan = eight.rebalancer.preview(account)
    assert (plan.code, plan.frozen, len(plan.requests)) == (0, 0, 8)
    receipt = eight.rebalancer.rebalance(account, sender=keeper)
    assert len(receipt.named("CutRequested")) == 8
    assert receipt.gas_used < LIMIT
    chain.advance(30)
    fall(eight, 0)
    receipt = eight.rebalancer.rebalance(account, sender=keeper)
    assert len(receipt.named("BookCut")) == 8
    assert receipt.gas_used < LIMIT


def test_rescue__eight_books_all_short__fits_well_into_a_block(eight: Protocol, account: int) -> None:
    """LIV-3, §7.12: all of them below maintenance margin at once, all of them cut in plan after plan."""
    owner, liquidator = eight.chain.accounts[0], eight.chain.accounts[9]
    eight.vault.set_engine(liquidator, 4, sender=owner)
    fall(eight, 29)
    assert all(book.equity < book.maintenance for book in risks(eight, account))
    receipt = eight.rebalancer.rescue(account, sender=liquidator)
    assert len({event.market for event in receipt.named("BookCut")}) == 8
    assert receipt.gas_used < LIMIT
    assert all(book.equity >= book.maintenance for book in risks(eight, account))


def risks(eight: Protocol, account: int) -> list[Any]:
    return [market.book_risk(account) for market in eight.markets.values()]
