"""A tree in one ROOT file: its columns from the memory, or from the file under its lock."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from hepnb.errors import BranchError
from hepnb.events.rootio.basket_reader import read_plain
from hepnb.events.rootio.baskets import baskets_of
from hepnb.events.rootio.branches import Branch, to_column
from hepnb.events.rootio.checks import check_baskets
from hepnb.events.rootio.open_files import FileVersion, OpenFile, acquire, check_unchanged, reading
from hepnb.events.rootio.remote import is_remote
from hepnb.events.rootio.trees import OpenTree, tree_of
from hepnb.events.sources.column_cache import COLUMNS
from hepnb.events.sources.source import FilePart, Segment, TreeReader
from hepnb.python_code import call, literal

__all__ = ["FileSource"]

# By the open tree: what a pass needs of it lives as long as the file is open.
_readers: WeakKeyDictionary[OpenTree, TreeReader] = WeakKeyDictionary()


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

    def inputs(self) -> tuple[str, ...]:
        """Return the file."""
        return (self.file,)

    def reader(self) -> TreeReader:
        """Return the tree as it is now; remembered as long as the file is open and the same.

        Raises
        ------
        FileError
            If it is no tree, or is damaged.
        """
        with acquire(self.file) as handle:
            return _reader_of(handle, self.path)


def _reader_of(handle: OpenFile, path: str) -> TreeReader:
    tree = tree_of(handle, path)
    known = _readers.get(tree)
    if known is None:
        names: dict[str, Branch] = {}
        for branch in tree.branches:
            names.setdefault(branch.name, branch)
        part = FilePart(handle.stamp, path, 0, tree.n_entries, names)
        known = _readers[tree] = TreeReader(
            handle.path,
            path,
            tree.name,
            tree.title,
            tree.n_entries,
            tree.branches,
            read=partial(read_column, handle.stamp, path),
            segments=(Segment(0, tree.n_entries, handle.path, (part,)),),
        )
    return known


def read_column(seen: FileVersion, path: str, branch: Branch, start: int, stop: int) -> Any:
    """Read entries of a branch, from the memory where they are there.

    Parameters
    ----------
    seen : FileVersion
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
        If they cannot be read.
    FileError
        If the file is not what it was.
    """
    check_unchanged(seen)
    key = (seen, path, ".".join((branch.path, *branch.fields)))
    column = COLUMNS.get(key, start, stop)
    if column is not None:
        return column
    column = _plain(seen, path, branch, start, stop)
    if column is None:
        # The lock is held while uproot reads: threads that want the same column read it once.
        with acquire(seen[0]) as handle:
            column = COLUMNS.get(key, start, stop)
            if column is not None:
                return column
            try:
                column = _read(handle, path, branch, start, stop)
            finally:
                # Half of one file and half of another may look like damage, or like nothing at all.
                check_unchanged(seen)
            COLUMNS.put(key, start, stop, column)
        return column
    COLUMNS.put(key, start, stop, column)
    return column


def _plain(seen: FileVersion, path: str, branch: Branch, start: int, stop: int) -> Any:
    """Read plain numbers without the lock; None where uproot has to read, or has to say what is wrong."""
    baskets = baskets_of(seen, path, branch)
    if baskets is None or not 0 <= start <= stop <= int(baskets.offsets[-1]):
        return None
    column = read_plain(seen, baskets, start, stop)
    check_unchanged(seen)
    return column


def _read(handle: OpenFile, path: str, branch: Branch, start: int, stop: int) -> Any:
    reader = tree_of(handle, path).readers[branch.path]
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
