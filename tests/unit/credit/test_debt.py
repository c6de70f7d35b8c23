from __future__ import annotations

import pytest

from ballast.chain import Reverted
from tests.unit.credit.bench import RATES, WAD, YEAR, CreditBench


def test_change_debt__loan_and_repayment__move_nothing_but_what_is_owed(bench: CreditBench) -> None:
    """SOL-3, §7.8: a loan and its repayment leave the price of a share where it was or above."""
    bench.deposit(1_000)
    before = bench.price()
    shares = bench.lend(500)
    assert bench.pool.debt_shares() == shares == 500 * WAD
    assert bench.pool.total_debt() == 500 * WAD
    assert bench.pool.net_assets() == 1_000 * WAD
    assert bench.price() >= before
    bench.repay(500, shares)
    assert bench.pool.debt_shares() == bench.pool.total_debt() == 0
    assert bench.price() >= before


@pytest.mark.parametrize("call", ["change_debt", "write_off"])
def test_change_debt__not_the_vault__reverts(bench: CreditBench, call: str) -> None:
    """AUT-1"""
    for caller in (bench.owner, bench.engine, bench.stranger):
        with pytest.raises(Reverted) as refusal:
            getattr(bench.pool, call)(0, 0, sender=caller)
        assert refusal.value.reason == "access: not the vault"


def test_change_debt__at_the_cap__grows_no_further(bench: CreditBench) -> None:
    bench.deposit(1_000)
    bench.pool.set_limits(10**6 * WAD, 400 * WAD, sender=bench.owner)
    assert bench.pool.available() == 400 * WAD
    bench.lend(400)
    assert bench.pool.available() == 0
    with pytest.raises(Reverted) as refusal:
        bench.change_debt(1)
    assert refusal.value.reason == "credit: debt cap"


def test_change_debt__above_a_lowered_cap__repays(bench: CreditBench) -> None:
    """LIV-1: a cap refuses growth and nothing else."""
    bench.deposit(1_000)
    shares = bench.lend(400)
    bench.pool.set_limits(0, 0, sender=bench.owner)
    bench.repay(100, shares // 4)
    assert bench.pool.debt_shares() == 300 * WAD
    bench.pool.withdraw(100 * bench.raw, bench.lender, bench.lender, sender=bench.lender)


def test_change_debt__more_than_there_is__reverts(bench: CreditBench) -> None:
    with pytest.raises(Reverted):
        bench.change_debt(-1)


@pytest.mark.parametrize(
    ("lent", "rate"),
    [
        (0, RATES["base_rate"]),
        (400, WAD // 100 + 5 * WAD // 100 // 2),
        (800, RATES["kink_rate"]),
        (900, 6 * WAD // 100 + 94 * WAD // 100 // 2),
        (1_000, RATES["max_rate"]),
    ],
)
def test_borrow_rate__utilisation__is_on_the_curve(bench: CreditBench, lent: int, rate: int) -> None:
    bench.deposit(1_000)
    if lent:
        bench.lend(lent)
    assert bench.pool.borrow_rate() == rate


def test_borrow_rate__entry_and_exit__follow(bench: CreditBench) -> None:
    bench.deposit(1_000)
    bench.lend(800)
    bench.deposit(1_000)
    assert bench.pool.borrow_rate() == WAD // 100 + 5 * WAD // 100 // 2
    bench.pool.withdraw(1_000 * bench.raw, bench.lender, bench.lender, sender=bench.lender)
    assert bench.pool.borrow_rate() == RATES["kink_rate"]


def test_set_rate_config__interest_until_now__is_charged_as_it_was(bench: CreditBench) -> None:
    """ACC-4: no repricing of the past, of the rate or of the reserve's share."""
    bench.deposit(1_000)
    bench.lend(800)
    bench.chain.advance(YEAR // 2)
    index, reserve = bench.pool.debt_index(), bench.pool.reserve()
    bench.rates(base_rate=0, kink_rate=0, max_rate=0, reserve_share=WAD // 2)
    assert (bench.pool.debt_index(), bench.pool.reserve()) == (index, reserve)
    bench.chain.advance(YEAR // 2)
    assert (bench.pool.debt_index(), bench.pool.reserve()) == (index, reserve)


@pytest.mark.parametrize(
    "changes",
    [
        {"base_rate": 6 * WAD // 100 + 10**12},
        {"max_rate": 6 * WAD // 100 - 10**12},
        {"max_rate": 2 * WAD + 10**12},
        {"kink": WAD // 2 - 10**12},
        {"kink": 99 * WAD // 100 + 10**12},
        {"reserve_share": WAD // 2 + 10**12},
        {"base_rate": 1},
        {"kink": 8 * WAD // 10 + 1},
        {"kink_rate": 6 * WAD // 100 + 1},
        {"max_rate": WAD + 1},
        {"reserve_share": 1},
    ],
)
def test_set_rate_config__out_of_bounds__reverts(bench: CreditBench, changes: dict[str, int]) -> None:
    """X-GOV-02: hard bounds, and whole parts per million."""
    with pytest.raises(Reverted) as refusal:
        bench.rates(**changes)
    assert refusal.value.reason == "credit: out of bounds"
    assert bench.pool.rate_config()._asdict() == RATES


@pytest.mark.parametrize("kink", [WAD // 2, 99 * WAD // 100])
def test_set_rate_config__at_the_bounds__holds(bench: CreditBench, kink: int) -> None:
    rates = {"base_rate": 0, "kink": kink, "kink_rate": 0, "max_rate": 2 * WAD, "reserve_share": WAD // 2}
    bench.rates(**rates)
    assert bench.pool.rate_config()._asdict() == rates


def test_write_off__loss__reserve_first_then_lenders(bench: CreditBench) -> None:
    """BDT-2, BDT-3: what is lost is what the debt was worth; insurance's uncollected share goes before capital."""
    bench.deposit(1_000)
    bench.lend(800)
    bench.chain.advance(YEAR)
    reserve, before, debt = bench.pool.reserve(), bench.pool.net_assets(), bench.pool.total_debt()
    assert reserve > 4 * WAD

    receipt = bench.write_off(2 * WAD)
    small = receipt.event("WrittenOff")
    assert small.loss == small.from_reserve == debt - bench.pool.total_debt()
    assert bench.pool.net_assets() == before
    assert bench.pool.reserve() == reserve - small.loss

    large = bench.write_off(500 * WAD).event("WrittenOff")
    assert (large.from_reserve, bench.pool.reserve()) == (reserve - small.loss, 0)
    assert bench.pool.net_assets() == before - (large.loss - large.from_reserve)
    assert bench.pool.debt_shares() == 298 * WAD


def test_write_off__everything__leaves_the_idle_cash(bench: CreditBench) -> None:
    """BDT-5: the price falls by the loss alone, and never below zero, reserve and all."""
    bench.deposit(1_000)
    shares = bench.lend(1_000)
    bench.chain.advance(YEAR)
    bench.write_off(shares)
    assert bench.pool.net_assets() == bench.pool.reserve() == bench.pool.total_debt() == 0
    bench.donate(10)
    assert bench.pool.convertToAssets(1_000 * WAD) == 10 * bench.raw


def test_collect_reserve__idle_cash__goes_to_insurance(bench: CreditBench) -> None:
    """SOL-1, SOL-4: insurance's account gains what the pool's loses, and lenders nothing either way."""
    bench.deposit(1_000)
    bench.lend(800)
    bench.chain.advance(YEAR)
    reserve, net, idle = bench.pool.reserve(), bench.pool.net_assets(), bench.idle()
    receipt = bench.pool.collect_reserve(sender=bench.keeper)
    assert receipt.returned == receipt.event("ReserveCollected").amount == reserve // bench.scale
    assert bench.cash(bench.fund_account) == idle - bench.idle() == receipt.returned * bench.scale
    assert bench.pool.reserve() == reserve % bench.scale
    assert bench.pool.net_assets() == net


def test_collect_reserve__all_lent__takes_what_is_idle(bench: CreditBench) -> None:
    bench.deposit(1_000)
    bench.lend(999)
    bench.chain.advance(YEAR)
    assert bench.pool.reserve() > WAD
    assert bench.pool.collect_reserve(sender=bench.keeper).returned == bench.raw
    with pytest.raises(Reverted) as refusal:
        bench.pool.collect_reserve(sender=bench.keeper)
    assert refusal.value.reason == "vault: zero amount"


def test_collect_reserve__ahead_of_a_known_loss__reverts(bench: CreditBench) -> None:
    """BDT-2, BDT-3: insurance cannot take its share of interest out of the way of a debt that it bears first."""
    bench.pool.set_deficits(bench.deficits.address, sender=bench.owner)
    bench.deposit(1_000)
    bench.lend(800)
    bench.chain.advance(YEAR)
    reserve, insured = bench.pool.reserve(), bench.cash(bench.fund_account)
    bench.deficits.set_insolvencies(1, 1, sender=bench.owner)
    with pytest.raises(Reverted) as refusal:
        bench.pool.collect_reserve(sender=bench.keeper)
    assert refusal.value.reason == "shares: deficit not assigned"
    assert (bench.pool.reserve(), bench.cash(bench.fund_account)) == (reserve, insured)
    net = bench.pool.net_assets()
    event = bench.write_off(WAD).event("WrittenOff")
    assert event.from_reserve == event.loss
    assert bench.pool.net_assets() == net
    bench.deficits.set_insolvencies(1, 0, sender=bench.owner)
    assert bench.pool.collect_reserve(sender=bench.keeper).returned > 0
