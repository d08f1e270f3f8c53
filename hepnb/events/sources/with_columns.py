"""A tree with columns that are calculated from its branches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from hepnb.errors import BranchError, ExpressionError
from hepnb.events.language.named_columns import Column, check_new_name, define
from hepnb.events.sources.source import Source, TreeInfo
from hepnb.python_code import Code, call

__all__ = ["DerivedSource", "derived"]


@dataclass(eq=False)
class _Memory:
    """The tree as it was when its columns were last checked."""

    known: tuple[TreeInfo, TreeInfo] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"known": None}


@dataclass(frozen=True)
class DerivedSource:
    """A tree with further columns.

    Attributes
    ----------
    source : Source
        The tree they are calculated from.
    columns : tuple of (str, Column)
        Their names and formulas.
    """

    source: Source
    columns: tuple[tuple[str, Column], ...]
    _memory: _Memory = field(default_factory=_Memory, compare=False, repr=False)

    @property
    def file(self) -> str:
        """Give the file of the tree."""
        return self.source.file

    @property
    def path(self) -> str:
        """Give the path of the tree."""
        return self.source.path

    @property
    def code(self) -> str:
        """Python that makes the tree.

        Examples
        --------
        >>> from hepnb.events.sources.source import FileSource
        >>> DerivedSource(FileSource("a.root", "events"), (("m", Column("x / 2", unit="GeV")),)).code
        "hepnb.open('a.root')['events'].with_columns({'m': hepnb.Column('x / 2', unit='GeV')})"
        """
        return call(f"{self.source.code}.with_columns", {name: Code(one.code) for name, one in self.columns})

    def info(self) -> TreeInfo:
        """Say what the tree looks like now, with the columns checked against its branches.

        Raises
        ------
        ExpressionError, BranchError
            Where they do not fit.
        """
        base = self.source.info()
        known = self._memory.known
        if known is None or known[0] is not base:
            known = self._memory.known = base, _with_columns(base, dict(self.columns))
        return known[1]


def derived(source: Source, columns: Mapping[str, Column]) -> Source:
    """Add columns to a tree.

    Parameters
    ----------
    source : Source
        The tree.
    columns : mapping of str to Column
        Those that it has already, with the same formula, are left out: a cell may run twice.

    Returns
    -------
    Source
        The tree with them, checked; `source` itself where nothing is new.

    Raises
    ------
    ExpressionError, BranchError
        Where they do not fit the tree or a name is taken.
    """
    info = source.info()
    new = {name: column for name, column in columns.items() if info.columns.get(name) != column}
    if not new:
        return source
    with _of_tree(info):
        for name in new:
            check_new_name(name, info.names, info.columns)
    inner, before = (source.source, source.columns) if isinstance(source, DerivedSource) else (source, ())
    made = DerivedSource(inner, (*before, *new.items()))
    made.info()
    return made


def _with_columns(base: TreeInfo, columns: dict[str, Column]) -> TreeInfo:
    with _of_tree(base):
        for name in columns:
            check_new_name(name, base.names, base.columns)
        defined = define(columns, base.names, base.defined)
    for name in columns:
        base.check_readable(defined[name])
    return replace(base, names={}, checked={}, defined=defined, columns={**base.columns, **columns})


@contextmanager
def _of_tree(info: TreeInfo) -> Iterator[None]:
    try:
        yield
    except (BranchError, ExpressionError) as error:
        raise type(error)(f"tree {info.path!r}, {error}") from error.__cause__
