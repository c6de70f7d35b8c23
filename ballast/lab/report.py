"""What a study of several windows and rules found out: the same figures go to the table, the page and the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ballast.history.bars import moment
from ballast.lab.measures import (
    CONTAINMENT,
    MEASURES,
    NAMES,
    Estimate,
    ahead_pct,
    better_pct,
    measure,
    saved_pct,
)
from ballast.lab.outcome import Outcome

ISOLATED, CROSS, BALLAST = "isolated", "cross", "ballast"

_POOL = ("pool_start", "pool_low", "pool_end", "pool_closed", "cuts_refused", "insured", "socialised")


@dataclass(frozen=True)
class Cell:
    """One rule in one window."""

    outcomes: Sequence[Outcome]  # by seed
    containment: Sequence[float]  # [%] by seed; NaN where it is not defined

    def values(self, name: str) -> list[float]:
        """A measure by seed."""
        if name == CONTAINMENT:
            return list(self.containment)
        return [MEASURES[name](outcome) for outcome in self.outcomes]

    def estimate(self, name: str) -> Estimate:
        """Its mean over seeds."""
        return Estimate.of(self.values(name))


Rules = Mapping[str, Cell]  # by rule


@dataclass(frozen=True)
class Setup:
    """What all windows were replayed with, in words, for whoever reads the figures."""

    population: str
    accounts: int  # of each replay
    leverage: tuple[float, float]
    seeds: Sequence[int]
    facts: Mapping[str, str] = field(default_factory=dict)  # what → how much
    names: Sequence[str] = ()  # of accounts that exist, or that somebody wrote down

    def as_json(self, seconds: float) -> dict[str, Any]:
        """As files tell it, with how long the replays took."""
        return {
            "population": self.population,
            "accounts": self.accounts,
            "leverage": list(self.leverage),
            "seeds": list(self.seeds),
            **self.facts,
            "seconds": round(seconds, 1),
        }


@dataclass(frozen=True)
class FrontierPoint:
    """The engine with another cap on what may flow into one book."""

    cap: float  # of account equity
    saved: Estimate  # [%] efficiency
    containment: Estimate  # [%]
    cost: Estimate  # [bps]


@dataclass(frozen=True)
class Report:
    """A whole study."""

    setup: Setup
    windows: Mapping[str, Rules]
    sources: Mapping[str, str]  # by window: what its prices are
    frontier: Mapping[str, Sequence[FrontierPoint]] = field(default_factory=dict)  # by window
    seconds: float = 0.0

    def summary(self) -> dict[str, dict[str, dict[str, float]]]:
        """Means over seeds: window → rule → measure."""
        return {
            window: {rule: {name: cell.estimate(name).mean for name in NAMES} for rule, cell in rules.items()}
            for window, rules in self.windows.items()
        }


def saved(rules: Rules, rule: str) -> Estimate:
    """[%] efficiency of a rule: accounts liquidated under isolated margin, and not under it."""
    name = "accounts_liquidated_pct"
    if ISOLATED not in rules:
        return Estimate.of([])
    alone = rules[ISOLATED].values(name)
    return Estimate.of([saved_pct(each, one) for each, one in zip(rules[rule].values(name), alone, strict=True)])


def ahead(rules: Rules, rule: str, other: str) -> Estimate:
    """[% of initial equity] by how much accounts end with more than under another rule."""
    return Estimate.of([ahead_pct(*pair) for pair in _pairs(rules, rule, other)])


def better(rules: Rules, rule: str, other: str) -> Estimate:
    """[%] accounts that end with more than under another rule."""
    return Estimate.of([better_pct(*pair) for pair in _pairs(rules, rule, other)])


def _pairs(rules: Rules, rule: str, other: str) -> list[tuple[Outcome, Outcome]]:
    return list(zip(rules[rule].outcomes, rules[other].outcomes, strict=True))


def pool_lines(report: Report) -> list[str]:
    """What became of the pool under the engine: it takes over what is cut."""
    lines = []
    for window, rules in report.windows.items():
        for rule in (rule for rule in rules if rule == BALLAST):
            outcomes = rules[rule].outcomes
            low = Estimate.of([100 * outcome.pool_low / outcome.pool_start for outcome in outcomes]).mean
            end = Estimate.of([100 * outcome.pool_end / outcome.pool_start for outcome in outcomes]).mean
            broke = sum(outcome.pool_closed > 0 for outcome in outcomes)
            text = f"{window}: the pool had {low:.0f} % of its money at worst, {end:.0f} % at the end"
            lines.append(text + (f"; it failed in {broke} of {len(outcomes)} seeds, and cuts with it" if broke else ""))
    return lines


def told(window: str, rules: Rules) -> str:
    """A window: its name, when it was, and how its prices moved."""
    outcome = next(iter(rules.values())).outcomes[0]
    falls = zip(outcome.markets, outcome.series.price.min(axis=0) - 1, strict=True)
    moved = ", ".join(f"{market} {100 * fall:+.1f} % at worst" for market, fall in falls)
    return f"{window}, {moment(outcome.start)} to {moment(outcome.end)} UTC, {moved}"


def rows(report: Report) -> list[dict[str, object]]:
    """One flat row for each replay: window, rule, seed, and all measures."""
    return [
        {
            "window": window,
            "rule": rule,
            "population": outcome.population,
            "seed": outcome.seed,
            "accounts": outcome.accounts,
            "start": outcome.start,
            "end": outcome.end,
            **measure(outcome),
            CONTAINMENT: cell.containment[place],
            **{name: getattr(outcome, name) for name in _POOL},
        }
        for window, rules in report.windows.items()
        for rule, cell in rules.items()
        for place, outcome in enumerate(cell.outcomes)
    ]
