from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ballast.deploy import Protocol
from tests.market_bench import MarketBench
from tests.unit.pool.shares import Shareholders


@pytest.fixture(scope="session")
def _bench() -> MarketBench:
    return MarketBench()


@pytest.fixture
def bench(_bench: MarketBench) -> Iterator[MarketBench]:
    """A pool that quotes market 1, between stubs."""
    yield _bench
    _bench.reset()


@pytest.fixture
def holders(protocol: Protocol, owner: str, keeper: str) -> Shareholders:
    return Shareholders(protocol, owner, keeper)


@pytest.fixture
def short_pool(protocol: Protocol, account: int, open_book: Callable[..., None]) -> None:
    """The trader is long 100 ETH, so the pool is short of them; it has other cash than at the start."""
    open_book(account, "ETH", 100 * 10**18, 60_000 * 10**18)
