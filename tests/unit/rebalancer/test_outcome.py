"""The engine checks what it has done and believes nobody: a plan that does not add up reverts whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Contract, Reverted
from ballast.deploy import Protocol
from ballast.deploy.settings import REBALANCER
from ballast.params import WAD

HONEST, CASH, EQUITY, CUT, FLOOR, CAP, ROBBERY, TOP_UP = range(8)  # lies of MockLyingPlanner


@pytest.fixture
def planner(protocol: Protocol, owner: str) -> Contract:
    return protocol.chain.deploy("MockLyingPlanner", protocol.planner.address, sender=owner)


@pytest.fixture
def deceived(protocol: Protocol, planner: Contract, owner: str) -> Contract:
    """An engine like the protocol's, with its rights, that asks the lying planner."""
    native = protocol.rebalancer.NATIVE_FEED()
    arguments = protocol.vault.address, protocol.oracle.address, planner.address, native
    engine = protocol.chain.deploy("Rebalancer", *arguments, sender=owner)
    protocol.vault.set_engine(engine.address, REBALANCER, sender=owner)
    return engine


def state_of(protocol: Protocol, account: int) -> Any:
    books = [tuple(market.book(each)) for market in protocol.markets.values() for each in (account, 1)]
    return protocol.vault.treasury(account), protocol.vault.treasury(1), books


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        (CASH, "rebalancer: cash differs"),
        (EQUITY, "rebalancer: equity differs"),
        (FLOOR, "rebalancer: book out of band"),
        (CAP, "rebalancer: book out of band"),
        (ROBBERY, "rebalancer: min distance fell"),
    ],
)
def test_rebalance__plan_that_does_not_add_up__reverts_whole(
    protocol: Protocol,
    deceived: Contract,
    planner: Contract,
    short: int,
    default: dict[str, Any],
    trader: str,
    keeper: str,
    lie: int,
    reason: str,
) -> None:
    """REB-1, REB-2, REB-3: conservation, floors, caps and distances are asserted on the outcome itself."""
    deceived.set_policy(short, default, sender=trader)
    protocol.chain.advance(1)
    before = state_of(protocol, short)
    planner.tell(lie, sender=keeper)
    with pytest.raises(Reverted) as refusal:
        deceived.rebalance(short, sender=keeper)
    assert refusal.value.reason == reason
    assert state_of(protocol, short) == before
    planner.tell(HONEST, sender=keeper)
    assert deceived.rebalance(short, sender=keeper).event("Rebalanced").transfers == 2


@pytest.mark.parametrize("lie", [CUT, TOP_UP])
def test_rebalance__cut_that_is_not_the_planned_one__reverts_whole(
    protocol: Protocol,
    deceived: Contract,
    planner: Contract,
    build: Callable[..., int],
    drain: Callable[..., None],
    publish: Callable[..., int],
    default: dict[str, Any],
    trader: str,
    keeper: str,
    lie: int,
) -> None:
    """REB-12: what the market did is compared with what it said; the pool must have paid what its book needs."""
    account = build(BTC=(60_000, 14_000))
    deceived.set_policy(account, default, sender=trader)
    drain(account)
    publish("BTC", 51_000 * WAD, after=30)
    assert deceived.rebalance(account, sender=keeper).event("CutRequested").market == 1
    publish("BTC", 51_000 * WAD, after=30)
    before = state_of(protocol, account)
    planner.tell(lie, sender=keeper)
    with pytest.raises(Reverted) as refusal:
        deceived.rebalance(account, sender=keeper)
    assert refusal.value.reason == "rebalancer: cut differs"
    assert state_of(protocol, account) == before
    planner.tell(HONEST, sender=keeper)
    assert deceived.rebalance(account, sender=keeper).event("Rebalanced").cuts == 1
