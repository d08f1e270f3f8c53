"""Expected rates of a batch of parameter points, and their derivatives.

With r = kappa (nominal + delta) the rate of a cell, L the derivative of log(kappa) and D that of delta::

    dr      = r L + kappa D
    d2r     = r L L^T + kappa (L D^T + D L^T)    off the diagonal,
    d2r_pp  = r M_p + 2 kappa L_p D_p + kappa D_p''

where M holds f''/f of each factor f. Factors are kept away from exactly 0 by 1e-80, so that f L is exact
without ever dividing by 0: three such factors in one product still neither underflow nor overflow. That is
also why the diagonal is written out: r L_p^2 would be a huge number that M_p has to cancel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hepnb.interpolation.code import Factor, MultiplicativeCode
from hepnb.model.compile import Compiled
from hepnb.model.extension import Evaluated
from hepnb.typing import FloatArray

__all__ = [
    "NOTHING",
    "TINY",
    "Rates",
    "cell_rates",
    "differentiate",
    "interpolated_norms",
    "rates",
    "slot_values",
]


TINY = 1e-80
# What a factor of 0 leaves of a rate is nothing: without this an empty bin would pull with 1e67.
NOTHING = 1e-50


@dataclass(frozen=True)
class Rates:
    """Rates at a batch of points.

    Parameters
    ----------
    cells : ndarray, shape (batch, cell)
        The rate of each cell.
    bins : ndarray, shape (batch, bin)
        The rate of each bin.
    kappa : ndarray, shape (batch, cell)
        The product of the factors of each cell.
    slots : tuple of ndarray, shape (batch, slot)
        Value, first and second derivative of every slot, the latter if asked for.
    parts : Evaluated, optional
        What a model with an :class:`~hepnb.model.extension.Extension` needs for derivatives.
    """

    cells: FloatArray
    bins: FloatArray
    kappa: FloatArray
    slots: tuple[FloatArray, FloatArray, FloatArray]
    parts: Evaluated | None = None


def cell_rates(compiled: Compiled, points: FloatArray, order: int = 0) -> Rates:
    """Evaluate the rates.

    Parameters
    ----------
    compiled : Compiled
        The model.
    points : ndarray, shape (batch, parameter)
        Parameter points.
    order : {0, 1, 2}
        The highest derivative of the slots to evaluate. With 2 morphs are differentiated, too.

    Returns
    -------
    Rates
        The rates of cells and bins.
    """
    one = np.ones((points.shape[0], 1))
    first = second = one
    if compiled.norm_parameters.size:
        with np.errstate(over="ignore"):
            norm = interpolated_norms(
                compiled.norm_code,
                compiled.norm_prepared,
                points[:, compiled.norm_parameters],
                compiled.norm_warp,
                order,
            )
        value = np.concatenate([norm.value, points, one], axis=1)
        if order:
            first = np.concatenate([norm.first, np.ones_like(points), 0.0 * one], axis=1)
        if order == 2:
            second = np.concatenate([norm.second, np.zeros_like(points), 0.0 * one], axis=1)
    else:
        value = np.concatenate([points, one], axis=1)
        if order:
            first = np.ones_like(value)
            first[:, -1] = 0.0
            second = np.zeros_like(value)
    tiny = np.abs(value) < TINY
    if tiny.any():
        value[tiny] = TINY
    kappa = np.multiply.reduceat(value[:, compiled.term_slot], compiled.cell_terms, axis=1)
    if compiled.extension is not None:
        kappa, cells, bins, parts = compiled.extension.rates(compiled, points, kappa, order)
        return Rates(cells, _seen(compiled, bins), kappa, (value, first, second), parts)
    total = compiled.nominal
    if compiled.shape_parameters.size:
        h, g = compiled.shape_code.basis(points[:, compiled.shape_parameters], 0)
        total = total + h @ compiled.shape_odd + g @ compiled.shape_even
    if compiled.floor is not None:
        total = np.broadcast_to(total, kappa.shape)
        kappa = compiled.floor.clip(compiled, value, kappa, total)
    cells = kappa * total
    bins = np.add.reduceat(cells, compiled.bin_starts, axis=1)
    return Rates(cells, _seen(compiled, bins), kappa, (value, first, second))


def _seen(compiled: Compiled, bins: FloatArray) -> FloatArray:
    """Add faint rates to the bins, and take rates that are nothing for 0."""
    if compiled.faint is not None:
        bins += compiled.faint
    bins[np.abs(bins) < NOTHING] = 0.0
    return bins


def interpolated_norms(
    code: MultiplicativeCode,
    prepared: FloatArray,
    alpha: FloatArray,
    warp: FloatArray | None,
    order: int,
    xp: Any = np,
) -> Factor:
    """Interpolate the normalisations; those of log-normal laws at ((1 + r)^alpha - 1) / r.

    ``xp`` is the library of the arrays: numpy, or ``jax.numpy``.
    """
    if warp is None:
        return code.evaluate(prepared, alpha, order, xp)
    warped = warp > 0
    safe = xp.where(warped, warp, 1.0)
    growth = xp.log1p(safe)
    power = xp.exp(growth * alpha)
    at = xp.where(warped, (power - 1) / safe, alpha)
    value, first, second = code.evaluate(prepared, at, order, xp)
    if not order:
        return Factor(value, first, second)
    slope = xp.where(warped, growth * power / safe, 1.0)
    if order == 1:
        return Factor(value, first * slope, second)
    bend = xp.where(warped, growth * growth * power / safe, 0.0)
    return Factor(value, first * slope, second * slope * slope + first * bend)


def slot_values(compiled: Compiled, points: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Evaluate the slots with the lanes as the last axis, which suits many lanes.

    Parameters
    ----------
    compiled : Compiled
        The model.
    points : ndarray, shape (batch, parameter)
        Parameter points.

    Returns
    -------
    tuple of ndarray, shape (slot, batch)
        Value, first and second derivative of every slot.
    """
    batch, n_parameters = points.shape
    n_norms = compiled.norm_parameters.size
    shape = (n_norms + n_parameters + 1, batch)
    value, first, second = np.empty(shape), np.empty(shape), np.zeros(shape)
    lanes = np.ascontiguousarray(points.T)
    if n_norms:
        with np.errstate(over="ignore"):
            warp = None if compiled.norm_warp is None else compiled.norm_warp[:, None]
            norm = interpolated_norms(
                compiled.norm_code,
                compiled.norm_prepared[..., None],
                lanes[compiled.norm_parameters],
                warp,
                2,
            )
        value[:n_norms], first[:n_norms], second[:n_norms] = norm
    value[n_norms:-1], value[-1] = lanes, 1.0
    first[n_norms:-1], first[-1] = 1.0, 0.0
    return value, first, second


def rates(
    compiled: Compiled, slots: FloatArray, points: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Multiply the slots of each cell, with the lanes as the last axis.

    Parameters
    ----------
    compiled : Compiled
        The model.
    slots : ndarray, shape (slot, batch)
        Values of the slots.
    points : ndarray, shape (batch, parameter)
        Parameter points.

    Returns
    -------
    kappa, rate : ndarray, shape (cell, batch)
        The product of the factors, and the rate, of each cell.
    nu : ndarray, shape (bin, batch)
        The rate of each bin.
    """
    kappa = np.multiply.reduceat(slots[compiled.term_slot], compiled.cell_terms, axis=0)
    total = compiled.nominal[:, None]
    if compiled.shape_parameters.size:
        h, g = compiled.shape_code.basis(points[:, compiled.shape_parameters], 0)
        total = total + (h @ compiled.shape_odd + g @ compiled.shape_even).T
    if compiled.floor is not None:
        total = np.broadcast_to(total, kappa.shape)
        kappa = compiled.floor.clip(compiled, slots.T, kappa.T, total.T).T
    rate = kappa * total
    nu = np.add.reduceat(rate, compiled.bin_starts, axis=0)
    if compiled.faint is not None:
        nu += compiled.faint[:, None]
    nu[np.abs(nu) < NOTHING] = 0.0
    return kappa, rate, nu


def differentiate(
    compiled: Compiled, points: FloatArray, rates: Rates
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Differentiate the rates of the cells.

    Parameters
    ----------
    compiled : Compiled
        The model.
    points : ndarray, shape (batch, parameter)
        Parameter points.
    rates : Rates
        The rates there.

    Returns
    -------
    log_slopes : ndarray, shape (batch, cell, parameter)
        L, the derivative of log(kappa).
    shape_slopes : ndarray, shape (batch, cell, shape parameter)
        D, the derivative of delta.
    slopes : ndarray, shape (batch, cell, parameter)
        The derivative of the rate.
    diagonal : ndarray, shape (batch, cell, parameter)
        The diagonal of the second derivative of the rate.
    """
    batch, n_parameters = points.shape
    n_cells = compiled.nominal.size
    value, first, second = rates.slots
    log_first = first / value
    log_slopes = np.zeros((batch, n_cells * n_parameters))
    log_slopes[:, compiled.term_flat] = log_first[:, compiled.term_slot]
    log_slopes = log_slopes.reshape(batch, n_cells, n_parameters)
    rate, kappa = rates.cells[:, :, None], rates.kappa[:, :, None]
    slopes = rate * log_slopes
    diagonal = np.zeros((batch, n_cells, n_parameters))
    if compiled.norm_parameters.size:
        bend = diagonal.reshape(batch, -1)  # a view
        bend[:, compiled.term_flat] = (second / value)[:, compiled.term_slot]
        diagonal *= rate
    where = compiled.shape_parameters
    shape_slopes = np.zeros((batch, n_cells, where.size))
    if where.size:
        alphas = points[:, where]
        h1, g1 = compiled.shape_code.basis(alphas, 1)
        h2, g2 = compiled.shape_code.basis(alphas, 2)
        odd, even = compiled.shape_odd.T[None], compiled.shape_even.T[None]
        shape_slopes = h1[:, None, :] * odd + g1[:, None, :] * even
        slopes[:, :, where] += kappa * shape_slopes
        bent = h2[:, None, :] * odd + g2[:, None, :] * even
        diagonal[:, :, where] += kappa * (2 * log_slopes[:, :, where] * shape_slopes + bent)
    return log_slopes, shape_slopes, slopes, diagonal
