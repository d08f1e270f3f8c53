"""Tables of what an event has lists of: one row per object, whatever the events they belong to.

Selections, sorts and combinations are row numbers of a table. So a column is calculated once per object, not
once per combination, and only the columns that are asked for are read.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    "chosen",
    "joined",
    "parts_of",
    "slice_of",
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
        return flat.take(rows, axis=0)
    missing = rows < 0
    if not len(flat):
        return np.full((len(rows), *flat.shape[1:]), np.nan)
    found = flat[np.maximum(rows, 0)].astype(np.result_type(flat.dtype, np.float64), copy=False)
    found[missing] = np.nan
    return found


def parts_of(n: int) -> Iterator[slice]:
    """Cut rows into parts whose intermediate results stay in the cache of a processor."""
    return (slice(start, min(start + _CACHED, n)) for start in range(0, n, _CACHED))


def slice_of(rows: Rows, part: slice) -> NDArray[np.int64]:
    """Give the row numbers of a part."""
    return np.arange(part.start, part.stop) if rows is None else rows[part]


_CACHED = 2**13


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
    def momenta(self, rows: Rows) -> NDArray[np.float64]:
        """Give px, py, pz and E of some rows, shape (n, 4)."""

    def vectors(self, rows: Rows) -> FourVectors:
        """The four-vectors of some rows in Cartesian coordinates."""
        return _cartesian(self.momenta(rows))

    def member(self, _number: int, _rows: Rows) -> tuple[Table, Rows]:
        """The objects that some rows combine; only of combinations."""
        raise ExpressionError("only combinations have members.")

    def prepare(self, n: int) -> None:
        """Calculate for all rows what is asked for of n rows in parts."""
        del n

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

    def momenta(self, _rows: Rows) -> NDArray[np.float64]:
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

    def momenta(self, rows: Rows) -> NDArray[np.float64]:
        """Give px, py, pz and E of some rows, shape (n, 4)."""
        if rows is not None and len(rows) < len(self._vectors) and "matrix" not in self._vectors.__dict__:
            return self._vectors.each(lambda part: take_rows(part, rows)).matrix
        return take_rows(self._vectors.matrix, rows)

    def vectors(self, rows: Rows) -> FourVectors:
        """The four-vectors of some rows in Cartesian coordinates."""
        return self._vectors.cartesian if rows is None else _cartesian(self.momenta(rows))

    def prepare(self, n: int) -> None:
        """Calculate for all rows what is asked for of n rows in parts."""
        if 2 * n >= len(self._vectors):
            self.momenta(None)

    def _number(self, attribute: str, rows: Rows) -> NDArray[Any]:
        """One number of each of some rows."""
        known = attribute in self._known or attribute in self._vectors.parts
        if rows is not None and len(rows) < len(self._vectors) and not known:
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
    order : numpy.ndarray, shape (n_rows,), optional
        The rows in the order of the joined lists. Where left out, an object keeps the place in its own list.
    """

    def __init__(self, nesting: Nesting, parts: Sequence[tuple[Table, Rows]], order: Rows = None) -> None:
        self.nesting, self.parts, self._order = nesting, tuple(parts), order
        self.is_numbers = all(table.is_numbers for table, _ in self.parts)
        self._known: dict[str, NDArray[Any]] = {}
        self._momenta: NDArray[np.float64] | None = None

    def values(self, attribute: str, fetch: Fetch, rows: Rows) -> NDArray[Any]:
        """One number of each of some rows."""
        if attribute == "index" and self._order is not None and "index" not in self._known:
            self._known["index"] = _places(self.nesting, self._order)
        if attribute not in self._known:
            parts = [table.values(attribute, fetch, some) for table, some in self.parts]
            self._known[attribute] = np.concatenate(parts)
        return take_rows(self._known[attribute], rows)

    def momenta(self, rows: Rows) -> NDArray[np.float64]:
        """Give px, py, pz and E of some rows, shape (n, 4)."""
        if self._momenta is None:
            self._momenta = np.concatenate([table.momenta(some) for table, some in self.parts])
        return take_rows(self._momenta, rows)


class CombinationTable(Table):
    """Pairs, triples and so on: each row combines one row of each member.

    Parameters
    ----------
    nesting : Nesting
        The lists of combinations.
    members : sequence of (Table, Rows)
        What is combined; as many rows each.
    order : numpy.ndarray, shape (n_rows,), optional
        The rows in the order of the lists, where they are not.
    """

    def __init__(self, nesting: Nesting, members: Sequence[tuple[Table, Rows]], order: Rows = None) -> None:
        self.nesting, self.members, self._order = nesting, tuple(members), order
        self._known: dict[str, NDArray[Any]] = {}

    @property
    def n_members(self) -> int:
        """Number of objects in each row."""
        return len(self.members)

    def prepare(self, n: int) -> None:
        """Calculate for all rows what is asked for of n rows in parts."""
        for table, _ in self.members:
            table.prepare(n)

    def member(self, number: int, rows: Rows) -> tuple[Table, Rows]:
        """The objects that some rows combine."""
        table, all_rows = self.members[number]
        return table, chosen(all_rows, rows)

    def values(self, attribute: str, _fetch: Fetch, rows: Rows) -> NDArray[Any]:
        """One number of each of some rows."""
        if attribute == "index":
            return take_rows(_places(self.nesting, self._order), rows)
        name = ATTRIBUTES[attribute]
        if name in self._known:
            return take_rows(self._known[name], rows)
        n = self.nesting.n_elements if rows is None else len(rows)
        self.prepare(n)
        found = np.empty(n)
        for part in parts_of(n):
            found[part] = self.vectors(slice_of(rows, part)).get(name)
        if rows is None:
            self._known[name] = found
        return found

    def momenta(self, rows: Rows) -> NDArray[np.float64]:
        """Give px, py, pz and E of the sums of some rows, shape (n, 4)."""
        (table, some), *others = (self.member(number, rows) for number in range(self.n_members))
        total = table.momenta(some)
        total = total.copy() if some is None else total
        for table, some in others:
            total += table.momenta(some)
        return total


def _cartesian(momenta: NDArray[np.float64]) -> FourVectors:
    return FourVectors(dict(zip(CARTESIAN, momenta.T, strict=True)), whole=True)


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
    first, starts = 0, offsets[:-1]
    for (_, _, inside), n in zip(parts, counts, strict=True):
        rows = np.arange(inside.n_elements)
        order[rows + np.repeat(starts - inside.levels[0][:-1], n)] = rows + first
        first, starts = first + inside.n_elements, starts + n
    return _one_table(nesting, [(table, rows) for table, rows, _ in parts], order), order, nesting


def _places(nesting: Nesting, order: Rows) -> NDArray[np.int64]:
    """Place of each row in its list."""
    if order is None:
        return nesting.places
    places = np.empty(len(order), np.int64)
    places[order] = nesting.places
    return places


def _one_table(nesting: Nesting, parts: list[tuple[Table, Rows]], order: Rows = None) -> Table:
    if not isinstance(parts[0][0], CombinationTable):
        return JoinedTable(nesting, parts, order)
    # Combinations are joined member by member.
    members = [
        (_one_table(nesting, [table.member(number, rows) for table, rows in parts]), None)
        for number in range(parts[0][0].n_members)
    ]
    return CombinationTable(nesting, members, order)
