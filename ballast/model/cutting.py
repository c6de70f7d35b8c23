"""How much of which books to close where sharing is not enough: `contracts/modules/cutting.vy`.

Amounts are USD [wad], levels one-sigma losses [wad], shares of a book [wad].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ballast.model.allocation import NEVER, Row, at_level
from ballast.model.fixed_point import WAD, ceil_div, clamp


@dataclass(frozen=True)
class Candidate:
    """One book, after perfect sharing and before cuts."""

    row: Row
    target: int  # [wad] T: where sharing would leave it
    cost: int  # [wad] c·N of closing all of it, rounded up
    active: bool  # takes part: not ring-fenced
    cuttable: bool  # its market and its cost allow a cut
    tap: bool  # what a cut frees can help others
    in_market: bool = True  # else the treasury, which does not count against the risk budget

    @property
    def may_be_cut(self) -> bool:
        """Its market allows it, and it improves z, before and after sharing."""
        held = min(self.row.equity, self.target)
        return self.active and self.cuttable and self.row.sigma_loss > 0 and held > self.cost

    def needed(self, level: int) -> int:
        """u(level)."""
        return at_level(self.row.maintenance, self.row.sigma_loss, level)

    def helps(self, aim: Aim) -> bool:
        """Whether cutting it frees money: not where the book has enough, but gives nothing, being no donor."""
        if self.is_short(aim.z_delever):
            return True
        return self.tap and (self.row.low < self.row.equity or self.needed(aim.z_reach) > self.row.equity)

    def is_short(self, z_delever: int) -> bool:
        """Whether sharing leaves the book below `z_delever`."""
        return self.row.sigma_loss > 0 and self.target < self.needed(z_delever)


@dataclass(frozen=True)
class Aim:
    """What to cut for."""

    budget: int  # [wad] Σ equity + free cash
    z_delever: int  # [wad] cut where sharing leaves less
    z_reach: int  # [wad] cut until this
    z_target: int  # [wad] a book beyond it may have any share of the risk
    max_share: int  # [wad] of a book: most one call may cut
    max_sigma_loss: int = NEVER  # [wad] of one book
    risk_budget: int = NEVER  # [wad] Σ sigma-loss of active books


def cut_shares(books: Sequence[Candidate], aim: Aim) -> list[int]:
    """The share of each book to cut: the largest that any cause asks for, at most `max_share`."""
    shares = _for_distance(books, aim)
    for i, book in enumerate(books):
        if book.may_be_cut and book.row.sigma_loss > aim.max_sigma_loss and distance(book.row) < aim.z_target:
            excess = book.row.sigma_loss - 2 * aim.max_sigma_loss // 3
            shares[i] = max(shares[i], _share(excess, book.row.sigma_loss, aim.max_share))
    _for_budget(books, aim, shares)
    return shares


def distance(row: Row) -> int:
    """z of the book."""
    return (row.equity - row.maintenance) * WAD // row.sigma_loss if row.sigma_loss else NEVER


def _for_distance(books: Sequence[Candidate], aim: Aim) -> list[int]:
    """Cuts that lift books from below `z_delever` to `z_reach`."""
    shares = [0] * len(books)
    short = [book.active and book.is_short(aim.z_delever) for book in books]
    for i, book in enumerate(books):
        if short[i] and book.may_be_cut:
            needed = book.needed(aim.z_reach)
            shares[i] = _share(needed - book.row.high, needed - book.cost, aim.max_share)
    if not any(short[i] and book.target < book.row.high for i, book in enumerate(books)):
        return shares

    lacking = sum(clamp(book.needed(aim.z_reach), book.row.low, book.row.high) for book in books) - aim.budget
    open_ = [
        i
        for i, book in enumerate(books)
        if book.may_be_cut and book.helps(aim) and book.needed(aim.z_reach) > book.cost
    ]
    while lacking > 0 and open_:
        best = open_[0]
        for i in open_[1:]:
            if books[i].needed(aim.z_reach) * books[best].cost > books[best].needed(aim.z_reach) * books[i].cost:
                best = i
        needed = books[best].needed(aim.z_reach)
        wanted = lacking if books[best].tap else min(lacking, needed - books[best].target)
        more = min(_share(wanted, needed - books[best].cost, aim.max_share), aim.max_share - shares[best])
        shares[best] += more
        lacking -= more * (needed - books[best].cost) // WAD
        open_.remove(best)
    return shares


def _for_budget(books: Sequence[Candidate], aim: Aim, shares: list[int]) -> None:
    """Where the account's sigma-loss breaks its budget: further cuts, down to nine tenths of it."""
    counted = [i for i, book in enumerate(books) if book.active and book.in_market]
    if sum(books[i].row.sigma_loss for i in counted) <= aim.risk_budget:
        return
    left = sum(books[i].row.sigma_loss * (WAD - shares[i]) // WAD for i in counted)
    excess = left - aim.risk_budget * 9 // 10
    open_ = [i for i, book in enumerate(books) if book.may_be_cut]
    while excess > 0 and open_:
        best = open_[0]
        for i in open_[1:]:
            if books[i].row.sigma_loss * books[best].cost > books[best].row.sigma_loss * books[i].cost:
                best = i
        sigma_loss = books[best].row.sigma_loss
        after = max(shares[best], min(shares[best] + _share(excess, sigma_loss, aim.max_share), aim.max_share))
        excess -= (after - shares[best]) * sigma_loss // WAD
        shares[best] = after
        open_.remove(best)


def _share(amount: int, whole: int, largest: int) -> int:
    """min(⌈amount / whole⌉, largest), at least 0."""
    return 0 if amount <= 0 else min(ceil_div(amount * WAD, whole), largest)
