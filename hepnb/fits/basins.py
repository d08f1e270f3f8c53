"""Where a likelihood may have more than one minimum.

A rate that moves the same way for both signs of a nuisance parameter (an up and a down variation on one
side of the nominal) can be reached from either side, and the fit that starts in the middle falls to one of
them by chance. Such parameters are found by moving each one by a standard deviation; fits then start on
both sides of them. Where there are several, any combination of them can be a basin, and fits start from a
few random points too; in a small model, where that costs little, for a single one already.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from hepnb.model import Model

__all__ = ["anywhere", "other_sides", "suspects"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

_SIGNIFICANT = 0.2
_BENT, _SMALL = 0.1, 40
_MOST = 6
_RANDOM = 24
_MANY = 100

_KNOWN: WeakKeyDictionary[Model, IntArray] = WeakKeyDictionary()


def suspects(model: Model) -> IntArray:
    """Find parameters whose two signs do not undo each other.

    Parameters
    ----------
    model : Model
        The model.

    Returns
    -------
    ndarray of int, shape (n,)
        Their positions: at most six, the strongest first. A one-sided change counts from a fifth of the
        statistical uncertainty of its bin. In a small model, where looking costs little, the part of a change
        that is the same for both signs counts too, over all bins, from a tenth.
    """
    if model in _KNOWN:
        return _KNOWN[model]
    moving = np.array(
        [i for i, p in enumerate(model.parameters) if p.kind != "free" and p.init == 0 and not p.fixed],
        dtype=np.intp,
    )
    strength = np.zeros(0)
    if moving.size:
        step = np.zeros((moving.size, model.n_parameters))
        step[np.arange(moving.size), moving] = 1.0
        nominal = model.expected(model.init)
        up = model.expected(model.init + step) - nominal
        down = model.expected(model.init - step) - nominal
        spread = np.sqrt(np.maximum(nominal, 1.0))
        both = np.where(up * down > 0, np.minimum(np.abs(up), np.abs(down)), 0.0)
        strength = (both / spread).max(axis=1)
        if model.n_parameters <= _SMALL:
            # Other parameters may take up the straight part of a change, and the bent part is what is left.
            bent = np.linalg.norm(0.5 * (up + down) / spread, axis=1)
            strength = np.maximum(strength, bent * _SIGNIFICANT / _BENT)
    order = np.argsort(-strength, kind="stable")[:_MOST]
    found = moving[order[strength[order] > _SIGNIFICANT]]
    _KNOWN[model] = found
    return found


def other_sides(model: Model, points: FloatArray, fixed: NDArray[np.bool_]) -> tuple[FloatArray, IntArray]:
    """Give starting points on the other side of each suspect.

    Parameters
    ----------
    model : Model
        The model.
    points : ndarray, shape (batch, parameter)
        The minima found.
    fixed : ndarray of bool, shape (batch, parameter)
        Parameters that may not move.

    Returns
    -------
    start : ndarray, shape (n, parameter)
        New starting points.
    lane : ndarray of int, shape (n,)
        The lane each belongs to.
    """
    start, lane = [], []
    for position in suspects(model):
        for side in (-1.0, 1.0):
            # A point well to one side needs the other only; one in the middle needs both.
            wanted = ~fixed[:, position] & (side * points[:, position] < 0.5)
            here = points[wanted].copy()
            here[:, position] = side * np.maximum(np.abs(here[:, position]), 1.0)
            start.append(here)
            lane.append(np.flatnonzero(wanted))
    if not start:
        return np.empty((0, points.shape[1])), np.empty(0, dtype=np.intp)
    return np.concatenate(start), np.concatenate(lane)


def anywhere(model: Model, points: FloatArray, fixed: NDArray[np.bool_]) -> tuple[FloatArray, IntArray]:
    """Give random starting points where parameters are suspect, or the model says so; always the same ones.

    Parameters
    ----------
    model : Model
        The model.
    points : ndarray, shape (batch, parameter)
        Where the lanes start; fixed and free parameters stay there.
    fixed : ndarray of bool, shape (batch, parameter)
        Parameters that may not move.

    Returns
    -------
    start : ndarray, shape (n, parameter)
        New starting points, one standard deviation around the auxiliary measurements.
    lane : ndarray of int, shape (n,)
        The lane each belongs to.
    """
    if model.thorough:
        return _scattered(model, points, fixed)
    if suspects(model).size < (1 if model.n_parameters <= _SMALL else 2):
        return np.empty((0, points.shape[1])), np.empty(0, dtype=np.intp)
    lane = np.repeat(np.arange(len(points)), _RANDOM)
    start = points[lane]
    sigma = np.nan_to_num(np.array([p.sigma for p in model.parameters]))
    draws = np.random.default_rng(1).normal(size=(_RANDOM, points.shape[1]))
    shifted = np.clip(model.init + sigma * np.tile(draws, (len(points), 1)), *model.bounds.T)
    return np.where(fixed[lane] | (sigma == 0), start, shifted), lane


def _scattered(model: Model, points: FloatArray, fixed: NDArray[np.bool_]) -> tuple[FloatArray, IntArray]:
    """Give many random starting points, whatever the model.

    Constrained parameters lie one and, in every second, two standard deviations around their auxiliary
    measurements, free ones within a factor of about two of their initial values.
    """
    lane = np.repeat(np.arange(len(points)), _MANY)
    low, high = model.bounds.T
    sigma = np.array([p.sigma for p in model.parameters])
    free = np.isnan(sigma)
    draws = np.random.default_rng(2).normal(size=(_MANY, points.shape[1]))
    draws[1::2] *= 2.0
    about = model.init + np.where(free, 0.0, sigma) * draws
    # A factor that starts at 0 has no scale but its bounds'.
    reach = np.where(np.isfinite(high - low), 0.05 * (high - low), 1.0)
    loose = np.where(model.init > 0, model.init * np.exp(0.35 * draws), model.init + reach * draws)
    start = np.clip(np.where(free, loose, about), low, high)
    return np.where(fixed[lane], points[lane], np.tile(start, (len(points), 1))), lane
