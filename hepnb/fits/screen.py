"""Further starts that lead somewhere new, told from the others by a few cheap steps.

Most points where a fit may start as well end in a minimum that is known already, or far above it. A few steps
with the gradient alone show both. Their metric is the curvature at a known minimum of the same fit, inverted
once for all starts. From a start that has settled, -2 log L falls all the way to a minimum that is known, or
there is a hill between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hepnb.fits.clips import has_clips
from hepnb.fits.kinks import has_kinks
from hepnb.fits.likelihood import limited
from hepnb.model import FitModel
from hepnb.typing import BoolArray, FloatArray, IntArray

__all__ = ["Metric", "Relaxed", "distances", "falls_to", "is_smooth", "relax", "scales"]


# Ridge on the curvature of unit diagonal: directions without curvature get a finite step.
_RIDGE = 1e-6
# Curvatures of unit diagonal so much below the largest are none; a parameter with less of such a direction is
# no part of it.
_FLAT, _INVOLVED = 1e-8, 1e-2
_HALVINGS = 4
# Where -2 log L is looked at between a point and another one, in parts of the way; what counts as level.
_ALONG = np.array([0.0, 0.02, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9])
_LEVEL = 1e-5
# A free factor moves by so much of its size in one step.
_FACTOR_STEP = 2.0


def is_smooth(model: FitModel) -> bool:
    """Tell whether plain steps serve: at kinks they jump to and fro, and tell nothing."""
    return not (has_kinks(model) or has_clips(model))


@dataclass(frozen=True)
class Metric:
    """The expected curvature at a point, and its inverse.

    Parameters
    ----------
    curvature, inverse : ndarray, shape (parameter, parameter)
        Of -2 log L; parameters that are held have neither.
    """

    curvature: FloatArray
    inverse: FloatArray

    @classmethod
    def at(cls, model: FitModel, data: FloatArray, point: FloatArray, fixed: BoolArray) -> Metric:
        """Evaluate the curvature once.

        Parameters
        ----------
        model : Model
            The model.
        data : ndarray, shape (n_data,)
            Complete data.
        point : ndarray, shape (parameter,)
            Where.
        fixed : ndarray of bool, shape (parameter,)
            Parameters that never move.
        """
        matrix = model.likelihood.objective(point[None], data[None], 2, exact=False).curvature[0]
        inverse = np.zeros_like(matrix)
        free = np.flatnonzero(~fixed)
        block = np.nan_to_num(matrix[np.ix_(free, free)])
        size = np.diag(block).copy()
        scale = 1 / np.sqrt(np.where(size > 0, size, 1.0))
        block = block * np.outer(scale, scale)
        block[np.diag_indices(free.size)] += _RIDGE
        inverse[np.ix_(free, free)] = np.linalg.inv(block) * np.outer(scale, scale)
        moving = np.outer(~fixed, ~fixed)
        return cls(np.where(moving, np.nan_to_num(matrix), 0.0), inverse)

    def loose(self) -> BoolArray:
        """Tell which parameters move along a direction without curvature, shape (parameter,)."""
        size = np.diag(self.curvature)
        free = np.flatnonzero(np.diag(self.inverse) > 0)
        found = np.zeros(size.size, dtype=bool)
        scale = 1 / np.sqrt(np.where(size > 0, size, 1.0))[free]
        values, vectors = np.linalg.eigh(self.curvature[np.ix_(free, free)] * np.outer(scale, scale))
        flat = values <= _FLAT * values.max(initial=0.0)
        found[free] = (np.abs(vectors[:, flat]) > _INVOLVED).any(axis=1)
        return found


@dataclass(frozen=True)
class Relaxed:
    """Starts after a few steps.

    Parameters
    ----------
    points : ndarray, shape (n, parameter)
        Where they are.
    value : ndarray, shape (n,)
        -2 log L there, infinite outside its domain.
    promise : ndarray, shape (n,)
        By how much it would fall further if it were a parabola of that metric.
    """

    points: FloatArray
    value: FloatArray
    promise: FloatArray


def relax(
    model: FitModel,
    data: FloatArray,
    start: FloatArray,
    fixed: BoolArray,
    limits: FloatArray,
    metrics: list[Metric],
    which: IntArray,
    steps: int,
    held: IntArray | None = None,
) -> Relaxed:
    """Move starts down by steps along the gradient in a metric.

    Parameters
    ----------
    model : FitModel
        The model.
    data : ndarray, shape (n, n_data)
        Complete data of each start.
    start : ndarray, shape (n, parameter)
        Points.
    fixed : ndarray of bool, shape (n, parameter)
        Parameters that never move.
    limits : ndarray, shape (parameter, 2)
        Bounds.
    metrics : list of Metric
        Metrics.
    which : ndarray of int, shape (n,)
        The metric of each start.
    steps : int
        How many steps.
    held : ndarray of int, shape (n,), optional
        One parameter of each start that does not move; -1 for none.

    Returns
    -------
    Relaxed
        One row per start.
    """
    lower, upper = limits.T
    points = np.where(fixed, start, np.clip(start, lower, upper))
    here = model.likelihood.objective(points, data, 1)
    value, gradient = here.value.copy(), here.gradient.copy()
    most = model.likelihood.max_step
    most = np.where(np.isfinite(most), most, _FACTOR_STEP * (1 + np.abs(model.init)))
    for _ in range(steps):
        still = np.full(len(points), -1) if held is None else held
        alive = np.flatnonzero(np.isfinite(value))
        if not alive.size:
            break
        direction = _direction(
            points[alive], gradient[alive], fixed[alive], limits, metrics, which[alive], still[alive]
        )
        direction = limited(direction, most)
        length = 1.0
        for _halving in range(_HALVINGS):
            trial = np.where(
                fixed[alive], points[alive], np.clip(points[alive] + length * direction, lower, upper)
            )
            there = model.likelihood.objective(trial, data[alive], 1)
            lower_now = there.value < value[alive]
            rows = alive[lower_now]
            points[rows], value[rows], gradient[rows] = (
                trial[lower_now],
                there.value[lower_now],
                there.gradient[lower_now],
            )
            alive, direction = alive[~lower_now], direction[~lower_now]
            if not alive.size:
                break
            length *= 0.3
    none = np.full(len(points), -1) if held is None else held
    safe = np.where(np.isfinite(value)[:, None], gradient, 0.0)
    last = _direction(points, safe, fixed, limits, metrics, which, none)
    return Relaxed(points, value, -0.5 * np.einsum("np,np->n", safe, last))


def _direction(
    points: FloatArray,
    gradient: FloatArray,
    fixed: BoolArray,
    limits: FloatArray,
    metrics: list[Metric],
    which: IntArray,
    held: IntArray,
) -> FloatArray:
    pushed = ((points <= limits[:, 0]) & (gradient > 0)) | ((points >= limits[:, 1]) & (gradient < 0))
    free = ~(fixed | pushed)
    downhill = -np.where(free, np.nan_to_num(gradient), 0.0)
    direction = np.zeros_like(points)
    for place, metric in enumerate(metrics):
        rows = np.flatnonzero(which == place)
        if not rows.size:
            continue
        step = downhill[rows] @ metric.inverse
        kept = np.flatnonzero(held[rows] >= 0)
        if kept.size:
            parameter = held[rows[kept]]
            own = metric.inverse[parameter, parameter]
            factor = step[kept, parameter] / np.where(own > 0, own, 1.0)
            step[kept] -= factor[:, None] * metric.inverse[parameter]
            step[kept, parameter] = 0.0
        direction[rows] = step
    return np.where(free, direction, 0.0)


def distances(metric: Metric, points: FloatArray, others: FloatArray) -> FloatArray:
    """Return by how much -2 log L would rise between points if it were a parabola, shape (n, k)."""
    apart = points[:, None, :] - others[None, :, :]
    return np.asarray(0.5 * np.einsum("nkp,pq,nkq->nk", apart, metric.curvature, apart, optimize=True))


def falls_to(
    model: FitModel, data: FloatArray, points: FloatArray, value: FloatArray, ends: FloatArray
) -> BoolArray:
    """Tell from which points -2 log L falls all the way to others.

    Such a point is in no minimum of its own (R. Ursem, Multinational evolutionary algorithms, CEC 1999: the
    test for hills and valleys).

    Parameters
    ----------
    model : FitModel
        The model.
    data : ndarray, shape (n, n_data)
        Complete data of each point.
    points, ends : ndarray, shape (n, parameter)
        Where the ways begin and end.
    value : ndarray, shape (n,)
        -2 log L at the points.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    line = ends[:, None] + _ALONG[:, None] * (points - ends)[:, None]
    flat, count = line.reshape(-1, points.shape[1]), _ALONG.size
    heights = model.likelihood.objective(flat, np.repeat(data, count, axis=0), 0).value.reshape(-1, count)
    heights = np.concatenate([heights, value[:, None]], axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray((np.diff(heights, axis=1) >= -_LEVEL).all(axis=1))


def scales(model: FitModel, points: FloatArray) -> FloatArray:
    """Return the distance over which each parameter means something else, shape (n, parameter)."""
    sigma = np.nan_to_num(np.array([p.sigma for p in model.parameters]))
    return np.where(sigma > 0, sigma, np.maximum(0.2 * np.abs(points), 0.05))
