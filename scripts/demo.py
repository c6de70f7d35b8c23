"""`ape run demo`: a crash walked through the protocol on a node of its own, with and without the engine."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from ballast import params as params_
from ballast.cli import ballast_command
from ballast.demo import page, run, table
from ballast.demo.report import Report, write_summary
from ballast.history import bars, generate

OUTPUT = Path("build/demo")


@click.command(context_settings={"show_default": True, "auto_envvar_prefix": "DEMO"})
@click.option(
    "--prices",
    "prefix",
    envvar="PRICES",
    help="Minute bars <PREFIX>_BTC.csv, <PREFIX>_ETH.csv …; else a generated crash.",
)
@click.option("--full", is_flag=True, envvar="FULL", help="Everything after the first day, not the worst hours alone.")
@click.option("--hours", default=36, type=click.IntRange(1, 24 * 365), help="How many of the worst hours.")
@click.option("--freeze/--no-freeze", default=True, help="Whether the guardian halts a market in mid-crash.")
@click.option("--params", "params_file", default=params_.DEFAULT, type=Path, help="Parameters file.")
@click.option("--output", default=OUTPUT, type=Path, help="Where index.html and summary.json go.")
@ballast_command
def cli(prefix: str | None, full: bool, hours: int, freeze: bool, params_file: Path, output: Path) -> None:
    """Replay a crash on a local node: the same accounts with the engine on and off.

    Starts an Anvil of its own on a free port, deploys the protocol, opens a roster of accounts twice (guarded and
    not), publishes the prices as a feed would, runs the keeper, and ends with a table, a page of plots and
    summary.json. The first day of the prices only warms the volatility up.

    \b
    ape run demo
    ape run demo --prices ../data/2020-03_covid --full
    """
    console = Console()
    report = _replay(console, _window(prefix, full, hours), params_.load(params_file), freeze)
    report.source = Path(prefix).name if prefix else generate.LABEL
    write_summary(report, output / "summary.json")
    page.write_page(report, output / "index.html")
    wide = Console(width=max(table.WIDTH, console.width))
    wide.print(table.render(report))
    wide.print(f"{report.seconds:.0f} s. Plots: {output / 'index.html'}  Figures: {output / 'summary.json'}")
    if report.broken:
        raise click.ClickException("; ".join(report.broken))


def _window(prefix: str | None, full: bool, hours: int) -> bars.Window:
    """The prices to replay."""
    if not prefix:
        click.echo(f"Prices: {generate.LABEL}. For real ones: make demo PRICES=<prefix of CSV files>")
        return generate.crash()
    history = bars.load(prefix)
    return bars.whole(history, prefix) if full else bars.worst(history, hours, prefix)


def _replay(console: Console, window: bars.Window, params: params_.Params, freeze: bool) -> Report:
    """Run with a progress bar."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("starting a node")
        return run.run(
            window,
            params,
            lambda what, done, all_: bar.update(task, description=what, completed=done, total=all_),
            freeze,
        )


if __name__ == "__main__":
    cli()
