"""Fits of a model in batches, with retries: what fits, tests and limits share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hepnb.fits.batched import CONVERGED, BatchedFit, minimize
from hepnb.fits.clips import has_clips, settle_clips
from hepnb.fits.empty_bins import along_edges, has_empty_bins
from hepnb.fits.feasible import feasible
from hepnb.fits.kinks import cross, has_kinks, settle
from hepnb.fits.likelihood import Bounds
from hepnb.fits.minuit import minuit_lane
from hepnb.fits.threads import one_blas_thread
from hepnb.fits.trust import descend
from hepnb.model import FitModel
from hepnb.typing import BoolArray, FloatArray

__all__ = ["DISTINCT", "solve"]


# Minima closer than this in -2 log L are the same.
DISTINCT = 1e-5
# Steps after which a lane is looked at by other means: it jumps across a kink, or creeps along a valley.
_PATIENCE = 50
# A fit that promises so large a fall in -2 log L after these steps is far from its minimum.
_FAR = 100.0


def solve(
    model: FitModel,
    data: FloatArray,
    start: FloatArray,
    fixed: BoolArray,
    bounds: FloatArray | None = None,
    patient: int | None = None,
    *,
    check_saddles: bool = True,
) -> BatchedFit:
    """Minimise a batch of fits of one model; lanes that fail are tried again.

    A lane that did not converge follows the edge where bins without events lose their rate. It goes on with
    damped steps, and is then started from the model's initial values and from the values its auxiliary data
    prefer. One for which every start has a rate that is not positive is moved to where all are. What is
    left is given to Minuit. What still fails keeps its status.

    Parameters
    ----------
    model : FitModel
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
    check_saddles : bool
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
        result = _solve(model, data, start, fixed, limits, tenacious, check_saddles)
        return cross(model, data, result, fixed, limits, tenacious) if has_kinks(model) else result


def _solve(
    model: FitModel,
    data: FloatArray,
    start: FloatArray,
    fixed: BoolArray,
    limits: FloatArray,
    patient: int,
    check_saddles: bool,
) -> BatchedFit:
    lower, upper = limits[:, 0], limits[:, 1]
    start = _roughly(model, data, start, fixed, lower, upper)
    ways = [way for way, applies in ((settle, has_kinks), (settle_clips, has_clips)) if applies(model)]
    if has_kinks(model):
        # Plain steps would jump to and fro.
        result = settle(model, data, np.where(fixed, start, np.clip(start, lower, upper)), fixed, limits)
    else:
        result = minimize(
            model.likelihood, data, start, lower, upper, fixed, _PATIENCE, check_saddles=check_saddles
        )
    for way in ways:
        bad = np.flatnonzero((result.status != CONVERGED) & np.isfinite(result.value))
        if bad.size:
            result = _better(result, bad, way(model, data[bad], result.points[bad], fixed[bad], limits))
    bad = np.flatnonzero((result.status != CONVERGED) & np.isfinite(result.value))
    if bad.size and not ways and has_empty_bins(model, data[bad]):
        result = _better(result, bad, along_edges(model, data[bad], result.points[bad], fixed[bad], limits))
    slow = np.flatnonzero((result.status[:patient] != CONVERGED) & np.isfinite(result.value[:patient]))
    if slow.size:
        room, begin = Bounds(lower[None], upper[None], fixed[slow]), result.points[slow]
        near = np.flatnonzero(result.status == CONVERGED)
        far = result.edm[slow] > _FAR
        if near.size and far.any():
            # The minimum of another fit of the batch is a better start than where shortened steps have led.
            other = np.where(fixed[slow], start[slow], result.points[near[0]])
            usable = far & np.isfinite(model.likelihood.objective(other, data[slow], 0).value)
            begin = np.where(usable[:, None], room.clip(other, other), begin)
        result = _better(result, slow, descend(model.likelihood, data[slow], begin, room))
    for origin in (model.init, model.preferred(data)):
        bad = np.flatnonzero(result.status[:patient] != CONVERGED)
        if not bad.size:
            return result
        fresh = np.where(fixed[bad], start[bad], np.broadcast_to(origin, start.shape)[bad])
        again = minimize(model.likelihood, data[bad], fresh, lower, upper, fixed[bad], _PATIENCE)
        result = _better(result, bad, again)
    outside = np.flatnonzero(~np.isfinite(result.value[:patient]))
    if outside.size:
        near = np.flatnonzero(result.status == CONVERGED)
        origins = np.concatenate([result.points[near], model.init[None]])
        fresh = feasible(model, data[outside], start[outside], fixed[outside], limits, origins)
        again = minimize(model.likelihood, data[outside], fresh, lower, upper, fixed[outside], _PATIENCE)
        result = _better(result, outside, again)
    for lane in np.flatnonzero(result.status[:patient] != CONVERGED):
        end = minuit_lane(model.likelihood, data[lane], result.points[lane], limits, fixed[lane])
        polished = minimize(model.likelihood, data[[lane]], end[None], lower, upper, fixed[[lane]])
        result = _better(result, np.array([lane]), polished)
    return result


def _roughly(
    model: FitModel,
    data: FloatArray,
    start: FloatArray,
    fixed: BoolArray,
    lower: FloatArray,
    upper: FloatArray,
) -> FloatArray:
    """Start where the minima for histograms of many events are, which cost next to nothing."""
    coarse = getattr(model.likelihood, "coarse", None)
    if coarse is None:
        return start
    small = coarse(data)
    if small is None:
        return start
    found = minimize(model.likelihood, small, start, lower, upper, fixed, _PATIENCE, check_saddles=False)
    return np.where(np.isfinite(found.value)[:, None], found.points, start)


def _better(result: BatchedFit, lanes: NDArray[np.intp], again: BatchedFit) -> BatchedFit:
    """Take the new row of each lane where it is lower, or converged and not higher.

    A converged minimum above the point where a lane got stuck is not the lowest one: taking it would be a
    plausible wrong number.
    """
    old = result.value[lanes]
    take = (again.value < old) | ((again.status == CONVERGED) & ~(again.value > old + DISTINCT))
    changed = {}
    for name, old in vars(result).items():
        new = old.copy()
        new[lanes[take]] = getattr(again, name)[take]
        changed[name] = new
    return replace(result, **changed)
