"""Scenes that contracts, integers and arrays replay side by side, and how far the arrays may be off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ballast.history import generate, shapes
from ballast.history.bars import HOUR
from ballast.history.feed import Recording, Round, record
from ballast.lab.truth import Scene
from ballast.lab.twin import Verdict

WIDEST = 2e-3  # of equity and notional; of a book, of which shares are asked in thousandths
CLOSE, MOST = 1e-7, 0.9  # and that part of all amounts is as close as this

ACCOUNTS, ROUNDS = 20, 500  # of a long scene, at least
LEAST = {  # of all long scenes together: that things are alike says nothing where they do not happen
    "calls": 1_000,
    "transfers": 1_500,
    "cuts": 500,
    "requests": 500,
    "rewards": 500,
    "rescues": 20,
    "auctions": 50,
    "sales": 40,
    "held back": 3,
    "put up again": 1,
    "deficits": 20,
}

SLIDE, CRASH = 34, 37  # [hours] into the generated crash


def crash(hours: float, rounds: int, seed: int = 1, guarded: bool = True, accounts: int = 24) -> Scene:
    """Of the generated crash, from an hour on."""
    return _from(record(generate.crash()), hours, rounds, seed, guarded, accounts)


def shape(name: str, hours: float, rounds: int, seed: int = 1, guarded: bool = True, accounts: int = 24) -> Scene:
    """Of a generated week of three underlyings, from an hour on."""
    return _from(record(shapes.window(name)), hours, rounds, seed, guarded, accounts)


def jump(hours: float, rounds: int, seed: int = 1, accounts: int = 24) -> Scene:
    """Of the generated crash, with BTC 30 % lower from half an hour later on: the engine may not fill its books for ten
    minutes, and what it would save is not sold."""
    scene = crash(hours, rounds, seed, accounts=accounts)
    at = scene.recording.start + HOUR // 2
    line = [
        Round(each.time, each.answer * 7 // 10) if each.time >= at else each for each in scene.recording.rounds["BTC"]
    ]
    label = f"{scene.recording.label}, BTC 30 % lower"
    recording = replace(scene.recording, rounds={**scene.recording.rounds, "BTC": line}, label=label)
    return replace(scene, recording=recording, leverage=(2.0, 5.0))


def _from(whole: Recording, hours: float, rounds: int, seed: int, guarded: bool, accounts: int) -> Scene:
    start = generate.START + round(hours * HOUR)
    recording = Recording(whole.rounds, start, whole.end, f"{whole.label} from hour {hours:g}")
    return Scene(recording, rounds, accounts, seed=seed, guarded=guarded)


def faults(verdict: Verdict) -> list[str]:
    """Whatever is not as it must be."""
    found = [*verdict.differences, *verdict.disagreements]
    found += [f"{what}: {gap:.1e} apart" for what, gap in verdict.widest.items() if gap > WIDEST]
    if not verdict.gaps or not verdict.transactions:
        found.append("nothing was compared")
    elif verdict.within(CLOSE) < MOST:
        found.append(f"{verdict.within(CLOSE):.1%} of amounts within {CLOSE:g}; expected {MOST:.0%}")
    return found


def shortfalls(verdicts: Sequence[Verdict]) -> list[str]:
    """Long scenes that are too small, and what all of them have too little of."""
    found = []
    for number, verdict in enumerate(verdicts, 1):
        for what, count, least in (("accounts", verdict.accounts, ACCOUNTS), ("rounds", verdict.rounds, ROUNDS)):
            if count < least:
                found.append(f"scene {number}: {count} {what}; expected {least}")
    done = sum((verdict.done for verdict in verdicts), Counter[str]())
    return found + [f"{done[what]} {what}; expected {least}" for what, least in LEAST.items() if done[what] < least]
