"""`InsuranceFund.vy` and `ballast.model.insurance` side by side: the same calls, the same answers, the same wei."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ballast.model.insurance import COOLDOWN, DAY, INSURANCE, LIQUIDATOR, WINDOW
from ballast.params import WAD
from tests.differential.test_credit import HELD, Pair

STEPS = 600
MARKETS = (0, 1, 2)


class Insured(Pair):
    """The fund of a pair, and random steps on both."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.fund, owner = self.bench.fund, self.bench.owner
        self.twin = self.insurance
        self.vault.set_engine(owner, self.bench.engine, LIQUIDATOR)
        self.fund.set_deficits(self.bench.deficits.address, sender=owner)
        self.twin.set_deficits(owner, lambda: self.known)

    # Shares

    def deposit(self) -> None:
        holder, amount = self.random.choice(self.holders), self.raw()
        self.both(lambda: self.fund.deposit(amount, holder, sender=holder), lambda: self.twin.deposit(amount, holder))

    def mint(self) -> None:
        holder, shares = self.random.choice(self.holders), self.raw() * self.bench.scale + self.random.randint(0, 1)
        self.both(lambda: self.fund.mint(shares, holder, sender=holder), lambda: self.twin.buy(shares, holder))

    def request_exit(self) -> None:
        holder = self.random.choice(self.holders)
        held = self.twin.balances.get(holder, 0)
        shares = self.random.choice((0, 1, held // 3, held, held + 1))
        self.both(
            lambda: self.fund.request_exit(shares, sender=holder),
            lambda: self.twin.request_exit(holder, shares, now=self.now),
        )

    def cancel_exit(self) -> None:
        holder = self.random.choice(self.holders)
        self.both(lambda: self.fund.cancel_exit(sender=holder), lambda: self.twin.cancel_exit(holder))

    def redeem(self) -> None:
        sender, owner = self.random.choices(self.holders, k=2)
        waiting = self.twin.exit_of(owner).shares
        shares = self.random.choice((0, 1, waiting // 2, waiting, waiting + 1))
        self.both(
            lambda: self.fund.redeem(shares, sender, owner, sender=sender),
            lambda: self.twin.redeem(sender, shares, sender, owner, now=self.now),
        )

    def withdraw(self) -> None:
        holder = self.random.choice(self.holders)
        worth = self.twin.preview_redeem(self.twin.exit_of(holder).shares)
        amount = self.random.choice((0, 1, worth // 2, worth, worth + 1))
        self.both(
            lambda: self.fund.withdraw(amount, holder, holder, sender=holder),
            lambda: self.twin.withdraw(holder, amount, holder, holder, now=self.now),
        )

    # Money

    def draw(self) -> None:
        """A liquidator draws, and moves what it was granted."""
        market, wanted = self.random.choice(MARKETS), self.random.choice((0, 1, self.raw() * self.bench.scale))
        engine = self.random.choice((self.bench.engine, self.bench.engine, self.bench.stranger))
        before = self.twin.drawable(market, self.now)
        self.both(
            lambda: self.fund.draw(market, wanted, sender=engine),
            lambda: self.twin.draw(engine, market, wanted, now=self.now),
        )
        if amount := (before - self.twin.drawable(market, self.now)) // self.bench.scale:
            bench, account = self.bench, self.twin.account
            bench.vault.withdraw(account, bench.token.address, amount, bench.stranger, sender=bench.as_fund)
            self.vault.withdraw(INSURANCE, account, amount, bench.stranger, now=self.now)

    def income(self) -> None:
        bench, amount = self.bench, self.random.choice((1, self.bench.raw, HELD * self.bench.raw // 1_000))
        bench.vault.deposit(self.twin.account, bench.token.address, amount, sender=bench.borrower)
        self.vault.deposit(self.twin.account, amount)

    def configure(self) -> None:
        market, owner = self.random.choice(MARKETS), self.bench.owner
        cap = self.random.choice((0, 1, 10**4 * WAD, 10**8 * WAD, 2**96 - 1, 2**96))
        self.both(
            lambda: self.fund.set_draw_cap(market, cap, sender=owner),
            lambda: self.twin.set_draw_cap(owner, market, cap, now=self.now),
        )

    def wait(self) -> None:
        self.chain.advance(self.random.choice((1, 3_600, DAY, COOLDOWN, WINDOW)))

    # Both sides are one

    def compare(self) -> None:
        fund, twin, now = self.fund, self.twin, self.now
        assert (fund.net_assets(), fund.totalSupply()) == (twin.net_assets, twin.supply)
        assert fund.balanceOf(fund.address) == twin.balances.get(INSURANCE, 0)
        for holder in self.holders:
            waiting = twin.exit_of(holder)
            assert fund.balanceOf(holder) == twin.balances.get(holder, 0)
            assert fund.exit_of(holder) == (waiting.shares, waiting.opens)
            assert fund.maxRedeem(holder) == twin.max_redeem(holder, now)
            assert fund.maxWithdraw(holder) == twin.max_withdraw(holder, now)
        for market in MARKETS:
            assert fund.drawable(market) == twin.drawable(market, now)
            assert fund.draw_cap(market) == twin.meter(market, now).cap

    def price(self) -> int:
        """Of 10^18 shares, virtual ones included [wad · 1e12]."""
        return (self.twin.net_assets + 10**12) * 10**30 // (self.twin.supply + 10**12)


@pytest.mark.parametrize("seed", range(3))
def test_insurance__random_history__contract_equals_model(seed: int) -> None:
    """SOL-1, RND-2, RND-6, BDT-4, BDT-5: every number and reason; the price of a share falls by nothing but a draw, and
    no draw takes more than half of what is there."""
    pair = Insured(seed)
    actions: dict[Callable[[], None], int] = {
        **{pair.deposit: 8, pair.mint: 4, pair.request_exit: 6, pair.cancel_exit: 1, pair.redeem: 8},
        **{pair.withdraw: 5, pair.draw: 6, pair.income: 4, pair.configure: 3, pair.deficit: 2, pair.wait: 10},
    }
    for _ in range(STEPS):
        action = pair.random.choices(list(actions), list(actions.values()))[0]
        price, assets = pair.price(), pair.twin.net_assets
        action()
        assert action == pair.draw or pair.price() >= price
        assert action != pair.draw or pair.twin.net_assets >= assets // 2
        pair.compare()
    assert pair.seen.keys() >= {"Deposit", "Withdraw", "ExitRequested", "ExitCancelled", "Drawn", "DrawCapSet"}
    assert pair.seen.keys() >= {
        *("insurance: not in exit window", "insurance: not in cooldown", "insurance: out of bounds"),
        *("shares: deficit not assigned", "shares: nothing for nothing", "access: not the engine"),
    }
