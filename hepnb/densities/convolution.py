"""A density smeared with a Gaussian resolution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from hepnb.densities.density import Density, one_dimensional
from hepnb.densities.jets import Jet, exp, log, take, total, value_of
from hepnb.densities.numeric import norm_with_derivatives
from hepnb.densities.parameters import Expression, Parameter
from hepnb.densities.shape import POSITIVE, ShapeDensity
from hepnb.errors import ModelError

__all__ = ["Convolution"]

# Nodes reach out so many widths of the resolution; a Gauss is 1e-18 of its peak there.
_REACH, _PER_WIDTH = 9.0, 5
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(_PER_WIDTH)
_MOST = 40_000


class Convolution(ShapeDensity):
    """A density smeared with a Gauss: p(x) is the integral of density(y) Gauss(x - y; mu, sigma) over y.

    The true value y lives on the range of the density; x on a range of its own.

    Parameters
    ----------
    density : Density
        Of one observable. Its range is that of the true values: make it wide enough.
    sigma : float, Parameter or Expression
        Width of the resolution; a number becomes the parameter ``resolution``.
    mu : float, Parameter or Expression
        Its bias; a number becomes the parameter ``bias``. By default it is 0, and held.
    range : pair of float, or sequence of pairs, optional
        Where x lives; the range of the density by default.

    Notes
    -----
    The integral over y is Gauss-Legendre's sum on panels of half a width, cut at the edges and knots of the
    density: to about 1e-10 for densities that are smooth between these. It is for widths down to 1/10000 of
    the range. Where there is a closed form, use it: :class:`Voigt`, :class:`ExGaussian`.

    Examples
    --------
    >>> from hepnb.densities import Gauss
    >>> wide = Convolution(Gauss(range=(-20, 20), mu=0, sigma=3), sigma=4.0, range=(-10, 10))
    >>> float(wide.pdf(0.0).round(5))  # a Gauss of width 5
    0.08359
    """

    name = "convolution"
    many_at_once: ClassVar = False
    limits: ClassVar = {"sigma": POSITIVE}

    def __init__(self, density: Density, *, sigma: Any, mu: Any = None, range: Any = None) -> None:
        self.density = one_dimensional(density, "smeared")
        self._inner = tuple(density.parameters)
        inner = {f"_{p.name}": p for p in self._inner}
        # A number is a parameter of its own: the density may have a sigma, too.
        resolution = {
            "sigma": sigma if isinstance(sigma, Expression) else Parameter("resolution", sigma),
            "mu": mu if isinstance(mu, Expression) else Parameter("bias", mu or 0.0, fixed=mu is None),
        }
        super().__init__(
            range=density.range if range is None else range,
            observable=density.observables[0],
            **inner,
            **resolution,
        )

    def log_norm(self, *arguments: Any) -> Any:
        """Return the logarithm of the integral, right also where edges move with a parameter."""
        return norm_with_derivatives(super().log_norm, arguments)

    def names_of(self, given: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the parameters of the density, then those of the resolution."""
        return tuple(given)

    def log_shape(self, x: Any, *arguments: Any) -> Any:
        """Return the logarithm of the sum over nodes."""
        *inner, sigma, mu = arguments
        widths = np.unique(np.asarray(value_of(sigma)))
        if widths.size > 1:
            raise ModelError(f"{self!r} is evaluated one set of parameters at a time.")
        y, log_weight = self._nodes_for(float(widths[0]), [float(np.ravel(value_of(a))[0]) for a in inner])
        scalars = [take(a, 0) if np.ndim(value_of(a)) else a for a in arguments]
        *inner, sigma, mu = scalars
        source = (
            self.density.log_at(y, {p.name: a for p, a in zip(self._inner, inner, strict=True)}) + log_weight
        )
        where = np.asarray(x, dtype=float)
        flat = where.ravel()
        order = np.argsort(flat)
        parts, step = [], 256
        for begin in np.arange(0, flat.size, step):
            some = flat[order[begin : begin + step]]
            reach = _REACH * widths[0]
            centre = float(np.ravel(value_of(mu))[0])
            low, high = np.searchsorted(y, [some[0] - centre - reach, some[-1] - centre + reach])
            low, high = min(low, y.size - 1), max(high, low + 1)
            near = slice(int(low), int(high))
            u = (some[:, None] - y[near] - mu) / sigma
            exponent = -0.5 * (u * u) + take(source, near)
            top = value_of(exponent).max(axis=1, keepdims=True)
            parts.append(log(total(exp(exponent - top))) + top[:, 0] - log(sigma))
        joined = _concatenated(parts)
        return _reshaped(take(joined, np.argsort(order)), where.shape)

    def _nodes_for(self, sigma: float, inner: list[float]) -> tuple[Any, Any]:
        values = {p.name: a for p, a in zip(self._inner, inner, strict=True)}
        edges = []
        for low, high in self.density.range:
            count = int(np.ceil((high - low) / (0.5 * sigma)))
            if count > _MOST:
                raise ModelError(
                    f"{self!r}: a resolution of {sigma:g} is too narrow for a range of {high - low:g}."
                )
            cuts = [float(np.ravel(k)[0]) for k in self.density.knots(values)]
            inside = [k for k in cuts if low < k < high]
            edges.append(np.unique(np.concatenate([np.linspace(low, high, count + 1), inside])))
        low_ends = np.concatenate([e[:-1] for e in edges])
        high_ends = np.concatenate([e[1:] for e in edges])
        half = 0.5 * (high_ends - low_ends)[:, None]
        y = 0.5 * (low_ends + high_ends)[:, None] + half * _NODES
        return y.ravel(), np.log(half * _WEIGHTS).ravel()

    def shape_knots(self, *arguments: Any) -> list[Any]:
        """Return those of the density, shifted by the resolution, and its edges."""
        *inner, sigma, mu = (float(np.ravel(value_of(a))[0]) for a in arguments)
        values = {p.name: a for p, a in zip(self._inner, inner, strict=True)}
        edges = [e for pair in self.density.range for e in pair]
        places = [float(np.ravel(k)[0]) for k in self.density.knots(values)]
        near = [e + mu + step * sigma for e in edges for step in (-6, -3, -1, 0, 1, 3, 6)]
        return [*(p + mu for p in places), *near]


def _concatenated(parts: list[Any]) -> Any:
    if not isinstance(parts[0], Jet):
        return np.concatenate(parts)
    sizes = [np.size(p.value) for p in parts]

    def joined(values: list[Any]) -> Any:
        return np.concatenate([np.broadcast_to(v, (n,)) for v, n in zip(values, sizes, strict=True)])

    first = {k: joined([p.first[k] for p in parts]) for k in parts[0].first}
    second = {k: joined([p.second[k] for p in parts]) for k in parts[0].second}
    return Jet(joined([p.value for p in parts]), first, second)


def _reshaped(x: Any, shape: tuple[int, ...]) -> Any:
    if not isinstance(x, Jet):
        return x.reshape(shape)
    return Jet(
        x.value.reshape(shape), {k: v.reshape(shape) for k, v in x.first.items()},
        {k: v.reshape(shape) for k, v in x.second.items()},
    )  # fmt: skip
