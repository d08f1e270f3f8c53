"""Many bounded fits at once: a projected Newton method over a batch of lanes.

Each lane minimises the same likelihood with its own data, start, bounds and fixed parameters. All lanes move
in lock-step; a lane that has converged drops out of the batch. A step uses the true curvature and, where that
is not positive definite along the step, the expected one, which always is. A parameter at a bound whose
gradient points outwards is held there (an active set; Bertsekas, SIAM J. Control Optim. 20 (1982) 221).
A lane never ends with a plausible wrong number: it converged by its own estimated distance to the minimum,
or it says why not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hepnb.model import Objective

__all__ = ["CONVERGED", "INVALID_START", "NOT_FINISHED", "STALLED", "BatchedFit", "Likelihood", "minimise"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

CONVERGED, NOT_FINISHED, STALLED, INVALID_START = 0, 1, 2, 3

_EDM_TOLERANCE = 1e-10
_MAX_ITERATIONS = 200
_MAX_HALVINGS = 30


class Likelihood(Protocol):
    """What a fit needs to know of a likelihood; see :class:`hepnb.model.HistFactoryLikelihood`."""

    @property
    def n_parameters(self) -> int:
        """How many parameters a point has."""

    def objective(
        self, points: FloatArray, data: FloatArray, order: Literal[0, 1, 2] = 0, *, exact: bool = True
    ) -> Objective:
        """Give -2 log L and its derivatives."""


@dataclass(frozen=True)
class BatchedFit:
    """The minima of a batch.

    Parameters
    ----------
    points : ndarray, shape (batch, parameter)
        Where each lane ended.
    value : ndarray, shape (batch,)
        -2 log L there, without the terms that depend on the data alone.
    status : ndarray of int, shape (batch,)
        ``CONVERGED``, ``NOT_FINISHED``, ``STALLED`` or ``INVALID_START``.
    edm : ndarray, shape (batch,)
        Estimated distance to the minimum in -2 log L.
    gradient_norm : ndarray, shape (batch,)
        Norm of the projected gradient.
    held : ndarray of bool, shape (batch, parameter)
        Parameters at a bound that pushes.
    iterations : ndarray of int, shape (batch,)
        Newton steps taken.
    """

    points: FloatArray
    value: FloatArray
    status: IntArray
    edm: FloatArray
    gradient_norm: FloatArray
    held: BoolArray
    iterations: IntArray

    @property
    def ok(self) -> BoolArray:
        """Which lanes converged, shape (batch,)."""
        return np.asarray(self.status == CONVERGED)


@dataclass
class _State:
    """The lanes still moving; every array has the lane as its first axis."""

    lane: IntArray
    points: FloatArray
    data: FloatArray
    lower: FloatArray
    upper: FloatArray
    fixed: BoolArray
    value: FloatArray
    gradient: FloatArray
    curvature: FloatArray

    def keep(self, mask: BoolArray) -> None:
        for name, array in vars(self).items():
            setattr(self, name, array[mask])


def minimise(
    likelihood: Likelihood,
    data: FloatArray,
    start: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    fixed: BoolArray,
    max_iterations: int = _MAX_ITERATIONS,
) -> BatchedFit:
    """Minimise a batch.

    Parameters
    ----------
    likelihood : Likelihood
        What to minimise.
    data : ndarray, shape (batch, data) or (1, data)
        The data of each lane.
    start : ndarray, shape (batch, parameter)
        Where each lane starts; moved into the bounds unless fixed.
    lower, upper : ndarray, shape (batch, parameter) or (parameter,)
        Bounds.
    fixed : ndarray of bool, shape (batch, parameter) or (parameter,)
        Parameters held at their start.
    max_iterations : int
        Newton steps after which a lane gives up.

    Returns
    -------
    BatchedFit
        One row per lane, converged or not.
    """
    batch, size = start.shape
    lower, upper = np.broadcast_to(lower, start.shape), np.broadcast_to(upper, start.shape)
    fixed = np.broadcast_to(fixed, start.shape)
    points = np.where(fixed, start, np.clip(start, lower, upper))
    data = np.broadcast_to(data, (batch, data.shape[-1]))
    first = likelihood.objective(points, data, 2)
    state = _State(
        np.arange(batch), points.copy(), data, lower, upper, fixed,
        first.value, first.gradient, first.curvature,
    )  # fmt: skip
    end = BatchedFit(
        points.copy(),
        first.value.copy(),
        np.full(batch, NOT_FINISHED),
        np.full(batch, np.inf),
        np.full(batch, np.inf),
        np.zeros((batch, size), dtype=bool),
        np.zeros(batch, dtype=np.intp),
    )
    bad = ~np.isfinite(first.value)
    end.status[bad] = INVALID_START
    state.keep(~bad)
    for iteration in range(max_iterations + 1):
        if not state.lane.size:
            break
        held = _held(state)
        direction, edm = _newton(likelihood, state, held)
        done = edm < _EDM_TOLERANCE
        _record(end, state, held, edm, iteration)
        end.status[state.lane[done]] = CONVERGED
        if done.any():
            state.keep(~done)
            direction, edm = direction[~done], edm[~done]
        if not state.lane.size or iteration == max_iterations:
            break
        moved = _step(likelihood, state, direction)
        if not moved.all():
            # No further progress in double precision: converged if the distance says so, else stalled.
            near = edm < 1e-6
            end.status[state.lane[~moved & near]] = CONVERGED
            end.status[state.lane[~moved & ~near]] = STALLED
            state.keep(moved)
    return end


def _held(state: _State) -> BoolArray:
    at_lower = (state.points <= state.lower) & (state.gradient > 0)
    at_upper = (state.points >= state.upper) & (state.gradient < 0)
    return np.asarray(state.fixed | at_lower | at_upper)


def _masked_solve(curvature: FloatArray, gradient: FloatArray, held: BoolArray) -> FloatArray:
    """Solve for the Newton step of the parameters that are free to move; 0 for the others."""
    free = ~held
    matrix = curvature * (free[:, :, None] & free[:, None, :])
    spots = np.arange(held.shape[1])
    matrix[:, spots, spots] += held
    right = -np.where(held, 0.0, gradient)
    try:
        return np.asarray(np.linalg.solve(matrix, right[:, :, None])[:, :, 0])
    except np.linalg.LinAlgError:
        diagonal = np.abs(matrix[:, spots, spots])
        matrix[:, spots, spots] += 1e-8 * diagonal + 1e-10
        return np.asarray(np.linalg.solve(matrix, right[:, :, None])[:, :, 0])


def _newton(likelihood: Likelihood, state: _State, held: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Give the step of each lane and its estimated distance to the minimum."""
    direction = _masked_solve(state.curvature, state.gradient, held)
    slope = np.einsum("lp,lp->l", np.where(held, 0.0, state.gradient), direction)
    # slope = -g H^-1 g: positive means that the curvature is negative along the step.
    wrong = ~(slope <= 0) | ~np.isfinite(direction).all(axis=1)
    if wrong.any():
        expected = likelihood.objective(state.points[wrong], state.data[wrong], 2, exact=False).curvature
        spots = np.arange(held.shape[1])
        expected[:, spots, spots] *= 1 + 1e-9
        expected[:, spots, spots] += 1e-9
        direction[wrong] = _masked_solve(expected, state.gradient[wrong], held[wrong])
        slope[wrong] = np.einsum(
            "lp,lp->l", np.where(held[wrong], 0.0, state.gradient[wrong]), direction[wrong]
        )
    return direction, -0.5 * slope


def _record(end: BatchedFit, state: _State, held: BoolArray, edm: FloatArray, iteration: int) -> None:
    lane = state.lane
    end.points[lane] = state.points
    end.value[lane] = state.value
    end.edm[lane] = edm
    end.gradient_norm[lane] = np.linalg.norm(np.where(held, 0.0, state.gradient), axis=1)
    end.held[lane] = held & ~state.fixed
    end.iterations[lane] = iteration


def _step(likelihood: Likelihood, state: _State, direction: FloatArray) -> BoolArray:
    """Move every lane down, halving its step until -2 log L falls enough; say which lanes moved."""
    moved = np.zeros(state.lane.size, dtype=bool)
    length = np.ones(state.lane.size)
    waiting = np.arange(state.lane.size)
    for _ in range(_MAX_HALVINGS):
        old = state.points[waiting]
        trial = np.clip(
            old + length[waiting, None] * direction[waiting], state.lower[waiting], state.upper[waiting]
        )
        trial = np.where(state.fixed[waiting], old, trial)
        result = likelihood.objective(trial, state.data[waiting], 2)
        promised = np.einsum("lp,lp->l", state.gradient[waiting], trial - old)
        noise = 4e-16 * np.abs(state.value[waiting])
        enough = result.value <= state.value[waiting] + 1e-4 * np.minimum(promised, 0.0) + noise
        enough &= np.isfinite(result.value) & (trial != old).any(axis=1)
        accepted = waiting[enough]
        state.points[accepted] = trial[enough]
        state.value[accepted] = result.value[enough]
        state.gradient[accepted] = result.gradient[enough]
        state.curvature[accepted] = result.curvature[enough]
        moved[accepted] = True
        waiting = waiting[~enough]
        if not waiting.size:
            break
        length[waiting] *= 0.5 if _ < 4 else 0.1
    return moved
