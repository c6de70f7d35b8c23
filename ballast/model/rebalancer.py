"""The engine: `contracts/Rebalancer.vy`, with policies and plans from their own modules.

What a keeper's gas costs is passed in. Senders are any hashable values; `now` is in [s].
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from ballast.model.atomic import atomic
from ballast.model.errors import Rejected, require
from ballast.model.fixed_point import BPS, ceil_div
from ballast.model.market import Market
from ballast.model.planning import DUE, KEEPER, OWN, POKE, REASONS, RESCUE, RESUMED, Collateral, Found, Plan, Planner
from ballast.model.policy import Policy, Request, State
from ballast.model.reward import reward
from ballast.model.vault import LIQUIDATOR, MARGIN, Vault

AVERAGING = 1_800  # [s] of the oracle's moving average
MAX_ROUNDS = 8  # of a rescue


@dataclass(frozen=True)
class Result:
    """What a rebalance did."""

    plan: Plan
    reward: int  # [wad]
    digest: int

    @property
    def cost(self) -> int:
        """Of all cuts [wad]."""
        return sum(cut.cost for cut in self.plan.cuts)


class Rebalancer:
    """Policies, plans and their execution."""

    def __init__(
        self, vault: Vault, markets: Mapping[int, Market], native_feed: int, collateral: Collateral | None = None
    ) -> None:
        self.vault = vault
        self.markets = markets
        self.planner = Planner(vault, markets, collateral)
        self.native_feed = native_feed
        self.policies: dict[int, Policy] = {}
        self.states: dict[int, State] = {}

    # Owner and operators

    def set_policy(self, sender: Hashable, account: int, policy: Policy, *, now: int) -> None:
        """Replace an account's policy."""
        self._check_right(sender, account, now)
        policy.check()
        self.policies[account] = policy

    def rebalance_own(self, sender: Hashable, account: int, *, now: int) -> Result:
        """Execute the plan without trigger, gates or reward."""
        self._check_right(sender, account, now)
        return self._execute(account, OWN, sender, now, 0)

    def transfer_margin(
        self, sender: Hashable, account: int, source: int, target: int, amount: int, *, now: int
    ) -> None:
        """Move margin between two books, or a book and the treasury (0)."""
        self._check_right(sender, account, now)
        require(amount > 0, "vault: zero amount")
        require(source != target, "rebalancer: same book")
        touched = [market for id_, market in self.markets.items() if id_ in (source, target)]
        with atomic(self.vault, *touched, *(market.feed for market in touched)):
            if source != 0:
                self._check_outflow(account, source, amount, now)
            if source == 0:
                self.vault.allocate(self, account, sender, target, amount, now=now)
            elif target == 0:
                self.vault.allocate(self, account, sender, source, -amount, now=now)
            else:
                self.vault.reallocate(self, account, sender, source, target, amount, now=now)

    # Anyone

    def rebalance(self, keeper: Hashable, account: int, *, now: int, gas_price: int = 0) -> Result:
        """Execute the plan and earn the reward; `gas_price` in wei, the tip capped."""
        return self._execute(account, KEEPER, keeper, now, gas_price)

    def rebalance_many(
        self, keeper: Hashable, accounts: Iterable[int], *, now: int, gas_price: int = 0
    ) -> list[tuple[int, Result]]:
        """Every account that is due."""
        done: list[tuple[int, Result]] = []
        skipped: list[int] = []  # settled only if the call succeeds
        for account in accounts:
            if self.preview(account, now=now).code == DUE:
                done.append((account, self.rebalance(keeper, account, now=now, gas_price=gas_price)))
            else:
                skipped.append(account)
        require(bool(done), "rebalancer: nothing due")
        for account in skipped:
            self._settle(account, now)
        return done

    # Liquidators

    def rescue(self, sender: Hashable, account: int, *, now: int) -> list[Result]:
        """Plan after plan, until nothing that takes part is below maintenance margin, or nothing helps."""
        require(self.vault.roles.get(sender, 0) & LIQUIDATOR != 0, "access: not the engine")
        require(self._plan(account, RESCUE, now)[0].code != POKE, REASONS[POKE])
        self._settle(account, now)
        done: list[Result] = []
        while len(done) < MAX_ROUNDS and self.preview_rescue(account, now=now).code == DUE:
            done.append(self._execute(account, RESCUE, sender, now, 0))
            if done[-1].plan.min_z_after >= 0:
                break
        return done

    # Views

    def policy(self, account: int) -> Policy:
        """The policy; all zero where none was ever set."""
        return self.policies.get(account, Policy())

    def check(self, account: int, *, now: int) -> tuple[bool, int]:
        """Would `rebalance` succeed now?"""
        code = self.preview(account, now=now).code
        return code == DUE, code

    def preview(self, account: int, *, now: int) -> Plan:
        """What `rebalance` would do now."""
        return self._plan(account, KEEPER, now)[0]

    def preview_own(self, account: int, *, now: int) -> Plan:
        """What `rebalance_own` would do now."""
        return self._plan(account, OWN, now)[0]

    def preview_rescue(self, account: int, *, now: int) -> Plan:
        """The first of the plans that `rescue` would execute now."""
        return self._plan(account, RESCUE, now)[0]

    def would_cure(self, account: int, market: int, *, now: int) -> bool:
        """Whether a rescue would lift a book to its maintenance margin, did its market not hold the engine back."""
        plan, found = self._plan(account, RESUMED, now)
        moved = {transfer.slot: transfer.amount for transfer in plan.transfers}
        touched = moved.keys() | {cut.slot for cut in plan.cuts}
        return plan.code == DUE and any(
            book.market == market
            and book.slot in touched
            and book.risk.equity + moved.get(book.slot, 0) >= book.risk.maintenance
            for book in found.books
        )

    def within_risk_share(self, account: int, markets: int, now: int) -> bool:
        """Is the sigma-loss of each book within the policy's share of account equity? Bit m: the one in market m."""
        policy = self.policy(account)
        return not policy.enabled or self.planner.limits(account, markets, policy.max_risk_share, now)[1]

    def cut_requests(self, account: int, *, now: int) -> dict[int, Request]:
        """The cuts that were asked for and wait for their round, by slot."""
        return self.states.get(account, State()).live_requests(now)

    def _plan(self, account: int, mode: int, now: int) -> tuple[Plan, Found]:
        state = self.states.get(account, State())
        return self.planner.plan(account, mode, self.policy(account), state, now)

    # Execution

    def _execute(self, account: int, mode: int, keeper: Hashable, now: int, gas_price: int) -> Result:
        self._check_settled(account, mode, now)
        plan, found = self._plan(account, mode, now)
        require(plan.code == DUE, REASONS[plan.code])
        self._settle(account, now)
        market_at = self.vault.treasury(account, now).books
        for cut in plan.cuts:
            market = market_at[cut.slot]
            self.markets[market].reduce(account, cut.fraction, cut.cost, now, found.bounds.get(cut.slot, 0))
            if cut.pool_top_up:
                moved = self.vault.top_up_pool(self, market, cut.pool_top_up, now=now)
                require(moved == cut.pool_top_up, "rebalancer: cut differs")

        most = self._reward(account, plan, found, gas_price, now)
        paid = 0
        if most or plan.transfers:
            paid = self.vault.transfer_margin(self, account, plan.transfers, most, keeper, now=now)
        self._remember(account, plan, found, paid, now)
        return Result(plan, paid, found.digest)

    def _check_settled(self, account: int, mode: int, now: int) -> None:
        """A rejected call settles nothing: know the code before."""
        code = self._plan(account, mode, now)[0].code
        require(code == DUE, REASONS[code])

    def _settle(self, account: int, now: int) -> None:
        for market in self.vault.treasury(account, now).books:
            if market:
                with suppress(Rejected):
                    self.markets[market].settle(now)

    def _reward(self, account: int, plan: Plan, found: Found, gas_price: int, now: int) -> int:
        if plan.reserve == 0:
            return 0
        before = self.states.get(account, State()).requests
        try:
            native_price = self.markets[self.native_feed].feed.quote(now).price
        except Rejected:
            native_price = 0
        return reward(
            books=len(found.books),
            transfers=len(plan.transfers),
            cuts=len(plan.cuts),
            asked=len(found.waiting.items() - before.items()),
            moved=plan.moved,
            relieved=plan.relieved,
            min_z=plan.min_z_before,
            z_trigger=self.policy(account).z_trigger,
            gas_price=gas_price,
            native_price=native_price,
            reserve=plan.reserve,
        )

    def _remember(self, account: int, plan: Plan, found: Found, paid: int, now: int) -> None:
        state = self.states.get(account, State()).decayed(now)
        contained = list(state.contained)
        equity = max(plan.equity, 1)
        for transfer in plan.transfers:
            used = contained[transfer.slot]
            if transfer.amount > 0:
                used += ceil_div(transfer.amount * BPS, equity)
            else:
                used -= min(used, -transfer.amount * BPS // equity)
            contained[transfer.slot] = used
        self.states[account] = State(now, found.digest, state.fees + paid, tuple(contained), found.waiting).stored()

    # Checks

    def _check_right(self, sender: Hashable, account: int, now: int) -> None:
        require(self.vault.authorised(account, sender, MARGIN, now=now), "access: no right")

    def _check_outflow(self, account: int, source: int, amount: int, now: int) -> None:
        require(source in self.markets, "vault: unknown market")
        market = self.markets[source]
        market.settle(now)
        state, books = self.states.get(account, State()), self.vault.treasury(account, now).books
        if now < state.last_call + AVERAGING and source in books:
            require(not state.contained[books.index(source)], "rebalancer: lately filled")
        policy = self.policy(account)
        if policy.enabled:
            withdrawable, within = self.planner.limits(account, 1 << source, policy.max_risk_share, now)
            require(amount <= withdrawable, "rebalancer: not withdrawable")
            require(within, "rebalancer: above risk share")
        else:
            require(amount <= market.book_risk(account, now).withdrawable, "rebalancer: not withdrawable")
