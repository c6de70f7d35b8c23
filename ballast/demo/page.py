"""One self-contained HTML page: the verdict, the table, z of each book over time, equity flowing, prices."""

from __future__ import annotations

from html import escape
from pathlib import Path

from ballast.demo.figures import accounts_figure, flow_figure, market_figure, pool_figure
from ballast.demo.report import AccountResult, FreezeResult, Party, Report, Sale, Trace, pairs
from ballast.demo.words import audit_lines, clock, freeze_lines, liquidation_lines, note, pool_lines, usd
from ballast.html import document, embedded, facts, listed, marked, write

_STYLE = """
.lead { color: var(--ink); font-size: 18px }
.tall { max-height: 560px; overflow-y: auto } .tall th { position: sticky; top: 0; background: #fff }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left } td:nth-child(2) { white-space: normal; min-width: 200px }
td small { display: block; white-space: normal }
.words :is(th, td):nth-child(-n+4) { text-align: left }
.won td:nth-child(2) { min-width: 320px } .bar { display: flex } .bar i { flex: 1; height: 12px }
.bar i::before { content: ""; display: block; height: 100%; width: calc(var(--share) * 1%); border-radius: 2px;
  background: var(--bad); margin-left: auto } .bar i + i::before { background: var(--good); margin: 0 }
"""


def write_page(report: Report, path: Path) -> None:
    """Write the page."""
    write(render(report), path)


def render(report: Report) -> str:
    """The whole document, plotly included."""
    chart = (
        "z counts standard deviations of an hour's move between a book and its liquidation. Solid: engine on; dotted: "
        "its unguarded twin; a cross marks a book lost, a triangle a cut. Choose an account above the chart."
        f"{_band_text(report)}"
    )
    flows = (
        "All guarded accounts together: what the engine took from treasuries and healthy books, and whom it gave it "
        "to. Money never passes from one account to another."
    )
    table = (
        "“With” is the account with the engine on; “without” is the same account with it off. Costs are cuts, rewards "
        "and what liquidation took. An account that keeps its books stays in the market, one that lost them is out of "
        "it: after a fall without a rebound it may hold more. Collateral counts in equity at its haircut."
    )
    sections = [
        _head(report),
        *_parties(report),
        "<h2>Account by account</h2>",
        f"<p>{table}</p>",
        _table(report),
        _notes(report),
        "<h2>Distance to liquidation, and what the engine did about it</h2>",
        f"<p>{chart}</p>",
        embedded(accounts_figure(report), "accounts"),
        *_liquidations(report),
        *_freeze(report.freeze),
        *_pool(report),
        "<h2>Where the equity went</h2>",
        f"<p>{flows}</p>",
        embedded(flow_figure(report.rescues), "flows"),
        "<h2>The market</h2>",
        "<p>Price of each round that the feeds published, and the fast volatility the oracle made of it."
        f"{_band_text(report)}</p>",
        embedded(market_figure(report), "market"),
    ]
    return document(f"Ballast – {report.source}", sections, _STYLE)


# Words


def _head(report: Report) -> str:
    """The verdict and the figures behind it."""
    guarded = [account for account in report.accounts if account.guarded]
    alone = [account for account in report.accounts if not account.guarded]
    books = sum(len(account.holdings) for account in guarded)
    kept, kept_alone = (books - sum(len(account.lost) for account in group) for group in (guarded, alone))
    sales = report.liquidation.sales
    counted = (
        (f"{kept} of {books}", "books kept with the engine"),
        (f"{kept_alone} of {books}", "books kept without it"),
        (f"{len(report.rescues)}", "rebalances"),
        (f"{report.transfers}", "transfers of margin"),
        (f"{report.cuts}", "cuts of exposure"),
        (f"{sum(not sale.is_deficit for sale in sales)}", "sales in auctions"),
        (f"{sum(sale.is_deficit for sale in sales)}", "deficits that others bore"),
        *_share_fact(report),
        (f"{report.audit.blocks:,}", "audits, after each transaction"),
        (f"{report.conservation_error_wei} wei", "created or lost, of any token"),
    )
    worst = ", ".join(f"{symbol} {_fall(trace):+.0%}" for symbol, trace in report.prices.items())
    return (
        f"<h1>Ballast through {escape(report.source)}</h1>"
        f"<p>{escape(report.window)}: {clock(report.start)[:16]} to {clock(report.end)[:16]} UTC, "
        f"{report.rounds:,} oracle rounds; from high to later low: {worst}.</p>"
        f'<p class="lead">{_verdict(report)}</p>{facts(counted)}'
    )


def _verdict(report: Report) -> str:
    """Whether all that must hold did."""
    if report.broken:
        return marked(escape("; ".join(report.broken).capitalize() + "."), False)
    return (
        "Nothing was liquidated that its account could have cured, somebody bore every deficit, and custody covered "
        "what is owed, to the wei, after every transaction."
    )


def _share_fact(report: Report) -> list[tuple[str, str]]:
    prices = report.pool.prices.values
    return [(f"{prices[-1] / prices[0] - 1:+.2%}", "price of a pool share")] if prices else []


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
    rows = "".join(_row(*pair) for pair in pairs(report.accounts))
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _row(account: AccountResult, alone: AccountResult) -> str:
    """One guarded account, and its twin."""
    cells = [
        f"{escape(account.name)}<small>{escape(account.story)}</small>",
        escape(" + ".join([", ".join(account.holdings.values()), *account.collateral])),
        marked(len(account.lost), not account.lost),
        marked(len(alone.lost), not alone.lost),
        f"{account.min_z:.1f}",
        *(usd(value) for value in (account.moved, account.cut, account.costs, alone.costs)),
        *(usd(value) for value in (account.equity_start, account.equity_end, alone.equity_end)),
    ]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _pool(report: Report) -> list[str]:
    """What became of the pool."""
    if not report.pool.prices.values:
        return []
    return [
        "<h2>The pool, and one who joined it</h2>",
        listed(pool_lines(report.pool)),
        "<p>The pool takes the other side of every trade, keeps most of the fees, and is paid for cuts. Entry and exit "
        f"are counted at the worst of three prices, an hour after they were asked for.{_band_text(report)}</p>",
        embedded(pool_figure(report), "pool"),
    ]


def _liquidations(report: Report) -> list[str]:
    """What could not be saved, and who bore what was left."""
    liquidation = report.liquidation
    names = ("time, UTC", "account", "what", "to", "equity $", "share", "cost $", "penalty $", "insured $", "others $")
    head = "".join(f"<th>{name}</th>" for name in names)
    rows = "".join(map(_sale_row, liquidation.sales))
    table = f'<div class="scroll tall words"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    lines = [line for line, _ in liquidation_lines(liquidation)]
    words = (
        "Equity of the book, or worth of the collateral; how much of it was sold; what the account got less than that; "
        "the insurance's part of what the buyer saved; what the insurance paid; what others had to bear."
    )
    shown = [f"<p>{words}</p>", table] if liquidation.sales else []
    return ["<h2>What could not be saved</h2>", listed(lines), *shown]


def _sale_row(sale: Sale) -> str:
    words = (clock(sale.time)[:16], sale.account, sale.what, sale.buyer)
    figures = (sale.cost, sale.penalty, sale.insured, sale.spread)
    cells = (*map(escape, words), marked(usd(sale.equity), not sale.is_deficit), f"{sale.fraction:.0%}")
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in (*cells, *map(usd, figures))) + "</tr>"


def _parties(report: Report) -> list[str]:
    """Who won and who lost."""
    if not report.parties:
        return []
    most = max(1.0, *(abs(party.earned) for party in report.parties))
    head = "".join(f"<th>{name}</th>" for name in ("party", "", "$ at start", "at end", "earned"))
    rows = "".join(_party_row(party, most) for party in report.parties)
    table = f'<div class="scroll won"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    return ["<h2>Who won and who lost</h2>", table, listed(audit_lines(report.audit))]


def _party_row(party: Party, most: float) -> str:
    """One party; a bar to the left or to the right."""
    lost, won = (f'<i style="--share:{max(0.0, side) / most * 100:.1f}"></i>' for side in (-party.earned, party.earned))
    earned = marked(f"{party.earned:+,.0f}", party.earned >= 0)
    cells = (escape(party.name), f'<div class="bar">{lost}{won}</div>', usd(party.start), usd(party.end), earned)
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _freeze(freeze: FreezeResult | None) -> list[str]:
    """The market that was halted, and the books that were short of margin meanwhile."""
    if freeze is None:
        return []
    names = ("account", "book", "market", "lowest z", "rounds short", "what the engine could do")
    rows = "".join(
        f"<tr><td>{escape(book.account)}</td><td>{escape(book.text)}</td>"
        f"<td>{marked('halted', False) if book.halted else 'open'}</td><td>{book.min_z:.1f}</td>"
        f"<td>{book.short_rounds}</td><td>{marked(escape(book.outcome), book.is_served and not book.lost)}</td></tr>"
        for book in freeze.short
    )
    head = "".join(f"<th>{name}</th>" for name in names)
    table = f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    return [
        f"<h2>{escape(freeze.symbol)} halted in mid-crash</h2>",
        listed(freeze_lines(freeze)),
        *([table] if freeze.short else []),
    ]


def _band_text(report: Report) -> str:
    return f" Shaded: {escape(report.freeze.symbol)} was halted." if report.freeze else ""


def _notes(report: Report) -> str:
    """Books lost in spite of the engine, and accounts that took no part."""
    notes = [note(loss) for account in report.accounts if account.guarded for loss in account.lost]
    notes += [f"{name} took no part: it lacks {', '.join(missing)}" for name, missing in report.skipped.items()]
    return listed(notes)
