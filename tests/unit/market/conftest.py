"""A market between stubs, put back before each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.market_bench import WAD, MarketBench

LONG, SHORT, EMPTY = 2, 3, 9  # accounts


@pytest.fixture(scope="session")
def _bench() -> MarketBench:
    return MarketBench()


@pytest.fixture
def bench(_bench: MarketBench) -> Iterator[MarketBench]:
    """$2,000 a unit; nobody has a book."""
    yield _bench
    _bench.reset()


@pytest.fixture
def market(bench: MarketBench) -> MarketBench:
    """Account 2 is long 10 units, account 3 short 4, each with $5,000; the pool's book holds $50,000."""
    bench.move_margin(LONG, 5_000 * WAD)
    bench.move_margin(SHORT, 5_000 * WAD)
    bench.move_margin(bench.pool_account, 50_000 * WAD)
    bench.trade(LONG, 10 * WAD)
    bench.trade(SHORT, -4 * WAD)
    return bench
