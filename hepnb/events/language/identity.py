"""Which objects are the same: lists without some objects, combinations that share none.

Two objects are the same where they are the same element of a list in the file, whatever was chosen, sorted,
joined or given by keyword in between. Calculated four-vectors are the same where they are the same element of
one part of the expression or one column.
"""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import ExpressionError
from hepnb.events.language.objects import Objects
from hepnb.events.language.tables import CombinationTable, JoinedTable, Rows, Table, VectorTable, take_rows

__all__ = ["disjoint", "without"]


class _Numbering:
    """Gives every object a number of its own."""

    def __init__(self) -> None:
        self.total = 0
        self._begins: dict[Any, int] = {}

    def of(self, table: Table, rows: Rows) -> NDArray[np.int64]:
        """Numbers of the objects that some rows are or combine; -1 where there is none.

        Returns
        -------
        numpy.ndarray, shape (n_rows, n_objects)
            One column per object in a combination.
        """
        if isinstance(table, CombinationTable):
            members = [table.member(number, rows) for number in range(table.n_members)]
            return np.concatenate([self.of(*member) for member in members], axis=1)
        if isinstance(table, JoinedTable):
            numbers = np.concatenate([self.of(part, some) for part, some in table.parts])
        else:
            numbers = self._begin(table) + np.arange(table.nesting.n_elements)[:, np.newaxis]
        if rows is None:
            return numbers
        if not len(numbers):
            return np.full((len(rows), numbers.shape[1]), -1)
        return np.where(rows[:, np.newaxis] >= 0, take_rows(numbers, np.maximum(rows, 0)), -1)

    def _begin(self, table: Table) -> int:
        prefix = table.prefix if isinstance(table, VectorTable) else ""
        key = (prefix, table.nesting.n_elements) if prefix else id(table)
        if key not in self._begins:
            self._begins[key] = self.total
            self.total += table.nesting.n_elements
        return self._begins[key]

    @property
    def lists(self) -> set[Any]:
        """The lists whose objects have numbers."""
        return set(self._begins)


def without(value: Any, others: Any) -> Any:
    """Leave out of a list what is, or shares an object with, some others.

    Parameters
    ----------
    value, others : Objects
        A list per event of objects or combinations; objects or combinations, one or a list per event.

    Raises
    ------
    ExpressionError
        Where the first is no list, or the two cannot have an object in common.
    """
    if not isinstance(value, Objects) or not value.is_list:
        raise ExpressionError("without(...) takes a list of objects per event.")
    numbering = _Numbering()
    removed = numbering.of(others.table, others.rows)
    known, mine = numbering.lists, _Numbering()
    mine.of(value.table, value.rows)
    if not known & mine.lists:
        raise ExpressionError(
            "without(...): the two have no objects in common, whatever the event. Make both of the same "
            "list, for instance of one column."
        )
    numbers = numbering.of(value.table, value.rows)
    gone = np.zeros(numbering.total + 1, bool)
    gone[removed] = True
    gone[-1] = False
    keep: NDArray[np.bool_] = np.logical_not(np.any(gone[numbers], axis=1))
    return value.at(keep, value.nesting.kept(keep))


def disjoint(value: Any) -> Any:
    """Tell of each combination whether no object is in two of its members."""
    numbering, table = _Numbering(), value.table
    members = [numbering.of(*table.member(number, value.rows)) for number in range(table.n_members)]
    apart = np.ones(len(members[0]), bool)
    for one, other in combinations(members, 2):
        for i, j in product(range(one.shape[1]), range(other.shape[1])):
            apart &= (one[:, i] != other[:, j]) | (one[:, i] < 0)
    return value.nesting.wrap(apart)
