"""Print contract sizes, and every figure of benchmarks/gas.json that differs from the committed one."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

GAS = Path("benchmarks/gas.json")


def figures(text: str) -> dict[str, int]:
    """Gas by row and bytes by contract."""
    entries: list[dict[str, Any]] = json.loads(text) if text.strip() else []
    return {e.get("row") or f"size of {e['contract']}": e["gas"] if "gas" in e else e["bytes"] for e in entries}


def main() -> None:
    """Sizes, then changes."""
    committed = subprocess.run(["git", "show", f"HEAD:{GAS}"], capture_output=True, text=True, check=False).stdout
    before, now = figures(committed), figures(GAS.read_text())
    for name in sorted(now):
        if name.startswith("size of "):
            print(f"{name:40} {now[name]:>10,} bytes")
    changed = [name for name in sorted(before | now) if before.get(name) != now.get(name)]
    for name in changed:
        print(f"changed: {name:70} {before.get(name, '–')!s:>10} → {now.get(name, '–')!s:>10}")
    print(f"{len(changed)} figures changed" if changed else "no figure changed")


if __name__ == "__main__":
    main()
