"""How much of which books to close where sharing is not enough: `ballast.model.cutting` over arrays.

Arrays of books are accounts × books, the others [n]. Amounts are US dollars, shares fractions of a book.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ballast.model.vector.allocation import NOTHING, Rows
from ballast.model.vector.arrays import Flags, Floats, Index, clip

_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass(frozen=True)
class Candidates:
    """Books after perfect sharing and before cuts."""

    rows: Rows
    targets: Floats  # where sharing would leave them
    costs: Floats  # of closing all of it; +∞ where that cannot be
    active: Flags  # takes part: not ring-fenced
    tap: Flags  # what a cut frees can help others
    donor: Flags  # may give now, or stands just where donors must stop

    @property
    def may_be_cut(self) -> Flags:
        """Its market allows it, and it improves z, before and after sharing."""
        held = np.minimum(self.rows.equity, self.targets)
        able: Flags = self.active & (self.rows.sigma_loss > 0) & (held > self.costs)
        return able

    def short(self, z_delever: Floats) -> Flags:
        """Whether sharing leaves the book below `z_delever`."""
        lacks: Flags = (self.rows.sigma_loss > 0) & (self.targets < self.rows.at(z_delever))
        return lacks

    def helps(self, aim: Aim) -> Flags:
        """Whether cutting it frees money: not where the book has enough, but gives nothing, being no donor."""
        frees: Flags = self.tap & (self.donor | (self.rows.at(aim.z_reach) > self.rows.equity))
        return frees | self.short(aim.z_delever)


@dataclass(frozen=True)
class Aim:
    """What to cut for; arrays are [n]."""

    budget: Floats  # Σ equity + free cash
    z_delever: Floats  # cut where sharing leaves less
    z_reach: Floats  # cut until this
    z_target: Floats  # a book beyond it may have any share of the risk
    max_share: Floats  # of a book: most one call may cut
    max_sigma_loss: Floats  # of one book; +∞ = no matter how much
    risk_budget: Floats  # Σ sigma-loss of active books; +∞ = no matter how much


def cut_shares(books: Candidates, aim: Aim) -> Floats:
    """The share of each book to cut: the largest that any cause asks for, at most `max_share`."""
    rows, able = books.rows, books.may_be_cut
    shares = _for_distance(books, able, aim)
    limit = aim.max_sigma_loss[:, None]
    risky = able & (rows.sigma_loss > limit) & (rows.equity < rows.at(aim.z_target))
    if risky.any():
        excess = np.where(risky, rows.sigma_loss - 2 / 3 * limit, 0.0)
        shares = np.maximum(shares, _share(excess, rows.sigma_loss, aim.max_share[:, None]))
    return _for_budget(books, able, aim, shares)


def _for_distance(books: Candidates, able: Flags, aim: Aim) -> Floats:
    """Cuts that lift books from below `z_delever` to `z_reach`."""
    rows, most = books.rows, aim.max_share[:, None]
    short = books.active & books.short(aim.z_delever)
    needed = rows.at(aim.z_reach)
    freed = needed - np.where(able, books.costs, 0.0)
    shares = np.where(short & able, _share(needed - rows.high, freed, most), 0.0)

    open_ = able & books.helps(aim) & (freed > 0)
    wanting = (short & (books.targets < rows.high)).any(axis=1)
    lacking = np.where(wanting, clip(needed, rows.low, rows.high).sum(axis=1) - aim.budget, 0.0)
    nothing = NOTHING * np.abs(needed).sum(axis=1)
    for best in _by_score(needed, books.costs, open_):
        help_, own = best(freed), best(needed) - best(books.targets)
        wanted = np.where(best(books.tap), lacking, np.minimum(lacking, own))
        taken = best(shares)
        more = np.minimum(_share(wanted, help_, aim.max_share), aim.max_share - taken)
        more = np.where(best(open_) & (lacking > nothing), more, 0.0)
        best.put(shares, taken + more)
        lacking = lacking - more * help_
    return shares


def _for_budget(books: Candidates, able: Flags, aim: Aim, shares: Floats) -> Floats:
    """Where the account's sigma-loss breaks its budget: further cuts, down to nine tenths of it."""
    sigma_loss = np.where(books.active, books.rows.sigma_loss, 0.0)
    broken = sigma_loss.sum(axis=1) > aim.risk_budget
    if not broken.any():
        return shares
    target = np.where(broken, aim.risk_budget, 0.0) * 0.9
    excess = np.where(broken, (sigma_loss * (1 - shares)).sum(axis=1) - target, 0.0)
    nothing = NOTHING * sigma_loss.sum(axis=1)
    for best in _by_score(sigma_loss, books.costs, able):
        risk, taken = best(sigma_loss), best(shares)
        after = np.minimum(taken + _share(excess, risk, aim.max_share), aim.max_share)
        after = np.where(best(able) & (excess > nothing), np.maximum(taken, after), taken)
        best.put(shares, after)
        excess = excess - (after - taken) * risk
    return shares


class _Best:
    """One book of each account."""

    def __init__(self, books: Index) -> None:
        self._at = np.arange(len(books)), books

    def __call__(self, figures: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """Its figure [n]."""
        picked: NDArray[_Scalar] = figures[self._at]
        return picked

    def put(self, figures: Floats, figure: Floats) -> None:
        """Set it."""
        figures[self._at] = figure


def _by_score(value: Floats, cost: Floats, open_: Flags) -> list[_Best]:
    """The books of each account by value per cost, best first, of equals the first; those not open last."""
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(open_, value / cost, -np.inf)
    order = np.argsort(-score, axis=1, kind="stable")
    return [_Best(order[:, i]) for i in range(order.shape[1])]


def _share(amount: Floats, whole: Floats, largest: Floats) -> Floats:
    """min(amount / whole, largest), at least 0; all of it where `whole` is not positive."""
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(whole > 0, np.minimum(amount / whole, largest), largest)
    return np.where(amount > 0, part, 0.0)
