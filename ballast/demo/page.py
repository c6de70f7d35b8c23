"""One self-contained HTML page: the verdict, the table, z of each book over time, equity flowing, prices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from ballast.demo.report import CASH, AccountResult, Report, Rescue, Trace, pairs
from ballast.demo.table import note, usd

POINTS = 1_200  # most a plotted series may have
Z_RANGE = (-2, 16)
COLOURS = {"BTC": "#e8871e", "ETH": "#4c66d6", "SOL": "#12a594", "LINK": "#8a4fc7", CASH: "#6b7280"}

_STYLE = """
:root { color-scheme: light; --ink: #1c2330; --soft: #5b6474; --line: #e3e7ee; --good: #0f7b4f; --bad: #b42318; }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 1180px; padding: 40px 24px 80px; color: var(--ink); background: #fff;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -.01em }
h2 { font-size: 20px; margin: 48px 0 4px }
p { margin: 4px 0 12px; max-width: 78ch; color: var(--soft) }
.facts { display: flex; flex-wrap: wrap; gap: 12px; margin: 24px 0 }
.fact { border: 1px solid var(--line); border-radius: 10px; padding: 12px 18px; min-width: 150px }
.fact b { display: block; font-size: 24px; line-height: 1.2 } .fact span { color: var(--soft); font-size: 13px }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums }
th { text-align: right; font-weight: 600; color: var(--soft); border-bottom: 2px solid var(--line); padding: 8px }
td { text-align: right; border-bottom: 1px solid var(--line); padding: 7px 8px; white-space: nowrap }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left } td:nth-child(2) { white-space: normal; min-width: 200px }
td small { display: block; color: var(--soft); white-space: normal }
.good { color: var(--good) } .bad { color: var(--bad) }
ul { margin: 8px 0 0; padding-left: 20px; color: var(--soft); font-size: 14px }
"""


def write_page(report: Report, path: Path) -> None:
    """Write the page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(report), encoding="utf-8")


def render(report: Report) -> str:
    """The whole document, plotly included."""
    chart = (
        "z counts standard deviations of an hour's move between a book and its liquidation. Solid: engine on; dotted: "
        "its unguarded twin; a cross marks a book lost, a triangle a cut. Choose an account above the chart."
    )
    flows = (
        "All guarded accounts together: what the engine took from treasuries and healthy books, and whom it gave it "
        "to. Money never passes from one account to another."
    )
    table = (
        "“With” is the account with the engine on; “without” is the same account with it off. Costs are cuts, rewards "
        "and penalties. An account that keeps its books stays in the market, one that lost them is out of it: after a "
        "fall without a rebound it may hold more."
    )
    sections = [
        _head(report),
        "<h2>Account by account</h2>",
        f"<p>{table}</p>",
        _table(report),
        _notes(report),
        "<h2>Distance to liquidation, and what the engine did about it</h2>",
        f"<p>{chart}</p>",
        _figure(accounts_figure(report), "accounts"),
        "<h2>Where the equity went</h2>",
        f"<p>{flows}</p>",
        _figure(flow_figure(report.rescues), "flows"),
        "<h2>The market</h2>",
        "<p>Price of each round that the feeds published, and the fast volatility the oracle made of it.</p>",
        _figure(market_figure(report), "market"),
    ]
    title = f"Ballast – {escape(report.source)}"
    script = f"<script>{get_plotlyjs()}</script>"
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    body = "\n".join(sections)
    start = f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style>{script}</head>'
    return f"{start}<body>{body}</body></html>\n"


# Figures


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
    return _dress(figure, 860)


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
    return _dress(figure, 380)


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
        times = _dates(trace.times)
        figure.add_scatter(x=times, y=trace.values, line=line, name=symbol, showlegend=False, row=2, col=1)
    figure.update_yaxes(tickformat=".0%", row=2, col=1)
    return _dress(figure, 520)


def _add_indexed_price(figure: go.Figure, prices: Trace, symbol: str, legend: bool = False) -> None:
    """A price, 100 at the start."""
    thin = _thin(prices, min)
    start = prices.values[0] if prices.values else 1
    figure.add_scatter(
        x=_dates(thin.times),
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
    figure.add_scatter(x=_dates(trace.times), y=values, name=label, line=line, row=2, col=1)
    lost = [loss for loss in account.lost if loss.symbol == symbol]
    if lost:
        marker = {"symbol": "x", "size": 11, "color": colour, "line": {"width": 1, "color": "#fff"}}
        x, y = _dates([loss.time for loss in lost]), [max(loss.z, Z_RANGE[0] + 0.3) for loss in lost]
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
            x=_dates(trace.times),
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
        x, y = _dates([rescue.time for rescue in cuts]), [Z_RANGE[1] - 0.8] * len(cuts)
        figure.add_scatter(x=x, y=y, mode="markers", marker=marker, text=text, name=f"{symbol}: cut", row=2, col=1)


def _dress(figure: go.Figure, height: int) -> go.Figure:
    """The page's look."""
    figure.update_layout(
        template="plotly_white",
        height=height,
        margin={"l": 56, "r": 16, "t": 40, "b": 30},
        font={"family": "system-ui, sans-serif", "size": 13, "color": "#1c2330"},
        legend={"orientation": "h", "y": -0.06, "yanchor": "top"},
        hovermode="x unified",
    )
    figure.update_annotations(font_size=13, x=0, xanchor="left")
    return figure


def _figure(figure: go.Figure, name: str) -> str:
    return str(figure.to_html(full_html=False, include_plotlyjs=False, div_id=name, config={"displaylogo": False}))


def _node(name: str, direction: str) -> str:
    if name == CASH:
        return f"{direction} treasuries"
    return f"{direction} {name} books" if name in COLOURS else name


def _pale(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.28)"


def _dates(times: Sequence[int]) -> list[datetime]:
    return [datetime.fromtimestamp(time, UTC) for time in times]


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


# Words


def _head(report: Report) -> str:
    """The verdict and the figures behind it."""
    guarded = [account for account in report.accounts if account.guarded]
    alone = [account for account in report.accounts if not account.guarded]
    books = sum(len(account.holdings) for account in guarded)
    kept, kept_alone = (books - sum(len(account.lost) for account in group) for group in (guarded, alone))
    facts = (
        (f"{kept} of {books}", "books kept with the engine"),
        (f"{kept_alone} of {books}", "books kept without it"),
        (f"{len(report.rescues)}", "rebalances"),
        (f"{report.transfers}", "transfers of margin"),
        (f"{report.cuts}", "cuts of exposure"),
        (f"{report.rounds:,}", "oracle rounds"),
        (f"{report.conservation_error_wei} wei", "created or lost"),
    )
    cells = "".join(f'<div class="fact"><b>{value}</b><span>{label}</span></div>' for value, label in facts)
    worst = ", ".join(f"{symbol} {_fall(trace):+.0%}" for symbol, trace in report.prices.items())
    return (
        f"<h1>Ballast through {escape(report.source)}</h1>"
        f"<p>{escape(report.window)}; from high to later low: {worst}.</p>"
        f'<div class="facts">{cells}</div>'
    )


def _fall(prices: Trace) -> float:
    """Deepest fall from a high to a later low."""
    peak, deepest = 0.0, 0.0
    for value in prices.values:
        peak = max(peak, value)
        deepest = min(deepest, value / peak - 1)
    return deepest


def _table(report: Report) -> str:
    names = ["account", "books", "lost with", "lost without", "lowest z", "moved $", "cut $"]
    names += ["costs $ with", "costs $ without", "equity $ at start", "at end with", "at end without"]
    head = "".join(f"<th>{name}</th>" for name in names)
    rows = "".join(_row(account) for account, _ in pairs(report.accounts))
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _row(account: AccountResult) -> str:
    """One guarded account."""
    cells = [
        f"{escape(account.name)}<small>{escape(account.story)}</small>",
        escape(", ".join(account.holdings.values())),
        _marked(len(account.lost), not account.lost),
        _marked(len(account.lost_without), not account.lost_without),
        f"{account.min_z:.1f}",
        *(usd(value) for value in (account.moved, account.cut, account.costs, account.costs_without)),
        *(usd(value) for value in (account.equity_start, account.equity_end, account.equity_end_without)),
    ]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _notes(report: Report) -> str:
    """Books lost in spite of the engine, and accounts that took no part."""
    notes = [note(loss) for account in report.accounts if account.guarded for loss in account.lost]
    notes += [f"{name} took no part: no prices for {', '.join(missing)}" for name, missing in report.skipped.items()]
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in notes) + "</ul>" if notes else ""


def _marked(value: object, good: bool) -> str:
    return f'<span class="{"good" if good else "bad"}">{value}</span>'
