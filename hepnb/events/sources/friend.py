"""Columns of two trees beside each other, entry by entry."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from hepnb.errors import BranchError
from hepnb.events.rootio.branches import Branch
from hepnb.events.sources.source import FilePart, LastJoin, Segment, Source, TreeReader
from hepnb.python_code import Code, call

__all__ = ["FriendSource"]


@dataclass(frozen=True)
class FriendSource:
    """A tree with the columns of another one.

    Attributes
    ----------
    main, friend : Source
        Both trees.
    prefix : str
        Put before the names of the friend's branches.
    """

    main: Source
    friend: Source
    prefix: str
    _memory: LastJoin = field(default_factory=LastJoin, compare=False, repr=False)

    @property
    def file(self) -> str:
        """Give the file of the first tree."""
        return self.main.file

    @property
    def path(self) -> str:
        """Give the path of the first tree."""
        return self.main.path

    @property
    def code(self) -> str:
        """Python that makes the tree."""
        prefix = {"prefix": self.prefix} if self.prefix else {}
        return call(f"{self.main.code}.with_friend", Code(self.friend.code), **prefix)

    def inputs(self) -> tuple[str, ...]:
        """Return the files of both trees."""
        return (*self.main.inputs(), *self.friend.inputs())

    def reader(self) -> TreeReader:
        """Return both trees beside each other, as they are now.

        Raises
        ------
        BranchError
            If they do not fit together.
        """
        main, friend = self.main.reader(), self.friend.reader()
        joined = self._memory.joined
        if joined is None or joined[0] is not main or joined[1] is not friend:
            joined = self._memory.joined = main, friend, _joined(main, friend, self.prefix)
        return joined[2]


def _joined(main: TreeReader, friend: TreeReader, prefix: str) -> TreeReader:
    _check_entries(main, friend)
    if friend.columns:
        raise BranchError(
            f"the friend {friend.path!r} has columns that are calculated, {list(friend.columns)[:3]}: put "
            "the trees together first, and give the result the columns: a.with_friend(b).with_columns(...)."
        )
    both = [name for name in friend.names if prefix + name in main.names or prefix + name in main.columns]
    if both:
        shown = ", ".join(repr(prefix + name) for name in both[:3]) + (", ..." if len(both) > 3 else "")
        raise BranchError(
            f"the tree {main.path!r} and its friend {friend.path!r} both have {shown}. "
            f"Give a prefix: with_friend(other, prefix={(friend.name or 'friend') + '_'!r})."
        )
    theirs = {prefix + name: branch for name, branch in friend.names.items()}
    renamed = tuple(replace(branch, name=prefix + branch.name) for branch in friend.branches)

    def read(branch: Branch, start: int, stop: int) -> Any:
        other = theirs.get(branch.name)
        return main.read(branch, start, stop) if other is None else friend.read(other, start, stop)

    return replace(main, branches=main.branches + renamed, read=read, segments=_beside(main, friend, prefix))


def _beside(main: TreeReader, friend: TreeReader, prefix: str) -> tuple[Segment, ...]:
    """Cut the segments of both trees at the borders of both."""
    borders = sorted({0, *main.borders, *friend.borders, main.n_entries})
    named: dict[int, dict[str, Branch]] = {}

    def renamed(part: FilePart) -> FilePart:
        # Files with equal branches share one dictionary of them.
        known = named.setdefault(id(part.baskets), {})
        if not known:
            known.update((prefix + name, branch) for name, branch in part.baskets.items())
        return replace(part, baskets=known)

    found = []
    for start, stop in pairwise(borders):
        first = main.segment_at(start).between(start, stop)
        second = friend.segment_at(start).between(start, stop)
        found.append(replace(first, parts=(*first.parts, *map(renamed, second.parts))))
    return tuple(found) or main.segments


def _check_entries(main: TreeReader, friend: TreeReader) -> None:
    if main.n_entries != friend.n_entries:
        raise BranchError(
            f"the tree {main.path!r} of {main.file!r} has {main.n_entries:,} entries, its friend "
            f"{friend.path!r} of {friend.file!r} has {friend.n_entries:,}. "
            "Friends go together entry by entry: give one with as many entries in the same order."
        )
    for one in (main, friend):
        if one.skipped:
            raise BranchError(
                f"files are left out of the tree {one.path!r} ({one.skipped[0]}): its entries would not "
                "stand beside the right ones. Open both trees without on_error='skip'."
            )
