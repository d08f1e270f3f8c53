"""Minima at the kinks of piecewise interpolation codes.

With code 0 and code 1 the rates have a kink where a nuisance parameter is 0, and -2 log L may have its
minimum right there: it rises on both sides, but no gradient vanishes. A Newton step jumps to and fro across
such a point. Here the fit goes on inside the orthant it is in, where everything is smooth: its walls are the
kinks, and a parameter that ends at a wall stays on the kink, or goes on behind it if -2 log L falls there.

A kink can also point upwards: then there is a minimum on either side. With a parabola of the profiled width
sigma around the minimum at a, and a slope that is steeper by j behind the kink, the other one is lower by
(j sigma)^2 / 4 - j a. Where that is positive the other side is tried.
"""

from __future__ import annotations

import numpy as np

from hepnb.fits.batched import CONVERGED, NOT_FINISHED, BatchedFit, minimize
from hepnb.model import FitModel, Model
from hepnb.typing import BoolArray, FloatArray, IntArray

__all__ = ["cross", "has_kinks", "settle"]


# Their slope jumps at 0. That of the other codes does not; code 2 itself jumps, which no minimum survives.
_CODES = ("code0", "code1")
_ASIDE = 1e-12
_FLAT = 1e-7
_ROUNDS = 20
_STEPS = 40
_CROSSINGS = 40
_WORTH = 1e-6
_FEW = 16


def has_kinks(model: FitModel) -> bool:
    """Tell whether a model's interpolation codes have kinks that a parameter can sit on."""
    return bool(_kinked(model).size)


def settle(
    model: FitModel, data: FloatArray, points: FloatArray, fixed: BoolArray, limits: FloatArray
) -> BatchedFit:
    """Go down to a minimum that may lie on kinks.

    Parameters
    ----------
    model : FitModel
        The model.
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
    where = _kinked(model)
    movable = ~fixed[:, where]
    start = points.copy()
    sides = np.where(np.abs(points[:, where]) > _ASIDE, np.sign(points[:, where]), 0.0)
    sides = _downhill(model, data, points, where, sides == 0, sides)
    result = minimize(model.likelihood, data, start, limits[:, 0], limits[:, 1], fixed, max_iterations=0)
    lanes = np.arange(len(points))
    for _ in range(_ROUNDS):
        held = fixed[lanes].copy()
        held[:, where] |= sides == 0
        start[:, where] = np.where(movable[lanes] & (sides == 0), 0.0, start[:, where])
        lower, upper = (np.tile(bound, (lanes.size, 1)) for bound in limits.T)
        lower[:, where] = np.where(sides > 0, np.maximum(lower[:, where], _ASIDE), lower[:, where])
        upper[:, where] = np.where(sides < 0, np.minimum(upper[:, where], -_ASIDE), upper[:, where])
        found = minimize(model.likelihood, data[lanes], start, lower, upper, held, _STEPS)
        at = movable[lanes] & (np.abs(found.points[:, where]) <= _ASIDE)
        turned = _downhill(model, data[lanes], found.points, where, at, sides)
        again = (turned != sides).any(axis=1) & (found.status == CONVERGED)
        turned = np.where(at & (turned == sides), 0.0, turned)
        found.points[:, where] = np.where(at & (turned == 0), 0.0, found.points[:, where])
        found.held[:, where] &= ~at
        _replace(result, lanes, found)
        lanes, start, sides = lanes[again], found.points[again].copy(), turned[again]
        if not lanes.size:
            break
    result.status[lanes] = NOT_FINISHED
    return result


def cross(
    model: FitModel, data: FloatArray, result: BatchedFit, fixed: BoolArray, limits: FloatArray, patient: int
) -> BatchedFit:
    """Go to the other side of kinks where a lower minimum is to be expected.

    Parameters
    ----------
    model : FitModel
        The model.
    data : ndarray, shape (batch, data)
        Complete data of each lane.
    result : BatchedFit
        Minima; changed where a lower one is found.
    fixed : ndarray of bool, shape (batch, parameter)
        Parameters held.
    limits : ndarray, shape (parameter, 2)
        Bounds.
    patient : int
        Only so many of the first lanes.

    Returns
    -------
    BatchedFit
        One row per lane.
    """
    where = _kinked(model)
    lanes = np.flatnonzero(result.status[:patient] == CONVERGED)
    alone = np.zeros(len(result.points), dtype=bool)
    vain = np.zeros((len(result.points), where.size), dtype=bool)
    for _ in range(_CROSSINGS):
        gain, target = _behind(model, data[lanes], result.points[lanes], fixed[lanes], where)
        gain[vain[lanes]] = 0.0
        best = gain.max(axis=1, initial=0.0)
        lanes, gain, target, best = (rows[best > _WORTH] for rows in (lanes, gain, target, best))
        if not lanes.size:
            break
        # All that promise something at once; where that was in vain, the best alone.
        chosen = np.where(alone[lanes, None], gain == best[:, None], gain > _WORTH)
        start = result.points[lanes].copy()
        start[:, where] = np.where(chosen, target, start[:, where])
        found = settle(model, data[lanes], start, fixed[lanes], limits)
        lower = (found.status == CONVERGED) & (found.value < result.value[lanes] - 1e-9)
        _replace(result, lanes[lower], BatchedFit(**{n: rows[lower] for n, rows in vars(found).items()}))
        single = ~lower & (chosen.sum(axis=1) == 1)
        vain[lanes] = np.where(lower[:, None], False, vain[lanes] | (chosen & single[:, None]))
        alone[lanes] = ~lower
    return result


def _behind(
    model: FitModel, data: FloatArray, points: FloatArray, fixed: BoolArray, where: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Estimate how much lower the minimum behind each kink is, and where, shape (batch, n)."""
    batch, n = len(points), where.size
    if not batch:
        return np.zeros((0, n)), np.zeros((0, n))
    here = points[:, where]
    away = ~fixed[:, where] & (here != 0)
    if n <= _FEW:
        lanes, column = np.repeat(np.arange(batch), n), np.tile(np.arange(n), batch)
        beside = points[lanes]
    slopes = []
    for side in (-_ASIDE, _ASIDE):
        if n <= _FEW:
            beside[np.arange(lanes.size), where[column]] = side
            gradient = model.likelihood.objective(beside, data[lanes], 1).gradient
            slopes.append(gradient[np.arange(lanes.size), where[column]].reshape(batch, n))
        else:
            together = points.copy()
            together[:, where] = np.where(away & (np.abs(here) < 0.5), side, here)
            slopes.append(model.likelihood.objective(together, data, 1).gradient[:, where])
    steeper = np.where(away, slopes[0] - slopes[1], 0.0)
    curvature = model.likelihood.objective(points, data, 2, exact=False).curvature
    curvature[np.broadcast_to(fixed[:, :, None] | fixed[:, None, :], curvature.shape)] = 0.0
    spots = np.arange(points.shape[1])
    curvature[:, spots, spots] += np.where(fixed, 1.0, 1e-9 * curvature[:, spots, spots] + 1e-12)
    square = 2 * np.linalg.inv(curvature)[:, where, where]
    gain = np.where(steeper > 0, 0.25 * steeper**2 * square - steeper * np.abs(here), 0.0)
    reach = 0.5 * steeper * square - np.abs(here)
    return np.maximum(gain, 0.0), -np.sign(here) * np.maximum(reach, _ASIDE)


def _replace(result: BatchedFit, lanes: IntArray, found: BatchedFit) -> None:
    for name, rows in vars(result).items():
        rows[lanes] = getattr(found, name)


def _kinked(model: FitModel) -> IntArray:
    """Return the parameters whose interpolation has a kink."""
    if not isinstance(model, Model):
        return np.empty(0, dtype=np.intp)
    compiled = model.likelihood.compiled
    pairs = ((compiled.shape_parameters, compiled.shape_code), (compiled.norm_parameters, compiled.norm_code))
    with_kinks = [parameters for parameters, code in pairs if code.name in _CODES]
    return np.unique(np.concatenate(with_kinks)) if with_kinks else np.empty(0, dtype=np.intp)


def _downhill(
    model: FitModel, data: FloatArray, points: FloatArray, where: IntArray, at: BoolArray, sides: FloatArray
) -> FloatArray:
    """Choose the side of each parameter that is at its kink, shape (batch, n): 0 where none falls."""
    slopes = []
    for side in (-_ASIDE, _ASIDE):
        beside = points.copy()
        beside[:, where] = np.where(at, side, points[:, where])
        slopes.append(model.likelihood.objective(beside, data, 1).gradient[:, where])
    left, right = slopes[0] > _FLAT, slopes[1] < -_FLAT
    better = np.where(left & (~right | (slopes[0] > -slopes[1])), -1.0, np.where(right, 1.0, 0.0))
    return np.where(at, better, sides)
