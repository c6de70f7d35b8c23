"""`python -m ballast.chain.slim`: what Ape compiled, without what nobody reads again.

Ape reads its whole manifest whenever it starts. Nine tenths of that are syntax trees and maps from positions to source,
for tools that step through contracts: without them a command starts in two thirds of the time.
"""

from __future__ import annotations

import json

from ballast.chain.abi import MANIFEST

UNREAD = ("ast", "sourcemap", "pcmap")


def main() -> None:
    """Rewrite the manifest in place, all at once."""
    manifest = json.loads(MANIFEST.read_text())
    for contract in manifest["contractTypes"].values():
        for part in UNREAD:
            contract.pop(part, None)
    slim = MANIFEST.with_suffix(".slim")
    slim.write_text(json.dumps(manifest))
    slim.replace(MANIFEST)


if __name__ == "__main__":
    main()
