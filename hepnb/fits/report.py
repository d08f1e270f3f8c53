"""Turn the end of a fit into results: uncertainties, correlations, and a report in words."""

from __future__ import annotations

import numpy as np

from hepnb.fits.batched import CONVERGED, INVALID_START, NOT_FINISHED, STALLED, BatchedFit
from hepnb.fits.exploring import Explored
from hepnb.fits.negative import negative_message
from hepnb.fits.results import FitReport, FitResults, SecondMinimum
from hepnb.model import FitModel
from hepnb.typing import BoolArray, FloatArray

__all__ = ["bounded_uncertainty", "covariance_of", "fit_results", "second_minimum"]


_STATUS = {
    CONVERGED: "converged",
    NOT_FINISHED: "not finished",
    STALLED: "stalled",
    INVALID_START: "invalid start",
}

_IMPOSSIBLE = (
    "There are events in a bin where none can be: -2 log L is infinite, and the values are the limit in "
    "which the background there goes to 0."
)

_WEIGHTED = (
    "The events are weighted: these uncertainties are those of the estimator; profiles, MINOS and "
    "limits take the "
    "weights for numbers of events."
)

# An uncertainty so much larger than the curvature's is the bound's doing.
_WIDE = 1.3

# Scaled curvatures below it are rounding, or what is left of a gradient that is nearly 0; parameters with
# less than so much of such a direction keep their uncertainty.
_FLAT, _INVOLVED = 1e-8, 1e-2


def fit_results(
    model: FitModel,
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
    covariance, condition, loose = covariance_of(model, data, point, held | fixed)
    undetermined = tuple(name for name, flat in zip(model.parameter_names, loose, strict=True) if flat)
    sigma = np.sqrt(np.diag(covariance))
    uncertainty = sigma if model.curvature_errors else bounded_uncertainty(point, sigma, bounds)
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.where(np.outer(sigma, sigma) > 0, covariance / np.outer(sigma, sigma), 0.0)
    status = _STATUS[int(found.status[lane])]
    at_bound = tuple(name for name, at in zip(model.parameter_names, held, strict=True) if at)
    empty = model.nonpositive_bins(point)
    impossible = bool(model.likelihood.impossible(point[None], data[None])[0])
    message = _message(model, status, undetermined, at_bound, empty, point, bounds)
    if impossible and status == "converged":
        message = f"{message} {_IMPOSSIBLE}".strip()
    near = _near_bound(model, point, sigma, uncertainty, bounds)
    if near and status == "converged":
        message = f"{message} {near}".strip()
    negative = negative_message(model, point)
    if negative and status == "converged":
        message = f"{message} {negative}".strip()
    if status == "converged":
        message = f"{message} {model.remarks(point)}".strip()
    if second is not None:
        message = f"{message} {second}".strip()
    if model.weighted(data):
        message = f"{message} {_WEIGHTED}".strip()
    report = FitReport(
        ok=status == "converged" and not undetermined,
        status=status,
        message=message,
        edm=float(found.edm[lane]),
        gradient_norm=float(found.gradient_norm[lane]),
        at_bound=at_bound,
        undetermined=undetermined,
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
        twice_nll=np.inf if impossible else float(found.value[lane]) + constant,
        report=report,
    )


def _near_bound(
    model: FitModel, point: FloatArray, sigma: FloatArray, uncertainty: FloatArray, bounds: FloatArray
) -> str:
    """Say which POI has an uncertainty that its bound has made much larger than its curvature says."""
    places = [model.index(name) for name in model.poi_names]
    wide = [i for i in places if sigma[i] > 0 and uncertainty[i] > _WIDE * sigma[i]]
    words = [
        f"{model.parameter_names[i]} is {point[i]:.3g}, near its bound "
        f"{bounds[i][np.abs(bounds[i] - point[i]).argmin()]:.4g}: {uncertainty[i]:.2g} is Minuit's way to "
        f"count there; its curvature says {sigma[i]:.2g}. Use minos or interval."
        for i in wide
    ]
    return " ".join(words)


def second_minimum(model: FitModel, explored: Explored) -> SecondMinimum | None:
    """Describe the second minimum of the first lane, if one was met."""
    rise = float(explored.second_value[0] - explored.fit.value[0])
    if not np.isfinite(rise):
        return None
    values = dict(zip(model.parameter_names, explored.second_points[0].tolist(), strict=True))
    lowest = explored.fit.points[0]
    moved = np.abs(explored.second_points[0] - lowest) / np.maximum(np.abs(model.init - lowest), 1.0)
    return SecondMinimum(rise, model.parameter_names[int(np.argmax(moved))], values)


def bounded_uncertainty(point: FloatArray, sigma: FloatArray, bounds: FloatArray) -> FloatArray:
    """Return the uncertainties of bounded parameters as Minuit's HESSE does.

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


def covariance_of(
    model: FitModel, data: FloatArray, point: FloatArray, held: BoolArray
) -> tuple[FloatArray, float, BoolArray]:
    """Invert the curvature of the free parameters where that can be done.

    Parameters
    ----------
    model : FitModel
        The model.
    data : ndarray, shape (n_data,)
        Complete data.
    point : ndarray, shape (n_parameters,)
        The minimum.
    held : ndarray of bool, shape (n_parameters,)
        Parameters without uncertainty.

    Returns
    -------
    covariance : ndarray, shape (n_parameters, n_parameters)
        0 for parameters that are held, nan on the diagonal of those that are not determined.
    condition : float
        Condition number of the curvature, scaled to unit diagonal.
    loose : ndarray of bool, shape (n_parameters,)
        Parameters that move along a direction in which -2 log L does not rise.
    """
    covariance = np.zeros((point.size, point.size))
    loose = np.zeros(point.size, dtype=bool)
    free = np.flatnonzero(~held)
    if not free.size:
        return covariance, 1.0, loose
    block = model.likelihood.objective(point[None], data[None], 2).curvature[0][np.ix_(free, free)]
    if not np.isfinite(block).all():
        covariance[free, free], loose[free] = np.nan, True
        return covariance, np.inf, loose
    diagonal = np.diag(block)
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    values, vectors = np.linalg.eigh(block * np.outer(scale, scale))
    flat = values <= _FLAT * max(float(values[-1]), 0.0)
    inverse = (vectors[:, ~flat] / values[~flat]) @ vectors[:, ~flat].T
    # -2 log L rises by 1 at one standard deviation: the covariance is twice the inverse curvature.
    covariance[np.ix_(free, free)] = 2 * inverse * np.outer(scale, scale)
    sandwich = getattr(model.likelihood, "sandwich", None)
    spread = None if sandwich is None else sandwich(point, data[None])
    if spread is not None:
        # Weighted events: what the gradient really scatters by, between two inverse curvatures.
        half = 0.5 * covariance
        covariance = half @ spread @ half
    if not flat.any():
        return covariance, float(values[-1] / values[0]), loose
    loose[free] = np.sqrt((vectors[:, flat] ** 2).sum(axis=1)) > _INVOLVED
    covariance[loose], covariance[:, loose] = 0.0, 0.0
    covariance[loose, loose] = np.nan
    return covariance, np.inf, loose


def _message(
    model: FitModel,
    status: str,
    undetermined: tuple[str, ...],
    at_bound: tuple[str, ...],
    empty: tuple[str, ...],
    point: FloatArray,
    bounds: FloatArray,
) -> str:
    words = []
    if status == "invalid start" and not model.n_bins:
        words.append(
            "The likelihood does not exist at any start tried: a density is negative or 0 at some "
            "event, or an "
            "argument is outside its limits. Give other starting values or bounds."
        )
    elif status == "invalid start":
        where = ", ".join(empty) or "some bin"
        words.append(
            f"The expected rate of {where} is not positive where data lie, at every start tried: "
            "merge the bin or give it a background."
        )
    elif status != "converged":
        words.append("The values are not a minimum: try other starting values, or minimizer='minuit'.")
    elif undetermined:
        more = f" and {len(undetermined) - 6} more" if len(undetermined) > 6 else ""
        words.append(
            "-2 log L does not rise in some direction: the data do not determine "
            f"{', '.join(undetermined[:6])}{more}. Hold one of them, or merge what cannot be told apart."
        )
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
    if "code2" in model.interpolation.values():
        words.append("Code 2 jumps where a parameter is +-1: a lower minimum may lie behind such a jump.")
    return " ".join(words)
