"""`make bench`: measure, print beside the goals, write benchmarks/gas.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ballast.chain.anvil import anvil
from ballast.deploy import Protocol
from benchmarks.gas import Row, measure
from benchmarks.scene import Scene

REPORT = Path(__file__).parent / "gas.json"
CONTRACTS = Path(__file__).parent.parent / "contracts"
SIZE_LIMIT = 22_000  # [bytes] EIP-170 stops at 24,576; leave room to mend things


def sizes(protocol: Protocol) -> list[dict[str, Any]]:
    """Bytes of every deployed contract, immutables included."""
    deployables = {path.stem for path in CONTRACTS.glob("*.vy")}
    deployed = {c.artifact.name: len(protocol.chain.code(c.address)) for c in protocol.contracts.values()}
    return [
        {"contract": name, "bytes": size, "limit": SIZE_LIMIT}
        for name, size in sorted(deployed.items())
        if name in deployables
    ]


def table(rows: list[Row], contracts: list[dict[str, Any]]) -> Table:
    """What a terminal shows."""
    found = Table("figure", "measured", "goal", "elsewhere")
    for row in rows:
        mark = "[green]✓[/]" if row.met else "[red]✗[/]"
        goal = "–" if row.goal is None else f"{row.goal:,}"
        found.add_row(row.row, f"{row.gas:,} {row.unit} {mark}", goal, row.published)
    for size in contracts:
        mark = "[green]✓[/]" if size["bytes"] <= SIZE_LIMIT else "[red]✗[/]"
        found.add_row(f"size of {size['contract']}", f"{size['bytes']:,} bytes {mark}", f"{SIZE_LIMIT:,}", "24,576")
    return found


def main() -> None:
    """Measure everything once."""
    console = Console()
    with console.status("deploying") as status, anvil() as node:
        scene = Scene(node.chain())
        rows = list(measure(scene, lambda note: status.update(f"measuring {note}")))
        contracts = sizes(scene.protocol)
    console.print(table(rows, contracts))
    report = [row.record() for row in rows] + contracts
    REPORT.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
