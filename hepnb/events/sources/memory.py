"""Columns that are in memory already, as those of a tree: arrays, data frames, Arrow tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import awkward as ak
import numpy as np

from hepnb.errors import BranchError
from hepnb.events.rootio.branches import Branch, described, to_column
from hepnb.events.sources.source import Segment, TreeReader
from hepnb.python_code import Code, call

__all__ = ["MemorySource", "columns_from"]


@dataclass(frozen=True, eq=False)
class MemorySource:
    """Columns in memory; equal to itself only.

    Attributes
    ----------
    path : str
        What messages call the tree.
    arrays : dict of str to array
        The columns, with as many entries each.
    """

    path: str
    arrays: dict[str, Any] = field(repr=False)

    @property
    def file(self) -> str:
        """Return what messages call the place of the columns."""
        return "memory"

    @property
    def code(self) -> str:
        """Python that makes the tree, from columns that the script has to have."""
        return call("hepnb.tree", Code("columns"))

    def inputs(self) -> tuple[str, ...]:
        """Return no file."""
        return ()

    def reader(self) -> TreeReader:
        """Return the tree."""
        return self._reader

    @cached_property
    def _reader(self) -> TreeReader:
        n_entries = len(next(iter(self.arrays.values())))
        branches = [branch for name, array in self.arrays.items() for branch in _branches(name, array)]
        columns: dict[str, Any] = {}

        def read(branch: Branch, start: int, stop: int) -> Any:
            if branch.name not in columns:
                column = to_column(self.arrays[branch.path], branch)
                if isinstance(column, np.ndarray):
                    column = column.view()
                    column.flags.writeable = False
                columns[branch.name] = column
            return columns[branch.name][start:stop]

        return TreeReader(
            self.file,
            self.path,
            self.path,
            "",
            n_entries,
            tuple(branches),
            read=read,
            segments=(Segment(0, n_entries, self.file),),
        )

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "arrays": self.arrays}


def columns_from(data: Any) -> dict[str, Any]:
    """Give the columns of what a person has: a dict, an awkward record array, a data frame, an Arrow table.

    Parameters
    ----------
    data : mapping of str to array, awkward.Array, pandas.DataFrame or pyarrow.Table
        With at least one column.

    Returns
    -------
    dict of str to numpy.ndarray or awkward.Array
        Copies: what is changed afterwards does not change the tree.

    Raises
    ------
    BranchError
        Where it is nothing of these, or the columns differ in length.
    """
    names, column = _opened(data)
    if not names:
        raise BranchError("a tree needs at least one column: hepnb.tree({'pt': pt, 'eta': eta}).")
    for name in names:
        if not isinstance(name, str) or not name:
            raise BranchError(f"column {name!r:.60}: a name is a text. Rename it.")
    columns = {name: _array(name, column(name)) for name in names}
    lengths = {name: len(array) for name, array in columns.items()}
    if len(set(lengths.values())) > 1:
        longest = max(lengths, key=lambda name: lengths[name])
        shortest = min(lengths, key=lambda name: lengths[name])
        raise BranchError(
            f"the columns differ in length: {longest!r} has {lengths[longest]:,} entries, {shortest!r} has "
            f"{lengths[shortest]:,}. Give one value, or one list, per event in each."
        )
    return columns


def _opened(data: Any) -> tuple[list[Any], Any]:
    if isinstance(data, ak.Array) and data.fields and not data.layout.is_tuple and data.ndim == 1:
        return data.fields, lambda name: data[name]
    if isinstance(data, Mapping):
        return list(data), lambda name: data[name]
    kind = f"{type(data).__module__.partition('.')[0]}.{type(data).__name__}"
    if kind == "pandas.DataFrame":
        return list(data.columns), lambda name: data[name]
    if kind in ("pyarrow.Table", "pyarrow.RecordBatch"):
        return list(data.column_names), lambda name: ak.from_arrow(data.column(name))
    raise BranchError(
        f"{kind} is no set of columns: give a dict of arrays, an awkward array of records, a data frame or "
        "an Arrow table."
    )


def _array(name: str, given: Any) -> Any:
    """Give a column as numpy or awkward, of its own memory; what is neither as an array of objects."""
    if isinstance(given, ak.Array):
        return ak.copy(given)
    if type(given).__module__.partition(".")[0] == "pandas":
        given = _of_series(given)
    try:
        array = np.asanyarray(given)
    except (TypeError, ValueError):  # lists of different lengths
        array = np.empty(len(given), dtype=object)
    if array.ndim == 0:
        raise BranchError(
            f"column {name!r} is the one value {given!r:.40}: give an array with a value for each entry."
        )
    if array.dtype.kind in "biufUM" and (array.dtype.kind != "U" or isinstance(given, np.ndarray)):
        return array.astype(array.dtype.newbyteorder("="), copy=True, subok=True)
    try:
        return ak.Array(given.tolist() if isinstance(given, np.ndarray) else list(given))
    except Exception:  # noqa: BLE001  # awkward says in many ways that it cannot: the column is listed as such
        return np.empty(len(given), dtype=object)


def _of_series(series: Any) -> Any:
    """Give the values of a column of pandas, missing ones as None."""
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "biufM":
        return series.to_numpy()
    # What is missing has many names in pandas: None, NaN, NaT, NA.
    kept, missing = series.to_list(), series.isna().to_list()
    return [None if gone else value for value, gone in zip(kept, missing, strict=True)]


def _branches(name: str, array: Any) -> list[Branch]:
    if isinstance(array, np.ndarray) and array.dtype.kind not in "biufU":
        why = "it is not made of numbers"
        return [Branch(name, str(array.dtype), "other", "", "", False, why, name)]
    form = ak.Array(array).layout.form if not isinstance(array, ak.Array) else array.layout.form
    size = max(array.nbytes / max(len(array), 1), 8.0)
    return list(described(name, "", "", form, "", size))
