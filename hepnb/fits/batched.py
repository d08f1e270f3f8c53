"""Many bounded fits at once: a projected Newton method over a batch of lanes.

Each lane minimises the same likelihood with its own data, start, bounds and fixed parameters. All lanes move
in lock-step; a lane that has converged drops out of the batch. A parameter at a bound whose gradient points
outwards is held there (an active set; Bertsekas, SIAM J. Control Optim. 20 (1982) 221). A lane never ends
with a plausible wrong number: it converged by its own estimated distance to the minimum, or it says why not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepnb.fits.newton import CONVERGED as NEAR_ENOUGH
from hepnb.fits.newton import Lanes, Likelihood, Step, newton_step

__all__ = ["CONVERGED", "INVALID_START", "NOT_FINISHED", "STALLED", "BatchedFit", "Likelihood", "minimise"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

CONVERGED, NOT_FINISHED, STALLED, INVALID_START = 0, 1, 2, 3

_MAX_ITERATIONS = 200
_MAX_HALVINGS = 30


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
    shape = start.shape
    lower, upper = np.broadcast_to(lower, shape), np.broadcast_to(upper, shape)
    fixed = np.broadcast_to(fixed, shape)
    points = np.where(fixed, start, np.clip(start, lower, upper))
    data = np.broadcast_to(data, (shape[0], data.shape[-1]))
    value = likelihood.objective(points, data, 0).value
    end = BatchedFit(
        points,
        value,
        np.full(shape[0], NOT_FINISHED),
        np.full(shape[0], np.inf),
        np.full(shape[0], np.inf),
        np.zeros(shape, dtype=bool),
        np.zeros(shape[0], dtype=np.intp),
    )
    end.status[~np.isfinite(value)] = INVALID_START
    lane = np.flatnonzero(np.isfinite(value))
    for iteration in range(max_iterations + 1):
        if not lane.size:
            break
        lanes = Lanes(end.points[lane], data[lane], lower[lane], upper[lane], fixed[lane])
        step = newton_step(likelihood, lanes)
        _record(end, lane, lanes, step, iteration)
        done = step.edm < NEAR_ENOUGH
        end.status[lane[done]] = CONVERGED
        if iteration == max_iterations:
            break
        lane, lanes, step = lane[~done], lanes[~done], _select(step, ~done)
        if not lane.size:
            break
        moved = _move(likelihood, end, lane, lanes, step)
        # No further progress in double precision: converged if the distance says so, else stalled.
        near = step.edm < 1e-6
        end.status[lane[~moved & near]] = CONVERGED
        end.status[lane[~moved & ~near]] = STALLED
        lane = lane[moved]
    return end


def _select(step: Step, mask: BoolArray) -> Step:
    return Step(step.gradient[mask], step.direction[mask], step.held[mask], step.edm[mask])


def _record(end: BatchedFit, lane: IntArray, lanes: Lanes, step: Step, iteration: int) -> None:
    end.edm[lane] = step.edm
    end.gradient_norm[lane] = np.linalg.norm(np.where(step.held, 0.0, step.gradient), axis=1)
    end.held[lane] = step.held & ~lanes.fixed
    end.iterations[lane] = iteration


def _move(likelihood: Likelihood, end: BatchedFit, lane: IntArray, lanes: Lanes, step: Step) -> BoolArray:
    """Move every lane down, shortening its step until -2 log L falls enough; say which lanes moved."""
    moved = np.zeros(lane.size, dtype=bool)
    length = np.ones(lane.size)
    waiting = np.arange(lane.size)
    for attempt in range(_MAX_HALVINGS):
        here = lanes[waiting]
        trial = here.points + length[waiting, None] * step.direction[waiting]
        trial = np.where(here.fixed, here.points, np.clip(trial, here.lower, here.upper))
        value = likelihood.objective(trial, here.data, 0).value
        old = end.value[lane[waiting]]
        promised = np.einsum("lp,lp->l", step.gradient[waiting], trial - here.points)
        enough = value <= old + 1e-4 * np.minimum(promised, 0.0) + 4e-16 * np.maximum(np.abs(old), 1.0)
        enough &= np.isfinite(value) & (trial != here.points).any(axis=1)
        accepted = waiting[enough]
        end.points[lane[accepted]] = trial[enough]
        end.value[lane[accepted]] = value[enough]
        moved[accepted] = True
        waiting = waiting[~enough]
        if not waiting.size:
            break
        length[waiting] *= 0.5 if attempt < 4 else 0.1
    return moved
