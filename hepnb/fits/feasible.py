"""Points where -2 log L exists, for fits whose start has a rate or a density that is not positive.

Such a start says nothing about the model: often another one exists. In HistFactory models it is looked for by
a Gauss-Newton method on the bins that are too low, with the least change of the parameters, each in units of
its own uncertainty. In other models the parameters that are held are moved in steps from a point where
-2 log L exists, and the others are fitted at each step.
"""

from __future__ import annotations

import numpy as np

from hepnb.fits.batched import minimize
from hepnb.model import FitModel, Model
from hepnb.model.expectation import cell_rates, differentiate
from hepnb.model.extended_derivatives import bin_slopes
from hepnb.typing import BoolArray, FloatArray

__all__ = ["feasible"]


_ROUNDS, _HALVINGS = 30, 12
# The rates aimed at: a part of the events in the bin, and a little where there are none.
_PART, _LITTLE = 0.5, 0.1
# Steps of the parameters held: how many are tried, the smallest part of the way, and iterations at each.
_TRIALS, _SMALLEST, _ITERATIONS = 60, 1 / 64, 12


def feasible(
    model: FitModel,
    data: FloatArray,
    points: FloatArray,
    fixed: BoolArray,
    limits: FloatArray,
    origins: FloatArray,
) -> FloatArray:
    """Move points to where every rate is positive, if there is such a place nearby.

    Parameters
    ----------
    model : FitModel
        The model.
    data : ndarray, shape (batch, data)
        Complete data of each lane.
    points : ndarray, shape (batch, parameter)
        Where -2 log L is infinite.
    fixed : ndarray of bool, shape (batch, parameter)
        Parameters held.
    limits : ndarray, shape (parameter, 2)
        Bounds.
    origins : ndarray, shape (k, parameter)
        Points where -2 log L probably exists, with other values of the parameters held.

    Returns
    -------
    ndarray, shape (batch, parameter)
        Points within the bounds; -2 log L may still be infinite where nothing better was found.
    """
    if not isinstance(model, Model):
        lanes = zip(data, points, fixed, strict=True)
        return np.array([_walk(model, row, point, held, limits, origins) for row, point, held in lanes])
    rows = zip(data[:, : model.n_bins], points, fixed, strict=True)
    return np.array([_one(model, main, point, held, limits) for main, point, held in rows])


def _walk(
    model: FitModel,
    data: FloatArray,
    point: FloatArray,
    held: BoolArray,
    limits: FloatArray,
    origins: FloatArray,
) -> FloatArray:
    """Move the parameters that are held from an origin to their values, fitting the others on the way."""
    if not held.any():
        return point
    row = data[None]
    exists = np.isfinite(model.likelihood.objective(origins, row, 0).value)
    if not exists.any():
        return point
    lower, upper = limits.T
    # The nearest one, as the parameters held go.
    scale = np.maximum(np.abs(point[held]), 1e-300)
    distance = (np.abs(origins[:, held] - point[held]) / scale).sum(axis=1)
    here: FloatArray = np.array(origins[int(np.argmin(np.where(exists, distance, np.inf)))])
    begin, done, step = here[held], 0.0, 0.5
    for _ in range(_TRIALS):
        part = min(done + step, 1.0)
        trial = here.copy()
        trial[held] = begin + part * (point[held] - begin)
        if not np.isfinite(model.likelihood.objective(trial[None], row, 0).value[0]):
            step *= 0.5
            if step < _SMALLEST:
                return point
            continue
        found = minimize(model.likelihood, row, trial[None], lower, upper, held[None], _ITERATIONS)
        here, done = found.points[0], part
        if done == 1.0:
            return here
    return point


def _one(
    model: Model, main: FloatArray, point: FloatArray, held: BoolArray, limits: FloatArray
) -> FloatArray:
    compiled = model.likelihood.compiled
    point = np.where(held, point, np.clip(point, *limits.T))
    goal = np.maximum(_PART * main, _LITTLE)
    sigma = np.nan_to_num(np.array([p.sigma for p in model.parameters]))
    scale = np.where(sigma > 0, sigma, np.maximum(np.abs(point), 1.0))
    lacking = _lacking(model, point, main, goal)
    for _ in range(_ROUNDS):
        if not lacking.any():
            break
        here = cell_rates(compiled, point[None], 2)
        if compiled.extension is not None:
            jacobian = bin_slopes(compiled, point[None], here)[0][lacking > 0]
        else:
            slopes = differentiate(compiled, point[None], here)[2][0]
            jacobian = np.add.reduceat(slopes, compiled.bin_starts, axis=0)[lacking > 0]
        stuck = held.copy()
        for _ in range(point.size):
            # What runs into a bound takes no further part: the others have to do it.
            weights = np.where(stuck, 0.0, scale)
            step = weights * (np.linalg.pinv(jacobian * weights) @ lacking[lacking > 0])
            over = ~stuck & (((point <= limits[:, 0]) & (step < 0)) | ((point >= limits[:, 1]) & (step > 0)))
            if not over.any():
                break
            stuck |= over
        for _ in range(_HALVINGS):
            trial = np.where(held, point, np.clip(point + step, *limits.T))
            left = _lacking(model, trial, main, goal)
            if np.square(left).sum() < np.square(lacking).sum():
                break
            step = 0.5 * step
        else:
            break
        point, lacking = trial, left
    return point


def _lacking(model: Model, point: FloatArray, main: FloatArray, goal: FloatArray) -> FloatArray:
    """Return what bins outside the domain lack to their goal, shape (bin,); 0 for the others."""
    nu = cell_rates(model.likelihood.compiled, point[None]).bins[0]
    outside = ~((nu > 0) | ((nu == 0) & (main == 0)))
    return np.where(outside, goal - np.where(np.isfinite(nu), nu, 0.0), 0.0)
