"""The columns of a range of entries, a block at a time: from memory, from baskets, or through uproot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BranchError, FileError
from hepnb.events.passes.basket_reader import (
    Baskets,
    Buffer,
    Column,
    Unusual,
    baskets_of,
    descriptor_of,
    offsets_of,
)
from hepnb.events.rootio.branches import Branch
from hepnb.events.rootio.open_files import Stamp, check_unchanged
from hepnb.events.sources.column_cache import COLUMNS
from hepnb.events.sources.source import Skipped, TreeInfo

__all__ = ["BlockReader", "Layout", "Part", "layout_of"]


@dataclass(frozen=True)
class Part:
    """One file of a tree.

    Attributes
    ----------
    begin, end : int
        Its entries in the tree.
    stamp : Stamp
        The file.
    path : str
        The tree in it.
    branches : tuple of Branch
        What is read.
    """

    begin: int
    end: int
    stamp: Stamp
    path: str
    branches: tuple[Branch, ...]

    @cached_property
    def baskets(self) -> dict[str, Baskets]:
        """Baskets of the branches of plain numbers; looked for when the file is first read."""
        known = {branch.name: baskets_of(self.stamp, self.path, branch) for branch in self.branches}
        n_entries = self.end - self.begin
        return {
            name: one for name, one in known.items() if one is not None and int(one.offsets[-1]) == n_entries
        }


@dataclass(frozen=True)
class Layout:
    """Where the branches of a pass lie.

    Attributes
    ----------
    branches : dict of str to Branch
        What is read.
    parts : tuple of Part
        Its files one after the other; none for trees beside each other.
    keep : bool
        Whether everything fits into the memory of columns, and is to be kept there.
    block : int
        Entries per block.
    window : int
        Entries that are read at once where uproot reads.
    """

    branches: Mapping[str, Branch]
    parts: tuple[Part, ...]
    keep: bool
    block: int
    window: int

    def part(self, start: int, stop: int) -> Part | None:
        """Give the file that a range of entries is in."""
        return next((part for part in self.parts if part.begin <= start and stop <= part.end), None)


def parts_of(info: TreeInfo, branches: Mapping[str, Branch]) -> tuple[Part, ...]:
    """Give the files of a tree; none where it is not made of files one after the other."""
    found = []
    begin = 0
    for stamp, path, n_entries, names in info.parts:
        inside = tuple(names[name] for name in branches if name in names)
        found.append(Part(begin, begin + n_entries, stamp, path, inside))
        begin += n_entries
    return tuple(found) if begin == info.n_entries else ()


@dataclass
class BlockReader:
    """Reads blocks; it belongs to one thread at a time, and keeps its buffers.

    Attributes
    ----------
    info : TreeInfo
        The tree.
    layout : Layout
        What is read, and how.
    lost : list of Skipped
        What could not be read, where the tree leaves that out.
    """

    info: TreeInfo
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
        part = layout.part(start, stop)
        self._columns = {
            key: column for key, column in self._columns.items() if part and key[0] == part.begin
        }
        self._windows.clear()
        for low in range(start, stop, layout.block):
            high = min(low + layout.block, stop)
            try:
                yield low, high, self._columns_of(part, low, high, stop)
            except (BranchError, FileError):
                if self.info.on_error != "skip":
                    raise
                yield from self._what_can_be_read(part, low, high)
        if part is not None and self._columns:
            check_unchanged(part.stamp)

    def _columns_of(self, part: Part | None, low: int, high: int, end: int) -> dict[str, Any]:
        with nullcontext() if self.layout.keep else COLUMNS.bypassed():
            return {name: self._read(name, part, low, high, end) for name in self.layout.branches}

    def _what_can_be_read(
        self, part: Part | None, start: int, stop: int
    ) -> Iterator[tuple[int, int, dict[str, Any]]]:
        """Yield the pieces between baskets of a block that cannot be read as a whole."""
        pieces = [(start, stop)] if part is None else list(pairwise(self._edges(part, start, stop)))
        for low, high in pieces:
            self._windows.clear()
            try:
                columns = self._columns_of(part, low, high, high)
            except (BranchError, FileError) as error:
                self.lost.append(self.info.missing(low, high, error))
                continue
            yield low, high, columns

    def _edges(self, part: Part, start: int, stop: int) -> list[int]:
        edges = {start, stop}
        for branch in self.layout.branches.values():
            offsets = offsets_of(part.stamp, part.path, branch)
            edges.update(part.begin + int(place) for place in offsets)
        return sorted(edge for edge in edges if start <= edge <= stop)

    def _read(self, name: str, part: Part | None, start: int, stop: int, end: int) -> Any:
        direct = not self.layout.keep and COLUMNS.disk is None and name not in self._slow
        if direct and part is not None and name in part.baskets:
            try:
                return self._from_baskets(name, part, start, stop)
            except (Unusual, OSError):
                self._slow.add(name)
        low, high, column = self._windows.get(name, (0, 0, None))
        if not (low <= start and stop <= high):
            self._windows.pop(name, None)
            # What is kept is read a task at a time: passes with other windows find it.
            low, high = start, end if self.layout.keep else max(stop, min(start + self.layout.window, end))
            column = self.info.column(self.layout.branches[name], low, high)
            self._windows[name] = low, high, column
        return column[start - low : stop - low]

    def _from_baskets(self, name: str, part: Part, start: int, stop: int) -> NDArray[Any]:
        key = part.begin, name
        column = self._columns.get(key)
        if column is None:
            file = descriptor_of(part.stamp)
            column = self._columns[key] = Column(file, part.baskets[name], self._scratch)
        buffer = self._buffers.get(name)
        if buffer is None or buffer.size < stop - start or buffer.dtype != column.baskets.wide:
            buffer = self._buffers[name] = np.empty(max(self.layout.block, stop - start), column.baskets.wide)
        out = buffer[: stop - start]
        column.read(start - part.begin, stop - part.begin, out)
        return out


def layout_of(
    info: TreeInfo, branches: Mapping[str, Branch], *, keep: bool, block: int, window: int
) -> Layout:
    """Say where the branches lie and how they are to be read."""
    return Layout(branches, parts_of(info, branches), keep, block, window)
