"""CreditPool and InsuranceFund over a real vault that a test can speak for, so that it lends without collateral."""

from __future__ import annotations

from typing import Any

from ballast.chain import Contract, Receipt
from tests.support import UNLIMITED, deploy_vault
from tests.unit.access.puppets import PuppetChain

WAD = 10**18
YEAR = 365 * 86_400
RATES = {
    "base_rate": WAD // 100,
    "kink": 8 * WAD // 10,
    "kink_rate": 6 * WAD // 100,
    "max_rate": WAD,
    "reserve_share": WAD // 10,
}
HELD = 10**9  # [USD] that everybody has
LIQUIDATOR = 4


class CreditBench:
    """Amounts are whole dollars unless they say otherwise. Lenders have tokens and trust both contracts."""

    def __init__(self, decimals: int = 6) -> None:
        self.chain = PuppetChain()
        self.raw = 10**decimals  # token units of a dollar
        self.scale = 10 ** (18 - decimals)
        accounts = [str(account) for account in self.chain.accounts]
        self.owner, self.lender, self.other, self.borrower, self.keeper, self.engine, self.stranger = accounts[:7]
        self.token = self.chain.deploy("MockToken", "US Dollar", "USD", decimals, sender=self.owner)
        self.vault = deploy_vault(self.chain, self.token.address, WAD // 2, self.owner)
        self.fund = self.chain.deploy("InsuranceFund", self.vault.address, self.token.address, sender=self.owner)
        self.pool = self.chain.deploy(
            "CreditPool", self.vault.address, self.token.address, self.fund.address, sender=self.owner
        )
        self.deficits = self.chain.deploy("MockDeficits", sender=self.owner)
        self.account, self.fund_account = int(self.pool.ACCOUNT()), int(self.fund.ACCOUNT())
        self.as_vault = self.chain.impersonate(self.vault.address)
        self.as_pool = self.chain.impersonate(self.pool.address)
        self.as_fund = self.chain.impersonate(self.fund.address)
        self.pool.set_rate_config(RATES, sender=self.owner)
        self.pool.set_limits(10**8 * WAD, 10**8 * WAD, sender=self.owner)
        self.vault.set_engine(self.engine, LIQUIDATOR, sender=self.owner)
        for holder in (self.lender, self.other, self.borrower):
            self.token.mint(holder, HELD * self.raw, sender=self.owner)
            for taker in (self.vault, self.pool, self.fund):
                self.token.approve(taker.address, UNLIMITED, sender=holder)
        self._snapshot = self.chain.snapshot()

    def reset(self) -> None:
        """As it was built."""
        self.chain.revert(self._snapshot)
        self._snapshot = self.chain.snapshot()

    # Lenders

    def deposit(self, usd: int, holder: str = "") -> int:
        """Shares that the dollars bought [wad]."""
        holder = holder or self.lender
        return int(self.pool.deposit(usd * self.raw, holder, sender=holder).returned)

    def donate(self, usd: int) -> None:
        """A gift to the pool's account."""
        self.vault.deposit(self.account, self.token.address, usd * self.raw, sender=self.borrower)

    # The vault

    def lend(self, usd: int) -> int:
        """What the vault does for a loan; the debt shares [wad]."""
        shares = -(-usd * WAD * WAD // self.pool.debt_index())
        self.vault.withdraw(self.account, self.token.address, usd * self.raw, self.borrower, sender=self.as_pool)
        self.change_debt(shares)
        return shares

    def repay(self, usd: int, shares: int) -> None:
        """What the vault does for a repayment."""
        self.vault.deposit(self.account, self.token.address, usd * self.raw, sender=self.borrower)
        self.change_debt(-shares)

    def change_debt(self, shares: int) -> Receipt:
        """As the vault."""
        receipt: Receipt = self.pool.change_debt(shares, self.idle(), sender=self.as_vault)
        return receipt

    def write_off(self, shares: int) -> Receipt:
        """As the vault."""
        receipt: Receipt = self.pool.write_off(shares, self.idle(), sender=self.as_vault)
        return receipt

    # Reading

    def idle(self) -> int:
        """Cash that is not lent [wad]."""
        return self.cash(self.account)

    def cash(self, account: int) -> int:
        """Of an account [wad]."""
        return int(self.vault.treasury(account).cash)

    def held(self, holder: str) -> int:
        """Tokens [raw]."""
        return int(self.token.balanceOf(holder))

    def price(self, contract: Contract | None = None) -> int:
        """What 10^18 shares are worth, virtual ones included [wad · 1e12]."""
        contract = contract or self.pool
        return (contract.net_assets() + 10**12) * 10**30 // (contract.totalSupply() + 10**12)

    def rates(self, **changes: Any) -> None:
        """Other rates."""
        self.pool.set_rate_config(RATES | changes, sender=self.owner)
