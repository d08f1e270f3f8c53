"""Single fits by iminuit: the last resort of a batch, and a second opinion on request.

The Minuit object that comes back can be used as any other (``minos``, ``contour``, ``draw_mnprofile``):
its function is -2 log L with exact gradient and ``errordef`` 1.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from iminuit import Minuit
from iminuit.warnings import IMinuitWarning

from hepnb.fits.batched import Likelihood
from hepnb.progress import check_stop
from hepnb.typing import BoolArray, FloatArray

__all__ = ["TOLERANCE", "minuit_lane", "run_minuit"]


TOLERANCE = 1e-3

_OUTSIDE = 1e12


def run_minuit(
    likelihood: Likelihood,
    data: FloatArray,
    start: FloatArray,
    bounds: FloatArray,
    fixed: BoolArray,
    names: tuple[str, ...] | None = None,
    strategy: int = 1,
    tolerance: float = TOLERANCE,
    *,
    hesse: bool = True,
) -> Any:
    """Run MIGRAD, and HESSE, on one fit.

    Parameters
    ----------
    likelihood : Likelihood
        What to minimise.
    data : ndarray, shape (data,)
        Complete data.
    start : ndarray, shape (parameter,)
        Where to start.
    bounds : ndarray, shape (parameter, 2)
        Bounds.
    fixed : ndarray of bool, shape (parameter,)
        Parameters held at their start.
    names : tuple of str, optional
        Parameter names.
    strategy : {0, 1, 2}
        Minuit's strategy.
    tolerance : float
        Minuit's tolerance.
    hesse : bool
        Run HESSE, which takes as many evaluations as there are pairs of parameters.

    Returns
    -------
    iminuit.Minuit
        After MIGRAD and HESSE; ``errordef`` is 1, since the function is -2 log L, without the terms that
        depend on the data alone.
    """
    row = data[None]

    def value(point: FloatArray) -> float:
        check_stop()
        result = float(likelihood.objective(np.asarray(point)[None], row, 0).value[0])
        return result if np.isfinite(result) else _OUTSIDE

    def gradient(point: FloatArray) -> FloatArray:
        slopes: FloatArray = likelihood.objective(np.asarray(point)[None], row, 1).gradient[0]
        return slopes

    minuit = Minuit(value, np.clip(start, bounds[:, 0], bounds[:, 1]), grad=gradient, name=names)
    minuit.errordef = 1.0
    minuit.strategy = strategy
    minuit.tol = tolerance
    minuit.limits = [tuple(pair) for pair in bounds]
    for i in np.flatnonzero(fixed):
        minuit.limits[int(i)] = None
        minuit.values[int(i)] = float(start[i])
        minuit.fixed[int(i)] = True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IMinuitWarning)
        minuit.migrad(ncall=50_000)
        if hesse:
            minuit.hesse()
    return minuit


def minuit_lane(
    likelihood: Likelihood, data: FloatArray, start: FloatArray, bounds: FloatArray, fixed: BoolArray
) -> FloatArray:
    """Return the point, shape (parameter,), at which Minuit ends; see :func:`run_minuit`."""
    # A parameter without bounds has no middle.
    low, high = np.where(np.isfinite(bounds), bounds, 0.0).T
    safe = np.where(np.isfinite(start), start, 0.5 * (low + high))
    # Strategy 0 does not check the gradient, which is exact, and makes no numerical curvature.
    minuit = run_minuit(likelihood, data, safe, bounds, fixed, strategy=0, hesse=False)
    return np.array(minuit.values)
