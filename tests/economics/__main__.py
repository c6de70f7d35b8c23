"""`python -m tests.economics`: play every day there is and write the figures of docs/informed_trader.md.

Real days are read from the folder that BALLAST_PRICES names, else from ../shared/data/ohlc_1m if it is there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ballast.chain.abi import ROOT
from ballast.params import WAD
from tests.economics.paths import generated_day, price_files, real_day
from tests.economics.study import SEEDS, market, sensitivity, study
from tests.economics.trader import Exit, strategies

FOLDER = Path(os.environ.get("BALLAST_PRICES", ROOT.parent / "shared" / "data" / "ohlc_1m"))
FIGURES = ROOT / "tests" / "economics" / "informed_trader.json"
PAGE = ROOT / "docs" / "informed_trader.md"
SENSITIVE = "generated", "2020-03_covid_ETH", "2025-10_adl_ETH"  # days whose parameters are varied
BPS = 10**14  # [wad]
BEGIN, END = "<!-- figures: make economics -->", "<!-- end of figures -->"


def main() -> None:
    """Play and write."""
    days = {"generated": generated_day(), **{name: real_day(path) for name, path in price_files(FOLDER).items()}}
    if len(days) == 1:
        print(f"no price files in {FOLDER}: the generated day only")
    tried = strategies()
    figures: dict[str, Any] = {}
    for name, bars in days.items():
        figures[name] = study(bars, tried)
        print(name, *(f"{way}: {each['mean']:,.0f} bps" for way, each in figures[name]["after"].items()), flush=True)
    less = {name: sensitivity(days[name], tried) for name in SENSITIVE if name in days}
    report = {"seeds": SEEDS, "strategies": len(tried), "days": figures, "sensitivity": less}
    FIGURES.write_text(json.dumps(report, indent=1) + "\n")
    head, rest = PAGE.read_text().split(BEGIN)
    PAGE.write_text(head + BEGIN + "\n" + parameters() + asked(less) + tables(figures) + END + rest.split(END)[1])


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
    return "\n".join(["", *_header(("parameter", "value", "")), *(_row(*row) for row in rows)]) + "\n"


def asked(less: dict[str, Any]) -> str:
    """What he would take if the pool asked for less."""
    lines = [
        "",
        "If spread, deviation and fee were smaller, his best strategy would bring [bps of a position a day]:",
        "",
    ]
    lines += _header(("day, way", *next(iter(less.values()))))
    for day, shares in less.items():
        for way in (Exit.ORDER, Exit.CUT_ASKED):
            lines.append(_row(f"{day}, {way}", *(f"{each[way]['mean']:,.0f}" for each in shares.values())))
    return "\n".join(lines) + "\n"


def tables(days: dict[str, Any]) -> str:
    """The figures as tables."""
    head = (
        "day",
        "rounds",
        "before: orders",
        "before: cuts at once",
        "after: orders",
        "after: cuts asked for",
        "best seed",
    )
    lines = ["", *_header(head)]
    for name, day in days.items():
        before, after = day["before"], day["after"]
        ways = before[Exit.ORDER], before[Exit.CUT_AT_ONCE], after[Exit.ORDER], after[Exit.CUT_ASKED]
        highest = max((gain for way in ways[2:] for gain in way["gains"]), default=0.0)
        lines.append(_row(name, day["rounds"], *(f"{way['mean']:,.0f}" for way in ways), f"{highest:,.0f}"))

    head = "day", "cuts", "cost, before", "after", "rate, before", "after", "slippage", "lost, before", "after"
    lines += ["", "And the honest accounts:", "", *_header(head)]
    for name, day in days.items():
        old, new = day["honest before"], day["honest after"]
        figures = old["cost"], new["cost"], old["rate"], new["rate"], new["slippage"]
        basis = (f"{figure * 10_000:,.0f}" for figure in figures)
        lines.append(_row(name, f"{new['cuts']:.1f}", *basis, f"{old['lost']:.1%}", f"{new['lost']:.1%}"))

    lines += ["", "The best strategies after the change, by seed [bps of one position's notional]:", ""]
    for name, day in days.items():
        for each in day["after"].values():
            gains = ", ".join(f"{gain:,.0f}" for gain in each["gains"])
            lines.append(f"- {name}: {each['strategy']}; {each['trips']:.0f} trips a day: {gains}")
    return "\n".join(lines) + "\n"


def _header(names: Sequence[str]) -> tuple[str, str]:
    return _row(*names), "|---|" + "--:|" * (len(names) - 1)


def _row(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    main()
