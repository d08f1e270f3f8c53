"""The values of a scan in an order and in batches that let it be drawn while it runs.

The first batch covers the whole range. All batches share the free fit and the one to the Asimov data, and the
fits of the later ones start between the minima of the earlier ones, so that a scan in batches takes little
longer than a scan at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from hepnb.limits.points import TestedPoints
from hepnb.limits.results import ScanResults
from hepnb.progress import Cancel, Stopped, stoppable
from hepnb.typing import FloatArray

__all__ = ["coarse_to_fine", "in_batches"]


# Seconds between two pictures; where the shared fits take less than the second, one at the end is enough.
_SECONDS, _QUICK = 0.25, 0.025
_FIRST, _FEWEST, _GROWTH = 9, 8, 4


def coarse_to_fine(n_points: int) -> list[int]:
    """Order points so that any beginning of the list covers the whole range.

    Parameters
    ----------
    n_points : int
        How many points the finished scan has.

    Returns
    -------
    list of int
        Each index once: both ends, the middle, the quarters, and so on.

    Examples
    --------
    >>> coarse_to_fine(9)
    [0, 8, 4, 2, 6, 1, 3, 5, 7]
    >>> coarse_to_fine(1)
    [0]
    """
    order = list(dict.fromkeys([0, n_points - 1]))
    cells = 1
    while len(order) < n_points:
        cells *= 2
        between = [round(k * (n_points - 1) / cells) for k in range(1, cells, 2)]
        known = set(order)
        order += [index for index in dict.fromkeys(between) if index not in known]
        if cells > 2 * n_points:
            order += sorted(set(range(n_points)) - set(order))
    return order


def in_batches(
    points: TestedPoints, mu: FloatArray, begin: float, cancel: Cancel | None = None
) -> Iterator[ScanResults]:
    """Test values of the POI batch by batch.

    Parameters
    ----------
    points : TestedPoints
        Where they are tested; its shared fits are done.
    mu : ndarray, shape (k,)
        Values of the POI, ascending.
    begin : float
        When the shared fits began, by ``time.perf_counter``: they say how long a batch takes.
    cancel : Cancel, optional
        Asked before each batch and in each step of its fits; the points of a batch that is stopped are lost.

    Yields
    ------
    ScanResults
        All points so far, after each batch.
    """
    order = coarse_to_fine(mu.size)
    quick = time.perf_counter() - begin < _QUICK
    done, size = 0, mu.size if quick else _FIRST
    while done < mu.size and not (cancel is not None and cancel.is_set()):
        chunk = np.sort(mu[order[done : done + size]])
        start = time.perf_counter()
        try:
            with stoppable(cancel):
                points.test(chunk)
        except Stopped:
            return
        done += chunk.size
        per_point = max(time.perf_counter() - start, 1e-6) / chunk.size
        size = int(np.clip(_SECONDS / per_point, _FEWEST, _GROWTH * size))
        yield points.scan
