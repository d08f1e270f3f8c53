"""How far the uncertainties of the parameters move the expected rates."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hepnb.fits.results import FitResults
from hepnb.model import FitModel
from hepnb.typing import FloatArray, IntArray

__all__ = ["rate_spread", "spread_of"]

_AT_ONCE = 100  # parameters, to bound the memory for all samples of a large model


def rate_spread(model: FitModel, values: FloatArray, result: FitResults | None = None) -> FloatArray:
    """How uncertain the expected rate of each bin is, to first order.

    Rates are compared one standard deviation up and down. Where a bound is nearer than that, the step ends
    at the bound, and the difference is divided by the distance that was covered.

    Parameters
    ----------
    model : FitModel
        The likelihood.
    values : ndarray, shape (parameter,)
        Where.
    result : FitResults, optional
        A fit brings uncertainties and correlations; without one the priors' widths are taken, and free
        parameters count as known.

    Returns
    -------
    ndarray, shape (bin,)
        One standard deviation, in events.

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.workspace import uncorrelated_background
    >>> model = hepnb.Model(
    ...     uncorrelated_background(
    ...         signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[51, 48]
    ...     )
    ... )
    >>> rate_spread(model, model.init, None).round(6)
    array([3., 7.])
    """
    return spread_of(model.expected, model, values, result)


def spread_of(
    rates: Callable[[FloatArray], FloatArray], model: FitModel, values: FloatArray, result: FitResults | None
) -> FloatArray:
    """Return the uncertainty of anything that is computed from the parameters, as :func:`rate_spread` does.

    Parameters
    ----------
    rates : callable
        Takes points, shape (n, parameter), and returns numbers, shape (n, ...).
    model : FitModel
        For the bounds and the widths of the priors.
    values : ndarray, shape (parameter,)
        Where.
    result : FitResults or None
        The fit, or None for the priors.

    Returns
    -------
    ndarray, shape (...)
        One standard deviation of each number.
    """
    if result is None:
        widths = np.array([parameter.sigma for parameter in model.parameters], dtype=float)
    else:
        widths = np.array(result.uncertainty, dtype=float)
    widths = np.nan_to_num(widths, nan=0.0, posinf=0.0)
    widths[np.asarray(model.fixed, dtype=bool)] = 0.0
    moving = np.flatnonzero(widths)
    if not moving.size:
        return np.zeros_like(rates(values[None])[0])
    slopes = np.concatenate(
        [
            _slopes(rates, model, values, widths, moving[begin : begin + _AT_ONCE])
            for begin in range(0, moving.size, _AT_ONCE)
        ]
    )
    if result is None:
        independent: FloatArray = np.sqrt(np.sum(slopes**2, axis=0))
        return independent
    correlation = np.nan_to_num(np.asarray(result.correlation, dtype=float)[np.ix_(moving, moving)])
    np.fill_diagonal(correlation, 1.0)
    variance = np.sum(slopes * np.tensordot(correlation, slopes, axes=1), axis=0)
    joint: FloatArray = np.sqrt(np.maximum(variance, 0.0))
    return joint


def _slopes(
    rates: Callable[[FloatArray], FloatArray],
    model: FitModel,
    values: FloatArray,
    widths: FloatArray,
    moving: IntArray,
) -> FloatArray:
    """Return how far each number moves for one standard deviation of each parameter, shape (moving, ...)."""
    steps = np.zeros((moving.size, values.size))
    rows = np.arange(moving.size)
    steps[rows, moving] = widths[moving]
    low, high = model.bounds[:, 0], model.bounds[:, 1]
    ends = np.clip(np.concatenate([values + steps, values - steps]), low, high)
    found = rates(ends)
    covered = (ends[: moving.size] - ends[moving.size :])[rows, moving]
    per_width = np.divide(widths[moving], covered, out=np.zeros(moving.size), where=covered > 0)
    differences = found[: moving.size] - found[moving.size :]
    return np.asarray(differences * per_width.reshape(-1, *[1] * (found.ndim - 1)))
