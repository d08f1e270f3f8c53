"""Large-sample laws of the test statistics. G. Cowan et al., arXiv:1007.1727.

Conventions are pyhf's: the statistic of a point is ``sqrt(q) - sqrt(q_A)``, with the branch of Eq. (65) for
``q > q_A`` of the bounded statistic; under the signal hypothesis it is normal around ``-sqrt(q_A)``, under
the background hypothesis around 0; expected values are CLs at -2, -1, 0, 1, 2 standard deviations of the
background law.

The statistics of intervals, t and t-tilde, have laws of their own (Eqs. 35 to 44): with d = sqrt(t_A) the
distance of the two hypotheses in standard deviations, t lies above a value where the best value of the
parameter of interest is too large or too small.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import log_ndtr, ndtr

from hepnb.typing import FloatArray

__all__ = [
    "EXPECTED_SIGMAS",
    "PValues",
    "expected_pvalues",
    "expected_two_sided_pvalues",
    "observed_pvalues",
    "statistic",
    "two_sided_pvalues",
]


EXPECTED_SIGMAS = (-2.0, -1.0, 0.0, 1.0, 2.0)
_HALVINGS = 80


class PValues(NamedTuple):
    """CLs, CLs+b and CLb, all of one shape."""

    CLs: FloatArray
    CLsb: FloatArray
    CLb: FloatArray


def statistic(q: FloatArray, q_asimov: FloatArray, bounded: bool) -> FloatArray:
    """Transform a profile likelihood ratio into the statistic with normal laws.

    Parameters
    ----------
    q, q_asimov : ndarray, shape (...,)
        Profile likelihood ratios of the data and of the Asimov data.
    bounded : bool
        The statistic is q-tilde, whose law has a second branch.

    Returns
    -------
    ndarray, shape (...,)
        The statistic; 0 where both ratios are 0.

    References
    ----------
    Eqs. (64) to (66) of arXiv:1007.1727.
    """
    root, root_asimov = np.sqrt(q), np.sqrt(q_asimov)
    # An infinite ratio excludes the value, whatever was expected.
    plain = np.where(np.isinf(root), np.inf, root - np.where(np.isinf(root), 0.0, root_asimov))
    if not bounded:
        return np.asarray(plain)
    safe = np.where(root_asimov > 0, root_asimov, 1.0)
    beyond = (root > root_asimov) & (root_asimov > 0) & np.isfinite(root)
    return np.where(beyond, (np.where(beyond, q, 0.0) - np.where(beyond, q_asimov, 0.0)) / (2 * safe), plain)


def observed_pvalues(teststat: FloatArray, q_asimov: FloatArray) -> PValues:
    """Return the p-values of observed statistics.

    Parameters
    ----------
    teststat, q_asimov : ndarray, shape (...,)
        As from :func:`statistic`.

    Returns
    -------
    PValues
        Each of shape (...,).

    References
    ----------
    Eqs. (59) and (67) of arXiv:1007.1727.
    """
    shifted = teststat + np.sqrt(q_asimov)
    # Far in the tail both are 0 in double precision, their ratio is not.
    finite = np.isfinite(teststat) & np.isfinite(shifted)
    far, near = np.where(finite, shifted, 0.0), np.where(finite, teststat, 0.0)
    ratio = np.exp(np.minimum(log_ndtr(-far) - log_ndtr(-near), 0.0))
    upper, background = ndtr(-shifted), ndtr(-teststat)
    return PValues(np.where(finite, ratio, _ratio(upper, background)), upper, background)


def expected_pvalues(q_asimov: FloatArray) -> PValues:
    """Return the p-values expected from background at -2, -1, 0, 1 and 2 standard deviations.

    Parameters
    ----------
    q_asimov : ndarray, shape (...,)
        Profile likelihood ratios of the Asimov data.

    Returns
    -------
    PValues
        Each of shape (..., 5), growing along the last axis.
    """
    teststat = -np.array(EXPECTED_SIGMAS)
    upper = ndtr(-(teststat + np.sqrt(q_asimov)[..., None]))
    background = np.broadcast_to(ndtr(-teststat), upper.shape)
    return PValues(_ratio(upper, background), upper, background)


def two_sided_pvalues(t: FloatArray, t_asimov: FloatArray, bounded: bool) -> PValues:
    """Return the p-values of the statistics of intervals.

    Parameters
    ----------
    t, t_asimov : ndarray, shape (...,)
        Profile likelihood ratios of the data and of the Asimov data of the background.
    bounded : bool
        The statistic is t-tilde: the parameter of interest is not negative.

    Returns
    -------
    PValues
        Each of shape (...,): CLsb is the p-value of the value tested, CLb that of the background.

    References
    ----------
    Eqs. (36) and (43) of arXiv:1007.1727.

    Examples
    --------
    >>> t, t_asimov = np.array([4.0]), np.array([1.0])
    >>> two_sided_pvalues(t, t_asimov, bounded=False).CLsb.round(4)
    array([0.0455])
    >>> two_sided_pvalues(t, t_asimov, bounded=True).CLsb.round(4)
    array([0.029])
    """
    root, distance = np.sqrt(t), np.sqrt(t_asimov)
    tested = _outside(root, distance, np.zeros_like(distance), bounded)
    background = _outside(root, distance, distance, bounded)
    return PValues(_ratio(tested, background), tested, background)


def expected_two_sided_pvalues(t_asimov: FloatArray, bounded: bool) -> PValues:
    """Return the p-values of the statistics of intervals that are expected from background.

    Parameters
    ----------
    t_asimov : ndarray, shape (...,)
        Profile likelihood ratios of the Asimov data of the background.
    bounded : bool
        As for :func:`two_sided_pvalues`.

    Returns
    -------
    PValues
        Each of shape (..., 5), growing along the last axis: where the p-value of the background is that of
        -2, -1, 0, 1 and 2 standard deviations, or 1 where the statistic is 0 more often than that.
    """
    distance = np.sqrt(t_asimov)[..., None]
    wanted = np.broadcast_to(ndtr(np.array(EXPECTED_SIGMAS)), (*np.shape(t_asimov), 5))
    low, high = np.zeros_like(wanted), np.broadcast_to(distance + 10, wanted.shape)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        above = _outside(middle, distance, distance, bounded) >= wanted
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    # Nothing is above nan: without this the search would end at a p-value of 1.
    low = np.where(np.isnan(distance), np.nan, low)
    tested = _outside(low, distance, np.zeros_like(distance), bounded)
    background = _outside(low, distance, distance, bounded)
    return PValues(_ratio(tested, background), tested, background)


def _outside(root: FloatArray, distance: FloatArray, shift: FloatArray, bounded: bool) -> FloatArray:
    """Return the probability that sqrt(t) is at least ``root``.

    ``shift`` is how far the true value lies below the one tested, in standard deviations of the best value.
    """
    above, below = ndtr(-(root + shift)), ndtr(shift - root)
    if bounded:
        # A best value below 0 moves the statistic half as fast: it is then linear, not square.
        far = (root > distance) & (distance > 0)
        safe = np.where(far, distance, 1.0)
        edge = np.where(far, (distance**2 - root**2) / (2 * safe) - distance + shift, shift - root)
        below = np.where((root > distance) & ~(distance > 0), 0.0, ndtr(edge))
    return np.asarray(above + below)


def _ratio(upper: FloatArray, background: FloatArray) -> FloatArray:
    safe = np.where(background == 0, 1.0, background)
    return np.where(background == 0, 0.0, upper / safe)
