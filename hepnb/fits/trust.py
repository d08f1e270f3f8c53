"""Fits far from their minimum, or in narrow and bent valleys: a trust region around each point.

Products of interpolated normalisations can make valleys whose walls are a million times steeper than their
floor. A Newton step that is only shortened creeps along one wall; here the curvature is damped instead until
the step does what its parabola promises, which turns it along the floor (K. Levenberg, Quart. Appl. Math. 2
(1944) 164). Damping is measured in the uncertainties that the constraints give. It
makes a curvature that is not positive usable too, and at a saddle point the step goes along the most negative
one. Parameters that would cross a bound stop there, and the others minimise the parabola around that.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dposv

from hepnb.fits.batched import CONVERGED, NOT_FINISHED, STALLED, BatchedFit
from hepnb.fits.likelihood import Bounds, Likelihood
from hepnb.fits.newton import CONVERGED as NEAR_ENOUGH
from hepnb.model import Objective
from hepnb.progress import check_stop
from hepnb.typing import BoolArray, FloatArray

__all__ = ["descend"]


_ITERATIONS = 300
_TRIALS = 40
_FIRST, _UP, _DOWN, _NONE = 1e-2, 4.0, 6.0, 1e-4
# Parts of the promised fall from which a step is good, and below which the damping grows.
_GOOD, _POOR = 0.75, 0.25
# Below such a promised fall the slope no longer tells where down is, and above it damping does.
_FLAT = 1e-6
# Times that parameters stop at bounds before a step is taken as it is.
_STOPS = 8


def descend(likelihood: Likelihood, data: FloatArray, points: FloatArray, bounds: Bounds) -> BatchedFit:
    """Minimise one fit after the other from where those of a batch gave up.

    Parameters
    ----------
    likelihood : Likelihood
        What to minimise.
    data : ndarray, shape (fit, data)
        Data of each fit.
    points : ndarray, shape (fit, parameter)
        Where they are; -2 log L must be finite there.
    bounds : Bounds
        Bounds and fixed parameters.

    Returns
    -------
    BatchedFit
        One row per fit, converged or not.
    """
    ends = [_one(likelihood, data[[row]], points[[row]], bounds.take([row])) for row in range(len(points))]
    columns = zip(*(vars(end).values() for end in ends), strict=True)
    return BatchedFit(*(np.concatenate(column) for column in columns))


def _one(likelihood: Likelihood, data: FloatArray, point: FloatArray, bounds: Bounds) -> BatchedFit:
    damping, status, iterations = 0.0, NOT_FINISHED, 0
    while True:
        check_stop()
        here = likelihood.objective(point, data, 2)
        held = bounds.held(point, here.gradient)
        system = _System(here, held[0], likelihood)
        if system.edm < NEAR_ENOUGH:
            status = CONVERGED
        if status == CONVERGED or iterations == _ITERATIONS:
            break
        found = _step(likelihood, data, point, bounds, system, damping)
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
        held & ~bounds.fixed,
        np.array([iterations]),
    )


def _step(
    likelihood: Likelihood,
    data: FloatArray,
    point: FloatArray,
    bounds: Bounds,
    system: _System,
    damping: float,
) -> tuple[FloatArray, float] | None:
    """Take a step, damped until it goes down: where it ends, and the damping to go on with."""
    value = float(system.here.value[0])
    # No parameter moves farther than its limit; the others go on without it, as at a bound.
    near = Bounds(
        np.maximum(bounds.lower, point - likelihood.max_step),
        np.minimum(bounds.upper, point + likelihood.max_step),
        bounds.fixed,
    )
    saddle = not system.convex and system.stationary
    for trial in range(_TRIALS):
        step = 0.5**trial * system.away() if saddle else system.step(damping, point, near)
        if step is None:
            damping = max(_UP * damping, _FIRST)
            continue
        there = near.clip(point + step, point)
        promised = system.promised(there - point)
        fall = value - float(likelihood.objective(there, data, 0).value[0])
        if np.isfinite(fall) and fall > max(1e-4 * promised, 0.0) and (there != point).any():
            if fall > _GOOD * promised:
                damping = damping / _DOWN if damping > _NONE else 0.0
            elif fall < _POOR * promised:
                damping = max(_UP * damping, _FIRST)
            return there, damping
        damping = max(_UP * damping, _FIRST)
    return None


class _System:
    """The parabola at a point, over the parameters that may move."""

    def __init__(self, here: Objective, held: BoolArray, likelihood: Likelihood) -> None:
        self.here = here
        self.free = np.flatnonzero(~held)
        curvature = here.curvature[0][np.ix_(self.free, self.free)]
        # Standard deviations of what is constrained; of the rest what the likelihood itself says.
        own = 1 / np.sqrt(np.maximum(np.abs(np.diagonal(curvature)), 1e-3))
        limit = likelihood.max_step[self.free]
        self.scale = np.where(np.isfinite(limit), limit / np.sqrt(8), own)
        self.matrix = curvature * self.scale[:, None] * self.scale
        self.downhill = -self.scale * here.gradient[0][self.free]
        straight = self._solve(self.matrix, self.downhill, 0.0)
        self.convex = straight is not None
        self.edm = np.inf if straight is None else 0.5 * float(self.downhill @ straight)

    @property
    def stationary(self) -> bool:
        """Tell whether the slope is too small to say where down is."""
        return self.fall(_FIRST) < _FLAT

    def _solve(self, matrix: FloatArray, right: FloatArray, damping: float) -> FloatArray | None:
        if not right.size:
            return right
        damped = matrix.copy()
        places = np.arange(right.size)
        # Undetermined directions have a curvature of 0, up to rounding.
        damped[places, places] += damping + 1e-13 * np.abs(damped[places, places]).max(initial=0.0)
        _, step, failed = dposv(damped, right, lower=True)
        return None if failed or not np.isfinite(step).all() else np.asarray(step)

    def fall(self, damping: float) -> float:
        """Return the fall in -2 log L that a damped step promises; 0 where there is none."""
        while damping < 1e12:
            step = self._solve(self.matrix, self.downhill, damping)
            if step is not None:
                return 0.5 * float(self.downhill @ step)
            damping *= _UP
        return 0.0

    def step(self, damping: float, point: FloatArray, bounds: Bounds) -> FloatArray | None:
        """Return the damped step, shape (1, parameter), or None where the parabola has no minimum."""
        stopped = np.zeros(self.free.size, dtype=bool)
        step = np.zeros(self.free.size)
        whole = np.zeros_like(self.here.gradient)
        for _ in range(_STOPS):
            moving = ~stopped
            right = self.downhill - self.matrix[:, stopped] @ step[stopped]
            found = self._solve(self.matrix[np.ix_(moving, moving)], right[moving], damping)
            if found is None:
                return None
            step[moving] = found
            whole[0, self.free] = self.scale * step
            inside = bounds.clip(point + whole, point)
            outside = moving & ((inside - point - whole)[0, self.free] != 0)
            if not outside.any():
                break
            step[outside] = (inside - point)[0, self.free][outside] / self.scale[outside]
            stopped |= outside
        return whole

    def away(self) -> FloatArray:
        """Return one standard deviation along the most negative curvature, shape (1, parameter)."""
        values, vectors = np.linalg.eigh(self.matrix)
        side = 1.0 if vectors[:, 0] @ self.downhill >= 0 else -1.0
        step = np.zeros_like(self.here.gradient)
        step[0, self.free] = self.scale * side * vectors[:, 0] * np.sqrt(2 / max(abs(values[0]), 1e-9))
        return step

    def promised(self, change: FloatArray) -> float:
        """Return by how much the parabola falls."""
        bent = change[0] @ self.here.curvature[0] @ change[0]
        return float(-(self.here.gradient[0] @ change[0]) - 0.5 * bent)
