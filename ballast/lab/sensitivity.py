"""What the results of the lab hang on: one assumption about the world at a time, the others as they are."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ballast.lab.containment import contained_pct
from ballast.lab.goals import COST, SAVED
from ballast.lab.jobs import Contender, Done, Holdings, Job, Progress, each
from ballast.lab.measures import (
    CONTAINMENT,
    Estimate,
    accounts_liquidated_pct,
    bad_debt_bps,
    calls_per_account,
    cost_bps,
    penalties_bps,
)
from ballast.lab.outcome import Outcome
from ballast.lab.report import BALLAST, CROSS, ISOLATED, Setup
from ballast.lab.windows import FeedSettings, Source
from ballast.lab.world import Settings
from ballast.params import Params

RULES = (ISOLATED, CROSS, BALLAST)
_UNCALLED = (ISOLATED, CROSS)  # rules under which no keeper calls


def pool_low_pct(outcome: Outcome) -> float:
    """100 · equity of the pool at its worst / what it had."""
    return 100 * outcome.pool_low / outcome.pool_start


MEASURES: Mapping[str, Callable[[Outcome], float]] = {
    of.__name__: of
    for of in (accounts_liquidated_pct, penalties_bps, cost_bps, bad_debt_bps, calls_per_account, pool_low_pct)
}


@dataclass(frozen=True)
class Assumed:
    """What a replay assumes of feeds, keepers, bidders and the pool."""

    feed: FeedSettings = field(default_factory=FeedSettings)
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True)
class Axis:
    """One assumption, and the values that it takes."""

    name: str
    title: str
    unit: str
    values: Sequence[float]  # as the field has them
    of: str = "settings"  # or "feed": which part of `Assumed` has the field
    attribute: str = ""  # the name, unless it says another one
    scale: float = 1.0  # units in 1 of the field
    also: Mapping[str, Any] = field(default_factory=dict)  # what is assumed besides, all along the axis
    contained: bool = False  # whether containment hangs on it, and is worth the time

    def at(self, assumed: Assumed, value: float) -> Assumed:
        """The same with another value."""
        part = replace(getattr(assumed, self.of), **{self.attribute or self.name: value}, **self.also)
        return replace(assumed, **{self.of: part})

    def own(self, assumed: Assumed) -> float:
        """The value that is assumed anyway."""
        return getattr(getattr(assumed, self.of), self.attribute or self.name)

    def along(self, assumed: Assumed) -> list[float]:
        """All values, the one that is assumed anyway among them."""
        return sorted({*self.values, self.own(assumed)})

    def shown(self, value: float) -> str:
        """In its unit."""
        return f"{value * self.scale:g}"


_GWEI = (0.1, 2, 20, 200)
_DEVIATIONS = (10, 25, 50, 100, 200)  # [bps]

AXES = (
    Axis("delay", "keeper delay", "blocks", (0, 1, 2, 5, 10, 20), contained=True),
    Axis("deviation", "feed deviation", "%", _DEVIATIONS, "feed", "deviation_bps", scale=0.01, contained=True),
    Axis("gas_price", "gas price, keepers always call", "gwei", _GWEI),
    Axis("paid", "gas price, keepers must profit", "gwei", _GWEI, attribute="gas_price", also={"paid": True}),
    Axis("depth", "pool depth", "× of full markets", (0.125, 0.25, 0.5, 1, 2), contained=True),
    Axis("profit", "profit that bidders want", "bps", (0.0005, 0.002, 0.005, 0.01, 0.02), scale=1e4),
)


@dataclass(frozen=True)
class Point:
    """One value of one axis in one window: every rule, by measure."""

    value: float
    own: bool  # whether it is what is assumed anyway
    rules: Mapping[str, Mapping[str, Estimate]]

    def mean(self, rule: str, measure: str) -> float:
        """Over seeds."""
        return self.rules[rule][measure].mean

    @property
    def share_pct(self) -> float:
        """100 · cuts and rewards / penalties under isolated margin; NaN where that pays none."""
        penalties = self.mean(ISOLATED, "penalties_bps")
        return 100 * self.mean(BALLAST, "cost_bps") / penalties if penalties else math.nan

    def kept(self) -> bool:
        """The promise: next to nobody loses a book, against isolated margin, and nobody is owed anything."""
        lost, alone = (self.mean(rule, "accounts_liquidated_pct") for rule in (BALLAST, ISOLATED))
        return lost <= (1 - SAVED / 100) * alone and self.mean(BALLAST, "bad_debt_bps") == 0

    def cheap(self) -> bool:
        """The price that was meant."""
        return self.mean(BALLAST, "cost_bps") <= COST * self.mean(ISOLATED, "penalties_bps")


Line = Sequence[Point]  # one axis in one window


@dataclass(frozen=True)
class Sensitivities:
    """All axes in all windows."""

    setup: Setup
    sources: Mapping[str, str]  # by window: what its prices are
    axes: Sequence[Axis]
    lines: Mapping[str, Mapping[str, Line]]  # window → axis
    seconds: float = 0.0


@dataclass(frozen=True)
class Sensitivity:
    """What is to be replayed."""

    sources: Sequence[Source]
    holdings: Holdings
    seeds: Sequence[int]
    params: Params
    setup: Setup
    assumed: Assumed = field(default_factory=Assumed)
    axes: Sequence[Axis] = AXES

    def run(self, progress: Progress, processes: int = 1) -> Sensitivities:
        """Replay every point once, those of the same tape one after the other."""
        begun = time.monotonic()
        jobs = self.jobs()
        found: dict[Job, _Figures] = {}
        for job, done in each(self.params, self.holdings, jobs, processes):
            found[job] = _Figures.of(done)
            progress(f"{job.source.name}, {job.contender.rule}, seed {job.seed}", len(found), len(jobs))
        return Sensitivities(
            setup=self.setup,
            sources={source.name: self._text(source, found) for source in self.sources},
            axes=self.axes,
            lines={source.name: self._lines(source, found) for source in self.sources},
            seconds=time.monotonic() - begun,
        )

    def jobs(self) -> list[Job]:
        """What there is to replay, each once: axes meet at what is assumed anyway."""
        found = {
            self._job(source, seed, rule, assumed): None
            for source in self.sources
            for seed in self.seeds
            for assumed in self._all(source)
            for rule in RULES
        }
        return sorted(found, key=lambda job: (self.sources.index(job.source), job.seed, job.feed.deviation_bps))

    def axes_of(self, source: Source) -> list[Axis]:
        """Real rounds are taken as they are: nothing about feeds can be assumed of them."""
        return [axis for axis in self.axes if axis.of != "feed" or not source.has_rounds()]

    def _all(self, source: Source) -> list[Assumed]:
        return [axis.at(self.assumed, value) for axis in self.axes_of(source) for value in axis.along(self.assumed)]

    def _job(self, source: Source, seed: int, rule: str, assumed: Assumed) -> Job:
        if rule in _UNCALLED:
            assumed = replace(assumed, settings=replace(assumed.settings, paid=False))
        return Job(source, seed, Contender(rule), assumed.feed, assumed.settings, self._contained(assumed))

    def _contained(self, assumed: Assumed) -> bool:
        """Whether it lies on an axis that containment is asked for."""
        return any(axis.contained and axis.at(self.assumed, axis.own(assumed)) == assumed for axis in self.axes)

    def _text(self, source: Source, found: Mapping[Job, _Figures]) -> str:
        """What the prices are, and what of them was left out."""
        first = found[self._job(source, self.seeds[0], ISOLATED, self.assumed)]
        return "; ".join((source.text, *first.notes))

    def _lines(self, source: Source, found: Mapping[Job, _Figures]) -> dict[str, Line]:
        return {
            axis.name: [self._point(source, axis, value, found) for value in axis.along(self.assumed)]
            for axis in self.axes_of(source)
        }

    def _point(self, source: Source, axis: Axis, value: float, found: Mapping[Job, _Figures]) -> Point:
        assumed = axis.at(self.assumed, value)
        by_rule = {rule: [found[self._job(source, seed, rule, assumed)] for seed in self.seeds] for rule in RULES}
        alone, across = ([one.loss for one in by_rule[rule]] for rule in (ISOLATED, CROSS))
        rules = {
            rule: {
                **{name: Estimate.of([one.measures[name] for one in figures]) for name in MEASURES},
                CONTAINMENT: Estimate.of(
                    [contained_pct(one.loss, *bounds) for one, *bounds in zip(figures, across, alone, strict=True)]
                ),
            }
            for rule, figures in by_rule.items()
        }
        return Point(value, assumed == self.assumed, rules)


@dataclass(frozen=True)
class _Figures:
    """What is kept of a replay."""

    measures: Mapping[str, float]
    loss: float  # [USD] where markets fail
    notes: tuple[str, ...]  # as `Done`

    @classmethod
    def of(cls, done: Done) -> _Figures:
        return cls({name: of(done.outcome) for name, of in MEASURES.items()}, done.loss, done.notes)


def held(axis: Axis, line: Line, holds: Callable[[Point], bool]) -> str:
    """For which values something holds, from … to, as they follow one another."""
    if all(holds(point) for point in line):
        return "all"
    runs: list[list[str]] = []
    for point, before in zip(line, [None, *line], strict=False):
        if holds(point):
            if before is None or not holds(before):
                runs.append([])
            runs[-1].append(axis.shown(point.value))
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs) or "none"
