"""Profiles of the likelihood: along one parameter, over two, and the MINOS intervals they give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.errors import ModelError
from hepnb.executor import Engine
from hepnb.fits.batched import BatchedFit
from hepnb.fits.fit import fit
from hepnb.fits.results import FitResults
from hepnb.fits.shares import solve_in_shares
from hepnb.model import Model, one_data_set
from hepnb.progress import Cancel, Progress

__all__ = ["ContourResults", "MinosResults", "ProfileResults", "contour", "minos", "profile"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_ROUNDS = 12
_PRECISION = 1e-4
# Fits that are counted, stopped and shared out together.
_BATCH = 128


@dataclass(frozen=True, eq=False)
class ProfileResults:
    """The profile likelihood along one parameter.

    Parameters
    ----------
    name : str
        The parameter.
    bestfit, uncertainty : float
        Of the free fit.
    values : ndarray, shape (k,)
        Where it was held.
    delta : ndarray, shape (k,)
        -2 log L minus its free minimum; nan where a fit failed.
    points : ndarray, shape (k, n_parameters)
        The conditional minima.
    ok : ndarray of bool, shape (k,)
        Where the fit converged.
    cancelled : bool
        The scan was stopped; what was not done is nan.
    """

    name: str
    bestfit: float
    uncertainty: float
    values: FloatArray
    delta: FloatArray
    points: FloatArray
    ok: BoolArray
    cancelled: bool = False


@dataclass(frozen=True, eq=False)
class ContourResults:
    """The profile likelihood over two parameters.

    Parameters
    ----------
    names : tuple of str
        The two parameters.
    x, y : ndarray, shape (k,), (l,)
        Where they were held.
    delta : ndarray, shape (l, k)
        -2 log L minus its free minimum; nan where a fit failed. 68.3 % and 95.4 % of probability lie inside
        2.30 and 6.18.
    bestfit : tuple of float
        The free minimum.
    cancelled : bool
        The scan was stopped; what was not done is nan.
    """

    names: tuple[str, str]
    x: FloatArray
    y: FloatArray
    delta: FloatArray
    bestfit: tuple[float, float]
    cancelled: bool = False


@dataclass(frozen=True, eq=False)
class MinosResults:
    """Asymmetric uncertainties from profiles.

    Parameters
    ----------
    labels : tuple of str
        The parameters.
    lower, upper : ndarray, shape (n,)
        Distances, negative and positive, to where the profile has risen by 1; nan where it does not rise
        that far before a bound, or a fit failed.
    cancelled : bool
        The search was stopped; what it had not found is nan.
    """

    labels: tuple[str, ...]
    lower: FloatArray
    upper: FloatArray
    cancelled: bool = False


def profile(
    parameter: str | int,
    data: ArrayLike | None,
    model: Model,
    values: ArrayLike | None = None,
    *,
    result: FitResults | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    executor: Engine | None = None,
) -> ProfileResults:
    """Scan one parameter, fitting all others at each value.

    Parameters
    ----------
    parameter : str or int
        Which one.
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Data; the observed ones if None.
    model : Model
        The model.
    values : array_like, shape (k,), optional
        Where; 31 values over three standard deviations, within the bounds, by default.
    result : FitResults, optional
        The free fit, if already done.
    progress : callable, optional
        Called with (done, total) fits.
    cancel : Cancel, optional
        Looked at between batches of fits; what is not done is nan.
    executor : concurrent.futures.Executor or dask.distributed.Client, optional
        Where the batches are done; here by default.

    Returns
    -------
    ProfileResults
        One entry per value. If a conditional fit lies below the free one, that one starts again from there.

    Raises
    ------
    ModelError
        The parameter does not exist, or is fixed.

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.fits import profile
    >>> from hepnb.workspace import uncorrelated_background
    >>> model = hepnb.Model(
    ...     uncorrelated_background(
    ...         signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[56, 60]
    ...     )
    ... )
    >>> profile("mu", None, model, [0.0, 0.5, 1.0]).delta.round(3)
    array([1.135, 0.019, 0.571])
    """
    position = _movable(parameter, model)
    counts = one_data_set(data, model)
    free = fit(counts, model) if result is None else result
    if values is None:
        spread = _spread(model, free, position)
        reach = free.bestfit[position] + 3 * spread * np.array([-1.0, 1.0])
        low, high = np.clip(reach, *model.bounds[position])
        grid = np.linspace(low, high, 31)
    else:
        grid = np.atleast_1d(np.asarray(values, dtype=float))
    found, free, stopped = _conditional(model, counts, free, {position: grid}, progress, cancel, executor)
    return ProfileResults(
        name=model.parameter_names[position],
        bestfit=float(free.bestfit[position]),
        uncertainty=float(free.uncertainty[position]),
        values=grid,
        delta=found[0],
        points=found[1],
        ok=np.isfinite(found[0]),
        cancelled=stopped,
    )


def contour(
    first: str | int,
    second: str | int,
    data: ArrayLike | None,
    model: Model,
    *,
    size: int = 25,
    reach: float = 3.0,
    result: FitResults | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    executor: Engine | None = None,
) -> ContourResults:
    """Scan two parameters, fitting all others at each point of a grid.

    Parameters
    ----------
    first, second : str or int
        Which ones.
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Data; the observed ones if None.
    model : Model
        The model.
    size : int
        Points per axis.
    reach : float
        Standard deviations to each side, within the bounds.
    result : FitResults, optional
        The free fit, if already done.
    progress : callable, optional
        Called with (done, total) fits.
    cancel : Cancel, optional
        Looked at between batches of fits; what is not done is nan.
    executor : concurrent.futures.Executor or dask.distributed.Client, optional
        Where the batches are done; here by default.

    Returns
    -------
    ContourResults
        The grid.

    Raises
    ------
    ModelError
        A parameter does not exist, is fixed, or is named twice.

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.workspace import uncorrelated_background
    >>> model = hepnb.Model(
    ...     uncorrelated_background(
    ...         signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[56, 60]
    ...     )
    ... )
    >>> found = contour("mu", "uncorr_bkguncrt[0]", None, model, size=5)
    >>> found.delta.shape, int(found.delta.argmin())  # the middle of the third row: next to the best fit
    ((5, 5), 11)
    """
    one, two = _movable(first, model), _movable(second, model)
    if one == two:
        raise ModelError(f"a contour needs two parameters; {model.parameter_names[one]!r} is named twice.")
    counts = one_data_set(data, model)
    free = fit(counts, model) if result is None else result
    axes = []
    for position in (one, two):
        spread = _spread(model, free, position)
        ends = free.bestfit[position] + reach * spread * np.array([-1.0, 1.0])
        low, high = np.clip(ends, *model.bounds[position])
        axes.append(np.linspace(low, high, size))
    x, y = np.meshgrid(*axes)
    held = {one: x.ravel(), two: y.ravel()}
    found, free, stopped = _conditional(model, counts, free, held, progress, cancel, executor)
    return ContourResults(
        names=(model.parameter_names[one], model.parameter_names[two]),
        x=axes[0],
        y=axes[1],
        delta=found[0].reshape(size, size),
        bestfit=(float(free.bestfit[one]), float(free.bestfit[two])),
        cancelled=stopped,
    )


def minos(
    data: ArrayLike | None,
    model: Model,
    parameters: Sequence[str | int] | None = None,
    *,
    result: FitResults | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    executor: Engine | None = None,
) -> MinosResults:
    """Give asymmetric uncertainties: where the profile of each parameter has risen by 1.

    Parameters
    ----------
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Data; the observed ones if None.
    model : Model
        The model.
    parameters : sequence of str or int, optional
        Which ones; all that are not fixed by default.
    result : FitResults, optional
        The free fit, if already done.
    progress : callable, optional
        Called with (done, total) fits.
    cancel : Cancel, optional
        Looked at between batches of fits; what is not done is nan.
    executor : concurrent.futures.Executor or dask.distributed.Client, optional
        Where the batches are done; here by default.

    Returns
    -------
    MinosResults
        Both sides of each parameter, to 1e-4 in -2 log L; nan where there is no crossing within the bounds.

    Raises
    ------
    ModelError
        A parameter does not exist or is fixed.

    References
    ----------
    F. James, M. Winkler, MINUIT User's Guide (2004), section 1.3.

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.workspace import uncorrelated_background
    >>> model = hepnb.Model(
    ...     uncorrelated_background(
    ...         signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[56, 60]
    ...     )
    ... )
    >>> found = minos(None, model, ["mu"])
    >>> print(f"{found.labels[0]} {found.lower[0]:+.3f} {found.upper[0]:+.3f}")
    mu -0.542 +0.563
    """
    counts = one_data_set(data, model)
    free = fit(counts, model) if result is None else result
    if parameters is None:
        places = np.flatnonzero(~model.fixed)
    else:
        places = np.array([_movable(name, model) for name in parameters])
    where, sign = np.repeat(places, 2), np.tile([-1.0, 1.0], places.size)
    origin = free.bestfit[where]
    spread = np.where(free.curvature_uncertainty[where] > 0, free.curvature_uncertainty[where], 1.0)
    edge = np.where(sign < 0, model.bounds[where, 0], model.bounds[where, 1])
    room = np.abs(edge - origin)
    reach = np.minimum(spread, room)
    low, high = np.zeros(where.size), np.full(where.size, np.inf)
    answer = np.full(where.size, np.nan)
    open_lanes = room > 1e-9 * spread
    for _ in range(_ROUNDS):
        lanes = np.flatnonzero(open_lanes)
        if progress is not None:
            progress(where.size - lanes.size, where.size)
        if not lanes.size or (cancel is not None and cancel.is_set()):
            break
        rise = _rises(model, counts, free, where[lanes], (origin + sign * reach)[lanes], cancel, executor)
        done = np.abs(rise - 1) < _PRECISION
        answer[lanes[done]] = reach[lanes[done]]
        stuck = np.isnan(rise) | ((rise < 1) & (reach[lanes] >= room[lanes]))
        open_lanes[lanes[done | stuck]] = False
        below = rise < 1
        low[lanes[below]], high[lanes[~below]] = reach[lanes[below]], reach[lanes[~below]]
        # sqrt(delta) is nearly straight: the next guess follows it, kept inside the bracket.
        guess = reach[lanes] / np.sqrt(np.maximum(np.nan_to_num(rise, nan=1.0, posinf=4.0), 1e-3))
        inside = (guess > low[lanes]) & (guess < high[lanes])
        middle = np.where(np.isfinite(high[lanes]), 0.5 * (low[lanes] + high[lanes]), 2 * reach[lanes])
        reach[lanes] = np.minimum(np.where(inside, guess, middle), room[lanes])
    return MinosResults(
        labels=tuple(model.parameter_names[p] for p in places),
        lower=-answer[0::2],
        upper=answer[1::2],
        cancelled=bool(open_lanes.any()) and cancel is not None and cancel.is_set(),
    )


def _spread(model: Model, free: FitResults, position: int) -> float:
    sigma = float(free.curvature_uncertainty[position])
    return sigma if sigma > 0 else 0.25 * float(np.ptp(model.bounds[position]))


def _movable(parameter: str | int, model: Model) -> int:
    position = model.index(parameter)
    if model.fixed[position]:
        raise ModelError(f"parameter {model.parameter_names[position]!r} is fixed; it has no profile.")
    return position


def _rises(
    model: Model,
    data: FloatArray,
    free: FitResults,
    where: NDArray[np.intp],
    values: FloatArray,
    cancel: Cancel | None,
    executor: Engine | None,
) -> FloatArray:
    """Hold a different parameter in each lane; give the rise of -2 log L, shape (lane,)."""
    start = np.tile(free.bestfit, (where.size, 1))
    fixed = np.tile(model.fixed, (where.size, 1))
    lanes = np.arange(where.size)
    start[lanes, where], fixed[lanes, where] = values, True
    found, _ = solve_in_shares(model, data, start, fixed, None, cancel, executor, _BATCH)
    constant = float(model.likelihood.constant(data[None])[0])
    rise = np.where(found.ok, np.where(found.ok, found.value, 0.0) + constant - free.twice_nll, np.nan)
    return np.where(_impossible(model, data, found), np.inf, rise)


def _impossible(model: Model, data: FloatArray, found: BatchedFit) -> BoolArray:
    """Tell which fits that converged have events where none can be, shape (lane,)."""
    points = np.where(found.ok[:, None], found.points, model.init)
    return np.asarray(found.ok & model.likelihood.impossible(points, data[None]))


def _conditional(
    model: Model,
    data: FloatArray,
    free: FitResults,
    held: dict[int, FloatArray],
    progress: Progress | None,
    cancel: Cancel | None,
    executor: Engine | None,
) -> tuple[tuple[FloatArray, FloatArray], FitResults, bool]:
    """Hold the same parameters at many values; repeat the free fit if it was not the lowest."""
    count = next(iter(held.values())).size
    start, fixed = np.tile(free.bestfit, (count, 1)), np.tile(model.fixed, (count, 1))
    for position, values in held.items():
        start[:, position], fixed[:, position] = values, True
    found, stopped = solve_in_shares(model, data, start, fixed, progress, cancel, executor, _BATCH)
    constant = float(model.likelihood.constant(data[None])[0])
    value = np.where(found.ok, np.where(found.ok, found.value, 0.0) + constant, np.nan)
    value = np.where(_impossible(model, data, found), np.inf, value)
    inside = np.ones(count, dtype=bool)
    for position, values in held.items():
        inside &= (values >= model.bounds[position, 0]) & (values <= model.bounds[position, 1])
    lowest = np.where(inside & found.ok, value, np.inf)
    if lowest.min() < free.twice_nll - 1e-6:
        again = fit(data, model, init=found.points[int(np.argmin(lowest))])
        free = again if again.twice_nll < free.twice_nll else free
    return (value - free.twice_nll, found.points), free, stopped
