"""Large-sample laws of the test statistics. G. Cowan et al., arXiv:1007.1727.

Conventions are pyhf's: the statistic of a point is ``sqrt(q) - sqrt(q_A)``, with the branch of Eq. (65) for
``q > q_A`` of the bounded statistic; under the signal hypothesis it is normal around ``-sqrt(q_A)``, under
the background hypothesis around 0; expected values are CLs at -2, -1, 0, 1, 2 standard deviations of the
background law.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

__all__ = ["EXPECTED_SIGMAS", "PValues", "expected_pvalues", "observed_pvalues", "statistic"]

FloatArray = NDArray[np.float64]

EXPECTED_SIGMAS = (-2.0, -1.0, 0.0, 1.0, 2.0)


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
    plain = root - root_asimov
    if not bounded:
        return np.asarray(plain)
    safe = np.where(root_asimov > 0, root_asimov, 1.0)
    return np.where((root > root_asimov) & (root_asimov > 0), (q - q_asimov) / (2 * safe), plain)


def observed_pvalues(teststat: FloatArray, q_asimov: FloatArray) -> PValues:
    """Give the p-values of observed statistics.

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
    upper = ndtr(-(teststat + np.sqrt(q_asimov)))
    background = ndtr(-teststat)
    return PValues(_ratio(upper, background), upper, background)


def expected_pvalues(q_asimov: FloatArray) -> PValues:
    """Give the p-values expected from background at -2, -1, 0, 1 and 2 standard deviations.

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


def _ratio(upper: FloatArray, background: FloatArray) -> FloatArray:
    safe = np.where(background == 0, 1.0, background)
    return np.where(background == 0, 0.0, upper / safe)
