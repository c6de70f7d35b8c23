"""What the owner wants stands in public for the whole delay, in its order, once, whole or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ballast.chain import Reverted
from tests.market_bench import CONFIG, WAD, plain
from tests.unit.timelock.conftest import (
    DELAY,
    MISMATCH,
    NOT_PENDING,
    NOT_READY,
    TOO_SOON,
    TWICE,
    UNMET,
    House,
)


def test_execute__never_scheduled__reverts(house: House) -> None:
    """X-GOV-01, GOV-1: nothing is done that nobody could see coming."""
    for sender in (house.proposer, house.deployer, house.stranger):
        with pytest.raises(Reverted, match=NOT_READY):
            house.execute(house.state(1), sender)
    assert house.bench.market.state() == 0


def test_execute__a_second_early__reverts_and_then_works_once(house: House) -> None:
    """X-GOV-01, GOV-1: early, in time, twice."""
    operation = house.state(1)
    house.schedule(operation)
    assert house.stage(operation) == (True, False, False)
    house.wait(DELAY - 1)
    with pytest.raises(Reverted, match=NOT_READY):
        house.execute(operation)
    assert house.bench.market.state() == 0

    house.wait(1)
    assert house.stage(operation) == (True, True, False)
    house.execute(operation)
    assert house.stage(operation) == (False, False, True)
    assert house.bench.market.state() == 1

    with pytest.raises(Reverted, match=NOT_READY):
        house.execute(operation)
    with pytest.raises(Reverted, match=TWICE):
        house.schedule(operation)


def test_execute__out_of_order__reverts(house: House) -> None:
    """X-GOV-01: a proposal that names a predecessor waits for it, however late it is itself."""
    first = house.state(2)
    second = replace(house.state(1), predecessor=house.id(first))
    house.schedule(second)
    house.wait()
    for _ in ("unknown", "scheduled"):
        with pytest.raises(Reverted, match=UNMET):
            house.execute(second)
        if not house.timelock.is_operation(house.id(first)):
            house.schedule(first)
    house.wait()
    with pytest.raises(Reverted, match=UNMET):
        house.execute(second)

    house.execute(first)
    assert house.bench.market.state() == 2
    house.execute(second)
    assert house.bench.market.state() == 1


def test_execute__predecessor_cancelled__never(house: House) -> None:
    """X-GOV-01: what was to follow does not go ahead alone."""
    first = house.state(2)
    second = replace(house.state(1), predecessor=house.id(first))
    house.schedule(first)
    house.schedule(second)
    house.timelock.cancel(house.id(first), sender=house.proposer)
    house.wait(100 * DELAY)
    with pytest.raises(Reverted, match=UNMET):
        house.execute(second)


def test_cancel__waiting_or_ready__can_never_be_executed(house: House) -> None:
    """X-GOV-01: until it is done, a proposal can be taken back; done is done."""
    for wait in (0, DELAY):
        operation = house.state(1)
        house.schedule(operation)
        house.wait(wait)
        house.timelock.cancel(house.id(operation), sender=house.proposer)
        assert house.stage(operation) == (False, False, False)
        house.wait()
        with pytest.raises(Reverted, match=NOT_READY):
            house.execute(operation)
        with pytest.raises(Reverted, match=NOT_PENDING):
            house.timelock.cancel(house.id(operation), sender=house.proposer)
    operation = house.state(1)
    house.done(operation)
    with pytest.raises(Reverted, match=NOT_PENDING):
        house.timelock.cancel(house.id(operation), sender=house.proposer)


def test_schedule__shorter_than_the_delay__reverts(house: House) -> None:
    """X-GOV-01: longer, if one likes."""
    with pytest.raises(Reverted, match=TOO_SOON):
        house.schedule(house.state(1), DELAY - 1)
    house.schedule(house.state(1), 2 * DELAY)
    house.wait()
    with pytest.raises(Reverted, match=NOT_READY):
        house.execute(house.state(1))


def test_schedule__the_same_twice__needs_another_salt(house: House) -> None:
    house.schedule(house.state(1))
    with pytest.raises(Reverted, match=TWICE):
        house.schedule(house.state(1))
    house.schedule(replace(house.state(1), salt=b"\x01" * 32))


def test_execute__other_calls_than_scheduled__reverts(house: House) -> None:
    """X-GOV-01: the id is the content: target, data, predecessor, salt and order."""
    first, second = house.state(1), house.call(house.bench.market, "set_config", CONFIG)
    whole = house.batch(first, second)
    house.schedule(whole)
    house.wait()
    for other in (
        first,
        house.batch(second, first),
        house.batch(house.state(2), second),
        replace(whole, salt=b"\x01" * 32),
        replace(whole, predecessor=b"\x01" * 32),
        house.batch(whole, first),
    ):
        with pytest.raises(Reverted, match=NOT_READY):
            house.execute(other)
    assert house.bench.market.state() == 0
    house.execute(whole)
    assert house.bench.market.state() == 1


def test_execute__one_call_of_a_batch_refused__does_nothing(house: House) -> None:
    """The reason comes through, and the proposal stays ready."""
    bad = replace(CONFIG, close_rate=WAD)
    operation = house.batch(house.state(2), house.call(house.bench.market, "set_config", bad))
    house.schedule(operation)
    house.wait()
    with pytest.raises(Reverted, match="market: parameter out of bounds"):
        house.execute(operation)
    assert house.bench.market.state() == 0
    assert house.stage(operation) == (True, True, False)


def test_execute__batch__does_all_in_order(house: House) -> None:
    config = replace(CONFIG, open_interest_cap=WAD)
    market = house.bench.market
    receipt = house.done(
        house.batch(house.state(2), house.call(market, "set_config", config), house.state(1), house.state(0))
    )
    assert [event.state for event in receipt.named("StateSet")] == [2, 1, 0]
    assert plain(market.config()) == plain(config)
    assert len(receipt.named("CallExecuted")) == 4


def test_execute__single_call__works_like_a_batch_of_one(house: House) -> None:
    """`schedule` and `execute` are what other tools speak."""
    target, data = house.state(1).calls[0]
    call = (target.address, 0, data, bytes(32), bytes(32))
    house.timelock.schedule(*call, DELAY, sender=house.proposer)
    with pytest.raises(Reverted, match=NOT_READY):
        house.timelock.execute(*call, sender=house.stranger)
    house.wait()
    house.timelock.execute(*call, sender=house.stranger)
    assert house.bench.market.state() == 1


def test_schedule__lengths_differ__reverts(house: House) -> None:
    targets, amounts, payloads, predecessor, salt = house.batch(house.state(1), house.state(2)).arguments
    for wrong in ((targets[:1], amounts, payloads), (targets, amounts[:1], payloads), (targets, amounts, payloads[:1])):
        with pytest.raises(Reverted, match=MISMATCH):
            house.timelock.schedule_batch(*wrong, predecessor, salt, DELAY, sender=house.proposer)
        with pytest.raises(Reverted, match=MISMATCH):
            house.timelock.execute_batch(*wrong, predecessor, salt, sender=house.stranger)
