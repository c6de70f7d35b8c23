from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.market_bench import MarketBench


@pytest.fixture(scope="session")
def _bench() -> MarketBench:
    return MarketBench()


@pytest.fixture
def bench(_bench: MarketBench) -> Iterator[MarketBench]:
    """A pool that quotes market 1, between stubs."""
    yield _bench
    _bench.reset()
