"""Peaks with long or asymmetric tails: Student's, Johnson's, and Landau's."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from hepnb.densities.jets import Jet, apply, arcsinh, log1p, value_of
from hepnb.densities.shape import POSITIVE, ShapeDensity

__all__ = ["Johnson", "Landau", "Student"]

_STEPS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 38.0, 100.0, 300.0, 1e3, 1e4, 1e5, 1e6)


class Student(ShapeDensity):
    """Student's t, (1 + u^2 / nu)^(-(nu + 1) / 2) with u = (x - mu) / sigma.

    Parameters
    ----------
    range : pair of float, or sequence of pairs
        Where it lives.
    observable : str
        Name of the observable.
    nu, mu, sigma : float, Parameter or Expression
        Degrees of freedom, which need not be whole, centre and scale.

    Examples
    --------
    >>> t = Student(range=(-10, 10), nu=3.0, mu=0.3, sigma=1.2)
    >>> float(t.pdf(0.3).round(6))
    0.307413
    """

    name = "student"
    arguments = ("nu", "mu", "sigma")
    limits: ClassVar = {"nu": POSITIVE, "sigma": POSITIVE}

    def log_shape(self, x: Any, *arguments: Any) -> Any:
        """Return -(nu + 1) / 2 log(1 + u^2 / nu)."""
        nu, mu, sigma = arguments
        u = (x - mu) / sigma
        return -0.5 * (nu + 1.0) * log1p(u * u / nu)

    def shape_knots(self, *arguments: Any) -> list[Any]:
        """Return points some widths away from the centre."""
        _, mu, sigma = arguments
        return [mu, *(mu + sign * step * sigma for step in _STEPS for sign in (-1, 1))]


class Johnson(ShapeDensity):
    """Johnson's SU: z = (x - mu) / lambda, exp(-(gamma + delta asinh z)^2 / 2) / sqrt(1 + z^2).

    Parameters
    ----------
    range : pair of float, or sequence of pairs
        Where it lives.
    observable : str
        Name of the observable.
    mu, lambda_, gamma, delta : float, Parameter or Expression
        Location, scale, skewness and tail; ``lambda_`` is called ``lambda``.

    References
    ----------
    N. L. Johnson, Biometrika 36 (1949) 149.

    Examples
    --------
    >>> peak = Johnson(range=(-10, 10), mu=0.5, lambda_=1.2, gamma=-0.8, delta=1.4)
    >>> float(peak.pdf(1.0).round(6))
    0.418633
    """

    name = "johnson"
    arguments = ("mu", "lambda", "gamma", "delta")
    limits: ClassVar = {"lambda": POSITIVE, "delta": POSITIVE}

    def log_shape(self, x: Any, *arguments: Any) -> Any:
        """Return the logarithm of the shape."""
        mu, scale, gamma, delta = arguments
        z = (x - mu) / scale
        r = gamma + delta * arcsinh(z)
        return -0.5 * (r * r) - 0.5 * log1p(z * z)

    def shape_knots(self, *arguments: Any) -> list[Any]:
        """Return quantiles: r is a normal variable."""
        mu, scale, gamma, delta = (np.asarray(a, dtype=float) for a in arguments)
        inner = (-38, -20, -11, -7, -5, -3.5, -2, -1, 0, 1, 2, 3.5, 5, 7, 11, 20, 38)
        with np.errstate(over="ignore"):
            places = [mu + scale * np.sinh((r - gamma) / delta) for r in inner]
        return [mu, mu - scale, mu + scale, *places]


class Landau(ShapeDensity):
    """Landau's density of energy loss, phi((x - x0) / xi).

    phi(z) is the integral of exp(-t log t - z t) sin(pi t) / pi over positive t. It is evaluated by
    quadrature
    along a line through the saddle point of exp(z s + s log s), to about 1e-13, and is slower than other
    shapes.

    Parameters
    ----------
    range : pair of float, or sequence of pairs
        Where it lives.
    observable : str
        Name of the observable.
    x0, xi : float, Parameter or Expression
        Location and scale; the most probable value is x0 - 0.22278 xi.

    References
    ----------
    L. Landau, J. Phys. USSR 8 (1944) 201.

    Examples
    --------
    >>> loss = Landau(range=(0, 20), x0=2.0, xi=0.5)
    >>> float(loss.pdf(2.0).round(6))
    0.368886
    """

    name = "landau"
    arguments = ("x0", "xi")
    limits: ClassVar = {"xi": POSITIVE}

    def log_shape(self, x: Any, *arguments: Any) -> Any:
        """Return log phi."""
        location, scale = arguments
        return _log_landau((x - location) / scale)

    def shape_knots(self, *arguments: Any) -> list[Any]:
        """Return points along the rise and the tail."""
        location, scale = arguments
        steps = (
            -4.0,
            -3.0,
            -2.0,
            -1.0,
            -0.22278,
            1.0,
            3.0,
            7.0,
            15.0,
            40.0,
            100.0,
            300.0,
            1e3,
            1e4,
            1e5,
            1e6,
        )
        return [location + step * scale for step in steps]


_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)


def _log_landau(z: Any) -> Any:
    value = np.asarray(value_of(z), dtype=float)
    flat = value.ravel()
    moments = np.empty((3, flat.size))
    offset = np.empty(flat.size)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for begin in range(0, flat.size, 2048):
            some = slice(begin, begin + 2048)
            moments[:, some], offset[some] = _moments(flat[some])
    phi, one, two = (m.reshape(value.shape) for m in moments)
    # Below the smallest double the density is 0.
    good = phi > 0
    safe = np.where(good, phi, 1.0)
    result = np.where(good, np.log(safe) + offset.reshape(value.shape), -np.inf)
    if not isinstance(z, Jet):
        return result
    slope = np.where(good, one / safe, 0.0)
    return apply(z, result, slope, np.where(good, two / safe, 0.0) - slope * slope)


def _moments(z: Any) -> tuple[Any, Any]:
    """Return phi, phi' and phi'' over exp(offset), and the offset, shape (3, n) and (n,)."""
    # phi(z) = 1/pi Re of the integral over u > 0 of exp(z s + s log s), s = c + i u, c the saddle point
    # exp(-z - 1): there the exponent is -c + s log(1 + i u / c) - i u, in which nothing cancels.
    right = z > 2.0
    centre = np.exp(-np.where(right, 2.0, z) - 1.0)
    width = np.maximum(np.sqrt(centre), 0.7)
    edges = np.array([0.0, 0.5, 1.0, 1.7, 2.5, 3.5, 5.0, 7.0, 10.0, 14.0, 19.0, 25.0, 32.0, 40.0])
    low, high = edges[:-1, None], edges[1:, None]
    t = (0.5 * (low + high) + 0.5 * (high - low) * _NODES).ravel()
    w = (0.5 * (high - low) * _WEIGHTS).ravel()
    u = width[:, None] * t
    s = centre[:, None] + 1j * u
    terms = np.exp(s * np.log1p(1j * u / centre[:, None]) - 1j * u) * (w * width[:, None]) / np.pi
    moments = np.stack(
        [terms.sum(axis=1).real, (terms * s).sum(axis=1).real, (terms * s * s).sum(axis=1).real]
    )
    offset = -centre
    if right.any():
        # For large z the real integral, whose integrand falls like exp(-z t).
        big = z[right][:, None]
        t = np.concatenate([[0.0], np.geomspace(1e-8, 60.0, 40)])
        low, high = t[:-1, None], t[1:, None]
        unit = (0.5 * (low + high) + 0.5 * (high - low) * _NODES).ravel()
        w = (0.5 * (high - low) * _WEIGHTS).ravel()
        v = unit / big
        integrand = np.exp(-v * np.log(v) - unit) * np.sin(np.pi * v) * (w / np.pi) / big
        moments[:, right] = (
            integrand.sum(axis=1),
            -(integrand * v).sum(axis=1),
            (integrand * v * v).sum(axis=1),
        )
        offset[right] = 0.0
    return moments, offset
