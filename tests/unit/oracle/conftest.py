"""The oracle alone, in front of one feed: nothing else of the protocol is needed to test it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import asdict
from typing import Any

import pytest

from ballast.chain.base import ZERO_ADDRESS, Contract
from ballast.chain.revm import RevmChain
from ballast.model.fixed_point import WAD
from ballast.model.oracle import FeedConfig

FEED = 3  # feed id
UNIT = 10**8  # [raw] one dollar at the feed's decimals

CONFIG = FeedConfig(
    heartbeat=3_600,
    grace=60,
    volatility_floor=30 * WAD // 100,
    volatility_cap=5 * WAD,
    initial_fast=90 * WAD // 100,
    initial_slow=80 * WAD // 100,
    slow_rise=25 * WAD // 100,
    jump=20 * WAD // 100,
    jump_duration=600,
)


class Oracle:
    """The oracle, its feed and who may do what with them."""

    def __init__(self) -> None:
        self.chain = RevmChain()
        self.owner, self.stranger, self.guardian = self.chain.accounts[:3]
        vault = self.chain.deploy("QuoteStub", sender=self.owner)
        vault.set_guardian(self.guardian, sender=self.owner)
        self.contract = self.chain.deploy("PriceOracle", vault.address, sender=self.owner)
        self.aggregator = self.new_aggregator()
        self.aggregator.publish(2_000 * UNIT, sender=self.owner)
        self.aggregator.publish(2_000 * UNIT, sender=self.owner)
        self.proxy = self.chain.deploy("MockFeedProxy", self.aggregator.address, sender=self.owner)
        self.set_feed(expected=2_000)

    def deploy(self, name: str, *args: Any) -> Contract:
        """Another contract of the owner's."""
        return self.chain.deploy(name, *args, sender=self.owner)

    def new_aggregator(self, decimals: int = 8) -> Contract:
        """An aggregator without rounds."""
        return self.deploy("MockAggregator", decimals, "ETH / USD")

    def new_feed(self, dollars: float, decimals: int = 8) -> Contract:
        """Another proxy, whose aggregator has one round, now."""
        aggregator = self.new_aggregator(decimals)
        aggregator.publish(round(dollars * 10**decimals), sender=self.owner)
        return self.deploy("MockFeedProxy", aggregator.address)

    def config(self, **changes: Any) -> dict[str, Any]:
        """The default configuration with some fields changed."""
        return {"feed": self.proxy.address, "second_feed": ZERO_ADDRESS, **asdict(CONFIG), **changes}

    def set_feed(self, feed_id: int = FEED, expected: float = 2_000, **changes: Any) -> Any:
        """The receipt of the owner's setting a feed that he expects to show some dollars."""
        return self.contract.set_feed(feed_id, self.config(**changes), round(expected * WAD), sender=self.owner)

    def publish(self, dollars: float, after: int = 0) -> int:
        """A proper round after some time [s]; its proxy round id."""
        self.chain.advance(after)
        self.aggregator.publish(round(dollars * UNIT), sender=self.owner)
        return self.latest()

    def publish_round(self, answer: int, updated_at: int | None = None, lag: int = 0) -> int:
        """Any round; its proxy round id."""
        time = self.chain.timestamp if updated_at is None else updated_at
        number = (self.aggregator.latestRoundData()[0]) + 1
        self.aggregator.publish_round(answer, min(time, 2**32 - 1), time, number - lag, sender=self.owner)
        return self.latest()

    def latest(self) -> int:
        """Proxy round id of the latest round."""
        return int(self.proxy.latestRoundData()[0])

    def quote(self) -> Any:
        """The quote of the feed."""
        return self.contract.quote(FEED)

    def consume(self) -> Any:
        """The receipt of a stranger's `consume`."""
        return self.contract.consume(FEED, sender=self.stranger)


@pytest.fixture(scope="session")
def _oracle() -> Oracle:
    return Oracle()


@pytest.fixture
def oracle(_oracle: Oracle) -> Iterator[Oracle]:
    """An oracle with one feed of heartbeat 3,600 s, whose second round says $2,000 now."""
    snapshot = _oracle.chain.snapshot()
    yield copy(_oracle)
    _oracle.chain.revert(snapshot)


@pytest.fixture
def second_phase(oracle: Oracle) -> Callable[[], Contract]:
    """Switch the proxy to a second aggregator, which has two older rounds of its own."""

    def switch() -> Contract:
        aggregator = oracle.new_aggregator()
        for dollars in (1_900, 1_950):
            aggregator.publish(dollars * UNIT, sender=oracle.owner)
        oracle.proxy.set_aggregator(aggregator.address, sender=oracle.owner)
        oracle.aggregator = aggregator
        return aggregator

    return switch
