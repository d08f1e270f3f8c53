"""The search for all minima of the fits to one set of data.

The free fit and those at a few values of the parameter of interest start from many points: the other side of
parameters that may have two, free factors at their bounds, samples that systematics together take below zero,
and random points where these are worth it. A few cheap steps (:mod:`hepnb.fits.screen`) tell which of them
lead somewhere else. Those are followed to the end, and every minimum is a start for the other values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from hepnb.fits._solve import DISTINCT, solve
from hepnb.fits.basins import SMALL, emptied, everywhere, free_factors
from hepnb.fits.batched import minimize
from hepnb.fits.screen import Metric, Relaxed, distances, falls_to, is_smooth, relax
from hepnb.fits.tangents import tangents
from hepnb.model import FitModel
from hepnb.typing import BoolArray, FloatArray, IntArray

__all__ = ["Minima", "Search"]


# Values of the POI that are looked at, in standard deviations from the best one.
_SIGMAS = (-4.0, -2.0, 2.0, 4.0)
# A minimum so much higher than the lowest, in -2 log L, is none that anyone asks for; of the others so many
# are kept at each value.
_HIGHEST, _KEPT = 12.0, 4
# How much lower than it promises a start may get, in units of the promise.
_TRUST = 3.0
# A start so near a known minimum, in -2 log L, falls into it.
_NEAR = 0.25
_ROUNDS = 3
# Steps of a start before it is compared with what is known, and whether its factor is held in them.
_SCHEDULE = ((0, False), (2, True), (1, False), (2, False))
# A start is still on its way, and may yet turn aside, while it promises more than this part of its height.
_SETTLED = 0.3
# A factor so near its bound, in units of its initial value, has ended there.
_AT_BOUND = 0.02


@dataclass(frozen=True, eq=False)
class Minima:
    """The minima of fits to one set of data.

    Parameters
    ----------
    points : ndarray, shape (k, parameter)
        Where they are.
    slopes : ndarray, shape (k, parameter)
        Their derivative with respect to the POI.
    value : ndarray, shape (k,)
        -2 log L there.
    free : ndarray of bool, shape (k,)
        Those of the free fit; the POI is held in the others.
    several : bool
        Some fit has more than one minimum.
    metric : Metric or None
        The curvature at the lowest free minimum.
    """

    points: FloatArray
    slopes: FloatArray
    value: FloatArray
    free: BoolArray
    several: bool
    metric: Metric | None


@dataclass
class _Problem:
    """One fit: the POI free or held at a value, and the minima that are known."""

    fixed: BoolArray
    start: FloatArray
    points: list[FloatArray] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    metric: Metric | None = None
    # The parameters that are not determined at the minima of which that was asked.
    loose: dict[bytes, BoolArray] = field(default_factory=dict)

    @property
    def lowest(self) -> int:
        return int(np.argmin(self.value))

    def best(self) -> FloatArray:
        return self.points[self.lowest]


class Search:
    """Look for all minima of the fits to one set of data."""

    def __init__(self, model: FitModel, data: FloatArray, limits: FloatArray) -> None:
        self.model, self.data, self.limits = model, data, limits
        self.smooth = is_smooth(model)
        poi = model.poi_index
        self.poi = None if poi is None or model.fixed[poi] else poi
        self.problems: list[_Problem] = []

    def run(self) -> Minima:
        """Fit, start from everywhere, and hand the minima on."""
        self._begin([None] if self.poi is None else [None, *self._origin()])
        if self.poi is not None and self.problems:
            self._begin(self._values())
        if not self.problems:
            return self._result()
        self.from_everywhere()
        for _ in range(_ROUNDS):
            if not self._hand_on():
                break
        return self._result()

    def single(self, start: FloatArray, fixed: BoolArray, *, scattered_too: bool = False) -> FloatArray:
        """Return the minima of one fit, the lowest first; none where no start converges.

        Parameters
        ----------
        start : ndarray, shape (parameter,)
            Where it starts, and the values of what is held.
        fixed : ndarray of bool, shape (parameter,)
            Parameters held.
        scattered_too : bool
            Start from a hundred random points as well.
        """
        self._fit([_Problem(fixed, start)])
        if not self.problems:
            return start[None][:0]
        self.from_everywhere(scattered_too=scattered_too)
        problem = self.problems[0]
        return np.array(problem.points)[np.argsort(problem.value, kind="stable")[:_KEPT]]

    def _origin(self) -> list[float]:
        low, high = self.limits[self.poi]
        return [float(min(max(0.0, low), high))]

    def _begin(self, values: Sequence[float | None]) -> None:
        """Fit from the initial values, and from the free minimum if there is one already."""
        added = []
        for value in values:
            fixed, start = self.model.fixed.copy(), self.model.init.copy()
            if value is not None:
                start[self.poi], fixed[self.poi] = value, True
            added.append(_Problem(fixed, start))
        self._fit(added)

    def _fit(self, added: list[_Problem]) -> None:
        if not added:
            return
        points, fixed = np.array([p.start for p in added]), np.array([p.fixed for p in added])
        owner = np.arange(len(added))
        if self.problems:
            moved = np.where(fixed, points, self.problems[0].best())
            points, fixed, owner = np.concatenate([points, moved]), np.tile(fixed, (2, 1)), np.tile(owner, 2)
        found = solve(self.model, self.data[None], points, fixed, self.limits, patient=0)
        if not all(found.ok[owner == number].any() for number in range(len(added))):
            found = solve(self.model, self.data[None], points, fixed, self.limits, patient=len(added))
        for row in np.flatnonzero(found.ok):
            self._add(added[owner[row]], found.points[row], float(found.value[row]))
        added = [problem for problem in added if problem.points]
        for problem in added:
            if self.smooth:
                problem.metric = Metric.at(self.model, self.data, problem.best(), problem.fixed)
        self.problems += added

    def _values(self) -> list[float]:
        """Choose values of the POI at which to look: some standard deviations from the best one."""
        best = self.problems[0].best()
        mu = float(best[self.poi])
        metric = self.problems[0].metric
        if metric is None:
            metric = Metric.at(self.model, self.data, best, self.model.fixed)
        sigma = float(np.sqrt(2 * metric.inverse[self.poi, self.poi]))
        low, high = self.limits[self.poi]
        done = [float(p.start[self.poi]) for p in self.problems if p.fixed[self.poi]]
        if not (np.isfinite(sigma) and sigma > 0):
            return []
        values: list[float] = []
        for shift in _SIGMAS:
            value = float(np.clip(mu + shift * sigma, low, high))
            if all(abs(value - other) > 0.5 * sigma for other in (*values, *done, mu)):
                values.append(value)
        return values

    def _same(self, problem: _Problem, points: FloatArray, value: FloatArray, near: float) -> BoolArray:
        """Tell which points fall into a minimum that is known."""
        known = np.array(problem.points)
        if problem.metric is None:
            apart = np.abs(points[:, None] - known[None]).max(axis=2)
        else:
            # Where the data do not determine some parameters, each point of a valley is a minimum.
            loose = self._loose(problem, problem.best())
            apart = distances(problem.metric, np.where(loose, 0.0, points), np.where(loose, 0.0, known))
        rise = value[:, None] - np.array(problem.value)[None]
        return np.asarray(((apart < near) & (np.abs(rise) < near)).any(axis=1))

    def _add(self, problem: _Problem, point: FloatArray, value: float) -> bool:
        """Note a minimum; return whether it is new."""
        equal = np.flatnonzero(np.abs(value - np.array(problem.value)) < DISTINCT)
        if equal.size:
            known = np.array(problem.points)[equal]
            if problem.metric is None or (distances(problem.metric, point[None], known) < 0.1).any():
                return False
            # In a valley only parameters that the data determine tell minima apart.
            moved = np.where(self._loose(problem, point), 0.0, point - known)
            moved[:, np.logical_or.reduce([self._loose(problem, other) for other in known])] = 0.0
            if (distances(problem.metric, moved, np.zeros((1, point.size))) < 0.1).any():
                return False
        problem.points.append(point.copy())
        problem.value.append(value)
        return True

    def _loose(self, problem: _Problem, point: FloatArray) -> BoolArray:
        """Tell which parameters move along a direction in which -2 log L does not rise at a minimum."""
        key = point.tobytes()
        if key not in problem.loose:
            problem.loose[key] = Metric.at(self.model, self.data, point, problem.fixed).loose()
        return problem.loose[key]

    def follow(
        self, start: FloatArray, owner: IntArray, held: IntArray | None = None
    ) -> tuple[IntArray, FloatArray]:
        """Follow starts that lead somewhere, and note the minima they find.

        Returns the problem and the point of each minimum that is new.
        """
        fixed = np.array([p.fixed for p in self.problems])[owner]
        values = np.array([p.start for p in self.problems])[owner]
        start = np.where(fixed, values, start)
        if not owner.size:
            return owner, start
        if self.smooth:
            rows, start = self._screened(start, owner, fixed, held)
            owner, fixed = owner[rows], fixed[rows]
        elif held is not None and (held >= 0).any():
            first = fixed.copy()
            some = np.flatnonzero(held >= 0)
            first[some, held[some]] = True
            begun = solve(self.model, self.data[None], start, first, self.limits, patient=0)
            start = np.where(np.isfinite(begun.value)[:, None], begun.points, start)
        if not owner.size:
            return owner, start
        found = solve(self.model, self.data[None], start, fixed, self.limits, patient=0)
        lowest = np.array([p.value[p.lowest] for p in self.problems])[owner]
        stuck = np.flatnonzero(~found.ok & (found.value < lowest - DISTINCT))
        stuck = stuck[np.argsort(found.value[stuck], kind="stable")]
        stuck = stuck[np.unique(owner[stuck], return_index=True)[1]]
        if stuck.size:
            # A start that got stuck below the lowest minimum goes on: that one is not the lowest.
            again = solve(
                self.model, self.data[None], found.points[stuck], fixed[stuck], self.limits, patient=0
            )
            for name, array in vars(found).items():
                array[stuck] = getattr(again, name)
        new = [
            row for row in np.flatnonzero(found.ok)
            if self._add(self.problems[owner[row]], found.points[row], float(found.value[row]))
        ]  # fmt: skip
        return owner[new], found.points[new]

    def _screened(
        self, start: FloatArray, owner: IntArray, fixed: BoolArray, held: IntArray | None
    ) -> tuple[IntArray, FloatArray]:
        rows = np.arange(owner.size)
        for steps, hold in _SCHEDULE:
            if hold and held is None:
                continue
            some = held[rows] if hold and held is not None else np.full(rows.size, -1)
            moved = self._moved(start, owner[rows], fixed[rows], some, steps)
            kept = self._promising(moved.points, moved.value, moved.promise, owner[rows])
            rows, start = rows[kept], moved.points[kept]
            if not rows.size:
                break
        return rows, start

    def _moved(
        self, start: FloatArray, owner: IntArray, fixed: BoolArray, held: IntArray, steps: int
    ) -> Relaxed:
        """Take a few steps from some starts."""
        data = np.broadcast_to(self.data, (owner.size, self.data.size))
        if self.model.n_parameters > SMALL:
            metrics = [p.metric for p in self.problems if p.metric is not None]
            return relax(self.model, data, start, fixed, self.limits, metrics, owner, steps, held)
        # In a small model Newton's steps cost little, and lead on from far away.
        fixed, some = fixed.copy(), np.flatnonzero(held >= 0)
        fixed[some, held[some]] = True
        lower, upper = self.limits.T
        found = minimize(self.model.likelihood, data, start, lower, upper, fixed, steps, check_saddles=False)
        return Relaxed(found.points, found.value, np.where(np.isfinite(found.edm), found.edm, np.inf))

    def _promising(
        self, points: FloatArray, value: FloatArray, promise: FloatArray, owner: IntArray
    ) -> IntArray:
        """Choose starts that may lead to a new minimum, one of those that lie together."""
        kept: list[int] = []
        falls = self._falls(points, value, owner)
        for number, problem in enumerate(self.problems):
            rows = np.flatnonzero((owner == number) & np.isfinite(value))
            low = value[rows] - _TRUST * np.abs(promise[rows])
            rows = rows[low < problem.value[problem.lowest] + _HIGHEST]
            if not rows.size or problem.metric is None:
                continue
            settled = (
                np.abs(promise[rows]) < _SETTLED * (value[rows] - problem.value[problem.lowest]) + DISTINCT
            )
            same = self._same(problem, points[rows], value[rows], _NEAR)
            rows = rows[~((falls[rows] & settled) | same)]
            rows = rows[np.argsort(value[rows], kind="stable")]
            apart = distances(problem.metric, points[rows], points[rows])
            chosen: list[int] = []
            for place in range(rows.size):
                if all(apart[place, other] > _NEAR for other in chosen):
                    chosen.append(place)
            kept += rows[chosen].tolist()
        return np.array(sorted(kept), dtype=np.intp)

    def _falls(self, points: FloatArray, value: FloatArray, owner: IntArray) -> BoolArray:
        """Tell from which points -2 log L falls all the way to a minimum that is known."""
        falls = np.zeros(owner.size, dtype=bool)
        most = max(len(problem.points) for problem in self.problems)
        for which in range(most):
            rows = [
                row for row in np.flatnonzero(np.isfinite(value) & ~falls)
                if which < len(self.problems[owner[row]].points)
                and self.problems[owner[row]].value[which] <= value[row]
            ]  # fmt: skip
            if not rows:
                continue
            ends = np.array([self.problems[owner[row]].points[which] for row in rows])
            data = np.broadcast_to(self.data, (len(rows), self.data.size))
            falls[rows] = falls_to(self.model, data, points[rows], value[rows], ends)
        return falls

    def from_everywhere(self, *, scattered_too: bool = False) -> None:
        """Start all fits from all points that may lead to other minima."""
        best = np.array([p.best() for p in self.problems])
        fixed = np.array([p.fixed for p in self.problems])
        start, owner, held = everywhere(self.model, best, fixed, self.limits, many=scattered_too)
        empty, of_empty = self._emptied(best, fixed)
        owner, ends = self.follow(
            np.concatenate([start, empty]),
            np.concatenate([owner, of_empty]),
            np.concatenate([held, np.full(len(empty), -1)]),
        )
        self._pairs(ends, owner, free_factors(self.model))

    def _pairs(self, ends: FloatArray, owner: IntArray, factors: IntArray) -> None:
        """Put a second factor to its lower bound where a minimum has one there."""
        if not owner.size or not factors.size:
            return
        low, fixed = self.limits[factors, 0], np.array([p.fixed for p in self.problems])[owner][:, factors]
        near = ends[:, factors] - low < _AT_BOUND * np.maximum(self.model.init[factors], 1.0)
        near &= ~fixed
        row, which = np.nonzero(near.any(axis=1)[:, None] & ~near & ~fixed)
        points = ends[row].copy()
        points[np.arange(row.size), factors[which]] = low[which]
        self.follow(points, owner[row], factors[which])

    def _emptied(self, best: FloatArray, fixed: BoolArray) -> tuple[FloatArray, IntArray]:
        """Take samples below zero, as far as -2 log L likes it best."""
        model, table = self.model, emptied(self.model)
        if not len(table):
            return np.empty((0, best.shape[1])), np.empty(0, dtype=np.intp)
        moved = table != model.init
        points = np.where(moved & ~fixed[:, None, None], table, best[:, None, None])
        flat = points.reshape(-1, best.shape[1])
        value = model.likelihood.objective(
            flat, np.broadcast_to(self.data, (len(flat), self.data.size)), 0
        ).value
        value = value.reshape(points.shape[:3])
        rows = np.argmin(value, axis=2)
        chosen = np.take_along_axis(points, rows[:, :, None, None], axis=2)[:, :, 0]
        return chosen.reshape(-1, best.shape[1]), np.repeat(np.arange(len(best)), len(table))

    def _hand_on(self) -> bool:
        """Start each fit at the minima of the others; return whether that found any."""
        start, owner, poi = [], [], self.poi
        for one, giver in enumerate(self.problems):
            points = np.array(giver.points)
            slopes = None if poi is None else self._slopes(points)
            for other, receiver in enumerate(self.problems):
                if one == other:
                    continue
                offered = points
                if slopes is not None and poi is not None and receiver.fixed[poi]:
                    change = receiver.start[poi] - points[:, [poi]]
                    # Each minimum moved along its tangent, and as it is.
                    offered = np.stack([points + change * slopes, points], axis=1).reshape(
                        -1, points.shape[1]
                    )
                start.append(offered)
                owner += [other] * len(offered)
        if not start:
            return False
        found, _ = self.follow(np.concatenate(start), np.array(owner, dtype=np.intp))
        return bool(found.size)

    def _slopes(self, points: FloatArray) -> FloatArray:
        """Return the derivative of minima with respect to the POI."""
        data = np.broadcast_to(self.data, (len(points), self.data.size))
        return tangents(self.model, data, points, self.limits)[0]

    def _result(self) -> Minima:
        points, value, free, several = [], [], [], False
        for problem in self.problems:
            order = np.argsort(problem.value, kind="stable")
            kept = [i for i in order if problem.value[i] < problem.value[problem.lowest] + _HIGHEST][:_KEPT]
            several |= len(order) > 1
            points += [problem.points[i] for i in kept]
            value += [problem.value[i] for i in kept]
            free += [self.poi is None or not problem.fixed[self.poi]] * len(kept)
        table = np.array(points).reshape(-1, self.model.n_parameters)
        slopes = np.zeros_like(table)
        if several and self.poi is not None:
            slopes = self._slopes(table)
        metric = self.problems[0].metric if self.problems else None
        return Minima(table, slopes, np.array(value), np.array(free, dtype=bool), several, metric)
