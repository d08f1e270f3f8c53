"""Fits of a model in batches, with retries: what fits, tests and limits share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hepnb.fits.batched import CONVERGED, BatchedFit, minimise
from hepnb.fits.minuit import minuit_lane
from hepnb.fits.threads import one_blas_thread
from hepnb.model import Model

__all__ = ["solve"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def solve(
    model: Model,
    data: FloatArray,
    start: FloatArray,
    fixed: BoolArray,
    bounds: FloatArray | None = None,
) -> BatchedFit:
    """Minimise a batch of fits of one model; lanes that fail are tried again.

    A lane that did not converge is started from the model's initial values, then from the values its
    auxiliary data prefer, and at last given to Minuit. What still fails keeps its status.

    Parameters
    ----------
    model : Model
        The model.
    data : ndarray, shape (batch, data) or (1, data)
        Complete data of each lane.
    start : ndarray, shape (batch, parameter)
        Where each lane starts; the value of a fixed parameter.
    fixed : ndarray of bool, shape (batch, parameter)
        Parameters held.
    bounds : ndarray, shape (parameter, 2), optional
        In place of the model's.

    Returns
    -------
    BatchedFit
        One row per lane.
    """
    limits = model.bounds if bounds is None else bounds
    data = np.broadcast_to(data, (len(start), data.shape[-1]))
    with one_blas_thread():
        return _solve(model, data, start, fixed, limits)


def _solve(
    model: Model, data: FloatArray, start: FloatArray, fixed: BoolArray, limits: FloatArray
) -> BatchedFit:
    lower, upper = limits[:, 0], limits[:, 1]
    result = minimise(model.likelihood, data, start, lower, upper, fixed)
    for origin in (model.init, _preferred(model, data)):
        bad = np.flatnonzero(result.status != CONVERGED)
        if not bad.size:
            return result
        fresh = np.where(fixed[bad], start[bad], np.broadcast_to(origin, start.shape)[bad])
        again = minimise(model.likelihood, data[bad], fresh, lower, upper, fixed[bad])
        result = _better(result, bad, again)
    for lane in np.flatnonzero(result.status != CONVERGED):
        end = minuit_lane(model.likelihood, data[lane], result.points[lane], limits, fixed[lane])
        polished = minimise(model.likelihood, data[[lane]], end[None], lower, upper, fixed[[lane]])
        result = _better(result, np.array([lane]), polished)
    return result


def _preferred(model: Model, data: FloatArray) -> FloatArray:
    """Give the points where the auxiliary data of each lane sit; free parameters stay at their start."""
    constraints = model.likelihood.constraints
    points = np.tile(model.init, (len(data), 1))
    points[:, constraints.parameters] = data[:, model.n_bins :] / constraints.scale
    return points


def _better(result: BatchedFit, lanes: NDArray[np.intp], again: BatchedFit) -> BatchedFit:
    """Take the new row of each lane where it converged, or is at least lower."""
    take = (again.status == CONVERGED) | (again.value < result.value[lanes])
    changed = {}
    for name, old in vars(result).items():
        new = old.copy()
        new[lanes[take]] = getattr(again, name)[take]
        changed[name] = new
    return replace(result, **changed)
