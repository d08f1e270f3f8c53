"""Columns that are calculated: named formulas that other formulas may use."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hepnb.errors import BranchError, ExpressionError, MissingBranchError
from hepnb.events.language.expression import Expression, parse
from hepnb.events.language.root_spelling import in_our_spelling
from hepnb.events.language.tokenizer import RESERVED, tokenize
from hepnb.python_code import call, literal

__all__ = ["Column", "as_columns", "check_new_name", "define"]


@dataclass(frozen=True)
class Column:
    """A formula with a title and a unit for the axis.

    Attributes
    ----------
    expression : str
        The formula; it may use branches and other columns.
    title : str
        What axes call it; its name where left out.
    unit : str
        Put behind the title.

    Examples
    --------
    >>> Column("max(Muon_pt) / 1000", title="leading muon p_T", unit="GeV").label("lead")
    'leading muon p_T [GeV]'
    """

    expression: str
    title: str = ""
    unit: str = ""

    def label(self, name: str) -> str:
        """Label of an axis for the column of this name.

        Parameters
        ----------
        name : str
            The column's name, for want of a title.

        Returns
        -------
        str
            Title or name, and the unit in brackets.
        """
        return f"{self.title or name}{f' [{self.unit}]' if self.unit else ''}"

    @property
    def code(self) -> str:
        """Python that makes the column: the text alone where there is no more to it."""
        more = {key: value for key, value in (("title", self.title), ("unit", self.unit)) if value}
        return call("hepnb.Column", self.expression, **more) if more else literal(self.expression)


def as_columns(columns: Any) -> dict[str, Column]:
    """Give columns for a mapping of names to what may be plain texts.

    Raises
    ------
    ExpressionError
        Where something is neither.
    """
    if not isinstance(columns, Mapping):
        raise ExpressionError(
            f"columns are a dict of name to formula, {{'mll': '(p4(Muon)[:, 0] + p4(Muon)[:, 1]).mass'}}, "
            f"not {columns!r:.60}."
        )
    for name, column in columns.items():
        if not isinstance(column.expression if isinstance(column, Column) else column, str):
            raise ExpressionError(
                f"column {name!r}: a formula is a text or hepnb.Column(text, title, unit), not {column!r:.60}"
            )
    return {name: Column(str(c)) if isinstance(c, str) else c for name, c in columns.items()}


def check_new_name(name: Any, branches: Collection[str], columns: Mapping[str, Column]) -> None:
    """Check that a column may be called so.

    Raises
    ------
    BranchError
        Where the name is taken.
    ExpressionError
        Where an expression could not use it.
    """
    if name in branches:
        raise BranchError(
            f"column {name!r}: the tree has a branch of this name, which would be hidden. Choose another, "
            f"for instance {name + '_new'!r}."
        )
    if name in columns:
        raise BranchError(
            f"column {name!r}: the tree has one of this name already, {columns[name].expression!r}. Choose "
            "another name, or begin with the tree as it was opened."
        )
    if not isinstance(name, str) or not name.isidentifier() or name in RESERVED or name.startswith("__"):
        why = "it belongs to the language" if name in RESERVED else "that is no name"
        raise ExpressionError(
            f"a column cannot be called {name!r:.60}: {why}. Use letters, digits and _, such as 'lead_pt'."
        )


def define(
    columns: Mapping[str, Column],
    branches: Collection[str],
    known: Mapping[str, Expression] | None = None,
    kind: str = "column",
) -> dict[str, Expression]:
    """Check formulas that may use each other, in whatever order they are written.

    Parameters
    ----------
    columns : mapping of str to Column
        The new ones.
    branches : collection of str
        The branches of the tree.
    known : mapping of str to Expression, optional
        Columns that the tree has already.
    kind : str
        What the messages call them.

    Returns
    -------
    dict of str to Expression
        The known ones and the new ones, each after those it needs.

    Raises
    ------
    ExpressionError, BranchError
        Where a formula is not in the language, names what there is not, or needs itself.

    Examples
    --------
    >>> made = define({"b": Column("2 * a"), "a": Column("x + 1")}, ["x"])
    >>> list(made), made["b"].branches
    (['a', 'b'], ('x',))
    """
    made = dict(known or {})
    # Whether a column is four-vectors is known when it is made; until then anything may follow its dot.
    anything = dict.fromkeys((*made, *columns), True)
    needs: dict[str, list[str]] = {}
    for name, column in columns.items():
        with _named(f"{kind} {name!r}"):
            words = tokenize(in_our_spelling(column.expression), branches, anything)
            if words.unknown:
                raise MissingBranchError(words.unknown)
        needs[name] = [other for other in words.branches.values() if other in columns]
    for name in _sorted(needs, kind):
        with _named(f"{kind} {name!r}"):
            made[name] = parse(columns[name].expression, branches, made)
        if made[name].flat:
            raise ExpressionError(
                f"{kind} {name!r}: flatten(...) has no value for an event. Leave the list as it is, and "
                f"write flatten({name}) where it is filled."
            )
    return made


@contextmanager
def _named(who: str) -> Iterator[None]:
    """Put the name before the words of an error."""
    try:
        yield
    except (ExpressionError, BranchError) as error:
        raise type(error)(f"{who}: {error}") from error.__cause__


def _sorted(needs: Mapping[str, list[str]], kind: str) -> Iterator[str]:
    """Names in an order in which each comes after what it needs; no recursion, there may be thousands."""
    done: set[str] = set()
    for first in needs:
        path: dict[str, Iterator[str]] = {} if first in done else {first: iter(needs[first])}
        while path:
            name, others = next(reversed(path.items()))
            other = next((o for o in others if o not in done), None)
            if other is None:
                del path[name]
                done.add(name)
                yield name
            elif other in path:
                circle = [*list(path)[list(path).index(other) :], other]
                shown = " -> ".join(
                    repr(n) for n in (circle if len(circle) < 8 else [*circle[:6], "...", other])
                )
                raise ExpressionError(
                    f"{kind} {other!r} needs itself: {shown}. Write one of them with branches only."
                )
            else:
                path[other] = iter(needs[other])
