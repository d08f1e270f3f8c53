"""Upper limits from pseudo-experiments, with the statistical uncertainty that their number leaves.

CLs from toys scatters, so a limit is not where two neighbouring points happen to lie on both sides of the
alpha: log(CLs) is fitted as a parabola in the parameter of interest, weighted with the uncertainties of the
points around 1 - cl, and the uncertainty of the fit is that of the observed limit. The expected limits
are those of falling curves (:mod:`hepnb.limits.falling`), which keeps them in order.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hepnb.accelerated import check_device
from hepnb.executor import Executor
from hepnb.hypotests import HypotestResults
from hepnb.hypotests.checkpoint import Checkpoint, describe, stored_seed
from hepnb.hypotests.definitions import TestStatistic, from_zero, suits_message
from hepnb.hypotests.streams import ToyRun, place_of, seed_sequence
from hepnb.hypotests.teststats import anchors, profile_ratios
from hepnb.hypotests.toy_batch import batch_size
from hepnb.hypotests.toys import checked_toys, from_toys, toy_streams
from hepnb.limits._scan import limit_statistic
from hepnb.limits.confidence import alpha_of
from hepnb.limits.curves import limits_of
from hepnb.limits.falling import crossings_with_errors, falling
from hepnb.limits.points import TestedPoints
from hepnb.limits.results import CURVES, LimitResults, ScanResults
from hepnb.limits.search import search
from hepnb.model import FitModel, as_points, one_data_set
from hepnb.progress import Cancel, Progress
from hepnb.typing import FloatArray

__all__ = ["ToyLimitResults", "fitted_crossing", "toy_upper_limit"]


# Neighbouring points differ by this factor: four or five lie where CLs is near 1 - cl.
_RATIO = 1.2
_REACH = 1.3
_ROUNDS = 8
# The points that are fitted have CLs within this factor of 1 - cl, exp(1.6) = 5.
_WINDOW = 1.6


def _no_band() -> FloatArray:
    return np.full(5, np.nan)


@dataclass(frozen=True, eq=False, repr=False)
class ToyLimitResults(LimitResults):
    """Upper limits from toys; everything of :class:`LimitResults`, and what toys add.

    Parameters
    ----------
    observed, expected, cl, scan, method, message, no_limit, brackets
        As for :class:`LimitResults`; the method is ``"toys"``.
    observed_uncertainty : float
        Standard deviation of the observed limit, from the number of toys.
    expected_uncertainty : ndarray, shape (5,)
        Standard deviations of the expected limits.
    tests : tuple of HypotestResults
        The points behind the limits with their toys, in the order of ``scan``.
    """

    observed_uncertainty: float = float("nan")
    expected_uncertainty: FloatArray = field(default_factory=_no_band)
    tests: tuple[HypotestResults, ...] = ()

    @property
    def interpolation(self) -> str:
        """How the limits were obtained from the points, in words."""
        return (
            "observed: a weighted parabola in log(CLs) through the points around 1 - cl; expected: the "
            "nearest falling curves, straight in log(CLs) between points"
        )

    @property
    def n_failed(self) -> int:
        """Toys whose fits failed, of all points together."""
        return sum(test.toys.n_failed for test in self.tests if test.toys is not None)

    def __repr__(self) -> str:
        cl = 100 * self.cl
        limits = zip(self.expected, self.expected_uncertainty, strict=True)
        band = ", ".join(f"{value:.3g} +- {error:.2g}" for value, error in limits)
        first = f"{self.scan.poi} < {self.observed:.3g} +- {self.observed_uncertainty:.2g} at {cl:g} % CL"
        note = f"; {self.message}" if self.message else ""
        return f"ToyLimitResults({first}, expected [{band}]{note})"


def toy_upper_limit(
    data: ArrayLike | None,
    model: FitModel,
    *,
    cl: float = 0.95,
    mu: ArrayLike | None = None,
    test_stat: str = "qtilde",
    n_toys: int = 2000,
    seed: int | np.random.SeedSequence | None = None,
    executor: Executor | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    partial: Callable[[ScanResults], None] | None = None,
    cancel: Cancel | None = None,
    device: Any = None,
) -> ToyLimitResults:
    """Return the observed and expected upper limits on the parameter of interest from pseudo-experiments.

    Parameters
    ----------
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Data; the observed ones if None.
    model : FitModel
        The model.
    cl : float
        The confidence level.
    mu : array_like, shape (k,), optional
        The values to test; by default about a dozen around the asymptotic limits, and more where a curve does
        not cross 1 - cl between them.
    test_stat : {"qtilde", "q"}
        The statistic.
    n_toys : int
        Toys of each hypothesis at each value.
    seed, executor, checkpoint, device
        As for :func:`hepnb.hypotests.toy_hypotest`. The toys at one value depend on the seed and the value,
        not on what else is tested.
    progress : callable, optional
        Called with (done, total) toys; the total grows where more values are needed.
    partial : callable, optional
        Called with the points so far after each round.
    cancel : Cancel, optional
        Looked at between batches; a cancelled search gives the limits that its toys hold.

    Returns
    -------
    ToyLimitResults
        Limits with uncertainties. A limit that the points do not hold is nan, and ``no_limit`` says why.

    Raises
    ------
    ModelError
        As for :func:`hepnb.upper_limit`, or no toys are asked for.
    FileError
        The checkpoint is damaged, or of another study.

    References
    ----------
    Section 5 of the LHC Higgs combination procedure, CMS-NOTE-2011-005.

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.limits.toy_limit import toy_upper_limit
    >>> from hepnb.workspace import uncorrelated_background
    >>> model = hepnb.Model(
    ...     uncorrelated_background(
    ...         signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[51, 48]
    ...     )
    ... )
    >>> limits = toy_upper_limit(None, model, mu=[0.8, 0.9, 1.0, 1.1, 1.2], n_toys=2000, seed=1)
    >>> abs(limits.observed - 1.01) < 4 * limits.observed_uncertainty
    True
    """
    checked_toys(n_toys)
    check_device(device, executor)
    chosen = limit_statistic(test_stat, "a limit")
    counts = one_data_set(data, model)
    asked, model = model, from_zero(model, chosen)
    if seed is None and checkpoint is not None:
        seed = stored_seed(checkpoint)
    sequence = seed_sequence(seed)
    kept = None
    if checkpoint is not None:
        study = describe(model, counts, test_stat, sequence, batch_size(model), purpose="limit")
        kept = Checkpoint(checkpoint, study)
    run = ToyRun(model, test_stat, sequence, executor, progress, cancel, kept, device)
    points = _Points(run, counts, chosen, n_toys)
    about_bounds = suits_message(asked, chosen).removesuffix(".")
    if mu is not None:
        values = np.unique(as_points(mu, "values of the POI"))
        points.test(values)
    else:
        points.test(_first(model, counts, chosen, cl))
    for _ in range(0 if mu is not None else _ROUNDS):
        if partial is not None:
            partial(points.scan)
        more = _further(points, cl)
        if run.cancelled or not more.size:
            break
        points.test(more)
    if partial is not None:
        partial(points.scan)
    return _limits(points, cl, about_bounds)


class _Points:
    """The values tested so far, with their toys."""

    def __init__(self, run: ToyRun, counts: FloatArray, chosen: TestStatistic, n_toys: int) -> None:
        self.run, self.counts, self.chosen, self.n_toys = run, counts, chosen, n_toys
        self.shared = anchors(run.model, counts, chosen)
        self.tests: list[HypotestResults] = []

    def test(self, mu: FloatArray) -> None:
        """Add values of the POI."""
        ratios = profile_ratios(self.run.model, self.counts, mu, self.chosen, self.shared)
        streams = [toy_streams(ratios, self.n_toys, row, place_of(mu[row])) for row in range(mu.size)]
        values = iter(self.run.collect([stream for pair in streams for stream in pair]))
        for row, pair in enumerate(streams):
            toys = [next(values) for _ in pair] or [np.empty(0)] * 2
            self.tests.append(from_toys(self.run, ratios, toys, row))
        self.tests.sort(key=lambda test: test.mu)

    @property
    def scan(self) -> ScanResults:
        """The points as a scan."""

        def column(name: str) -> FloatArray:
            return np.array([getattr(test, name) for test in self.tests])

        return ScanResults(
            mu=column("mu"),
            CLs_obs=column("CLs_obs"),
            CLs_exp=column("CLs_exp"),
            CLsb=column("CLsb"),
            CLb=column("CLb"),
            CLsb_exp=column("CLsb_exp"),
            CLb_exp=column("CLb_exp"),
            ok=np.array([test.ok and bool(np.isfinite(test.CLs_exp).all()) for test in self.tests]),
            q=column("q"),
            q_asimov=column("q_asimov"),
            mu_hat=self.tests[-1].mu_hat,
            test_stat=self.run.test_stat,
            poi=str(self.run.model.poi_name),
            cancelled=self.run.cancelled,
            codes=dict(self.run.model.interpolation),
        )

    def curve(self, row: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return values of the POI, CLs of one of the six curves and uncertainties, each of shape (k,)."""
        mu, value, error = [], [], []
        for test in self.tests:
            if test.uncertainty is None:
                continue
            mu.append(test.mu)
            value.append(test.CLs_exp[row - 1] if row else test.CLs_obs)
            error.append(test.uncertainty.CLs_exp[row - 1] if row else test.uncertainty.CLs_obs)
        columns = np.array([mu, value, error])
        columns = columns[:, np.isfinite(columns).all(axis=0)]
        return columns[0], columns[1], columns[2]


def _first(model: FitModel, counts: FloatArray, chosen: TestStatistic, cl: float) -> FloatArray:
    """Choose values around the asymptotic limits."""
    low, high = model.bounds[model.require_poi()]
    low = max(float(low), 0.0)
    points = TestedPoints(model, counts, chosen)
    for _ in search(points, low, float(high), cl):
        pass
    asymptotic = limits_of(points.scan, cl, "root", float(high))
    found = np.array([asymptotic.observed, *asymptotic.expected])
    found = found[np.isfinite(found) & (found > 0)]
    if not found.size:
        return np.linspace(low, high, 11)[1:]
    begin, end = found.min() / _REACH, min(found.max() * _REACH, float(high))
    count = max(int(np.ceil(np.log(end / begin) / np.log(_RATIO))) + 1, 5)
    return _rounded(np.geomspace(begin, end, count), high)


def _rounded(mu: FloatArray, high: float) -> FloatArray:
    """Round values to three digits, so that a study that goes on elsewhere tests the same ones."""
    return np.unique(np.minimum([float(f"{value:.3g}") for value in mu], high))


def _further(points: _Points, cl: float) -> FloatArray:
    """Return values beyond the ends of the range where a curve does not fall through 1 - cl within it."""
    low, high = points.run.model.bounds[points.run.model.require_poi()]
    more: list[float] = []
    alpha = alpha_of(cl)
    for row in range(len(CURVES)):
        mu, value, _ = points.curve(row)
        if not mu.size:
            continue
        value = falling(value)
        if value[-1] >= alpha and mu[-1] < high:
            more.extend(min(mu[-1] * _RATIO**step, high) for step in (1, 2, 3))
        if value[0] < alpha and mu[0] > max(low, 0.0) + 1e-6 * (high - low):
            more.extend(mu[0] / _RATIO**step for step in (1, 2, 3))
    tested = [test.mu for test in points.tests]
    return np.setdiff1d(_rounded(np.array(more), float(high)), tested) if more else np.empty(0)


def fitted_crossing(
    mu: FloatArray, value: FloatArray, error: FloatArray, alpha: float
) -> tuple[float, float]:
    """Find where CLs that scatters falls through 1 - cl.

    Parameters
    ----------
    mu, value, error : ndarray, shape (k,)
        Values of the POI, ascending, CLs there and its uncertainty.
    alpha : float
        The size of the test, 1 - confidence level.

    Returns
    -------
    crossing, uncertainty : float
        The last crossing, from a parabola (a straight line through fewer than five points) in log(CLs); nan
        where CLs does not fall through 1 - cl.
    """
    falls = np.flatnonzero((value[:-1] >= alpha) & (value[1:] < alpha))
    if not falls.size:
        return float("nan"), float("nan")
    # CLs without a toy in the tail is only known to be of the size of its uncertainty.
    value = np.maximum(value, error)
    height, last = np.log(value / alpha), int(falls[-1])
    chosen = np.abs(height) < _WINDOW
    chosen[[last, last + 1]] = True
    x, y, spread = mu[chosen], height[chosen], np.maximum((error / value)[chosen], 1e-9)
    middle, scale = mu[last], max(float(np.ptp(x)), 1e-300)
    degree = 2 if x.size >= 5 else 1
    design = np.vander((x - middle) / scale, degree + 1)
    # The logarithm of a number that scatters is too low on average.
    y = y + 0.5 * spread**2
    found, covariance = _weighted(design, y, spread)
    # A point that is too high by chance seems better known than it is: the curve tells the weights.
    spread = spread * np.exp(np.clip(0.5 * (y - design @ found), -1, 1))
    found, covariance = _weighted(design, y, spread)
    spare = x.size - degree - 1
    if spare:
        # A curve that is no parabola to this precision says so by its distance from the points.
        covariance *= max(float(np.square((y - design @ found) / spread).sum()) / spare, 1.0)
    roots = np.roots(found)
    roots = roots[np.abs(roots.imag) < 1e-9].real
    slopes = np.polyval(np.polyder(found), roots)
    inside = (slopes < 0) & (roots * scale + middle >= x[0]) & (roots * scale + middle <= x[-1])
    if not inside.any():
        return float("nan"), float("nan")
    near = (mu[last + 1] - middle) / scale / 2
    best = np.flatnonzero(inside)[np.abs(roots[inside] - near).argmin()]
    row = np.vander([roots[best]], degree + 1)[0]
    error_of_height = float(np.sqrt(row @ covariance @ row))
    return float(roots[best] * scale + middle), float(error_of_height / abs(slopes[best]) * scale)


def _weighted(design: FloatArray, y: FloatArray, spread: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the least squares, shape (n,), and their covariance, shape (n, n)."""
    weighted = design / spread[:, None]
    covariance = np.linalg.inv(weighted.T @ weighted)
    return np.asarray(covariance @ weighted.T @ (y / spread)), np.asarray(covariance)


def _limits(points: _Points, cl: float, about_bounds: str) -> ToyLimitResults:
    scan, alpha = points.scan, alpha_of(cl)
    found, errors, without = np.full(6, np.nan), np.full(6, np.nan), {}
    for row, name in enumerate(CURVES):
        mu, value, error = points.curve(row)
        if row == 0:
            found[row], errors[row] = fitted_crossing(mu, value, error, alpha)
        if np.isnan(found[row]):
            found[row], errors[row] = crossings_with_errors(mu, value, error, alpha)
        if np.isnan(found[row]):
            without[name] = _reason(mu, falling(value), alpha)
    words = [f"{name}: {reason}" for name, reason in without.items()]
    words.append(about_bounds)
    if scan.cancelled:
        words.append("stopped before all toys were done")
    failed = sum(test.toys.n_failed for test in points.tests if test.toys is not None)
    if failed:
        words.append(f"{failed} toys failed and are left out")
    lost = int((~np.array([test.ok for test in points.tests])).sum())
    if lost:
        words.append(f"{lost} of {len(scan)} points failed")
    return ToyLimitResults(
        float(found[0]), found[1:], cl, scan, "toys", "; ".join(filter(None, words)), without,
        {}, float(errors[0]), errors[1:], tuple(points.tests),
    )  # fmt: skip


def _reason(mu: FloatArray, value: FloatArray, alpha: float) -> str:
    """Say why a curve has no limit."""
    if not mu.size:
        return "no point has toys of both hypotheses"
    if value[-1] >= alpha:
        return f"no limit below {mu[-1]:.4g} (CLs there is {value[-1]:.3g})"
    return f"excluded from {mu[0]:.4g} on (CLs there is {value[0]:.3g})"
