from __future__ import annotations

import pytest

from ballast.chain import Chain, Contract


def test_transactions__many__time_stands_still(chain: Chain, token: Contract) -> None:
    before = chain.timestamp
    for _ in range(3):
        token.mint(chain.accounts[0], 1, sender=chain.accounts[0])
    assert chain.timestamp == before


def test_advance__seconds__seen_by_contracts(chain: Chain) -> None:
    feed = chain.deploy("MockAggregator", 8, "BTC / USD", sender=chain.accounts[0])
    before = chain.timestamp
    chain.advance(61)
    receipt = feed.publish(1, sender=chain.accounts[0])
    assert chain.timestamp == receipt.timestamp == feed.latestRoundData()[3] == before + 61


def test_set_time__into_the_past__refused(chain: Chain) -> None:
    with pytest.raises(ValueError, match="time cannot go back"):
        chain.set_time(chain.timestamp - 1)


def test_revert__snapshot__state_and_time_return(chain: Chain, token: Contract) -> None:
    owner = chain.accounts[0]
    token.mint(owner, 1, sender=owner)
    time, supply = chain.timestamp, token.totalSupply()
    outer = chain.snapshot()
    token.mint(owner, 10, sender=owner)
    chain.advance(1_000)
    chain.snapshot()  # an inner one that is never used
    token.mint(owner, 100, sender=owner)
    chain.revert(outer)
    assert (chain.timestamp, token.totalSupply()) == (time, supply)
