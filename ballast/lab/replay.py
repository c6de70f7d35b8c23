"""One rule over one population and one tape, event by event: rounds, calls that answer them, looks and bids."""

from __future__ import annotations

import heapq
from itertools import count
from typing import NamedTuple

import numpy as np

from ballast.lab.auctions import BLOCK, Auctions
from ballast.lab.deficits import close_pool
from ballast.lab.outcome import MOST_POINTS, QUANTILES, Floats, Outcome, Series
from ballast.lab.population import Population
from ballast.lab.rules import Calls, Rule
from ballast.lab.tape import Tape
from ballast.lab.world import Settings, World
from ballast.model.vector.arrays import Index
from ballast.model.vector.books import Risk
from ballast.model.vector.marks import FIGURES
from ballast.params import Params

_VOLATILITY = FIGURES.index("fast_volatility")
_NEVER = np.inf


def replay(tape: Tape, population: Population, rule: Rule, params: Params, settings: Settings | None = None) -> Outcome:
    """What the rule makes of the accounts."""
    return Replay(World(tape, population, params, settings or Settings()), population, rule).run()


class _Queue:
    """Accounts that somebody will come to, each once, at the earliest time that was asked for."""

    def __init__(self, accounts: int, delay: float) -> None:
        self._delay = delay
        self._at = np.full(accounts, _NEVER)
        self._heap: list[tuple[float, int, Index]] = []
        self._number = count()

    @property
    def next(self) -> float:
        """When the next is due [s]."""
        return self._heap[0][0] if self._heap else _NEVER

    def add(self, calls: Calls) -> None:
        """Whoever is not due earlier."""
        accounts, since = calls
        if not len(accounts):
            return
        at = since + self._delay
        earlier = at < self._at[accounts]
        accounts, at = accounts[earlier], at[earlier]
        self._at[accounts] = at
        for time in np.unique(at):
            heapq.heappush(self._heap, (float(time), next(self._number), accounts[at == time]))

    def take(self, now: float) -> Index:
        """Whoever is due by now."""
        taken = []
        while self._heap and self._heap[0][0] <= now:
            at, _, accounts = heapq.heappop(self._heap)
            taken.append(accounts[self._at[accounts] == at])
        found = np.unique(np.concatenate(taken)) if taken else np.empty(0, dtype=np.intp)
        self._at[found] = _NEVER
        return found


class _Point(NamedTuple):
    """What `Series` holds, at one moment."""

    time: int
    liquidated: int
    equity: Floats
    distance: Floats
    price: Floats
    volatility: Floats


class Replay:
    """Of one rule in a world that has just begun."""

    def __init__(self, world: World, population: Population, rule: Rule, auctions: Auctions | None = None) -> None:
        self._world, self._population, self._rule = world, population, rule
        self._tape = tape = world.tape
        self._auctions = auctions or Auctions(world, rule)
        delay = world.settings.delay * BLOCK
        self._calls, self._looks = _Queue(population.accounts, delay), _Queue(population.accounts, delay)
        self._pool = self._world.pool
        self._initial, self._first_prices = self._world.equity(), self._world.prices
        self._every = max(1, -(-len(tape.times) // MOST_POINTS))
        self._points: list[_Point] = []

    def run(self) -> Outcome:
        """From the first tick to the end."""
        self._rule.begin(self._world)
        ticks = len(self._tape.times)
        for tick in range(ticks):
            self._tick(tick)
            until = float(self._tape.times[tick + 1] if tick + 1 < ticks else self._tape.end)
            self._work(until, last=tick + 1 == ticks)
        self._world.advance(self._tape.end)
        self._auctions.look(np.flatnonzero(self._world.equity() < 0))
        return self._outcome()

    def _tick(self, tick: int) -> None:
        world = self._world
        world.advance(float(self._tape.times[tick]))
        world.publish(tick)
        if world.pool < 0:
            close_pool(world)
        self._calls.add(self._rule.see(world))
        risk = world.risk()
        calling = self._auctions.calling(risk)
        self._looks.add((calling, np.full(len(calling), world.now)))
        if tick % self._every == 0:
            self._record(risk)

    def _work(self, until: float, last: bool) -> None:
        """All that happens before the next tick."""
        world, auctions = self._world, self._auctions
        auctions.plan_bids(until)
        while True:
            now = min(self._calls.next, self._looks.next, auctions.next_bid)
            if now > until or (now == until and not last):
                return
            world.advance(max(now, world.now))
            callers = self._calls.take(now)
            if len(callers):
                self._rule.call(world, callers)
                traded = auctions.traded(callers)
                self._looks.add((traded, np.full(len(traded), world.now)))
            looked_at = self._looks.take(now)
            if len(looked_at):
                auctions.look(looked_at)
            if auctions.next_bid <= now:
                auctions.bid()
            auctions.plan_bids(until)

    def _record(self, risk: Risk) -> None:
        world = self._world
        z = risk.z.min(axis=1)
        finite = z[np.isfinite(z)]
        z = np.minimum(z, finite.max() if len(finite) else 0.0)
        self._points.append(
            _Point(
                int(world.now),
                int(world.liquidated.any(axis=1).sum()),
                np.quantile(world.equity() / self._initial, QUANTILES),
                np.quantile(z, QUANTILES),
                world.prices / self._first_prices,
                self._tape.said[world.tick, :, _VOLATILITY],
            )
        )

    def _outcome(self) -> Outcome:
        world, population = self._world, self._population
        moved, paid = world.prices - self._first_prices, world.funding
        held: Floats = population.beside / self._first_prices
        return Outcome(
            window=self._tape.label,
            rule=self._rule.name,
            population=population.name,
            seed=population.seed,
            markets=self._tape.markets,
            start=self._tape.start,
            end=self._tape.end,
            initial_equity=self._initial,
            final_equity=world.equity(),
            held_equity=self._initial + world.opened @ (moved - paid),
            beside=(held * moved).sum(axis=1),
            books=(world.opened != 0).sum(axis=1),
            books_liquidated=world.liquidated.sum(axis=1),
            lost_at=world.lost_at,
            calls=world.calls,
            **vars(world.ledger),
            trading_costs=np.abs(population.notional) @ self._tape.opening_rate,
            opened=world.opened,
            final_size=world.books.size,
            final_margin=world.margin(),
            final_cash=world.books.cash,
            pool_deficits=world.pool_deficits,
            insured=world.insured,
            socialised=world.socialised,
            pool_start=self._pool,
            pool_low=world.pool_low,
            pool_end=world.pool,
            pool_closed=world.pool_closed,
            cuts_refused=world.refused,
            series=Series(*(np.array(column) for column in zip(*self._points, strict=True))),
        )
