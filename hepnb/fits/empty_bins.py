"""Minima where a bin without events has no rate left.

Samples below zero can take the rate of a bin to 0. Without events there, -2 log L falls all the way to that
edge and is undefined beyond it: Newton's steps creep along the edge. Fits that got stuck are made with a part
of an event in such bins, which keeps them away from the edge, and with less and less of it. This is an
interior-point method (J. Nocedal, S. Wright, Numerical Optimization, chapter 19).
"""

from __future__ import annotations

import numpy as np

from hepnb.fits.batched import BatchedFit, minimize
from hepnb.model import FitModel
from hepnb.typing import BoolArray, FloatArray

__all__ = ["along_edges", "has_empty_bins"]


# Events in bins without any.
_PARTS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-8)
_STEPS = 40


def has_empty_bins(model: FitModel, data: FloatArray) -> bool:
    """Tell whether some bin has no events, shape of ``data`` (batch, n_data)."""
    return bool(model.n_bins) and not data[:, : model.n_bins].all()


def along_edges(
    model: FitModel, data: FloatArray, points: FloatArray, fixed: BoolArray, limits: FloatArray
) -> BatchedFit:
    """Look for minima near some points where bins without events lose their rate.

    Parameters
    ----------
    model : FitModel
        The model.
    data : ndarray, shape (batch, data)
        Complete data of each fit.
    points : ndarray, shape (batch, parameter)
        Where the fits got stuck.
    fixed : ndarray of bool, shape (batch, parameter)
        Parameters held.
    limits : ndarray, shape (parameter, 2)
        Bounds.

    Returns
    -------
    BatchedFit
        One row per fit.
    """
    lower, upper = limits.T
    empty = np.zeros(data.shape, dtype=bool)
    empty[:, : model.n_bins] = data[:, : model.n_bins] == 0
    start = points
    for part in _PARTS:
        filled = np.where(empty, part, data)
        found = minimize(model.likelihood, filled, start, lower, upper, fixed, _STEPS)
        start = np.where(np.isfinite(found.value)[:, None], found.points, start)
    return minimize(model.likelihood, data, start, lower, upper, fixed, _STEPS)
