"""Tests of one hypothesis: CLs, and the significance of an excess."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from hepnb.errors import check_choice
from hepnb.executor import Executor
from hepnb.fits.negative import negative_message
from hepnb.fits.options import Bounds, Fixed, Init, adjusted, named_options
from hepnb.hypotests.asymptotics import (
    expected_pvalues,
    expected_two_sided_pvalues,
    observed_pvalues,
    statistic,
    two_sided_pvalues,
)
from hepnb.hypotests.definitions import (
    TestStatistic,
    bounds_message,
    from_zero,
    statistic_named,
    tested_value,
)
from hepnb.hypotests.results import HypotestResults, SignificanceResults
from hepnb.hypotests.settings import CALCTYPES, refuse_for_toys
from hepnb.hypotests.teststats import ProfileRatios, fits_behind, profile_ratios
from hepnb.hypotests.toys import USUAL_TOYS, toy_hypotest
from hepnb.model import FitModel, one_data_set
from hepnb.progress import Cancel, Progress

__all__ = ["hypotest", "significance"]


@named_options
def hypotest(
    mu: float,
    data: ArrayLike | None,
    model: FitModel,
    test_stat: str = "qtilde",
    calctype: str = "asymptotics",
    *,
    init: Init | None = None,
    bounds: Bounds | None = None,
    fixed: Fixed | None = None,
    n_toys: int | None = None,
    seed: int | np.random.SeedSequence | None = None,
    executor: Executor | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    device: Any = None,
) -> HypotestResults:
    """Test one value of the parameter of interest.

    Parameters
    ----------
    mu : float
        The value tested.
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Events per bin, with or without auxiliary data; the observed data if None.
    model : FitModel
        The model.
    test_stat : {"qtilde", "q", "q0", "ttilde", "t"}
        The statistic: for limits with and without a bound of the POI at 0, for a discovery, or for intervals
        (two-sided) with and without that bound.
    calctype : {"asymptotics", "toybased"}
        How the distribution of the statistic is obtained.
    init, bounds, fixed
        Other starting values, bounds and fixed parameters, as for :func:`hepnb.fit`; two bounds alone are
        those of the POI.
    n_toys : int, optional
        Toys of each hypothesis; 2000 by default.
    seed, executor, checkpoint, progress, cancel, device
        For toys only, as for :func:`hepnb.hypotests.toy_hypotest`.

    Returns
    -------
    HypotestResults
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
    >>> print(f"{hepnb.hypotest(1.0, None, model, 't', bounds={'mu': (-10, 10)}).q:.5f}")
    3.95499
    """
    check_choice(calctype, CALCTYPES, "calctype")
    if calctype == "toybased":
        return toy_hypotest(
            mu, data, model, test_stat, n_toys=USUAL_TOYS if n_toys is None else n_toys, seed=seed, init=init,
            bounds=bounds, fixed=fixed, executor=executor, checkpoint=checkpoint, progress=progress,
            cancel=cancel, device=device,
        )  # fmt: skip
    refuse_for_toys(
        {
            "n_toys": n_toys, "seed": seed, "executor": executor, "checkpoint": checkpoint,
            "progress": progress, "cancel": cancel, "device": device,
        }
    )  # fmt: skip
    chosen = statistic_named(test_stat)
    counts = one_data_set(data, model)
    value = tested_value(mu, chosen)
    model = adjusted(model, init, bounds, fixed, tested=True)
    ratios = profile_ratios(from_zero(model, chosen), counts, np.array([value]), chosen)
    message = bounds_message(model, chosen, value, ratios.mu_hat)
    if ratios.ok[0]:
        negative = negative_message(model, ratios.fixed[0], f" at {model.poi_name} = {value:.4g}")
        message = f"{message} {negative}".strip()
    return _result(ratios, chosen, message, dict(model.interpolation))


def _result(
    ratios: ProfileRatios, chosen: TestStatistic, message: str, codes: dict[str, str]
) -> HypotestResults:
    if chosen.two_sided:
        teststat = np.sqrt(ratios.q)
        observed = two_sided_pvalues(ratios.q, ratios.q_asimov, chosen.bounded)
        expected = expected_two_sided_pvalues(ratios.q_asimov, chosen.bounded)
    else:
        teststat = statistic(ratios.q, ratios.q_asimov, chosen.bounded)
        observed = observed_pvalues(teststat, ratios.q_asimov)
        expected = expected_pvalues(ratios.q_asimov)
    plain = not chosen.for_limits
    return HypotestResults(
        mu=float(ratios.mu[0]),
        CLs_obs=float(observed.CLsb[0] if plain else observed.CLs[0]),
        CLs_exp=(expected.CLsb if plain else expected.CLs)[0],
        CLsb=float(observed.CLsb[0]),
        CLb=float(observed.CLb[0]),
        CLsb_exp=expected.CLsb[0],
        CLb_exp=expected.CLb[0],
        teststat=float(teststat[0]),
        q=float(ratios.q[0]),
        q_asimov=float(ratios.q_asimov[0]),
        mu_hat=ratios.mu_hat,
        fits=fits_behind(ratios),
        test_stat=chosen.name,
        ok=bool(ratios.ok[0]),
        message=message,
        codes=codes,
    )


@named_options
def significance(
    data: ArrayLike | None,
    model: FitModel,
    *,
    init: Init | None = None,
    bounds: Bounds | None = None,
    fixed: Fixed | None = None,
) -> SignificanceResults:
    """Return the significance of an excess over the background alone.

    Parameters
    ----------
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Events per bin, with or without auxiliary data; the observed data if None.
    model : FitModel
        The model.
    init, bounds, fixed
        Other starting values, bounds and fixed parameters, as for :func:`hepnb.fit`; two bounds alone are
        those of the POI.

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
    result = hypotest(0.0, data, model, test_stat="q0", init=init, bounds=bounds, fixed=fixed)
    observed, expected = np.sqrt(result.q), np.sqrt(result.q_asimov)
    return SignificanceResults(
        observed_p_value=float(ndtr(-observed)),
        observed_significance=float(observed),
        expected_p_value=float(ndtr(-expected)),
        expected_significance=float(expected),
        codes=result.codes,
    )
