"""How fast `ballast.model.vector` is, beside its goals: `python -m benchmarks.vector` writes benchmarks/vector.json."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

import numpy as np
from rich.console import Console
from rich.table import Table

from ballast.model.market import MarketConfig
from ballast.model.oracle import Quote
from ballast.model.planning import KEEPER, RESCUE
from ballast.model.pool import QuoteConfig
from ballast.model.risk import FILL, OPEN, REDUCE, TAKE, TAP, mark_of
from ballast.model.vector.arrays import Index
from ballast.model.vector.books import Books
from ballast.model.vector.engine import Engine
from ballast.model.vector.marks import Marks, figures
from ballast.model.vector.planning import triggers
from ballast.model.vector.policy import EngineState, Policies
from ballast.params import MarketParams, load

REPORT = Path(__file__).parent / "vector.json"
NOW = 1_700_000_000  # [s]
ACCOUNTS, DUE, BOOKS = 10_000, 1_000, 3
TRIES = 50
CRASH = -0.06  # of the first market; the second falls more, the third less
GAS_PRICE = 6e-5  # [USD] per unit: 20 gwei at $3,000


def main() -> None:
    """Measure, print, write."""
    engine, before, after = _population(ACCOUNTS)
    found = triggers(engine.books.risk(after), engine.books.cash, engine.policies)
    due = np.flatnonzero(found.bits)[:DUE]
    assert len(due) == DUE
    rows = [
        (f"triggers of {ACCOUNTS * BOOKS:,} books", 1.0, lambda: _triggers(engine, before)),
        (f"candidates among {ACCOUNTS:,} accounts", 1.5, lambda: engine.candidates(before)),
        (f"plans of {DUE:,} due accounts", 20.0, lambda: engine.preview(due, after, None, KEEPER, GAS_PRICE)),
        (f"plans of {DUE:,} rescues, cuts made", 20.0, lambda: engine.preview(due, after, None, RESCUE)),
    ]
    report = [{"row": name, "ms": round(_best(work), 3), "goal_ms": goal} for name, goal, work in rows]
    large, _, crashed = _population(10 * ACCOUNTS)
    everyone = np.flatnonzero(_triggers(large, crashed))
    per_account = _best(lambda: large.preview(everyone, crashed, None, KEEPER, GAS_PRICE), 5) / len(everyone) * DUE
    name = f"the same a {DUE:,}, with {len(everyone):,} due at once"
    report.append({"row": name, "ms": round(per_account, 3), "goal_ms": 20.0})
    REPORT.write_text(json.dumps(report, indent=1) + "\n")
    Console().print(_table(report))


def _triggers(engine: Engine, marks: Marks) -> Index:
    return triggers(engine.books.risk(marks), engine.books.cash, engine.policies).bits


def _best(work: Callable[[], object], tries: int = TRIES) -> float:
    """The least time [ms]: what else the machine does only adds to it."""
    least = float("inf")
    for _ in range(tries):
        start = perf_counter()
        work()
        least = min(least, perf_counter() - start)
    return least * 1_000


def _population(accounts: int) -> tuple[Engine, Marks, Marks]:
    """Accounts of three books at leverage two to ten, the markets they were opened in, and those after a crash."""
    params, source = load(), np.random.default_rng(1)
    markets = list(params.markets.values())[:BOOKS]
    before = _marks(markets, [1.0] * BOOKS, NOW)
    after = _marks(markets, [1 + CRASH, 1 + 1.5 * CRASH, 1 + 0.5 * CRASH], NOW + 600)
    margin = np.exp(source.normal(8, 1, (accounts, BOOKS)))
    leverage = np.exp(source.uniform(np.log(2), np.log(10), (accounts, BOOKS)))
    size = margin * leverage * source.choice((-1, 1), (accounts, BOOKS)) / before.price
    books = Books.opened(size, margin, source.uniform(0, 500, accounts), before)
    policies = Policies.same(params.policy, accounts, range(1, BOOKS + 1))
    return Engine(books, policies, EngineState.new(accounts, BOOKS)), before, after


def _marks(markets: Sequence[MarketParams], moves: Sequence[float], now: int) -> Marks:
    table = []
    for market, move in zip(markets, moves, strict=True):
        price = int(market.feed.price * move)
        fast, slow = market.feed.initial_fast * (1 if move == 1 else 2), market.feed.initial_slow
        quote = Quote(price, price, fast, slow, now, 1, False, False)
        mark = mark_of(MarketConfig(**market.risk.model_dump()), quote, 0, OPEN | REDUCE | TAKE | FILL | TAP)
        table.append(figures(mark, quote, QuoteConfig(**market.quote.model_dump())))
    return Marks.of(np.array(table), now, np.zeros(len(table)))


def _table(report: Sequence[dict[str, object]]) -> Table:
    found = Table("work", "measured", "goal")
    for row in report:
        found.add_row(str(row["row"]), f"{row['ms']} ms", f"{row['goal_ms']} ms")
    return found


if __name__ == "__main__":
    main()
