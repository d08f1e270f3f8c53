"""Many bounded fits of one likelihood at once.

Each fit of a batch has its own data, start, bounds and fixed parameters. A parameter at a bound whose
gradient points outwards is held there (an active set; Bertsekas, SIAM J. Control Optim. 20 (1982) 221). There
are two ways to step, and the sizes of the model and of the batch say which is cheaper:

- together, in the metric of one curvature that all fits share, with gradients alone
  (:mod:`hepnb.fits.quasi_newton`); a new metric is made where fits come no closer in the old one;
- alone, each fit with the curvature of its own (:mod:`hepnb.fits.newton`): in small models, where a curvature
  costs little more than a gradient, and for fits that the metric does not suit or that may be at a saddle. In
  models with many more parameters than bins that curvature is an operator (:mod:`hepnb.fits.truncated`).

No fit ends with a plausible wrong number: it converged by its own estimated distance to the minimum, or it
says why not. ``docs/explanation/minimizer.md`` has the whole of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hepnb.fits.likelihood import Bounds, Likelihood, limited
from hepnb.fits.merging import mergeable
from hepnb.fits.metric import Metric, central
from hepnb.fits.newton import CONVERGED as NEAR_ENOUGH
from hepnb.fits.newton import Evaluation, Step, newton_step
from hepnb.fits.quasi_newton import Descent, descend_together, falls, suspicious
from hepnb.fits.truncated import truncated_step
from hepnb.typing import BoolArray, FloatArray, IntArray

__all__ = [
    "CONVERGED",
    "INVALID_START",
    "NOT_FINISHED",
    "STALLED",
    "BatchedFit",
    "Likelihood",
    "minimize",
    "shares_curvature",
]


CONVERGED, NOT_FINISHED, STALLED, INVALID_START = 0, 1, 2, 3

_MAX_ITERATIONS = 200
_MAX_HALVINGS = 30
_CACHE_BYTES, _FEWEST = 8_000_000, 64
# Below so many fits the calls, not the numbers, take the time, and the matrix needs fewer of them.
_FEW_FITS = 2
# Fits that step together, at most.
_ROUND = 256
# Metrics that are tried one after the other, and the steps in each.
_METRICS, _STEPS = 2, 40
# A new metric is tried where so large a part of the fits is left.
_MANY_LEFT = 0.3
# Nanoseconds that the calls of one step take, and steps that fits take, alone and together.
_CALLS_ALONE, _CALLS_TOGETHER = 3e5, 1e6
_USUAL_ALONE, _USUAL_TOGETHER = 5, 10


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


@mergeable
def minimize(
    likelihood: Likelihood,
    data: FloatArray,
    start: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    fixed: BoolArray,
    max_iterations: int = _MAX_ITERATIONS,
    *,
    check_saddles: bool = True,
) -> BatchedFit:
    """Minimise a batch.

    Parameters
    ----------
    likelihood : Likelihood
        What to minimise.
    data : ndarray, shape (batch, data) or (1, data)
        The data of each fit.
    start : ndarray, shape (batch, parameter)
        Where each fit starts; moved into the bounds unless fixed.
    lower, upper : ndarray, shape (batch, parameter) or (parameter,)
        Bounds.
    fixed : ndarray of bool, shape (batch, parameter) or (parameter,)
        Parameters held at their start.
    max_iterations : int
        Steps with a curvature of its own after which a fit gives up. With fewer than 40 every step is one.
    check_saddles : bool
        Make sure that no fit ends at a saddle point; needless for starts close to a minimum.

    Returns
    -------
    BatchedFit
        One row per fit, converged or not.
    """
    bounds = Bounds(np.atleast_2d(lower), np.atleast_2d(upper), np.atleast_2d(fixed))
    data = np.broadcast_to(data, (len(start), data.shape[-1]))
    start = bounds.clip(start, start)
    profiled = getattr(likelihood, "profiled", None)
    smaller = None if profiled is None else profiled.free(bounds.fixed)
    if smaller is None:
        return _minimize(likelihood, data, start, bounds, max_iterations, check_saddles)
    # Fits of the parameters that have no closed form; the others follow from them.
    held = bounds.fixed.copy()
    held[:, smaller.parameters] = True
    end = _minimize(smaller, data, start, replace(bounds, fixed=held), max_iterations, check_saddles)
    end.points[:] = smaller.fill(end.points, data)
    beyond = (end.points < bounds.lower) | (end.points > bounds.upper)
    rows = np.flatnonzero((beyond & ~bounds.fixed).any(axis=1))
    if rows.size and max_iterations < _STEPS:
        # A few steps of a search: the start of further ones.
        room = bounds.take(rows)
        end.points[rows] = room.clip(end.points[rows], start[rows])
        end.value[rows] = likelihood.objective(end.points[rows], data[rows], 0).value
    elif rows.size:
        again = _minimize(
            likelihood, data[rows], start[rows], bounds.take(rows), max_iterations, check_saddles
        )
        for name, values in vars(end).items():
            values[rows] = getattr(again, name)
    return end


def _minimize(
    likelihood: Likelihood,
    data: FloatArray,
    start: FloatArray,
    bounds: Bounds,
    max_iterations: int,
    check_saddles: bool,
) -> BatchedFit:
    """Minimise a batch whose starts are within the bounds."""
    shape = start.shape
    end = BatchedFit(
        start.copy(),
        np.full(shape[0], np.inf),
        np.full(shape[0], NOT_FINISHED),
        np.full(shape[0], np.inf),
        np.full(shape[0], np.inf),
        np.zeros(shape, dtype=bool),
        np.zeros(shape[0], dtype=np.intp),
    )
    rows = np.arange(shape[0])
    if max_iterations and rows.size >= getattr(likelihood, "fewest", math.inf):
        return _on_device(likelihood, data, end, bounds, max_iterations, check_saddles)
    if max_iterations >= _STEPS and shares_curvature(likelihood, rows.size):
        rows = _together(likelihood, data, end, bounds, check_saddles)
    if rows.size:
        _alone(likelihood, data, end, bounds, rows, max_iterations, check_saddles)
    return end


def shares_curvature(likelihood: Likelihood, count: int) -> bool:
    """Tell whether so many fits are cheaper with one curvature for all than with one for each step.

    Parameters
    ----------
    likelihood : Likelihood
        What is minimised.
    count : int
        How many fits there are.

    Returns
    -------
    bool
        By about the time that gradient, curvature and linear algebra take.
    """
    if likelihood.operator_bytes:
        return False
    gradient, curvature = likelihood.costs
    size = float(likelihood.n_parameters)
    alone = _USUAL_ALONE * (_CALLS_ALONE + count * (curvature + size**3 / 8))
    step = _CALLS_TOGETHER + count * (gradient + size**2 / 2 + 50 * size)
    return curvature + size**3 / 5 + _CALLS_ALONE + _USUAL_TOGETHER * step < alone


def _on_device(
    likelihood: Any,
    data: FloatArray,
    end: BatchedFit,
    bounds: Bounds,
    max_iterations: int,
    check_saddles: bool,
) -> BatchedFit:
    """Fit on a device (:mod:`hepnb.accelerated.likelihood`), and here what did not arrive there."""
    found = likelihood.descend(data, end.points, bounds.lower, bounds.upper, bounds.fixed)
    done, left = np.flatnonzero(found.arrived), np.flatnonzero(~found.arrived)
    end.points[done], end.value[done], end.edm[done] = found.points[done], found.value[done], found.edm[done]
    end.status[done], end.gradient_norm[done] = CONVERGED, found.gradient_norm[done]
    end.held[done] = found.held[done] & ~bounds.take(done).fixed
    end.iterations[done] = found.steps[done]
    if left.size:
        room = bounds.take(left)
        again = minimize(
            likelihood.core, data[left], end.points[left], room.lower, room.upper, room.fixed, max_iterations,
            check_saddles=check_saddles,
        )  # fmt: skip
        for name, array in vars(end).items():
            array[left] = getattr(again, name)
    return end


def _together(
    likelihood: Likelihood,
    data: FloatArray,
    end: BatchedFit,
    bounds: Bounds,
    check_saddles: bool,
) -> IntArray:
    """Fit with shared metrics; return the fits that have to go on alone."""
    value = likelihood.objective(end.points, data, 0).value
    rows, alone = np.flatnonzero(np.isfinite(value)), np.flatnonzero(~np.isfinite(value))
    for _ in range(_METRICS):
        if not rows.size:
            break
        count = rows.size
        fixed = np.asarray(bounds.take(rows).fixed.all(axis=0))
        middle = rows[central(end.points[rows])]
        metric = Metric.at(likelihood, end.points[middle], data[rows].mean(axis=0), fixed)
        if metric is None:
            break
        left, doubtful = [], []
        for some in np.array_split(rows, -(-rows.size // _ROUND)):
            found = descend_together(
                likelihood, data[some], end.points[some], bounds.take(some), metric, _STEPS, NEAR_ENOUGH
            )
            arrived = np.flatnonzero(found.arrived)
            if check_saddles and arrived.size:
                doubt = suspicious(likelihood, data[some[arrived]], found, arrived, metric)
                doubtful.append(some[arrived[doubt]])
                found.arrived[arrived[doubt]] = False
            _note(end, some, found, bounds)
            left.append(some[~found.arrived])
        alone = np.concatenate([alone, *doubtful])
        rows = np.setdiff1d(np.concatenate(left), alone)
        if rows.size < _MANY_LEFT * count or not shares_curvature(likelihood, rows.size):
            break
    return np.union1d(rows, alone)


def _note(end: BatchedFit, rows: IntArray, found: Descent, bounds: Bounds) -> None:
    """Write down how some fits of a batch ended."""
    end.points[rows], end.value[rows], end.edm[rows] = found.points, found.value, found.edm
    end.status[rows] = np.where(found.arrived, CONVERGED, NOT_FINISHED)
    end.gradient_norm[rows] = np.linalg.norm(np.where(found.held, 0.0, found.gradient), axis=1)
    end.held[rows] = found.held & ~bounds.take(rows).fixed
    end.iterations[rows] += found.steps


def _alone(
    likelihood: Likelihood,
    data: FloatArray,
    end: BatchedFit,
    bounds: Bounds,
    waiting: IntArray,
    max_iterations: int,
    check_saddles: bool,
) -> None:
    """Fit each with its own curvature; converged fits make room in the batch for waiting ones."""
    at_once = _at_once(likelihood)
    row, last = waiting[:0], end.iterations + max_iterations
    here: Any = None
    while row.size or waiting.size:
        if waiting.size and row.size <= at_once // 2:
            new, waiting = np.split(waiting, [at_once - row.size])
            row, here = _enter(likelihood, end, data, row, here, new)
        if here is None or not row.size:
            continue
        room = bounds.take(row)
        step = _newton(here, room, check_saddles)
        done = np.abs(step.edm) < NEAR_ENOUGH
        leaving = done | (end.iterations[row] >= last[row])
        if leaving.any():
            end.status[row[done]] = CONVERGED
            _record(end, row, step, room, np.flatnonzero(leaving))
            staying = np.flatnonzero(~leaving)
            row, here, step, room = row[staying], here.take(staying), step.take(staying), room.take(staying)
        if not row.size:
            continue
        here, stuck = _move(likelihood, end, row, here, room, step)
        if stuck.size:
            # No further progress in double precision: converged if the distance says so, else stalled.
            end.status[row[stuck]] = np.where(np.abs(step.edm[stuck]) < 1e-6, CONVERGED, STALLED)
            _record(end, row, step, room, stuck)
            row = np.delete(row, stuck)
        end.iterations[row] += 1


def _at_once(likelihood: Likelihood) -> int:
    """Return the number of fits whose arrays fit into the processor's cache."""
    size = likelihood.operator_bytes or 16 * likelihood.n_parameters**2
    return int(max(_FEWEST, _CACHE_BYTES // size))


def _evaluate(likelihood: Likelihood, points: FloatArray, data: FloatArray, count: int) -> Any:
    """Evaluate in the way that suits so many fits under way together."""
    if count >= _FEW_FITS and likelihood.operator_bytes:
        return likelihood.operator(points, data)
    return Evaluation(points, data, **vars(likelihood.objective(points, data, 2)))


def _newton(here: Any, bounds: Bounds, check_saddles: bool) -> Step:
    if isinstance(here, Evaluation):
        return newton_step(here, bounds)
    return truncated_step(here, bounds, check_saddles=check_saddles)


def _enter(
    likelihood: Likelihood, end: BatchedFit, data: FloatArray, row: IntArray, here: Any, new: IntArray
) -> tuple[IntArray, Any]:
    """Add fits that have waited to those under way."""
    fresh = _evaluate(likelihood, end.points[new], data[new], row.size + new.size)
    end.value[new] = fresh.value
    good = np.isfinite(fresh.value)
    end.status[new[~good]] = INVALID_START
    if not good.all():
        new, fresh = new[good], fresh.take(np.flatnonzero(good))
    if here is None or not row.size:
        return new, fresh
    if type(fresh) is not type(here):
        here = _evaluate(likelihood, here.points, here.data, row.size + new.size)
    return np.concatenate([row, new]), here.join(fresh)


def _record(end: BatchedFit, row: IntArray, step: Step, room: Bounds, which: IntArray) -> None:
    """Note how fits that leave ended."""
    last, rows = step.take(which), row[which]
    end.edm[rows] = last.edm
    end.gradient_norm[rows] = np.linalg.norm(np.where(last.held, 0.0, last.gradient), axis=1)
    end.held[rows] = last.held & ~room.take(which).fixed


def _move(
    likelihood: Likelihood, end: BatchedFit, row: IntArray, here: Any, bounds: Bounds, step: Step
) -> tuple[Any, IntArray]:
    """Move every fit down, shortening its step until -2 log L falls enough.

    Returns the likelihood where the fits that moved are now, and the places of those that did not move.
    """
    step = replace(step, direction=limited(step.direction, likelihood.max_step))
    trial = bounds.clip(here.points + step.direction, here.points)
    there = _evaluate(likelihood, trial, here.data, row.size)
    enough = falls(there.value, trial, here.points, here.value, step.gradient)
    if not enough.all():
        trial, short = trial.copy(), np.flatnonzero(~enough)
        found = _shorten(likelihood, here.take(short), bounds.take(short), step.take(short), trial, short)
        good = np.concatenate([np.flatnonzero(enough), found])
        enough[found] = True
        if found.size:
            again = _evaluate(likelihood, trial[found], here.data[found], row.size)
            there = there.take(good[: good.size - found.size]).join(again)
            order = np.argsort(good)
            there = there.take(order)
        else:
            there = there.take(good)
    stuck = np.flatnonzero(~enough)
    moved = row[enough] if stuck.size else row
    end.points[moved] = there.points
    end.value[moved] = there.value
    return there, stuck


def _shorten(
    likelihood: Likelihood, here: Any, bounds: Bounds, step: Step, trial: FloatArray, rows: IntArray
) -> IntArray:
    """Halve the steps of fits that did not fall; write where they end, and say which rows fell."""
    waiting, length, found = np.arange(rows.size), 1.0, []
    for attempt in range(_MAX_HALVINGS):
        length *= 0.5 if attempt < 4 else 0.1
        some, direction = here.take(waiting), step.direction[waiting]
        point = bounds.take(waiting).clip(some.points + length * direction, some.points)
        value = likelihood.objective(point, some.data, 0).value
        enough = falls(value, point, some.points, some.value, step.gradient[waiting])
        trial[rows[waiting[enough]]] = point[enough]
        found.append(rows[waiting[enough]])
        waiting = waiting[~enough]
        if not waiting.size:
            break
    return np.concatenate(found)
