"""Cash, collateral, margin, and who may move them."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from ballast.model.errors import Rejected
from tests.stateful.rules.world import ACCOUNTS, ACTORS, MARKETS, TOKENS, TRADERS, USD, World

FRACTIONS = st.one_of(st.integers(0, 12_000), st.sampled_from([10_000]))  # [bps]


class Money(World):
    """What an account's owner, his operators and his heirs do."""

    @rule(account=ACCOUNTS, amount=st.integers(0, 60_000 * 10**6))
    def deposit(self, account: int, amount: int) -> None:
        sender = self.actor(account, "owner")
        self.twins.both(
            lambda: self.protocol.vault.deposit(account, self.token, amount, sender=sender),
            lambda: self.model.vault.deposit(account, amount, now=self.now),
        )

    @rule(account=ACCOUNTS, amount=st.integers(0, 60_000 * 10**6), who=ACTORS)
    def withdraw(self, account: int, amount: int, who: str) -> None:
        """By the owner, an operator, or someone who would like to."""
        sender = self.actor(account, who)
        self.act(
            who,
            lambda: self.protocol.vault.withdraw(account, self.token, amount, sender, sender=sender),
            lambda: self.model.vault.withdraw(sender, account, amount, sender, now=self.now),
        )

    @rule(account=ACCOUNTS, index=TOKENS, fraction=FRACTIONS, who=st.sampled_from(["owner"] * 5 + ["heir"]))
    def deposit_collateral(self, account: int, index: int, fraction: int, who: str) -> None:
        """Up to the cap and beyond; the first of a token by the owner alone."""
        held, sender = self.model.vault.collateral[index], self.actor(account, who)
        token = self.protocol.collateral[str(held.token)].address
        amount = held.cap * fraction // 40_000 // held.scale
        receipt, _ = self.twins.both(
            lambda: self.protocol.vault.deposit(account, token, amount, sender=sender),
            lambda: self.model.vault.deposit(account, amount, held.token, sender=sender, now=self.now),
        )
        self.twins.seen["collateral in"] += receipt is not None

    @rule(account=ACCOUNTS, index=TOKENS, fraction=FRACTIONS, who=ACTORS)
    def withdraw_collateral(self, account: int, index: int, fraction: int, who: str) -> None:
        """All of it, some, or more than there is: without debt no price is asked."""
        holding = [each for each in self.twins.accounts if any(self.model.vault.collateral_of(each))]
        account = holding[account % len(holding)] if holding else account
        amounts = self.model.vault.collateral_of(account)
        index = index if amounts[index] else next((i for i, amount in enumerate(amounts) if amount), index)
        held, sender = self.model.vault.collateral[index], self.actor(account, who)
        token = self.protocol.collateral[str(held.token)].address
        amount = self.model.vault.collateral_of(account)[index] * fraction // 10_000 // held.scale
        receipt, _ = self.act(
            who,
            lambda: self.protocol.vault.withdraw(account, token, amount, sender, sender=sender),
            lambda: self.model.vault.withdraw(sender, account, amount, sender, held.token, now=self.now),
        )
        self.twins.seen["collateral out"] += receipt is not None

    @rule(amount=st.integers(1, 10**9))
    def donate(self, amount: int) -> None:
        """SOL-7: tokens sent to the vault belong to nobody and change nothing."""
        self.protocol.token.transfer(self.protocol.vault.address, amount, sender=self.twins.traders[0])
        self.donated += amount

    @rule(account=ACCOUNTS, source=st.integers(0, 4), sink=st.integers(0, 4), amount=USD, who=ACTORS)
    def transfer_margin(self, account: int, source: int, sink: int, amount: int, who: str) -> None:
        """Margin by hand between books and treasury."""
        sender = self.actor(account, who)
        self.act(
            who,
            lambda: self.protocol.rebalancer.transfer_margin(account, source, sink, amount, sender=sender),
            lambda: self.model.rebalancer.transfer_margin(sender, account, source, sink, amount, now=self.now),
        )

    @rule(account=ACCOUNTS, market=MARKETS, over=st.sampled_from([0, 0, 0, 1]))
    def take_all_that_can_be_taken(self, account: int, market: int, over: int) -> None:
        """Profit leaves a book as far as it may, and by a wei more."""
        self.transfer_margin(account, market, 0, self.withdrawable(account, market) + over, "owner")

    def withdrawable(self, account: int, market: int) -> int:
        """What may leave a book [wad]."""
        try:
            return self.model.markets[market].book_risk(account, self.now).withdrawable
        except Rejected:
            return 0

    @rule(account=ACCOUNTS, market=MARKETS, up=st.booleans())
    def take_profit(self, account: int, market: int, up: bool) -> None:
        """A market runs one way, the price stands for half an hour, the winner takes what he may: some is locked."""
        for _ in range(5):
            self.publish_move(market, 350 if up else -350, 600)
        for _ in range(2):
            self.repeat_prices(900)
        self.take_all_that_can_be_taken(account, market, 0)

    @rule(account=ACCOUNTS, market=MARKETS)
    def release_lock(self, account: int, market: int) -> None:
        self.twins.both(
            lambda: self.protocol.vault.release_lock(account, market, sender=self.twins.stranger),
            lambda: self.model.vault.release_lock(account, market, now=self.now),
        )

    @rule()
    def claim(self) -> None:
        keeper = self.twins.keeper
        self.twins.both(
            lambda: self.protocol.vault.claim(keeper, sender=keeper), lambda: self.model.vault.claim(keeper, keeper)
        )

    # Who may

    @rule(
        account=ACCOUNTS,
        rights=st.sampled_from([7, 7, 7, *range(9)]),
        lasts=st.sampled_from([-1, 0, 60, *[10**6] * 5]),
        who=ACTORS,
    )
    def set_operator(self, account: int, rights: int, lasts: int, who: str) -> None:
        """AUT-2, AUT-3: rights for a while, or past already; operators name nobody."""
        sender, operator = self.actor(account, who), self.twins.operator
        self.twins.both(
            lambda: self.protocol.vault.set_operator(account, operator, rights, self.now + lasts, sender=sender),
            lambda: self.model.vault.set_operator(sender, account, operator, rights, self.now + lasts),
        )

    @rule(account=ACCOUNTS, heir=TRADERS, who=ACTORS)
    def transfer_account(self, account: int, heir: int, who: str) -> None:
        sender, new_owner = self.actor(account, who), self.twins.traders[heir]
        self.twins.both(
            lambda: self.protocol.vault.transfer_account(account, new_owner, sender=sender),
            lambda: self.model.vault.transfer_account(sender, account, new_owner),
        )

    @rule(account=ACCOUNTS, heir=TRADERS)
    def accept_account(self, account: int, heir: int) -> None:
        """From here on no operator of the former owner has a right."""
        sender = self.twins.traders[heir]
        receipt, _ = self.twins.both(
            lambda: self.protocol.vault.accept_account(account, sender=sender),
            lambda: self.model.vault.accept_account(sender, account),
        )
        if receipt is not None:
            assert not any(self.protocol.vault.authorised(account, self.twins.operator, right) for right in (1, 2, 4))

    @rule(account=ACCOUNTS, heir=TRADERS)
    def hand_on(self, account: int, heir: int) -> None:
        """Offered and accepted in one block."""
        self.transfer_account(account, heir, "owner")
        self.accept_account(account, heir)
