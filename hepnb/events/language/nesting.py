"""Where the elements of lists belong: one value per event, one list per event, or lists of lists.

A column of lists is a flat numpy array and, per level, the offsets of the lists in the level below. Objects
and their combinations are calculated on flat arrays; only what leaves is an awkward array.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

__all__ = ["Nesting", "NestingError", "common", "offsets_of", "ramp", "unwrap"]

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
        """Give one number per event as numpy, lists as awkward.

        Examples
        --------
        >>> Nesting(2, (np.array([0, 2, 3]),)).wrap(np.array([1.0, 2.0, 3.0])).to_list()
        [[1.0, 2.0], [3.0]]
        """
        if not self.levels:
            return flat
        layout: Any = ak.contents.NumpyArray(flat)
        for offsets in reversed(self.levels):
            layout = ak.contents.ListOffsetArray(ak.index.Index64(offsets), layout)
        return ak.Array(layout)

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


def common(nestings: Sequence[Nesting]) -> Nesting:
    """Give the deepest of several; the others have to fit it.

    Raises
    ------
    NestingError
        Where they do not.
    """
    deepest = max(nestings, key=lambda one: (len(one.levels), one.n_events))
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
