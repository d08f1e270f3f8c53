"""One batch of toys: drawn, fitted twice, and turned into a test statistic.

This is where the time of a toy study goes, nearly all of it in the fits: twice as many lanes as toys, all in
one call of the minimiser. How many toys make a batch depends on the model alone, because toys are drawn batch
by batch, each with a seed of its own: the same seed gives the same toys wherever the batches are done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hepnb.accelerated import fits_at_once, on_device
from hepnb.fits import sample, solve
from hepnb.hypotests.definitions import TestStatistic, statistic_named
from hepnb.hypotests.toy_minima import lowest_minima
from hepnb.model import FitModel
from hepnb.typing import FloatArray

__all__ = ["ToyTask", "batch_size", "batches_at_once", "do_batch", "do_batches", "sample", "toy_statistics"]


# Toys times parameters: a batch is long enough to keep the minimiser's lanes filled, and short enough to be
# stopped after.
_MOST, _FEWEST, _ROOM = 2000, 100, 60_000
# Batches that a worker with a device does together.
_BATCHES_OF_WORKER = 8


@dataclass(frozen=True, eq=False)
class ToyTask:
    """One batch to do.

    Parameters
    ----------
    origin : ndarray, shape (n_parameters,)
        The point the toys come from.
    mu : float
        The value tested.
    test_stat : str
        The statistic.
    size : int
        How many toys.
    seed : numpy.random.SeedSequence
        Of this batch alone.
    """

    origin: FloatArray
    mu: float
    test_stat: str
    size: int
    seed: np.random.SeedSequence


def batch_size(model: FitModel) -> int:
    """Say how many toys of a model make a batch."""
    return int(np.clip(_ROOM // model.n_parameters, _FEWEST, _MOST))


def do_batch(model: FitModel, task: ToyTask) -> FloatArray:
    """Draw and fit one batch of toys.

    Parameters
    ----------
    model : FitModel
        The model.
    task : ToyTask
        What to do.

    Returns
    -------
    ndarray, shape (task.size,)
        -2 log of the profile likelihood ratio; nan where a fit failed.
    """
    data = sample(model, task.origin, task.size, np.random.default_rng(task.seed))
    chosen = statistic_named(task.test_stat)
    return toy_statistics(model, data, task.mu, chosen, task.origin, model.thorough)


def batches_at_once(model: FitModel, device: Any, executor: object) -> int:
    """Say how many batches of a stream are done together: on a device, as many as its memory holds.

    Parameters
    ----------
    model : FitModel
        The model.
    device : {"cpu", "gpu"}, jax.Device, or None
        Where the fits are done.
    executor : Executor or None
        With one, the memory of the device is not known here.

    Returns
    -------
    int
        At least one.
    """
    if device is None or device == "cpu":
        return 1
    if executor is not None:
        return _BATCHES_OF_WORKER
    return max(1, fits_at_once(model, device) // (2 * batch_size(model)))


def do_batches(model: FitModel, device: Any, tasks: Sequence[ToyTask]) -> FloatArray:
    """Draw batches of one stream, each with its own seed, and fit them together on a device.

    Parameters
    ----------
    model : FitModel
        The model.
    device : {"gpu"} or jax.Device
        Where the fits are done.
    tasks : sequence of ToyTask
        What to do, all at the same hypothesis.

    Returns
    -------
    ndarray, shape (n,)
        The statistics of all toys, in the order of the tasks.
    """
    drawn = [sample(model, task.origin, task.size, np.random.default_rng(task.seed)) for task in tasks]
    first, there = tasks[0], on_device(model, device)
    return toy_statistics(
        there, np.concatenate(drawn), first.mu, statistic_named(first.test_stat), first.origin
    )


def toy_statistics(
    model: FitModel,
    data: FloatArray,
    mu: float,
    statistic: TestStatistic,
    start: FloatArray,
    many: bool = False,
) -> FloatArray:
    """Fit toys freely and at one hypothesis.

    Where the model may have several minima, each fit has the further starts of
    :mod:`hepnb.hypotests.toy_minima`.

    Parameters
    ----------
    model : FitModel
        The model.
    data : ndarray, shape (n, n_data)
        Pseudo-data.
    mu : float
        The hypothesis.
    statistic : TestStatistic
        Which statistic.
    start : ndarray, shape (n_parameters,)
        Where the fits start: the point the toys come from.
    many : bool
        Fit from all starts to the end: to check the others, or because the model asks for it.

    Returns
    -------
    ndarray, shape (n,)
        -2 log of the profile likelihood ratio; nan where a fit failed.
    """
    poi, count = model.require_poi(), len(data)
    first = np.tile(start, (2 * count, 1))
    first[count:, poi] = mu
    fixed = np.tile(model.fixed, (2 * count, 1))
    fixed[count:, poi] = True
    found = lowest_minima(model, np.concatenate([data, data]), first, fixed, start, many=many)
    free, held = found.value[:count], found.value[count:]
    ok = found.ok[:count] & found.ok[count:]
    low, high = model.bounds[poi]
    if low <= mu <= high:
        # A free fit above the conditional one starts again from there.
        wrong = np.flatnonzero(ok & (held < free - 1e-7))
        if wrong.size:
            again = solve(model, data[wrong], found.points[count + wrong], fixed[wrong])
            free[wrong] = np.minimum(free[wrong], again.value)
            found.points[wrong] = again.points
    mu_hat = found.points[:count, poi]
    counts = statistic.counts(np.full(count, mu), mu_hat)
    ratio = np.maximum(np.where(ok, held, 0.0) - np.where(ok, free, 0.0), 0.0)
    return np.where(ok, np.where(counts, ratio, 0.0), np.nan)
