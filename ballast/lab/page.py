"""One self-contained HTML page: the verdict, the table, the frontier, what happened when, what it cost."""

from __future__ import annotations

import math
from html import escape
from pathlib import Path

import plotly.graph_objects as go

from ballast.html import document, embedded, facts, listed, marked, write
from ballast.lab.figures import cost_figure, equity_figure, frontier_figure, time_figure
from ballast.lab.goals import Goal, is_crash, judge
from ballast.lab.measures import Estimate
from ballast.lab.report import BALLAST, CROSS, ISOLATED, Cell, Report, Rules, pool_lines, saved, told
from ballast.lab.table import COLUMNS, LEGEND, shown

_STYLE = """
th:first-child, td:first-child { text-align: left } td { padding: 5px 8px }
tr.window td { font-weight: 600; padding-top: 16px; white-space: normal } tr.window small { font-weight: 400 }
.plot { min-width: 760px }
table.rules { font-size: 13px } .rules tr:not(.window) small { display: block; line-height: 1.1 }
 tr.mine td { background: #eef7f2 }
table.goals { width: auto } .goals th, .goals td { text-align: left } table.goals td:nth-child(3) { text-align: right }
"""

CAUTION = (
    "Isolated margin is also a stop-loss: where prices do not come back, an account whose book was liquidated may end "
    "with more than one that was kept in the market.",
    "Moving margin needs margin to move: where all books of an account lose at once, there is nothing to share, and "
    "what saves the account is a cut, at a price.",
    "What is cut, the pool takes over. Where prices go on falling, it may fail, and cuts stop with it.",
    "What flows into a book is lost with it if its market fails: less is contained than under isolated margin.",
)


def write_page(report: Report, path: Path) -> None:
    """Write the page."""
    write(render(report), path)


def render(report: Report) -> str:
    """The whole document."""
    sections = [
        _head(report),
        "<h2>The table</h2>",
        f"<p>{escape(LEGEND)}</p>",
        _table(report),
        *_goals(judge(report)),
        *_frontier(report),
        "<h2>What happened when</h2>",
        f"<p>One window at a time, seed {report.setup.seeds[0]}. Choose it from the menu; click names below the plots "
        "to hide them.</p>",
        _plot(time_figure(report), "time"),
        "<h2>What it cost</h2>",
        "<p>Penalties are what auctions took beyond the value of what they sold; cuts and rewards are what the engine "
        "took to prevent them; bad debt is what nobody could be charged for but insurance and the other side.</p>",
        _plot(cost_figure(report), "costs"),
        "<p>What the engine cuts, the pool takes over at the price of that moment, and it may lose on it:</p>",
        listed(pool_lines(report)),
        "<h2>Final equity against each other rule</h2>",
        "<p>By how much all accounts together end with more under the rule of the row than under that of the column, "
        "% of initial equity; ± is half of a 95 % interval over seeds.</p>",
        _plot(equity_figure(report), "equity"),
        "<h2>Where it does not help</h2>",
        listed(CAUTION),
        "<h2>What was assumed</h2>",
        listed([f"{what}: {how_much}" for what, how_much in _assumed(report).items()]),
    ]
    return document("Ballast – the crash lab", sections, _STYLE)


def _plot(figure: go.Figure, name: str) -> str:
    """A figure that keeps its width, and scrolls, on a narrow screen."""
    return f'<div class="scroll"><div class="plot">{embedded(figure, name)}</div></div>'


def _head(report: Report) -> str:
    setup = report.setup
    crashes = [rules for rules in report.windows.values() if is_crash(rules) and {ISOLATED, BALLAST} <= set(rules)]
    told = [
        (f"{_mean(crashes, rule, 'accounts_liquidated_pct'):.1f} %", f"of accounts lose a book: {rule}")
        for rule in (ISOLATED, CROSS, BALLAST)
        if crashes and all(rule in rules for rules in crashes)
    ]
    if crashes:
        told += [
            (f"{_mean(crashes, ISOLATED, 'penalties_bps'):.0f} bps", "penalties under isolated margin"),
            (f"{_mean(crashes, BALLAST, 'cost_bps'):.0f} bps", "cuts and rewards under ballast"),
        ]
    goals = judge(report)
    told += [(f"{sum(goal.met for goal in goals)} of {len(goals)}", "goals met")] if goals else []
    many = f"{len(crashes)} crash{'' if len(crashes) == 1 else 'es'} of {len(report.windows)} windows"
    return (
        "<h1>Does rebalancing help?</h1>"
        f"<p>{setup.accounts:,} accounts ({escape(setup.population)}), leverage {setup.leverage[0]:g} to "
        f"{setup.leverage[1]:g}, replayed under {len(next(iter(report.windows.values())))} rules side by side, with "
        f"{len(setup.seeds)} seed{'s' if len(setup.seeds) > 1 else ''}. Means over {many}:</p>"
        f"{facts(told)}"
    )


def _mean(windows: list[Rules], rule: str, measure: str) -> float:
    return sum(rules[rule].estimate(measure).mean for rules in windows) / len(windows)


def _table(report: Report) -> str:
    titles = ["window, rule", *(title.replace("\n", " ").strip() for title, _ in COLUMNS.values())]
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join(
        f'<tr class="window"><td colspan="{len(titles)}">{escape(told(window, rules))} '
        f"<small>{escape(report.sources[window])}</small></td></tr>"
        f"{''.join(_row(rule, cell) for rule, cell in rules.items())}"
        for window, rules in report.windows.items()
    )
    return f'<div class="scroll"><table class="rules"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _row(rule: str, cell: Cell) -> str:
    cells = [escape(rule), *(_cell(cell.estimate(name), digits) for name, (_, digits) in COLUMNS.items())]
    kind = ' class="mine"' if rule == BALLAST else ""
    return f"<tr{kind}>" + "".join(f"<td>{each}</td>" for each in cells) + "</tr>"


def _cell(estimate: Estimate, digits: int) -> str:
    mean, _, half = shown(estimate, digits).partition(" ")
    return f"{mean} <small>{half}</small>" if half else mean


def _goals(goals: list[Goal]) -> list[str]:
    if not goals:
        return []
    rows = "".join(
        f"<tr><td>{escape(goal.window)}</td><td>{escape(goal.text)}</td>"
        f"<td>{'–' if math.isnan(goal.value) else f'{goal.value:,.2f}'}</td>"
        f"<td>{marked('met' if goal.met else 'missed', goal.met)}</td></tr>"
        for goal in goals
    )
    head = "".join(f"<th>{name}</th>" for name in ("window", "goal", "reached", ""))
    table = (
        f'<div class="scroll"><table class="goals"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )
    return ["<h2>Goals of the default policy</h2>", table]


def _frontier(report: Report) -> list[str]:
    if all(math.isnan(saved(rules, BALLAST).mean) for rules in report.windows.values() if BALLAST in rules):
        return []
    caps = (
        " The pale line is the engine with other caps on what may flow into one book: a lower cap contains more and "
        "saves fewer, or must cut more."
        if report.frontier
        else ""
    )
    return [
        "<h2>Efficiency against containment</h2>",
        "<p>Up: of the accounts that lose a book under isolated margin, those that do not under this rule. Right: how "
        f"much of a market's failure stays in that market.{caps} Dotted: the goals.</p>",
        _plot(frontier_figure(report), "frontier"),
    ]


def _assumed(report: Report) -> dict[str, str]:
    return {**report.setup.facts, "seeds": ", ".join(map(str, report.setup.seeds)), "took": f"{report.seconds:.0f} s"}
