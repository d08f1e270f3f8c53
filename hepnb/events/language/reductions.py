"""What becomes of the innermost lists: sums, counts, extremes and their places, calculated on flat elements.

The values are those of awkward's functions, except that NaN is left out of extremes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.events.language.nesting import Jagged, Nesting

__all__ = [
    "all_of",
    "any_of",
    "argmax",
    "argmin",
    "counts",
    "largest",
    "maxima",
    "minima",
    "smallest",
    "sums",
]

Flat = NDArray[Any]


def smallest(flat: Flat, nesting: Nesting) -> NDArray[np.int64]:
    """Give the flat number of the smallest element of each innermost list; -1 where there is none.

    NaN is left out. Of equal ones the first counts.

    Examples
    --------
    >>> smallest(np.array([3.0, 1.0, 1.0]), Nesting(2, (np.array([0, 3, 3]),)))
    array([ 1, -1])
    """
    return _best(flat, nesting, np.fmin)


def largest(flat: Flat, nesting: Nesting) -> NDArray[np.int64]:
    """Give the flat number of the largest element of each innermost list; -1 where there is none."""
    return _best(flat, nesting, np.fmax)


def _best(flat: Flat, nesting: Nesting, better: np.ufunc) -> NDArray[np.int64]:
    offsets = nesting.levels[-1]
    found = np.full(len(offsets) - 1, -1, np.int64)
    filled = np.flatnonzero(nesting.counts)
    if not len(filled):
        return found
    extreme = better.reduceat(flat, offsets[filled])
    hits = np.flatnonzero(flat == np.repeat(extreme, nesting.counts[filled]))
    # From the last to the first: the first of equal ones is what remains.
    found[nesting.parents[hits][::-1]] = hits[::-1]
    return found


def _extreme(better: np.ufunc, value: Jagged) -> Any:
    flat, nesting = value.flat, value.nesting
    if flat.dtype.kind not in "iuf":
        return None
    offsets, filled = nesting.levels[-1], np.flatnonzero(nesting.counts)
    some = better.reduceat(flat, offsets[filled]) if len(filled) else flat[:0]
    if len(filled) == len(nesting.counts):
        return nesting.outer.wrap(some)
    found = np.full(len(nesting.counts), np.nan)
    found[filled] = some
    return nesting.outer.wrap(found)


def _place(best: Callable[[Flat, Nesting], NDArray[np.int64]], value: Jagged) -> Any:
    if value.flat.dtype.kind not in "iuf":
        return None
    numbers = best(value.flat, value.nesting)
    places = numbers - value.nesting.levels[-1][:-1]
    missing = numbers < 0
    return value.nesting.outer.wrap(np.where(missing, np.nan, places) if missing.any() else places)


def minima(value: Jagged) -> Any:
    """Give the smallest number of each innermost list, NaN of an empty one; None for other types."""
    return _extreme(np.fmin, value)


def maxima(value: Jagged) -> Any:
    """Give the largest number of each innermost list, NaN of an empty one; None for other types."""
    return _extreme(np.fmax, value)


def argmin(value: Jagged) -> Any:
    """Give the place of the smallest number in each innermost list; None for other types."""
    return _place(smallest, value)


def argmax(value: Jagged) -> Any:
    """Give the place of the largest number in each innermost list; None for other types."""
    return _place(largest, value)


def sums(value: Jagged) -> Any:
    """Add up each innermost list of numbers in double precision; None for other types."""
    if value.flat.dtype != np.float64:
        return None
    nesting = value.nesting
    total = np.bincount(nesting.parents, value.flat, len(nesting.counts)).astype(np.float64, copy=False)
    return nesting.outer.wrap(total)


def _true(value: Jagged) -> NDArray[np.int64]:
    flat, offsets = value.flat, value.nesting.levels[-1]
    if flat.dtype != bool:
        flat = (flat != 0) & (flat == flat)  # noqa: PLR0124  # NaN is not true
    running = np.zeros(len(flat) + 1, np.int64)
    np.cumsum(flat, out=running[1:])
    return np.diff(running[offsets])


def counts(value: Jagged) -> Any:
    """Count the elements of each innermost list, of a condition those where it holds."""
    return value.nesting.outer.wrap(_true(value) if value.flat.dtype == bool else value.nesting.counts)


def any_of(value: Jagged) -> Any:
    """Tell of each innermost list whether an element is true."""
    return value.nesting.outer.wrap(_true(value) > 0)


def all_of(value: Jagged) -> Any:
    """Tell of each innermost list whether all elements are true."""
    return value.nesting.outer.wrap(_true(value) == value.nesting.counts)
