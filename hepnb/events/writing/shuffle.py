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
from hepnb.events.sources.source import Skipped, Source, TreeReader
from hepnb.events.units import memory_bytes
from hepnb.events.writing.entry_random import check_seed
from hepnb.events.writing.fitted_types import fitted, until_it_fits
from hepnb.events.writing.schema import Columns, OutputSchema, output_schema
from hepnb.events.writing.selected_rows import Rows, rows_in, rows_of
from hepnb.events.writing.shuffle_buckets import Buckets
from hepnb.events.writing.skim import SkimResults, is_parquet, open_writer
from hepnb.events.writing.writers import BufferedWriter, Compression
from hepnb.progress import Cancel, Progress

__all__ = ["shuffle"]

# Alive at once of a bucket: as it lies on the disk, in order, and the rest on the way out.
_COPIES = 9
_MOST_BUCKETS = 4096
_ANY_DEPTH = 100


def shuffle(
    source: Source,
    path: str | os.PathLike[str],
    columns: Columns = None,
    *,
    cut: str | None = None,
    entries: tuple[int | None, int | None] = (None, None),
    seed: int = 0,
    tree_name: str | None = None,
    compression: Compression = "zstd",
    memory: int | str = "200 MB",
    overwrite: bool = False,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> SkimResults:
    """Write the rows of a tree in random order; see :meth:`hepnb.Tree.shuffle`."""
    check_seed(seed)
    reader, parquet = source.reader(), is_parquet(path)
    condition = None if cut is None else reader.check(cut, "cut")
    plan = output_schema(reader, columns, max_depth=_ANY_DEPTH if parquet else 1)
    used = [*plan.expressions.values(), *([condition] if condition else [])]
    step = rows_in(reader, used, memory, _COPIES)
    first, last = entry_range(reader.n_entries, *entries)
    n_entries = last - first
    n_buckets = max(math.ceil(n_entries * _COPIES * _row_size(reader, plan) / memory_bytes(memory)), 1)
    if n_buckets > _MOST_BUCKETS:
        raise SelectionError(
            f"memory={memory!r} is too small for the {n_entries:,} entries of tree {reader.path!r}: "
            f"they would fill {n_buckets:,} buckets. Give at least "
            f"{math.ceil(memory_bytes(memory) * n_buckets / _MOST_BUCKETS / 1024**2):,} MB."
        )
    tree = "" if parquet else tree_name or reader.name or "tree"
    lost: list[Skipped] = []
    half = None if progress is None else _halves(progress)

    def look(plan: OutputSchema) -> Iterator[Rows]:
        lost.clear()
        return rows_of(
            reader, plan, condition, step, entries=entries, lost=lost, progress=half, cancel=cancel
        )

    def written(plan: OutputSchema) -> SkimResults:
        with open_writer(path, plan.fields, tree, source, compression=compression, overwrite=overwrite) as (
            sink,
            draft,
        ):
            with TemporaryDirectory(dir=draft.path.parent) as folder:
                buckets = Buckets(Path(folder), n_buckets, plan.fields, seed)
                n_read = buckets.scatter(_typed(plan, look(plan), reader))
                gathered, n_written = BufferedWriter(sink, memory_bytes(memory) // 10), 0
                for number in range(n_buckets):
                    if cancel is not None and cancel.is_set():
                        break
                    bucket = buckets.ordered(number)
                    if bucket is not None:
                        gathered.add(bucket)
                        n_written += len(next(iter(bucket.values())))
                    if progress is not None:
                        progress(n_entries * (n_buckets + number + 1) // n_buckets, 2 * n_entries)
            draft.keep = not (cancel is not None and cancel.is_set())
            if draft.keep:
                gathered.flush()
        return SkimResults(
            path=draft.target,
            tree=tree,
            n_read=n_read,
            n_written=n_written if draft.keep else 0,
            columns=tuple(sink.renamed.get(field.name, field.name) for field in plan.fields),
            renamed=sink.renamed,
            skipped=plan.skipped,
            lost=(*reader.skipped, *lost),
            complete=draft.keep,
        )

    return until_it_fits(plan, written, look)


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
            branches = [reader.names[name] for name in plan.expressions[field.name].branches]
            size += 8 + bytes_per_entry(reader, branches)
    return size


def _halves(progress: Progress) -> Progress:
    return lambda done, total: progress(done, 2 * total)
