"""Replays of one rule, one window, one seed and one world each, on as many cores as there are."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import ballast
from ballast.history.feed import Recording
from ballast.lab import containment
from ballast.lab.containment import Failure, failures
from ballast.lab.outcome import Outcome
from ballast.lab.population import Population
from ballast.lab.replay import replay
from ballast.lab.rules import Ballast, Rule, rule_of
from ballast.lab.tape import Tape
from ballast.lab.windows import FeedSettings, Source
from ballast.lab.world import Settings
from ballast.model.fixed_point import BPS
from ballast.params import Params

_ROOT = str(Path(ballast.__file__).parents[1])

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
class Job:
    """One replay, and those in which each market fails where `contained` asks for them."""

    source: Source
    seed: int
    contender: Contender
    feed: FeedSettings = field(default_factory=FeedSettings)
    settings: Settings = field(default_factory=Settings)
    contained: bool = True


@dataclass(frozen=True)
class Done:
    """What came of a job."""

    outcome: Outcome
    loss: float  # [USD] of the accounts that failing feeds hurt; NaN where none was asked to fail
    notes: tuple[str, ...] = ()  # what of the prices was not replayed, and why


@dataclass(frozen=True)
class Scene:
    """What all rules and worlds share that hear the same feeds with the same seed."""

    recording: Recording
    tape: Tape
    accounts: Population
    params: Params

    def run(self, job: Job, params: Params) -> Done:
        """One rule; `params` may differ from those of the scene in the policy only."""

        def new_rule() -> Rule:
            return job.contender.new(params)

        outcome, notes = replay(self.tape, self.accounts, new_rule(), params, job.settings), self.recording.notes
        if not job.contained:
            return Done(outcome, math.nan, notes)
        return Done(outcome, containment.losses(self.failed, self.accounts, new_rule, params, job.settings), notes)

    @cached_property
    def failed(self) -> Sequence[Failure]:
        """Every market failing in turn."""
        return failures(self.recording, self.params.markets)


class Worker:
    """Replays jobs, and keeps the scene of the last one."""

    def __init__(self, params: Params, holdings: Holdings) -> None:
        self._params, self._holdings = params, holdings
        self._at: tuple[Source, int, FeedSettings] | None = None
        self._scene: Scene | None = None

    def run(self, job: Job) -> Done:
        """One rule in one window, and in the failures at its beginning."""
        return self.scene(job).run(job, self._params)

    def scene(self, job: Job) -> Scene:
        """The same object as for the job before, where that heard the same."""
        at = job.source, job.seed, job.feed
        if self._scene is None or self._at != at:
            recording = replace(job.source.recording(job.seed, job.feed), label=job.source.name)
            if not job.source.has_rounds():
                _check_heartbeat(job.feed, recording, self._params)
            tape = Tape.of(recording, self._params.markets)
            self._scene = Scene(recording, tape, self._holdings(tape, job.seed), self._params)
            self._at = at
        return self._scene


_worker: Worker  # of a process of the pool


def each(params: Params, holdings: Holdings, jobs: Sequence[Job], processes: int) -> Iterator[tuple[Job, Done]]:
    """Jobs as they are done; what is wrong with policies, prices or accounts is said before any of them."""
    for contender in dict.fromkeys(job.contender for job in jobs):
        contender.new(params)
    firsts = {job.source: job for job in reversed(jobs)}.values()
    if processes <= 1:
        worker = Worker(params, holdings)
        for job in firsts:
            worker.scene(job)
        for job in jobs:
            yield job, worker.run(job)
        return
    with pool(processes, _begin, params, holdings) as executor:
        for checked in [executor.submit(_check, job) for job in firsts]:
            checked.result()
        waiting: dict[Future[Done], Job] = {executor.submit(_run, job): job for job in jobs}
        while waiting:
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                yield waiting.pop(future), future.result()


@contextmanager
def pool(processes: int, begin: Callable[..., None], *given: Any) -> Iterator[ProcessPoolExecutor]:
    """Processes, each of which begins with `begin(*given)`; once something went wrong, nothing else is begun."""
    if _ROOT not in sys.path:
        sys.path.append(_ROOT)  # a command of Ape runs without it, and processes begin with this path
    executor = ProcessPoolExecutor(processes, get_context("spawn"), begin, given)
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


def _check_heartbeat(feed: FeedSettings, recording: Recording, params: Params) -> None:
    """A feed that is silent for longer than its market believes it would leave that without a price."""
    for name in (name for name in recording.rounds if name in params.markets):
        limits = params.markets[name].feed
        if feed.heartbeat > limits.heartbeat + limits.grace:
            most = limits.heartbeat + limits.grace
            raise ValueError(f"heartbeat {feed.heartbeat} s: {name} has no price after {most} s; expected no more")


def _begin(params: Params, holdings: Holdings) -> None:
    global _worker
    _worker = Worker(params, holdings)


def _check(job: Job) -> None:
    _worker.scene(job)


def _run(job: Job) -> Done:
    return _worker.run(job)
