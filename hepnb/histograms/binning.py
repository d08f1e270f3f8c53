"""From a person's words for bins to a hist axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import hist
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.errors import BinningError
from hepnb.histograms.blocks import bayesian_blocks
from hepnb.histograms.coordinates import ends_of, exact_edges

__all__ = ["Bins", "axis", "edges_of", "needs_values"]

AxisBins: TypeAlias = (
    int
    | str
    | tuple[int, float, float]
    | tuple[str, int, float, float]
    | Sequence[float]
    | NDArray[np.generic]
    | hist.axis.AxesMixin
)
"""Bins of one axis."""

Bins: TypeAlias = AxisBins | Sequence[AxisBins]
"""int | (n, low, high) | ("log", n, low, high) | edges | "integer" | "auto" | "blocks" | a hist axis."""

MAX_BINS = 1_000_000
_MAX_AUTO_BINS = 500
_MAX_INTEGER_BINS = 10_000
_OPTIONS = (
    "Give a number of bins, (n, low, high), ('log', n, low, high), a list of edges, 'integer', 'auto' or "
    "'blocks'."
)


def axis(bins: Bins, values: ArrayLike | None = None, name: str = "x", label: str = "") -> Any:
    """Make a hist axis of what a person writes for bins.

    Parameters
    ----------
    bins : int, tuple, sequence of float, str or hist axis
        ``60``: that many equal bins over the bulk of `values`; ``(60, 60, 120)``: equal bins in a range;
        ``("log", 20, 1, 1000)``: equal in the logarithm; ``[200, 300, 600]``: these edges; ``"integer"``:
        one bin per whole number; ``"auto"``: equal bins of the Freedman-Diaconis width; ``"blocks"``: bins in
        which the density is constant (Bayesian blocks); a hist axis: itself.
    values : array_like, shape (n_values,), optional
        What will be filled; needed only where the range is not given. NaN and infinities are ignored.
    name : str
        Name of the axis.
    label : str
        Label of the axis; the name where empty.

    Returns
    -------
    hist.axis.AxesMixin
        A Regular or Variable axis with underflow and overflow.

    Raises
    ------
    BinningError
        Where the bins are empty, unordered, not finite, or need values that are not there.

    References
    ----------
    D. Freedman and P. Diaconis, Z. Wahrscheinlichkeitstheorie verw. Gebiete 57 (1981) 453.
    J. D. Scargle et al., Astrophys. J. 764 (2013) 167.

    Examples
    --------
    >>> axis((60, 60, 120), name="mass").edges[[0, 1, -1]]
    array([ 60.,  61., 120.])
    >>> axis([200, 300, 600]).size
    2
    >>> axis("integer", values=[1, 1, 4]).edges
    array([0.5, 1.5, 2.5, 3.5, 4.5])
    >>> axis((10, 5, 5))
    Traceback (most recent call last):
        ...
    hepnb.errors.BinningError: bins=(10, 5, 5): the range is empty, 5 is not below 5. Give (n, low, high).
    """
    if isinstance(bins, hist.axis.AxesMixin):
        return bins
    label = label or name
    if isinstance(bins, str):
        return _named(bins, values, name, label)
    if isinstance(bins, (bool, np.bool_)):
        raise BinningError(f"bins={bins!r} is not a binning. {_OPTIONS}")
    if isinstance(bins, (int, np.integer)):
        number = _count(bins, bins)
        low, high = _bulk(_finite(values, bins))
        return hist.axis.Regular(number, low, high, name=name, label=label)
    if isinstance(bins, tuple) and bins and isinstance(bins[0], str):
        return _logarithmic(bins, name, label)
    if _is_range(bins):
        number = _count(bins[0], bins)
        low, high = _number(bins[1], bins), _number(bins[2], bins)
        if not low < high:
            raise BinningError(
                f"bins={bins!r}: the range is empty, {bins[1]!r} is not below {bins[2]!r}. "
                "Give (n, low, high)."
            )
        return hist.axis.Regular(number, low, high, name=name, label=label)
    return hist.axis.Variable(_edges(bins), name=name, label=label)


def needs_values(bins: Bins) -> bool:
    """Return whether :func:`axis` has to see the values to choose a range.

    Examples
    --------
    >>> needs_values(40), needs_values("auto"), needs_values((40, 0, 1))
    (True, True, False)
    """
    if isinstance(bins, str):
        return True
    return isinstance(bins, (int, np.integer)) and not isinstance(bins, bool)


def edges_of(bins: Bins) -> NDArray[np.float64]:
    """Edges of bins whose range is given, shape (n_bins + 1,).

    Examples
    --------
    >>> edges_of((4, 0, 2))
    array([0. , 0.5, 1. , 1.5, 2. ])
    """
    made = axis(bins)
    if isinstance(made, hist.axis.Regular) and made.transform is None:
        return exact_edges(made.size, *ends_of(made)).copy()
    return np.asarray(made.edges, dtype=np.float64)


def _is_range(bins: object) -> bool:
    # A list is edges whatever its length; a tuple of three that starts with a whole number is a range.
    return isinstance(bins, tuple) and len(bins) == 3 and isinstance(bins[0], (int, np.integer))


def _count(number: Any, bins: Bins) -> int:
    if isinstance(number, (bool, float)) or not isinstance(number, (int, np.integer)):
        raise BinningError(f"bins={bins!r}: {number!r} is not a whole number of bins. {_OPTIONS}")
    if not 1 <= number <= MAX_BINS:
        raise BinningError(f"bins={bins!r}: {number} bins. Ask for 1 to {MAX_BINS:,}.")
    return int(number)


def _number(value: Any, bins: Bins) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise BinningError(f"bins={bins!r:.200}: {value!r:.80} is not a number. {_OPTIONS}") from error
    if not math.isfinite(number):
        raise BinningError(f"bins={bins!r}: {value!r} is not finite; the flow bins hold what is outside.")
    return number


def _edges(bins: Bins) -> NDArray[np.float64]:
    if not isinstance(bins, (Sequence, np.ndarray)):
        raise BinningError(f"bins={bins!r} is not a binning. {_OPTIONS}")
    edges = np.array([_number(edge, bins) for edge in bins], dtype=np.float64)
    if edges.size < 2:
        raise BinningError(f"bins={bins!r}: a list of edges has at least two. {_OPTIONS}")
    if edges.size > MAX_BINS:
        raise BinningError(f"{edges.size - 1:,} bins. Ask for 1 to {MAX_BINS:,}.")
    falls = np.flatnonzero(np.diff(edges) <= 0)
    if falls.size:
        first = int(falls[0])
        raise BinningError(
            f"bins={_short(bins)}: edges must rise, edge {first + 1} ({edges[first + 1]:g}) is not above "
            f"edge {first} ({edges[first]:g})."
        )
    return edges


def _short(bins: Bins) -> str:
    text = repr(bins)
    return text if len(text) <= 80 else text[:77] + "..."


def _logarithmic(bins: tuple[Any, ...], name: str, label: str) -> Any:
    if bins[0] != "log" or len(bins) != 4:
        raise BinningError(f"bins={bins!r} is not a binning. {_OPTIONS}")
    number = _count(bins[1], bins)
    low, high = _number(bins[2], bins), _number(bins[3], bins)
    if not 0 < low < high:
        raise BinningError(f"bins={bins!r}: logarithmic bins need 0 < low < high.")
    edges = np.geomspace(low, high, number + 1)
    # geomspace rounds its ends; the person's numbers are the ends.
    edges[0], edges[-1] = low, high
    return hist.axis.Variable(edges, name=name, label=label)


def _finite(values: ArrayLike | None, bins: Bins) -> NDArray[np.float64]:
    if values is None:
        raise BinningError(f"bins={bins!r} needs the values to choose a range. Give (n, low, high).")
    try:
        array = np.asarray(values, dtype=np.float64).ravel()
    except (TypeError, ValueError) as error:
        raise BinningError(f"bins={bins!r}: the values are not numbers.") from error
    array = array[np.isfinite(array)]
    if array.size == 0:
        raise BinningError(
            f"bins={bins!r}: there is no finite value to choose a range from. Give (n, low, high)."
        )
    return array


def _bulk(values: NDArray[np.float64]) -> tuple[float, float]:
    """Range of the bulk: all of it, unless a few outliers would squeeze the rest into a few bins."""
    low, high = float(values.min()), float(values.max())
    inner_low, inner_high = (float(q) for q in np.quantile(values, (0.005, 0.995)))
    margin = 0.5 * (inner_high - inner_low)
    if margin > 0:
        low = max(low, inner_low - margin)
        high = min(high, inner_high + margin)
    # The upper edge belongs to the overflow: step past it, so that the largest value is in the last bin.
    width = high - low
    if not width > 0:
        pad = max(0.5, 1e-6 * abs(low))
        return low - pad, high + pad
    return low, high + max(1e-9 * width, abs(float(np.spacing(high))))


def _named(bins: str, values: ArrayLike | None, name: str, label: str) -> Any:
    if bins == "integer":
        finite = _finite(values, bins)
        low, high = math.floor(finite.min()), math.floor(finite.max())
        number = high - low + 1
        if number > _MAX_INTEGER_BINS:
            raise BinningError(
                f"bins='integer': the values run from {low} to {high}, that is {number:,} bins "
                f"(at most {_MAX_INTEGER_BINS:,}). Give (n, low, high)."
            )
        # Not Regular: its edges are computed, and would be 1.4999999999999996.
        return hist.axis.Variable(np.arange(low, high + 2) - 0.5, name=name, label=label)
    if bins == "auto":
        finite = _finite(values, bins)
        low, high = _bulk(finite)
        quartiles = np.quantile(finite, (0.25, 0.75))
        width = 2 * float(quartiles[1] - quartiles[0]) / finite.size ** (1 / 3)
        wanted = (high - low) / width if width > 0 else 10.0
        number = int(min(max(math.ceil(wanted), 1), _MAX_AUTO_BINS))
        return hist.axis.Regular(number, low, high, name=name, label=label)
    if bins == "blocks":
        return hist.axis.Variable(bayesian_blocks(_finite(values, bins)), name=name, label=label)
    raise BinningError(f"bins={bins!r} is not a binning. {_OPTIONS}")
