"""Whoever may fill at the last round's price, at once: what two-step orders and the spread for age keep from him.

No contract but at liquidations lets him. He enters and leaves at any second; what a fill brings is the truth beyond the
price, less what the pool asks, so he waits until that is more than a threshold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from tests.economics.paths import Series
from tests.economics.tape import Charge, Seconds, Tape
from tests.economics.trader import Result


@dataclass(frozen=True)
class Taker:
    """Enter on either side when that brings more than `enter`, leave when that does more than `leave`."""

    charge: Charge
    enter: float
    leave: float  # negative: he pays so much to be free for the next trip

    @property
    def label(self) -> str:
        """In words."""
        return f"at once for {self.charge}, when it brings > {self.enter:.1%}; out when that brings > {self.leave:.1%}"

    def play(self, tape: Tape) -> Result:
        """A day of it: one position at a time."""
        found = list(trips(self, *tape.edges(self.charge)))
        return Result(sum(found), len(found))


def takers(charge: Charge) -> list[Taker]:
    """Every policy that is tried."""
    enters, leaves = (0.0, 0.001, 0.003, 0.01), (-0.003, -0.001, 0.0, 0.001, 0.002, 0.003, 0.005, 0.01)
    return [Taker(charge, enter, leave) for enter, leave in product(enters, leaves)]


def trips(taker: Taker, bought: Series, sold: Series) -> Iterator[float]:
    """What each trip brings, given what buying and selling does; one that the day ends before is none."""
    enter = np.flatnonzero(np.maximum(bought, sold) > taker.enter)
    leave = {1: np.flatnonzero(sold > taker.leave), -1: np.flatnonzero(bought > taker.leave)}
    now = 0
    while (entered := _first(enter, now)) is not None:
        side = 1 if bought[entered] > sold[entered] else -1
        left = _first(leave[side], entered + 1)
        if left is None:
            return
        first, last = (bought, sold) if side > 0 else (sold, bought)
        yield float(first[entered] + last[left])
        now = left


def _first(seconds: Seconds, since: int) -> int | None:
    index = int(np.searchsorted(seconds, since))
    return int(seconds[index]) if index < len(seconds) else None
