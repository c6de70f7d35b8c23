"""Whole histories of accounts under keepers and liquidators: `ballast.model.vector` beside the integer protocol.

The arrays start from the same state and are never set right: what they differ by at the end, they have gathered.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from ballast.model.errors import Rejected
from ballast.model.fixed_point import BPS, WAD
from ballast.model.planning import DUE, RESCUE, Plan
from ballast.model.policy import Policy
from ballast.model.reward import GAS_PER_TRANSFER
from ballast.model.risk import FILL
from ballast.model.system import OWNER, System
from ballast.model.vault import LIQUIDATOR
from ballast.model.vector.arrays import Floats
from ballast.model.vector.books import Books
from ballast.model.vector.engine import Engine
from ballast.model.vector.marks import UNPRICED, Marks, figures
from ballast.model.vector.policy import EPSILON, EngineState, Policies
from tests.differential.vector_world import World
from tests.support import round_params

START = 1_700_000_000  # [s]
SEEDS, STEPS, ACCOUNTS = 8, 80, 12
TOLERANCE = 1e-9  # of an account's equity and notional, after a whole history
DUST = 10**9  # [wad] a billionth of a dollar
CENTS = 0.05  # [USD] of net deposits, that are kept in whole cents
GAS_PRICE = 30 * 10**9  # [wei]
KEEPER, BIDDER = "keeper", "liquidator"


class History:
    """The integer protocol, the arrays, and random rounds for both."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.now = START
        self.drift = self.random.uniform(-0.003, 0.003)
        self.params = round_params()
        self.system = System.deploy(self.params, 6, {}, START)
        self.system.vault.set_engine(OWNER, BIDDER, LIQUIDATOR)
        self.ids = list(self.system.markets)
        self.prices = {id_: feed.quote(START).price / WAD for id_, feed in self.system.feeds.items()}
        self.codes: Counter[str] = Counter()
        self.policies: list[Policy] = []
        self.accounts = [self.open(f"holder {i}") for i in range(ACCOUNTS)]
        self.engine = Engine(
            self.read(), Policies.of(self.policies, self.ids), EngineState.new(ACCOUNTS, len(self.ids))
        )

    def open(self, holder: str) -> int:
        """An account with books of two to forty times leverage."""
        random, system = self.random, self.system
        account = system.vault.open_account(holder)
        system.vault.deposit(account, 200_000 * 10**6)
        base = Policy(**self.params.policy.model_dump())
        changes = {
            "containment": random.choice((500, 4_000, 10_000)),
            "cooldown": random.choice((0, 900)),
            "max_slippage": random.choice((100, 1_000)),
            "z_delever_target": random.choice((4, 8)) * WAD,
            "treasury_reserve": random.choice((0, 100)) * WAD,
            "risk_budget": random.choice((0, 3_000)),
        }
        self.policies.append(replace(base, **changes))
        system.rebalancer.set_policy(holder, account, self.policies[-1], now=self.now)
        for id_ in random.sample(self.ids, random.randint(1, len(self.ids))):
            margin = random.randint(100_000, 1_500_000) * WAD // 100
            system.rebalancer.transfer_margin(holder, account, 0, id_, margin, now=self.now)
            price = system.feeds[id_].quote(self.now).price
            size = int(margin * random.uniform(2, 20)) * WAD // price * random.choice((-1, 1))
            system.markets[id_].trade(account, size, price, self.now)
        left = system.vault.treasury(account).cash - random.choice((0, 500, 20_000)) * WAD
        system.vault.withdraw(holder, account, left // 10**12, holder, now=self.now)
        return account

    def read(self) -> Books:
        """The accounts as the integer protocol has them."""
        held = [[self.system.markets[id_].book(account) for id_ in self.ids] for account in self.accounts]

        def wads(name: str) -> list[list[float]]:
            return [[getattr(book, name) / WAD for book in row] for row in held]

        cash = [self.system.vault.treasury(account, self.now).cash / WAD for account in self.accounts]
        return Books.of(wads("size"), wads("base"), cash, wads("net_deposit"))

    def marks(self) -> Marks:
        """What feeds and markets say now."""
        table, funding = [], []
        for id_ in self.ids:
            market = self.system.markets[id_]
            try:
                quote = market.feed.quote(self.now)
                mark = market._mark(quote, self.now)
                table.append(figures(mark, quote, self.system.pool.quote_config(id_)))
                funding.append(mark.funding / WAD)
            except Rejected:
                table.append(UNPRICED)
                funding.append(0.0)
        return Marks.of(np.array(table), self.now, np.array(funding))

    def since(self) -> Floats:
        """Prices of the first rounds since cuts were due."""
        due = self.engine.state.due_at(self.now)
        prices = np.zeros_like(due)
        for i, slot in np.argwhere(np.isfinite(due)):
            prices[i, slot] = self.system.feeds[self.ids[slot]].price_since(int(due[i, slot]), self.now) / WAD
        return prices

    def step(self) -> None:
        """Time passes, prices move; a keeper calls every account, now and then a liquidator rescues."""
        self.now += self.random.choice((12, 36, 60, 300, 1_200))
        common = self.random.gauss(self.drift, 0.014)
        for id_ in self.ids:
            feed = self.system.feeds[id_]
            if self.random.random() < 0.8:
                move = common + self.random.gauss(0, 0.006)
                self.prices[id_] *= 1 + move
                feed.publish(round(self.prices[id_] * 10**8), self.now)
        if self.random.random() < 0.5:
            self.rebalance()
        if self.random.random() < 0.3:
            self.rescue()

    def rebalance(self) -> None:
        gas_price = GAS_PRICE * self.native_price() / WAD**2
        plans = self.engine.call(np.arange(ACCOUNTS), self.marks(), self.since(), gas_price=gas_price)
        for i, account in enumerate(self.accounts):
            preview = self.system.rebalancer.preview(account, now=self.now)
            assert plans.code[i] == preview.code or (_only_dust(preview) and plans.code[i] != DUE)
            if preview.code != DUE:
                continue
            done = self.system.rebalancer.rebalance(KEEPER, account, now=self.now, gas_price=GAS_PRICE)
            more = sum(move.amount < DUST for move in done.plan.transfers) * GAS_PER_TRANSFER * gas_price * 1.5
            assert done.reward / WAD - more - 1e-6 <= plans.reward[i] <= done.reward / WAD + 1e-6
            self.codes.update(calls=1, cuts=len(done.plan.cuts), asked=len(done.plan.requests), paid=done.reward > 0)
            self.codes.update(locked=self.system.vault.treasury(account, self.now).locked > 0)
            self.adopt(i, done.plan)

    def native_price(self) -> int:
        """[wad] 0 where its feed is stale."""
        try:
            return self.system.feeds[self.system.rebalancer.native_feed].quote(self.now).price
        except Rejected:
            return 0

    def rescue(self) -> None:
        rounds = self.engine.rescue(np.arange(ACCOUNTS), self.marks(), self.since())
        plans = Counter(int(i) for accounts, _ in rounds for i in accounts)
        for i, account in enumerate(self.accounts):
            done = self.system.rebalancer.rescue(BIDDER, account, now=self.now)
            assert plans[i] == sum(not _only_dust(result.plan) for result in done)
            self.codes.update(rescues=plans[i])
            for result in done:
                self.adopt(i, result.plan)

    def adopt(self, i: int, plan: Plan) -> None:
        """Where next to nothing was moved: the integers round containment up for it, the arrays do not."""
        least = max(DUST, int(EPSILON * plan.equity / BPS))
        if all(abs(move.amount) > least for move in plan.transfers):
            return
        self.codes.update(dust=1)
        held, state = self.system.rebalancer.states[self.accounts[i]], self.engine.state
        slots = self.system.vault.treasury(self.accounts[i], self.now).books
        state.last_call[i], state.fees[i] = held.last_call, held.fees / WAD
        state.contained[i] = [held.contained[slots.index(id_)] if id_ in slots else 0 for id_ in self.ids]
        risk = self.engine.books.risk(self.marks())
        state.rounds[i] = np.where(risk.listed[i], np.where(risk.priced, risk.round, 0), -1)

    def check(self) -> None:
        """The same sizes, balances, cash, locks and memories."""
        books, read, state = self.engine.books, self.read(), self.engine.state
        exposure = np.abs(read.size * self.marks().price).sum(axis=1)
        scale = 1 + exposure + np.abs(read.cash)
        assert np.allclose(books.size * self.marks().price, read.size * self.marks().price, rtol=0, atol=scale.max())
        for i, account in enumerate(self.accounts):
            within = TOLERANCE * scale[i]
            held = self.system.rebalancer.states.get(account)
            assert np.allclose(books.base[i], read.base[i], rtol=TOLERANCE, atol=within)
            assert np.allclose(books.size[i], read.size[i], rtol=TOLERANCE, atol=1e-15)
            assert np.allclose(books.net_deposit[i], read.net_deposit[i], rtol=0, atol=CENTS)
            assert books.cash[i] == pytest.approx(read.cash[i], abs=within)
            locked = self.system.vault.treasury(account, self.now).locked / WAD
            assert books.locked[i] == pytest.approx(locked, abs=CENTS)
            if held is not None:
                slots = self.system.vault.treasury(account, self.now).books
                used = {id_: held.contained[slot] for slot, id_ in enumerate(slots) if id_}
                assert all(state.contained[i, k] == used.get(id_, 0) for k, id_ in enumerate(self.ids) if id_ in used)
                assert state.fees[i] == pytest.approx(held.fees / WAD, abs=2e-6)


def _only_dust(plan: Plan) -> bool:
    """Whether a plan does nothing but move a few wei."""
    return bool(plan.transfers) and not plan.cuts and all(move.amount < DUST for move in plan.transfers)


def test_engine__random_histories__the_integer_protocol() -> None:
    """Calls, rewards, cuts, rescues, locks: code for code, and the balances at the end."""
    seen: Counter[str] = Counter()
    for seed in range(SEEDS):
        history = History(seed)
        for _ in range(STEPS):
            history.step()
        history.check()
        seen += history.codes
    assert min(seen[name] for name in ("calls", "cuts", "asked", "paid", "locked", "rescues")) > 20


def test_lifted__random_accounts__what_the_integer_protocol_would_cure() -> None:
    """Book by book, whatever their markets let the engine do now; many of them where it may not fill."""
    seen: Counter[str] = Counter()
    for seed in range(25):
        world = World(seed)
        everyone, state = np.arange(len(world.accounts)), world.vector_state()
        engine, marks = Engine(world.books(), world.vector_policies(), state), world.marks()
        opened = marks.gated(opened=FILL)
        planned = engine.preview(everyone, opened, world.since(state), RESCUE)
        lifted, integers = engine.lifted(everyone, planned, opened), world.engine()
        for i, account in enumerate(world.accounts):
            for column, id_ in enumerate(world.ids):
                there = integers.would_cure(account, id_, now=world.now)
                assert lifted[i, column] == there, f"seed {seed}, account {i}, market {id_}"
                seen.update(cured=there, held=there and not marks.can_fill[column])
    assert seen["cured"] > 100 and seen["held"] > 10
