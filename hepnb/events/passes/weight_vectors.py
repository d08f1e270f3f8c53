"""A histogram for each element of a vector of weights, in one pass."""

from __future__ import annotations

from typing import Any

import hist

from hepnb.errors import SelectionError
from hepnb.events.passes.chunks import entry_range
from hepnb.events.passes.fill_spec import Fill

__all__ = ["fill_by_weight"]

_AXIS = "weight_number"


def fill_by_weight(tree: Any, spec: Fill, vector: str, options: dict[str, Any]) -> hist.Hist[Any]:
    """Fill a histogram with a further axis, one bin for each weight of a vector.

    Parameters
    ----------
    tree : Tree
        Where the values come from.
    spec : Fill
        What is filled: one value per event along each axis; its weight is a factor of all.
    vector : str
        A list of the same length in every event that is filled.
    options : dict
        Entries, memory and the like, as for :meth:`hepnb.Tree.fill`.

    Returns
    -------
    hist.Hist
        With weight storage; the last axis is named "weight_number".

    Raises
    ------
    SelectionError
        Where the vector is empty, or not of one length, or ``flatten(...)`` is filled.
    """
    flat = next((text for text in spec.expressions if tree.check(text).flat), None)
    if flat is not None:
        raise SelectionError(
            f"weight_axis={vector!r} is for one value per event, and {flat!r} has one per element. Fill "
            f"it once for each weight: weight={f'({vector})[:, 0]'!r}."
        )
    start, stop = entry_range(tree.n_entries, options["entry_start"], options["entry_stop"])
    first = tree.arrays({"n": f"length({vector})"}, entry_start=start, entry_stop=min(start + 1, stop))["n"]
    n = int(first[0]) if len(first) else 0
    if not n:
        raise SelectionError(
            f"weight_axis={vector!r} in tree {tree.path!r} has no weights in the first entry: give a "
            "list of the same length in every event."
        )
    axis = hist.axis.Integer(0, n, name=_AXIS, label=vector, flow=False)
    bins: Any = (*spec.binnings, axis)
    expressions = (*spec.expressions, f"flatten(local_index({vector}))")
    weight = vector if spec.weight is None else f"({vector}) * ({spec.weight})"
    cuts = {} if spec.cut is None else {"filled": spec.cut}
    cuts["of another length"] = f"length({vector}) != {n}"
    fill = Fill(expressions, bins, spec.cut, weight, spec.name, spec.label)
    made = tree.fill({vector: fill}, {"lengths": cuts}, **options)
    others = made["lengths"]["of another length"].n_passed
    if others:
        raise SelectionError(
            f"weight_axis={vector!r} in tree {tree.path!r} has {n} weights in the first entry, and another "
            f"number in {others:,} of the entries that are filled. Cut those away: length({vector}) == {n}."
        )
    found: hist.Hist[Any] = made.histograms[vector]
    return found
