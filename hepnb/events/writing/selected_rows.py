"""Rows of a tree, chunk by chunk, within a budget of memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import SelectionError
from hepnb.events.language.expression import Expression
from hepnb.events.passes.chunks import mask_of
from hepnb.events.passes.column_ranges import columns_of
from hepnb.events.passes.entry_size import bytes_per_entry
from hepnb.events.sources.column_cache import COLUMNS
from hepnb.events.sources.source import Skipped, TreeReader
from hepnb.events.units import memory_bytes
from hepnb.events.writing.schema import OutputSchema, values_in
from hepnb.progress import Cancel, Progress

__all__ = ["Rows", "rows_in", "rows_of"]

# Alive at once of a chunk: the columns read, one of them raw, the rows kept, and twice those that go out.
_COPIES = 6


@dataclass(frozen=True)
class Rows:
    """The rows of a chunk that pass.

    Attributes
    ----------
    start, stop : int
        The entries that were looked at.
    entries : numpy.ndarray of int64, shape (n_kept,)
        Which of them passed.
    columns : dict of str to array
        One array per field, `n_kept` entries each, of whatever type they were calculated with.
    """

    start: int
    stop: int
    entries: NDArray[np.int64]
    columns: dict[str, Any]


def rows_in(
    reader: TreeReader, expressions: Sequence[Expression], memory: int | str, copies: float = _COPIES
) -> int:
    """How many entries may be read at once.

    Parameters
    ----------
    reader : TreeReader
        The tree.
    expressions : sequence of Expression
        What is calculated from it.
    memory : int or str
        Bytes, or such as "200 MB".
    copies : float
        How many times the columns are in memory together.

    Returns
    -------
    int
        At least one.

    Raises
    ------
    SelectionError
        Where not even one fits.
    """
    names = dict.fromkeys(name for expression in expressions for name in expression.branches)
    sizes = {name: bytes_per_entry(reader, [reader.names[name]]) for name in names}
    # What comes out is taken for as long as the longest of what goes in; a formula has another one halfway.
    made = [
        max([8.0, *(sizes[name] for name in expression.branches)]) * (1 + (expression.text not in sizes))
        for expression in expressions
    ]
    width = copies * (sum(sizes.values()) + sum(made))
    entries = int(memory_bytes(memory) / width)
    if entries < 1:
        raise SelectionError(
            f"memory={memory!r} is too small for {len(expressions)} columns of tree {reader.path!r}: "
            f"give {int(width / 1024) + 1:,} kB or more."
        )
    return entries


def rows_of(
    reader: TreeReader,
    plan: OutputSchema,
    cut: Expression | None,
    step: int,
    *,
    entries: tuple[int | None, int | None] = (None, None),
    lost: list[Skipped] | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Iterator[Rows]:
    """Evaluate columns where a cut holds.

    Parameters
    ----------
    reader : TreeReader
        The tree.
    plan : OutputSchema
        The columns.
    cut : Expression, optional
        Keep the entries where it holds.
    step : int
        Entries to look at together.
    entries, lost, progress, cancel
        As for :func:`hepnb.events.passes.column_ranges.columns_of`.

    Yields
    ------
    Rows
        In the order of the entries; no chunk reaches into a second file.
    """
    used = [*plan.expressions.values(), *([cut] if cut else [])]
    chunks = columns_of(reader, used, step, entries, progress, cancel, lost)
    while True:
        # Every column is read once: keeping it would only take memory, and push out what panels use.
        with COLUMNS.bypassed():
            chunk = next(chunks, None)
        if chunk is None:
            return
        start, stop, columns = chunk
        n = stop - start
        passed = mask_of(cut, columns, n)
        kept = np.arange(start, stop, dtype=np.int64)
        if passed is not None:
            kept = kept[passed]
        found = {f.name: values_in(plan.expressions[f.name], columns, n, passed) for f in plan.fields}
        yield Rows(start, stop, kept, found)
