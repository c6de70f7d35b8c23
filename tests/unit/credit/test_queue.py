from __future__ import annotations

import pytest

from ballast.chain import Reverted
from tests.unit.credit.bench import WAD, CreditBench


@pytest.fixture
def lent(bench: CreditBench) -> CreditBench:
    """Two lenders of $1,000 each, and everything lent."""
    bench.deposit(1_000)
    bench.deposit(1_000, bench.other)
    bench.lend(2_000)
    return bench


def request(bench: CreditBench, usd: int, holder: str, claimant: str = "") -> int:
    return int(bench.pool.request_exit(usd * WAD, claimant or holder, sender=holder).returned)


def test_request_exit__nothing_idle__waits(lent: CreditBench) -> None:
    """The shares are the pool's to hold and the lender's to gain or lose by."""
    pool = lent.pool
    receipt = pool.request_exit(400 * WAD, lent.stranger, sender=lent.lender)
    assert receipt.returned == 1
    assert pool.queue() == (1, 1)
    assert pool.queued_exit(1) == (lent.stranger, 400 * WAD)
    assert pool.queued_shares() == pool.balanceOf(pool.address) == 400 * WAD
    assert pool.balanceOf(lent.lender) == 600 * WAD
    assert pool.totalSupply() == 2_000 * WAD
    event = receipt.event("ExitRequested")
    assert (event.owner, event.claimant, event.shares) == (lent.lender, lent.stranger, 400 * WAD)


def test_request_exit__idle_cash__is_served_at_once(bench: CreditBench) -> None:
    """So nobody can keep the pool from lending by an exit that could be paid."""
    bench.deposit(1_000)
    request(bench, 400, bench.lender)
    assert bench.pool.queue() == (2, 0)
    assert bench.pool.claimable(bench.lender) == 400 * bench.raw
    assert bench.cash(bench.pool.EXIT_ACCOUNT()) == 400 * WAD
    assert bench.idle() == 600 * WAD
    bench.lend(600)


def test_request_exit__too_small__reverts(bench: CreditBench) -> None:
    bench.deposit(1_000)
    with pytest.raises(Reverted) as refusal:
        bench.pool.request_exit(WAD - 1, bench.lender, sender=bench.lender)
    assert refusal.value.reason == "credit: exit too small"


@pytest.mark.parametrize("gift", [1, 10**6])
def test_request_exit__after_a_donation_to_an_empty_pool__is_for_all(bench: CreditBench, gift: int) -> None:
    """X-SHR-01, X-SHR-02: a dollar given while there are no shares makes one worth a million; what may queue is counted
    in dollars, so nobody is shut out of the queue by that."""
    bench.donate(gift)
    shares = bench.deposit(1_000)
    bench.deposit(1_000, bench.other)
    assert shares < WAD // 500
    bench.lend(2_000 + gift)
    bench.pool.request_exit(shares // 2, bench.lender, sender=bench.lender)
    with pytest.raises(Reverted) as refusal:
        bench.pool.request_exit(shares // 1_001, bench.lender, sender=bench.lender)
    assert refusal.value.reason == "credit: exit too small"
    bench.repay(600, 600 * WAD)
    bench.pool.serve_exits(1, sender=bench.keeper)
    assert bench.pool.claimable(bench.lender) == pytest.approx(500 * bench.raw, rel=10**-5)


def test_request_exit__for_nobody__reverts(bench: CreditBench) -> None:
    bench.deposit(1_000)
    with pytest.raises(Reverted) as refusal:
        bench.pool.request_exit(WAD, "0x" + "00" * 20, sender=bench.lender)
    assert refusal.value.reason == "credit: no claimant"


def test_serve_exits__cash_comes_back__first_come_first_served(lent: CreditBench) -> None:
    """The one who was first is paid in part before the second sees anything, and stays first for the rest."""
    pool = lent.pool
    request(lent, 400, lent.lender)
    request(lent, 500, lent.other)
    lent.repay(300, 300 * WAD)
    assert pool.serve_exits(9, sender=lent.keeper).returned == 0
    assert lent.idle() == 0
    assert pool.claimable(lent.lender) == 300 * lent.raw
    assert pool.claimable(lent.other) == 0
    assert pool.queue() == (1, 2)
    lent.repay(1_000, 1_000 * WAD)
    assert pool.serve_exits(1, sender=lent.keeper).returned == 1
    assert pool.claimable(lent.lender) == 400 * lent.raw
    assert pool.claimable(lent.other) == 0
    assert pool.queue() == (2, 1)
    assert pool.serve_exits(9, sender=lent.keeper).returned == 1
    assert pool.queue() == (3, 0)
    assert pool.claimable(lent.other) == 500 * lent.raw
    assert pool.queued_shares() == pool.balanceOf(pool.address) == 0


def test_serve_exits__nothing_idle_or_nobody_waits__does_nothing(lent: CreditBench) -> None:
    assert lent.pool.serve_exits(9, sender=lent.keeper).returned == 0
    request(lent, 400, lent.lender)
    assert lent.pool.serve_exits(0, sender=lent.keeper).returned == 0
    assert lent.pool.serve_exits(2**256 - 1, sender=lent.keeper).returned == 0
    assert lent.pool.queue() == (1, 1)


def test_exit__behind_the_queue__reverts(lent: CreditBench) -> None:
    """X-LIQ-09: nobody overtakes who waits."""
    request(lent, 400, lent.lender)
    lent.donate(100)
    assert lent.pool.maxWithdraw(lent.other) == lent.pool.maxRedeem(lent.other) == 0
    with pytest.raises(Reverted) as refusal:
        lent.pool.redeem(WAD, lent.other, lent.other, sender=lent.other)
    assert refusal.value.reason == "credit: exits are waiting"


def test_change_debt__exits_wait__grows_no_debt_and_repays(lent: CreditBench) -> None:
    request(lent, 400, lent.lender)
    lent.donate(1_000)
    assert lent.pool.available() == 0
    with pytest.raises(Reverted) as refusal:
        lent.change_debt(1)
    assert refusal.value.reason == "credit: exits are waiting"
    lent.change_debt(-WAD)


def test_claim__served__pays_whom_the_claimant_names(bench: CreditBench) -> None:
    """X-TOK-03: exits are credited, never pushed, so nobody's blocked address holds up the queue."""
    bench.deposit(1_000)
    request(bench, 400, bench.lender, bench.stranger)
    held = bench.held(bench.keeper)
    receipt = bench.pool.claim(bench.keeper, sender=bench.stranger)
    assert receipt.returned == 400 * bench.raw == bench.held(bench.keeper) - held
    assert bench.pool.claimable(bench.stranger) == bench.cash(bench.pool.EXIT_ACCOUNT()) == 0
    with pytest.raises(Reverted) as refusal:
        bench.pool.claim(bench.keeper, sender=bench.stranger)
    assert refusal.value.reason == "vault: zero amount"


def test_queue__interest_and_a_loss__reach_those_who_wait(lent: CreditBench) -> None:
    """BDT-2: shares in the queue earn and bear losses until they are served."""
    request(lent, 1_000, lent.lender)
    lent.chain.advance(86_400 * 30)
    assert lent.pool.convertToAssets(1_000 * WAD) > 1_000 * lent.raw
    lent.write_off(lent.pool.debt_shares() // 2)
    worth = lent.pool.convertToAssets(1_000 * WAD)
    assert worth < 600 * lent.raw
    lent.repay(2_000, lent.pool.debt_shares())
    lent.pool.serve_exits(9, sender=lent.keeper)
    assert lent.pool.claimable(lent.lender) >= worth


def test_serve_exits__a_long_queue__is_bounded_a_call(lent: CreditBench) -> None:
    """X-DOS-01: however many there are, one call serves no more than fits, and the rest wait for the next."""
    for _ in range(70):
        request(lent, 1, lent.lender)
    lent.repay(1_500, 1_500 * WAD)
    receipt = lent.pool.serve_exits(1_000, sender=lent.keeper)
    assert receipt.returned == 64
    assert receipt.gas_used < 5_000_000
    assert lent.pool.serve_exits(1_000, sender=lent.keeper).returned == 6


def test_exit__deficit_not_assigned__waits(bench: CreditBench) -> None:
    """BDT-2: nobody leaves at par while a loss has no bearer; who asked before is not served either."""
    bench.deposit(1_000)
    bench.deficits.set_insolvencies(1, 1, sender=bench.owner)
    bench.pool.set_deficits(bench.deficits.address, sender=bench.owner)
    assert bench.pool.maxWithdraw(bench.lender) == bench.pool.maxRedeem(bench.lender) == 0
    for call, arguments in (
        (bench.pool.withdraw, (bench.raw, bench.lender, bench.lender)),
        (bench.pool.redeem, (WAD, bench.lender, bench.lender)),
        (bench.pool.serve_exits, (1,)),
    ):
        with pytest.raises(Reverted) as refusal:
            call(*arguments, sender=bench.lender)
        assert refusal.value.reason == "shares: deficit not assigned"
    request(bench, 100, bench.lender)
    assert bench.pool.queue() == (1, 1)
    bench.deposit(100, bench.other)
    bench.deficits.set_insolvencies(0, 0, sender=bench.owner)
    assert bench.pool.serve_exits(1, sender=bench.keeper).returned == 1


def test_exit__deficit_of_a_market__is_not_the_lenders(bench: CreditBench) -> None:
    """§7.10: a book below zero in a market that is down is no matter of those who lend."""
    bench.deposit(1_000)
    bench.pool.set_deficits(bench.deficits.address, sender=bench.owner)
    bench.deficits.set_insolvencies(1, 0, sender=bench.owner)
    assert bench.pool.maxWithdraw(bench.lender) == 1_000 * bench.raw
    bench.pool.redeem(500 * WAD, bench.lender, bench.lender, sender=bench.lender)
    request(bench, 100, bench.lender)
    assert bench.pool.claimable(bench.lender) == 100 * bench.raw


def test_set_deficits__twice_or_nobody__reverts(bench: CreditBench) -> None:
    def attempt(address: str) -> str:
        with pytest.raises(Reverted) as refusal:
            bench.pool.set_deficits(address, sender=bench.owner)
        return refusal.value.reason

    assert attempt("0x" + "00" * 20) == "shares: deficits contract is set"
    bench.pool.set_deficits(bench.deficits.address, sender=bench.owner)
    assert bench.pool.deficits() == bench.deficits.address
    assert attempt(bench.stranger) == "shares: deficits contract is set"
