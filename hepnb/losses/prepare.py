"""Check the data of a loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from hepnb.densities.density import as_floats
from hepnb.errors import ModelError
from hepnb.losses.curve import CurveTerm, Points
from hepnb.losses.data import Counts, Events
from hepnb.losses.density_term import DensityTerm
from hepnb.typing import FloatArray

__all__ = ["checked_counts", "checked_events", "is_histogram", "prepared_part"]


def is_histogram(data: Any) -> bool:
    """Tell whether data are a histogram with axes and values."""
    return hasattr(data, "axes") and hasattr(data, "values") and not hasattr(data, "columns")


def prepared_part(term: Any, data: Any) -> Any:
    """Turn what was given as data of a term into what it takes.

    Parameters
    ----------
    term : DensityTerm, CurveTerm or ModelTerm
        The term.
    data : object
        What was given.

    Returns
    -------
    Events, Counts, Points or ndarray
        Checked.
    """
    if isinstance(data, Events | Counts | Points):
        return data
    if isinstance(term, DensityTerm):
        return checked_counts(term.density, data) if term.binned else checked_events(term.density, data)
    if isinstance(term, CurveTerm):
        y = as_floats(data, "data of a curve")
        if y.shape != term.data.y.shape or not np.isfinite(y).all():
            raise ModelError(
                f"the curve has {term.data.y.size} points; data are of shape {y.shape}. Give that "
                "many numbers."
            )
        return Points(y, term.data.x)
    return term.model.check_data(data)


def checked_events(density: Any, data: Any, weights: Any = None) -> Events:
    """Check events.

    Parameters
    ----------
    density : Density
        Whose range counts.
    data : array_like or mapping
        Events.
    weights : array_like, optional
        One for each.

    Returns
    -------
    Events

    Raises
    ------
    ModelError
        No events, events that are undefined or out of range, weights that are none or sum to 0.
    """
    if is_histogram(data):
        raise ModelError(
            "a histogram has no events: an unbinned likelihood needs them. Use BinnedNLL or "
            "ExtendedBinnedNLL."
        )
    x = np.ascontiguousarray(density.events(data))
    if x.ndim != (1 if density.n_dim == 1 else 2):
        raise ModelError(f"events have shape {x.shape}. Give one number for each event and observable.")
    if not len(x):
        raise ModelError("there are no events to fit.")
    undefined = ~np.isfinite(x)
    if undefined.any():
        place = int(np.argwhere(undefined)[0][0])
        raise ModelError(
            f"event {place} is {x[place]}; {int(undefined.sum())} values are undefined. Leave these "
            "events out."
        )
    outside = ~density.inside(x)
    if outside.any():
        first = x[int(np.argmax(outside))]
        raise ModelError(
            f"{int(outside.sum())} of {len(x)} events are out of range, such as {first}; the density "
            "lives on "
            f"{density.ranges if density.n_dim > 1 else density.range}. Cut the data, or widen the range."
        )
    if weights is None:
        return Events(x)
    w = np.ascontiguousarray(as_floats(weights, "weights"))
    if w.shape != (len(x),):
        raise ModelError(f"{w.size} weights for {len(x)} events. Give one for each.")
    if not np.isfinite(w).all():
        raise ModelError(
            f"weight {int(np.argmax(~np.isfinite(w)))} is {w[~np.isfinite(w)][0]}. Leave such events out."
        )
    if not w.sum() > 0:
        raise ModelError(f"the weights sum to {w.sum():g}: nothing is left to fit.")
    return Events(x, w)


def _pair(data: Any) -> tuple[FloatArray, FloatArray]:
    if is_histogram(data):
        if len(data.axes) != 1:
            raise ModelError(f"the histogram has {len(data.axes)} axes; a binned likelihood takes one.")
        contents, variances = np.asarray(data.values(), dtype=float), data.variances()
        if variances is not None and not np.allclose(np.asarray(variances), contents, rtol=1e-9, atol=0):
            raise ModelError(
                "the histogram is of weighted events, whose sums are not Poisson numbers. Fit the "
                "events with "
                "weights=, or its bins with LeastSquares."
            )
        return contents, np.asarray(data.axes[0].edges, dtype=float)
    try:
        counts, edges = (as_floats(part, "counts and edges") for part in data)
    except (TypeError, ValueError):
        raise ModelError(
            f"data of a binned likelihood are {data!r:.60}. Give a hist.Hist, or (counts, edges)."
        ) from None
    return counts, edges


def checked_counts(density: Any, data: Any) -> Counts:
    """Check counts.

    Parameters
    ----------
    density : Density
        Whose range counts.
    data : hist.Hist, or pair of array_like
        Counts and edges. Bins outside the range are left out; one that is partly outside is an error.

    Returns
    -------
    Counts

    Raises
    ------
    ModelError
        No counts, negative or undefined ones, edges that do not fit.
    """
    counts, edges = _pair(data)
    if density.n_dim != 1:
        raise ModelError("a binned likelihood takes a density of one observable.")
    if counts.ndim != 1 or edges.shape != (counts.size + 1,) or not (np.diff(edges) > 0).all():
        raise ModelError(
            f"{counts.size} counts and {edges.size} edges: give one more edge than counts, ascending."
        )
    low, high = edges[:-1], edges[1:]
    tiny = 1e-9 * np.diff(edges)
    inside = np.zeros(counts.size, dtype=bool)
    for a, b in density.range:
        inside |= (low >= a - tiny) & (high <= b + tiny)
        crossing = ((low < a - tiny) & (high > a + tiny)) | ((low < b - tiny) & (high > b + tiny))
        if crossing.any():
            place = int(np.argmax(crossing))
            raise ModelError(
                f"bin {place}, from {low[place]:g} to {high[place]:g}, is only partly in the range "
                f"({a:g}, {b:g}). "
                "Choose edges that meet."
            )
    low, high, counts = low[inside], high[inside], counts[inside]
    if not counts.size:
        raise ModelError(f"no bin is in the range {density.range}.")
    if not np.isfinite(counts).all() or (counts < 0).any():
        place = int(np.argmax(~(counts >= 0)))
        raise ModelError(f"bin {place} has {counts[place]} events. Counts are finite and not negative.")
    if not counts.sum() > 0:
        raise ModelError("all bins are empty: there are no events to fit.")
    return Counts(np.clip(low, *_ends(density)), np.clip(high, *_ends(density)), counts)


def _ends(density: Any) -> tuple[float, float]:
    return density.range[0][0], density.range[-1][1]
