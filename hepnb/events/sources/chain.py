"""One tree over many files, one after the other."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any, TypeAlias

import awkward as ak
import numpy as np

from hepnb.errors import BranchError, FileError, HepnbError, MissingBranchError, nearest
from hepnb.events.rootio.branches import Branch, to_column
from hepnb.events.rootio.exact import common_dtype, join_exactly
from hepnb.events.sources.csv_file import TEXT_NUMBER
from hepnb.events.sources.many_files import each_file
from hepnb.events.sources.source import OnError, Skipped, Source, TreeReader, warn_of
from hepnb.progress import Cancel, Progress
from hepnb.python_code import call

__all__ = ["ChainSource", "Default", "with_defaults"]

Default: TypeAlias = "bool | float | str | tuple[()] | list[Any]"


@dataclass(frozen=True)
class _Member:
    """What is known of one member: enough to read it, without keeping its file open."""

    reader: TreeReader
    names: Mapping[str, Branch] = field(repr=False)


@dataclass(eq=False)
class _Memory:
    """What a chain has learnt of its members."""

    members: dict[Source, _Member] = field(default_factory=dict)
    reported: set[Source] = field(default_factory=set)
    joined: tuple[list[_Member], list[Skipped], TreeReader] | None = None

    def __getstate__(self) -> dict[str, Any]:
        # The members go along with a pickle: another process need not open every file to count its entries.
        return {"members": self.members, "reported": self.reported, "joined": None}


@dataclass(frozen=True)
class ChainSource:
    """The trees of many files, one after the other.

    Attributes
    ----------
    members : tuple of Source
        The tree of each file, in order.
    file : str
        What the files are called together.
    on_error : {"raise", "skip"}
        What to do about a file, or a part of one, that cannot be read.
    left_out : tuple of Skipped
        Files that were left out before their trees were looked for.
    code : str
        Python that makes the tree.
    defaults : tuple of (str, value)
        What stands for branches in the files that lack them.
    """

    members: tuple[Source, ...]
    file: str
    on_error: OnError = "raise"
    left_out: tuple[Skipped, ...] = ()
    code: str = field(default="", compare=False)
    defaults: tuple[tuple[str, Default], ...] = ()
    _memory: _Memory = field(default_factory=_Memory, compare=False, repr=False)

    @property
    def path(self) -> str:
        """Path of the tree, in the first file."""
        return self.members[0].path

    def inputs(self) -> tuple[str, ...]:
        """Return the files of all members."""
        return tuple(file for member in self.members for file in member.inputs())

    def reader(self, progress: Progress | None = None, cancel: Cancel | None = None) -> TreeReader:
        """Return the tree as it is now; only files that changed are opened again.

        Parameters
        ----------
        progress : callable, optional
            Called with (files done, files in all).
        cancel : object with is_set(), optional
            Checked before each file.

        Raises
        ------
        FileError
            If a file is missing or damaged, or none is left; if somebody cancelled.
        """
        members, skipped = self._current(progress, cancel)
        joined = self._memory.joined
        if joined is None or (joined[0], joined[1]) != (members, skipped):
            joined = self._memory.joined = members, skipped, _joined(self, members, skipped)
        return joined[2]

    def _current(
        self, progress: Progress | None, cancel: Cancel | None
    ) -> tuple[list[_Member], list[Skipped]]:
        memory = self._memory
        found: dict[int, _Member | HepnbError] = {}
        for number, source in enumerate(self.members):
            member = memory.members.get(source)
            if member is not None and _is_current(member):
                found[number] = member
        todo = [number for number in range(len(self.members)) if number not in found]
        if todo or progress is not None:
            found |= self._opened(todo, progress, cancel)
        return self._without_errors(found)

    def _opened(
        self, numbers: Sequence[int], progress: Progress | None, cancel: Cancel | None
    ) -> dict[int, _Member | HepnbError]:
        """Open members side by side."""
        found: dict[int, _Member | HepnbError] = {}
        before = len(self.members) - len(numbers)
        told = None if progress is None else lambda done, _: progress(before + done, len(self.members))
        like = next(iter(self._memory.members.values()), None)
        for place, reader in each_file(
            lambda number: self.members[number].reader(),
            numbers,
            self.file,
            skip_errors=self.on_error == "skip",
            progress=told,
            cancel=cancel,
        ):
            number = numbers[place]
            if isinstance(reader, HepnbError):
                found[number] = reader
                continue
            like = found[number] = self._memory.members[self.members[number]] = _member_of(reader, like)
        return found

    def _without_errors(
        self, found: Mapping[int, _Member | HepnbError]
    ) -> tuple[list[_Member], list[Skipped]]:
        """Return the members in their order, and those that are left out; warn of each once."""
        members: list[_Member] = []
        skipped = list(self.left_out)
        for number, source in enumerate(self.members):
            member = found[number]
            if isinstance(member, _Member):
                members.append(member)
                continue
            skipped.append(Skipped(source.file, str(member)))
            if source not in self._memory.reported:
                self._memory.reported.add(source)
                warn_of(skipped[-1])
        if not members:
            reasons = "\n".join(f"  {one}" for one in skipped[:5])
            raise FileError(f"none of the {len(skipped)} files can be read:\n{reasons}")
        return members, skipped


def _is_current(member: _Member) -> bool:
    """Whether the files of a member are as they were; one that is gone is opened again, to say so."""
    try:
        return member.reader.is_current()
    except FileError:
        return False


def _member_of(reader: TreeReader, like: _Member | None) -> _Member:
    if like is None or reader.branches != like.reader.branches:
        return _Member(reader, reader.names)
    # A thousand files with a thousand branches each: what is equal is kept once.
    segments = reader.segments
    if [len(one.parts) for one in (*segments, *like.reader.segments)] == [1, 1]:
        (part,), (known,) = segments[0].parts, like.reader.segments[0].parts
        segments = (replace(segments[0], parts=(replace(part, baskets=known.baskets),)),)
    return _Member(replace(reader, branches=like.reader.branches, segments=segments), like.names)


def _joined(source: ChainSource, members: Sequence[_Member], skipped: Sequence[Skipped]) -> TreeReader:
    ends = list(accumulate(member.reader.n_entries for member in members))
    defaults = dict(source.defaults)

    def read(branch: Branch, start: int, stop: int) -> Any:
        pieces = []
        number = bisect_right(ends, start) if start < ends[-1] else len(members) - 1
        while True:
            member, begin = members[number], ends[number] - members[number].reader.n_entries
            low, high = start - begin, min(stop, ends[number]) - begin
            own = member.names.get(branch.name)
            pieces.append(
                _repeated(defaults[branch.name], high - low, branch)
                if own is None
                else member.reader.read(own, low, high)
            )
            start, number = ends[number], number + 1
            if start >= stop or number == len(members):
                return join_exactly(pieces, f"branch {branch.name!r} of {source.file!r}")

    first = members[0].reader
    return TreeReader(
        source.file,
        source.path,
        first.name,
        first.title,
        ends[-1],
        _common(members, defaults),
        read=read,
        segments=tuple(
            segment.shifted(end - member.reader.n_entries)
            for member, end in zip(members, ends, strict=True)
            for segment in member.reader.segments
        ),
        on_error=source.on_error,
        skipped=tuple(skipped),
    )


def _common(members: Sequence[_Member], defaults: Mapping[str, Default]) -> tuple[Branch, ...]:
    """Branches of all files; those that are not the same everywhere are in it with the reason."""
    names = dict.fromkeys(name for member in members for name in member.names)
    for name in defaults:
        if name not in names:
            raise MissingBranchError(
                f"with_defaults: none of the {len(members)} files has a branch {name!r}. "
                f"{nearest(name, names)}"
            )
    distinct = {id(member.reader.branches) for member in members}
    if len(distinct) == 1:
        return members[0].reader.branches
    return tuple(_merged(name, members, defaults) for name in names)


def _merged(name: str, members: Sequence[_Member], defaults: Mapping[str, Default]) -> Branch:
    found = [(member.reader.file, member.names[name]) for member in members if name in member.names]
    file, first = found[0]
    missing = [member.reader.file for member in members if name not in member.names]
    if name in defaults:
        _check_default(name, defaults[name], first)
    elif missing:
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


def _check_default(name: str, value: Default, branch: Branch) -> None:
    """Refuse a default that is not of the branch's kind."""
    kinds: dict[str, tuple[type, ...]] = {"bool": (bool,), "string": (str,), "number": (int, float)}
    if branch.kind in ("list", "array"):
        fits = isinstance(value, (list, tuple)) and not value
        wanted = "an empty list, []"
    else:
        fits = isinstance(value, kinds.get(branch.kind, ()))
        fits = fits and (branch.kind == "bool" or not isinstance(value, bool))
        wanted = {"bool": "True or False", "string": "a text"}.get(branch.kind, "a number")
    if not fits:
        raise BranchError(
            f"with_defaults: branch {name!r} is {branch.typename}, its default cannot be {value!r:.60}: give "
            f"{wanted}."
        )


def _repeated(value: Default, n: int, branch: Branch) -> Any:
    """Return a column of one value for every entry."""
    if isinstance(value, (list, tuple)):
        content: Any = ak.contents.NumpyArray(np.zeros(0, dtype=branch.dtype))
        for n_lists in (*[0] * (branch.ndim - 2), n):
            content = ak.contents.ListOffsetArray(ak.index.Index64(np.zeros(n_lists + 1, np.int64)), content)
        return to_column(ak.Array(content), branch)
    return np.full(n, value)


def _alike(one: Branch, other: Branch) -> bool:
    """Whether the columns read from two branches can follow each other."""
    lists = ("list", "array")
    if not (one.kind == other.kind or (one.kind in lists and other.kind in lists)):
        return False
    if one.kind == "string" or (one.kind == "number" and TEXT_NUMBER in (one.typename, other.typename)):
        return True
    return one.ndim == other.ndim and _family(one.dtype) == _family(other.dtype)


def _family(dtype: str) -> str:
    # Whole numbers and fractions go together where double precision holds them all, which the values decide.
    kind = np.dtype(dtype).kind
    return "number" if kind in "iuf" else kind


def _listed(files: Sequence[str], most: int = 3) -> str:
    shown = ", ".join(repr(file) for file in files[:most])
    return f"{shown} and {len(files) - most} more files" if len(files) > most else shown


def with_defaults(source: Source, defaults: Mapping[str, Default]) -> Source:
    """Give values for branches in the files of a chain that lack them.

    Parameters
    ----------
    source : Source
        A chain.
    defaults : mapping of str to value
        By branch.

    Returns
    -------
    Source
        The chain with them, checked.

    Raises
    ------
    BranchError
        Where the tree is no chain, no file has the branch, or a value is not of its kind.
    """
    if not isinstance(source, ChainSource):
        raise BranchError(
            f"tree {source.path!r} of {source.file!r} is no chain of files as they are: give the "
            "defaults first, hepnb.open([...])[path].with_defaults(...), and friends and columns afterwards."
        )
    kept = tuple((name, () if value == [] else value) for name, value in defaults.items())
    joined = tuple({**dict(source.defaults), **dict(kept)}.items())
    plain = source.code.rpartition(".with_defaults(")[0] if source.defaults else source.code
    shown = {name: [] if value == () else value for name, value in joined}
    code = call(f"{plain}.with_defaults", shown)
    made = replace(source, defaults=joined, code=code, _memory=_Memory(dict(source._memory.members)))
    made.reader()
    return made
