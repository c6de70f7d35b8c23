"""What sensitivities leave on disk: `sensitivity.json`, and `sensitivity.md`, the table of the documentation."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from ballast.lab.files import DIGITS
from ballast.lab.report import BALLAST, ISOLATED
from ballast.lab.sensitivity import Axis, Line, Point, Sensitivities


def write(found: Sensitivities, folder: Path) -> None:
    """Write both."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(as_json(found), indent=2, allow_nan=False)
    (folder / "sensitivity.json").write_text(text + "\n", encoding="utf-8")
    (folder / "sensitivity.md").write_text(markdown(found), encoding="utf-8")


def as_json(found: Sensitivities) -> dict[str, Any]:
    """By window and axis; a measure that is not defined, or was not asked for, is null."""
    return {
        "setup": found.setup.as_json(found.seconds),
        "sources": dict(found.sources),
        "axes": {axis.name: {"what": axis.title, "unit": axis.unit} for axis in found.axes},
        "windows": {
            window: {axis.name: _line(axis, lines[axis.name]) for axis in found.axes if axis.name in lines}
            for window, lines in found.lines.items()
        },
    }


def _line(axis: Axis, line: Line) -> list[dict[str, Any]]:
    return [
        {
            "value": float(axis.shown(point.value)),
            "default": point.own,
            "promise_kept": point.kept(),
            "cost_share_pct": _number(point.share_pct),
            "rules": {
                rule: {name: _number(estimate.mean) for name, estimate in measures.items()}
                for rule, measures in point.rules.items()
            },
        }
        for point in line
    ]


def markdown(found: Sensitivities) -> str:
    """A row for each value, a column for each window."""
    lines = [f"| | {' | '.join(found.lines)} |", f"|---|{'--:|' * len(found.lines)}"]
    for axis in found.axes:
        rows = {window: lines[axis.name] for window, lines in found.lines.items() if axis.name in lines}
        if not rows:
            continue
        lines.append(f"| **{axis.title}, {axis.unit}** |{' |' * len(found.lines)}")
        for place, point in enumerate(next(iter(rows.values()))):
            cells = (_cell(rows[window][place]) if window in rows else "–" for window in found.lines)
            lines.append(f"| {axis.shown(point.value)}{' (default)' if point.own else ''} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(point: Point) -> str:
    """Accounts that lose a book, % (isolated) · cuts and rewards, bps (penalties, isolated) · pool at worst, %."""
    lost, alone = (point.mean(rule, "accounts_liquidated_pct") for rule in (BALLAST, ISOLATED))
    cost, penalties = point.mean(BALLAST, "cost_bps"), point.mean(ISOLATED, "penalties_bps")
    mark = "" if point.kept() else "**"
    debt = point.mean(BALLAST, "bad_debt_bps")
    owed = f", owed {debt:.1f}" if debt else ""
    pool = round(point.mean(BALLAST, "pool_low_pct"))
    return f"{mark}{lost:.1f}{mark} ({alone:.0f}) · {cost:.0f} ({penalties:.0f}) · {pool}{owed}"


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, DIGITS)
