"""A skim with references: its own columns, and those of the files that its rows come from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import FileError, nearest
from hepnb.events.branches import Branch
from hepnb.events.chains import ChainSource
from hepnb.events.exact import join_exactly
from hepnb.events.files import RootFile
from hepnb.events.parquet import ParquetSource, parquet_notes
from hepnb.events.remote import is_remote
from hepnb.events.skim import SOURCE_ENTRY, SOURCE_FILE, SOURCES, Original, is_parquet
from hepnb.events.source import FileSource, LastJoin, Source, TreeInfo
from hepnb.events.trees import Tree
from hepnb.python_code import call

__all__ = ["JoinedSource", "open_skim"]

# A hole of so many entries is stepped over instead of being read, and no more than so many are read together.
_HOLE = 4096
_TOGETHER = 65536


@dataclass(frozen=True)
class JoinedSource:
    """Rows of a skim, with the columns of the files they come from.

    Attributes
    ----------
    skim : Source
        The skim itself.
    originals : ChainSource
        The files, in the order of the skim's list.
    sizes : tuple of int
        How many entries each had when the skim was made.
    folder : str or None
        Where the files were said to be.
    """

    skim: Source
    originals: ChainSource
    sizes: tuple[int, ...]
    folder: str | None = None
    _memory: LastJoin = field(default_factory=LastJoin, compare=False, repr=False)

    @property
    def file(self) -> str:
        """Give the skim's file."""
        return self.skim.file

    @property
    def path(self) -> str:
        """Give the skim's tree."""
        return self.skim.path

    @property
    def code(self) -> str:
        """Python that makes the tree."""
        return call("hepnb.open_skim", self.file, **({} if self.folder is None else {"folder": self.folder}))

    def info(self) -> TreeInfo:
        """Say what both look like now.

        Raises
        ------
        FileError
            Where an original is not what it was.
        """
        skim, originals = self.skim.info(), self.originals.info()
        joined = self._memory.joined
        if joined is None or joined[1] is not originals or joined[0].stamp != skim.stamp:
            self._check(originals)
            joined = self._memory.joined = skim, originals, _joined(skim, originals)
        return joined[2]

    def _check(self, originals: TreeInfo) -> None:
        limits = [0, *originals.breaks, originals.n_entries]
        for number, (file, size) in enumerate(zip(originals.files, self.sizes, strict=True)):
            found = limits[number + 1] - limits[number]
            if found != size:
                raise FileError(
                    f"{file!r} has {found:,} entries, it had {size:,} when {self.file!r} was written from "
                    "it: the references no longer lead to the same events. Write the skim again."
                )


def open_skim(path: str | os.PathLike[str], folder: str | os.PathLike[str] | None = None) -> Tree:
    """Open a skim with references: a tree of its rows, with the columns of the original files too.

    Parameters
    ----------
    path : path
        What ``tree.skim(path, ..., references=True)`` wrote, ROOT or Parquet. A Parquet file without
        references is opened as a tree of its columns alone.
    folder : path, optional
        Where the originals are now, when they are no longer where they were.

    Returns
    -------
    Tree
        Expressions find the skim's columns first, then the originals'. A column of an original is read for
        the rows that are needed, neighbours within a few thousand entries together.

    Raises
    ------
    FileError
        Where the file has no references, or an original is missing or has changed.

    Examples
    --------
    >>> import tempfile
    >>> import hepnb
    >>> tree = hepnb.open(hepnb.datasets.generate())["signal"]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     columns = {"pt_sum": "lep1_pt + lep2_pt"}
    ...     written = tree.skim(f"{folder}/light.root", columns, "mll > 120", references=True)
    ...     light = hepnb.open_skim(written.path)
    ...     light.hist("pt_sum / mll", bins=(3, 0, 3), cut="lep1_pt > 30").values().tolist()
    [1807.0, 715.0, 4.0]
    """
    file = os.fsdecode(path)
    if is_parquet(file):
        noted = parquet_notes(file, "originals")
        if noted is None:
            return Tree.over(ParquetSource(file))
        return _join(ParquetSource(file), [Original(**one) for one in noted], folder)
    opened = RootFile(file)
    trees = [entry.path for entry in opened.walk() if entry.kind == "tree"]
    found = [name for name in trees if name.endswith(SOURCES) and name.removesuffix(SOURCES) in trees]
    if not found:
        raise FileError(
            f"{file!r} has no references to original files. Write them with tree.skim(..., references=True), "
            f"or use it as it is: hepnb.open({file!r})."
        )
    columns = opened[found[0]].arrays(["file", "tree", "n_entries"])
    listed = zip(*(columns[name].tolist() for name in ("file", "tree", "n_entries")), strict=True)
    originals = [Original(*one) for one in listed]
    return _join(FileSource(file, found[0].removesuffix(SOURCES)), originals, folder)


def _join(skim: Source, originals: Sequence[Original], folder: str | os.PathLike[str] | None) -> Tree:
    members = tuple((_found(one.file, folder, skim.file), one.tree) for one in originals)
    chain = ChainSource(members, f"the originals of {skim.file}")
    sizes = tuple(one.n_entries for one in originals)
    tree = Tree.over(JoinedSource(skim, chain, sizes, None if folder is None else os.fsdecode(folder)))
    tree._info()
    return tree


def _found(file: str, folder: str | os.PathLike[str] | None, skim: str) -> str:
    """Where an original is now: where it was, in the folder that is named, or beside the skim."""
    if is_remote(file) and folder is None:
        return file
    name = Path(file).name
    places = [Path(folder) / name] if folder is not None else [Path(file), Path(skim).parent / name]
    for place in places:
        if place.is_file():
            return str(place)
    if folder is None:
        hint = "Say where it is now: hepnb.open_skim(..., folder=...)."
    else:
        hint = nearest(name, [one.name for one in Path(folder).glob("*.root")])
    raise FileError(f"the original file {file!r} of {skim!r} is not there. {hint}")


def _joined(skim: TreeInfo, originals: TreeInfo) -> TreeInfo:
    own = {branch.name for branch in skim.branches}
    behind = tuple(branch for branch in originals.branches if branch.name not in own)
    begins = np.array([0, *originals.breaks], dtype=np.int64)
    numbers, entries = skim.names[SOURCE_FILE], skim.names[SOURCE_ENTRY]

    def column(branch: Branch, start: int, stop: int) -> Any:
        if branch.name in own:
            return skim.column(branch, start, stop)
        places = begins[skim.column(numbers, start, stop)] + skim.column(entries, start, stop)
        return _gathered(originals, branch, places)

    return replace(
        skim, branches=(*skim.branches, *behind), column=column, names={}, checked={}, parts=(), stamp=None
    )


def _gathered(originals: TreeInfo, branch: Branch, places: NDArray[np.int64]) -> Any:
    """Entries of a column, in the order asked for."""
    if not len(places):
        return originals.column(branch, 0, 0)
    order = np.argsort(places, kind="stable")
    pieces = [
        originals.column(branch, start, stop)[wanted - start]
        for start, stop, wanted in _blocks(places[order], originals.breaks)
    ]
    joined = join_exactly(pieces, f"branch {branch.name!r} of {originals.file!r}")
    back = np.empty(len(order), dtype=np.int64)
    back[order] = np.arange(len(order))
    return joined[back]


def _blocks(places: NDArray[np.int64], breaks: Sequence[int]) -> Iterator[tuple[int, int, NDArray[np.int64]]]:
    """Ranges of entries to read for some of them, in rising order.

    Examples
    --------
    >>> [(start, stop, wanted.tolist()) for start, stop, wanted in _blocks(np.array([3, 5, 99999]), [])]
    [(3, 6, [3, 5]), (99999, 100000, [99999])]
    """
    files = np.searchsorted(breaks, places, side="right")
    new = (np.diff(places) > _HOLE) | (np.diff(files) > 0) | (np.diff(places // _TOGETHER) > 0)
    for part in np.split(places, np.flatnonzero(new) + 1):
        yield int(part[0]), int(part[-1]) + 1, part
