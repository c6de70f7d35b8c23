"""What one trader sees: his account in each window, under each rule."""

from __future__ import annotations

from datetime import UTC, datetime

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ballast.lab.outcome import Outcome
from ballast.lab.report import BALLAST, Report, Rules

LEGEND = (
    "“Intended” is the strategy held to the end, never cut and never liquidated; below zero it could not have been. "
    "Costs of opening were paid before the start. Markets are taken to be deep beside these accounts: so funding is "
    "next to nothing. Loans and collateral are not replayed."
)


def render(report: Report) -> RenderableType:
    """A table for each account."""
    accounts = range(report.setup.accounts)
    tables: list[RenderableType] = [_table(report, account) for account in accounts]
    return Group(*tables, Text(LEGEND, "dim"))


def _table(report: Report, account: int) -> Table:
    name = report.setup.population if report.setup.accounts == 1 else f"{report.setup.population}, {account + 1}"
    table = Table(title=name, title_justify="left", box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    table.add_column("window, rule", no_wrap=True, vertical="bottom")
    for heading in ("books\nlost", "penalties\n$", "cuts\n$", "rewards\n$", "funding\n$", "calls\n"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("equity $\nat start", "\nintended", "\nat end"):
        table.add_column(heading, justify="right", no_wrap=True)
    for window, rules in report.windows.items():
        table.add_section()
        table.add_row(Text(_span(window, rules), "bold"))
        for rule, cell in rules.items():
            table.add_row(f"  {rule}", *_row(cell.outcomes[0], account), style="cyan" if rule == BALLAST else "")
    return table


def _row(outcome: Outcome, account: int) -> list[Text | str]:
    lost, books = int(outcome.books_liquidated[account]), int(outcome.books[account])
    amounts = (outcome.penalties, outcome.cut_costs, outcome.rewards, outcome.funding)
    equity = (outcome.initial_equity, outcome.held_equity, outcome.final_equity)
    return [
        Text(f"{lost}/{books}", "red" if lost else "green"),
        *(f"{amount[account]:,.2f}" for amount in amounts),
        str(int(outcome.calls[account])),
        *(f"{amount[account]:,.2f}" for amount in equity),
    ]


def _span(window: str, rules: Rules) -> str:
    """The window, and how its prices moved."""
    outcome = next(iter(rules.values())).outcomes[0]
    start, end = (datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d") for time in (outcome.start, outcome.end))
    low = outcome.series.price.min(axis=0) - 1
    moved = ", ".join(f"{market} {fall:+.0%} at worst" for market, fall in zip(outcome.markets, low, strict=True))
    return f"{window}, {start} to {end}, {moved}"
