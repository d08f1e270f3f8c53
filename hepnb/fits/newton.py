"""One Newton step of each fit of a batch with the curvature of its own, inside bounds.

Where the true curvature is not positive, the step goes with its absolute value, and away from the saddle
point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg.lapack import dposv

from hepnb.fits.likelihood import Bounds
from hepnb.progress import check_stop
from hepnb.typing import BoolArray, FloatArray, IntArray

__all__ = ["CONVERGED", "Evaluation", "Step", "newton_step"]


_NEGATIVE = 1e-9

# What is added to the diagonal, in parts of it, until a curvature is positive; and the fall in -2 log L that
# such a step has to promise.
_SHIFTS, _FAR = (0.03, 0.3, 3.0), 0.001
# Estimated distance to the minimum, in -2 log L, at which a fit has arrived.
CONVERGED = 1e-10
# From this many parameters on, one matrix after the other is faster than all in one call.
_BY_LANE = 24


@dataclass(frozen=True)
class Evaluation:
    """A likelihood at the points of some fits, with gradient and the curvature as a matrix."""

    points: FloatArray
    data: FloatArray
    value: FloatArray
    gradient: FloatArray
    curvature: FloatArray

    def take(self, which: Any) -> Evaluation:
        """Return some of the fits."""
        return Evaluation(*(array[which] for array in vars(self).values()))

    def join(self, other: Evaluation) -> Evaluation:
        """Append other fits."""
        return Evaluation(*map(np.concatenate, zip(vars(self).values(), vars(other).values(), strict=True)))


@dataclass(frozen=True)
class Step:
    """A step of each fit.

    Parameters
    ----------
    gradient, direction : ndarray, shape (fit, parameter)
        Gradient of -2 log L, and the step.
    held : ndarray of bool, shape (fit, parameter)
        Parameters that do not move.
    edm : ndarray, shape (fit,)
        By how much -2 log L would fall if it were a parabola.
    """

    gradient: FloatArray
    direction: FloatArray
    held: BoolArray
    edm: FloatArray

    def take(self, which: Any) -> Step:
        """Return the steps of some of the fits."""
        return Step(self.gradient[which], self.direction[which], self.held[which], self.edm[which])


def newton_step(here: Evaluation, bounds: Bounds) -> Step:
    """Return the Newton step of each fit.

    Parameters
    ----------
    here : Evaluation
        The likelihood where the fits are; it must be finite there.
    bounds : Bounds
        Where they may move.

    Returns
    -------
    Step
        A direction in which -2 log L falls, 0 for parameters that are held.
    """
    check_stop()
    held = bounds.held(here.points, here.gradient)
    downhill = -np.where(held, 0.0, here.gradient)
    free = ~held
    matrix = here.curvature * (free[:, :, None] & free[:, None, :])
    spots = np.arange(held.shape[1])
    matrix[:, spots, spots] += held
    direction, bad = _solve(matrix, downhill)
    if bad.size:
        direction[bad], bad = _shifted(matrix, downhill, bad)
    edm = 0.5 * np.einsum("lp,lp->l", downhill, direction)
    if bad.size:
        # Too near a stationary point for the gradient to say where down is.
        direction[bad], saddle = _beyond_saddles(matrix[bad], downhill[bad])
        edm[bad] = 0.5 * np.einsum("lp,lp->l", downhill[bad], direction[bad])
        edm[bad[saddle]] = np.inf
    return Step(here.gradient, direction, held, edm)


def _solve(matrix: FloatArray, right: FloatArray) -> tuple[FloatArray, IntArray]:
    """Solve for each fit whose matrix is positive definite, and list the others."""
    if matrix.shape[1] < _BY_LANE:
        try:
            np.linalg.cholesky(matrix)
            return np.asarray(np.linalg.solve(matrix, right[:, :, None])[:, :, 0]), np.empty(0, dtype=np.intp)
        except np.linalg.LinAlgError:
            good = _positive(matrix)
            direction = np.zeros_like(right)
            good[good] = ~_divide(matrix[good], right[good], direction, np.flatnonzero(good))
            return direction, np.flatnonzero(~good)
    direction, failed = np.empty_like(right), []
    for row, (one, goal) in enumerate(zip(matrix, right, strict=True)):
        # A symmetric matrix is its own transpose: no copy is made.
        _, direction[row], info = dposv(one.T, goal, overwrite_a=False, overwrite_b=False, lower=True)
        if info:
            failed.append(row)
    return direction, np.array(failed, dtype=np.intp)


def _divide(matrix: FloatArray, right: FloatArray, out: FloatArray, rows: IntArray) -> BoolArray:
    """Write the solutions to some rows of ``out``; return which matrices are singular to the last bit."""
    singular = np.zeros(rows.size, dtype=np.bool_)
    try:
        out[rows] = np.linalg.solve(matrix, right[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:
        for i, row in enumerate(rows):
            try:
                out[row] = np.linalg.solve(matrix[i], right[i])
            except np.linalg.LinAlgError:
                singular[i] = True
    return singular


def _shifted(matrix: FloatArray, downhill: FloatArray, bad: IntArray) -> tuple[FloatArray, IntArray]:
    """Step with a larger diagonal where some curvature is negative and the slope says where down is.

    Returns the steps of the fits in ``bad``, 0 for those that are too near a stationary point, and these.
    """
    steps, left = np.zeros((bad.size, matrix.shape[1])), []
    for row, fit in enumerate(bad):
        diagonal = np.abs(np.diagonal(matrix[fit]))
        if matrix.shape[1] >= _BY_LANE and np.isfinite(matrix[fit]).all():
            for shift in _SHIFTS:
                larger = matrix[fit].copy()
                larger[np.arange(diagonal.size), np.arange(diagonal.size)] += shift * diagonal
                _, step, failed = dposv(larger, downhill[fit], lower=True)
                if not failed:
                    break
            if not failed and 0.5 * step @ downhill[fit] > _FAR:
                steps[row] = step
                continue
        left.append(fit)
    return steps, np.array(left, dtype=np.intp)


def _positive(matrix: FloatArray) -> BoolArray:
    finite = np.isfinite(matrix).all(axis=(1, 2))
    safe: FloatArray = np.where(np.reshape(finite, (-1, 1, 1)), matrix, -np.eye(matrix.shape[1]))
    scale = 1 / np.sqrt(np.maximum(np.abs(np.einsum("lpp->lp", safe)), 1e-12))
    return np.asarray(np.linalg.eigvalsh(safe * scale[:, :, None] * scale[:, None, :])[:, 0] > 1e-13)


def _beyond_saddles(matrix: FloatArray, downhill: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Step where some curvature is negative: with its absolute value, and away along that direction.

    A plain Newton step would go uphill there and settle on a saddle point.
    """
    spots = np.arange(matrix.shape[1])
    scale = 1 / np.sqrt(np.maximum(np.abs(matrix[:, spots, spots]), 1e-12))
    scaled = matrix * scale[:, :, None] * scale[:, None, :]
    broken = ~np.isfinite(scaled).reshape(len(scaled), -1).all(axis=1)
    scaled[broken] = np.eye(len(spots))
    values, vectors = np.linalg.eigh(scaled)
    saddle = values[:, 0] < -_NEGATIVE * np.abs(values).max(axis=1)
    sizes = np.maximum(np.abs(values), _NEGATIVE * np.abs(values).max(axis=1, keepdims=True))
    slopes = np.einsum("lpq,lp->lq", vectors, scale * downhill)
    steps = slopes / sizes
    # One standard deviation of a parabola of that curvature, in the direction that is downhill, if any is.
    away = np.where(slopes[:, 0] < 0, -1.0, 1.0) * np.sqrt(2 / np.abs(sizes[:, 0]))
    steps[:, 0] = np.where(saddle & (np.abs(steps[:, 0]) < np.abs(away)), away, steps[:, 0])
    return scale * np.einsum("lpq,lq->lp", vectors, steps), saddle
