"""Many bounded fits at once: a projected Newton method over a batch of lanes.

Each lane minimises the same likelihood with its own data, start, bounds and fixed parameters. All lanes move
in lock-step; a lane that has converged leaves, and one that waits takes its place, so that those under way
fit into the processor's cache. A parameter at a bound whose gradient points outwards is held there (an active
set; Bertsekas, SIAM J. Control Optim. 20 (1982) 221). A lane never ends with a plausible wrong number: it
converged by its own estimated distance to the minimum, or it says why not.

What the time is spent on (``tests/benchmarks/profile_core.py``): in a 41-point band of SUSY-2018-04, with 119
parameters in 5 bins, a quarter goes into products with the curvature, 18 % into rates, 17 % into the other
vectors of the conjugate gradients, 12 % into the preconditioner, 10 % into the Jacobian and 8 % into the line
search; in its toys a quarter into rates, and a sixth each into the line search and products. With two bins
no part is above 30 %: there the number of calls counts. Evaluating rates and Jacobian once for the 82
lanes of a band is the bare cost, and a band costs 20 to 50 times that (``make bench``): 5 to 7 steps of each
fit with 5 products a step, and before them the free and the background fit, from several starts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hepnb.fits.newton import CONVERGED as NEAR_ENOUGH
from hepnb.fits.newton import Box, Likelihood, Step, look, newton_step, within_reach
from hepnb.typing import BoolArray, FloatArray, IntArray

__all__ = ["CONVERGED", "INVALID_START", "NOT_FINISHED", "STALLED", "BatchedFit", "Likelihood", "minimize"]


CONVERGED, NOT_FINISHED, STALLED, INVALID_START = 0, 1, 2, 3

_MAX_ITERATIONS = 200
_MAX_HALVINGS = 30
_CACHE_BYTES, _FEWEST = 8_000_000, 64


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


def minimize(
    likelihood: Likelihood,
    data: FloatArray,
    start: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    fixed: BoolArray,
    max_iterations: int = _MAX_ITERATIONS,
    *,
    wary: bool = True,
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
    wary : bool
        Make sure that no lane ends at a saddle point; needless for starts close to a minimum.

    Returns
    -------
    BatchedFit
        One row per lane, converged or not.
    """
    shape = start.shape
    box = Box(np.atleast_2d(lower), np.atleast_2d(upper), np.atleast_2d(fixed))
    data = np.broadcast_to(data, (shape[0], data.shape[-1]))
    end = BatchedFit(
        box.clip(start, start),
        np.full(shape[0], np.inf),
        np.full(shape[0], NOT_FINISHED),
        np.full(shape[0], np.inf),
        np.full(shape[0], np.inf),
        np.zeros(shape, dtype=bool),
        np.zeros(shape[0], dtype=np.intp),
    )
    at_once = _at_once(likelihood)
    waiting = np.arange(shape[0])
    lane = waiting[:0]
    here: Any = None
    while lane.size or waiting.size:
        if waiting.size and lane.size <= at_once // 2:
            new, waiting = np.split(waiting, [at_once - lane.size])
            lane, here = _enter(likelihood, end, data, lane, here, new)
            if not lane.size:
                continue
        room = box.take(lane)
        step = newton_step(here, room, wary=wary)
        done = np.abs(step.edm) < NEAR_ENOUGH
        leaving = done | (end.iterations[lane] >= max_iterations)
        if leaving.any():
            end.status[lane[done]] = CONVERGED
            _record(end, lane, step, room, np.flatnonzero(leaving))
            staying = np.flatnonzero(~leaving)
            lane, here, step, room = lane[staying], here.take(staying), step.take(staying), room.take(staying)
        if not lane.size:
            continue
        here, stuck = _move(likelihood, end, lane, here, room, step)
        if stuck.size:
            # No further progress in double precision: converged if the distance says so, else stalled.
            end.status[lane[stuck]] = np.where(np.abs(step.edm[stuck]) < 1e-6, CONVERGED, STALLED)
            _record(end, lane, step, room, stuck)
            lane = np.delete(lane, stuck)
        end.iterations[lane] += 1
    return end


def _at_once(likelihood: Likelihood) -> int:
    """Return the number of lanes whose arrays fit into the processor's cache."""
    size = likelihood.operator_bytes or 16 * likelihood.n_parameters**2
    return int(max(_FEWEST, _CACHE_BYTES // size))


def _enter(
    likelihood: Likelihood, end: BatchedFit, data: FloatArray, lane: IntArray, here: Any, new: IntArray
) -> tuple[IntArray, Any]:
    """Add lanes that have waited to those under way."""
    fresh = look(likelihood, end.points[new], data[new], lane.size + new.size)
    end.value[new] = fresh.value
    good = np.isfinite(fresh.value)
    end.status[new[~good]] = INVALID_START
    if not good.all():
        new, fresh = new[good], fresh.take(np.flatnonzero(good))
    if not lane.size:
        return new, fresh
    if type(fresh) is not type(here):
        here = look(likelihood, here.points, here.data, lane.size + new.size)
    return np.concatenate([lane, new]), here.join(fresh)


def _record(end: BatchedFit, lane: IntArray, step: Step, room: Box, which: IntArray) -> None:
    """Note how lanes that leave ended."""
    last, rows = step.take(which), lane[which]
    end.edm[rows] = last.edm
    end.gradient_norm[rows] = np.linalg.norm(np.where(last.held, 0.0, last.gradient), axis=1)
    end.held[rows] = last.held & ~room.take(which).fixed


def _move(
    likelihood: Likelihood, end: BatchedFit, lane: IntArray, here: Any, box: Box, step: Step
) -> tuple[Any, IntArray]:
    """Move every lane down, shortening its step until -2 log L falls enough.

    Returns the likelihood where the lanes that moved are now, and the places of those that did not move.
    """
    step = replace(step, direction=within_reach(step.direction, likelihood.reach))
    trial = box.clip(here.points + step.direction, here.points)
    there = look(likelihood, trial, here.data, lane.size)
    enough = _falls(there.value, trial, here, step.gradient)
    if not enough.all():
        trial, short = trial.copy(), np.flatnonzero(~enough)
        found = _shorten(likelihood, here.take(short), box.take(short), step.take(short), trial, short)
        good = np.concatenate([np.flatnonzero(enough), found])
        enough[found] = True
        if found.size:
            again = look(likelihood, trial[found], here.data[found], lane.size)
            there = there.take(good[: good.size - found.size]).join(again)
            order = np.argsort(good)
            there = there.take(order)
        else:
            there = there.take(good)
    stuck = np.flatnonzero(~enough)
    moved = lane[enough] if stuck.size else lane
    end.points[moved] = there.points
    end.value[moved] = there.value
    return there, stuck


def _falls(value: FloatArray, trial: FloatArray, here: Any, gradient: FloatArray) -> BoolArray:
    change = trial - here.points
    promised = np.einsum("lp,lp->l", gradient, change)
    slack = 4e-16 * np.maximum(np.abs(here.value), 1.0)
    enough = value <= here.value + 1e-4 * np.minimum(promised, 0.0) + slack
    return np.asarray(enough & np.isfinite(value) & change.any(axis=1))


def _shorten(
    likelihood: Likelihood, here: Any, box: Box, step: Step, trial: FloatArray, rows: IntArray
) -> IntArray:
    """Halve the steps of lanes that did not fall; write where they end, and say which rows fell."""
    waiting, length, found = np.arange(rows.size), 1.0, []
    for attempt in range(_MAX_HALVINGS):
        length *= 0.5 if attempt < 4 else 0.1
        some, direction = here.take(waiting), step.direction[waiting]
        point = box.take(waiting).clip(some.points + length * direction, some.points)
        value = likelihood.objective(point, some.data, 0).value
        enough = _falls(value, point, some, step.gradient[waiting])
        trial[rows[waiting[enough]]] = point[enough]
        found.append(rows[waiting[enough]])
        waiting = waiting[~enough]
        if not waiting.size:
            break
    return np.concatenate(found)
