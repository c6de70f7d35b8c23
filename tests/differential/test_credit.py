"""`CreditPool.vy` and `ballast.model.credit` side by side: the same calls, the same answers, the same wei."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from ballast.chain import Reverted
from ballast.model.credit import CREDIT, CreditPool, RateConfig
from ballast.model.errors import Rejected
from ballast.model.insurance import InsuranceFund
from ballast.model.vault import Vault
from ballast.params import WAD
from tests.unit.credit.bench import HELD, RATES, YEAR, CreditBench

STEPS = 500
DECIMALS = (2, 6, 18)


class Pair:
    """A pool, its model, and random steps on both; the vault's part of a loan is played by the test."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        decimals = DECIMALS[seed % len(DECIMALS)]
        self.bench = CreditBench(decimals)
        self.chain, self.pool = self.bench.chain, self.bench.pool
        self.vault = Vault(decimals, WAD // 2, self.bench.owner)
        self.insurance = InsuranceFund(self.vault, self.bench.owner)
        self.model = CreditPool(self.vault, self.insurance.account, self.now, self.bench.owner)
        self.model.set_rate_config(self.bench.owner, RateConfig(**RATES), now=self.now)
        self.model.set_limits(self.bench.owner, 10**8 * WAD, 10**8 * WAD)
        self.known = 0  # deficits
        self.pool.set_deficits(self.bench.deficits.address, sender=self.bench.owner)
        self.model.set_deficits(self.bench.owner, lambda: self.known)
        self.holders = [self.bench.lender, self.bench.other]
        for holder in self.holders:
            self.vault.open_account(holder)
            self.bench.token.mint(holder, 10**50, sender=self.bench.owner)  # a share may be worth anything
        self.seen: Counter[str] = Counter()

    @property
    def now(self) -> int:
        return int(self.chain.timestamp)

    def both(self, on_chain: Callable[[], Any], in_model: Callable[[], Any]) -> None:
        """Both do it and answer alike, or both refuse for the same reason."""
        expected: Any = None
        reason = ""
        try:
            expected = in_model()
        except Rejected as rejected:
            reason = rejected.reason
        try:
            receipt = on_chain()
        except Reverted as reverted:
            assert reverted.reason == reason, (reverted.reason, reason)
            self.seen[reason] += 1
            return
        assert not reason, reason
        self.seen.update(event.name for event in receipt.events)
        if expected is not None:
            assert receipt.returned == expected

    def raw(self) -> int:
        """Token units: none, one, some dollars, very many."""
        unit = self.bench.raw
        return self.random.choice((0, 1, self.random.randint(1, 10**4 * unit), HELD * unit // 20))

    def share(self) -> int:
        """Of what somebody holds."""
        held = self.model.balances.get(self.random.choice(self.holders), 0)
        return self.random.choice((0, 1, self.bench.scale - 1, held // 7, held // 2, held, held + 1))

    # Lenders

    def deposit(self) -> None:
        holder, amount = self.random.choice(self.holders), self.raw()
        self.both(
            lambda: self.pool.deposit(amount, holder, sender=holder),
            lambda: self.model.deposit(amount, holder, now=self.now),
        )

    def mint(self) -> None:
        holder, shares = self.random.choice(self.holders), self.raw() * self.bench.scale + self.random.randint(0, 1)
        self.both(
            lambda: self.pool.mint(shares, holder, sender=holder),
            lambda: self.model.buy(shares, holder, now=self.now),
        )

    def withdraw(self) -> None:
        (sender, owner), amount = self.random.choices(self.holders, k=2), self.raw()
        self.both(
            lambda: self.pool.withdraw(amount, sender, owner, sender=sender),
            lambda: self.model.withdraw(sender, amount, sender, owner, now=self.now),
        )

    def redeem(self) -> None:
        holder, shares = self.random.choice(self.holders), self.share()
        self.both(
            lambda: self.pool.redeem(shares, holder, holder, sender=holder),
            lambda: self.model.redeem(holder, shares, holder, holder, now=self.now),
        )

    def request_exit(self) -> None:
        holder, claimant = self.random.choice(self.holders), self.random.choice(self.holders)
        shares = self.random.choice((self.share(), self.share(), WAD))
        self.both(
            lambda: self.pool.request_exit(shares, claimant, sender=holder),
            lambda: self.model.request_exit(holder, shares, claimant, now=self.now),
        )

    def serve(self) -> None:
        count = self.random.choice((0, 1, 3, 100))
        self.both(
            lambda: self.pool.serve_exits(count, sender=self.bench.keeper),
            lambda: self.model.serve_exits(count, now=self.now),
        )

    def claim(self) -> None:
        holder = self.random.choice(self.holders)
        self.both(
            lambda: self.pool.claim(holder, sender=holder), lambda: self.model.claim(holder, holder, now=self.now)
        )

    # The vault

    def lend(self) -> None:
        """All there is, some, or as much as the cap refuses."""
        idle, price = self.model.idle, self.model.debt_index(self.now)
        amount = self.random.choice((idle, idle // 2, idle // 10)) // self.bench.scale
        shares = -(-amount * self.bench.scale * WAD // price)
        if amount and self._loan_is_accepted(shares, idle - amount * self.bench.scale):
            self._move(amount)
        self._change_debt(shares)

    def repay(self) -> None:
        shares = self.random.choice((1, self.model.debt.shares // 3, self.model.debt.shares))
        shares = min(shares, self.model.debt.shares)
        amount = -(-shares * self.model.debt_index(self.now) // WAD // self.bench.scale) + 1
        if amount <= HELD * self.bench.raw // 2:
            self._give(amount)
            self._change_debt(-shares)

    def write_off(self) -> None:
        shares, idle = self.model.debt.shares // self.random.choice((1, 100, 100, 10_000)), self.model.idle
        if shares:
            self.both(
                lambda: self.pool.write_off(shares, idle, sender=self.bench.as_vault),
                lambda: self.model.write_off(shares, idle, now=self.now),
            )

    def _loan_is_accepted(self, shares: int, idle: int) -> bool:
        debt = self.model.accrued(self.now)
        return not self.model.exits and (debt.shares + shares) * debt.index // WAD <= self.model.max_debt and idle >= 0

    def _move(self, amount: int) -> None:
        bench, borrower = self.bench, self.bench.borrower
        bench.vault.withdraw(bench.account, bench.token.address, amount, borrower, sender=bench.as_pool)
        self.vault.withdraw(CREDIT, self.model.account, amount, borrower, now=self.now)

    def _give(self, amount: int) -> None:
        bench = self.bench
        bench.vault.deposit(bench.account, bench.token.address, amount, sender=bench.borrower)
        self.vault.deposit(self.model.account, amount)

    def _change_debt(self, shares: int) -> None:
        idle = self.model.idle
        self.both(
            lambda: self.pool.change_debt(shares, idle, sender=self.bench.as_vault),
            lambda: self.model.change_debt(shares, idle, now=self.now),
        )

    # Others

    def donate(self) -> None:
        self._give(self.random.choice((1, self.bench.raw)))

    def accrue(self) -> None:
        self.both(lambda: self.pool.accrue(sender=self.bench.keeper), lambda: self.model.accrue(now=self.now))

    def collect(self) -> None:
        self.both(
            lambda: self.pool.collect_reserve(sender=self.bench.keeper),
            lambda: self.model.collect_reserve(now=self.now),
        )

    def configure(self) -> None:
        """Rates of any kind, some beyond the bounds; limits that sometimes bind."""
        low, middle, high = sorted(self.random.choice((0, 10**12 * self.random.randint(0, 10**6))) for _ in range(3))
        kink = self.random.choice((WAD // 2, 8 * WAD // 10, 99 * WAD // 100, WAD, 8 * WAD // 10 + 1))
        rates = {"base_rate": low, "kink": kink, "kink_rate": middle, "max_rate": 2 * high, "reserve_share": high // 2}
        limits = self.random.choice((10**8, 10**8, 10**5)) * WAD, self.random.choice((10**8, 10**8, 10**3)) * WAD
        owner = self.bench.owner
        self.both(
            lambda: self.pool.set_rate_config(rates, sender=owner),
            lambda: self.model.set_rate_config(owner, RateConfig(**rates), now=self.now),
        )
        self.both(lambda: self.pool.set_limits(*limits, sender=owner), lambda: self.model.set_limits(owner, *limits))

    def deficit(self) -> None:
        self.known = self.random.choice((0, 0, 1))
        self.bench.deficits.set_insolvencies(self.known, self.known, sender=self.bench.owner)

    def wait(self) -> None:
        self.chain.advance(self.random.choice((1, 12, 3_600, 86_400, 30 * 86_400, YEAR + 1)))

    # Both sides are one

    def compare(self) -> None:
        pool, model, now = self.pool, self.model, self.now
        debt = model.accrued(now)
        assert (pool.debt_index(), pool.debt_shares(), pool.total_debt()) == (debt.index, debt.shares, debt.worth)
        assert (pool.reserve(), pool.borrow_rate()) == (debt.reserve, model.debt.rate)
        assert (self.bench.idle(), pool.net_assets()) == (model.idle, model.net_assets(now))
        assert (pool.totalSupply(), pool.queued_shares()) == (model.supply, model.queued_shares)
        assert pool.available() == model.available(now)
        assert pool.balanceOf(pool.address) == model.balances.get(CREDIT, 0) == model.queued_shares
        assert pool.queue() == (next(iter(model.exits), model.last_exit + 1), len(model.exits))
        for id_ in list(model.exits)[:3]:
            assert pool.queued_exit(id_) == (model.exits[id_].claimant, model.exits[id_].shares)
        for holder in self.holders:
            assert pool.balanceOf(holder) == model.balances.get(holder, 0)
            assert pool.claimable(holder) == model.claimable.get(holder, 0)
            assert pool.maxWithdraw(holder) == model.max_withdraw(holder, now)
            assert pool.maxRedeem(holder) == model.max_redeem(holder, now)
        assert (pool.maxDeposit(self.holders[0]), pool.maxMint(self.holders[0])) == (
            model.max_deposit(now),
            model.max_mint(now),
        )
        for account in (model.account, model.exit_account, model.insurance_account):
            assert self.bench.cash(account) == self.vault.treasury(account).cash
        assert self.vault.owed() == self.vault.custody * self.vault.scale


@pytest.mark.parametrize("seed", range(3))
def test_credit__random_history__contract_equals_model(seed: int) -> None:
    """SOL-1, SOL-3, RND-2, RND-6, RND-7, §7.8: every number and reason; the index never falls, and the price of a share
    falls by nothing but a write-off."""
    pair = Pair(seed)
    actions: dict[Callable[[], None], int] = {
        **{pair.deposit: 8, pair.mint: 4, pair.withdraw: 5, pair.redeem: 5, pair.request_exit: 5, pair.serve: 5},
        **{pair.claim: 3, pair.lend: 8, pair.repay: 8, pair.write_off: 2, pair.donate: 1, pair.accrue: 2},
        **{pair.collect: 2, pair.configure: 1, pair.deficit: 2, pair.wait: 10},
    }
    for _ in range(STEPS):
        action = pair.random.choices(list(actions), list(actions.values()))[0]
        price, index = pair.model.price(pair.now), pair.model.debt_index(pair.now)
        action()
        assert pair.model.debt_index(pair.now) >= index
        assert action == pair.write_off or pair.model.price(pair.now) >= price
        pair.compare()
    assert pair.seen.keys() >= {"Deposit", "Withdraw", "ExitRequested", "ExitServed", "Claimed", "DebtChanged"}
    assert pair.seen.keys() >= {"Accrued", "WrittenOff", "ReserveCollected"}
    assert pair.seen.keys() >= {
        *("credit: exits are waiting", "credit: not enough idle cash", "credit: out of bounds"),
        *("shares: deficit not assigned", "shares: nothing for nothing", "credit: exit too small"),
    }
