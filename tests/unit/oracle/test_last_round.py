from __future__ import annotations

import pytest

from ballast.chain import Reverted
from tests.unit.oracle.conftest import FEED, Oracle


def test_last_round__old_or_unusable__is_told_as_it_is(oracle: Oracle) -> None:
    time = oracle.chain.timestamp
    oracle.chain.advance(100_000)
    assert oracle.contract.last_round(FEED) == (1 << 64 | 2, time)
    oracle.publish_round(0, updated_at=0)
    assert oracle.contract.last_round(FEED) == (1 << 64 | 3, 0)


@pytest.mark.parametrize("function", ["last_round", "pending", "heartbeat", "feed_config"])
def test_views__unknown_feed__revert(oracle: Oracle, function: str) -> None:
    with pytest.raises(Reverted, match="oracle: feed not set"):
        getattr(oracle.contract, function)(FEED + 1)
