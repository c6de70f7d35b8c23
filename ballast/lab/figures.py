"""The plots of a study: the frontier, how rules fare over time, what they cost, and what they end with."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ballast.html import dates, dressed
from ballast.lab import measures
from ballast.lab.goals import CONTAINED, SAVED, is_crash
from ballast.lab.measures import CONTAINMENT, Estimate
from ballast.lab.outcome import QUANTILES
from ballast.lab.report import BALLAST, Report, Rules, ahead, saved

COLOURS = {
    "isolated": "#b42318",
    "fixed_weights": "#8a6d1f",
    "pro_rata": "#8a4fc7",
    "cross": "#e8871e",
    "ballast_no_cut": "#4c9bd6",
    "ballast": "#0f7b4f",
}
OTHERS = ("#5b6474", "#d6478a", "#12a594")  # policies of files
MARKETS = ("#1c2330", "#8893a5", "#c0a15a", "#7fb2b8")
COSTS = (  # what, measure, colour
    ("penalties", measures.penalties_bps, "#b42318"),
    ("cuts", measures.cuts_bps, "#4c9bd6"),
    ("rewards", measures.rewards_bps, "#e0b84a"),
    ("bad debt", measures.bad_debt_bps, "#1c2330"),
)
ACROSS = 3  # plots in a row
FAR = 20.0  # z beyond which nothing is shown
LOWEST, MEDIAN = 0, QUANTILES.index(0.5)


def colour(rule: str, place: int) -> str:
    """Of a rule; policies of files by their place among the rules."""
    return COLOURS.get(rule, OTHERS[place % len(OTHERS)])


def frontier_figure(report: Report) -> go.Figure:
    """Efficiency against containment: one plot a window in which isolated margin lost something."""
    windows = {name: rules for name, rules in report.windows.items() if not math.isnan(saved(rules, BALLAST).mean)}
    figure = _grid(list(windows), 340)
    for place, (window, rules) in enumerate(windows.items()):
        at = {"row": place // ACROSS + 1, "col": place % ACROSS + 1}
        points = report.frontier.get(window, ())
        if points:
            figure.add_scatter(
                x=[point.containment.mean for point in points],
                y=[point.saved.mean for point in points],
                text=[f"cap {point.cap:.0%}, cost {point.cost.mean:.0f} bps" for point in points],
                mode="lines+markers",
                line={"color": "#9fd3bd", "width": 2},
                marker={"size": 6},
                name="ballast, other caps on what flows into one book",
                legendgroup="caps",
                showlegend=place == 0,
                **at,
            )
        for rank, rule in enumerate(rules):
            _add_point(figure, rules, rule, colour(rule, rank), place == 0, at)
        figure.add_vline(x=CONTAINED, line={"color": "#c7ccd6", "dash": "dot", "width": 1}, **at)
        figure.add_hline(y=SAVED, line={"color": "#c7ccd6", "dash": "dot", "width": 1}, **at)
    figure.update_xaxes(title={"text": "containment, %", "font_size": 12, "standoff": 4}, range=[-45, 125])
    figure.update_yaxes(range=[-10, 115])
    figure.update_yaxes(title={"text": "accounts saved, %", "font_size": 12}, col=1)
    figure.update_layout(hovermode="closest", legend={"y": -0.24 / _rows(windows)}, margin={"l": 56, "t": 64})
    return figure


def _add_point(figure: go.Figure, rules: Rules, rule: str, colour_: str, legend: bool, at: dict[str, int]) -> None:
    across, up = rules[rule].estimate(CONTAINMENT), saved(rules, rule)

    def error(half: float) -> dict[str, Any]:
        return {"type": "data", "array": [0 if math.isnan(half) else half], "thickness": 1, "width": 3}

    figure.add_scatter(
        x=[across.mean],
        y=[up.mean],
        error_x=error(across.half),
        error_y=error(up.half),
        mode="markers",
        marker={"color": colour_, "size": 13 if rule == BALLAST else 10},
        name=rule,
        legendgroup=rule,
        showlegend=legend,
        **at,
    )


def time_figure(report: Report) -> go.Figure:
    """One window at a time, chosen from a menu: prices, volatility, accounts lost, equity, distance."""
    titles = (
        "price, start = 1",
        "fast volatility, annualised",
        "accounts that lost a book, %",
        "account equity, start = 1: median and worst twentieth (dotted)",
        "least z of an account's books: median and worst twentieth (dotted)",
    )
    figure = make_subplots(
        rows=5,
        shared_xaxes=True,
        vertical_spacing=0.04,
        row_heights=[0.15, 0.13, 0.24, 0.24, 0.24],
        subplot_titles=titles,
    )
    owners: list[str] = []
    for window, rules in report.windows.items():
        before = len(figure.data)
        _add_market(figure, rules)
        for rank, rule in enumerate(rules):
            _add_rule(figure, rules, rule, colour(rule, rank))
        owners += [window] * (len(figure.data) - before)
    first = next((name for name, rules in report.windows.items() if is_crash(rules)), owners[0])
    figure.add_hline(y=0, line={"color": "#b42318", "width": 1}, row=5, col=1)
    figure.update_yaxes(range=[-1, FAR], row=5, col=1)
    figure.update_yaxes(tickformat=".0%", row=2, col=1)
    figure.update_xaxes(title={"text": "UTC", "font_size": 12, "standoff": 4}, row=5, col=1)
    dressed(figure, 1_150)
    figure.update_layout(margin={"t": 90})
    return _choosable(figure, owners, list(report.windows), first)


def _add_market(figure: go.Figure, rules: Rules) -> None:
    outcome = next(iter(rules.values())).outcomes[0]
    times = dates(outcome.series.time.tolist())
    for place, market in enumerate(outcome.markets):
        line = {"color": MARKETS[place % len(MARKETS)], "width": 1.4}
        for row, values in ((1, outcome.series.price), (2, outcome.series.volatility)):
            legend = {"name": market, "legendgroup": market, "showlegend": row == 1}
            figure.add_scatter(x=times, y=_round(values[:, place]), line=line, row=row, col=1, **legend)


def _add_rule(figure: go.Figure, rules: Rules, rule: str, colour_: str) -> None:
    outcome = rules[rule].outcomes[0]
    series, times = outcome.series, dates(outcome.series.time.tolist())
    line = {"color": colour_, "width": 2.2 if rule == BALLAST else 1.5}
    plain = {"x": times, "name": rule, "legendgroup": rule, "col": 1}
    figure.add_scatter(y=_round(100 * series.liquidated / outcome.accounts), line=line, row=3, **plain)
    for row, quantiles in ((4, series.equity), (5, series.distance.clip(-1, FAR))):
        for quantile, dash in ((MEDIAN, "solid"), (LOWEST, "dot")):
            drawn = {**line, "dash": dash}
            figure.add_scatter(y=_round(quantiles[:, quantile]), line=drawn, row=row, showlegend=False, **plain)


def cost_figure(report: Report) -> go.Figure:
    """What each rule costs in each window, bps of equity."""
    figure = _grid(list(report.windows), 300)
    for place, rules in enumerate(report.windows.values()):
        for what, measure, colour_ in COSTS:
            figure.add_bar(
                x=[Estimate.of([measure(outcome) for outcome in cell.outcomes]).mean for cell in rules.values()],
                y=list(rules),
                orientation="h",
                marker={"color": colour_},
                name=what,
                legendgroup=what,
                showlegend=place == 0,
                row=place // ACROSS + 1,
                col=place % ACROSS + 1,
            )
    figure.update_layout(barmode="stack", hovermode="y unified", legend={"y": -0.24 / _rows(report.windows)})
    figure.update_xaxes(title={"text": "bps of initial equity", "font_size": 12, "standoff": 4}, matches="x")
    figure.update_yaxes(autorange="reversed")
    return figure


def equity_figure(report: Report) -> go.Figure:
    """By how much accounts end with more under one rule than under another, for one window at a time."""
    figure = go.Figure()
    for rules in report.windows.values():
        names = list(rules)
        found = [[ahead(rules, rule, other) for other in names] for rule in names]
        values = [[each.mean for each in line] for line in found]
        figure.add_heatmap(
            x=[f"over {name}" for name in names],
            y=names,
            z=values,
            text=[
                ["" if row == column else _signed(each) for column, each in enumerate(line)]
                for row, line in enumerate(found)
            ],
            hoverinfo="x+y+text",
            texttemplate="%{text}",
            colorscale=[[0, "#e9a49d"], [0.5, "#ffffff"], [1, "#93cdb4"]],
            zmid=0,
            showscale=False,
        )
    figure.update_yaxes(autorange="reversed")
    dressed(figure, 420)
    figure.update_layout(margin={"l": 110, "t": 70}, hovermode="closest")
    return _choosable(figure, list(report.windows), list(report.windows), next(iter(report.windows)))


def _signed(estimate: Estimate) -> str:
    """A mean with its sign, and half of its interval where there is one."""
    half = "" if math.isnan(estimate.half) else f"<br>±{estimate.half:.1f}"
    return f"{estimate.mean:+.1f}{half}"


def _choosable(figure: go.Figure, owners: Sequence[str], names: Sequence[str], first: str) -> go.Figure:
    """A menu that shows the traces of one name."""
    for trace, owner in zip(figure.data, owners, strict=True):
        trace.visible = owner == first
    buttons = [
        {"label": name, "method": "update", "args": [{"visible": [owner == name for owner in owners]}]}
        for name in names
    ]
    menu = {"buttons": buttons, "active": list(names).index(first), "x": 0, "xanchor": "left", "bgcolor": "#fff"}
    figure.update_layout(updatemenus=[{**menu, "y": 1.0, "yanchor": "bottom", "pad": {"b": 34}}])
    return figure


def _grid(titles: list[str], height: int) -> go.Figure:
    """Plots side by side."""
    rows = _rows(titles)
    figure = make_subplots(
        rows=rows,
        cols=min(ACROSS, max(len(titles), 1)),
        subplot_titles=titles,
        shared_yaxes=True,
        horizontal_spacing=0.04,
        vertical_spacing=0.34 / rows if rows > 1 else 0,
    )
    places = [annotation.x for annotation in figure.layout.annotations]
    dressed(figure, 84 + height * rows)
    for annotation, place in zip(figure.layout.annotations, places, strict=True):
        annotation.update(x=place, xanchor="center")
    figure.update_layout(margin={"l": 110, "t": 64})
    return figure


def _rows(titles: Any) -> int:
    return max(-(-len(titles) // ACROSS), 1)


def _round(values: Any) -> list[float]:
    return [round(float(value), 4) for value in _finite(values)]


def _finite(values: Any) -> Iterator[float]:
    """Nothing that JSON cannot say."""
    for value in values:
        yield float(value) if math.isfinite(value) else 0.0
