"""Rows of a tree, chunk by chunk, within a budget of memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
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
from hepnb.events.writing.output_options import OutputOptions
from hepnb.events.writing.schema import OutputSchema, values_in
from hepnb.progress import Progress

__all__ = ["Rows", "Selection", "rows_in"]

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
    sizes = {name: bytes_per_entry(reader, [reader.known[name]]) for name in names}
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


@dataclass
class Selection:
    """Which entries of a tree go out, and how they are read; it may be read several times.

    Attributes
    ----------
    reader : TreeReader
        The tree.
    cut : Expression or None
        Keep the entries where it holds.
    options : OutputOptions
        Entries, memory, and who is told.
    step : int
        Entries that are looked at together.
    lost : list of Skipped
        Entries that could not be read, where the tree leaves those out.
    """

    reader: TreeReader
    cut: Expression | None
    options: OutputOptions
    step: int
    lost: list[Skipped] = field(default_factory=list)

    @classmethod
    def of(
        cls, reader: TreeReader, schema: OutputSchema, options: OutputOptions, copies: float = _COPIES
    ) -> Selection:
        """Check the cut, and choose how many entries are looked at together."""
        cut = None if options.cut is None else reader.check(options.cut, "cut")
        used = [*schema.expressions.values(), *([cut] if cut else [])]
        return cls(reader, cut, options, rows_in(reader, used, options.memory, copies))

    def evaluate(self, schema: OutputSchema, progress: Progress | None = None) -> Iterator[Rows]:
        """Evaluate columns where the cut holds.

        Parameters
        ----------
        schema : OutputSchema
            The columns.
        progress : callable, optional
            Called with (entries done, entries in all).

        Yields
        ------
        Rows
            In the order of the entries; no chunk reaches into a second file.
        """
        self.lost.clear()
        used = [*schema.expressions.values(), *([self.cut] if self.cut else [])]
        options = self.options
        chunks = columns_of(
            self.reader, used, self.step, options.entries, progress, options.cancel, self.lost
        )
        while True:
            # Every column is read once: keeping it would only take memory, and push out what panels use.
            with COLUMNS.bypassed():
                chunk = next(chunks, None)
            if chunk is None:
                return
            start, stop, columns = chunk
            n = stop - start
            passed = mask_of(self.cut, columns, n)
            kept = np.arange(start, stop, dtype=np.int64)
            if passed is not None:
                kept = kept[passed]
            found = {f.name: values_in(schema.expressions[f.name], columns, n, passed) for f in schema.fields}
            yield Rows(start, stop, kept, found)
