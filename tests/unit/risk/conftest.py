from __future__ import annotations

import pytest

from ballast.chain import Contract
from ballast.chain.revm import RevmChain


@pytest.fixture(scope="session")
def risk_model() -> Contract:
    """The calculator: it has no state, so one serves all tests."""
    chain = RevmChain()
    return chain.deploy("RiskModel", sender=chain.accounts[0])
