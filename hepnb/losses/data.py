"""The data of losses: events, counts, and points, as objects that a batch of fits hands around.

A fit's data are an array; for losses it is an array of objects with one :class:`DataSet` for each fit,
so that
a thousand fits of the same million events hold them once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hepnb.typing import FloatArray

__all__ = ["Counts", "DataSet", "Events", "as_row", "as_rows"]

# Bins of a histogram to start fits on: one for so many events, within limits.
_PER_BIN, _FEWEST, _MOST = 40, 100, 1000


@dataclass(frozen=True, eq=False)
class Events:
    """Events of an unbinned loss.

    Parameters
    ----------
    x : ndarray, shape (n,) or (n, n_dim)
        The events.
    weights : ndarray, shape (n,), or None
        Weights.
    sampled : bool
        The weights are those of measured events, whose sums fluctuate; not those of Asimov data.
    """

    x: FloatArray
    weights: FloatArray | None = None
    sampled: bool = True

    @property
    def n(self) -> int:
        """How many."""
        return len(self.x)

    @cached_property
    def total(self) -> float:
        """Sum of weights."""
        return float(self.n) if self.weights is None else float(self.weights.sum())

    @property
    def arrays(self) -> tuple[FloatArray, ...]:
        """What it consists of."""
        return (self.x,) if self.weights is None else (self.x, self.weights)

    def coarse(self, ranges: Any, least: int) -> Counts | None:
        """Return a histogram of many events, to start fits on; None where it does not pay."""
        if self.n < least or self.x.ndim > 1:
            return None
        return self._histogram(ranges)

    def _histogram(self, ranges: Any) -> Counts:
        known = self.__dict__.get("_coarse")
        if known is None:
            bins = int(np.clip(self.n // _PER_BIN, _FEWEST, _MOST))
            width = sum(high - low for low, high in ranges) / bins
            edges, contents = [], []
            for low, high in ranges:
                count = max(8, int(np.ceil((high - low) / width)))
                inside = slice(None) if len(ranges) == 1 else (self.x >= low) & (self.x <= high)
                x = self.x[inside]
                place = np.minimum(((x - low) * (count / (high - low))).astype(np.int32), count - 1)
                weights = None if self.weights is None else self.weights[inside]
                contents.append(np.bincount(place, weights, count).astype(float))
                edges.append(np.linspace(low, high, count + 1))
            known = Counts(
                np.concatenate([e[:-1] for e in edges]), np.concatenate([e[1:] for e in edges]),
                np.concatenate(contents), nodes=3,
            )  # fmt: skip
            self.__dict__["_coarse"] = known
        return known


@dataclass(frozen=True, eq=False)
class Counts:
    """Counts of a binned loss.

    Parameters
    ----------
    low, high : ndarray, shape (bin,)
        Ends of the bins, ascending and apart.
    counts : ndarray, shape (bin,)
        Events, or sums of weights.
    nodes : int
        Nodes of the quadrature in each bin, or part of a bin.
    """

    low: FloatArray
    high: FloatArray
    counts: FloatArray
    nodes: int = 16

    @property
    def arrays(self) -> tuple[FloatArray, ...]:
        """What it consists of."""
        return self.low, self.high, self.counts


@dataclass(frozen=True, eq=False)
class DataSet:
    """The data of a loss: those of each of its terms, and its auxiliary data.

    Parameters
    ----------
    parts : tuple
        One for each term.
    auxiliary : ndarray, shape (n,)
        Means of constraints.
    """

    parts: tuple[Any, ...]
    auxiliary: FloatArray


def as_row(data: DataSet) -> Any:
    """Return data as an array of one object."""
    row = np.empty(1, dtype=object)
    row[0] = data
    return row


def as_rows(several: list[DataSet]) -> Any:
    """Return several sets of data, one for each fit, shape (n, 1)."""
    rows = np.empty((len(several), 1), dtype=object)
    for place, data in enumerate(several):
        rows[place, 0] = data
    return rows
