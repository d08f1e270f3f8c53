"""Profile likelihood ratios of many hypotheses at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hepnb.errors import ModelError
from hepnb.fits import BatchedFit, Explored, explore, solve
from hepnb.fits.batched import CONVERGED, NOT_FINISHED
from hepnb.fits.tangents import tangents
from hepnb.fits.threads import one_blas_thread
from hepnb.hypotests.definitions import TEST_STATISTICS, TestStatistic, statistic_named
from hepnb.hypotests.paths import along, between, starts, sweep
from hepnb.model import FitModel
from hepnb.typing import BoolArray, FloatArray

__all__ = [
    "TEST_STATISTICS",
    "Anchors",
    "ProfileRatios",
    "TestStatistic",
    "anchors",
    "fits_behind",
    "joined",
    "profile_ratios",
    "statistic_named",
    "swept",
]


_TOLERANCE = 1e-7


@dataclass(frozen=True)
class ProfileRatios:
    """Profile likelihood ratios along the POI.

    Parameters
    ----------
    mu : ndarray, shape (k,)
        Values of the POI tested.
    q, q_asimov : ndarray, shape (k,)
        -2 log of the profile likelihood ratio for the data and for the Asimov data; nan where a fit failed.
    ok : ndarray of bool, shape (k,)
        Where all fits converged.
    mu_hat : float
        The best value of the POI.
    free : ndarray, shape (n_parameters,)
        The free minimum.
    background : ndarray, shape (n_parameters,)
        The minimum at the Asimov hypothesis.
    asimov : ndarray, shape (n_data,)
        The Asimov data.
    fixed, fixed_asimov : ndarray, shape (k, n_parameters)
        Conditional minima.
    several_minima : bool
        The likelihood has more than one minimum; those used are the lowest that were found.
    """

    mu: FloatArray
    q: FloatArray
    q_asimov: FloatArray
    ok: BoolArray
    mu_hat: float
    free: FloatArray
    background: FloatArray
    asimov: FloatArray
    fixed: FloatArray
    fixed_asimov: FloatArray
    several_minima: bool


_PER_VALUE = ("mu", "q", "q_asimov", "ok", "fixed", "fixed_asimov")


def joined(parts: Sequence[ProfileRatios]) -> ProfileRatios:
    """Join ratios of one model and one set of data, ascending in mu; the free fit is that of the last."""
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _PER_VALUE}
    _, first = np.unique(columns["mu"], return_index=True)
    ordered: dict[str, Any] = {name: column[first] for name, column in columns.items()}
    several = any(part.several_minima for part in parts)
    return replace(parts[-1], several_minima=several, **ordered)


@dataclass(frozen=True)
class Anchors:
    """The fits that every hypothesis shares: free, and at the Asimov hypothesis."""

    free: FloatArray
    free_value: float
    free_ok: bool
    background: FloatArray
    background_ok: bool
    asimov: FloatArray
    asimov_value: float
    free_slope: FloatArray
    background_slope: FloatArray
    several_minima: bool


@one_blas_thread()
def anchors(model: FitModel, data: FloatArray, statistic: TestStatistic) -> Anchors:
    """Fit freely and at the Asimov hypothesis.

    The free minimum of the Asimov data needs no fit: it is where they were generated.
    """
    poi = model.require_poi()
    if model.fixed[poi]:
        raise ModelError(
            f"the POI {model.poi_name!r} is fixed in measurement {model.measurement!r}, "
            "so there is nothing to test. Remove its 'fixed': true."
        )
    start = np.tile(model.init, (2, 1))
    start[1, poi] = statistic.asimov_mu
    fixed = np.tile(model.fixed, (2, 1))
    fixed[1, poi] = True
    explored = explore(model, data[None], start, fixed)
    found = explored.fit
    if found.value[1] < found.value[0] - _TOLERANCE and _inside(model, start[1, poi]):
        found = _restart(model, data, found, fixed)
    background = _polished(model, data, found.points[1], fixed[1]) if found.ok[1] else found.points[1]
    asimov = model.expected_data(background)
    # Rates are negative only where that fit failed, and then nothing comes of them.
    asimov[: model.n_bins] = np.maximum(asimov[: model.n_bins], 0.0)
    slopes, values = tangents(model, np.stack([data, asimov]), np.stack([found.points[0], background]))
    asimov_value = float(values[1])
    if not _inside(model, statistic.asimov_mu):
        again = solve(model, asimov[None], background[None], model.fixed[None])
        asimov_value = float(again.value[0])
    return Anchors(
        found.points[0],
        float(found.value[0]),
        bool(found.ok[0]),
        background,
        bool(found.ok[1]),
        asimov,
        asimov_value,
        slopes[0],
        slopes[1],
        explored.several,
    )


def _polished(model: FitModel, data: FloatArray, point: FloatArray, fixed: BoolArray) -> FloatArray:
    """Take one more Newton step from a minimum.

    -2 log L there is known to all digits as it is. The Asimov data are those of the parameters themselves,
    which are known to half as many.
    """
    here = model.likelihood.objective(point[None], data[None], 2)
    gradient = here.gradient[0]
    low, high = model.bounds.T
    free = np.flatnonzero(~(fixed | (point <= low) | (point >= high)))
    try:
        step = -np.linalg.solve(here.curvature[0][np.ix_(free, free)], gradient[free])
    except np.linalg.LinAlgError:
        return point
    better = point.copy()
    better[free] += step
    there = model.likelihood.objective(better[None], data[None], 1)
    closer = np.abs(there.gradient[0, free]).max(initial=0.0) < np.abs(gradient[free]).max(initial=0.0)
    inside = ((better >= low) & (better <= high))[free].all()
    return better if closer and inside and there.value[0] <= here.value[0] + _TOLERANCE else point


def _inside(model: FitModel, mu: float) -> bool:
    low, high = model.bounds[model.require_poi()]
    return bool(low <= mu <= high)


def _restart(model: FitModel, data: FloatArray, found: BatchedFit, fixed: BoolArray) -> BatchedFit:
    """A conditional minimum lies below the free one: the free fit starts again from there."""
    again = solve(model, data[None], found.points[[1]], fixed[[0]])
    if again.value[0] < found.value[0]:
        for name, array in vars(found).items():
            array[0] = getattr(again, name)[0]
    return found


@one_blas_thread()
def profile_ratios(
    model: FitModel,
    data: FloatArray,
    mu: FloatArray,
    statistic: TestStatistic,
    shared: Anchors | None = None,
    near: ProfileRatios | None = None,
) -> ProfileRatios:
    """Test many values of the POI.

    Parameters
    ----------
    model : FitModel
        The model.
    data : ndarray, shape (n_data,)
        Complete data.
    mu : ndarray, shape (k,)
        Values of the POI.
    statistic : TestStatistic
        Which statistic.
    shared : Anchors, optional
        From an earlier call with the same data and statistic.
    near : ProfileRatios, optional
        Other values already tested; the fits start from the nearest.

    Returns
    -------
    ProfileRatios
        One entry per value.
    """
    shared = anchors(model, data, statistic) if shared is None else shared
    both, fixed = _lanes(model, data, shared, mu)
    start = None
    if near is not None and near.ok.all():
        start = between(model, both, (near.mu, near.fixed, near.fixed_asimov), mu, near.several_minima)
    if start is not None:
        several = near is not None and near.several_minima
        explored = (
            explore(model, both, start, fixed)
            if several
            else Explored.without_second(solve(model, both, start, fixed, check_saddles=False))
        )
    else:
        origins = ((shared.free, shared.free_slope), (shared.background, shared.background_slope))
        known = None if near is None else (near.mu, near.ok, near.fixed, near.fixed_asimov)
        explored = along(model, both, starts(model, both, mu, origins, known), fixed, mu)
    several = shared.several_minima or explored.several
    return _ratios(model, both, mu, statistic, shared, explored.fit, several)


def _lanes(
    model: FitModel, data: FloatArray, shared: Anchors, mu: FloatArray
) -> tuple[FloatArray, BoolArray]:
    """Return the data of the conditional fits, shape (2 k, n_data), and what is held in them."""
    both = np.concatenate([np.tile(data, (mu.size, 1)), np.tile(shared.asimov, (mu.size, 1))])
    fixed = np.tile(model.fixed, (2 * mu.size, 1))
    fixed[:, model.require_poi()] = True
    return both, fixed


def _ratios(
    model: FitModel,
    both: FloatArray,
    mu: FloatArray,
    statistic: TestStatistic,
    shared: Anchors,
    found: BatchedFit,
    several: bool,
) -> ProfileRatios:
    """Compare conditional minima, first for the data and then for the Asimov data, with the free ones."""
    poi, count, data = model.require_poi(), mu.size, both[0]
    lowest = int(np.argmin(np.where(_allowed(model, mu), found.value[:count], np.inf)))
    if found.value[lowest] < shared.free_value - _TOLERANCE and _inside(model, mu[lowest]):
        again = solve(model, data[None], found.points[[lowest]], model.fixed[None])
        if again.value[0] < shared.free_value:
            shared = replace(
                shared,
                free=again.points[0],
                free_value=float(again.value[0]),
                free_ok=bool(again.ok[0]),
            )
    mu_hat = float(shared.free[poi])
    ok = found.ok[:count] & found.ok[count:] & shared.free_ok & shared.background_ok
    # A failed fit may end at infinity: it has no ratio.
    free_value = shared.free_value if ok.any() else 0.0
    q = np.maximum(np.where(ok, found.value[:count], 0.0) - free_value, 0.0)
    q_asimov = np.maximum(np.where(ok, found.value[count:], 0.0) - shared.asimov_value, 0.0)
    # An event that the value tested forbids, but not the best one, excludes it.
    impossible = model.likelihood.impossible(np.where(found.ok[:, None], found.points, model.init), both)
    if impossible.any():
        origin = model.likelihood.impossible(np.stack([shared.free, shared.background]), both[[0, count]])
        q = np.where(impossible[:count] & ~origin[0], np.inf, q)
        q_asimov = np.where(impossible[count:] & ~origin[1], np.inf, q_asimov)
    q = np.where(statistic.counts(mu, mu_hat), q, 0.0)
    # The value that the Asimov data were made at is no further from them than the fits from their minima.
    apart = statistic.counts(mu, statistic.asimov_mu) & (mu != statistic.asimov_mu)
    q_asimov = np.where(apart, q_asimov, 0.0)
    return ProfileRatios(
        mu,
        np.where(ok, q, np.nan),
        np.where(ok, q_asimov, np.nan),
        ok,
        mu_hat,
        shared.free,
        shared.background,
        shared.asimov,
        found.points[:count],
        found.points[count:],
        several,
    )


def swept(
    model: FitModel, data: FloatArray, statistic: TestStatistic, shared: Anchors, ratios: ProfileRatios
) -> ProfileRatios:
    """Hand minima on between neighbouring values that were tested at different times.

    Parameters
    ----------
    model, data, statistic, shared
        As for :func:`profile_ratios`.
    ratios : ProfileRatios
        All values tested, ascending.

    Returns
    -------
    ProfileRatios
        The same ones where no minimum gets lower.
    """
    both, fixed = _lanes(model, data, shared, ratios.mu)
    points = np.concatenate([ratios.fixed, ratios.fixed_asimov])
    value = model.likelihood.objective(points, both, 0).value
    blank, status = np.zeros(len(points)), np.where(np.tile(ratios.ok, 2), CONVERGED, NOT_FINISHED)
    none = np.zeros(points.shape, dtype=bool)
    found = BatchedFit(points, value, status, blank, blank, none, blank.astype(np.intp))
    if not sweep(model, both, found, ratios.mu, fixed):
        return ratios
    return _ratios(model, both, ratios.mu, statistic, shared, found, ratios.several_minima)


def fits_behind(ratios: ProfileRatios, row: int = 0) -> dict[str, FloatArray]:
    """Give the minima behind one tested value, by the names of :class:`HypotestResults`."""
    return {
        "free": ratios.free,
        "fixed": ratios.fixed[row],
        "asimov": ratios.background,
        "fixed_asimov": ratios.fixed_asimov[row],
    }


def _allowed(model: FitModel, mu: FloatArray) -> BoolArray:
    low, high = model.bounds[model.require_poi()]
    return np.asarray((mu >= low) & (mu <= high))
