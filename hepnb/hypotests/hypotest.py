"""Tests of one hypothesis: CLs, and the significance of an excess."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from hepnb.errors import ModelError, nearest
from hepnb.hypotests.asymptotics import expected_pvalues, observed_pvalues, statistic
from hepnb.hypotests.results import HypotestResult, SignificanceResults
from hepnb.hypotests.teststats import ProfileRatios, profile_ratios, statistic_named
from hepnb.hypotests.toys import toy_hypotest
from hepnb.model import Model, as_numbers, one_data_set

__all__ = ["hypotest", "significance"]

_CALCTYPES = ("asymptotics", "toybased")


def hypotest(
    mu: float,
    data: ArrayLike | None,
    model: Model,
    test_stat: str = "qtilde",
    calctype: str = "asymptotics",
    **toys: Any,
) -> HypotestResult:
    """Test one value of the parameter of interest.

    Parameters
    ----------
    mu : float
        The value tested.
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Events per bin, with or without auxiliary data; the observed data if None.
    model : Model
        The model.
    test_stat : {"qtilde", "q", "q0"}
        The statistic: for limits with and without a bound on the best value, or for a discovery.
    calctype : {"asymptotics", "toybased"}
        How its law is had.
    **toys
        For toys: ``n_toys``, ``seed``, ``progress``, ``cancel``, as :func:`toy_hypotest` takes them.

    Returns
    -------
    HypotestResult
        p-values observed and expected. If a fit fails they are nan and ``ok`` is False.

    Raises
    ------
    ModelError
        The statistic does not exist, the measurement has no POI, ``mu`` is not finite.

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
    >>> result = hepnb.hypotest(1.0, None, model)
    >>> print(f"{result.CLs_obs:.6f}, expected {result.CLs_exp[2]:.6f}")
    0.052516, expected 0.064455
    """
    if calctype not in _CALCTYPES:
        raise ModelError(f"calctype {calctype!r} does not exist. {nearest(calctype, _CALCTYPES)}")
    if as_numbers(mu, "the POI").ndim or not np.isfinite(as_numbers(mu, "the POI")):
        raise ModelError(f"the POI cannot be tested at {mu}. Give a finite value.")
    if calctype == "toybased":
        return toy_hypotest(mu, data, model, test_stat, **toys)
    if toys:
        raise ModelError(f"{sorted(toys)[0]!r} is for toys. Add calctype='toybased', or leave it out.")
    chosen = statistic_named(test_stat)
    counts = one_data_set(data, model)
    ratios = profile_ratios(model, counts, np.array([float(mu)]), chosen)
    return _result(ratios, test_stat, chosen.bounded)


def _result(ratios: ProfileRatios, test_stat: str, bounded: bool) -> HypotestResult:
    teststat = statistic(ratios.q, ratios.q_asimov, bounded)
    observed = observed_pvalues(teststat, ratios.q_asimov)
    expected = expected_pvalues(ratios.q_asimov)
    discovery = test_stat == "q0"
    return HypotestResult(
        mu=float(ratios.mu[0]),
        CLs_obs=float(observed.CLsb[0] if discovery else observed.CLs[0]),
        CLs_exp=(expected.CLsb if discovery else expected.CLs)[0],
        CLsb=float(observed.CLsb[0]),
        CLb=float(observed.CLb[0]),
        CLsb_exp=expected.CLsb[0],
        CLb_exp=expected.CLb[0],
        teststat=float(teststat[0]),
        q=float(ratios.q[0]),
        q_asimov=float(ratios.q_asimov[0]),
        mu_hat=ratios.mu_hat,
        fits={
            "free": ratios.free,
            "fixed": ratios.fixed[0],
            "asimov": ratios.background,
            "fixed_asimov": ratios.fixed_asimov[0],
        },
        test_stat=test_stat,
        ok=bool(ratios.ok[0]),
    )


def significance(data: ArrayLike | None, model: Model) -> SignificanceResults:
    """Give the significance of an excess over the background alone.

    Parameters
    ----------
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Events per bin, with or without auxiliary data; the observed data if None.
    model : Model
        The model.

    Returns
    -------
    SignificanceResults
        Observed, and expected for the signal at nominal strength.

    Raises
    ------
    ModelError
        The measurement has no POI.

    References
    ----------
    Eqs. (12) and (53) of arXiv:1007.1727.

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.workspace import uncorrelated_background
    >>> model = hepnb.Model(
    ...     uncorrelated_background(
    ...         signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[70, 75]
    ...     )
    ... )
    >>> print(f"{hepnb.significance(None, model).observed_significance:.3f}")
    3.181
    """
    result = hypotest(0.0, data, model, test_stat="q0")
    observed, expected = np.sqrt(result.q), np.sqrt(result.q_asimov)
    return SignificanceResults(
        observed_p_value=float(ndtr(-observed)),
        observed_significance=float(observed),
        expected_p_value=float(ndtr(-expected)),
        expected_significance=float(expected),
    )
