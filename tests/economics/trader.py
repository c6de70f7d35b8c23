"""Who sees the true price before the feed, and every way of his to be paid for it.

He enters by orders. He leaves by orders, or by having his own book cut: his policy makes him always due, he calls the
engine himself, and he chooses the second. An order is executed at its first round: there is a fee for that. A cut that
is asked for is filled when he likes best within a block of its round, at the worse of the two prices; then a keeper
comes.

Every fill is measured against the truth at that second, as if he hedged there elsewhere, for nothing. What remains is
what he takes from the pool; which way the market goes afterwards is luck, and the same luck in every seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

import numpy as np

from ballast.model.policy import REQUEST_DELAY
from tests.economics.paths import Series
from tests.economics.tape import BLOCK, Tape


class Signal(StrEnum):
    """What he looks at."""

    GAP = "truth beyond the feed"
    TEN = "move of 10 s"
    HALF = "move of 30 s"
    MINUTE = "move of 60 s"


class Exit(StrEnum):
    """How he leaves."""

    ORDER = "order"
    CUT_AT_ONCE = "cut at the last round"
    CUT_ASKED = "cut asked for"


@dataclass(frozen=True)
class Result:
    """What a day brought him, in shares of one position's notional, after fees."""

    gain: float
    trips: int


@dataclass(frozen=True)
class Strategy:
    """Enter when the signal exceeds `enter` (0: always), leave at once or when the gap turns against him."""

    exit: Exit
    signal: Signal = Signal.GAP
    enter: float = 0.0
    side: int = 1  # with the signal or against it; 0: one account long and one short, whatever it says
    leave: float | None = None  # adverse gap at which he leaves; None: at once
    wait: float | None = None  # favourable gap above which he lets the keeper fill the cut; None: never

    @property
    def label(self) -> str:
        """In words."""
        enter = (
            "long and short at once" if self.side == 0 else f"{'with' if self.side > 0 else 'against'} {self.signal}"
        )
        level = f" > {self.enter:.1%}" if self.enter else ""
        leave = "at once" if self.leave is None else f"at an adverse gap > {self.leave:.2%}"
        wait = "" if self.wait is None else f", by the keeper if the gap is > {self.wait:.2%}"
        return f"{enter}{level}; out by {self.exit}, {leave}{wait}"

    def play(self, tape: Tape) -> Result:
        """A day of it: one position at a time, or one of each side."""
        sides: tuple[Callable[[float], int], ...]
        if self.side == 0:
            sides = (lambda _: 1), (lambda _: -1)
        else:
            sides = ((lambda signal: self.side * int(np.sign(signal))),)
        trips = [trip for side in sides for trip in _trips(tape, self, side)]
        return Result(sum(trips), len(trips))


def strategies() -> list[Strategy]:
    """Every policy that is tried."""
    levels = 0.005, 0.01, 0.02, 0.03, 0.05
    adverse = 0.003, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05
    found = [Strategy(Exit.CUT_AT_ONCE, side=0, leave=leave) for leave in adverse]
    found += [Strategy(Exit.CUT_ASKED, side=0, leave=leave, wait=wait) for leave in adverse for wait in (None, 0.005)]
    for signal, enter, side, leave in product(Signal, levels, (1, -1), (None, 0.01)):
        found.append(Strategy(Exit.ORDER, signal, enter, side, leave))
        found += [Strategy(Exit.CUT_ASKED, signal, enter, side, leave, wait) for wait in (None, 0.005)]
    return found


def signals(tape: Tape, signal: Signal) -> Series:
    """The signal at every second."""
    if signal is Signal.GAP:
        return tape.gap
    span = {Signal.TEN: 10, Signal.HALF: 30, Signal.MINUTE: 60}[signal]
    moved = np.zeros(tape.length)
    moved[span:] = tape.truth[span:] / tape.truth[:-span] - 1
    return moved


def _trips(tape: Tape, strategy: Strategy, side_of: Callable[[float], int]) -> Iterator[float]:
    """What each trip brings."""
    signal = signals(tape, strategy.signal)
    wanted = np.flatnonzero(np.abs(signal) > strategy.enter) if strategy.enter else np.arange(tape.length)
    now = 60
    while True:
        index = int(np.searchsorted(wanted, now))
        if index == len(wanted):
            return
        commit = int(wanted[index])
        side = side_of(signal[commit])
        entered = tape.order_fill(commit)
        left = None if entered is None or side == 0 else _leave(tape, strategy, int(tape.times[entered]), side)
        if entered is None or left is None:
            return
        when, gain = left
        bought = int(tape.times[entered]), float(tape.prices[entered])
        yield side * _edge(tape, *bought) - tape.order_cost(entered, side) + gain
        now = when + 1


def _leave(tape: Tape, strategy: Strategy, entered: int, side: int) -> tuple[int, float] | None:
    """When he is out, and what leaving brings; None if the day ends before."""
    chosen = entered
    if strategy.leave is not None:
        adverse = tape.adverse(side, strategy.leave)
        index = int(np.searchsorted(adverse, entered))
        if index == len(adverse):
            return None
        chosen = int(adverse[index])
    if strategy.exit is Exit.CUT_AT_ONCE:
        return _cut(tape, chosen, side, float(tape.prices[tape.latest[chosen]]))
    since = tape.order_fill(chosen) if strategy.exit is Exit.ORDER else tape.first_round(chosen + REQUEST_DELAY)
    if since is None:
        return None
    landed, first = int(tape.times[since]), float(tape.prices[since])
    if strategy.exit is Exit.ORDER:
        return landed, -side * _edge(tape, landed, first) - tape.order_cost(since, -side)
    if strategy.wait is not None and tape.gap[landed] * side > strategy.wait:
        landed += BLOCK
    return _cut(tape, landed, side, first) if landed < tape.length else None


def _cut(tape: Tape, now: int, side: int, first: float) -> tuple[int, float]:
    """At the worse of the first price and the present one."""
    round_ = int(tape.latest[now])
    present = float(tape.prices[round_])
    price = min(first, present) if side > 0 else max(first, present)
    return now, -side * _edge(tape, now, price) - tape.engine_rate(round_, now - int(tape.times[round_]))


def _edge(tape: Tape, now: int, price: float) -> float:
    """What a buyer at that price has over the truth, as a share of it."""
    return float(tape.truth[now]) / price - 1
