"""One Newton step of many lanes, inside bounds.

Two ways to the same step. With a matrix: solve for the step, and where the true curvature is not positive,
step with its absolute value and away from the saddle point. With an operator (:mod:`hepnb.model.operator`),
when the likelihood offers one because it has fewer bins than parameters: conjugate gradients on the true
curvature, preconditioned with the expected one, truncated where the curvature is negative
(J. Nocedal, S. Wright, Numerical Optimization, Algorithm 7.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hepnb.model import Objective

__all__ = ["Lanes", "Likelihood", "Step", "newton_step"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_SLICE_BYTES = 16_000_000
_MAX_INNER = 25
_NEGATIVE = 1e-9
_PROBES = 10

# Estimated distance to the minimum, in -2 log L, at which a lane has arrived.
CONVERGED = 1e-10
# Below this many lanes the calls, not the numbers, take the time, and the matrix needs fewer of them.
_FEW_LANES = 5


class Likelihood(Protocol):
    """What a fit needs to know of a likelihood; see :class:`hepnb.model.HistFactoryLikelihood`."""

    @property
    def n_parameters(self) -> int:
        """How many parameters a point has."""

    @property
    def operator_bytes(self) -> int:
        """Memory per lane of the curvature as an operator; 0 where the matrix is better."""

    def objective(
        self, points: FloatArray, data: FloatArray, order: Literal[0, 1, 2] = 0, *, exact: bool = True
    ) -> Objective:
        """Give -2 log L and its derivatives."""

    def operator(self, points: FloatArray, data: FloatArray) -> Any:
        """Give the curvature as an operator; see :class:`hepnb.model.Operator`."""


@dataclass(frozen=True)
class Lanes:
    """Where some lanes are.

    Parameters
    ----------
    points, lower, upper : ndarray, shape (lane, parameter)
        Positions and bounds.
    data : ndarray, shape (lane, data)
        Data.
    fixed : ndarray of bool, shape (lane, parameter)
        Parameters that never move.
    """

    points: FloatArray
    data: FloatArray
    lower: FloatArray
    upper: FloatArray
    fixed: BoolArray

    def __getitem__(self, which: Any) -> Lanes:
        return Lanes(*(getattr(self, name)[which] for name in ("points", "data", "lower", "upper", "fixed")))

    def held(self, gradient: FloatArray) -> BoolArray:
        """Say which parameters are fixed, or at a bound that the gradient pushes against."""
        at_lower = (self.points <= self.lower) & (gradient > 0)
        at_upper = (self.points >= self.upper) & (gradient < 0)
        return np.asarray(self.fixed | at_lower | at_upper)


@dataclass(frozen=True)
class Step:
    """A step of each lane.

    Parameters
    ----------
    gradient, direction : ndarray, shape (lane, parameter)
        Gradient of -2 log L, and the step.
    held : ndarray of bool, shape (lane, parameter)
        Parameters that do not move.
    edm : ndarray, shape (lane,)
        By how much -2 log L would fall if it were a parabola.
    """

    gradient: FloatArray
    direction: FloatArray
    held: BoolArray
    edm: FloatArray


def newton_step(likelihood: Likelihood, lanes: Lanes) -> Step:
    """Give the Newton step of each lane.

    Parameters
    ----------
    likelihood : Likelihood
        What to minimise.
    lanes : Lanes
        Where the lanes are; the likelihood must be finite there.

    Returns
    -------
    Step
        A direction in which -2 log L falls, 0 for parameters that are held.
    """
    size = likelihood.operator_bytes
    if not size or len(lanes.points) < _FEW_LANES:
        return _dense(likelihood, lanes)
    per_slice = max(1, _SLICE_BYTES // size)
    count = len(lanes.points)
    if count <= per_slice:
        return _truncated(likelihood, lanes)
    parts = [_truncated(likelihood, lanes[i : i + per_slice]) for i in range(0, count, per_slice)]
    return Step(
        *(np.concatenate([getattr(p, n) for p in parts]) for n in ("gradient", "direction", "held", "edm"))
    )


def _dense(likelihood: Likelihood, lanes: Lanes) -> Step:
    here = likelihood.objective(lanes.points, lanes.data, 2)
    held = lanes.held(here.gradient)
    downhill = -np.where(held, 0.0, here.gradient)
    free = ~held
    matrix = here.curvature * (free[:, :, None] & free[:, None, :])
    spots = np.arange(held.shape[1])
    matrix[:, spots, spots] += held
    try:
        np.linalg.cholesky(matrix)
        direction = np.asarray(np.linalg.solve(matrix, downhill[:, :, None])[:, :, 0])
        saddle = np.zeros(len(held), dtype=bool)
    except np.linalg.LinAlgError:
        direction, saddle = _beyond_saddles(matrix, downhill)
    fall = np.einsum("lp,lp->l", downhill, direction)
    return Step(here.gradient, direction, held, np.where(saddle, np.inf, 0.5 * fall))


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


def _truncated(likelihood: Likelihood, lanes: Lanes) -> Step:
    operator = likelihood.operator(lanes.points, lanes.data)
    gradient = operator.gradient
    held = lanes.held(gradient)
    residual = -np.where(held, 0.0, gradient)
    precondition = operator.preconditioner(held)
    search = precondition(residual)
    size = np.einsum("lp,lp->l", residual, search)
    # The closer to the minimum, the more exact the step: that makes the convergence superlinear.
    goal = size * np.clip(0.5 * size, 1e-6, 1e-2)
    direction = np.zeros_like(residual)
    active = size > 0
    for inner in range(_MAX_INNER):
        bent = np.where(held, 0.0, operator.product(search))
        curvature = np.einsum("lp,lp->l", search, bent)
        positive = curvature > 0
        if inner == 0:
            # Negative curvature along the first direction: take the step of the expected curvature.
            direction = np.where((active & ~positive)[:, None], search, direction)
        active &= positive
        length = np.where(active, size / np.where(positive, curvature, 1.0), 0.0)[:, None]
        direction = direction + length * search
        residual = residual - length * bent
        active &= inner < _MAX_INNER - 1
        better = precondition(residual)
        new = np.einsum("lp,lp->l", residual, better)
        active &= new > goal
        if not active.any():
            break
        search = better + np.where(active, new / np.where(size > 0, size, 1.0), 0.0)[:, None] * search
        size = new
    edm = -0.5 * np.einsum("lp,lp->l", np.where(held, 0.0, gradient), direction)
    arrived = edm < CONVERGED
    if arrived.any():
        some = operator if arrived.all() else likelihood.operator(lanes.points[arrived], lanes.data[arrived])
        saddle = _negative_direction(some, held[arrived])
        found = (saddle != 0).any(axis=1)
        direction[arrived] = np.where(found[:, None], saddle, direction[arrived])
        edm[arrived] = np.where(found, np.inf, edm[arrived])
    return Step(gradient, direction, held, edm)


def _negative_direction(operator: Any, held: BoolArray) -> FloatArray:
    """Look for a direction of negative curvature, where the gradient no longer shows one.

    Conjugate gradients from a vector that has a part along everything meet a negative curvature within a
    few steps if there is one, since the preconditioned curvature is near 1 in all other directions.
    """
    precondition = operator.preconditioner(held)
    probe = np.random.default_rng(7).normal(size=held.shape[1])
    residual = np.where(held, 0.0, probe * np.sqrt(np.abs(operator.constraint_curvature) + 1.0))
    search = precondition(residual)
    size = np.einsum("lp,lp->l", residual, search)
    first = size.copy()
    answer = np.zeros_like(residual)
    active = size > 0
    for _ in range(_PROBES):
        bent = np.where(held, 0.0, operator.product(search))
        curvature = np.einsum("lp,lp->l", search, bent)
        scale = np.einsum("lp,lp->l", search, search * (np.abs(operator.constraint_curvature) + 1e-12))
        negative = active & (curvature < -_NEGATIVE * scale)
        # One standard deviation of a parabola of that curvature.
        length = np.sqrt(2 / np.where(negative, np.abs(curvature), 1.0))
        answer = np.where(negative[:, None], length[:, None] * search, answer)
        active &= curvature > 0
        residual = residual - np.where(active, size / np.where(active, curvature, 1.0), 0.0)[:, None] * bent
        better = precondition(residual)
        new = np.einsum("lp,lp->l", residual, better)
        active &= new > 1e-8 * first
        if not active.any():
            break
        search = better + np.where(active, new / np.where(size > 0, size, 1.0), 0.0)[:, None] * search
        size = new
    return answer
