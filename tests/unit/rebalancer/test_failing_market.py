"""A market that fails in `book_risk`: its book is frozen, the rest of the account goes on, and nobody can fake it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ballast.chain import Contract, Reverted
from ballast.deploy import Protocol
from ballast.params import WAD

REVERT, BURN, ABSURD = 1, 2, 4  # modes of MockBrokenMarket
MARGIN = 1_000 * WAD


@pytest.fixture
def broken(
    protocol: Protocol,
    build: Callable[..., int],
    guard: Callable[..., None],
    drain: Callable[..., None],
    publish: Callable[..., int],
    owner: str,
    trader: str,
) -> tuple[int, Contract]:
    """An account like `short`, with a third book in a market that may fail; the account and the market."""
    market = protocol.chain.deploy("MockBrokenMarket", sender=owner)
    protocol.vault.add_market(market.address, sender=owner)
    account = build(cash=1_000, BTC=(60_000, 14_000), ETH=(15_000, 15_000))
    guard(account)
    protocol.rebalancer.transfer_margin(account, 0, protocol.vault.market_count(), MARGIN, sender=trader)
    drain(account)
    publish("ETH", 3_000 * WAD, after=30)
    publish("BTC", 50_500 * WAD)
    return account, market


@pytest.mark.parametrize("mode", [REVERT, BURN, ABSURD])
def test_rebalance__market_fails__the_rest_of_the_account_goes_on(
    protocol: Protocol,
    rebalancer: Contract,
    vault: Contract,
    broken: tuple[int, Contract],
    keeper: str,
    owner: str,
    mode: int,
    z: Callable[[int, str], float],
) -> None:
    """REB-8, EXT-3, §7.10: whatever it answers, or none; its margin stays to the wei and the short book is saved."""
    account, market = broken
    market.set_mode(mode, sender=owner)
    plan = rebalancer.preview(account)
    assert (plan.frozen, plan.code) == (1 << 2, 0)
    assert 2 not in [transfer.slot for transfer in plan.transfers]
    before, balance = z(account, "BTC"), vault.market(vault.market_count())[1]
    receipt = rebalancer.rebalance(account, sender=keeper)
    assert receipt.event("Rebalanced").moved == plan.moved > 0
    assert z(account, "BTC") > before
    assert market.margin(account) == balance == vault.market(vault.market_count())[1] == MARGIN


def test_rebalance__market_well_again__takes_part_again(
    rebalancer: Contract, broken: tuple[int, Contract], owner: str
) -> None:
    account, market = broken
    market.set_mode(REVERT, sender=owner)
    equity = rebalancer.preview(account).equity
    market.set_mode(0, sender=owner)
    plan = rebalancer.preview(account)
    assert plan.frozen == 0
    assert plan.equity == equity + MARGIN


@pytest.mark.parametrize("mode", [0, BURN])
def test_rebalance__starved_of_gas__reverts_and_moves_nothing(
    rebalancer: Contract, vault: Contract, broken: tuple[int, Contract], keeper: str, owner: str, mode: int
) -> None:
    """REB-13, KPR-2: no amount of gas lets a caller freeze a market that works, or act on half an account."""
    account, market = broken
    market.set_mode(mode, sender=owner)
    frozen, chain, claimable = rebalancer.preview(account).frozen, rebalancer.chain, vault.claimable(keeper)
    refusals = set()
    for gas in range(200_000, 1_600_000, 100_000):
        state, treasury = chain.snapshot(), vault.treasury(account)
        try:
            transfers = rebalancer.rebalance(account, sender=keeper, gas=gas).event("Rebalanced").transfers
            assert transfers == 2
        except Reverted as refusal:
            refusals.add(refusal.reason)
            assert vault.treasury(account) == treasury
            assert vault.claimable(keeper) == claimable
        chain.revert(state)
    assert "rebalancer: not enough gas" in refusals
    assert refusals <= {"rebalancer: not enough gas", ""}
    assert rebalancer.preview(account).frozen == frozen
