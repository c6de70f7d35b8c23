from __future__ import annotations

import ape
import pytest

from ballast.chain import Reverted
from ballast.chain.ape import ApeChain


@pytest.fixture
def ape_chain() -> ApeChain:
    chain = ApeChain(ape.networks.active_provider)
    chain.freeze()
    return chain


def test_ape_chain__signed_transaction__receipt_and_reason(ape_chain: ApeChain) -> None:
    """Ape signs and sends; reading back, gas, events and reasons are as on every other chain."""
    owner, stranger = ape_chain.accounts[:2]
    token = ape_chain.deploy("MockToken", "Dollar", "USD", 6, sender=owner)
    receipt = token.mint(stranger, 5, sender=owner)
    assert receipt.event("Transfer").receiver == stranger.address
    assert receipt.timestamp == ape_chain.timestamp
    assert token.balanceOf(stranger) == 5
    with pytest.raises(Reverted) as caught:
        token.mint(stranger, 5, sender=stranger)
    assert caught.value.reason == "token: not the owner"


def test_ape_chain__snapshot__state_and_time_return(ape_chain: ApeChain) -> None:
    owner = ape_chain.accounts[0]
    token = ape_chain.deploy("MockToken", "Dollar", "USD", 6, sender=owner)
    before, time = ape_chain.snapshot(), ape_chain.timestamp
    ape_chain.advance(3_600)
    assert token.mint(owner, 1, sender=owner).timestamp == time + 3_600
    ape_chain.revert(before)
    assert (token.totalSupply(), ape_chain.timestamp) == (0, time)
