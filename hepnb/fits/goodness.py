"""Goodness of fit against the saturated model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaincc

from hepnb.accelerated import check_device, fits_at_once, on_device
from hepnb.errors import ModelError
from hepnb.executor import Executor, run_ordered
from hepnb.fits._fit import fit
from hepnb.fits._solve import solve
from hepnb.fits.options import Bounds, Fixed, Init, adjusted, named_options
from hepnb.fits.pseudodata import sample
from hepnb.fits.results import FitResults
from hepnb.model import FitModel, one_data_set
from hepnb.progress import Cancel, Progress
from hepnb.savable import Savable
from hepnb.typing import FloatArray

__all__ = ["GoodnessResults", "goodness_of_fit"]


_BATCH = 500


@dataclass(frozen=True, eq=False)
class GoodnessResults(Savable):
    """How well a model describes the data.

    Parameters
    ----------
    statistic : float
        -2 log of the likelihood ratio to the saturated model.
    n_dof : int
        Bins minus parameters without a constraint.
    p_value : float
        Upper tail of the chi-squared law; nan without degrees of freedom.
    toys : ndarray, shape (n,)
        The statistic of each toy, without those whose fits failed; empty if none were asked for.
    toy_p_value : float
        The fraction of toys at or above the statistic of the data; nan without toys.
    toy_uncertainty : float
        Its statistical uncertainty: the standard deviation of the true fraction after n toys, which is
        sqrt(p (1 - p) / n) where p is far from 0 and 1 and does not vanish there.
    n_failed : int
        Toys whose fits failed.
    cancelled : bool
        The study was stopped; the toys are those it had.
    """

    statistic: float
    n_dof: int
    p_value: float
    toys: FloatArray = field(default_factory=lambda: np.empty(0))
    toy_p_value: float = math.nan
    toy_uncertainty: float = math.nan
    n_failed: int = 0
    cancelled: bool = False

    def __repr__(self) -> str:
        text = f"statistic {self.statistic:.4g}, {self.n_dof} degrees of freedom, p = {self.p_value:.4g}"
        if np.size(self.toys):
            text += f", {self.toy_p_value:.4g} +- {self.toy_uncertainty:.2g} from {np.size(self.toys)} toys"
        return f"GoodnessResults({text}{', stopped' if self.cancelled else ''})"


@named_options
def goodness_of_fit(
    data: ArrayLike | None,
    model: FitModel,
    *,
    n_toys: int = 0,
    seed: int | np.random.SeedSequence | None = None,
    init: Init | None = None,
    bounds: Bounds | None = None,
    fixed: Fixed | None = None,
    result: FitResults | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    executor: Executor | None = None,
    device: Any = None,
) -> GoodnessResults:
    """Compare the best fit with a model that describes every bin perfectly.

    Parameters
    ----------
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Data; the observed ones if None.
    model : FitModel
        The model.
    n_toys : int
        Pseudo-experiments to draw from the best fit and to fit, for a p-value where the chi-squared law does
        not hold: few events, or parameters at bounds. Auxiliary data are drawn too, but for parameters that
        are fixed.
    seed : int or SeedSequence, optional
        The same seed gives the same toys.
    init, bounds, fixed
        Other starting values, bounds and fixed parameters, as for :func:`hepnb.fit`.
    result : FitResults, optional
        The free fit with these options, if already done.
    progress : callable, optional
        Called with (done, total) toys.
    cancel : Cancel, optional
        Looked at between batches of toys.
    executor : concurrent.futures.Executor or dask.distributed.Client, optional
        Where the toys are fitted; here by default, with the same results.
    device : {"cpu", "gpu"} or jax.Device, optional
        Where the fits are done: by the numpy core by default, or on a GPU with JAX. The toys are the same,
        and so are their statistics up to rounding.

    Returns
    -------
    GoodnessResults
        Statistic, degrees of freedom, asymptotic p-value and that from toys.

    Raises
    ------
    ModelError
        A negative number of toys; the best fit expects a negative rate, so that no toys can be drawn.
    AcceleratorError
        There is no JAX or no such device, JAX computes with 32 bits, or the model is not one of HistFactory.

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
    >>> found = goodness_of_fit(None, model, n_toys=200, seed=1)
    >>> found.n_dof, abs(found.toy_p_value - found.p_value) < 4 * found.toy_uncertainty
    (1, True)
    """
    _check(n_toys)
    check_device(device, executor)
    counts = one_data_set(data, model)
    model = adjusted(model, init, bounds, fixed)
    free = fit(counts, model) if result is None else result
    statistic = max(free.twice_nll - float(model.likelihood.constant(counts[None])[0]), 0.0)
    loose = sum(p.kind == "free" for p, held in zip(model.parameters, model.fixed, strict=True) if not held)
    n_dof = model.n_points(counts) - loose
    p_value = float(gammaincc(0.5 * n_dof, 0.5 * statistic)) if n_dof > 0 else math.nan
    if not n_toys:
        return GoodnessResults(statistic, n_dof, p_value)
    seeds = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    sizes = [min(_BATCH, n_toys - begin) for begin in range(0, n_toys, _BATCH)]
    tasks = list(zip(sizes, seeds.spawn(len(sizes)), strict=True))
    group = _batches_at_once(model, device, executor)
    shares = [tasks[begin : begin + group] for begin in range(0, len(tasks), group)]
    share = group * _BATCH
    report = None if progress is None else lambda done, _: progress(min(done * share, n_toys), n_toys)
    work = partial(_batches, model, counts, free.bestfit, device)
    found = run_ordered(executor, work, shares, report, cancel)
    values = np.concatenate([np.empty(0), *(part for part in found if part is not None)])
    good = values[~np.isnan(values)]
    # Counts repeat, and a toy equal to the data must not fall below them by rounding.
    above = int(np.count_nonzero(good >= statistic - 1e-8 * (1 + statistic)))
    fraction, sigma = _fraction(above, good.size)
    cancelled = any(part is None for part in found)
    return GoodnessResults(
        statistic, n_dof, p_value, good, fraction, sigma, values.size - good.size, cancelled
    )


def _check(n_toys: object) -> None:
    if isinstance(n_toys, bool) or not isinstance(n_toys, int | np.integer) or n_toys < 0:
        raise ModelError(f"n_toys is {n_toys!r}. Give a whole number of toys, 0 for none.")


def _fraction(above: int, size: int) -> tuple[float, float]:
    if not size:
        return math.nan, math.nan
    # Of the beta law that a flat prior and a binomial count give.
    middle = (above + 1) / (size + 2)
    return above / size, math.sqrt(middle * (1 - middle) / (size + 3))


def _batches_at_once(model: FitModel, device: Any, executor: Executor | None) -> int:
    """Say how many batches are fitted together: on a device, as many as its memory holds."""
    if executor is not None or device is None:
        return 1
    return max(1, fits_at_once(model, device) // _BATCH)


def _batches(
    model: FitModel,
    data: FloatArray,
    point: FloatArray,
    device: Any,
    tasks: Sequence[tuple[int, np.random.SeedSequence]],
) -> FloatArray:
    """Draw and fit toys; give the statistic of each, nan where its fit failed."""
    parts = [sample(model, point, size, np.random.default_rng(seed)) for size, seed in tasks]
    drawn = model.keep_auxiliary(np.concatenate(parts), data)
    start, fixed = np.tile(point, (len(drawn), 1)), np.tile(model.fixed, (len(drawn), 1))
    found = solve(on_device(model, device), drawn, start, fixed)
    # The value is relative to that of rates equal to the data: it is the statistic.
    return np.where(found.ok, np.maximum(found.value, 0.0), np.nan)
