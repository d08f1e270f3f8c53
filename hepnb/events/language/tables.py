"""Tables of what an event has lists of: one row per object, whatever the events they belong to.

Selections, sorts and combinations are row numbers of a table. So a column is calculated once per object, not
once per combination, and only the columns that are asked for are read.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import ExpressionError
from hepnb.events.language.four_vectors import ATTRIBUTES, CARTESIAN, FourVectors
from hepnb.events.language.nesting import Nesting, offsets_of, unwrap

__all__ = [
    "CombinationTable",
    "Fetch",
    "JoinedTable",
    "NumberTable",
    "Rows",
    "Table",
    "VectorTable",
    "take_rows",
]

Rows = NDArray[np.int64] | None
"""Row numbers; -1 is no row; None are all rows in their order."""
Fetch = Callable[[str, str], tuple[str, Any]]
"""Gives the branch of a particle's attribute, by name and values: ("Muon", "charge") -> "Muon_charge"."""


def take_rows(flat: NDArray[Any], rows: Rows) -> NDArray[Any]:
    """Give the elements at some rows; NaN at the row -1.

    Examples
    --------
    >>> take_rows(np.array([3, 4]), np.array([1, -1]))
    array([ 4., nan])
    """
    if rows is None:
        return flat
    if not len(rows) or rows.min() >= 0:
        return flat[rows]
    there = rows >= 0
    found = np.full(len(rows), np.nan)
    found[there] = flat[rows[there]]
    return found


class Table(ABC):
    """Rows of objects.

    Attributes
    ----------
    nesting : Nesting
        The lists that its rows were made in.
    is_numbers : bool
        Whether its rows are plain numbers.
    """

    nesting: Nesting
    is_numbers = False

    @abstractmethod
    def values(self, attribute: str, fetch: Fetch, rows: Rows) -> NDArray[Any]:
        """One number of each of some rows."""

    @abstractmethod
    def vectors(self, rows: Rows) -> FourVectors:
        """The four-vectors of some rows in Cartesian coordinates."""

    def member(self, _number: int, _rows: Rows) -> tuple[Table, Rows]:
        """The objects that some rows combine; only of combinations."""
        raise ExpressionError("only combinations have members.")

    @property
    def n_members(self) -> int:
        """Number of objects in each row."""
        return 1


class NumberTable(Table):
    """A list of plain numbers or conditions."""

    is_numbers = True

    def __init__(self, nesting: Nesting, flat: NDArray[Any]) -> None:
        self.nesting, self.flat = nesting, flat

    def values(self, _attribute: str, _fetch: Fetch, rows: Rows) -> NDArray[Any]:
        """The numbers themselves."""
        return take_rows(self.flat, rows)

    def vectors(self, _rows: Rows) -> FourVectors:
        """Numbers have none."""
        raise ExpressionError("numbers have no four-vectors.")


class VectorTable(Table):
    """Four-vectors with further columns.

    Parameters
    ----------
    nesting : Nesting
        The lists they are in.
    vectors : FourVectors
        One per row.
    prefix : str
        What the branches begin with that hold their further columns; empty where there are none.
    fields : mapping of str to numpy.ndarray, shape (n_rows,)
        Columns that were given with them.
    """

    def __init__(
        self,
        nesting: Nesting,
        vectors: FourVectors,
        prefix: str = "",
        fields: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        self.nesting, self._vectors, self.prefix = nesting, vectors, prefix
        self._fields = dict(fields or {})
        self._known: dict[str, NDArray[Any]] = {}

    def values(self, attribute: str, fetch: Fetch, rows: Rows) -> NDArray[Any]:
        """One number of each of some rows."""
        if attribute in self._fields:
            return take_rows(self._fields[attribute], rows)
        if attribute in ATTRIBUTES:
            return self._number(ATTRIBUTES[attribute], rows)
        if attribute == "index":
            return take_rows(self.nesting.places, rows)
        if attribute not in self._known:
            self._known[attribute] = self._read(attribute, fetch)
        return take_rows(self._known[attribute], rows)

    def vectors(self, rows: Rows) -> FourVectors:
        """The four-vectors of some rows in Cartesian coordinates."""
        if rows is None:
            return self._vectors.cartesian
        if len(rows) < len(self._vectors):
            return self._vectors.each(lambda part: take_rows(part, rows)).cartesian
        return self._vectors.cartesian.each(lambda part: take_rows(part, rows))

    def _number(self, attribute: str, rows: Rows) -> NDArray[Any]:
        """One number of each of some rows."""
        if rows is not None and len(rows) < len(self._vectors) and attribute not in self._known:
            return self._vectors.each(lambda part: take_rows(part, rows)).get(attribute)
        if attribute not in self._known:
            self._known[attribute] = self._vectors.get(attribute)
        return take_rows(self._known[attribute], rows)

    def _read(self, attribute: str, fetch: Fetch) -> NDArray[Any]:
        name, column = fetch(self.prefix, attribute)
        nesting, flat = unwrap(column)
        if nesting.same(self.nesting):
            return flat
        if nesting.begins(self.nesting):
            return nesting.spread(flat, self.nesting)
        raise ExpressionError(
            f".{attribute} of p4({self.prefix}) is {name!r}, which does not have as many elements in every "
            "event as the four-vectors: it belongs to something else."
        )


class JoinedTable(Table):
    """The rows of several tables, one table after the other.

    Parameters
    ----------
    nesting : Nesting
        The lists of the joined rows.
    parts : sequence of (Table, Rows)
        Whose rows.
    places : numpy.ndarray, shape (n_rows,), optional
        Place of each row in its joined list; that in its own list where left out.
    """

    def __init__(self, nesting: Nesting, parts: Sequence[tuple[Table, Rows]], places: Rows = None) -> None:
        self.nesting, self.parts, self._places = nesting, tuple(parts), places
        self.is_numbers = all(table.is_numbers for table, _ in self.parts)
        self._known: dict[str, NDArray[Any]] = {}
        self._cartesian: FourVectors | None = None

    def values(self, attribute: str, fetch: Fetch, rows: Rows) -> NDArray[Any]:
        """One number of each of some rows."""
        if attribute == "index" and self._places is not None:
            return take_rows(self._places, rows)
        if attribute not in self._known:
            parts = [table.values(attribute, fetch, some) for table, some in self.parts]
            self._known[attribute] = np.concatenate(parts)
        return take_rows(self._known[attribute], rows)

    def vectors(self, rows: Rows) -> FourVectors:
        """The four-vectors of some rows in Cartesian coordinates."""
        if self._cartesian is None:
            parts = [table.vectors(some).parts for table, some in self.parts]
            self._cartesian = FourVectors({x: np.concatenate([part[x] for part in parts]) for x in CARTESIAN})
        return self._cartesian.each(lambda part: take_rows(part, rows))


class CombinationTable(Table):
    """Pairs, triples and so on: each row combines one row of each member.

    Parameters
    ----------
    nesting : Nesting
        The lists of combinations.
    members : sequence of (Table, Rows)
        What is combined; as many rows each.
    places : numpy.ndarray, shape (n_rows,), optional
        Place of each combination in its list, where the rows are not in the order of the lists.
    """

    def __init__(self, nesting: Nesting, members: Sequence[tuple[Table, Rows]], places: Rows = None) -> None:
        self.nesting, self.members, self._places = nesting, tuple(members), places
        self._sum: FourVectors | None = None
        self._known: dict[str, NDArray[Any]] = {}

    @property
    def n_members(self) -> int:
        """Number of objects in each row."""
        return len(self.members)

    def member(self, number: int, rows: Rows) -> tuple[Table, Rows]:
        """The objects that some rows combine."""
        table, all_rows = self.members[number]
        return table, chosen(all_rows, rows)

    def values(self, attribute: str, _fetch: Fetch, rows: Rows) -> NDArray[Any]:
        """One number of each of some rows."""
        if attribute == "index":
            return take_rows(self.nesting.places if self._places is None else self._places, rows)
        name = ATTRIBUTES[attribute]
        if rows is not None and len(rows) < self.nesting.n_elements and name not in self._known:
            return self.vectors(rows).get(name)
        if name not in self._known:
            self._known[name] = self.vectors(None).get(name)
        return take_rows(self._known[name], rows)

    def vectors(self, rows: Rows) -> FourVectors:
        """The four-vectors of some rows in Cartesian coordinates."""
        if rows is not None and (self._sum is None or len(rows) < self.nesting.n_elements):
            return self._summed(rows)
        if self._sum is None:
            self._sum = self._summed(None)
        return self._sum.each(lambda part: take_rows(part, rows))

    def _summed(self, rows: Rows) -> FourVectors:
        parts = [
            table.vectors(some).parts for table, some in (self.member(k, rows) for k in range(self.n_members))
        ]
        return FourVectors({x: reduce(np.add, [part[x] for part in parts]) for x in CARTESIAN})


def chosen(rows: Rows, which: Rows) -> Rows:
    """Choose among row numbers: those at `which`; -1 stays no row.

    Examples
    --------
    >>> chosen(np.array([5, 6]), np.array([1, -1]))
    array([ 6, -1])
    """
    if which is None:
        return rows
    if rows is None:
        return which
    if not len(which) or which.min() >= 0:
        return rows[which]
    return np.where(which >= 0, rows[np.maximum(which, 0)] if len(rows) else -1, -1)


def joined(parts: Sequence[tuple[Table, Rows, Nesting]]) -> tuple[Table, NDArray[np.int64], Nesting]:
    """Put the lists of each event one behind the other.

    Returns
    -------
    (Table, numpy.ndarray, Nesting)
        A table of all rows; its rows in the order of the joined lists; these lists.
    """
    counts = [nesting.counts for _, _, nesting in parts]
    offsets = offsets_of(reduce(np.add, counts))
    nesting = Nesting(parts[0][2].n_events, (offsets,))
    order = np.empty(nesting.n_elements, np.int64)
    places = np.empty(nesting.n_elements, np.int64)
    first, starts = 0, offsets[:-1].copy()
    for (_, _, inside), n in zip(parts, counts, strict=True):
        at = starts[inside.parents] + inside.places
        rows = slice(first, first + inside.n_elements)
        order[at] = np.arange(rows.start, rows.stop)
        places[rows] = at - offsets[:-1][inside.parents]
        first, starts = rows.stop, starts + n
    return _one_table(nesting, [(table, rows) for table, rows, _ in parts], places), order, nesting


def _one_table(nesting: Nesting, parts: list[tuple[Table, Rows]], places: Rows = None) -> Table:
    if not isinstance(parts[0][0], CombinationTable):
        return JoinedTable(nesting, parts, places)
    # Combinations are joined member by member.
    members = [
        (_one_table(nesting, [table.member(number, rows) for table, rows in parts]), None)
        for number in range(parts[0][0].n_members)
    ]
    return CombinationTable(nesting, members, places)
