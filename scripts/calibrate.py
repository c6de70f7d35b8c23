"""`ape run calibrate`: search for default parameters in some windows of prices, and validate them in others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console

from ballast import params as params_
from ballast.cli import ballast_command
from ballast.lab import calibrated
from ballast.lab.calibrated import Calibration
from ballast.lab.calibration import SPACE, Bench
from ballast.lab.command import jobs_option, make, with_progress
from ballast.lab.population import KINDS
from ballast.lab.study import Drawn
from ballast.lab.windows import sources
from ballast.lab.world import Settings

OUTPUT = Path("build/calibration")
TRAIN = "generated_crash", "generated_calm"
VALIDATE = "generated_waves", "generated_regimes"


@click.command(context_settings={"show_default": True})
@click.option(
    "--train", multiple=True, envvar="TRAIN", default=TRAIN, help="A window to search in, as --prices of lab."
)
@click.option("--validate", multiple=True, envvar="VALIDATE", default=VALIDATE, help="A window to validate in.")
@click.option("--keep", multiple=True, type=click.Choice([each.name for each in SPACE]), help="Leave this as it is.")
@click.option("--delay", default=5, type=click.IntRange(0), help="Blocks of 12 s from a call to its keeper.")
@click.option("--trials", default=120, type=click.IntRange(2), help="How many parameters to try.")
@click.option("--population", default="mixed", type=click.Choice(list(KINDS)), help="Whose accounts.")
@click.option("--accounts", default=200, type=click.IntRange(1), help="How many.")
@click.option("--seeds", default=3, type=click.IntRange(1, 1_000), help="How many draws of accounts in validation.")
@click.option("--seed", default=1, help="Of the search.")
@click.option("--params", "params_file", default=params_.DEFAULT, type=Path, help="Parameters to begin with.")
@click.option("--output", default=OUTPUT, type=Path, help="Where calibration.json and calibration.md go.")
@click.option("--page", type=Path, help="A Markdown page whose figures are to be replaced, too.")
@jobs_option
@ballast_command
def cli(
    train: tuple[str, ...],
    validate: tuple[str, ...],
    keep: tuple[str, ...],
    delay: int,
    trials: int,
    population: str,
    accounts: int,
    seeds: int,
    seed: int,
    params_file: Path,
    output: Path,
    page: Path | None,
    jobs: int,
) -> None:
    """Search for default parameters: policy and margins.

    Keepers are a minute late, so that no policy is chosen that only works with punctual ones.
    The search has one draw of accounts, `--seed`; validation has `--seeds` others. No parameters file is written: the
    tables say what to put there.
    """
    params, holdings = params_.load(params_file), Drawn(population, accounts)
    trained = Bench(tuple(sources(train)), holdings, (seed,), params, settings=Settings(delay=delay), kept=keep)
    fresh = tuple(range(seed + 1, seed + 1 + seeds))
    validated = replace(trained, sources=tuple(sources(validate)), seeds=fresh)
    make(output)
    found = with_progress(
        Console(), lambda tell, processes: Calibration.of(trained, validated, trials, seed, tell, processes), jobs
    )
    click.echo(calibrated.markdown(found))
    click.echo("Written: " + "  ".join(str(path) for path in calibrated.write(found, output, page)))


if __name__ == "__main__":
    cli()
