"""Open a file and see what is in it."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import FileError, nearest
from hepnb.events.handles import Handle, borrow, close, reading, reason_of
from hepnb.events.trees import Tree

__all__ = ["Entry", "EntryKind", "RootFile"]

EntryKind = Literal["directory", "tree", "rntuple", "histogram", "graph", "other"]

_TREES = ("TTree", "TNtuple", "TNtupleD", "TChain")
_HISTOGRAM = re.compile(r"TH[123]([CSIFDL]|Poly)$|TProfile([23]D)?$|THn|TEfficiency$|THStack$")
_READABLE_HISTOGRAM = re.compile(r"TH[123][CSIFDL]$|TProfile$")
_GRAPHS = ("TGraph", "TGraphErrors", "TGraphAsymmErrors", "TGraph2D", "TGraph2DErrors", "TGraphMultiErrors")
_GRAPH_COLUMNS = {
    "fX": "x",
    "fY": "y",
    "fZ": "z",
    "fEX": "x_error",
    "fEY": "y_error",
    "fEXlow": "x_error_low",
    "fEXhigh": "x_error_high",
    "fEYlow": "y_error_low",
    "fEYhigh": "y_error_high",
}


@dataclass(frozen=True)
class Entry:
    """One object in a file.

    Attributes
    ----------
    path : str
        Folders and name, without the cycle.
    name : str
        The last part of it.
    cycle : int
        ROOT's version number of the object.
    classname : str
        The C++ class.
    kind : str
        "directory", "tree", "rntuple", "histogram", "graph" or "other".
    title : str
        The object's title.
    n_entries : int or None
        Entries of a tree.
    depth : int
        How many folders it is in.
    readable : bool
        Whether ``file[path]`` gives something.
    reason : str
        Why not, where it does not.
    """

    path: str
    name: str
    cycle: int
    classname: str
    kind: EntryKind
    title: str
    n_entries: int | None
    depth: int
    readable: bool
    reason: str

    @property
    def key(self) -> str:
        """Path with the cycle: what names this object and no other."""
        return f"{self.path};{self.cycle}"


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

    def walk(self) -> tuple[Entry, ...]:
        """List every object, folders first opened first, every cycle.

        Returns
        -------
        tuple of Entry
            Depth first, in the file's order; what cannot be read is in it with the reason.

        Raises
        ------
        FileError
            Where the list of objects itself is damaged.
        """
        with borrow(self.path) as handle:
            known = handle.known.get("walk")
            if known is None:
                known = handle.known["walk"] = tuple(_walk(handle))
        entries: tuple[Entry, ...] = known
        if not self.directory:
            return entries
        start = self.directory + "/"
        depth = start.count("/")
        return tuple(
            Entry(**{**e.__dict__, "path": e.path[len(start) :], "depth": e.depth - depth})
            for e in entries
            if e.path.startswith(start)
        )

    def keys(self, kind: EntryKind | None = None, match: str = "*") -> list[str]:
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
        return [
            entry.key
            for entry in self.walk()
            if kind in (None, entry.kind) and fnmatch.fnmatchcase(entry.path, match)
        ]

    def entry(self, key: str) -> Entry | None:
        """Look an object up, without reading it.

        Parameters
        ----------
        key : str
            Path, with ``;cycle`` or without (the newest then).

        Returns
        -------
        Entry or None
            None where there is none.
        """
        path, _, cycle = key.strip("/").partition(";")
        path = re.sub(r"/+", "/", path)
        found = [e for e in self.walk() if e.path == path and (not cycle or str(e.cycle) == cycle)]
        return max(found, key=lambda e: e.cycle, default=None)

    def __getitem__(self, key: str) -> Any:
        """Give an object: a Tree, a hist.Hist, the columns of a graph, or a folder.

        Parameters
        ----------
        key : str
            Path, with ``;cycle`` or without (the newest then).

        Returns
        -------
        Tree, hist.Hist, dict of str to numpy.ndarray or RootFile
            A graph gives its columns ``x``, ``y`` and errors.

        Raises
        ------
        FileError
            Where there is no such object, or it cannot be read.
        """
        if not isinstance(key, str):
            raise FileError(
                f"{self.path!r} has no object {key!r:.60}: a path in the file is text. "
                f"{nearest(str(key), [e.path for e in self.walk()])}"
            )
        if key.strip("/") == "":
            return self
        entry = self.entry(key)
        if entry is None:
            paths = [e.path for e in self.walk()]
            raise FileError(f"{self.path!r} has no object {key!r}. {nearest(key, paths)}")
        full = f"{self.directory}/{entry.path}" if self.directory else entry.path
        if entry.kind == "directory":
            return RootFile(self.path, full)
        if not entry.readable:
            raise FileError(
                f"{entry.key!r} of {self.path!r} ({entry.classname}) cannot be read: {entry.reason}."
            )
        newest = self.entry(entry.path)
        exact = full if newest is None or newest.cycle == entry.cycle else f"{full};{entry.cycle}"
        if entry.kind in ("tree", "rntuple"):
            return Tree(self.path, exact)
        with (
            borrow(self.path) as handle,
            reading(f"{entry.classname} {entry.key!r}", self.path),
        ):
            found = handle.root[f"{full};{entry.cycle}"]
            return found.to_hist() if entry.kind == "histogram" else _columns_of(found)


class _Base(NamedTuple):
    """What the key of an object says."""

    path: str
    name: str
    cycle: int
    classname: str
    kind: EntryKind
    title: str


def _walk(handle: Handle) -> Iterator[Entry]:
    yield from _inside(handle, handle.root, "", 0, frozenset())


def _inside(handle: Handle, folder: Any, prefix: str, depth: int, above: frozenset[int]) -> Iterator[Entry]:
    with reading(f"the list of objects in {prefix or '/'!r}", handle.path):
        names = list(folder.keys(recursive=False, cycle=True))
    for name in names:
        try:
            key = folder.key(name)
            path, cycle, classname = prefix + key.name(), int(key.fCycle), str(key.fClassName)
            title = str(key.fTitle)
        except Exception as error:  # noqa: BLE001  # one bad key must not hide the others
            bare, _, cycle_text = name.partition(";")
            cycle = int(cycle_text) if cycle_text.isdigit() else 0
            yield Entry(prefix + bare, bare, cycle, "", "other", "", None, depth, False, reason_of(error))
            continue
        kind = _kind(classname)
        base = _Base(path, key.name(), cycle, classname, kind, title)
        if kind == "directory":
            yield from _folder(handle, key, base, depth, above)
        elif kind in ("tree", "rntuple"):
            try:
                yield Entry(*base, int(handle.object(f"{path};{cycle}").num_entries), depth, True, "")
            except Exception as error:  # noqa: BLE001  # whatever is wrong with it, it stays in the list
                yield Entry(*base, None, depth, False, reason_of(error))
        else:
            reason = _why_not(kind, classname)
            yield Entry(*base, None, depth, not reason, reason)


def _folder(handle: Handle, key: Any, base: _Base, depth: int, above: frozenset[int]) -> Iterator[Entry]:
    try:
        inner = key.get()
        if int(inner.fSeekKeys) in above:
            raise FileError("the folder is inside itself")
        inside = list(_inside(handle, inner, base.path + "/", depth + 1, above | {int(inner.fSeekKeys)}))
    except Exception as error:  # noqa: BLE001  # whatever is wrong with it, it stays in the list
        yield Entry(*base, None, depth, False, reason_of(error))
        return
    yield Entry(*base, None, depth, True, "")
    yield from inside


def _kind(classname: str) -> EntryKind:
    if classname.startswith("TDirectory"):
        return "directory"
    if classname in _TREES:
        return "tree"
    if classname.endswith("RNTuple"):
        return "rntuple"
    if _HISTOGRAM.match(classname):
        return "histogram"
    return "graph" if classname in _GRAPHS else "other"


def _why_not(kind: EntryKind, classname: str) -> str:
    if kind == "histogram" and not _READABLE_HISTOGRAM.match(classname):
        return f"the class {classname} cannot be turned into a histogram"
    return f"the class {classname} is neither tree, histogram nor graph" if kind == "other" else ""


def _columns_of(graph: Any) -> dict[str, NDArray[np.float64]]:
    members = graph.all_members
    return {
        column: np.array(members[member], dtype=np.float64)
        for member, column in _GRAPH_COLUMNS.items()
        if member in members
    }
