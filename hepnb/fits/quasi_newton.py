"""Fits of a batch that step in a shared metric, with gradients alone.

A step is that of L-BFGS (D. Liu, J. Nocedal, Math. Programming 45 (1989) 503) in the subspace of the
parameters that a fit may move, with the shared metric as the curvature to begin with: the changes of the
gradient in the last steps correct it for each fit. Where a step would leave the bounds, the parameters that
reach them stop there, and the others minimise the parabola of the metric around that.

The distance to the minimum that the metric promises is too short where the true curvature is smaller. Then
steps contract slowly: with a ratio r of gradients the true distance is larger by 1 / (1 - r), and that is the
one a fit has to end by.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hepnb.fits.likelihood import Bounds, Likelihood, limited
from hepnb.fits.metric import Metric
from hepnb.progress import check_stop
from hepnb.typing import BoolArray, FloatArray, IntArray

__all__ = ["Descent", "descend_together", "falls", "suspicious"]


_MEMORY = 16
_SHORTENINGS = 12
# A fit is slow that has not come so much closer within so many steps.
_WINDOW, _CLOSER = 8, 0.5
# Slowest contraction that is believed, and what a first step is taken for.
_SLOWEST, _FIRST = 0.95, 0.99
# Probing for saddle points: products with the curvature, their step in the metric, what counts as negative,
# and the part of the probe that may be left.
# So close, a step that does not lower -2 log L in double precision says that the fit has arrived.
_EXHAUSTED = 1e-6
_PROBES, _PROBE_STEP, _NEGATIVE, _LEFT = 6, 1e-3, 1e-3, 1e-4


@dataclass(frozen=True)
class Descent:
    """Where the fits of a batch are.

    Parameters
    ----------
    points, gradient : ndarray, shape (fit, parameter)
        Parameters, and the gradient of -2 log L.
    value, edm : ndarray, shape (fit,)
        -2 log L, and the estimated distance to its minimum.
    held : ndarray of bool, shape (fit, parameter)
        Parameters that do not move.
    steps : ndarray of int, shape (fit,)
        Steps taken.
    arrived : ndarray of bool, shape (fit,)
        Whether it is at a minimum, as far as can be told.
    """

    points: FloatArray
    gradient: FloatArray
    value: FloatArray
    edm: FloatArray
    held: BoolArray
    steps: IntArray
    arrived: BoolArray


class _Memory:
    """The last steps of each fit and the changes of its gradient."""

    def __init__(self) -> None:
        self.pairs: list[tuple[FloatArray, FloatArray, FloatArray]] = []

    def add(self, step: FloatArray, change: FloatArray) -> None:
        """Keep a step where the gradient grew along it."""
        product = np.einsum("lp,lp->l", step, change)
        sizes = np.einsum("lp,lp->l", step, step) * np.einsum("lp,lp->l", change, change)
        good = product > 1e-10 * np.sqrt(sizes)
        weight = np.where(good, 1.0 / np.where(good, product, 1.0), 0.0)
        self.pairs = [*self.pairs[1 - _MEMORY :], (step, change, weight)]

    def forget(self, which: BoolArray) -> None:
        """Drop what is known of some fits."""
        for _, _, weight in self.pairs:
            weight[which] = 0.0

    def take(self, which: IntArray) -> None:
        """Keep some of the fits."""
        self.pairs = [(s[which], y[which], w[which]) for s, y, w in self.pairs]

    def solve(self, right: FloatArray, held: BoolArray, metric: Metric) -> FloatArray:
        """Divide by the corrected curvature."""
        rest, shares = right, []
        for step, change, weight in reversed(self.pairs):
            share = (weight * np.einsum("lp,lp->l", step, rest))[:, None]
            rest = rest - share * change
            shares.append(share)
        if self.pairs:
            rest[held] = 0.0
        answer = metric.solve(rest, held)
        for (step, change, weight), share in zip(self.pairs, reversed(shares), strict=True):
            answer += (share - (weight * np.einsum("lp,lp->l", change, answer))[:, None]) * step
        return answer


def descend_together(
    likelihood: Likelihood,
    data: FloatArray,
    points: FloatArray,
    bounds: Bounds,
    metric: Metric,
    max_steps: int,
    goal: float,
) -> Descent:
    """Take steps in a metric until each fit has arrived, or comes no closer.

    Parameters
    ----------
    likelihood : Likelihood
        What to minimise.
    data : ndarray, shape (fit, data)
        Data of each fit.
    points : ndarray, shape (fit, parameter)
        Starts, within the bounds.
    bounds : Bounds
        Bounds and fixed parameters.
    metric : Metric
        The curvature to begin with.
    max_steps : int
        Most steps of a fit.
    goal : float
        Estimated distance to the minimum, in -2 log L, at which a fit has arrived.

    Returns
    -------
    Descent
        One row per fit. One that has not arrived came no closer, or ran out of steps.
    """
    here = likelihood.objective(points, data, 1)
    end = Descent(
        points.copy(),
        here.gradient.copy(),
        here.value.copy(),
        np.full(len(points), np.inf),
        np.zeros(points.shape, dtype=bool),
        np.zeros(len(points), dtype=np.intp),
        np.zeros(len(points), dtype=bool),
    )
    row = np.flatnonzero(np.isfinite(here.value))
    x, value, gradient = points[row], here.value[row], here.gradient[row]
    room, counts, memory = bounds.take(row), data[row], _Memory()
    before = np.full((_WINDOW, row.size), np.inf)
    held_before = np.zeros(x.shape, dtype=bool)
    whole = np.zeros(row.size, dtype=bool)
    for taken in range(max_steps + 1):
        check_stop()
        held = room.held(x, gradient)
        memory.forget((held != held_before).any(axis=1))
        downhill = np.where(held, 0.0, -gradient)
        step = memory.solve(downhill, held, metric)
        edm = 0.5 * np.einsum("lp,lp->l", downhill, step)
        far = before[0] if taken else edm
        contraction = np.sqrt(np.abs(edm) / np.where(far > 0, far, 1.0))
        contraction = np.where(whole & np.isfinite(far), np.minimum(contraction, _SLOWEST), _FIRST)
        done = np.abs(edm) < goal * (1 - contraction)
        leaving = done | (edm > _CLOSER * before[-1]) | ~np.isfinite(edm) | (taken == max_steps)
        if not leaving.all():
            moving = np.flatnonzero(~leaving)
            there = _move(
                likelihood, counts[moving], (x[moving], value[moving], gradient[moving]),
                room.take(moving), held[moving], step[moving], metric,
            )  # fmt: skip
            stuck = moving[~there.moved]
            leaving[stuck] = True
            done[stuck] = np.abs(edm[stuck]) < _EXHAUSTED
        if leaving.any():
            gone, rows = np.flatnonzero(leaving), row[leaving]
            end.points[rows], end.value[rows], end.gradient[rows] = x[gone], value[gone], gradient[gone]
            end.edm[rows] = edm[gone] / (1 - np.where(whole[gone], contraction[gone], 0.0))
            end.held[rows], end.steps[rows], end.arrived[rows] = held[gone], taken, done[gone]
            kept = np.flatnonzero(~leaving)
            row = row[kept]
            if not row.size:
                break
            x, gradient, held, edm = x[kept], gradient[kept], held[kept], edm[kept]
            room, counts, before = room.take(kept), counts[kept], before[:, kept]
            memory.take(kept)
        kept = np.flatnonzero(there.moved)
        new, slope = there.points[kept], there.gradient[kept]
        memory.add(new - x, np.where(held, 0.0, slope - gradient))
        x, value, gradient, whole = new, there.value[kept], slope, there.whole[kept]
        before = np.concatenate([edm[None], before[:-1]])
        held_before = held
    return end


@dataclass(frozen=True)
class _Moved:
    """Where fits are after a step: whether they moved, and by a whole step."""

    points: FloatArray
    value: FloatArray
    gradient: FloatArray
    moved: BoolArray
    whole: BoolArray


def _move(
    likelihood: Likelihood,
    data: FloatArray,
    here: tuple[FloatArray, FloatArray, FloatArray],
    bounds: Bounds,
    held: BoolArray,
    step: FloatArray,
    metric: Metric,
) -> _Moved:
    """Go down by a step, or a part of it."""
    x, value, gradient = here
    step = limited(step, likelihood.max_step)
    trial = bounds.clip(x + step, x)
    outside = ~held & (trial != x + step)
    some = np.flatnonzero(outside.any(axis=1))
    if some.size:
        step[some] = _at_bounds(
            x[some], trial[some], gradient[some], bounds.take(some), held[some], outside[some], metric
        )
        step[some] = limited(step[some], likelihood.max_step)
        trial[some] = bounds.take(some).clip(x[some] + step[some], x[some])
    there = likelihood.objective(trial, data, 1)
    moved = falls(there.value, trial, x, value, gradient)
    whole = moved.copy()
    if moved.all():
        return _Moved(trial, there.value, there.gradient, moved, whole)
    new_value, slope = there.value, there.gradient
    waiting, length = np.flatnonzero(~moved), np.ones((~moved).sum())
    reached = new_value[waiting]
    for _ in range(_SHORTENINGS):
        promised = np.einsum("lp,lp->l", gradient[waiting], trial[waiting] - x[waiting])
        rise = reached - value[waiting] - promised
        # The minimum of the parabola through the values and the slope.
        usable = np.isfinite(rise) & (rise > 0) & (promised < 0)
        best = np.where(usable, -0.5 * promised / np.where(usable, rise, 1.0), 0.1)
        length = length * np.clip(best, 0.1, 0.5)
        point = bounds.take(waiting).clip(x[waiting] + length[:, None] * step[waiting], x[waiting])
        trial[waiting] = point
        again = likelihood.objective(point, data[waiting], 1)
        good = falls(again.value, point, x[waiting], value[waiting], gradient[waiting])
        rows = waiting[good]
        new_value[rows], slope[rows], moved[rows] = again.value[good], again.gradient[good], True
        waiting, length, reached = waiting[~good], length[~good], again.value[~good]
        if not waiting.size:
            break
    return _Moved(trial, new_value, slope, moved, whole)


def _at_bounds(
    x: FloatArray,
    trial: FloatArray,
    gradient: FloatArray,
    bounds: Bounds,
    held: BoolArray,
    outside: BoolArray,
    metric: Metric,
) -> FloatArray:
    """Stop some parameters at their bounds, and minimise the parabola of the metric over the others."""
    for _ in range(2):
        stopped = np.where(outside, trial - x, 0.0)
        still = held | outside
        right = np.where(still, 0.0, -gradient - stopped @ metric.curvature)
        step = metric.solve(right, still) + stopped
        trial = np.where(outside, trial, bounds.clip(x + step, x))
        more = ~still & (trial != x + step)
        if not more.any():
            break
        outside = outside | more
    return step


def falls(
    value: FloatArray, trial: FloatArray, origin: FloatArray, before: FloatArray, gradient: FloatArray
) -> BoolArray:
    """Tell where -2 log L falls enough for the step taken (L. Armijo, Pacific J. Math. 16 (1966) 1)."""
    change = trial - origin
    promised = np.einsum("lp,lp->l", gradient, change)
    slack = 4e-16 * np.maximum(np.abs(before), 1.0)
    enough = value <= before + 1e-4 * np.minimum(promised, 0.0) + slack
    return np.asarray(enough & np.isfinite(value) & change.any(axis=1))


def suspicious(
    likelihood: Likelihood, data: FloatArray, at: Descent, rows: IntArray, metric: Metric
) -> BoolArray:
    """Tell which fits may have ended at a saddle point.

    Conjugate gradients from a random vector, which has a part along everything, meet a negative curvature
    within a few steps if there is one, since the curvature is near 1 in this metric in all other directions.
    A part along a negative curvature never gets smaller: once the rest of the vector is smaller than it can
    have been, there is none. Products with the curvature are differences of gradients.

    Parameters
    ----------
    likelihood : Likelihood
        What was minimised.
    data : ndarray, shape (n, data)
        Data of these fits.
    at : Descent
        Where the fits ended.
    rows : ndarray of int, shape (n,)
        Which of them.
    metric : Metric
        A metric.

    Returns
    -------
    ndarray of bool, shape (n,)
        Where a negative curvature was met, to be looked at with the curvature of the fit itself.
    """
    points, gradient, held = at.points[rows], at.gradient[rows], at.held[rows]
    found = np.zeros(rows.size, dtype=bool)
    probe = np.random.default_rng(7).normal(size=held.shape[1])
    rest = np.where(held, 0.0, probe * np.sqrt(np.abs(np.diagonal(metric.curvature))))
    search = metric.solve(rest, held)
    size = np.einsum("lp,lp->l", rest, search)
    first, here = size.copy(), np.flatnonzero(size > 0)
    rest, search, size = rest[here], search[here], size[here]
    for _ in range(_PROBES):
        if not here.size:
            break
        length = _PROBE_STEP / np.sqrt(np.einsum("lp,lp->l", search @ metric.curvature, search))[:, None]
        beside = likelihood.objective(points[here] + length * search, data[here], 1).gradient
        bent = np.where(held[here], 0.0, (beside - gradient[here]) / length)
        curvature = np.einsum("lp,lp->l", search, bent)
        unit = (_PROBE_STEP / length[:, 0]) ** 2
        negative = ~(curvature > -_NEGATIVE * unit)
        found[here[negative]] = True
        length = np.where(curvature > 0, size / np.where(curvature > 0, curvature, 1.0), 0.0)[:, None]
        rest = rest - length * bent
        better = metric.solve(rest, held[here])
        new = np.einsum("lp,lp->l", rest, better)
        going = (curvature > 0) & (new > _LEFT * first[here] / held.shape[1])
        search = better + (new / size)[:, None] * search
        here, rest, search, size = here[going], rest[going], search[going], new[going]
    return found
