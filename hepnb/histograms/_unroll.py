"""Histograms of several axes as templates: categories picked out, the other axes unrolled into one."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import hist
import numpy as np

from hepnb.errors import BinningError, nearest
from hepnb.histograms._fill import empty
from hepnb.histograms.uncertainties import known_variances
from hepnb.histograms.weighted import WeightedHist

__all__ = ["bin_name", "is_category", "pick", "unroll"]

_MOST_BINS = 100_000
_UNNAMED = tuple("xyzuvw")


def pick(histogram: Any, categories: Mapping[str, str]) -> Any:
    """Take one category of each of some axes.

    Parameters
    ----------
    histogram : hist.Hist
        With named axes of categories.
    categories : mapping of axis name to category
        What to take; the other axes stay.

    Returns
    -------
    hist.Hist
        With the axes that are left; weight storage, flow bins left out.

    Raises
    ------
    BinningError
        Where there is no such axis or category.

    Examples
    --------
    >>> axes = [hist.axis.StrCategory(["SR", "CR"], name="region"), hist.axis.Regular(2, 0, 2, name="m")]
    >>> filled = hist.Hist(*axes).fill(region=["SR", "SR", "CR"], m=[0.5, 1.5, 1.5])
    >>> pick(filled, {"region": "SR"}).values()
    array([1., 1.])
    """
    if not categories:
        return histogram
    axes = list(histogram.axes)
    names = [getattr(axis, "name", "") or "" for axis in axes]
    chosen: list[Any] = [slice(None)] * len(axes)
    for name, category in categories.items():
        if name not in names:
            raise BinningError(
                f"the histogram has no axis {name!r} to pick {category!r} from. {nearest(name, names)}"
            )
        place = names.index(name)
        known = [bin_name(axes[place], index) for index in range(len(axes[place]))]
        if category not in known:
            raise BinningError(f"axis {name!r} has no category {category!r}. {nearest(str(category), known)}")
        chosen[place] = known.index(category)
    left = [axis for axis, place in zip(axes, chosen, strict=True) if not isinstance(place, int)]
    if not left:
        raise BinningError(
            f"nothing is left of the histogram when {dict(categories)} are picked: leave one axis."
        )
    return _made(
        left, np.asarray(histogram.values())[tuple(chosen)], known_variances(histogram)[tuple(chosen)]
    )


def unroll(histogram: Any) -> hist.Hist[Any]:
    """Put the bins of several axes behind each other, the last axis running fastest.

    Parameters
    ----------
    histogram : UHI histogram
        Any number of axes; flow bins are left out.

    Returns
    -------
    hist.Hist
        One axis of categories, whose names say which bins they were; weight storage.

    Raises
    ------
    BinningError
        Where there would be more than 100,000 bins.

    Examples
    --------
    >>> axes = [hist.axis.Regular(2, 0, 2, name="m"), hist.axis.StrCategory(["e", "mu"], name="flavour")]
    >>> flat = unroll(hist.Hist(*axes).fill(m=[0.5, 1.5, 1.5], flavour=["e", "mu", "mu"]))
    >>> dict(zip(flat.axes[0], flat.values().tolist()))
    {'m [0, 1), e': 1.0, 'm [0, 1), mu': 0.0, 'm [1, 2), e': 0.0, 'm [1, 2), mu': 2.0}
    """
    axes = list(histogram.axes)
    n_bins = int(np.prod([len(axis) for axis in axes]))
    if n_bins > _MOST_BINS:
        raise BinningError(f"{n_bins:,} bins when unrolled. Take fewer bins, or project it.")
    named = [[_named(axis, index, len(axes)) for index in range(len(axis))] for axis in axes]
    labels = [", ".join(parts) for parts in product(*named)]
    what = " x ".join(getattr(axis, "label", "") or getattr(axis, "name", "") or "" for axis in axes)
    flat = hist.axis.StrCategory(labels, name="bin", label=what)
    return _made([flat], np.asarray(histogram.values()).ravel(), known_variances(histogram).ravel())


def _made(axes: list[Any], values: Any, variances: Any) -> hist.Hist[Any]:
    made: hist.Hist[Any] = WeightedHist(*axes, storage=hist.storage.Weight())
    made.metadata = empty(axes[0]).metadata
    view: Any = made.view()
    view["value"], view["variance"] = values, variances
    return made


def is_category(axis: Any) -> bool:
    """Return whether an axis has categories instead of numbers."""
    return isinstance(axis, (hist.axis.StrCategory, hist.axis.IntCategory, hist.axis.Boolean))


def bin_name(axis: Any, index: int) -> str:
    """A category's name; the range of a bin of numbers."""
    if is_category(axis):
        return str(axis.bin(index))
    edges = np.asarray(axis.edges)
    return f"[{edges[index]:g}, {edges[index + 1]:g})"


def _named(axis: Any, index: int, n_axes: int) -> str:
    label = bin_name(axis, index)
    name = getattr(axis, "name", "") or ""
    # What a tree filled has the expression as its label, and these names.
    if name in _UNNAMED:
        name = getattr(axis, "label", "") or name
    return f"{name} {label}" if name and n_axes > 1 and label.startswith("[") else label
