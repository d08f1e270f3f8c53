"""Minima at the kinks of piecewise interpolation codes.

With code 0 and code 1 the rates have a kink where a nuisance parameter is 0, and -2 log L may have its
minimum right there: it rises on both sides, but no gradient vanishes. A Newton step jumps to and fro across
such a point. Here the parameters of a lane that got stuck close to their kinks are put on them and held
while the others are fitted; a kink from which -2 log L falls to one side is let go.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepnb.fits.batched import NOT_FINISHED, BatchedFit, minimise
from hepnb.model import Model

__all__ = ["has_kinks", "settle"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

# Their slope jumps at 0. That of the other codes does not; code 2 itself jumps, which no minimum survives.
_CODES, _PLACE = ("code0", "code1"), 0.0
_NEAR = 0.05
_ASIDE = 1e-9
_ROUNDS = 4


def has_kinks(model: Model) -> bool:
    """Tell whether a model's interpolation codes have kinks that a parameter can sit on."""
    return bool(_kinked(model).size)


def settle(
    model: Model, data: FloatArray, points: FloatArray, fixed: BoolArray, limits: FloatArray
) -> BatchedFit:
    """Look for minima at the kinks near some points.

    Parameters
    ----------
    model : Model
        The model.
    data : ndarray, shape (batch, data)
        Complete data of each lane.
    points : ndarray, shape (batch, parameter)
        Where the lanes got stuck.
    fixed : ndarray of bool, shape (batch, parameter)
        Parameters held.
    limits : ndarray, shape (parameter, 2)
        Bounds.

    Returns
    -------
    BatchedFit
        One row per lane, converged where a minimum was found.
    """
    where = _kinked(model)
    on = (np.abs(points[:, where] - _PLACE) < _NEAR) & ~fixed[:, where]
    lower, upper = limits[:, 0], limits[:, 1]
    start = points.copy()
    for _ in range(_ROUNDS):
        start[:, where] = np.where(on, _PLACE, start[:, where])
        held = fixed.copy()
        held[:, where] |= on
        found = minimise(model.likelihood, data, start, lower, upper, held)
        falls = on & _falls(model, data, found.points, where)
        if not falls.any():
            break
        on &= ~falls
        start = found.points.copy()
    found.status[falls.any(axis=1)] = NOT_FINISHED
    return found


def _kinked(model: Model) -> IntArray:
    """Give the parameters whose interpolation has a kink."""
    compiled = model.likelihood.compiled
    pairs = ((compiled.shape_parameters, compiled.shape_code), (compiled.norm_parameters, compiled.norm_code))
    with_kinks = [parameters for parameters, code in pairs if code.name in _CODES]
    return np.unique(np.concatenate(with_kinks)) if with_kinks else np.empty(0, dtype=np.intp)


def _falls(model: Model, data: FloatArray, points: FloatArray, where: IntArray) -> BoolArray:
    """Say from which parameters -2 log L falls on the one side or the other, shape (batch, n)."""
    falls = np.zeros((len(points), where.size), dtype=bool)
    for column, position in enumerate(where):
        for side in (-1.0, 1.0):
            beside = points.copy()
            beside[:, position] += side * _ASIDE
            slope = model.likelihood.objective(beside, data, 1).gradient[:, position]
            falls[:, column] |= side * slope < 0
    return falls
