"""What one trader sees: his account in each window, under each rule."""

from __future__ import annotations

import math

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ballast.history.bars import moment
from ballast.lab.outcome import Outcome
from ballast.lab.report import BALLAST, ISOLATED, Report, Rules, told

LEGEND = (
    "Lost: sold in an auction or ended below zero, in part or whole, when first (UTC). Left: what of a book is held at "
    "the end. Penalties: discounts of auctions. Cuts: what closing by the engine cost against the oracle price. "
    "Rewards: of keepers. Forgiven: what books ended below zero by. Intended: the strategy held to the end, never cut "
    "and never liquidated; below zero it could not have been. A file's dollars buy their size at the first price of "
    "each window; costs of opening were paid before. Markets are taken to be deep beside these accounts: so funding is "
    "next to nothing. Loans and collateral are not replayed."
)
HEADINGS = ("penalties\n$", "cuts\n$", "rewards\n$", "funding\n$", "forgiven\n$", "calls\n")


def render(report: Report) -> Group:
    """A table for each account in each window."""
    parts: list[RenderableType] = []
    for window, rules in report.windows.items():
        parts += [Text(told(window, rules), "bold"), Text(report.sources[window], "dim")]
        for account in range(report.setup.accounts):
            parts += ["", *_answer(rules, account, report.setup.names[account])]
    return Group(*parts, "", Text(LEGEND, "dim"))


def _answer(rules: Rules, account: int, name: str) -> list[RenderableType]:
    """What was held, what became of it, and what to make of that."""
    outcome = next(iter(rules.values())).outcomes[0]
    start, intended = (amounts[account] for amounts in (outcome.initial_equity, outcome.held_equity))
    held = ", ".join(
        f"{'long' if size > 0 else 'short'} {abs(size):,.6g} {market}"
        for market, size in zip(outcome.markets, outcome.opened[account], strict=True)
        if size
    )
    head = Text(f"{name}: {held}; equity {_usd(start)}, intended {_usd(intended)}")
    verdict = [Text(_verdict(rules, account))] if {BALLAST, ISOLATED} <= set(rules) else []
    return [head, _table(rules, account), *verdict]


def _table(rules: Rules, account: int) -> Table:
    markets = [market for market, _, _ in _books(next(iter(rules.values())).outcomes[0], account)]
    table = Table(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    table.add_column("\nrule", no_wrap=True)
    table.add_column("lost\n", no_wrap=True)
    table.add_column(f"left of {' / '.join(markets)}\n%", justify="right", no_wrap=True)
    for heading in (*HEADINGS, "equity\nat end $", "more than\nintended $"):
        table.add_column(heading, justify="right", no_wrap=True)
    for rule, cell in rules.items():
        table.add_row(rule, *_row(cell.outcomes[0], account), style="cyan" if rule == BALLAST else "")
    return table


def _row(outcome: Outcome, account: int) -> list[Text | str]:
    lost = _lost(outcome, account)
    amounts = (outcome.penalties, outcome.cut_costs, outcome.rewards, outcome.funding, outcome.deficits)
    end, intended = float(outcome.final_equity[account]), float(outcome.held_equity[account])
    return [
        Text("\n".join(lost) if lost else "nothing", "red" if lost else "green"),
        " / ".join(f"{100 * left:.0f}" for _, _, left in _books(outcome, account)),
        *(f"{amount[account]:,.2f}" for amount in amounts),
        str(int(outcome.calls[account])),
        f"{end:,.2f}",
        f"{round(end - intended, 2) + 0.0:+,.2f}",
    ]


def _books(outcome: Outcome, account: int) -> list[tuple[str, float, float]]:
    """Market, when it was lost [s], and what of it is left, of every book."""
    figures = (outcome.opened, outcome.lost_at, outcome.final_size)
    lines = zip(outcome.markets, *(each[account] for each in figures), strict=True)
    return [(market, float(lost_at), float(size / opened)) for market, opened, lost_at, size in lines if opened]


def _lost(outcome: Outcome, account: int) -> list[str]:
    return [f"{market} {moment(int(at))}" for market, at, _ in _books(outcome, account) if math.isfinite(at)]


def _verdict(rules: Rules, account: int) -> str:
    """The engine against isolated margin."""
    ours, alone = rules[BALLAST].outcomes[0], rules[ISOLATED].outcomes[0]
    cost = float((ours.penalties + ours.cut_costs + ours.rewards)[account])
    more = round(float((ours.final_equity - alone.final_equity)[account]), 2)
    ends = f"{_usd(abs(more))} {'more' if more > 0 else 'less'} than" if more else "as much as"
    return (
        f"{BALLAST} loses {_counted(len(_lost(ours, account)), 'book')}, for {_usd(cost)} in "
        f"{_counted(int(ours.calls[account]), 'call')}; it ends with {ends} {ISOLATED}, which loses "
        f"{_counted(len(_lost(alone, account)), 'book')}."
    )


def _usd(amount: float) -> str:
    return f"{'-' * (amount < 0)}${abs(amount):,.2f}"


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
