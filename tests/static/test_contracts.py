from __future__ import annotations

import re
from pathlib import Path

import pytest
import vyper.ast as vy

from tests.static.sources import (
    DEPLOYABLES,
    INTERFACES,
    MOCKS,
    MODULES,
    PROTOCOL,
    decorators,
    functions,
    is_internal,
    name,
    tree,
)

FORBIDDEN = {
    r"\btx\.origin\b": "says nothing about who calls",
    r"experimental-codegen|\bvenom\b": "the pipeline with known miscompilations",
    r":\s*decimal\b": "quantities are integers",
    r"#\s*dev:": "a reason string is what callers see",
}
BUILTINS = {"min", "max", "abs", "convert", "slice", "concat", "unsafe_add", "unsafe_sub", "unsafe_mul", "unsafe_div"}
BUILTINS |= {"keccak256", "abi_encode", "abi_decode", "isqrt", "uint2str", "extract32", "len"}


@pytest.mark.parametrize("path", DEPLOYABLES + MOCKS + MODULES + INTERFACES, ids=name)
def test_source__every_file__pragma_and_licence(path: Path) -> None:
    """VYP-2: one compiler version, one EVM version, locks on."""
    text = path.read_text()
    assert text.startswith("# pragma version 0.4.3\n")
    assert "@license AGPL-3.0-only\n" in text
    assert not [number for number, line in enumerate(text.splitlines(), 1) if len(line) > 120], "lines too long"
    if path in DEPLOYABLES:
        assert "# pragma evm-version cancun\n" in text
        assert "# pragma nonreentrancy on\n" in text
        assert re.search("^@custom:kill", text, re.MULTILINE), "say how the contract is shut down"


@pytest.mark.parametrize("path", PROTOCOL + INTERFACES, ids=name)
def test_source__protocol__nothing_forbidden(path: Path) -> None:
    """AUT-8, VYP-2: no `tx.origin`, no experimental pipeline."""
    for pattern, why in FORBIDDEN.items():
        assert not re.search(pattern, path.read_text(), re.IGNORECASE), why


@pytest.mark.parametrize("path", PROTOCOL, ids=name)
def test_function__any__documented(path: Path) -> None:
    """The compiler checks external functions' tags for truth, nobody checks that they are there."""
    for function in functions(path):
        doc = function.doc_string.value if function.doc_string else ""
        assert doc.strip(), f"{function.name}: no docstring"
        tags = re.findall(r"^\s*@(\w+)", doc, re.MULTILINE)
        assert set(tags) <= {"notice", "dev", "param", "return", "custom"}, f"{function.name}: unknown tag in {tags}"
        if "external" in decorators(function):
            assert "notice" in tags, f"{function.name}: no @notice"
            assert tags.count("param") == len(function.args.args), f"{function.name}: a @param each"
            assert ("return" in tags) == (function.returns is not None), f"{function.name}: @return"


@pytest.mark.parametrize("path", PROTOCOL, ids=name)
def test_function__internal__leading_underscore(path: Path) -> None:
    for function in functions(path):
        assert function.name.startswith("_") == (is_internal(function) or function.name == "__init__"), function.name


@pytest.mark.parametrize("path", DEPLOYABLES, ids=name)
def test_event__declared_in_an_interface__logged_with_keywords(path: Path) -> None:
    assert not tree(path).get_children(vy.EventDef), "events stand in the .vyi"
    for log in tree(path).get_descendants(vy.Log):
        assert not log.value.args, f"line {log.lineno}: positional argument"


def _writers(path: Path) -> set[str]:
    """Names of the file's functions that may change state."""
    return {function.name for function in functions(path) if not decorators(function) & {"view", "pure"}}


WRITERS = {path.stem: _writers(path) for path in MODULES}


def _changes_state(call: vy.VyperNode, own: set[str]) -> bool:
    if isinstance(call, vy.ExtCall):
        return True
    if not (isinstance(call, vy.Call) and isinstance(call.func, vy.Attribute) and isinstance(call.func.value, vy.Name)):
        return False
    writers = own if call.func.value.id == "self" else WRITERS.get(call.func.value.id, set())
    return call.func.attr in writers


@pytest.mark.parametrize("path", PROTOCOL, ids=name)
def test_expression__order_of_evaluation_is_odd__no_side_effect(path: Path) -> None:
    """VYP-1: Vyper evaluates the right side of a comparison first, and so on: nothing may depend on it."""
    own = _writers(path)
    odd = tree(path).get_descendants((vy.Compare, vy.BinOp, vy.AugAssign))
    odd += [
        call
        for call in tree(path).get_descendants(vy.Call)
        if isinstance(call.func, vy.Name) and call.func.id in BUILTINS
    ]
    for node in odd:
        for call in node.get_descendants((vy.ExtCall, vy.Call)):
            assert not _changes_state(call, own), f"line {node.lineno}: {node.node_source_code.strip()}"
