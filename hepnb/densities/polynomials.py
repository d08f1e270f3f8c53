"""Polynomials: Chebyshev's, Legendre's and Bernstein's, and the uniform density."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from hepnb.densities.density import Density
from hepnb.densities.jets import log, value_of
from hepnb.densities.quadrature import Ranges, gauss_legendre
from hepnb.densities.shape import ShapeDensity
from hepnb.errors import OptionError

__all__ = ["Bernstein", "Chebyshev", "Legendre", "Uniform"]

# What is left of a zero by rounding, in units of the coefficients.
_ROUNDING = 1e-13


class Uniform(ShapeDensity):
    """The constant density.

    Parameters
    ----------
    range : pair of float, or sequence of pairs
        Where it lives.
    observable : str
        Name of the observable.

    Examples
    --------
    >>> Uniform(range=(-2, 3)).pdf([0.0, 1.0])
    array([0.2, 0.2])
    """

    name = "uniform"

    def log_shape(self, x: Any, *arguments: Any) -> Any:  # noqa: ARG002
        """Return 0."""
        return np.zeros(np.shape(x))

    def shape_knots(self, *arguments: Any) -> list[Any]:  # noqa: ARG002
        """Return nothing: it has no structure."""
        return []

    def log_integral(self, low: float, high: float, *arguments: Any) -> Any:  # noqa: ARG002
        """Return the logarithm of the width."""
        return math.log(high - low)


class _Polynomial(ShapeDensity):
    """A sum of basis functions with coefficients as arguments, as many as are given."""

    signed: ClassVar = True
    _first = 1

    def names_of(self, given: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the coefficients in order, up to the highest that was given."""
        numbers = [int(m.group(1)) for name in given if (m := re.fullmatch(r"c(\d+)", str(name)))]
        if not numbers:
            raise OptionError(
                f"{self.name}: no coefficients. Give c{self._first}=, c{self._first + 1}= and so on."
            )
        return tuple(f"c{k}" for k in range(self._first, max(numbers) + 1))

    def basis(self, x: Any) -> list[Any]:
        """Return the basis functions, those with a fixed coefficient of 1 first."""
        raise NotImplementedError

    def _sum(self, terms: list[Any], arguments: tuple[Any, ...]) -> Any:
        fixed = len(terms) - len(arguments)
        whole: Any = sum(terms[:fixed])
        for term, coefficient in zip(terms[fixed:], arguments, strict=True):
            whole = coefficient * term + whole
        return whole

    def log_shape(self, x: Any, *arguments: Any) -> Any:
        """Return the logarithm of the sum, -inf where it is 0, nan where it is negative."""
        whole = self._sum(self.basis(x), arguments)
        result = log(whole)
        negative = value_of(whole) < -_ROUNDING * (1.0 + sum(np.abs(value_of(a)) for a in arguments))
        return result if not np.any(negative) else result + np.where(negative, np.nan, 0.0)

    def shape_knots(self, *arguments: Any) -> list[Any]:
        """Return the zeros: the density is 0 behind them."""
        if any(np.ndim(a) for a in arguments):
            return []
        low, high = self.span
        # The zeros of the polynomial through as many points as it has coefficients.
        degree = len(arguments)
        u = np.cos(np.pi * (np.arange(degree + 1) + 0.5) / (degree + 1))
        values = self._sum(self.basis(0.5 * (low + high) + 0.5 * (high - low) * u), arguments)
        series = np.polynomial.chebyshev.chebfit(u, np.broadcast_to(values, u.shape), degree)
        series = np.trim_zeros(np.where(np.abs(series) > 1e-14 * np.abs(series).max(), series, 0.0), "b")
        if series.size < 2:
            return []
        roots = np.polynomial.chebyshev.chebroots(series)
        real = roots[np.abs(roots.imag) < 1e-9].real
        return [0.5 * (low + high) + 0.5 * (high - low) * root for root in real if -1 < root < 1]

    def log_integral(self, low: float, high: float, *arguments: Any) -> Any:
        """Return the integral, which is linear in the coefficients."""
        nodes, weights = gauss_legendre(len(arguments) // 2 + 2)
        x = 0.5 * (low + high) + 0.5 * (high - low) * nodes
        parts = [
            float(np.sum(weights * np.broadcast_to(term, x.shape))) * 0.5 * (high - low)
            for term in self.basis(x)
        ]
        return log(self._sum(parts, arguments))

    def integral_at(self, box: tuple[Ranges, ...], values: Mapping[str, Any]) -> float:
        """Return the probability of parts of the range, by quadrature: it sees where the sum is negative."""
        return Density.integral_at(self, box, values)


class Chebyshev(_Polynomial):
    """1 + c1 T1(u) + c2 T2(u) + ..., u from -1 to 1 between the outermost edges of all ranges.

    Parameters
    ----------
    range : pair of float, or sequence of pairs
        Where it lives.
    observable : str
        Name of the observable.
    c1, c2, ... : float, Parameter or Expression
        Coefficients; the one of order 0 is 1. Where the sum is negative the density does not exist.

    Examples
    --------
    >>> Chebyshev(range=(-2, 3), c1=0.3, c2=-0.2).pdf([-2.0, 3.0]).round(5)
    array([0.09375, 0.20625])
    """

    name = "chebyshev"

    def basis(self, x: Any) -> list[Any]:
        """Return T0 to Tn by their recurrence."""
        u = _unit(x, self.span)
        terms = [np.ones(np.shape(u)), u]
        while len(terms) <= len(self.arguments):
            terms.append(2 * u * terms[-1] - terms[-2])
        return terms[: len(self.arguments) + 1]


class Legendre(_Polynomial):
    """1 + c1 P1(u) + c2 P2(u) + ..., u from -1 to 1 between the outermost edges of all ranges.

    Parameters
    ----------
    range : pair of float, or sequence of pairs
        Where it lives.
    observable : str
        Name of the observable.
    c1, c2, ... : float, Parameter or Expression
        Coefficients; the one of order 0 is 1. Where the sum is negative the density does not exist.

    Examples
    --------
    >>> Legendre(range=(-2, 3), c1=0.3, c2=-0.2).pdf([-2.0, 3.0]).round(3)
    array([0.1 , 0.22])
    """

    name = "legendre"

    def basis(self, x: Any) -> list[Any]:
        """Return P0 to Pn by their recurrence."""
        u = _unit(x, self.span)
        terms = [np.ones(np.shape(u)), u]
        while len(terms) <= len(self.arguments):
            k = len(terms)
            terms.append(((2 * k - 1) * u * terms[-1] - (k - 1) * terms[-2]) / k)
        return terms[: len(self.arguments) + 1]


class Bernstein(_Polynomial):
    """c0 B0(t) + c1 B1(t) + ..., t from 0 to 1 between the outermost edges of all ranges.

    Parameters
    ----------
    range : pair of float, or sequence of pairs
        Where it lives.
    observable : str
        Name of the observable.
    c0, c1, ... : float, Parameter or Expression
        Coefficients; the density is positive where all are. Hold one of them in a fit: a common factor
        cancels.

    Examples
    --------
    >>> Bernstein(range=(-2, 3), c0=1.0, c1=2.0).pdf([-2.0, 3.0]).round(6)
    array([0.133333, 0.266667])
    """

    name = "bernstein"
    _first = 0

    def basis(self, x: Any) -> list[Any]:
        """Return binom(n, i) t^i (1 - t)^(n - i)."""
        low, high = self.span
        t = (x - low) / (high - low)
        n = len(self.arguments) - 1
        return [math.comb(n, i) * t**i * (1 - t) ** (n - i) for i in range(n + 1)]


def _unit(x: Any, span: tuple[float, float]) -> Any:
    low, high = span
    return ((x - low) + (x - high)) / (high - low)
