"""Curves of CLs from toys that fall by construction, and where they fall through 1 - cl.

CLs falls with the parameter of interest, and each expected curve lies above the one before it. What toys give
scatters: a point may lie above its left neighbour, and curves fitted one by one may cross. The isotonic
regression (the least squares among falling curves) keeps the order of curves whose points are ordered, so
that the limits of a band are ordered however few toys there are.
"""

from __future__ import annotations

import numpy as np

from hepnb.typing import FloatArray

__all__ = ["crossing", "crossings_with_errors", "falling"]


# Below this part of 1 - cl a curve is as good as 0: its logarithm is cut there.
_CUT = 0.02
_REPLICAS = 200
# The curve that replicas scatter around was pooled from the points, and replicas of it scatter less than
# studies do: so much, over 200 studies of one count.
_WIDEN = 1.25


def falling(values: FloatArray) -> FloatArray:
    """Return the falling curve that is nearest in least squares, by pooling neighbours that rise.

    Parameters
    ----------
    values : ndarray, shape (k,)
        A curve that scatters.

    Returns
    -------
    ndarray, shape (k,)

    References
    ----------
    R. E. Barlow et al., Statistical Inference under Order Restrictions (1972).

    Examples
    --------
    >>> falling(np.array([5.0, 3.0, 4.0, 1.0]))
    array([5. , 3.5, 3.5, 1. ])
    """
    means: list[float] = []
    sizes: list[int] = []
    for value in values.tolist():
        mean, size = value, 1
        while means and means[-1] < mean:
            other, count = means.pop(), sizes.pop()
            mean, size = (mean * size + other * count) / (size + count), size + count
        means.append(mean)
        sizes.append(size)
    return np.repeat(np.array(means), np.array(sizes, dtype=np.intp))


def crossing(mu: FloatArray, values: FloatArray, alpha: float) -> float:
    """Return where a falling curve falls through 1 - cl, straight in its logarithm; nan if it does not.

    Parameters
    ----------
    mu, values : ndarray, shape (k,)
        Values of the parameter of interest, ascending, and the curve.
    alpha : float
        The size of the test, 1 - confidence level.
    """
    if not values.size or values[0] < alpha or values[-1] >= alpha:
        return float("nan")
    height = np.log(np.maximum(values, _CUT * alpha) / alpha)
    i = int(np.flatnonzero(values >= alpha)[-1])
    part = height[i] / (height[i] - height[i + 1])
    return float(mu[i] + part * (mu[i + 1] - mu[i]))


def crossings_with_errors(
    mu: FloatArray, values: FloatArray, errors: FloatArray, alpha: float
) -> tuple[float, float]:
    """Find where a curve that scatters falls through 1 - cl, and how well that is known.

    Parameters
    ----------
    mu, values, errors : ndarray, shape (k,)
        Values of the parameter of interest, ascending, CLs there and its standard deviation.
    alpha : float
        The size of the test, 1 - confidence level.

    Returns
    -------
    value, uncertainty : float
        nan where the curve does not fall through 1 - cl. The uncertainty is the spread of the crossings
        of curves that scatter as much around this one, always by the same numbers.
    """
    smooth = falling(values)
    found = crossing(mu, smooth, alpha)
    if np.isnan(found):
        return found, found
    noise = np.random.default_rng(5).normal(size=(_REPLICAS, mu.size))
    replicas = np.array([crossing(mu, falling(row), alpha) for row in smooth + noise * errors])
    # A replica beyond the points is at least as far away as the last of them.
    beyond = np.where((smooth + noise * errors)[:, 0] < alpha, mu[0], mu[-1])
    replicas = np.where(np.isnan(replicas), beyond, replicas)
    low, high = np.quantile(replicas, [0.158655, 0.841345])
    return found, float(_WIDEN * max(0.5 * (high - low), np.std(replicas) / 2))
