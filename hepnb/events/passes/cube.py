"""A histogram binned finely in further variables: moving a cut then is a difference of sums, not a pass."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BinningError, MissingItemError, SelectionError, nearest
from hepnb.events.passes.cube_accumulator import CubeAccumulator, CubeState
from hepnb.events.passes.fill_pass import FillPass, warn_if_empty
from hepnb.events.passes.fill_spec import Fill
from hepnb.events.units import memory_bytes
from hepnb.histograms import Bins, empty
from hepnb.histograms._fill import merged_axis
from hepnb.histograms.coordinates import exact_edges

if TYPE_CHECKING:
    import hist

__all__ = ["Cube", "make_cube"]

MAX_BINS = 20_000_000
# Below this many cells adding them up takes less than a millisecond: no cumulative sums are made.
_FEW_CELLS = 200_000


@dataclass(frozen=True, eq=False)
class Cube:
    """Sums of weights in bins of one variable and of those that cuts are moved in.

    Attributes
    ----------
    axis : hist axis
        Bins of the histogram.
    edges : dict of str to numpy.ndarray, shape (n + 1,)
        Where cuts on each variable can stand: the doubles nearest to decimal numbers, as a cut is written.
    values, variances : numpy.ndarray, shape (n_bins + 2, n + 3, ...)
        Sums of weights and of squared weights, whole numbers where nothing is weighted. Along a variable:
        below the edges, the bins, above, NaN.
    counters : dict of str to int
        What was seen while filling: "n_nan".

    Examples
    --------
    >>> import hepnb
    >>> tree = hepnb.open(hepnb.datasets.generate())["signal"]
    >>> cube = tree.cube("mll", bins=(4, 80, 160), by={"lep1_pt": (40, 0, 80)})
    >>> cube.slice(lep1_pt=(30, None)).values().astype(int).tolist()
    [0, 289, 2527, 0]
    """

    axis: Any
    edges: dict[str, NDArray[np.float64]]
    values: NDArray[Any]
    variances: NDArray[Any]
    counters: dict[str, int]
    _sums: dict[str, NDArray[Any]] = field(default_factory=dict, repr=False)

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

        The time it takes depends on the bins of the histogram and the number of variables, not on the entries
        nor on the bins of the variables: the differences are taken of cumulative sums, which are made when
        they are first needed. Those are exact for counts; for weights they have extended precision where
        the platform has it.

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
            Where the cube has no such variable, or a range is none.
        """
        wanted = {**(cuts or {}), **named}
        for name in wanted:
            self._edges(name)
        picks = [self._range(name, wanted.get(name)) for name in self.edges]
        histogram = empty(self.axis)
        view: Any = histogram.view(flow=True)
        view["value"] = self._summed("values", picks)
        view["variance"] = (
            view["value"] if self.variances is self.values else self._summed("variances", picks)
        )
        histogram.metadata = {"n_nan": self.n_nan}
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
        values = np.add.reduceat(self.values, starts, axis=0)
        same = self.variances is self.values
        variances = values if same else np.add.reduceat(self.variances, starts, axis=0)
        return replace(self, axis=axis, values=values, variances=variances, _sums={})

    def _range(self, name: str, limits: Any) -> tuple[int, int]:
        """Where a range starts and stops along a variable.

        Below the first edge is index 0, bin i is i + 1, above the last edge is n + 1, NaN is n + 2.
        """
        edges = self.edges[name]
        try:
            low, high = (None, None) if limits is None else limits
            known = [limit is None or not math.isnan(limit) for limit in (low, high)]
        except (TypeError, ValueError) as error:
            raise SelectionError(
                f"{name}={limits!r} is not (low, high), with None for an open side."
            ) from error
        if not all(known):
            raise SelectionError(
                f"{name}={limits!r}: a cut cannot stand at NaN. Write None for an open side."
            )
        if low is None and high is None:
            return 0, edges.size + 2
        start = 0 if low is None else int(np.abs(edges - low).argmin()) + 1
        stop = edges.size + 1 if high is None else int(np.abs(edges - high).argmin()) + 1
        return start, max(start, stop)

    def _summed(self, which: str, picks: Sequence[tuple[int, int]]) -> NDArray[Any]:
        array: NDArray[Any] = getattr(self, which)
        if array.size <= _FEW_CELLS:
            ranges = tuple(slice(start, stop) for start, stop in picks)
            found: NDArray[Any] = array[(slice(None), *ranges)].sum(axis=tuple(range(1, array.ndim)))
            return found
        if which not in self._sums:
            self._sums[which] = _cumulative(array)
        sums = self._sums[which]
        total = np.zeros(array.shape[0], dtype=sums.dtype)
        for corner in product((0, 1), repeat=len(picks)):
            sign = -1 if (len(corner) - sum(corner)) % 2 else 1
            ends: Any = (slice(None), *(pick[end] for pick, end in zip(picks, corner, strict=True)))
            total += sign * sums[ends]
        return np.maximum(total, 0) if which == "variances" else total

    def _edges(self, variable: str) -> NDArray[np.float64]:
        if variable not in self.edges:
            raise MissingItemError(f"the cube has no variable {variable!r}. {nearest(variable, self.edges)}")
        return self.edges[variable]


def _cumulative(array: NDArray[Any]) -> NDArray[Any]:
    """Sums below each place along every variable, with a zero in front; exact for whole numbers."""
    wide = np.dtype(np.int64) if array.dtype.kind in "iu" else np.dtype(np.longdouble)
    sums = np.zeros((array.shape[0], *(n + 1 for n in array.shape[1:])), dtype=wide)
    inner = sums[(slice(None), *(slice(1, None) for _ in array.shape[1:]))]
    inner[...] = array
    for along in range(1, array.ndim):
        np.cumsum(inner, axis=along, out=inner)
    return sums


def edges_of(by: Mapping[str, Any]) -> dict[str, NDArray[np.float64]]:
    """Give the edges along each variable.

    Raises
    ------
    BinningError
        Where a binning is not (n, low, high).

    Examples
    --------
    >>> edges_of({"pt": (2, 0, 100)})["pt"]
    array([  0.,  50., 100.])
    """
    if not isinstance(by, Mapping):
        raise BinningError(f"by={by!r:.60}: give a dict of expression to (n, low, high).")
    edges: dict[str, NDArray[np.float64]] = {}
    for name, binning in by.items():
        try:
            number, low, high = int(binning[0]), float(binning[1]), float(binning[2])
            fits = len(binning) == 3 and number == binning[0]
        except (TypeError, ValueError, OverflowError, IndexError) as error:
            raise BinningError(f"by={name!r}: {binning!r} is not (n, low, high).") from error
        if not (fits and 1 <= number <= MAX_BINS and -math.inf < low < high < math.inf):
            raise BinningError(f"by={name!r}: {binning!r} is not (n, low, high) with low below high.")
        edges[name] = exact_edges(number, low, high)
    return edges


def check_size(axis: Any, edges: Mapping[str, NDArray[np.float64]], memory: int, weighted: bool) -> None:
    """Refuse a cube that would take more than the memory.

    Raises
    ------
    BinningError
        With what it would take.
    """
    if not (axis.traits.underflow and axis.traits.overflow):
        raise BinningError(f"a cube needs an axis with flow bins, not {axis!r}.")
    cells = math.prod((axis.size + 2, *(edge.size + 2 for edge in edges.values())))
    long = np.dtype(np.longdouble).itemsize
    per_cell = 2 * (8 + long) if weighted else 8 + 8
    if cells * per_cell > memory or cells >= 2**31:
        most = min(memory // per_cell, 2**31 - 1)
        raise BinningError(
            f"the cube would have {cells:,} cells, {cells * per_cell / 1024**2:,.0f} MB with its cumulative "
            f"sums; memory={memory / 1024**2:,.0f} MB is enough for {most:,}. Use fewer bins or variables."
        )


def make_cube(
    one: FillPass,
    expression: str,
    bins: Bins,
    by: Mapping[str, tuple[int, float, float]],
    weight: str | None,
    cut: str | None,
) -> Cube:
    """Fill a cube in one pass.

    Raises
    ------
    SelectionError
        Where a weight is not finite.
    BinningError
        Where the bins do not fit, or the cube would be too large.
    """
    spec = Fill(expression, bins, cut, weight)
    (value,), condition, weighting = one.place_all(spec)
    # Everything is checked before a pass is made for the range of the histogram.
    edges = edges_of(by)
    variables = tuple(one.place(text) for text in edges)
    (axis,) = one.choose_bins({"": spec})[""]
    check_size(axis, edges, memory_bytes(one.options.memory), weight is not None)
    total = CubeAccumulator(axis, tuple(edges.values()), value, variables, condition, weighting)
    found: CubeState = one.run({"cube": total}).totals["cube"]
    counts = found.counts
    if counts.n_bad:
        raise SelectionError(
            f"the weight {weight!r} in tree {one.reader.path!r}: {counts.n_bad} of {counts.n_filled} weights "
            "are not finite. Cut those entries away, or mend them."
        )
    if one.wants_entries():
        warn_if_empty(one.reader, {"": spec}, {"": counts}, stacklevel=3)
    values, variances = found.arrays(total)
    return Cube(axis, edges, values, variances, {"n_nan": counts.n_nan})
