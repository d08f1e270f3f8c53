"""The objective -2 log L of a batch of points, with gradient and curvature.

Value and gradient cost as much as the rates, whatever the number of parameters
(:mod:`hepnb.model.evaluation`). The curvature is made channel by channel (:mod:`hepnb.model.blocks`): with C
cells and K parameters that touch a channel it costs a product of (K x C) with (C x K) matrices. Points are
taken in slices small enough to stay in the processor's cache.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from hepnb.model.blocks import Block, blocks
from hepnb.model.compile import Compiled
from hepnb.model.constraints import EMPTY, Constraints, poisson, saturated
from hepnb.model.evaluation import evaluate_rates, rate_gradient
from hepnb.model.expectation import Rates, cell_rates, differentiate, rates, slot_values
from hepnb.model.extended_derivatives import SortedTerms, extended_curvature, extended_gradient, sorted_terms
from hepnb.model.factors import Factors, factors
from hepnb.model.incidence import Incidence, incidence
from hepnb.model.operator import Operator
from hepnb.model.profiled import ProfiledLikelihood
from hepnb.typing import BoolArray, FloatArray

__all__ = ["NO_RATE", "HistFactoryLikelihood", "Objective"]


# Rates below it are none: what is faint, and what factors of 0 leave.
NO_RATE = 1e-20
_SLICE_BYTES, _GRADIENT_BYTES = 8_000_000, 2_000_000
_FEW_PARAMETERS = 20
# The events of an empty bin with an additive uncertainty: -2 log L is changed by some 1e-5 at most.
_EMPTY_WITH_ERRORS = 1e-6
# From so many points on it pays to multiply factors that cells share once.
_MANY_POINTS = 16


@dataclass(frozen=True)
class Objective:
    """-2 log L without the terms that depend on the data alone.

    Parameters
    ----------
    value : ndarray, shape (batch,)
        Infinite where a bin's rate is negative, or zero with data in it.
    gradient : ndarray, shape (batch, parameter)
        Empty unless asked for.
    curvature : ndarray, shape (batch, parameter, parameter)
        Empty unless asked for.
    """

    value: FloatArray
    gradient: FloatArray
    curvature: FloatArray


@dataclass(frozen=True)
class HistFactoryLikelihood:
    """The likelihood of a compiled model.

    Parameters
    ----------
    compiled : Compiled
        Its expected rates.
    constraints : Constraints
        Its auxiliary measurements.
    notes : dict
        What fits have learned about it, to be learned once; it travels with a pickled model.
    """

    compiled: Compiled
    constraints: Constraints
    notes: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def n_parameters(self) -> int:
        """How many parameters a point has."""
        return len(self.compiled.parameters)

    @cached_property
    def _factors(self) -> Factors:
        return factors(self.compiled)

    @cached_property
    def _blocks(self) -> tuple[Block, ...]:
        return blocks(self.compiled)

    @cached_property
    def costs(self) -> tuple[float, float]:
        """Nanoseconds that gradient and curvature take at one point of many, about."""
        compiled = self.compiled
        sums = (
            30.0 * compiled.norm_parameters.size
            + 4.0 * compiled.term_slot.size
            + 20.0 * compiled.nominal.size
        )
        shapes = float(compiled.shape_parameters.size * compiled.nominal.size)
        if compiled.extension is not None and compiled.extension.morphs is not None:
            shapes += 3.0 * compiled.extension.morphs.odd.size
        gradient = sums + 2 * shapes + 60.0 * (self.n_bins + self.n_parameters)
        return gradient, gradient + sum(block.cost for block in self._blocks)

    @cached_property
    def _incidence(self) -> Incidence:
        return incidence(self.compiled)

    @cached_property
    def _sorted_terms(self) -> SortedTerms:
        return sorted_terms(self.compiled)

    @cached_property
    def least_count(self) -> float:
        """The events that an empty bin counts for; more where uncertainties are added to its rate.

        They can take the rate to 0, where the minimum then lies, and steps towards it must see the edge.
        """
        extension = self.compiled.extension
        return EMPTY if extension is None or extension.errors is None else _EMPTY_WITH_ERRORS

    @cached_property
    def profiled(self) -> ProfiledLikelihood | None:
        """The likelihood without the bin uncertainties that have a closed form; None where none has."""
        extension = self.compiled.extension
        if extension is None or extension.errors is None:
            return None
        errors = extension.errors
        per_bin = np.bincount(errors.bins, minlength=self.n_bins)
        used = np.bincount(errors.parameters, minlength=self.n_parameters)
        for factor in extension.formulas:
            used[factor.parameters] += 2
        if extension.morphs is not None:
            used[extension.morphs.parameters] += 2
        used[self.compiled.norm_parameters] += 2
        used[self.compiled.shape_parameters] += 2
        steering = self.compiled.term_slot - self.compiled.norm_parameters.size
        used[steering[(steering >= 0) & (steering < self.n_parameters)]] += 2
        unit = np.zeros(self.n_parameters, dtype=bool)
        unit[self.constraints.gauss[self.constraints.weight == 1.0]] = True
        alone = (per_bin[errors.bins] == 1) & (used[errors.parameters] == 1) & unit[errors.parameters]
        return ProfiledLikelihood(self, np.flatnonzero(alone)) if alone.any() else None

    @property
    def operator_bytes(self) -> int:
        """Memory per point of :meth:`operator`; 0 where there are too many bins for it."""
        if self.n_parameters < 3 * self.n_bins or self.n_parameters < _FEW_PARAMETERS:
            return 0
        if self.compiled.extension is not None:
            return 0
        if self.compiled.has_faint:
            return 0  # its softened factors would outshine a faint background
        return 8 * (4 * self.n_bins * self.n_parameters + 6 * self._incidence.slots.size)

    def operator(self, points: FloatArray, data: FloatArray) -> Operator:
        """Return gradient and curvature of a batch as an operator.

        Parameters
        ----------
        points : ndarray, shape (batch, parameter)
            Parameter points.
        data : ndarray, shape (batch, data)
            Data of each point.

        Returns
        -------
        Operator
            With -2 log L itself. In its derivatives factors of exactly 0 are replaced by 1e-8, which is good
            enough for search directions.
        """
        slots = slot_values(self.compiled, points)
        kappa, rate, nu = rates(self.compiled, slots[0], points)
        value = self._value(nu.T, points, data)
        return Operator(
            self.compiled, self._incidence, self.constraints, points, data, value, slots, kappa, rate, nu
        )

    @cached_property
    def max_step(self) -> FloatArray:
        """How far one step may move each parameter that interpolates: two standard deviations.

        Farther away products of interpolated factors explode or change sign, and there are minima that no
        one means. A rate is linear in all other parameters.
        """
        farthest = np.full(self.n_parameters, np.inf)
        farthest[self.constraints.gauss] = 2 / np.sqrt(self.constraints.weight)
        # The alpha of a gamma law has unit width.
        farthest[self.constraints.poisson[self.constraints.offset > 0]] = 2.0
        interpolates = np.zeros(self.n_parameters, dtype=bool)
        interpolates[self.compiled.norm_parameters] = True
        interpolates[self.compiled.shape_parameters] = True
        extension = self.compiled.extension
        if extension is not None and extension.morphs is not None:
            interpolates[extension.morphs.parameters] = True
        return np.where(interpolates, farthest, np.inf)

    @property
    def n_bins(self) -> int:
        """How many of the data are bins; the rest is auxiliary."""
        return int(self.compiled.bin_starts.size)

    def bin_rates(self, points: FloatArray) -> FloatArray:
        """Return the rate of every bin, shape (batch, bin), at points of shape (batch, parameter)."""
        if len(points) < _MANY_POINTS or self.compiled.extension is not None:
            return cell_rates(self.compiled, points).bins
        return np.ascontiguousarray(evaluate_rates(self.compiled, self._factors, points, 0).bins.T)

    def constant(self, data: FloatArray) -> FloatArray:
        """Return the terms of -2 log L that depend on the data alone.

        Parameters
        ----------
        data : ndarray, shape (batch, data)
            Bins, then auxiliary data.

        Returns
        -------
        ndarray, shape (batch,)
        """
        main, aux = data[..., : self.n_bins], data[..., self.n_bins :]
        return np.asarray(saturated(main).sum(axis=-1) + self.constraints.constant(aux))

    def objective(
        self, points: FloatArray, data: FloatArray, order: Literal[0, 1, 2] = 0, *, exact: bool = True
    ) -> Objective:
        """Evaluate a batch.

        Parameters
        ----------
        points : ndarray, shape (batch, parameter)
            Parameter points.
        data : ndarray, shape (batch, data) or (1, data)
            Data of each point, or the same for all.
        order : {0, 1, 2}
            Highest derivative to give.
        exact : bool
            The true second derivative; or else the expected one (J^T diag(n / nu^2) J and the
            constraints), which is never indefinite.

        Returns
        -------
        Objective
            Value and derivatives.
        """
        batch = points.shape[0]
        if len(data) != batch:
            data = np.broadcast_to(data, (batch, data.shape[-1]))
        compiled = self.compiled
        if order == 2:
            largest = max(block.compiled.nominal.size * block.parameters.size for block in self._blocks)
            step, part = max(1, int(_SLICE_BYTES // (8 * 6 * largest))), self._derivatives
        else:
            per_point = 8 * (3 * compiled.norm_parameters.size + 8 * compiled.nominal.size)
            step, part = max(1, int(_GRADIENT_BYTES // per_point)), self._slope
        if batch <= step:
            return part(points, data, order, exact)
        parts = [part(points[i : i + step], data[i : i + step], order, exact) for i in range(0, batch, step)]
        return Objective(
            *(np.concatenate(column) for column in zip(*(vars(p).values() for p in parts), strict=True))
        )

    def _slope(self, points: FloatArray, data: FloatArray, order: int, exact: bool) -> Objective:
        """Value, and gradient if asked for, without any curvature."""
        del exact
        if self.compiled.extension is not None:
            return self._extended_slope(points, data, order)
        compiled, links = self.compiled, self._factors
        here = evaluate_rates(compiled, links, points, order)
        bins = np.ascontiguousarray(here.bins.T)
        value, empty = self._value(bins, points, data), np.empty((len(points), 0))
        if order == 0:
            return Objective(value, empty, empty[:, :, None])
        weight, _, _ = self._weights(bins, data)
        gradient = rate_gradient(compiled, links, points, here, np.ascontiguousarray(weight.T))
        gradient = gradient + self.constraints.slopes(points, data[:, self.n_bins :])[0]
        return Objective(value, gradient, empty[:, :, None])

    def _extended_slope(self, points: FloatArray, data: FloatArray, order: int) -> Objective:
        """Value, and gradient if asked for, of a model with an extension."""
        return self.slope_of(cell_rates(self.compiled, points, order), points, data, order)

    def slope_of(self, here: Rates, points: FloatArray, data: FloatArray, order: int) -> Objective:
        """Return value, and gradient if asked for, of a model with an extension, from its rates."""
        value, empty = self._value(here.bins, points, data), np.empty((len(points), 0))
        if order == 0:
            return Objective(value, empty, empty[:, :, None])
        weight = self._weights(here.bins, data)[0]
        gradient = extended_gradient(self.compiled, points, here, weight, self._sorted_terms)
        gradient += self.constraints.slopes(points, data[:, self.n_bins :])[0]
        return Objective(value, gradient, empty[:, :, None])

    def _weights(self, bins: FloatArray, data: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return 2 (1 - n / nu), n / nu and nu of the bins, shape (batch, bin)."""
        main = data[:, : self.n_bins]
        nu = self._lit(bins, main)
        good = nu > 0
        if good.all():
            ratio = np.maximum(main, self.least_count) / nu
        else:
            # A point outside the domain has no derivatives; the numbers there are never used.
            nu = np.where(good, nu, 1.0)
            ratio = np.where(~good & (main == 0), 0.0, np.maximum(main, self.least_count) / nu)
        return 2 * (1 - ratio), ratio, nu

    def _value(self, nu: FloatArray, points: FloatArray, data: FloatArray) -> FloatArray:
        main, aux = data[:, : self.n_bins], data[:, self.n_bins :]
        nu = self._lit(nu, main)
        auxiliary, good = self.constraints, nu > 0
        rate, count, outside = nu, main, None
        if not good.all():
            bad = ~good & ~((nu == 0) & (main == 0))
            rate, outside = np.where(bad, 1.0, nu), bad.any(axis=1)
        if auxiliary.poisson.size:
            # All Poisson laws in one go: in small models the calls take the time.
            counted_aux = auxiliary.places[3]
            rate = np.concatenate([rate, auxiliary.poisson_rates(points)], axis=1)
            count = np.concatenate([main, aux[:, counted_aux]], axis=1)
        value = auxiliary.gaussian(points, aux) + poisson(rate, count).sum(axis=1) + auxiliary.cuts(points)
        if outside is not None:
            value[outside] = np.inf
        if not main.all():
            edge = (main == 0) & good
            value -= 2 * self.least_count * np.log(np.where(edge, nu, 1.0)).sum(axis=1)
        return np.where(np.isnan(value), np.inf, value)

    def _lit(self, nu: FloatArray, main: FloatArray) -> FloatArray:
        """Set faint rates to 0 in bins without events, where their limit is known."""
        if not self.compiled.has_faint:
            return nu
        return np.where((main == 0) & (np.abs(nu) < NO_RATE), 0.0, nu)

    def impossible(self, points: FloatArray, data: FloatArray) -> BoolArray:
        """Tell where a bin with events has no rate but a faint one: there -2 log L itself is infinite.

        Parameters
        ----------
        points : ndarray, shape (batch, parameter)
            Parameter points.
        data : ndarray, shape (batch, data) or (1, data)
            Data of each point.

        Returns
        -------
        ndarray of bool, shape (batch,)
        """
        if not self.compiled.has_faint:
            return np.zeros(len(points), dtype=bool)
        nu = cell_rates(self.compiled, points).bins
        return np.asarray(((np.abs(nu) < NO_RATE) & (data[:, : self.n_bins] > 0)).any(axis=1))

    def _derivatives(self, points: FloatArray, data: FloatArray, order: int, exact: bool) -> Objective:
        """Value, gradient and curvature, block by block."""
        del order
        parts = [
            (block, points if len(self._blocks) == 1 else points[:, block.parameters])
            for block in self._blocks
        ]
        parts_rates = [cell_rates(block.compiled, here, 2) for block, here in parts]
        bins = np.concatenate([here.bins for here in parts_rates], axis=1)
        value = self._value(bins, points, data)
        weight, ratio, nu = self._weights(bins, data)
        stiffness = np.sqrt(2 * ratio / nu)
        first, second = self.constraints.slopes(points, data[:, self.n_bins :])
        curvature = np.zeros((len(points), self.n_parameters, self.n_parameters))
        for (block, local), here in zip(parts, parts_rates, strict=True):
            where = block.parameters
            slope, bend = _block_derivatives(
                block.compiled, local, here, weight[:, block.bins], stiffness[:, block.bins], exact
            )
            if len(parts) == 1:
                first, curvature = first + slope, bend
            else:
                first[:, where] += slope
                curvature[:, where[:, None], where] += bend
        np.einsum("lpp->lp", curvature)[...] += second
        return Objective(value, first, curvature)


def _block_derivatives(
    compiled: Compiled,
    points: FloatArray,
    here: Rates,
    weight: FloatArray,
    stiffness: FloatArray,
    exact: bool,
) -> tuple[FloatArray, FloatArray]:
    """Return gradient and curvature of the bins of a block with respect to its parameters."""
    if compiled.extension is not None:
        return extended_curvature(compiled, points, here, weight, stiffness, exact)
    log_slopes, shape_slopes, slopes, diagonal = differentiate(compiled, points, here)
    jacobian = np.add.reduceat(slopes, compiled.bin_starts, axis=1)
    gradient = np.matmul(weight[:, None, :], jacobian)[:, 0]
    scaled = jacobian * stiffness[:, :, None]
    curvature = np.matmul(scaled.transpose(0, 2, 1), scaled)
    if not exact:
        return gradient, curvature
    on_diagonal = np.einsum("lpp->lp", curvature)  # a view
    own = on_diagonal.copy()
    by_cell = weight[:, compiled.cell_bin]
    right = (by_cell * here.cells)[:, :, None] * log_slopes
    bent = compiled.shape_parameters
    if bent.size:
        right[:, :, bent] += (2 * by_cell * here.kappa)[:, :, None] * shape_slopes
    half = np.matmul(log_slopes.transpose(0, 2, 1), right)
    curvature += 0.5 * (half + half.transpose(0, 2, 1)) if bent.size else half
    if bent.size or compiled.norm_parameters.size:
        own += np.matmul(by_cell[:, None, :], diagonal)[:, 0]
    on_diagonal[...] = own
    return gradient, curvature
