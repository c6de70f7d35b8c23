"""The largest fills fit into the gas that an attempt is given. On a node: gas counts, and storage must be cold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ballast.chain import abi
from ballast.chain.anvil import anvil
from ballast.params import WAD
from benchmarks.scene import Scene

FILL = "0x" + abi.artifact("Exchange").functions["fill"][4].selector.hex()


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """Eight markets, and every feed's rounds processed."""
    with anvil() as node:
        scene = Scene(node.chain())
        scene.refresh(scene.names)
        yield scene


@pytest.fixture
def account(scene: Scene) -> Iterator[int]:
    """An account with cash and a policy, so that its risk share is tested."""
    snapshot = scene.chain.snapshot()
    account = scene.open_account()
    scene.set_policy(account)
    yield account
    scene.chain.revert(snapshot)


def legs(scene: Scene, names: list[str]) -> list[tuple[int, int, int, int]]:
    """$10,000 in each market at 2.5 times leverage."""
    prices = [scene.price(name) for name in names]
    ids = [scene.protocol.market_ids[name] for name in names]
    return [(id_, 10_000 * WAD * WAD // price, 2 * price, 4_000 * WAD) for id_, price in zip(ids, prices, strict=True)]


def fill(scene: Scene, account: int, names: list[str], pending: list[str]) -> int:
    """Gas of the inner call of an order in `names`, while the feeds of `pending` have rounds that nobody processed."""
    exchange, chain = scene.protocol.exchange, scene.chain
    committed = exchange.commit(account, legs(scene, names), False, sender=scene.trader)
    chain.advance(int(exchange.MIN_DELAY()))
    rounds = [scene.publish(name, scene.price(name)) for name in names]
    for _ in range(int(scene.protocol.oracle.MAX_PENDING())):
        chain.advance(5)
        scene.refresh(pending, process=False)
    receipt = exchange.execute(committed.event("OrderCommitted").order, rounds, sender=scene.keeper)
    assert len(receipt.named("OrderFilled")) == len(names), receipt.events
    trace = chain.rpc("debug_traceTransaction", receipt.hash, {"tracer": "callTracer"})
    [attempt] = [call for call in trace["calls"] if call["input"].startswith(FILL)]
    return int(attempt["gasUsed"], 16)


def test_fill__eight_new_books__leaves_half_the_gas(scene: Scene, account: int) -> None:
    """X-KPR-04: eight legs, each opening a book and the pool's opposite one."""
    assert fill(scene, account, scene.names, []) < scene.protocol.exchange.FILL_GAS() // 2


@pytest.mark.parametrize("size", [1, 4, 7])
def test_fill__other_feeds_far_behind__leaves_half_the_gas(scene: Scene, account: int, size: int) -> None:
    """X-KPR-04, X-DOS-01: an account of eight books; where an order has no leg, all rounds that may wait do."""
    fill(scene, account, scene.names, [])
    assert fill(scene, account, scene.names[:size], scene.names[size:]) < scene.protocol.exchange.FILL_GAS() // 2


def test_execute__largest_order__fits_into_a_block(scene: Scene, account: int) -> None:
    """KPR-2: eight legs, sixteen rounds pending in each feed, processed by the execution itself."""
    exchange = scene.protocol.exchange
    committed = exchange.commit(account, legs(scene, scene.names), False, sender=scene.trader)
    scene.chain.advance(int(exchange.MIN_DELAY()))
    rounds: list[Any] = [scene.publish(name, scene.price(name), process=False) for name in scene.names]
    for _ in range(int(scene.protocol.oracle.MAX_PENDING()) - 1):
        scene.chain.advance(5)
        scene.refresh(scene.names, process=False)
    order = committed.event("OrderCommitted").order
    receipt = exchange.execute(order, rounds, sender=scene.keeper)
    assert len(receipt.named("OrderFilled")) == len(scene.names)
    assert receipt.gas_used < 2 * exchange.FILL_GAS()
