"""One tree over many files, one after the other."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

import numpy as np

from hepnb.errors import FileError, HepnbError
from hepnb.events.rootio.branches import Branch
from hepnb.events.rootio.exact import common_dtype, join_exactly
from hepnb.events.rootio.open_files import Stamp, stamp
from hepnb.events.sources.source import FileSource, OnError, Skipped, TreeInfo, read_column, warn_of
from hepnb.progress import Cancel, Progress

__all__ = ["ChainSource"]


@dataclass(frozen=True)
class _Part:
    """What is known of one file: enough to read it, without keeping it open."""

    stamp: Stamp
    path: str
    n_entries: int
    branches: tuple[Branch, ...]
    names: Mapping[str, Branch] = field(repr=False)


@dataclass(eq=False)
class _Memory:
    """What a chain has learnt of its files."""

    parts: dict[tuple[str, str], _Part] = field(default_factory=dict)
    told: set[tuple[str, str]] = field(default_factory=set)
    joined: tuple[list[_Part], list[Skipped], TreeInfo] | None = None

    def __getstate__(self) -> dict[str, Any]:
        # The parts go along with a pickle: another process need not open every file to count its entries.
        return {"parts": self.parts, "told": self.told, "joined": None}


@dataclass(frozen=True)
class ChainSource:
    """A tree over many files.

    Attributes
    ----------
    members : tuple of (file, path)
        The files in order, and the tree in each.
    file : str
        What they are called together.
    on_error : {"raise", "skip"}
        What to do about a file, or a part of one, that cannot be read.
    left_out : tuple of Skipped
        Files that were left out before their trees were looked for.
    code : str
        Python that makes the tree.
    """

    members: tuple[tuple[str, str], ...]
    file: str
    on_error: OnError = "raise"
    left_out: tuple[Skipped, ...] = ()
    code: str = field(default="", compare=False)
    _memory: _Memory = field(default_factory=_Memory, compare=False, repr=False)

    @property
    def path(self) -> str:
        """Path of the tree, in the first file."""
        return self.members[0][1]

    @property
    def files(self) -> tuple[str, ...]:
        """Give the files, in order."""
        return tuple(file for file, _ in self.members)

    def info(self, progress: Progress | None = None, cancel: Cancel | None = None) -> TreeInfo:
        """Say what the tree looks like now; only files that changed are looked at again.

        Parameters
        ----------
        progress : callable, optional
            Called with (files looked at, files in all).
        cancel : object with is_set(), optional
            Looked at before each file.

        Raises
        ------
        FileError
            Where a file is missing or damaged, or none is left; where somebody cancelled.
        """
        parts, skipped = self._look(progress, cancel)
        joined = self._memory.joined
        if joined is None or (joined[0], joined[1]) != (parts, skipped):
            joined = self._memory.joined = parts, skipped, _joined(self, parts, skipped)
        return joined[2]

    def _look(self, progress: Progress | None, cancel: Cancel | None) -> tuple[list[_Part], list[Skipped]]:
        memory = self._memory
        parts: list[_Part] = []
        skipped = list(self.left_out)
        for number, member in enumerate(self.members):
            if progress is not None:
                progress(number, len(self.members))
            if cancel is not None and cancel.is_set():
                done = f"{number:,} of {len(self.members):,} files"
                raise FileError(f"opening {self.file!r} was cancelled after {done}.")
            part = memory.parts.get(member)
            try:
                if part is None or part.stamp != stamp(member[0]):
                    part = memory.parts[member] = _part_of(*member, parts[-1] if parts else None)
            except HepnbError as error:
                if self.on_error != "skip":
                    raise
                skipped.append(Skipped(member[0], str(error)))
                if member not in memory.told:
                    memory.told.add(member)
                    warn_of(skipped[-1])
                continue
            parts.append(part)
        if progress is not None:
            progress(len(self.members), len(self.members))
        if not parts:
            said = "\n".join(f"  {one}" for one in skipped[:5])
            raise FileError(f"none of the {len(skipped)} files can be read:\n{said}")
        return parts, skipped


def _part_of(file: str, path: str, like: _Part | None) -> _Part:
    info = FileSource(file, path).info()
    assert info.stamp is not None  # noqa: S101  # of one file
    if like is not None and info.branches == like.branches:
        # A thousand files with a thousand branches each: what is equal is kept once.
        return _Part(info.stamp, path, info.n_entries, like.branches, like.names)
    return _Part(info.stamp, path, info.n_entries, info.branches, info.names)


def _joined(source: ChainSource, parts: Sequence[_Part], skipped: Sequence[Skipped]) -> TreeInfo:
    ends = list(accumulate(part.n_entries for part in parts))
    first = FileSource(parts[0].stamp[0], parts[0].path).info()

    def column(branch: Branch, start: int, stop: int) -> Any:
        pieces = []
        place = bisect_right(ends, start) if start < ends[-1] else len(parts) - 1
        while True:
            part, begin = parts[place], ends[place] - parts[place].n_entries
            low, high = start - begin, min(stop, ends[place]) - begin
            pieces.append(read_column(part.stamp, part.path, part.names[branch.name], low, high))
            start, place = ends[place], place + 1
            if start >= stop or place == len(parts):
                return join_exactly(pieces, f"branch {branch.name!r} of {source.file!r}")

    return TreeInfo(
        source.file,
        source.path,
        first.name,
        first.title,
        ends[-1],
        _common(parts),
        column,
        files=tuple(part.stamp[0] for part in parts),
        breaks=tuple(ends[:-1]),
        on_error=source.on_error,
        skipped=tuple(skipped),
        parts=tuple((part.stamp, part.path, part.n_entries, part.names) for part in parts),
    )


def _common(parts: Sequence[_Part]) -> tuple[Branch, ...]:
    """Branches of all files; those that are not the same everywhere are in it with the reason."""
    distinct = {id(part.branches): part for part in reversed(parts)}
    if len(distinct) == 1:
        return parts[0].branches
    names = dict.fromkeys(name for part in parts for name in part.names)
    return tuple(_merged(name, parts) for name in names)


def _merged(name: str, parts: Sequence[_Part]) -> Branch:
    found = [(part.stamp[0], part.names[name]) for part in parts if name in part.names]
    file, first = found[0]
    missing = [part.stamp[0] for part in parts if name not in part.names]
    if missing:
        return replace(first, readable=False, reason=f"it is not in {_listed(missing)}")
    for other, branch in found:
        if not branch.readable:
            return replace(first, readable=False, reason=f"{branch.reason}, in {other!r}")
        if not _alike(first, branch):
            reason = f"it is {first.typename} in {file!r}, but {branch.typename} in {other!r}"
            return replace(first, readable=False, reason=reason)
    return replace(
        first,
        typename=" or ".join(dict.fromkeys(branch.typename for _, branch in found)),
        kind=first.kind if all(branch.kind == first.kind for _, branch in found) else "list",
        dtype=str(common_dtype(np.dtype(branch.dtype) for _, branch in found)) if first.dtype else "",
        bytes_per_entry=max(branch.bytes_per_entry for _, branch in found),
    )


def _alike(one: Branch, other: Branch) -> bool:
    """Whether the columns read from two branches can follow each other."""
    lists = ("list", "array")
    if not (one.kind == other.kind or (one.kind in lists and other.kind in lists)):
        return False
    if one.kind == "string":
        return True
    return one.ndim == other.ndim and _family(one.dtype) == _family(other.dtype)


def _family(dtype: str) -> str:
    kind = np.dtype(dtype).kind
    return "i" if kind == "u" else kind


def _listed(files: Sequence[str], most: int = 3) -> str:
    shown = ", ".join(repr(file) for file in files[:most])
    return f"{shown} and {len(files) - most} more files" if len(files) > most else shown
