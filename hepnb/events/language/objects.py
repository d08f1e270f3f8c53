"""Four-vectors, objects and their combinations in expressions: rows of a table, and the lists they are in."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepnb.events.language.four_vectors import CARTESIAN, MAKERS, FourVectors
from hepnb.events.language.nesting import Jagged, Nesting, NestingError, common, offsets_of, ramp, unwrap
from hepnb.events.language.tables import (
    Fetch,
    JoinedTable,
    NumberTable,
    Rows,
    Table,
    VectorTable,
    chosen,
    parts_of,
    slice_of,
)

__all__ = [
    "ORDINALS",
    "Objects",
    "apart",
    "combined",
    "distance",
    "make",
    "no_column",
    "objects_of",
    "of_truth",
    "opening",
]


@dataclass(frozen=True, eq=False)
class Objects:
    """One object, or a list of them, per event: four-vectors, combinations, or numbers of a list.

    Attributes
    ----------
    table : Table
        What is known of them.
    rows : numpy.ndarray or None
        Their rows in the table; -1 is an object that is not there.
    nesting : Nesting
        The lists they are in.
    """

    table: Table
    rows: Rows
    nesting: Nesting

    @property
    def is_list(self) -> bool:
        """Whether there is a list of them per event."""
        return bool(self.nesting.levels)

    @cached_property
    def lists(self) -> Any:
        """A list of their places per event, to compare lengths; None for one object per event."""
        return self.nesting.wrap(self.nesting.places) if self.is_list else None

    @cached_property
    def vectors(self) -> FourVectors:
        """Their four-vectors in Cartesian coordinates, flat."""
        return self.table.vectors(self.rows)

    def get(self, attribute: str, fetch: Fetch) -> Any:
        """One number of each, or the members of combinations.

        Parameters
        ----------
        attribute : str
            A number of four-vectors, a further column, or "first", "second" and so on, or "members".
        fetch : callable
            Gives further columns.

        Returns
        -------
        numpy.ndarray, awkward.Array or Objects
            NaN where the object is not there.
        """
        if attribute in ORDINALS:
            return self._plain(*self.table.member(ORDINALS.index(attribute), self.rows), self.nesting)
        if attribute == "members":
            return self._members()
        return self.nesting.wrap(self.table.values(attribute, fetch, self.rows))

    def at(self, which: NDArray[Any], nesting: Nesting) -> Objects:
        """Choose objects by their flat numbers (-1 for none) or by a flat condition."""
        numbers = np.flatnonzero(which) if which.dtype == bool else which
        return Objects(self.table, chosen(self.rows, numbers), nesting)

    def out(self) -> Any:
        """Give plain numbers as a list of numbers, anything else as it is."""
        return self._plain(self.table, self.rows, self.nesting)

    def _plain(self, table: Table, rows: Rows, nesting: Nesting) -> Any:
        if table.is_numbers:
            return nesting.wrap(table.values("", no_column, rows))
        return Objects(table, rows, nesting)

    def _members(self) -> Any:
        """The members of each combination as a list of its own."""
        k, n = self.table.n_members, self.nesting.n_elements
        inner = Nesting(self.nesting.n_events, (*self.nesting.levels, np.arange(n + 1) * k))
        parts = [self.table.member(number, self.rows) for number in range(k)]
        # Row i of member j is row j * n + i of the joined table.
        order = np.ravel(np.arange(n)[:, np.newaxis] + n * np.arange(k))
        return self._plain(JoinedTable(inner, parts), order, inner)

    # -- choosing

    def mask(self, condition: Any) -> Objects:
        """Keep the objects for which a condition holds; of lists of lists it may be on the outer elements."""
        inside, flat = unwrap(condition)
        holds = np.asarray(flat == True, dtype=bool)  # noqa: E712  # NaN is not
        if inside.same(self.nesting):
            return self.at(holds, self.nesting.kept(holds))
        if not inside.begins(self.nesting):
            raise NestingError("lists of different lengths")
        return self._outermost(np.flatnonzero(holds), inside.kept(holds))

    def pick(self, places: NDArray[Any]) -> Objects:
        """Give each event's object at a place; none where it is out of range."""
        offsets = self.nesting.levels[0]
        there = (places >= 0) & (places < np.diff(offsets))
        numbers = np.full(len(places), -1, np.int64)
        numbers[there] = offsets[:-1][there] + places[there].astype(np.int64)
        return self._outermost(numbers, Nesting(self.nesting.n_events))

    def pick_lists(self, places: Any) -> Objects:
        """Give the objects at a list of places per list, or, of lists of lists, at one place per inner list.

        None where a place is out of range.
        """
        inside, flat = unwrap(places)
        offsets = self.nesting.levels[-1]
        if inside.same(self.nesting.outer):
            owner = np.arange(len(flat))
        elif inside.outer.same(self.nesting.outer):
            owner = inside.parents
        else:
            raise NestingError("lists of different lengths")
        there = (flat >= 0) & (flat < np.diff(offsets)[owner])
        numbers = np.full(len(flat), -1, np.int64)
        numbers[there] = offsets[:-1][owner[there]] + flat[there].astype(np.int64)
        return self.at(numbers, inside)

    def place(self, index: int | slice) -> Objects:
        """Give the element at a place of each event's list, or the first few."""
        offsets, counts = self.nesting.levels[0], np.diff(self.nesting.levels[0])
        if not isinstance(index, slice):
            return self.pick(np.full(len(counts), index) if index >= 0 else np.maximum(counts + index, -1))
        start, stop = _bounds(index, counts)
        n = np.maximum(stop - start, 0)
        numbers = np.repeat(offsets[:-1] + start, n) + ramp(n)
        return self._outermost(numbers, Nesting(self.nesting.n_events, (offsets_of(n),)))

    def _outermost(self, numbers: NDArray[np.int64], nesting: Nesting) -> Objects:
        """Choose elements of the outermost lists, with the lists in them."""
        if len(self.nesting.levels) == 1:
            return self.at(numbers, nesting)
        inner = self.nesting.levels[1]
        n = np.where(numbers >= 0, np.diff(inner)[numbers] if len(inner) > 1 else 0, 0)
        rows = np.repeat(inner[:-1][numbers] if len(inner) > 1 else numbers, n) + ramp(n)
        return self.at(rows, Nesting(nesting.n_events, (*nesting.levels, offsets_of(n))))

    # -- reducing

    def count(self) -> Any:
        """Number of elements of the innermost lists."""
        return self.nesting.outer.wrap(self.nesting.counts)

    def summed(self) -> Objects:
        """Sum of each innermost list; of an empty one the vector (0, 0, 0, 0)."""
        parents, n = self.nesting.parents, len(self.nesting.counts)
        total = self.vectors.each(lambda part: np.bincount(parents, part, n).astype(np.float64))
        return Objects(VectorTable(self.nesting.outer, total), None, self.nesting.outer)


ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
"""The members of a combination."""


def no_column(prefix: str, attribute: str) -> tuple[str, Any]:
    """Stand for the further columns where only numbers of four-vectors are asked for."""
    raise KeyError(f"{prefix}.{attribute}")


def _bounds(index: slice, counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    ends = []
    for end, default in ((index.start, np.zeros_like(counts)), (index.stop, counts)):
        found = default if end is None else np.full_like(counts, end)
        ends.append(np.clip(np.where(found < 0, counts + found, found), 0, counts))
    return ends[0], ends[1]


def objects_of(value: Any) -> Objects:
    """Give a list of plain numbers as objects, so that it can be combined and sorted."""
    if isinstance(value, Objects):
        return value
    nesting, flat = unwrap(value)
    return Objects(NumberTable(nesting, flat), None, nesting)


def chosen_flat(value: Any, index: Any) -> Any:
    """Choose from flat lists by a condition on the elements; None where it takes more than that."""
    if not isinstance(value, (Objects, Jagged)) or not isinstance(index, Jagged) or index.flat.dtype != bool:
        return None
    objects = objects_of(value)
    return objects.mask(index).out() if index.nesting.begins(objects.nesting) else None


def same_lengths(value: Any, other: Any) -> bool:
    """Tell of flat lists whether they have the same lengths in every event."""
    if not all(isinstance(one, (Objects, Jagged)) and one.nesting.levels for one in (value, other)):
        return False
    return np.array_equal(value.nesting.levels[0], other.nesting.levels[0])


def make(
    maker: str, values: Sequence[Any], prefix: str = "", fields: Mapping[str, Any] | None = None
) -> Objects:
    """Make four-vectors.

    Parameters
    ----------
    maker : str
        One of :data:`MAKERS`.
    values : sequence of four numbers or arrays
        The coordinates; numbers and one value per event are spread over lists.
    prefix : str
        What the branches of further columns begin with.
    fields : mapping of str to a number or array, optional
        Further columns.
    """
    given = dict(fields or {})
    nesting, flat = _aligned([*values, *given.values()])
    parts = [np.asarray(part, dtype=np.float64) for part in flat[:4]]
    vectors = FourVectors(dict(zip(MAKERS[maker], parts, strict=True)))
    more = dict(zip(given, flat[4:], strict=True))
    return Objects(VectorTable(nesting, vectors, prefix, more), None, nesting)


def combined(op: ast.operator, left: Any, right: Any) -> Objects:
    """Sum or difference of two vectors; product or ratio of a vector and a number."""
    if isinstance(op, (ast.Add, ast.Sub)):
        sign = np.add if isinstance(op, ast.Add) else np.subtract
        nesting = common([left.nesting, right.nesting])
        one, other = (_spread(side, nesting) for side in (left, right))
        return _cartesian(nesting, {x: sign(one[x], other[x]) for x in CARTESIAN})
    scale: Any = np.true_divide if isinstance(op, ast.Div) else np.multiply
    first, second = (left, right) if isinstance(left, Objects) else (right, left)
    inside, flat = unwrap(second)
    nesting = common([first.nesting, inside])
    factor = inside.spread(flat, nesting)
    return _cartesian(nesting, {x: scale(part, factor) for x, part in _spread(first, nesting).items()})


def opening(*values: Any) -> Any:
    """Difference of two azimuths, or of those of two vectors, in [-pi, pi); of the members of pairs."""
    first, second = _two(values)
    if isinstance(first, Objects):
        first, second = (side.get("phi", no_column) for side in (first, second))
    return _element_wise(_turn, first, second)


def distance(*values: Any) -> Any:
    """Distance in the plane of pseudorapidity and azimuth.

    Of two vectors, of the members of pairs, or of eta, phi, eta, phi.
    """
    if len(values) == 1:
        objects = values[0]
        return objects.nesting.wrap(apart(objects.table, objects.rows, objects.nesting.n_elements))
    if len(values) == 4:
        eta1, phi1, eta2, phi2 = values
    else:
        first, second = _two(values)
        (eta1, phi1), (eta2, phi2) = ([v.get(x, no_column) for x in ("eta", "phi")] for v in (first, second))
    return _element_wise(_apart, eta1, phi1, eta2, phi2)


def _two(values: Sequence[Any]) -> Sequence[Any]:
    if len(values) == 1:
        return [values[0].get(name, no_column) for name in ORDINALS[:2]]
    return values


def _turn(first: Any, second: Any) -> Any:
    turned = np.asarray(first - second, dtype=np.float64)
    beyond = np.abs(turned) >= np.pi
    if np.any(beyond):
        turned = np.where(beyond, np.mod(turned + np.pi, 2 * np.pi) - np.pi, turned)
    return turned if turned.ndim else turned[()]


def _apart(eta1: Any, phi1: Any, eta2: Any, phi2: Any) -> Any:
    eta, phi = eta1 - eta2, _turn(phi1, phi2)
    return np.sqrt(eta * eta + phi * phi)


def apart(table: Table, rows: Rows, n: int) -> NDArray[np.float64]:
    """Give deltaR of the first and the second member of combinations."""
    found = np.empty(n)
    for number in (0, 1):
        for name in ("eta", "phi"):
            # Calculated once for all objects, before some are taken again and again.
            one, _ = table.member(number, None)
            one.values(name, no_column, None)
    for part in parts_of(n):
        some = slice_of(rows, part)
        members = [table.member(number, some) for number in (0, 1)]
        eta1, phi1, eta2, phi2 = (one.values(x, no_column, at) for one, at in members for x in ("eta", "phi"))
        found[part] = _apart(eta1, phi1, eta2, phi2)
    return found


def _element_wise(function: Any, *values: Any) -> Any:
    """Apply a function of numbers to the flat elements."""
    if not any(isinstance(value, (ak.Array, Jagged)) for value in values):
        return function(*values)
    nesting, flat = _aligned(values)
    return nesting.wrap(function(*flat))


def of_truth(condition: Any, yes: Objects, no: Objects) -> Objects:
    """Vectors of `yes` where the condition holds, of `no` elsewhere."""
    inside, flat = unwrap(condition)
    nesting = common([inside, yes.nesting, no.nesting])
    holds, one, other = inside.spread(flat, nesting), _spread(yes, nesting), _spread(no, nesting)
    return _cartesian(nesting, {x: np.where(holds, one[x], other[x]) for x in CARTESIAN})


def _aligned(values: Sequence[Any]) -> tuple[Nesting, list[NDArray[Any]]]:
    """Give all columns one nesting."""
    apart = [unwrap(value) for value in values]
    nesting = common([inside for inside, _ in apart])
    return nesting, [flat if inside.same(nesting) else inside.spread(flat, nesting) for inside, flat in apart]


def _spread(objects: Objects, nesting: Nesting) -> dict[str, NDArray[np.float64]]:
    inside = objects.nesting
    if inside.same(nesting):
        return dict(objects.vectors.parts)
    return {x: inside.spread(part, nesting) for x, part in objects.vectors.parts.items()}


def _cartesian(nesting: Nesting, parts: Mapping[str, NDArray[np.float64]]) -> Objects:
    return Objects(VectorTable(nesting, FourVectors(parts)), None, nesting)
