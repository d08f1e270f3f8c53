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

from hepnb.fits._solve import DISTINCT, solve
from hepnb.fits.basins import (
    SMALL,
    anywhere,
    at_bounds,
    free_factors,
    one_sided,
    other_sides,
    scattered,
    suspects,
)
from hepnb.fits.batched import CONVERGED, BatchedFit
from hepnb.fits.clips import has_clips
from hepnb.fits.kinks import has_kinks
from hepnb.fits.screen import promising, scales
from hepnb.fits.threads import one_blas_thread
from hepnb.model import FitModel
from hepnb.typing import BoolArray, FloatArray, IntArray

__all__ = ["Explored", "Explorer", "Learned", "explore", "learn", "may_have_several"]


# Pairs of steps after the first one before a start is followed to its end.
_MORE = 2
# Random starts of a toy that is checked.
_CHECKS = 24
# A factor so near its bound, in units of its initial value, has ended there.
_AT_BOUND = 0.02
# A minimum so far from the first one, in standard deviations, is on another side.
_APART = 0.3
# Minima handed on from some fits to the others.
_HANDED = 3


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
    model: FitModel,
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
        As for :func:`~hepnb.fits._solve.solve`.
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
        As for :func:`~hepnb.fits._solve.solve`; the data of each fit.
    """

    def __init__(
        self, model: FitModel, data: FloatArray, fixed: BoolArray, bounds: FloatArray | None = None
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
        learned = learn(self.model)
        best, fixed = self.result.fit.points[lanes], self.fixed[lanes]
        sides, of_sides = other_sides(self.model, start[lanes], fixed, learned.sides)
        random, of_random = anywhere(self.model, start[lanes], fixed)
        bounds, of_bounds, factor = at_bounds(self.model, best, fixed, self.limits, learned.factors)
        none = np.full(len(sides) + len(random), -1, dtype=np.intp)
        begin = np.concatenate([sides, random, bounds])
        owner = lanes[np.concatenate([of_sides, of_random, of_bounds])]
        ends, owner, _ = self.follow(begin, owner, np.concatenate([none, factor]))
        self._pairs(ends, owner, learned.factors)

    def _pairs(self, ends: FloatArray, owner: IntArray, factors: IntArray) -> None:
        """Put a second factor to its lower bound where a minimum has one there."""
        if not owner.size:
            return
        low = self.limits[factors, 0]
        near = ends[:, factors] - low < _AT_BOUND * np.maximum(self.model.init[factors], 1.0)
        near &= ~self.fixed[owner][:, factors]
        row, which = np.nonzero(near.any(axis=1)[:, None] & ~near & ~self.fixed[owner][:, factors])
        points = ends[row].copy()
        points[np.arange(row.size), factors[which]] = low[which]
        self.follow(points, owner[row], factors[which])

    def look_again(self, *, many: bool = False) -> None:
        """Start toys where their auxiliary data lie as well, and with a free factor that is smaller.

        Parameters
        ----------
        many : bool
            Start from random points too.
        """
        best, every = self.result.fit, np.arange(len(self.fixed))
        begin, owner = [np.where(self.fixed, best.points, self.model.preferred(self.data))], [every]
        factor = [np.full(every.size, -1, dtype=np.intp)]
        for position in learn(self.model).factors:
            rows = every[~self.fixed[:, position]]
            there = best.points[rows].copy()
            there[:, position] = np.where(there[:, position] > 0.6, 0.25, 1.0) * self.model.init[position]
            begin.append(there)
            owner.append(rows)
            factor.append(np.full(rows.size, position))
        if many:
            points = np.where(self.fixed, best.points, self.model.init)
            random, of_random = scattered(self.model, points, self.fixed, _CHECKS)
            begin.append(random)
            owner.append(of_random)
            factor.append(np.full(len(random), -1, dtype=np.intp))
        self.follow(np.concatenate(begin), np.concatenate(owner), np.concatenate(factor), more=1)

    def from_minima(self, minima: FloatArray, lanes: IntArray) -> None:
        """Start at minima of other fits, with what is held kept."""
        owner = np.repeat(lanes, len(minima))
        points = np.tile(minima, (lanes.size, 1))
        self.follow(np.where(self.fixed[owner], self.result.fit.points[owner], points), owner)

    def hand_on(self, lanes: IntArray, rest: IntArray) -> None:
        """Start some fits where others have their minima, and on the other sides of their own."""
        found = self.result
        second = lanes[np.isfinite(found.second_value[lanes])]
        points = np.concatenate([found.fit.points[second], found.second_points[second]])
        self.from_minima(_distinct(self.model, points), rest)
        sides, of_sides = other_sides(
            self.model, found.fit.points[rest], self.fixed[rest], learn(self.model).sides
        )
        self.follow(sides, rest[of_sides])

    def follow(
        self, start: FloatArray, owner: IntArray, factor: IntArray | None = None, more: int = _MORE
    ) -> tuple[FloatArray, IntArray, IntArray]:
        """Follow further starts that lead somewhere, and keep what they find.

        Parameters
        ----------
        start : ndarray, shape (n, parameter)
            Points.
        owner : ndarray of int, shape (n,)
            The fit each belongs to.
        factor : ndarray of int, shape (n,), optional
            A parameter to hold in each at first; -1 for none.
        more : int
            Pairs of steps after the first one before a start is followed to its end.

        Returns
        -------
        points : ndarray, shape (k, parameter)
            The minima that were reached.
        owner : ndarray of int, shape (k,)
            The fit each belongs to.
        row : ndarray of int, shape (k,)
            The start that led there.
        """
        held, row = self.fixed[owner], np.arange(owner.size)
        if factor is not None:
            first = np.flatnonzero(factor >= 0)
            held[first, factor[first]] = True
        if self._smooth:
            start, row = self._screened(start, owner, held, row)
            for _ in range(more if row.size else 0):
                start, row = self._screened(start, owner, self.fixed[owner], row)
        elif factor is not None and row.size:
            begun = solve(self.model, self.data[owner], start, held, self.limits, patient=0)
            start = np.where(np.isfinite(begun.value)[:, None], begun.points, start)
        owner = owner[row]
        if not row.size:
            return start[:0], owner, row
        found = solve(self.model, self.data[owner], start, self.fixed[owner], self.limits, patient=0)
        _merge(self.result, found, np.arange(owner.size), owner)
        self._unstick(found, owner)
        good = found.status == CONVERGED
        return found.points[good], owner[good], row[good]

    def _screened(
        self, start: FloatArray, owner: IntArray, held: BoolArray, row: IntArray
    ) -> tuple[FloatArray, IntArray]:
        """Take two steps from some rows, and keep those that may lead somewhere new."""
        if not row.size:
            return start, row
        best, lane = self.result.fit, owner[row]
        kept, ends = promising(
            self.model, self.data[lane], start, held[row], self.limits, best.value[lane], best.points[lane]
        )
        return ends, row[kept]

    def _unstick(self, found: BatchedFit, owner: IntArray) -> None:
        """Go on from further starts that got stuck below the best minimum: it is not the lowest."""
        below = (found.status != CONVERGED) & (found.value < self.result.fit.value[owner] - DISTINCT)
        if below.any():
            owner = owner[below]
            points, data, fixed = found.points[below], self.data[owner], self.fixed[owner]
            again = solve(self.model, data, points, fixed, self.limits)
            _merge(self.result, again, np.arange(owner.size), owner, with_stuck=True)


@dataclass(frozen=True)
class Learned:
    """What the fits to the observed data say about where else those of a model may start.

    Parameters
    ----------
    sides : ndarray of int, shape (n,)
        Parameters that have another side.
    factors : ndarray of int, shape (k,)
        Free factors whose bounds are within reach.
    """

    sides: IntArray
    factors: IntArray


def learn(model: FitModel) -> Learned:
    """Try every further start once, in the free fit to the observed data and that with the POI at 0.

    In a small model all of them are kept: they cost little. In a large one those are left out that came to
    nothing here: one-sided parameters without a second minimum, and factors whose bounds are far above the
    minimum or lead straight back to it.

    Parameters
    ----------
    model : FitModel
        The model; what was learned stays with its likelihood.

    Returns
    -------
    Learned
        Parameters.
    """
    notes = model.likelihood.notes
    if "learned" not in notes:
        everything = Learned(suspects(model), free_factors(model))
        # The fits below ask for what is known so far.
        notes["learned"] = everything
        if model.n_parameters > SMALL and not (has_kinks(model) or has_clips(model)):
            notes["learned"] = _tried(model, everything)
    return notes["learned"]  # type: ignore[no-any-return]  # it was put there just above


def may_have_several(model: FitModel) -> bool:
    """Tell whether anything in a model can make a second minimum: bent rates, or factors beside the POI."""
    others = [place for place in free_factors(model) if place != model.poi_index and not model.fixed[place]]
    return bool(others or suspects(model).size or one_sided(model).size)


def _tried(model: FitModel, everything: Learned) -> Learned:
    start, fixed = np.tile(model.init, (2, 1)), np.tile(model.fixed, (2, 1))
    if model.poi_index is not None:
        low = float(model.bounds[model.poi_index, 0])
        start[1, model.poi_index], fixed[1, model.poi_index] = max(0.0, low), True
    explorer = Explorer(model, np.tile(model.data, (2, 1)), fixed)
    explorer.begin(start)
    first = explorer.result.fit.points.copy()
    sides, of_sides = other_sides(model, first, fixed, one_sided(model))
    bounds, of_bounds, factor = at_bounds(model, first, fixed, model.bounds, everything.factors)
    moved = np.concatenate([(sides != first[of_sides]).argmax(axis=1).astype(np.intp), factor])
    held = np.concatenate([np.full(len(sides), -1, dtype=np.intp), factor])
    begin, owner = np.concatenate([sides, bounds]), np.concatenate([of_sides, of_bounds])
    ends, lane, row = explorer.follow(begin, owner, held)
    apart = np.abs(ends - first[lane]) / scales(model, first[lane])
    new = moved[row][(row >= len(sides)) | (apart[np.arange(row.size), moved[row]] > _APART)]
    sides_too = np.setdiff1d(new[~np.isin(new, everything.factors)], everything.sides)
    factors = everything.factors[np.isin(everything.factors, new)]
    return Learned(np.concatenate([everything.sides, sides_too]), factors)


def _nothing(data: FloatArray, fixed: BoolArray) -> BatchedFit:
    none = np.full(len(data), np.inf)
    status = np.full(len(data), CONVERGED)
    return BatchedFit(np.zeros(fixed.shape), none, status, none, none, fixed, status)


def _distinct(model: FitModel, points: FloatArray) -> FloatArray:
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
