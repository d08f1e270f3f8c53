"""The search for limits: find where CLs crosses 1 - cl, and close in on it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import ndtr, ndtri

from hepnb.hypotests.asymptotics import EXPECTED_SIGMAS
from hepnb.limits.confidence import alpha_of
from hepnb.limits.curves import Curves
from hepnb.limits.points import TestedPoints
from hepnb.limits.results import ScanResults
from hepnb.typing import FloatArray

__all__ = ["search"]


_ROUNDS = 12
# Rounds in which the estimate alone is tested; where that is not enough, the bracket is cut in half too.
_TRUSTING = 3


def search(points: TestedPoints, low: float, high: float, cl: float) -> Iterator[ScanResults]:
    """Test values of the POI until the crossings of all six curves are known.

    Parameters
    ----------
    points : TestedPoints
        Where they are tested.
    low, high : float
        The range in which limits are looked for.
    alpha : float
        The size of the test, 1 - confidence alpha.

    Yields
    ------
    ScanResults
        All points so far, after each round.
    """
    yield from _bracket(points, low, high, cl)
    for turn in range(_ROUNDS):
        more = _more(points.scan, cl, halve=turn >= _TRUSTING)
        if not more.size:
            return
        points.test(more)
        yield points.scan


def _bracket(points: TestedPoints, low: float, high: float, cl: float) -> Iterator[ScanResults]:
    """Test points until all six curves cross 1 - cl, or the end of the range is reached."""
    guess = float(np.clip(1.0, low, high))
    points.test(np.array([guess]))
    yield points.scan
    q = points.scan.q_asimov[0]
    sigma = guess / np.sqrt(q) if np.isfinite(q) and q > 1e-12 else (high - low) / 10
    likely = sigma * _asymptotic(points.scan, sigma, alpha_of(cl))
    points.test(np.unique(np.clip([low, 0.7 * likely.min(), *likely, 1.3 * likely.max()], low, high)))
    yield points.scan
    while points.scan.mu[-1] < high and None in _falls(points.scan, cl):
        reach = points.scan.mu[-1] * np.array([1.4, 2.0, 2.8]) + sigma
        points.test(np.unique(np.minimum(reach, high)))
        yield points.scan
    # A crossing before the first point above ``low`` may be many orders of magnitude below it.
    while 0 in _falls(points.scan, cl):
        smallest = points.scan.mu[np.argmax(points.scan.mu > low)]
        if smallest <= low + 1e-9 * (high - low):
            break
        points.test(low + (smallest - low) * np.array([0.03, 0.1, 0.3]))
        yield points.scan


def _asymptotic(scan: ScanResults, sigma: float, alpha: float) -> FloatArray:
    """Guess the six limits, in standard deviations of the POI, as if the likelihood were Gaussian.

    References
    ----------
    Eqs. (87) to (89) of arXiv:1007.1727, for CLs.
    """
    background = float(scan.CLb[0])
    observed = scan.mu_hat / sigma
    if not observed > 0 and 0 < background < 1:
        observed = float(ndtri(background))
    shifts = np.array([np.clip(observed if np.isfinite(observed) else 0.0, -4.0, 40.0), *EXPECTED_SIGMAS])
    return np.asarray(shifts - ndtri(alpha * ndtr(shifts)))


def _falls(scan: ScanResults, cl: float) -> list[int | None]:
    """Return the interval in which each curve falls through 1 - cl last."""
    curves = Curves.of(scan, cl)
    return [curves.crossing(row) if curves.mu.size > 1 else None for row in range(len(curves.CLs))]


def _more(scan: ScanResults, cl: float, halve: bool) -> FloatArray:
    """Return the points to test next: none twice, those whose fits did not converge included."""
    curves = Curves.of(scan, cl)
    more = np.setdiff1d(_refinements(curves, halve), scan.mu)
    return more if more.size or halve else np.setdiff1d(_refinements(curves, True), scan.mu)


def _refinements(curves: Curves, halve: bool) -> list[float]:
    """Return the points that would tell every crossing not yet known well enough."""
    mu, points = curves.mu, []
    for row in range(len(curves.CLs)):
        i = curves.crossing(row) if mu.size > 1 else None
        if i is None or curves.known(row, i):
            continue
        points.append(curves.smooth(row, i))
        if halve:
            points.append((mu[i] + mu[i + 1]) / 2)
    return points
