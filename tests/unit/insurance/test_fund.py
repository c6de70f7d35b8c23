from __future__ import annotations

import pytest

from ballast.chain import Reverted
from tests.unit.credit.bench import WAD, CreditBench

DAY = 86_400
NOBODY = "0x" + "00" * 20
COOLDOWN, WINDOW = 7 * DAY, 2 * DAY


def insure(bench: CreditBench, usd: int, holder: str = "") -> int:
    holder = holder or bench.lender
    return int(bench.fund.deposit(usd * bench.raw, holder, sender=holder).returned)


def income(bench: CreditBench, usd: int) -> None:
    """Penalties and fees come as cash of the account."""
    bench.vault.deposit(bench.fund_account, bench.token.address, usd * bench.raw, sender=bench.borrower)


def cover(bench: CreditBench, usd: int, market: int = 0) -> int:
    """What a liquidator draws and then moves [wad]."""
    granted = int(bench.fund.draw(market, usd * WAD, sender=bench.engine).returned)
    if granted >= bench.scale:
        amount = granted // bench.scale
        bench.vault.withdraw(bench.fund_account, bench.token.address, amount, bench.stranger, sender=bench.as_fund)
    return granted


def cool_down(bench: CreditBench, shares: int, holder: str = "") -> None:
    bench.fund.request_exit(shares, sender=holder or bench.lender)
    bench.chain.advance(COOLDOWN)


def test_constructor__an_account__of_the_fund(bench: CreditBench) -> None:
    fund = bench.fund
    assert bench.vault.owner_of(fund.ACCOUNT()) == fund.address
    assert (fund.name(), fund.symbol(), fund.decimals()) == ("Ballast Insurance Share", "BINSU", 18)
    assert (fund.COOLDOWN(), fund.WINDOW(), fund.asset()) == (COOLDOWN, WINDOW, bench.token.address)


def test_deposit__income__raises_the_price(bench: CreditBench) -> None:
    """SOL-1, SOL-8"""
    assert insure(bench, 1_000) == 1_000 * WAD
    income(bench, 500)
    assert bench.fund.totalAssets() == 1_500 * bench.raw
    assert bench.fund.previewDeposit(1_500 * bench.raw) == pytest.approx(1_000 * WAD, rel=1e-9)  # the virtual share's
    assert bench.fund.previewMint(1_000 * WAD) == 1_500 * bench.raw
    assert bench.fund.mint(100 * WAD, bench.other, sender=bench.other).returned == 150 * bench.raw
    assert bench.held(bench.fund.address) == bench.token.allowance(bench.fund.address, bench.vault.address) == 0


def test_max_deposit__no_cap__is_what_the_vault_can_count(bench: CreditBench) -> None:
    """RND-6: to the token unit; and nobody holds no shares."""
    fund, most = bench.fund, bench.fund.maxDeposit(bench.lender)
    assert most == (2**111 - 1) // bench.scale
    assert fund.maxMint(bench.lender) == most * bench.scale
    assert fund.maxDeposit(NOBODY) == fund.maxMint(NOBODY) == 0
    bench.token.mint(bench.lender, most, sender=bench.owner)
    with pytest.raises(Reverted) as refusal:
        fund.deposit(most + 1, bench.lender, sender=bench.lender)
    assert refusal.value.reason == "math: out of range"
    fund.deposit(most, bench.lender, sender=bench.lender)
    assert fund.maxDeposit(bench.lender) == fund.maxMint(bench.lender) == 0


@pytest.mark.parametrize("call", ["deposit", "mint"])
def test_deposit__nothing__reverts(bench: CreditBench, call: str) -> None:
    """RND-4"""
    with pytest.raises(Reverted) as refusal:
        getattr(bench.fund, call)(0, bench.lender, sender=bench.lender)
    assert refusal.value.reason == "shares: nothing for nothing"


# Exits


def test_redeem__after_the_cooldown__pays(bench: CreditBench) -> None:
    insure(bench, 1_000)
    event = bench.fund.request_exit(400 * WAD, sender=bench.lender).event("ExitRequested")
    assert (event.shares, event.opens) == (400 * WAD, bench.chain.timestamp + COOLDOWN)
    assert bench.fund.exit_of(bench.lender) == (400 * WAD, event.opens)
    assert bench.fund.balanceOf(bench.fund.address) == 400 * WAD
    bench.chain.advance(COOLDOWN)
    assert bench.fund.maxRedeem(bench.lender) == 400 * WAD
    assert bench.fund.maxWithdraw(bench.lender) == 400 * bench.raw
    held = bench.held(bench.other)
    receipt = bench.fund.redeem(300 * WAD, bench.other, bench.lender, sender=bench.lender)
    assert receipt.returned == bench.held(bench.other) - held == 300 * bench.raw
    assert bench.fund.withdraw(99 * bench.raw, bench.other, bench.lender, sender=bench.lender).returned == 99 * WAD
    assert bench.fund.exit_of(bench.lender).shares == bench.fund.balanceOf(bench.fund.address) == WAD
    assert bench.fund.balanceOf(bench.lender) == 600 * WAD


def test_previews__any_state__are_what_the_calls_do(bench: CreditBench) -> None:
    """§7.9: at a price that is no round number, both ways."""
    fund, lender = bench.fund, bench.lender
    insure(bench, 1_000)
    income(bench, 333)
    cool_down(bench, 500 * WAD)
    for preview, call, amount in (
        (fund.previewDeposit, lambda: fund.deposit(7, lender, sender=lender), 7),
        (fund.previewMint, lambda: fund.mint(7 * WAD + 1, lender, sender=lender), 7 * WAD + 1),
        (fund.previewWithdraw, lambda: fund.withdraw(7, lender, lender, sender=lender), 7),
        (fund.previewRedeem, lambda: fund.redeem(7 * WAD + 1, lender, lender, sender=lender), 7 * WAD + 1),
    ):
        expected = preview(amount)
        assert call().returned == expected > 0
    assert fund.convertToShares(bench.raw) == fund.previewDeposit(bench.raw)
    assert fund.convertToAssets(WAD) == fund.previewRedeem(WAD)


@pytest.mark.parametrize("after", [0, COOLDOWN - 1, COOLDOWN + WINDOW, COOLDOWN + WINDOW + 365 * DAY])
def test_redeem__outside_the_window__reverts(bench: CreditBench, after: int) -> None:
    """X-RND-03: at both edges to the second."""
    insure(bench, 1_000)
    bench.fund.request_exit(400 * WAD, sender=bench.lender)
    bench.chain.advance(after)
    assert bench.fund.maxRedeem(bench.lender) == bench.fund.maxWithdraw(bench.lender) == 0
    with pytest.raises(Reverted) as refusal:
        bench.fund.redeem(WAD, bench.lender, bench.lender, sender=bench.lender)
    assert refusal.value.reason == "insurance: not in exit window"


@pytest.mark.parametrize("after", [COOLDOWN, COOLDOWN + WINDOW - 1])
def test_redeem__at_the_edges_of_the_window__pays(bench: CreditBench, after: int) -> None:
    insure(bench, 1_000)
    bench.fund.request_exit(400 * WAD, sender=bench.lender)
    bench.chain.advance(after)
    bench.fund.redeem(400 * WAD, bench.lender, bench.lender, sender=bench.lender)


def test_redeem__more_than_has_cooled_down__reverts(bench: CreditBench) -> None:
    insure(bench, 1_000)
    cool_down(bench, 400 * WAD)
    for call, amount in ((bench.fund.redeem, 400 * WAD + 1), (bench.fund.withdraw, 400 * bench.raw + 1)):
        with pytest.raises(Reverted) as refusal:
            call(amount, bench.lender, bench.lender, sender=bench.lender)
        assert refusal.value.reason == "insurance: not in exit window"


def test_redeem__by_another__takes_his_allowance(bench: CreditBench) -> None:
    """AUT-2"""
    insure(bench, 1_000)
    cool_down(bench, 400 * WAD)
    with pytest.raises(Reverted, match="erc20: insufficient allowance"):
        bench.fund.redeem(WAD, bench.other, bench.lender, sender=bench.other)
    bench.fund.approve(bench.other, 5 * WAD, sender=bench.lender)
    bench.fund.redeem(3 * WAD, bench.other, bench.lender, sender=bench.other)
    assert bench.fund.allowance(bench.lender, bench.other) == 2 * WAD


def test_request_exit__again__begins_anew_for_all(bench: CreditBench) -> None:
    insure(bench, 1_000)
    bench.fund.request_exit(400 * WAD, sender=bench.lender)
    bench.chain.advance(COOLDOWN)
    bench.fund.request_exit(100 * WAD, sender=bench.lender)
    assert bench.fund.exit_of(bench.lender) == (500 * WAD, bench.chain.timestamp + COOLDOWN)
    assert bench.fund.maxRedeem(bench.lender) == 0
    bench.chain.advance(COOLDOWN + WINDOW)
    bench.fund.request_exit(0, sender=bench.lender)
    assert bench.fund.exit_of(bench.lender) == (500 * WAD, bench.chain.timestamp + COOLDOWN)


def test_request_exit__of_nothing__reverts(bench: CreditBench) -> None:
    for call in (
        lambda: bench.fund.request_exit(0, sender=bench.lender),
        lambda: bench.fund.cancel_exit(sender=bench.lender),
    ):
        with pytest.raises(Reverted) as refusal:
            call()
        assert refusal.value.reason == "insurance: not in cooldown"


def test_request_exit__more_than_held__reverts(bench: CreditBench) -> None:
    insure(bench, 1_000)
    with pytest.raises(Reverted, match="erc20: transfer amount exceeds balance"):
        bench.fund.request_exit(1_000 * WAD + 1, sender=bench.lender)


def test_cancel_exit__shares__come_back(bench: CreditBench) -> None:
    insure(bench, 1_000)
    bench.fund.request_exit(400 * WAD, sender=bench.lender)
    assert bench.fund.cancel_exit(sender=bench.lender).returned == 400 * WAD
    assert bench.fund.balanceOf(bench.lender) == 1_000 * WAD
    assert bench.fund.exit_of(bench.lender) == (0, 0)


def test_transfer__of_cooled_shares__takes_no_cooldown_along(bench: CreditBench) -> None:
    """The fund holds what cools down: who receives shares begins at the beginning."""
    insure(bench, 1_000)
    cool_down(bench, 400 * WAD)
    with pytest.raises(Reverted, match="erc20: transfer amount exceeds balance"):
        bench.fund.transfer(bench.other, 700 * WAD, sender=bench.lender)
    bench.fund.transfer(bench.other, 600 * WAD, sender=bench.lender)
    assert bench.fund.maxRedeem(bench.other) == 0


def test_redeem__shares_in_cooldown__bore_the_loss(bench: CreditBench) -> None:
    """BDT-2: who asked to leave before the loss, and can leave only after it, bears it like all."""
    bench.fund.set_draw_cap(0, 10**6 * WAD, sender=bench.owner)
    insure(bench, 1_000)
    insure(bench, 1_000, bench.other)
    bench.fund.request_exit(1_000 * WAD, sender=bench.lender)
    assert cover(bench, 500) == 500 * WAD
    bench.chain.advance(COOLDOWN)
    paid = bench.fund.redeem(1_000 * WAD, bench.lender, bench.lender, sender=bench.lender).returned
    assert paid == bench.fund.convertToAssets(1_000 * WAD) == 750 * bench.raw


def test_redeem__ahead_of_a_known_loss__reverts(bench: CreditBench) -> None:
    """BDT-2: in the window, with the deficit known and assigned to nobody, nobody leaves; and then with the loss."""
    bench.fund.set_deficits(bench.deficits.address, sender=bench.owner)
    bench.fund.set_draw_cap(0, 10**6 * WAD, sender=bench.owner)
    insure(bench, 1_000)
    cool_down(bench, 1_000 * WAD)
    bench.deficits.set_insolvencies(1, 0, sender=bench.owner)
    assert bench.fund.maxRedeem(bench.lender) == bench.fund.maxWithdraw(bench.lender) == 0
    for call, amount in ((bench.fund.redeem, WAD), (bench.fund.withdraw, bench.raw)):
        with pytest.raises(Reverted) as refusal:
            call(amount, bench.lender, bench.lender, sender=bench.lender)
        assert refusal.value.reason == "shares: deficit not assigned"
    cover(bench, 400)
    bench.deficits.set_insolvencies(0, 0, sender=bench.owner)
    assert bench.fund.redeem(1_000 * WAD, bench.lender, bench.lender, sender=bench.lender).returned == 600 * bench.raw


# Draws


def test_draw__within_cap_and_half__is_granted(bench: CreditBench) -> None:
    """BDT-4: the market's cap, then half of what the fund had, whatever the cap; never a revert."""
    bench.fund.set_draw_cap(1, 300 * WAD, sender=bench.owner)
    bench.fund.set_draw_cap(2, 10**6 * WAD, sender=bench.owner)
    insure(bench, 1_000)
    assert bench.fund.drawable(1) == bench.fund.draw_cap(1) == 300 * WAD
    event = bench.fund.draw(1, 200 * WAD, sender=bench.engine).event("Drawn")
    assert (event.market, event.engine, event.amount) == (1, bench.engine, 200 * WAD)
    assert bench.fund.drawable(1) == 100 * WAD
    assert cover(bench, 500, market=1) == 100 * WAD
    assert cover(bench, 500, market=1) == 0
    assert bench.fund.drawable(2) == bench.fund.net_assets() // 2
    assert cover(bench, 10**6, market=2) == 450 * WAD
    assert cover(bench, 10**6, market=2) == 0
    assert bench.fund.net_assets() == 450 * WAD


def test_draw__without_a_cap_or_money__grants_nothing(bench: CreditBench) -> None:
    bench.fund.set_draw_cap(1, 300 * WAD, sender=bench.owner)
    assert cover(bench, 100, market=1) == cover(bench, 100, market=2) == 0
    insure(bench, 1_000)
    receipt = bench.fund.draw(2, WAD, sender=bench.engine)
    assert receipt.returned == 0
    assert not receipt.named("Drawn")


def test_draw__a_day_later__again(bench: CreditBench) -> None:
    """The meter drains by its limit a day, in a straight line."""
    bench.fund.set_draw_cap(1, 240 * WAD, sender=bench.owner)
    insure(bench, 10_000)
    assert cover(bench, 240, market=1) == 240 * WAD
    bench.chain.advance(DAY // 2)
    assert bench.fund.drawable(1) == 120 * WAD
    bench.chain.advance(DAY // 2)
    assert bench.fund.drawable(1) == 240 * WAD


@pytest.mark.parametrize("cap", [1_000, 10**6, 10**9])
def test_draw__cap_above_half__drains_no_faster_than_half_a_day(bench: CreditBench, cap: int) -> None:
    """BDT-4: or a high cap would find a new half of what is left every few minutes, until nothing is."""
    bench.fund.set_draw_cap(1, cap * WAD, sender=bench.owner)
    insure(bench, 1_000)
    assert cover(bench, 10**6, market=1) == 500 * WAD
    drawn = 0
    for _ in range(24):
        bench.chain.advance(DAY // 24)
        drawn += cover(bench, 10**6, market=1)
    assert 150 * WAD < drawn <= 250 * WAD
    assert bench.fund.net_assets() >= 250 * WAD


def test_set_draw_cap__lowered__what_was_drawn_stays_drawn(bench: CreditBench) -> None:
    bench.fund.set_draw_cap(1, 300 * WAD, sender=bench.owner)
    insure(bench, 10_000)
    cover(bench, 200, market=1)
    bench.fund.set_draw_cap(1, 100 * WAD, sender=bench.owner)
    assert bench.fund.drawable(1) == 0
    bench.fund.set_draw_cap(1, 300 * WAD, sender=bench.owner)
    assert bench.fund.drawable(1) == 100 * WAD


def test_set_draw_cap__beyond_its_field__reverts(bench: CreditBench) -> None:
    bench.fund.set_draw_cap(1, 2**96 - 1, sender=bench.owner)
    with pytest.raises(Reverted) as refusal:
        bench.fund.set_draw_cap(1, 2**96, sender=bench.owner)
    assert refusal.value.reason == "insurance: out of bounds"


@pytest.mark.parametrize("roles", [0, 1, 2, 3])
def test_draw__not_a_liquidator__reverts(bench: CreditBench, roles: int) -> None:
    """AUT-1"""
    bench.vault.set_engine(bench.engine, roles, sender=bench.owner)
    for caller in (bench.engine, bench.owner, bench.stranger):
        with pytest.raises(Reverted) as refusal:
            bench.fund.draw(1, WAD, sender=caller)
        assert refusal.value.reason == "access: not the engine"


# Attacks


@pytest.mark.parametrize("decimals", [2, 6, 18])
def test_deposit__after_a_donation_to_an_empty_fund__loses_nothing(decimals: int) -> None:
    """X-SHR-01, X-SHR-02: the price pushed up before others enter."""
    bench = CreditBench(decimals)
    fund, attacker, victim, gift = bench.fund, bench.other, bench.lender, 10**6
    before = bench.held(attacker)
    fund.deposit(1, attacker, sender=attacker)
    bench.vault.deposit(bench.fund_account, bench.token.address, gift * bench.raw, sender=attacker)
    insure(bench, 1_000, victim)
    assert fund.convertToAssets(fund.balanceOf(victim)) >= 1_000 * bench.raw - 1 - gift * bench.raw // 10**12
    cool_down(bench, fund.balanceOf(attacker), attacker)
    fund.redeem(fund.exit_of(attacker).shares, attacker, attacker, sender=attacker)
    assert bench.held(attacker) <= before


def test_deposit__after_the_fund_was_emptied__is_not_shared_with_those_before(bench: CreditBench) -> None:
    """X-SHR-02: worthless shares stay worthless, but for what was left."""
    insure(bench, 1_000)
    bench.vault.withdraw(
        bench.fund_account, bench.token.address, 1_000 * bench.raw, bench.stranger, sender=bench.as_fund
    )
    insure(bench, 500, bench.other)
    assert bench.fund.convertToAssets(bench.fund.balanceOf(bench.other)) >= 500 * bench.raw - 1
    assert bench.fund.convertToAssets(1_000 * WAD) == 0


def test_price__entries_exits_and_income__never_falls_but_for_a_draw(bench: CreditBench) -> None:
    """BDT-5, §7.8"""
    bench.fund.set_draw_cap(0, 10**6 * WAD, sender=bench.owner)
    insure(bench, 1_000)
    price = bench.price(bench.fund)
    for step in (
        lambda: insure(bench, 333, bench.other),
        lambda: income(bench, 7),
        lambda: bench.fund.mint(WAD // 3, bench.other, sender=bench.other),
        lambda: cool_down(bench, 500 * WAD),
        lambda: bench.fund.redeem(100 * WAD + 7, bench.lender, bench.lender, sender=bench.lender),
        lambda: bench.fund.withdraw(11, bench.lender, bench.lender, sender=bench.lender),
        lambda: bench.fund.cancel_exit(sender=bench.lender),
    ):
        step()
        assert bench.price(bench.fund) >= price
        price = bench.price(bench.fund)
    cover(bench, 100)
    assert bench.price(bench.fund) < price
