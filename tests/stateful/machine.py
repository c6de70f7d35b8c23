"""Random histories of the whole protocol: what anyone may do, in any order, on any prices.

After every step the chain equals the model to the wei, and the invariants of docs/mathematics.md hold.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ballast.model.errors import Rejected
from ballast.model.exchange import MIN_DELAY, Filled, Leg
from ballast.params import WAD
from tests.stateful.twins import ACCOUNTS_EACH, TRADERS, Twins

MARKETS = st.sampled_from([1, 2, 3, 4])
ACCOUNTS = st.integers(4, 3 + TRADERS * ACCOUNTS_EACH)  # after the pool's three
MOVES = st.one_of(st.integers(-300, 300), st.integers(-60, 60), st.integers(-4_000, 6_000))  # [bps]
PAUSES = st.one_of(st.integers(0, 60), st.integers(0, 3_600), st.integers(0, 2 * 86_400))  # [s]
HOSTILE = st.sampled_from([False] * 7 + [True])  # somebody without rights
USD = st.one_of(st.integers(1, 40_000 * WAD), st.integers(0, 3), st.integers(1, 10**9))

_twins: Twins | None = None


def twins() -> Twins:
    """One deployment a process; every example starts from it."""
    global _twins
    if _twins is None:
        _twins = Twins()
    return _twins


class Protocol(RuleBasedStateMachine):
    """Chain and model of it."""

    steps = 0  # over all examples of the process

    def __init__(self) -> None:
        super().__init__()
        self.twins = twins()
        self.protocol = self.twins.protocol
        self.chain = self.twins.chain
        self.snapshot = self.chain.snapshot()
        self.model = self.twins.fresh_model()
        self.donated = 0  # [raw]

    def teardown(self) -> None:
        self.chain.revert(self.snapshot)

    @property
    def now(self) -> int:
        return self.chain.timestamp

    def holder(self, account: int) -> str:
        return self.twins.holders[account]

    # Prices and time

    @rule(market=MARKETS, move=MOVES, pause=PAUSES)
    def publish(self, market: int, move: int, pause: int) -> None:
        """A proper round after a while: a drift, a step, or a gap."""
        self.chain.advance(pause)
        answer = max(1, self.last_answer(market) * (10_000 + move) // 10_000)
        self.protocol.aggregators[self.name(market)].publish(answer, sender=self.twins.owner)
        self.model.markets[market].feed.publish(answer, self.now)

    @rule(pause=st.integers(1, 900))
    def heartbeat(self, pause: int) -> None:
        """Every feed repeats its price."""
        self.chain.advance(pause)
        for market in self.twins.names:
            answer = max(1, self.last_answer(market))
            self.protocol.aggregators[self.name(market)].publish(answer, sender=self.twins.owner)
            self.model.markets[market].feed.publish(answer, self.now)

    @rule(market=MARKETS, answer=st.sampled_from([0, -1, 10**9]), age=st.integers(-600, 600), complete=st.booleans())
    def publish_rubbish(self, market: int, answer: int, age: int, complete: bool) -> None:
        """A round that should not be, or an odd one."""
        time = self.now - age
        aggregator, feed = self.protocol.aggregators[self.name(market)], self.model.markets[market].feed
        answered_in = len(feed.aggregators[-1]) + (1 if complete else 0)
        aggregator.publish_round(answer, time, time, answered_in, sender=self.twins.owner)
        feed.publish_round(answer, time, answered_in)

    @rule(market=MARKETS, rounds=st.integers(2, 40))
    def burst(self, market: int, rounds: int) -> None:
        """Many rounds that nobody processes."""
        for index in range(rounds):
            self.publish(market, 7 if index % 2 else -7, 1)

    @rule(pause=PAUSES)
    def wait(self, pause: int) -> None:
        """Nothing happens for a while; feeds may go stale."""
        self.chain.advance(pause)

    @rule(market=MARKETS)
    def poke(self, market: int) -> None:
        """Anyone may consume rounds."""
        self.twins.both(
            lambda: self.protocol.oracle.poke(market, sender=self.twins.stranger),
            lambda: self.model.markets[market].feed.poke(self.now),
        )

    @rule(market=MARKETS)
    def accrue(self, market: int) -> None:
        """Anyone may store the funding."""
        self.twins.both(
            lambda: self.protocol.markets[self.name(market)].accrue(sender=self.twins.stranger),
            lambda: self.model.markets[market].accrue(self.now),
        )

    # Money

    @rule(account=ACCOUNTS, amount=st.integers(0, 60_000 * 10**6))
    def deposit(self, account: int, amount: int) -> None:
        self.twins.both(
            lambda: self.protocol.vault.deposit(account, self.token, amount, sender=self.holder(account)),
            lambda: self.model.vault.deposit(account, amount),
        )

    @rule(account=ACCOUNTS, amount=st.integers(0, 60_000 * 10**6), hostile=HOSTILE)
    def withdraw(self, account: int, amount: int, hostile: bool) -> None:
        """By the owner, or by someone who would like to."""
        sender = self.twins.stranger if hostile else self.holder(account)
        self.twins.both(
            lambda: self.protocol.vault.withdraw(account, self.token, amount, sender, sender=sender),
            lambda: self.model.vault.withdraw(sender, account, amount, sender, now=self.now),
        )

    @rule(amount=st.integers(1, 10**9))
    def donate(self, amount: int) -> None:
        """SOL-7: tokens sent to the vault belong to nobody and change nothing."""
        self.protocol.token.transfer(self.protocol.vault.address, amount, sender=self.twins.traders[0])
        self.donated += amount

    @rule(account=ACCOUNTS, source=st.integers(0, 4), sink=st.integers(0, 4), amount=USD, hostile=HOSTILE)
    def transfer_margin(self, account: int, source: int, sink: int, amount: int, hostile: bool) -> None:
        """Margin by hand between books and treasury."""
        sender = self.twins.stranger if hostile else self.holder(account)
        self.twins.both(
            lambda: self.protocol.rebalancer.transfer_margin(account, source, sink, amount, sender=sender),
            lambda: self.model.rebalancer.transfer_margin(sender, account, source, sink, amount, now=self.now),
        )

    @rule(account=ACCOUNTS, market=MARKETS, over=st.sampled_from([0, 0, 0, 1]))
    def take_all_that_can_be_taken(self, account: int, market: int, over: int) -> None:
        """Profit leaves a book as far as it may, and by a wei more."""
        try:
            withdrawable = self.model.markets[market].book_risk(account, self.now).withdrawable
        except Rejected:
            withdrawable = 0
        self.transfer_margin(account, market, 0, withdrawable + over, False)

    @rule(account=ACCOUNTS, market=MARKETS, up=st.booleans())
    def take_profit(self, account: int, market: int, up: bool) -> None:
        """A market runs one way, the price stands for half an hour, the winner takes what he may: some is locked."""
        for _ in range(5):
            self.publish(market, 350 if up else -350, 600)
        for _ in range(2):
            self.heartbeat(900)
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

    # Orders

    @rule(
        account=ACCOUNTS,
        market=MARKETS,
        notional=st.integers(-60_000, 60_000),
        leverage=st.integers(1, 30),
        reduce_only=st.sampled_from([False, False, False, True]),
        slack=st.sampled_from([500, 500, 20, -20]),
        hostile=HOSTILE,
    )
    def commit(
        self, account: int, market: int, notional: int, leverage: int, reduce_only: bool, slack: int, hostile: bool
    ) -> None:
        """An order of either side, at any leverage, with a limit near the price."""
        price = max(1, self.last_answer(market)) * 10**10
        size = notional * WAD * WAD // price
        limit = price * (10_000 + (slack if notional > 0 else -slack)) // 10_000
        margin = abs(notional) * WAD // leverage
        sender = self.twins.stranger if hostile else self.holder(account)
        legs = [Leg(market, size, limit, margin)]
        self.twins.both(
            lambda: self.protocol.exchange.commit(account, legs, reduce_only, sender=sender),
            lambda: self.model.exchange.commit(sender, account, legs, reduce_only, now=self.now),
        )

    @rule(
        account=ACCOUNTS,
        market=MARKETS,
        notional=st.integers(-60_000, 60_000),
        leverage=st.integers(2, 14),
        move=st.integers(-30, 30),
    )
    def trade(self, account: int, market: int, notional: int, leverage: int, move: int) -> None:
        """Commit, a round, execute: most books are opened here."""
        before = self.model.exchange.order_count
        self.commit(account, market, notional, leverage, False, 500, False)
        self.publish(market, move, MIN_DELAY)
        if self.model.exchange.order_count > before:
            self.execute(0, 0)

    @precondition(lambda self: self.model.exchange.orders or self.now % 8 == 0)
    @rule(back=st.integers(0, 3), late=st.sampled_from([-1, 0, 0, 0, 1, 2]))
    def execute(self, back: int, late: int) -> None:
        """An open order at a round that may or may not be its own."""
        order = self.recent_order(back)
        terms = self.model.exchange.orders.get(order)
        markets = [leg.market for leg in terms.legs] if terms else [1]
        rounds = [self.first_round_after_due(order, market) + late for market in markets]
        keeper = self.twins.keeper
        receipt, outcome = self.twins.both(
            lambda: self.protocol.exchange.execute(order, rounds, sender=keeper),
            lambda: self.model.exchange.execute(keeper, order, rounds, now=self.now),
        )
        if receipt is not None:
            self.compare_outcome(receipt, outcome)

    @precondition(lambda self: self.model.exchange.orders or self.now % 8 == 0)
    @rule(back=st.integers(0, 3))
    def void(self, back: int) -> None:
        order = self.recent_order(back)
        self.twins.both(
            lambda: self.protocol.exchange.void(order, sender=self.twins.stranger),
            lambda: self.model.exchange.void(order, now=self.now),
        )

    def recent_order(self, back: int) -> int:
        """The last open order but `back`, or an id that never was."""
        known = sorted(self.model.exchange.orders)
        return known[-1 - back] if back < len(known) else self.model.exchange.order_count + 1

    def first_round_after_due(self, order: int, market: int) -> int:
        """The round that prices an order, or the one to come."""
        terms = self.model.exchange.orders.get(order)
        rounds = self.model.markets[market].feed.aggregators[-1]
        due = terms.due if terms else 0
        index = next((i for i, answer in enumerate(rounds, 1) if answer.updated_at >= due), len(rounds) + 1)
        return (len(self.model.markets[market].feed.aggregators) << 64) + index

    @staticmethod
    def compare_outcome(receipt: Any, outcome: Any) -> None:
        """The event tells what the model says."""
        names = {"Filled": "OrderFilled", "Failed": "OrderFailed", "Voided": "OrderVoided"}
        events = receipt.named(names[type(outcome).__name__])
        for event, fields in zip(events, outcome.fills if isinstance(outcome, Filled) else [outcome], strict=True):
            for field, expected in vars(fields).items():
                assert getattr(event, field) == expected, f"{field}: chain {getattr(event, field)}, model {expected}"

    # The engine

    @rule(
        account=ACCOUNTS,
        distances=st.tuples(*[st.integers(100, 1_200)] * 3).map(sorted),
        delever=st.tuples(*[st.integers(50, 1_000)] * 2).map(sorted),
        share=st.integers(300, 4_000),
        budget=st.sampled_from([0, 0, 500, 1_500, 3_000]),
        containment=st.integers(0, 10_000),
        no_fund=st.integers(0, 31),
        no_tap=st.integers(0, 31),
        cooldown=st.sampled_from([0, 0, 900]),
        enabled=st.sampled_from([True, True, True, False]),
        max_fee=st.integers(0, 2_000),
    )
    def set_policy(
        self,
        account: int,
        distances: list[int],
        delever: list[int],
        share: int,
        budget: int,
        containment: int,
        no_fund: int,
        no_tap: int,
        cooldown: int,
        enabled: bool,
        max_fee: int,
    ) -> None:
        """Any policy, some of them out of bounds."""
        policy = self.twins.params.policy.model_dump() | {
            "enabled": enabled,
            "z_trigger": distances[0] * WAD // 100,
            "z_donor": distances[1] * WAD // 100,
            "z_target": distances[2] * WAD // 100,
            "z_delever": min(delever[0], distances[2]) * WAD // 100,
            "z_delever_target": min(delever[1], distances[2]) * WAD // 100,
            "max_risk_share": share,
            "risk_budget": budget,
            "containment": containment,
            "no_fund": no_fund,
            "no_tap": no_tap,
            "cooldown": cooldown,
            "max_fee": max_fee * WAD // 100,
        }
        holder = self.holder(account)
        self.twins.both(
            lambda: self.protocol.rebalancer.set_policy(account, policy, sender=holder),
            lambda: self.model.rebalancer.set_policy(holder, account, self.twins.model_policy(policy), now=self.now),
        )

    @rule(account=st.integers(1, 4 + TRADERS * ACCOUNTS_EACH))
    def rebalance(self, account: int) -> None:
        """§7.5: succeeds if and only if `check` says so, and does what the model does."""
        keeper, rebalancer = self.twins.keeper, self.protocol.rebalancer
        due, code = rebalancer.check(account)
        assert code == self.model.rebalancer.preview(account, now=self.now).code
        receipt, _ = self.twins.both(
            lambda: rebalancer.rebalance(account, sender=keeper),
            lambda: self.model.rebalancer.rebalance(keeper, account, now=self.now),
        )
        assert due == (receipt is not None), "check and rebalance disagree"
        if receipt is not None:
            self.conserved(receipt)

    @rule(accounts=st.lists(ACCOUNTS, max_size=6))
    def rebalance_many(self, accounts: list[int]) -> None:
        """What is not due is skipped."""
        keeper = self.twins.keeper
        self.twins.both(
            lambda: self.protocol.rebalancer.rebalance_many(accounts, sender=keeper),
            lambda: self.model.rebalancer.rebalance_many(keeper, accounts, now=self.now),
        )

    @rule(account=ACCOUNTS, hostile=HOSTILE)
    def rebalance_own(self, account: int, hostile: bool) -> None:
        sender = self.twins.stranger if hostile else self.holder(account)
        self.twins.both(
            lambda: self.protocol.rebalancer.rebalance_own(account, sender=sender),
            lambda: self.model.rebalancer.rebalance_own(sender, account, now=self.now),
        )

    @rule(moves=st.lists(st.integers(-500, 400), min_size=1, max_size=5), pause=st.integers(30, 1_800))
    def storm(self, moves: list[int], pause: int) -> None:
        """All markets move together, step after step, and a keeper goes round after each."""
        for move in moves:
            self.chain.advance(pause)
            for market in self.twins.names:
                self.publish(market, move * (5 + market) // 6, 0)
            for account in self.twins.accounts:
                self.rebalance(account)

    @rule(move=st.integers(-1_200, 1_200), pause=st.integers(60, 1_800))
    def gap(self, move: int, pause: int) -> None:
        """A step that no keeper can be in time for."""
        self.storm([move], pause)

    @staticmethod
    def conserved(receipt: Any) -> None:
        """REB-1: what the donors and cash give is what the receivers and the keeper get."""
        moved = sum(event.amount for event in receipt.named("MarginMoved"))
        event = receipt.event("Rebalanced")
        assert event.reward >= 0 and event.moved >= 0
        assert event.min_z_after >= event.min_z_before or event.cuts or moved <= 0

    # The owner

    @rule(market=MARKETS, state=st.sampled_from([0, 0, 0, 1, 2, 3]), hostile=HOSTILE)
    def set_state(self, market: int, state: int, hostile: bool) -> None:
        name, owner = self.name(market), self.twins.owner
        if hostile:
            self.twins.refused(
                lambda: self.protocol.markets[name].set_state(state, sender=self.twins.stranger),
                "access: not the guardian",
            )
            return
        self.twins.both(
            lambda: self.protocol.markets[name].set_state(state, sender=owner),
            lambda: self.model.markets[market].set_state(state),
        )

    @rule(account=ACCOUNTS, market=MARKETS, amount=USD)
    def pretend_to_be_an_engine(self, account: int, market: int, amount: int) -> None:
        """AUT-1: nobody but the engines moves margin, escrow or sizes."""
        stranger, vault = self.twins.stranger, self.protocol.vault
        book = self.protocol.markets[self.name(market)]
        for attempt, reason in (
            (lambda: vault.transfer_margin(account, [(0, -amount)], 0, stranger, sender=stranger), "engine"),
            (lambda: vault.allocate(account, stranger, market, amount, sender=stranger), "engine"),
            (lambda: vault.lock_escrow(account, stranger, amount, 0, sender=stranger), "engine"),
            (lambda: vault.release_escrow(account, amount, amount, stranger, sender=stranger), "engine"),
            (lambda: vault.fill_order(account, market, 0, amount, 0, stranger, True, sender=stranger), "engine"),
            (lambda: vault.top_up_pool(market, amount, sender=stranger), "engine"),
            (lambda: book.trade(account, WAD, 1, sender=stranger), "engine"),
            (lambda: book.reduce(account, WAD, 0, 2**255, sender=stranger), "engine"),
            (lambda: book.move_margin(account, -1, sender=stranger), "vault"),
        ):
            self.twins.refused(attempt, f"access: not the {reason}")

    # What always holds

    @initialize()
    def begin(self) -> None:
        assert not self.differences(), "the model does not start where the chain does"

    @invariant()
    def chain_equals_model(self) -> None:
        Protocol.steps += 1
        differences = self.differences()
        assert not differences, "\n".join(differences)

    def differences(self) -> list[str]:
        return self.twins.differences(self.model)

    @invariant()
    def custody_covers_what_is_owed(self) -> None:
        """§7.1, SOL-1: cash + markets + escrow + rewards + revenue = custody, donations aside."""
        held = int(self.protocol.token.balanceOf(self.protocol.vault.address)) - self.donated
        assert held == self.model.vault.custody
        assert self.model.vault.owed() == held * self.model.vault.scale

    @invariant()
    def sizes_add_up_to_zero(self) -> None:
        """§7.2, SOL-3: Σ sizes = 0; Σ base = the market's balance; Σ equity is that less dust."""
        for id_, market in self.model.markets.items():
            books = market.books
            balance = self.model.vault.markets[id_].balance
            assert sum(book.size for book in books.values()) == 0
            assert sum(book.base for book in books.values()) == balance >= 0
            try:
                equities = [market.book_risk(account, self.now).equity for account in books]
            except Rejected:
                continue
            assert 0 <= balance - sum(equities) <= len(equities)

    @invariant()
    def cash_is_never_negative(self) -> None:
        """§7.7: nobody can take out more than there is."""
        for account in self.twins.accounts:
            treasury = self.model.vault.treasury(account)
            assert treasury.cash >= 0 and treasury.escrow >= 0 and treasury.locked >= 0

    # Helpers

    @property
    def token(self) -> str:
        return self.protocol.token.address

    def name(self, market: int) -> str:
        return self.twins.names[market]

    def last_answer(self, market: int) -> int:
        """The last answer that could be a price [raw]."""
        rounds = self.model.markets[market].feed.aggregators[-1]
        return next((answer.answer for answer in reversed(rounds) if answer.answer > 10**4), 10**8)
