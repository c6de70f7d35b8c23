"""What tests do before they test: plain functions behind the fixtures, for stateful tests and others without fixtures.

Amounts, sizes and prices are wads.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ballast import params
from ballast.chain import Chain, Contract, Receipt, Reverted
from ballast.deploy import Protocol
from ballast.params import WAD, Params

UNLIMITED = 2**256 - 1

# What scenes are told for: round distances, whatever a calibration finds for the default policy
_DISTANCES = {"z_trigger": 2, "z_target": 10, "z_donor": 4, "z_delever": 2, "z_delever_target": 8}
_ROUND = {name: z * WAD for name, z in _DISTANCES.items()} | {
    "containment": 4_000,
    "max_risk_share": 1_500,
    "max_delever": 5_000,
    "cooldown": 900,
}


def round_params() -> Params:
    """The default parameters, but for a policy of round figures."""
    found = params.load()
    return found.model_copy(update={"policy": found.policy.model_copy(update=_ROUND)})


@contextmanager
def refused(reason: str) -> Iterator[None]:
    """The call inside reverts, for that reason."""
    with pytest.raises(Reverted) as error:
        yield
    assert error.value.reason == reason


def deploy_vault(chain: Chain, token: str, pool_share: int, owner: str, insurance_share: int = 0) -> Contract:
    """A vault with its meters and locks, and nothing else set up."""
    outflow = chain.deploy("Outflow", sender=owner)
    vault = chain.deploy("Vault", token, pool_share, insurance_share, outflow.address, sender=owner)
    outflow.set_vault(vault.address, sender=owner)
    return vault


def outflow_of(vault: Contract) -> Contract:
    """Its meters and locks."""
    return vault.chain.at("Outflow", vault.OUTFLOW())


def last_price(protocol: Protocol, market: str) -> int:
    """The feed's latest answer, whatever its age."""
    feed = protocol.feeds[market]
    return int(feed.latestRoundData()[1]) * 10 ** (18 - int(feed.decimals()))


def deposit_to(
    protocol: Protocol, account: int, holder: str, wad: int, owner: str, collateral: str | None = None
) -> None:
    """Mint that much of the settlement token, or of a collateral token, to the holder and deposit it."""
    token = protocol.token if collateral is None else protocol.collateral[collateral]
    amount = protocol.mint(holder, wad, owner, collateral)
    token.approve(protocol.vault.address, UNLIMITED, sender=holder)
    protocol.vault.deposit(account, token.address, amount, sender=holder)


def lend(protocol: Protocol, lender: str, cash: int, owner: str) -> int:
    """Mint `cash` [wad] to the lender and put it into the credit pool; the pool's account."""
    amount = protocol.mint(lender, cash, owner)
    protocol.token.approve(protocol.credit_pool.address, UNLIMITED, sender=lender)
    protocol.credit_pool.deposit(amount, lender, sender=lender)
    return int(protocol.credit_pool.ACCOUNT())


def drain_pool(protocol: Protocol, owner: str) -> None:
    """Let the owner, who holds all shares, leave with all free cash; an hour passes, prices stay."""
    pool = protocol.pool
    id_ = pool.requestRedeem(pool.balanceOf(owner), owner, owner, sender=owner).event("RedeemRequest").requestId
    protocol.chain.advance(int(pool.REQUEST_DELAY()))
    for market in protocol.markets:
        protocol.publish(market, last_price(protocol, market), owner)
    slots = protocol.vault.treasury(protocol.pool_account).slots
    books = [market for market in (slots >> 8 * slot & 255 for slot in range(8)) if market]
    rounds = [protocol.latest_round(protocol.market_names[market]) for market in books]
    pool.execute_request(id_, rounds, sender=owner)


def trade_at_oracle(
    protocol: Protocol,
    account: int,
    market: str,
    size: int,
    margin: int = 0,
    *,
    owner: str,
    keeper: str,
    reduce_only: bool = False,
    limit: int | None = None,
    sender: str | None = None,
) -> Receipt:
    """Commit an order, let the delay pass, publish a round at the last price and execute; the execution's receipt."""
    id_ = protocol.market_ids[market]
    sender = sender or protocol.vault.owner_of(account)
    price = last_price(protocol, market)
    if limit is None:
        limit = price * 2 if size > 0 else 0
    commit = protocol.exchange.commit(account, [(id_, size, limit, margin)], reduce_only, sender=sender)
    protocol.chain.advance(int(protocol.exchange.MIN_DELAY()))
    round_ = protocol.publish(market, price, owner)
    receipt: Receipt = protocol.exchange.execute(commit.event("OrderCommitted").order, [round_], sender=keeper)
    return receipt
