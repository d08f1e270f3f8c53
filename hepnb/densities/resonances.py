"""Resonances: Breit-Wigner's, relativistic or not, and Voigt's."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy.special import wofz

from hepnb.densities.jets import Jet, arctan2, log, value_of
from hepnb.densities.shape import POSITIVE, ShapeDensity

__all__ = ["Cauchy", "RelativisticBreitWigner", "Voigt"]

_STEPS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 40.0, 100.0, 300.0, 1e3, 4e3, 2e4, 1e5, 1e6)


class Cauchy(ShapeDensity):
    """Breit-Wigner's, Cauchy's or Lorentz's density, 1 / ((x - m)^2 + (gamma / 2)^2).

    Parameters
    ----------
    range : pair of float, or sequence of pairs
        Where it lives.
    observable : str
        Name of the observable.
    m, gamma : float, Parameter or Expression
        Mass and full width at half maximum.

    Examples
    --------
    >>> z = Cauchy(range=(60, 120), m=91.19, gamma=2.5)
    >>> float(z.pdf(91.19).round(6))
    0.261594
    """

    name = "cauchy"
    arguments = ("m", "gamma")
    limits: ClassVar = {"gamma": POSITIVE}

    def log_shape(self, x: Any, *arguments: Any) -> Any:
        """Return -log(1 + (2 (x - m) / gamma)^2)."""
        m, gamma = arguments
        half = 0.5 * gamma
        distance = x - m
        # Of the sum of squares, so that nothing overflows far from a narrow pole.
        return 2 * log(half) - log(distance * distance + half * half)

    def shape_knots(self, *arguments: Any) -> list[Any]:
        """Return points some widths away from the pole."""
        m, gamma = arguments
        return [m, *(m + sign * step * gamma for step in _STEPS for sign in (-1, 1))]

    def log_integral(self, low: float, high: float, *arguments: Any) -> Any:
        """Return the angle that the interval subtends, which does not cancel far from the pole."""
        m, gamma = arguments
        half = 0.5 * gamma
        angle = arctan2(half * (high - low), half * half + (low - m) * (high - m))
        return log(angle) + log(half)


class RelativisticBreitWigner(ShapeDensity):
    """1 / ((x^2 - m^2)^2 + m^2 gamma^2), without a phase-space factor.

    Parameters
    ----------
    range : pair of float, or sequence of pairs
        Where it lives.
    observable : str
        Name of the observable.
    m, gamma : float, Parameter or Expression
        Mass and width.

    Examples
    --------
    >>> z = RelativisticBreitWigner(range=(60, 120), m=91.1876, gamma=2.4952)
    >>> float(z.pdf(91.1876).round(6))
    0.261472
    """

    name = "relativistic_breit_wigner"
    arguments = ("m", "gamma")
    limits: ClassVar = {"m": POSITIVE, "gamma": POSITIVE}

    def log_shape(self, x: Any, *arguments: Any) -> Any:
        """Return the logarithm of the shape over that at the pole."""
        m, gamma = arguments
        width = m * gamma
        distance = (x - m) * (x + m)
        return 2 * log(width) - log(distance * distance + width * width)

    def shape_knots(self, *arguments: Any) -> list[Any]:
        """Return points some widths away from both poles."""
        m, gamma = arguments
        near = [side * m + sign * step * gamma for step in _STEPS for sign in (-1, 1) for side in (-1, 1)]
        return [m, -m, 0.0 * m, *near]


class Voigt(ShapeDensity):
    """A Breit-Wigner smeared with a Gauss.

    Parameters
    ----------
    range : pair of float, or sequence of pairs
        Where it lives.
    observable : str
        Name of the observable.
    m, gamma : float, Parameter or Expression
        Mass and full width at half maximum of the Breit-Wigner.
    sigma : float, Parameter or Expression
        Width of the resolution.

    Examples
    --------
    >>> z = Voigt(range=(60, 120), m=91.1876, gamma=2.4952, sigma=1.2)
    >>> float(z.pdf(91.1876).round(6))
    0.175011
    """

    name = "voigt"
    arguments = ("m", "gamma", "sigma")
    limits: ClassVar = {"gamma": POSITIVE, "sigma": POSITIVE}

    def log_shape(self, x: Any, *arguments: Any) -> Any:
        """Return log Re w(z), z = ((x - m) + i gamma / 2) / (sigma sqrt 2), less log sigma."""
        m, gamma, sigma = arguments
        scale = np.sqrt(0.5) / sigma
        return _log_faddeeva((x - m) * scale, 0.5 * gamma * scale) + log(scale)

    def shape_knots(self, *arguments: Any) -> list[Any]:
        """Return points some widths away, of either kind."""
        m, gamma, sigma = arguments
        widths = [width * step for step in _STEPS for width in (gamma, sigma)]
        return [m, *(m + sign * width for width in widths for sign in (-1, 1))]


def _log_faddeeva(x: Any, y: Any) -> Any:
    """Return log Re w(x + i y), with the derivatives that Cauchy and Riemann give."""
    z = np.asarray(value_of(x)) + 1j * np.asarray(value_of(y))
    w = wofz(z)
    value = np.log(w.real)
    if not (isinstance(x, Jet) or isinstance(y, Jet)):
        return value
    one, two = _slopes(z, w)
    inverse = 1.0 / w.real
    # w = u + i v: u_x = Re w', u_y = -Im w', u_xx = Re w'', u_xy = -Im w'', u_yy = -Re w''.
    fx, fy = one.real * inverse, -one.imag * inverse
    fxx, fxy, fyy = two.real * inverse - fx * fx, -two.imag * inverse - fx * fy, -two.real * inverse - fy * fy
    first: dict[int, Any] = {}
    second: dict[tuple[int, int], Any] = {}
    parts = [(x, fx), (y, fy)]
    for jet, slope in parts:
        if isinstance(jet, Jet):
            for i, d in jet.first.items():
                first[i] = first.get(i, 0.0) + slope * d
            for key, d in jet.second.items():
                second[key] = second.get(key, 0.0) + slope * d
    keys = sorted(first)

    def slope_of(jet: Any, i: int) -> Any:
        return jet.first.get(i, 0.0) if isinstance(jet, Jet) else 0.0

    for place, i in enumerate(keys):
        for j in keys[place:]:
            xi, xj, yi, yj = slope_of(x, i), slope_of(x, j), slope_of(y, i), slope_of(y, j)
            bend = fxx * (xi * xj) + fxy * (xi * yj + xj * yi) + fyy * (yi * yj)
            second[i, j] = second.get((i, j), 0.0) + bend
    return Jet(value, first, second)


# Coefficients of w(z) ~ i / (sqrt(pi) z) sum (2k - 1)!! / (2 z^2)^k.
_ASYMPTOTIC = np.cumprod([1.0, *(k + 0.5 for k in range(9))])


def _slopes(z: Any, w: Any) -> tuple[Any, Any]:
    """Return w' and w''; far out, where 2 z w and the constant cancel, from the asymptotic series."""
    one = -2 * z * w + 2j / np.sqrt(np.pi)
    two = -2 * w - 2 * z * one
    far = np.abs(z) > 20
    if np.any(far):
        inverse = 1 / np.where(far, z, 20.0)
        square = inverse * inverse
        first, second = np.zeros_like(inverse), np.zeros_like(inverse)
        for k in range(len(_ASYMPTOTIC) - 1, -1, -1):
            power = 2 * k + 1
            first = first * square - _ASYMPTOTIC[k] * power
            second = second * square + _ASYMPTOTIC[k] * power * (power + 1)
        factor = 1j / np.sqrt(np.pi) * square
        # The Gaussian part of w is below rounding out there, unless y is tiny; its own derivatives are kept.
        core = np.where(np.abs(z.imag) < 1e-3, np.exp(-np.minimum(z.real**2, 800.0)), 0.0)
        one = np.where(far, factor * first - 2 * z * core, one)
        two = np.where(far, factor * inverse * second + (4 * z * z - 2) * core, two)
    return one, two
