"""`ape run sensitivity`: what the results of the lab hang on, one assumption about the world at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from ballast import params as params_
from ballast.cli import ballast_command
from ballast.lab import sensitivity_files, sensitivity_page, sensitivity_table
from ballast.lab.command import (
    GENERATED_TEXT,
    accounts_options,
    facts_of,
    feed_of,
    holdings_of,
    jobs_option,
    make,
    prices_options,
    show,
    windows_of,
    with_progress,
    world_options,
)
from ballast.lab.sensitivity import AXES, Assumed, Sensitivity
from ballast.lab.world import Settings

OUTPUT = Path("build/sensitivity")


@click.command(context_settings={"show_default": True, "auto_envvar_prefix": "SENSITIVITY"})
@prices_options
@accounts_options(accounts=300, seeds=2)
@world_options(depth=f"{Settings.depth:g}")
@click.option(
    "--axis", "axes", multiple=True, type=click.Choice([axis.name for axis in AXES]), help="Only these assumptions."
)
@click.option("--output", default=OUTPUT, type=Path, help="Where index.html, sensitivity.json and .md go.")
@jobs_option
@ballast_command
def cli(**options: Any) -> None:
    """Ask at which delay of keepers, deviation of feeds, gas price, depth of the pool … the promise breaks.

    Windows are replayed under isolated margin, cross margin and Ballast, with one assumption at a time changed and the
    others as the options say. Then come a table, a page of plots, and sensitivity.json.

    \b
    ape run sensitivity
    ape run sensitivity --prices ../data/2020-03_covid --prices ../data/2025-10_adl
    ape run sensitivity --prices ../data/2020-03_covid --axis delay --axis depth --accounts 2000
    """
    console = Console()
    if not options["prices"]:
        click.echo(GENERATED_TEXT.format("sensitivity"))
    jobs, output = options.pop("jobs"), options.pop("output")
    sensitivity = _sensitivity(**options)
    make(output)
    found = with_progress(console, sensitivity.run, jobs)
    sensitivity_files.write(found, output)
    sensitivity_page.write_page(found, output / "index.html")
    show(console, sensitivity_table.render(found))
    click.echo(f"{found.seconds:.0f} s. Plots: {output / 'index.html'}  Figures: {output / 'sensitivity.json'}")


def _sensitivity(
    prices: tuple[str, ...],
    start: datetime | None,
    end: datetime | None,
    seeds: int,
    deviation: str,
    heartbeat: str,
    latency: str,
    delay: int,
    gas_price: float,
    depth: float | None,
    params_file: Path,
    axes: tuple[str, ...],
    **accounts: Any,
) -> Sensitivity:
    """What was asked for."""
    settings = Settings(delay=delay, gas_price=gas_price, depth=Settings.depth if depth is None else depth)
    assumed = Assumed(feed_of(deviation, heartbeat, latency), settings)
    windows = windows_of(prices, start, end)
    holdings, setup = holdings_of(None, seeds, **accounts)
    return Sensitivity(
        sources=windows,
        holdings=holdings,
        seeds=setup.seeds,
        params=params_.load(params_file),
        setup=replace(setup, facts=facts_of(assumed.feed, assumed.settings, windows)),
        assumed=assumed,
        axes=[axis for axis in AXES if not axes or axis.name in axes],
    )


if __name__ == "__main__":
    cli()
