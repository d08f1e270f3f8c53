"""CLs at many values of the parameter of interest, in batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from hepnb.errors import ModelError
from hepnb.executor import Executor
from hepnb.fits.options import Bounds, Fixed, Init, adjusted, named_options
from hepnb.hypotests.definitions import from_zero
from hepnb.hypotests.teststats import TestStatistic, statistic_named
from hepnb.limits.points import TestedPoints, merge
from hepnb.limits.results import ScanResults
from hepnb.limits.streaming import in_batches
from hepnb.model import FitModel, as_points, one_data_set
from hepnb.progress import Cancel, Progress
from hepnb.typing import FloatArray

__all__ = ["limit_statistic", "merge", "scan"]


_FOR_LIMITS = ("qtilde", "q")


@named_options
def scan(
    data: ArrayLike | None,
    model: FitModel,
    mu: ArrayLike | Iterator[float],
    *,
    test_stat: str = "qtilde",
    init: Init | None = None,
    bounds: Bounds | None = None,
    fixed: Fixed | None = None,
    batch: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    partial: Callable[[ScanResults], None] | None = None,
    cancel: Cancel | None = None,
) -> ScanResults:
    """Test many values of the parameter of interest.

    Parameters
    ----------
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Events per bin, with or without auxiliary data; the observed data if None.
    model : FitModel
        The model.
    mu : array_like, shape (k,), or iterator
        Values of the POI.
    test_stat : {"qtilde", "q"}
        The statistic.
    init, bounds, fixed
        Other starting values, bounds and fixed parameters, as for :func:`hepnb.fit`; two bounds alone are
        those of the POI.
    batch : int, optional
        Values per step, ascending. By default all at once; where ``progress``, ``partial`` or ``cancel`` are
        given in a few steps, of which the first covers the whole range.
    executor : concurrent.futures.Executor or dask.distributed.Client, optional
        Where the fits run; here by default. Parts of each step run side by side, which pays only where one
        part takes much longer than it takes to send the model.
    progress : callable, optional
        Called with (done, total).
    partial : callable, optional
        Called with the results so far after each step.
    cancel : Cancel, optional
        Looked at before each step, and within it unless ``batch`` or ``executor`` are given. A cancelled scan
        returns the points it has.

    Returns
    -------
    ScanResults
        One entry per value, ascending.

    Raises
    ------
    ModelError
        No values, values that are not finite, a statistic or a POI that does not exist.

    References
    ----------
    G. Cowan et al., Eur. Phys. J. C 71 (2011) 1554, arXiv:1007.1727.

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.workspace import uncorrelated_background
    >>> model = hepnb.Model(
    ...     uncorrelated_background(
    ...         signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[51, 48]
    ...     )
    ... )
    >>> hepnb.scan(None, model, [0.5, 1.0, 2.0]).CLs_obs.round(4)
    array([3.155e-01, 5.250e-02, 2.000e-04])
    """
    given = list(mu) if isinstance(mu, Iterator) else mu  # a generator has no length
    values = np.unique(as_points(given, "values of the POI"))
    chosen = limit_statistic(test_stat, "a scan")
    if batch is not None and not batch >= 1:
        raise ModelError(f"batch={batch!r}: give a number of points per step, 1 or more.")
    counts = one_data_set(data, model)
    model = from_zero(adjusted(model, init, bounds, fixed, tested=True), chosen)
    begin = time.perf_counter()
    points = TestedPoints(model, counts, chosen, executor)
    streams = progress is not None or partial is not None or cancel is not None
    if batch is None and executor is None and streams:
        steps = in_batches(points, values, begin, cancel)
    else:
        step = int(batch) if batch else (max(1, -(-values.size // 10)) if streams else values.size)
        steps = _ascending(points, values, step, cancel)
    for found in steps:
        if partial is not None:
            partial(found)
        if progress is not None:
            progress(len(found), values.size)
    return replace(points.scan, cancelled=len(points.scan) < values.size)


def _ascending(
    points: TestedPoints, values: FloatArray, step: int, cancel: Cancel | None
) -> Iterator[ScanResults]:
    for begin in range(0, values.size, step):
        if cancel is not None and cancel.is_set():
            return
        points.test(values[begin : begin + step])
        yield points.scan


def limit_statistic(name: str, what: str) -> TestStatistic:
    """Look up a statistic for limits; ``what`` needs it, for the message."""
    chosen = statistic_named(name)
    if chosen.name == "q0":
        raise ModelError(f"q0 tests the background alone; {what} needs 'qtilde' or 'q'.")
    if chosen.name not in _FOR_LIMITS:
        raise ModelError(f"{name} speaks against large and small values alike; {what} needs 'qtilde' or 'q'.")
    return chosen
