"""Orders of one leg and of several."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ballast.model.exchange import MIN_DELAY, Filled, Leg
from ballast.params import WAD
from tests.stateful.rules.world import ACCOUNTS, ACTORS, MARKETS, World


class Orders(World):
    """Commit, wait, execute or void."""

    @rule(
        account=ACCOUNTS,
        market=MARKETS,
        notional=st.integers(-60_000, 60_000),
        leverage=st.integers(1, 30),
        reduce_only=st.sampled_from([False, False, False, True]),
        slack=st.sampled_from([500, 500, 20, -20]),
        who=ACTORS,
    )
    def commit(
        self, account: int, market: int, notional: int, leverage: int, reduce_only: bool, slack: int, who: str
    ) -> None:
        """An order of either side, at any leverage, with a limit near the price."""
        self.commit_legs(account, [self.leg(market, notional, leverage, slack)], reduce_only, who)

    @rule(
        account=ACCOUNTS,
        markets=st.lists(MARKETS, min_size=2, max_size=4, unique=True),
        twice=st.sampled_from([False, False, False, True]),
        notionals=st.lists(st.integers(-20_000, 20_000), min_size=5, max_size=5),
        leverage=st.integers(2, 12),
        reduce_only=st.sampled_from([False] * 9 + [True]),
        slack=st.sampled_from([500, 500, 500, 20]),
        move=st.integers(-60, 60),
        skip=st.sampled_from([0, 0, 0, 1]),
        who=ACTORS,
    )
    def trade_several(
        self,
        account: int,
        markets: list[int],
        twice: bool,
        notionals: list[int],
        leverage: int,
        reduce_only: bool,
        slack: int,
        move: int,
        skip: int,
        who: str,
    ) -> None:
        """All legs or none, each at its own first round; one of them may have none yet, or a market named twice."""
        before = self.model.exchange.order_count
        named = [*markets, markets[0]] if twice else markets
        legs = [self.leg(market, notional, leverage, slack) for market, notional in zip(named, notionals, strict=False)]
        self.commit_legs(account, legs, reduce_only, who)
        for index, market in enumerate(markets[skip:]):
            self.publish_move(market, move, 1 if index else MIN_DELAY)
        if self.model.exchange.order_count > before:
            self.execute(0, 0)

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
        self.commit(account, market, notional, leverage, False, 500, "owner")
        self.publish_move(market, move, MIN_DELAY)
        if self.model.exchange.order_count > before:
            self.execute(0, 0)

    @precondition(lambda self: self.model.exchange.orders or self.now % 8 == 0)
    @rule(back=st.integers(0, 3), late=st.sampled_from([-1, 0, 0, 0, 1, 2]))
    def execute(self, back: int, late: int) -> None:
        """An open order at rounds that may or may not be its own."""
        order, keeper = self.recent_order(back), self.twins.keeper
        terms = self.model.exchange.orders.get(order)
        markets = [leg.market for leg in terms.legs] if terms else [1]
        rounds = [self.first_round_from(terms.due if terms else 0, market) + late for market in markets]
        receipt, outcome = self.twins.both(
            lambda: self.protocol.exchange.execute(order, rounds, sender=keeper),
            lambda: self.model.exchange.execute(keeper, order, rounds, now=self.now),
        )
        if receipt is not None:
            self.compare_outcome(receipt, outcome)
            self.twins.seen["several legs filled"] += isinstance(outcome, Filled) and len(outcome.fills) > 1

    @precondition(lambda self: self.model.exchange.orders or self.now % 8 == 0)
    @rule(back=st.integers(0, 3))
    def void(self, back: int) -> None:
        order = self.recent_order(back)
        self.twins.both(
            lambda: self.protocol.exchange.void(order, sender=self.twins.stranger),
            lambda: self.model.exchange.void(order, now=self.now),
        )

    # Helpers

    def leg(self, market: int, notional: int, leverage: int, slack: int) -> Leg:
        """So many US dollars of a market, its limit `slack` bps on the wrong side of the price."""
        price = max(1, self.last_answer(market)) * 10**10
        limit = price * (10_000 + (slack if notional > 0 else -slack)) // 10_000
        return Leg(market, notional * WAD * WAD // price, limit, abs(notional) * WAD // leverage)

    def commit_legs(self, account: int, legs: list[Leg], reduce_only: bool, who: str) -> None:
        sender = self.actor(account, who)
        self.act(
            who,
            lambda: self.protocol.exchange.commit(account, legs, reduce_only, sender=sender),
            lambda: self.model.exchange.commit(sender, account, legs, reduce_only, now=self.now),
        )

    def recent_order(self, back: int) -> int:
        """The last open order but `back`, or an id that never was."""
        known = sorted(self.model.exchange.orders)
        return known[-1 - back] if back < len(known) else self.model.exchange.order_count + 1

    def first_round_from(self, due: int, market: int) -> int:
        """The round that is the first at or after a time, or the one to come."""
        aggregators = self.feed(market).aggregators
        rounds = aggregators[-1]
        index = next((i for i, answer in enumerate(rounds, 1) if answer.updated_at >= due), len(rounds) + 1)
        return (len(aggregators) << 64) + index

    @staticmethod
    def compare_outcome(receipt: Any, outcome: Any) -> None:
        """The event tells what the model says."""
        names = {"Filled": "OrderFilled", "Failed": "OrderFailed", "Voided": "OrderVoided"}
        events = receipt.named(names[type(outcome).__name__])
        for event, fields in zip(events, outcome.fills if isinstance(outcome, Filled) else [outcome], strict=True):
            for field, expected in vars(fields).items():
                assert getattr(event, field) == expected, f"{field}: chain {getattr(event, field)}, model {expected}"
