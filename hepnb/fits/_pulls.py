"""Toy studies of a fit: pulls, bias and coverage of every parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hepnb.errors import ModelError
from hepnb.executor import Executor, run_ordered
from hepnb.fits._fit import fit
from hepnb.fits._solve import solve
from hepnb.fits.options import Bounds, Fixed, Init, adjusted, named_options, one_number
from hepnb.fits.pseudodata import sample
from hepnb.fits.report import bounded_uncertainty, covariance_of
from hepnb.model import FitModel, as_numbers, one_data_set
from hepnb.progress import Cancel, Progress
from hepnb.savable import Savable
from hepnb.typing import BoolArray, FloatArray

__all__ = ["PullResults", "pulls"]

_BATCH = 250


@dataclass(frozen=True, eq=False)
class PullResults(Savable):
    """Fits of pseudo-data drawn at known values.

    Parameters
    ----------
    labels : tuple of str
        The parameters that are free.
    truth : ndarray, shape (n_parameters,)
        Where the toys were drawn.
    values, errors : ndarray, shape (toy, n_parameters)
        What was fitted, with its uncertainty from the curvature.
    ok : ndarray of bool, shape (toy,)
        Fits that converged; the numbers below are theirs.
    cancelled : bool
        The study was stopped.
    """

    labels: tuple[str, ...]
    truth: FloatArray
    values: FloatArray
    errors: FloatArray
    ok: BoolArray
    cancelled: bool = False

    @property
    def pulls(self) -> FloatArray:
        """(value - truth) / error of the fits that converged, shape (toy, n_parameters); nan at a bound."""
        errors = np.where(self.errors > 0, self.errors, np.nan)
        return np.asarray((self.values - self.truth)[self.ok] / errors[self.ok])

    @property
    def mean(self) -> FloatArray:
        """Mean of the pulls, shape (n_parameters,); 0 without bias."""
        return np.asarray(np.nanmean(self.pulls, axis=0))

    @property
    def mean_error(self) -> FloatArray:
        """Statistical uncertainty of the mean."""
        return np.asarray(self.width / np.sqrt(self._counted))

    @property
    def width(self) -> FloatArray:
        """Standard deviation of the pulls, shape (n_parameters,); 1 with right uncertainties."""
        return np.asarray(np.nanstd(self.pulls, axis=0, ddof=1))

    @property
    def width_error(self) -> FloatArray:
        """Statistical uncertainty of the width, for normal pulls."""
        return np.asarray(self.width / np.sqrt(2 * np.maximum(self._counted - 1, 1)))

    @property
    def coverage(self) -> FloatArray:
        """Fraction of toys with the truth within one uncertainty, shape (n_parameters,); 0.683 if normal."""
        inside = np.where(np.isnan(self.pulls), np.nan, np.abs(self.pulls) < 1)
        return np.asarray(np.nanmean(inside, axis=0))

    @property
    def _counted(self) -> FloatArray:
        return np.asarray(np.maximum(np.count_nonzero(~np.isnan(self.pulls), axis=0), 1), dtype=float)

    def __repr__(self) -> str:
        rows = zip(self.labels, self.mean, self.mean_error, self.width, self.width_error, strict=True)
        shown = [f"{n} mean {m:.2f} +- {e:.2f}, width {w:.2f} +- {f:.2f}" for n, m, e, w, f in list(rows)[:4]]
        more = f", and {len(self.labels) - 4} more" if len(self.labels) > 4 else ""
        return f"PullResults({self.ok.sum()} of {self.ok.size} toys; {'; '.join(shown)}{more})"


@named_options
def pulls(
    data: ArrayLike | None,
    model: FitModel,
    *,
    n_toys: int = 1000,
    seed: int | np.random.SeedSequence | None = None,
    truth: Init | None = None,
    init: Init | None = None,
    bounds: Bounds | None = None,
    fixed: Fixed | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    executor: Executor | None = None,
) -> PullResults:
    """Draw pseudo-data at known values of the parameters, and fit them.

    Parameters
    ----------
    data : array_like or None
        Data whose best fit is the truth; the observed ones if None.
    model : FitModel
        The model, density or loss.
    n_toys : int
        How many pseudo-experiments.
    seed : int or SeedSequence, optional
        The same seed gives the same toys.
    truth : array_like, shape (n_parameters,), or mapping of str to float, optional
        Other values at which to draw, all or some by name; the best fit by default.
    init, bounds, fixed
        Other starting values, bounds and fixed parameters, as for :func:`hepnb.fit`.
    progress : callable, optional
        Called with (done, total) toys.
    cancel : Cancel, optional
        Looked at between batches of toys.
    executor : concurrent.futures.Executor or dask.distributed.Client, optional
        Where the toys are fitted; here by default, with the same results.

    Returns
    -------
    PullResults
        Values, uncertainties, pulls and coverage. Each fit starts at the truth.

    Raises
    ------
    ModelError
        A number of toys that is none; a parameter that does not exist; all parameters are fixed.

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.densities import Exponential
    >>> from hepnb.fits import pulls
    >>> density = Exponential(range=(0, 4), lambda_=-0.5)
    >>> found = pulls(density.sample(400, seed=1), density, n_toys=300, seed=2)
    >>> bool(abs(found.mean[0]) < 5 * found.mean_error[0]), bool(abs(found.width[0] - 1) < 0.2)
    (True, True)
    """
    number: Any = n_toys
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 1:
        raise ModelError(f"n_toys is {n_toys!r}. Give a whole number of toys.")
    counts = one_data_set(data, model)
    model = adjusted(model, init, bounds, fixed)
    if model.fixed.all():
        raise ModelError(f"all parameters are fixed ({', '.join(model.parameter_names)}). Leave one free.")
    point = _true_point(counts, model, truth)
    seeds = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    sizes = [min(_BATCH, n_toys - begin) for begin in range(0, n_toys, _BATCH)]
    tasks = list(zip(sizes, seeds.spawn(len(sizes)), strict=True))
    report = None if progress is None else lambda done, _: progress(min(done * _BATCH, n_toys), n_toys)
    found = run_ordered(executor, partial(_batch, model, counts, point), tasks, report, cancel)
    done = [part for part in found if part is not None]
    free = np.flatnonzero(~model.fixed)
    empty = np.empty((0, point.size))
    values = np.concatenate([empty, *(part[0] for part in done)])[:, free]
    errors = np.concatenate([empty, *(part[1] for part in done)])[:, free]
    ok = np.concatenate([np.empty(0, dtype=bool), *(part[2] for part in done)])
    labels = tuple(model.parameter_names[i] for i in free)
    return PullResults(labels, point[free], values, errors, ok, len(done) < len(found))


def _true_point(data: FloatArray, model: FitModel, truth: Init | None) -> FloatArray:
    """Return the best fit, with other values where they are given."""
    if truth is not None and not isinstance(truth, Mapping):
        point = as_numbers(truth, "truth")
        if point.shape != model.init.shape:
            raise ModelError(f"truth has shape {point.shape}, the model {model.n_parameters} parameters.")
        return point
    point = fit(data, model).bestfit.copy()
    for name, value in (truth or {}).items():
        point[model.index(name)] = one_number(value, f"truth of {name!r}")
    return point


def _batch(
    model: FitModel, data: FloatArray, point: FloatArray, task: tuple[int, np.random.SeedSequence]
) -> tuple[FloatArray, FloatArray, BoolArray]:
    size, seed = task
    drawn = model.keep_auxiliary(sample(model, point, size, np.random.default_rng(seed)), data)
    fixed = np.tile(model.fixed, (size, 1))
    found = solve(model, drawn, np.tile(point, (size, 1)), fixed)
    errors = np.zeros(found.points.shape)
    alike = np.flatnonzero(found.ok & ~found.held.any(axis=1))
    free = np.flatnonzero(~model.fixed)
    if alike.size:
        curvature = model.likelihood.objective(found.points[alike], drawn[alike], 2).curvature
        block = curvature[:, free[:, None], free]
        sound = np.linalg.eigvalsh(block)[:, 0] > 0
        variance = 2 * np.einsum("lpp->lp", np.linalg.inv(block[sound]))
        errors[alike[sound][:, None], free] = np.sqrt(np.maximum(variance, 0.0))
    for lane in np.setdiff1d(np.flatnonzero(found.ok), alike):
        covariance, _, _ = covariance_of(
            model, drawn[lane], found.points[lane], found.held[lane] | fixed[lane]
        )
        errors[lane] = np.sqrt(np.diag(covariance))
    if not model.curvature_errors:
        errors = np.stack(
            [bounded_uncertainty(p, e, model.bounds) for p, e in zip(found.points, errors, strict=True)]
        )
    return found.points, errors, found.ok
