"""Who may propose, cancel and execute; the timelock is under nobody but itself, the market under nobody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.chain import Reverted
from ballast.chain.base import ZERO_ADDRESS
from tests.market_bench import CONFIG
from tests.unit.timelock.conftest import DELAY, NOT_ITSELF, NOT_OWNER, NOT_READY, ROLE, House


def test_constructor__no_administrator__is_its_own(house: House) -> None:
    """GOV-1: the deployer keeps nothing."""
    timelock = house.timelock
    admin = timelock.DEFAULT_ADMIN_ROLE()
    assert timelock.get_minimum_delay() == DELAY
    assert timelock.hasRole(admin, timelock.address)
    for role in (timelock.PROPOSER_ROLE(), timelock.EXECUTOR_ROLE(), timelock.CANCELLER_ROLE()):
        assert timelock.getRoleAdmin(role) == admin
        assert not timelock.hasRole(role, house.deployer)
    for holder in (house.deployer, house.proposer, house.stranger, ZERO_ADDRESS):
        assert not timelock.hasRole(admin, holder)


def test_schedule__without_the_role__reverts(house: House) -> None:
    """X-GOV-01: to execute is open, to propose and to cancel is not."""
    operation = house.state(1)
    for sender in (house.deployer, house.stranger, house.bench.owner, house.bench.guardian):
        with pytest.raises(Reverted, match=ROLE):
            house.schedule(operation, sender=sender)
    house.schedule(operation)
    for sender in (house.deployer, house.stranger, house.bench.owner, house.bench.guardian):
        with pytest.raises(Reverted, match=ROLE):
            house.timelock.cancel(house.id(operation), sender=sender)


def test_execute__executor_named__nobody_else(house: House) -> None:
    """Where the open role is taken back, the named one executes, and nobody else."""
    timelock = house.timelock
    executor = timelock.EXECUTOR_ROLE()
    house.done(
        house.batch(
            house.call(timelock, "grantRole", executor, house.proposer),
            house.call(timelock, "revokeRole", executor, ZERO_ADDRESS),
        )
    )
    house.schedule(house.state(1))
    house.wait()
    with pytest.raises(Reverted, match=ROLE):
        house.execute(house.state(1), house.stranger)
    house.execute(house.state(1), house.proposer)
    assert house.bench.market.state() == 1


def test_roles_and_delay__by_anyone_directly__reverts(house: House) -> None:
    """GOV-1: a proposer changes neither the delay nor the roles but by a proposal."""
    timelock = house.timelock
    proposer = timelock.PROPOSER_ROLE()
    attempts: list[tuple[str, Callable[[Any], Any]]] = [
        (NOT_ITSELF, lambda sender: timelock.update_delay(0, sender=sender)),
        (ROLE, lambda sender: timelock.grantRole(proposer, sender, sender=sender)),
        (ROLE, lambda sender: timelock.revokeRole(proposer, house.proposer, sender=sender)),
    ]
    for reason, attempt in attempts:
        for sender in (house.proposer, house.deployer, house.stranger):
            with pytest.raises(Reverted, match=reason):
                attempt(sender)
    assert timelock.get_minimum_delay() == DELAY


def test_update_delay__by_proposal__binds_what_comes_later(house: House) -> None:
    """X-GOV-01: a shorter delay has to wait out the longer one."""
    shorter = house.call(house.timelock, "update_delay", DELAY // 2)
    house.schedule(shorter)
    house.schedule(house.state(2))
    with pytest.raises(Reverted, match=NOT_READY):
        house.execute(shorter)
    house.wait(DELAY // 2)
    with pytest.raises(Reverted, match=NOT_READY):
        house.execute(house.state(2))
    house.wait(DELAY // 2)
    house.execute(shorter)
    assert house.timelock.get_minimum_delay() == DELAY // 2
    house.schedule(house.state(1), DELAY // 2)


def test_market__owned__does_nothing_for_anyone_directly(house: House) -> None:
    """GOV-1, X-GOV-05: neither the former owner nor a proposer nor the guardian does what the owner does."""
    market = house.bench.market
    for sender in (house.bench.owner, house.proposer, house.deployer, house.bench.guardian, house.stranger):
        for attempt in (
            lambda: market.set_config(CONFIG, sender=sender),  # noqa: B023
            lambda: market.transfer_ownership(sender, sender=sender),  # noqa: B023
        ):
            with pytest.raises(Reverted, match=NOT_OWNER):
                attempt()
    assert market.owner() == house.timelock.address


def test_market__halted_by_the_guardian__opens_by_proposal_only(house: House) -> None:
    """GOV-1, X-GOV-04: tightening takes one transaction, loosening the whole delay."""
    market, guardian = house.bench.market, house.bench.guardian
    house.schedule(house.state(0))
    market.set_state(2, sender=guardian)
    for state in (0, 1):
        with pytest.raises(Reverted, match="access: guardian only tightens"):
            market.set_state(state, sender=guardian)
    with pytest.raises(Reverted, match=NOT_READY):
        house.execute(house.state(0))
    assert market.state() == 2
    house.wait()
    house.execute(house.state(0))
    assert market.state() == 0


def test_transfer_ownership__by_proposal__to_a_successor_but_not_to_nobody(house: House) -> None:
    """GOV-5, X-GOV-05: the way to replace the timelock, in public like everything else."""
    market = house.bench.market
    nobody = house.call(market, "transfer_ownership", ZERO_ADDRESS)
    house.schedule(nobody)
    house.wait()
    with pytest.raises(Reverted, match="ownable: new owner is the zero address"):
        house.execute(nobody)
    house.done(house.call(market, "transfer_ownership", house.stranger))
    assert market.owner() == house.stranger
