from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.credit.bench import CreditBench


@pytest.fixture(scope="session")
def _bench() -> CreditBench:
    return CreditBench()


@pytest.fixture
def bench(_bench: CreditBench) -> Iterator[CreditBench]:
    """An empty fund with a token of six decimals."""
    yield _bench
    _bench.reset()
