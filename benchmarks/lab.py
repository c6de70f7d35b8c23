"""How fast the lab replays a week, beside its goals: `python -m benchmarks.lab` writes benchmarks/lab.json.

Each replay runs in a process of its own, on one thread. Seconds are those of the processor: what else the machine does
does not count, and a second core only makes it faster.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import process_time
from typing import Any

from rich.console import Console
from rich.table import Table

from ballast import params
from ballast.history import shapes
from ballast.history.feed import record
from ballast.lab.population import draw
from ballast.lab.replay import replay
from ballast.lab.rules import RULES, rule_of
from ballast.lab.tape import Tape
from ballast.model.vector.marks import FIGURES

REPORT = Path(__file__).parent / "lab.json"
SHAPE, POPULATION, SEED = "waves", "single", 1  # three books an account
ACCOUNTS = 10_000
LARGE = "isolated", "cross", "ballast"  # with ten times as many
GOAL_SECONDS, GOAL_MIB = 60.0, 2_048.0  # for that many accounts, any rule
THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def main(arguments: Sequence[str]) -> None:
    """Every rule with 10,000 accounts, some with 100,000; or, given a rule and a number, that one."""
    if arguments:
        print(json.dumps(measure(arguments[0], int(arguments[1]))))
        return
    console = Console()
    report = []
    for rule, accounts in [
        *((rule, ACCOUNTS) for rule in RULES),
        ("isolated", 10 * ACCOUNTS),
        ("ballast", 10 * ACCOUNTS),
    ]:
        with console.status(f"{rule}, {accounts:,} accounts"):
            report.append(_apart(rule, accounts))
    REPORT.write_text(json.dumps(report, indent=1) + "\n")
    console.print(_table(report))


def measure(rule: str, accounts: int) -> dict[str, Any]:
    """A week of minutes of three underlyings, from bars to outcome."""
    shipped, window = params.load(), shapes.window(SHAPE, SEED)
    start = process_time()
    tape = Tape.of(record(window), shipped.markets)
    drawn = draw(POPULATION, accounts, SEED, tape.markets, tape.said[0, :, FIGURES.index("initial_rate")])
    ready = process_time()
    found = replay(tape, drawn, rule_of(rule, shipped.policy), shipped)
    done = process_time()
    scale = accounts / ACCOUNTS
    return {
        "rule": rule,
        "accounts": accounts,
        "books": int(found.books.sum()),
        "rounds": int(tape.published.sum()),
        "seconds": round(done - start, 1),
        "of_which_replay": round(done - ready, 1),
        "goal_seconds": GOAL_SECONDS * scale,
        "mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024),
        "goal_mib": GOAL_MIB,
    }


def _apart(rule: str, accounts: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.lab", rule, str(accounts)]
    said = subprocess.run(command, env=os.environ | THREADS, stdout=subprocess.PIPE, check=True, text=True).stdout
    found: dict[str, Any] = json.loads(said)
    return found


def _table(report: Sequence[dict[str, Any]]) -> Table:
    found = Table("replay of a week", "accounts", "seconds", "goal", "MiB", "goal")
    for row in report:
        goals = f"{row['goal_seconds']:.0f}", f"{row['goal_mib']:,.0f}"
        found.add_row(row["rule"], f"{row['accounts']:,}", f"{row['seconds']}", goals[0], f"{row['mib']:,}", goals[1])
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
