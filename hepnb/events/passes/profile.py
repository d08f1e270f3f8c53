"""Means of one expression in bins of another, as ROOT's TProfile has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import hist
import numpy as np

from hepnb.errors import SelectionError, empty_is_expected
from hepnb.histograms.coordinates import on_axis, takes_text
from hepnb.histograms.uncertainties import fill_means

if TYPE_CHECKING:
    from hepnb.histograms import Bins
    from hepnb.progress import Cancel, Progress

__all__ = ["make_profile"]


def make_profile(
    tree: Any,
    expression: str,
    y: str,
    bins: Bins,
    cut: str | None,
    weight: str | None,
    entries: tuple[int | None, int | None],
    progress: Progress | None,
    cancel: Cancel | None,
) -> hist.Hist[Any]:
    """Fill a profile.

    Parameters
    ----------
    tree : Tree
        Where the values come from.
    expression, y, bins, cut, weight, progress, cancel
        As for :meth:`hepnb.Tree.profile`.
    entries : (int or None, int or None)
        Range of entries.

    Returns
    -------
    hist.Hist
        WeightedMean storage, with ROOT's errors of the mean.
    """
    start, stop = entries
    with empty_is_expected():
        axis = tree.hist(expression, bins, cut=cut, entry_start=start, entry_stop=stop).axes[0]
    filled: hist.Hist[Any] = hist.Hist(axis, storage=hist.storage.WeightedMean())
    if (_elements(expression) is None) != (_elements(y) is None):
        raise _differ(tree, expression, y)
    wanted = {"x": expression, "y": _along(expression, y)}
    if weight:
        wanted["w"] = _along(expression, weight)
    n_nan = 0
    for chunk in tree.stream(
        wanted, cut=cut, entry_start=start, entry_stop=stop, progress=progress, cancel=cancel
    ):
        x, values = chunk.arrays["x"], np.asarray(chunk.arrays["y"], dtype=np.float64)
        weights = np.asarray(chunk.arrays["w"], dtype=np.float64) if weight else np.ones(len(x))
        for other, found in ((y, values), (weight, weights)):
            if len(x) != len(found):
                raise _differ(tree, expression, other)
        known = np.isfinite(values)
        if x.dtype.kind == "f":
            known &= ~np.isnan(x)
        n_nan += int(len(x) - known.sum())
        if not np.isfinite(weights[known]).all():
            raise SelectionError(
                f"the weight {weight!r} in tree {tree.path!r} is not finite everywhere. "
                "Cut those entries away."
            )
        placed = on_axis(axis, x[known] if takes_text(axis) else np.asarray(x[known], dtype=np.float64))
        filled.fill(placed, weight=weights[known], sample=values[known])
    return _as_root(filled, n_nan)


def _differ(tree: Any, expression: str, other: str | None) -> SelectionError:
    return SelectionError(
        f"{expression!r} and {other!r} in tree {tree.path!r} do not have the same number of values. Give two "
        "of the same lists, both with flatten(...), or one value per event each."
    )


def _elements(text: str) -> str | None:
    """Give the lists of flatten(...); None for one value per event."""
    found = re.fullmatch(r"\s*flatten\s*\((.*)\)\s*", text, re.DOTALL)
    return None if found is None else found.group(1)


def _along(expression: str, other: str) -> str:
    """Give each element of the expression's lists its value of another, which must have the same lists."""
    lists, own = _elements(expression), _elements(other) or other
    return other if lists is None else f"flatten(where(isnan({lists}), {own}, {own}))"


def _as_root(filled: hist.Hist[Any], n_nan: int) -> hist.Hist[Any]:
    view: Any = filled.view(flow=True)
    sums = {
        "weights": np.array(view["sum_of_weights"]),
        "squares": np.array(view["sum_of_weights_squared"]),
        "mean": np.array(view["value"]),
        "spread": np.array(view["_sum_of_weighted_deltas_squared"]),
    }
    filled.metadata = {"n_nan": n_nan}
    fill_means(filled, sums, "")
    return filled
