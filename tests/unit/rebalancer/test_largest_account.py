"""The largest account there is: eight books."""

from __future__ import annotations

import pytest

from ballast.chain.revm import RevmChain
from ballast.deploy import Protocol
from ballast.params import WAD, Params
from tests.support import deposit_to, last_price, trade_at_oracle

LIMIT = 5_000_000  # [gas]


@pytest.fixture(scope="module")
def eight(params: Params) -> Protocol:
    """The default markets, each twice."""
    markets = {f"{name}{copy}": market for copy in ("", "2") for name, market in params.markets.items()}
    chain = RevmChain()
    return Protocol.deploy(chain, params.model_copy(update={"markets": markets}), chain.accounts[0])


def test_rebalance__eight_books_all_short__fits_well_into_a_block(eight: Protocol, params: Params) -> None:
    """LIV-3, §7.12: valued, and cut in every book, each below 5 M gas."""
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
    for name in eight.markets:
        eight.publish(name, last_price(eight, name) * 84 // 100, owner)
    plan = eight.rebalancer.preview(account)
    assert (plan.code, plan.frozen, len(plan.requests)) == (0, 0, 8)
    receipt = eight.rebalancer.rebalance(account, sender=keeper)
    assert len(receipt.named("CutRequested")) == 8
    assert receipt.gas_used < LIMIT
    chain.advance(30)
    for name in eight.markets:
        eight.publish(name, last_price(eight, name), owner)
    receipt = eight.rebalancer.rebalance(account, sender=keeper)
    assert len(receipt.named("BookCut")) == 8
    assert receipt.gas_used < LIMIT
