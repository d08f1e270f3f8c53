"""Peaks with power tails: Crystal Ball with one tail, with two, and with two widths as well."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from hepnb.densities.jets import Jet, log1p, take, value_of, where
from hepnb.densities.shape import POSITIVE, ShapeDensity

__all__ = ["CrystalBall", "DoubleCrystalBall", "GeneralisedCrystalBall"]

_CORE = (0.7, 1.5, 2.5, 4.0, 6.0, 9.0, 14.0, 20.0, 30.0, 38.0)
_TAIL = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1e3, 1e4, 1e5, 1e6)


def _tail(t: Any, alpha: Any, n: Any) -> Any:
    """Return log of the tail at t > alpha: -alpha^2 / 2 - n log(1 + (t - alpha) alpha / n)."""
    return -0.5 * (alpha * alpha) - n * log1p((t - alpha) * alpha / n)


def _sides(t: Any, left: tuple[Any, Any] | None, right: tuple[Any, Any] | None) -> Any:
    """Return the core, with tails where they begin; each side is evaluated where it is, and nowhere else."""
    result = -0.5 * (t * t)
    for sign, tail in ((-1.0, left), (1.0, right)):
        if tail is None:
            continue
        alpha, n = tail
        distance = t * sign
        beyond = value_of(distance) > value_of(alpha)
        if np.ndim(beyond) == 0:
            result = _tail(distance, alpha, n) if beyond else result
        elif np.any(beyond):
            rows = np.nonzero(beyond)
            there = _tail(take(distance, rows), take(alpha, rows), take(n, rows))
            result = _put(result, beyond, rows, there)
    return result


def _put(whole: Any, beyond: Any, rows: Any, part: Any) -> Any:
    """Replace some rows of a jet."""
    shape = np.shape(beyond)

    def spread(values: Any) -> Any:
        table = np.zeros(shape)
        table[rows] = values
        return table

    if not isinstance(part, Jet):
        return np.where(beyond, spread(part), whole)
    wide = Jet(
        spread(part.value),
        {k: spread(v) for k, v in part.first.items()},
        {k: spread(v) for k, v in part.second.items()},
    )
    return where(beyond, wide, whole)


class CrystalBall(ShapeDensity):
    """A Gauss with a power tail below mu - alpha sigma.

    With t = (x - mu) / sigma it is exp(-t^2 / 2) for t > -alpha, else A (B - t)^-n, smooth at the junction.

    Parameters
    ----------
    range : pair of float, or sequence of pairs
        Where it lives.
    observable : str
        Name of the observable.
    mu, sigma : float, Parameter or Expression
        Mean and width of the core.
    alpha : float, Parameter or Expression
        Where the tail begins, in widths; a negative one puts the tail to the right.
    n : float, Parameter or Expression
        Power of the tail; on a range it may be 1 or less.

    References
    ----------
    J. E. Gaiser, SLAC-R-255 (1982), appendix F.

    Examples
    --------
    >>> peak = CrystalBall(range=(-10, 4), mu=1.0, sigma=0.5, alpha=1.5, n=3.0)
    >>> float(peak.pdf(1.0).round(6))
    0.751525
    """

    name = "crystalball"
    arguments = ("mu", "sigma", "alpha", "n")
    limits: ClassVar = {"sigma": POSITIVE, "n": POSITIVE}

    def log_shape(self, x: Any, *arguments: Any) -> Any:
        """Return the core or the tail."""
        mu, sigma, alpha, n = arguments
        sign = np.where(value_of(alpha) < 0, -1.0, 1.0)
        return _sides((x - mu) / sigma * sign, (alpha * sign, n), None)

    def shape_knots(self, *arguments: Any) -> list[Any]:
        """Return the junction, and points in the core and in the tail."""
        mu, sigma, alpha, n = arguments
        sign = np.where(np.asarray(alpha) < 0, -1.0, 1.0)
        return _knots(mu, -sign * sigma, np.abs(alpha), n) + [mu + sign * step * sigma for step in _CORE]

    def valid(self, *arguments: Any) -> Any:
        """Tell whether sigma and n are positive and alpha is not 0."""
        return super().valid(*arguments) & (value_of(arguments[2]) != 0)


def _knots(mu: Any, signed_sigma: Any, alpha: Any, n: Any) -> list[Any]:
    """Return points on the side of a tail."""
    core = [mu, *(mu + np.minimum(step, alpha) * signed_sigma for step in _CORE)]
    scale = n / alpha
    return (
        core
        + [mu + signed_sigma * (alpha + scale * step) for step in _TAIL]
        + [mu + signed_sigma * (alpha + step) for step in (0.0, 1.0, 3.0, 8.0)]
    )


class DoubleCrystalBall(ShapeDensity):
    """A Gauss with power tails on both sides.

    Parameters
    ----------
    range : pair of float, or sequence of pairs
        Where it lives.
    observable : str
        Name of the observable.
    mu, sigma : float, Parameter or Expression
        Mean and width of the core.
    alphal, nl, alphar, nr : float, Parameter or Expression
        Where the left and the right tail begin, in widths, and their powers.

    Examples
    --------
    >>> peak = DoubleCrystalBall(range=(4900, 5600), mu=5279, sigma=30, alphal=1, nl=5, alphar=1, nr=5)
    >>> float(peak.pdf(5279).round(7))
    0.0103802
    """

    name = "double_crystalball"
    arguments = ("mu", "sigma", "alphal", "nl", "alphar", "nr")
    limits: ClassVar = dict.fromkeys(arguments[1:], POSITIVE)

    def log_shape(self, x: Any, *arguments: Any) -> Any:
        """Return the core or a tail."""
        mu, sigma, alphal, nl, alphar, nr = arguments
        return _sides((x - mu) / sigma, (alphal, nl), (alphar, nr))

    def shape_knots(self, *arguments: Any) -> list[Any]:
        """Return the junctions, and points in the core and in the tails."""
        mu, sigma, alphal, nl, alphar, nr = arguments
        return _knots(mu, -sigma, alphal, nl) + _knots(mu, sigma, alphar, nr)


class GeneralisedCrystalBall(ShapeDensity):
    """A peak with its own width and power tail on each side.

    Parameters
    ----------
    range : pair of float, or sequence of pairs
        Where it lives.
    observable : str
        Name of the observable.
    mu : float, Parameter or Expression
        Where the two sides meet.
    sigmal, alphal, nl, sigmar, alphar, nr : float, Parameter or Expression
        Width, beginning and power of the tail of each side.

    Examples
    --------
    >>> peak = GeneralisedCrystalBall(
    ...     range=(-8, 8), mu=0.5, sigmal=0.4, alphal=1.2, nl=3.0, sigmar=0.9, alphar=1.8, nr=1.5
    ... )
    >>> float(peak.pdf(0.5).round(6))
    0.534683
    """

    name = "generalised_crystalball"
    arguments = ("mu", "sigmal", "alphal", "nl", "sigmar", "alphar", "nr")
    limits: ClassVar = dict.fromkeys(arguments[1:], POSITIVE)

    def log_shape(self, x: Any, *arguments: Any) -> Any:
        """Return the core or a tail of the side on which x is."""
        mu, sigmal, alphal, nl, sigmar, alphar, nr = arguments
        distance = x - mu
        t = where(value_of(distance) < 0, distance / sigmal, distance / sigmar)
        return _sides(t, (alphal, nl), (alphar, nr))

    def shape_knots(self, *arguments: Any) -> list[Any]:
        """Return the junctions, and points in the core and in the tails."""
        mu, sigmal, alphal, nl, sigmar, alphar, nr = arguments
        return _knots(mu, -sigmal, alphal, nl) + _knots(mu, sigmar, alphar, nr)
