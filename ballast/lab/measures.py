"""What is reported of a replay: measures of an `Outcome`, and how sure their means over seeds are."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ballast.lab.outcome import Floats, Outcome

WORST = 0.05  # of accounts, whose tracking is reported apart
CONFIDENCE = 0.95

# Student's t at 97.5 %, by degrees of freedom from 1 on: what a mean of few seeds is worth
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)
_NORMAL = 1.959964  # what it comes to with ever more of them


def accounts_liquidated_pct(outcome: Outcome) -> float:
    """Accounts that lost a book, or part of one, in an auction or below zero: 100 · those / all."""
    return 100 * float((outcome.books_liquidated > 0).mean())


def books_liquidated_pct(outcome: Outcome) -> float:
    """100 · Σ books liquidated, in part or whole / Σ books opened."""
    return 100 * float(outcome.books_liquidated.sum()) / max(int(outcome.books.sum()), 1)


def penalties_bps(outcome: Outcome) -> float:
    """10,000 · Σ discounts at which auctions sold / Σ initial equity."""
    return _bps(outcome, outcome.penalties)


def cost_bps(outcome: Outcome) -> float:
    """10,000 · Σ (what cuts cost against the oracle price + rewards of keepers) / Σ initial equity."""
    return _bps(outcome, outcome.cut_costs + outcome.rewards)


def cuts_bps(outcome: Outcome) -> float:
    """10,000 · Σ what cuts cost against the oracle price / Σ initial equity."""
    return _bps(outcome, outcome.cut_costs)


def rewards_bps(outcome: Outcome) -> float:
    """10,000 · Σ rewards of keepers / Σ initial equity."""
    return _bps(outcome, outcome.rewards)


def bad_debt_bps(outcome: Outcome) -> float:
    """10,000 · Σ what books, and the pool, ended below zero by, whoever paid it / Σ initial equity."""
    return 1e4 * float((outcome.deficits.sum() + outcome.pool_deficits) / outcome.initial_equity.sum())


def tracking_rms_bps(outcome: Outcome) -> float:
    """10,000 · √mean d², where d = (final equity − equity as intended) / initial equity of an account."""
    return 1e4 * math.sqrt(float((_strayed(outcome) ** 2).mean()))


def tracking_worst5_bps(outcome: Outcome) -> float:
    """10,000 · mean |d| of the 5 % of accounts (one at least) that end furthest from what they intended."""
    strayed = np.sort(np.abs(_strayed(outcome)))[::-1]
    return 1e4 * float(strayed[: max(1, math.ceil(WORST * len(strayed)))].mean())


def final_equity_pct(outcome: Outcome) -> float:
    """100 · Σ final equity / Σ initial equity."""
    return 100 * float(outcome.final_equity.sum() / outcome.initial_equity.sum())


def calls_per_account(outcome: Outcome) -> float:
    """Calls of keepers / accounts."""
    return float(outcome.calls.mean())


MEASURES: Mapping[str, Callable[[Outcome], float]] = {
    "accounts_liquidated_pct": accounts_liquidated_pct,
    "books_liquidated_pct": books_liquidated_pct,
    "penalties_bps": penalties_bps,
    "cost_bps": cost_bps,
    "bad_debt_bps": bad_debt_bps,
    "tracking_rms_bps": tracking_rms_bps,
    "tracking_worst5_bps": tracking_worst5_bps,
    "final_equity_pct": final_equity_pct,
    "calls_per_account": calls_per_account,
}
CONTAINMENT = "containment_pct"  # of a scenario of its own: `ballast.lab.containment`
NAMES = (*MEASURES, CONTAINMENT)


def measure(outcome: Outcome) -> dict[str, float]:
    """All but containment, by name."""
    return {name: of(outcome) for name, of in MEASURES.items()}


def ahead_pct(outcome: Outcome, other: Outcome) -> float:
    """100 · (Σ final equity − Σ that of the same accounts under another rule) / Σ initial equity."""
    return 100 * float((outcome.final_equity - other.final_equity).sum() / outcome.initial_equity.sum())


def better_pct(outcome: Outcome, other: Outcome) -> float:
    """100 · accounts that end with more than under another rule, by over 1 bp of initial equity / all."""
    margin = 1e-4 * outcome.initial_equity
    return 100 * float((outcome.final_equity - other.final_equity > margin).mean())


def saved_pct(liquidated: float, liquidated_isolated: float) -> float:
    """Efficiency: 100 · (1 − accounts liquidated / those under isolated margin); NaN where none was."""
    return 100 * (1 - liquidated / liquidated_isolated) if liquidated_isolated > 0 else math.nan


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds and its confidence interval; `low` and `high` are NaN where one seed says nothing of it."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Estimate:
        """95 % interval by Student's t; seeds for which a measure is undefined (NaN) do not count."""
        known = [value for value in values if not math.isnan(value)]
        if not known:
            return cls(math.nan, math.nan, math.nan)
        mean = sum(known) / len(known)
        if len(known) == 1:
            return cls(mean, math.nan, math.nan)
        spread = math.sqrt(sum((value - mean) ** 2 for value in known) / (len(known) - 1) / len(known))
        half = student_t(len(known) - 1) * spread
        return cls(mean, mean - half, mean + half)

    @property
    def half(self) -> float:
        """Half of the interval."""
        return self.high - self.mean


def student_t(degrees: int) -> float:
    """Student's t at 97.5 %: by table, then by its expansion in 1 / degrees."""
    if degrees <= len(_T):
        return _T[degrees - 1]
    z = _NORMAL
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)


def _bps(outcome: Outcome, amounts: Floats) -> float:
    return 1e4 * float(amounts.sum() / outcome.initial_equity.sum())


def _strayed(outcome: Outcome) -> Floats:
    """How far accounts end from their strategy as intended, in their initial equity."""
    strayed: Floats = (outcome.final_equity - outcome.held_equity) / outcome.initial_equity
    return strayed
