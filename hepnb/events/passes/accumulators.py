"""What a pass over entries adds up: histograms, cutflows, cubes, and the values to choose a range from.

Each kind of sum says which expressions it needs (by number), makes a new total, adds a block to it, and
adds one total to another. A pass cuts the entries into tasks; within a task blocks are added one after the
other, and the tasks' totals in the order of the tasks, so that the result is the same wherever they run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import boost_histogram as bh
import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BranchError
from hepnb.events.passes.entry_block import EntryBlock, paired
from hepnb.histograms.coordinates import grows, on_axis, suspects, takes_text

MAX_SEEN = 2_000_000

__all__ = [
    "Accumulator",
    "CutflowAccumulator",
    "HistogramAccumulator",
    "HistogramState",
    "RangeSampler",
    "missing_in",
]


class Accumulator(Protocol):
    """One thing that is added up."""

    def start(self) -> Any:
        """Make a total of nothing."""

    def add(self, total: Any, block: EntryBlock) -> None:
        """Add a block, in place."""

    def merge(self, total: Any, other: Any) -> None:
        """Add another total, in place."""


@dataclass(frozen=True)
class HistogramAccumulator:
    """A histogram of one or more expressions.

    Attributes
    ----------
    axes : tuple of hist axis
        The bins.
    values : tuple of int
        One expression per axis.
    cut, weight : int or None
        The cut and the weight.
    """

    axes: tuple[Any, ...]
    values: tuple[int, ...]
    cut: int | None = None
    weight: int | None = None

    def start(self) -> HistogramState:
        """Make an empty histogram: whole numbers where nothing is weighted."""
        storage = bh.storage.Int64() if self.weight is None else bh.storage.Weight()
        return HistogramState(bh.Histogram(*self.axes, storage=storage))

    def add(self, total: HistogramState, block: EntryBlock) -> None:
        """Fill a block, one value after the other."""
        columns, weights = self.columns(block)
        found: list[Any] = [
            None if takes_text(axis) else suspects(axis, column)
            for axis, column in zip(self.axes, columns, strict=True)
        ]
        # What is not a number is among the suspects.
        missing = missing_in(columns) if any(places is None or places.size for places in found) else None
        if missing is not None:
            total.n_nan += int(np.count_nonzero(missing))
            columns = [column[~missing] for column in columns]
            weights = None if weights is None else weights[~missing]
            found = [None] * len(found)
        total.n_filled += columns[0].size
        if not columns[0].size:
            return
        if weights is not None:
            n_finite = int(np.count_nonzero(np.isfinite(weights)))
            total.n_bad += weights.size - n_finite
        filled = [
            on_axis(axis, column, places)
            for axis, column, places in zip(self.axes, columns, found, strict=True)
        ]
        total.histogram.fill(*filled, weight=weights)

    def columns(self, block: EntryBlock) -> tuple[list[NDArray[Any]], NDArray[np.float64] | None]:
        """Give the values along each axis, and the weights: one of each per value that is filled."""
        texts = [takes_text(axis) for axis in self.axes]
        columns, weights, _ = paired(block, self.values, self.cut, self.weight, texts)
        return columns, weights

    def merge(self, total: HistogramState, other: HistogramState) -> None:
        """Add another histogram."""
        if any(map(grows, self.axes)):
            total.histogram += other.histogram
            total.count(other)
            return
        mine, theirs = total.histogram.view(flow=True), other.histogram.view(flow=True)
        if self.weight is None:
            mine += theirs
        else:
            mine["value"] += theirs["value"]
            mine["variance"] += theirs["variance"]
        total.count(other)


@dataclass
class HistogramState:
    """A histogram, and what was seen while filling it."""

    histogram: Any
    n_filled: int = 0
    n_nan: int = 0
    n_bad: int = 0

    def count(self, other: HistogramState) -> None:
        """Add what another one has seen."""
        self.n_filled += other.n_filled
        self.n_nan += other.n_nan
        self.n_bad += other.n_bad


def missing_in(columns: Sequence[NDArray[Any]]) -> NDArray[np.bool_] | None:
    """Where a value is not a number, or a text is not there; None where there is no such place."""
    found: NDArray[np.bool_] | None = None
    for column in columns:
        if column.dtype.kind not in "fO":
            continue
        missing = (
            np.isnan(column)
            if column.dtype.kind == "f"
            else np.array([text is None for text in column], dtype=np.bool_)
        )
        if missing.any():
            found = missing if found is None else found | missing
    return found


@dataclass(frozen=True)
class CutflowAccumulator:
    """Entries that are left after each cut, and that pass each alone.

    Attributes
    ----------
    cuts : tuple of int
        In the order they are applied.
    weight : int or None
        The weight.
    """

    cuts: tuple[int, ...]
    weight: int | None = None

    def start(self) -> CutflowState:
        """Count nothing yet."""
        n = len(self.cuts) + 1
        return CutflowState(np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64), np.zeros((n, 2)))

    def add(self, total: CutflowState, block: EntryBlock) -> None:
        """Count a block."""
        weights, lists = (None, None) if self.weight is None else block.numbers(self.weight, None)
        if lists is not None:
            raise BranchError(
                f"the weight {block.expressions[self.weight or 0].text!r} has several values per event, and "
                "a cutflow counts events: choose one, such as w[:, 0] or prod(w)."
            )
        if weights is not None:
            total.n_bad += block.n - int(np.count_nonzero(np.isfinite(weights)))
        left: NDArray[np.bool_] | None = None
        for row, cut in enumerate((None, *self.cuts)):
            mask = None if cut is None else block.mask(cut)
            if mask is not None:
                left = mask if left is None else left & mask
            n_left = block.n if left is None else int(np.count_nonzero(left))
            total.n_passed[row] += n_left
            total.n_alone[row] += block.n if mask is None else np.count_nonzero(mask)
            if weights is None:
                total.sums[row] += n_left
                continue
            kept = weights if left is None else weights[left]
            total.sums[row, 0] = _added(total.sums[row, 0], kept)
            total.sums[row, 1] = _added(total.sums[row, 1], kept * kept)

    def merge(self, total: CutflowState, other: CutflowState) -> None:
        """Add other counts."""
        total.n_passed += other.n_passed
        total.n_alone += other.n_alone
        total.sums += other.sums
        total.n_bad += other.n_bad


def _added(total: float, values: NDArray[np.float64]) -> float:
    """Add one value after the other, so that it does not matter where a block ends."""
    return float(np.add.accumulate(np.concatenate(([total], values)))[-1])


@dataclass
class CutflowState:
    """Counts per row, sums of weights and of squared weights, and how many weights were not finite."""

    n_passed: NDArray[np.int64]
    n_alone: NDArray[np.int64]
    sums: NDArray[np.float64]
    n_bad: int = 0


@dataclass(frozen=True)
class RangeSampler:
    """Values to choose a range from.

    Attributes
    ----------
    value : int
        The expression.
    cut : int or None
        The cut.
    thin : int
        Keep one of so many.
    """

    value: int
    cut: int | None
    thin: int = 1

    def start(self) -> SampledValues:
        """Nothing is seen yet."""
        return SampledValues()

    def add(self, total: SampledValues, block: EntryBlock) -> None:
        """Look at a block."""
        values, _ = block.numbers(self.value, self.cut)
        total.n_nan += int(np.count_nonzero(np.isnan(values)))
        # Counted on over the blocks, so that it does not matter where a block ends.
        total.parts.append(values[-total.n_values % self.thin :: self.thin].copy())
        total.n_values += values.size

    def merge(self, total: SampledValues, other: SampledValues) -> None:
        """Add what was seen elsewhere; where it becomes too much, every second value is left out."""
        total.parts.append(other.values[:: total.factor])
        total.n_nan += other.n_nan
        while sum(part.size for part in total.parts) > MAX_SEEN:
            total.factor *= 2
            total.parts = [part[::2].copy() for part in total.parts]


@dataclass
class SampledValues:
    """Values, how many were not a number, and one of how many is kept."""

    parts: list[NDArray[np.float64]] = field(default_factory=list)
    n_nan: int = 0
    n_values: int = 0
    factor: int = 1

    @property
    def values(self) -> NDArray[np.float64]:
        """All of them, shape (n,)."""
        return np.concatenate(self.parts) if self.parts else np.zeros(0)
