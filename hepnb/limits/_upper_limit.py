"""Upper limits by the CLs method: on a grid, or refined until CLs meets 1 - cl."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.errors import ModelError, check_choice
from hepnb.executor import Executor
from hepnb.fits.options import Bounds, Fixed, Init, adjusted, named_options
from hepnb.hypotests.definitions import TestStatistic, from_zero, suits_message
from hepnb.hypotests.settings import CALCTYPES, refuse_for_toys
from hepnb.hypotests.toys import USUAL_TOYS
from hepnb.limits._scan import limit_statistic
from hepnb.limits._scan import scan as run_scan
from hepnb.limits.confidence import alpha_of, check_cl
from hepnb.limits.curves import BEYOND, Curves, limits_of
from hepnb.limits.points import TestedPoints
from hepnb.limits.results import CURVES, LimitResults, ScanResults
from hepnb.limits.search import search
from hepnb.limits.toy_limit import toy_upper_limit
from hepnb.model import FitModel, as_points, one_data_set
from hepnb.progress import Cancel, Progress

__all__ = ["limit_from_scan", "upper_limit"]

FloatArray = NDArray[np.float64]

# A search takes about so many points: one, nine around the expected limits, and two rounds of six.
_USUAL = 22


@named_options
def upper_limit(
    data: ArrayLike | None,
    model: FitModel,
    *,
    cl: float = 0.95,
    mu: ArrayLike | Iterator[float] | None = None,
    test_stat: str = "qtilde",
    init: Init | None = None,
    bounds: Bounds | None = None,
    fixed: Fixed | None = None,
    calctype: str = "asymptotics",
    executor: Executor | None = None,
    progress: Progress | None = None,
    partial: Callable[[ScanResults], None] | None = None,
    cancel: Cancel | None = None,
    n_toys: int | None = None,
    seed: int | np.random.SeedSequence | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    device: Any = None,
) -> LimitResults:
    """Return the observed and expected upper limits on the parameter of interest.

    Parameters
    ----------
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Events per bin, with or without auxiliary data; the observed data if None.
    model : FitModel
        The model.
    cl : float
        The confidence level.
    mu : array_like, shape (k,), optional
        A grid: the limit is then interpolated linearly in CLs between its points, as pyhf does. Without
        it, points are added where the curves cross 1 - cl until the crossing is known to 1e-6 or better.
    test_stat : {"qtilde", "q"}
        The statistic.
    init, bounds, fixed
        Other starting values, bounds and fixed parameters, as for :func:`hepnb.fit`. Two bounds alone are
        those of the POI: the range in which the best value and the limits are searched. A limit is never
        searched below 0.
    calctype : {"asymptotics", "toybased"}
        How the distributions of the statistic are obtained. Limits from toys have uncertainties, and the
        values tested are those of :func:`~hepnb.limits.toy_limit.toy_upper_limit`.
    executor : concurrent.futures.Executor or dask.distributed.Client, optional
        As for :func:`hepnb.scan`.
    progress : callable, optional
        Called with (done, total); without a grid the total is a guess until the end. Toys are counted, not
        points, if there are any.
    partial : callable, optional
        Called with the points so far after each step.
    cancel : Cancel, optional
        Looked at before each step. A search that is stopped gives the limits that are known by then; of the
        others it says between which values they lie.
    n_toys : int, optional
        Toys of each hypothesis at each value; 2000 by default.
    seed, checkpoint, device
        For toys only, as for :func:`hepnb.hypotests.toy_hypotest`.

    Returns
    -------
    LimitResults
        Limits, and the points behind them. A limit that does not exist between 0 and the upper bound of the
        POI is nan, and ``no_limit`` says why; one that a stopped search does not know is nan, too, and
        ``brackets`` says between which values it lies. Where CLs crosses 1 - cl more than once, the limit is
        the last crossing.

    Raises
    ------
    ModelError
        A ``cl`` outside (0, 1), bounds that are none, or as for :func:`hepnb.scan`.

    References
    ----------
    A. L. Read, J. Phys. G 28 (2002) 2693; G. Cowan et al., arXiv:1007.1727.

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.workspace import uncorrelated_background
    >>> model = hepnb.Model(
    ...     uncorrelated_background(
    ...         signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[51, 48]
    ...     )
    ... )
    >>> hepnb.upper_limit(None, model)
    LimitResults(mu < 1.012 at 95 % CL, expected [0.5599, 0.757, 1.062, 1.501, 2.051])
    """
    check_cl(cl)
    chosen = limit_statistic(test_stat, "a limit")
    mu = list(mu) if isinstance(mu, Iterator) else mu  # it is looked at twice
    counts = one_data_set(data, model)
    asked = adjusted(model, init, bounds, fixed, tested=True)
    model = from_zero(asked, chosen)
    check_choice(calctype, CALCTYPES, "calctype")
    if calctype == "toybased":
        return toy_upper_limit(
            counts, asked, cl=cl, mu=mu, test_stat=test_stat, executor=executor, progress=progress,
            partial=partial, cancel=cancel, n_toys=USUAL_TOYS if n_toys is None else n_toys, seed=seed,
            checkpoint=checkpoint, device=device,
        )  # fmt: skip
    refuse_for_toys({"n_toys": n_toys, "seed": seed, "checkpoint": checkpoint, "device": device})
    low, high = model.bounds[model.require_poi()]
    if mu is not None:
        found = run_scan(
            counts, model, mu, test_stat=test_stat, executor=executor, progress=progress, partial=partial,
            cancel=cancel,
        )  # fmt: skip
        wanted = as_points(mu, "values of the POI")
        read = limits_of(found, cl, "grid", float(high), float(low), wanted)
        return _suited(_with_advice(read, model, counts, chosen), asked, chosen)
    if not np.isfinite(high):
        raise ModelError(f"the POI {model.poi_name!r} has no upper bound. Give bounds=(0, 20), for instance.")
    if high <= 0:
        raise ModelError(
            f"the POI {model.poi_name!r} ends at {high:g}: an upper limit needs positive values."
        )
    points, stopped = TestedPoints(model, counts, chosen, executor), False
    if not (cancel is not None and cancel.is_set()):
        for scan in search(points, max(float(low), 0.0), float(high), cl):
            if partial is not None:
                partial(scan)
            if progress is not None:
                progress(len(scan), max(_USUAL, len(scan) + 1))
            if cancel is not None and cancel.is_set():
                stopped = True
                break
    else:
        stopped = True
    result = replace(points.scan, cancelled=stopped)
    if progress is not None and not stopped:
        progress(len(result), len(result))
    read = limits_of(result, cl, "root", float(high), float(low))
    return _suited(_with_advice(read, model, counts, chosen), asked, chosen)


# How many times further than the bound of the POI a limit is looked for, before wider bounds are advised.
_FURTHER = (5, 25, 125)


def _with_advice(
    result: LimitResults, model: FitModel, data: FloatArray, chosen: TestStatistic
) -> LimitResults:
    """Say whether wider bounds of the POI give the limits that lie beyond them: a wide one is tested."""
    low, top = map(float, model.bounds[model.require_poi()])
    missing = [row for row, name in enumerate(CURVES) if result.no_limit.get(name, "").startswith(BEYOND)]
    if not missing or result.scan.cancelled or result.scan.mu[-1] < top:
        return result
    advice, level = "", alpha_of(result.cl)
    for factor in _FURTHER:
        far = factor * top
        points = TestedPoints(adjusted(model, bounds=(low, far)), data, chosen)
        points.test(np.array([far]))
        if not points.scan.ok.all():
            break  # nothing is known
        if (Curves.of(points.scan, result.cl).CLs[missing, 0] < level).all():
            also = f"mu up to {far:.4g} with " if result.method == "grid" else ""
            advice = f"the POI ends at {top:.4g}: {also}bounds=({low:.4g}, {far:.4g}) looks further"
            break
    else:
        advice = f"CLs is not below {level:.4g} at {far:.4g} either: wider bounds do not help"
    return replace(result, message="; ".join(filter(None, [result.message, advice])))


def _suited(result: LimitResults, model: FitModel, chosen: TestStatistic) -> LimitResults:
    """Say where the statistic is not for these bounds of the POI."""
    words = suits_message(model, chosen).removesuffix(".")
    return replace(result, message="; ".join(filter(None, [result.message, words])))


def limit_from_scan(scan: ScanResults, cl: float = 0.95) -> LimitResults:
    """Interpolate limits on the points of a scan, linearly in CLs.

    Parameters
    ----------
    scan : ScanResults
        CLs along the POI.
    cl : float
        The confidence level.

    Returns
    -------
    LimitResults
        Limits; nan where the points do not cross 1 - cl, and where the scan was stopped: points that are
        missing may lie between those around the crossing, which ``brackets`` has.

    Examples
    --------
    >>> import hepnb, numpy
    >>> from hepnb.limits import limit_from_scan
    >>> from hepnb.workspace import uncorrelated_background
    >>> model = hepnb.Model(
    ...     uncorrelated_background(
    ...         signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[51, 48]
    ...     )
    ... )
    >>> limits = limit_from_scan(hepnb.scan(None, model, numpy.linspace(0, 5, 21)))
    >>> print(f"{limits.observed:.8f}")
    1.01764459
    """
    check_cl(cl)
    return limits_of(scan, cl, "grid")
