"""Random order for a tree larger than memory, in two passes over the disk.

The first pass scatters the rows into buckets, the second puts each bucket into random order; no entry is ever
looked for. Every entry has a random key that depends on the seed alone, a bucket is a range of keys, and so
the result is the order of the keys: all orders are equally likely, and the same seed gives the same file
whatever the memory.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hepnb.errors import SelectionError
from hepnb.events.passes.chunks import entry_range
from hepnb.events.passes.entry_size import bytes_per_entry
from hepnb.events.sources.source import Source, TreeReader
from hepnb.events.units import memory_bytes
from hepnb.events.writing.entry_random import check_seed
from hepnb.events.writing.fitted_types import fitted, until_it_fits
from hepnb.events.writing.output_options import OutputOptions
from hepnb.events.writing.schema import Columns, OutputSchema, output_schema
from hepnb.events.writing.selected_rows import Rows, Selection
from hepnb.events.writing.shuffle_buckets import Buckets
from hepnb.events.writing.skim import SkimResults, is_parquet, open_writer, results_of
from hepnb.events.writing.writers import BufferedWriter
from hepnb.progress import Progress

__all__ = ["shuffle"]

# Alive at once of a bucket: as it lies on the disk, in order, and the rest on the way out.
_COPIES = 9
_MOST_BUCKETS = 4096
_ANY_DEPTH = 100


def shuffle(
    source: Source, path: str | os.PathLike[str], columns: Columns, options: OutputOptions, seed: int = 0
) -> SkimResults:
    """Write the rows of a tree in random order; see :meth:`hepnb.Tree.shuffle`."""
    check_seed(seed)
    reader, parquet = source.reader(), is_parquet(path)
    schema = output_schema(reader, columns, max_depth=_ANY_DEPTH if parquet else 1)
    selection = Selection.of(reader, schema, options, _COPIES)
    first, last = entry_range(reader.n_entries, *options.entries)
    n_buckets = _n_buckets(reader, schema, last - first, options.memory)
    tree = "" if parquet else options.tree_name or reader.name or "tree"
    report = options.progress
    half = None if report is None else _halves(report)

    def evaluate(schema: OutputSchema) -> Iterator[Rows]:
        return selection.evaluate(schema, half)

    def write(schema: OutputSchema) -> SkimResults:
        with open_writer(path, schema.fields, tree, source, options) as (writer, draft):
            with TemporaryDirectory(dir=draft.path.parent) as folder:
                buckets = Buckets(Path(folder), n_buckets, schema.fields, seed)
                n_read = buckets.scatter(_typed(schema, evaluate(schema), reader))
                rows_out = BufferedWriter(writer, memory_bytes(options.memory) // 10)
                n_written = _gather(buckets, n_buckets, rows_out, last - first, options)
            draft.keep = not options.cancelled
            if draft.keep:
                rows_out.flush()
        return results_of(draft, writer, schema.fields, tree, schema, selection, (n_read, n_written))

    return until_it_fits(schema, write, evaluate)


def _n_buckets(reader: TreeReader, schema: OutputSchema, n_entries: int, memory: int | str) -> int:
    n_buckets = max(math.ceil(n_entries * _COPIES * _row_size(reader, schema) / memory_bytes(memory)), 1)
    if n_buckets > _MOST_BUCKETS:
        raise SelectionError(
            f"memory={memory!r} is too small for the {n_entries:,} entries of tree {reader.path!r}: "
            f"they would fill {n_buckets:,} buckets. Give at least "
            f"{math.ceil(memory_bytes(memory) * n_buckets / _MOST_BUCKETS / 1024**2):,} MB."
        )
    return n_buckets


def _gather(
    buckets: Buckets, n_buckets: int, rows_out: BufferedWriter, n_entries: int, options: OutputOptions
) -> int:
    """Write one bucket after the other, each in random order; return how many rows there were."""
    n_written = 0
    for number in range(n_buckets):
        if options.cancelled:
            break
        bucket = buckets.ordered(number)
        if bucket is not None:
            rows_out.add(bucket)
            n_written += len(next(iter(bucket.values())))
        if options.progress is not None:
            options.progress(n_entries * (n_buckets + number + 1) // n_buckets, 2 * n_entries)
    return n_written


def _typed(plan: OutputSchema, chunks: Iterable[Rows], reader: TreeReader) -> Iterator[Rows]:
    for rows in chunks:
        yield replace(rows, columns=fitted(plan, rows, reader)) if len(rows.entries) else rows


def _row_size(reader: TreeReader, plan: OutputSchema) -> float:
    """Bytes of a row on the way, its key too; of lists and texts, what the branches they come from take."""
    size = 8.0
    for field in plan.fields:
        if field.dtype is not None and not field.depth:
            size += field.dtype.itemsize * math.prod(field.shape)
        else:
            branches = [reader.known[name] for name in plan.expressions[field.name].branches]
            size += 8 + bytes_per_entry(reader, branches)
    return size


def _halves(progress: Progress) -> Progress:
    return lambda done, total: progress(done, 2 * total)
