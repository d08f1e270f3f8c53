"""Open a file and see what is in it."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Self

from hepnb.errors import FileError, MissingObjectError, nearest
from hepnb.events.rootio.directory import (
    FileKey,
    Item,
    key_of,
    listing_of,
    lookup,
    names_of,
    object_of,
    path_of,
)
from hepnb.events.rootio.object_readers import KeyKind, read_object
from hepnb.events.rootio.open_files import OpenFile, acquire, close, reading
from hepnb.events.tree import Tree

__all__ = ["FileKey", "KeyKind", "RootFile"]


class RootFile:
    """A file, or a folder in it; a path, not an open handle, so that it can be pickled and shared.

    Attributes
    ----------
    path : str
        Path of the file.
    directory : str
        Folder inside the file; empty at the top.

    Examples
    --------
    >>> import hepnb
    >>> file = hepnb.open(hepnb.datasets.generate())
    >>> file.keys()[:2]
    ['data;1', 'signal;1']
    >>> file["data"].n_entries
    3310
    """

    __slots__ = ("directory", "path")

    def __init__(self, path: str, directory: str = "") -> None:
        self.path = path
        self.directory = directory

    def __repr__(self) -> str:
        inside = f" folder {self.directory!r}" if self.directory else ""
        return f"<RootFile {self.path!r}{inside}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RootFile) and (self.path, self.directory) == (other.path, other.directory)

    def __hash__(self) -> int:
        return hash((self.path, self.directory))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.entry(key) is not None

    def close(self) -> None:
        """Close the file; whoever uses it or one of its trees again opens it again."""
        close(self.path)

    def walk(self) -> tuple[FileKey, ...]:
        """List every object, folders first opened first, every cycle.

        Returns
        -------
        tuple of FileKey
            Depth first, in the file's order; what cannot be read is in it with the reason.

        Raises
        ------
        FileError
            Where the list of objects itself is damaged.
        """
        with acquire(self.path) as handle:
            entries = listing_of(handle)
        if not self.directory:
            return entries
        start = self.directory + "/"
        return tuple(self._inside(entry) for entry in entries if entry.path.startswith(start))

    def keys(self, kind: KeyKind | None = None, match: str = "*") -> list[str]:
        """List paths with cycles.

        Parameters
        ----------
        kind : str, optional
            Of this kind only, such as "tree".
        match : str
            Wildcards as in a shell.

        Returns
        -------
        list of str
            Such as ``"dir/tree;1"``.
        """
        with acquire(self.path) as handle:
            return [
                f"{path};{item.cycle}"
                for path, item in self._names(handle)
                if kind in (None, item.kind) and fnmatch.fnmatchcase(path, match)
            ]

    def entry(self, key: str) -> FileKey | None:
        """Look an object up, without reading it.

        Parameters
        ----------
        key : str
            Path, with ``;cycle`` or without (the newest then).

        Returns
        -------
        FileKey or None
            None where there is none.
        """
        for wanted in dict.fromkeys((key, re.sub(r"/+", "/", key.strip("/")))):
            with acquire(self.path) as handle:
                found = lookup(handle, self._full(wanted))
            if found is not None:
                return self._inside(found)
        return None

    def __getitem__(self, key: str) -> Any:
        """Give an object: a Tree, a hist.Hist, a graph as a table, the value of a parameter, or a folder.

        Parameters
        ----------
        key : str
            Path, with ``;cycle`` or without (the newest then).

        Returns
        -------
        Tree, hist.Hist, Table, RootFile, numpy.ndarray, float, int or str
            A graph has the columns ``x``, ``y`` and errors, an efficiency ``passed``, ``total``,
            ``efficiency`` and errors; a TNamed gives its title.

        Raises
        ------
        FileError
            Where there is no such object, or it cannot be read.
        """
        if not isinstance(key, str):
            raise FileError(
                f"{self.path!r} has no object {key!r:.60}: a path in the file is text. "
                f"{nearest(str(key), self._paths())}"
            )
        if key.strip("/") == "":
            return self
        entry = self.entry(key)
        if entry is None:
            raise MissingObjectError(f"{self.path!r} has no object {key!r}. {self._hint(key)}")
        full = self._full(entry.path)
        if entry.kind == "directory":
            return RootFile(self.path, full)
        if not entry.readable:
            raise FileError(
                f"{entry.key!r} of {self.path!r} ({entry.classname}) cannot be read: {entry.reason}."
            )
        with acquire(self.path) as handle:
            given = self._full(re.sub(r"/+", "/", key.strip("/")))
            exact = path_of(handle, (full, f"{full};{entry.cycle}", given))
            with reading(f"{entry.classname} {entry.key!r}", self.path):
                if entry.kind == "rntuple":
                    # To look it up its footer is enough; now all that it says of itself is verified.
                    object_of(handle, exact)
                if entry.kind in ("tree", "rntuple"):
                    return Tree(self.path, exact)
                return read_object(key_of(handle, exact), entry.kind, entry.classname)

    def _hint(self, key: str) -> str:
        tree, _, branch = key.strip("/").partition("/")
        while branch:
            entry = self.entry(tree)
            if entry is not None and entry.kind == "directory" and not entry.readable:
                return f"What is in {tree!r} is not known: {entry.reason}."
            if entry is not None and entry.kind in ("tree", "rntuple"):
                return f"{tree!r} is a tree: its branches are read by file[{tree!r}].arrays({branch!r})."
            step, _, branch = branch.partition("/")
            tree = f"{tree}/{step}"
        return nearest(key, self._paths())

    def _full(self, path: str) -> str:
        return f"{self.directory}/{path}" if self.directory else path

    def _inside(self, entry: FileKey) -> FileKey:
        """Return an object of the file as one of this folder."""
        start = len(self.directory) + 1
        if start == 1:
            return entry
        return replace(entry, path=entry.path[start:], depth=entry.depth - self.directory.count("/") - 1)

    def _names(self, handle: OpenFile) -> Iterator[tuple[str, Item]]:
        """Yield the path in this folder of every object in it; nothing but lists of objects is read."""
        start = self.directory + "/" if self.directory else ""
        for item in names_of(handle):
            if item.path.startswith(start):
                yield item.path[len(start) :], item

    def _paths(self) -> list[str]:
        with acquire(self.path) as handle:
            return [path for path, _ in self._names(handle)]
