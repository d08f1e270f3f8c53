"""Where the observed and the five expected CLs fall through 1 - cl."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from hepnb.limits.confidence import alpha_of
from hepnb.limits.results import CURVES, LimitResults, ScanResults, bracket_words
from hepnb.typing import FloatArray

__all__ = ["BEYOND", "Curves", "limits_of"]


# Relative width of a bracket that needs no further points, wherever in it the crossing is.
NARROW = 2e-4
# The excess of a point that is as good as on the crossing: the excess grows by about 1 while mu doubles.
CLOSE = 1e-6
# How the reason begins where CLs stays above 1 - cl.
BEYOND = "no limit below"


@dataclass(frozen=True)
class Curves:
    """The six curves of a scan where its fits converged.

    Parameters
    ----------
    mu : ndarray, shape (k,)
        Values of the POI, ascending.
    CLs : ndarray, shape (6, k)
        Observed, and expected at -2, -1, 0, 1, 2 standard deviations.
    excess : ndarray, shape (6, k)
        ``z(CLs+b) - z(alpha CLb)`` with ``z(p)`` the standard deviations of a p-value: it has the sign of
        ``alpha - CLs``. For the expected curves it is ``sqrt(q_A)`` up to a constant, so nearly a straight
        line in mu that can be inverted from few points.
    alpha : float
        The size of the test, 1 - confidence level.
    """

    mu: FloatArray
    CLs: FloatArray
    excess: FloatArray
    alpha: float

    @classmethod
    def of(cls, scan: ScanResults, cl: float) -> Curves:
        """Take the curves from a scan."""
        alpha = alpha_of(cl)
        good = scan.ok
        rows = [
            np.vstack([observed[good], expected[good].T])
            for observed, expected in (
                (scan.CLs_obs, scan.CLs_exp),
                (scan.CLsb, scan.CLsb_exp),
                (scan.CLb, scan.CLb_exp),
            )
        ]
        with np.errstate(invalid="ignore"):
            excess = ndtri(alpha * rows[2]) - ndtri(rows[1])
        return cls(scan.mu[good], rows[0], excess, alpha)

    def crossing(self, row: int) -> int | None:
        """Find the last interval in which a curve falls through 1 - cl."""
        curve = self.CLs[row]
        falls = np.flatnonzero((curve[:-1] >= self.alpha) & (curve[1:] < self.alpha))
        return int(falls[-1]) if falls.size else None

    def linear(self, row: int, i: int) -> float:
        """Return the crossing in interval ``i`` as if CLs were straight there."""
        a, b = self.CLs[row, i], self.CLs[row, i + 1]
        return float(self.mu[i] + (self.mu[i + 1] - self.mu[i]) * (a - self.alpha) / (a - b))

    def smooth(self, row: int, i: int) -> float:
        """Return the crossing in interval ``i`` from up to four points around it, at best."""
        for points in (slice(max(i - 1, 0), i + 3), slice(i, i + 2)):
            found = _inverse(self.mu[points], self.excess[row, points])
            if self.mu[i] <= found <= self.mu[i + 1]:
                return found
        return self.linear(row, i)

    def known(self, row: int, i: int) -> bool:
        """Say whether the crossing in interval ``i`` needs no further points."""
        narrow = self.mu[i + 1] - self.mu[i] <= NARROW * self.mu[i + 1]
        return bool(narrow or np.nanmin(np.abs(self.excess[row, i : i + 2])) <= CLOSE)


def _inverse(x: FloatArray, y: FloatArray) -> float:
    """Return x where y is 0, by the polynomial x(y) through the points; nan where y does not rise."""
    if not np.isfinite(y).all() or not (np.diff(y) > 0).all():
        return float("nan")
    total = 0.0
    for j in range(x.size):
        others = np.delete(y, j)
        total += x[j] * np.prod(others / (others - y[j]))
    return float(total)


def limits_of(
    scan: ScanResults,
    cl: float,
    method: str,
    top: float = np.inf,
    bottom: float = 0.0,
    wanted: FloatArray | None = None,
) -> LimitResults:
    """Read the limits off the points of a scan.

    Parameters
    ----------
    scan : ScanResults
        CLs along the POI.
    cl : float
        The confidence level.
    method : {"root", "grid"}
        ``"root"`` where points were added around the crossings, ``"grid"`` to interpolate linearly in CLs.
    top, bottom : float
        The bounds of the POI.
    wanted : ndarray, shape (n,), optional
        The grid that a scan which was stopped should have had.

    Returns
    -------
    LimitResults
        Limits; nan, with the reason, where there are none, and with their brackets where the scan was
        stopped before they were known.
    """
    curves = Curves.of(scan, cl)
    found, without, notes = np.full(6, np.nan), {}, []
    brackets: dict[str, tuple[float, float]] = {}
    for row, name in enumerate(CURVES):
        i = curves.crossing(row) if curves.mu.size > 1 else None
        if scan.cancelled and curves.mu.size and not _settled(curves, row, i, wanted):
            brackets[name] = _bracket(curves, row, i, max(bottom, 0.0))
            continue
        if i is None:
            without[name] = _reason(curves, row)
            continue
        found[row] = curves.linear(row, i) if method == "grid" else curves.smooth(row, i)
        if method == "root" and not curves.known(row, i):
            notes.append(
                f"{name}: CLs jumps from {curves.CLs[row, i]:.3g} to {curves.CLs[row, i + 1]:.3g} "
                f"between {curves.mu[i]:.4g} and {curves.mu[i + 1]:.4g}"
            )
    reasons = [f"{name}: {reason}" for name, reason in without.items()] + notes
    reasons += [f"{name}: {bracket_words(*ends)} is all that is known" for name, ends in brackets.items()]
    reasons += _remarks(scan, top, bottom)
    message = "; ".join(reasons)
    return LimitResults(float(found[0]), found[1:], cl, scan, method, message, without, brackets)


def _settled(curves: Curves, row: int, i: int | None, wanted: FloatArray | None) -> bool:
    """Say whether further points of a stopped scan would leave a limit where it is."""
    if i is None:
        return False
    if wanted is None:
        return curves.known(row, i)
    low, high = curves.mu[i : i + 2]
    return not ((wanted > low) & (wanted < high)).any()


def _bracket(curves: Curves, row: int, i: int | None, bottom: float) -> tuple[float, float]:
    """Return the tested values between which a limit lies; infinity where none is excluded."""
    if i is not None:
        return float(curves.mu[i]), float(curves.mu[i + 1])
    if curves.CLs[row, -1] >= curves.alpha:
        return float(curves.mu[-1]), float("inf")
    return bottom, float(curves.mu[0])


def _reason(curves: Curves, row: int) -> str:
    """Say why a curve has no limit."""
    if not curves.mu.size:
        return "no point of the scan converged"
    first, last = curves.CLs[row, [0, -1]]
    if last >= curves.alpha:
        return f"{BEYOND} {curves.mu[-1]:.4g} (CLs there is {last:.3g})"
    return f"excluded from {curves.mu[0]:.4g} on (CLs there is {first:.3g})"


def _remarks(scan: ScanResults, top: float, bottom: float) -> list[str]:
    """Return what else there is to know about a scan."""
    notes = []
    if scan.cancelled:
        notes.append(f"stopped after {len(scan)} points")
    if scan.mu_hat >= top:
        notes.append(f"the best value of {scan.poi} is at its upper bound {top:.4g}: widen it")
    if scan.mu_hat <= bottom and bottom > 0:
        notes.append(f"the best value of {scan.poi} is at its lower bound {bottom:.4g}: widen it")
    if scan.several_minima:
        notes.append("the likelihood has several minima; the lowest found were used")
    failed = int((~scan.ok).sum())
    if failed:
        notes.append(f"{failed} of {len(scan)} points failed")
    return notes
