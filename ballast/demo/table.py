"""The last screen of a run: one line per account that a trader understands, then what to make of it."""

from __future__ import annotations

from datetime import UTC, datetime

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ballast.demo.report import Loss, Report, pairs

WIDTH = 126  # columns the table needs


def render(report: Report) -> RenderableType:
    """The table and the lines below it."""
    return Group(_table(report), *(Text(line, style=style) for line, style in _lines(report)))


def _table(report: Report) -> Table:
    """Guarded accounts against the same account left alone."""
    title = f"Ballast through {report.source}: {report.window}"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    table.add_column("account", no_wrap=True)
    table.add_column("books", no_wrap=True)
    for name in ("lost\nwith", "lost\nwithout", "lowest\nz", "moved\n$", "cut\n$", "costs $\nwith", "\nwithout"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("equity $\nat start", "at end\nwith", "\nwithout"):
        table.add_column(name, justify="right", no_wrap=True)
    for account, _ in pairs(report.accounts):
        table.add_row(
            account.name,
            ", ".join(_brief(text) for text in account.holdings.values()),
            _lost(len(account.lost), len(account.holdings)),
            _lost(len(account.lost_without), len(account.holdings)),
            f"{account.min_z:.1f}",
            *(usd(amount) for amount in (account.moved, account.cut, account.costs, account.costs_without)),
            *(usd(amount) for amount in (account.equity_start, account.equity_end, account.equity_end_without)),
        )
    return table


def _lines(report: Report) -> list[tuple[str, str]]:
    """What the figures mean, in sentences."""
    guarded = [account for account, _ in pairs(report.accounts)]
    alone = [account for account in report.accounts if not account.guarded]
    books = sum(len(account.holdings) for account in guarded)
    kept = books - sum(len(account.lost) for account in guarded)
    kept_alone = books - sum(len(account.lost) for account in alone)
    lines = [
        (f"With the engine {kept} of {books} books were kept, without it {kept_alone}.", "bold"),
        (
            f"{len(report.rescues)} rebalances: {report.transfers} transfers, {report.cuts} cuts "
            f"({len(report.volatility_cuts)} by volatility alone, at an unchanged price); "
            f"{report.rounds} rounds; not a wei created or lost."
            if report.conservation_error_wei == 0
            else f"CONSERVATION BROKEN by {report.conservation_error_wei} wei",
            "" if report.conservation_error_wei == 0 else "bold red",
        ),
    ]
    lines += [(f"  {note(loss)}", "yellow") for account in guarded for loss in account.lost]
    lines += [
        (f"  skipped {name}: no prices for {', '.join(missing)}", "dim") for name, missing in report.skipped.items()
    ]
    legend = (
        "z = standard deviations of an hour's move between a book and its liquidation. "
        "“Without” is the integer model of the same account with the engine off. "
        "Costs are cuts, rewards and penalties. An account that keeps its books stays in the market: "
        "after a fall without a rebound it may end with less than one that lost them and was out of it."
    )
    return [*lines, (legend, "dim")]


def note(loss: Loss) -> str:
    """Why a guarded account lost a book, in numbers."""
    return f"{loss.account} lost its {loss.symbol} book at {clock(loss.time)} (z {loss.z:.2f}): {loss.why}"


def clock(time: int) -> str:
    """A time as the market wrote it."""
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S} UTC"


def usd(amount: float) -> str:
    """Whole dollars."""
    return f"{amount:,.0f}"


def _brief(text: str) -> str:
    """ "10x long BTC" → "10x BTC", "5x short ETH" → "-5x ETH"."""
    return f"-{text.replace(' short', '')}" if " short " in text else text.replace(" long", "")


def _lost(count: int, books: int) -> Text:
    return Text(f"{count}/{books}", style="red" if count else "green")
