"""Pairs, triples and all pairs of several lists; nearest partners, joined and sorted lists.

Combinations of one list come as i < j < k, the first index slowest, in the order of the list; those of
several lists with the first list slowest. Their number is known before any memory is taken, and limited: see
:data:`MAX_IN_AN_EVENT`. A block of events with many is calculated in pieces of :data:`MAX_AT_ONCE`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import ExpressionError
from hepnb.events.language.nesting import Nesting, offsets_of, ramp, unwrap
from hepnb.events.language.objects import Objects, apart, objects_of
from hepnb.events.language.reductions import smallest
from hepnb.events.language.tables import CombinationTable, chosen, joined

__all__ = [
    "MAX_AT_ONCE",
    "MAX_IN_AN_EVENT",
    "TooManyAtOnce",
    "argsort",
    "choose",
    "concat",
    "cross",
    "nearest",
    "reverse",
    "sort_by",
    "table",
]

MAX_IN_AN_EVENT = 2_000_000
"""More combinations in one event are refused."""
MAX_AT_ONCE = 2**18
"""Events are taken a few at a time where a block has more combinations."""


class TooManyAtOnce(Exception):  # no error: the block is calculated in pieces
    """A block of events has more combinations than are calculated at once."""

    def __init__(self, number: float) -> None:
        super().__init__(number)
        self.number = number


def choose(value: Any, k: int, name: str) -> Any:
    """Combine k different elements of each event's list.

    Raises
    ------
    ExpressionError
        Where an event has too many combinations, or the value is no list.
    """
    objects = _list(value, name)
    offsets, counts = objects.nesting.levels[0], objects.nesting.counts
    numbers = _binomial(counts, k)
    _check(numbers, objects.nesting, name)
    nesting = Nesting(objects.nesting.n_events, (offsets_of(numbers.astype(np.int64)),))
    # Lists of one length have the same combinations of places: they are looked up.
    lengths, kind = np.unique(counts, return_inverse=True)
    begins = offsets_of(_binomial(lengths, k).astype(np.int64))[:-1]
    n_each = nesting.counts
    at = np.arange(nesting.n_elements) + np.repeat(begins[kind] - nesting.levels[0][:-1], n_each)
    first = np.repeat(offsets[:-1], n_each)
    return _combination(nesting, [objects] * k, [first + places[at] for places in _places(lengths, k)])


def _places(lengths: NDArray[np.int64], k: int) -> list[NDArray[np.int64]]:
    """Give the places of k different elements, for lists of some lengths one after the other."""
    ends = np.repeat(lengths, lengths)
    rows, end = [ramp(lengths)], ends
    for _ in range(k - 1):
        last = rows[-1]
        more = end - last - 1
        at = np.repeat(np.arange(len(last)), more)
        end = end[at]
        rows = [one[at] for one in rows] + [last[at] + 1 + ramp(more)]
    return rows


def cross(*values: Any) -> Any:
    """Combine every element of a list with every element of the others.

    Raises
    ------
    ExpressionError
        Where an event has too many combinations, or a value is no list.
    """
    lists = [_list(value, "cross") for value in values]
    counts = [one.nesting.counts for one in lists]
    _check_events(lists, "cross")
    numbers = reduce(np.multiply, (n.astype(np.float64) for n in counts))
    _check(numbers, lists[0].nesting, "cross")
    rows, event = [np.arange(lists[0].nesting.n_elements)], lists[0].nesting.parents
    for other, n in zip(lists[1:], counts[1:], strict=True):
        each = n[event]
        at = np.repeat(np.arange(len(event)), each)
        event = event[at]
        rows = [*(one[at] for one in rows), other.nesting.levels[0][:-1][event] + ramp(each)]
    nesting = Nesting(lists[0].nesting.n_events, (offsets_of(numbers.astype(np.int64)),))
    return _combination(nesting, lists, rows)


def table(first: Any, second: Any, name: str = "table") -> Any:
    """Give for every element of a list the list of its pairs with all elements of another.

    An error calls the function by `name`.

    Raises
    ------
    ExpressionError
        Where an event has too many pairs, or a value is no list.
    """
    one, other = objects_of(first), _list(second, name)
    if len(one.nesting.levels) > 1:
        raise ExpressionError(f"{name}(...) takes one list per event, not lists of lists.")
    _check_events([one, other], name)
    event = one.nesting.parents if one.is_list else np.arange(one.nesting.n_events)
    each = other.nesting.counts[event]
    _check(other.nesting.counts * np.bincount(event, minlength=one.nesting.n_events), other.nesting, name)
    rows = np.repeat(np.arange(len(event)), each)
    nesting = Nesting(one.nesting.n_events, (*one.nesting.levels, offsets_of(each)))
    begins = other.nesting.levels[0][:-1][event] - nesting.levels[-1][:-1]
    second_rows = np.arange(nesting.n_elements) + np.repeat(begins, each)
    return _combination(nesting, [one, other], [rows, second_rows])


def nearest(first: Any, second: Any, limit: Any = None) -> Any:
    """Give for every element of a list the element of another that is nearest in deltaR.

    None where the other list is empty, or where the nearest is not closer than the limit. Of equally near
    ones the first is taken.

    Raises
    ------
    ExpressionError
        Where an event has too many pairs, or a value is no list.
    """
    pairs = table(first, second, "nearest")
    distances = apart(pairs.table, pairs.rows, pairs.nesting.n_elements)
    where = smallest(distances, pairs.nesting)
    if limit is not None:
        inside, flat = unwrap(limit)
        limits = inside.spread(flat, pairs.nesting.outer)
        where = np.where((where >= 0) & (_at(distances, where) < limits), where, -1)
    _, rows = pairs.table.member(1, pairs.rows)
    found = pairs.table.member(1, None)[0]
    return Objects(found, chosen(rows, where), pairs.nesting.outer)


def _at(flat: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
    return flat[np.maximum(rows, 0)] if len(flat) else np.full(len(rows), np.nan)


def concat(*values: Any) -> Any:
    """Put the lists of each event one behind the other."""
    lists = [_list(value, "concat") for value in values]
    _check_events(lists, "concat")
    found = joined([(one.table, one.rows, one.nesting) for one in lists])
    return Objects(*found).out()


def order_of(key: Any) -> tuple[Nesting, NDArray[np.int64]]:
    """Give the flat numbers of a list's elements in ascending order within each list; NaN comes last."""
    nesting, flat = unwrap(key)
    parents = nesting.parents
    ascending = flat[1:] >= flat[:-1]
    if bool(np.all(ascending | (parents[1:] != parents[:-1]))):
        return nesting, np.arange(len(flat))
    return nesting, np.lexsort((flat, parents))


def argsort(key: Any) -> Any:
    """Give the places of a list's elements, the smallest first; equal ones keep their order, NaN is last."""
    nesting, order = order_of(_list(key, "argsort").out())
    return nesting.wrap(nesting.places[order])


def sort_by(value: Any, key: Any) -> Any:
    """Sort each event's list by a key, the smallest first."""
    objects = _list(value, "sort_by")
    nesting, order = order_of(_list(key, "sort_by").out())
    if not nesting.same(objects.nesting):
        raise ValueError("lists of different lengths")
    return objects.at(order, nesting).out()


def reverse(value: Any) -> Any:
    """Give each event's list from its end."""
    objects = _list(value, "reverse")
    nesting = objects.nesting
    mirrored = np.repeat(nesting.levels[0][:-1] + nesting.levels[0][1:] - 1, nesting.counts)
    return objects.at(mirrored - np.arange(nesting.n_elements), nesting).out()


def _combination(nesting: Nesting, lists: Sequence[Objects], rows: Sequence[NDArray[np.int64]]) -> Objects:
    members = [(one.table, chosen(one.rows, some)) for one, some in zip(lists, rows, strict=True)]
    return Objects(CombinationTable(nesting, members), None, nesting)


def _list(value: Any, name: str) -> Objects:
    objects = objects_of(value)
    if len(objects.nesting.levels) == 1:
        return objects
    what = (
        "these are lists of lists: take one of them, or one element of each"
        if objects.is_list
        else "there is one value per event"
    )
    raise ExpressionError(f"{name}(...) takes a list per event, and {what}.")


def _check_events(lists: Sequence[Objects], name: str) -> None:
    if len({one.nesting.n_events for one in lists}) > 1:
        raise ExpressionError(f"{name}(...) of columns with different numbers of events.")


def _binomial(n: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    found = np.ones(len(n))
    for i in range(k):
        found = found * np.maximum(n - i, 0) / (i + 1)
    return np.rint(found)


def _check(numbers: NDArray[Any], nesting: Nesting, name: str) -> None:
    """Refuse too many combinations, or ask for fewer events, before any memory is taken."""
    largest = float(numbers.max(initial=0))
    if largest > MAX_IN_AN_EVENT:
        raise ExpressionError(
            f"{name}(...) has {largest:,.0f} combinations in one event, more than {MAX_IN_AN_EVENT:,}. "
            "Choose before you combine, for instance the first ten, x[:, :10], or those with pt > 30."
        )
    total = float(numbers.sum())
    if total > MAX_AT_ONCE and nesting.n_events > 1:
        raise TooManyAtOnce(total)
