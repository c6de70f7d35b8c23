"""Play the long scenes: `make truth`."""

from __future__ import annotations

import sys
from time import monotonic

from ballast import params
from ballast.lab import truth
from tests.truth.scenes import CRASH, SLIDE, crash, faults, shape

SCENES = (
    *(crash(SLIDE, 1_000, seed) for seed in (1, 2, 3)),
    *(crash(CRASH, 700, seed, accounts=40) for seed in (4, 5)),
    *(crash(SLIDE, 1_000, seed, guarded=False) for seed in (1, 2)),
    *(shape(name, 24, 1_000, seed) for name in ("regimes", "waves", "jump_diffusion") for seed in (1, 2)),
    shape("regimes", 24, 1_000, guarded=False),
)


def main() -> int:
    """1 if anything is not as it must be."""
    failed = False
    for scene in SCENES:
        begun = monotonic()
        verdict = truth.compare(scene, params.load())
        done = ", ".join(f"{count} {what}" for what, count in verdict.done.items() if count)
        widest = max(verdict.widest.values())
        print(
            f"{scene.recording.label}, seed {scene.seed}, engine {'on' if scene.guarded else 'off'}: "
            f"{verdict.accounts} accounts, {verdict.rounds} rounds, {verdict.transactions} transactions; {done}; "
            f"arrays: {verdict.within(1e-12):.0%} within 1e-12, {verdict.within(1e-8):.0%} within 1e-8, all within "
            f"{widest:.0e}; {monotonic() - begun:.0f} s",
            flush=True,
        )
        for fault in faults(verdict):
            failed = True
            print(f"  {fault}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
