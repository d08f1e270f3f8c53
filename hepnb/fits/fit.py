"""Single fits: free, and with the parameter of interest held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.errors import ModelError
from hepnb.fits.batched import CONVERGED, INVALID_START, NOT_FINISHED, STALLED, BatchedFit, minimise
from hepnb.fits.minuit import minuit_lane
from hepnb.fits.results import FitReport, FitResults, SecondMinimum
from hepnb.fits.solve import Explored, explore
from hepnb.model import Model, as_numbers, one_data_set

__all__ = ["fit", "fixed_poi_fit"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_STATUS = {
    CONVERGED: "converged",
    NOT_FINISHED: "not finished",
    STALLED: "stalled",
    INVALID_START: "invalid start",
}


def fit(
    data: ArrayLike | None,
    model: Model,
    *,
    init: ArrayLike | Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    fixed: Mapping[str, float] | None = None,
    minimizer: Literal["newton", "minuit"] = "newton",
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
        Who searches. The curvature and the report are ours in both cases.

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
    second = None
    if minimizer == "minuit":
        end = minuit_lane(model.likelihood, setup.data, setup.start, setup.bounds, setup.fixed)
        found = minimise(
            model.likelihood, setup.data[None], end[None], setup.bounds[:, 0], setup.bounds[:, 1],
            setup.fixed[None], max_iterations=0,
        )  # fmt: skip
        # Minuit's own tolerance, not ours, decides whether it has arrived.
        if found.edm[0] < 1e-3:
            found.status[0] = CONVERGED
    elif minimizer == "newton":
        explored = explore(model, setup.data[None], setup.start[None], setup.fixed[None], setup.bounds)
        found, second = explored.fit, _second(model, explored)
    else:
        raise ModelError(f"minimizer {minimizer!r} does not exist. Use 'newton' or 'minuit'.")
    return fit_results(model, setup.data, found, setup.fixed, setup.bounds, minimizer, second=second)


def fixed_poi_fit(mu: float, data: ArrayLike | None, model: Model, **options: object) -> FitResults:
    """Fit a model with its parameter of interest held.

    Parameters
    ----------
    mu : float
        The value of the parameter of interest.
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Events per bin, with or without auxiliary data; the observed data if None.
    model : Model
        The model.
    **options
        As for :func:`fit`.

    Returns
    -------
    FitResults
        The conditional minimum.

    Raises
    ------
    ModelError
        The measurement has no POI, or as for :func:`fit`.

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
    name = model.parameter_names[model.require_poi()]
    held = {name: _number(mu, f"fixed value of {name!r}"), **dict(options.pop("fixed", None) or {})}  # type: ignore[call-overload]
    return fit(data, model, fixed=held, **options)  # type: ignore[arg-type]


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


def fit_results(
    model: Model,
    data: FloatArray,
    found: BatchedFit,
    fixed: BoolArray,
    bounds: FloatArray,
    minimizer: str = "newton",
    lane: int = 0,
    second: SecondMinimum | None = None,
) -> FitResults:
    """Turn one lane of a batch into results with uncertainties and a report."""
    point, held = found.points[lane], found.held[lane]
    covariance, condition, positive = _covariance(model, data, point, held | fixed)
    sigma = np.sqrt(np.diag(covariance))
    uncertainty = bounded_uncertainty(point, sigma, bounds)
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.where(np.outer(sigma, sigma) > 0, covariance / np.outer(sigma, sigma), 0.0)
    status = _STATUS[int(found.status[lane])]
    at_bound = tuple(name for name, at in zip(model.parameter_names, held, strict=True) if at)
    empty = model.nonpositive_bins(point)
    message = _message(model, status, positive, at_bound, empty, point, bounds)
    if second is not None:
        message = f"{message} {second}".strip()
    report = FitReport(
        ok=status == "converged" and positive,
        status=status,
        message=message,
        edm=float(found.edm[lane]),
        gradient_norm=float(found.gradient_norm[lane]),
        at_bound=at_bound,
        nonpositive_bins=empty,
        condition=condition,
        n_iterations=int(found.iterations[lane]),
        minimizer=minimizer,
        interpolation=dict(model.interpolation),
        positivity=model.positivity,
        second_minimum=second,
    )
    constant = float(model.likelihood.constant(data[None])[0])
    return FitResults(
        bestfit=point.copy(),
        uncertainty=uncertainty,
        curvature_uncertainty=sigma,
        labels=model.parameter_names,
        types=tuple(p.kind for p in model.parameters),
        correlation=correlation,
        twice_nll=float(found.value[lane]) + constant,
        report=report,
    )


def _second(model: Model, explored: Explored) -> SecondMinimum | None:
    rise = float(explored.second_value[0] - explored.fit.value[0])
    if not np.isfinite(rise):
        return None
    values = dict(zip(model.parameter_names, explored.second_points[0].tolist(), strict=True))
    lowest = explored.fit.points[0]
    moved = np.abs(explored.second_points[0] - lowest) / np.maximum(np.abs(model.init - lowest), 1.0)
    return SecondMinimum(rise, model.parameter_names[int(np.argmax(moved))], values)


def bounded_uncertainty(point: FloatArray, sigma: FloatArray, bounds: FloatArray) -> FloatArray:
    """Give the uncertainties of bounded parameters as Minuit's HESSE does.

    Minuit searches in u of x = a + (b - a) (1 + sin u) / 2, takes one standard deviation in u on both
    sides, and averages the two distances in x. It is what cabinetry, pyhf with Minuit and RooFit print.

    Parameters
    ----------
    point, sigma : ndarray, shape (n,)
        The minimum, and standard deviations from the curvature in x.
    bounds : ndarray, shape (n, 2)
        Lower and upper bounds; infinite ones leave sigma as it is.

    Returns
    -------
    ndarray, shape (n,)
        Uncertainties.

    References
    ----------
    F. James, M. Winkler, MINUIT User's Guide (2004), section 1.2.
    """
    half = 0.5 * (bounds[:, 1] - bounds[:, 0])
    usable = np.isfinite(half) & (sigma > 0)
    half = np.where(usable, half, 1.0)
    position = np.where(usable, (point - bounds[:, 0]) / half - 1, 0.0)
    u = np.arcsin(np.clip(position, -1.0, 1.0))
    slope = half * np.cos(u)
    usable &= slope > 1e-6 * half
    step = np.where(usable, sigma / np.where(usable, slope, 1.0), 0.0)
    above = np.where(step > 1, 2 * half, np.abs(half * (np.sin(u + step) - np.sin(u))))
    below = np.abs(half * (np.sin(u - step) - np.sin(u)))
    return np.where(usable, 0.5 * (above + below), sigma)


def _covariance(
    model: Model, data: FloatArray, point: FloatArray, held: BoolArray
) -> tuple[FloatArray, float, bool]:
    """Invert the curvature of the free parameters; say whether it is positive definite."""
    covariance = np.zeros((point.size, point.size))
    free = np.flatnonzero(~held)
    if not free.size:
        return covariance, 1.0, True
    block = model.likelihood.objective(point[None], data[None], 2).curvature[0][np.ix_(free, free)]
    diagonal = np.diag(block)
    if not (np.isfinite(block).all() and (diagonal > 0).all()):
        return covariance, np.inf, False
    scale = 1 / np.sqrt(diagonal)
    values, vectors = np.linalg.eigh(block * np.outer(scale, scale))
    if values[0] <= 1e-13 * values[-1]:
        return covariance, np.inf, False
    inverse = (vectors / values) @ vectors.T
    # -2 log L rises by 1 at one standard deviation: the covariance is twice the inverse curvature.
    covariance[np.ix_(free, free)] = 2 * inverse * np.outer(scale, scale)
    return covariance, float(values[-1] / values[0]), True


def _message(
    model: Model,
    status: str,
    positive: bool,
    at_bound: tuple[str, ...],
    empty: tuple[str, ...],
    point: FloatArray,
    bounds: FloatArray,
) -> str:
    words = []
    if status == "invalid start":
        where = ", ".join(empty) or "some bin"
        words.append(
            f"The expected rate of {where} is not positive where data lie, at every start tried: "
            "merge the bin or give it a background."
        )
    elif status != "converged":
        words.append("The values are not a minimum: try other starting values, or minimizer='minuit'.")
    elif not positive:
        words.append("The curvature is not positive definite: some parameter is not determined by the data.")
    if at_bound:
        shown = [
            f"{name} = {point[i]:.4g} of [{bounds[i, 0]:.4g}, {bounds[i, 1]:.4g}]"
            for name in at_bound[:4]
            for i in [model.index(name)]
        ]
        words.append(f"At a bound: {', '.join(shown)}; no symmetric uncertainty there.")
    if empty and status == "converged":
        what = "A rate is clipped at 0" if model.positivity == "root" else "No events are expected"
        words.append(f"{what} in {', '.join(empty[:6])}.")
    return " ".join(words)
