"""A histogram binned finely in further variables: moving a cut then is a sum over bins, not over events."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BinningError, SelectionError, nearest
from hepnb.events.expressions import Expression
from hepnb.events.stream import mask_of, numbers, per_entry, values_of, weights_of
from hepnb.histograms import empty
from hepnb.histograms.fill import merged_axis

if TYPE_CHECKING:
    import hist

__all__ = ["Cube", "fill_cube"]

MAX_CELLS = 20_000_000


@dataclass(frozen=True, eq=False)
class Cube:
    """Sums of weights in bins of one variable and of those that cuts are moved in.

    Attributes
    ----------
    axis : hist axis
        Bins of the histogram.
    edges : dict of str to numpy.ndarray, shape (n + 1,)
        Where cuts on each variable can stand.
    values, variances : numpy.ndarray, shape (n_bins + 2, n + 3, ...)
        Sums of weights and of squared weights. Along a variable: below the edges, the bins, above, NaN.
    counters : dict of str to int
        What was seen while filling: "n_nan".
    """

    axis: Any
    edges: dict[str, NDArray[np.float64]]
    values: NDArray[np.float64]
    variances: NDArray[np.float64]
    counters: dict[str, int]

    @classmethod
    def empty(cls, axis: Any, by: Mapping[str, tuple[int, float, float]]) -> Cube:
        """Make a cube to fill."""
        edges: dict[str, NDArray[np.float64]] = {}
        given: Mapping[str, Any] = by
        for name, binning in given.items():
            try:
                number, low, high = int(binning[0]), float(binning[1]), float(binning[2])
                fits = len(binning) == 3 and number == binning[0]
            except (TypeError, ValueError, OverflowError, IndexError) as error:
                raise BinningError(f"by={name!r}: {binning!r} is not (n, low, high).") from error
            if not (fits and 1 <= number <= MAX_CELLS and -math.inf < low < high < math.inf):
                raise BinningError(f"by={name!r}: {binning!r} is not (n, low, high) with low below high.")
            edges[name] = np.linspace(low, high, number + 1)
        if not (axis.traits.underflow and axis.traits.overflow):
            raise BinningError(f"a cube needs an axis with flow bins, not {axis!r}.")
        shape = (axis.size + 2, *(edge.size + 2 for edge in edges.values()))
        if math.prod(shape) > MAX_CELLS:
            raise BinningError(
                f"the cube would have {math.prod(shape):,} cells, at most {MAX_CELLS:,}. Use fewer bins."
            )
        return cls(axis, edges, np.zeros(shape), np.zeros(shape), {"n_nan": 0})

    @property
    def n_nan(self) -> int:
        """Values that were not a number, and so are in no bin."""
        return self.counters["n_nan"]

    def snap(self, variable: str, value: float) -> float:
        """Nearest place where a cut on a variable can stand.

        Raises
        ------
        SelectionError
            Where the cube has no such variable.
        """
        edges = self._edges(variable)
        return float(edges[np.abs(edges - value).argmin()])

    def slice(
        self,
        cuts: Mapping[str, tuple[float | None, float | None]] | None = None,
        **named: tuple[float | None, float | None],
    ) -> hist.Hist[Any]:
        """Histogram of the entries in ranges of the variables.

        Parameters
        ----------
        cuts : mapping of variable to (low, high), optional
            For variables whose expression is not a plain name.
        **named : (low, high)
            Keep ``low <= variable < high``; None leaves a side open. A number between two edges moves to the
            nearest one (see :meth:`snap`). A variable that is left out is not cut on.

        Returns
        -------
        hist.Hist
            Weight storage; the same as ``Tree.hist`` with that cut.

        Raises
        ------
        SelectionError
            Where the cube has no such variable.
        """
        wanted = {**(cuts or {}), **named}
        for name in wanted:
            self._edges(name)
        picks = []
        for name, edges in self.edges.items():
            low, high = wanted.get(name, (None, None))
            if low is None and high is None:
                picks.append(slice(None))
                continue
            # Below the first edge is index 0, bin i is i + 1, above the last edge is n + 1, NaN is n + 2.
            start = 0 if low is None else int(np.abs(edges - low).argmin()) + 1
            stop = edges.size + 1 if high is None else int(np.abs(edges - high).argmin()) + 1
            picks.append(slice(start, max(start, stop)))
        along = tuple(range(1, self.values.ndim))
        histogram = empty(self.axis)
        view: Any = histogram.view(flow=True)
        view["value"] = self.values[(slice(None), *picks)].sum(axis=along)
        view["variance"] = self.variances[(slice(None), *picks)].sum(axis=along)
        return histogram

    def rebin(self, bins: int | Sequence[float]) -> Cube:
        """Merge bins of the histogram axis.

        Parameters
        ----------
        bins : int or sequence of float
            How many neighbours become one, or edges among the present ones.

        Returns
        -------
        Cube
            With fewer bins; what the new edges leave out goes to the flow bins.

        Raises
        ------
        BinningError
            Where the new bins do not fit the old ones.
        """
        starts, axis = merged_axis(self.axis, bins)
        return replace(
            self,
            axis=axis,
            values=np.add.reduceat(self.values, starts, axis=0),
            variances=np.add.reduceat(self.variances, starts, axis=0),
        )

    def _edges(self, variable: str) -> NDArray[np.float64]:
        if variable not in self.edges:
            raise SelectionError(f"the cube has no variable {variable!r}. {nearest(variable, self.edges)}")
        return self.edges[variable]


def fill_cube(
    cube: Cube,
    chunks: Iterable[tuple[int, int, dict[str, Any]]],
    value: Expression,
    variables: Mapping[str, Expression],
    cut: Expression | None,
    weight: Expression | None,
) -> int:
    """Fill a cube in place from chunks of columns; give the number of values filled."""
    filled = 0
    flat_values, flat_variances = cube.values.reshape(-1), cube.variances.reshape(-1)
    for start, stop, columns in chunks:
        n = stop - start
        passed = mask_of(cut, columns, n)
        found, counts = values_of(value, columns, n, passed)
        values = numbers(value, found)
        per_value = [_place(variables[name], columns, n, edges) for name, edges in cube.edges.items()]
        weights = np.ones(n) if weight is None else weights_of(weight, columns, n)
        spread: list[Any] = [*per_value, weights]
        spread = [item if passed is None else item[passed] for item in spread]
        spread = [item if counts is None else np.repeat(item, counts) for item in spread]
        known = ~np.isnan(values)
        cube.counters["n_nan"] += int(np.count_nonzero(~known))
        places: list[Any] = [item[known] for item in spread[:-1]]
        weights = np.asarray(spread[-1][known], dtype=np.float64)
        if not np.isfinite(weights).all():
            n_bad = int(np.count_nonzero(~np.isfinite(weights)))
            raise SelectionError(
                f"{n_bad} of {weights.size} weights {weight.text if weight else ''!r} are not finite."
            )
        if not known.any():
            continue  # boost-histogram 1.5 takes an empty array for a string
        indices = np.asarray(cube.axis.index(values[known]), dtype=np.int64) + 1
        where: Any = (indices, *places)
        cells = np.ravel_multi_index(where, cube.values.shape)
        # In the order of the entries, as filling one histogram does: np.add.at adds one after the other.
        np.add.at(flat_values, cells, weights)
        np.add.at(flat_variances, cells, weights * weights)
        filled += int(np.count_nonzero(known))
    return filled


def _place(
    variable: Expression, columns: Mapping[str, Any], n: int, edges: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Index of each entry along a variable: comparing with the edges as the cut would."""
    found = numbers(variable, per_entry(variable, variable.lists(columns), n, flat=False))
    places = np.searchsorted(edges, found, side="right")
    return np.where(np.isnan(found), edges.size + 1, places).astype(np.int64)
