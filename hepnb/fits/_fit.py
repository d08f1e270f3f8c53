"""Single fits: free, and with the parameter of interest held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from hepnb.errors import ModelError, check_choice
from hepnb.fits.batched import CONVERGED, minimize
from hepnb.fits.exploring import explore
from hepnb.fits.minuit import TOLERANCE, run_minuit
from hepnb.fits.report import fit_results, second_minimum
from hepnb.fits.results import FitResults
from hepnb.model import Model, as_numbers, one_data_set
from hepnb.typing import BoolArray, FloatArray

__all__ = ["fit", "fixed_poi_fit"]


def fit(
    data: ArrayLike | None,
    model: Model,
    *,
    init: ArrayLike | Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    fixed: Mapping[str, float] | None = None,
    minimizer: Literal["newton", "minuit"] = "newton",
    strategy: int | None = None,
    tolerance: float | None = None,
    thorough: bool = False,
) -> FitResults:
    """Fit a model to data.

    Parameters
    ----------
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Events per bin, with or without auxiliary data; the observed data if None.
    model : Model
        The model.
    init : array_like, shape (n_parameters,), or mapping of str to float, optional
        Where to start, all parameters or some by name.
    bounds : mapping of str to (float, float), optional
        Other bounds for some parameters.
    fixed : mapping of str to float, optional
        Parameters to hold, with their values.
    minimizer : {"newton", "minuit"}
        Who searches. Values, uncertainties and the report are of the same kind in both cases; with
        ``"minuit"`` the result also brings the ``iminuit.Minuit`` itself, in ``result.minuit``.
    strategy : {0, 1, 2}, optional
        Minuit's strategy; 1 by default.
    tolerance : float, optional
        Minuit's tolerance (it stops at an EDM of 0.002 times that); 0.001 by default.
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
    check_choice(minimizer, ("newton", "minuit"), "minimizer")
    if minimizer == "minuit":
        if thorough:
            raise ModelError("thorough=True is for minimizer='newton': Minuit has one start. Leave one out.")
        return _by_minuit(model, setup, strategy, tolerance)
    if strategy is not None or tolerance is not None:
        raise ModelError("strategy and tolerance are Minuit's. Add minimizer='minuit', or leave them out.")
    model = model.thoroughly() if thorough else model
    explored = explore(model, setup.data[None], setup.start[None], setup.fixed[None], setup.bounds)
    second = second_minimum(model, explored)
    return fit_results(model, setup.data, explored.fit, setup.fixed, setup.bounds, second=second)


def _by_minuit(model: Model, setup: Setup, strategy: int | None, tolerance: float | None) -> FitResults:
    strategy = 1 if strategy is None else strategy
    if strategy not in {0, 1, 2}:
        raise ModelError(f"strategy is {strategy!r}. Minuit has 0, 1 and 2.")
    tolerance = TOLERANCE if tolerance is None else _number(tolerance, "tolerance")
    if not tolerance > 0:
        raise ModelError(f"tolerance is {tolerance}. Give a positive number, such as 0.1.")
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


def fixed_poi_fit(
    mu: float | Sequence[float],
    data: ArrayLike | None,
    model: Model,
    *,
    poi: str | int | Sequence[str | int] | None = None,
    **options: Any,
) -> FitResults:
    """Fit a model with its parameter of interest held.

    Parameters
    ----------
    mu : float or sequence of float
        The value of the parameter of interest, or one of each.
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Events per bin, with or without auxiliary data; the observed data if None.
    model : Model
        The model.
    poi : str, int or sequence of them, optional
        Which parameters to hold; the model's (first) POI for one value, the first n for n values, by default.
    **options
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
        name: _number(float(v), f"fixed value of {name!r}") for name, v in zip(chosen, values, strict=True)
    }
    return fit(data, model, fixed={**held, **(options.pop("fixed", None) or {})}, **options)


@dataclass(frozen=True)
class Setup:
    """What a fit is asked to do, checked: data, start, bounds and what is held."""

    data: FloatArray
    start: FloatArray
    bounds: FloatArray
    fixed: BoolArray

    @classmethod
    def make(
        cls,
        model: Model,
        data: ArrayLike | None,
        init: ArrayLike | Mapping[str, float] | None,
        bounds: Mapping[str, tuple[float, float]] | None,
        fixed: Mapping[str, float] | None,
    ) -> Setup:
        """Turn what was given by name into arrays, or raise a ModelError."""
        counts = one_data_set(data, model)
        for what, given in (("bounds", bounds), ("fixed", fixed)):
            if given is not None and not isinstance(given, Mapping):
                raise ModelError(
                    f"{what}={given!r:.60} is no mapping. Give {{'name': ...}} by parameter name."
                )
        start, limits, held = model.init.copy(), model.bounds.copy(), model.fixed.copy()
        if isinstance(init, Mapping):
            for name, value in init.items():
                start[model.index(name)] = _number(value, f"init of {name!r}")
        elif init is not None:
            start = as_numbers(init, "init").copy()
            if start.shape != model.init.shape:
                raise ModelError(
                    f"init has shape {start.shape}, the model {model.n_parameters} parameters. "
                    "Give one value each, or a mapping of names to values."
                )
        for name, pair in (bounds or {}).items():
            position, ends = model.index(name), as_numbers(pair, f"bounds of {name!r}")
            if ends.shape != (2,) or not ends[0] < ends[1]:
                raise ModelError(f"bounds of {name!r} are {pair!r}. Give two numbers, the lower one first.")
            limits[position] = ends
        for name, value in (fixed or {}).items():
            position = model.index(name)
            start[position], held[position] = _number(value, f"fixed value of {name!r}"), True
        return cls(counts, start, limits, held)


def _number(value: Any, what: str) -> float:
    number = as_numbers(value, what)
    if number.ndim or not np.isfinite(number):
        raise ModelError(f"{what} is {value!r:.60}. Give one finite number.")
    return float(number)
