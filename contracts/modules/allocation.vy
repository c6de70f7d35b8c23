# pragma version 0.4.3
"""
@title Allocation: how high the worst-off books of an account can be raised, and who pays
@license AGPL-3.0-only
@notice A book at level L (how many one-sigma losses it is from liquidation) has equity mm + L·b, within its own
        bounds. The highest level that the account can afford is found exactly, by jumping between the bends of a
        piecewise linear function: plain Newton is wrong (the function is neither convex nor concave), bisection is
        dear. The same search then finds the level down to which the richest books are shaved.
@dev All figures are bounded by ±2^112, so are the sums of nine by ±2^116: their product with a wad fits in int256
     with room to spare. That is the reason for every `unsafe_*` here, unless another one is given.
"""

MAX_ROWS: constant(uint256) = 9     # eight books and the treasury
WAD: constant(int256) = 10**18
NEVER: constant(int256) = max_value(int256)

# One book, as far as its allocation goes
struct Row:
    equity: int256          # [wad] e
    maintenance: int256     # [wad] mm
    sigma_loss: int256      # [wad] b
    low: int256             # [wad] what it keeps at any level, ≤ e
    high: int256            # [wad] what it may be filled to, ≥ e
    bend_low: int256        # [wad] the last level at which it stands at `low`
    bend_high: int256       # [wad] the last level below which it has not reached `high`

# What to do with the books
struct Allocation:
    solved: bool            # false if the bounds of the books leave no solution
    level: int256           # [wad] L
    donor_level: int256     # [wad] λ ≥ L; NEVER if no book with legs gives
    need: int256            # [wad] what the receivers get in all
    targets: int256[MAX_ROWS]  # [wad] T(L), by row
    equities: int256[MAX_ROWS] # [wad] where the books end, by row


@internal
@pure
def _row(equity: int256, maintenance: int256, sigma_loss: int256, low: int256, high: int256) -> Row:
    """
    @dev A row with its bends. A book without legs stands at one equity, whatever the level.
    """
    if sigma_loss == 0:
        fixed: int256 = min(max(maintenance, low), high)
        return Row(
            equity=equity,
            maintenance=maintenance,
            sigma_loss=0,
            low=fixed,
            high=fixed,
            bend_low=NEVER,
            bend_high=NEVER,
        )
    # `_floor_ratio` twice, written out: rows are what the allocation spends most on
    scaled: int256 = unsafe_mul(unsafe_sub(low, maintenance), WAD)
    bend_low: int256 = unsafe_div(scaled, sigma_loss)
    if scaled < 0:
        bend_low = unsafe_sub(bend_low, convert(scaled % sigma_loss != 0, int256))
    bend_high: int256 = bend_low
    if high != low:
        scaled = unsafe_mul(unsafe_sub(high, maintenance), WAD)
        bend_high = unsafe_div(scaled, sigma_loss)
        if scaled < 0:
            bend_high = unsafe_sub(bend_high, convert(scaled % sigma_loss != 0, int256))
    return Row(
        equity=equity,
        maintenance=maintenance,
        sigma_loss=sigma_loss,
        low=low,
        high=high,
        bend_low=bend_low,
        bend_high=bend_high,
    )


@internal
@pure
def _bounded_row(
    equity: int256,
    maintenance: int256,
    sigma_loss: int256,
    donor_floor: int256,
    cap: int256,
    fund: bool,
    tap: bool,
    z_donor: int256,
) -> Row:
    """
    @dev A row within the bounds that policy and market set. The specification lets a donor keep
         lo(L) = min(e, max(u(L), f)), with f its floor at `z_donor` and u(L) = mm + ⌊L·b⌋. Clamping u(L) from below by
         lo(L) or by s = min(e, f) is the same: where u(L) ≤ s both give s, and else both give u(L), or `high` above it.
    """
    low: int256 = equity
    if tap and donor_floor < equity:
        low = min(equity, max(self._at_level(maintenance, sigma_loss, z_donor), donor_floor))
    high: int256 = equity
    if fund:
        high = max(equity, cap)
    return self._row(equity, maintenance, sigma_loss, low, high)


@internal
@pure
def _allocate(rows: DynArray[Row, MAX_ROWS], free: int256, top: int256) -> Allocation:
    """
    @dev Raise the worst-off books to the highest affordable level ≤ `top`. `free` cash [wad] pays first (negative: a
         sum that must be left over), then books without legs in their order, then the richest. What rounding takes
         too much from donors, less than a wei each, is the treasury's.
    """
    found: Allocation = empty(Allocation)
    found.donor_level = NEVER
    budget: int256 = free
    least: int256 = 0
    for row: Row in rows:
        budget = unsafe_add(budget, row.equity)
        least = unsafe_add(least, row.low)
    if least > budget:
        return found

    found.solved = True
    found.level = self._level(rows, budget, top)
    i: uint256 = 0
    for row: Row in rows:
        target: int256 = row.low
        if found.level > row.bend_high:
            target = row.high
        elif found.level > row.bend_low:
            target = self._at_level(row.maintenance, row.sigma_loss, found.level)
        found.targets[i] = target
        found.equities[i] = row.equity
        if target > row.equity:
            found.equities[i] = target
            found.need = unsafe_add(found.need, unsafe_sub(target, row.equity))
        i = unsafe_add(i, 1)
    shortage: int256 = unsafe_sub(found.need, free)
    if found.need == 0 or shortage <= 0:
        return found
    return self._collect(rows, found, shortage)


@internal
@pure
def _collect(rows: DynArray[Row, MAX_ROWS], allocation: Allocation, amount: int256) -> Allocation:
    """
    @dev Take `amount` [wad] for the receivers: from books without legs in their order, then from the richest.
    """
    found: Allocation = allocation
    shortage: int256 = amount
    budget: int256 = 0
    top: int256 = min_value(int256)
    donors: DynArray[Row, MAX_ROWS] = []
    places: DynArray[uint256, MAX_ROWS] = []
    i: uint256 = 0
    for row: Row in rows:
        target: int256 = found.targets[i]
        if target < row.equity:
            if row.sigma_loss == 0:
                given: int256 = min(shortage, unsafe_sub(row.equity, target))
                found.equities[i] = unsafe_sub(row.equity, given)
                shortage = unsafe_sub(shortage, given)
            else:
                donor: Row = self._row(row.equity, row.maintenance, row.sigma_loss, target, row.equity)
                budget = unsafe_add(budget, row.equity)
                if donor.bend_high > top:
                    top = donor.bend_high
                donors.append(donor)
                places.append(i)
        i = unsafe_add(i, 1)
    if shortage == 0:
        return found

    # the targets are affordable, so the donors can pay down to them
    found.donor_level = self._level(donors, unsafe_sub(budget, shortage), top)
    i = 0
    for donor: Row in donors:
        found.equities[places[i]] = self._target(donor, found.donor_level)
        i = unsafe_add(i, 1)
    return found


@internal
@pure
def _level(rows: DynArray[Row, MAX_ROWS], budget: int256, top: int256) -> int256:
    """
    @dev The highest whole level ≤ `top` at which Σ clamp(mm + L·b, low, high) ≤ `budget`, given that Σ low ≤ `budget`.
         The sum is nondecreasing and linear between bends: each turn solves the linear piece at `trial` and either
         ends or discards that piece; nine rows have 19.
    """
    known: int256 = min_value(int256)  # affordable
    bound: int256 = top  # nothing above is affordable, or allowed
    trial: int256 = top
    for _: uint256 in range(2 * MAX_ROWS + 1):
        if known == bound:
            break

        # on the whole levels in (left, right] the sum is fixed + L·slope
        fixed: int256 = 0
        slope: int256 = 0
        left: int256 = min_value(int256)
        right: int256 = top
        for row: Row in rows:
            if trial <= row.bend_low:
                fixed = unsafe_add(fixed, row.low)
                if row.bend_low < right:
                    right = row.bend_low
            elif trial <= row.bend_high:
                fixed = unsafe_add(fixed, row.maintenance)
                slope = unsafe_add(slope, row.sigma_loss)
                if row.bend_low > left:
                    left = row.bend_low
                if row.bend_high < right:
                    right = row.bend_high
            else:
                fixed = unsafe_add(fixed, row.high)
                if row.bend_high > left:
                    left = row.bend_high

        rest: int256 = unsafe_sub(budget, fixed)
        solution: int256 = left
        if slope > 0:
            solution = self._floor_ratio(rest, slope)
        elif rest >= 0:
            solution = right
        if solution >= right:
            known = right
        elif solution > left:
            return solution
        else:
            bound = left
        trial = min(max(solution, unsafe_add(known, 1)), bound)
    return known


@internal
@pure
def _target(row: Row, level: int256) -> int256:
    """
    @dev Equity of the book at `level`: clamp(mm + ⌊L·b⌋, low, high). Between its bends L·b is bounded as high − mm is.
    """
    if level <= row.bend_low:
        return row.low
    if level > row.bend_high:
        return row.high
    return self._at_level(row.maintenance, row.sigma_loss, level)


@internal
@pure
def _at_level(maintenance: int256, sigma_loss: int256, level: int256) -> int256:
    """
    @dev u(L) = mm + ⌊L·b⌋, for |L·b| < 2^255.
    """
    product: int256 = unsafe_mul(level, sigma_loss)
    share: int256 = unsafe_div(product, WAD)
    if product < 0:  # `%` has the sign of the dividend
        share = unsafe_sub(share, convert(product % WAD != 0, int256))
    return unsafe_add(maintenance, share)


@internal
@pure
def _floor_ratio(amount: int256, sigma_loss: int256) -> int256:
    """
    @dev ⌊amount / b⌋ [wad], b > 0.
    """
    product: int256 = unsafe_mul(amount, WAD)
    ratio: int256 = unsafe_div(product, sigma_loss)
    if product < 0:  # `%` has the sign of the dividend
        ratio = unsafe_sub(ratio, convert(product % sigma_loss != 0, int256))
    return ratio
