"""Fits that end in the lowest of several minima.

The minima of a model are learned once for each set of data (:mod:`hepnb.fits.minima`). Each fit then starts
where it is asked to, or at the nearest minima that are known, whichever are low enough there. Whatever fits a
model in this package comes through here: every way to a number starts at the same minima. A model that has
one minimum is fitted once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np

from hepnb.fits._solve import DISTINCT, solve
from hepnb.fits.batched import CONVERGED, BatchedFit, minimize
from hepnb.fits.minima import learn_minima, learn_single, may_have_several
from hepnb.fits.screen import falls_to, is_smooth
from hepnb.fits.search import Minima
from hepnb.fits.threads import one_blas_thread
from hepnb.model import FitModel
from hepnb.typing import BoolArray, FloatArray, IntArray

__all__ = ["Explored", "explore", "merge", "one_start"]


# Starts so much above the lowest, in -2 log L, are followed: where the second minimum is reported, and else
# where they may get lower than the first.
_REPORTED, _MARGIN = 12.0, 2.0
# So few fits at once look for minima of their own where they hold what was free when the minima were learned:
# parameters beside the POI, or, in a model with so few parameters, the POI at another value.
_FEW, _FEW_PARAMETERS = 2, 12
_STARTS = 4
# Steps of a further start before it is compared with the lowest minimum, and how much lower than it promises
# it may get, in units of the promise.
_STEPS, _TRUST = 3, 3.0

_once: ContextVar[bool] = ContextVar("one start", default=False)


@contextmanager
def one_start() -> Iterator[None]:
    """Fit from one start alone inside the block, as other programs do: for comparisons with them."""
    token = _once.set(True)
    try:
        yield
    finally:
        _once.reset(token)


def starts_once() -> bool:
    """Tell whether fits start from one point alone."""
    return _once.get()


@dataclass(frozen=True)
class Explored:
    """The lowest minimum of each fit, and the next one where a second was met.

    Parameters
    ----------
    fit : BatchedFit
        The lowest minima.
    second_value : ndarray, shape (batch,)
        -2 log L of the second minimum; nan where there is none, or none was looked for.
    second_points : ndarray, shape (batch, parameter)
        Where it is.
    known : bool
        The model is known to have several minima with these data, though not in each of the fits.
    """

    fit: BatchedFit
    second_value: FloatArray
    second_points: FloatArray
    known: bool = False

    @classmethod
    def without_second(cls, fit: BatchedFit, *, known: bool = False) -> Explored:
        """Return fits of which no second minimum was met."""
        return cls(fit, np.full(len(fit.value), np.nan), np.full(fit.points.shape, np.nan), known)

    @property
    def several(self) -> bool:
        """Tell whether the model has several minima with these data."""
        return self.known or bool(np.isfinite(self.second_value).any())


def explore(
    model: FitModel,
    data: FloatArray,
    start: FloatArray,
    fixed: BoolArray,
    bounds: FloatArray | None = None,
    known: FloatArray | None = None,
    *,
    report: bool = False,
) -> Explored:
    """Minimise a batch, and find the lowest minimum of each fit.

    Parameters
    ----------
    model, data, start, fixed, bounds
        As for :func:`~hepnb.fits._solve.solve`.
    known : ndarray, shape (k, parameter), optional
        Minima of similar fits, where every fit may start as well.
    report : bool
        Follow higher minima too, so that the second one can be reported.

    Returns
    -------
    Explored
        One row per fit.
    """
    limits = model.bounds if bounds is None else bounds
    with one_blas_thread():
        if starts_once() or not may_have_several(model):
            return Explored.without_second(solve(model, data, start, fixed, limits))
        data = np.broadcast_to(data, (len(start), data.shape[-1]))
        learned = [(rows, learn_minima(model, data[rows[0]], limits)) for rows in _same_data(model, data)]
        begin, owner = _starts(model, data, start, fixed, limits, learned, known, report)
        count = len(start)
        several = any(minima.several for _, minima in learned)
        result = Explored.without_second(solve(model, data, begin[:count], fixed, limits), known=several)
        if owner.size > count:
            _further(model, data, begin[count:], owner[count:], fixed, limits, result, report)
    return result


def _further(
    model: FitModel,
    data: FloatArray,
    begin: FloatArray,
    owner: IntArray,
    fixed: BoolArray,
    limits: FloatArray,
    result: Explored,
    report: bool,
) -> None:
    """Follow further starts, as long as they may end in another minimum that is asked for."""
    if is_smooth(model):
        lower, upper = limits.T
        some = minimize(
            model.likelihood, data[owner], begin, lower, upper, fixed[owner], _STEPS, check_saddles=False
        )
        best = result.fit.value[owner]
        rise = some.value - _TRUST * np.where(np.isfinite(some.edm), np.abs(some.edm), np.inf) - best
        rows = np.flatnonzero(np.isfinite(some.value) & ~(rise > (_REPORTED if report else 0.0)))
        above = some.value[rows] >= best[rows]
        fall = falls_to(
            model, data[owner[rows]], some.points[rows], some.value[rows], result.fit.points[owner[rows]]
        )
        rows = rows[~(above & fall)]
        begin, owner = some.points[rows], owner[rows]
    if not owner.size:
        return
    found = solve(model, data[owner], begin, fixed[owner], limits, patient=0)
    merge(result, found, np.arange(owner.size), owner)
    stuck = (found.status != CONVERGED) & (found.value < result.fit.value[owner] - DISTINCT)
    if stuck.any():
        # A start that got stuck below the lowest minimum goes on: that one is not the lowest.
        owner = owner[stuck]
        again = solve(model, data[owner], found.points[stuck], fixed[owner], limits, patient=0)
        merge(result, again, np.arange(owner.size), owner)


def _starts(
    model: FitModel,
    data: FloatArray,
    start: FloatArray,
    fixed: BoolArray,
    limits: FloatArray,
    learned: list[tuple[IntArray, Minima]],
    known: FloatArray | None,
    report: bool,
) -> tuple[FloatArray, IntArray]:
    """Choose the starts: the lowest of each fit, then further ones with the fits they belong to."""
    further, owner = [], []
    for rows, minima in learned:
        if minima.several:
            points, lane = _members(model, minima, start[rows], fixed[rows])
            further.append(points)
            owner.append(rows[lane])
        for row in rows:
            if model.thorough or (len(start) <= _FEW and _looks(model, minima, start[row], fixed[row])):
                points = learn_single(model, data[row], start[row], fixed[row], limits)
                further.append(points)
                owner.append(np.full(len(points), row))
    if known is not None and len(known):
        further.append(np.tile(known, (len(start), 1)))
        owner.append(np.repeat(np.arange(len(start)), len(known)))
    every = np.arange(len(start))
    if not further:
        return start, every
    points, lane = np.concatenate([start, *further]), np.concatenate([every, *owner])
    points = np.where(fixed[lane], start[lane], np.clip(points, *limits.T))
    return _chosen(model, data, points, lane, len(start), _REPORTED if report else _MARGIN)


def _same_data(model: FitModel, data: FloatArray) -> list[IntArray]:
    """Group fits with the same data."""
    groups: dict[bytes, list[int]] = {}
    for row, values in enumerate(data):
        groups.setdefault(model.content(values), []).append(row)
    return [np.array(rows, dtype=np.intp) for rows in groups.values()]


def _looks(model: FitModel, minima: Minima, start: FloatArray, fixed: BoolArray) -> bool:
    """Tell whether a fit looks for minima of its own; with the POI between learned values small models do."""
    if _held_apart(model, fixed):
        return True
    poi = model.poi_index
    if poi is None or not fixed[poi] or model.n_parameters > _FEW_PARAMETERS:
        return False
    return start[poi] not in minima.points[~minima.free | model.fixed[poi], poi]


def _held_apart(model: FitModel, fixed: BoolArray) -> bool:
    """Tell whether a fit holds more than the model and its POI."""
    more = fixed & ~model.fixed
    if model.poi_index is not None:
        more[model.poi_index] = False
    return bool(more.any())


def _members(
    model: FitModel, minima: Minima, start: FloatArray, fixed: BoolArray
) -> tuple[FloatArray, IntArray]:
    """Return the known minima nearest to some fits, moved to the value of the POI they hold."""
    poi = model.poi_index
    held = np.zeros(len(start), dtype=bool) if poi is None else fixed[:, poi] & ~model.fixed[poi]
    points, owner = [], []
    rows, of_free = np.flatnonzero(~held), minima.points[minima.free]
    points.append(np.tile(of_free, (rows.size, 1)))
    owner.append(np.repeat(rows, len(of_free)))
    if held.any() and not minima.free.all():
        table, slopes = minima.points[~minima.free], minima.slopes[~minima.free]
        values = np.unique(table[:, poi])
        rows = np.flatnonzero(held)
        mu = start[rows, poi]
        above = np.clip(np.searchsorted(values, mu), 0, values.size - 1)
        for which in {0, 1} if values.size > 1 else {0}:
            nearest = values[np.maximum(above - which, 0)]
            row, member = np.nonzero(table[:, poi][None, :] == nearest[:, None])
            change = (mu[row] - nearest[row])[:, None]
            points += [table[member] + change * slopes[member], table[member]]
            owner += [rows[row], rows[row]]
    return np.concatenate(points), np.concatenate(owner)


def _chosen(
    model: FitModel, data: FloatArray, points: FloatArray, lane: IntArray, count: int, margin: float
) -> tuple[FloatArray, IntArray]:
    """Choose between starts: the lowest of each fit, and others that are low and do not fall to it."""
    value = model.likelihood.objective(points, data[lane], 0).value
    order = np.lexsort((value, lane))
    ends = np.searchsorted(lane[order], np.arange(count + 1))
    first = order[ends[:-1]]
    low = np.where(np.isfinite(value[first]), value[first], np.inf)
    open_ = value < low[lane] + margin
    open_[first] = False
    kept, owner, last = [first], [np.arange(count)], first
    for _ in range(_STARTS - 1):
        rows = np.flatnonzero(open_)
        if not rows.size:
            break
        fall = falls_to(model, data[lane[rows]], points[rows], value[rows], points[last[lane[rows]]])
        open_[rows[fall]] = False
        rows = rows[~fall]
        # The lowest of what is left of each fit.
        rows = rows[np.lexsort((value[rows], lane[rows]))]
        rows = rows[np.unique(lane[rows], return_index=True)[1]]
        open_[rows] = False
        kept.append(rows)
        owner.append(lane[rows])
        last = last.copy()
        last[lane[rows]] = rows
    chosen = np.concatenate(kept)
    return points[chosen], np.concatenate(owner)


def merge(
    result: Explored, found: BatchedFit, rows: IntArray, owner: IntArray, with_stuck: bool = False
) -> None:
    """Put further minima of the fits where they belong: lowest, second, or known already.

    A point that is no minimum counts only where it is lower than every one, which the fit then must say.
    """
    best = result.fit
    for row, lane in zip(rows, owner, strict=True):
        good, had = found.status[row] == CONVERGED, best.status[lane] == CONVERGED
        if not good and not with_stuck:
            continue
        rise = found.value[row] - best.value[lane]
        lower = rise < -DISTINCT or (good and not had and not rise > DISTINCT)
        if not lower and (abs(rise) <= DISTINCT or not good):
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
