"""`make soak STEPS=200000`: many steps, resumable; every seed and its steps go to build/soak.jsonl."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

from tests.stateful.run import run_until

LOG = Path("build/soak.jsonl")
FIRST_SEED = 10_000_000


def logged() -> list[dict[str, int]]:
    """What earlier runs made."""
    return [json.loads(line) for line in LOG.read_text().splitlines()] if LOG.exists() else []


@click.command()
@click.option("--steps", default=200_000, show_default=True, help="Steps in all, those of earlier runs included.")
def soak(steps: int) -> None:
    """Run the stateful suite on, from where the log in build/ ends."""
    LOG.parent.mkdir(exist_ok=True)
    entries = logged()
    done = sum(entry["steps"] for entry in entries)
    next_seed = entries[-1]["seed"] + 1 if entries else FIRST_SEED
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress, LOG.open("a") as log:
        task = progress.add_task("soak", total=steps, completed=done)
        while done < steps:
            started = time.perf_counter()
            run = run_until(1, next_seed)
            entry = {"seed": next_seed, "steps": run.steps, "seconds": round(time.perf_counter() - started, 1)}
            log.write(json.dumps(entry) + "\n")
            log.flush()
            done, next_seed = done + run.steps, run.next_seed
            progress.update(task, completed=done)
    click.echo(f"{done} steps, seeds {FIRST_SEED} to {next_seed - 1}, no difference: {LOG}")


if __name__ == "__main__":
    soak()
