"""Constraint terms: the auxiliary measurements of a model, as arrays.

Gaussian: N(aux | theta, sigma). Poisson: Pois(aux | tau gamma), continued to real aux as pyhf does. The gamma
law of a systematic, Pois(aux | tau + sqrt(tau) alpha), is such a law of gamma = alpha + sqrt(tau). That of
HistFactory in ROOT is cut: see :mod:`hepnb.model.cut_law`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import gammaln, xlogy

from hepnb.model.cut_law import HIGHEST_COUNT, log_norm
from hepnb.model.parameters import Parameter
from hepnb.typing import FloatArray, IntArray

__all__ = ["EMPTY", "LARGE", "Constraints", "collect_constraints"]

# An empty bin counts so many events. Its likelihood grows until the rate is 0 and is undefined beyond, so its
# minimum can lie at the edge; with this the edge is approached smoothly, and -2 log L is changed by 1e-10.
EMPTY = 1e-12

# Above it three terms of Stirling's series are exact in double precision.
LARGE = 2000.0


def poisson(rate: FloatArray, count: FloatArray) -> FloatArray:
    """Return -2 log of the Poisson law over its largest value at these counts, 0 where the rate is the count.

    Written in the relative distance d of rate and count, because rate - count log(rate) of a large count
    loses in rounding what a fit is after: 1e-5 with 1e9 events, all with the tau = 1e18 of a tiny
    uncertainty.

    Examples
    --------
    >>> poisson(np.array([3.0, 1e18 + 1e9]), np.array([0.0, 1e18])).round(6)
    array([6., 1.])
    """
    filled = count > 0
    full = filled.all()
    safe = count if full else np.where(filled, count, 1.0)
    d = (rate - safe) / safe
    near = np.abs(d) < 0.5
    if near.all():
        log = np.log1p(d)
    else:
        log = np.where(near, np.log1p(np.where(near, d, 0.0)), xlogy(1.0, np.where(near, 1.0, rate / safe)))
    part = 2 * safe * (d - log)
    return np.asarray(part if full else np.where(filled, part, 2 * rate))


def saturated(count: FloatArray) -> FloatArray:
    """Return -2 log of the Poisson law at its largest, where the rate is the count."""
    large = np.maximum(count, LARGE)
    stirling = 0.5 * np.log(2 * np.pi * large) + 1 / (12 * large) - 1 / (360 * large**3)
    small = np.minimum(count, LARGE)
    exact = gammaln(small + 1) + small - xlogy(small, small)
    return np.asarray(2 * np.where(count > LARGE, stirling, exact))


@dataclass(frozen=True)
class Constraints:
    """The constraint terms.

    Parameters
    ----------
    aux : ndarray, shape (aux,)
        Auxiliary data in the order of the parameters.
    gauss, gauss_aux : ndarray of int, shape (g,)
        Parameter and place in ``aux`` of each Gaussian.
    weight : ndarray, shape (g,)
        1 / sigma^2.
    weight_below : ndarray, shape (g,), optional
        1 / sigma^2 where the parameter is below its auxiliary datum; None where all Gaussians are symmetric.
    poisson, poisson_aux : ndarray of int, shape (q,)
        Parameter and place in ``aux`` of each Poisson.
    tau : ndarray, shape (q,)
        Its factor.
    offset : ndarray, shape (q,)
        What is added to the parameter to give gamma: 0, but for gamma laws.
    cut : ndarray of int, shape (c,)
        The Poissons whose law is cut.
    parameters : ndarray of int, shape (aux,)
        The parameter of each auxiliary datum.
    scale, shift : ndarray, shape (aux,)
        What the parameter is multiplied by, and what is then added, to give the expected auxiliary datum.
    """

    aux: FloatArray
    gauss: IntArray
    gauss_aux: IntArray
    weight: FloatArray
    poisson: IntArray
    poisson_aux: IntArray
    tau: FloatArray
    offset: FloatArray
    cut: IntArray
    parameters: IntArray
    scale: FloatArray
    shift: FloatArray
    weight_below: FloatArray | None = None

    def _weights(self, pull: FloatArray) -> FloatArray:
        """Return 1 / sigma^2 on the side where each pull is."""
        if self.weight_below is None:
            return self.weight
        return np.where(pull < 0, self.weight_below, self.weight)

    def expected(self, points: FloatArray) -> FloatArray:
        """Return the expected auxiliary data, shape (batch, aux), of points of shape (batch, parameter)."""
        expected = points[..., self.parameters] * self.scale + self.shift
        if self.cut.size:
            places = self.poisson_aux[self.cut]
            expected[..., places] = np.clip(expected[..., places], 0.0, HIGHEST_COUNT)
        return np.asarray(expected)

    def preferred(self, aux: FloatArray) -> FloatArray:
        """Return the values, shape (batch, aux), of the parameters that the auxiliary data point to."""
        return np.asarray((aux - self.shift) / self.scale)

    def poisson_rates(self, points: FloatArray) -> FloatArray:
        """Return the expected counts of the Poisson terms, shape (..., q)."""
        return np.asarray((points[..., self.places[2]] + self.offset) * self.tau)

    def constant(self, aux: FloatArray) -> FloatArray:
        """Return the part of -2 log L that depends on the auxiliary data alone, shape (batch,)."""
        sigma = 1 / np.sqrt(self.weight)
        if self.weight_below is not None:
            sigma = 0.5 * (sigma + 1 / np.sqrt(self.weight_below))
        norm = float(np.sum(np.log(2 * np.pi * sigma**2)))
        return np.asarray(norm + saturated(aux[..., self.poisson_aux]).sum(axis=-1))

    @cached_property
    def places(self) -> tuple[slice | IntArray, ...]:
        """Return ``gauss``, ``gauss_aux``, ``poisson`` and ``poisson_aux``, as slices where they can be."""
        return tuple(map(_slice, (self.gauss, self.gauss_aux, self.poisson, self.poisson_aux)))

    def cuts(self, points: FloatArray) -> FloatArray | float:
        """Return what cuts add to :meth:`value`, shape (batch,)."""
        if not self.cut.size:
            return 0.0
        return np.asarray(2 * log_norm(self.poisson_rates(points)[..., self.cut])[0].sum(axis=-1))

    def gaussian(self, points: FloatArray, aux: FloatArray) -> FloatArray:
        """Return the Gaussian part of :meth:`value`, shape (batch,)."""
        if not self.gauss.size:
            return np.zeros(points.shape[:-1])
        pull = points[..., self.places[0]] - aux[..., self.places[1]]
        if self.weight_below is not None:
            return np.asarray((np.square(pull) * self._weights(pull)).sum(axis=-1))
        return np.asarray(np.square(pull) @ self.weight)

    def value(self, points: FloatArray, aux: FloatArray) -> FloatArray:
        """Return the rest of -2 log L, shape (batch,)."""
        total = self.gaussian(points, aux)
        if self.poisson.size:
            total = total + poisson(self.poisson_rates(points), aux[..., self.places[3]]).sum(axis=-1)
        return np.asarray(total + self.cuts(points))

    def slopes(self, points: FloatArray, aux: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return first and second derivative of :meth:`value`, each of shape (batch, parameter)."""
        first, second = np.zeros((2, *points.shape))
        gauss, gauss_aux, counted, counted_aux = self.places
        if self.gauss.size:
            pull = points[..., gauss] - aux[..., gauss_aux]
            weight = self._weights(pull)
            first[..., gauss] = 2 * pull * weight
            second[..., gauss] = 2 * weight
        if self.poisson.size:
            gamma, count = points[..., counted] + self.offset, aux[..., counted_aux]
            # A fit may look at the bound of such a parameter, 0, where -2 log L is infinite.
            with np.errstate(divide="ignore", invalid="ignore"):
                first[..., counted] = 2 * (self.tau - count / gamma)
                second[..., counted] = 2 * count / (gamma * gamma)
        if self.cut.size:
            where, tau = self.poisson[self.cut], self.tau[self.cut]
            _, slope, bend = log_norm(self.poisson_rates(points)[..., self.cut])
            first[..., where] += 2 * slope * tau
            second[..., where] += 2 * bend * tau * tau
        return first, second


def _slice(places: IntArray) -> slice | IntArray:
    following = places.size > 0 and bool((np.diff(places) == 1).all())
    return slice(int(places[0]), int(places[-1]) + 1) if following else places


def collect_constraints(parameters: Sequence[Parameter]) -> Constraints:
    """Collect the constraint terms of the parameters.

    Parameters
    ----------
    parameters : sequence of Parameter
        All parameters of the model.

    Returns
    -------
    Constraints
        Their terms.
    """
    constrained = [(i, p) for i, p in enumerate(parameters) if p.kind != "free"]
    # A parameter of no width is held where its measurement is, and has no term; its datum keeps its place.
    gauss = [(i, j, p.sigma) for j, (i, p) in enumerate(constrained) if p.kind == "gaussian" and p.sigma]
    below = [p.below or p.sigma for _, p in constrained if p.kind == "gaussian" and p.sigma]
    split = any(p.below for _, p in constrained)
    counted = [(j, i, p) for j, (i, p) in enumerate(constrained) if p.kind in ("poisson", "gamma")]
    poisson = [(i, j, math.sqrt(p.factor) if p.kind == "gamma" else p.factor) for j, i, p in counted]
    offset = np.array([math.sqrt(p.factor) if p.kind == "gamma" else 0.0 for _, _, p in counted])
    scale, shift = np.ones(len(constrained)), np.zeros(len(constrained))
    for (_, j, tau), beyond in zip(poisson, offset, strict=True):
        scale[j], shift[j] = tau, tau * beyond

    def column(rows: Sequence[tuple[int, int, float]], which: int) -> IntArray:
        return np.array([row[which] for row in rows], dtype=np.intp)

    return Constraints(
        aux=np.array([p.aux for _, p in constrained], dtype=float),
        gauss=column(gauss, 0),
        gauss_aux=column(gauss, 1),
        weight=np.array([1.0 / sigma**2 for _, _, sigma in gauss]),
        poisson=column(poisson, 0),
        poisson_aux=column(poisson, 1),
        tau=np.array([tau for _, _, tau in poisson], dtype=float),
        offset=offset,
        cut=np.array([place for place, (_, _, p) in enumerate(counted) if p.cut], dtype=np.intp),
        parameters=np.array([i for i, _ in constrained], dtype=np.intp),
        scale=scale,
        shift=shift,
        weight_below=np.array([1.0 / sigma**2 for sigma in below]) if split else None,
    )
