"""A scan over mu that shows what it has while it runs: coarse first, then the points in between."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hepnb.fits import fit
from hepnb.limits import ScanResults, scan
from hepnb.progress import Cancel, Stopped, stoppable

if TYPE_CHECKING:
    from hepnb.model import Model

__all__ = ["stream", "suggest_range"]

_ROUNDS = 3


def stream(
    data: NDArray[np.float64],
    model: Model,
    mu: NDArray[np.float64],
    *,
    test_stat: str,
    held: Mapping[str, float] | None = None,
    partial: Callable[[ScanResults, float], None],
    cancel: Cancel,
) -> ScanResults | None:
    """Scan, and hand out what there is after every chunk.

    Parameters
    ----------
    data : ndarray, shape (bin + auxdata,)
        Observed counts and auxiliary data.
    model : Model
        The likelihood.
    mu : ndarray, shape (point,)
        Signal strengths, in any order.
    test_stat : str
        As in :func:`hepnb.scan`.
    held : mapping of str to float, optional
        Nuisance parameters that are not fitted.
    partial : callable
        Called with the points so far and the seconds left.
    cancel : object with ``is_set()``
        Asked between chunks, and in each step of the fits: a chunk that is stopped is lost.

    Returns
    -------
    ScanResults or None
        All points that were finished; None where there are none.
    """
    values = np.unique(mu)
    begin = time.perf_counter()

    def shown(scan: ScanResults) -> None:
        spent, done = time.perf_counter() - begin, len(scan)
        partial(scan, spent / done * (len(values) - done))

    try:
        with stoppable(cancel):
            found = scan(data, model, values, test_stat=test_stat, fixed=held, partial=shown, cancel=cancel)
    except Stopped:  # in the fits that all points share
        return None
    return found if len(found) else None


def suggest_range(data: NDArray[np.float64], model: Model) -> tuple[float, float]:
    """A range of mu in which observed and expected limits should lie.

    From zero to four standard deviations above the best fit, rounded up to a round number and kept
    inside the bounds of the parameter of interest.

    Parameters
    ----------
    data : ndarray, shape (bin + auxdata,)
        Observed counts and auxiliary data.
    model : Model
        The likelihood; it has a parameter of interest.

    Returns
    -------
    tuple of float
        Lowest and highest mu.
    """
    index = model.poi_index
    if index is None:
        return 0.0, 1.0
    poi = model.parameters[index]
    fitted = fit(data, model)
    best, width = float(fitted.bestfit[index]), float(fitted.uncertainty[index])
    if not (math.isfinite(best) and math.isfinite(width) and width > 0):
        best, width = 0.0, _width_of_expected(data, model, fitted.bestfit)
    if not (math.isfinite(best) and math.isfinite(width) and width > 0):
        return max(poi.lower, 0.0), poi.upper
    return max(poi.lower, 0.0), min(round_up(max(best, 0.0) + 4 * width), poi.upper)


def _width_of_expected(data: NDArray[np.float64], model: Model, point: NDArray[np.float64]) -> float:
    """Return the uncertainty of a signal of about that size; for a fit whose best value is at a bound.

    The size is what is looked for: it is halved or doubled and so on by fits of expected data.
    """
    index = model.require_poi()
    strength, width = 1.0, math.nan
    for _ in range(_ROUNDS):
        there = np.array(point)
        there[index] = np.clip(strength, *model.bounds[index])
        expected = np.array(data)
        expected[: model.n_bins] = model.expected(there)
        width = float(fit(expected, model).uncertainty[index])
        if not width > 0:
            return width
        strength = 2 * width
    return width


def round_up(value: float) -> float:
    """The next round number: 1, 1.5, 2, 3, 4, 5, 6 or 8 times a power of ten.

    Examples
    --------
    >>> round_up(5.49), round_up(0.0121), round_up(9.0)
    (6.0, 0.015, 10.0)
    """
    power = 10.0 ** math.floor(math.log10(value))
    for digit in (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0):
        if value <= digit * power * (1 + 1e-12):
            return float(f"{digit * power:.12g}")
    return float(f"{10 * power:.12g}")
