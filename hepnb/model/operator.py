"""The curvature of -2 log L as an operator: products with vectors, never a matrix.

With fewer bins than parameters, the expected curvature is a diagonal (the constraints) plus a matrix of the
rank of the number of bins, so it is inverted in the space of bins (Woodbury). The true curvature differs
from it by terms that act cell by cell. So a Newton step is a few conjugate-gradient iterations with the true
curvature, preconditioned with the expected one: its cost grows with the number of modifier terms, where the
matrix itself would cost their number times the number of parameters.

Arrays here have the lane as their last axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hepnb.model.compile import Compiled
from hepnb.model.constraints import EMPTY, Constraints
from hepnb.model.expectation import rates
from hepnb.model.incidence import Incidence
from hepnb.typing import BoolArray, FloatArray, IntArray

__all__ = ["Operator", "Preconditioner", "Product"]


# Factors are kept this far from 0: near enough for a search direction, far enough that r L^2 cancels.
_SMALL = 1e-8


@dataclass(frozen=True)
class Operator:
    """-2 log L at a batch of points, with its gradient and curvature.

    Parameters
    ----------
    compiled, incidence, constraints
        The model.
    points : ndarray, shape (batch, parameter)
        Where.
    data : ndarray, shape (batch, data)
        Bins and auxiliary data.
    value : ndarray, shape (batch,)
        -2 log L without the terms that depend on the data alone.
    slots : tuple of ndarray, shape (slot, batch)
        Value, slope and second derivative of the slots.
    kappa, rate : ndarray, shape (cell, batch)
        The factors and the rate of each cell.
    nu : ndarray, shape (bin, batch)
        The rate of each bin.
    """

    compiled: Compiled
    incidence: Incidence
    constraints: Constraints
    points: FloatArray
    data: FloatArray
    value: FloatArray
    slots: tuple[FloatArray, FloatArray, FloatArray]
    kappa: FloatArray
    rate: FloatArray
    nu: FloatArray

    def take(self, which: Any) -> Operator:
        """Return some of the lanes."""
        model = (self.compiled, self.incidence, self.constraints)
        value, first, second = self.slots
        slots = (value[:, which], first[:, which], second[:, which])
        rows = (self.points[which], self.data[which], self.value[which])
        return Operator(*model, *rows, slots, self.kappa[:, which], self.rate[:, which], self.nu[:, which])

    def join(self, other: Operator) -> Operator:
        """Append other lanes."""
        model = (self.compiled, self.incidence, self.constraints)
        pairs = zip(self.slots, other.slots, strict=True)
        value, first, second = (np.concatenate(pair, axis=1) for pair in pairs)
        return Operator(
            *model,
            np.concatenate([self.points, other.points]),
            np.concatenate([self.data, other.data]),
            np.concatenate([self.value, other.value]),
            (value, first, second),
            np.concatenate([self.kappa, other.kappa], axis=1),
            np.concatenate([self.rate, other.rate], axis=1),
            np.concatenate([self.nu, other.nu], axis=1),
        )

    @cached_property
    def _soft(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
        """Slopes L and M - L^2 of the used slots, kappa, rate and nu, with factors kept away from 0."""
        used = self.incidence.slots
        value, first, second = (slot[used] for slot in self.slots)
        kappa, rate, nu = self.kappa, self.rate, self.nu
        tiny = np.abs(value) < _SMALL
        if tiny.any():
            value = np.where(tiny, _SMALL, value)
            lanes = np.flatnonzero(tiny.any(axis=0))
            soft = self.slots[0][:, lanes]
            soft[used] = value[:, lanes]
            kappa, rate, nu = kappa.copy(), rate.copy(), nu.copy()
            kappa[:, lanes], rate[:, lanes], nu[:, lanes] = self._rates(soft, lanes)
        slope = first / value
        bend = second / value
        bend -= slope * slope
        return slope, bend, kappa, rate, nu

    def _rates(self, slots: FloatArray, lanes: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Evaluate factors and rates of some lanes with other values of their slots."""
        return rates(self.compiled, slots, self.points[lanes])

    @cached_property
    def _weights(self) -> tuple[FloatArray, FloatArray]:
        """Weights 2 (1 - n / nu) and sqrt(2 n) / nu of the bins, shape (bin, batch)."""
        nu = self._soft[4]
        main = self.data[:, : nu.shape[0]].T
        safe = np.where(nu > 0, nu, 1.0)
        ratio = np.where((nu <= 0) & (main == 0), 0.0, np.maximum(main, EMPTY) / safe)
        return 2 * (1 - ratio), np.sqrt(2 * ratio / safe)

    @cached_property
    def _shape_slopes(self) -> tuple[FloatArray, FloatArray]:
        alphas = self.points[:, self.incidence.shapes]
        h, g = self.compiled.shape_code.basis(alphas, 1)
        return h, g

    @cached_property
    def jacobian(self) -> FloatArray:
        """Derivative of the rates of the bins, shape (batch, bin, parameter)."""
        compiled, links = self.compiled, self.incidence
        slope, _, kappa, rate, _ = self._soft
        batch, n_parameters = self.points.shape
        n_bins = compiled.bin_starts.size
        table = links.to_table @ ((links.by_bin @ rate) * slope[links.bin_slot])
        jacobian = np.ascontiguousarray(table.reshape(n_bins, n_parameters, batch).transpose(2, 0, 1))
        if not compiled.shape_parameters.size:
            return jacobian
        where = links.shapes
        h, g = self._shape_slopes
        if links.bin_odd.size:
            odd, even = (
                (kappa.T @ table).reshape(batch, n_bins, -1) for table in (links.bin_odd, links.bin_even)
            )
            jacobian[:, :, where] += h[:, None, :] * odd + g[:, None, :] * even
            return jacobian
        ends = [*compiled.bin_starts[1:], rate.shape[0]]
        for b, (begin, end) in enumerate(zip(compiled.bin_starts, ends, strict=True)):
            here = kappa[begin:end].T
            odd = here @ compiled.shape_odd[:, begin:end].T
            even = here @ compiled.shape_even[:, begin:end].T
            jacobian[:, b, where] += h * odd + g * even
        return jacobian

    @cached_property
    def _scaled(self) -> FloatArray:
        """The Jacobian in units of the statistical uncertainty: its square is the expected curvature."""
        return self.jacobian * self._weights[1].T[:, :, None]

    @cached_property
    def _own(self) -> tuple[FloatArray, FloatArray]:
        """First and second derivative of the constraints, shape (batch, parameter)."""
        return self.constraints.slopes(self.points, self.data[:, self.compiled.bin_starts.size :])

    @property
    def constraint_curvature(self) -> FloatArray:
        """Second derivative of the constraints, shape (batch, parameter)."""
        return self._own[1]

    @cached_property
    def gradient(self) -> FloatArray:
        """Gradient, shape (batch, parameter)."""
        weight = self._weights[0].T[:, None, :]
        return np.asarray(np.matmul(weight, self.jacobian)[:, 0] + self._own[0])

    @cached_property
    def _cell_weights(self) -> tuple[FloatArray, FloatArray]:
        """Weight times rate, and weight times kappa, of each cell, shape (cell, batch)."""
        by_cell = self._weights[0][self.compiled.cell_bin]
        return by_cell * self._soft[3], by_cell * self._soft[2]

    @cached_property
    def _diagonal(self) -> FloatArray:
        """What the cell terms of the product below have to be corrected by, shape (batch, parameter)."""
        compiled, links = self.compiled, self.incidence
        of_rate, of_kappa = self._cell_weights
        rows = (links.transposed @ of_rate) * self._soft[1]
        diagonal: FloatArray = self._own[1] + (links.to_parameters @ rows).T
        where = links.shapes
        if compiled.shape_parameters.size:
            h2, g2 = compiled.shape_code.basis(self.points[:, where], 2)
            steer = of_kappa.T
            diagonal[:, where] += h2 * (steer @ compiled.shape_odd.T) + g2 * (steer @ compiled.shape_even.T)
        return diagonal

    @cached_property
    def product(self) -> Product:
        """The true curvature, to be multiplied with vectors."""
        odd = even = np.empty((len(self.points), 0))
        if self.compiled.shape_parameters.size:
            odd, even = self._shape_slopes
        return Product(
            self.compiled,
            self.incidence,
            self._scaled,
            self._diagonal,
            self._soft[0],
            *self._cell_weights,
            odd,
            even,
        )

    def preconditioner(self, held: BoolArray) -> Preconditioner:
        """Invert the expected curvature of the parameters that are free to move.

        Parameters
        ----------
        held : ndarray of bool, shape (batch, parameter)
            Parameters that do not move.

        Returns
        -------
        Preconditioner
            Its inverse.
        """
        scaled = np.where(held[:, None, :], 0.0, self._scaled)
        floor = 1e-6 * np.einsum("lbp,lbp->lp", scaled, scaled) + 1e-10
        inverse = np.where(held, 0.0, 1.0 / np.maximum(self._own[1], floor))
        narrowed = scaled * inverse[:, None, :]
        inner = np.matmul(narrowed, scaled.transpose(0, 2, 1))
        spots = np.arange(inner.shape[1])
        inner[:, spots, spots] += 1.0
        return Preconditioner(inverse, narrowed, np.linalg.inv(inner))


@dataclass(frozen=True)
class Product:
    """The true curvature at a batch of points; see :attr:`Operator.product`.

    Parameters
    ----------
    compiled, incidence
        The model.
    scaled : ndarray, shape (batch, bin, parameter)
        The Jacobian in units of the statistical uncertainty.
    diagonal : ndarray, shape (batch, parameter)
        Constraints, and corrections of the cell terms.
    slope : ndarray, shape (slot, batch)
        Logarithmic derivative of each slot.
    of_rate, of_kappa : ndarray, shape (cell, batch)
        Weight times rate and weight times kappa of each cell.
    odd, even : ndarray, shape (batch, shape parameter)
        Derivatives of the two parts of the shape interpolation.
    """

    compiled: Compiled
    incidence: Incidence
    scaled: FloatArray
    diagonal: FloatArray
    slope: FloatArray
    of_rate: FloatArray
    of_kappa: FloatArray
    odd: FloatArray
    even: FloatArray

    def take(self, which: IntArray) -> Product:
        """Return some of the lanes."""
        return Product(
            self.compiled,
            self.incidence,
            self.scaled[which],
            self.diagonal[which],
            self.slope[:, which],
            self.of_rate[:, which],
            self.of_kappa[:, which],
            self.odd[which],
            self.even[which],
        )

    def __call__(self, vector: FloatArray) -> FloatArray:
        """Multiply with vectors of shape (batch, parameter)."""
        compiled, links = self.compiled, self.incidence
        in_bins = np.matmul(self.scaled, vector[:, :, None])
        result = np.matmul(in_bins.transpose(0, 2, 1), self.scaled)[:, 0] + self.diagonal * vector
        along_factors = links.cells @ (self.slope * vector.T[links.parameters])
        to_factors = self.of_rate * along_factors
        if compiled.shape_parameters.size:
            h, g = self.odd, self.even
            part = vector[:, links.shapes]
            along_shapes = ((part * h) @ compiled.shape_odd + (part * g) @ compiled.shape_even).T
            to_factors += self.of_kappa * along_shapes
            to_shapes = (self.of_kappa * along_factors).T
            back = h * (to_shapes @ compiled.shape_odd.T) + g * (to_shapes @ compiled.shape_even.T)
            result[:, links.shapes] += back
        self._of_lanes(vector, along_factors, to_factors, result)
        result += (links.to_parameters @ (self.slope * (links.transposed @ to_factors))).T
        return np.asarray(result)

    def _of_lanes(
        self, vector: FloatArray, along_factors: FloatArray, to_factors: FloatArray, result: FloatArray
    ) -> None:
        """Add what is not the same model in every lane: nothing here; see :mod:`hepnb.model.stack`."""


@dataclass(frozen=True)
class Preconditioner:
    """The inverse of a diagonal plus a matrix of low rank; see :meth:`Operator.preconditioner`."""

    inverse: FloatArray
    narrowed: FloatArray
    inner: FloatArray

    def take(self, which: IntArray) -> Preconditioner:
        """Return some of the lanes."""
        return Preconditioner(self.inverse[which], self.narrowed[which], self.inner[which])

    def __call__(self, vector: FloatArray) -> FloatArray:
        """Apply the inverse to vectors of shape (batch, parameter)."""
        in_bins = np.matmul(self.narrowed, vector[:, :, None])
        correction = np.matmul(np.matmul(self.inner, in_bins).transpose(0, 2, 1), self.narrowed)[:, 0]
        return np.asarray(self.inverse * vector - correction)
