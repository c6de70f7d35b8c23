"""A vault whose tokens can do whatever tokens do: one settles, one is collateral."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ballast.chain import Contract
from ballast.chain.revm import RevmChain
from tests.support import deploy_vault

WAD = 10**18
CASH, COIN = 10**6, 10**8  # token units of a dollar and of a coin
POOL_SHARE = 7 * WAD // 10
ACCOUNT, OTHER = 2, 3
MINE, EARNED = 1_000, 10  # [USD] the account's cash; what the keeper may claim


class House:
    """The vault alone, with somebody behind every payment."""

    def __init__(self) -> None:
        self.chain = RevmChain()
        self.owner, self.trader, self.other, self.keeper, self.engine, self.receiver = self.chain.accounts[:6]
        self.cash = self.chain.deploy("MockWeirdToken", 6, 0, sender=self.owner)
        self.coin = self.chain.deploy("MockWeirdToken", 8, 0, sender=self.owner)
        self.vault = deploy_vault(self.chain, self.cash.address, POOL_SHARE, self.owner)
        self.vault.add_collateral(self.coin.address, 2**90, sender=self.owner)
        self._market()
        for holder in (self.owner, self.trader, self.other):
            self.vault.open_account(holder, sender=holder)
            for token, unit in ((self.cash, CASH), (self.coin, COIN)):
                token.mint(holder, 10_000 * unit, sender=self.owner)
                token.approve(self.vault.address, 10_000 * unit, sender=holder)
        self.vault.set_pool(1, sender=self.owner)
        for account, holder in ((ACCOUNT, self.trader), (OTHER, self.other)):
            self.vault.deposit(account, self.cash.address, MINE * CASH, sender=holder)
            self.vault.deposit(account, self.coin.address, 5 * COIN, sender=holder)
        self._earn()
        self._shares()

    def _market(self) -> None:
        market = self.chain.deploy("MockMarket", sender=self.owner)
        self.vault.add_market(market.address, sender=self.owner)
        self.vault.set_engine(self.engine, 3, sender=self.owner)

    def _earn(self) -> None:
        """The other account pays a trading fee and a keeper."""
        self.vault.lock_escrow(OTHER, self.other, 200 * WAD, EARNED * WAD, sender=self.engine)
        self.vault.fill_order(OTHER, 1, 200 * WAD, 100 * WAD, EARNED * WAD, self.keeper, True, sender=self.engine)

    def _shares(self) -> None:
        """A pool without books: an entry that can be given back, and an exit whose tokens can be claimed."""
        self.pool = self.chain.deploy("LiquidityPool", self.vault, self.cash, self.vault, sender=self.owner)
        self.pool.set_max_assets(10**6 * WAD, sender=self.owner)
        for holder in (self.owner, self.trader, self.other):
            self.cash.approve(self.pool.address, 10_000 * CASH, sender=holder)
        self.pool.seed(500 * CASH, sender=self.owner)
        self.pool.requestRedeem(200 * WAD, self.owner, self.owner, sender=self.owner)
        self.pool.requestDeposit(25 * CASH, self.owner, self.owner, sender=self.owner)
        self.chain.advance(4 * 86_400)
        self.pool.execute_request(1, [], sender=self.keeper)

    def tokens(self) -> tuple[Contract, Contract]:
        return self.cash, self.coin

    def balances(self) -> dict[str, list[int]]:
        """Token units, as they are and not as the token says, of the vault and of everybody."""
        parties = (self.vault.address, self.pool.address, *self.chain.accounts[:6])
        lies = 1 << 20
        behaviours = [token.behaviour() for token in self.tokens()]
        return {
            party: [
                token.balanceOf(party) // (2 if behaviour & lies else 1)
                for token, behaviour in zip(self.tokens(), behaviours, strict=True)
            ]
            for party in parties
        }

    def ledger(self) -> Any:
        """What the vault owes to whom."""
        vault, accounts = self.vault, range(1, self.vault.account_count() + 1)
        return (
            [(vault.treasury(each), vault.collateral_of(each)) for each in accounts],
            [vault.claimable(each) for each in self.chain.accounts[:6]],
            [vault.market(1), vault.protocol_revenue(), vault.collateral(0)],
        )

    def owed(self) -> list[int]:
        """What the vault owes in all [raw], cash and coins."""
        vault = self.vault
        accounts = range(1, vault.account_count() + 1)
        cash = sum(vault.treasury(each).cash + vault.treasury(each).escrow for each in accounts)
        cash += vault.market(1)[1] + vault.insurance_due() + vault.protocol_revenue()
        cash += sum(vault.claimable(each) for each in self.chain.accounts[:6])
        coins = sum(vault.collateral_of(each)[0] for each in accounts)
        assert coins == vault.collateral(0).total
        return [cash * CASH // WAD, coins * COIN // WAD]


@dataclass(frozen=True)
class Path:
    """A way in or out of the vault."""

    is_in: bool
    is_cash: bool
    amount: int  # [raw]
    go: Callable[[House, str], Any]  # with who pays or gets the tokens
    hands: int = 1  # how often the tokens change hands on the way


PATHS = {
    "deposit of cash": Path(
        True, True, 7 * CASH, lambda h, who: h.vault.deposit(ACCOUNT, h.cash.address, 7 * CASH, sender=who)
    ),
    "deposit of collateral": Path(
        True, False, 2 * COIN, lambda h, who: h.vault.deposit(ACCOUNT, h.coin.address, 2 * COIN, sender=who)
    ),
    "withdrawal of cash": Path(
        False, True, 9 * CASH, lambda h, who: h.vault.withdraw(ACCOUNT, h.cash.address, 9 * CASH, who, sender=h.trader)
    ),
    "withdrawal of collateral": Path(
        False, False, 3 * COIN, lambda h, who: h.vault.withdraw(ACCOUNT, h.coin.address, 3 * COIN, who, sender=h.trader)
    ),
    "claim": Path(False, True, EARNED * CASH, lambda h, who: h.vault.claim(who, sender=h.keeper)),
    "revenue": Path(False, True, 30 * CASH, lambda h, who: h.vault.collect_revenue(who, sender=h.owner)),
    "request of shares": Path(
        True, True, 8 * CASH, lambda h, who: h.pool.requestDeposit(8 * CASH, who, who, sender=who), hands=2
    ),
    "request given back": Path(False, True, 25 * CASH, lambda h, who: h.pool.void_request(2, who, sender=h.owner)),
    "tokens of shares": Path(
        False, True, 11 * CASH, lambda h, who: h.pool.withdraw(11 * CASH, who, h.owner, sender=h.owner)
    ),
}


@pytest.fixture(scope="session")
def _house() -> House:
    return House()


@pytest.fixture
def house(_house: House) -> Iterator[House]:
    snapshot = _house.chain.snapshot()
    yield _house
    _house.chain.revert(snapshot)
