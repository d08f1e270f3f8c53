"""Fill histograms, and merge their bins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hist
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.errors import BinningError
from hepnb.histograms.coordinates import as_numbers, on_axis, suspects, takes_text
from hepnb.histograms.uncertainties import known_variances, merge_means
from hepnb.histograms.weighted import WeightedHist

__all__ = ["empty", "fill", "fill_into", "rebin"]


def empty(axis: Any, name: str | None = None, label: str | None = None) -> hist.Hist[Any]:
    """Make an empty histogram with sums of weights and of squared weights.

    Parameters
    ----------
    axis : hist axis
        The bins.
    name, label : str, optional
        Name and label of the histogram.

    Returns
    -------
    hist.Hist
        Weight storage; ``metadata["n_nan"]`` counts the values that are not a number.

    Examples
    --------
    >>> empty(hist.axis.Regular(2, 0, 1)).sum()
    WeightedSum(value=0, variance=0)
    """
    histogram: hist.Hist[Any] = WeightedHist(axis, storage=hist.storage.Weight(), name=name, label=label)
    histogram.metadata = {"n_nan": 0}
    return histogram


def fill(
    axis: Any,
    values: ArrayLike,
    weights: ArrayLike | None = None,
    name: str | None = None,
    label: str | None = None,
) -> hist.Hist[Any]:
    """Fill a histogram with weights.

    Parameters
    ----------
    axis : hist axis
        The bins, for instance from :func:`hepnb.histograms.axis`.
    values : array_like, shape (n,)
        Filled in double precision, texts into an axis of texts. Infinities go to the flow bins. A value that
        is not a number, masked or None goes nowhere (boost-histogram would put it into the overflow);
        ``histogram.metadata["n_nan"]`` says how many. A value at an edge of equal bins is in the bin
        above it, where edges are the doubles nearest to decimal numbers: 0.3 is an edge of (10, 0, 1).
    weights : array_like, shape (n,), optional
        One weight per value; one where left out.
    name, label : str, optional
        Name and label of the histogram.

    Returns
    -------
    hist.Hist
        Weight storage: sums of weights and of squared weights per bin.

    Raises
    ------
    BinningError
        Where the numbers of values and weights differ, or a weight is not finite.

    Examples
    --------
    >>> h = fill(hist.axis.Regular(2, 0, 2), [0.5, 1.5, float("nan")], weights=[1, 3, 1])
    >>> h.values(), h.variances(), h.metadata["n_nan"]
    (array([1., 3.]), array([1., 9.]), 1)
    """
    histogram = empty(axis, name, label)
    fill_into(histogram, values, weights)
    return histogram


def fill_into(histogram: hist.Hist[Any], values: ArrayLike, weights: ArrayLike | None = None) -> int:
    """Fill more values into a histogram made by :func:`empty` or :func:`fill`.

    Parameters
    ----------
    histogram : hist.Hist
        Filled in place, one value after the other: in chunks the sums come out the same to the last bit.
    values : array_like, shape (n,)
        What to fill.
    weights : array_like, shape (n,), optional
        One weight per value.

    Returns
    -------
    int
        How many values were filled, flow bins included.

    Examples
    --------
    >>> h = empty(hist.axis.Regular(2, 0, 2))
    >>> fill_into(h, [0.5, float("inf"), float("nan")])
    2
    """
    own = histogram.axes[0]
    texts = takes_text(own)
    array = np.asarray(values).ravel() if texts else as_numbers(values)
    weight = None if weights is None else as_numbers(weights)
    if weight is not None and weight.size != array.size:
        raise BinningError(f"{array.size} values and {weight.size} weights. Give one weight per value.")
    found = None if texts else suspects(own, array)
    missing = np.isnan(array) if found is not None and found.size else None
    n_nan = 0 if missing is None else int(np.count_nonzero(missing))
    if missing is not None and n_nan:
        array, found = array[~missing], None
        weight = None if weight is None else weight[~missing]
        notes = notes_of(histogram)
        histogram.metadata = {**notes, "n_nan": n_nan + notes.get("n_nan", 0)}
    if weight is not None and not np.isfinite(weight).all():
        n_bad = int(np.count_nonzero(~np.isfinite(weight)))
        raise BinningError(
            f"{n_bad} of {weight.size} weights are not finite. Cut those entries away, or mend them."
        )
    if array.size:
        histogram.fill(on_axis(own, array, found), weight=weight)
    return int(array.size)


def notes_of(histogram: hist.Hist[Any]) -> dict[str, Any]:
    """Notes kept with a histogram: its metadata where that is a dictionary, nothing otherwise."""
    notes = vars(histogram).get("metadata")
    return dict(notes) if isinstance(notes, dict) else {}


def rebin(histogram: hist.Hist[Any], bins: int | Sequence[float]) -> hist.Hist[Any]:
    """Merge bins of a one-dimensional histogram.

    Parameters
    ----------
    histogram : hist.Hist
        One axis. Of means (Mean, WeightedMean, profiles read from ROOT) the mean of what is merged is taken.
    bins : int or sequence of float
        How many neighbours become one (it must divide the number of bins), or the new edges, each of
        them an edge of the histogram. What the new edges leave out goes to the flow bins.

    Returns
    -------
    hist.Hist
        Weight storage; of means their own.

    Raises
    ------
    BinningError
        Where the new bins do not fit the old ones, or the variances are not known.

    Examples
    --------
    >>> h = fill(hist.axis.Regular(4, 0, 4), [0.5, 1.5, 1.6, 3.5])
    >>> rebin(h, 2).values()
    array([3., 1.])
    >>> rebin(h, [1, 4]).values(flow=True)
    array([1., 3., 0.])
    """
    if len(histogram.axes) != 1:
        raise BinningError(
            f"rebin takes one axis, the histogram has {len(histogram.axes)}. Project it first."
        )
    old = histogram.axes[0]
    starts, axis = merged_axis(old, bins)
    traits = old.traits
    pad = (int(not traits.underflow), int(not traits.overflow))
    if histogram.storage_type in (hist.storage.Mean, hist.storage.WeightedMean):
        return merge_means(histogram, starts, pad, axis)
    result = empty(axis, histogram.name, histogram.label)
    result.metadata = {"n_nan": 0, **notes_of(histogram)}
    values = np.asarray(histogram.values(flow=True), dtype=np.float64)
    view: Any = result.view(flow=True)
    view["value"] = np.add.reduceat(np.pad(values, pad), starts)
    view["variance"] = np.add.reduceat(np.pad(known_variances(histogram, flow=True), pad), starts)
    return result


def merged_axis(old: Any, bins: int | Sequence[float]) -> tuple[NDArray[np.intp], Any]:
    """Return the first old bin of each merged bin (flow bins included), and the new axis."""
    edges = np.asarray(old.edges, dtype=np.float64)
    if isinstance(bins, (int, np.integer)) and not isinstance(bins, bool):
        factor = int(bins)
        if factor < 1 or (edges.size - 1) % factor:
            raise BinningError(
                f"{edges.size - 1} bins cannot be merged {factor} by {factor}. {_divisors(edges.size - 1)}"
            )
        chosen = np.arange(0, edges.size, factor)
    else:
        wanted = np.asarray(bins, dtype=np.float64)
        if wanted.ndim != 1 or wanted.size < 2 or (np.diff(wanted) <= 0).any():
            raise BinningError(f"bins={bins!r}: give at least two edges that rise.")
        chosen = np.abs(edges[None, :] - wanted[:, None]).argmin(axis=1)
        tolerance = 1e-9 * float(np.diff(edges).min())
        off = np.flatnonzero(np.abs(edges[chosen] - wanted) > tolerance)
        if off.size:
            edge = float(wanted[off[0]])
            raise BinningError(
                f"edge {edge:g} is not an edge of the histogram; the nearest is {edges[chosen[off[0]]]:g}."
            )
    kept = edges[chosen]
    options = {"name": old.name, "label": old.label}
    regular = (
        isinstance(old, hist.axis.Regular) and isinstance(bins, (int, np.integer)) and old.transform is None
    )
    axis = hist.axis.Regular(kept.size - 1, kept[0], kept[-1], **options) if regular else None
    # The underflow is one bin before the first edge, so old bin i is at i + 1.
    starts = np.concatenate(([0], chosen + 1)).astype(np.intp)
    return starts, axis if axis is not None else hist.axis.Variable(kept, **options)


def _divisors(number: int) -> str:
    found = [str(factor) for factor in range(1, number + 1) if number % factor == 0]
    return f"Merge by one of {', '.join(found)}." if len(found) <= 12 else "Choose a divisor of it."
