"""Goodness of fit against the saturated model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaincc

from hepnb.fits.fit import fit
from hepnb.fits.results import FitResults
from hepnb.model import Model, one_data_set

__all__ = ["GoodnessResults", "goodness_of_fit"]


@dataclass(frozen=True)
class GoodnessResults:
    """How well a model describes the data.

    Parameters
    ----------
    statistic : float
        -2 log of the likelihood ratio to the saturated model.
    n_dof : int
        Bins minus parameters without a constraint.
    p_value : float
        Upper tail of the chi-squared law; nan without degrees of freedom.
    """

    statistic: float
    n_dof: int
    p_value: float


def goodness_of_fit(
    data: ArrayLike | None, model: Model, *, result: FitResults | None = None
) -> GoodnessResults:
    """Compare the best fit with a model that describes every bin perfectly.

    Parameters
    ----------
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Data; the observed ones if None.
    model : Model
        The model.
    result : FitResults, optional
        The free fit, if already done.

    Returns
    -------
    GoodnessResults
        Statistic, degrees of freedom and asymptotic p-value.

    References
    ----------
    R. D. Cousins, Generalization of chisquare goodness-of-fit test for binned data using saturated models
    (2013).

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.fits import goodness_of_fit
    >>> from hepnb.workspace import uncorrelated_background
    >>> model = hepnb.Model(
    ...     uncorrelated_background(
    ...         signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[56, 60]
    ...     )
    ... )
    >>> goodness_of_fit(None, model).n_dof
    1
    """
    counts = one_data_set(data, model)
    free = fit(counts, model) if result is None else result
    main, aux = counts[: model.n_bins], counts[model.n_bins :]
    constraints = model.likelihood.constraints
    best = model.init.copy()
    best[constraints.parameters] = aux / constraints.scale
    perfect = float(constraints.value(best, aux))
    perfect += float(model.likelihood.constant(counts[None])[0])
    statistic = max(free.twice_nll - perfect, 0.0)
    loose = sum(p.kind == "free" and not p.fixed for p in model.parameters)
    n_dof = int(np.count_nonzero(main >= 0)) - loose
    p_value = float(gammaincc(0.5 * n_dof, 0.5 * statistic)) if n_dof > 0 else math.nan
    return GoodnessResults(statistic, n_dof, p_value)
