"""Smoothing: running medians, parabolas over flat places and running means, as TH1::Smooth does it."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.errors import BinningError
from hepnb.histograms.variations import same_bins

__all__ = ["smooth", "smooth_variation"]

_Values: TypeAlias = NDArray[np.float64]


def smooth(values: ArrayLike, times: int = 1) -> NDArray[np.float64]:
    """Smooth yields with the algorithm 353QH, twice.

    Parameters
    ----------
    values : array_like, shape (n_bins,)
        Yields, or ratios of yields. Fewer than three are left as they are.
    times : int
        How often it is done, as ``TH1::Smooth(times)``.

    Returns
    -------
    numpy.ndarray, shape (n_bins,)
        Never negative where no value was. Uncertainties play no part.

    Raises
    ------
    BinningError
        Where the values are not one row of finite numbers.

    Notes
    -----
    Running medians of 3, 5 and 3 neighbours; flat places of three at a local extremum are bent into a
    parabola (Q); running means with weights 1/4, 1/2, 1/4 (H). What all this took away is smoothed the
    same way and added again ("twicing"), so that peaks keep most of their height.

    References
    ----------
    J. H. Friedman, Proc. of the 1974 CERN School of Computing, CERN 74-23, p. 292.

    Examples
    --------
    >>> smooth([1, 3, 2, 5])
    array([1.  , 2.  , 3.25, 5.  ])
    """
    rough = np.array(values, dtype=np.float64)
    if rough.ndim != 1 or not np.isfinite(rough).all():
        raise BinningError("smoothing takes one row of finite numbers. Mend the weights, or project first.")
    if rough.size < 3:
        return rough
    for _ in range(times):
        lowest = rough.min()
        first = _353qh(rough)
        rough = first + _353qh(rough - first)
        if lowest >= 0:
            rough = np.maximum(rough, 0)
    return rough


def smooth_variation(nominal: ArrayLike, variation: ArrayLike) -> NDArray[np.float64]:
    """Smooth what a variation does to the nominal, and keep its sum.

    Parameters
    ----------
    nominal, variation : array_like, shape (n_bins,)
        Yields.

    Returns
    -------
    numpy.ndarray, shape (n_bins,)
        The nominal times the smoothed ratio of the two, brought to the variation's sum. Bins in which the
        nominal is not positive have no ratio, and stay as they are.

    Raises
    ------
    BinningError
        Where the numbers of bins differ.

    Examples
    --------
    >>> smooth_variation([100, 100, 100, 100], [101, 109, 103, 104]).round(2)
    array([102.35, 104.12, 105.14, 105.39])
    """
    first, second = same_bins(nominal, variation)
    filled = first > 0
    smoothed = second.copy()
    if np.count_nonzero(filled) < 3:
        return smoothed
    part = smooth(second[filled] / first[filled]) * first[filled]
    total = float(part.sum())
    smoothed[filled] = part * (float(second[filled].sum()) / total) if total > 0 else part
    return smoothed


def _353qh(values: _Values) -> _Values:
    return _means(_parabolas(_medians(values)))


def _medians(values: _Values) -> _Values:
    """Running medians of 3, 5 and 3."""
    smoothed = _of_three(values)
    # The ends: the median of the value, its neighbour, and where a line through the next two would lead.
    smoothed[0] = _middle(values[0], smoothed[1], 3 * smoothed[1] - 2 * smoothed[2])
    smoothed[-1] = _middle(values[-1], smoothed[-2], 3 * smoothed[-2] - 2 * smoothed[-3])
    return _of_three(_of_five(smoothed))


def _of_three(values: _Values) -> _Values:
    smoothed = values.copy()
    smoothed[1:-1] = np.median([values[:-2], values[1:-1], values[2:]], axis=0)
    return smoothed


def _of_five(values: _Values) -> _Values:
    smoothed = values.copy()
    n = values.size
    if n >= 5:
        smoothed[2:-2] = np.median([values[i : n - 4 + i] for i in range(5)], axis=0)
    smoothed[1] = np.median(values[:3])
    smoothed[-2] = np.median(values[-3:])
    return smoothed


def _middle(*three: float) -> float:
    return sorted(three)[1]


def _parabolas(values: _Values) -> _Values:
    """Bend flat places of three that are a peak or a valley."""
    bent = values.copy()
    for i in range(2, values.size - 2):
        if not values[i - 1] == values[i] == values[i + 1]:
            continue
        left, right = values[i - 2] - values[i], values[i + 2] - values[i]
        if left * right <= 0:
            continue
        # The parabola goes through the flat place, towards the side that is steeper.
        side = -1 if abs(right) > abs(left) else 1
        bent[i] = -0.5 * values[i - 2 * side] + values[i] / 0.75 + values[i + 2 * side] / 6
        bent[i + side] = 0.5 * (values[i + 2 * side] - values[i - 2 * side]) + values[i]
    return bent


def _means(values: _Values) -> _Values:
    smoothed = values.copy()
    smoothed[1:-1] = 0.25 * values[:-2] + 0.5 * values[1:-1] + 0.25 * values[2:]
    return smoothed
