"""How many entries fit into a number of bytes, while they are read and calculated with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from hepnb.errors import SelectionError
from hepnb.events.rootio.branches import Branch
from hepnb.events.sources.column_cache import size_of
from hepnb.events.sources.source import TreeInfo

if TYPE_CHECKING:
    from hepnb.events.tree import Tree

__all__ = ["bytes_per_entry", "entries_per_chunk", "memory_bytes"]

_UNITS = {"": 1, "b": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3, "tb": 1024**4}
_SAMPLES = 3
_SAMPLE_ENTRIES = 200
_SAMPLE_BYTES = 4 * 1024**2
# Of one column: as it is in the file, decompressed, joined, and two intermediate results of a formula.
_COPIES = 4.0
# What the allocator and the reader keep back.
_SHARE = 0.8
_FEWEST = 64


def memory_bytes(memory: int | str, what: str = "memory") -> int:
    """Bytes, from a number of them or a text.

    Parameters
    ----------
    memory : int or str
        Bytes, or such as "500 MB" (1 kB = 1024 bytes).
    what : str
        What the message calls it.

    Returns
    -------
    int
        At least one.

    Raises
    ------
    SelectionError
        Where it is neither.

    Examples
    --------
    >>> memory_bytes("1.5 kB"), memory_bytes(2**20)
    (1536, 1048576)
    """
    if isinstance(memory, str):
        found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]*)?)\s*([A-Za-z]*)\s*", memory)
        value = float(found.group(1)) * _UNITS.get(found.group(2).lower(), 0) if found else 0.0
    else:
        # Compared as an integer: 10**400 is no float.
        number: Any = memory
        whole = isinstance(number, int | np.integer) and not isinstance(number, bool) and 1 <= number < 2**60
        value = float(number) if whole else 0.0
    if not 1 <= value < 2**60:
        raise SelectionError(f"{what}={memory!r} is not a memory size. Write '500 MB', or a number of bytes.")
    return int(value)


def bytes_per_entry(info: TreeInfo, branches: Iterable[Branch]) -> float:
    """Bytes of one entry's columns in memory, as they are calculated with.

    Parameters
    ----------
    info : TreeInfo
        The tree.
    branches : iterable of Branch
        One value per event counts eight bytes. Lists and texts differ in length: a few hundred are looked at,
        at the begin, in the middle and at the end.

    Returns
    -------
    float
        At least one byte.
    """
    return max(sum(_width(info, branch) for branch in branches), 1.0)


def _width(info: TreeInfo, branch: Branch) -> float:
    if branch.kind in ("number", "bool") or not info.n_entries:
        return 8.0
    # Of large entries fewer: to look at them must not take more memory than the pass.
    number = max(1, min(_SAMPLE_ENTRIES, int(_SAMPLE_BYTES / max(branch.bytes_per_entry, 1.0))))
    places = np.linspace(0, max(info.n_entries - number, 0), _SAMPLES).astype(int)
    widths = []
    for start in sorted(set(places.tolist())):
        stop = min(start + number, info.n_entries)
        column = info.column(branch, start, stop)
        # A slice of a column that is in memory shares the elements of the others.
        alone = ak.to_packed(column) if isinstance(column, ak.Array) else column
        widths.append(size_of(alone) / max(stop - start, 1))
    return float(max(widths))


def entries_per_chunk(tree: Tree, names: Iterable[str], budget: int | str) -> int:
    """How many entries can be read and calculated with at once within a budget.

    Parameters
    ----------
    tree : Tree
        The tree.
    names : iterable of str
        Branches or formulas: everything that is in memory together, cuts and weights too.
    budget : int or str
        Bytes, or such as "500 MB": what the columns, the buffers they are read through and the intermediate
        results of the formulas may take together. What the process takes besides is not counted.

    Returns
    -------
    int
        At least 64.

    Raises
    ------
    SelectionError
        Where not even 64 entries fit.
    BranchError, ExpressionError
        Where a name is no branch and no formula of the tree.

    Examples
    --------
    >>> import hepnb
    >>> tree = hepnb.open(hepnb.datasets.generate())["signal"]
    >>> entries_per_chunk(tree, ["mll", "lep1_pt > 30"], "1 MB")
    13107
    """
    info = tree._info()
    expressions = [tree.check(text) for text in names]
    branches = {name: info.names[name] for expression in expressions for name in expression.branches}
    widths = [_width(info, branch) for branch in branches.values()] or [8.0]
    per_entry = sum(widths) + 8.0 * len(expressions) + _COPIES * max(widths)
    available = _SHARE * memory_bytes(budget)
    entries = int(available / per_entry)
    if entries < _FEWEST:
        needed = int(_FEWEST * per_entry / _SHARE / 1024) + 1
        raise SelectionError(
            f"memory={budget!r} is too small for {len(branches)} branches of {info.path!r}: "
            f"give {needed:,} kB or more."
        )
    return entries
