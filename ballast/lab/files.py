"""What a study leaves on disk: `summary.json`, and tables as Parquet and CSV."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ballast.lab.goals import judge
from ballast.lab.measures import NAMES, Estimate
from ballast.lab.outcome import QUANTILES, Outcome
from ballast.lab.report import Report, ahead, better, rows

DIGITS = 4  # after the point

_VERSUS = tuple(name + end for name in ("ahead_pct", "better_pct") for end in ("", "_low", "_high"))
_COUNTS = ("books", "books_liquidated", "calls")
_AMOUNTS = (
    "initial_equity",
    "final_equity",
    "held_equity",
    "gains",
    "funding",
    "penalties",
    "cut_costs",
    "rewards",
    "borne",
    "deficits",
    "trading_costs",
)


def write(report: Report, folder: Path) -> list[Path]:
    """Write everything but the page; what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    summary = folder / "summary.json"
    summary.write_text(json.dumps(as_json(report), indent=2, allow_nan=False) + "\n", encoding="utf-8")
    written = [summary]
    for name, frame in (("measures", _measures(report)), ("versus", _versus(report))):
        frame.write_csv(folder / f"{name}.csv")
        frame.write_parquet(folder / f"{name}.parquet")
        written += [folder / f"{name}.csv", folder / f"{name}.parquet"]
    for name, frame in (("accounts", _accounts(report)), ("series", _series(report))):
        frame.write_parquet(folder / f"{name}.parquet")
        written.append(folder / f"{name}.parquet")
    return written


def as_json(report: Report) -> dict[str, Any]:
    """What `summary.json` holds; a measure that is not defined is null."""
    windows = {
        window: {rule: {name: _number(value) for name, value in values.items()} for rule, values in rules.items()}
        for window, rules in report.summary().items()
    }
    intervals = {
        window: {rule: {name: _interval(cell.estimate(name)) for name in NAMES} for rule, cell in rules.items()}
        for window, rules in report.windows.items()
    }
    return {
        "setup": report.setup.as_json(report.seconds),
        "sources": dict(report.sources),
        "windows": windows,
        "intervals": intervals,
        "goals": [
            {"goal": goal.text, "window": goal.window, "value": _number(goal.value), "met": goal.met}
            for goal in judge(report)
        ],
        "frontier": {
            window: [
                {
                    "containment_cap": point.cap,
                    "saved_pct": _number(point.saved.mean),
                    "containment_pct": _number(point.containment.mean),
                    "cost_bps": _number(point.cost.mean),
                }
                for point in points
            ]
            for window, points in report.frontier.items()
        },
    }


def _measures(report: Report) -> pl.DataFrame:
    """A row for each replay."""
    return pl.DataFrame(rows(report))


def _versus(report: Report) -> pl.DataFrame:
    """A row for each pair of rules in each window: by how much final equity differs."""
    return pl.DataFrame(
        [
            {
                "window": window,
                "rule": rule,
                "other": other,
                **_known("ahead_pct", ahead(rules, rule, other)),
                **_known("better_pct", better(rules, rule, other)),
            }
            for window, rules in report.windows.items()
            for rule in rules
            for other in rules
            if rule != other
        ],
        schema={**dict.fromkeys(("window", "rule", "other"), pl.String), **dict.fromkeys(_VERSUS, pl.Float64)},
    )


def _known(name: str, estimate: Estimate) -> dict[str, float | None]:
    """A mean and its interval; null where one seed says nothing of it."""
    figures = {"": estimate.mean, "_low": estimate.low, "_high": estimate.high}
    return {name + end: None if math.isnan(value) else value for end, value in figures.items()}


def _accounts(report: Report) -> pl.DataFrame:
    """A row for each account of each replay; amounts in USD, times in Unix seconds, null where a book was kept."""
    return pl.concat([_account_rows(outcome) for outcome in _outcomes(report)], how="diagonal_relaxed")


def _account_rows(outcome: Outcome) -> pl.DataFrame:
    return pl.DataFrame(
        {
            **_labels(outcome, outcome.accounts),
            "account": range(outcome.accounts),
            **{name: getattr(outcome, name) for name in _COUNTS},
            **{name: getattr(outcome, name).astype(np.float64) for name in _AMOUNTS},
            **{
                f"lost_at_{market}": [int(at) if math.isfinite(at) else None for at in outcome.lost_at[:, place]]
                for place, market in enumerate(outcome.markets)
            },
        }
    )


def _series(report: Report) -> pl.DataFrame:
    """A row for each moment of each replay."""
    return pl.concat([_series_rows(outcome) for outcome in _outcomes(report)], how="diagonal")


def _series_rows(outcome: Outcome) -> pl.DataFrame:
    series = outcome.series
    quantiles = {
        f"{name}_q{100 * quantile:02.0f}": getattr(series, name)[:, place]
        for name in ("equity", "distance")
        for place, quantile in enumerate(QUANTILES)
    }
    markets = {
        f"{name}_{market}": getattr(series, name)[:, place]
        for name in ("price", "volatility")
        for place, market in enumerate(outcome.markets)
    }
    moments = {"time": series.time, "liquidated": series.liquidated}
    return pl.DataFrame({**_labels(outcome, len(series.time)), **moments, **quantiles, **markets})


def _outcomes(report: Report) -> list[Outcome]:
    return [outcome for rules in report.windows.values() for cell in rules.values() for outcome in cell.outcomes]


def _labels(outcome: Outcome, times: int) -> dict[str, list[Any]]:
    return {"window": [outcome.window] * times, "rule": [outcome.rule] * times, "seed": [outcome.seed] * times}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, DIGITS)


def _interval(estimate: Estimate) -> list[float] | None:
    """Null where one seed says nothing of it."""
    return None if math.isnan(estimate.half) else [round(estimate.low, DIGITS), round(estimate.high, DIGITS)]
