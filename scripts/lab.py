"""`ape run lab`: price histories replayed over many accounts, under several rules side by side."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from ballast import params as params_
from ballast.cli import ballast_command
from ballast.lab import files, one, page, table
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
from ballast.lab.rules import RULES
from ballast.lab.study import Study
from ballast.lab.world import Settings

OUTPUT = Path("build/lab")
CAPS = (0, 1_000, 10_000)  # [bps] beside the policy's own
ALONE = 1_000.0  # depth of the markets in which one account is replayed


@click.command(context_settings={"show_default": True, "auto_envvar_prefix": "LAB"})
@prices_options
@click.option("--account", "mine", help="One account: its id on a chain, or a CSV file of accounts.")
@click.option("--policy", "policies", multiple=True, help="A policy file, beside the other rules. May be repeated.")
@click.option("--rule", "rules", multiple=True, type=click.Choice(list(RULES)), help="Only these rules.")
@accounts_options(accounts=500, seeds=3)
@click.option("--frontier/--no-frontier", default=True, help="The engine with other caps on flows into a book, too.")
@world_options(depth=f"{Settings.depth:g}, with --account {ALONE:g}")
@click.option("--output", default=OUTPUT, type=Path, help="Where index.html, summary.json and the tables go.")
@jobs_option
@ballast_command
def cli(**options: Any) -> None:
    """Ask what rules of margin would have done to accounts in a week of prices.

    Windows are replayed under isolated margin, fixed weights, pro-rata maintenance, cross margin, and Ballast without
    and with cuts; then come a table, a page of plots, summary.json, and tables as Parquet and CSV. The first day of
    prices only warms the volatility up.

    \b
    ape run lab
    ape run lab --prices ../data/2020-03_covid --prices ../data/2022-11_ftx --accounts 2000
    ape run lab --prices ../data/2020-03_covid --account mine.csv --policy careful.yaml
    ape run lab --prices ../data/2020-03_covid --account 7 --network ethereum:local:foundry
    """
    console = Console()
    if not options["prices"]:
        click.echo(GENERATED_TEXT.format("lab"))
    jobs, output, mine = options.pop("jobs"), options.pop("output"), options["mine"]
    study = _study(**options)
    if mine is None:
        make(output)
    report = with_progress(console, study.run, jobs)
    if mine is not None:
        show(console, one.render(report))
        return
    files.write(report, output)
    page.write_page(report, output / "index.html")
    show(console, table.render(report))
    click.echo(f"{report.seconds:.0f} s. Plots: {output / 'index.html'}  Figures: {output / 'summary.json'}")


def _study(
    prices: tuple[str, ...],
    start: datetime | None,
    end: datetime | None,
    mine: str | None,
    policies: tuple[str, ...],
    rules: tuple[str, ...],
    seeds: int,
    frontier: bool,
    deviation: str,
    heartbeat: str,
    latency: str,
    delay: int,
    gas_price: float,
    depth: float | None,
    params_file: Path,
    **accounts: Any,
) -> Study:
    """What was asked for."""
    params = params_.load(params_file)
    feed = feed_of(deviation, heartbeat, latency)
    depth = (Settings.depth if mine is None else ALONE) if depth is None else depth
    settings = Settings(delay=delay, gas_price=gas_price, depth=depth)
    windows = windows_of(prices, start, end)
    holdings, setup = holdings_of(mine, seeds, **accounts)
    return Study(
        sources=windows,
        rules=[*(rules or RULES), *policies],
        holdings=holdings,
        seeds=setup.seeds,
        params=params,
        setup=replace(setup, facts=facts_of(feed, settings, windows)),
        caps=CAPS if frontier and mine is None else (),
        feed=feed,
        settings=settings,
    )


if __name__ == "__main__":
    cli()
