"""Bounds between random numbers that share out events exactly, however many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["exact_bounds"]

_BINS = 2**16


def exact_bounds(
    numbers: Callable[[], Iterable[NDArray[np.float64]]], bounds: Sequence[float]
) -> list[float]:
    """Move bounds so that below each is exactly its share of all numbers.

    The numbers are read twice: they are counted in bins, then those of the bins with a bound are sorted.

    Parameters
    ----------
    numbers : callable
        Gives the random numbers of all events, in [0, 1), piece by piece; the same each time.
    bounds : sequence of float
        Shares between 0 and 1, rising.

    Returns
    -------
    list of float
        Below each are the nearest whole number of events to its share.

    Examples
    --------
    >>> low, high = exact_bounds(lambda: [np.array([0.1, 0.9, 0.3]), np.array([0.7])], [0.25, 0.75])
    >>> 0.1 < low <= 0.3, 0.7 < high <= 0.9
    (True, True)
    """
    counts = np.zeros(_BINS, dtype=np.int64)
    for piece in numbers():
        counts += np.bincount((piece * _BINS).astype(np.int64), minlength=_BINS)
    below = np.concatenate(([0], np.cumsum(counts)))
    n = int(below[-1])
    ranks = {bound: round(bound * n) for bound in bounds if 0 < round(bound * n) < n}
    places = {bound: int(np.searchsorted(below, rank, side="right")) - 1 for bound, rank in ranks.items()}
    wanted = np.array(sorted(set(places.values())), dtype=np.int64)
    found: dict[int, list[NDArray[np.float64]]] = {place: [] for place in wanted.tolist()}
    for piece in numbers() if found else ():
        bins = (piece * _BINS).astype(np.int64)
        for place, parts in found.items():
            parts.append(piece[bins == place])
    values = {place: np.sort(np.concatenate(parts)) for place, parts in found.items()}
    moved = []
    for bound in bounds:
        if bound in ranks:
            place = places[bound]
            moved.append(float(values[place][ranks[bound] - below[place]]))
        else:
            # All of them or none.
            moved.append(0.0 if round(bound * n) == 0 else 1.0)
    return moved
