"""Values as an axis takes them: in the bin whose exact edges they lie between, or as whole numbers or texts.

boost-histogram calculates the bin of a value on an axis of equal bins, and that calculation is rounded: on
the axis (49, 0, 49) some whole numbers fall below their edge. Here edges are exact: the doubles nearest to
``low + i * (high - low) / n`` in decimal numbers, so that the edges of (10, 0, 1) are 0.1, 0.2 and 0.3 as
they are written in a cut. Only values within a few millionths of a bin of an edge are looked at again; they
are moved to the middle of the bin that they belong to.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import hist
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.errors import BinningError

__all__ = [
    "as_numbers",
    "ends_of",
    "exact_edges",
    "exact_places",
    "grown",
    "grows",
    "index_on",
    "merges",
    "on_axis",
    "suspects",
    "takes_text",
]

# Of a bin: closer to an edge than four of 2**-20 is looked at.
_BITS = 20
_NEAR = 4
# Its last bit is worth 2**-20: what is added to it shows its fraction of a bin in the last 20 bits.
_MAGIC = 1.5 * 2.0 ** (52 - _BITS)
_MOST_PRECISE = 2.0**26
_EXACT = 2**53
_NONE = np.zeros(0, dtype=np.intp)
_MOST_GROWN = 1_000_000


def exact_places(low: float, high: float, parts: Any, of: Any) -> NDArray[np.float64]:
    """Return the doubles nearest to ``low + parts / of * (high - low)``, with the ends as decimal numbers.

    Parameters
    ----------
    low, high : float
        The ends.
    parts, of : sequence of int, shape (n,)
        Numerators and denominators.

    Returns
    -------
    numpy.ndarray, shape (n,)
        Each correctly rounded.

    Examples
    --------
    >>> exact_places(0.0, 1.0, [1, 1], [3, 2])
    array([0.33333333, 0.5       ])
    """
    ends = [Decimal(repr(float(end))).as_integer_ratio() for end in (low, high)]
    common = ends[0][1] * ends[1][1]
    first, last = ends[0][0] * ends[1][1], ends[1][0] * ends[0][1]
    counts, totals = np.asarray(parts, dtype=np.int64), np.asarray(of, dtype=np.int64)
    most = int(totals.max(initial=1))
    if max(abs(first), abs(last), common) * most < _EXACT:
        # Both sides of the division are exact, so that it is rounded once.
        return np.asarray((first * (totals - counts) + last * counts) / (common * totals))
    # Python divides whole numbers of any size with one rounding.
    pairs = zip(counts.tolist(), totals.tolist(), strict=True)
    return np.array([(first * (n - k) + last * k) / (common * n) for k, n in pairs])


@functools.lru_cache(maxsize=256)
def exact_edges(n: int, low: float, high: float) -> NDArray[np.float64]:
    """Return the edges of equal bins, each the double nearest to the decimal number that it stands for.

    Parameters
    ----------
    n : int
        Number of bins.
    low, high : float
        The ends.

    Returns
    -------
    numpy.ndarray, shape (n + 1,)
        Read-only.

    Examples
    --------
    >>> exact_edges(10, 0.0, 1.0)[3], np.linspace(0.0, 1.0, 11)[3]
    (np.float64(0.3), np.float64(0.30000000000000004))
    """
    edges = exact_places(low, high, range(n + 1), [n] * (n + 1))
    edges.flags.writeable = False
    return edges


@dataclass(frozen=True, eq=False)
class _Grid:
    """Equal bins: their exact edges, and a value in the middle of each, flow bins included."""

    edges: NDArray[np.float64]
    middles: NDArray[np.float64]
    scale: float
    shift: float
    precise: bool


@functools.lru_cache(maxsize=256)
def _grid(n: int, low: float, high: float) -> _Grid:
    edges = exact_edges(n, low, high)
    middles = np.concatenate(([-np.inf], edges[:-1] / 2 + edges[1:] / 2, [np.inf]))
    scale = n / (high - low)
    precise = np.isfinite(scale) and max(abs(low), abs(high)) * scale < _MOST_PRECISE
    shift = _MAGIC - low * scale + _NEAR * 2.0**-_BITS
    return _Grid(edges, middles, scale, shift, bool(precise))


def _grid_of(axis: Any) -> _Grid | None:
    """Return the exact bins of an axis of equal bins; None for any other axis."""
    if not isinstance(axis, hist.axis.Regular) or axis.transform is not None or axis.traits.circular:
        return None
    if axis.traits.growth:
        return None
    return _grid(axis.size, *ends_of(axis))


def ends_of(axis: Any) -> tuple[float, float]:
    """Return the ends of an axis of equal bins as they were written.

    boost-histogram keeps the lower end and the width: the upper end comes back rounded.

    Parameters
    ----------
    axis : hist.axis.Regular
        Without a transform.

    Returns
    -------
    low, high : float
        The ends.

    Examples
    --------
    >>> axis = hist.axis.Regular(1, 0.18, 0.82)
    >>> float(axis.edges[-1]), ends_of(axis)
    (0.8199999999999998, (0.18, 0.82))
    """
    low, high = float(axis.bin(0)[0]), float(axis.bin(axis.size - 1)[1])
    largest = max(abs(low), abs(high), high - low)
    if not 0 < largest < np.inf:
        return low, high
    digits = 15 - math.ceil(math.log10(largest))
    written = round(high, digits) if abs(digits) < 300 else high
    return low, written if written > low and low + (written - low) == high else high


def as_numbers(values: ArrayLike) -> NDArray[np.float64]:
    """Return values in double precision; what is masked or not there is NaN.

    Parameters
    ----------
    values : array_like, numpy.ma.MaskedArray or awkward.Array
        One number each.

    Returns
    -------
    numpy.ndarray, shape (n,)
        In double precision.

    Examples
    --------
    >>> as_numbers(np.ma.array([1, 2], mask=[False, True])), as_numbers([None, 3])
    (array([ 1., nan]), array([nan,  3.]))
    """
    try:
        # awkward, pandas and pyarrow: masked where something is not there.
        values = getattr(values, "to_numpy", lambda: values)()
        if isinstance(values, np.ma.MaskedArray):
            values = np.ma.filled(values.astype(np.float64), np.nan)
        return np.asarray(values, dtype=np.float64).ravel()
    except (TypeError, ValueError) as error:
        raise BinningError(f"the values {values!s:.60} are not numbers.") from error


def suspects(axis: Any, values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return which values may lie at an edge, or are NaN: all others an axis of numbers takes as they are.

    Parameters
    ----------
    axis : hist axis
        The bins.
    values : numpy.ndarray, shape (n,)
        In double precision.

    Returns
    -------
    numpy.ndarray of int
        Their places.

    Examples
    --------
    >>> suspects(hist.axis.Regular(10, 0, 1), np.array([0.3, 0.35, np.nan]))
    array([0, 2])
    """
    grid = _grid_of(axis)
    if grid is None:
        flags = np.isnan(values)
    elif not grid.precise:
        return np.arange(values.size)
    else:
        with np.errstate(all="ignore"):
            scaled = np.multiply(values, grid.scale)
            scaled += grid.shift
        # Not a number and infinities end in zeros: they are suspects too.
        fractions = scaled.view(np.int64)
        fractions &= 2**_BITS - 1
        flags = fractions < 2 * _NEAR
    return np.flatnonzero(flags) if flags.any() else _NONE


def on_axis(axis: Any, values: NDArray[Any], found: NDArray[np.intp] | None = None) -> NDArray[Any]:
    """Return values as they are filled into an axis.

    Parameters
    ----------
    axis : hist axis
        The bins.
    values : numpy.ndarray, shape (n,)
        Numbers, none of them NaN; texts for an axis of texts.
    found : numpy.ndarray of int, optional
        Which of them may lie at an edge, where that is known.

    Returns
    -------
    numpy.ndarray, shape (n,)
        For an axis of equal bins those near an edge stand in the middle of their bin. For an axis of whole
        numbers they are whole numbers, for one of truth true where they are not zero.

    Raises
    ------
    BinningError
        Where an axis of whole numbers is given others, or texts and numbers are mixed.

    Examples
    --------
    >>> on_axis(hist.axis.Regular(10, 0, 1), np.array([0.3]))
    array([0.35])
    >>> on_axis(hist.axis.Integer(0, 3), np.array([2.0, 1e300]))
    array([2, 3], dtype=int32)
    """
    if takes_text(axis):
        return _texts(axis, values)
    if values.dtype.kind in "UOST":
        raise BinningError(
            f"texts cannot be filled into {axis!r}. Use hist.axis.StrCategory([...], growth=True)."
        )
    if isinstance(axis, hist.axis.Boolean):
        return np.asarray(values != 0)
    if isinstance(axis, (hist.axis.Integer, hist.axis.IntCategory)):
        return _whole(axis, values)
    grid = _grid_of(axis)
    if grid is None:
        return values
    if found is None:
        found = suspects(axis, values)
    if not found.size:
        return values
    moved = values.copy()
    moved[found] = _middles(grid, values[found], axis.traits.overflow)
    return moved


def index_on(axis: Any, values: NDArray[Any]) -> NDArray[np.int64]:
    """Return the bins of values on an axis, shape (n,): -1 below it, its size above it.

    Examples
    --------
    >>> index_on(hist.axis.Regular(49, 0, 49), np.arange(-1.0, 50.0)).tolist() == list(range(-1, 50))
    True
    """
    return np.asarray(axis.index(on_axis(axis, values)), dtype=np.int64)


def takes_text(axis: Any) -> bool:
    """Return whether an axis has texts."""
    return isinstance(axis, hist.axis.StrCategory)


def grows(axis: Any) -> bool:
    """Return whether an axis grows while it is filled."""
    return bool(getattr(axis.traits, "growth", False))


def merges(axis: Any) -> bool:
    """Return whether histograms whose axes grew apart can be added: those of equal bins cannot."""
    return isinstance(axis, (hist.axis.StrCategory, hist.axis.IntCategory, hist.axis.Integer))


def grown(axis: Any, like: Any) -> Any:
    """Return an axis with the bins that another of its kind has now."""
    if not grows(axis):
        return axis
    named: dict[str, Any] = {"name": axis.name, "label": axis.label, "growth": True}
    if isinstance(axis, hist.axis.Integer):
        first = int(like.edges[0])
        return hist.axis.Integer(first, first + like.size, **named)
    kind = hist.axis.StrCategory if takes_text(axis) else hist.axis.IntCategory
    return kind([like.bin(i) for i in range(like.size)], **named)


def _middles(grid: _Grid, values: NDArray[np.float64], overflow: bool) -> NDArray[np.float64]:
    edges = grid.edges
    if grid.precise:
        with np.errstate(over="ignore"):
            nearest = np.rint((values - edges[0]) * grid.scale)
        nearest = np.clip(nearest, 0, edges.size - 1).astype(np.intp)
        bins = nearest - (values < edges[nearest])
    else:
        bins = np.searchsorted(edges, values, side="right") - 1
    if not overflow:
        # Without a bin above it the last bin has its upper edge, as hist and numpy have it.
        bins[values == edges[-1]] = edges.size - 2
    found: NDArray[np.float64] = grid.middles[bins + 1]
    return found


def _whole(axis: Any, values: NDArray[Any]) -> NDArray[Any]:
    numbers = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(numbers)
    broken = finite & (np.floor(numbers) != numbers)
    if broken.any():
        raise BinningError(
            f"{numbers[broken][0]:g} is no whole number, {axis!r} has bins for whole numbers only. Round the "
            "values, or use (n, low, high)."
        )
    limits = np.iinfo(np.int32)
    if grows(axis):
        low, high = (numbers.min(), numbers.max()) if numbers.size else (0.0, 0.0)
        if not (finite.all() and high - low < _MOST_GROWN and low > limits.min and high < limits.max):
            raise BinningError(
                f"values from {low:g} to {high:g} are too many bins for {axis!r}. Give it its bins."
            )
        return numbers.astype(np.int32)
    if isinstance(axis, hist.axis.Integer):
        if axis.traits.circular:
            return numbers.astype(np.int32)
        first = int(axis.edges[0])
        return np.clip(numbers, max(first - 1, limits.min), first + axis.size).astype(np.int32)
    known = {int(axis.bin(i)) for i in range(axis.size)}
    other = next(number for number in range(limits.max, 0, -1) if number not in known)
    inside = (numbers >= limits.min) & (numbers <= limits.max)
    return np.where(inside, numbers, other).astype(np.int32)


def _texts(axis: Any, values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind not in "UOST":
        raise BinningError(f"{axis!r} has bins for texts, not for numbers. Use hist.axis.IntCategory([...]).")
    return values.astype(np.str_)
