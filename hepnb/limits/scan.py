"""CLs at many values of the parameter of interest, in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.errors import ModelError
from hepnb.hypotests.asymptotics import expected_pvalues, observed_pvalues, statistic
from hepnb.hypotests.teststats import (
    ProfileRatios,
    TestStatistic,
    anchors,
    profile_ratios,
    statistic_named,
)
from hepnb.limits.results import ScanResults
from hepnb.model import Model, as_numbers, one_data_set
from hepnb.progress import Cancel

__all__ = ["merge", "scan"]

FloatArray = NDArray[np.float64]


def scan(
    data: ArrayLike | None,
    model: Model,
    mu: ArrayLike | Iterator[float],
    *,
    test_stat: str = "qtilde",
    batch: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    partial: Callable[[ScanResults], None] | None = None,
    cancel: Cancel | None = None,
) -> ScanResults:
    """Test many values of the parameter of interest.

    Parameters
    ----------
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Events per bin, with or without auxiliary data; the observed data if None.
    model : Model
        The model.
    mu : array_like, shape (k,), or iterator
        Values of the POI.
    test_stat : {"qtilde", "q"}
        The statistic.
    batch : int, optional
        Values per step; all at once by default, unless ``progress``, ``partial`` or ``cancel`` are given.
    progress : callable, optional
        Called with (done, total).
    partial : callable, optional
        Called with the results so far after each step.
    cancel : Cancel, optional
        Looked at before each step; a cancelled scan returns the points it has.

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
    values = np.unique(np.atleast_1d(as_numbers(given, "values of the POI")))
    if not values.size or not np.isfinite(values).all():
        raise ModelError("a scan needs finite values of the POI; give for instance numpy.linspace(0, 5, 41).")
    chosen = statistic_named(test_stat)
    if chosen.name == "q0":
        raise ModelError("q0 tests the background alone; a scan needs 'qtilde' or 'q'.")
    if batch is not None and not batch >= 1:
        raise ModelError(f"batch={batch!r}: give a number of points per step, 1 or more.")
    counts = one_data_set(data, model)
    streams = progress is not None or partial is not None or cancel is not None
    step = int(batch) if batch else (max(1, -(-values.size // 10)) if streams else values.size)
    shared = anchors(model, counts, chosen)
    result = _empty(model, test_stat)
    near = None
    for begin in range(0, values.size, step):
        if cancel is not None and cancel.is_set():
            return _cancelled(result)
        near = profile_ratios(model, counts, values[begin : begin + step], chosen, shared, near)
        result = merge([result, as_scan(model, near, chosen)])
        if partial is not None:
            partial(result)
        if progress is not None:
            progress(len(result), values.size)
    return result


def as_scan(model: Model, ratios: ProfileRatios, chosen: TestStatistic) -> ScanResults:
    """Turn profile likelihood ratios into p-values."""
    observed = observed_pvalues(statistic(ratios.q, ratios.q_asimov, chosen.bounded), ratios.q_asimov)
    expected = expected_pvalues(ratios.q_asimov)
    return ScanResults(
        mu=ratios.mu,
        CLs_obs=observed.CLs,
        CLs_exp=expected.CLs,
        CLsb=observed.CLsb,
        CLb=observed.CLb,
        CLsb_exp=expected.CLsb,
        CLb_exp=np.where(ratios.ok[:, None], expected.CLb, np.nan),
        ok=ratios.ok,
        q=ratios.q,
        q_asimov=ratios.q_asimov,
        mu_hat=ratios.mu_hat,
        test_stat=chosen.name,
        poi=str(model.poi_name),
        several_minima=ratios.several_minima,
    )


_PER_POINT = ("CLs_obs", "CLs_exp", "CLsb", "CLb", "CLsb_exp", "CLb_exp", "ok", "q", "q_asimov")


def merge(parts: Iterable[ScanResults]) -> ScanResults:
    """Join scans of the same model and data into one, ascending in mu, each value once."""
    scans = list(parts)
    mu = np.concatenate([part.mu for part in scans])
    values, first = np.unique(mu, return_index=True)
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(p, name) for p in scans])[first] for name in _PER_POINT
    }
    last = scans[-1]
    several = any(part.several_minima for part in scans)
    return ScanResults(
        mu=values,
        mu_hat=last.mu_hat,
        test_stat=last.test_stat,
        poi=last.poi,
        several_minima=several,
        **columns,
    )


def _empty(model: Model, test_stat: str) -> ScanResults:
    none, five = np.empty(0), np.empty((0, 5))
    return ScanResults(
        none, none, five, none, none, five, five, np.empty(0, dtype=bool), none, none, np.nan,
        test_stat, str(model.poi_name),
    )  # fmt: skip


def _cancelled(result: ScanResults) -> ScanResults:
    return ScanResults(**{**vars(result), "cancelled": True})
