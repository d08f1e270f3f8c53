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

__all__ = ["settle"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

_NEAR = 0.05
_ASIDE = 1e-9
_ROUNDS = 4


def settle(
    model: Model, data: FloatArray, points: FloatArray, fixed: BoolArray, limits: FloatArray
) -> BatchedFit | None:
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
    BatchedFit or None
        One row per lane, converged where a minimum was found; None where the codes have no kinks.
    """
    where, places = _kinks(model)
    if not where.size or not len(points):
        return None
    distance = points[:, where, None] - places
    nearest = np.argmin(np.abs(distance), axis=2)
    place = places[nearest]
    on = (np.abs(points[:, where] - place) < _NEAR) & ~fixed[:, where]
    lower, upper = limits[:, 0], limits[:, 1]
    start = points.copy()
    for _ in range(_ROUNDS):
        start[:, where] = np.where(on, place, start[:, where])
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


def _kinks(model: Model) -> tuple[IntArray, FloatArray]:
    """Give the parameters whose interpolation has kinks, and where these are."""
    compiled = model.likelihood.compiled
    pairs = ((compiled.shape_parameters, compiled.shape_code), (compiled.norm_parameters, compiled.norm_code))
    with_kinks = [(parameters, code.kinks) for parameters, code in pairs if code.kinks]
    if not with_kinks:
        return np.empty(0, dtype=np.intp), np.empty(0)
    where = np.unique(np.concatenate([parameters for parameters, _ in with_kinks]))
    return where, np.unique([kink for _, kinks in with_kinks for kink in kinks])


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
