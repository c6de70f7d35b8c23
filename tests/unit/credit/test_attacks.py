"""What others have lost money to: share inflation, donations, exits ahead of a loss, rounding."""

from __future__ import annotations

from random import Random

import pytest

from ballast.chain import Reverted
from tests.unit.credit.bench import WAD, YEAR, CreditBench


@pytest.mark.parametrize("decimals", [2, 6, 18])
@pytest.mark.parametrize("gift", [1_000, 10**6])
def test_deposit__after_a_donation_to_an_empty_pool__loses_nothing(decimals: int, gift: int) -> None:
    """X-SHR-01, X-SHR-02: whoever enters first with a token unit and pushes the price up pays for it himself, and takes
    from others no more than 1e-12 of his gift."""
    bench = CreditBench(decimals)
    pool, attacker, victim = bench.pool, bench.other, bench.lender
    before = bench.held(attacker)
    pool.deposit(1, attacker, sender=attacker)
    bench.vault.deposit(bench.account, bench.token.address, gift * bench.raw, sender=attacker)
    bench.deposit(1_000, victim)
    assert pool.convertToAssets(pool.balanceOf(victim)) >= 1_000 * bench.raw - 1 - gift * bench.raw // 10**12
    pool.redeem(pool.balanceOf(attacker), attacker, attacker, sender=attacker)
    assert bench.held(attacker) <= before


def test_donation__any__is_the_shareholders(bench: CreditBench) -> None:
    """SOL-7: tokens sent to the contract count for nothing, cash given to the account is everybody's by shares."""
    bench.deposit(1_000)
    bench.deposit(3_000, bench.other)
    bench.token.transfer(bench.pool.address, 500 * bench.raw, sender=bench.borrower)
    assert bench.pool.net_assets() == 4_000 * WAD
    bench.donate(400)
    assert bench.pool.convertToAssets(1_000 * WAD) == 1_100 * bench.raw - 1
    assert bench.pool.debt_index() == WAD


def test_exit__ahead_of_a_loss__is_worth_no_more_than_staying(bench: CreditBench) -> None:
    """BDT-2: who runs while the deficit is known runs into the gate, and then bears his part."""
    bench.pool.set_deficits(bench.deficits.address, sender=bench.owner)
    bench.deposit(1_000)
    bench.deposit(1_000, bench.other)
    bench.lend(500)
    bench.deficits.set_insolvencies(1, 1, sender=bench.owner)
    with pytest.raises(Reverted) as refusal:
        bench.pool.redeem(1_000 * WAD, bench.lender, bench.lender, sender=bench.lender)
    assert refusal.value.reason == "shares: deficit not assigned"
    bench.write_off(500 * WAD)
    bench.deficits.set_insolvencies(0, 0, sender=bench.owner)
    paid = bench.pool.redeem(1_000 * WAD, bench.lender, bench.lender, sender=bench.lender).returned
    assert paid == bench.pool.convertToAssets(1_000 * WAD) == 750 * bench.raw


@pytest.mark.parametrize("decimals", [2, 6, 18])
def test_round_trips__each_of_eight__pay_nothing(decimals: int) -> None:
    """RND-2: in by either way and out by either way, at once: never a token unit, or a share, more."""
    bench = CreditBench(decimals)
    pool, me = bench.pool, bench.other
    bench.deposit(1_234)
    bench.lend(1_000)
    bench.chain.advance(YEAR // 3)
    bench.deposit(777, me)
    shares, held, price = pool.balanceOf(me), bench.held(me), bench.price()
    for amount in (1, 2, 3, 99, 10**decimals, 10**decimals + 1, 100 * 10**decimals - 1):
        wad = amount * bench.scale + 1
        trips = (
            lambda a, w: pool.redeem(pool.deposit(a, me, sender=me).returned, me, me, sender=me),
            lambda a, w: pool.withdraw(_paid(pool.deposit(a, me, sender=me), pool, a), me, me, sender=me),
            lambda a, w: _mint_and(pool, me, w, by_shares=True),
            lambda a, w: _mint_and(pool, me, w, by_shares=False),
            lambda a, w: pool.deposit(pool.redeem(w, me, me, sender=me).returned, me, sender=me),
            lambda a, w: pool.mint(w, me, sender=me) if pool.redeem(w, me, me, sender=me).returned else None,
            lambda a, w: pool.deposit(a, me, sender=me) if pool.withdraw(a, me, me, sender=me).returned else None,
            lambda a, w: pool.mint(pool.withdraw(a, me, me, sender=me).returned, me, sender=me),
        )
        for trip in trips:
            state = bench.chain.snapshot()
            try:
                trip(amount, wad)
            except Reverted as refusal:
                assert refusal.reason == "shares: nothing for nothing"
            gained_tokens, gained_shares = bench.held(me) - held, pool.balanceOf(me) - shares
            assert gained_tokens <= 0 or gained_shares < 0
            assert gained_shares <= 0 or gained_tokens < 0
            worth = gained_tokens * bench.scale * 10**30 + gained_shares * price
            assert worth <= 10**30  # a wei of price's own rounding
            assert bench.price() >= price
            bench.chain.revert(state)


def _paid(receipt: object, pool: object, amount: int) -> int:
    """What the shares just bought would bring."""
    return int(pool.convertToAssets(receipt.returned))  # type: ignore[attr-defined]


def _mint_and(pool: object, me: str, shares: int, *, by_shares: bool) -> None:
    """Mint shares and sell them again."""
    pool.mint(shares, me, sender=me)  # type: ignore[attr-defined]
    if by_shares:
        pool.redeem(shares, me, me, sender=me)  # type: ignore[attr-defined]
    else:
        pool.withdraw(pool.convertToAssets(shares), me, me, sender=me)  # type: ignore[attr-defined]


def test_small_calls__five_hundred_of_any_kind__never_pay(bench: CreditBench) -> None:
    """RND-5, X-RND-01: at a constant index nobody gets richer by many small calls."""
    random, pool, me = Random(7), bench.pool, bench.other
    bench.deposit(1_000)
    bench.lend(333)
    bench.chain.advance(YEAR)
    bench.deposit(100, me)
    wealth, price = bench.held(me) + pool.convertToAssets(pool.balanceOf(me)), bench.price()
    calls = (
        lambda n: pool.deposit(n, me, sender=me),
        lambda n: pool.mint(n * bench.scale, me, sender=me),
        lambda n: pool.withdraw(n, me, me, sender=me),
        lambda n: pool.redeem(n * bench.scale, me, me, sender=me),
    )
    for _ in range(500):
        try:
            random.choice(calls)(random.randint(1, 40))
        except Reverted as refusal:
            assert refusal.reason == "shares: nothing for nothing"
        assert bench.price() >= price
        price = bench.price()
    assert bench.held(me) + pool.convertToAssets(pool.balanceOf(me)) <= wealth + 1


def test_repayment__in_dust__shrinks_no_base(bench: CreditBench) -> None:
    """X-RND-02: repaying wei by wei lowers neither the price of a share nor the index."""
    bench.deposit(1_000)
    shares = bench.lend(1)
    bench.chain.advance(YEAR // 7)
    price, index = bench.price(), bench.pool.debt_index()
    for _ in range(50):
        bench.vault.deposit(bench.account, bench.token.address, 1, sender=bench.borrower)
        ended = bench.scale * WAD // index
        bench.change_debt(-ended)
        shares -= ended
        assert bench.price() >= price
        price = bench.price()
    assert bench.pool.debt_index() == index
    bench.repay(2, shares)
    assert bench.pool.total_debt() == 0
