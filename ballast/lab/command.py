"""What the commands of the lab share: their options, what these mean, and a progress bar."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
from ape import networks
from ape.exceptions import ApeException
from click.core import ParameterSource
from rich.console import Console, Group
from rich.measure import Measurement
from rich.table import Table

from ballast import params as params_
from ballast.cli import connect, manifest_option
from ballast.lab import accounts as accounts_
from ballast.lab import jobs as jobs_
from ballast.lab import progress
from ballast.lab.accounts import Held
from ballast.lab.jobs import Holdings
from ballast.lab.population import KINDS, LEVERAGE
from ballast.lab.report import Setup
from ballast.lab.study import Drawn
from ballast.lab.windows import GENERATED, FeedSettings, Source, sources
from ballast.lab.world import Settings

CHAIN = "chain"
VAST = 10_000  # columns, more than any table has
GENERATED_TEXT = "Prices: generated paths, not market data. For real ones: make {} PRICES=<prefixes of CSV files>"

Command = Callable[..., Any]
Result = TypeVar("Result")

MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"])  # UTC


def prices_options(command: Command) -> Command:
    """Which prices are replayed."""
    return _all(
        click.option(
            "--prices",
            multiple=True,
            envvar="PRICES",
            help="A window: prefix of <PREFIX>_BTC.csv, <PREFIX>_ETH.csv …, or BTC=FILE,ETH=FILE of bars or rounds. "
            "May be given several times; else generated paths.",
        ),
        click.option(
            "--start",
            type=MOMENT,
            metavar="TIME",
            help='Read files from then on, as 2020-03-05 or "2020-03-05 12:00" (UTC); the first day only warms up.',
        ),
        click.option("--end", type=MOMENT, metavar="TIME", help="Read files up to then."),
    )(command)


def accounts_options(accounts: int, seeds: int) -> Callable[[Command], Command]:
    """Whose accounts are replayed, and how many by default."""
    return _all(
        click.option(
            "--population", default="mixed", help=f"{', '.join(KINDS)}, a CSV file, or {CHAIN}: all on a chain."
        ),
        click.option("--accounts", default=accounts, type=click.IntRange(1), help="How many, of a named population."),
        click.option("--leverage", nargs=2, type=float, default=LEVERAGE, help="Of books, least and most."),
        click.option("--seeds", default=seeds, type=click.IntRange(1, 1_000), help="Draws of accounts (and paths)."),
        click.option("--network", help="Of the chain that accounts are read from, as ethereum:local:foundry."),
        manifest_option,
    )


def world_options(depth: str) -> Callable[[Command], Command]:
    """What is assumed of feeds, keepers and pool; `depth` says what its default is."""
    return _all(
        click.option("--deviation", default="0.5 %", help="Move that makes a feed publish."),
        click.option("--heartbeat", default="1 h", help="Silence after which a feed publishes."),
        click.option("--latency", default="0 s", help="From what a round says until it lands."),
        click.option("--delay", default=1, type=click.IntRange(0), help="Blocks of 12 s from a call to its keeper."),
        click.option("--gas-price", default=2.0, help="Gwei."),
        click.option(
            "--depth",
            type=float,
            help=f"The pool's money and insurance, over those of markets at their caps.  [default: {depth}]",
        ),
        click.option("--params", "params_file", default=params_.DEFAULT, type=Path, help="Parameters file."),
    )


def jobs_option(command: Command) -> Command:
    """On how many cores."""
    option = click.option("--jobs", default=os.cpu_count() or 1, show_default="all cores", type=click.IntRange(1))
    return option(command)


def feed_of(deviation: str, heartbeat: str, latency: str) -> FeedSettings:
    """What options say of feeds."""
    return FeedSettings(params_.parse_bps(deviation), params_.parse_seconds(heartbeat), params_.parse_seconds(latency))


def windows_of(prices: Sequence[str], start: datetime | None, end: datetime | None) -> list[Source]:
    """What options say of prices."""
    if start and end and end <= start:
        raise click.BadParameter(f"{end}: expected later than {start}, the --start", param_hint="--end")
    first, last = (None if time is None else int(time.replace(tzinfo=UTC).timestamp()) for time in (start, end))
    if not prices and (start or end):
        raise click.UsageError("--start, --end: generated paths are taken whole; expected --prices beside them")
    return sources(prices or list(GENERATED), first or 0, last)


def facts_of(feed: FeedSettings, settings: Settings, windows: Sequence[Source]) -> dict[str, str]:
    """What was assumed, in words."""
    late, real = settings.delay, [source.has_rounds() for source in windows]
    published = (
        f"a round after a move of {feed.deviation_bps / 100:g} % or {feed.heartbeat / 3_600:g} h, landing after "
        f"{feed.latency} s"
    )
    return {
        "feed": "rounds as they were published" if all(real) else published + "; real rounds as they were" * any(real),
        "keepers": f"{late} block{'' if late == 1 else 's'} of 12 s late",
        "gas": f"{settings.gas_price:g} gwei",
        "pool and insurance": f"{settings.depth:g} × those of full markets",
        "bidders": f"want {settings.profit:.2%} of what they buy, beyond their costs",
    }


def holdings_of(
    mine: str | None,
    seeds: int,
    population: str,
    accounts: int,
    leverage: tuple[float, float],
    network: str | None,
    manifest: Path | None,
) -> tuple[Holdings, Setup]:
    """The accounts, and how they are told; `mine` is one account: its id, or a file."""
    drawn = tuple(range(1, seeds + 1))
    if mine is None and population in KINDS:
        return Drawn(population, accounts, leverage), Setup(population, accounts, leverage, drawn)
    given = population if mine is None else mine
    if given.isdigit() or given == CHAIN:
        held = _on_chain(None if given == CHAIN else int(given), network, manifest)
    elif Path(given).suffix:
        held = accounts_.read(Path(given))
    else:
        option, expected = "--population", f"one of {', '.join(KINDS)}, a CSV file or {CHAIN}"
        if mine is not None:
            option, expected = "--account", "an id or a CSV file"
        raise click.BadParameter(f"{given!r}: expected {expected}", param_hint=option)
    _refuse("accounts that are not drawn", "accounts", "leverage")
    if mine is not None:
        _refuse("--account, which is answered in the terminal", "population", "seeds", "output")
    names = [holding.name for holding in held.holdings]
    return held, Setup(held.source, len(names), held.leverage, drawn[:1] if mine else drawn, names=names)


def _on_chain(account: int | None, network: str | None, manifest: Path | None) -> Held:
    """Accounts as they stand there."""
    try:
        with networks.parse_network_choice(network) if network else nullcontext():
            return accounts_.on_chain(connect(manifest), account)
    except ApeException as problem:
        reason = " ".join(str(problem).split())
        raise click.BadParameter(f"{network or 'no network'}: {reason}", param_hint="--network") from None


def _refuse(beside: str, *names: str) -> None:
    """Options that were given and would say nothing are not passed over."""
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name} says nothing with {beside}: leave it out")


def make(output: Path) -> None:
    """The folder, before anything is replayed for it."""
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise click.BadParameter(f"{output}: {problem.strerror}; expected a folder", param_hint="--output") from None


def with_progress(console: Console, run: Callable[[jobs_.Progress, int], Result], jobs: int) -> Result:
    """Replay, and say how far it is."""
    try:
        with progress.shown(console, partial(click.echo, err=True)) as tell:
            return run(tell, jobs)
    except BrokenProcessPool:
        text = "a process of the lab was ended from outside, perhaps for want of memory: fewer --accounts or --jobs"
        raise click.ClickException(text) from None


def show(console: Console, found: Group) -> None:
    """Print it as wide as its tables are: a cell that is cut off says nothing."""
    vast = Console(width=VAST)
    tables = [each for each in found.renderables if isinstance(each, Table)]
    widths = [Measurement.get(vast, vast.options, each).maximum for each in tables]
    Console(width=max(console.width, *widths)).print(found)


def _all(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Options in the order in which `--help` lists them."""

    def decorated(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorated
