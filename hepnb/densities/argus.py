"""The threshold of ARGUS."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from hepnb.densities.jets import Jet, log, stacked, take, value_of, where
from hepnb.densities.numeric import chained
from hepnb.densities.quadrature import integrate
from hepnb.densities.shape import POSITIVE, ShapeDensity

__all__ = ["Argus"]


class Argus(ShapeDensity):
    """x y^p exp(c y) with y = 1 - (x / m0)^2, for 0 <= x < m0, else 0.

    Parameters
    ----------
    range : pair of float, or sequence of pairs
        Where it lives.
    observable : str
        Name of the observable.
    m0, c, p : float, Parameter or Expression
        Threshold, curvature (negative for the usual shape) and power (usually 0.5).

    References
    ----------
    ARGUS collaboration, Phys. Lett. B 241 (1990) 278.

    Examples
    --------
    >>> background = Argus(range=(5.2, 5.3), m0=5.291, c=-20.0, p=0.5)
    >>> background.pdf([5.25, 5.295]).round(4)
    array([12.0756,  0.    ])
    """

    name = "argus"
    arguments = ("m0", "c", "p")
    limits: ClassVar = {"m0": POSITIVE, "p": (-1.0, np.inf)}

    def log_shape(self, x: Any, *arguments: Any) -> Any:
        """Return the logarithm of the shape, -inf where it is 0."""
        m0, c, p = arguments
        v = value_of(x)
        alive = (v > 0) & (v < value_of(m0))
        inner = np.where(alive, v, 0.5 * value_of(m0))
        y = (m0 - inner) * (m0 + inner) / (m0 * m0)
        shape = np.log(inner) + p * log(y) + c * y
        return shape if np.all(alive) else where(alive, shape, -np.inf)

    def log_integral(self, low: float, high: float, *arguments: Any) -> Any:
        """Return log of m0^2 / 2 times the integral of y^p exp(c y) over y.

        The ends in y move with m0, also where the threshold is inside the range: the derivatives are those of
        the ends, in closed form, and means over the density.
        """
        m0, c, p = arguments
        lanes = max(np.size(value_of(a)) for a in arguments)
        if lanes > 1:
            parts = [self.log_integral(low, high, *(take(a, i) for a in arguments)) for i in range(lanes)]
            return stacked(parts)
        m0, c, p = (take(a, 0) if np.ndim(value_of(a)) else a for a in arguments)
        start = max(low, 0.0)
        if not start < min(high, float(value_of(m0))):
            return -np.inf
        top = (m0 - start) * (m0 + start) / (m0 * m0)
        bottom = (m0 - high) * (m0 + high) / (m0 * m0) if high < value_of(m0) else 0.0
        return 2 * log(m0) - np.log(2.0) + _log_moment(bottom, top, c, p)

    def shape_knots(self, *arguments: Any) -> list[Any]:
        """Return the ends, and points ever closer to the threshold and along the fall from it."""
        m0, c, _ = (np.asarray(a, dtype=float) for a in arguments)
        fall = [
            m0 * np.sqrt(np.maximum(1 - step / np.maximum(np.abs(c), 1.0), 0.0))
            for step in (0.1, 0.5, 1, 3, 8, 20, 40)
        ]
        near = [m0 * (1 - 2.0**-k) for k in range(1, 50, 2)]
        return [0.0 * m0, m0, *fall, *near]


def _log_moment(bottom: Any, top: Any, c: Any, p: Any) -> Any:
    """Return the logarithm of the integral of y^p exp(c y) from bottom to top, with its derivatives."""
    a, b, slope, power = (float(value_of(x)) for x in (bottom, top, c, p))
    knots = [b * 2.0**-k for k in range(1, 60, 2)]
    knots += [step / max(abs(slope), 1.0) for step in (0.5, 1.0, 3.0, 8.0, 20.0, 40.0)]
    knots += [b - step / max(abs(slope), 1.0) for step in (0.5, 1.0, 3.0, 8.0, 20.0, 40.0)]
    nodes = integrate(lambda y, _: power * np.log(y) + slope * y, ((a, b),), knots, 1, "argus")
    value = float(nodes.log_integral()[0])
    if not any(isinstance(x, Jet) for x in (bottom, top, c, p)):
        return value
    weight = np.exp(nodes.log_weight + nodes.log_value - value)
    y, logs = nodes.x, np.log(nodes.x)
    edges = {1: (b, 1.0)} | ({0: (a, -1.0)} if a > 0 else {})
    # In the order bottom, top, c, p; of the integral over itself.
    first = {2: float(weight @ y), 3: float(weight @ logs)}
    second = {
        (2, 2): float(weight @ (y * y)),
        (2, 3): float(weight @ (y * logs)),
        (3, 3): float(weight @ (logs * logs)),
    }
    for key, (edge, sign) in edges.items():
        height = sign * float(np.exp(power * np.log(edge) + slope * edge - value))
        first[key] = height
        second[key, key] = height * (power / edge + slope)
        second[key, 2], second[key, 3] = height * edge, height * float(np.log(edge))
    bends = {
        (i, j): second.get((i, j), 0.0) - first[i] * first[j]
        for i in sorted(first)
        for j in sorted(first)
        if i <= j
    }
    return chained(value, [bottom, top, c, p], first, bends)
