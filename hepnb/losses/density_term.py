"""The term of a density in a loss: -2 log L of events or of counts, for a batch of fits."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hepnb.densities import Density, Sum
from hepnb.densities.jets import take
from hepnb.densities.parameters import Parameter
from hepnb.errors import ModelError
from hepnb.losses.binned import binned_sums
from hepnb.losses.data import Counts, Events
from hepnb.losses.mixture import Mixture, Prepared, chain
from hepnb.losses.pseudo import asimov_counts, asimov_events, draw_counts, draw_events
from hepnb.typing import FloatArray, IntArray

__all__ = ["DensityTerm", "Sums"]

# Events evaluated at once: their arrays fit into the processor's cache.
_BLOCK = 8192
# Fits of up to so many events are made together.
_TOGETHER, _CHUNK = 10_000, 24_000
# Points of each observable at which a density of one, two or more of them is looked at.
_GRID = (401, 41, 13)


@dataclass(frozen=True)
class Sums:
    """-2 log L of some fits and its derivatives with respect to a term's parameters.

    Parameters
    ----------
    value : ndarray, shape (lane,)
        Infinite where it does not exist.
    gradient, curvature : ndarray, shape (lane, parameter), (lane, parameter, parameter)
        Zero where it does not exist.
    """

    value: FloatArray
    gradient: FloatArray
    curvature: FloatArray


class DensityTerm:
    """A density and how it is compared with data.

    Parameters
    ----------
    density : Density
        With or without yields.
    extended : bool
        The number of events counts.
    binned : bool
        The data are counts.
    data : Events, Counts or None
        Observed data.
    asimov : int or None
        Bins of Asimov data; None for exact ones.
    """

    def __init__(
        self, density: Density, *, extended: bool, binned: bool, data: Any = None, asimov: int | None = None
    ) -> None:
        if extended and not density.extended:
            raise ModelError(
                f"{density!r} expects no number of events, which an extended likelihood needs. Give a "
                "Sum with "
                "yields=, or Extended(density, yield)."
            )
        self.density, self.extended, self.binned, self.data, self.asimov_bins = (
            density,
            extended,
            binned,
            data,
            asimov,
        )
        self.mixture = Mixture(density)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Parameters of the density."""
        return self.density.parameters

    def with_data(self, data: Any) -> DensityTerm:
        """Return the same term with other observed data."""
        other = copy.copy(self)
        other.data = data
        return other

    def describe(self) -> str:
        """Return a few words for messages and checkpoints."""
        kind = ("extended " if self.extended else "") + ("binned" if self.binned else "unbinned")
        return f"{kind} likelihood of {self.density!r}"

    def yields(self) -> tuple[str, ...]:
        """Return the names of yields that are parameters."""
        if not isinstance(self.density, Sum) or self.density.yields is None:
            return ()
        return tuple(y.name for y in self.density.yields if isinstance(y, Parameter))

    # Data

    def coarse(self, part: Any, least: int) -> Any:
        """Return a histogram to start the fit on, or None."""
        return part.coarse(self.density.ranges[0], least) if isinstance(part, Events) else None

    def constant(self, part: Any) -> float:
        """Return what -2 log L of counts is where rates equal them, which the objective leaves out."""
        if not isinstance(part, Counts):
            return 0.0
        n = part.counts[part.counts > 0]
        total = n.sum()
        if self.extended:
            return float(2 * np.sum(n - n * np.log(n)))
        return float(-2 * np.sum(n * np.log(n / total))) if total > 0 else 0.0

    def n_points(self, part: Any) -> int:
        """Return the number of bins, for the degrees of freedom."""
        if isinstance(part, Counts):
            return part.counts.size - (0 if self.extended else 1)
        raise ModelError(
            "an unbinned fit has no goodness of fit: there is no model that describes every event. Fit a "
            "histogram of the data with BinnedNLL."
        )

    def draw(self, values: Mapping[str, float], size: int, rng: np.random.Generator, like: Any) -> list[Any]:
        """Draw pseudo-data like some data."""
        if isinstance(like, Counts):
            return draw_counts(self, values, size, rng, like)
        return draw_events(self, values, size, rng, like)

    def asimov(self, values: Mapping[str, float], like: Any) -> Any:
        """Return data without fluctuations."""
        if isinstance(like, Counts):
            return asimov_counts(self, values, like)
        return asimov_events(self, values, like, self.asimov_bins)

    def remark(self, values: Mapping[str, float]) -> str:
        """Say where the density is negative, if that can be: between its events nothing prevents it.

        Parameters
        ----------
        values : mapping of str to float
            The minimum.

        Returns
        -------
        str
            A sentence, or nothing.
        """
        point = np.array([[values[name] for name in self.mixture.names]])
        prepared = self.mixture.prepare(point, 0)
        if not prepared.good[0] or not self.mixture.may_be_negative(prepared):
            return ""
        per_axis = _GRID[min(self.density.n_dim, len(_GRID)) - 1]
        axes = [np.concatenate([np.linspace(a, b, per_axis) for a, b in r]) for r in self.density.ranges]
        x = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=-1)
        x = x[:, 0] if self.density.n_dim == 1 else x
        with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
            negative = self.mixture.negative_at(prepared, x)
        if not negative.any():
            return ""
        return (
            f"{self.density!r:.120} is negative at this minimum, such as at {x[int(np.argmax(negative))]}, "
            "where there are no events: the likelihood is too large. Narrow the bounds of its parameters."
        )

    # Likelihood

    def objective(self, points: FloatArray, parts: Sequence[Any], order: int) -> Sums:
        """Evaluate -2 log L of some fits.

        Parameters
        ----------
        points : ndarray, shape (lane, parameter)
            Points.
        parts : sequence of Events or Counts
            The data of each.
        order : {0, 1, 2}
            Highest derivative.

        Returns
        -------
        Sums
            For each lane.
        """
        mixture, lanes = self.mixture, len(points)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
            prepared = mixture.prepare(points, order)
            size = mixture.n_arguments
            value, gradient = np.full(lanes, np.inf), np.zeros((lanes, size))
            curvature = np.zeros((lanes, size, size))
            good = np.flatnonzero(prepared.good)
            together: list[int] = []
            for lane in good.tolist():
                part = parts[lane]
                if isinstance(part, Events) and not part.n:
                    value[lane] = 0.0
                    continue
                small = isinstance(part, Events) and part.n <= _TOGETHER
                if small and len(good) > 1 and mixture.many_at_once:
                    together.append(lane)
                    continue
                one = _lane(prepared, lane)
                found = (
                    self._counts(one, part, order)
                    if isinstance(part, Counts)
                    else self._events(one, part, order)
                )
                value[lane], gradient[lane], curvature[lane] = found
            for rows in _chunks(together, parts):
                found_rows = self._ragged(_lanes(prepared, rows), [parts[i] for i in rows], order)
                value[rows], gradient[rows], curvature[rows] = found_rows
            if self.extended:
                self._add_expected(prepared, parts, value, gradient)
        value = np.where(np.isnan(value), np.inf, value)
        if not order:
            return Sums(value, np.empty((lanes, 0)), np.empty((lanes, 0, 0)))
        outside = ~np.isfinite(value)
        gradient[outside], curvature[outside] = 0.0, 0.0
        first, second = chain(prepared, gradient, curvature)
        return Sums(value, first, second)

    def _add_expected(
        self, prepared: Prepared, parts: Sequence[Any], value: FloatArray, gradient: FloatArray
    ) -> None:
        """Add the expected number of events to the sums over events; counts have theirs already."""
        rows = np.array([i for i, part in enumerate(parts) if isinstance(part, Events)], dtype=np.intp)
        if rows.size:
            value[rows] += 2 * self.mixture.expected(prepared)[rows]
            places = np.array([c for c in self.mixture.coefficients if c is not None], dtype=np.intp)
            gradient[np.ix_(rows, places)] += 2.0

    def _events(self, one: Prepared, part: Events, order: int) -> tuple[float, Any, Any]:
        value, size = 0.0, self.mixture.n_arguments
        gradient, curvature = np.zeros(size), np.zeros((size, size))
        for begin in range(0, part.n, _BLOCK):
            some = slice(begin, begin + _BLOCK)
            found = self.mixture.evaluate(one, part.x[some], None, order)
            weight = None if part.weights is None else part.weights[some]
            value += float(found.log_density.sum() if weight is None else weight @ found.log_density)
            if not np.isfinite(value):
                return np.inf, gradient, curvature
            if order:
                slope, bend = found.sums(weight)
                gradient += slope
                curvature += bend
        return -2 * value, -2 * gradient, -2 * curvature

    def _ragged(self, several: Prepared, parts: Sequence[Events], order: int) -> tuple[Any, Any, Any]:
        """Evaluate many small sets of events in one go, one segment each."""
        sizes = np.array([part.n for part in parts])
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        lane = np.repeat(np.arange(sizes.size), sizes)
        x = np.concatenate([part.x for part in parts])
        found = self.mixture.evaluate(several, x, lane, order)
        weight = None
        if any(part.weights is not None for part in parts):
            weight = np.concatenate([np.ones(p.n) if p.weights is None else p.weights for p in parts])
        logs = found.log_density if weight is None else weight * found.log_density
        value = np.add.reduceat(logs, starts)
        if not order:
            return -2 * value, 0.0, 0.0
        gradient, curvature = found.sums_by_segment(weight, starts)
        return -2 * value, -2 * gradient, -2 * curvature

    def _counts(self, one: Prepared, part: Counts, order: int) -> tuple[Any, Any, Any]:
        return binned_sums(self.mixture, one, part, self.extended, order)

    def scores(self, point: FloatArray, part: Any) -> FloatArray | None:
        """Return the sum of w^2 g g^T over weighted events, with g the gradient of log p.

        Parameters
        ----------
        point : ndarray, shape (parameter,)
            The minimum.
        part : Events or Counts
            The data.

        Returns
        -------
        ndarray, shape (parameter, parameter), or None
            None without weights.
        """
        if not isinstance(part, Events) or part.weights is None or not part.sampled:
            return None
        prepared = self.mixture.prepare(point[None], 1)
        size = self.mixture.n_arguments
        whole = np.zeros((size, size))
        for begin in range(0, part.n, _BLOCK):
            some = slice(begin, begin + _BLOCK)
            table = self.mixture.evaluate(prepared, part.x[some], None, 1).gradient * part.weights[some, None]
            whole += table.T @ table
        slopes = prepared.slopes[0]
        return np.asarray(slopes.T @ whole @ slopes)


def _chunks(lanes: Sequence[int], parts: Sequence[Any]) -> list[IntArray]:
    """Group lanes so that each group has some ten thousand events."""
    groups: list[list[int]] = []
    count = _CHUNK
    for lane in lanes:
        if count + parts[lane].n > _CHUNK:
            groups.append([])
            count = 0
        groups[-1].append(lane)
        count += parts[lane].n
    return [np.array(group, dtype=np.intp) for group in groups]


def _lane(prepared: Prepared, lane: int) -> Prepared:
    return _lanes(prepared, np.array([lane]), scalar=True)


def _lanes(prepared: Prepared, rows: IntArray, scalar: bool = False) -> Prepared:
    which: Any = int(rows[0]) if scalar else rows
    return Prepared(
        prepared.arguments[rows], prepared.slopes[rows],
        None if prepared.bends is None else prepared.bends[rows],
        tuple(take(norm, which) for norm in prepared.norms), prepared.good[rows],
    )  # fmt: skip
