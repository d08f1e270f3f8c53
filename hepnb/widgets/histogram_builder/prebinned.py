"""Histograms that follow a slider at a cost that does not depend on the number of events."""

from __future__ import annotations

import functools
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from hepnb.figures.content import Content
from hepnb.histograms.coordinates import exact_edges, exact_places
from hepnb.progress import Progress

__all__ = ["MOST_BINS", "Prebinned", "fine_edges"]

MOST_BINS = 128
"""Up to here every number of bins is an exact merge of the fine bins."""


@functools.cache
def _farey(most: int) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """All k/n with n up to ``most``, in order (the Farey sequence), their k and n.

    Equal fractions have equal bits.
    """
    totals = np.concatenate([np.full(n + 1, n) for n in range(1, most + 1)])
    parts = np.concatenate([np.arange(n + 1) for n in range(1, most + 1)])
    fractions, first = np.unique(parts / totals, return_index=True)
    return fractions, parts[first], totals[first]


def _fractions(most: int) -> NDArray[np.float64]:
    return _farey(most)[0]


def fine_edges(low: float, high: float, most: int = MOST_BINS) -> NDArray[np.float64]:
    """Edges that hold those of every equal binning of a range with up to ``most`` bins.

    Parameters
    ----------
    low, high : float
        The range.
    most : int
        Largest number of bins.

    Returns
    -------
    ndarray, shape (about 0.3 most**2,)
        In order.

    Examples
    --------
    >>> fine_edges(0.0, 12.0, most=4).tolist()
    [0.0, 3.0, 4.0, 6.0, 8.0, 9.0, 12.0]
    """
    _, parts, totals = _farey(most)
    return exact_places(low, high, parts, totals)


@final
class Prebinned:
    """One pass over the events, then any number of bins and any place of one cut.

    Parameters
    ----------
    source : Tree
        Anything with ``cube(expression, bins, by, weight, cut=)``.
    expression : str
        What is histogrammed.
    limits : (float, float)
        Range of the histogram.
    cut, weight : str, optional
        As for the histogram.
    variable : str
        What the moving cut is on; "" for none.
    places : (n, low, high), optional
        Where the moving cut can stand.
    scale : float
        A factor on the yields.
    entries : (int or None, int or None)
        First entry, and the one behind the last.
    progress : callable, optional
        Called with (entries done, entries in all).
    """

    def __init__(
        self,
        source: Any,
        expression: str,
        limits: tuple[float, float],
        *,
        cut: str | None = None,
        weight: str | None = None,
        variable: str = "",
        places: tuple[int, float, float] | None = None,
        scale: float = 1.0,
        entries: tuple[int | None, int | None] = (None, None),
        progress: Progress | None = None,
    ) -> None:
        self._limits = limits
        by = {variable: places} if variable and places is not None else {}
        cube = source.cube(
            expression, fine_edges(*limits).tolist(), by, weight=weight, cut=cut, entry_start=entries[0],
            entry_stop=entries[1], progress=progress,
        )  # fmt: skip
        self._title = str(cube.axis.label or expression)
        self._places: NDArray[np.float64] | None = cube.edges[variable] if by else None
        self._all = [
            self._sums(part, scale**power) for part, power in ((cube.values, 1), (cube.variances, 2))
        ]
        # Sums over everything at and above each place; what has no value (NaN, the last cell) passes no cut.
        self._above: list[NDArray[np.float64]] = []
        self._below: list[NDArray[np.float64]] = []
        if self._places is not None:
            for part, power in ((cube.values, 1), (cube.variances, 2)):
                known = part[:, :-1] * scale**power
                self._above.append(np.ascontiguousarray(known[:, ::-1].cumsum(axis=1)[:, ::-1].T))
                self._below.append(np.ascontiguousarray(known.cumsum(axis=1).T))

    @staticmethod
    def _sums(part: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
        summed: NDArray[np.float64] = part.reshape(part.shape[0], -1).sum(axis=1) * factor
        return summed

    def content(self, n_bins: int, value: float | None = None, side: str = ">=") -> Content:
        """Return the histogram.

        Parameters
        ----------
        n_bins : int
            Up to :data:`MOST_BINS`.
        value : float, optional
            Where the cut stands; it moves to the nearest place. No cut where left out.
        side : {">=", "<"}
            Which events the cut keeps.

        Returns
        -------
        Content
            Equal to the refilled histogram up to the order of the sums.
        """
        low, high = self._limits
        columns = self._all
        if value is not None and self._places is not None:
            index = int(np.abs(self._places - value).argmin())
            # Cell 0 lies below the first place, so cell i + 1 begins at place i.
            columns = (
                [part[index + 1] for part in self._above]
                if side == ">="
                else [part[index] for part in self._below]
            )
        starts = np.searchsorted(_fractions(MOST_BINS), np.arange(n_bins + 1) / n_bins) + 1
        values, variances = (np.add.reduceat(column, starts) for column in columns)
        return Content(
            edges=exact_edges(n_bins, float(low), float(high)),
            values=values[:-1],
            variances=variances[:-1],
            title=self._title,
            under=float(columns[0][: starts[0]].sum()),
            over=float(values[-1]),
        )
