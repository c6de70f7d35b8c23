# pragma version 0.4.3
# pragma evm-version cancun
"""
@title The allocation's mathematics, callable
@license AGPL-3.0-only
@notice For the differential test and for measuring the gas of the mathematics alone. No part of the protocol.
"""

from contracts.modules import allocation

MAX_ROWS: constant(uint256) = allocation.MAX_ROWS

struct Book:
    equity: int256          # [wad]
    maintenance: int256     # [wad]
    sigma_loss: int256      # [wad]
    donor_floor: int256     # [wad]
    cap: int256             # [wad]
    fund: bool
    tap: bool


@external
@pure
def level(rows: DynArray[allocation.Row, MAX_ROWS], budget: int256, top: int256) -> int256:
    """
    @notice The highest whole level that the budget pays for.
    @param rows Books with their bends.
    @param budget [wad]
    @param top Highest level wanted [wad].
    @return The level [wad].
    """
    return allocation._level(rows, budget, top)


@external
@pure
def allocate(
    books: DynArray[Book, MAX_ROWS], free: int256, z_target: int256, z_donor: int256
) -> allocation.Allocation:
    """
    @notice The whole allocation.
    @param books The participating books.
    @param free Free cash less the reserve [wad].
    @param z_target Fill up to this [wad].
    @param z_donor No donor goes below this [wad].
    @return What to do.
    """
    return allocation._allocate(self._rows(books, z_donor), free, z_target)


@external
@view
def gas_of_allocation(
    books: DynArray[Book, MAX_ROWS], free: int256, z_target: int256, z_donor: int256
) -> uint256:
    """
    @notice The gas of `allocate` without decoding and encoding; the bounds of the books included.
    @param books The participating books.
    @param free Free cash less the reserve [wad].
    @param z_target Fill up to this [wad].
    @param z_donor No donor goes below this [wad].
    @return Gas.
    """
    before: uint256 = msg.gas
    found: allocation.Allocation = allocation._allocate(self._rows(books, z_donor), free, z_target)
    return before - msg.gas


@internal
@pure
def _rows(books: DynArray[Book, MAX_ROWS], z_donor: int256) -> DynArray[allocation.Row, MAX_ROWS]:
    """
    @dev The books within their bounds.
    """
    rows: DynArray[allocation.Row, MAX_ROWS] = []
    for book: Book in books:
        rows.append(
            allocation._bounded_row(
                book.equity,
                book.maintenance,
                book.sigma_loss,
                book.donor_floor,
                book.cap,
                book.fund,
                book.tap,
                z_donor,
            )
        )
    return rows
