"""Rows scattered over files by a random key, and taken back one file at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepnb.events.language.functions import is_list
from hepnb.events.writing.entry_random import random_keys
from hepnb.events.writing.schema import OutputColumn
from hepnb.events.writing.selected_rows import Rows

__all__ = ["Buckets"]

# Of the files a process may have open, usually 1024.
_MOST_OPEN = 400
_BYTES = np.dtype(np.uint8)


class Buckets:
    """Files of rows, each with those of one range of keys.

    What has one size per row is kept in records, key first; the numbers in lists and the characters of texts
    lie in files beside it, one per column and level.

    Parameters
    ----------
    folder : pathlib.Path
        Where the files are.
    number : int
        How many buckets.
    fields : sequence of OutputColumn
        The columns.
    seed : int
        Of the keys.
    """

    def __init__(self, folder: Path, number: int, fields: Sequence[OutputColumn], seed: int) -> None:
        self._folder = folder
        self._number = number
        self._fields = tuple(fields)
        self._seed = seed
        self._files: dict[Path, Any] = {}
        self._open = ExitStack()
        columns: list[Any] = [("key", np.uint64)]
        for place, field in enumerate(self._fields):
            fixed = field.dtype is not None and not field.depth
            columns.append((str(place), field.dtype, field.shape) if fixed else (str(place), np.int64))
        self._record = np.dtype(columns)

    def scatter(self, chunks: Iterable[Rows]) -> int:
        """Put every row into its bucket; give how many entries were looked at."""
        n_read = 0
        with ExitStack() as self._open:
            for rows in chunks:
                n_read += rows.stop - rows.start
                if len(rows.entries):
                    self._put(rows)
        self._files.clear()
        return n_read

    def _put(self, rows: Rows) -> None:
        keys = random_keys(rows.start, rows.stop, self._seed)[rows.entries - rows.start]
        buckets = ((keys >> np.uint64(32)) * np.uint64(self._number)) >> np.uint64(32)
        order = np.argsort(buckets, kind="stable")
        limits = np.searchsorted(buckets[order], np.arange(self._number + 1, dtype=np.uint64))
        records = np.empty(len(order), dtype=self._record)
        records["key"] = keys[order]
        beside: dict[str, tuple[NDArray[Any], NDArray[np.int64]]] = {}
        for place, field in enumerate(self._fields):
            column = rows.columns[field.name][order]
            if field.dtype is not None and not field.depth:
                records[str(place)] = column
                continue
            levels = _levels(column, field)
            records[str(place)] = levels[0]
            ends = np.concatenate(([0], np.cumsum(levels[0])))[limits]
            for level, values in enumerate(levels[1:], start=1):
                beside[f"{place}-{level}"] = values, ends
                if level < len(levels) - 1:
                    ends = np.concatenate(([0], np.cumsum(values)))[ends]
        for number in np.flatnonzero(np.diff(limits)).tolist():
            self._append(number, "rows", records[limits[number] : limits[number + 1]])
            for name, (values, ends) in beside.items():
                self._append(number, name, values[ends[number] : ends[number + 1]])

    def _append(self, number: int, name: str, values: NDArray[Any]) -> None:
        path = self._folder / f"{number}-{name}"
        file = self._files.get(path)
        if file is None and len(self._files) < _MOST_OPEN:
            file = self._files[path] = self._open.enter_context(path.open("ab", buffering=0))
        if file is not None:
            file.write(values.tobytes())
            return
        with path.open("ab") as file:
            file.write(values.tobytes())

    def ordered(self, number: int) -> dict[str, Any] | None:
        """Give the rows of a bucket in the order of their keys, once; None where it has none."""
        if not (self._folder / f"{number}-rows").exists():
            return None
        records = self._take(number, "rows", self._record)
        order = np.argsort(records["key"])
        columns = {}
        for place, field in enumerate(self._fields):
            values = records[str(place)]
            if field.dtype is None:
                columns[field.name] = _texts(values, self._take(number, f"{place}-1", _BYTES))[order]
            elif not field.depth:
                columns[field.name] = values[order]
            else:
                levels = [values]
                for level in range(1, field.depth + 1):
                    kind = field.dtype if level == field.depth else np.dtype(np.int64)
                    levels.append(self._take(number, f"{place}-{level}", kind))
                columns[field.name] = ak.to_packed(_lists(levels)[order])
        return columns

    def _take(self, number: int, name: str, kind: np.dtype[Any]) -> NDArray[Any]:
        path = self._folder / f"{number}-{name}"
        values: NDArray[Any] = np.fromfile(path, dtype=kind) if path.exists() else np.empty(0, dtype=kind)
        path.unlink(missing_ok=True)
        return values


def _levels(column: Any, field: OutputColumn) -> list[NDArray[Any]]:
    """Lengths of the lists, level by level, and what is in them.

    Examples
    --------
    >>> _levels(ak.Array([[1, 2], []]), OutputColumn("x", np.dtype(int), depth=1))
    [array([2, 0]), array([1, 2])]
    >>> _levels(np.array(["ab", ""]), OutputColumn("x", None))
    [array([2, 0]), array([97, 98], dtype=uint8)]
    """
    depth = field.depth
    if field.dtype is None:
        depth = 1
        column = ak.without_parameters(column if is_list(column) else ak.Array(column.tolist()))
        if column.ndim == 1:
            return [np.zeros(0, dtype=np.int64), np.empty(0, _BYTES)]
    levels = []
    for _ in range(depth):
        levels.append(np.asarray(ak.num(column, axis=1), dtype=np.int64))
        column = ak.flatten(column, axis=1)
    return [*levels, np.asarray(column)]


def _lists(levels: Sequence[NDArray[Any]]) -> Any:
    """Undo :func:`_levels`."""
    *lengths, column = levels
    for counts in reversed(lengths):
        column = ak.unflatten(column, counts)
    return column


def _texts(lengths: NDArray[np.int64], characters: NDArray[np.uint8]) -> Any:
    """Undo :func:`_levels` of texts.

    Examples
    --------
    >>> _texts(np.array([2, 0]), np.frombuffer(b"ab", np.uint8)).to_list()
    ['ab', '']
    """
    offsets = ak.index.Index64(np.concatenate(([0], np.cumsum(lengths))).astype(np.int64))
    content = ak.contents.NumpyArray(characters, parameters={"__array__": "char"})
    return ak.Array(ak.contents.ListOffsetArray(offsets, content, parameters={"__array__": "string"}))
