from __future__ import annotations

import pytest

from ballast.chain import Reverted
from tests.unit.credit.bench import WAD, CreditBench

NOBODY = "0x" + "00" * 20


def test_constructor__two_accounts__of_the_pool(bench: CreditBench) -> None:
    pool, vault = bench.pool, bench.vault
    assert {vault.owner_of(pool.ACCOUNT()), vault.owner_of(pool.EXIT_ACCOUNT())} == {pool.address}
    assert (pool.name(), pool.symbol(), pool.decimals()) == ("Ballast Credit Share", "BCRED", 18)
    assert (pool.asset(), pool.VAULT()) == (bench.token.address, vault.address)


def test_deposit__first__a_share_per_dollar(bench: CreditBench) -> None:
    """SOL-1, SOL-8: tokens go through the pool into the vault's custody; nothing and no allowance stays behind."""
    held = bench.held(bench.lender)
    receipt = bench.pool.deposit(1_000 * bench.raw, bench.other, sender=bench.lender)
    assert receipt.returned == bench.pool.balanceOf(bench.other) == bench.pool.totalSupply() == 1_000 * WAD
    assert bench.idle() == bench.pool.net_assets() == 1_000 * WAD
    assert bench.held(bench.lender) == held - 1_000 * bench.raw
    assert bench.held(bench.pool.address) == bench.token.allowance(bench.pool.address, bench.vault.address) == 0
    event = receipt.event("Deposit")
    assert (event.sender, event.owner, event.assets) == (bench.lender, bench.other, 1_000 * bench.raw)


def test_mint__shares__cost_their_worth_rounded_up(bench: CreditBench) -> None:
    """RND-1"""
    bench.deposit(1_000)
    bench.lend(800)
    bench.chain.advance(12_345_678)
    cost = bench.pool.previewMint(WAD)
    assert cost == bench.pool.convertToAssets(WAD) + 1
    assert bench.pool.mint(WAD, bench.other, sender=bench.other).returned == cost
    assert bench.pool.balanceOf(bench.other) == WAD


def test_deposit__beyond_the_cap__reverts(bench: CreditBench) -> None:
    bench.pool.set_limits(1_000 * WAD, 0, sender=bench.owner)
    bench.deposit(600)
    assert bench.pool.maxDeposit(bench.other) == 400 * bench.raw
    assert bench.pool.maxMint(bench.other) == 400 * WAD
    assert bench.pool.maxDeposit(NOBODY) == bench.pool.maxMint(NOBODY) == 0
    with pytest.raises(Reverted) as refusal:
        bench.pool.deposit(400 * bench.raw + 1, bench.lender, sender=bench.lender)
    assert refusal.value.reason == "credit: deposit cap"
    bench.deposit(400)
    assert bench.pool.maxDeposit(bench.other) == bench.pool.maxMint(bench.other) == 0


@pytest.mark.parametrize("call", ["deposit", "mint"])
def test_deposit__nothing__reverts(bench: CreditBench, call: str) -> None:
    """RND-4: no share for nothing."""
    with pytest.raises(Reverted) as refusal:
        getattr(bench.pool, call)(0, bench.lender, sender=bench.lender)
    assert refusal.value.reason == "shares: nothing for nothing"


def test_redeem__less_than_a_token_unit__reverts(bench: CreditBench) -> None:
    """RND-4: no share ends for nothing."""
    bench.deposit(10)
    with pytest.raises(Reverted) as refusal:
        bench.pool.redeem(bench.scale - 1, bench.lender, bench.lender, sender=bench.lender)
    assert refusal.value.reason == "shares: nothing for nothing"


def test_withdraw__idle_cash__pays_at_once(bench: CreditBench) -> None:
    bench.deposit(1_000)
    held = bench.held(bench.other)
    receipt = bench.pool.withdraw(300 * bench.raw, bench.other, bench.lender, sender=bench.lender)
    assert receipt.returned == 300 * WAD
    assert (bench.held(bench.other), bench.idle()) == (held + 300 * bench.raw, 700 * WAD)
    assert bench.pool.balanceOf(bench.lender) == bench.pool.totalSupply() == 700 * WAD
    event = receipt.event("Withdraw")
    assert (event.sender, event.receiver, event.owner) == (bench.lender, bench.other, bench.lender)


def test_redeem__all_after_interest__pays_more_than_was_paid_in(bench: CreditBench) -> None:
    bench.deposit(1_000)
    shares = bench.lend(500)
    bench.chain.advance(30 * 86_400)
    owed = bench.pool.debt_index() * shares // WAD
    bench.repay(owed // WAD + 1, shares)
    paid = bench.pool.redeem(1_000 * WAD, bench.lender, bench.lender, sender=bench.lender).returned
    interest = owed - 500 * WAD
    assert 1_000 * bench.raw + interest * 9 // 10 // bench.scale <= paid
    assert bench.pool.totalSupply() == 0
    assert bench.idle() >= bench.pool.reserve() >= interest // 10


def test_withdraw__beyond_idle_cash__reverts(bench: CreditBench) -> None:
    bench.deposit(1_000)
    bench.lend(600)
    assert bench.pool.maxWithdraw(bench.lender) == 400 * bench.raw
    assert bench.pool.maxRedeem(bench.lender) == 400 * WAD
    with pytest.raises(Reverted) as refusal:
        bench.pool.withdraw(400 * bench.raw + 1, bench.lender, bench.lender, sender=bench.lender)
    assert refusal.value.reason == "credit: not enough idle cash"
    bench.pool.redeem(400 * WAD, bench.lender, bench.lender, sender=bench.lender)
    assert bench.idle() == 0


def test_redeem__by_another__takes_his_allowance(bench: CreditBench) -> None:
    """AUT-2"""
    bench.deposit(1_000)
    with pytest.raises(Reverted, match="erc20: insufficient allowance"):
        bench.pool.redeem(WAD, bench.other, bench.lender, sender=bench.other)
    bench.pool.approve(bench.other, 5 * WAD, sender=bench.lender)
    bench.pool.redeem(3 * WAD, bench.other, bench.lender, sender=bench.other)
    assert bench.pool.allowance(bench.lender, bench.other) == 2 * WAD


def test_redeem__more_than_held__reverts(bench: CreditBench) -> None:
    bench.deposit(1_000)
    bench.deposit(1_000, bench.other)
    with pytest.raises(Reverted, match="erc20: burn amount exceeds balance"):
        bench.pool.redeem(1_001 * WAD, bench.lender, bench.lender, sender=bench.lender)


def test_previews__any_state__are_what_the_calls_do(bench: CreditBench) -> None:
    """§7.9: also seconds after the last change."""
    bench.deposit(1_000)
    bench.lend(700)
    bench.chain.advance(9_999_999)
    pool, lender = bench.pool, bench.lender
    for preview, call, amount in (
        (pool.previewDeposit, lambda: pool.deposit(7, lender, sender=lender), 7),
        (pool.previewMint, lambda: pool.mint(7 * WAD + 1, lender, sender=lender), 7 * WAD + 1),
        (pool.previewWithdraw, lambda: pool.withdraw(7, lender, lender, sender=lender), 7),
        (pool.previewRedeem, lambda: pool.redeem(7 * WAD + 1, lender, lender, sender=lender), 7 * WAD + 1),
    ):
        expected = preview(amount)
        assert call().returned == expected
    assert pool.convertToShares(bench.raw) == pool.previewDeposit(bench.raw)
    assert pool.convertToAssets(WAD) == pool.previewRedeem(WAD)
    assert pool.totalAssets() == pool.net_assets() // bench.scale


def test_set_limits__beyond_their_fields__reverts(bench: CreditBench) -> None:
    for limits in ((2**128, 0), (0, 2**128)):
        with pytest.raises(Reverted) as refusal:
            bench.pool.set_limits(*limits, sender=bench.owner)
        assert refusal.value.reason == "math: out of range"
