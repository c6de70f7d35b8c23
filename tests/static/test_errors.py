from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
import vyper.ast as vy

from tests.static.sources import CONTRACTS, PROTOCOL, name, tree

ERRORS = CONTRACTS / "modules" / "errors.vy"
FORM = re.compile(r"^[a-z]+: [a-z0-9][a-z0-9 '-]*$")


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


@pytest.mark.parametrize("path", PROTOCOL, ids=name)
def test_refusal__any__has_a_reason_of_the_catalogue(path: Path) -> None:
    refusals = [(node, node.msg) for node in tree(path).get_descendants(vy.Assert)]
    refusals += [(node, node.exc) for node in tree(path).get_descendants(vy.Raise)]
    for node, reason in refusals:
        source = reason.node_source_code.strip() if reason is not None else ""
        assert _is_known(reason), f"line {node.lineno}: {source}"


def _is_known(reason: vy.VyperNode | None) -> bool:
    """A constant of the catalogue, or what a function called `_reason` chooses from it."""
    if isinstance(reason, vy.Call):
        return isinstance(reason.func, vy.Attribute) and reason.func.attr == "_reason"
    return isinstance(reason, vy.Attribute) and isinstance(reason.value, vy.Name) and reason.value.id == "errors"
