"""Means of one expression in bins of another, as ROOT's TProfile has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import hist
import numpy as np

from hepnb.errors import SelectionError, empty_is_expected
from hepnb.histograms.uncertainties import fill_means

if TYPE_CHECKING:
    from hepnb.histograms import Bins
    from hepnb.progress import Cancel, Progress

__all__ = ["make_profile"]

_FLATTEN = "flatten("


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
    wanted = {"x": expression, "y": y} | ({"w": _spread_over(weight, expression)} if weight else {})
    n_nan = 0
    for chunk in tree.stream(
        wanted, cut=cut, entry_start=start, entry_stop=stop, progress=progress, cancel=cancel
    ):
        x, values = chunk.arrays["x"], np.asarray(chunk.arrays["y"], dtype=np.float64)
        if len(x) != len(values):
            raise SelectionError(
                f"{expression!r} has {len(x):,} values and {y!r} {len(values):,}. Give two of the same "
                "lists, both with flatten(...), or one value per event each."
            )
        weights = np.asarray(chunk.arrays["w"], dtype=np.float64) if weight else np.ones(len(x))
        known = np.isfinite(values)
        if x.dtype.kind == "f":
            known &= ~np.isnan(x)
        n_nan += int(len(x) - known.sum())
        if not np.isfinite(weights[known]).all():
            raise SelectionError(
                f"the weight {weight!r} in tree {tree.path!r} is not finite everywhere. "
                "Cut those entries away."
            )
        filled.fill(x[known], weight=weights[known], sample=values[known])
    return _as_root(filled, n_nan)


def _spread_over(weight: str, expression: str) -> str:
    """Give each element of a list the weight of its event."""
    if not expression.startswith(_FLATTEN) or weight.startswith(_FLATTEN):
        return weight
    inside = expression[len(_FLATTEN) : -1]
    return f"{_FLATTEN}where(isnan({inside}), {weight}, {weight}))"


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
