"""Policies and rebalancing."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from ballast.params import WAD
from tests.stateful.rules.world import ACCOUNTS, ACTORS, World
from tests.stateful.twins import ACCOUNTS as ALL_ACCOUNTS
from tests.stateful.twins import ACCOUNTS_EACH, FIRST, TRADERS


class Engine(World):
    """What keepers and owners ask of the engine."""

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
        allow_borrow=st.booleans(),
        who=ACTORS,
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
        allow_borrow: bool,
        who: str,
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
            "allow_borrow": allow_borrow,
        }
        sender = self.actor(account, who)
        self.act(
            who,
            lambda: self.protocol.rebalancer.set_policy(account, policy, sender=sender),
            lambda: self.model.rebalancer.set_policy(sender, account, self.twins.model_policy(policy), now=self.now),
        )

    @rule(account=st.integers(1, FIRST + TRADERS * ACCOUNTS_EACH + 4))
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

    @rule(account=ACCOUNTS, who=ACTORS)
    def rebalance_own(self, account: int, who: str) -> None:
        sender = self.actor(account, who)
        self.act(
            who,
            lambda: self.protocol.rebalancer.rebalance_own(account, sender=sender),
            lambda: self.model.rebalancer.rebalance_own(sender, account, now=self.now),
        )

    @rule(moves=st.lists(st.integers(-500, 400), min_size=1, max_size=5), pause=st.integers(30, 1_800))
    def storm(self, moves: list[int], pause: int) -> None:
        """All markets move together, step after step, and a keeper goes round after each."""
        for move in moves:
            self.chain.advance(pause)
            for market in self.twins.names:
                self.publish_move(market, move * (5 + market) // 6, 0)
            for account in ALL_ACCOUNTS:
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
