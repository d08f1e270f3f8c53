"""Columns of a Parquet file, as those of a tree."""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import accumulate
from typing import Any

import awkward as ak
import numpy as np

from hepnb.errors import BranchError, FileError
from hepnb.events.rootio.branches import Branch, Kind, to_column
from hepnb.events.rootio.open_files import FileVersion, check_unchanged, reading, stamp
from hepnb.events.sources.source import FilePart, Segment, TreeReader, cached_column
from hepnb.events.units import pyarrow
from hepnb.python_code import call

__all__ = ["ParquetSource", "arrow_column", "parquet_notes"]

_BYTES_OF_A_LIST = 32.0


@dataclass(frozen=True)
class ParquetSource:
    """A Parquet file.

    Attributes
    ----------
    file : str
        Its path.
    """

    file: str

    @property
    def path(self) -> str:
        """Give what messages call it."""
        return self.file

    @property
    def code(self) -> str:
        """Python that makes the tree."""
        return call("hepnb.open", self.file)

    def inputs(self) -> tuple[str, ...]:
        """Return the file."""
        return (self.file,)

    def reader(self) -> TreeReader:
        """Return what is in the file now; remembered as long as the file is the same.

        Raises
        ------
        FileError
            If it is missing, or no Parquet file.
        """
        return _reader_of(stamp(self.file))


@lru_cache(maxsize=64)
def _reader_of(seen: FileVersion) -> TreeReader:
    file = seen[0]
    with _opened(file) as opened:
        sizes = [opened.metadata.row_group(number).num_rows for number in range(opened.num_row_groups)]
        limits = tuple(accumulate(sizes, initial=0))
        branches = tuple(_branch(field) for field in opened.schema_arrow)
    part = FilePart(seen, "", 0, limits[-1])
    return TreeReader(
        file,
        file,
        "",
        "",
        limits[-1],
        branches,
        read=partial(_column, seen, limits),
        segments=(Segment(0, limits[-1], file, (part,)),),
    )


def parquet_notes(file: str, key: str) -> Any:
    """Read what a sink noted in a Parquet file; None where it did not.

    Parameters
    ----------
    file : str
        The file.
    key : str
        What it noted it under.

    Returns
    -------
    object
        As JSON gives it.
    """
    found = (_opened(file).schema_arrow.metadata or {}).get(f"hepnb.{key}".encode())
    return None if found is None else json.loads(found)


def _opened(file: str) -> Any:
    _, parquet = pyarrow()
    stamp(file)
    try:
        return parquet.ParquetFile(file)
    except (OSError, ValueError) as error:
        said = str(error).splitlines()[0][:160]
        raise FileError(f"{file!r} cannot be read as a Parquet file ({said}).") from error


def _column(seen: FileVersion, limits: tuple[int, ...], branch: Branch, start: int, stop: int) -> Any:
    check_unchanged(seen)
    return cached_column(seen, "", branch.path, start, stop, lambda: _read(seen, limits, branch, start, stop))


def _read(seen: FileVersion, limits: tuple[int, ...], branch: Branch, start: int, stop: int) -> Any:
    with reading(f"column {branch.name!r}", seen[0], BranchError), _opened(seen[0]) as opened:
        if start >= stop:
            table, begin = opened.schema_arrow.empty_table().select([branch.path]), start
        else:
            first, last = bisect_right(limits, start) - 1, bisect_right(limits, stop - 1) - 1
            groups = list(range(first, last + 1))
            table = opened.read_row_groups(groups, columns=[branch.path], use_threads=False)
            begin = limits[first]
        return arrow_column(table.column(branch.path).slice(start - begin, stop - start), branch)


def arrow_column(column: Any, branch: Branch) -> Any:
    """Turn a column of pyarrow into one to calculate with.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Some entries.
    branch : Branch
        What it is.

    Returns
    -------
    numpy.ndarray or awkward.Array
        As :func:`hepnb.events.rootio.branches.to_column` gives it.
    """
    if branch.kind == "string":
        return to_column(column.to_pylist(), branch)
    if branch.kind in ("number", "bool") and not column.null_count:
        return to_column(column.to_numpy(), branch)
    return to_column(ak.Array(ak.from_arrow(column, highlevel=True)), branch)


def _branch(field: Any) -> Branch:
    kind, ndim, inner = "number", 1, field.type
    while hasattr(inner, "value_type") and not hasattr(inner, "index_type"):
        kind, ndim, inner = "list", ndim + 1, inner.value_type
    # Texts that repeat are kept as numbers of a list of texts.
    name = str(inner.value_type if hasattr(inner, "index_type") else inner)
    if kind == "number" and name in ("string", "large_string"):
        return Branch(field.name, name, "string", path=field.name, bytes_per_entry=_BYTES_OF_A_LIST)
    try:
        dtype = np.dtype(inner.to_pandas_dtype())
    except (NotImplementedError, TypeError):
        dtype = np.dtype(object)
    if dtype.kind not in "biuf":
        why = "it is not made of numbers"
        return Branch(field.name, str(field.type), "other", "", "", False, why, field.name)
    found: Kind = "list" if kind == "list" else "bool" if dtype.kind == "b" else "number"
    size = _BYTES_OF_A_LIST if found == "list" else 8.0
    return Branch(
        field.name,
        str(field.type),
        found,
        str(dtype),
        path=field.name,
        bytes_per_entry=size,
        ndim=ndim,
    )
