"""Minima at the end of narrow, bent valleys, one lane at a time.

Products of interpolated normalisations can make valleys whose walls are a million times steeper than their
floor. A Newton step that is only shortened creeps along one wall; here a step that does not go well is
damped instead, which turns it along the floor (K. Levenberg, Quart. Appl. Math. 2 (1944) 164, with the
constraints' own curvature as the scale, and the absolute curvature where it is negative).
"""

from __future__ import annotations

import numpy as np

from hepnb.fits.batched import CONVERGED, NOT_FINISHED, STALLED, BatchedFit
from hepnb.fits.newton import CONVERGED as NEAR_ENOUGH
from hepnb.fits.newton import Box, Likelihood, within_reach
from hepnb.model import Objective
from hepnb.progress import check_stop
from hepnb.typing import BoolArray, FloatArray

__all__ = ["descend"]


_ITERATIONS = 250
_TRIALS = 40
_FIRST, _UP, _DOWN, _NONE = 1e-2, 4.0, 6.0, 1e-4
_GOOD = 0.5


def descend(likelihood: Likelihood, data: FloatArray, points: FloatArray, box: Box) -> BatchedFit:
    """Minimise from points where lanes of a batch gave up.

    Parameters
    ----------
    likelihood : Likelihood
        What to minimise.
    data : ndarray, shape (lane, data)
        Data of each lane.
    points : ndarray, shape (lane, parameter)
        Where they are; -2 log L must be finite there.
    box : Box
        Bounds and fixed parameters.

    Returns
    -------
    BatchedFit
        One row per lane, converged or not.
    """
    ends = [_one(likelihood, data[[lane]], points[[lane]], box.take([lane])) for lane in range(len(points))]
    columns = zip(*(vars(end).values() for end in ends), strict=True)
    return BatchedFit(*(np.concatenate(column) for column in columns))


def _one(likelihood: Likelihood, data: FloatArray, point: FloatArray, box: Box) -> BatchedFit:
    damping, status, iterations = 0.0, NOT_FINISHED, 0
    while True:
        check_stop()
        here = likelihood.objective(point, data, 2)
        held = box.held(point, here.gradient)
        system = _System(here, held[0], likelihood.reach)
        if system.edm < NEAR_ENOUGH:
            status = CONVERGED
        if status == CONVERGED or iterations == _ITERATIONS:
            break
        found = _step(likelihood, data, point, box, system, damping)
        if found is None:
            status = CONVERGED if system.edm < 1e-6 else STALLED
            break
        point, damping = found
        iterations += 1
    return BatchedFit(
        point,
        here.value,
        np.array([status]),
        np.array([system.edm]),
        np.linalg.norm(np.where(held, 0.0, here.gradient), axis=1),
        held & ~box.fixed,
        np.array([iterations]),
    )


def _step(
    likelihood: Likelihood, data: FloatArray, point: FloatArray, box: Box, system: _System, damping: float
) -> tuple[FloatArray, float] | None:
    """Take a step, damped until it goes down: where it ends, and the damping to go on with."""
    gradient = system.here.gradient
    for trial in range(_TRIALS):
        there = box.clip(point + within_reach(system.step(damping), likelihood.reach), point)
        change = there - point
        fall = float(system.here.value[0] - likelihood.objective(there, data, 0).value[0])
        if np.isfinite(fall) and fall > 1e-4 * abs(float((gradient * change).sum())):
            if trial == 0 and fall > _GOOD * system.promised(change):
                damping = damping / _DOWN if damping > _NONE else 0.0
            return there, damping
        damping = max(_UP * damping, _FIRST)
    return None


class _System:
    """The curvature of the parameters that may move, taken apart once for every damping."""

    def __init__(self, here: Objective, held: BoolArray, reach: FloatArray) -> None:
        self.here = here
        self.free = np.flatnonzero(~held)
        curvature = here.curvature[0][np.ix_(self.free, self.free)]
        # Standard deviations of what is constrained; of the rest what the likelihood itself says.
        own = 1 / np.sqrt(np.maximum(np.abs(np.diagonal(curvature)), 1e-3))
        limit = reach[self.free]
        self.scale = np.where(np.isfinite(limit), limit / np.sqrt(8), own)
        self.values, self.vectors = np.linalg.eigh(curvature * self.scale[:, None] * self.scale)
        self.slopes = self.vectors.T @ (self.scale * here.gradient[0][self.free])
        sizes = np.maximum(np.abs(self.values), 1e-9)
        self.edm = 0.5 * float(np.sum(self.slopes**2 / sizes)) if self._convex else np.inf

    @property
    def _convex(self) -> bool:
        return not self.values.size or bool(self.values[0] > -1e-9 * self.values[-1])

    def step(self, damping: float) -> FloatArray:
        """Return the step, shape (1, parameter)."""
        step = np.zeros_like(self.here.gradient)
        sizes = np.maximum(np.abs(self.values) + damping, 1e-9)
        step[0, self.free] = self.scale * (self.vectors @ (-self.slopes / sizes))
        return step

    def promised(self, change: FloatArray) -> float:
        """Return by how much the parabola falls."""
        bent = change[0] @ self.here.curvature[0] @ change[0]
        return float(-(self.here.gradient[0] @ change[0]) - 0.5 * bent)
