"""What a run found out, in sentences: for the terminal and the page alike."""

from __future__ import annotations

from datetime import UTC, datetime

from ballast.demo.report import AuditResult, BookInFreeze, FreezeResult, LiquidationResult, Loss, PoolResult


def clock(time: int) -> str:
    """A time as the market wrote it."""
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S} UTC"


def usd(amount: float) -> str:
    """Whole dollars."""
    return f"{amount:,.0f}"


def note(loss: Loss) -> str:
    """Why a guarded account lost a book, in numbers."""
    return f"{loss.account} lost its {loss.symbol} book at {clock(loss.time)} (z {loss.z:.2f}): {loss.why}"


def pool_lines(pool: PoolResult) -> list[str]:
    """What became of the pool, and of one who joined it for a while."""
    prices = pool.prices.values
    change = prices[-1] / prices[0] - 1
    moved = f"; its own account was rebalanced {pool.rebalances} times" if pool.rebalances else ""
    lines = [
        f"The pool {'earned' if pool.earned >= 0 else 'lost'} ${usd(abs(pool.earned))}: a share went from "
        f"${prices[0]:.6f} to ${prices[-1]:.6f} ({change:+.3%}), at the lowest ${min(prices):.6f}{moved}."
    ]
    if entry := pool.entry:
        lines.append(
            f"A liquidity provider asked to enter at {clock(entry.asked)} and was in at {clock(entry.executed)}: "
            f"${usd(entry.assets)} at ${entry.price:.6f} a share."
        )
    for leaving in pool.exits:
        lines.append(
            f"It asked to leave at {clock(leaving.asked)} and was out at {clock(leaving.executed)}: "
            f"${usd(leaving.assets)} at ${leaving.price:.6f} a share."
        )
    if pool.gain is not None:
        lines.append(f"It {'gained' if pool.gain >= 0 else 'lost'} {abs(pool.gain):.3%}.")
    return lines


def liquidation_lines(liquidation: LiquidationResult) -> list[tuple[str, str]]:
    """What had to be sold, who bore what was left, and what nobody bears: each with a style."""
    sales = liquidation.sales
    deficits = [sale for sale in sales if sale.is_deficit]
    lines = [
        f"{liquidation.auctions} auctions were opened. {liquidation.cured} times the account's own rescue, which the "
        "liquidator's call runs first, made one needless.",
        f"{len(sales) - len(deficits)} sales took ${usd(liquidation.total('cost'))} off their accounts; the insurance "
        f"got ${usd(liquidation.total('penalty'))} of what their buyers saved.",
        f"The liquidator closed by orders what it bought; at the end it held ${usd(liquidation.held)} of books.",
        f"{len(deficits)} deficits: the insurance paid ${usd(liquidation.total('insured'))}, the other side of their "
        f"markets or the lenders bore ${usd(liquidation.total('spread'))}.",
    ]
    found = [(line, "") for line in lines]
    if liquidation.unassigned or liquidation.known:
        return [*found, (f"${liquidation.unassigned:,.6f} OF DEFICITS THAT NOBODY BEARS", "bold red")]
    return [*found, ("No deficit is unassigned.", "")]


def audit_lines(audit: AuditResult) -> list[str]:
    """Whether everything that somebody owns is there, and whether all of it adds up."""
    covered = f"{audit.short_wei} WEI WERE MISSING" if audit.short_wei else "custody covered what is owed to the wei"
    model = "came out equal to the wei: nothing was liquidated that it could have cured"
    if audit.differences:
        model = f"CAME OUT OTHERWISE {audit.differences} TIMES, first: {audit.first[0]}"
    return [
        f"After each of {audit.blocks:,} transactions {covered}.",
        f"The integer model took {audit.modelled:,} of them, every liquidation among them, and {model}.",
        "What one loses another wins: all together won what their collateral did by its price, to "
        f"{abs(audit.created_wei):,} wei.",
    ]


def freeze_lines(freeze: FreezeResult) -> list[str]:
    """What happened to the market, and to the books in it and beside it."""
    fall = f"in the hour in which it fell by {freeze.fall:.0%}"
    refusals = ", ".join(f"{who} was refused (“{reason}”)" for who, reason in freeze.refused.items())
    return [
        f"At {clock(freeze.start)}, {fall}, the guardian halted {freeze.symbol}; the other markets went on.",
        f"Nobody could open it again at once: {refusals}.",
        _reopening(freeze),
        _meanwhile(freeze.group(True), f"in {freeze.symbol}"),
        _meanwhile(freeze.group(False), "elsewhere"),
        "A book in a halted market can be reduced and cut, but not filled, and gives nothing: what would have been a "
        "transfer becomes a cut. The unguarded twins feel nothing of it, for no engine serves them anyway.",
    ]


def _reopening(freeze: FreezeResult) -> str:
    """How it was opened again."""
    delay = f"{freeze.delay // 60} minutes here, days on a live network"
    if freeze.end is None:
        return f"The prices ended before the timelock (its delay: {delay}) could open it."
    proposed, end = clock(freeze.proposed or 0), clock(freeze.end)
    return f"Opening it was proposed to the timelock at {proposed} and executed at {end} (its delay: {delay})."


def _meanwhile(books: list[BookInFreeze], where: str) -> str:
    """What became of some books while the market was halted."""
    short = [book for book in books if book.is_short]
    filled, cut = sum(book.filled >= 1 for book in short), sum(book.cut >= 1 for book in short)
    lost, given = sum(book.lost for book in books), sum(book.given for book in books)
    taken = f"; ${usd(given)} were taken out of books there for others" if given >= 1 else ""
    return (
        f"Of {len(books)} guarded books {where} {len(short)} fell short of margin meanwhile: {filled} were filled, "
        f"{cut} cut, {lost} lost{taken}."
    )
