# pragma version 0.4.3
"""
@title Remedies: what sharing, borrowing and cutting start from
@license AGPL-3.0-only
@notice The pure part of a plan. From the books as they are found, and the policy, follow the rows of the allocation,
        the money it may use, who is short all the same, what may be cut and whether a cut is worth it.
"""

from interfaces import ICutPlanner
from interfaces import IRebalancer
from interfaces import IVault

from . import allocation
from . import valuation


MAX_ROWS: constant(uint256) = allocation.MAX_ROWS
WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10_000

# Money that sharing may use
struct Purse:
    spare: int256           # [wad] cash above the policy's reserve
    reserve: int256         # [wad] set aside for the keeper
    z_target: int256        # [wad] fill up to this


@internal
@pure
def _purse(rewarded: bool, treasury: IVault.Treasury, policy: IRebalancer.Policy, fees: uint256) -> Purse:
    """
    @dev Cash above the reserve; most the keeper may earn: what is left of the day's budget, nothing out of locked cash.
    """
    purse: Purse = Purse(
        spare=max(treasury.cash - convert(policy.treasury_reserve, int256), 0),
        reserve=0,
        z_target=convert(policy.z_target, int256),
    )
    if rewarded:
        left: uint256 = policy.max_fee_per_day - min(fees, policy.max_fee_per_day)
        purse.reserve = convert(min(policy.max_fee, left), int256)
        if treasury.locked != 0:
            purse.reserve = min(purse.reserve, max(treasury.cash - convert(treasury.locked, int256), 0))
    return purse


@internal
@pure
def _rows(
    books: DynArray[valuation.Book, MAX_ROWS], rooms: int256[MAX_ROWS], z_donor: int256
) -> DynArray[allocation.Row, MAX_ROWS]:
    """
    @dev The books within the bounds of policy and market. A book without legs needs nothing.
    """
    rows: DynArray[allocation.Row, MAX_ROWS] = []
    for book: valuation.Book in books:
        rows.append(allocation._bounded_row(
            book.equity,
            book.maintenance,
            book.sigma_loss,
            book.donor_floor,
            unsafe_add(book.equity, rooms[book.slot]),
            book.gates & valuation.FILL != 0 and book.sigma_loss != 0,
            book.gates & valuation.TAP != 0,
            z_donor,
        ))
    return rows


@internal
@pure
def _receivers(
    books: DynArray[valuation.Book, MAX_ROWS], rows: DynArray[allocation.Row, MAX_ROWS]
) -> DynArray[allocation.Row, MAX_ROWS]:
    """
    @dev The rows of a plan that borrows: no book gives, or its profit might be locked, and nothing is lent to an
         account with a lock; and the treasury does not borrow to repay itself.
    """
    receivers: DynArray[allocation.Row, MAX_ROWS] = []
    i: uint256 = 0
    for row: allocation.Row in rows:
        high: int256 = row.high if books[i].market != 0 else row.equity
        receivers.append(allocation._row(row.equity, row.maintenance, row.sigma_loss, row.equity, high))
        i = unsafe_add(i, 1)
    return receivers


@internal
@pure
def _share(rows: DynArray[allocation.Row, MAX_ROWS], purse: Purse) -> (allocation.Allocation, int256):
    """
    @dev The allocation with the keeper's reserve set aside, or without it where that leaves no solution; the reserve.
    """
    found: allocation.Allocation = allocation._allocate(rows, purse.spare - purse.reserve, purse.z_target)
    if found.solved:
        return found, purse.reserve
    return allocation._allocate(rows, purse.spare, purse.z_target), 0


@internal
@pure
def _is_short(
    books: DynArray[valuation.Book, MAX_ROWS],
    rows: DynArray[allocation.Row, MAX_ROWS],
    targets: int256[MAX_ROWS],
    z_delever: uint256,
    fillable: bool,
) -> bool:
    """
    @dev Whether perfect sharing leaves an active book short; `fillable`: one that may get more.
    """
    level: int256 = convert(z_delever, int256)
    i: uint256 = 0
    for row: allocation.Row in rows:
        if targets[i] < allocation._at_level(row.maintenance, row.sigma_loss, level):
            if row.sigma_loss != 0 and books[i].active and (not fillable or targets[i] < row.high):
                return True
        i = unsafe_add(i, 1)
    return False


@internal
@pure
def _aim(policy: IRebalancer.Policy, free: int256, equity: int256, frozen: uint256) -> ICutPlanner.Aim:
    """
    @dev What the policy wants cuts for, with the cash that sharing may use. Ratios to account equity do not count while
         a book is frozen.
    """
    aim: ICutPlanner.Aim = ICutPlanner.Aim(
        free=free,
        z_delever=convert(policy.z_delever, int256),
        z_reach=convert(policy.z_delever_target, int256),
        z_target=convert(policy.z_target, int256),
        max_share=convert(policy.max_delever * (WAD // BPS), int256),
        max_slippage=policy.max_slippage,
        max_sigma_loss=allocation.NEVER,
        risk_budget=allocation.NEVER,
    )
    if frozen == 0:
        aim.max_sigma_loss = convert(valuation._part(equity, policy.max_risk_share), int256)
        if policy.risk_budget != 0:
            aim.risk_budget = convert(valuation._part(equity, policy.risk_budget), int256)
    return aim


@internal
@pure
def _candidate(book: valuation.Book, row: allocation.Row, target: int256, asked: bool) -> ICutPlanner.Candidate:
    """
    @dev The book as cutting sees it; `asked`: it waits for a cut already.
    """
    return ICutPlanner.Candidate(
        implementation=book.implementation,
        exposure=book.exposure,
        equity=row.equity,
        maintenance=row.maintenance,
        sigma_loss=row.sigma_loss,
        low=row.low,
        high=row.high,
        target=target,
        active=book.active,
        cuttable=not asked and book.gates & valuation.REDUCE != 0,
        tap=book.gates & valuation.TAP != 0,
    )


@internal
@pure
def _is_relief(
    before: valuation.Book, after: valuation.Book, cost: uint256, held: int256, max_slippage: uint256
) -> bool:
    """
    @dev Whether a cut costs what it says and no more than allowed, adds no risk, and lifts z.
    """
    paid: int256 = convert(cost, int256)
    if after.equity != before.equity - paid or after.exposure > before.exposure:
        return False
    if after.maintenance > before.maintenance or after.sigma_loss > before.sigma_loss:
        return False
    if cost > (before.exposure - after.exposure) * max_slippage // BPS:
        return False
    if after.sigma_loss == 0:
        return held >= paid
    scaled_before: int256 = (held - before.maintenance) * after.sigma_loss
    return (held - paid - after.maintenance) * before.sigma_loss > scaled_before
