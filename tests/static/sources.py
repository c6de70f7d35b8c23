"""The contracts as syntax trees."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import vyper.ast as vy
from vyper.ast import parse_to_ast

from ballast.chain.abi import ROOT

CONTRACTS = ROOT / "contracts"
MOCKS = sorted((CONTRACTS / "mocks").glob("*.vy"))
DEPLOYABLES = sorted(CONTRACTS.glob("*.vy"))
MODULES = sorted((CONTRACTS / "modules").glob("*.vy"))
INTERFACES = sorted((ROOT / "interfaces").glob("*.vyi"))
PROTOCOL = DEPLOYABLES + MODULES  # what is or ends up in a deployed contract


def name(path: Path) -> str:
    """The path as a test id."""
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> vy.Module:
    """The file's syntax tree."""
    return parse_to_ast(path.read_text(), is_interface=path.suffix == ".vyi")


def functions(path: Path) -> list[vy.FunctionDef]:
    """The file's functions."""
    return tree(path).get_children(vy.FunctionDef)


def decorators(function: vy.FunctionDef) -> set[str]:
    """Names of a function's decorators."""
    return {node.id for node in function.decorator_list if isinstance(node, vy.Name)}


def is_internal(function: vy.FunctionDef) -> bool:
    """Vyper takes a function for internal where nothing else is said."""
    return not decorators(function) & {"external", "deploy"}


def tracked() -> Iterator[Path]:
    """Every text file of the project."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for line in filter(None, listed.split("\0")):
        path = ROOT / line
        if path.is_file() and b"\0" not in path.read_bytes()[:8192]:
            yield path
