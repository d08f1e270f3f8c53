"""How well each value of the parameter of interest agrees with the data: the p-values an interval is made of.

A value belongs to the interval where its p-value is above 1 - confidence level. The p-value is that of t (or
t-tilde, where the parameter of interest is bounded at 0) with a law of one of four kinds: chi-squared, which
makes the interval MINOS's; the asymptotic law that knows of the bound; toys; or every possible count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import gammaln, ndtr, xlogy

from hepnb.errors import ModelError
from hepnb.hypotests.asymptotics import two_sided_pvalues
from hepnb.hypotests.definitions import TEST_STATISTICS
from hepnb.hypotests.streams import Stream, ToyRun, place_of
from hepnb.hypotests.teststats import ProfileRatios, anchors, profile_ratios
from hepnb.hypotests.toy_batch import toy_statistics
from hepnb.hypotests.toys import fraction_above, tail_uncertainty
from hepnb.model import FitModel
from hepnb.typing import FloatArray

__all__ = ["NeymanBelt", "Point", "check_countable"]


@dataclass(frozen=True, eq=False)
class Point:
    """One value of the parameter of interest.

    Parameters
    ----------
    mu : float
        The value.
    t, t_asimov : float
        The statistic of the data and of the Asimov data of the background.
    origin : ndarray, shape (n_parameters,)
        The conditional minimum, from which toys come.
    laws : ndarray, shape (n,)
        The statistics of toys or of all counts at this value; empty for a law that is a formula.
    weights : ndarray, shape (n,)
        The probability of each count; empty for toys.
    n_failed : int
        Toys whose fits failed.
    """

    mu: float
    t: float
    t_asimov: float
    origin: FloatArray
    laws: FloatArray
    weights: FloatArray
    n_failed: int = 0


class NeymanBelt:
    """The values tested so far.

    Parameters
    ----------
    model : FitModel
        The model.
    data : ndarray, shape (n_data,)
        Complete data.
    law : {"chi-squared", "asymptotics", "toybased", "exact"}
        The law of the statistic.
    run : ToyRun, optional
        How toys are done.
    n_toys : int
        How many at each value.
    """

    def __init__(
        self, model: FitModel, data: FloatArray, law: str, run: ToyRun | None = None, n_toys: int = 0
    ) -> None:
        self.model, self.data, self.law, self.run, self.n_toys = model, data, law, run, n_toys
        self.statistic = TEST_STATISTICS["ttilde" if model.bounds[model.require_poi(), 0] >= 0 else "t"]
        self.shared = anchors(model, data, self.statistic)
        self.points: list[Point] = []
        self.lost, self.several_minima = 0, self.shared.several_minima
        self._last: ProfileRatios | None = None

    @property
    def mu_hat(self) -> float:
        """The best value."""
        return float(self.shared.free[self.model.require_poi()])

    @property
    def ok(self) -> bool:
        """The fits that all values share converged."""
        return self.shared.free_ok and self.shared.background_ok

    def test(self, mu: FloatArray) -> None:
        """Add values of the parameter of interest; one whose fit fails is counted and left out."""
        ratios = profile_ratios(self.model, self.data, mu, self.statistic, self.shared, self._last)
        self._last, self.several_minima = ratios, self.several_minima or ratios.several_minima
        self._lower(ratios)
        good = np.flatnonzero(ratios.ok)
        self.lost += mu.size - good.size
        points = [self._point(ratios, int(row)) for row in good]
        for point, (laws, weights, failed) in zip(points, self._laws(points), strict=True):
            self.points.append(replace(point, laws=laws, weights=weights, n_failed=failed))
        self.points.sort(key=lambda point: point.mu)

    @staticmethod
    def _point(ratios: ProfileRatios, row: int) -> Point:
        none = np.empty(0)
        mu, t, asimov = (float(values[row]) for values in (ratios.mu, ratios.q, ratios.q_asimov))
        return Point(mu, t, asimov, ratios.fixed[row], none, none)

    def _lower(self, ratios: ProfileRatios) -> None:
        """Where a conditional fit led to a lower free minimum, every earlier ratio was too small."""
        if np.array_equal(ratios.free, self.shared.free):
            return
        value = float(self.model.likelihood.objective(ratios.free[None], self.data[None], 0).value[0])
        rise = self.shared.free_value - value
        if rise > 0:
            self.several_minima = True
            self.shared = replace(self.shared, free=ratios.free, free_value=value, free_ok=True)
            self.points = [replace(point, t=point.t + rise) for point in self.points]

    def _laws(self, points: list[Point]) -> list[tuple[FloatArray, FloatArray, int]]:
        none = np.empty(0)
        if self.law == "exact":
            return [self._counts(point) for point in points]
        if self.run is None:
            return [(none, none, 0) for _ in points]
        streams = [
            Stream(f"{point.mu!r} tested", (*place_of(point.mu), 0), point.origin, point.mu, self.n_toys)
            for point in points
        ]
        drawn = self.run.collect(streams)
        good = [toys[~np.isnan(toys)] for toys in drawn]
        return [(kept, none, toys.size - kept.size) for kept, toys in zip(good, drawn, strict=True)]

    def _counts(self, point: Point) -> tuple[FloatArray, FloatArray, int]:
        """Return the statistic and the probability of every count that can be."""
        rate = float(self.model.expected(point.origin)[0])
        n = np.arange(rate + 10 * np.sqrt(rate) + 40)  # what is beyond has no probability to speak of
        data = np.tile(self.data, (n.size, 1))
        data[:, 0] = n
        model = self.model
        t = toy_statistics(model, data, point.mu, self.statistic, point.origin, model.thorough)
        good = ~np.isnan(t)
        return t[good], np.exp(xlogy(n, rate) - rate - gammaln(n + 1))[good], int((~good).sum())

    def p_values(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the values tested, ascending, their p-values and the uncertainties of those, shape (k,)."""
        mu = np.array([point.mu for point in self.points])
        t = np.array([point.t for point in self.points])
        nothing = np.zeros(mu.size)
        if self.law == "chi-squared":
            return mu, np.asarray(2 * ndtr(-np.sqrt(t))), nothing
        if self.law == "asymptotics":
            asimov = np.array([point.t_asimov for point in self.points])
            return mu, two_sided_pvalues(t, asimov, self.statistic.bounded).CLsb, nothing
        p = np.array([fraction_above(point.laws, point.t, point.weights) for point in self.points])
        if self.law == "exact":
            return mu, p, nothing
        sigma = [tail_uncertainty(x, point.laws.size) for x, point in zip(p, self.points, strict=True)]
        return mu, p, np.array(sigma)


def check_countable(model: FitModel) -> None:
    """Raise a ModelError unless the model is one count with nothing to fit but the POI."""
    others = [
        name
        for name, fixed in zip(model.parameter_names, model.fixed, strict=True)
        if not fixed and name != model.poi_name
    ]
    if model.n_bins != 1 or others:
        what = f"{model.n_bins} bins" if model.n_bins != 1 else f"the parameter {others[0]!r}"
        raise ModelError(
            f"calctype='exact' is for one bin and no parameter but the POI; the model has {what}. "
            "Use 'toybased' or 'asymptotics'."
        )
