"""What the owner sets."""

from __future__ import annotations

import pytest

from ballast.chain import Contract
from tests.support import refused

from .conftest import WAD

FEES = {"base_fee": WAD // 1_000, "reference_volatility": WAD // 2, "volatility_cap": 3 * WAD}


def test_set_fees__within_bounds__read_back(exchange: Contract, eth: int, owner: str) -> None:
    event = exchange.set_fees(eth, FEES, sender=owner).event("FeesSet")
    assert event.market == eth
    assert exchange.fee_config(eth)._asdict() == event.fees._asdict() == FEES
    assert exchange.fee(eth, 1_000 * WAD, WAD) == 2 * WAD


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("base_fee", WAD // 100 + 1),
        ("reference_volatility", WAD // 100 - 1),
        ("reference_volatility", 10 * WAD + 1),
        ("volatility_cap", WAD - 1),
        ("volatility_cap", 20 * WAD + 1),
    ],
)
def test_set_fees__out_of_bounds__reverts(exchange: Contract, eth: int, owner: str, field: str, value: int) -> None:
    """ORC-10."""
    with refused("exchange: bad parameter"):
        exchange.set_fees(eth, FEES | {field: value}, sender=owner)


def test_set_fees__unknown_market__reverts(exchange: Contract, owner: str) -> None:
    """AUT-5."""
    with refused("vault: unknown market"):
        exchange.set_fees(99, FEES, sender=owner)


def test_set_execution_fee__any_amount__bounded(exchange: Contract, owner: str) -> None:
    event = exchange.set_execution_fee(100 * WAD, sender=owner).event("ExecutionFeeSet")
    assert event.execution_fee == exchange.execution_fee() == 100 * WAD
    for fee in (100 * WAD + 10**10, WAD + 1):
        with refused("exchange: bad parameter"):
            exchange.set_execution_fee(fee, sender=owner)


def test_setters__not_the_owner__revert(exchange: Contract, eth: int, stranger: str, trader: str) -> None:
    """AUT-1."""
    for sender in (stranger, trader):
        for method, arguments in (
            ("set_fees", (eth, FEES)),
            ("set_execution_fee", (WAD,)),
            ("transfer_ownership", (sender,)),
        ):
            with refused("ownable: caller is not the owner"):
                getattr(exchange, method)(*arguments, sender=sender)
