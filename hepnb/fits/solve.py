"""Fits of a model in batches, with retries: what fits, tests and limits share."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hepnb.fits.basins import anywhere, other_sides
from hepnb.fits.batched import CONVERGED, BatchedFit, minimise
from hepnb.fits.clips import has_clips, settle_clips
from hepnb.fits.damped import descend
from hepnb.fits.feasible import feasible
from hepnb.fits.kinks import cross, has_kinks, settle
from hepnb.fits.minuit import minuit_lane
from hepnb.fits.newton import Box
from hepnb.fits.threads import one_blas_thread
from hepnb.model import Model

__all__ = ["Explored", "explore", "solve"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# Minima closer than this in -2 log L are the same.
_DISTINCT = 1e-5
# Steps after which a lane is looked at by other means: it jumps across a kink, or creeps along a valley.
_PATIENCE = 50


def solve(
    model: Model,
    data: FloatArray,
    start: FloatArray,
    fixed: BoolArray,
    bounds: FloatArray | None = None,
    patient: int | None = None,
    *,
    wary: bool = True,
) -> BatchedFit:
    """Minimise a batch of fits of one model; lanes that fail are tried again.

    A lane that did not converge goes on with damped steps, is then started from the model's initial values
    and from the values its auxiliary data prefer. One for which every start has a rate that is not positive
    is moved to where all are. What is left is given to Minuit. What still fails keeps its status.

    Parameters
    ----------
    model : Model
        The model.
    data : ndarray, shape (batch, data) or (1, data)
        Complete data of each lane.
    start : ndarray, shape (batch, parameter)
        Where each lane starts; the value of a fixed parameter.
    fixed : ndarray of bool, shape (batch, parameter)
        Parameters held.
    bounds : ndarray, shape (parameter, 2), optional
        In place of the model's.
    patient : int, optional
        Only so many of the first lanes are tried again; all by default. The others are further starts of the
        same fits, of which it does not matter that one fails.
    wary : bool
        Make sure that no lane ends at a saddle point; needless for starts close to a minimum.

    Returns
    -------
    BatchedFit
        One row per lane.
    """
    limits = model.bounds if bounds is None else bounds
    data = np.broadcast_to(data, (len(start), data.shape[-1]))
    tenacious = len(start) if patient is None else patient
    with one_blas_thread():
        result = _solve(model, data, start, fixed, limits, tenacious, wary)
        return cross(model, data, result, fixed, limits, tenacious) if has_kinks(model) else result


def _solve(
    model: Model,
    data: FloatArray,
    start: FloatArray,
    fixed: BoolArray,
    limits: FloatArray,
    patient: int,
    wary: bool,
) -> BatchedFit:
    lower, upper = limits[:, 0], limits[:, 1]
    ways = [way for way, applies in ((settle, has_kinks), (settle_clips, has_clips)) if applies(model)]
    if has_kinks(model):
        # Plain steps would jump to and fro.
        result = settle(model, data, np.where(fixed, start, np.clip(start, lower, upper)), fixed, limits)
    else:
        result = minimise(model.likelihood, data, start, lower, upper, fixed, _PATIENCE, wary=wary)
    for way in ways:
        bad = np.flatnonzero((result.status != CONVERGED) & np.isfinite(result.value))
        if bad.size:
            result = _better(result, bad, way(model, data[bad], result.points[bad], fixed[bad], limits))
    slow = np.flatnonzero((result.status[:patient] != CONVERGED) & np.isfinite(result.value[:patient]))
    if slow.size:
        box = Box(lower[None], upper[None], fixed[slow])
        result = _better(result, slow, descend(model.likelihood, data[slow], result.points[slow], box))
    for origin in (model.init, _preferred(model, data)):
        bad = np.flatnonzero(result.status[:patient] != CONVERGED)
        if not bad.size:
            return result
        fresh = np.where(fixed[bad], start[bad], np.broadcast_to(origin, start.shape)[bad])
        again = minimise(model.likelihood, data[bad], fresh, lower, upper, fixed[bad], _PATIENCE)
        result = _better(result, bad, again)
    outside = np.flatnonzero(~np.isfinite(result.value[:patient]))
    if outside.size:
        fresh = feasible(model, data[outside], start[outside], fixed[outside], limits)
        again = minimise(model.likelihood, data[outside], fresh, lower, upper, fixed[outside], _PATIENCE)
        result = _better(result, outside, again)
    for lane in np.flatnonzero(result.status[:patient] != CONVERGED):
        end = minuit_lane(model.likelihood, data[lane], result.points[lane], limits, fixed[lane])
        polished = minimise(model.likelihood, data[[lane]], end[None], lower, upper, fixed[[lane]])
        result = _better(result, np.array([lane]), polished)
    return result


def _preferred(model: Model, data: FloatArray) -> FloatArray:
    """Give the points where the auxiliary data of each lane sit; free parameters stay at their start."""
    constraints = model.likelihood.constraints
    points = np.tile(model.init, (len(data), 1))
    points[:, constraints.parameters] = constraints.preferred(data[:, model.n_bins :])
    return points


def _better(result: BatchedFit, lanes: NDArray[np.intp], again: BatchedFit) -> BatchedFit:
    """Take the new row of each lane where it is lower, or converged and not higher.

    A converged minimum above the point where a lane got stuck is not the lowest one: taking it would be a
    plausible wrong number.
    """
    old = result.value[lanes]
    take = (again.value < old) | ((again.status == CONVERGED) & ~(again.value > old + _DISTINCT))
    changed = {}
    for name, old in vars(result).items():
        new = old.copy()
        new[lanes[take]] = getattr(again, name)[take]
        changed[name] = new
    return replace(result, **changed)


@dataclass(frozen=True)
class Explored:
    """The lowest minimum of each lane, and the next one where a second was met.

    Parameters
    ----------
    fit : BatchedFit
        The lowest minima.
    second_value : ndarray, shape (batch,)
        -2 log L of the second minimum; nan where there is none, or none was looked for.
    second_points : ndarray, shape (batch, parameter)
        Where it is.
    """

    fit: BatchedFit
    second_value: FloatArray
    second_points: FloatArray

    @classmethod
    def without_second(cls, fit: BatchedFit) -> Explored:
        """Give fits that were not looked at from other sides."""
        return cls(fit, np.full(len(fit.value), np.nan), np.full(fit.points.shape, np.nan))


def explore(
    model: Model,
    data: FloatArray,
    start: FloatArray,
    fixed: BoolArray,
    bounds: FloatArray | None = None,
    scouts: NDArray[np.intp] | None = None,
) -> Explored:
    """Minimise a batch, starting on both sides of the parameters that may have two minima.

    Parameters
    ----------
    model, data, start, fixed, bounds
        As for :func:`solve`.
    scouts : ndarray of int, shape (n,), optional
        Lanes that look first; the others follow only if one of these meets a second minimum. All by default.

    Returns
    -------
    Explored
        One row per lane.
    """
    count = len(start)
    lanes = np.arange(count) if scouts is None else scouts
    data = np.broadcast_to(data, (count, data.shape[-1]))
    sides, of_sides = other_sides(model, start[lanes], fixed[lanes])
    random, of_random = anywhere(model, start[lanes], fixed[lanes])
    others, owner = np.concatenate([sides, random]), lanes[np.concatenate([of_sides, of_random])]
    together = solve(
        model,
        np.concatenate([data, data[owner]]),
        np.concatenate([start, others]),
        np.concatenate([fixed, fixed[owner]]),
        bounds,
        patient=count,
    )
    rows = {name: array[:count].copy() for name, array in vars(together).items()}
    result = Explored.without_second(BatchedFit(**rows))
    _merge(result, together, np.arange(count, count + owner.size), owner)
    _follow(model, data, result, together, np.arange(count, count + owner.size), owner, fixed, bounds)
    rest = np.setdiff1d(np.arange(count), lanes)
    if rest.size and np.isfinite(result.second_value).any():
        others, which = other_sides(model, result.fit.points[rest], fixed[rest])
        owner = rest[which]
        again = solve(model, data[owner], others, fixed[owner], bounds, patient=0)
        _merge(result, again, np.arange(owner.size), owner)
        _follow(model, data, result, again, np.arange(owner.size), owner, fixed, bounds)
    return result


def _follow(
    model: Model,
    data: FloatArray,
    result: Explored,
    found: BatchedFit,
    rows: NDArray[np.intp],
    owner: NDArray[np.intp],
    fixed: BoolArray,
    bounds: FloatArray | None,
) -> None:
    """Go on from further starts that got stuck below the best minimum: it is not the lowest."""
    below = (found.status[rows] != CONVERGED) & (found.value[rows] < result.fit.value[owner] - _DISTINCT)
    if below.any():
        rows, owner = rows[below], owner[below]
        again = solve(model, data[owner], found.points[rows], fixed[owner], bounds)
        _merge(result, again, np.arange(owner.size), owner, with_stuck=True)


def _merge(
    result: Explored,
    found: BatchedFit,
    rows: NDArray[np.intp],
    owner: NDArray[np.intp],
    with_stuck: bool = False,
) -> None:
    """Put further minima of the lanes where they belong: lowest, second, or known already.

    A point that is no minimum counts only where it is lower than every one, which the fit then must say.
    """
    best = result.fit
    for row, lane in zip(rows, owner, strict=True):
        good, had = found.status[row] == CONVERGED, best.status[lane] == CONVERGED
        if not good and not with_stuck:
            continue
        rise = found.value[row] - best.value[lane]
        lower = rise < -_DISTINCT or (good and not had and not rise > _DISTINCT)
        if not lower and (abs(rise) <= _DISTINCT or not good):
            continue
        loser_value, loser_point = found.value[row], found.points[row]
        if lower:
            loser_value, loser_point = best.value[lane], best.points[lane].copy()
            for name, array in vars(best).items():
                array[lane] = getattr(found, name)[row]
            if not had:
                continue
        if not loser_value >= result.second_value[lane]:
            result.second_value[lane], result.second_points[lane] = loser_value, loser_point
