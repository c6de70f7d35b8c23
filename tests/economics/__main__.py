"""`python -m tests.economics`: play every day there is and write the figures of docs/informed_trader.md.

Real days are read from the folder that BALLAST_PRICES names, else from ../shared/data/ohlc_1m if it is there.
"""

from __future__ import annotations

import json
import os
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any

from ballast.chain.abi import ROOT
from tests.economics import page
from tests.economics.paths import generated_day, price_files, real_day
from tests.economics.study import SEEDS, ahead, sensitivity, study
from tests.economics.trader import strategies

FOLDER = Path(os.environ.get("BALLAST_PRICES", ROOT.parent / "shared" / "data" / "ohlc_1m"))
FIGURES = ROOT / "tests" / "economics" / "informed_trader.json"
PAGE = ROOT / "docs" / "informed_trader.md"
VARIED = "generated", "2020-03_covid_ETH", "2025-10_adl_ETH"  # days whose parameters are varied
LEAD = VARIED[:2]  # days whose feed is


def main() -> None:
    """Play and write."""
    days = {"generated": generated_day(), **{name: real_day(path) for name, path in price_files(FOLDER).items()}}
    if len(days) == 1:
        print(f"no price files in {FOLDER}: the generated day only")
    tried = strategies()
    varied, lead = ({name: days[name] for name in names if name in days} for names in (VARIED, LEAD))
    figures: dict[str, Any] = {}
    with ProcessPoolExecutor() as pool:
        played = pool.map(study, days.values(), repeat(tried))
        leads = pool.map(ahead, lead.values(), repeat(tried))
        shares = pool.map(sensitivity, varied.values(), repeat(tried))
        for name, day in zip(days, played, strict=True):
            figures[name] = day
            ways = {**day["after"], **day["at once"]}
            print(name, *(f"{way}: {each['mean']:,.0f} bps" for way, each in ways.items()), sep="; ", flush=True)
        report = {
            "seeds": SEEDS,
            "strategies": len(tried),
            "days": figures,
            "ahead": dict(zip(lead, leads, strict=True)),
            "sensitivity": dict(zip(varied, shares, strict=True)),
        }
    FIGURES.write_text(json.dumps(report, indent=1) + "\n")
    PAGE.write_text(page.written(PAGE.read_text(), report))


if __name__ == "__main__":
    main()
