"""The search for the ends of an interval: where the p-value falls through 1 - cl on both sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from hepnb.limits.belt import NeymanBelt
from hepnb.progress import Cancel, Progress
from hepnb.typing import FloatArray

__all__ = ["End", "find_ends"]


_LADDER = (0.6, 0.8, 1.0, 1.2, 1.5)
_ROUNDS = 40
# An end is known where its bracket is so narrow, relative to its distance from the best value.
_PRECISION = 1e-6
# With toys: a difference that is none of chance, in standard deviations; how near the end points are fitted,
# in the distance over which p changes by its uncertainty; and where a bracket is narrow enough in any case.
_CLEAR, _NEAR, _COARSE = 3.0, 3.0, 1e-3


@dataclass(frozen=True)
class End:
    """One end of an interval.

    Parameters
    ----------
    value, uncertainty : float
        Where it is, and how well toys know that: at least a twelfth, as a variance, of the squared distance
        between the values that are clearly in and clearly out.
    status : str
        ``"found"``, ``"at bound"`` or ``"not found"``.
    """

    value: float
    uncertainty: float
    status: str


@dataclass
class _Side:
    """The search on one side of the best value; distances from it are positive on both sides."""

    sign: float
    room: float
    step: float
    slope: float = 0.0
    first: tuple[float, float] | None = None

    def first_points(self) -> FloatArray:
        """Return distances around the likely end."""
        return np.unique(np.minimum(self.step * np.array(_LADDER), self.room))

    def next_points(self, x: FloatArray, p: FloatArray, sigma: FloatArray, alpha: float) -> FloatArray:
        """Return the distances to test next; none where the end is known, or cannot be."""
        index = _bracket(p, alpha)
        if index is None:
            return np.empty(0)
        if index == x.size - 1:
            if x[-1] >= self.room * (1 - 1e-12):
                return np.empty(0)
            reach = max(x[-1], self.step)
            return np.unique(np.minimum(x[-1] + reach * np.array([0.5, 1.0, 2.0]), self.room))
        a, b = x[index], x[index + 1]
        if self.first is None and index > 0:
            self.first, self.slope = (a, b), (p[index] - p[index + 1]) / (b - a)
        noise = float(np.hypot(sigma[index], sigma[index + 1]))
        if noise > 0:
            jumps = p[index] - p[index + 1] > _CLEAR * noise
            if b - a <= _COARSE * b or not (jumps or b - a > noise / max(self.slope, 1e-300)):
                return np.empty(0)
            return np.asarray(a + (b - a) * np.array([0.25, 0.5, 0.75]))
        if b - a <= _PRECISION * b:
            return np.empty(0)
        # p is smooth in most models: points around the estimate close in on it, and the middle makes sure.
        guess, margin = _straight(x, p, index, alpha), 0.05 * (b - a)
        points = np.array([guess - margin, guess, guess + margin, 0.5 * (a + b)])
        return np.unique(points[(points > a) & (points < b)])

    def end(self, x: FloatArray, p: FloatArray, sigma: FloatArray, alpha: float, origin: float) -> End:
        """Return the end that the points hold."""
        index = _bracket(p, alpha)
        if self.room <= 0 or (index == x.size - 1 and x[-1] >= self.room * (1 - 1e-12)):
            return End(origin + self.sign * self.room, 0.0, "at bound")
        if index is None or index == x.size - 1:
            return End(np.nan, np.nan, "not found")
        value, error = _straight(x, p, index, alpha), 0.0
        if sigma.any():
            value, error = self._fitted(x, p, sigma, index, alpha)
            # Where p is flat for a while, or jumps to and fro, chance decides where it crosses.
            inner = x[(x < value) & (p - sigma > alpha)].max()
            outer = x[(x > value) & (p + sigma < alpha)]
            error = float(max(error, ((outer.min() if outer.size else x[-1]) - inner) / np.sqrt(12)))
        return End(origin + self.sign * value, error, "found")

    def _fitted(
        self, x: FloatArray, p: FloatArray, sigma: FloatArray, index: int, alpha: float
    ) -> tuple[float, float]:
        """Fit a straight line through what scatters; where p jumps, say where and how well that is known."""
        a, b = x[index], x[index + 1]
        noise = float(np.hypot(sigma[index], sigma[index + 1]))
        jump = 0.5 * (a + b), float((b - a) / np.sqrt(12))
        if p[index] - p[index + 1] > _CLEAR * noise or not self.slope > 0:
            return jump
        reach = _NEAR * noise / self.slope
        near = (x >= a - reach) & (x <= b + reach) & (sigma > 0)
        design = np.stack([np.ones(int(near.sum())), x[near] - a], axis=1)
        weighted = design / sigma[near, None]
        covariance = np.linalg.pinv(weighted.T @ weighted)
        offset, slope = covariance @ weighted.T @ (p[near] / sigma[near])
        value = (alpha - offset) / slope if slope < 0 else np.inf
        if not -reach <= value <= b - a + reach:
            return jump[0], float(np.hypot(jump[1], reach))
        row = np.array([1.0, value])
        spread = float(np.sqrt(row @ covariance @ row))
        scatter = np.square((p[near] - design @ [offset, slope]) / sigma[near]).sum() / max(near.sum() - 2, 1)
        return a + value, float(spread * np.sqrt(max(scatter, 1.0)) / -slope)


def find_ends(
    belt: NeymanBelt, cl: float, progress: Progress | None, cancel: Cancel | None
) -> tuple[End, End]:
    """Test values on both sides of the best one until the ends of the interval are known.

    Parameters
    ----------
    belt : Belt
        Where values are tested.
    cl : float
        The confidence level.
    progress : callable, optional
        Called with (done, total) values.
    cancel : Cancel, optional
        Looked at between rounds.

    Returns
    -------
    lower, upper : End
        Both ends.
    """
    nowhere = End(np.nan, np.nan, "not found")
    if not belt.ok:
        return nowhere, nowhere
    alpha = 1 - cl
    low, high = belt.model.bounds[belt.model.require_poi()]
    step = float(-ndtri(0.5 * alpha)) * _sigma(belt)
    origin = belt.mu_hat
    sides = [_Side(-1.0, origin - low, step), _Side(1.0, high - origin, step)]
    points = np.concatenate([origin + side.sign * side.first_points() for side in sides])
    for turn in range(_ROUNDS):
        if cancel is not None and cancel.is_set():
            break
        new = np.setdiff1d(_rounded(points, belt, low, high), [point.mu for point in belt.points])
        if not new.size:
            break
        belt.test(new)
        if belt.run is not None and belt.run.cancelled:
            break
        if progress is not None:
            progress(len(belt.points), max(3 * len(_LADDER), len(belt.points) + turn))
        points = np.concatenate(
            [origin + side.sign * side.next_points(*_outwards(belt, side, origin), alpha) for side in sides]
        )
    lower, upper = (side.end(*_outwards(belt, side, origin), alpha, origin) for side in sides)
    return lower, upper


def _rounded(points: FloatArray, belt: NeymanBelt, low: float, high: float) -> FloatArray:
    """Round values that toys are done at, so that a study that goes on elsewhere tests the same ones."""
    if belt.run is None:
        return np.clip(points, low, high)
    inside = (points > low) & (points < high)
    shorter = np.array([float(f"{value:.4g}") for value in points])
    return np.clip(np.where(inside, shorter, points), low, high)


def _outwards(belt: NeymanBelt, side: _Side, origin: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return distances from the best value, p-values and their uncertainties on one side; 1 at the origin."""
    mu, p, sigma = belt.p_values()
    distance = side.sign * (mu - origin)
    here = np.flatnonzero((distance > 0) & np.isfinite(p))
    here = here[np.argsort(distance[here])]
    return (
        np.concatenate([[0.0], distance[here]]),
        np.concatenate([[1.0], p[here]]),
        np.concatenate([[0.0], sigma[here]]),
    )


def _bracket(p: FloatArray, alpha: float) -> int | None:
    """Find the outermost value that is accepted; None where only the best value was tested."""
    return int(np.flatnonzero(p >= alpha)[-1]) if p.size > 1 else None


def _straight(x: FloatArray, p: FloatArray, index: int, alpha: float) -> float:
    """Interpolate the crossing after ``place``, straight in standard deviations."""
    a, b, want = (-ndtri(0.5 * np.clip(value, 1e-300, 1.0)) for value in (p[index], p[index + 1], alpha))
    part = (want - a) / (b - a) if b > a else 0.5
    return float(x[index] + (x[index + 1] - x[index]) * np.clip(part, 0.0, 1.0))


def _sigma(belt: NeymanBelt) -> float:
    """Guess the standard deviation of the best value."""
    low, high = belt.model.bounds[belt.model.require_poi()]
    guess = float(np.clip(1.0, low, high)) or float(high)
    belt.test(np.array([guess]))
    for point in belt.points:
        if point.t_asimov > 1e-9:
            return min(abs(point.mu) / float(np.sqrt(point.t_asimov)), float(high - low))
    return float(high - low) / 10
