"""Minima at the edge of clipped rates.

With ``positivity="root"`` a rate has a kink where it reaches 0, and -2 log L may have its minimum right
there: the data ask for less than nothing, and beyond the edge only the constraints are left. A Newton step
jumps to and fro across it. Lanes that got stuck are fitted with the edge rounded off, by less and less; the
last rounding changes -2 log L by about 1e-8.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from hepnb.fits.batched import CONVERGED, NOT_FINISHED, BatchedFit, minimize
from hepnb.model import FitModel, HistFactoryLikelihood, Model, Objective
from hepnb.model.compile import Compiled
from hepnb.model.constraints import poisson
from hepnb.model.expectation import Rates, cell_rates, differentiate
from hepnb.model.positivity import Floor
from hepnb.typing import BoolArray, FloatArray

__all__ = ["has_clips", "settle_clips"]


_WIDTHS = (1e-2, 1e-4, 1e-6, 1e-8)
_STEPS = 40
# A lane that is stuck at an edge is this close to it, in units of the yield.
_NEAR = 0.02


def has_clips(model: FitModel) -> bool:
    """Tell whether a model clips rates at 0."""
    return isinstance(model, Model) and model.likelihood.compiled.floor is not None


def settle_clips(
    model: FitModel, data: FloatArray, points: FloatArray, fixed: BoolArray, limits: FloatArray
) -> BatchedFit:
    """Look for minima near some points, at the edges of clipped rates.

    Parameters
    ----------
    model : FitModel
        The model; its rates are clipped.
    data : ndarray, shape (batch, data)
        Complete data of each lane.
    points : ndarray, shape (batch, parameter)
        Where the lanes got stuck.
    fixed : ndarray of bool, shape (batch, parameter)
        Parameters held.
    limits : ndarray, shape (parameter, 2)
        Bounds.

    Returns
    -------
    BatchedFit
        One row per lane, converged where a minimum was found.
    """
    # Only rates of a workspace are clipped.
    likelihood: Any = model.likelihood
    near = np.flatnonzero(_at_edge(likelihood, points))
    none = np.full(len(points), np.inf)
    ends = BatchedFit(
        points.copy(), none, np.full(len(points), NOT_FINISHED), none.copy(), none.copy(),
        np.zeros(points.shape, dtype=bool), np.zeros(len(points), dtype=np.intp),
    )  # fmt: skip
    if not near.size:
        return ends
    start, (lower, upper) = points[near], limits.T
    for width in _WIDTHS:
        rounded = _Rounded(likelihood, width)
        found = minimize(rounded, data[near], start, lower, upper, fixed[near], _STEPS)
        start = np.where(np.isfinite(found.value)[:, None], found.points, start)
    exact: FloatArray = likelihood.objective(found.points, data[near]).value
    failed = (found.status == CONVERGED) & ~np.isfinite(exact)
    found = replace(found, value=exact, status=np.where(failed, NOT_FINISHED, found.status))
    for name, array in vars(ends).items():
        array[near] = getattr(found, name)
    return ends


def _at_edge(likelihood: HistFactoryLikelihood, points: FloatArray) -> BoolArray:
    """Say in which lanes something that can be clipped is close to 0."""
    compiled, floor = likelihood.compiled, _floor(likelihood)
    plain = cell_rates(replace(compiled, floor=None), points)
    moved = ((compiled.shape_odd != 0) | (compiled.shape_even != 0)).any(axis=0)
    yields = np.abs(_yields(compiled, points))
    at_edge = floor.shaped & moved & (yields < _NEAR * np.maximum(np.abs(compiled.nominal), 1.0))
    scaled = np.logical_or.reduceat(floor.scaled, compiled.cell_terms)
    at_edge |= scaled & (np.abs(floor.scale(compiled, plain.slots[0])) < _NEAR)
    return np.asarray(at_edge.any(axis=1))


@dataclass(frozen=True)
class _Rounded:
    """The likelihood with max(x, 0) replaced by (x + sqrt(x^2 + 4 w^2)) / 2.

    Its curvature is the expected one and that of the edges, where it is positive: good for a direction.
    """

    likelihood: HistFactoryLikelihood
    width: float

    @property
    def n_parameters(self) -> int:
        return self.likelihood.n_parameters

    @property
    def max_step(self) -> FloatArray:
        return self.likelihood.max_step

    @property
    def operator_bytes(self) -> int:
        return 0

    def operator(self, points: FloatArray, data: FloatArray) -> Any:
        raise NotImplementedError

    @property
    def costs(self) -> tuple[float, float]:
        # Its gradient is made from the same tables as its curvature: nothing is saved without that.
        tables = 1.0 * self.likelihood.compiled.nominal.size * self.n_parameters**2
        return tables, tables

    def objective(
        self, points: FloatArray, data: FloatArray, order: Literal[0, 1, 2] = 0, *, exact: bool = True
    ) -> Objective:
        del exact
        compiled, constraints = self.likelihood.compiled, self.likelihood.constraints
        data = np.broadcast_to(data, (len(points), data.shape[-1]))
        edge = _Edge.make(self.likelihood, points, self.width)
        main, aux = data[:, : self.likelihood.n_bins], data[:, self.likelihood.n_bins :]
        bins = edge.rates.bins
        bad = ~((bins > 0) | ((bins == 0) & (main == 0))).all(axis=1)
        value = poisson(np.where(bins > 0, bins, 1.0), main).sum(axis=1) + constraints.value(points, aux)
        value = np.where(bad | np.isnan(value), np.inf, value)
        empty = np.empty((len(points), 0))
        if order == 0:
            return Objective(value, empty, empty[:, :, None])
        slopes, bent = edge.slopes(points)
        jacobian = np.add.reduceat(slopes, compiled.bin_starts, axis=1)
        nu = np.where(bins > 0, bins, 1.0)
        ratio = main / nu
        first, second = constraints.slopes(points, aux)
        weight = 2 * (1 - ratio)
        gradient = np.einsum("lb,lbp->lp", weight, jacobian) + first
        if order == 1:
            return Objective(value, gradient, empty[:, :, None])
        scaled = jacobian * np.sqrt(2 * ratio / nu)[:, :, None]
        curvature = np.matmul(scaled.transpose(0, 2, 1), scaled)
        by_cell = weight[:, compiled.cell_bin]
        for size, along in bent:
            rows = np.sqrt(np.maximum(by_cell * size, 0.0))[:, :, None] * along
            curvature += np.matmul(rows.transpose(0, 2, 1), rows)
        spots = np.arange(self.n_parameters)
        curvature[:, spots, spots] += second
        return Objective(value, gradient, curvature)


@dataclass(frozen=True)
class _Edge:
    """Rates F S(N) S(T) of the cells: plain factors F, normalisations N and yields T, rounded off."""

    likelihood: HistFactoryLikelihood
    plain: Rates
    factor: FloatArray
    scale: tuple[FloatArray, FloatArray, FloatArray]
    total: tuple[FloatArray, FloatArray, FloatArray]
    norm: FloatArray
    rates: Rates

    @classmethod
    def make(cls, likelihood: HistFactoryLikelihood, points: FloatArray, width: float) -> _Edge:
        compiled = likelihood.compiled
        floor = _floor(likelihood)
        plain = cell_rates(replace(compiled, floor=None), points, 2)
        norm = floor.scale(compiled, plain.slots[0])
        scaled = np.logical_or.reduceat(floor.scaled, compiled.cell_terms)
        scale = _round(norm, np.where(scaled, width, 0.0))
        yields = np.maximum(np.abs(compiled.nominal), 1.0)
        total = _round(_yields(compiled, points), np.where(floor.shaped, width * yields, 0.0))
        factors = np.where(floor.scaled, 1.0, plain.slots[0][:, compiled.term_slot])
        factor = np.multiply.reduceat(factors, compiled.cell_terms, axis=1)
        cells = factor * scale[0] * total[0]
        bins = np.add.reduceat(cells, compiled.bin_starts, axis=1)
        return cls(
            likelihood, plain, factor, scale, total, norm, Rates(cells, bins, plain.kappa, plain.slots)
        )

    def slopes(self, points: FloatArray) -> tuple[FloatArray, list[tuple[FloatArray, FloatArray]]]:
        """Return the derivative of the cells, and size and direction of what bends at the edges."""
        compiled = self.likelihood.compiled
        logs, shapes, _, _ = differentiate(compiled, points, self.plain)
        scaled = np.zeros(compiled.nominal.size * points.shape[1], dtype=bool)
        scaled[compiled.term_flat] = _floor(self.likelihood).scaled
        scaled = scaled.reshape(compiled.nominal.size, -1)
        of_scale = np.where(scaled, logs, 0.0) * self.norm[:, :, None]
        of_total = np.zeros_like(logs)
        of_total[:, :, compiled.shape_parameters] = shapes
        slopes = np.where(scaled, 0.0, logs) * self.rates.cells[:, :, None]
        slopes += (self.factor * self.scale[1] * self.total[0])[:, :, None] * of_scale
        slopes += (self.factor * self.scale[0] * self.total[1])[:, :, None] * of_total
        bent = [
            (self.factor * self.scale[2] * self.total[0], of_scale),
            (self.factor * self.scale[0] * self.total[2], of_total),
        ]
        return slopes, bent


def _yields(compiled: Compiled, points: FloatArray) -> FloatArray:
    """Return the yield of each cell after its histosys, before all factors, shape (batch, cell)."""
    h, g = compiled.shape_code.basis(points[:, compiled.shape_parameters], 0)
    return np.asarray(compiled.nominal + h @ compiled.shape_odd + g @ compiled.shape_even)


def _floor(likelihood: HistFactoryLikelihood) -> Floor:
    floor = likelihood.compiled.floor
    if floor is None:
        raise ValueError("the model does not clip")
    return floor


def _round(x: FloatArray, width: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the rounded max(x, 0) and its two derivatives; x itself where the width is 0."""
    wide = width > 0
    e = np.where(wide, width, 1.0)
    root = np.hypot(x, 2 * e)
    # Below 0 the sum of x and the root would lose its digits.
    value = np.where(x > 0, 0.5 * (x + root), 2 * e * e / (root + np.abs(x)))
    return (
        np.where(wide, value, x),
        np.where(wide, value / root, 1.0),
        np.where(wide, 2 * e * e / root**3, 0.0),
    )
