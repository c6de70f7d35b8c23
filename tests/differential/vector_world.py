"""Random accounts twice: in the integer model, and in the arrays of `ballast.model.vector`.

Markets are real ones over feeds that say what they are told; the vault is a stub that knows cash and books only.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random

import numpy as np

from ballast.model.errors import Rejected
from ballast.model.fixed_point import BPS, WAD
from ballast.model.market import ACTIVE, HALTED, REDUCE_ONLY, Book, Market, MarketConfig
from ballast.model.oracle import Quote
from ballast.model.planning import Found, Plan, Planner
from ballast.model.policy import CENTI, PATIENCE, Policy, Request, State
from ballast.model.pool import LiquidityPool, QuoteConfig
from ballast.model.rebalancer import Rebalancer
from ballast.model.vault import BOOKS, Treasury
from ballast.model.vector.arrays import Floats
from ballast.model.vector.books import Books
from ballast.model.vector.marks import UNPRICED, Marks, figures
from ballast.model.vector.policy import EngineState, Policies

NOW = 1_700_000_000  # [s]
POOL = 10**6
NATIVE = 1
RICH = 10**9 * WAD
UNCAPPED = 2**90

SHARES = (0, 400, 1_500, 4_000, 10_000)  # [bps]


@dataclass
class StubFeed:
    """Says what it is told."""

    told: Quote
    stale: bool = False
    since: dict[int, int] = field(default_factory=dict)  # [wad] price of the first round since a time

    def quote(self, now: int) -> Quote:
        if self.stale:
            raise Rejected("oracle: stale price")
        return self.told

    def consume(self, now: int) -> None:
        pass

    def pending(self) -> int:
        return 0

    def price_since(self, since: int, now: int) -> int:
        return self.since.get(since, 0)


@dataclass
class StubVault:
    """Knows cash and books."""

    cash: dict[int, int]
    books: dict[int, tuple[int, ...]]
    locked: dict[int, int]
    markets: dict[int, Balance]
    pool_account: int = POOL
    lender: None = None

    @property
    def accounts(self) -> dict[int, int]:
        return self.cash

    def treasury(self, account: int, now: int = 0) -> Treasury:
        return Treasury(self.cash[account], 0, self.locked.get(account, 0), 0, self.books[account])


@dataclass
class Balance:
    """A market as the vault sees it."""

    balance: int = RICH


class World:
    """Some accounts with books in up to eight markets, in both models."""

    def __init__(self, seed: int, accounts: int = 40) -> None:
        self.random = random = Random(seed)
        self.now = NOW + random.randint(0, 10**6)
        self.ids = range(1, random.randint(1, BOOKS) + 1)
        self.pool = LiquidityPool(POOL)
        self.feeds = {id_: StubFeed(_quote(random, self.now), random.random() < 0.04) for id_ in self.ids}
        self.markets = {id_: self._market(id_) for id_ in self.ids}
        self.accounts = list(range(1, accounts + 1))
        self.vault = StubVault({POOL: RICH}, {POOL: (0,) * BOOKS}, {}, {id_: Balance() for id_ in self.ids})
        self.policies = {account: _policy(random, len(self.ids)) for account in self.accounts}
        self.states: dict[int, State] = {}
        for account in self.accounts:
            self._open(account)
            self.states[account] = self._state(account)

    def _market(self, id_: int) -> Market:
        market = Market(id_, self.feeds[id_], self.pool, _config(self.random), NOW)  # type: ignore[arg-type]
        market.state = self.random.choice((ACTIVE,) * 12 + (REDUCE_ONLY, HALTED))
        market.cumulative_funding = int(self.random.uniform(-0.1, 0.1) * self.feeds[id_].told.price)
        self.pool.set_quote(id_, _quote_config(self.random))
        return market

    def _open(self, account: int) -> None:
        random, slots = self.random, [0] * BOOKS
        near = random.random() < 0.7
        for slot, id_ in enumerate(self.ids):
            if random.random() < 0.2:
                continue
            slots[slot] = id_
            market, price = self.markets[id_], self.feeds[id_].told.price
            size = 0 if random.random() < 0.08 else _signed(random, 10 ** random.uniform(1, 6)) * WAD // price
            mark = market._mark(self.feeds[id_].told, self.now)
            exposure = abs(size) * price // WAD
            z = (
                random.uniform(-3, 4)
                if near and random.random() < 0.5
                else random.choice((1, 4)) * random.uniform(0, 20)
            )
            equity = exposure * mark.maintenance_rate // WAD + int(z * exposure) * mark.sigma_rate // WAD
            equity = equity if size else random.randint(0, 10_000 * WAD)
            market.books[account] = Book(size, equity - size * (price - mark.funding) // WAD)
        self.vault.books[account] = tuple(slots)
        self.vault.cash[account] = random.choice((0, random.randint(0, 3_000 * WAD), random.randint(0, 10**5 * WAD)))

        if random.random() < 0.2:
            self.vault.locked[account] = random.randint(0, 3_000 * WAD)

    def _state(self, account: int) -> State:
        random = self.random
        last_call = self.now - random.choice((60, 500, 2_000, 6_000, 50_000, 10**6))
        if random.random() < 0.3:
            return State()
        contained = tuple(random.choice((0, random.randint(0, 4_500))) for _ in range(BOOKS))
        requests = {}
        for slot, id_ in enumerate(self.vault.books[account]):
            if id_ and random.random() < 0.2:
                asked = random.randint(max(last_call - PATIENCE - 60, 0), last_call)
                requests[slot] = Request(id_, random.randint(1, 1_000) * 10**15, asked)
                if random.random() < 0.8:
                    move = random.uniform(0.98, 1.02)
                    self.feeds[id_].since[requests[slot].due] = int(self.feeds[id_].told.price * move)
        digest = 0
        if random.random() < 0.1:
            digest = self.planner.gather(account, self.policies[account], self.now).digest
        fees = random.choice((0, random.randint(0, 150_000_000) * 10**12))
        return State(last_call, digest, fees, contained, requests)

    # The integer model

    @property
    def planner(self) -> Planner:
        return Planner(self.vault, self.markets)  # type: ignore[arg-type]

    def plan(self, account: int, mode: int) -> tuple[Plan, Found]:
        return self.planner.plan(account, mode, self.policies[account], self.states[account], self.now)

    def engine(self) -> Rebalancer:
        rebalancer = Rebalancer(self.vault, self.markets, NATIVE)  # type: ignore[arg-type]
        rebalancer.policies, rebalancer.states = self.policies, dict(self.states)
        return rebalancer

    def dollars_per_gas(self, gas_price: int) -> float:
        """[USD] per unit of gas; `gas_price` in wei."""
        native = self.feeds[NATIVE]
        return 0.0 if native.stale else gas_price * native.told.price / WAD**2

    # The arrays

    def marks(self) -> Marks:
        table = np.array([self._figures(id_) for id_ in self.ids])
        funding = np.array([self.markets[id_].cumulative_funding / WAD for id_ in self.ids])
        return Marks.of(table, self.now, funding)

    def _figures(self, id_: int) -> tuple[float, ...]:
        feed, market = self.feeds[id_], self.markets[id_]
        if feed.stale:
            return UNPRICED
        return figures(market._mark(feed.told, self.now), feed.told, self.pool.quote_config(id_))

    def books(self) -> Books:
        held = [[self.markets[id_].books.get(account, Book()) for id_ in self.ids] for account in self.accounts]
        return Books.of(
            [[book.size / WAD for book in row] for row in held],
            [[book.base / WAD for book in row] for row in held],
            [self.vault.cash[account] / WAD for account in self.accounts],
        )

    def locked(self) -> Floats:
        """[USD]"""
        return np.array([self.vault.locked.get(account, 0) / WAD for account in self.accounts])

    def vector_policies(self) -> Policies:
        return Policies.of([self.policies[account] for account in self.accounts], list(self.ids))

    def vector_state(self) -> EngineState:
        """With the rounds of those whose digest is that of now."""
        marks, state = self.marks(), EngineState.new(len(self.accounts), len(self.ids))
        risk = self.books().risk(marks)
        for i, account in enumerate(self.accounts):
            held = self.states[account]
            state.last_call[i], state.fees[i] = held.last_call, held.fees / WAD
            state.contained[i] = held.contained[: len(self.ids)]
            for slot, request in held.requests.items():
                state.asked[i, slot], state.asked_at[i, slot] = request.share / WAD, request.asked
            if held.digest:
                state.rounds[i] = np.where(risk.listed[i], np.where(risk.priced, risk.round, 0), -1)
        return state

    def since(self, state: EngineState) -> Floats:
        """Prices of the first rounds since requests were due."""
        due, prices = state.due_at(self.now), np.zeros_like(state.asked)
        for i, slot in np.argwhere(np.isfinite(due)):
            prices[i, slot] = self.feeds[slot + 1].since.get(int(due[i, slot]), 0) / WAD
        return prices


def _signed(random: Random, size: float) -> int:
    return random.choice((-1, 1)) * int(size * WAD)


def _quote(random: Random, now: int) -> Quote:
    price = int(10 ** random.uniform(-1, 5) * 10**6) * 10**12
    slow = random.randint(3 * 10**7, 3 * 10**8) * 10**10
    fast = max(int(slow * random.uniform(0.5, 4) / 10**10), 3 * 10**7) * 10**10
    guarded = random.random() < 0.06
    age = random.randint(0, 4_000)
    return Quote(
        price, price, fast, slow, now - age, random.randint(1, 2**30), guarded, guarded and random.random() < 0.5
    )


def _config(random: Random) -> MarketConfig:
    ppm = 10**12
    return MarketConfig(
        range_multiplier=random.randint(500_000, 3_000_000) * ppm,
        range_min=random.randint(5_000, 40_000) * ppm,
        range_max=random.randint(100_000, 500_000) * ppm,
        initial_ratio=random.randint(1_050_000, 2_500_000) * ppm,
        close_rate=random.randint(0, 10_000) * ppm,
        max_funding_rate=0,
        skew_scale=10**24,
        open_interest_cap=UNCAPPED // 10**15 * 10**15,
    )


def _quote_config(random: Random) -> QuoteConfig:
    ppm = 10**12
    return QuoteConfig(
        base_spread=random.randint(100, 2_000) * ppm,
        reference_volatility=6 * 10**17,
        volatility_cap=random.randint(1, 10) * WAD,
        deviation=random.randint(1_000, 12_000) * ppm,
        impact_scale=4 * 10**24,
        max_inventory=10**24,
    )


def _policy(random: Random, markets: int) -> Policy:
    """A valid one; now and then one that was never set, or is off."""
    if random.random() < 0.03:
        return Policy()
    trigger, donor, target = sorted(CENTI * random.randint(100, 1_500) for _ in range(3))
    delever, reach = sorted(min(CENTI * random.randint(0, 1_000), target) for _ in range(2))
    policy = Policy(
        enabled=random.random() < 0.92,
        z_trigger=trigger,
        z_target=target,
        z_donor=donor,
        z_delever=delever,
        z_delever_target=reach,
        treasury_reserve=random.choice((0, 0, 500)) * WAD,
        containment=random.choice(SHARES),
        max_risk_share=random.randint(100, 4_000),
        risk_budget=random.choice((0, 0, random.randint(100, 3_000))),
        max_slippage=random.choice((100, 200, 1_000)),
        max_delever=random.choice((0, 2_500, 5_000, 10_000)),
        min_move=random.choice((1, 5, 500)) * WAD,
        cooldown=random.choice((0, 900, 3_600)),
        max_fee=random.choice((0, 5, 20)) * WAD,
        max_fee_per_day=random.choice((10, 100)) * WAD,
    )
    if random.random() < 0.25:
        bits = random.choice((2, 4, 6, 2 ** (markets + 1) - 2))
        policy = replace(policy, **{random.choice(("no_fund", "no_tap")): bits})
        policy = replace(policy, no_fund=policy.no_fund | policy.no_tap) if random.random() < 0.3 else policy
    policy.check()
    assert policy.max_delever <= BPS
    return policy
