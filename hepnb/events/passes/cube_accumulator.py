"""What a cube adds up: the cells of the values, found by the threads, filled in one after the other."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BranchError
from hepnb.events.passes.accumulators import HistogramState, missing_in
from hepnb.events.passes.entry_block import EntryBlock, paired
from hepnb.histograms.coordinates import index_on

__all__ = ["CubeAccumulator", "CubeState"]


@dataclass(frozen=True)
class CubeAccumulator:
    """A histogram binned finely in further variables.

    Attributes
    ----------
    axis : hist axis
        Bins of the histogram.
    edges : tuple of numpy.ndarray
        Edges along each further variable.
    value : int
        The expression that is histogrammed.
    variables : tuple of int
        The further variables: one number per event each.
    cut, weight : int or None
        The cut and the weight.
    """

    axis: Any
    edges: tuple[NDArray[np.float64], ...]
    value: int
    variables: tuple[int, ...]
    cut: int | None = None
    weight: int | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the cube: flow bins of the axis; below the edges, above them and NaN of the variables."""
        return (self.axis.size + 2, *(edge.size + 2 for edge in self.edges))

    @property
    def n_bytes(self) -> int:
        """Bytes of the cube: there is one, whatever the number of threads."""
        return math.prod(self.shape) * (8 if self.weight is None else 16)

    def start(self) -> CubeState:
        """Make a list of cells: an array of them all would be made for every task."""
        return CubeState()

    def add(self, total: CubeState, block: EntryBlock) -> None:
        """Find the cell of each value of a block."""
        (values,), weights, counts = paired(block, (self.value,), self.cut, self.weight)
        spread = [
            self._places(block, what, edges) for what, edges in zip(self.variables, self.edges, strict=True)
        ]
        if counts is not None:
            spread = [np.repeat(places, counts) for places in spread]
        missing = missing_in([values])
        if missing is not None:
            total.counts.n_nan += int(np.count_nonzero(missing))
            values = values[~missing]
            spread = [places[~missing] for places in spread]
            weights = None if weights is None else weights[~missing]
        total.counts.n_filled += values.size
        if not values.size:
            return
        along = index_on(self.axis, values) + 1
        total.cells.append(np.ravel_multi_index((along, *spread), self.shape).astype(np.int32))
        if weights is not None:
            total.counts.n_bad += weights.size - int(np.count_nonzero(np.isfinite(weights)))
            total.weights.append(weights)

    def _places(self, block: EntryBlock, what: int, edges: NDArray[np.float64]) -> NDArray[np.int64]:
        """Index along a variable: comparing with the edges as the cut would."""
        values, counts = block.numbers(what, self.cut)
        if counts is not None:
            raise BranchError(
                f"{block.expressions[what].text!r} is not one number per event: cuts are on events."
            )
        places = np.searchsorted(edges, values, side="right")
        return np.where(np.isnan(values), edges.size + 1, places).astype(np.int64)

    def merge(self, total: CubeState, other: CubeState) -> None:
        """Add values cell by cell, in the order of the entries."""
        if total.values is None:
            total.values = np.zeros(math.prod(self.shape), np.int64 if self.weight is None else np.float64)
            total.variances = total.values if self.weight is None else np.zeros_like(total.values)
        for number, cells in enumerate(other.cells):
            if self.weight is None:
                np.add.at(total.values, cells, np.int64(1))
            else:
                weights = other.weights[number]
                np.add.at(total.values, cells, weights)
                np.add.at(total.variances, cells, weights * weights)
        total.counts.count(other.counts)


@dataclass
class CubeState:
    """Cells to be filled, or what is filled."""

    cells: list[NDArray[np.int32]] = field(default_factory=list)
    weights: list[NDArray[np.float64]] = field(default_factory=list)
    counts: HistogramState = field(default_factory=lambda: HistogramState(None))
    values: Any = None
    variances: Any = None

    def arrays(self, one: CubeAccumulator) -> tuple[NDArray[Any], NDArray[Any]]:
        """Give sums of weights and of squared weights in the cube's shape; one array where they are equal."""
        if self.values is None:
            one.merge(self, CubeState())
        values: NDArray[Any] = self.values.reshape(one.shape)
        return values, values if self.variances is self.values else self.variances.reshape(one.shape)
