"""`ape run lab`: price histories replayed over many accounts, under several rules side by side."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click
from ape import networks
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ballast import params as params_
from ballast.cli import ballast_command, connect, manifest_option
from ballast.lab import accounts as accounts_
from ballast.lab import files, one, page, table
from ballast.lab.population import KINDS, LEVERAGE
from ballast.lab.report import Report, Setup
from ballast.lab.rules import RULES
from ballast.lab.study import Drawn, Holdings, Study
from ballast.lab.windows import GENERATED, FeedSettings, sources
from ballast.lab.world import Settings

OUTPUT = Path("build/lab")
CAPS = (0, 1_000, 10_000)  # [bps] beside the policy's own
CHAIN = "chain"
ALONE = 1_000.0  # depth of the markets in which one account is replayed
GENERATED_TEXT = "Prices: generated paths, not market data. For real ones: make lab PRICES=<prefixes of CSV files>"


@click.command(context_settings={"show_default": True, "auto_envvar_prefix": "LAB"})
@click.option(
    "--prices",
    multiple=True,
    envvar="PRICES",
    help="A window: prefix of <PREFIX>_BTC.csv, <PREFIX>_ETH.csv …, or BTC=FILE,ETH=FILE of bars or rounds. May be "
    "given several times; else generated paths.",
)
@click.option("--account", "mine", help="One account: its id on a chain, or a CSV file of accounts.")
@click.option("--policy", "policies", multiple=True, help="A policy file, beside the other rules. May be repeated.")
@click.option("--rule", "rules", multiple=True, type=click.Choice(list(RULES)), help="Only these rules.")
@click.option("--population", default="mixed", help=f"{', '.join(KINDS)}, a CSV file, or {CHAIN}: all on a chain.")
@click.option("--accounts", default=500, type=click.IntRange(1), help="How many, of a named population.")
@click.option("--leverage", nargs=2, type=float, default=LEVERAGE, help="Of books, least and most.")
@click.option("--seeds", default=3, type=click.IntRange(1, 1_000), help="How many draws of accounts (and paths).")
@click.option("--frontier/--no-frontier", default=True, help="The engine with other caps on flows into a book, too.")
@click.option("--deviation", default="0.5 %", help="Move that makes a feed publish.")
@click.option("--heartbeat", default="1 h", help="Silence after which a feed publishes.")
@click.option("--latency", default="0 s", help="From what a round says until it lands.")
@click.option("--delay", default=1, type=click.IntRange(0), help="Blocks of 12 s from a call to its keeper.")
@click.option("--gas-price", default=2.0, help="Gwei.")
@click.option(
    "--depth",
    type=float,
    help="The pool's money and insurance, over those of markets at their caps.  [default: "
    f"{Settings.depth:g}, with --account {ALONE:g}]",
)
@click.option("--params", "params_file", default=params_.DEFAULT, type=Path, help="Parameters file.")
@click.option("--output", default=OUTPUT, type=Path, help="Where index.html, summary.json and the tables go.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default="all cores", type=click.IntRange(1))
@click.option("--network", help="Of the chain that accounts are read from, as ethereum:local:foundry.")
@manifest_option
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
        click.echo(GENERATED_TEXT)
    study = _study(**options)
    report = _run(console, study, options["jobs"])
    if options["mine"] is not None:
        _wide(console).print(one.render(report))
        return
    output: Path = options["output"]
    files.write(report, output)
    page.write_page(report, output / "index.html")
    _wide(console).print(table.render(report))
    click.echo(f"{report.seconds:.0f} s. Plots: {output / 'index.html'}  Figures: {output / 'summary.json'}")


def _study(
    prices: tuple[str, ...],
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
    **options: Any,
) -> Study:
    """What was asked for."""
    params = params_.load(params_file)
    feed = FeedSettings(params_.parse_bps(deviation), params_.parse_seconds(heartbeat), params_.parse_seconds(latency))
    depth = (Settings.depth if mine is None else ALONE) if depth is None else depth
    settings = Settings(delay=delay, gas_price=gas_price, depth=depth)
    holdings, setup = _holdings(mine, seeds, **options)
    facts = {
        "feed": f"a round after a move of {deviation} or {heartbeat}, landing after {latency}",
        "keepers": f"{delay} block{'' if delay == 1 else 's'} of 12 s late",
        "gas": f"{gas_price:g} gwei",
        "pool and insurance": f"{depth:g} × those of full markets",
        "bidders": f"want {settings.profit:.2%} of what they buy, beyond their costs",
    }
    return Study(
        sources=sources(prices or list(GENERATED)),
        rules=[*(rules or RULES), *policies],
        holdings=holdings,
        seeds=setup.seeds,
        params=params,
        setup=Setup(setup.population, setup.accounts, setup.leverage, setup.seeds, facts),
        caps=CAPS if frontier and mine is None else (),
        feed=feed,
        settings=settings,
    )


def _holdings(
    mine: str | None,
    seeds: int,
    population: str,
    accounts: int,
    leverage: tuple[float, float],
    network: str | None,
    manifest: Path | None,
    **_: Any,
) -> tuple[Holdings, Setup]:
    """The accounts, and how they are told."""
    drawn = tuple(range(1, seeds + 1))
    if mine is None and population in KINDS:
        return Drawn(population, accounts, leverage), Setup(population, accounts, leverage, drawn)
    given = population if mine is None else mine
    if given.isdigit() or given == CHAIN:
        with networks.parse_network_choice(network) if network else nullcontext():
            held = accounts_.on_chain(connect(manifest), int(given) if given.isdigit() else None)
    elif Path(given).suffix:
        held = accounts_.read(Path(given))
    else:
        option, expected = "--population", f"one of {', '.join(KINDS)}, a CSV file or {CHAIN}"
        if mine is not None:
            option, expected = "--account", "an id or a CSV file"
        raise click.BadParameter(f"{given!r}: expected {expected}", param_hint=option)
    return held, Setup(held.source, len(held.holdings), held.leverage, drawn[:1] if mine else drawn)


def _run(console: Console, study: Study, jobs: int) -> Report:
    """Replay with a progress bar."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("reading prices", total=None)
        return study.run(lambda what, done, all_: bar.update(task, description=what, completed=done, total=all_), jobs)


def _wide(console: Console) -> Console:
    return Console(width=max(table.WIDTH, console.width))


if __name__ == "__main__":
    cli()
