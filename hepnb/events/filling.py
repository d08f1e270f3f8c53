"""Fill a histogram in one pass; choose its range in a pass before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BinningError, SelectionError
from hepnb.events.expressions import Expression
from hepnb.events.passes import columns_of
from hepnb.events.source import TreeInfo
from hepnb.events.stream import mask_of, numbers, values_of, weights_of
from hepnb.histograms import fill_into
from hepnb.progress import Cancel, Progress

if TYPE_CHECKING:
    import hist

__all__ = ["fill", "nothing_left", "values_seen"]

_MAX_SEEN = 2_000_000


def fill(
    histogram: hist.Hist[Any],
    info: TreeInfo,
    value: Expression,
    cut: Expression | None,
    weight: Expression | None,
    *,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> None:
    """Fill a histogram in place with an expression of a tree.

    Raises
    ------
    SelectionError
        Where nothing is filled though nobody cancelled, or a weight is not finite.
    """
    used = [item for item in (value, cut, weight) if item is not None]
    filled = 0
    lost = list(info.skipped)
    for start, stop, columns in columns_of(info, used, progress=progress, cancel=cancel, lost=lost):
        n = stop - start
        passed = mask_of(cut, columns, n)
        values, counts = values_of(value, columns, n, passed)
        weights = None
        if weight is not None:
            weights = weights_of(weight, columns, n)
            weights = weights if passed is None else weights[passed]
            weights = weights if counts is None else np.repeat(weights, counts)
        try:
            filled += fill_into(histogram, numbers(value, values), weights)
        except BinningError as error:
            text = weight.text if weight else ""
            raise SelectionError(f"the weight {text!r} in tree {info.path!r}: {error}") from error
    if lost:
        histogram.metadata["skipped"] = tuple(lost)
    if not filled and not (cancel is not None and cancel.is_set()):
        raise nothing_left(info, value.text, cut.text if cut else None, histogram.metadata["n_nan"])


def values_seen(
    info: TreeInfo, value: Expression, cut: Expression | None, cancel: Cancel | None
) -> NDArray[np.float64]:
    """Values to choose a range from: all of them, or evenly thinned where there are millions."""
    seen: list[NDArray[np.float64]] = []
    thin = 1
    for start, stop, columns in columns_of(info, [value, *([cut] if cut else [])], cancel=cancel):
        n = stop - start
        values = numbers(value, values_of(value, columns, n, mask_of(cut, columns, n))[0])
        seen.append(values[::thin])
        while sum(part.size for part in seen) > _MAX_SEEN:
            thin *= 2
            seen = [part[::2] for part in seen]
    values = np.concatenate(seen) if seen else np.zeros(0)
    if not np.isfinite(values).any() and not (cancel is not None and cancel.is_set()):
        raise nothing_left(info, value.text, cut.text if cut else None, int(np.isnan(values).sum()))
    return values if np.isfinite(values).any() else np.zeros(1)


def nothing_left(info: TreeInfo, expression: str, cut: str | None, n_nan: int) -> SelectionError:
    """Say why a histogram would be empty."""
    if info.n_entries == 0:
        return SelectionError(
            f"tree {info.path!r} of {info.file!r} has no entries: there is nothing to fill."
        )
    if n_nan:
        which = f"of the entries that pass the cut {cut!r}" if cut else "of the entries"
        return SelectionError(
            f"{expression!r} is not a number for any {which} in tree {info.path!r} ({n_nan:,} values)."
        )
    if cut is None:
        return SelectionError(
            f"{expression!r} has no values in the {info.n_entries:,} entries of {info.path!r}."
        )
    return SelectionError(
        f"the cut {cut!r} leaves none of the {info.n_entries:,} entries of tree {info.path!r}. Loosen it."
    )
