"""Single fits by the bounded minimisers of SciPy, chosen by their names."""

from __future__ import annotations

from typing import Any

import numpy as np

from hepnb.fits.batched import Likelihood
from hepnb.progress import check_stop
from hepnb.typing import BoolArray, FloatArray

__all__ = ["SCIPY_MINIMIZERS", "run_scipy"]

# Those that take bounds, and what they take besides the value.
SCIPY_MINIMIZERS: dict[str, tuple[str, ...]] = {
    "L-BFGS-B": ("jac",),
    "TNC": ("jac",),
    "SLSQP": ("jac",),
    "trust-constr": ("jac", "hess"),
    "Nelder-Mead": (),
    "Powell": (),
    "COBYQA": (),
}

_OUTSIDE = 1e12
# So close to a bound, in units of the uncertainty, is at the bound.
_HAIR = 1e-3
# Precise enough for an EDM far below 1e-3; the simplex needs more evaluations than SciPy's default.
_OPTIONS: dict[str, dict[str, Any]] = {
    "L-BFGS-B": {"ftol": 1e-14, "gtol": 1e-6, "maxiter": 5000, "maxfun": 50_000},
    "TNC": {"ftol": 1e-12, "maxfun": 50_000},
    "SLSQP": {"ftol": 1e-12, "maxiter": 5000},
    "trust-constr": {"gtol": 1e-7, "xtol": 1e-12, "maxiter": 5000},
    "Nelder-Mead": {"xatol": 1e-6, "fatol": 1e-10, "maxiter": 50_000, "maxfev": 50_000, "adaptive": True},
    "Powell": {"xtol": 1e-6, "ftol": 1e-12, "maxiter": 50_000, "maxfev": 50_000},
    "COBYQA": {"maxfev": 50_000},
}


def run_scipy(
    name: str,
    likelihood: Likelihood,
    data: FloatArray,
    start: FloatArray,
    bounds: FloatArray,
    fixed: BoolArray,
    tolerance: float | None = None,
) -> tuple[FloatArray, bool, int]:
    """Run one minimiser of :func:`scipy.optimize.minimize` on one fit.

    Parameters
    ----------
    name : str
        One of :data:`SCIPY_MINIMIZERS`.
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
    tolerance : float, optional
        SciPy's ``tol``.

    Returns
    -------
    point : ndarray, shape (parameter,)
        Where it ended.
    success : bool
        What it says of itself.
    evaluations : int
        How often it asked for the value.
    """
    from scipy.optimize import minimize  # noqa: PLC0415  # slow to import

    row, free = data[None], np.flatnonzero(~fixed)
    begin = np.where(fixed, start, np.clip(start, bounds[:, 0], bounds[:, 1]))
    bends = np.diag(likelihood.objective(begin[None], row, 2).curvature[0])[free]
    if not free.size:
        return begin, True, 1
    # Steps in units of the uncertainties: yields of thousands and fractions are alike then.
    unit = np.where(bends > 0, np.sqrt(2 / np.where(bends > 0, bends, 1.0)), 1.0)

    def at(steps: FloatArray, order: Any) -> Any:
        check_stop()
        point = begin.copy()
        point[free] = np.clip(begin[free] + unit * steps, *bounds[free].T)
        return likelihood.objective(point[None], row, order)

    def value(steps: FloatArray) -> float:
        found = float(at(steps, 0).value[0])
        return found if np.isfinite(found) else _OUTSIDE

    derivatives = {
        "jac": lambda steps: at(steps, 1).gradient[0][free] * unit,
        "hess": lambda steps: at(steps, 2).curvature[0][np.ix_(free, free)] * np.outer(unit, unit),
    }
    limits = (bounds[free] - begin[free, None]) / unit[:, None]
    # The stubs of SciPy know neither names in variables nor derivatives in a mapping.
    function: Any = minimize
    options: dict[str, Any] = {key: derivatives[key] for key in SCIPY_MINIMIZERS[name]}
    if tolerance is None:
        options["options"] = _OPTIONS[name]
    found = function(value, np.zeros(free.size), method=name, bounds=limits, tol=tolerance, **options)
    end = begin.copy()
    end[free] = np.clip(begin[free] + unit * found.x, *bounds[free].T)
    # Some stop a hair inside of a bound that holds them.
    slope = likelihood.objective(end[None], row, 1).gradient[0][free]
    for edge, outward in zip(bounds[free].T, (slope > 0, slope < 0), strict=True):
        end[free] = np.where(outward & (np.abs(end[free] - edge) < _HAIR * unit), edge, end[free])
    return end, bool(found.success), int(found.nfev)
