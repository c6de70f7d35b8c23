"""Windows × seeds × rules: every replay of a study, on as many cores as there are, and what came out."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path

import ballast
from ballast.lab import containment, population
from ballast.lab.containment import Failure, contained_pct, failures
from ballast.lab.measures import CONTAINMENT
from ballast.lab.outcome import Outcome
from ballast.lab.population import LEVERAGE, Population
from ballast.lab.replay import replay
from ballast.lab.report import BALLAST, CROSS, ISOLATED, Cell, FrontierPoint, Report, Setup, saved
from ballast.lab.rules import Ballast, Rule, rule_of
from ballast.lab.tape import Tape
from ballast.lab.windows import FeedSettings, Source
from ballast.lab.world import Settings
from ballast.model.fixed_point import BPS
from ballast.model.vector.marks import FIGURES
from ballast.params import Params

_ROOT = str(Path(ballast.__file__).parents[1])
_INITIAL = FIGURES.index("initial_rate")

Progress = Callable[[str, int, int], None]  # what was done, how many of how many
Holdings = Callable[[Tape, int], Population]  # the accounts of a tape and a seed


@dataclass(frozen=True)
class Contender:
    """A rule that takes part; the engine perhaps with another cap on what may flow into one book."""

    rule: str  # name or policy file
    cap: int | None = None  # [bps] of account equity

    def new(self, params: Params) -> Rule:
        """For one replay."""
        if self.cap is None:
            return rule_of(self.rule, params.policy)
        return Ballast(params.policy.model_copy(update={"containment": self.cap}), f"cap {self.cap / BPS:.0%}")


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
        jobs = [
            _Job(source, seed, contender)
            for source in self.sources
            for seed in self.seeds
            for contender in self.contenders()
        ]
        done: dict[_Job, _Done] = {}
        for job, result in _each(self, jobs, processes):
            done[job] = result
            progress(f"{job.source.name}, {result.outcome.rule}, seed {job.seed}", len(done), len(jobs))
        windows = {source.name: self._window(source, done) for source in self.sources}
        return Report(
            setup=self.setup,
            windows={name: {rule: cells[rule] for rule in self._names(cells)} for name, cells in windows.items()},
            sources={source.name: source.text for source in self.sources},
            frontier={name: self._frontier(cells) for name, cells in windows.items()} if self.caps else {},
            seconds=time.monotonic() - begun,
        )

    def _names(self, cells: Mapping[str, Cell]) -> list[str]:
        """Of rules, without the frontier."""
        return list(cells)[: len(self.rules)]

    def _window(self, source: Source, done: Mapping[_Job, _Done]) -> dict[str, Cell]:
        by_rule: dict[str, list[_Done]] = {}
        for contender in self.contenders():
            results = [done[_Job(source, seed, contender)] for seed in self.seeds]
            by_rule[results[0].outcome.rule] = results
        nothing = [_Done(each.outcome, float("nan")) for each in next(iter(by_rule.values()))]
        bounds = [
            (across.loss, alone.loss)
            for across, alone in zip(by_rule.get(CROSS, nothing), by_rule.get(ISOLATED, nothing), strict=True)
        ]
        return {
            rule: Cell(
                [each.outcome for each in results],
                [contained_pct(each.loss, *bound) for each, bound in zip(results, bounds, strict=True)],
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


# Replays


@dataclass(frozen=True)
class _Job:
    source: Source
    seed: int
    contender: Contender


@dataclass(frozen=True)
class _Done:
    outcome: Outcome
    loss: float  # [USD] of the accounts that failing feeds hurt


@dataclass(frozen=True)
class _Scene:
    """What all rules of one window and seed share."""

    tape: Tape
    accounts: Population
    failed: Sequence[Failure]


class _Worker:
    """Replays jobs, and keeps the scene of the last one."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._at: tuple[Source, int] | None = None
        self._scene: _Scene | None = None

    def run(self, job: _Job) -> _Done:
        """One rule in one window, and in the failures at its beginning."""
        study, scene = self._study, self._scene_of(job.source, job.seed)

        def new_rule() -> Rule:
            return job.contender.new(study.params)

        outcome = replay(scene.tape, scene.accounts, new_rule(), study.params, study.settings)
        loss = containment.losses(scene.failed, scene.accounts, new_rule, study.params, study.settings)
        return _Done(outcome, loss)

    def _scene_of(self, source: Source, seed: int) -> _Scene:
        if self._scene is None or self._at != (source, seed):
            study = self._study
            recording = replace(source.recording(seed, study.feed), label=source.name)
            tape = Tape.of(recording, study.params.markets)
            self._scene = _Scene(tape, study.holdings(tape, seed), failures(recording, study.params.markets))
            self._at = source, seed
        return self._scene


_worker: _Worker  # of a process of the pool


def _begin(study: Study) -> None:
    global _worker
    _worker = _Worker(study)


def _run(job: _Job) -> _Done:
    return _worker.run(job)


def _each(study: Study, jobs: Sequence[_Job], processes: int) -> Iterator[tuple[_Job, _Done]]:
    """Jobs as they are done."""
    if processes <= 1:
        worker = _Worker(study)
        for job in jobs:
            yield job, worker.run(job)
        return
    if _ROOT not in sys.path:
        sys.path.append(_ROOT)  # a command of Ape runs without it, and processes begin with this path
    with ProcessPoolExecutor(processes, get_context("spawn"), _begin, (study,)) as pool:
        waiting: dict[Future[_Done], _Job] = {pool.submit(_run, job): job for job in jobs}
        while waiting:
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                yield waiting.pop(future), future.result()
