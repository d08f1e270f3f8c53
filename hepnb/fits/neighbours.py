"""Minima handed on between fits that differ by little, as those along a scan do."""

from __future__ import annotations

import numpy as np

from hepnb.fits._solve import solve
from hepnb.fits.batched import BatchedFit
from hepnb.fits.clips import has_clips
from hepnb.fits.kinks import has_kinks
from hepnb.fits.screen import promising, scales
from hepnb.model import FitModel
from hepnb.typing import BoolArray, FloatArray, IntArray

__all__ = ["hand_over"]


_TOLERANCE = 1e-7
_ROUNDS = 12
# Neighbours whose minima are so far apart, in standard deviations, may be in different ones.
_APART = 0.3


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
    smooth, any_better = not (has_kinks(model) or has_clips(model)), False
    for _ in range(_ROUNDS):
        if smooth:
            apart = np.abs(found.points[givers] - found.points[receivers]) / scales(
                model, found.points[givers]
            )
            apart[fixed[receivers]] = 0.0
            far = apart.max(axis=1, initial=0.0) > _APART
            givers, receivers = givers[far & found.ok[givers]], receivers[far & found.ok[givers]]
        if not givers.size:
            break
        start = np.where(fixed[receivers], found.points[receivers], found.points[givers])
        lanes = receivers
        if smooth:
            rows, start = promising(
                model, data[lanes], start, fixed[lanes], model.bounds, found.value[lanes], found.points[lanes]
            )
            lanes = lanes[rows]
        if not lanes.size:
            break
        again = solve(model, data[lanes], start, fixed[lanes], patient=0 if smooth else None)
        better = again.ok & ~(again.value >= found.value[lanes] - _TOLERANCE)
        if not better.any():
            break
        any_better = True
        # Two neighbours may offer: the lower one comes last and stays.
        rows = np.flatnonzero(better)[np.argsort(-again.value[better], kind="stable")]
        for name, array in vars(found).items():
            array[lanes[rows]] = getattr(again, name)[rows]
    return any_better
