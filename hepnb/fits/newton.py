"""One Newton step of many lanes, inside bounds.

Two ways to the same step. With a matrix: solve for the step, and where the true curvature is not positive
along it, solve again with the expected one. With an operator (:mod:`hepnb.model.operator`), when the
likelihood offers one because it has fewer bins than parameters: conjugate gradients on the true curvature,
preconditioned with the expected one, truncated where the curvature is negative
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
    direction = _solve(here.curvature, downhill, held)
    fall = np.einsum("lp,lp->l", downhill, direction)
    wrong = ~(fall >= 0) | ~np.isfinite(direction).all(axis=1)
    if wrong.any():
        some = lanes[wrong]
        expected = likelihood.objective(some.points, some.data, 2, exact=False).curvature
        spots = np.arange(held.shape[1])
        expected[:, spots, spots] *= 1 + 1e-9
        expected[:, spots, spots] += 1e-9
        direction[wrong] = _solve(expected, downhill[wrong], held[wrong])
        fall[wrong] = np.einsum("lp,lp->l", downhill[wrong], direction[wrong])
    return Step(here.gradient, direction, held, 0.5 * fall)


def _solve(curvature: FloatArray, right: FloatArray, held: BoolArray) -> FloatArray:
    free = ~held
    matrix = curvature * (free[:, :, None] & free[:, None, :])
    spots = np.arange(held.shape[1])
    matrix[:, spots, spots] += held
    try:
        return np.asarray(np.linalg.solve(matrix, right[:, :, None])[:, :, 0])
    except np.linalg.LinAlgError:
        diagonal = np.abs(matrix[:, spots, spots])
        matrix[:, spots, spots] += 1e-8 * diagonal + 1e-10
        return np.asarray(np.linalg.solve(matrix, right[:, :, None])[:, :, 0])


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
    fall = -np.einsum("lp,lp->l", np.where(held, 0.0, gradient), direction)
    return Step(gradient, direction, held, 0.5 * fall)
