"""The pool, the fund and the vault together: real debts against real collateral."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ballast.chain import Reverted
from ballast.deploy import Protocol
from ballast.params import WAD
from tests.support import UNLIMITED

USDC = 10**6
SCALE = 10**12
YEAR = 365 * 86_400
LIQUIDATOR = 4


class Lending:
    """What lenders and debtors do; whole dollars."""

    def __init__(self, protocol: Protocol, owner: str, lender: str, debtor: str, account: int) -> None:
        self.protocol, self.owner, self.lender, self.debtor, self.account = protocol, owner, lender, debtor, account
        self.vault, self.pool, self.token = protocol.vault, protocol.credit_pool, protocol.token
        self.weth = protocol.collateral["WETH"]
        self.weth.approve(self.vault.address, UNLIMITED, sender=debtor)
        for holder in (lender, debtor):
            protocol.mint(holder, 10**7 * WAD, owner)
            for taker in (self.pool, self.vault, protocol.insurance_fund):
                self.token.approve(taker.address, UNLIMITED, sender=holder)
        protocol.mint(debtor, 100 * WAD, owner, "WETH")
        self.vault.deposit(account, self.weth.address, 10 * WAD, sender=debtor)  # worth $30,000, lends $24,000

    def lend(self, usd: int) -> None:
        self.pool.deposit(usd * USDC, self.lender, sender=self.lender)

    def borrow(self, usd: int, account: int = 0) -> None:
        self.vault.withdraw(account or self.account, self.token.address, usd * USDC, self.debtor, sender=self.debtor)

    def repay(self, usd: int) -> None:
        self.vault.deposit(self.account, self.token.address, usd * USDC, sender=self.debtor)

    @property
    def idle(self) -> int:
        return int(self.vault.treasury(self.pool.ACCOUNT()).cash)

    @property
    def cash(self) -> int:
        return int(self.vault.treasury(self.account).cash)

    def custody(self) -> int:
        """What the vault holds less all that it owes [wad]."""
        vault, accounts = self.vault, range(1, self.vault.account_count() + 1)
        owed = sum(max(vault.treasury(account).cash, 0) + vault.treasury(account).escrow for account in accounts)
        owed += sum(vault.market(market)[1] for market in range(1, vault.market_count() + 1))
        owed += vault.protocol_revenue() + vault.insurance_due()
        return int(self.token.balanceOf(vault.address)) * SCALE - owed


@pytest.fixture
def lending(
    protocol: Protocol, owner: str, trader: str, other_trader: str, open_account: Callable[..., int]
) -> Lending:
    """An empty pool, and an account with ten ether and no cash."""
    return Lending(protocol, owner, other_trader, trader, open_account(trader))


def test_borrow__against_collateral__is_lent_and_nothing_else_moves(lending: Lending) -> None:
    """SOL-1, SOL-3, §7.1: Σ positive cash, idle credit included, and the rest = custody; debt = what was lent."""
    lending.lend(50_000)
    owed = lending.custody()
    lending.borrow(20_000)
    assert (lending.cash, lending.idle) == (-20_000 * WAD, 30_000 * WAD)
    assert lending.pool.total_debt() == lending.pool.debt_shares() == 20_000 * WAD
    assert lending.pool.net_assets() == 50_000 * WAD
    assert lending.custody() == owed == 0


def test_borrow__more_than_is_idle__reverts(lending: Lending) -> None:
    lending.lend(10_000)
    with pytest.raises(Reverted) as refusal:
        lending.borrow(10_001)
    assert refusal.value.reason == "vault: not enough to lend"
    lending.borrow(10_000)
    assert lending.idle == 0


def test_borrow__exits_wait__reverts_and_repayment_serves_them(lending: Lending) -> None:
    """Lenders who want to leave come first: nothing more is lent, and what comes back is theirs."""
    lending.lend(10_000)
    lending.borrow(10_000)
    lending.pool.request_exit(4_000 * WAD, lending.lender, sender=lending.lender)
    lending.repay(1_000)
    with pytest.raises(Reverted) as refusal:
        lending.borrow(1)
    assert refusal.value.reason == "credit: exits are waiting"
    lending.pool.serve_exits(9, sender=lending.debtor)
    assert lending.pool.claimable(lending.lender) == 1_000 * USDC
    lending.repay(3_000)
    assert lending.pool.serve_exits(9, sender=lending.debtor).returned == 1
    assert lending.pool.claimable(lending.lender) >= 4_000 * USDC
    assert lending.custody() == 0


def test_repay__after_a_year__lenders_and_insurance_get_what_the_debtor_paid(
    lending: Lending, publish: Callable[..., int]
) -> None:
    """ACC-6, SOL-9: to the wei, but for what rounding left to the lenders."""
    fund = lending.protocol.insurance_fund
    lending.lend(20_000)
    lending.borrow(16_000)
    publish("ETH", 3_000 * WAD, after=YEAR)
    owed = -lending.cash
    assert owed == pytest.approx(16_000 * 1.0618365 * WAD, rel=1e-6)
    lending.repay(owed // SCALE // USDC + 1)
    assert lending.cash >= 0
    assert lending.pool.debt_shares() == 0
    assert lending.idle + lending.cash == 20_000 * WAD - 16_000 * WAD + (owed // SCALE // USDC + 1) * WAD
    reserve, interest = lending.pool.reserve(), owed - 16_000 * WAD
    assert 0 <= reserve - interest // 10 <= 1
    lending.pool.collect_reserve(sender=lending.debtor)
    assert fund.net_assets() == reserve // SCALE * SCALE
    paid = lending.pool.redeem(20_000 * WAD, lending.lender, lending.lender, sender=lending.lender).returned
    assert paid * SCALE == pytest.approx(20_000 * WAD + interest * 9 // 10, rel=1e-9)
    assert lending.custody() == 0


def test_write_off__collateral_gone__lenders_bear_the_rest(lending: Lending, open_account: Callable[..., int]) -> None:
    """BDT-2, BDT-3: the account's debt ends, and lenders lose exactly what it was."""
    lending.lend(50_000)
    lending.borrow(20_000)
    bidder = open_account(lending.lender, 10_000 * WAD)
    engine = lending.owner
    lending.vault.set_engine(engine, LIQUIDATOR, sender=lending.owner)
    lending.vault.seize_collateral(lending.account, bidder, lending.lender, 0, 10 * WAD, 5_000 * WAD, 0, sender=engine)
    assert lending.cash == -15_000 * WAD
    assert lending.vault.write_off(lending.account, sender=engine).returned == 15_000 * WAD
    assert lending.cash == lending.pool.total_debt() == lending.pool.debt_shares() == 0
    assert lending.pool.net_assets() == lending.idle == 35_000 * WAD
    assert lending.pool.convertToAssets(1_000 * WAD) == 700 * USDC
    assert lending.custody() == 0


def test_fees__of_a_trade__raise_the_price_of_insurance(
    lending: Lending, account: int, open_book: Callable[..., None]
) -> None:
    """SOL-9, BDT-5: insurance's share is in its share price before anybody collects it, and leaves with it."""
    fund, holder = lending.protocol.insurance_fund, lending.lender
    fund.deposit(1_000 * USDC, holder, sender=holder)
    before = fund.convertToAssets(1_000 * WAD)
    open_book(account, "ETH", 10 * WAD, 6_000 * WAD)
    due = lending.vault.insurance_due()
    assert due > WAD
    assert fund.net_assets() == 1_000 * WAD + due
    assert fund.convertToAssets(1_000 * WAD) == pytest.approx(before + due // SCALE, abs=1)
    fund.request_exit(1_000 * WAD, sender=holder)
    lending.protocol.chain.advance(int(fund.COOLDOWN()))
    paid = fund.redeem(1_000 * WAD, holder, holder, sender=holder).returned
    assert paid == pytest.approx(before + due // SCALE, abs=1)
    assert lending.vault.insurance_due() == 0
