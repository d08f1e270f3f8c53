"""Size of an entry in memory, while it is read and calculated with."""

from __future__ import annotations

from collections.abc import Iterable

import awkward as ak
import numpy as np

from hepnb.events.rootio.branches import Branch
from hepnb.events.sources.source import TreeReader
from hepnb.events.units import size_of

__all__ = ["bytes_per_entry"]

_SAMPLES = 3
_SAMPLE_ENTRIES = 200
_SAMPLE_BYTES = 4 * 1024**2


def bytes_per_entry(reader: TreeReader, branches: Iterable[Branch]) -> float:
    """Bytes of one entry's columns in memory, as they are calculated with.

    Parameters
    ----------
    reader : TreeReader
        The tree.
    branches : iterable of Branch
        One value per event counts eight bytes. Lists and texts differ in length: a few hundred are looked at,
        at the begin, in the middle and at the end.

    Returns
    -------
    float
        At least one byte.
    """
    return max(sum(_width(reader, branch) for branch in branches), 1.0)


def _width(reader: TreeReader, branch: Branch) -> float:
    if branch.kind in ("number", "bool") or not reader.n_entries:
        return 8.0
    # Of large entries fewer: to look at them must not take more memory than the pass.
    number = max(1, min(_SAMPLE_ENTRIES, int(_SAMPLE_BYTES / max(branch.bytes_per_entry, 1.0))))
    places = np.linspace(0, max(reader.n_entries - number, 0), _SAMPLES).astype(int)
    widths = []
    for start in sorted(set(places.tolist())):
        stop = min(start + number, reader.n_entries)
        column = reader.column(branch, start, stop)
        # A slice of a column that is in memory shares the elements of the others.
        alone = ak.to_packed(column) if isinstance(column, ak.Array) else column
        widths.append(size_of(alone) / max(stop - start, 1))
    return float(max(widths))
