"""Where rows go: a tree of a new ROOT file, or a Parquet file, a piece at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import awkward as ak
import numpy as np
import uproot

from hepnb.errors import BranchError, OptionError, nearest
from hepnb.events.language.functions import is_list
from hepnb.events.units import pyarrow, size_of
from hepnb.events.writing.schema import OutputColumn

__all__ = [
    "BufferedWriter",
    "Compression",
    "ParquetWriter",
    "RootWriter",
    "Writer",
    "compression_of",
    "join",
    "root_compression",
]

Compression: TypeAlias = "str | tuple[str, int] | None"
"""Such as "zstd", ("zlib", 6), or None for none."""

_ROOT = {"zlib": (uproot.ZLIB, 1), "lz4": (uproot.LZ4, 4), "zstd": (uproot.ZSTD, 3), "lzma": (uproot.LZMA, 5)}
_PARQUET = ("zstd", "snappy", "gzip", "lz4", "brotli")
# A slash is a folder, brackets are dimensions, a backtick ends a name in an expression.
_UNREADABLE = re.compile(r"[/`\[\]\x00-\x1f\x7f]")


class Writer(Protocol):
    """Takes rows."""

    renamed: dict[str, str]
    """Columns that have another name in the file, because theirs cannot be there."""

    def write(self, columns: Mapping[str, Any]) -> None:
        """Write rows, one array per field."""

    def close(self) -> None:
        """Finish the file."""


class RootWriter:
    """A tree of a ROOT file.

    Parameters
    ----------
    file : uproot.WritableDirectory
        Open.
    tree : str
        Name of the tree, with its folders.
    fields : sequence of OutputColumn
        Its branches.
    title : str
        Title of the tree.
    """

    def __init__(self, file: Any, tree: str, fields: Sequence[OutputColumn], title: str = "") -> None:
        self._file = file
        self._fields = tuple(fields)
        names = _branch_names([field.name for field in fields])
        self.renamed = {old: new for old, new in names.items() if old != new}
        counters = _counters(fields, names)
        # Written with the lists whose lengths they are.
        self._names = {old: new for old, new in names.items() if new not in counters.values()}
        types = {names[f.name]: _root_type(f) for f in fields if f.name in self._names}
        with _writing(f"tree {tree!r}"):
            self._tree = file.mktree(tree, types, title, counter_name=counters.__getitem__)

    def write(self, columns: Mapping[str, Any]) -> None:
        """Write rows as one basket per branch."""
        rows = {new: columns[old] for old, new in self._names.items()}
        if len(next(iter(rows.values()))):
            with _writing("rows"):
                self._tree.extend({name: _text(column) for name, column in rows.items()})

    def close(self) -> None:
        """Finish the tree; the file is closed by who opened it."""


class ParquetWriter:
    """A Parquet file; each piece is a row group.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    fields : sequence of OutputColumn
        Its columns.
    compression : str, (str, int) or None
        See :data:`Compression`.
    notes : mapping of str to object, optional
        Kept with the schema as JSON.
    """

    def __init__(
        self,
        path: Path,
        fields: Sequence[OutputColumn],
        compression: Compression = "zstd",
        notes: Mapping[str, Any] | None = None,
    ) -> None:
        arrow, parquet = pyarrow()
        self.renamed: dict[str, str] = {}
        self._arrow = arrow
        kept = {f"hepnb.{key}": json.dumps(value) for key, value in (notes or {}).items()}
        columns = [arrow.field(f.name, _arrow_type(arrow, f), nullable=False) for f in fields]
        self._schema = arrow.schema(columns, metadata=kept)
        name, level = compression_of(compression, _PARQUET)
        self._writer = parquet.ParquetWriter(
            path,
            self._schema,
            compression=name or "none",
            compression_level=level,
            # Of measured numbers hardly two are equal: looking for equal ones only takes time.
            use_dictionary=[field.name for field in fields if field.dtype is None or field.dtype.kind != "f"],
        )

    def write(self, columns: Mapping[str, Any]) -> None:
        """Write rows as one row group."""
        arrays = [_arrow_array(self._arrow, columns[field.name], field.type) for field in self._schema]
        if len(arrays[0]):
            table = self._arrow.Table.from_arrays(arrays, schema=self._schema)
            self._writer.write_table(table, row_group_size=len(table))

    def close(self) -> None:
        """Write the end of the file."""
        self._writer.close()


class BufferedWriter:
    """Rows on their way into a sink, so that a rare selection does not become thousands of tiny baskets.

    Parameters
    ----------
    sink : Writer
        Where they go.
    limit : int
        Bytes to keep before they are written.
    """

    def __init__(self, sink: Writer, limit: int) -> None:
        self._sink = sink
        self._limit = limit
        self._kept: list[Mapping[str, Any]] = []
        self._size = 0

    def add(self, columns: Mapping[str, Any]) -> None:
        """Take rows, and write those that are there where they are enough."""
        self._kept.append(columns)
        self._size += sum(size_of(column) for column in columns.values())
        if self._size >= self._limit:
            self.flush()

    def flush(self) -> None:
        """Write what is there."""
        kept, self._kept, self._size = self._kept, [], 0
        if kept:
            self._sink.write(kept[0] if len(kept) == 1 else join(kept))


def join(pieces: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Put pieces of columns behind each other.

    Examples
    --------
    >>> join([{"x": np.array([1])}, {"x": np.array([2, 3])}])
    {'x': array([1, 2, 3])}
    """
    return {name: _joined([piece[name] for piece in pieces]) for name in pieces[0]}


def _joined(columns: list[Any]) -> Any:
    return ak.concatenate(columns) if is_list(columns[0]) else np.concatenate(columns)


def compression_of(compression: Compression, known: Sequence[str]) -> tuple[str | None, int | None]:
    """Read what a person writes for a compression.

    Parameters
    ----------
    compression : str, (str, int) or None
        Name, or name and level; None or "none" for none.
    known : sequence of str
        The names there are.

    Returns
    -------
    (str or None, int or None)
        Name and level.

    Raises
    ------
    HepnbError
        Where it is not known.

    Examples
    --------
    >>> compression_of(("zlib", 6), ["zlib"]), compression_of("none", [])
    (('zlib', 6), (None, None))
    """
    given: Any = compression
    name, level = given if isinstance(given, tuple) and len(given) == 2 else (given, None)
    if name is None or str(name).lower() == "none":
        return None, None
    if not isinstance(name, str) or name.lower() not in known:
        raise OptionError(
            f"compression={compression!r} does not exist. {nearest(str(name), [*known, 'none'])}"
        )
    if level is not None and (isinstance(level, bool) or not isinstance(level, int) or not 0 <= level <= 22):
        raise OptionError(f"compression={compression!r}: the level is a whole number, such as ({name!r}, 5).")
    return name.lower(), level


def root_compression(compression: Compression) -> Any:
    """Give uproot's compression for :data:`Compression`.

    Examples
    --------
    >>> root_compression("zstd"), root_compression(None)
    (ZSTD(3), None)
    """
    name, level = compression_of(compression, list(_ROOT))
    if name is None:
        return None
    kind, usual = _ROOT[name]
    return kind(usual if level is None else min(level, 9) if name != "zstd" else level)


@contextmanager
def _writing(what: str) -> Iterator[None]:
    try:
        yield
    except (TypeError, ValueError, NotImplementedError) as error:
        raise BranchError(f"{what} cannot be written to a ROOT file: {error}") from error


def _branch_names(names: Sequence[str]) -> dict[str, str]:
    """Names that are found again in a ROOT file."""
    found: dict[str, str] = {}
    taken = set(names)
    for name in names:
        new = _UNREADABLE.sub("_", name)
        while new != name and new in taken:
            new += "_"
        taken.add(new)
        found[name] = new
    return found


def _counters(fields: Sequence[OutputColumn], names: Mapping[str, str]) -> dict[str, str]:
    """The branch with the lengths of each list: the one it had, or one of its own."""
    copies = {f.name for f in fields if f.copied}
    taken = set(names.values())
    found = {}
    for field in (field for field in fields if field.depth):
        counter = _UNREADABLE.sub("_", field.counter)
        if not counter or (counter in taken and counter not in copies):
            counter = f"n{names[field.name]}"
            while counter in taken:
                counter += "_"
            taken.add(counter)
        found[names[field.name]] = counter
    return found


def _root_type(field: OutputColumn) -> Any:
    if field.dtype is None:
        return "string"
    if field.depth:
        return ak.types.ListType(ak.types.NumpyType(field.dtype.name))
    return np.dtype((field.dtype, field.shape)) if field.shape else field.dtype


def _text(column: Any) -> Any:
    is_text = isinstance(column, np.ndarray) and column.dtype.kind in "UO"
    return ak.Array(column.tolist()) if is_text else column


def _arrow_type(arrow: Any, field: OutputColumn) -> Any:
    kind = arrow.string() if field.dtype is None else arrow.from_numpy_dtype(field.dtype)
    for _ in range(field.depth + len(field.shape)):
        kind = arrow.list_(arrow.field("element", kind, nullable=False))
    return kind


def _arrow_array(arrow: Any, column: Any, kind: Any) -> Any:
    if isinstance(column, np.ndarray) and column.ndim == 1:
        return arrow.array(column, kind)
    lists = column
    if not is_list(column):
        lists = ak.from_regular(ak.from_numpy(column, regulararray=True), axis=None)
    made = ak.to_arrow(lists, list_to32=True, extensionarray=False)
    return made if made.type == kind else made.cast(kind)
