"""Where the fits of toys start: the point they come from, and where other toys had a lower minimum.

Toys differ in their data, and the point they come from does not lead all of them to their lowest minimum. A
few toys are fitted from many starts, once for each such point. Where a lower minimum was found, the way to it
from the first one is a start for all other toys: a few cheap steps tell which of them to follow.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hepnb.fits import BatchedFit, solve
from hepnb.fits.basins import everywhere, scattered
from hepnb.fits.exploring import Explored, merge, starts_once
from hepnb.fits.minima import may_have_several
from hepnb.fits.screen import Metric, falls_to, is_smooth, relax
from hepnb.model import FitModel
from hepnb.typing import BoolArray, FloatArray, IntArray

__all__ = ["lowest_minima"]


# Toys that are fitted from many starts to learn from, and ways to other minima that are kept.
_PILOT, _WAYS = 60, 6
# Steps before a start is compared with the minimum that is known, how much lower than it promises it may get,
# and what part of its height it may still promise when it has settled.
_STEPS, _TRUST, _SETTLED = 2, 3.0, 0.5
# Minima that differ by less change no statistic by 0.01.
_LOWER = 2e-3
# Where all starts are tried: random points for each fit, how often the starts are made anew from the lowest
# minimum, and how many fits are made at once.
_RANDOM, _ROUNDS, _AT_ONCE = 12, 2, 4000
# Ways so near each other, in -2 log L, are the same.
_SAME = 1.0


def lowest_minima(
    model: FitModel,
    data: FloatArray,
    start: FloatArray,
    fixed: BoolArray,
    origin: FloatArray,
    *,
    many: bool = False,
) -> BatchedFit:
    """Fit toys, each from the starts that others of the same kind needed.

    Parameters
    ----------
    model : FitModel
        The model.
    data : ndarray, shape (n, n_data)
        Pseudo-data of each fit.
    start : ndarray, shape (n, parameter)
        Where each begins.
    fixed : ndarray of bool, shape (n, parameter)
        Parameters held.
    origin : ndarray, shape (parameter,)
        The point the toys come from.
    many : bool
        Fit from all starts to the end, which takes about fifty times as long.

    Returns
    -------
    BatchedFit
        The lowest minima.
    """
    found = solve(model, data, start, fixed)
    if starts_once() or not may_have_several(model):
        return found
    result = Explored.without_second(found)
    ways = _learn(model, origin, start[-1], fixed[-1])
    every = np.arange(len(start))
    begin, owner = [model.preferred(data), np.broadcast_to(model.init, start.shape)], [every, every]
    best = found.points.copy()
    for way in ways:
        begin.append(best + way)
        owner.append(every)
    _follow(model, data, fixed, result, np.concatenate(begin), np.concatenate(owner))
    if many:
        for _ in range(_ROUNDS):
            _from_everywhere(model, data, fixed, result)
    return result.fit


def _from_everywhere(model: FitModel, data: FloatArray, fixed: BoolArray, result: Explored) -> None:
    """Fit from every start to the end: a few steps do not tell which of them lead to a lower minimum."""
    best = result.fit.points.copy()
    points, owner, held = everywhere(model, best, fixed, model.bounds, many=False)
    random, of_random = scattered(model, best, fixed, _RANDOM)
    points = np.concatenate([points, random])
    owner, held = np.concatenate([owner, of_random]), np.concatenate([held, np.full(len(random), -1)])
    points = np.where(fixed[owner], best[owner], np.clip(points, *model.bounds.T))
    for rows in np.array_split(np.arange(owner.size), -(-owner.size // _AT_ONCE)):
        some, first = owner[rows], fixed[owner[rows]].copy()
        moved = np.flatnonzero(held[rows] >= 0)
        # The others first follow the parameter that was moved.
        first[moved, held[rows][moved]] = True
        begun = solve(model, data[some[moved]], points[rows][moved], first[moved], patient=0)
        begin = points[rows].copy()
        begin[moved] = np.where(np.isfinite(begun.value)[:, None], begun.points, begin[moved])
        found = solve(model, data[some], begin, fixed[some], patient=0)
        merge(result, found, np.arange(some.size), some)


def _follow(
    model: FitModel, data: FloatArray, fixed: BoolArray, result: Explored, begin: FloatArray, owner: IntArray
) -> None:
    """Follow the starts that may end in a lower minimum."""
    best = result.fit
    begin = np.where(fixed[owner], best.points[owner], np.clip(begin, *model.bounds.T))
    rows = np.flatnonzero(best.ok[owner])
    begin, owner = begin[rows], owner[rows]
    if is_smooth(model) and owner.size:
        metric = Metric.at(model, data[0], best.points[0], model.fixed)
        which = np.zeros(owner.size, dtype=np.intp)
        end = relax(model, data[owner], begin, fixed[owner], model.bounds, [metric], which, _STEPS)
        height = best.value[owner]
        low = end.value - _TRUST * np.abs(end.promise) < height - _LOWER
        rows = np.flatnonzero(np.isfinite(end.value) & low)
        fall = falls_to(model, data[owner[rows]], end.points[rows], end.value[rows], best.points[owner[rows]])
        settled = np.abs(end.promise[rows]) < _SETTLED * np.maximum(end.value[rows] - height[rows], 0.0)
        rows = rows[~(fall & settled)]
        # Of several starts of a toy the lowest two.
        rows = rows[np.lexsort((end.value[rows], owner[rows]))]
        first = np.searchsorted(owner[rows], owner[rows])
        rows = rows[np.arange(rows.size) - first < 2]
        begin, owner = end.points[rows], owner[rows]
    if owner.size:
        again = solve(model, data[owner], begin, fixed[owner], patient=0)
        merge(result, again, np.arange(owner.size), owner)


def _learn(model: FitModel, origin: FloatArray, held: FloatArray, fixed: BoolArray) -> FloatArray:
    """Return ways from the first minimum of a toy to lower ones, shape (k, parameter)."""
    known: dict[Any, FloatArray] = model.likelihood.notes.setdefault("toys", {})
    poi = model.require_poi()
    key = (origin.tobytes(), float(held[poi]), model.bounds.tobytes(), model.fixed.tobytes())
    if key not in known:
        known[key] = _ways(model, origin, held, fixed)
    return known[key]


def _ways(model: FitModel, origin: FloatArray, held: FloatArray, fixed: BoolArray) -> FloatArray:
    toys = model.draw(origin, _PILOT, np.random.default_rng(3))
    data = np.concatenate([toys, toys])
    start = np.tile(origin, (2 * _PILOT, 1))
    start[_PILOT:, model.require_poi()] = held[model.require_poi()]
    held_in = np.tile(model.fixed, (2 * _PILOT, 1))
    held_in[_PILOT:] = fixed
    first = solve(model, data, start, held_in)
    result = Explored.without_second(BatchedFit(*(array.copy() for array in vars(first).values())))
    points, lane, _ = everywhere(model, first.points, held_in, model.bounds, many=False)
    every = np.arange(2 * _PILOT)
    points = np.concatenate([points, model.preferred(data), np.broadcast_to(model.init, start.shape)])
    _follow(model, data, held_in, result, points, np.concatenate([lane, every, every]))
    lower = np.flatnonzero(first.ok & (result.fit.value < first.value - _LOWER))
    ways = result.fit.points[lower] - first.points[lower]
    metric = Metric.at(model, data[0], origin, model.fixed)
    kept: list[FloatArray] = []
    gains = first.value[lower] - result.fit.value[lower]
    for row in np.argsort(-gains, kind="stable"):
        way = ways[row]
        apart = [0.5 * float((way - other) @ metric.curvature @ (way - other)) for other in kept]
        if len(kept) < _WAYS and all(distance > _SAME for distance in apart):
            kept.append(way)
    return np.array(kept).reshape(-1, origin.size)
