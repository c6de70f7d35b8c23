"""The plots of the page: z of each book over time, equity flowing, the pool, prices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ballast.demo.report import CASH, AccountResult, Report, Rescue, Trace, pairs
from ballast.demo.words import usd
from ballast.html import dates, dressed

POINTS = 1_200  # most a plotted series may have
Z_RANGE = (-2, 16)
BAND = "#f5c2c0"  # while a market is halted
COLOURS = {"BTC": "#e8871e", "ETH": "#4c66d6", "SOL": "#12a594", "LINK": "#8a4fc7", CASH: "#6b7280"}


def accounts_figure(report: Report) -> go.Figure:
    """Price, z and flows of one account at a time, chosen from a menu."""
    figure = make_subplots(
        rows=3,
        shared_xaxes=True,
        vertical_spacing=0.06,
        row_heights=[0.2, 0.45, 0.35],
        subplot_titles=("price, start = 100", "z of each book", "moved by the engine so far, $ (into a book: up)"),
    )
    owners: list[str] = []
    choices = pairs(report.accounts)
    for account, twin in choices:
        before = len(figure.data)
        for symbol in account.holdings:
            _add_indexed_price(figure, report.prices[symbol], symbol)
            _add_z(figure, account, symbol, "solid", report.end)
            _add_z(figure, twin, symbol, "dot", report.end)
        rescues = [rescue for rescue in report.rescues if rescue.account == account.name]
        _add_flows(figure, account, rescues, report)
        _add_cuts(figure, account, rescues)
        owners += [account.name] * (len(figure.data) - before)
    first = max(choices, key=lambda pair: len(pair[0].holdings) * pair[0].moved)[0].name if choices else ""
    for trace, owner in zip(figure.data, owners, strict=True):
        trace.visible = owner == first
    buttons = [
        {
            "label": account.name,
            "method": "update",
            "args": [{"visible": [owner == account.name for owner in owners]}],
        }
        for account, _ in choices
    ]
    shown = next((i for i, button in enumerate(buttons) if button["label"] == first), 0)
    menu = {
        "buttons": buttons,
        "active": shown,
        "x": 0,
        "xanchor": "left",
        "y": 1.12,
        "yanchor": "bottom",
        "bgcolor": "#fff",
    }
    figure.add_hline(y=0, line={"color": "#b42318", "width": 1}, row=2, col=1)
    figure.update_yaxes(range=list(Z_RANGE), row=2, col=1)
    figure.update_layout(updatemenus=[menu])
    _shade(figure, report)
    return dressed(figure, 860)


def flow_figure(rescues: Sequence[Rescue]) -> go.Figure:
    """Sankey of everything the engine moved."""
    flows: dict[tuple[str, str], float] = defaultdict(float)
    for rescue in rescues:
        sources = {name: -amount for name, amount in rescue.moves.items() if amount < 0}
        targets = {name: amount for name, amount in rescue.moves.items() if amount > 0}
        given = sum(sources.values())
        for source, amount in sources.items():
            for target, received in targets.items():
                flows[source, target] += amount * received / max(given, sum(targets.values()))
        flows["cut books", "cost of cuts, to the pool"] += rescue.cost
        flows[CASH, "rewards, to keepers"] += rescue.reward
    links = {link: amount for link, amount in flows.items() if amount > 0}
    left = sorted({source for source, _ in links})
    right = sorted({target for _, target in links})
    names = [_node(name, "from") for name in left] + [_node(name, "to") for name in right]
    colours = [COLOURS.get(name, "#9aa3b2") for name in left + right]
    figure = go.Figure(
        go.Sankey(
            node={"label": names, "color": colours, "pad": 18, "thickness": 18, "line": {"width": 0}},
            link={
                "source": [left.index(source) for source, _ in links],
                "target": [len(left) + right.index(target) for _, target in links],
                "value": [round(amount, 2) for amount in links.values()],
                "color": [_pale(COLOURS.get(source, "#9aa3b2")) for source, _ in links],
            },
            valueformat="$,.0f",
        )
    )
    return dressed(figure, 380)


def pool_figure(report: Report) -> go.Figure:
    """The price of a share and net assets, with the requests that changed them."""
    pool = report.pool
    figure = make_subplots(
        rows=2,
        shared_xaxes=True,
        vertical_spacing=0.12,
        row_heights=[0.62, 0.38],
        subplot_titles=("price of a share, $", "net assets, $ million"),
    )
    line = {"color": "#12a594", "width": 1.8}
    prices, assets = _thin(pool.prices, min), _thin(pool.assets, min)
    figure.add_scatter(x=dates(prices.times), y=prices.values, line=line, name="share", showlegend=False, row=1, col=1)
    millions = [round(value / 1e6, 4) for value in assets.values]
    figure.add_scatter(x=dates(assets.times), y=millions, line=line, name="assets", showlegend=False, row=2, col=1)
    passages = [("entered", "triangle-up", pool.entry)] if pool.entry else []
    passages += [("left", "triangle-down", leaving) for leaving in pool.exits]
    for name, symbol, passage in passages:
        figure.add_scatter(
            x=dates([passage.executed]),
            y=[passage.price],
            mode="markers",
            marker={"symbol": symbol, "size": 12, "color": "#1c2330"},
            name=f"provider {name} at ${passage.price:.6f}",
            row=1,
            col=1,
        )
    figure.update_yaxes(tickformat=".4f", row=1, col=1)
    _shade(figure, report)
    return dressed(figure, 460)


def market_figure(report: Report) -> go.Figure:
    """Prices and fast volatilities."""
    figure = make_subplots(
        rows=2,
        shared_xaxes=True,
        vertical_spacing=0.08,
        subplot_titles=("price, start = 100", "volatility, annualised"),
    )
    for symbol, prices in report.prices.items():
        _add_indexed_price(figure, prices, symbol, legend=True)
        trace = _thin(report.volatilities[symbol], max)
        line = {"color": COLOURS.get(symbol, "#333"), "width": 1.4}
        times = dates(trace.times)
        figure.add_scatter(x=times, y=trace.values, line=line, name=symbol, showlegend=False, row=2, col=1)
    figure.update_yaxes(tickformat=".0%", row=2, col=1)
    _shade(figure, report)
    return dressed(figure, 520)


def _add_indexed_price(figure: go.Figure, prices: Trace, symbol: str, legend: bool = False) -> None:
    """A price, 100 at the start."""
    thin = _thin(prices, min)
    start = prices.values[0] if prices.values else 1
    figure.add_scatter(
        x=dates(thin.times),
        y=[round(100 * value / start, 2) for value in thin.values],
        name=symbol,
        showlegend=legend,
        line={"color": COLOURS.get(symbol, "#333"), "width": 1.2},
        row=1,
        col=1,
    )


def _add_z(figure: go.Figure, account: AccountResult, symbol: str, dash: str, end: int) -> None:
    """z of one book, with a cross where it was lost."""
    trace = _thin(account.z.get(symbol, Trace()), min)
    colour = COLOURS.get(symbol, "#333")
    label = f"{account.holdings[symbol]}{'' if account.guarded else ', unguarded'}"
    values = [round(min(max(value, Z_RANGE[0]), 99), 2) for value in trace.values]
    line = {"color": colour, "width": 1.6 if account.guarded else 1.1, "dash": dash}
    figure.add_scatter(x=dates(trace.times), y=values, name=label, line=line, row=2, col=1)
    lost = [loss for loss in account.lost if loss.symbol == symbol]
    if lost:
        marker = {"symbol": "x", "size": 11, "color": colour, "line": {"width": 1, "color": "#fff"}}
        x, y = dates([loss.time for loss in lost]), [max(loss.z, Z_RANGE[0] + 0.3) for loss in lost]
        figure.add_scatter(x=x, y=y, mode="markers", marker=marker, name=f"{label}: lost", row=2, col=1)


def _add_flows(figure: go.Figure, account: AccountResult, rescues: Sequence[Rescue], report: Report) -> None:
    """Running sums of what the engine moved into each book and the treasury."""
    for name in (*account.holdings, CASH):
        trace = Trace([report.start], [0.0])
        for rescue in rescues:
            if name in rescue.moves:
                trace.add(rescue.time, trace.values[-1] + rescue.moves[name])
        trace.add(report.end, trace.values[-1])
        line = {"color": COLOURS.get(name, "#333"), "width": 1.6, "shape": "hv"}
        figure.add_scatter(
            x=dates(trace.times),
            y=[round(value, 2) for value in trace.values],
            name=f"moved: {name}",
            mode="lines",
            line=line,
            showlegend=name == CASH,
            row=3,
            col=1,
        )


def _add_cuts(figure: go.Figure, account: AccountResult, rescues: Sequence[Rescue]) -> None:
    """Triangles under the z chart where a book was cut."""
    for symbol in account.holdings:
        cuts = [rescue for rescue in rescues if symbol in rescue.cuts]
        if not cuts:
            continue
        text = [
            f"cut ${usd(rescue.cuts[symbol])}{', volatility alone' if rescue.volatility_only else ''}"
            for rescue in cuts
        ]
        marker = {"symbol": "triangle-down", "size": 9, "color": COLOURS.get(symbol, "#333")}
        x, y = dates([rescue.time for rescue in cuts]), [Z_RANGE[1] - 0.8] * len(cuts)
        figure.add_scatter(x=x, y=y, mode="markers", marker=marker, text=text, name=f"{symbol}: cut", row=2, col=1)


def _shade(figure: go.Figure, report: Report) -> None:
    """A band over the time in which a market was halted."""
    if freeze := report.freeze:
        start, end = dates([freeze.start, freeze.end or report.end])
        figure.add_vrect(x0=start, x1=end, fillcolor=BAND, opacity=0.45, line_width=0, layer="below", row="all", col=1)


def _node(name: str, direction: str) -> str:
    if name == CASH:
        return f"{direction} treasuries"
    return f"{direction} {name} books" if name in COLOURS else name


def _pale(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.28)"


def _thin(trace: Trace, keep: Callable[[list[float]], float]) -> Trace:
    """At most POINTS points: of each bucket the one that `keep` picks (an extreme must not vanish)."""
    size = -(-len(trace.values) // POINTS)
    if size <= 1:
        return trace
    thin = Trace()
    for at in range(0, len(trace.values), size):
        bucket = trace.values[at : at + size]
        value = keep(bucket)
        thin.add(trace.times[at + bucket.index(value)], value)
    return thin
