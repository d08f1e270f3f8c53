"""What every place that columns come from says of itself: a schema, a reader, and segments of files."""

from __future__ import annotations

import warnings
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np

from hepnb.errors import BranchError, ExpressionError, printable
from hepnb.events.language.expression import Expression, check_expression
from hepnb.events.language.named_columns import Column
from hepnb.events.rootio.branches import Branch
from hepnb.events.rootio.open_files import FileVersion, stamp
from hepnb.events.sources.column_cache import COLUMNS

__all__ = [
    "ENTRY_NUMBER",
    "FilePart",
    "LastJoin",
    "OnError",
    "Segment",
    "Skipped",
    "Source",
    "TreeReader",
    "TreeSchema",
    "cached_column",
    "warn_of",
]

_MAX_CHECKED = 500
ENTRY_NUMBER = Branch("entry_number", "int64_t", "number", "int64", "number of the entry, from 0")
"""What expressions of every tree may read, unless the tree has a branch of this name."""


OnError = Literal["raise", "skip"]


@dataclass(frozen=True)
class Skipped:
    """What was left out on request, because it cannot be read.

    Attributes
    ----------
    file : str
        The file.
    reason : str
        The error's words.
    start, stop : int or None
        Entries of the tree that are missing; None where it is the whole file and nobody knows how many.
    """

    file: str
    reason: str
    start: int | None = None
    stop: int | None = None

    def __str__(self) -> str:
        what = self.file if self.file not in self.reason else ""
        if self.start is not None:
            what = f"entries {self.start:,} to {self.stop:,} {f'of {what}' if what else ''}".rstrip()
        return f"{what}{' ' if what else ''}left out: {self.reason}"


def warn_of(skipped: Skipped) -> None:
    """Warn at once that something is missing, besides recording it."""
    warnings.warn(printable(str(skipped)), UserWarning, stacklevel=3)


class Source(Protocol):
    """Where a tree comes from: hashable, comparable, picklable, with no open file in it."""

    @property
    def code(self) -> str:
        """Python that makes the tree."""

    @property
    def file(self) -> str:
        """The file, or what several are called."""

    @property
    def path(self) -> str:
        """The tree's path in the file."""

    def inputs(self) -> tuple[str, ...]:
        """Return every file that may be read, those of friends and of light skims too."""

    def reader(self) -> TreeReader:
        """Return the tree as it is now: its schema, its segments, and what reads its columns."""


@dataclass(frozen=True)
class FilePart:
    """The part of a file that gives columns to a segment.

    Attributes
    ----------
    stamp : FileVersion
        State of the file.
    path : str
        The tree in it; empty for a file that is one table.
    first : int
        Entry of the file at which the segment starts.
    n_entries : int
        Entries in the file.
    baskets : mapping of str to Branch
        Branches of a ROOT file by their names in the tree; empty for other files.
    """

    stamp: FileVersion
    path: str
    first: int
    n_entries: int
    baskets: Mapping[str, Branch] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Segment:
    """A range of entries within which no column passes from one file to another.

    Attributes
    ----------
    start, stop : int
        Entries of the tree.
    file : str
        The file, for messages; that of the first tree where trees stand beside each other.
    parts : tuple of FilePart
        The files that hold the columns: one for a plain tree, more for friends. None where the entries are
        gathered from many places.
    """

    start: int
    stop: int
    file: str
    parts: tuple[FilePart, ...] = ()

    def between(self, start: int, stop: int) -> Segment:
        """Return the segment cut to a smaller range of entries."""
        parts = tuple(replace(part, first=part.first + start - self.start) for part in self.parts)
        return Segment(start, stop, self.file, parts)

    def shifted(self, by: int) -> Segment:
        """Return the segment as one of a longer tree, `by` entries further on."""
        return replace(self, start=self.start + by, stop=self.stop + by)


@dataclass(frozen=True, eq=False)
class TreeSchema:
    """What a tree has: branches, calculated columns and entries.

    Attributes
    ----------
    file, path : str
        For messages.
    name, title : str
        Of the tree.
    n_entries : int
        Number of entries.
    branches : tuple of Branch
        All of them.
    columns : mapping of str to Column
        Columns that are calculated, which expressions find too.
    defined : mapping of str to Expression
        What they are calculated from.
    """

    file: str
    path: str
    name: str
    title: str
    n_entries: int
    branches: tuple[Branch, ...]
    columns: Mapping[str, Column] = field(default_factory=dict, kw_only=True)
    defined: Mapping[str, Expression] = field(default_factory=dict, kw_only=True)

    @cached_property
    def names(self) -> Mapping[str, Branch]:
        """The branches by the names that expressions use."""
        names: dict[str, Branch] = {}
        for branch in self.branches:
            names.setdefault(branch.name, branch)
        return names

    @cached_property
    def known(self) -> Mapping[str, Branch]:
        """What expressions may read: the branches, and the number of the entry."""
        return {**self.names, ENTRY_NUMBER.name: self.names.get(ENTRY_NUMBER.name, ENTRY_NUMBER)}

    @cached_property
    def _checked(self) -> dict[str, Expression]:
        return {}

    def check(self, text: str, role: str = "expression") -> Expression:
        """Check an expression against the branches; remembered, because a slider asks again and again."""
        found = self._checked.get(text) if text.__class__ is str else None
        if found is None:
            try:
                found = check_expression(text, self.known, self.defined)
            except (BranchError, ExpressionError) as error:
                raise type(error)(f"tree {self.path!r}, {role}: {error}") from error.__cause__
            self.check_readable(found)
            if len(self._checked) >= _MAX_CHECKED:
                self._checked.clear()
            self._checked[text] = found
        return found

    def check_readable(self, expression: Expression) -> None:
        """Raise a BranchError where an expression uses a branch that cannot be read."""
        for name in expression.branches:
            branch = self.known[name]
            if not branch.readable:
                raise BranchError(
                    f"branch {name!r} of tree {self.path!r} cannot be used ({branch.typename}): "
                    f"{branch.reason}."
                )

    def label(self, text: str) -> str:
        """Return the label of an axis: a column's title and unit, or the expression."""
        name = text.strip()
        if name in self.columns:
            return self.columns[name].label(name)
        calculated = name in self.names and bool(self.names[name].needs)
        return self.names[name].title if calculated else text


@dataclass(frozen=True, eq=False)
class TreeReader(TreeSchema):
    """A schema with what reads its columns, from files in this state and no other.

    Attributes
    ----------
    read : callable
        Reads a column: takes a branch, the first entry and the one after the last.
    segments : tuple of Segment
        The entries in order, without gaps: a range within one segment is read at once.
    on_error : {"raise", "skip"}
        What to do about entries that cannot be read.
    skipped : tuple of Skipped
        Files that are left out.
    """

    read: Callable[[Branch, int, int], Any] = field(kw_only=True)
    segments: tuple[Segment, ...] = field(kw_only=True)
    on_error: OnError = field(default="raise", kw_only=True)
    skipped: tuple[Skipped, ...] = field(default=(), kw_only=True)

    def column(self, branch: Branch, start: int, stop: int) -> Any:
        """Read a column, or count the entries where their number is asked for."""
        return np.arange(start, stop) if branch == ENTRY_NUMBER else self.read(branch, start, stop)

    @cached_property
    def _starts(self) -> list[int]:
        return [segment.start for segment in self.segments]

    @property
    def borders(self) -> Sequence[int]:
        """Entries at which the second segment and those after it start."""
        return self._starts[1:]

    @property
    def stamps(self) -> tuple[FileVersion, ...]:
        """State of every file, in the order of the entries."""
        return tuple(dict.fromkeys(part.stamp for segment in self.segments for part in segment.parts))

    def number_of(self, entry: int) -> int:
        """Return the number of the segment that has an entry."""
        return max(bisect_right(self._starts, entry) - 1, 0)

    def segment_at(self, entry: int) -> Segment:
        """Return the segment that has an entry."""
        return self.segments[self.number_of(entry)]

    def is_current(self) -> bool:
        """Whether every file is still as it was.

        Raises
        ------
        FileError
            If a file is gone.
        """
        return all(seen == stamp(seen[0]) for seen in self.stamps)

    def skip(self, start: int, stop: int, error: Exception) -> Skipped:
        """Record entries that cannot be read, and warn; raise the error where that is asked for."""
        if self.on_error != "skip":
            raise error
        skipped = self.missing(start, stop, error)
        warn_of(skipped)
        return skipped

    def missing(self, start: int, stop: int, error: Exception) -> Skipped:
        """Record entries that cannot be read."""
        return Skipped(self.segment_at(start).file, str(error), start, stop)


@dataclass(eq=False)
class LastJoin:
    """Two trees as they were when they were last put together, and what came of it; not kept in a pickle."""

    joined: tuple[TreeReader, TreeReader, TreeReader] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"joined": None}


def cached_column(
    seen: FileVersion, path: str, name: str, start: int, stop: int, read: Callable[[], Any]
) -> Any:
    """Return entries of a column from the memory of columns; read and remember them if they are not there."""
    key = (seen, path, name)
    column = COLUMNS.get(key, start, stop)
    if column is None:
        column = read()
        COLUMNS.put(key, start, stop, column)
    return column
