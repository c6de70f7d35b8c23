"""Windows × seeds × rules: every replay of a study, and what came out."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ballast.lab import population
from ballast.lab.containment import contained_pct
from ballast.lab.jobs import Contender, Done, Holdings, Job, Progress, each
from ballast.lab.measures import CONTAINMENT
from ballast.lab.population import LEVERAGE, Population
from ballast.lab.report import BALLAST, CROSS, ISOLATED, Cell, FrontierPoint, Report, Setup, saved
from ballast.lab.tape import Tape
from ballast.lab.windows import FeedSettings, Source
from ballast.lab.world import Settings
from ballast.model.fixed_point import BPS
from ballast.model.vector.marks import FIGURES
from ballast.params import Params

_INITIAL = FIGURES.index("initial_rate")


@dataclass(frozen=True)
class Drawn:
    """Accounts of a named population, other ones for each seed."""

    name: str
    accounts: int
    leverage: tuple[float, float] = LEVERAGE

    def __call__(self, tape: Tape, seed: int) -> Population:
        """Drawn for the margin that the markets ask at the start of the tape."""
        return population.draw(self.name, self.accounts, seed, tape.markets, tape.said[0, :, _INITIAL], self.leverage)


@dataclass(frozen=True)
class Study:
    """What is to be replayed."""

    sources: Sequence[Source]
    rules: Sequence[str]
    holdings: Holdings
    seeds: Sequence[int]
    params: Params
    setup: Setup
    caps: Sequence[int] = ()  # [bps] of the engine's frontier
    feed: FeedSettings = field(default_factory=FeedSettings)
    settings: Settings = field(default_factory=Settings)

    def contenders(self) -> list[Contender]:
        """Rules, then the engine along its frontier."""
        return [*(Contender(rule) for rule in self.rules), *(Contender(BALLAST, cap) for cap in self.caps)]

    def run(self, progress: Progress, processes: int = 1) -> Report:
        """Replay everything."""
        begun = time.monotonic()
        names = [contender.new(self.params).name for contender in self.contenders()]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two rules are called {twice[0]}; expected each once, and policy files of other names")
        jobs = [
            self._job(source, seed, contender)
            for source in self.sources
            for seed in self.seeds
            for contender in self.contenders()
        ]
        done: dict[Job, Done] = {}
        for job, result in each(self.params, self.holdings, jobs, processes):
            done[job] = result
            progress(f"{job.source.name}, {result.outcome.rule}, seed {job.seed}", len(done), len(jobs))
        windows = {source.name: self._window(source, done) for source in self.sources}
        return Report(
            setup=self.setup,
            windows={name: {rule: cells[rule] for rule in self._names(cells)} for name, cells in windows.items()},
            sources={source.name: self._told(source, done) for source in self.sources},
            frontier={name: self._frontier(cells) for name, cells in windows.items()} if self.caps else {},
            seconds=time.monotonic() - begun,
        )

    def _job(self, source: Source, seed: int, contender: Contender) -> Job:
        return Job(source, seed, contender, self.feed, self.settings)

    def _told(self, source: Source, done: Mapping[Job, Done]) -> str:
        """What the prices are, and what of them is not replayed."""
        first = done[self._job(source, self.seeds[0], self.contenders()[0])]
        return "; ".join((source.text, *first.notes))

    def _names(self, cells: Mapping[str, Cell]) -> list[str]:
        """Of rules, without the frontier."""
        return list(cells)[: len(self.rules)]

    def _window(self, source: Source, done: Mapping[Job, Done]) -> dict[str, Cell]:
        by_rule: dict[str, list[Done]] = {}
        for contender in self.contenders():
            results = [done[self._job(source, seed, contender)] for seed in self.seeds]
            by_rule[results[0].outcome.rule] = results
        nothing = [Done(one.outcome, math.nan) for one in next(iter(by_rule.values()))]
        bounds = [
            (across.loss, alone.loss)
            for across, alone in zip(by_rule.get(CROSS, nothing), by_rule.get(ISOLATED, nothing), strict=True)
        ]
        return {
            rule: Cell(
                [one.outcome for one in results],
                [contained_pct(one.loss, *bound) for one, bound in zip(results, bounds, strict=True)],
            )
            for rule, results in by_rule.items()
        }

    def _frontier(self, cells: Mapping[str, Cell]) -> list[FrontierPoint]:
        """The policy's own cap among the others."""
        labels = dict(zip(self.caps, list(cells)[len(self.rules) :], strict=True))
        if BALLAST in cells:
            labels[self.params.policy.containment] = BALLAST
        return [
            FrontierPoint(
                cap=cap / BPS,
                saved=saved(cells, label),
                containment=cells[label].estimate(CONTAINMENT),
                cost=cells[label].estimate("cost_bps"),
            )
            for cap, label in sorted(labels.items())
        ]
