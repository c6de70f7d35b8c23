"""One self-contained HTML page: where the promise holds, Ballast along every axis, and the rules side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ballast.html import document, dressed, embedded, facts, listed, marked, write
from ballast.lab.figures import COLOURS
from ballast.lab.measures import CONTAINMENT
from ballast.lab.report import BALLAST, CROSS, ISOLATED
from ballast.lab.sensitivity import RULES, Axis, Line, Point, Sensitivities, held
from ballast.lab.sensitivity_table import CHEAP, COLUMNS, LEGEND, PROMISE, cells

_STYLE = """
th:first-child, td:first-child { text-align: left } td { padding: 5px 8px }
tr.window td { font-weight: 600; padding-top: 16px } tr.mine td { background: #eef7f2 }
table.verdict { width: auto } .verdict th, .verdict td { text-align: left }
summary { cursor: pointer; color: var(--soft); margin: 8px 0 }
"""

WINDOWS = ("#b42318", "#e8871e", "#8a4fc7", "#4c9bd6", "#0f7b4f", "#1c2330", "#d6478a", "#8a6d1f")

Value = Callable[[Point], float]


def _of(rule: str, measure: str) -> Value:
    return lambda point: point.mean(rule, measure)


_OVERVIEW: Sequence[tuple[str, Value]] = (
    ("accounts that<br>lose a book, %", _of(BALLAST, "accounts_liquidated_pct")),
    ("bad debt, bps", _of(BALLAST, "bad_debt_bps")),
    ("cuts and rewards,<br>% of penalties", lambda point: point.share_pct),
    ("pool at worst, %", _of(BALLAST, "pool_low_pct")),
    ("containment, %", _of(BALLAST, CONTAINMENT)),
    ("calls an account", _of(BALLAST, "calls_per_account")),
)
_BESIDE: Sequence[tuple[str, Sequence[tuple[str, str, str, str]]]] = (  # what, then name, rule, measure, dash
    ("accounts that<br>lose a book, %", tuple((rule, rule, "accounts_liquidated_pct", "solid") for rule in RULES)),
    ("bad debt, bps", tuple((rule, rule, "bad_debt_bps", "solid") for rule in RULES)),
    (
        "cost, bps",
        (
            ("isolated", ISOLATED, "penalties_bps", "solid"),
            ("cross", CROSS, "penalties_bps", "solid"),
            ("ballast", BALLAST, "cost_bps", "solid"),
            ("ballast, penalties", BALLAST, "penalties_bps", "dot"),
        ),
    ),
)


def write_page(found: Sensitivities, path: Path) -> None:
    """Write the page."""
    write(render(found), path)


def render(found: Sensitivities) -> str:
    """The whole document."""
    sections = [
        _head(found),
        f"<h2>Where the promise holds</h2><p>{escape(PROMISE)}.</p>",
        _verdict(found, Point.kept),
        f"<h2>Where it is cheap</h2><p>{escape(CHEAP[0].upper() + CHEAP[1:])}.</p>",
        _verdict(found, Point.cheap),
        "<h2>Ballast along every axis</h2>",
        "<p>One assumption changes at a time; the dotted line is what is assumed otherwise. Penalties are those of "
        "isolated margin in the same world.</p>",
        embedded(overview_figure(found), "overview"),
        "<h2>The rules side by side</h2>",
        "<p>Cost: the penalties of auctions under isolated and cross margin, the cuts and rewards of Ballast.</p>",
        *(part for axis in found.axes for part in _axis(found, axis)),
        "<h2>What was assumed otherwise</h2>",
        listed([f"{what}: {how_much}" for what, how_much in _assumed(found).items()]),
    ]
    return document("Ballast – sensitivities", sections, _STYLE)


def overview_figure(found: Sensitivities) -> go.Figure:
    """Measures of Ballast × axes, a line for each window."""
    axes = [axis for axis in found.axes if any(axis.name in lines for lines in found.lines.values())]
    figure = _panels(
        [what for what, _ in _OVERVIEW], [f"{axis.title}, {axis.unit}".replace(", ", ",<br>") for axis in axes], 150
    )
    for column, axis in enumerate(axes, 1):
        lines = {window: lines[axis.name] for window, lines in found.lines.items() if axis.name in lines}
        for row, (_, value) in enumerate(_OVERVIEW, 1):
            for place, (window, line) in enumerate(lines.items()):
                if any(not math.isnan(value(point)) for point in line):
                    style = {"color": WINDOWS[place % len(WINDOWS)], "width": 1.8}
                    _add(figure, axis, line, value, window, style, row, column, legend=(row, column) == (1, 1))
        _scale(figure, axis, next(iter(lines.values())), len(_OVERVIEW), column)
    return _ranged(figure, len(axes))


def axis_figure(found: Sensitivities, axis: Axis) -> go.Figure:
    """Rules × windows along one axis."""
    lines = {window: lines[axis.name] for window, lines in found.lines.items() if axis.name in lines}
    figure = _panels([what for what, _ in _BESIDE], list(lines), 150)
    for column, line in enumerate(lines.values(), 1):
        for row, (_, curves) in enumerate(_BESIDE, 1):
            for name, rule, measure, dash in curves:
                style = {"color": COLOURS[rule], "dash": dash, "width": 2.2 if rule == BALLAST else 1.5}
                first = column == 1 and (row == 1 or dash != "solid")
                _add(figure, axis, line, _of(rule, measure), name, style, row, column, legend=first)
        _scale(figure, axis, line, len(_BESIDE), column)
    return _ranged(figure, len(lines))


def _panels(rows: Sequence[str], columns: Sequence[str], height: int) -> go.Figure:
    """Small plots: what is measured from top to bottom, what differs from left to right."""
    figure = make_subplots(
        rows=len(rows),
        cols=len(columns),
        shared_xaxes="columns",
        shared_yaxes="rows",
        horizontal_spacing=0.018,
        vertical_spacing=0.12 / len(rows),
        column_titles=list(columns),
    )
    places = [annotation.x for annotation in figure.layout.annotations]
    dressed(figure, 130 + height * len(rows))
    for annotation, place in zip(figure.layout.annotations, places, strict=True):
        annotation.update(x=place, xanchor="center")
    for row, what in enumerate(rows, 1):
        figure.update_yaxes(title_text=what, row=row, col=1)
    figure.update_yaxes(title_font_size=12)
    figure.update_layout(margin={"l": 80, "t": 80}, hovermode="x", legend={"y": -0.28 / len(rows)})
    return figure


def _add(
    figure: go.Figure,
    axis: Axis,
    line: Line,
    value: Value,
    name: str,
    style: dict[str, object],
    row: int,
    column: int,
    legend: bool,
) -> None:
    """One curve; values stand side by side, however far apart they are."""
    values = [value(point) for point in line]
    figure.add_scatter(
        x=list(range(len(line))),
        y=[None if math.isnan(each) else round(each, 3) for each in values],
        text=[f"{axis.shown(point.value)} {axis.unit}" for point in line],
        hovertemplate="%{y:,.1f} at %{text}",
        mode="lines+markers",
        line=style,
        marker={"size": 5},
        name=name,
        legendgroup=name,
        showlegend=legend,
        row=row,
        col=column,
    )


def _scale(figure: go.Figure, axis: Axis, line: Line, rows: int, column: int) -> None:
    """The values of an axis, and which of them is assumed otherwise."""
    ticks = {"tickvals": list(range(len(line))), "ticktext": [axis.shown(point.value) for point in line]}
    for row in range(1, rows + 1):
        figure.update_xaxes(**ticks, range=[-0.4, len(line) - 0.6], row=row, col=column)
        for place, point in enumerate(line):
            if point.own:
                figure.add_vline(x=place, line={"color": "#8893a5", "dash": "dot", "width": 1}, row=row, col=column)


def _ranged(figure: go.Figure, columns: int) -> go.Figure:
    """One scale for each row of plots, from 0 or what is below."""
    rows: dict[int, list[float]] = {}
    for trace in figure.data:
        row = (int(trace.yaxis[1:] or 1) - 1) // columns + 1
        rows.setdefault(row, [0.0]).extend(each for each in trace.y if each is not None)
    for row, values in rows.items():
        room = 0.07 * (max(values) - min(values)) or 1.0
        figure.update_yaxes(range=[min(values) - room, max(values) + room], row=row)
    return figure


def _head(found: Sensitivities) -> str:
    setup, many = found.setup, len(found.lines)
    points = [point for lines in found.lines.values() for line in lines.values() for point in line]
    told = [
        (f"{sum(point.kept() for point in points)} of {len(points)}", "points at which the promise holds"),
        (f"{sum(point.cheap() for point in points)} of {len(points)}", "at which it is cheap"),
    ]
    return (
        "<h1>When does it break?</h1>"
        f"<p>{setup.accounts:,} accounts ({escape(setup.population)}), leverage {setup.leverage[0]:g} to "
        f"{setup.leverage[1]:g}, {len(setup.seeds)} seed{'s' if len(setup.seeds) > 1 else ''}, in "
        f"{many} window{'s' if many > 1 else ''}: {escape(', '.join(found.lines))}. One assumption about the world is "
        f"changed at a time.</p>{facts(told)}"
    )


def _verdict(found: Sensitivities, holds: Callable[[Point], bool]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in ("", *found.lines))
    rows = "".join(
        f"<tr><td>{escape(axis.title)}, {escape(axis.unit)}</td>{''.join(_held(found, axis, holds))}</tr>"
        for axis in found.axes
    )
    return (
        f'<div class="scroll"><table class="verdict"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _held(found: Sensitivities, axis: Axis, holds: Callable[[Point], bool]) -> Iterator[str]:
    for lines in found.lines.values():
        line = lines.get(axis.name)
        if line is None:
            yield "<td>–</td>"
        else:
            assumed = [point for point in line if point.own] or line
            yield f"<td>{marked(held(axis, line, holds), all(map(holds, assumed)))}</td>"


def _axis(found: Sensitivities, axis: Axis) -> list[str]:
    lines = {window: lines[axis.name] for window, lines in found.lines.items() if axis.name in lines}
    if not lines:
        return []
    titles = [f"{axis.title}, {axis.unit}", *(title.replace("-\n", "").replace("\n", " ") for title, *_ in COLUMNS)]
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join(
        f'<tr class="window"><td colspan="{len(titles)}">{escape(window)} <small>{escape(found.sources[window])}'
        f"</small></td></tr>{''.join(_row(axis, point) for point in line)}"
        for window, line in lines.items()
    )
    return [
        f"<h2>{escape(axis.title[0].upper() + axis.title[1:])}, {escape(axis.unit)}</h2>",
        embedded(axis_figure(found, axis), f"axis-{axis.name}"),
        f'<details><summary>Figures</summary><p>{escape(LEGEND)}</p><div class="scroll"><table><thead><tr>{head}</tr>'
        f"</thead><tbody>{body}</tbody></table></div></details>",
    ]


def _row(axis: Axis, point: Point) -> str:
    kind = ' class="mine"' if point.own else ""
    return f"<tr{kind}><td>{axis.shown(point.value)}</td>{''.join(f'<td>{each}</td>' for each in cells(point))}</tr>"


def _assumed(found: Sensitivities) -> dict[str, str]:
    setup = found.setup
    return {**setup.facts, "seeds": ", ".join(map(str, setup.seeds)), "took": f"{found.seconds:.0f} s"}
