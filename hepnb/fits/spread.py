"""How far the uncertainties of the parameters move the expected rates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepnb.fits.results import FitResults
from hepnb.model import FitModel

__all__ = ["rate_spread"]


def rate_spread(
    model: FitModel, values: NDArray[np.float64], result: FitResults | None = None
) -> NDArray[np.float64]:
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
    if result is None:
        widths = np.array([parameter.sigma for parameter in model.parameters], dtype=float)
    else:
        widths = np.array(result.uncertainty, dtype=float)
    widths = np.nan_to_num(widths, nan=0.0, posinf=0.0)
    widths[np.asarray(model.fixed, dtype=bool)] = 0.0
    moving = np.flatnonzero(widths)
    if not moving.size:
        return np.zeros(model.n_bins)
    steps = np.zeros((moving.size, values.size))
    steps[np.arange(moving.size), moving] = widths[moving]
    low, high = model.bounds[:, 0], model.bounds[:, 1]
    ends = np.clip(np.concatenate([values + steps, values - steps]), low, high)
    rates = model.expected(ends)
    covered = (ends[: moving.size] - ends[moving.size :])[np.arange(moving.size), moving]
    per_width = np.divide(widths[moving], covered, out=np.zeros(moving.size), where=covered > 0)
    slopes = (rates[: moving.size] - rates[moving.size :]) * per_width[:, None]
    if result is None:
        independent: NDArray[np.float64] = np.sqrt(np.sum(slopes**2, axis=0))
        return independent
    correlation = np.nan_to_num(np.asarray(result.correlation, dtype=float)[np.ix_(moving, moving)])
    np.fill_diagonal(correlation, 1.0)
    variance = np.einsum("ib,ij,jb->b", slopes, correlation, slopes)
    joint: NDArray[np.float64] = np.sqrt(np.maximum(variance, 0.0))
    return joint
