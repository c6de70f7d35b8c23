"""The search for default parameters: policies and margins tried on training windows, judged on windows not seen before.

Trials are drawn by optuna's TPE sampler, in batches of a fixed size, so that a search is the same on any number of
cores. A trial is *feasible* where every training window meets the lab's goals for liquidations, bad debt, containment
and calm; of the feasible ones a score next to the lowest wins (`Judged.score`, `best`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import optuna

from ballast.history.bars import MINUTE
from ballast.lab.containment import contained_pct
from ballast.lab.goals import CALM_COST, CONTAINED, SAVED, SAVED_CROSS, is_crash
from ballast.lab.jobs import Contender, Done, Job, Progress, Scene, Worker, pool
from ballast.lab.measures import Estimate, saved_pct
from ballast.lab.report import BALLAST, CROSS, ISOLATED, Cell
from ballast.lab.study import Drawn
from ballast.lab.windows import FeedSettings, Source
from ballast.lab.world import Settings
from ballast.model.fixed_point import BPS, WAD
from ballast.params import Params

CHANCE = 0.01  # by which scores may differ and mean nothing
BATCH = 4  # trials that are drawn before any of them is known
STARTUP = 24  # trials drawn at random before the sampler learns

Values = Mapping[str, float]


@dataclass(frozen=True)
class Variable:
    """What the search may turn."""

    name: str
    low: float
    high: float
    step: float
    unit: str
    text: str

    def draw(self, trial: optuna.Trial) -> float:
        """One value."""
        return trial.suggest_float(self.name, self.low, self.high, step=self.step)


# Distances are drawn upon each other, since a policy must have them in order
SPACE = (
    Variable("z_trigger", 1, 4, 0.25, "", "a book nearer than this triggers"),
    Variable("donor_above", 0, 4, 0.5, "", "z_donor − z_trigger"),
    Variable("target_above", 1, 10, 1, "", "z_target − z_donor"),
    Variable("z_delever", 0, 3, 0.25, "", "cut if sharing leaves less"),
    Variable("delever_above", 0.5, 6, 0.5, "", "z_delever_target − z_delever, at most up to z_target"),
    Variable("containment", 5, 60, 5, "%", "of account equity, into one book a day"),
    Variable("max_risk_share", 10, 60, 5, "%", "of account equity, σ-loss of one book"),
    Variable("max_delever", 20, 100, 10, "%", "of a book, one cut"),
    Variable("cooldown", 0, 60, 5, "min", "between calls that are not urgent"),
    Variable("range_multiplier", 0.75, 1.5, 0.25, "", "of the price range of maintenance margin"),
    Variable("initial_ratio", 1.25, 2, 0.25, "", "initial over maintenance range"),
)


RATIOS = "cost_bps", "tracking_rms_bps", "isolated_debt_bps"
MARGINS = "range_multiplier", "initial_ratio"


def values_of(params: Params) -> dict[str, float]:
    """Where parameters stand in the space; margins are those of the first market."""
    policy, risk = params.policy, next(iter(params.markets.values())).risk
    return {
        "z_trigger": policy.z_trigger / WAD,
        "donor_above": (policy.z_donor - policy.z_trigger) / WAD,
        "target_above": (policy.z_target - policy.z_donor) / WAD,
        "z_delever": policy.z_delever / WAD,
        "delever_above": (policy.z_delever_target - policy.z_delever) / WAD,
        "containment": 100 * policy.containment / BPS,
        "max_risk_share": 100 * policy.max_risk_share / BPS,
        "max_delever": 100 * policy.max_delever / BPS,
        "cooldown": policy.cooldown / MINUTE,
        "range_multiplier": risk.range_multiplier / WAD,
        "initial_ratio": risk.initial_ratio / WAD,
    }


def params_of(values: Values, params: Params) -> Params:
    """Parameters at a point of the space; all markets get the same margins."""
    donor = values["z_trigger"] + values["donor_above"]
    target = donor + values["target_above"]
    delever = min(values["z_delever"], target)
    policy = {
        "z_trigger": _wad(values["z_trigger"]),
        "z_donor": _wad(donor),
        "z_target": _wad(target),
        "z_delever": _wad(delever),
        "z_delever_target": _wad(min(delever + values["delever_above"], target)),
        "containment": round(values["containment"] / 100 * BPS),
        "max_risk_share": round(values["max_risk_share"] / 100 * BPS),
        "max_delever": round(values["max_delever"] / 100 * BPS),
        "cooldown": round(values["cooldown"] * MINUTE),
    }
    margins = {name: _wad(values[name]) for name in MARGINS}
    markets = {
        name: market.model_copy(update={"risk": market.risk.model_copy(update=margins)})
        for name, market in params.markets.items()
    }
    return params.model_copy(update={"policy": params.policy.model_copy(update=policy), "markets": markets})


@dataclass(frozen=True)
class Figures:
    """What parameters come to in one window, mean over seeds."""

    crash: bool
    cost_bps: float  # cuts and rewards, of initial equity
    penalties_bps: float  # under isolated margin
    tracking_rms_bps: float
    saved_pct: float  # NaN where isolated margin liquidates nobody
    saved_cross_pct: float
    bad_debt_bps: float
    isolated_debt_bps: float  # bad debt under isolated margin: what margins alone are worth
    containment_pct: float
    leverage: float  # Σ notional / Σ equity of accounts that open as levered as margins let them

    def violations(self) -> dict[str, float]:
        """By how much goals are missed; ≤ 0 where they are met, or where there is nothing to meet."""
        found = {"containment": CONTAINED - self.containment_pct}
        if self.crash:
            found["saved"] = SAVED - self.saved_pct
            found["saved_cross"] = SAVED_CROSS - self.saved_cross_pct
            found["bad_debt"] = self.bad_debt_bps
        else:
            found["calm"] = self.cost_bps - CALM_COST
        return {name: 0.0 if math.isnan(by) else by for name, by in found.items()}


@dataclass(frozen=True)
class Judged:
    """Parameters, and what they come to."""

    values: Values
    figures: Mapping[str, Figures]  # by window

    def score(self, present: Judged) -> float:
        """Mean of four ratios to the present parameters, each of sums over windows; 1 = as now, lower is better.

        What cuts and rewards cost; how far accounts end from what they intended; bad debt where nobody helps (what
        margins are for); the leverage that accounts could open with, upside down (what margins cost).
        """
        parts = [self._sum(name) / present._sum(name) for name in RATIOS]
        parts.append(present._sum("leverage") / self._sum("leverage"))
        return sum(parts) / len(parts)

    def violations(self) -> dict[str, float]:
        """The worst of each over the windows."""
        worst: dict[str, float] = {}
        for figures in self.figures.values():
            for name, by in figures.violations().items():
                worst[name] = max(worst.get(name, -math.inf), by)
        return worst

    @property
    def feasible(self) -> bool:
        """Whether all goals but that of cost are met in every window."""
        return all(by <= 0 for by in self.violations().values())

    def check_comparable(self) -> None:
        """ValueError where nothing is to be gained."""
        for name in RATIOS:
            if not self._sum(name) > 0:
                windows = ", ".join(self.figures)
                raise ValueError(f"training windows {windows}: {name} is 0 as it is; expected a crash among them")

    def _sum(self, name: str) -> float:
        return sum(getattr(each, name) for each in self.figures.values())


@dataclass(frozen=True, eq=False)
class Bench:
    """Windows and accounts on which parameters are judged."""

    sources: tuple[Source, ...]
    holdings: Drawn
    seeds: tuple[int, ...]
    params: Params
    feed: FeedSettings = field(default_factory=FeedSettings)
    settings: Settings = field(default_factory=Settings)
    kept: tuple[str, ...] = ()  # variables that stay as they are

    def point(self, trial: optuna.Trial) -> Values:
        """One drawn from the space."""
        present = values_of(self.params)
        return {each.name: present[each.name] if each.name in self.kept else each.draw(trial) for each in SPACE}

    def judge(self, values: Values) -> Judged:
        """Every window, under parameters at a point of the space."""
        return Judged(dict(values), {source.name: self._figures(source, values) for source in self.sources})

    def job(self, rule: str, source: Source, seed: int) -> Job:
        """One replay."""
        return Job(source, seed, Contender(rule), self.feed, self.settings)

    def _figures(self, source: Source, values: Values) -> Figures:
        margins = values[MARGINS[0]], values[MARGINS[1]]
        base = [_based(self, source, seed, margins) for seed in self.seeds]
        params = params_of(values, self.params)
        runs = [
            each.scene.run(self.job(BALLAST, source, seed), params) for each, seed in zip(base, self.seeds, strict=True)
        ]
        contained = [
            contained_pct(run.loss, each.cross.loss, each.isolated.loss) for run, each in zip(runs, base, strict=True)
        ]
        ours = Cell([run.outcome for run in runs], contained)
        isolated = Cell([each.isolated.outcome for each in base], contained)
        cross = Cell([each.cross.outcome for each in base], contained)
        lost = [cell.estimate("accounts_liquidated_pct").mean for cell in (ours, isolated, cross)]
        return Figures(
            crash=is_crash({ISOLATED: isolated}),
            cost_bps=ours.estimate("cost_bps").mean,
            penalties_bps=isolated.estimate("penalties_bps").mean,
            tracking_rms_bps=ours.estimate("tracking_rms_bps").mean,
            saved_pct=saved_pct(lost[0], lost[1]),
            saved_cross_pct=saved_pct(lost[0], lost[2]),
            bad_debt_bps=ours.estimate("bad_debt_bps").mean,
            isolated_debt_bps=isolated.estimate("bad_debt_bps").mean,
            containment_pct=Estimate.of(contained).mean,
            leverage=sum(each.scene.accounts.leverage for each in base) / len(base),
        )


@dataclass(frozen=True)
class _Based:
    """What trials with the same margins share."""

    scene: Scene
    isolated: Done
    cross: Done


@lru_cache(maxsize=64)
def _based(bench: Bench, source: Source, seed: int, margins: tuple[float, float]) -> _Based:
    params = params_of(values_of(bench.params) | dict(zip(MARGINS, margins, strict=True)), bench.params)
    isolated, cross = (bench.job(rule, source, seed) for rule in (ISOLATED, CROSS))
    worker = Worker(params, bench.holdings)
    return _Based(worker.scene(isolated), worker.run(isolated), worker.run(cross))


# The search


def search(bench: Bench, trials: int, seed: int, progress: Progress, processes: int = 1) -> list[Judged]:
    """Everything that was tried, the present parameters first."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    tried: list[Judged] = []
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP, multivariate=True)
    study = optuna.create_study(sampler=sampler)
    study.enqueue_trial({name: at for name, at in values_of(bench.params).items() if name not in bench.kept})
    with pool(processes, _begin, bench) as executor:
        while len(tried) < trials:
            batch = [study.ask() for _ in range(1 if not tried else min(BATCH, trials - len(tried)))]
            points = [bench.point(trial) for trial in batch]
            tried += executor.map(_judge, points)
            tried[0].check_comparable()
            for trial in batch:
                found = tried[trial.number]
                for goal, by in found.violations().items():
                    trial.set_constraint(goal, by)
                study.tell(trial, found.score(tried[0]))
            scores = [each.score(tried[0]) for each in tried if each.feasible]
            progress(f"best score {min(scores):.3f}" if scores else "none meets the goals yet", len(tried), trials)
    return tried


def best(tried: Sequence[Judged]) -> Judged:
    """Of the feasible ones whose scores are next to the lowest that which lets most flow into a book: so small a
    difference is chance, and moving spares a leg that cutting closes. ValueError where none is feasible."""
    feasible = [each for each in tried if each.feasible]
    if not feasible:
        raise ValueError(f"none of {len(tried)} trials meets the goals of the training windows; try more of them")
    scores = [each.score(tried[0]) for each in feasible]
    near = [each for each, score in zip(feasible, scores, strict=True) if score <= min(scores) + CHANCE]
    return max(near, key=lambda each: (each.values["containment"], -each.score(tried[0])))


def undone(bench: Bench, chosen: Judged, processes: int = 1) -> dict[str, Judged]:
    """The chosen parameters, each time with one of them as it was: what that one is worth."""
    present = values_of(bench.params)
    turned = [name for name in present if present[name] != chosen.values[name]]
    with pool(processes, _begin, bench) as executor:
        points = [{**chosen.values, name: present[name]} for name in turned]
        return dict(zip(turned, executor.map(_judge, points), strict=True))


_bench: Bench  # of a process of the pool


def _begin(bench: Bench) -> None:
    global _bench
    _bench = bench


def _judge(values: Values) -> Judged:
    return _bench.judge(values)


def _wad(figure: float) -> int:
    """To hundredths, as policies keep distances."""
    return round(figure * 100) * (WAD // 100)
