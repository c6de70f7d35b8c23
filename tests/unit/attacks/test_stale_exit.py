"""The engine closes at the last round: who knows the next one must not be paid for it by the feed's own deviation."""

from __future__ import annotations

import pytest

from ballast.params import WAD

DEVIATION = 50  # [bps] further from the last round, a feed publishes


@pytest.mark.parametrize("age", [100, 600, 3_000])
@pytest.mark.parametrize("gap", [10, 30, DEVIATION])
def test_stale_exit__within_the_deviation__does_not_pay(
    protocol, open_account, open_book, trader, publish, leave_by_engine, worth, gap, age
) -> None:
    """X-ORC-10: long and short of one owner; he closes the long at an old price, and knows the next."""
    long, short = (open_account(trader, 600_000 * WAD) for _ in range(2))
    open_book(long, "ETH", 1_000 * WAD, 260_000 * WAD)
    open_book(short, "ETH", -1_000 * WAD, 260_000 * WAD)
    publish("ETH", 3_000 * WAD, after=600)
    protocol.chain.advance(age)
    before = worth(long, short)
    size = protocol.markets["ETH"].book(long).size
    leave_by_engine(long, "ETH")
    assert protocol.markets["ETH"].book(long).size < size // 2
    publish("ETH", 3_000 * WAD * (10_000 - gap) // 10_000)
    assert worth(long, short) < before
