"""A selection of a tree with derived columns, as a new file: ROOT or Parquet, in one pass within a budget."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot

from hepnb.errors import BranchError, FileError, printable
from hepnb.events.sources.originals import Original, original_of
from hepnb.events.sources.source import Skipped, Source, TreeReader
from hepnb.events.units import memory_bytes
from hepnb.events.writing.fitted_types import fitted, until_it_fits
from hepnb.events.writing.new_file import AtomicFile, new_file
from hepnb.events.writing.output_options import OutputOptions
from hepnb.events.writing.schema import Columns, OutputColumn, OutputSchema, output_schema
from hepnb.events.writing.selected_rows import Rows, Selection
from hepnb.events.writing.writers import (
    BufferedWriter,
    ParquetWriter,
    RootWriter,
    Writer,
    root_compression,
)

__all__ = [
    "SOURCES",
    "SOURCE_ENTRY",
    "SOURCE_FILE",
    "Original",
    "SkimResults",
    "is_parquet",
    "open_writer",
    "results_of",
    "skim",
]

SOURCE_FILE, SOURCE_ENTRY = "source_file", "source_entry"
"""Columns of a skim with references: the place of the file in the list of sources, and the entry in it."""
SOURCES = "_sources"
"""Added to the name of a tree: the list of the files that its rows come from."""
_ANY_DEPTH = 100
_OTHERS = (".csv", ".feather", ".arrow", ".h5", ".hdf5", ".json", ".npy", ".npz", ".pkl", ".txt")
_REFERENCES = (OutputColumn(SOURCE_FILE, np.dtype(np.int32)), OutputColumn(SOURCE_ENTRY, np.dtype(np.int64)))


@dataclass(frozen=True)
class SkimResults:
    """A file that was written, and what is in it.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    tree : str
        Its tree; empty in a Parquet file.
    n_read : int
        Entries that were looked at.
    n_written : int
        Rows in the file.
    columns : tuple of str
        Its columns.
    renamed : dict of str to str
        Columns whose names cannot be in a ROOT file, and what they are called there.
    skipped : dict of str to str
        Branches that were left out where all were asked for, and why.
    lost : tuple of Skipped
        Entries and files that could not be read, of a tree opened with ``on_error="skip"``.
    complete : bool
        False where it was cancelled: then there is no file.
    """

    path: Path
    tree: str
    n_read: int
    n_written: int
    columns: tuple[str, ...]
    renamed: Mapping[str, str] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    lost: tuple[Skipped, ...] = ()
    complete: bool = True

    def __str__(self) -> str:
        if not self.complete:
            return printable(f"{self.path}: cancelled after {self.n_read:,} entries, nothing is written")
        lines = [f"{self.path}: {self.n_written:,} of {self.n_read:,} entries, {len(self.columns)} columns"]
        lines += [f"  {old!r} is called {new!r} there" for old, new in self.renamed.items()]
        lines += [f"  without {name!r}: {why}" for name, why in self.skipped.items()]
        return printable("\n".join([*lines, *(f"  {one}" for one in self.lost)]))


def skim(
    source: Source,
    path: str | os.PathLike[str],
    columns: Columns,
    options: OutputOptions,
    *,
    parquet: bool = False,
    references: bool = False,
) -> SkimResults:
    """Write a selection of a tree to a new file; see :meth:`hepnb.Tree.skim`."""
    if parquet and Path(str(path)).suffix.lower() == ".root":
        raise FileError(
            f"{str(path)!r} ends in '.root': name it '.parquet', or write a ROOT file with skim()."
        )
    reader = source.reader()
    schema = output_schema(reader, columns, max_depth=_ANY_DEPTH if parquet else 1)
    originals = originals_of(reader) if references else None
    selection = Selection.of(reader, schema, options)
    tree = "" if parquet else options.tree_name or reader.name or "tree"

    def evaluate(schema: OutputSchema) -> Iterator[Rows]:
        return selection.evaluate(schema, options.progress)

    def write(schema: OutputSchema) -> SkimResults:
        fields = _with_references(schema.fields) if references else schema.fields
        n_read = n_written = 0
        with open_writer(path, fields, tree, source, options, originals) as (writer, draft):
            rows_out = BufferedWriter(writer, memory_bytes(options.memory) // 8)
            for rows in evaluate(schema):
                if len(rows.entries):
                    found = fitted(schema, rows, reader)
                    rows_out.add({**found, **_references(reader, rows)} if references else found)
                n_read += rows.stop - rows.start
                n_written += len(rows.entries)
            draft.keep = not options.cancelled
            if draft.keep:
                rows_out.flush()
        return results_of(draft, writer, fields, tree, schema, selection, (n_read, n_written))

    return until_it_fits(schema, write, evaluate)


def results_of(
    draft: AtomicFile,
    writer: Writer,
    fields: Sequence[OutputColumn],
    tree: str,
    schema: OutputSchema,
    selection: Selection,
    numbers: tuple[int, int],
) -> SkimResults:
    """Say what was written.

    Parameters
    ----------
    draft, writer : AtomicFile, Writer
        The file, which is closed.
    fields : sequence of OutputColumn
        Its columns.
    tree : str
        Name of its tree.
    schema, selection : OutputSchema, Selection
        What was to be written.
    numbers : (int, int)
        Entries read, and rows written.
    """
    return SkimResults(
        path=draft.target,
        tree=tree,
        n_read=numbers[0],
        n_written=numbers[1] if draft.keep else 0,
        columns=tuple(writer.renamed.get(field.name, field.name) for field in fields),
        renamed=writer.renamed,
        skipped=schema.skipped,
        lost=(*selection.reader.skipped, *selection.lost),
        complete=draft.keep,
    )


def is_parquet(path: str | os.PathLike[str]) -> bool:
    """Tell from the name whether a file is to be Parquet; the other choice is ROOT.

    Raises
    ------
    FileError
        Where the name is that of another kind of file.

    Examples
    --------
    >>> is_parquet("a.parquet"), is_parquet("a.root")
    (True, False)
    """
    suffix = Path(str(path)).suffix.lower()
    if suffix in _OTHERS:
        raise FileError(
            f"{str(path)!r} ends in {suffix!r}: what is written here is a ROOT file (.root) or "
            "a Parquet file (.parquet). Arrays in memory for anything else: tree.arrays(...)."
        )
    return suffix in (".parquet", ".pq")


@contextmanager
def open_writer(
    path: str | os.PathLike[str],
    fields: Sequence[OutputColumn],
    tree: str,
    source: Source,
    options: OutputOptions,
    originals: Sequence[Original] | None = None,
) -> Iterator[tuple[Writer, AtomicFile]]:
    """Open a new file for rows.

    Parameters
    ----------
    path : path
        Where it will be.
    fields : sequence of OutputColumn
        Its columns.
    tree : str
        Name of the tree; empty for Parquet.
    source : Source
        What is read meanwhile: none of its files is replaced.
    options : OutputOptions
        How it is compressed, and whether it may replace another.
    originals : sequence of Original, optional
        Kept in the file, for rows with references.

    Yields
    ------
    (Writer, AtomicFile)
        Where rows go, and whether the file is kept.
    """
    with new_file(path, overwrite=options.overwrite, inputs=source.inputs()) as draft:
        if not tree:
            notes = {"originals": [asdict(one) for one in originals]} if originals else {}
            sink = ParquetWriter(draft.path, fields, options.compression, notes)
            try:
                yield sink, draft
            finally:
                sink.close()
            return
        with uproot.recreate(draft.path, compression=root_compression(options.compression)) as file:
            if originals:
                columns, types = _listed(originals)
                file.mktree(tree + SOURCES, types, "files that the rows come from").extend(columns)
            yield RootWriter(file, tree, fields, source.reader().title), draft


def originals_of(reader: TreeReader) -> list[Original]:
    """The files of a tree, to find their entries again.

    Raises
    ------
    BranchError
        Where an entry is put together from several trees.

    Examples
    --------
    >>> import hepnb
    >>> originals_of(hepnb.open(hepnb.datasets.generate())["signal"]._reader())[0].n_entries
    3000
    """
    parts = [part for segment in reader.segments for part in segment.parts]
    if not all(len(segment.parts) == 1 for segment in reader.segments):
        raise BranchError(
            f"tree {reader.path!r} is put together from several: one reference cannot lead back to all. "
            "Write the columns themselves, or the references of each tree."
        )
    other = next((part.stamp[0] for part in parts if not part.baskets), None)
    if other is not None:
        raise BranchError(
            f"tree {reader.path!r}: references lead to entries of trees in ROOT files, and {other!r} has "
            "none. Write the columns themselves."
        )
    return [original_of(part.stamp, part.path, part.n_entries, len(parts)) for part in parts]


def _listed(originals: Sequence[Original]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Put originals into columns of a ROOT file, with their types."""
    columns: dict[str, Any] = {}
    types: dict[str, Any] = {}
    for about in dataclass_fields(Original):
        values = [getattr(one, about.name) for one in originals]
        is_text = isinstance(values[0], str)
        columns[about.name] = ak.Array(values) if is_text else np.array(values, dtype=np.int64)
        types[about.name] = "string" if is_text else np.dtype(np.int64)
    return columns, types


def _with_references(fields: Sequence[OutputColumn]) -> tuple[OutputColumn, ...]:
    for name in (SOURCE_FILE, SOURCE_ENTRY):
        if name in {field.name for field in fields}:
            raise BranchError(f"column {name!r}: a skim with references has one of that name. Rename yours.")
    return (*fields, *_REFERENCES)


def _references(reader: TreeReader, rows: Rows) -> dict[str, Any]:
    number = reader.number_of(rows.start)
    numbers = np.full(len(rows.entries), number, dtype=np.int32)
    return {SOURCE_FILE: numbers, SOURCE_ENTRY: rows.entries - reader.segments[number].start}
