"""What the terminal shows of sensitivities: where the promise holds, and every point of every axis."""

from __future__ import annotations

import math

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ballast.lab.goals import COST, SAVED
from ballast.lab.measures import CONTAINMENT
from ballast.lab.report import BALLAST, CROSS, ISOLATED
from ballast.lab.sensitivity import Point, Sensitivities, held

COLUMNS = (  # title, rule, measure, digits
    ("lost %\nisolated", ISOLATED, "accounts_liquidated_pct", 1),
    ("lost %\ncross", CROSS, "accounts_liquidated_pct", 1),
    ("lost %\nballast", BALLAST, "accounts_liquidated_pct", 1),
    ("owed bps\nisolated", ISOLATED, "bad_debt_bps", 1),
    ("owed bps\nballast", BALLAST, "bad_debt_bps", 1),
    ("penalties\nisolated", ISOLATED, "penalties_bps", 1),
    ("cuts and\nrewards", BALLAST, "cost_bps", 1),
    ("% of\npenalties", BALLAST, "share_pct", 0),
    ("calls an\naccount", BALLAST, "calls_per_account", 1),
    ("pool at\nworst %", BALLAST, "pool_low_pct", 0),
    ("contain-\nment %", BALLAST, CONTAINMENT, 0),
)
PROMISE = f"≥ {SAVED:.0f} % fewer accounts lose a book than under isolated margin, and no bad debt"
CHEAP = f"cuts and rewards cost ≤ {'⅓' if COST == 1 / 3 else f'{COST:.0%}'} of the penalties of isolated margin"
LEGEND = (
    "One assumption at a time, the others as they are; what is assumed anyway is marked (←). Lost: accounts that "
    "lose a book. Owed: bad debt. Penalties, cuts and rewards in bps; bps are of the initial equity of all accounts. A "
    "dash: not defined, or not asked for."
)


def render(found: Sensitivities) -> Group:
    """Both tables."""
    setup = found.setup
    title = (
        f"{setup.accounts:,} accounts ({setup.population}), leverage {setup.leverage[0]:g}–{setup.leverage[1]:g}, "
        f"{len(setup.seeds)} seed{'s' if len(setup.seeds) > 1 else ''}"
    )
    return Group(_points(found, title), *_verdicts(found), "", Text(LEGEND, "dim"))


def cells(point: Point) -> list[str]:
    """What the columns show of a point."""
    return [_cell(_value(point, rule, measure), digits) for _, rule, measure, digits in COLUMNS]


def _value(point: Point, rule: str, measure: str) -> float:
    return point.share_pct if measure == "share_pct" else point.mean(rule, measure)


def _cell(value: float, digits: int) -> str:
    return "–" if math.isnan(value) else f"{value:,.{digits}f}"


def _points(found: Sensitivities, title: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    table.add_column("window, assumption, value", no_wrap=True, vertical="bottom")
    for heading, *_ in COLUMNS:
        table.add_column(heading, justify="right", no_wrap=True)
    for window, lines in found.lines.items():
        table.add_section()
        table.add_row(Text(window, "bold"))
        for axis in found.axes:
            if axis.name in lines:
                table.add_row(f"  {axis.title}, {axis.unit}")
            for point in lines.get(axis.name, ()):
                name = f"    {axis.shown(point.value)}{' ←' if point.own else ''}"
                table.add_row(name, *cells(point), style="" if point.kept() else "red")
    return table


def _verdicts(found: Sensitivities) -> list[RenderableType]:
    """For which values the promise holds, and its price."""
    parts: list[RenderableType] = []
    for text, holds in ((PROMISE, Point.kept), (CHEAP, Point.cheap)):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in ("assumption", *found.lines):
            table.add_column(heading, no_wrap=True)
        for axis in found.axes:
            told = (
                held(axis, lines[axis.name], holds) if axis.name in lines else "–" for lines in found.lines.values()
            )
            table.add_row(f"{axis.title}, {axis.unit}", *told)
        parts += [Text(f"Where {text}:"), table]
    return parts
