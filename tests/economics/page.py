"""The figures as the tables of docs/informed_trader.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ballast.params import WAD
from tests.economics.study import market
from tests.economics.tape import Charge
from tests.economics.trader import Exit

BPS = 10**14  # [wad]
MARKS = "<!-- {}: make economics -->\n", "<!-- end of {} -->\n"


def written(page: str, report: dict[str, Any]) -> str:
    """The page with the figures of a report between its marks."""
    days = report["days"]
    parts = {
        "comparison": comparison(days),
        "lead": ahead(report["ahead"]),
        "figures": "\n".join(
            (parameters(), sensitivity(report["sensitivity"]), before(days), honest(days), best(days))
        ),
    }
    for name, part in parts.items():
        begin, end = (mark.format(name) for mark in MARKS)
        head, rest = page.split(begin)
        page = f"{head}{begin}\n{part}\n{end}{rest.split(end)[1]}"
    return page


def comparison(days: dict[str, Any]) -> str:
    """What he takes of a pool that fills late, that prices age, that does both, and that does neither."""
    rows = []
    for name, day in days.items():
        after, at_once = day["after"], day["at once"]
        ways = at_once[Charge.BASE], at_once[Charge.AGE], after[Exit.ORDER], after[Exit.CUT_ASKED]
        rows.append((name, *(_bps(way) for way in ways)))
    return _table(("day", "neither", "age-priced fills alone", "two steps alone", "both, as cuts are"), rows)


def ahead(days: dict[str, Any]) -> str:
    """The same by the seconds that he is ahead."""
    ways = {"neither": Charge.BASE, "age-priced fills": Charge.AGE, "two steps": Exit.ORDER}
    rows = [
        (f"{name}, {label}", *(_bps(each[way]) for each in leads.values()))
        for name, leads in days.items()
        for label, way in ways.items()
    ]
    return _table(("day, way", *(f"{lead} s" for lead in next(iter(days.values())))), rows)


def parameters() -> str:
    """What the pool asks, as `params/` has it."""
    quote, fees = market().quote, market().fees
    rows = (
        ("half-spread", f"{quote.base_spread / BPS:g} bps", "× volatility, from the reference on"),
        ("its volatility cap", f"{quote.volatility_cap / WAD:g}", "times the reference"),
        ("deviation", f"{quote.deviation / BPS:g} bps", "more for a cut, less at a fresh price"),
        ("trading fee", f"{fees.base_fee / BPS:g} bps", "× volatility, of orders"),
        ("its volatility cap", f"{fees.volatility_cap / WAD:g}", "times the reference"),
        ("reference volatility", f"{quote.reference_volatility * 100 / WAD:g} %", "a year"),
    )
    return _table(("parameter", "value", ""), rows)


def sensitivity(days: dict[str, Any]) -> str:
    """What he would take if the pool asked for less."""
    rows = [
        (f"{name}, {way}", *(_bps(each[way]) for each in shares.values()))
        for name, shares in days.items()
        for way in (Exit.ORDER, Exit.CUT_ASKED)
    ]
    head = "If spread, deviation and fee were smaller, his best strategy would bring [bps of a position a day]:\n\n"
    return head + _table(("day, way", *next(iter(days.values()))), rows)


def before(days: dict[str, Any]) -> str:
    """What he took before the change, and what luck may bring him after it."""
    rows = []
    for name, day in days.items():
        old, new = day["before"], day["after"]
        highest = max((gain for way in new.values() for gain in way["gains"]), default=0.0)
        rows.append((name, day["rounds"], _bps(old[Exit.ORDER]), _bps(old[Exit.CUT_AT_ONCE]), f"{highest:,.0f}"))
    head = "Before the change; and after it, the best of all seeds:\n\n"
    return head + _table(("day", "rounds", "orders", "cuts at once", "after: best seed"), rows)


def honest(days: dict[str, Any]) -> str:
    """What the change costs others."""
    rows = []
    for name, day in days.items():
        old, new = day["honest before"], day["honest after"]
        figures = old["cost"], new["cost"], old["rate"], new["rate"], new["slippage"]
        basis = (f"{figure * 10_000:,.0f}" for figure in figures)
        rows.append((name, f"{new['cuts']:.1f}", *basis, f"{old['lost']:.1%}", f"{new['lost']:.1%}"))
    head = "day", "cuts", "cost, before", "after", "rate, before", "after", "slippage", "lost, before", "after"
    return "And the honest accounts:\n\n" + _table(head, rows)


def best(days: dict[str, Any]) -> str:
    """By which strategy."""
    rows = [
        (name, each["strategy"], f"{each['trips']:,.0f}", _bps(each))
        for name, day in days.items()
        for each in (*day["after"].values(), *day["at once"].values())
    ]
    return "His best strategies:\n\n" + _table(("day", "strategy", "trips a day", "brings"), rows)


def _bps(way: dict[str, Any]) -> str:
    return f"{way['mean']:,.0f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    titles, *lines = ("| " + " | ".join(map(str, row)) + " |\n" for row in (head, *rows))
    return "".join((titles, "|---|" + "--:|" * (len(head) - 1) + "\n", *lines))
