"""Bins as wide as the density of the values allows: Bayesian blocks."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["bayesian_blocks"]

_MOST = 5_000  # values; the time grows with their square
_FALSE_POSITIVE = 0.05


def bayesian_blocks(values: NDArray[np.float64], p0: float = _FALSE_POSITIVE) -> NDArray[np.float64]:
    """Choose edges between which the density of the values is constant, as far as they tell.

    Parameters
    ----------
    values : ndarray, shape (n_values,)
        Finite, one at least. Of more than 5,000 every second, third, ... is taken.
    p0 : float
        About the probability of an edge that is none.

    Returns
    -------
    ndarray, shape (n_bins + 1,)
        From the least value to just above the largest.

    References
    ----------
    J. D. Scargle et al., Astrophys. J. 764 (2013) 167: the fitness of Eq. (19), the prior of Eq. (21), and
    the algorithm of appendix A.

    Examples
    --------
    >>> values = np.concatenate([np.linspace(0, 1, 300), np.linspace(1, 2, 60)])
    >>> bayesian_blocks(values).round(1)
    array([0., 1., 2.])
    """
    some = values[:: max(1, -(-values.size // _MOST))]
    places, counts = np.unique(some, return_counts=True)
    low, high = float(values.min()), float(values.max())
    above = high + max(1e-9 * (high - low), abs(float(np.spacing(high))))
    if places.size == 1:
        pad = max(0.5, 1e-6 * abs(low))
        return np.array([low - pad, high + pad])
    edges = np.concatenate([[low], (places[1:] + places[:-1]) / 2, [above]])
    prior = 4 - math.log(73.53 * p0 * some.size**-0.478)
    before = np.concatenate([[0], np.cumsum(counts)])
    best, start = np.zeros(places.size + 1), np.zeros(places.size, dtype=np.intp)
    for last in range(places.size):
        number = (before[last + 1] - before[: last + 1]).astype(np.float64)
        width = edges[last + 1] - edges[: last + 1]
        total = number * np.log(number / width) - prior + best[: last + 1]
        start[last] = int(np.argmax(total))
        best[last + 1] = total[start[last]]
    cuts, place = [places.size], places.size
    while place > 0:
        place = int(start[place - 1])
        cuts.append(place)
    return np.asarray(edges[cuts[::-1]], dtype=np.float64)
