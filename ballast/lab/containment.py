"""One market's feed goes wrong, then dies: what that costs accounts, beyond the market that failed.

From ten minutes into a window on, a feed is displaced by 30 % for an hour, and then says nothing any more; the other
feeds go on as they did. Every market fails in turn, downwards and upwards, each time in a replay of its own. Only
accounts that the displacement hurts are counted: those long before a false fall, short before a false rise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from ballast.history.bars import HOUR, MINUTE
from ballast.history.feed import Recording, Round
from ballast.lab.outcome import Floats, Outcome
from ballast.lab.population import Population
from ballast.lab.replay import replay
from ballast.lab.rules import Rule
from ballast.lab.tape import Tape
from ballast.lab.world import Settings
from ballast.params import MarketParams, Params

AFTER = 10 * MINUTE  # [s] from the start to the first false round
DISPLACED = HOUR  # [s] for which the feed is false
LEAST_ROOM = 0.05  # of the loss under isolated margin, by which that under cross margin must be greater
SHIFTS = (-0.3, 0.3)  # of the true price


@dataclass(frozen=True)
class Failure:
    """A tape on which the feed of one market fails."""

    market: str
    shift: float
    tape: Tape

    def hurts(self, population: Population) -> Floats:
        """1 for accounts that the displacement hurts, else 0."""
        return (population.notional[:, self.tape.markets.index(self.market)] * self.shift < 0).astype(np.float64)


def failures(recording: Recording, markets: Mapping[str, MarketParams]) -> list[Failure]:
    """Every market of a recording failing in turn, down and up."""
    return [
        Failure(market, shift, Tape.of(failing(recording, market, shift, _silence(markets[market])), markets))
        for market, shift in product(recording.rounds, SHIFTS)
    ]


def failing(recording: Recording, market: str, shift: float, silence: int) -> Recording:
    """The beginning of a recording, with one feed displaced for an hour and then silent for `silence` seconds."""
    first = recording.start + AFTER
    dead = first + DISPLACED
    end = dead + silence
    rounds = {
        name: list(_false(line, first, dead, shift)) if name == market else [each for each in line if each.time <= end]
        for name, line in recording.rounds.items()
    }
    return Recording(rounds, recording.start, end, f"{recording.label}, {market} {shift:+.0%}")


def losses(
    failed: Sequence[Failure],
    population: Population,
    new_rule: Callable[[], Rule],
    params: Params,
    settings: Settings,
) -> float:
    """[USD] what all failures together cost the accounts that each of them hurts."""
    total = 0.0
    for each in failed:
        rule = new_rule()
        outcome = replay(each.tape, population, rule, params, settings)
        total += float(each.hurts(population) @ lost(outcome, each.market, rule.whole))
    return total


def lost(outcome: Outcome, market: str, whole: bool) -> Floats:
    """[USD] by account: initial equity − what is left at true prices.

    What stands in the dead market counts as lost. What is missing there is the account's to pay where all books have
    one margin (`whole`), and nobody's where the book has its own.
    """
    dead = outcome.markets.index(market)
    left = outcome.final_cash + outcome.final_margin.sum(axis=1) - outcome.final_margin[:, dead]
    if whole:
        left = np.maximum(left + np.minimum(outcome.final_margin[:, dead], 0), 0)
    lost_: Floats = outcome.initial_equity - left
    return lost_


def contained_pct(loss: float, under_cross: float, under_isolated: float) -> float:
    """100 · (loss under cross − loss under the rule) / (loss under cross − loss under isolated).

    NaN where cross margin loses hardly more than isolated margin: then there is nothing to contain.
    """
    room = under_cross - under_isolated
    return 100 * (under_cross - loss) / room if room > LEAST_ROOM * under_isolated else math.nan


def _false(rounds: Sequence[Round], first: int, dead: int, shift: float) -> Iterator[Round]:
    """The rounds before, a false one at `first`, and what was published until `dead`, displaced."""
    before = [each for each in rounds if each.time < first]
    yield from before
    yield Round(first, _displaced(before[-1].answer, shift))
    for each in rounds:
        if first < each.time < dead:
            yield replace(each, answer=_displaced(each.answer, shift))


def _displaced(answer: int, shift: float) -> int:
    return round(answer * (1 + shift))


def _silence(market: MarketParams) -> int:
    """[s] until the last price is too old, and an hour more."""
    return market.feed.heartbeat + market.feed.grace + HOUR
