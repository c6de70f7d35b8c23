"""Play the long scenes: `make truth`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from time import monotonic

from ballast.lab import truth
from ballast.lab.twin import Verdict
from tests.support import round_params
from tests.truth.scenes import CRASH, SLIDE, crash, faults, jump, shape, shortfalls

SCENES = (
    *(crash(SLIDE, 1_000, seed) for seed in (1, 2, 3)),
    *(crash(CRASH, 700, seed, accounts=40) for seed in (4, 5)),
    *(crash(SLIDE, 1_000, seed, guarded=False) for seed in (1, 2, 3)),
    *(shape(name, 24, 1_000, seed) for name in ("regimes", "waves", "jump_diffusion") for seed in (1, 2)),
    shape("regimes", 24, 1_000, guarded=False),
    *(jump(SLIDE, 700, seed) for seed in (1, 3)),
)


def main() -> int:
    """1 if anything is not as it must be."""
    verdicts: list[Verdict] = []
    failed = False
    for scene in SCENES:
        begun = monotonic()
        verdict = truth.compare(scene, round_params())
        verdicts.append(verdict)
        done = ", ".join(f"{count} {what}" for what, count in verdict.done.items() if count)
        widest = max(verdict.widest.values())
        print(
            f"{scene.recording.label}, seed {scene.seed}, engine {'on' if scene.guarded else 'off'}: "
            f"{verdict.accounts} accounts, {verdict.rounds} rounds, {verdict.transactions} transactions; {done}; "
            f"arrays: {verdict.within(1e-12):.0%} within 1e-12, {verdict.within(1e-8):.0%} within 1e-8, all within "
            f"{widest:.0e}; {monotonic() - begun:.0f} s",
            flush=True,
        )
        failed |= _say(faults(verdict))
    return int(_say(shortfalls(verdicts)) or failed)


def _say(faults_: Sequence[str]) -> bool:
    """Whether there are any."""
    for fault in faults_:
        print(f"  {fault}", flush=True)
    return bool(faults_)


if __name__ == "__main__":
    sys.exit(main())
