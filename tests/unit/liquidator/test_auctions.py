"""When an auction is on, and for whom: the module by itself."""

from __future__ import annotations

import pytest

from ballast.chain import Contract, Reverted
from ballast.chain.revm import RevmChain
from ballast.model.auction import LAPSE, RESUME

KEY, DIGEST, OTHER = 7, 11, 12


@pytest.fixture
def chain() -> RevmChain:
    return RevmChain()


@pytest.fixture
def auctions(chain: RevmChain) -> Contract:
    return chain.deploy("AuctionHarness", sender=chain.accounts[0])


def _open(auctions: Contract, chain: RevmChain, digest: int = DIGEST) -> int:
    auctions.open(KEY, chain.timestamp, digest, sender=chain.accounts[0])
    return int(auctions.state(KEY, chain.timestamp)[1])


def _check(auctions: Contract, chain: RevmChain, digest: int = DIGEST) -> None:
    auctions.check_bid(KEY, chain.timestamp, digest)


def _refused(reason: str) -> object:
    return pytest.raises(Reverted, match=f"^{reason}$")


def test_open__again__is_refused(auctions: Contract, chain: RevmChain) -> None:
    """LIQ-7, X-LIQ-08: nobody sets its age back, and nobody delays bids by a block."""
    _open(auctions, chain)
    chain.advance(100)
    with _refused("liquidator: auction is on"):
        _open(auctions, chain)
    _check(auctions, chain)


def test_check_bid__block_of_the_opening__is_refused(auctions: Contract, chain: RevmChain) -> None:
    """LIQ-6: nothing is sold in the block in which it may still have been healthy."""
    with _refused("liquidator: no auction"):
        _check(auctions, chain)
    _open(auctions, chain)
    with _refused("liquidator: opened in this block"):
        _check(auctions, chain)
    chain.advance(1)
    _check(auctions, chain)


def test_check_bid__traded_since__only_after_opening_again(auctions: Contract, chain: RevmChain) -> None:
    """LIQ-6, LIQ-8: a trade may have found it healthy; its age it keeps."""
    _open(auctions, chain)
    chain.advance(600)
    with _refused("liquidator: book was traded"):
        _check(auctions, chain, OTHER)
    _open(auctions, chain, OTHER)
    assert tuple(auctions.state(KEY, chain.timestamp)) == (True, 600)
    with _refused("liquidator: opened in this block"):
        _check(auctions, chain, OTHER)


def test_open__within_an_hour_of_its_end__goes_on_where_it_was(auctions: Contract, chain: RevmChain) -> None:
    """LIQ-7: a book that recovers for a moment gains nothing by it; one that was well for an hour starts anew."""
    _open(auctions, chain)
    chain.advance(900)
    auctions.end(KEY, chain.timestamp, sender=chain.accounts[0])
    with _refused("liquidator: no auction"):
        _check(auctions, chain)
    chain.advance(RESUME)
    assert _open(auctions, chain) == 900
    auctions.end(KEY, chain.timestamp, sender=chain.accounts[0])
    chain.advance(RESUME + 1)
    assert _open(auctions, chain) == 0


def test_open__nobody_took_it_for_hours__starts_anew(auctions: Contract, chain: RevmChain) -> None:
    """What nobody stopped when its book recovered does not lie in wait at its floor."""
    _open(auctions, chain)
    chain.advance(LAPSE)
    _check(auctions, chain)
    chain.advance(1)
    with _refused("liquidator: no auction"):
        _check(auctions, chain)
    assert _open(auctions, chain) == 0
