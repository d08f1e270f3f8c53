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
from scipy.linalg.lapack import dposv

from hepnb.model import Objective
from hepnb.progress import check_stop
from hepnb.typing import BoolArray, FloatArray, IntArray

__all__ = ["Box", "Dense", "Here", "Likelihood", "Step", "look", "newton_step", "within_reach"]


_MAX_INNER = 25
_NEGATIVE = 1e-9
_PROBES = 6
# Conjugate gradients leave lanes that are done out when less than this part of many goes on.
_CROWDED, _FEW_ROWS = 0.6, 16

# Estimated distance to the minimum, in -2 log L, at which a lane has arrived.
CONVERGED = 1e-10
# Below this many lanes the calls, not the numbers, take the time, and the matrix needs fewer of them.
_FEW_LANES = 2
# From this many parameters on, one matrix after the other is faster than all in one call.
_BY_LANE = 24


class Likelihood(Protocol):
    """What a fit needs to know of a likelihood; see :class:`hepnb.model.HistFactoryLikelihood`."""

    @property
    def n_parameters(self) -> int:
        """How many parameters a point has."""

    @property
    def reach(self) -> FloatArray:
        """How far one step may move each parameter, shape (parameter,)."""

    @property
    def operator_bytes(self) -> int:
        """Memory per lane of :meth:`operator`; 0 where the matrix is better."""

    def objective(
        self, points: FloatArray, data: FloatArray, order: Literal[0, 1, 2] = 0, *, exact: bool = True
    ) -> Objective:
        """Return -2 log L and its derivatives."""

    def operator(self, points: FloatArray, data: FloatArray) -> Any:
        """Evaluate with the curvature as an operator; see :class:`hepnb.model.Operator`."""


@dataclass(frozen=True)
class Box:
    """Where some lanes may move.

    Parameters
    ----------
    lower, upper : ndarray, shape (lane, parameter) or (1, parameter)
        Bounds.
    fixed : ndarray of bool, shape (lane, parameter) or (1, parameter)
        Parameters that never move.
    """

    lower: FloatArray
    upper: FloatArray
    fixed: BoolArray

    def take(self, which: Any) -> Box:
        """Return the box of some lanes."""
        return Box(
            self.lower if len(self.lower) == 1 else self.lower[which],
            self.upper if len(self.upper) == 1 else self.upper[which],
            self.fixed if len(self.fixed) == 1 else self.fixed[which],
        )

    def held(self, points: FloatArray, gradient: FloatArray) -> BoolArray:
        """Say which parameters are fixed, or at a bound that the gradient pushes against."""
        at_lower = (points <= self.lower) & (gradient > 0)
        at_upper = (points >= self.upper) & (gradient < 0)
        return np.asarray(self.fixed | at_lower | at_upper)

    def clip(self, points: FloatArray, origin: FloatArray) -> FloatArray:
        """Move points into the bounds; fixed parameters go back to their origin."""
        return np.where(self.fixed, origin, np.clip(points, self.lower, self.upper))


class Here(Protocol):
    """A likelihood at the points of some lanes."""

    @property
    def points(self) -> FloatArray:
        """Where, shape (lane, parameter)."""

    @property
    def data(self) -> FloatArray:
        """The data of each lane."""

    @property
    def value(self) -> FloatArray:
        """-2 log L there, infinite outside its domain."""

    def take(self, which: Any) -> Any:
        """Return some of the lanes."""

    def join(self, other: Any) -> Any:
        """Append other lanes."""


@dataclass(frozen=True)
class Dense:
    """A likelihood at the points of some lanes, with gradient and the curvature as a matrix."""

    points: FloatArray
    data: FloatArray
    value: FloatArray
    gradient: FloatArray
    curvature: FloatArray

    def take(self, which: Any) -> Dense:
        """Return some of the lanes."""
        return Dense(*(array[which] for array in vars(self).values()))

    def join(self, other: Dense) -> Dense:
        """Append other lanes."""
        return Dense(*map(np.concatenate, zip(vars(self).values(), vars(other).values(), strict=True)))


def look(likelihood: Likelihood, points: FloatArray, data: FloatArray, lanes: int) -> Any:
    """Evaluate a likelihood in the way that suits a number of lanes.

    Parameters
    ----------
    likelihood : Likelihood
        What to evaluate.
    points : ndarray, shape (lane, parameter)
        Where.
    data : ndarray, shape (lane, data)
        Data of each lane.
    lanes : int
        How many lanes are under way together.

    Returns
    -------
    Here
        As an operator if there are enough lanes and the likelihood offers it, or else with matrices.
    """
    if lanes >= _FEW_LANES and likelihood.operator_bytes:
        return likelihood.operator(points, data)
    return Dense(points, data, **vars(likelihood.objective(points, data, 2)))


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

    def take(self, which: Any) -> Step:
        """Return the steps of some of the lanes."""
        return Step(self.gradient[which], self.direction[which], self.held[which], self.edm[which])


def newton_step(here: Here, box: Box, *, wary: bool = True) -> Step:
    """Return the Newton step of each lane.

    Parameters
    ----------
    here : Here
        The likelihood where the lanes are; it must be finite there.
    box : Box
        Where they may move.
    wary : bool
        Make sure that a lane that has arrived is not at a saddle point.

    Returns
    -------
    Step
        A direction in which -2 log L falls, 0 for parameters that are held.
    """
    check_stop()
    return _dense(here, box) if isinstance(here, Dense) else _truncated(here, box, wary)


def within_reach(direction: FloatArray, reach: FloatArray) -> FloatArray:
    """Shorten steps that move a parameter too far, shape (lane, parameter)."""
    if not np.isfinite(reach).any():
        return direction
    excess = (np.abs(direction) / reach).max(axis=1, initial=0.0)
    far = excess > 1
    return direction / np.where(far, excess, 1.0)[:, None] if far.any() else direction


def _dense(here: Dense, box: Box) -> Step:
    held = box.held(here.points, here.gradient)
    downhill = -np.where(held, 0.0, here.gradient)
    free = ~held
    matrix = here.curvature * (free[:, :, None] & free[:, None, :])
    spots = np.arange(held.shape[1])
    matrix[:, spots, spots] += held
    direction, bad = _solve(matrix, downhill)
    edm = 0.5 * np.einsum("lp,lp->l", downhill, direction)
    if bad.size:
        direction[bad], saddle = _beyond_saddles(matrix[bad], downhill[bad])
        edm[bad] = 0.5 * np.einsum("lp,lp->l", downhill[bad], direction[bad])
        edm[bad[saddle]] = np.inf
    return Step(here.gradient, direction, held, edm)


def _solve(matrix: FloatArray, right: FloatArray) -> tuple[FloatArray, IntArray]:
    """Solve for each lane whose matrix is positive definite, and list the others."""
    if matrix.shape[1] < _BY_LANE:
        try:
            np.linalg.cholesky(matrix)
            return np.asarray(np.linalg.solve(matrix, right[:, :, None])[:, :, 0]), np.empty(0, dtype=np.intp)
        except np.linalg.LinAlgError:
            bad = np.flatnonzero(~_positive(matrix))
            good = np.setdiff1d(np.arange(len(matrix)), bad)
            direction = np.zeros_like(right)
            direction[good] = np.linalg.solve(matrix[good], right[good, :, None])[:, :, 0]
            return direction, bad
    direction, failed = np.empty_like(right), []
    for lane, (one, goal) in enumerate(zip(matrix, right, strict=True)):
        # A symmetric matrix is its own transpose: no copy is made.
        _, direction[lane], info = dposv(one.T, goal, overwrite_a=False, overwrite_b=False, lower=True)
        if info:
            failed.append(lane)
    return direction, np.array(failed, dtype=np.intp)


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


def _truncated(here: Any, box: Box, wary: bool) -> Step:
    gradient = here.gradient
    held = box.held(here.points, gradient)
    residual = -np.where(held, 0.0, gradient)
    direction = _conjugate_gradients(here.product, here.preconditioner(held), residual, held)
    edm = -0.5 * np.einsum("lp,lp->l", np.where(held, 0.0, gradient), direction)
    arrived = edm < CONVERGED
    if wary and arrived.any():
        some = here if arrived.all() else here.take(np.flatnonzero(arrived))
        saddle = _negative_direction(some, held[arrived])
        found = (saddle != 0).any(axis=1)
        direction[arrived] = np.where(found[:, None], saddle, direction[arrived])
        edm[arrived] = np.where(found, np.inf, edm[arrived])
    return Step(gradient, direction, held, edm)


def _conjugate_gradients(
    product: Any, precondition: Any, residual: FloatArray, held: BoolArray
) -> FloatArray:
    """Solve for the step of each lane, as exactly as it pays; lanes that are done are left out in time."""
    direction = np.zeros_like(residual)
    rows = np.arange(len(residual))
    search = precondition(residual)
    size = np.einsum("lp,lp->l", residual, search)
    # The closer to the minimum, the more exact the step: that makes the convergence superlinear.
    goal = size * np.clip(size, 1e-4, 0.1)
    active = size > 0
    for inner in range(_MAX_INNER):
        bent = np.where(held, 0.0, product(search))
        curvature = np.einsum("lp,lp->l", search, bent)
        positive = curvature > 0
        if inner == 0:
            # Negative curvature along the first direction: take the step of the expected curvature.
            direction = np.where((active & ~positive)[:, None], search, direction)
        active &= positive
        length = np.where(active, size / np.where(positive, curvature, 1.0), 0.0)[:, None]
        direction[rows] += length * search
        residual = residual - length * bent
        better = precondition(residual)
        new = np.einsum("lp,lp->l", residual, better)
        active &= new > goal
        left = int(active.sum())
        if not left:
            break
        search = better + np.where(active, new / np.where(size > 0, size, 1.0), 0.0)[:, None] * search
        size = new
        if left < _CROWDED * len(active) and len(active) > _FEW_ROWS:
            kept = np.flatnonzero(active)
            product, precondition = product.take(kept), precondition.take(kept)
            rows, held, active = rows[kept], held[kept], active[kept]
            search, residual, size, goal = search[kept], residual[kept], size[kept], goal[kept]
    return direction


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
