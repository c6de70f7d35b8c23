# pragma version 0.4.3
"""
@title Cutting: how much of which books to close where sharing is not enough
@license AGPL-3.0-only
@notice A cut of the share x of a book costs x·c·N and scales what the book needs at a level by 1 − x. So the share that
        brings a book with equity e to what it needs, u, is (u − e) / (u − c·N); and a cut improves z only where
        e > c·N. Figures are bounded by ±2^112 [wad], shares are in [0, 1] [wad].
"""

from interfaces import ICutPlanner

from . import allocation

MAX_ROWS: constant(uint256) = allocation.MAX_ROWS
WAD: constant(int256) = 10**18

# One book, after perfect sharing and before cuts
struct Candidate:
    equity: int256          # [wad]
    maintenance: int256     # [wad]
    sigma_loss: int256      # [wad]
    low: int256             # [wad] what it keeps at any level
    high: int256            # [wad] what it may be filled to
    target: int256          # [wad] T: where sharing would leave it
    cost: int256            # [wad] c·N of closing all of it, rounded up; allocation.NEVER if it cannot be cut
    active: bool            # takes part: not ring-fenced
    budgeted: bool          # its sigma-loss counts against the risk budget: as the others', but the treasury's
    tap: bool               # what a cut frees can help others


@internal
@pure
def _shares(books: DynArray[Candidate, MAX_ROWS], aim: ICutPlanner.Aim) -> int256[MAX_ROWS]:
    """
    @dev The share of each book to cut [wad]: the largest that any cause asks for, at most `max_share`.
    """
    shares: int256[MAX_ROWS] = self._for_distance(books, aim)
    i: uint256 = 0
    for book: Candidate in books:
        z: int256 = self._distance(book)
        if self._may_cut(book) and book.sigma_loss > aim.max_sigma_loss and z < aim.z_target:
            # a narrow stop costs little less and comes back soon: go to two thirds
            excess: int256 = book.sigma_loss - 2 * aim.max_sigma_loss // 3
            shares[i] = max(shares[i], self._share(excess, book.sigma_loss, aim.max_share))
        i += 1
    return self._for_budget(books, aim, shares)


@internal
@pure
def _for_distance(books: DynArray[Candidate, MAX_ROWS], aim: ICutPlanner.Aim) -> int256[MAX_ROWS]:
    """
    @dev Cuts that lift books from below `z_delever` to `z_reach`. What a short book needs beyond the most it may hold
         (containment, or never to be filled) only a cut of its own can relieve; if the others lack money in common,
         those books are cut, further, that free most of it per dollar of cost.
    """
    shares: int256[MAX_ROWS] = empty(int256[MAX_ROWS])
    lacking: int256 = -aim.free  # what all would need in order to stand at z_reach, beyond what there is
    pooled: bool = False
    i: uint256 = 0
    for book: Candidate in books:
        needed: int256 = self._needed(book, aim.z_reach)
        lacking += min(max(needed, book.low), book.high) - book.equity
        if book.active and self._is_short(book, aim.z_delever):
            if book.target < book.high:
                pooled = True
            if self._may_cut(book):
                shares[i] = self._share(needed - book.high, needed - book.cost, aim.max_share)
        i += 1
    if not pooled:
        return shares

    done: bool[MAX_ROWS] = empty(bool[MAX_ROWS])
    for _: uint256 in range(MAX_ROWS):
        if lacking <= 0:
            break
        best: uint256 = MAX_ROWS
        best_needed: int256 = 0
        best_cost: int256 = 0
        i = 0
        for book: Candidate in books:
            needed: int256 = self._needed(book, aim.z_reach)
            # a healthy book that gives nothing, being too near to its own end for a donor, frees nothing either
            helps: bool = book.tap and (book.low < book.equity or needed > book.equity)
            helps = helps or self._is_short(book, aim.z_delever)
            if self._may_cut(book) and helps and not done[i] and needed > book.cost:
                if best == MAX_ROWS or needed * best_cost > best_needed * book.cost:
                    best = i
                    best_needed = needed
                    best_cost = book.cost
            i += 1
        if best == MAX_ROWS:
            break
        wanted: int256 = lacking
        if not books[best].tap:
            wanted = min(lacking, best_needed - books[best].target)  # its own need is all it can relieve
        relief: int256 = best_needed - best_cost  # of closing all of it
        more: int256 = min(self._share(wanted, relief, aim.max_share), aim.max_share - shares[best])
        shares[best] += more
        lacking -= more * relief // WAD
        done[best] = True
    return shares


@internal
@pure
def _for_budget(
    books: DynArray[Candidate, MAX_ROWS], aim: ICutPlanner.Aim, chosen: int256[MAX_ROWS]
) -> int256[MAX_ROWS]:
    """
    @dev Where the account's sigma-loss breaks its budget: cuts down to nine tenths of it, on top of those chosen, where
         a dollar of cost frees most of it.
    """
    shares: int256[MAX_ROWS] = chosen
    total: int256 = 0
    rest: int256 = 0
    i: uint256 = 0
    for book: Candidate in books:
        if book.budgeted:
            total += book.sigma_loss
            rest += book.sigma_loss * (WAD - shares[i]) // WAD
        i += 1
    if total <= aim.risk_budget:
        return shares

    excess: int256 = rest - aim.risk_budget * 9 // 10
    done: bool[MAX_ROWS] = empty(bool[MAX_ROWS])
    for _: uint256 in range(MAX_ROWS):
        if excess <= 0:
            break
        best: uint256 = MAX_ROWS
        i = 0
        for book: Candidate in books:
            if self._may_cut(book) and not done[i]:
                if best == MAX_ROWS:
                    best = i
                elif book.sigma_loss * books[best].cost > books[best].sigma_loss * book.cost:
                    best = i
            i += 1
        if best == MAX_ROWS:
            break
        sigma_loss: int256 = books[best].sigma_loss
        more: int256 = self._share(excess, sigma_loss, aim.max_share)
        after: int256 = max(shares[best], min(shares[best] + more, aim.max_share))
        excess -= (after - shares[best]) * sigma_loss // WAD
        shares[best] = after
        done[best] = True
    return shares


@internal
@pure
def _may_cut(book: Candidate) -> bool:
    """
    @dev Its market allows it, and it improves z, before and after sharing: nothing holds more than NEVER.
    """
    return book.active and book.sigma_loss > 0 and min(book.equity, book.target) > book.cost


@internal
@pure
def _is_short(book: Candidate, z_delever: int256) -> bool:
    """
    @dev Whether sharing leaves the book below `z_delever`.
    """
    return book.sigma_loss > 0 and book.target < self._needed(book, z_delever)


@internal
@pure
def _needed(book: Candidate, level: int256) -> int256:
    """
    @dev u(level) [wad].
    """
    return allocation._at_level(book.maintenance, book.sigma_loss, level)


@internal
@pure
def _distance(book: Candidate) -> int256:
    """
    @dev z of the book [wad].
    """
    if book.sigma_loss == 0:
        return allocation.NEVER
    return allocation._floor_ratio(book.equity - book.maintenance, book.sigma_loss)


@internal
@pure
def _share(amount: int256, whole: int256, largest: int256) -> int256:
    """
    @dev min(⌈amount / whole⌉, largest) [wad], at least 0. `whole` is positive: a sigma-loss, or what a book needs
         beyond the cost of a cut, which is less than it holds.
    """
    if amount <= 0:
        return 0
    return min((amount * WAD + (whole - 1)) // whole, largest)
