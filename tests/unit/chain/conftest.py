"""The same behaviour on every backend that needs no network: in process, and Anvil over RPC."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ballast.chain import Chain, Contract
from ballast.chain.anvil import anvil
from ballast.chain.revm import RevmChain

START = 1_700_000_000


@pytest.fixture(scope="module", params=["revm", "anvil"])
def chain(request: pytest.FixtureRequest) -> Iterator[Chain]:
    if request.param == "revm":
        yield RevmChain(timestamp=START)
        return
    with anvil(timestamp=START) as node:
        yield node.chain()


@pytest.fixture
def token(chain: Chain) -> Contract:
    return chain.deploy("MockToken", "Dollar", "USD", 6, sender=chain.accounts[0])
