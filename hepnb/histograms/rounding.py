"""Ranges with round edges."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["are_whole", "nice_range", "whole_bins"]


def nice_range(low: float, high: float, most: int = 100) -> tuple[int, float, float]:
    """Steps of 1, 2 or 5 times a power of ten that cover a range.

    Parameters
    ----------
    low, high : float
        The range.
    most : int
        At most about so many steps.

    Returns
    -------
    n, low, high : int, float, float
        Number of steps, and the range that they cover.

    Examples
    --------
    >>> nice_range(0.3, 97.2), nice_range(-1.0, 1.0)
    ((98, 0.0, 98.0), (100, -1.0, 1.0))
    """
    factor, power = _step((high - low) / most)
    # Whole numbers of 10**power keep the ends free of rounding dust.
    first = math.floor(low / (factor * 10.0**power) + 1e-9)
    last = max(math.ceil(high / (factor * 10.0**power) - 1e-9), first + 1)
    ends = [float(f"{place * factor}e{power}") for place in (first, last)]
    return last - first, ends[0], ends[1]


def whole_bins(low: float, high: float, most: int = 100) -> tuple[int, float, float]:
    """Equal bins that hold whole numbers, the same number of them each.

    Parameters
    ----------
    low, high : float
        The smallest and the largest value.
    most : int
        At most so many bins.

    Returns
    -------
    n, low, high : int, float, float
        As :func:`hepnb.histograms.axis` takes them; the edges lie between whole numbers.

    Examples
    --------
    >>> whole_bins(0, 8), whole_bins(-1, 1), whole_bins(0, 999, most=100)
    ((9, -0.5, 8.5), (3, -1.5, 1.5), (100, -0.5, 999.5))
    """
    first, last = math.floor(low), math.floor(high)
    step = 1
    if last - first + 1 > most:
        factor, power = _step((last - first + 1) / most)
        step = int(factor * 10**power)
        first = math.floor(first / step) * step
    number = math.ceil((last - first + 1) / step)
    return number, first - 0.5, first - 0.5 + number * step


def _step(width: float) -> tuple[int, int]:
    """Return the next step of 1, 2 or 5 times a power of ten, as factor and power."""
    power = math.floor(math.log10(width)) if width > 0 else 0
    factor = next(factor for factor in (1, 2, 5, 10) if factor * 10.0**power >= width * (1 - 1e-9))
    return factor, power


def are_whole(values: ArrayLike, most: int = 100) -> bool:
    """Return whether values are whole numbers that are worth a bin each.

    Parameters
    ----------
    values : array_like
        What is not finite does not count.
    most : int
        The largest distance between two of them.

    Returns
    -------
    bool
        False where there are none.

    Examples
    --------
    >>> are_whole([1.0, 3.0]), are_whole([0.5, 1.0]), are_whole([0.0, 5000.0])
    (True, False, False)
    """
    numbers = np.asarray(values, dtype=np.float64).ravel()
    numbers = numbers[np.isfinite(numbers)]
    if not numbers.size or float(np.ptp(numbers)) > most:
        return False
    return bool(np.all(numbers == np.rint(numbers)))
