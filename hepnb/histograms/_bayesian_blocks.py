"""Bins that follow the data: Scargle's Bayesian blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hepnb.errors import BinningError
from hepnb.typing import FloatArray

__all__ = ["bayesian_blocks"]

# The time goes with the square of the number of distinct values: some seconds at this one.
_MOST = 30_000


def bayesian_blocks(data: ArrayLike, weights: ArrayLike | None = None, *, p0: float = 0.05) -> FloatArray:
    """Return bin edges between which the density of events is constant as far as the data can tell.

    Of all ways to cut the events into blocks it is the one with the highest sum of n log(n / width), less a
    penalty for each block.

    Parameters
    ----------
    data : array_like, shape (n,)
        Events. Equal values count as one with the sum of their weights.
    weights : array_like, shape (n,), optional
        How often each event counts; positive.
    p0 : float
        Rate at which a constant density is cut by a fluctuation; it sets the penalty.

    Returns
    -------
    ndarray, shape (k + 1,)
        Edges of k blocks, from the lowest to the highest value, for ``bins=`` of a histogram. One whose bins
        are half open has the highest value in its overflow.

    Raises
    ------
    BinningError
        Fewer than two distinct values or more than 30,000, undefined or masked ones, weights that are not
        positive, a rate outside of (0, 1).

    References
    ----------
    J. D. Scargle et al., Astrophys. J. 764 (2013) 167, arXiv:1207.5578, equations (19) and (21).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> x = np.concatenate([rng.uniform(0, 10, 300), rng.uniform(4, 5, 300)])
    >>> bayesian_blocks(x).round(1)
    array([ 0.1,  4. ,  5. , 10. ])
    """
    x, weight = _checked(data, weights, p0)
    values, place = np.unique(x, return_inverse=True)
    if not 2 <= values.size <= _MOST:
        raise BinningError(
            f"{values.size} distinct values. Bayesian blocks take 2 to {_MOST:,}: round the values to a fine "
            "grid, or take a sample."
        )
    events = np.bincount(place, weight)
    # Equation (21), with its logarithm of the natural base.
    penalty = 4 - np.log(73.53 * p0 * x.size**-0.478)
    edges = np.concatenate([values[:1], 0.5 * (values[1:] + values[:-1]), values[-1:]])
    sums = np.concatenate([[0.0], np.cumsum(events)])
    best = np.zeros(values.size + 1)
    cut = np.zeros(values.size, dtype=np.intp)
    for last in range(values.size):
        # The last block begins at any of the values up to this one.
        width = edges[last + 1] - edges[: last + 1]
        inside = sums[last + 1] - sums[: last + 1]
        height = inside * np.log(inside / width) - penalty + best[: last + 1]
        cut[last] = np.argmax(height)
        best[last + 1] = height[cut[last]]
    found, end = [values.size], values.size
    while end > 0:
        end = int(cut[end - 1])
        found.append(end)
    return edges[found[::-1]]


def _checked(data: ArrayLike, weights: ArrayLike | None, p0: float) -> tuple[FloatArray, FloatArray]:
    if np.ma.is_masked(data) or np.ma.is_masked(weights):
        raise BinningError("some events are masked. Give what is left, compressed().")
    try:
        x: FloatArray = np.asarray(data, dtype=float)
        weight = np.ones(x.shape) if weights is None else np.asarray(weights, dtype=float)
    except (TypeError, ValueError):
        raise BinningError(f"events are {data!r:.60}, weights {weights!r:.40}. Give numbers.") from None
    if x.ndim != 1 or weight.shape != x.shape:
        raise BinningError(f"events have shape {x.shape}, weights {weight.shape}. Give one number for each.")
    if not np.isfinite(x).all():
        raise BinningError(f"event {int(np.argmin(np.isfinite(x)))} is undefined. Leave such events out.")
    if not (np.isfinite(weight) & (weight > 0)).all():
        raise BinningError("weights of Bayesian blocks are numbers of events: finite and positive.")
    if not 0 < p0 < 1:
        raise BinningError(f"p0 is {p0!r}. Give a rate between 0 and 1.")
    return x, weight
