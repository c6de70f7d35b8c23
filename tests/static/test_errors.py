from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest
import vyper.ast as vy

from ballast.chain.abi import ROOT
from tests.static.sources import CONTRACTS, PROTOCOL, name, tree

ERRORS = CONTRACTS / "modules" / "errors.vy"
FORM = re.compile(r"^[a-z]+: [a-z0-9][a-z0-9 '-]*$")

# Reasons that no state can bring about, and why they stand in the contracts all the same
UNREACHABLE = {
    "REWARD_ABOVE_RESERVE": "the reward's mathematics is capped by the reserve and the vault pays no more than asked: "
    "asserted again on what was paid, so that no change of either goes unseen",
}


def reasons() -> dict[str, str]:
    """The catalogue: name and string."""
    return {node.target.id: node.value.value for node in tree(ERRORS).get_children(vy.VariableDecl)}


def test_reasons__each__short_well_formed_and_unique() -> None:
    for key, reason in reasons().items():
        assert len(reason) <= 32, f"{key}: {len(reason)} characters"
        assert FORM.match(reason), f"{key}: {reason!r} is not 'subject: problem'"
    doubled = [reason for reason, count in Counter(reasons().values()).items() if count > 1]
    assert not doubled


def test_reasons__each__used() -> None:
    text = "".join(path.read_text() for path in PROTOCOL)
    unused = [key for key in reasons() if not re.search(rf"\berrors\.{key}\b", text)]
    assert not unused


def test_reasons__each__asserted_by_a_unit_test() -> None:
    """Every reason string is hit: a unit test has it, whole, among what it compares with."""
    asserted = {text for path in (ROOT / "tests" / "unit").rglob("test_*.py") for text in _strings(path)}
    missing = {key for key, reason in reasons().items() if reason not in asserted}
    assert missing == set(UNREACHABLE)


def _strings(path: Path) -> set[str]:
    """String literals of a test file but docstrings."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    prose = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    constants = (node for node in nodes if isinstance(node, ast.Constant) and id(node) not in prose)
    return {node.value for node in constants if isinstance(node.value, str)}


@pytest.mark.parametrize("path", PROTOCOL, ids=name)
def test_refusal__any__has_a_reason_of_the_catalogue(path: Path) -> None:
    refusals = [(node, node.msg) for node in tree(path).get_descendants(vy.Assert)]
    refusals += [(node, node.exc) for node in tree(path).get_descendants(vy.Raise)]
    refusals = [each for each in refusals if each[0].get_ancestor(vy.FunctionDef).name != "_refuse"]
    refusals += [(node, node.args[0]) for node in tree(path).get_descendants(vy.Call) if _hands_on(node)]
    for node, reason in refusals:
        source = reason.node_source_code.strip() if reason is not None else ""
        assert _is_known(reason), f"line {node.lineno}: {source}"


def _hands_on(call: vy.Call) -> bool:
    """Whether it is `_refuse(reason)`."""
    return isinstance(call.func, vy.Attribute) and call.func.attr == "_refuse"


def _is_known(reason: vy.VyperNode | None) -> bool:
    """A constant of the catalogue, or what a function called `_reason` chooses from it."""
    if isinstance(reason, vy.Call):
        return isinstance(reason.func, vy.Attribute) and reason.func.attr == "_reason"
    return isinstance(reason, vy.Attribute) and isinstance(reason.value, vy.Name) and reason.value.id == "errors"
