"""How high the worst-off books of each account can be raised, and who pays: `ballast.model.allocation` over arrays.

Arrays of rows are accounts × books, the others [n].
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ballast.model.vector.arrays import Flags, Floats, Index, clip, pick

NOTHING = 1e-12  # of what was to be paid or cut: what rounding leaves of it in the end


@dataclass(frozen=True)
class Rows:
    """Books, as far as their allocation goes [USD]."""

    equity: Floats
    maintenance: Floats
    sigma_loss: Floats
    low: Floats  # what it keeps at any level, ≤ equity
    high: Floats  # what it may be filled to, ≥ equity

    @classmethod
    def of(cls, equity: Floats, maintenance: Floats, sigma_loss: Floats, low: Floats, high: Floats) -> Rows:
        """A book without legs stands at one equity, whatever the level."""
        empty = sigma_loss <= 0
        if empty.any():
            fixed = clip(maintenance, low, high)
            low, high = np.where(empty, fixed, low), np.where(empty, fixed, high)
        return cls(equity, maintenance, sigma_loss, low, high)

    def pick(self, accounts: Index) -> Rows:
        """Of some accounts."""
        return Rows(*(pick(figures, accounts) for figures in vars(self).values()))

    def targets(self, level: Floats) -> Floats:
        """T(L) = clamp(mm + L·b, low, high)."""
        return clip(self.at(level), self.low, self.high)

    def at(self, level: Floats) -> Floats:
        """u(L) = mm + L·b."""
        wanted: Floats = self.maintenance + level[:, None] * self.sigma_loss
        return wanted


@dataclass(frozen=True)
class Allocation:
    """What to do with the books."""

    solved: Flags
    level: Floats  # L
    donor_level: Floats  # λ ≥ L; +∞ if no book with legs gives
    need: Floats  # [USD] what the receivers get in all
    targets: Floats  # [USD] T(L)
    equities: Floats  # [USD] where the books end

    def put(self, accounts: Index, other: Allocation) -> None:
        """Replace the solutions of some accounts."""
        for name, figures in vars(self).items():
            figures[accounts] = getattr(other, name)


def bounded(
    equity: Floats,
    maintenance: Floats,
    sigma_loss: Floats,
    donor_floor: Floats,
    cap: Floats,
    fund: Flags,
    tap: Flags,
    z_donor: Floats,
) -> Rows:
    """Rows within the bounds that policies and markets set."""
    kept = np.maximum(maintenance + z_donor[:, None] * sigma_loss, donor_floor)
    low = np.where(tap, np.minimum(equity, kept), equity)
    high = np.where(fund, np.maximum(equity, cap), equity)
    return Rows.of(equity, maintenance, sigma_loss, low, high)


def allocate(rows: Rows, free: Floats, top: Floats) -> Allocation:
    """Raise the worst-off books to the highest affordable level ≤ `top`: cash pays, then empty books, then the rich."""
    budget = free + rows.equity.sum(axis=1)
    solved = (rows.low - rows.equity).sum(axis=1) <= free
    level = highest_level(rows, budget, top)
    targets = rows.targets(level)
    need = np.where(solved, np.maximum(targets - rows.equity, 0).sum(axis=1), 0.0)
    equities = np.where(solved[:, None], np.maximum(rows.equity, targets), rows.equity)
    donor_level = np.full(len(free), np.inf)
    short = np.flatnonzero((need > 0) & (need > free))
    if len(short):
        collected = _collect(rows.pick(short), pick(targets, short), pick(equities, short), (need - free)[short])
        equities[short], donor_level[short] = collected
    return Allocation(solved, level, donor_level, need, targets, equities)


def _collect(rows: Rows, targets: Floats, equities: Floats, shortage: Floats) -> tuple[Floats, Floats]:
    """Take the shortage from books without legs in their order, then from the richest: equities, λ."""
    gives = targets < rows.equity
    spare = np.where(gives & (rows.sigma_loss <= 0), rows.equity - targets, 0.0)
    given = clip(shortage[:, None] - (np.cumsum(spare, axis=1) - spare), np.zeros_like(spare), spare)
    left = shortage - given.sum(axis=1)
    shortage = np.where(left > NOTHING * shortage, left, 0.0)

    donor = gives & (rows.sigma_loss > 0)
    asked = (shortage > 0) & donor.any(axis=1)
    nothing = np.zeros_like(spare)
    donors = Rows(*(np.where(donor, figures, nothing) for figures in vars(replace(rows, low=targets)).values()))
    donors = replace(donors, high=donors.equity)
    top = np.where(donor, _bends(donors, donors.high), -np.inf).max(axis=1)
    top = np.where(asked, top, 0.0)
    level = highest_level(donors, donors.equity.sum(axis=1) - shortage, top)
    shaved = np.where(donor & asked[:, None], donors.targets(level), equities - given)
    return shaved, np.where(asked, level, np.inf)


def highest_level(rows: Rows, budget: Floats, top: Floats) -> Floats:
    """The highest level ≤ `top` at which Σ clamp(mm + L·b, low, high) ≤ `budget`, given that Σ low ≤ `budget`.

    The sum bends where a book leaves `low` or reaches `high`: halve the sorted bends, then solve the piece.
    """
    low, high = _bends(rows, rows.low), _bends(rows, rows.high)
    bends = np.sort(np.minimum(np.concatenate((low, high), axis=1), top[:, None]), axis=1)
    accounts, books = np.arange(len(top)), bends.shape[1]
    known, bound = np.zeros(len(top), dtype=np.intp), np.full(len(top), books)
    for _ in range(books.bit_length()):
        middle = (known + bound) // 2
        affordable = rows.targets(bends[accounts, middle]).sum(axis=1) <= budget
        known, bound = np.where(affordable, middle, known), np.where(affordable, bound, middle)

    start = bends[accounts, known]
    rising = (low <= start[:, None]) & (start[:, None] < high)
    slope = np.where(rising, rows.sigma_loss, 0.0).sum(axis=1)
    rest = np.maximum(budget - rows.targets(start).sum(axis=1), 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        solution = start + np.where(slope > 0, rest / slope, 0.0)
    all_of_it = rows.targets(top).sum(axis=1) <= budget
    level: Floats = np.where(all_of_it, top, np.minimum(solution, top))
    return level


def _bends(rows: Rows, equity: Floats) -> Floats:
    """The level at which a book stands at an equity; +∞ without legs."""
    with np.errstate(divide="ignore", invalid="ignore"):
        level: Floats = np.where(rows.sigma_loss > 0, (equity - rows.maintenance) / rows.sigma_loss, np.inf)
    return level
