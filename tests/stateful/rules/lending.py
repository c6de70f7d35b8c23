"""Debt, those who lend, and those who insure."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.stateful.rules.money import FRACTIONS, Money
from tests.stateful.rules.world import ACCOUNTS, ACTORS, TOKENS, TRADERS
from tests.stateful.twins import ACCOUNTS as ALL_ACCOUNTS

DOLLARS = st.one_of(st.integers(0, 100_000 * 10**6), st.integers(0, 5))  # [raw]
DAYS = st.sampled_from([0, 1, 6 * 86_400, 7 * 86_400, 8 * 86_400, 9 * 86_400])  # [s] around cooldown and window


class Lending(Money):
    """What borrowers, lenders and insurers do."""

    @rule(account=ACCOUNTS, index=TOKENS, pledged=st.integers(1_000, 10_000), fraction=FRACTIONS, who=ACTORS)
    def borrow(self, account: int, index: int, pledged: int, fraction: int, who: str) -> None:
        """Collateral in, and cash out up to what it allows, or beyond."""
        self.deposit_collateral(account, index, pledged, "owner")
        self.borrow_more(account, fraction, who)

    @rule(account=ACCOUNTS, fraction=FRACTIONS, who=ACTORS)
    def borrow_more(self, account: int, fraction: int, who: str) -> None:
        """SOL-5, HLT-4: cash out, of which some was never there."""
        cash, scale = self.model.vault.treasury(account, self.now).cash, self.model.vault.scale
        credit, _ = self.model.collateral_model.credit(account, now=self.now)
        before = self.model.credit.debt.shares
        self.withdraw(account, max(0, cash + credit) * fraction // 10_000 // scale, who)
        self.twins.seen["borrowed"] += self.model.credit.debt.shares > before

    @rule(account=ACCOUNTS, fraction=FRACTIONS)
    def repay(self, account: int, fraction: int) -> None:
        """LIV-2: by anybody, at any time; more than is owed becomes cash."""
        account = self.debtor(account)
        owed = max(0, -self.model.vault.treasury(account, self.now).cash)
        amount, sender = -(-owed // self.model.vault.scale) * fraction // 10_000, self.actor(account, "heir")
        receipt, _ = self.twins.both(
            lambda: self.protocol.vault.deposit(account, self.token, amount, sender=sender),
            lambda: self.model.vault.deposit(account, amount, now=self.now),
        )
        self.twins.seen["repaid"] += receipt is not None and owed > 0

    def debtor(self, account: int) -> int:
        """That account if it is in debt, or another that is."""
        debtors = [each for each in ALL_ACCOUNTS if self.model.vault.treasury(each, self.now).cash < 0]
        return account if account in debtors or not debtors else debtors[account % len(debtors)]

    # Lenders

    @rule(trader=TRADERS, amount=DOLLARS)
    def lend(self, trader: int, amount: int) -> None:
        who = self.twins.traders[trader]
        self.twins.both(
            lambda: self.protocol.credit_pool.deposit(amount, who, sender=who),
            lambda: self.model.credit.deposit(amount, who, now=self.now),
        )

    @rule(trader=TRADERS, fraction=FRACTIONS)
    def take_back(self, trader: int, fraction: int) -> None:
        """At once, as far as money is idle and nobody waits."""
        who, credit = self.twins.traders[trader], self.model.credit
        shares = credit.balances.get(who, 0) * fraction // 10_000
        self.twins.both(
            lambda: self.protocol.credit_pool.redeem(shares, who, who, sender=who),
            lambda: credit.redeem(who, shares, who, who, now=self.now),
        )

    @rule(trader=TRADERS, fraction=FRACTIONS)
    def queue_to_leave(self, trader: int, fraction: int) -> None:
        """In line, whatever is lent."""
        who, credit = self.twins.traders[trader], self.model.credit
        shares = credit.balances.get(who, 0) * fraction // 10_000
        self.twins.both(
            lambda: self.protocol.credit_pool.request_exit(shares, who, sender=who),
            lambda: credit.request_exit(who, shares, who, now=self.now),
        )

    @rule(account=ACCOUNTS, index=TOKENS, fraction=FRACTIONS)
    def run_on_the_lenders(self, account: int, index: int, fraction: int) -> None:
        """While somebody waits, nobody is lent more; what is repaid goes to those who wait."""
        self.borrow(account, index, 10_000, 5_000, "owner")
        for trader in range(len(self.twins.traders)):
            self.queue_to_leave(trader, 10_000)
        self.repay(account, fraction)
        self.borrow_more(account, 9_000, "owner")
        self.take_back(0, 10_000)
        self.serve_exits(3)
        for trader in range(len(self.twins.traders)):
            self.claim_exit(trader)
            self.lend(trader, 50_000 * 10**6)

    @rule(count=st.integers(0, 3))
    def serve_exits(self, count: int) -> None:
        self.twins.both(
            lambda: self.protocol.credit_pool.serve_exits(count, sender=self.twins.stranger),
            lambda: self.model.credit.serve_exits(count, now=self.now),
        )

    @rule(trader=TRADERS)
    def claim_exit(self, trader: int) -> None:
        who = self.twins.traders[trader]
        self.twins.both(
            lambda: self.protocol.credit_pool.claim(who, sender=who),
            lambda: self.model.credit.claim(who, who, now=self.now),
        )

    @rule(collect=st.booleans())
    def accrue_interest(self, collect: bool) -> None:
        """ACC-1: by anyone, at any time, and nothing changes but when it was done."""
        credit, model = self.protocol.credit_pool, self.model.credit
        if collect:
            self.twins.both(
                lambda: credit.collect_reserve(sender=self.twins.stranger), lambda: model.collect_reserve(now=self.now)
            )
        else:
            self.twins.both(lambda: credit.accrue(sender=self.twins.stranger), lambda: model.accrue(now=self.now))

    # Insurers

    @rule(trader=TRADERS, amount=DOLLARS)
    def insure(self, trader: int, amount: int) -> None:
        who = self.twins.traders[trader]
        receipt, _ = self.twins.both(
            lambda: self.protocol.insurance_fund.deposit(amount, who, sender=who),
            lambda: self.model.insurance.deposit(amount, who),
        )
        self.twins.seen["insured"] += receipt is not None

    @rule(trader=TRADERS, fraction=FRACTIONS, cancel=st.sampled_from([False] * 5 + [True]))
    def give_notice(self, trader: int, fraction: int, cancel: bool) -> None:
        """A cooldown begins anew for all shares in it, or ends for all."""
        who, fund, model = self.twins.traders[trader], self.protocol.insurance_fund, self.model.insurance
        shares = model.balances.get(who, 0) * fraction // 10_000
        if cancel:
            self.twins.both(lambda: fund.cancel_exit(sender=who), lambda: model.cancel_exit(who))
        else:
            self.twins.both(
                lambda: fund.request_exit(shares, sender=who),
                lambda: model.request_exit(who, shares, now=self.now),
            )

    @rule(trader=TRADERS, fraction=FRACTIONS, wait=DAYS, notice=st.booleans())
    def leave_insurance(self, trader: int, fraction: int, wait: int, notice: bool) -> None:
        """BDT-2: after the cooldown, within the window, and not while a deficit has no bearer."""
        if notice:
            self.insure(trader, 10**9)
            self.give_notice(trader, 10_000, False)
        self.chain.advance(wait)
        who, model = self.twins.traders[trader], self.model.insurance
        shares = model.exit_of(who).shares * fraction // 10_000
        receipt, _ = self.twins.both(
            lambda: self.protocol.insurance_fund.redeem(shares, who, who, sender=who),
            lambda: model.redeem(who, shares, who, who, now=self.now),
        )
        self.twins.seen["left insurance"] += receipt is not None and shares > 0

    @rule(trader=TRADERS, amount=DOLLARS, fraction=st.integers(1, 10_000), wait=st.integers(0, 3 * 86_400))
    def lend_and_take_back(self, trader: int, amount: int, fraction: int, wait: int) -> None:
        """RND-2: in and out; what a loss or interest did not change is never more."""
        who, model = self.twins.traders[trader], self.model.credit
        before, debt = int(self.protocol.token.balanceOf(who)), model.debt.shares
        held = model.balances.get(who, 0)
        self.lend(trader, amount)
        bought = model.balances.get(who, 0) - held
        shares = bought * fraction // 10_000
        if debt == 0:
            self.chain.advance(wait)
        self.twins.both(
            lambda: self.protocol.credit_pool.redeem(shares, who, who, sender=who),
            lambda: model.redeem(who, shares, who, who, now=self.now),
        )
        assert int(self.protocol.token.balanceOf(who)) <= before or held, "gained by going in and out"
