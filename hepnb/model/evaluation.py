"""Rates and gradients of a batch of points, with the points along the last axis of every array.

The gradient goes backwards through the sums of the rates: from bins to cells, from cells to factors, from
factors to parameters. With r = kappa (nominal + delta) the rate of a cell, w = 2 (1 - n / nu) that of its bin
and f the factors::

    d/df = sum of w r / f over the cells of the factor,    d/ddelta = w kappa.

It costs about as much as the rates themselves, whatever the number of parameters. Factors are kept away from
exactly 0 by 1e-80, as in :mod:`hepnb.model.expectation`, so that r / f is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hepnb.model.compile import Compiled
from hepnb.model.expectation import NOTHING, TINY, interpolated_norms
from hepnb.model.factors import Factors
from hepnb.typing import FloatArray

__all__ = ["PointRates", "evaluate_rates", "rate_gradient"]


@dataclass(frozen=True)
class PointRates:
    """Rates at a batch of points.

    Parameters
    ----------
    slots, slopes : ndarray, shape (slot, batch)
        Value of every slot, and the derivative of the interpolated normalisations, if asked for.
    kappa, cells : ndarray, shape (cell, batch)
        The product of the factors, and the rate, of each cell.
    bins : ndarray, shape (bin, batch)
        The rate of each bin.
    """

    slots: FloatArray
    slopes: FloatArray
    kappa: FloatArray
    cells: FloatArray
    bins: FloatArray


def evaluate_rates(compiled: Compiled, links: Factors, points: FloatArray, order: int) -> PointRates:
    """Evaluate the rates.

    Parameters
    ----------
    compiled : Compiled
        The model.
    links : Factors
        Its factors.
    points : ndarray, shape (batch, parameter)
        Parameter points.
    order : {0, 1}
        With 1 the interpolated normalisations are differentiated too.

    Returns
    -------
    PointRates
        The rates of cells and bins.
    """
    batch, n_parameters = points.shape
    n_norms, n_groups = compiled.norm_parameters.size, 0 if links.groups is None else links.groups.starts.size
    lanes = points.T
    slots = np.empty((n_norms + n_parameters + 1 + n_groups, batch))
    end = n_norms + n_parameters + 1
    slopes = slots[:0]
    if n_norms:
        warp = None if compiled.norm_warp is None else compiled.norm_warp[:, None]
        with np.errstate(over="ignore"):
            norm = interpolated_norms(
                compiled.norm_code,
                compiled.norm_prepared[..., None],
                lanes[compiled.norm_parameters],
                warp,
                order,
            )
        slots[:n_norms], slopes = norm.value, norm.first
    slots[n_norms : end - 1], slots[end - 1] = lanes, 1.0
    tiny = np.abs(slots[:end]) < TINY
    if tiny.any():
        slots[:end][tiny] = TINY
    if links.groups is not None:
        slots[end:] = links.groups(slots[:end])
    kappa = links.cells(slots)
    total = compiled.nominal[:, None]
    if compiled.shape_parameters.size:
        h, g = compiled.shape_code.basis(lanes[compiled.shape_parameters], 0)
        total = compiled.shape_odd.T @ h
        total += compiled.shape_even.T @ g
        total += compiled.nominal[:, None]
    if compiled.floor is not None:
        total = np.broadcast_to(total, kappa.shape)
        kappa = compiled.floor.clip(compiled, slots[:end].T, kappa.T, total.T).T
    cells = kappa * total
    bins = np.asarray(links.to_bins @ cells)
    if compiled.faint is not None:
        bins += compiled.faint[:, None]
    bins[np.abs(bins) < NOTHING] = 0.0
    return PointRates(slots[:end], slopes, kappa, cells, bins)


def rate_gradient(
    compiled: Compiled, links: Factors, points: FloatArray, rates: PointRates, weights: FloatArray
) -> FloatArray:
    """Differentiate a sum over bins.

    Parameters
    ----------
    compiled : Compiled
        The model.
    links : Factors
        Its factors.
    points : ndarray, shape (batch, parameter)
        Parameter points.
    rates : PointRates
        The rates there.
    weights : ndarray, shape (bin, batch)
        The derivative of the sum with respect to the rate of each bin.

    Returns
    -------
    ndarray, shape (batch, parameter)
        Its gradient.
    """
    n_norms = compiled.norm_parameters.size
    by_cell = weights.take(compiled.cell_bin, axis=0)
    of_rate = by_cell * rates.cells
    if links.to_groups is not None:
        of_rate = np.concatenate([of_rate, links.to_groups @ of_rate])
    of_slots = links.to_slots @ of_rate
    of_slots /= rates.slots
    if n_norms:
        of_slots[:n_norms] *= rates.slopes
    of_slots[-1] = 0.0
    gradient = np.asarray(links.to_parameters @ of_slots)
    where = compiled.shape_parameters
    if where.size:
        by_cell *= rates.kappa
        h, g = compiled.shape_code.basis(points.T[where], 1)
        gradient[where] += h * (compiled.shape_odd @ by_cell) + g * (compiled.shape_even @ by_cell)
    return gradient.T
