"""The lab beside the protocol, in a short window: `make truth` plays the long ones."""

from __future__ import annotations

from collections import Counter

from ballast.lab import truth
from ballast.lab.twin import Verdict
from tests.support import round_params
from tests.truth.scenes import ACCOUNTS, CRASH, LEAST, ROUNDS, SLIDE, crash, faults, jump, shortfalls


def test_compare__engine_on__contracts_integers_and_arrays_agree() -> None:
    """Transfers, cuts, rewards and balances: to the wei for the integers, decision for decision for the arrays."""
    verdict = truth.compare(crash(CRASH, 150), round_params())
    assert faults(verdict) == []
    assert verdict.accounts >= 20 and verdict.rounds >= 150
    assert min(verdict.done[what] for what in ("calls", "transfers", "cuts", "requests", "rewards")) > 10


def test_compare__engine_off__auctions_and_deficits_agree() -> None:
    """What is sold, when, how much of it and for how much less; what is lost below zero, and who bears it."""
    verdict = truth.compare(crash(CRASH, 250, guarded=False), round_params())
    assert faults(verdict) == []
    assert verdict.done["calls"] == 0
    assert min(verdict.done[what] for what in ("auctions", "sales", "deficits")) > 1


def test_compare__price_jumps__the_same_books_are_held_back() -> None:
    """What the engine would save, were it let, is not sold while its market keeps it from that."""
    verdict = truth.compare(jump(SLIDE, 120, 3), round_params())
    assert faults(verdict) == []
    assert min(verdict.done[what] for what in ("auctions", "held back")) > 1


def test_faults__scene_in_which_nothing_happens__is_no_proof() -> None:
    assert faults(Verdict(ACCOUNTS, ROUNDS)) == ["nothing was compared"]


def test_shortfalls__small_scene_or_too_little_done__named() -> None:
    whole = Verdict(ACCOUNTS, ROUNDS, done=Counter(LEAST))
    assert shortfalls([whole]) == []
    assert shortfalls([whole, Verdict(ACCOUNTS - 1, ROUNDS - 1)]) == [
        "scene 2: 19 accounts; expected 20",
        "scene 2: 499 rounds; expected 500",
    ]
    few = Verdict(ACCOUNTS, ROUNDS, done=Counter({**LEAST, "held back": 0}))
    assert shortfalls([few]) == ["0 held back; expected 3"]
