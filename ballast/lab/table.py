"""What the terminal shows at the end of a study: one table, whether goals were met, and what to make of it."""

from __future__ import annotations

import math

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ballast.lab.goals import Goal, judge
from ballast.lab.measures import NAMES, Estimate
from ballast.lab.report import BALLAST, Cell, Report, ahead, pool_lines

COLUMNS = {
    "accounts_liquidated_pct": ("accounts\nliquidated\n%", 1),
    "books_liquidated_pct": ("books\nliquidated\n%", 1),
    "penalties_bps": ("penalties\n\nbps", 1),
    "cost_bps": ("cuts and\nrewards\nbps", 1),
    "bad_debt_bps": ("bad debt\n\nbps", 1),
    "tracking_rms_bps": ("tracking\nRMS\nbps", 0),
    "tracking_worst5_bps": ("tracking\nworst 5 %\nbps", 0),
    "final_equity_pct": ("final\nequity\n%", 1),
    "calls_per_account": ("calls\nan account\n", 1),
    "containment_pct": ("contain-\nment\n%", 0),
}  # measure → title, digits
assert tuple(COLUMNS) == NAMES

LEGEND = (
    "bps and % are of the initial equity of all accounts, unless they count accounts or books. Tracking: how far "
    "accounts end from their strategy as intended, never cut and never liquidated. Containment: 100 % where a market "
    "that fails costs no more than under isolated margin, 0 where it costs as much as under one margin for all. ± is "
    "half of a 95 % interval over seeds. An account that keeps its books stays in the market: where prices do not come "
    "back, one that lost them may end with more."
)


def render(report: Report) -> Group:
    """The table and the lines below it."""
    lines = [*_ahead(report), *map(Text, pool_lines(report))]
    parts: list[RenderableType] = [_table(report), *_goals(judge(report)), "", *lines, "", Text(LEGEND, "dim")]
    return Group(*parts)


def shown(estimate: Estimate, digits: int) -> str:
    """A mean, and half of its interval where there is one."""
    if math.isnan(estimate.mean):
        return "–"
    mean = f"{estimate.mean:,.{digits}f}"
    return mean if math.isnan(estimate.half) else f"{mean} ±{estimate.half:,.{digits}f}"


def _table(report: Report) -> Table:
    setup = report.setup
    title = (
        f"{setup.accounts:,} accounts ({setup.population}), leverage {setup.leverage[0]:g}–{setup.leverage[1]:g}, "
        f"{len(setup.seeds)} seed{'s' if len(setup.seeds) > 1 else ''}"
    )
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    table.add_column("window, rule", no_wrap=True, vertical="bottom")
    for heading, _ in COLUMNS.values():
        table.add_column(heading, justify="right", no_wrap=True)
    for window, rules in report.windows.items():
        table.add_section()
        table.add_row(Text(window, "bold"))
        for rule, cell in rules.items():
            table.add_row(*_row(rule, cell), style="cyan" if rule == BALLAST else "")
    return table


def _row(rule: str, cell: Cell) -> list[str]:
    return [f"  {rule}", *(shown(cell.estimate(name), digits) for name, (_, digits) in COLUMNS.items())]


def _goals(goals: list[Goal]) -> list[RenderableType]:
    """One line for each."""
    if not goals:
        return []
    table = Table(title="Goals", title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for _ in range(4):
        table.add_column(no_wrap=True)
    for goal in goals:
        verdict = Text("met", "green") if goal.met else Text("missed", "red")
        table.add_row(goal.window, Text(goal.text), "–" if math.isnan(goal.value) else f"{goal.value:,.2f}", verdict)
    return [table]


def _ahead(report: Report) -> list[Text]:
    """The engine's final equity against each other rule."""
    lines = []
    for window, rules in report.windows.items():
        others = [rule for rule in rules if rule != BALLAST] if BALLAST in rules else []
        against = ", ".join(f"{rule} {shown(ahead(rules, BALLAST, rule), 1)}" for rule in others)
        if against:
            lines.append(
                Text(f"{window}: final equity of {BALLAST} over that of others, % of initial equity: {against}")
            )
    return lines
