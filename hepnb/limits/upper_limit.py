"""Upper limits by the CLs method: on a grid, or refined until CLs meets the level."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.errors import ModelError
from hepnb.hypotests.asymptotics import EXPECTED_SIGMAS
from hepnb.hypotests.teststats import (
    ProfileRatios,
    TestStatistic,
    anchors,
    profile_ratios,
    statistic_named,
)
from hepnb.limits.results import LimitResults, ScanResults
from hepnb.limits.scan import as_scan, merge
from hepnb.limits.scan import scan as run_scan
from hepnb.model import Model, as_numbers, one_data_set

__all__ = ["limit_from_scan", "upper_limit"]

FloatArray = NDArray[np.float64]

# Relative width of a bracket in which the curve is straight to far below the precision of the fits.
_RELATIVE = 2e-4
_ROUNDS = 12
_LADDER = (0.1, 0.3, 0.6, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.5)


def upper_limit(
    data: ArrayLike | None,
    model: Model,
    *,
    level: float = 0.05,
    mu: ArrayLike | None = None,
    test_stat: str = "qtilde",
) -> LimitResults:
    """Give the observed and expected upper limits on the parameter of interest.

    Parameters
    ----------
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Events per bin, with or without auxiliary data; the observed data if None.
    model : Model
        The model.
    level : float
        1 - confidence level.
    mu : array_like, shape (k,), optional
        A grid: the limit is then interpolated linearly in CLs between its points, as pyhf does. Without
        it, points are added where the curves cross the level until the crossing is known to 1e-6 or better.
    test_stat : {"qtilde", "q"}
        The statistic.

    Returns
    -------
    LimitResults
        Limits, and the points behind them. A limit that does not exist between 0 and the upper bound of the
        POI is nan, and the message says so.

    Raises
    ------
    ModelError
        A level outside (0, 1), or as for :func:`hepnb.scan`.

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
    if not 0 < as_numbers(level, "level").sum() < 1:
        raise ModelError(f"level is {level}. Give 1 - confidence level, for instance 0.05.")
    chosen = statistic_named(test_stat)
    if chosen.name == "q0":
        raise ModelError("q0 tests the background alone; a limit needs 'qtilde' or 'q'.")
    if mu is not None:
        return limit_from_scan(run_scan(data, model, mu, test_stat=test_stat), level)
    search = _Search(model, one_data_set(data, model), chosen)
    search.bracket(level)
    for _ in range(_ROUNDS):
        points = _refinements(search.scan, level)
        if not points.size:
            break
        search.test(points)
    return _limits(search.scan, level, "root")


def limit_from_scan(scan: ScanResults, level: float = 0.05) -> LimitResults:
    """Interpolate limits on the points of a scan, linearly in CLs.

    Parameters
    ----------
    scan : ScanResults
        CLs along the POI.
    level : float
        1 - confidence level.

    Returns
    -------
    LimitResults
        Limits; nan where the points do not cross the level.

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
    return _limits(scan, level, "grid")


def _curves(scan: ScanResults) -> tuple[FloatArray, FloatArray]:
    """Give the good points, shape (k,), and the observed and expected CLs there, shape (6, k)."""
    good = scan.ok
    return scan.mu[good], np.vstack([scan.CLs_obs[good], scan.CLs_exp[good].T])


def _crossing(curve: FloatArray, level: float) -> int | None:
    """Find the last interval in which CLs falls through the level."""
    falls = np.flatnonzero((curve[:-1] >= level) & (curve[1:] < level))
    return int(falls[-1]) if falls.size else None


class _Search:
    """The points tested so far; each new batch starts from the nearest of the last one."""

    def __init__(self, model: Model, data: FloatArray, chosen: TestStatistic) -> None:
        self.model, self.data, self.chosen = model, data, chosen
        self.shared = anchors(model, data, chosen)
        self.last: ProfileRatios | None = None
        self.scan: ScanResults

    def test(self, mu: FloatArray) -> None:
        """Add values of the POI."""
        first = self.last is None
        self.last = profile_ratios(self.model, self.data, mu, self.chosen, self.shared, self.last)
        new = as_scan(self.model, self.last, self.chosen)
        self.scan = new if first else merge([self.scan, new])

    def bracket(self, level: float) -> None:
        """Test points until all six curves cross the level, or the bound of the POI is reached."""
        low, high = self.model.bounds[self.model.require_poi()]
        low = max(low, 0.0)
        guess = np.clip(1.0, low, high) if high > low else high
        self.test(np.array([guess]))
        q = self.scan.q_asimov[0]
        width = guess / np.sqrt(q) if np.isfinite(q) and q > 1e-12 else (high - low) / 10
        best = max(self.scan.mu_hat, 0.0)
        ladder = width * np.array(_LADDER)
        self.test(np.unique(np.clip(np.concatenate([[low], ladder, best + ladder]), low, high)))
        while self.scan.mu[-1] < high and not self._crossed(level):
            reach = self.scan.mu[-1] * np.array([1.4, 2.0, 2.8]) + width
            self.test(np.unique(np.minimum(reach, high)))
        while not self._crossed(level, after=0):
            smallest = self.scan.mu[np.argmax(self.scan.mu > low)]
            if smallest <= low + 1e-9 * (high - low):
                break
            self.test(low + (smallest - low) * np.array([0.03, 0.1, 0.3]))

    def _crossed(self, level: float, after: int = -1) -> bool:
        """Say whether every curve falls through the level after the given interval."""
        mu, curves = _curves(self.scan)
        if mu.size < 2:
            return False
        found = [_crossing(curve, level) for curve in curves]
        return all(i is not None and i > after for i in found)


def _estimate(mu: FloatArray, curve: FloatArray, level: float, i: int) -> float:
    """Interpolate the crossing in log(CLs), which is nearly a parabola in mu."""
    left, right = max(i - 1, 0), min(i + 2, mu.size - 1)
    x = mu[left : right + 1]
    y = np.log(np.maximum(curve[left : right + 1], 1e-300)) - np.log(level)
    if np.unique(y).size == y.size and (np.diff(y) < 0).all():
        # Inverse interpolation through up to four points around the crossing.
        total = 0.0
        for j in range(x.size):
            others = np.delete(np.arange(x.size), j)
            total += x[j] * np.prod(y[others] / (y[others] - y[j]))
        if mu[i] <= total <= mu[i + 1]:
            return float(total)
    a, b = np.log(max(curve[i], 1e-300) / level), np.log(max(curve[i + 1], 1e-300) / level)
    return float(mu[i] + (mu[i + 1] - mu[i]) * a / (a - b))


def _refinements(scan: ScanResults, level: float) -> FloatArray:
    """Give the points that would narrow every crossing not yet known well enough."""
    mu, curves = _curves(scan)
    points: list[float] = []
    for curve in curves:
        i = _crossing(curve, level) if mu.size > 1 else None
        if i is None or mu[i + 1] - mu[i] <= _RELATIVE * mu[i + 1]:
            continue
        guess = _estimate(mu, curve, level, i)
        width = mu[i + 1] - mu[i]
        # Two points beside the estimate close the bracket from both sides if it is good.
        margin = max(0.02 * width, 0.3 * _RELATIVE * guess)
        points.extend(point for point in (guess - margin, guess + margin) if mu[i] < point < mu[i + 1])
    return np.unique(points)


def _limits(scan: ScanResults, level: float, method: str) -> LimitResults:
    mu, curves = _curves(scan)
    found = np.full(6, np.nan)
    reasons = []
    for row, curve in enumerate(curves):
        i = _crossing(curve, level) if mu.size > 1 else None
        if i is not None:
            a, b = curve[i], curve[i + 1]
            found[row] = mu[i] + (mu[i + 1] - mu[i]) * (a - level) / (a - b)
            continue
        name = "observed" if row == 0 else f"expected {EXPECTED_SIGMAS[row - 1]:+g} sigma"
        if not mu.size:
            reasons.append(f"{name}: no point of the scan converged")
        elif curve[-1] >= level:
            reasons.append(f"{name}: no limit below {mu[-1]:.4g} (CLs there is {curve[-1]:.3g})")
        else:
            reasons.append(f"{name}: excluded from {mu[0]:.4g} on (CLs there is {curve[0]:.3g})")
    if scan.several_minima:
        reasons.append("the likelihood has several minima; the lowest found were used")
    failed = int((~scan.ok).sum())
    if failed:
        reasons.append(f"{failed} of {len(scan)} points failed")
    return LimitResults(float(found[0]), found[1:], level, scan, method, "; ".join(reasons))
