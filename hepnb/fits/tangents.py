"""How conditional minima move with the parameter of interest."""

from __future__ import annotations

import numpy as np

from hepnb.model import FitModel
from hepnb.typing import FloatArray

__all__ = ["tangents"]


def tangents(
    model: FitModel, data: FloatArray, points: FloatArray, limits: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return the derivative of conditional minima with respect to the POI, and -2 log L there.

    Parameters
    ----------
    model : FitModel
        The model.
    data : ndarray, shape (batch, n_data)
        Complete data.
    points : ndarray, shape (batch, n_parameters)
        Minima.
    limits : ndarray, shape (n_parameters, 2), optional
        In place of the model's bounds; parameters at them do not move.

    Returns
    -------
    slopes : ndarray, shape (batch, n_parameters)
        1 for the POI; 0 for parameters that are fixed or at a bound, and where there is none.
    values : ndarray, shape (batch,)
        -2 log L without the terms that depend on the data alone.
    """
    limits = model.bounds if limits is None else limits
    poi = model.require_poi()
    slopes = np.zeros_like(points)
    at_bound = (points <= limits[:, 0]) | (points >= limits[:, 1])
    here = model.likelihood.objective(points, data, 2)
    for slope, held, curvature in zip(slopes, model.fixed | at_bound, here.curvature, strict=True):
        free = np.flatnonzero(~held)
        free = free[free != poi]
        try:
            slope[free] = -np.linalg.solve(curvature[np.ix_(free, free)], curvature[free, poi])
        except np.linalg.LinAlgError:
            continue
    slopes = np.where(np.isfinite(slopes).all(axis=1, keepdims=True), slopes, 0.0)
    slopes[:, poi] = 1.0
    return slopes, here.value
