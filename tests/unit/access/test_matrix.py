"""Who may call what: every function that changes state, of every contract, as every caller there is."""

from __future__ import annotations

from typing import Any

import pytest

from ballast.chain import Reverted, abi
from tests.static.sources import DEPLOYABLES
from tests.unit.access.conftest import World
from tests.unit.access.matrix import EVERYONE, HOLDER, MATRIX, RIGHT

# What acts on an account of the vault, which it names first
ACCOUNT_CALLS = [
    (contract, call)
    for contract in ("Vault", "Exchange", "Rebalancer")
    for call, row in MATRIX[contract].items()
    if row.reason in (HOLDER, RIGHT)
]
ROWS = [(contract, call) for contract, calls in MATRIX.items() for call in calls]


def mutators(contract: str) -> dict[str, Any]:
    """The contract's state-changing functions by name."""
    return {
        entry["name"]: entry
        for entry in abi.artifact(contract).abi
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
    }


def test_matrix__every_deployable__has_every_mutator() -> None:
    """AUT-1, HLT-1, HLT-10: a function that changes state and is not in the matrix fails here."""
    assert set(MATRIX) == {path.stem for path in DEPLOYABLES}
    for contract, calls in MATRIX.items():
        assert set(calls) == set(mutators(contract)), contract


@pytest.mark.parametrize(("contract", "call"), ROWS, ids=map(".".join, ROWS))
def test_call__by_every_caller__succeeds_or_is_refused_as_the_matrix_says(
    world: World, contract: str, call: str
) -> None:
    """AUT-1, AUT-2, AUT-3, HLT-7, HLT-10, GOV-6: people, operators of every right, engines, markets, the timelock."""
    row, method = MATRIX[contract][call], getattr(world.contracts[contract], call)
    read = {kind: outcome(world, kind, method, row.arguments(world, getattr(world, kind))) for kind in EVERYONE}
    assert read == {kind: row.expected(kind) for kind in EVERYONE}


def test_pool_account__by_every_caller_but_the_pool__is_out_of_reach(world: World) -> None:
    """AUT-1, GOV-6: the pool's account is an account like any other, and its owner is the contract alone."""
    for contract, call in ACCOUNT_CALLS:
        row, method = MATRIX[contract][call], getattr(world.contracts[contract], call)
        _, *rest = row.arguments(world, world.stranger)
        for kind in EVERYONE - {"pool"}:
            assert outcome(world, kind, method, (world.protocol.pool_account, *rest)) == row.reason, (call, kind)


def outcome(world: World, kind: str, method: Any, arguments: tuple[Any, ...]) -> str:
    """What that caller reads; nothing where the call succeeds. Everything is put back."""
    try:
        method.call(*arguments, sender=getattr(world, kind))
    except Reverted as refusal:
        return refusal.reason or str(refusal)
    return ""
