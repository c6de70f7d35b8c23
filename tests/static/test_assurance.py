"""docs/assurance.md and the tests say the same."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from ballast.chain.abi import ROOT

PAGE = ROOT / "docs" / "assurance.md"
FAMILIES = "SOL|HLT|REB|LIQ|BDT|ACC|RND|ORC|OPT|AUT|GOV|LIV|EXT|KPR|VYP"
ID = re.compile(rf"X-[A-Z]+-\d+|§7\.\d+|(?<![A-Z-])(?:{FAMILIES})-\d+")
ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
COUNTS = {
    **{"SOL": 9, "HLT": 11, "REB": 16, "LIQ": 11, "BDT": 5, "ACC": 7, "RND": 7, "ORC": 10},
    **{"OPT": 7, "AUT": 8, "GOV": 7, "LIV": 4, "EXT": 3, "KPR": 2, "VYP": 2, "§7": 12},
}


@cache
def rows() -> dict[str, list[str]]:
    """Tests by the id that they show."""
    held = PAGE.read_text().split("## What waits")[0]
    found = [(id_, re.findall(r"`([^`]+::\w+)`", tests)) for id_, _, tests in ROW.findall(held) if ID.fullmatch(id_)]
    assert len(found) == len(dict(found)), "an id stands in two rows"
    return dict(found)


@cache
def waiting() -> set[str]:
    """Ids without a subject yet."""
    return set(ID.findall(PAGE.read_text().split("## What waits")[1]))


@cache
def borne(path: Path) -> dict[str, set[str]]:
    """Ids by function of a file of tests, of whatever class it stands in; those of the file's docstring under ""."""
    tree = ast.parse(path.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    ids = {function.name: set(ID.findall(ast.get_docstring(function) or "")) for function in functions}
    return {"": set(ID.findall(ast.get_docstring(tree) or "")), **ids}


CLAIMS = [(id_, test) for id_, tests in rows().items() for test in tests]


def test_page__every_id__has_a_test_or_waits() -> None:
    assert all(rows().values()), [id_ for id_, tests in rows().items() if not tests]
    assert not rows().keys() & waiting()
    known = rows().keys() | waiting()
    separators = {family: "." if family == "§7" else "-" for family in COUNTS}
    every = {f"{family}{separators[family]}{n}" for family, count in COUNTS.items() for n in range(1, count + 1)}
    assert {id_ for id_ in known if not id_.startswith("X-")} == every


@pytest.mark.parametrize("id_, test", CLAIMS, ids=[f"{id_}-{test.split('::')[1]}" for id_, test in CLAIMS])
def test_page__named_test__exists_and_bears_the_id(id_: str, test: str) -> None:
    path, function = test.split("::")
    assert (ROOT / path).is_file(), "no such file"
    assert function in borne(ROOT / path), "no such test"
    assert id_ in borne(ROOT / path)[function], "its docstring does not say so"


def test_docstrings__every_id__stands_on_the_page() -> None:
    ids = {id_: path for path in (ROOT / "tests").rglob("*.py") for found in borne(path).values() for id_ in found}
    missing = {id_: str(path.relative_to(ROOT)) for id_, path in ids.items() if id_ not in rows()}
    assert not missing


def test_threat_model__every_id__stands_on_the_page() -> None:
    named = set(ID.findall((ROOT / "docs" / "threat_model.md").read_text()))
    assert named and named <= rows().keys(), named - rows().keys()
