"""docs/powers.md knows every function of the owner and of the guardian."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ballast.chain.abi import ROOT, artifact
from tests.static.sources import DEPLOYABLES, MODULES, functions

CALL = re.compile(r"^\| `(\w+\.\w+)` \|", re.MULTILINE)
ASKS = {
    "The owner": re.compile(r"_check_owner\(|msg\.sender != ownable\.owner"),
    "The guardian": re.compile(r"\bguardian\(\)|_check_guardian"),
}


def _section(title: str) -> str:
    page = (ROOT / "docs" / "powers.md").read_text()
    return page.split(f"\n## {title}\n")[1].split("\n## ")[0]


def _asking(pattern: re.Pattern[str]) -> set[str]:
    """`Contract.function` of every external function whose source has the pattern, wherever it is exported from."""
    shared = {name for path in MODULES for name in _matching(path, pattern)}
    return {
        f"{path.stem}.{name}"
        for path in DEPLOYABLES
        for name in (shared | _matching(path, pattern)) & set(artifact(path.stem).functions)
    }


def _matching(path: Path, pattern: re.Pattern[str]) -> set[str]:
    """A file's functions that others may call and whose source has the pattern."""
    return {
        function.name
        for function in functions(path)
        if not function.name.startswith("_") and pattern.search(function.node_source_code)
    }


@pytest.mark.parametrize("title", ASKS)
def test_powers__every_function_of_the_role__has_a_row(title: str) -> None:
    """What can be done at once, and what only by proposal, is a list."""
    assert set(CALL.findall(_section(title))) == _asking(ASKS[title])
