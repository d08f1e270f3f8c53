"""Value, gradient and curvature of -2 log L of many fits at once, in JAX.

The curvature is written out as in :mod:`hepnb.model.expectation`, not left to automatic differentiation,
which would go through the model once for each parameter. With the tables L and D of a fit (cell, parameter)
it is two products of matrices.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp

from hepnb.accelerated.arrays import Structure, Tables
from hepnb.accelerated.rates import Array, bin_sums, factors_and_shapes, slot_values
from hepnb.accelerated.terms import objective_of
from hepnb.model.constraints import EMPTY
from hepnb.model.cut_law import log_norm
from hepnb.model.expectation import NOTHING, TINY
from hepnb.model.likelihood import NO_RATE

__all__ = ["Derivatives", "derivatives", "gradient_of", "values_of"]


class Derivatives(NamedTuple):
    """-2 log L of a batch, without the terms that depend on the data alone.

    Parameters
    ----------
    value : array, shape (fit,)
        Infinite outside its domain.
    gradient : array, shape (fit, parameter)
        Gradient.
    curvature : array, shape (fit, parameter, parameter)
        The second derivative.
    expected : array, shape (fit, parameter, parameter)
        The expected one, which is never indefinite.
    """

    value: Array
    gradient: Array
    curvature: Array
    expected: Array


class _Here(NamedTuple):
    """What value and derivatives share."""

    slots: tuple[Array, Array, Array]
    kappa: Array
    cells: Array
    bins: Array


def _rates(structure: Structure, tables: Tables, x: Array, order: int) -> _Here:
    value, first, second = slot_values(structure, tables, x, order)
    # So that factors can be divided by; see hepnb.model.expectation.
    value = jnp.where(jnp.abs(value) < TINY, TINY, value)
    kappa, total = factors_and_shapes(structure, tables, x, value, tables.nominal)
    cells = kappa * total
    bins = bin_sums(structure, tables, cells)
    if tables.faint is not None:
        bins = bins + tables.faint
    bins = jnp.where(jnp.abs(bins) < NOTHING, 0.0, bins)
    return _Here((value, first, second), kappa, cells, bins)


def values_of(structure: Structure, tables: Tables, x: Array, data: Array) -> Array:
    """Return -2 log L of each fit, shape (fit,), infinite outside its domain."""
    here = _rates(structure, tables, x, 0)
    return _value(structure, tables, x, here.bins, data)


def _value(structure: Structure, tables: Tables, x: Array, bins: Array, data: Array) -> Array:
    value, bad = objective_of(structure, tables, x, bins, data)
    return jnp.where(bad | jnp.isnan(value), jnp.inf, value)


def _weights(structure: Structure, bins: Array, main: Array) -> tuple[Array, Array]:
    """Return 2 (1 - n / nu) and 2 n / nu^2 of the bins, shape (fit, bin)."""
    nu = bins
    if structure.has_faint:
        nu = jnp.where((main == 0) & (jnp.abs(nu) < NO_RATE), 0.0, nu)
    good = nu > 0
    safe = jnp.where(good, nu, 1.0)
    ratio = jnp.where(~good & (main == 0), 0.0, jnp.maximum(main, EMPTY) / safe)
    return 2 * (1 - ratio), 2 * ratio / safe


def _of_constraints(tables: Tables, x: Array, aux: Array) -> tuple[Array, Array]:
    """Return first and second derivative of the constraints, shape (fit, parameter)."""
    first, second = jnp.zeros_like(x), jnp.zeros_like(x)
    if tables.gauss.shape[0]:
        pulls = x[:, tables.gauss] - aux[:, tables.gauss_aux]
        first = first.at[:, tables.gauss].add(2 * pulls * tables.weight)
        second = second.at[:, tables.gauss].add(2 * tables.weight)
    if tables.poisson.shape[0]:
        gamma, count = x[:, tables.poisson] + tables.offset, aux[:, tables.poisson_aux]
        slope, bend = 2 * (tables.tau - count / gamma), 2 * count / (gamma * gamma)
        if tables.cut.shape[0]:
            tau = tables.tau[tables.cut]
            _, rise, turn = log_norm(gamma[:, tables.cut] * tau, jnp)
            slope = slope.at[:, tables.cut].add(2 * rise * tau)
            bend = bend.at[:, tables.cut].add(2 * turn * tau * tau)
        first = first.at[:, tables.poisson].add(slope)
        second = second.at[:, tables.poisson].add(bend)
    return first, second


def _by_parameter(structure: Structure, tables: Tables, of_slots: Array) -> Array:
    """Sum over the slots of each parameter, from shape (fit, slot) to (fit, parameter)."""
    owned = tables.owner[:, None] == jnp.arange(structure.n_parameters)
    return of_slots @ owned.astype(of_slots.dtype)


def gradient_of(structure: Structure, tables: Tables, x: Array, data: Array) -> tuple[Array, Array]:
    """Return -2 log L of each fit and its gradient, shapes (fit,) and (fit, parameter)."""
    here = _rates(structure, tables, x, 2)
    value = _value(structure, tables, x, here.bins, data)
    weight, _ = _weights(structure, here.bins, data[:, : structure.n_bins])
    by_cell = weight[:, tables.cell_bin]
    slots, slopes, _ = here.slots
    gradient = _by_parameter(structure, tables, (by_cell * here.cells) @ tables.in_slot * (slopes / slots))
    where = tables.shape_parameters
    if where.shape[0]:
        odd, even = structure.shape_code.basis(x[:, where], 1, jnp)
        of_kappa = by_cell * here.kappa
        part = odd * (of_kappa @ tables.shape_odd.T) + even * (of_kappa @ tables.shape_even.T)
        gradient = gradient.at[:, where].add(part)
    return value, gradient + _of_constraints(tables, x, data[:, structure.n_bins :])[0]


def derivatives(structure: Structure, tables: Tables, x: Array, data: Array) -> Derivatives:
    """Differentiate -2 log L of each fit twice.

    Parameters
    ----------
    structure : Structure
        The model.
    tables : Tables
        Its numbers.
    x : array, shape (fit, parameter)
        Points.
    data : array, shape (fit, data)
        Data of each fit.

    Returns
    -------
    Derivatives
        Where the value is infinite the derivatives mean nothing.
    """
    here = _rates(structure, tables, x, 2)
    value = _value(structure, tables, x, here.bins, data)
    weight, stiffness = _weights(structure, here.bins, data[:, : structure.n_bins])
    by_cell = weight[:, tables.cell_bin]
    of_rate, of_kappa = by_cell * here.cells, by_cell * here.kappa
    slots, first, second = here.slots
    none = jnp.zeros((x.shape[0], 1))
    log_slope = jnp.concatenate([first / slots, none], axis=1)[:, tables.slot_of]
    slopes = log_slope * here.cells[:, :, None]
    right = log_slope * of_rate[:, :, None]
    own = _by_parameter(structure, tables, of_rate @ tables.in_slot * (second / slots))
    where = tables.shape_parameters
    if where.shape[0]:
        alpha = x[:, where]
        odd, even = structure.shape_code.basis(alpha, 1, jnp)
        bent_odd, bent_even = structure.shape_code.basis(alpha, 2, jnp)
        shift = odd[:, None, :] * tables.shape_odd.T + even[:, None, :] * tables.shape_even.T
        slopes = slopes.at[:, :, where].add(here.kappa[:, :, None] * shift)
        pushed = 2 * of_kappa[:, :, None] * shift
        right = right.at[:, :, where].add(pushed)
        bend = bent_odd * (of_kappa @ tables.shape_odd.T) + bent_even * (of_kappa @ tables.shape_even.T)
        bend = bend + jnp.einsum("fcp,fcp->fp", log_slope[:, :, where], pushed)
        own = own.at[:, where].add(bend)
    jacobian = bin_sums(structure, tables, slopes.swapaxes(1, 2))
    law_first, law_second = _of_constraints(tables, x, data[:, structure.n_bins :])
    gradient = jnp.einsum("fpb,fb->fp", jacobian, weight) + law_first
    scaled = jacobian * jnp.sqrt(stiffness)[:, None, :]
    expected = jnp.einsum("fpb,fqb->fpq", scaled, scaled)
    half = jnp.einsum("fcp,fcq->fpq", log_slope, right)
    spots = jnp.arange(structure.n_parameters)
    of_cells = (0.5 * (half + half.swapaxes(1, 2))).at[:, spots, spots].set(own)
    curvature = (expected + of_cells).at[:, spots, spots].add(law_second)
    return Derivatives(value, gradient, curvature, expected.at[:, spots, spots].add(law_second))
