from __future__ import annotations

import json
import re

from ballast.chain.abi import ROOT
from tests.static.sources import tracked

REGISTRIES = re.compile(r"(?:pypi|pythonhosted|npmjs|yarnpkg)\.org|file:/{3}", re.IGNORECASE)
TEST_NAME = re.compile(r"^ *def (test_\w+)\(", re.MULTILINE)


def test_files__any__no_registry_host() -> None:
    """Where packages come from is the machine's business."""
    found = [str(path) for path in tracked() if path != ROOT / "LICENSE" and REGISTRIES.search(path.read_text("utf-8"))]
    assert not found


def test_locks__any__every_package_has_a_hash() -> None:
    for lock in ("requirements.lock", "requirements-uv.lock"):
        blocks = re.split(r"\n(?=\S)", (ROOT / lock).read_text())
        assert all("--hash=sha256:" in block for block in blocks if "==" in block), lock
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert all("integrity" in package and "resolved" not in package for path, package in packages.items() if path)


def test_unit_tests__each__named_by_function_condition_and_outcome() -> None:
    for path in tracked():
        if path.is_relative_to(ROOT / "tests" / "unit") and path.name.startswith("test_"):
            wrong = [test for test in TEST_NAME.findall(path.read_text()) if len(test.split("__")) < 3]
            assert not wrong, f"{path.relative_to(ROOT)}: {wrong}"
