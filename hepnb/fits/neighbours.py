"""Minima handed on between fits that differ by little, as those along a scan do."""

from __future__ import annotations

import numpy as np

from hepnb.fits._solve import solve
from hepnb.fits.batched import BatchedFit
from hepnb.fits.screen import Metric, is_smooth, relax, scales
from hepnb.model import FitModel
from hepnb.typing import BoolArray, FloatArray, IntArray

__all__ = ["hand_over"]


_TOLERANCE = 1e-7
_ROUNDS = 12
# Neighbours whose minima are so far apart, in standard deviations, may be in different ones.
_APART = 0.3
# Steps from a neighbour's minimum before it is followed, and how much lower than it promises it may get; a
# start so near a minimum, in -2 log L, falls into it.
_STEPS, _TRUST, _NEAR = 2, 3.0, 0.1


def hand_over(
    model: FitModel,
    data: FloatArray,
    found: BatchedFit,
    fixed: BoolArray,
    givers: IntArray,
    receivers: IntArray,
) -> bool:
    """Start fits where their neighbours have their minimum, until none gets lower.

    Parameters
    ----------
    model : FitModel
        The model.
    data : ndarray, shape (batch, data)
        Complete data of each fit.
    found : BatchedFit
        Minima; replaced where a lower one is found.
    fixed : ndarray of bool, shape (batch, parameter)
        Parameters held, which keep their values.
    givers, receivers : ndarray of int, shape (n,)
        Neighbours: each giver's minimum is a start for its receiver.

    Returns
    -------
    bool
        Whether any minimum was replaced.
    """
    any_better, changed = False, np.ones(len(found.value), dtype=bool)
    metric = None
    if is_smooth(model) and givers.size:
        middle = int(receivers[receivers.size // 2])
        metric = Metric.at(model, data[middle], found.points[middle], fixed[middle])
    for _ in range(_ROUNDS):
        pairs = np.flatnonzero(found.ok[givers] & changed[givers])
        start, lanes = _offered(model, data, found, fixed, givers[pairs], receivers[pairs], metric)
        if not lanes.size:
            break
        again = solve(model, data[lanes], start, fixed[lanes], patient=None if metric is None else 0)
        better = again.ok & ~(again.value >= found.value[lanes] - _TOLERANCE)
        if not better.any():
            break
        any_better = True
        # Two neighbours may offer: the lower one comes last and stays.
        rows = np.flatnonzero(better)[np.argsort(-again.value[better], kind="stable")]
        for name, array in vars(found).items():
            array[lanes[rows]] = getattr(again, name)[rows]
        changed[:] = False
        changed[lanes[rows]] = True
    return any_better


def _offered(
    model: FitModel,
    data: FloatArray,
    found: BatchedFit,
    fixed: BoolArray,
    givers: IntArray,
    receivers: IntArray,
    metric: Metric | None,
) -> tuple[FloatArray, IntArray]:
    """Return the starts that may be better than what their receivers have, and whose they are."""
    start = np.where(fixed[receivers], found.points[receivers], found.points[givers])
    if metric is None or not receivers.size:
        return start, receivers
    apart = np.abs(found.points[givers] - found.points[receivers]) / scales(model, found.points[givers])
    apart[fixed[receivers]] = 0.0
    far = apart.max(axis=1, initial=0.0) > _APART
    start, lanes = start[far], receivers[far]
    if not lanes.size:
        return start, lanes
    which = np.zeros(lanes.size, dtype=np.intp)
    end = relax(model, data[lanes], start, fixed[lanes], model.bounds, [metric], which, _STEPS)
    lowest = end.value - _TRUST * np.abs(end.promise)
    own = found.points[lanes] - end.points
    same = 0.5 * np.einsum("np,pq,nq->n", own, metric.curvature, own) < _NEAR
    had = np.where(found.ok[lanes], found.value[lanes], np.inf)
    good = np.isfinite(end.value) & (lowest < had) & ~(same & (end.value > had - _NEAR))
    return end.points[good], lanes[good]
