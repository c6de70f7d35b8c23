"""Arrays of accounts and of books."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Index = NDArray[np.intp]

_Scalar = TypeVar("_Scalar", bound=np.generic)

_KEPT = 4_190_000  # figures of an array just below 32 MiB, the largest that counts


def _keep_freed_memory() -> None:
    """Have glibc keep freed memory: else it goes back at once, and each new array costs a page fault for every 4 kB.

    Having once freed an array of this size, it keeps up to twice as much. It halves the time of all that follows.
    """
    np.empty(_KEPT)


_keep_freed_memory()


def by_market(figures: ArrayLike) -> Floats:
    """A copy, accounts × markets, laid out market by market."""
    return np.array(figures, dtype=np.float64, order="F", copy=True)


def pick(array: NDArray[_Scalar], accounts: Index) -> NDArray[_Scalar]:
    """The rows of some accounts, in the layout of the whole."""
    if array.ndim == 1:
        return array[accounts]
    picked: NDArray[_Scalar] = np.take(array.T, accounts, axis=1).T
    return picked


def clip(figures: Floats, low: Floats, high: Floats) -> Floats:
    """min(max(x, low), high): the upper bound last."""
    bounded: Floats = np.minimum(np.maximum(figures, low), high)
    return bounded
