"""How high the worst-off books of an account can be raised, and who pays: `contracts/modules/allocation.vy`.

Amounts are USD [wad], levels one-sigma losses [wad].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ballast.model.fixed_point import WAD, clamp

NEVER = 2**255 - 1
_LOWEST = -(2**255)


@dataclass(frozen=True)
class Row:
    """One book, as far as its allocation goes."""

    equity: int  # [wad] e
    maintenance: int  # [wad] mm
    sigma_loss: int  # [wad] b
    low: int  # [wad] what it keeps at any level, ≤ e
    high: int  # [wad] what it may be filled to, ≥ e
    bend_low: int  # [wad] the last level at which it stands at `low`
    bend_high: int  # [wad] the last level below which it has not reached `high`


@dataclass(frozen=True)
class Allocation:
    """What to do with the books."""

    solved: bool  # false if the bounds of the books leave no solution
    level: int  # [wad] L
    donor_level: int  # [wad] λ ≥ L; NEVER if no book with legs gives
    need: int  # [wad] what the receivers get in all
    targets: tuple[int, ...]  # [wad] T(L)
    equities: tuple[int, ...]  # [wad] where the books end


def make_row(equity: int, maintenance: int, sigma_loss: int, low: int, high: int) -> Row:
    """A row with its bends. A book without legs stands at one equity, whatever the level."""
    if sigma_loss == 0:
        fixed = clamp(maintenance, low, high)
        return Row(equity, maintenance, 0, fixed, fixed, NEVER, NEVER)
    return Row(
        equity,
        maintenance,
        sigma_loss,
        low,
        high,
        (low - maintenance) * WAD // sigma_loss,
        (high - maintenance) * WAD // sigma_loss,
    )


def bounded_row(
    equity: int, maintenance: int, sigma_loss: int, donor_floor: int, cap: int, fund: bool, tap: bool, z_donor: int
) -> Row:
    """A row within the bounds that policy and market set."""
    low = min(equity, max(at_level(maintenance, sigma_loss, z_donor), donor_floor)) if tap else equity
    high = max(equity, cap) if fund else equity
    return make_row(equity, maintenance, sigma_loss, low, high)


def allocate(rows: Sequence[Row], free: int, top: int) -> Allocation:
    """Raise the worst-off books to the highest affordable level ≤ `top`: cash pays, then empty books, then the rich."""
    equities = [row.equity for row in rows]
    budget = free + sum(equities)
    if sum(row.low for row in rows) > budget:
        return Allocation(False, 0, NEVER, 0, (), tuple(equities))

    level = highest_level(rows, budget, top)
    targets = tuple(target(row, level) for row in rows)
    need = sum(max(0, aim - row.equity) for aim, row in zip(targets, rows, strict=True))
    equities = [max(row.equity, aim) for aim, row in zip(targets, rows, strict=True)]
    donor_level = NEVER
    if need > 0 and need > free:
        donor_level = _collect(rows, targets, equities, need - free)
    return Allocation(True, level, donor_level, need, targets, tuple(equities))


def _collect(rows: Sequence[Row], targets: Sequence[int], equities: list[int], shortage: int) -> int:
    """Take the shortage out of `equities`: from books without legs in their order, then from the richest."""
    donors = {}
    for i, (row, aim) in enumerate(zip(rows, targets, strict=True)):
        if aim >= row.equity:
            continue
        if row.sigma_loss == 0:
            given = min(shortage, row.equity - aim)
            equities[i] -= given
            shortage -= given
        else:
            donors[i] = make_row(row.equity, row.maintenance, row.sigma_loss, aim, row.equity)
    if shortage == 0:
        return NEVER

    budget = sum(donor.equity for donor in donors.values()) - shortage
    top = max(donor.bend_high for donor in donors.values())
    level = highest_level(tuple(donors.values()), budget, top)
    for i, donor in donors.items():
        equities[i] = target(donor, level)
    return level


def highest_level(rows: Sequence[Row], budget: int, top: int) -> int:
    """The highest whole level ≤ `top` at which Σ clamp(mm + L·b, low, high) ≤ `budget`, given that Σ low ≤ `budget`."""
    known = min([top, *(row.bend_low for row in rows)])  # affordable
    bound = trial = top  # nothing above `bound` is affordable, or allowed
    while known < bound:
        fixed, slope, left, right = _piece(rows, trial, top)
        rest = budget - fixed
        if slope > 0:
            solution = rest * WAD // slope
        else:
            solution = right if rest >= 0 else left
        if solution >= right:
            known = right
        elif solution > left:
            return solution
        else:
            bound = left
        trial = min(max(solution, known + 1), bound)
    return known


def _piece(rows: Sequence[Row], trial: int, top: int) -> tuple[int, int, int, int]:
    """fixed, slope, left, right: on the whole levels in (left, right] around `trial` the sum is fixed + L·slope."""
    fixed, slope, left, right = 0, 0, _LOWEST, top
    for row in rows:
        if trial <= row.bend_low:
            fixed += row.low
            right = min(right, row.bend_low)
        elif trial <= row.bend_high:
            fixed += row.maintenance
            slope += row.sigma_loss
            left = max(left, row.bend_low)
            right = min(right, row.bend_high)
        else:
            fixed += row.high
            left = max(left, row.bend_high)
    return fixed, slope, left, right


def target(row: Row, level: int) -> int:
    """Equity of the book at `level`: clamp(mm + ⌊L·b⌋, low, high)."""
    if level <= row.bend_low:
        return row.low
    if level > row.bend_high:
        return row.high
    return at_level(row.maintenance, row.sigma_loss, level)


def at_level(maintenance: int, sigma_loss: int, level: int) -> int:
    """u(L) = mm + ⌊L·b⌋."""
    return maintenance + level * sigma_loss // WAD
