"""Profiles of the likelihood: along one parameter, and over two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.errors import ModelError
from hepnb.executor import Executor
from hepnb.fits._fit import fit
from hepnb.fits.conditional import impossible, known_minima, movable
from hepnb.fits.neighbours import hand_over
from hepnb.fits.options import Bounds, Fixed, Init, adjusted, named_options
from hepnb.fits.results import FitResults
from hepnb.fits.shares import solve_in_shares
from hepnb.model import FitModel, as_points, one_data_set
from hepnb.progress import Cancel, Progress
from hepnb.savable import Savable
from hepnb.typing import FloatArray, IntArray

__all__ = ["ContourResults", "ProfileResults", "contour", "profile"]


# Fits that are counted, stopped and shared out together.
_BATCH = 128


@dataclass(frozen=True, eq=False)
class ProfileResults(Savable):
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
    ok: NDArray[np.bool_]
    cancelled: bool = False

    @property
    def parameter_values(self) -> FloatArray:
        """Where the parameter was held, by cabinetry's name."""
        return self.values

    @property
    def delta_nlls(self) -> FloatArray:
        """-2 log L minus its free minimum, by cabinetry's name."""
        return self.delta


@dataclass(frozen=True, eq=False)
class ContourResults(Savable):
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


@named_options
def profile(
    parameter: str | int,
    data: ArrayLike | None,
    model: FitModel,
    values: ArrayLike | None = None,
    *,
    init: Init | None = None,
    bounds: Bounds | None = None,
    fixed: Fixed | None = None,
    result: FitResults | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    executor: Executor | None = None,
) -> ProfileResults:
    """Scan one parameter, fitting all others at each value.

    Parameters
    ----------
    parameter : str or int
        Which one.
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Data; the observed ones if None.
    model : FitModel
        The model.
    values : array_like, shape (k,), optional
        Where; 31 values over three standard deviations, within the bounds, by default.
    init, bounds, fixed
        Other starting values, bounds and fixed parameters, as for :func:`hepnb.fit`.
    result : FitResults, optional
        The free fit with these options, if already done.
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
    counts = one_data_set(data, model)
    model = adjusted(model, init, bounds, fixed)
    position = movable(parameter, model)
    free = fit(counts, model) if result is None else result
    if values is None:
        spread = _spread(model, free, position)
        reach = free.bestfit[position] + 3 * spread * np.array([-1.0, 1.0])
        low, high = np.clip(reach, *model.bounds[position])
        grid = np.linspace(low, high, 31)
    else:
        grid = as_points(values, "values")
    order = np.argsort(grid, kind="stable")
    pairs = np.concatenate([order[:-1], order[1:]]), np.concatenate([order[1:], order[:-1]])
    held = {position: grid}
    found, free, stopped = _conditional(model, counts, free, held, progress, cancel, executor, pairs)
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


@named_options
def contour(
    first: str | int,
    second: str | int,
    data: ArrayLike | None,
    model: FitModel,
    *,
    size: int = 25,
    reach: float = 3.0,
    init: Init | None = None,
    bounds: Bounds | None = None,
    fixed: Fixed | None = None,
    result: FitResults | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    executor: Executor | None = None,
) -> ContourResults:
    """Scan two parameters, fitting all others at each point of a grid.

    Parameters
    ----------
    first, second : str or int
        Which ones.
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Data; the observed ones if None.
    model : FitModel
        The model.
    size : int
        Points per axis.
    reach : float
        Standard deviations to each side, within the bounds.
    init, bounds, fixed
        Other starting values, bounds and fixed parameters, as for :func:`hepnb.fit`.
    result : FitResults, optional
        The free fit with these options, if already done.
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
    counts = one_data_set(data, model)
    model = adjusted(model, init, bounds, fixed)
    one, two = movable(first, model), movable(second, model)
    if one == two:
        raise ModelError(f"a contour needs two parameters; {model.parameter_names[one]!r} is named twice.")
    free = fit(counts, model) if result is None else result
    axes = []
    for position in (one, two):
        spread = _spread(model, free, position)
        ends = free.bestfit[position] + reach * spread * np.array([-1.0, 1.0])
        low, high = np.clip(ends, *model.bounds[position])
        axes.append(np.linspace(low, high, size))
    x, y = np.meshgrid(*axes)
    held = {one: x.ravel(), two: y.ravel()}
    table = np.arange(size * size).reshape(size, size)
    first_of = np.concatenate([table[:, :-1].ravel(), table[:-1].ravel()])
    second_of = np.concatenate([table[:, 1:].ravel(), table[1:].ravel()])
    pairs = np.concatenate([first_of, second_of]), np.concatenate([second_of, first_of])
    found, free, stopped = _conditional(model, counts, free, held, progress, cancel, executor, pairs)
    return ContourResults(
        names=(model.parameter_names[one], model.parameter_names[two]),
        x=axes[0],
        y=axes[1],
        delta=found[0].reshape(size, size),
        bestfit=(float(free.bestfit[one]), float(free.bestfit[two])),
        cancelled=stopped,
    )


def _spread(model: FitModel, free: FitResults, position: int) -> float:
    sigma = float(free.curvature_uncertainty[position])
    return sigma if sigma > 0 else 0.25 * float(np.ptp(model.bounds[position]))


def _conditional(
    model: FitModel,
    data: FloatArray,
    free: FitResults,
    held: dict[int, FloatArray],
    progress: Progress | None,
    cancel: Cancel | None,
    executor: Executor | None,
    neighbours: tuple[IntArray, IntArray],
) -> tuple[tuple[FloatArray, FloatArray], FitResults, bool]:
    """Hold the same parameters at many values; repeat the free fit if it was not the lowest."""
    count = next(iter(held.values())).size
    start, fixed = np.tile(free.bestfit, (count, 1)), np.tile(model.fixed, (count, 1))
    for position, values in held.items():
        start[:, position], fixed[:, position] = values, True
    known = known_minima(model, free)
    found, stopped = solve_in_shares(model, data, start, fixed, progress, cancel, executor, _BATCH, known)
    if count > 1 and not stopped:
        hand_over(model, np.broadcast_to(data, (count, data.size)), found, fixed, *neighbours)
    constant = float(model.likelihood.constant(data[None])[0])
    value = np.where(found.ok, np.where(found.ok, found.value, 0.0) + constant, np.nan)
    value = np.where(impossible(model, data, found), np.inf, value)
    inside = np.ones(count, dtype=bool)
    for position, values in held.items():
        inside &= (values >= model.bounds[position, 0]) & (values <= model.bounds[position, 1])
    lowest = np.where(inside & found.ok, value, np.inf)
    if lowest.min() < free.twice_nll - 1e-6:
        again = fit(data, model, init=found.points[int(np.argmin(lowest))])
        free = again if again.twice_nll < free.twice_nll else free
    return (value - free.twice_nll, found.points), free, stopped
