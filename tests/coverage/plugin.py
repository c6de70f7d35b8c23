"""`pytest -p tests.coverage.plugin`: the tests run on `BoaChain` and leave behind what they hit."""

from __future__ import annotations

import pickle
from typing import Any

import ballast.chain.revm
from tests.coverage.chain import BoaChain
from tests.coverage.report import HITS

ballast.chain.revm.RevmChain = BoaChain  # type: ignore[misc,assignment]  # before any test imports it


def pytest_sessionfinish(session: Any) -> None:
    """Each worker writes its own file."""
    HITS.mkdir(parents=True, exist_ok=True)
    worker = getattr(session.config, "workerinput", {}).get("workerid", "main")
    hits = BoaChain.hits
    (HITS / f"{worker}.hits").write_bytes(pickle.dumps((dict(hits.steps), hits.reasons)))
