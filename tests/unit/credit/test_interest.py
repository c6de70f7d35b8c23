from __future__ import annotations

from decimal import Decimal, localcontext
from itertools import pairwise
from random import Random

import pytest

from ballast.model.fixed_point import wad_exp
from tests.unit.credit.bench import RATES, WAD, YEAR, CreditBench

YEARS = 10 * YEAR


def exactly(index: int, rate: int, seconds: int) -> Decimal:
    """index · e^(rate · time), to fifty digits."""
    with localcontext() as context:
        context.prec = 50
        return index * (Decimal(rate * seconds) / (YEAR * WAD)).exp()


def test_debt_index__nothing_was_ever_lent__is_one(bench: CreditBench) -> None:
    """ACC-2"""
    assert bench.pool.debt_index() == WAD


def test_debt_index__a_year__grows_by_e_to_the_rate(bench: CreditBench) -> None:
    bench.deposit(1_000)
    bench.lend(800)
    bench.chain.advance(YEAR)
    assert bench.pool.debt_index() == 1_061_836_546_545_359_624
    assert exactly(WAD, RATES["kink_rate"], YEAR) // 1 == 1_061_836_546_545_359_622


def test_accrue__any_state__changes_nothing_that_a_view_says(bench: CreditBench) -> None:
    """ACC-1, §7.9: a view is what the next change starts from."""
    bench.deposit(1_000)
    bench.lend(900)
    bench.chain.advance(1_234_567)
    views = ("debt_index", "total_debt", "reserve", "net_assets", "totalAssets", "borrow_rate", "available")
    before = [getattr(bench.pool, view)() for view in views]
    event = bench.pool.accrue(sender=bench.stranger).event("Accrued")
    assert [getattr(bench.pool, view)() for view in views] == before
    assert event.index == bench.pool.debt_index()
    assert event.interest == bench.pool.total_debt() - 900 * WAD
    assert event.to_reserve == bench.pool.reserve() == event.interest // 10
    assert not bench.pool.accrue(sender=bench.stranger).named("Accrued")


@pytest.mark.parametrize("steps", [2, 7, 60, 500])
def test_accrue__in_steps__owes_what_one_step_owes(bench: CreditBench, steps: int) -> None:
    """ACC-5: the index is never below the exact figure, and at most 5e-18 of it a step above."""
    bench.deposit(1_000)
    bench.lend(900)
    seconds = 10_000
    state = bench.chain.snapshot()
    bench.chain.advance(seconds * steps)
    exact = exactly(WAD, bench.pool.borrow_rate(), seconds * steps)
    assert exact <= bench.pool.debt_index() <= exact + 5 * exact / WAD
    bench.chain.revert(state)
    for _ in range(steps):
        bench.chain.advance(seconds)
        bench.pool.accrue(sender=bench.stranger)
    assert exact <= bench.pool.debt_index() <= exact + 5 * steps * exact / WAD


def test_wad_exp__over_all_steps__is_never_too_low_by_more_than_allowed_for() -> None:
    """ACC-5: what the bound rests on: the approximation is within 1.01 wei below and 0.1 above, up to e²."""
    random = Random(1)
    for _ in range(20_000):
        x = random.randint(1, random.choice((10**6, 10**12, 10**16, 2 * WAD)))
        error = wad_exp(x) - exactly(WAD, x, YEAR)
        assert Decimal("-1.01") < error < Decimal("0.1")


@pytest.mark.parametrize("decimals", [2, 6, 8, 18])
def test_accrue__every_second_at_a_tiny_rate__is_not_lost(decimals: int) -> None:
    """ACC-5, X-RND-04: with a token of any decimals the last digit of a dollar earns, every second."""
    bench = CreditBench(decimals)
    bench.rates(base_rate=10**12, kink_rate=10**12, max_rate=10**12)  # one part per million a year
    bench.deposit(1)
    bench.lend(1)
    debts = [bench.pool.total_debt()]
    for _ in range(30):
        bench.chain.advance(1)
        bench.pool.accrue(sender=bench.stranger)
        debts.append(bench.pool.total_debt())
    assert all(later > earlier for earlier, later in pairwise(debts))
    assert debts[-1] - debts[0] >= WAD * 10**12 * 30 // YEAR // WAD
    assert debts[-1] - debts[0] <= WAD * 10**12 * 30 // YEAR // WAD + 5 * 30 + 1


def test_debt_index__a_long_silence__is_charged_for_a_year(bench: CreditBench) -> None:
    """ACC-7: rate ≤ 200 %, time ≤ a year: no step multiplies a debt by more than e²."""
    bench.rates(base_rate=2 * WAD, kink_rate=2 * WAD, max_rate=2 * WAD)
    bench.deposit(1_000)
    bench.lend(900)
    bench.chain.advance(YEAR)
    year = bench.pool.debt_index()
    exact = exactly(WAD, 2 * WAD, YEAR)
    assert exact <= year <= exact + 5 * exact / WAD
    bench.chain.advance(YEARS)
    assert bench.pool.debt_index() == year


def test_debt_index__at_its_limit__stands_and_repayment_goes_on(bench: CreditBench) -> None:
    """LIV-1, RND-6: 24 years at the highest rate there may be; no call ever fails for it."""
    bench.rates(base_rate=2 * WAD, kink_rate=2 * WAD, max_rate=2 * WAD)
    bench.deposit(1_000)
    shares = bench.lend(500)
    for _ in range(30):
        bench.chain.advance(YEAR)
        bench.pool.accrue(sender=bench.stranger)
    assert bench.pool.debt_index() == 2**128 - 1
    bench.repay(500, shares)
    assert bench.pool.total_debt() == 0


def test_debt_index__whatever_happens__never_falls(bench: CreditBench) -> None:
    """ACC-2, §7.8"""
    bench.deposit(1_000)
    index = bench.pool.debt_index()
    for step in (
        lambda: bench.lend(700),
        lambda: bench.change_debt(-100 * WAD),
        lambda: bench.write_off(50 * WAD),
        lambda: bench.rates(base_rate=0, kink_rate=0),
        lambda: bench.donate(100),
        lambda: bench.deposit(1_000),
        lambda: bench.pool.accrue(sender=bench.stranger),
    ):
        step()
        bench.chain.advance(86_400)
        assert bench.pool.debt_index() >= index
        index = bench.pool.debt_index()


def test_interest__split__is_lenders_and_insurances_to_the_wei(bench: CreditBench) -> None:
    """ACC-6: debtors pay what lenders and insurance receive."""
    bench.deposit(1_000)
    bench.lend(800)
    bench.chain.advance(YEAR)
    interest = bench.pool.total_debt() - 800 * WAD
    assert bench.pool.reserve() == interest // 10
    assert bench.pool.net_assets() - 1_000 * WAD == interest - interest // 10
