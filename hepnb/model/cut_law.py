"""The gamma law of HistFactory in ROOT, whose auxiliary count is cut at 10.

ROOT declares the count y with the range from 0 to 10 and normalises the law over it::

    p(y | x) = x^y exp(-x) / Gamma(y + 1) / n(x),    n(x) = integral of the numerator over y from 0 to 10,

with x = tau beta, and sets y = tau to 10 where it is larger. So the law prefers a larger beta than the gamma
law itself: with a relative uncertainty of 0.3 its maximum is far above 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import gammaln

from hepnb.typing import FloatArray

__all__ = ["HIGHEST_COUNT", "draw", "log_norm"]


HIGHEST_COUNT = 10.0
# The integrand is smooth: so many points give all digits.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(60)
_COUNTS = 0.5 * HIGHEST_COUNT * (_NODES + 1)
_LOG_WEIGHTS = np.log(0.5 * HIGHEST_COUNT * _WEIGHTS) - gammaln(_COUNTS + 1)


def log_norm(rate: FloatArray, xp: Any = np) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return log n(x) with its first and second derivative.

    Parameters
    ----------
    rate : ndarray, shape (...,)
        Positive values x.
    xp : module
        The library of the array: numpy, or ``jax.numpy``.

    Returns
    -------
    tuple of ndarray, shape (...,)
        Value, first and second derivative with respect to x.

    Examples
    --------
    >>> from scipy.integrate import quad
    >>> value = quad(lambda y: np.exp(y * np.log(8.0) - 8.0 - gammaln(y + 1)), 0, 10)[0]
    >>> bool(np.isclose(np.exp(log_norm(np.array(8.0))[0]), value))
    True
    """
    x = xp.maximum(rate, 1e-300)[..., None]
    logs = _COUNTS * xp.log(x) - x + _LOG_WEIGHTS
    # The logarithm of the integrand near its highest point, apart from Gamma: keeps the powers in range.
    highest = xp.minimum(x, HIGHEST_COUNT) * xp.log(x) - x
    share = xp.exp(logs - highest)
    total = share.sum(axis=-1)
    share /= total[..., None]
    slope = (share * (_COUNTS / x - 1)).sum(axis=-1)
    bend = (share * ((_COUNTS / x - 1) ** 2 - _COUNTS / x**2)).sum(axis=-1) - slope**2
    return highest[..., 0] + xp.log(total), slope, bend


def draw(rate: float, size: int, rng: np.random.Generator) -> FloatArray:
    """Draw counts from the law at one value of x.

    Parameters
    ----------
    rate : float
        Its x.
    size : int
        How many.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    ndarray, shape (size,)
        Between 0 and 10, not whole.
    """
    grid = np.linspace(0.0, HIGHEST_COUNT, 2001)
    logs = grid * np.log(max(rate, 1e-300)) - gammaln(grid + 1)
    density = np.exp(logs - logs.max())
    below = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]))])
    return np.asarray(np.interp(rng.random(size) * below[-1], below, grid))
