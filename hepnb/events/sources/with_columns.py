"""A tree with columns that are calculated from its branches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from hepnb.errors import BranchError, ExpressionError
from hepnb.events.language.named_columns import Column, check_new_name, define
from hepnb.events.sources.added_columns import AddedColumns
from hepnb.events.sources.source import Source, TreeReader
from hepnb.python_code import Code, call

__all__ = ["DerivedSource", "derived"]


@dataclass(frozen=True)
class DerivedSource(AddedColumns):
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

    @property
    def code(self) -> str:
        """Python that makes the tree.

        Examples
        --------
        >>> from hepnb.events.sources.root_tree import FileSource
        >>> DerivedSource(FileSource("a.root", "events"), (("m", Column("x / 2", unit="GeV")),)).code
        "hepnb.open('a.root')['events'].with_columns({'m': hepnb.Column('x / 2', unit='GeV')})"
        """
        return call(f"{self.source.code}.with_columns", {name: Code(one.code) for name, one in self.columns})

    def _extended(self, base: TreeReader) -> TreeReader:
        return _with_columns(base, dict(self.columns))


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
    reader = source.reader()
    new = {name: column for name, column in columns.items() if reader.columns.get(name) != column}
    if not new:
        return source
    with _of_tree(reader):
        for name in new:
            check_new_name(name, reader.known, reader.columns)
    inner, before = (source.source, source.columns) if isinstance(source, DerivedSource) else (source, ())
    made = DerivedSource(inner, (*before, *new.items()))
    made.reader()
    return made


def _with_columns(base: TreeReader, columns: dict[str, Column]) -> TreeReader:
    with _of_tree(base):
        for name in columns:
            check_new_name(name, base.known, base.columns)
        defined = define(columns, base.known, base.defined)
    for name in columns:
        base.check_readable(defined[name])
    return replace(base, defined=defined, columns={**base.columns, **columns})


@contextmanager
def _of_tree(reader: TreeReader) -> Iterator[None]:
    try:
        yield
    except (BranchError, ExpressionError) as error:
        raise type(error)(f"tree {reader.path!r}, {error}") from error.__cause__
