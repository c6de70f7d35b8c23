"""The last screen of a run: one line per account that a trader understands, then what to make of it."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ballast.demo.report import (
    AccountResult,
    BookInFreeze,
    FreezeResult,
    LiquidationResult,
    Party,
    PoolResult,
    Report,
    pairs,
)
from ballast.demo.words import audit_lines, clock, freeze_lines, liquidation_lines, note, pool_lines, usd

WIDTH = 130  # columns the table needs
SHARE_ROWS = 10  # about how many lines the share price gets
SALE_ROWS = 30  # most lines of liquidations


def render(report: Report) -> RenderableType:
    """The tables and the lines below each."""
    parts: list[RenderableType] = [_table(report), *_texts(_lines(report))]
    liquidation = report.liquidation
    if liquidation.sales:
        parts += ["", _sales_table(liquidation)]
    parts += _texts(liquidation_lines(liquidation))
    if report.parties:
        parts += ["", _parties_table(report.parties), *_texts((line, "") for line in audit_lines(report.audit))]
    if report.pool.prices.values:
        parts += ["", _pool_table(report.pool), *_texts((line, "") for line in pool_lines(report.pool))]
    if report.freeze:
        parts += ["", _freeze_table(report.freeze), *_texts((line, "") for line in freeze_lines(report.freeze))]
    return Group(*parts)


def _texts(lines: Iterable[tuple[str, str]]) -> list[Text]:
    return [Text(line, style=style) for line, style in lines]


def _plain(title: str) -> Table:
    """An empty table in the house's look."""
    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)


def _table(report: Report) -> Table:
    """Guarded accounts against the same account left alone."""
    table = _plain(f"Ballast through {report.source}: {report.window}")
    table.add_column("account", no_wrap=True)
    table.add_column("books", no_wrap=True)
    for name in ("lost\nwith", "lost\nwithout", "lowest\nz", "moved\n$", "cut\n$", "costs $\nwith", "\nwithout"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("equity $\nat start", "at end\nwith", "\nwithout"):
        table.add_column(name, justify="right", no_wrap=True)
    for account, alone in pairs(report.accounts):
        table.add_row(
            account.name,
            _books(account),
            _lost(len(account.lost), len(account.holdings)),
            _lost(len(alone.lost), len(account.holdings)),
            f"{account.min_z:.1f}",
            *(usd(amount) for amount in (account.moved, account.cut, account.costs, alone.costs)),
            *(usd(amount) for amount in (account.equity_start, account.equity_end, alone.equity_end)),
        )
    return table


def _sales_table(liquidation: LiquidationResult) -> Table:
    """What was sold, and who bore what was left; the largest first, and only so many."""
    table = _plain("What could not be saved")
    for name in ("time, UTC", "account", "what", "to"):
        table.add_column(name, no_wrap=True)
    for name in ("equity $", "share", "cost $", "penalty $", "insured $", "borne by\nothers $"):
        table.add_column(name, justify="right", no_wrap=True)
    shown = sorted(liquidation.sales, key=lambda sale: -abs(sale.equity))[:SALE_ROWS]
    for sale in sorted(shown, key=lambda sale: sale.time):
        figures = (sale.cost, sale.penalty, sale.insured, sale.spread)
        place = (clock(sale.time)[:16], sale.account, sale.what, sale.buyer)
        equity = Text(usd(sale.equity), style="red" if sale.is_deficit else "")
        table.add_row(*place, equity, f"{sale.fraction:.0%}", *map(usd, figures))
    return table


def _parties_table(parties: Iterable[Party]) -> Table:
    """What everybody made of it."""
    table = _plain("Who won and who lost")
    table.add_column("party", no_wrap=True)
    for name in ("$ at start", "at end", "earned"):
        table.add_column(name, justify="right", no_wrap=True)
    for party in parties:
        earned = Text(f"{party.earned:+,.0f}", style="red" if party.earned < -0.5 else "")
        table.add_row(party.name, usd(party.start), usd(party.end), earned)
    return table


def _pool_table(pool: PoolResult) -> Table:
    """The price of a share over time."""
    table = _plain("The pool")
    for name in ("time, UTC", "share $", "net assets $"):
        table.add_column(name, justify="right", no_wrap=True)
    rows = pool.hourly()
    for time, price, assets in [*rows[: -1 : -(-len(rows) // SHARE_ROWS)], rows[-1]]:
        table.add_row(clock(time)[:16], f"{price:.6f}", usd(assets))
    return table


def _freeze_table(freeze: FreezeResult) -> Table:
    """The books that called for the engine while a market was halted."""
    table = _plain(f"Books short of margin while {freeze.symbol} was halted")
    table.add_column("account", no_wrap=True)
    table.add_column("book", no_wrap=True)
    table.add_column("market", no_wrap=True)
    for name in ("lowest z", "rounds short"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("what the engine could do", no_wrap=True)
    for book in freeze.short:
        state, style = ("halted", "yellow") if book.halted else ("open", "")
        figures = f"{book.min_z:.1f}", str(book.short_rounds)
        table.add_row(book.account, book.text, Text(state, style=style), *figures, _outcome(book))
    return table


def _outcome(book: BookInFreeze) -> Text:
    return Text(book.outcome, style="red" if book.lost or not book.is_served else "")


def _books(account: AccountResult) -> str:
    """ "10x BTC, -5x ETH + WETH"."""
    books = ", ".join(_brief(text) for text in account.holdings.values())
    return " + ".join([books, *(text.partition(" ")[2] for text in account.collateral)])


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
            f"{report.rounds} rounds; not a wei created or lost, of any token."
            if report.conservation_error_wei == 0
            else f"CONSERVATION BROKEN by {report.conservation_error_wei} wei",
            "" if report.conservation_error_wei == 0 else "bold red",
        ),
    ]
    if halted := sum(loss.halted for account in guarded for loss in account.lost):
        lines.append((f"{halted} of the books lost with the engine stood in the halted market at that time.", ""))
    lines += [(f"  {note(loss)}", "yellow") for account in guarded for loss in account.lost]
    lines += [(f"  skipped {name}: it lacks {', '.join(missing)}", "dim") for name, missing in report.skipped.items()]
    legend = (
        "z = standard deviations of an hour's move between a book and its liquidation. "
        "“Without” is the same account beside it with the engine off. "
        "Costs are cuts, rewards and what liquidation took; collateral counts in equity at its haircut. "
        "An account that keeps its books stays in the market: after a fall without a rebound it may end with less than "
        "one that lost them and was out of it."
    )
    return [*lines, (legend, "dim")]


def _brief(text: str) -> str:
    """ "10x long BTC" → "10x BTC", "5x short ETH" → "-5x ETH"."""
    return f"-{text.replace(' short', '')}" if " short " in text else text.replace(" long", "")


def _lost(count: int, books: int) -> Text:
    return Text(f"{count}/{books}", style="red" if count else "green")
