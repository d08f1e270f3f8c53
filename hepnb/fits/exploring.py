"""Fits that look for the lowest of several minima.

Each fit is made once from where it is asked to start. Then further starts are tried: the other side of
parameters that may have two, some random points where that is worth it, and every free factor at its bounds,
alone and together with those that another minimum has at a bound. Two steps tell which of these lead
somewhere else (:mod:`hepnb.fits.screen`); those are followed to the end. Whatever fits a model in this
package comes through here, so that every way to a number looks at the same minima.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepnb.fits.basins import anywhere, at_bounds, free_factors, other_sides
from hepnb.fits.batched import CONVERGED, BatchedFit
from hepnb.fits.clips import has_clips
from hepnb.fits.kinks import has_kinks
from hepnb.fits.screen import promising, scales
from hepnb.fits.solve import DISTINCT, solve
from hepnb.fits.threads import one_blas_thread
from hepnb.model import Model

__all__ = ["Explored", "Explorer", "explore"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

# A factor so near its bound, in units of its initial value, has ended there.
_AT_BOUND = 0.02
# Minima handed on from some fits to the others.
_HANDED = 6


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
    """

    fit: BatchedFit
    second_value: FloatArray
    second_points: FloatArray

    @classmethod
    def without_second(cls, fit: BatchedFit) -> Explored:
        """Return fits that were not looked at from other sides."""
        return cls(fit, np.full(len(fit.value), np.nan), np.full(fit.points.shape, np.nan))

    @property
    def several(self) -> bool:
        """Tell whether a second minimum was met anywhere."""
        return bool(np.isfinite(self.second_value).any())


def explore(
    model: Model,
    data: FloatArray,
    start: FloatArray,
    fixed: BoolArray,
    bounds: FloatArray | None = None,
    scouts: IntArray | None = None,
    known: FloatArray | None = None,
) -> Explored:
    """Minimise a batch, and look for lower minima.

    Parameters
    ----------
    model, data, start, fixed, bounds
        As for :func:`~hepnb.fits.solve.solve`.
    scouts : ndarray of int, shape (n,), optional
        Fits that look everywhere; the others look where one of these met a second minimum. All by default.
    known : ndarray, shape (k, parameter), optional
        Minima of similar fits, where every fit starts as well.

    Returns
    -------
    Explored
        One row per fit.
    """
    count = len(start)
    lanes = np.arange(count) if scouts is None else scouts
    with one_blas_thread():
        explorer = Explorer(model, np.broadcast_to(data, (count, data.shape[-1])), fixed, bounds)
        explorer.begin(start)
        if known is not None and len(known):
            explorer.from_minima(known, np.arange(count))
        explorer.look(start, lanes)
        rest = np.setdiff1d(np.arange(count), lanes)
        if rest.size and explorer.result.several:
            explorer.hand_on(lanes, rest)
    return explorer.result


class Explorer:
    """The minima of a batch of fits, as they are found.

    Parameters
    ----------
    model, data, fixed, bounds
        As for :func:`~hepnb.fits.solve.solve`; the data of each fit.
    """

    def __init__(
        self, model: Model, data: FloatArray, fixed: BoolArray, bounds: FloatArray | None = None
    ) -> None:
        self.model, self.data, self.fixed = model, data, fixed
        self.limits = model.bounds if bounds is None else bounds
        # Plain steps jump to and fro at kinks, and tell nothing.
        self._smooth = not (has_kinks(model) or has_clips(model))
        self.result = Explored.without_second(_nothing(data, fixed))

    def begin(self, start: FloatArray) -> None:
        """Fit from where it is asked for."""
        found = solve(self.model, self.data, start, self.fixed, self.limits)
        self.result = Explored.without_second(found)

    def look(self, start: FloatArray, lanes: IntArray) -> None:
        """Try all further starts of some fits that began at ``start``."""
        sides, of_sides = other_sides(self.model, start[lanes], self.fixed[lanes])
        random, of_random = anywhere(self.model, start[lanes], self.fixed[lanes])
        self.go(np.concatenate([sides, random]), lanes[np.concatenate([of_sides, of_random])])
        self._factors(lanes)

    def _factors(self, lanes: IntArray) -> None:
        """Start with free factors at their bounds, and with pairs of them where one is at home there."""
        best = self.result.fit
        begin, lane, factor = at_bounds(self.model, best.points[lanes], self.fixed[lanes], self.limits)
        ends, owner = self.go(begin, lanes[lane], factor)
        if not owner.size:
            return
        where = free_factors(self.model)
        near = ends[:, where] - self.limits[where, 0] < _AT_BOUND * np.maximum(self.model.init[where], 1.0)
        near &= ~self.fixed[owner][:, where]
        rows = np.flatnonzero(near.any(axis=1))
        for other in where:
            some = rows[~near[rows][:, where == other][:, 0] & ~self.fixed[owner[rows], other]]
            if some.size:
                points = ends[some].copy()
                points[:, other] = self.limits[other, 0]
                self.go(points, owner[some], np.full(some.size, other))

    def from_minima(self, minima: FloatArray, lanes: IntArray) -> None:
        """Start at minima of other fits, with what is held kept."""
        owner = np.repeat(lanes, len(minima))
        points = np.tile(minima, (lanes.size, 1))
        self.go(np.where(self.fixed[owner], self.result.fit.points[owner], points), owner)

    def hand_on(self, lanes: IntArray, rest: IntArray) -> None:
        """Start some fits where others have their minima, and on the other sides of their own."""
        found = self.result
        second = lanes[np.isfinite(found.second_value[lanes])]
        points = np.concatenate([found.fit.points[second], found.second_points[second]])
        self.from_minima(_distinct(self.model, points), rest)
        sides, of_sides = other_sides(self.model, found.fit.points[rest], self.fixed[rest])
        self.go(sides, rest[of_sides])

    def go(
        self, start: FloatArray, owner: IntArray, factor: IntArray | None = None
    ) -> tuple[FloatArray, IntArray]:
        """Follow further starts that lead somewhere, and keep what they find.

        Parameters
        ----------
        start : ndarray, shape (n, parameter)
            Points.
        owner : ndarray of int, shape (n,)
            The fit each belongs to.
        factor : ndarray of int, shape (n,), optional
            A parameter to hold in each at first.

        Returns
        -------
        points : ndarray, shape (k, parameter)
            The minima that were reached.
        owner : ndarray of int, shape (k,)
            The fit each belongs to.
        """
        held = self.fixed[owner]
        if factor is not None:
            held[np.arange(owner.size), factor] = True
        if self._smooth:
            start, owner = self._screened(start, owner, held)
            if factor is not None:
                start, owner = self._screened(start, owner, self.fixed[owner])
        elif factor is not None and owner.size:
            begun = solve(self.model, self.data[owner], start, held, self.limits, patient=0)
            start = np.where(np.isfinite(begun.value)[:, None], begun.points, start)
        if not owner.size:
            return start[:0], owner
        found = solve(self.model, self.data[owner], start, self.fixed[owner], self.limits, patient=0)
        _merge(self.result, found, np.arange(owner.size), owner)
        self._follow(found, owner)
        good = found.status == CONVERGED
        return found.points[good], owner[good]

    def _screened(self, start: FloatArray, owner: IntArray, held: BoolArray) -> tuple[FloatArray, IntArray]:
        """Take two steps, and keep the starts that may lead somewhere new."""
        if not owner.size:
            return start, owner
        best, data = self.result.fit, self.data[owner]
        value, points = best.value[owner], best.points[owner]
        rows, ends = promising(self.model, data, start, held, self.limits, value, points)
        return ends, owner[rows]

    def _follow(self, found: BatchedFit, owner: IntArray) -> None:
        """Go on from further starts that got stuck below the best minimum: it is not the lowest."""
        below = (found.status != CONVERGED) & (found.value < self.result.fit.value[owner] - DISTINCT)
        if below.any():
            owner = owner[below]
            points, data, fixed = found.points[below], self.data[owner], self.fixed[owner]
            again = solve(self.model, data, points, fixed, self.limits)
            _merge(self.result, again, np.arange(owner.size), owner, with_stuck=True)


def _nothing(data: FloatArray, fixed: BoolArray) -> BatchedFit:
    none = np.full(len(data), np.inf)
    status = np.full(len(data), CONVERGED)
    return BatchedFit(np.zeros(fixed.shape), none, status, none, none, fixed, status)


def _distinct(model: Model, points: FloatArray) -> FloatArray:
    """Keep a few points that differ from each other."""
    kept: list[FloatArray] = []
    for point, scale in zip(points, scales(model, points), strict=True):
        if all((np.abs(point - other) / scale).max() > 1.0 for other in kept) and len(kept) < _HANDED:
            kept.append(point)
    return np.array(kept).reshape(-1, points.shape[1])


def _merge(
    result: Explored,
    found: BatchedFit,
    rows: IntArray,
    owner: IntArray,
    with_stuck: bool = False,
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
