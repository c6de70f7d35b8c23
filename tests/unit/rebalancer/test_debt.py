"""A treasury in debt takes part like a book; and debt against collateral saves a book where the policy allows it."""

from __future__ import annotations

import pytest

from ballast.params import WAD
from tests.puppet import BOUND
from tests.support import deposit_to

CASH = 10**6
TREASURY_GAS = 40_000  # most that a treasury in debt may add to a rebalance
DUST = 100  # [wad]


@pytest.fixture
def risk_of(protocol):
    """`risk_of(account)`: its treasury as a book."""
    return lambda account: protocol.collateral_model.treasury_risk(account, protocol.vault.treasury(account).cash)


@pytest.fixture
def borrow(protocol, trader):
    """`borrow(account, 1_000)`: draw dollars of debt, and take them out."""

    def borrow_(account, dollars):
        protocol.vault.withdraw(account, protocol.token.address, dollars * CASH, trader, sender=trader)

    return borrow_


@pytest.fixture
def debtor(build, guard, drain, pledge, lender, borrow, publish):
    """A guarded account with a rich book, ten WETH worth $30,000 and a debt of $23,000; the price of ETH has fallen."""
    account = build(BTC=(15_000, 15_000))
    guard(account)
    drain(account)
    pledge(account, "WETH", 10)
    publish("ETH", 3_000 * WAD, after=30)
    borrow(account, 23_000)
    publish("BTC", 60_000 * WAD, after=30)
    publish("ETH", 2_730 * WAD)
    return account


@pytest.fixture
def pledged(build, guard, drain, pledge, lender, publish):
    """An account that may borrow, with ten WETH and one book that is short; nothing to share."""
    account = build(BTC=(60_000, 14_000))
    guard(account, allow_borrow=True)
    drain(account)
    pledge(account, "WETH", 10)
    publish("ETH", 3_000 * WAD, after=30)
    publish("BTC", 50_500 * WAD)
    return account


def z_of(risk):
    return (risk.equity - risk.maintenance) * WAD // risk.sigma_loss


# A treasury in debt


def test_rebalance__treasury_in_debt_is_short__repaid_by_the_books(
    rebalancer, vault, debtor, lender, risk_of, keeper, z
):
    """REB-1: it triggers and is raised as a book; a donor pays down to its floor; what it repays goes to the lender."""
    before, cash = risk_of(debtor), vault.treasury(debtor).cash
    assert 0 < z_of(before) < 2 * WAD
    plan = rebalancer.preview(debtor)
    assert (plan.code, plan.triggers, plan.cuts, plan.requests) == (0, 1, [], [])
    assert plan.min_z_before == z_of(before)
    idle, claimable = vault.treasury(lender.ACCOUNT()).cash, vault.claimable(keeper)
    receipt = rebalancer.rebalance(debtor, sender=keeper)
    assert 0 < receipt.returned == vault.claimable(keeper) - claimable <= plan.reserve
    moved, after = -sum(transfer.amount for transfer in plan.transfers), vault.treasury(debtor).cash
    assert moved > 0 and 0 <= cash + moved - receipt.returned - after < DUST
    assert abs(vault.treasury(lender.ACCOUNT()).cash - idle - (after - cash)) < DUST
    assert z_of(risk_of(debtor)) > z_of(before) and z(debtor, "BTC") >= 4


def test_rebalance__rich_books__fill_the_treasury_to_the_target(rebalancer, debtor, guard, risk_of, keeper):
    """The target is of the treasury too, and no further."""
    guard(debtor, z_target=8 * WAD)
    rebalancer.rebalance(debtor, sender=keeper)
    assert 8 * WAD - DUST <= z_of(risk_of(debtor)) < 81 * WAD // 10


def test_check__collateral_has_a_new_price__is_another_state(rebalancer, debtor, publish, keeper, guard):
    """REB-8: rounds are those of the collateral too."""
    rebalancer.rebalance(debtor, sender=keeper)
    assert rebalancer.check(debtor) == (False, 6)
    publish("ETH", 2_200 * WAD, after=30)
    assert rebalancer.check(debtor)[1] != 6


def test_plan__debt_that_must_not_be_repaid__is_ring_fenced(rebalancer, debtor, guard, liquidator):
    """REB-14: bit 0 of `no_fund` is the treasury's."""
    guard(debtor, no_fund=1)
    assert rebalancer.preview(debtor).code == 8
    assert rebalancer.rescue(debtor, sender=liquidator).returned == 0


def test_plan__collateral_without_a_price__treasury_takes_no_part(rebalancer, debtor, publish):
    """REB-15: what cannot be priced is neither filled nor a trigger."""
    for _ in range(4):
        publish("BTC", 60_000 * WAD, after=1_100)
    plan = rebalancer.preview(debtor)
    assert (plan.frozen, plan.code, plan.triggers) == (1 << 8, 8, 0)


def test_plan__collateral_worth_more_than_any_figure_may_be__treasury_takes_no_part(
    protocol, rebalancer, debtor, publish, owner, risk_of
):
    """REB-15: beyond the range that the mathematics of a plan asks for, a treasury is no book."""
    protocol.vault.set_collateral_cap(0, 2 * 10**8 * WAD, sender=owner)
    deposit_to(protocol, debtor, owner, 10**8 * WAD, owner, "WETH")
    for dollars, beyond in ((4 * 10**7, (False, False)), (10**8, (True, False)), (10**9, (True, True))):
        publish("ETH", dollars * WAD, after=30)
        risk, plan = risk_of(debtor), rebalancer.preview(debtor)
        assert (risk.equity >= BOUND, risk.maintenance >= BOUND) == beyond
        assert (plan.frozen, plan.triggers, plan.transfers) == (any(beyond) << 8, 0, [])


@pytest.mark.parametrize("debt", [100, 19_000])
def test_rebalance__treasury_in_debt__gas(
    rebalancer, vault, build, guard, drain, pledge, lender, borrow, publish, trader, debt
):
    """The goal: at most 40,000 gas more than the same account needs without debt."""
    used = []
    for dollars in (0, debt):
        account = build(BTC=(60_000, 14_000), ETH=(15_000, 15_000))
        guard(account)
        drain(account)
        pledge(account, "WETH", 10)
        if dollars:
            borrow(account, dollars)
        publish("ETH", 3_000 * WAD, after=30)
        publish("BTC", 55_000 * WAD)
        publish("BTC", 50_500 * WAD, after=60)
        publish("ETH", 3_000 * WAD)
        used.append(rebalancer.rebalance_own(account, sender=trader).gas_used)
        publish("BTC", 60_000 * WAD, after=86_400)
        publish("BTC", 60_000 * WAD, after=2_000)
    assert used[1] - used[0] <= TREASURY_GAS


def test_rescue__treasury_below_maintenance__cured_by_surplus(rebalancer, debtor, publish, risk_of, liquidator, z):
    """§7.6: no collateral is sold while a book can pay."""
    publish("ETH", 2_600 * WAD, after=30)
    risk = risk_of(debtor)
    assert risk.equity < risk.maintenance
    assert rebalancer.rescue(debtor, sender=liquidator).returned == 1
    risk = risk_of(debtor)
    assert risk.equity >= risk.maintenance and z(debtor, "BTC") >= 4


def test_rescue__treasury_and_nothing_to_share__books_are_cut(
    rebalancer, vault, build, guard, drain, pledge, lender, borrow, publish, risk_of, liquidator, protocol
):
    """What a cut frees repays debt."""
    account = build(BTC=(60_000, 10_000))
    guard(account, z_delever=4 * WAD)
    drain(account)
    pledge(account, "WETH", 10)
    publish("ETH", 3_000 * WAD, after=30)
    borrow(account, 23_900)
    publish("BTC", 60_000 * WAD, after=30)
    publish("ETH", 2_100 * WAD)
    risk = risk_of(account)
    assert risk.equity < risk.maintenance
    cash = vault.treasury(account).cash
    receipt = rebalancer.rescue(account, sender=liquidator)
    assert receipt.named("BookCut") and vault.treasury(account).cash > cash
    risk, book = risk_of(account), protocol.markets["BTC"].book_risk(account)
    assert risk.equity >= risk.maintenance and book.equity >= book.maintenance


# Borrowing


def test_rebalance__may_not_borrow__asks_for_a_cut(rebalancer, vault, pledged, guard, keeper):
    guard(pledged)
    receipt = rebalancer.rebalance(pledged, sender=keeper)
    assert receipt.named("CutRequested") and vault.treasury(pledged).cash >= 0


def test_rebalance__may_borrow__debt_instead_of_a_cut(rebalancer, vault, pledged, lender, risk_of, keeper, z):
    """Rung 3: the book is filled, its owner keeps it whole, and the treasury stands where a donor must."""
    cash, idle = vault.treasury(pledged).cash, vault.treasury(lender.ACCOUNT()).cash
    plan = rebalancer.preview(pledged)
    assert (plan.code, plan.cuts, plan.requests, plan.reserve) == (0, [], [], 0)
    receipt = rebalancer.rebalance(pledged, sender=keeper)
    after = vault.treasury(pledged).cash
    (transfer,) = plan.transfers
    assert 0 <= cash - transfer.amount - after < DUST and after < 0 and receipt.returned == 0
    assert abs(idle - vault.treasury(lender.ACCOUNT()).cash + after) < DUST
    risk = risk_of(pledged)
    assert risk.equity >= risk.initial and z_of(risk) >= 4 * WAD
    assert z(pledged, "BTC") > 5
    assert rebalancer.preview(pledged).triggers == 0


def test_rebalance__may_borrow_but_pledged_nothing__asks_for_a_cut(
    rebalancer, vault, build, guard, drain, lender, publish, keeper
):
    """HLT-1: what the policy allows is lent against collateral only."""
    account = build(BTC=(60_000, 14_000))
    guard(account, allow_borrow=True)
    drain(account)
    publish("BTC", 50_500 * WAD, after=30)
    idle = vault.treasury(lender.ACCOUNT()).cash
    receipt = rebalancer.rebalance(account, sender=keeper)
    assert receipt.named("CutRequested") and vault.treasury(account).cash >= 0
    assert vault.treasury(lender.ACCOUNT()).cash == idle


@pytest.mark.parametrize("available", [0, 500 * WAD])
def test_rebalance__little_to_lend__the_rest_is_cut(rebalancer, vault, pledged, lender, owner, keeper, available):
    lender.set_limits(50_000 * WAD, available, sender=owner)
    plan = rebalancer.preview(pledged)
    assert plan.code == 0 and plan.requests
    rebalancer.rebalance(pledged, sender=keeper)
    assert vault.treasury(pledged).cash >= -available


def test_rebalance__collateral_secures_little__borrows_that(rebalancer, vault, pledged, publish, risk_of, keeper):
    """HLT-1: what is lent leaves the treasury at its initial margin, and at `z_donor`."""
    publish("ETH", 250 * WAD, after=30)
    plan = rebalancer.preview(pledged)
    assert plan.requests
    rebalancer.rebalance(pledged, sender=keeper)
    risk = risk_of(pledged)
    assert vault.treasury(pledged).cash < 0
    assert 0 <= risk.equity - max(risk.initial, risk.maintenance + 4 * risk.sigma_loss) < 10**6


@pytest.fixture
def with_donor(build, guard, drain, pledge, lender, publish):
    """`with_donor(2_200)`: like `pledged`, below maintenance margin, beside a SOL book with that margin."""

    def with_donor_(margin):
        account = build(BTC=(60_000, 14_000), SOL=(600, margin))
        guard(account, allow_borrow=True, containment=10_000)
        drain(account)
        pledge(account, "WETH", 10)
        publish("ETH", 3_000 * WAD, after=30)
        for price in (54_000, 50_000, 47_600):
            publish("BTC", price * WAD, after=600)
        publish("ETH", 3_000 * WAD)
        publish("SOL", 150 * WAD)
        return account

    return with_donor_


def test_rebalance__donor_is_rich_enough__nothing_is_borrowed(rebalancer, vault, with_donor, keeper, z):
    """The ladder: the surplus of books comes before debt."""
    account = with_donor(9_000)
    rebalancer.rebalance(account, sender=keeper)
    assert vault.treasury(account).cash >= 0 and z(account, "BTC") > 2


def test_rescue__donor_is_not_enough__borrows_and_cuts_nothing(rebalancer, vault, with_donor, liquidator, z):
    """§7.6, the ladder: debt comes before cuts; in a plan that borrows no book gives."""
    account = with_donor(1_200)
    donor = z(account, "SOL")
    receipt = rebalancer.rescue(account, sender=liquidator)
    assert receipt.returned == 1 and not receipt.named("BookCut")
    assert vault.treasury(account).cash < 0 and z(account, "BTC") > 4 and z(account, "SOL") == donor


def test_rescue__loan_is_not_enough__borrows_it_and_cuts_the_rest(
    protocol, rebalancer, vault, with_donor, lender, liquidator, owner, z
):
    """§7.6, the ladder: one plan borrows all there is and cuts at once; no book gives while money is lent."""
    account = with_donor(100)
    lender.set_limits(50_000 * WAD, 300 * WAD, sender=owner)
    donor, size = protocol.markets["SOL"].book(account), protocol.markets["BTC"].book(account).size
    plan = rebalancer.preview_rescue(account)
    assert plan.cuts and [transfer.slot for transfer in plan.transfers] == [0]
    receipt = rebalancer.rescue(account, sender=liquidator)
    assert receipt.named("BookCut") and 0 < protocol.markets["BTC"].book(account).size < size
    assert -301 * WAD < vault.treasury(account).cash < 0
    risk = protocol.markets["BTC"].book_risk(account)
    assert risk.equity >= risk.maintenance
    assert protocol.markets["SOL"].book(account) == donor


def test_rebalance__lock_on_cash__nothing_is_lent(
    protocol, rebalancer, vault, build, guard, drain, pledge, lender, publish, owner, trader, keeper
):
    """Profit that may not be real secures nothing, and an account with a lock owes nothing."""
    protocol.outflow.set_meter(3, 0, sender=owner)
    account = build(BTC=(60_000, 14_000), SOL=(1_500, 400))
    guard(account, allow_borrow=True)
    drain(account)
    pledge(account, "WETH", 10)
    for _ in range(24):
        publish("SOL", 200 * WAD, after=1_800)
        protocol.oracle.poke(3, sender=keeper)
    publish("BTC", 60_000 * WAD)
    rebalancer.transfer_margin(account, 3, 0, 500 * WAD, sender=trader)
    assert vault.treasury(account).locked > 0
    publish("BTC", 56_000 * WAD, after=600)
    publish("BTC", 51_000 * WAD, after=600)
    publish("SOL", 200 * WAD)
    publish("ETH", 3_000 * WAD)
    plan = rebalancer.preview(account)
    assert plan.code == 0 and plan.frozen == 0 and plan.requests
    rebalancer.rebalance(account, sender=keeper)
    assert vault.treasury(account).cash >= 0


@pytest.mark.parametrize(("margin", "available"), [(500, 300), (300, 600), (700, 600)])
def test_rescue__a_donor_and_a_loan_together__cure_what_neither_does_alone(
    protocol, rebalancer, vault, with_donor, guard, lender, liquidator, owner, margin, available
):
    """§7.6: one plan for the loan, one for what the donor gives, whichever is more first."""
    account = with_donor(margin)
    guard(account, allow_borrow=True, containment=10_000, max_slippage=0)
    lender.set_limits(50_000 * WAD, available * WAD, sender=owner)
    short, donor = (protocol.markets[name].book_risk(account) for name in ("BTC", "SOL"))
    lacking = short.maintenance - short.equity
    spare = donor.equity - max(donor.donor_floor, donor.maintenance + 4 * donor.sigma_loss)
    assert max(spare, available * WAD) < lacking < spare + available * WAD
    assert rebalancer.rescue(account, sender=liquidator).returned == 2
    risk = protocol.markets["BTC"].book_risk(account)
    assert risk.equity >= risk.maintenance and vault.treasury(account).cash < 0
