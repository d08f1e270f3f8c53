"""The columns of a range of entries, a block at a time: from memory, from baskets, or through uproot."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BranchError, FileError
from hepnb.events.rootio.basket_reader import Buffer, Column, Unusual, descriptor_of
from hepnb.events.rootio.baskets import Baskets, baskets_of, offsets_of
from hepnb.events.rootio.branches import Branch
from hepnb.events.rootio.open_files import check_unchanged
from hepnb.events.sources.column_cache import COLUMNS
from hepnb.events.sources.source import FilePart, Segment, Skipped, TreeReader

__all__ = ["BlockReader", "Layout", "Stretch", "layout_of", "stretches_of"]


@dataclass(frozen=True)
class Located:
    """A column of plain numbers that lies in baskets.

    Attributes
    ----------
    part : FilePart
        The file.
    baskets : Baskets
        Where they are in it.
    shift : int
        Entry of the file minus entry of the tree.
    """

    part: FilePart
    baskets: Baskets
    shift: int


@dataclass(frozen=True)
class Stretch:
    """A segment with what a pass reads of it.

    Attributes
    ----------
    segment : Segment
        Its entries and files.
    names : tuple of str
        The branches that are read.
    """

    segment: Segment
    names: tuple[str, ...]

    @cached_property
    def located(self) -> dict[str, Located]:
        """The branches of plain numbers; looked for when the segment is first read."""
        found = {}
        for part in self.segment.parts:
            for name in self.names:
                branch = part.baskets.get(name)
                baskets = None if branch is None else baskets_of(part.stamp, part.path, branch)
                if baskets is not None and int(baskets.offsets[-1]) == part.n_entries:
                    found[name] = Located(part, baskets, part.first - self.segment.start)
        return found

    @property
    def baskets(self) -> dict[str, Baskets]:
        """The baskets of each branch of plain numbers."""
        return {name: located.baskets for name, located in self.located.items()}


@dataclass(frozen=True)
class Layout:
    """Where the branches of a pass lie.

    Attributes
    ----------
    branches : dict of str to Branch
        What is read.
    stretches : tuple of Stretch
        The segments of the tree in order.
    keep : bool
        Whether everything fits into the memory of columns, and is to be kept there.
    block : int
        Entries per block.
    window : int
        Entries that are read at once where uproot reads.
    """

    branches: Mapping[str, Branch]
    stretches: tuple[Stretch, ...]
    keep: bool
    block: int
    window: int

    def stretch(self, start: int, stop: int) -> Stretch | None:
        """Return the segment that has a range of entries; None where the range reaches across a border."""
        number = bisect_right(self._starts, start) - 1
        found = self.stretches[number] if number >= 0 else None
        return found if found is not None and stop <= found.segment.stop else None

    @cached_property
    def _starts(self) -> list[int]:
        return [stretch.segment.start for stretch in self.stretches]


def stretches_of(reader: TreeReader, names: Iterable[str]) -> tuple[Stretch, ...]:
    """Return the segments of a tree with the branches that are read."""
    wanted = tuple(names)
    return tuple(Stretch(segment, wanted) for segment in reader.segments)


@dataclass
class BlockReader:
    """Reads blocks; it belongs to one thread at a time, and keeps its buffers.

    Attributes
    ----------
    reader : TreeReader
        The tree.
    layout : Layout
        What is read, and how.
    lost : list of Skipped
        What could not be read, where the tree leaves that out.
    """

    reader: TreeReader
    layout: Layout
    lost: list[Skipped] = field(default_factory=list)
    _columns: dict[tuple[int, str], Column] = field(default_factory=dict)
    _buffers: dict[str, NDArray[Any]] = field(default_factory=dict)
    _windows: dict[str, tuple[int, int, Any]] = field(default_factory=dict)
    _slow: set[str] = field(default_factory=set)
    _scratch: Buffer = field(default_factory=Buffer)

    def blocks(self, start: int, stop: int) -> Iterator[tuple[int, int, dict[str, Any]]]:
        """Yield (start, stop, columns); the columns are valid until the next block.

        Raises
        ------
        BranchError, FileError
            Where entries cannot be read and the tree does not leave them out.
        """
        layout = self.layout
        stretch = layout.stretch(start, stop)
        self._columns = {
            key: column
            for key, column in self._columns.items()
            if stretch and key[0] == stretch.segment.start
        }
        self._windows.clear()
        for low in range(start, stop, layout.block):
            high = min(low + layout.block, stop)
            try:
                yield low, high, self._columns_of(stretch, low, high, stop)
            except (BranchError, FileError):
                if self.reader.on_error != "skip":
                    raise
                yield from self._what_can_be_read(stretch, low, high)
        if stretch is not None and self._columns:
            for part in stretch.segment.parts:
                check_unchanged(part.stamp)

    def _columns_of(self, stretch: Stretch | None, low: int, high: int, end: int) -> dict[str, Any]:
        with nullcontext() if self.layout.keep else COLUMNS.bypassed():
            return {name: self._read(name, stretch, low, high, end) for name in self.layout.branches}

    def _what_can_be_read(
        self, stretch: Stretch | None, start: int, stop: int
    ) -> Iterator[tuple[int, int, dict[str, Any]]]:
        """Yield the pieces between baskets of a block that cannot be read as a whole."""
        pieces = [(start, stop)] if stretch is None else list(pairwise(_edges(stretch, start, stop)))
        for low, high in pieces:
            self._windows.clear()
            try:
                columns = self._columns_of(stretch, low, high, high)
            except (BranchError, FileError) as error:
                self.lost.append(self.reader.missing(low, high, error))
                continue
            yield low, high, columns

    def _read(self, name: str, stretch: Stretch | None, start: int, stop: int, end: int) -> Any:
        direct = not self.layout.keep and COLUMNS.disk is None and name not in self._slow
        if direct and stretch is not None and name in stretch.located:
            try:
                return self._from_baskets(name, stretch, start, stop)
            except (Unusual, OSError):
                self._slow.add(name)
        low, high, column = self._windows.get(name, (0, 0, None))
        if not (low <= start and stop <= high):
            self._windows.pop(name, None)
            # What is kept is read a task at a time: passes with other windows find it.
            low, high = start, end if self.layout.keep else max(stop, min(start + self.layout.window, end))
            column = self.reader.column(self.layout.branches[name], low, high)
            self._windows[name] = low, high, column
        return column[start - low : stop - low]

    def _from_baskets(self, name: str, stretch: Stretch, start: int, stop: int) -> NDArray[Any]:
        key, located = (stretch.segment.start, name), stretch.located[name]
        column = self._columns.get(key)
        if column is None:
            file = descriptor_of(located.part.stamp)
            column = self._columns[key] = Column(file, located.baskets, self._scratch)
        buffer = self._buffers.get(name)
        if buffer is None or buffer.size < stop - start or buffer.dtype != column.baskets.wide:
            buffer = self._buffers[name] = np.empty(max(self.layout.block, stop - start), column.baskets.wide)
        out = buffer[: stop - start]
        column.read(start + located.shift, stop + located.shift, out)
        return out


def _edges(stretch: Stretch, start: int, stop: int) -> list[int]:
    """Entries between `start` and `stop`, and these, at which a basket begins of a branch that is read."""
    edges = {start, stop}
    for part in stretch.segment.parts:
        for name in stretch.names:
            branch = part.baskets.get(name)
            if branch is not None:
                offsets = offsets_of(part.stamp, part.path, branch)
                edges.update((offsets - part.first + stretch.segment.start).tolist())
    return sorted(edge for edge in edges if start <= edge <= stop)


def layout_of(
    reader: TreeReader, branches: Mapping[str, Branch], *, keep: bool, block: int, window: int
) -> Layout:
    """Say where the branches lie and how they are to be read."""
    return Layout(branches, stretches_of(reader, branches), keep, block, window)
