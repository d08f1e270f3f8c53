"""A skim with references: its own columns, and those of the files that its rows come from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import FileError, nearest
from hepnb.events.root_file import RootFile
from hepnb.events.rootio.branches import Branch
from hepnb.events.rootio.exact import join_exactly
from hepnb.events.rootio.remote import is_remote
from hepnb.events.sources.chain import ChainSource
from hepnb.events.sources.originals import Original, check_original, originals_from
from hepnb.events.sources.parquet import ParquetSource, parquet_notes
from hepnb.events.sources.root_tree import FileSource
from hepnb.events.sources.source import LastJoin, Source, TreeReader
from hepnb.events.tree import Tree
from hepnb.events.writing.skim import SOURCE_ENTRY, SOURCE_FILE, SOURCES, is_parquet
from hepnb.local_files import local_path
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
    noted : tuple of Original
        What the skim says of each.
    code : str
        Python that makes the tree.
    """

    skim: Source
    originals: ChainSource
    noted: tuple[Original, ...]
    code: str = field(default="", compare=False)
    _memory: LastJoin = field(default_factory=LastJoin, compare=False, repr=False)

    @property
    def file(self) -> str:
        """Give the skim's file."""
        return self.skim.file

    @property
    def path(self) -> str:
        """Give the skim's tree."""
        return self.skim.path

    def inputs(self) -> tuple[str, ...]:
        """Return the skim's file and the originals."""
        return (*self.skim.inputs(), *self.originals.inputs())

    def reader(self) -> TreeReader:
        """Return the rows as they are now, with the columns of the originals.

        Raises
        ------
        FileError
            If an original is not what it was.
        """
        skim, originals = self.skim.reader(), self.originals.reader()
        joined = self._memory.joined
        if joined is None or joined[1] is not originals or joined[0].stamps != skim.stamps:
            self._check(originals)
            joined = self._memory.joined = skim, originals, _joined(skim, originals)
        return joined[2]

    def _check(self, originals: TreeReader) -> None:
        for noted, segment in zip(self.noted, originals.segments, strict=True):
            check_original(noted, segment.parts[0].stamp, segment.stop - segment.start, self.file)


def open_skim(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]] | None = None,
    *,
    allow_remote: bool = False,
) -> Tree:
    """Open a skim with references: a tree of its rows, with the columns of the original files too.

    Parameters
    ----------
    path : path
        What ``tree.skim(path, ..., references=True)`` wrote, ROOT or Parquet. A Parquet file without
        references is opened as a tree of its columns alone.
    folder : path or mapping of str to path, optional
        Where the originals are now, when they are no longer where they were: the folder they are in, or for
        each original, as the skim names it, its file.
    allow_remote : bool
        Whether addresses in the skim may be contacted. A skim from elsewhere may name any server.

    Returns
    -------
    Tree
        Expressions find the skim's columns first, then the originals'. A column of an original is read for
        the rows that are needed, neighbours within a few thousand entries together.

    Raises
    ------
    FileError
        Where the file has no references; where an original is missing, is another file or has changed; where
        it is an address and `allow_remote` is not set.

    Examples
    --------
    >>> import tempfile
    >>> import hepnb
    >>> tree = hepnb.open(hepnb.datasets.generate())["signal"]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     columns = {"pt_sum": "lep1_pt + lep2_pt"}
    ...     written = tree.skim(f"{folder}/light.root", columns, cut="mll > 120", references=True)
    ...     light = hepnb.open_skim(written.path)
    ...     light.hist("pt_sum / mll", bins=(3, 0, 3), cut="lep1_pt > 30").values().tolist()
    [1807.0, 715.0, 4.0]
    """
    file = _address_or_path(path)
    if is_parquet(file):
        noted = parquet_notes(file, "originals")
        if noted is None:
            return Tree.over(ParquetSource(file))
        rows = noted if isinstance(noted, list) else [noted]
        return _join(ParquetSource(file), originals_from(rows, file), folder, allow_remote)
    opened = RootFile(file)
    trees = [entry.path for entry in opened.walk() if entry.kind == "tree"]
    found = [name for name in trees if name.endswith(SOURCES) and name.removesuffix(SOURCES) in trees]
    if not found:
        raise FileError(
            f"{file!r} has no references to original files. Write them with tree.skim(..., references=True), "
            f"or use it as it is: hepnb.open({file!r})."
        )
    sources = opened[found[0]]
    names = [branch.name for branch in sources.branches]
    columns = sources.arrays([one.name for one in fields(Original) if one.name in names])
    rows = [
        dict(zip(columns, row, strict=True))
        for row in zip(*(c.tolist() for c in columns.values()), strict=True)
    ]
    return _join(
        FileSource(file, found[0].removesuffix(SOURCES)), originals_from(rows, file), folder, allow_remote
    )


def _join(skim: Source, originals: Sequence[Original], folder: Any, allow_remote: bool) -> Tree:
    members = tuple(
        FileSource(_found(one.file, folder, skim.file, allow_remote), one.tree) for one in originals
    )
    chain = ChainSource(members, f"the originals of {skim.file}")
    options: dict[str, Any] = {} if folder is None else {"folder": _plain(folder)}
    options |= {"allow_remote": True} if allow_remote else {}
    tree = Tree.over(
        JoinedSource(skim, chain, tuple(originals), call("hepnb.open_skim", skim.file, **options))
    )
    tree._reader()
    return tree


def _plain(folder: Any) -> Any:
    if isinstance(folder, Mapping):
        return {str(name): os.fsdecode(place) for name, place in folder.items()}
    return os.fsdecode(folder)


def _address_or_path(given: Any) -> str:
    """Return an address as it is, and a path with ``~`` expanded; anything else is refused."""
    return given if isinstance(given, str) and is_remote(given) else str(local_path(given))


def _found(file: str, folder: Any, skim: str, allow_remote: bool) -> str:
    """Where an original is now: where it was, in the folder that is named, or beside the skim."""
    if isinstance(folder, Mapping):
        if file not in folder:
            raise FileError(f"folder= names no file for the original {file!r}. {nearest(file, folder)}")
        return _address_or_path(folder[file])  # the person named the address, and not the skim
    if is_remote(file) and folder is None:
        if not allow_remote:
            host = urlsplit(file.rpartition("::")[2]).netloc or file
            raise FileError(
                f"the original {file!r} of {skim!r} is on {host!r}, which is not contacted unasked. If you "
                "trust that address say hepnb.open_skim(..., allow_remote=True), else name the folder of a "
                "copy: folder=..."
            )
        return file
    name = Path(file).name
    place_now = None if folder is None else local_path(folder)
    places = [Path(file), Path(skim).parent / name] if place_now is None else [place_now / name]
    for path in places:
        if path.is_file():
            return str(path)
    if place_now is None:
        hint = "Say where it is now: hepnb.open_skim(..., folder=...)."
    else:
        hint = nearest(name, [one.name for one in place_now.glob("*.root")])
    raise FileError(f"the original file {file!r} of {skim!r} is not there. {hint}")


def _joined(skim: TreeReader, originals: TreeReader) -> TreeReader:
    own = {branch.name for branch in skim.branches}
    behind = tuple(branch for branch in originals.branches if branch.name not in own)
    begins = np.array([0, *(segment.stop for segment in originals.segments)], dtype=np.int64)
    numbers, entries = skim.names[SOURCE_FILE], skim.names[SOURCE_ENTRY]

    def read(branch: Branch, start: int, stop: int) -> Any:
        if branch.name in own:
            return skim.read(branch, start, stop)
        files, there = skim.read(numbers, start, stop), skim.read(entries, start, stop)
        _check_bounds(skim, begins, files, there, start)
        return _gathered(originals, branch, begins[files] + there)

    # The rows lead to many places: no segment says where a column lies.
    segments = tuple(replace(segment, parts=()) for segment in skim.segments)
    return replace(skim, branches=(*skim.branches, *behind), read=read, segments=segments)


def _check_bounds(
    skim: TreeReader, begins: NDArray[np.int64], files: NDArray[Any], there: NDArray[Any], start: int
) -> None:
    """Make sure that references lead into the originals, and not beyond one into the next."""
    n_files = len(begins) - 1
    wrong = (files < 0) | (files >= n_files)
    lengths = np.diff(begins)[np.where(wrong, 0, files)]
    wrong |= (there < 0) | (there >= lengths)
    if wrong.any():
        row = int(wrong.argmax())
        raise FileError(
            f"{skim.file!r}: row {start + row:,} refers to entry {int(there[row]):,} of original file "
            f"{int(files[row])}, which is not there ({n_files} files). The skim is damaged: write it again."
        )


def _gathered(originals: TreeReader, branch: Branch, places: NDArray[np.int64]) -> Any:
    """Entries of a column, in the order asked for."""
    if not len(places):
        return originals.read(branch, 0, 0)
    order = np.argsort(places, kind="stable")
    pieces = [
        originals.read(branch, start, stop)[wanted - start]
        for start, stop, wanted in _blocks(places[order], originals.borders)
    ]
    joined = join_exactly(pieces, f"branch {branch.name!r} of {originals.file!r}")
    back = np.empty(len(order), dtype=np.int64)
    back[order] = np.arange(len(order))
    return joined[back]


def _blocks(
    places: NDArray[np.int64], borders: Sequence[int]
) -> Iterator[tuple[int, int, NDArray[np.int64]]]:
    """Ranges of entries to read for some of them, in rising order.

    Examples
    --------
    >>> [(start, stop, wanted.tolist()) for start, stop, wanted in _blocks(np.array([3, 5, 99999]), [])]
    [(3, 6, [3, 5]), (99999, 100000, [99999])]
    """
    files = np.searchsorted(borders, places, side="right")
    new = (np.diff(places) > _HOLE) | (np.diff(files) > 0) | (np.diff(places // _TOGETHER) > 0)
    for part in np.split(places, np.flatnonzero(new) + 1):
        yield int(part[0]), int(part[-1]) + 1, part
