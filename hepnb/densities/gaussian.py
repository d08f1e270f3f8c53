"""Gauss, and the exponential decay smeared with it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy.special import erfcx

from hepnb.densities.jets import Jet, apply, exp, log, log1p, log_ndtr_jet, logsumexp, value_of, where
from hepnb.densities.shape import POSITIVE, ShapeDensity

__all__ = ["ExGaussian", "Gauss"]

_X, _W = np.polynomial.legendre.leggauss(16)
_STEPS = (0.5, 1.0, 2.0, 3.0, 4.5, 6.0, 8.0, 11.0, 15.0, 20.0, 27.0, 38.0)
_LOG_ROOT = 0.5 * np.log(2 * np.pi)


class Gauss(ShapeDensity):
    """The normal density, exp(-(x - mu)^2 / (2 sigma^2)), normalised on its range.

    Parameters
    ----------
    range : pair of float, or sequence of pairs
        Where it lives.
    observable : str
        Name of the observable.
    mu, sigma : float, Parameter or Expression
        Mean and width.

    Examples
    --------
    >>> gauss = Gauss(range=(-2, 3), mu=1.2, sigma=1.3)
    >>> float(gauss.pdf(1.2).round(6)), round(gauss.integral(-1, 0.5), 6)
    (0.33723, 0.274545)
    """

    name = "gauss"
    arguments = ("mu", "sigma")
    limits: ClassVar = {"sigma": POSITIVE}

    def log_shape(self, x: Any, *arguments: Any) -> Any:
        """Return -u^2 / 2 with u = (x - mu) / sigma."""
        mu, sigma = arguments
        if _plain(mu) and _plain(sigma) and mu.first.keys() != sigma.first.keys():
            return _fast(x, mu, sigma)
        u = (x - mu) / sigma
        return -0.5 * (u * u)

    def shape_knots(self, *arguments: Any) -> list[Any]:
        """Return points a few widths away from the mean."""
        mu, sigma = arguments
        return [mu, *(mu + sign * step * sigma for step in _STEPS for sign in (-1, 1))]

    def log_integral(self, low: float, high: float, *arguments: Any) -> Any:
        """Return the difference of two normal distribution functions, in logarithms.

        Over less than a width, where the difference would cancel, it is Gauss-Legendre's sum, which is exact
        to rounding there.
        """
        mu, sigma = arguments
        a, b = (low - mu) / sigma, (high - mu) / sigma
        narrow = value_of(b) - value_of(a) < 1.0
        if not np.any(narrow):
            return _difference(a, b) + log(sigma) + _LOG_ROOT
        middle, half = 0.5 * (a + b), 0.5 * (b - a)
        terms = [-0.5 * (middle + half * t) ** 2 + np.log(w) for t, w in zip(_X, _W, strict=True)]
        near = logsumexp(terms) + log(half) + log(sigma)
        if np.all(narrow):
            return near
        return where(narrow, near, _difference(a, b) + log(sigma) + _LOG_ROOT)


def _plain(x: Any) -> bool:
    """Tell whether something is a variable itself."""
    return isinstance(x, Jet) and not x.second and len(x.first) == 1


def _fast(x: Any, mu: Jet, sigma: Jet) -> Jet:
    """Return the shape for parameters that are variables themselves: most of all fits."""
    inverse = 1.0 / sigma.value
    u = (x - mu.value) * inverse
    square = u * u
    (i, di), (j, dj) = next(iter(mu.first.items())), next(iter(sigma.first.items()))
    slope, curve = u * (inverse * di), square * (inverse * dj)
    second = {
        (i, i): -((di * inverse) ** 2),
        (min(i, j), max(i, j)): slope * (-2 * inverse * dj),
        (j, j): curve * (-3 * inverse * dj),
    }
    return Jet(-0.5 * square, {i: slope, j: curve}, second)


def _difference(a: Any, b: Any) -> Any:
    """Return log(Phi(b) - Phi(a)), from the tail in which both lie."""
    flip = value_of(a) + value_of(b) > 0
    low, high = where(flip, -b, a), where(flip, -a, b)
    top, bottom = log_ndtr_jet(high), log_ndtr_jet(low)
    return top + log1p(-exp(bottom - top))


class ExGaussian(ShapeDensity):
    """An exponential decay, s > 0, smeared with a Gauss: lifetimes with resolution, peaks with a tail.

    Parameters
    ----------
    range : pair of float, or sequence of pairs
        Where it lives.
    observable : str
        Name of the observable.
    mu, sigma : float, Parameter or Expression
        Mean and width of the resolution.
    tau : float, Parameter or Expression
        Mean life; a negative one is mirrored, with the tail to the left.

    References
    ----------
    RooDecay with RooGaussModel is the same density.

    Examples
    --------
    >>> decay = ExGaussian(range=(-1, 8), mu=0.0, sigma=0.3, tau=1.5)
    >>> float(decay.pdf(1.0).round(6))
    0.350625
    """

    name = "exgaussian"
    arguments = ("mu", "sigma", "tau")
    limits: ClassVar = {"sigma": POSITIVE}

    def log_shape(self, x: Any, *arguments: Any) -> Any:
        """Return -u^2 / 2 + log erfcx(z) + log(1 / (2 t)).

        Here t is the size of tau, and z = (sigma / t - u) / sqrt 2.
        """
        mu, sigma, tau = arguments
        sign = np.where(value_of(tau) < 0, -1.0, 1.0)
        u = (x - mu) * sign / sigma
        life = tau * sign
        z = (sigma / life - u) * np.sqrt(0.5)
        left = -0.5 * (u * u) + _log_erfcx(where(value_of(z) > 0, z, 0.0 * z))
        if not np.any(value_of(z) < 0):
            return left - log(2.0 * life)
        # Past the resolution: exp of a moderate number times an erfc between 1 and 2.
        ratio = sigma / life
        right = 0.5 * (ratio * ratio) - u * ratio + log_ndtr_jet(-np.sqrt(2) * z) + np.log(2.0)
        return where(value_of(z) > 0, left, right) - log(2.0 * life)

    def shape_knots(self, *arguments: Any) -> list[Any]:
        """Return points along the rise and the decay."""
        mu, sigma, tau = arguments
        rise = [mu, *(mu + sign * step * sigma for step in _STEPS[:9] for sign in (-1, 1))]
        return [*rise, *(mu + step * tau for step in (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0))]

    def valid(self, *arguments: Any) -> Any:
        """Tell whether sigma is positive and tau not 0."""
        return super().valid(*arguments) & (value_of(arguments[2]) != 0)


def _log_erfcx(z: Any) -> Any:
    """Return the logarithm of exp(z^2) erfc(z) for z >= 0."""
    if not isinstance(z, Jet):
        return np.log(erfcx(z))
    v = np.asarray(z.value)
    scaled = erfcx(v)
    # Far out the derivative is what is left of two large numbers: its series there.
    far = v > 25
    near = np.where(far, 0.0, v)
    slope = 2 * near - 2 / (np.sqrt(np.pi) * erfcx(near))
    t = 1 / np.where(far, v, 25.0) ** 2
    series = -np.where(far, 1 / np.where(far, v, 1.0), 0.0) * (
        1 - t * (1 - t * (2.5 - t * (9.25 - t * (44.125 - t * 255.0625))))
    )
    slope = np.where(far, series, slope)
    # (log f)'' = 2 + 2 z s - s (s + ...) with f' = 2 z f - 2 / sqrt(pi).
    bend = np.where(
        far, t * (1 - t * (3 - t * (12.5 - t * (64.75 - t * 397.125)))), 2 - (slope - 2 * near) * slope
    )
    return apply(z, np.log(scaled), slope, bend)
