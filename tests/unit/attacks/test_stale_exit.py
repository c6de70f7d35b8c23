"""Who knows the next round must not be paid for it: neither can he leave at the last one, nor change his mind."""

from __future__ import annotations

import pytest

from ballast.chain import Reverted
from ballast.params import WAD


@pytest.mark.parametrize("age", [12, 600, 3_000])
@pytest.mark.parametrize("gap", [-500, 10, 50, 100, 500])
def test_stale_exit__any_gap__does_not_pay(
    protocol, open_account, open_book, trader, publish, leave_by_engine, worth, gap, age
) -> None:
    """X-ORC-10: long and short of one owner; he has the long cut, and knows the next round [bps below the last]."""
    long, short = (open_account(trader, 600_000 * WAD) for _ in range(2))
    open_book(long, "ETH", 1_000 * WAD, 260_000 * WAD)
    open_book(short, "ETH", -1_000 * WAD, 260_000 * WAD)
    publish("ETH", 3_000 * WAD, after=600)
    protocol.chain.advance(age)
    before = worth(long, short)
    size = protocol.markets["ETH"].book(long).size
    leave_by_engine(long, "ETH")
    assert protocol.markets["ETH"].book(long).size == size
    price = 3_000 * WAD * (10_000 - gap) // 10_000
    publish("ETH", price, after=10)
    with pytest.raises(Reverted, match="rebalancer: cut is waiting"):
        protocol.rebalancer.rebalance_own(long, sender=trader)
    publish("ETH", price, after=20)
    protocol.rebalancer.rebalance_own(long, sender=trader)
    assert protocol.markets["ETH"].book(long).size < size // 2
    assert worth(long, short) < before
