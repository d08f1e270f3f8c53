"""Further starts that lead somewhere new, told from those that do not by two Newton steps.

Most of the points where a fit may start as well end in the minimum that is known already, or far above it.
Both show after two steps: the estimated distance to the minimum says how low a start can still get.
"""

from __future__ import annotations

import numpy as np

from hepnb.fits.batched import minimize
from hepnb.model import FitModel
from hepnb.typing import BoolArray, FloatArray, IntArray

__all__ = ["promising", "scales"]


_STEPS = 2
# How much lower than it promises a start may get, in units of the promise.
_TRUST = 3.0
# A minimum so much higher than the lowest, in -2 log L, is none that anyone asks for.
_HOPELESS, _FAR = 9.0, 60.0
# So near the known minimum, in -2 log L and in standard deviations of each parameter, a start falls into it.
_SAME, _NEAR = 0.3, 0.3


def promising(
    model: FitModel,
    data: FloatArray,
    start: FloatArray,
    fixed: BoolArray,
    limits: FloatArray,
    known_value: FloatArray,
    known_points: FloatArray,
) -> tuple[IntArray, FloatArray]:
    """Take a few steps from further starts, and say which are worth going on from.

    Parameters
    ----------
    model : FitModel
        The model.
    data : ndarray, shape (n, data)
        Complete data of each start.
    start : ndarray, shape (n, parameter)
        Points.
    fixed : ndarray of bool, shape (n, parameter)
        Parameters held.
    limits : ndarray, shape (parameter, 2)
        Bounds.
    known_value, known_points : ndarray, shape (n,), (n, parameter)
        The lowest minimum known of the same fit: -2 log L and where it is.

    Returns
    -------
    rows : ndarray of int, shape (k,)
        Starts to go on with.
    points : ndarray, shape (k, parameter)
        Where these are now.
    """
    lower, upper = limits.T
    found = minimize(model.likelihood, data, start, lower, upper, fixed, _STEPS, check_saddles=False)
    finite = np.isfinite(found.value)
    # At a saddle point the distance is infinite: much is possible from there.
    lowest = np.where(finite, found.value, np.inf) - _TRUST * np.where(finite, np.abs(found.edm), 0.0)
    hopeless = (lowest > known_value + _HOPELESS) | (found.value > known_value + _FAR)
    apart = np.abs(found.points - known_points) / scales(model, known_points)
    # A fit that has failed so far, at infinity, is no place to fall into.
    close = np.abs(np.where(finite, found.value, 0.0) - np.nan_to_num(known_value, posinf=np.inf)) < _SAME
    same = (apart.max(axis=1, initial=0.0) < _NEAR) & close
    rows = np.flatnonzero(finite & ~hopeless & ~same)
    return rows, found.points[rows]


def scales(model: FitModel, points: FloatArray) -> FloatArray:
    """Give the distance over which each parameter means something else, shape (n, parameter)."""
    sigma = np.nan_to_num(np.array([p.sigma for p in model.parameters]))
    return np.where(sigma > 0, sigma, np.maximum(0.2 * np.abs(points), 0.05))
