"""Where columns come from: the memory, or the file under its lock."""

from __future__ import annotations

import warnings
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, Protocol

import uproot

from hepnb.errors import BranchError, ExpressionError, FileError, printable
from hepnb.events.language.expression import Expression, check_expression
from hepnb.events.language.named_columns import Column
from hepnb.events.rootio.branches import Branch, branches_of, readers_of, to_column
from hepnb.events.rootio.checks import check_baskets
from hepnb.events.rootio.directory import object_of
from hepnb.events.rootio.open_files import Handle, Stamp, borrow, check_unchanged, reading
from hepnb.events.rootio.remote import is_remote
from hepnb.events.sources.column_cache import COLUMNS
from hepnb.python_code import call, literal

__all__ = ["FileSource", "LastJoin", "OnError", "Skipped", "Source", "TreeInfo", "read_column", "warn_of"]

_MAX_CHECKED = 500


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
    """Say at once that something is missing, besides recording it."""
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

    def info(self) -> TreeInfo:
        """Say what the tree looks like now."""


@dataclass(eq=False)
class TreeInfo:
    """What a tree looks like now; columns are read from the file in this state and no other.

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
    column : callable
        Reads a column: takes a branch, the first entry and the one after the last.
    breaks : tuple of int
        Entries where another file begins: a range that does not reach across one is read at once.
    files : tuple of str
        The file before each break, and the last one.
    stamp : Stamp or None
        State of the file, where it is one.
    on_error : {"raise", "skip"}
        What to do about entries that cannot be read.
    skipped : tuple of Skipped
        Files that are left out.
    names : dict of str to Branch
        What expressions find.
    checked : dict of str to Expression
        Expressions that were asked for before.
    columns : mapping of str to Column
        Columns that are calculated, which expressions find too.
    defined : mapping of str to Expression
        What they are calculated from.
    parts : tuple of (Stamp, str, int, mapping of str to Branch)
        State of each file, the tree's path in it, its entries and branches; empty where the columns do not
        come from files one after the other.
    """

    file: str
    path: str
    name: str
    title: str
    n_entries: int
    branches: tuple[Branch, ...]
    column: Callable[[Branch, int, int], Any]
    breaks: tuple[int, ...] = ()
    files: tuple[str, ...] = ()
    stamp: Stamp | None = None
    on_error: OnError = "raise"
    skipped: tuple[Skipped, ...] = ()
    names: dict[str, Branch] = field(default_factory=dict)
    checked: dict[str, Expression] = field(default_factory=dict)
    columns: Mapping[str, Column] = field(default_factory=dict)
    defined: Mapping[str, Expression] = field(default_factory=dict)
    parts: tuple[tuple[Stamp, str, int, Mapping[str, Branch]], ...] = ()

    def __post_init__(self) -> None:
        for branch in self.branches:
            self.names.setdefault(branch.name, branch)

    def skip(self, start: int, stop: int, error: Exception) -> Skipped:
        """Record entries that cannot be read, and say so; raise the error where that is asked for."""
        if self.on_error != "skip":
            raise error
        skipped = self.missing(start, stop, error)
        warn_of(skipped)
        return skipped

    def missing(self, start: int, stop: int, error: Exception) -> Skipped:
        """Record entries that cannot be read."""
        return Skipped(self.files[bisect_right(self.breaks, start)], str(error), start, stop)

    def check(self, text: str, role: str = "expression") -> Expression:
        """Check an expression against the branches; remembered, because a slider asks again and again."""
        found = self.checked.get(text) if text.__class__ is str else None
        if found is None:
            try:
                found = check_expression(text, self.names, self.defined)
            except (BranchError, ExpressionError) as error:
                raise type(error)(f"tree {self.path!r}, {role}: {error}") from error.__cause__
            self.check_readable(found)
            if len(self.checked) >= _MAX_CHECKED:
                self.checked.clear()
            self.checked[text] = found
        return found

    def check_readable(self, expression: Expression) -> None:
        """Raise a BranchError where an expression uses a branch that cannot be read."""
        for name in expression.branches:
            branch = self.names[name]
            if not branch.readable:
                raise BranchError(
                    f"branch {name!r} of tree {self.path!r} cannot be used ({branch.typename}): "
                    f"{branch.reason}."
                )

    def label(self, text: str) -> str:
        """What an axis of an expression is called: a column's title and unit, or the expression."""
        column = self.columns.get(text.strip())
        return text if column is None else column.label(text.strip())


@dataclass(eq=False)
class LastJoin:
    """Two trees as they were when they were last put together, and what came of it; not kept in a pickle."""

    joined: tuple[TreeInfo, TreeInfo, TreeInfo] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"joined": None}


@dataclass(frozen=True)
class FileSource:
    """A tree in one file.

    Attributes
    ----------
    file, path : str
        The file, and the tree inside it.
    """

    file: str
    path: str

    @property
    def code(self) -> str:
        """Python that makes the tree.

        Examples
        --------
        >>> FileSource("a.root", "events").code
        "hepnb.open('a.root')['events']"
        """
        return f"{call('hepnb.open', self.file)}[{literal(self.path)}]"

    def info(self) -> TreeInfo:
        """Say what the tree looks like now; remembered as long as the file is open and the same.

        Raises
        ------
        FileError
            Where it is no tree, or is damaged.
        """
        with borrow(self.file) as handle:
            return _read_info(handle, self.path)


def _read_info(handle: Handle, path: str) -> TreeInfo:
    known = handle.known.get(("tree", path))
    if known is not None:
        return known  # type: ignore[no-any-return]
    with reading(f"tree {path!r}", handle.path):
        tree = object_of(handle, path)
        if not isinstance(tree, uproot.TTree) and "RNTuple" not in tree.classname:
            raise FileError(f"{path!r} of {handle.path!r} is a {tree.classname}, not a tree.")
        title = str((tree.description if "RNTuple" in tree.classname else tree.title) or "")
        column = partial(read_column, handle.stamp, path)
        n_entries, branches = int(tree.num_entries), branches_of(tree)
        name, only = str(tree.name), (handle.path,)
        info = TreeInfo(
            handle.path, path, name, title, n_entries, branches, column, files=only, stamp=handle.stamp
        )
        info.parts = ((handle.stamp, path, n_entries, info.names),)
        handle.known["readers", path] = readers_of(tree)
    handle.known["tree", path] = info
    return info


def read_column(seen: Stamp, path: str, branch: Branch, start: int, stop: int) -> Any:
    """Read entries of a branch, from the memory where they are there.

    Parameters
    ----------
    seen : Stamp
        The file, and its state.
    path : str
        The tree.
    branch : Branch
        What to read.
    start, stop : int
        Range of entries.

    Returns
    -------
    numpy.ndarray or awkward.Array
        `stop - start` entries; not to be changed.

    Raises
    ------
    BranchError
        Where they cannot be read.
    FileError
        Where the file is not what it was.
    """
    check_unchanged(seen)
    key = (seen, path, ".".join((branch.path, *branch.fields)))
    column = COLUMNS.get(key, start, stop)
    if column is not None:
        return column
    # The lock is held while reading: threads that want the same column read it once.
    with borrow(seen[0]) as handle:
        column = COLUMNS.get(key, start, stop)
        if column is not None:
            return column
        try:
            _read_info(handle, path)
            column = _read(handle, path, branch, start, stop)
        finally:
            # Half of one file and half of another may look like damage, or like nothing at all.
            check_unchanged(seen)
        COLUMNS.put(key, start, stop, column)
    return column


def _read(handle: Handle, path: str, branch: Branch, start: int, stop: int) -> Any:
    reader = handle.known["readers", path][branch.path]
    with reading(f"branch {branch.name!r} of tree {path!r}", handle.path, BranchError):
        if not is_remote(handle.path):  # over the network each of them would be a request
            check_baskets(reader, start, stop)
        plain = branch.kind in ("number", "bool") and not branch.fields
        array = reader.array(entry_start=start, entry_stop=stop, library="np" if plain else "ak")
        column = to_column(array, branch)
        if len(column) != stop - start:
            raise BranchError(
                f"branch {branch.name!r} of tree {path!r} has {len(column)} values for "
                f"{stop - start} entries. The file may be damaged."
            )
    return column
