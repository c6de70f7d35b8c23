"""What a study leaves on disk."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from ballast.lab.files import write
from ballast.lab.measures import NAMES
from tests.unit.lab.studied import report


def test_write__summary__windows_rules_and_measures_by_their_names(tmp_path: Path) -> None:
    write(report(), tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert list(summary["windows"]) == ["a week"]
    assert list(summary["windows"]["a week"]) == ["isolated", "cross", "ballast"]
    assert tuple(summary["windows"]["a week"]["ballast"]) == NAMES
    assert summary["windows"]["a week"]["ballast"]["containment_pct"] == 60
    assert summary["intervals"]["a week"]["ballast"]["accounts_liquidated_pct"] == [0, 0]
    low, high = summary["intervals"]["a week"]["ballast"]["containment_pct"]
    assert (low + high) / 2 == pytest.approx(60) and high > 70
    assert summary["setup"]["seeds"] == [1, 2] and summary["setup"]["keeper delay"] == "1 block"
    assert summary["goals"][0] == {
        "goal": "≥ 98 % fewer accounts liquidated than isolated",
        "window": "a week",
        "value": 100.0,
        "met": True,
    }
    assert summary["frontier"]["a week"][0]["containment_cap"] == 0.4


def test_write__measure_without_a_value__null(tmp_path: Path) -> None:
    found = report()
    rules = {rule: replace(cell, containment=[float("nan")] * 2) for rule, cell in found.windows["a week"].items()}
    write(replace(found, windows={"a week": rules}), tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["windows"]["a week"]["ballast"]["containment_pct"] is None
    assert summary["intervals"]["a week"]["ballast"]["containment_pct"] is None


def test_write__tables__a_row_for_each_replay_account_and_moment(tmp_path: Path) -> None:
    written = write(report(), tmp_path)
    assert sorted(path.name for path in written) == sorted(path.name for path in tmp_path.iterdir())
    measures = pl.read_parquet(tmp_path / "measures.parquet")
    assert measures.equals(pl.read_csv(tmp_path / "measures.csv").cast(dict(measures.schema)))
    assert len(measures) == 3 * 2 and set(NAMES) <= set(measures.columns)
    accounts = pl.read_parquet(tmp_path / "accounts.parquet")
    assert len(accounts) == 3 * 2 * 2
    assert accounts.filter(rule="ballast", seed=1)["final_equity"].to_list() == [900, 400]
    assert accounts["lost_at_BTC"].to_list()[:2] == [None, 60]
    series = pl.read_parquet(tmp_path / "series.parquet")
    assert len(series) == 3 * 2 * 4 and series["price_BTC"][1] == 1.1 and series["equity_q05"][0] == 1


def test_write__windows_of_different_markets__one_table_of_accounts(tmp_path: Path) -> None:
    """Columns of markets that a window does not have are null there."""
    found = report()
    rules = found.windows["a week"]
    other = {
        rule: replace(cell, outcomes=[replace(each, markets=("ETH",)) for each in cell.outcomes])
        for rule, cell in rules.items()
    }
    write(replace(found, windows={"a week": rules, "another": other}), tmp_path)
    accounts = pl.read_parquet(tmp_path / "accounts.parquet")
    assert len(accounts) == 2 * 3 * 2 * 2
    assert accounts["lost_at_ETH"].to_list()[:2] == [None, None] and accounts["lost_at_ETH"].to_list()[-1] == 60


def test_write__versus__every_pair_of_rules(tmp_path: Path) -> None:
    write(report(), tmp_path)
    versus = pl.read_csv(tmp_path / "versus.csv")
    assert len(versus) == 3 * 2
    mine = versus.filter(rule="ballast", other="isolated")
    assert mine["ahead_pct_low"].item() <= mine["ahead_pct"].item() <= mine["ahead_pct_high"].item()
    assert mine["ahead_pct"].item() == pytest.approx(100 * (1_300 - 880) / 1_500) and mine["better_pct"].item() == 100
