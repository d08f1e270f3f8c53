"""The threshold of ARGUS."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from hepnb.densities.jets import log, value_of, where
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

    def shape_knots(self, *arguments: Any) -> list[Any]:
        """Return the ends, and points ever closer to the threshold and along the fall from it."""
        m0, c, _ = (np.asarray(a, dtype=float) for a in arguments)
        fall = [
            m0 * np.sqrt(np.maximum(1 - step / np.maximum(np.abs(c), 1.0), 0.0))
            for step in (0.1, 0.5, 1, 3, 8, 20, 40)
        ]
        near = [m0 * (1 - 2.0**-k) for k in range(1, 50, 2)]
        return [0.0 * m0, m0, *fall, *near]
