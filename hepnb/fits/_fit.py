"""Single fits: free, and with the parameter of interest held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from hepnb.errors import ModelError, check_choice
from hepnb.fits.batched import CONVERGED, minimize
from hepnb.fits.exploring import explore
from hepnb.fits.minuit import TOLERANCE, run_minuit
from hepnb.fits.options import Bounds, Fixed, Init, Setup, named_options, one_number
from hepnb.fits.report import fit_results, second_minimum
from hepnb.fits.results import FitResults
from hepnb.fits.scipy_minimizers import SCIPY_MINIMIZERS, run_scipy
from hepnb.model import FitModel, as_numbers, one_data_set

__all__ = ["fit", "fixed_poi_fit"]

# The EDM, in -2 log L, at which a minimiser of SciPy has arrived: 3 % of an uncertainty.
_NEAR = 1e-3


@named_options
def fit(
    data: ArrayLike | None,
    model: FitModel,
    *,
    init: Init | None = None,
    bounds: Bounds | None = None,
    fixed: Fixed | None = None,
    minimizer: str = "newton",
    strategy: int | None = None,
    tolerance: float | None = None,
    thorough: bool = False,
) -> FitResults:
    """Fit a model to data.

    Parameters
    ----------
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Events per bin, with or without auxiliary data; the observed data if None.
    model : FitModel
        The model.
    init : array_like, shape (n_parameters,), or mapping of str to float, optional
        Where to start, all parameters or some by name.
    bounds : mapping of str to (float, float), or (float, float), optional
        Other bounds for some parameters by name, or for the POI.
    fixed : mapping of str to float, optional
        Parameters to hold, with their values.
    minimizer : str
        Who searches: ``"newton"``, ``"minuit"``, or one of SciPy's ``"L-BFGS-B"``, ``"TNC"``, ``"SLSQP"``,
        ``"trust-constr"``, ``"Nelder-Mead"``, ``"Powell"``, ``"COBYQA"``. Values, uncertainties and the
        report are of the same kind in all cases; with ``"minuit"`` the result also brings the
        ``iminuit.Minuit`` itself, in ``result.minuit``.
    strategy : {0, 1, 2}, optional
        Minuit's strategy; 1 by default.
    tolerance : float, optional
        Minuit's tolerance (it stops at an EDM of 0.002 times that); 0.001 by default. Or SciPy's ``tol``.
    thorough : bool
        Look for a lower minimum from a hundred random starts too, the same ones every time; the next one
        above the lowest is reported. Costs up to a hundred fits.

    Returns
    -------
    FitResults
        Values, uncertainties, correlations, and a report. A fit that fails does not raise: look at
        ``report.ok``.

    Raises
    ------
    ModelError
        A parameter that does not exist, data of the wrong length, bounds the wrong way round.

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.workspace import uncorrelated_background
    >>> model = hepnb.Model(
    ...     uncorrelated_background(
    ...         signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[56, 60]
    ...     )
    ... )
    >>> result = hepnb.fit(None, model)
    >>> value, error = result["mu"]
    >>> print(f"mu = {value:.3f} +- {error:.3f}, {result.report.status}")
    mu = 0.577 +- 0.547, converged
    """
    setup = Setup.make(model, data, init, bounds, fixed)
    check_choice(minimizer, ("newton", "minuit", *SCIPY_MINIMIZERS), "minimizer")
    if minimizer != "newton" and thorough:
        raise ModelError("thorough=True is for minimizer='newton': others have one start. Leave one out.")
    if minimizer == "minuit":
        return _by_minuit(model, setup, strategy, tolerance)
    if strategy is not None or (tolerance is not None and minimizer == "newton"):
        raise ModelError("strategy and tolerance are Minuit's. Add minimizer='minuit', or leave them out.")
    if minimizer != "newton":
        return _by_scipy(model, setup, minimizer, tolerance)
    model = model.thoroughly() if thorough else model
    explored = explore(
        model, setup.data[None], setup.start[None], setup.fixed[None], setup.bounds, report=True
    )
    second = second_minimum(model, explored)
    return fit_results(model, setup.data, explored.fit, setup.fixed, setup.bounds, second=second)


def _by_minuit(model: FitModel, setup: Setup, strategy: int | None, tolerance: float | None) -> FitResults:
    strategy = 1 if strategy is None else strategy
    if strategy not in {0, 1, 2}:
        raise ModelError(f"strategy is {strategy!r}. Minuit has 0, 1 and 2.")
    tolerance = TOLERANCE if tolerance is None else _positive(tolerance)
    minuit = run_minuit(
        model.likelihood, setup.data, setup.start, setup.bounds, setup.fixed, model.parameter_names,
        strategy, tolerance,
    )  # fmt: skip
    end, (lower, upper) = np.array(minuit.values), setup.bounds.T
    found = minimize(
        model.likelihood, setup.data[None], end[None], lower, upper, setup.fixed[None], max_iterations=0
    )
    # Minuit's own tolerance, not ours, decides whether it has arrived.
    if minuit.valid and np.isfinite(found.value[0]):
        found.status[0] = CONVERGED
    found.iterations[0] = minuit.nfcn
    result = fit_results(model, setup.data, found, setup.fixed, setup.bounds, "minuit")
    return replace(result, minuit=minuit)


def _positive(tolerance: float) -> float:
    number = one_number(tolerance, "tolerance")
    if not number > 0:
        raise ModelError(f"tolerance is {number}. Give a positive number, such as 0.1.")
    return number


def _by_scipy(model: FitModel, setup: Setup, minimizer: str, tolerance: float | None) -> FitResults:
    tolerance = None if tolerance is None else _positive(tolerance)
    end, success, evaluations = run_scipy(
        minimizer, model.likelihood, setup.data, setup.start, setup.bounds, setup.fixed, tolerance
    )
    lower, upper = setup.bounds.T
    found = minimize(
        model.likelihood, setup.data[None], end[None], lower, upper, setup.fixed[None], max_iterations=0
    )
    # What SciPy calls a success may be far from the minimum: the estimated distance has to agree.
    if success and np.isfinite(found.value[0]) and found.edm[0] < _NEAR:
        found.status[0] = CONVERGED
    found.iterations[0] = evaluations
    return fit_results(model, setup.data, found, setup.fixed, setup.bounds, minimizer)


@named_options
def fixed_poi_fit(
    mu: float | Sequence[float],
    data: ArrayLike | None,
    model: FitModel,
    *,
    poi: str | int | Sequence[str | int] | None = None,
    init: Init | None = None,
    bounds: Bounds | None = None,
    fixed: Fixed | None = None,
    minimizer: str = "newton",
    strategy: int | None = None,
    tolerance: float | None = None,
    thorough: bool = False,
) -> FitResults:
    """Fit a model with its parameter of interest held.

    Parameters
    ----------
    mu : float or sequence of float
        The value of the parameter of interest, or one of each.
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Events per bin, with or without auxiliary data; the observed data if None.
    model : FitModel
        The model.
    poi : str, int or sequence of them, optional
        Which parameters to hold; the model's (first) POI for one value, the first n for n values, by default.
    init, bounds, fixed, minimizer, strategy, tolerance, thorough
        As for :func:`fit`.

    Returns
    -------
    FitResults
        The conditional minimum.

    Raises
    ------
    ModelError
        The measurement has no POI, there are not as many values as parameters, or as for :func:`fit`.

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.workspace import uncorrelated_background
    >>> model = hepnb.Model(
    ...     uncorrelated_background(
    ...         signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[51, 48]
    ...     )
    ... )
    >>> hepnb.fixed_poi_fit(1.0, None, model).bestfit.round(4)
    array([1.    , 0.9722, 0.8755])
    """
    one_data_set(data, model)
    if poi is not None:
        model = model.with_poi(poi)
    model.require_poi()
    values = np.atleast_1d(as_numbers(mu, "the POI"))
    chosen = model.poi_names if poi is not None else model.poi_names[: max(values.size, 1)]
    if values.ndim != 1 or values.size != len(chosen):
        raise ModelError(
            f"{values.size} values for the POIs {', '.join(map(repr, model.poi_names))}. "
            "Give one value each, or name with poi= those to hold."
        )
    held = {
        name: one_number(float(v), f"fixed value of {name!r}") for name, v in zip(chosen, values, strict=True)
    }
    return fit(
        data, model, init=init, bounds=bounds, fixed={**held, **(fixed or {})}, minimizer=minimizer,
        strategy=strategy, tolerance=tolerance, thorough=thorough,
    )  # fmt: skip
