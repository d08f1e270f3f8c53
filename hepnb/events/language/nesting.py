"""Where the elements of lists belong: one value per event, one list per event, or lists of lists.

A column of lists is a flat numpy array and, per level, the offsets of the lists in the level below. Objects
and their combinations are calculated on flat arrays; only what leaves is an awkward array.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Jagged",
    "Nesting",
    "NestingError",
    "common",
    "each",
    "jagged",
    "offsets_of",
    "plain",
    "ramp",
    "unwrap",
]

Offsets = NDArray[np.int64]


class NestingError(ValueError):
    """Lists do not have the same number of elements in every event."""


@dataclass(frozen=True, eq=False)
class Nesting:
    """The lists that flat elements belong to.

    Attributes
    ----------
    n_events : int
        Events.
    levels : tuple of numpy.ndarray
        Offsets, the outermost first: list i of a level is from ``level[i]`` to ``level[i + 1]`` of the level
        below. Empty for one value per event.
    """

    n_events: int
    levels: tuple[Offsets, ...] = ()

    @property
    def n_elements(self) -> int:
        """Number of elements of the innermost lists."""
        return int(self.levels[-1][-1]) if self.levels else self.n_events

    @property
    def outer(self) -> Nesting:
        """The lists without the innermost level."""
        return Nesting(self.n_events, self.levels[:-1])

    @cached_property
    def counts(self) -> Offsets:
        """Number of elements of each innermost list."""
        return np.diff(self.levels[-1])

    @cached_property
    def parents(self) -> Offsets:
        """The innermost list that each element belongs to."""
        return np.repeat(np.arange(len(self.levels[-1]) - 1), self.counts)

    @cached_property
    def places(self) -> Offsets:
        """Place of each element in its innermost list, from 0."""
        return ramp(self.counts) if self.levels else np.zeros(self.n_events, np.int64)

    def wrap(self, flat: NDArray[Any]) -> Any:
        """Give one number per event as numpy, lists as :class:`Jagged`.

        Examples
        --------
        >>> Nesting(2, (np.array([0, 2, 3]),)).wrap(np.array([1.0, 2.0, 3.0])).array.to_list()
        [[1.0, 2.0], [3.0]]
        """
        return Jagged(self, flat) if self.levels else flat

    def same(self, other: Nesting) -> bool:
        """Tell whether the elements of two belong to the same lists."""
        return len(self.levels) == len(other.levels) and self.begins(other)

    def begins(self, other: Nesting) -> bool:
        """Tell whether the levels of this one are the first of the other's."""
        if self.n_events != other.n_events or len(self.levels) > len(other.levels):
            return False
        pairs = zip(self.levels, other.levels[: len(self.levels)], strict=True)
        return all(one is two or np.array_equal(one, two) for one, two in pairs)

    def spread(self, flat: NDArray[Any], over: Nesting) -> NDArray[Any]:
        """Repeat the elements for deeper lists: an event's number meets each element of its list."""
        if self.n_events == 1 and not self.levels and over.n_events != 1:
            return np.full(over.n_elements, flat[0])
        for offsets in over.levels[len(self.levels) :]:
            flat = np.repeat(flat, np.diff(offsets))
        return flat

    def kept(self, mask: NDArray[np.bool_]) -> Nesting:
        """The lists of the elements that a condition keeps."""
        running = np.zeros(len(mask) + 1, np.int64)
        np.cumsum(mask, out=running[1:])
        return Nesting(self.n_events, (*self.levels[:-1], running[self.levels[-1]]))


@dataclass(frozen=True, eq=False)
class Jagged:
    """Lists of numbers that are calculated with flat.

    Attributes
    ----------
    nesting : Nesting
        The lists, at least one level.
    flat : numpy.ndarray, shape (n_elements,)
        Their elements.
    """

    nesting: Nesting
    flat: NDArray[Any]

    @cached_property
    def array(self) -> ak.Array:
        """The same lists as awkward has them."""
        layout: Any = ak.contents.NumpyArray(self.flat)
        for offsets in reversed(self.nesting.levels):
            layout = ak.contents.ListOffsetArray(ak.index.Index64(offsets), layout)
        return ak.Array(layout)


def plain(value: Any) -> Any:
    """Give lists as awkward arrays, and anything else as it is."""
    return value.array if isinstance(value, Jagged) else value


def each(function: Callable[..., Any], *values: Any) -> Any:
    """Apply a function of numbers element by element; where all lists are flat, to the flat elements.

    Raises
    ------
    NestingError
        Where flat lists do not fit each other.
    """
    if not any(isinstance(value, Jagged) for value in values):
        return function(*values)
    if any(isinstance(value, ak.Array) for value in values):
        return function(*(plain(value) for value in values))
    columns = [value for value in values if isinstance(value, (Jagged, np.ndarray))]
    nesting = common([unwrap(value)[0] for value in columns])
    return nesting.wrap(function(*(_over(value, nesting) for value in values)))


def _over(value: Any, nesting: Nesting) -> Any:
    """The elements of a column repeated for deeper lists; a constant as it is."""
    if not isinstance(value, (Jagged, np.ndarray)):
        return value
    inside, elements = unwrap(value)
    return elements if inside.same(nesting) else inside.spread(elements, nesting)


def jagged(column: Any) -> Jagged | None:
    """Give a column of lists of numbers, none missing, flat; None for any other column."""
    layout, levels = column.layout, []
    # Most columns are so, and awkward's own steps take longer than the rest of a short calculation.
    if type(layout) is ak.contents.ListOffsetArray and type(layout.content) is ak.contents.NumpyArray:
        offsets, flat = layout.offsets.data, layout.content.data
        if (
            offsets.dtype == np.int64
            and flat.ndim == 1
            and not (layout.parameters or layout.content.parameters)
        ):
            begin = offsets[0]
            ends = offsets - begin if begin else offsets
            return Jagged(Nesting(len(ends) - 1, (ends,)), flat[begin : offsets[-1]])
    n_events = len(layout)
    while layout.is_list and not layout.is_regular and not layout.parameters:
        layout = layout.to_ListOffsetArray64(True)
        offsets = np.asarray(layout.offsets.data)
        levels.append(offsets)
        layout = layout.content[: int(offsets[-1])]
    if not levels or not layout.is_numpy or layout.purelist_depth > 1 or layout.parameters:
        return None
    return Jagged(Nesting(n_events, tuple(levels)), np.asarray(layout.data))


def common(nestings: Sequence[Nesting]) -> Nesting:
    """Give the deepest of several; the others have to fit it.

    Raises
    ------
    NestingError
        Where they do not.
    """
    # One event without lists may be a constant, which fits no events as well.
    deepest = max(nestings, key=lambda one: (len(one.levels), one.n_events != 1))
    for one in nestings:
        if not (one.begins(deepest) or (one.n_events == 1 and not one.levels)):
            raise NestingError("lists of different lengths")
    return deepest


def unwrap(value: Any) -> tuple[Nesting, NDArray[Any]]:
    """Take a column apart: its lists and its flat elements; missing elements are NaN, missing lists empty.

    Examples
    --------
    >>> nesting, flat = unwrap(ak.Array([[1.0], [], [2.0, 3.0]])[1:])
    >>> nesting.levels, flat
    ((array([0, 0, 2]),), array([2., 3.]))
    """
    if isinstance(value, Jagged):
        return value.nesting, value.flat
    if not isinstance(value, ak.Array):
        flat = np.atleast_1d(np.asarray(value))
        return Nesting(len(flat)), flat
    layout, levels = value.layout, []
    n_events = len(layout)
    while True:
        if layout.is_indexed and not layout.is_option:
            layout = layout.project()
        if layout.is_option or layout.is_union:
            layout = _filled(layout)
        if not layout.is_list:
            break
        layout = layout.to_ListOffsetArray64(True)
        offsets = np.asarray(layout.offsets.data)
        levels.append(offsets)
        layout = layout.content[: int(offsets[-1])]
    return Nesting(n_events, tuple(levels)), np.asarray(ak.to_numpy(layout))


def _filled(layout: Any) -> Any:
    """Replace what is missing."""
    array = ak.Array(layout)
    if layout.purelist_depth > 1:
        return ak.to_layout(ak.fill_none(array, [], axis=0))
    return ak.to_layout(ak.fill_none(ak.values_astype(array, np.float64), np.nan, axis=0))


def offsets_of(counts: NDArray[Any]) -> Offsets:
    """Give the offsets of lists of these lengths.

    Examples
    --------
    >>> offsets_of(np.array([2, 0, 1]))
    array([0, 2, 2, 3])
    """
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def ramp(counts: NDArray[Any]) -> Offsets:
    """Count from 0 within each of several groups.

    Examples
    --------
    >>> ramp(np.array([2, 0, 3]))
    array([0, 1, 0, 1, 2])
    """
    offsets = offsets_of(counts)
    return np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
