"""Hypothesis tests: closed forms, limits of the formulae, and input that is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

import hepnb
from hepnb.errors import ModelError
from hepnb.hypotests.asymptotics import expected_pvalues, observed_pvalues, statistic
from hepnb.hypotests.teststats import TEST_STATISTICS, profile_ratios
from hepnb.workspace import uncorrelated_background


def counting(
    observed: float, bkg: float = 50.0, uncertainty: float = 0.0, signal: float = 10.0
) -> hepnb.Model:
    return hepnb.Model(
        uncorrelated_background(
            signal=[signal], bkg=[bkg], bkg_uncertainty=[uncertainty], observed=[observed]
        )
    )


@pytest.mark.parametrize("observed", [51.0, 63.0, 80.0])
def test_discovery_in_one_bin_has_the_closed_form(observed: float) -> None:
    """q0 = 2 (n log(n / b) - n + b): Eq. (46) of arXiv:1007.1727."""
    result = hepnb.significance(None, counting(observed))
    expected = np.sqrt(2 * (observed * np.log(observed / 50) - observed + 50))
    assert pytest.approx(expected, rel=1e-9) == result.observed_significance
    asimov = np.sqrt(2 * (60 * np.log(60 / 50) - 10))
    assert pytest.approx(asimov, rel=1e-9) == result.expected_significance


@pytest.mark.parametrize("observed", [60.0, 75.0])
def test_on_off_discovery_has_the_closed_form(observed: float) -> None:
    """Eq. (17) of arXiv:physics/0702156: background from a control count m = tau b."""
    bkg, uncertainty = 50.0, 7.0
    tau = bkg / uncertainty**2
    m = tau * bkg
    total = observed + m
    expected = 2 * (observed * np.log(observed / total * (1 + tau)) + m * np.log(m / total * (1 + tau) / tau))
    result = hepnb.hypotest(0.0, None, counting(observed, uncertainty=uncertainty), test_stat="q0")
    assert pytest.approx(expected, rel=1e-9) == result.q


def test_a_deficit_is_no_discovery() -> None:
    result = hepnb.significance(None, counting(40.0))
    assert result.observed_significance == 0.0
    assert result.observed_p_value == 0.5


def test_nothing_speaks_against_a_smaller_signal_than_the_best() -> None:
    result = hepnb.hypotest(0.5, None, counting(70.0))
    assert result.mu_hat > 0.5
    assert result.q == 0.0


def test_at_zero_the_test_says_one() -> None:
    """At mu = 0 both ratios vanish: CLs is 1, not 0/0."""
    result = hepnb.hypotest(0.0, None, counting(45.0))
    assert result.ok
    assert pytest.approx(1.0) == result.CLs_obs
    assert np.isfinite(result.CLs_exp).all()


def test_the_branches_of_the_statistic_meet() -> None:
    q = np.array([3.999999, 4.0, 4.000001])
    values = statistic(q, np.full(3, 4.0), bounded=True)
    np.testing.assert_allclose(values, 0.0, atol=1e-6)
    np.testing.assert_array_equal(statistic(np.array([0.0]), np.array([0.0]), bounded=True), [0.0])
    plain = statistic(np.array([9.0]), np.array([4.0]), bounded=False)
    np.testing.assert_allclose(plain, 1.0)
    np.testing.assert_allclose(statistic(np.array([9.0]), np.array([4.0]), bounded=True), 5 / 4)


def test_expected_values_are_the_observed_ones_of_a_typical_background() -> None:
    q_asimov = np.array([2.7])
    expected = expected_pvalues(q_asimov)
    for i, sigma in enumerate((-2, -1, 0, 1, 2)):
        observed = observed_pvalues(np.array([-float(sigma)]), q_asimov)
        np.testing.assert_allclose(observed.CLs, expected.CLs[:, i], rtol=1e-12)
        assert pytest.approx(norm.sf(-sigma)) == expected.CLb[0, i]
    assert (np.diff(expected.CLs[0]) > 0).all()


def test_many_hypotheses_equal_one_by_one() -> None:
    model = counting(55.0, uncertainty=6.0)
    mu = np.linspace(0, 4, 9)
    together = profile_ratios(model, model.data, mu, TEST_STATISTICS["qtilde"])
    alone = [hepnb.hypotest(value, None, model) for value in mu]
    np.testing.assert_allclose(together.q, [result.q for result in alone], rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(together.q_asimov, [r.q_asimov for r in alone], rtol=1e-9, atol=1e-10)


def test_the_fits_behind_a_test_are_given() -> None:
    model = counting(55.0, uncertainty=6.0)
    result = hepnb.hypotest(1.0, None, model)
    np.testing.assert_allclose(result.fits["free"], hepnb.fit(None, model).bestfit, atol=1e-6)
    np.testing.assert_allclose(result.fits["fixed"], hepnb.fixed_poi_fit(1.0, None, model).bestfit, atol=1e-6)
    assert result.fits["asimov"][0] == 0.0


def test_a_test_that_fails_is_nan_and_says_so() -> None:
    model = hepnb.Model(
        uncorrelated_background(
            signal=[0.0, 5.0], bkg=[0.0, 50.0], bkg_uncertainty=[0.0, 5.0], observed=[3, 55]
        )
    )
    result = hepnb.hypotest(1.0, None, model)
    assert not result.ok
    assert np.isnan([result.CLs_obs, result.CLsb, *result.CLs_exp]).all()


def test_what_cannot_be_tested_is_refused() -> None:
    model = counting(55.0)
    with pytest.raises(ModelError, match=r"test statistic 'qtile' does not exist. Did you mean 'qtilde'"):
        hepnb.hypotest(1.0, None, model, test_stat="qtile")
    with pytest.raises(ModelError, match="calctype 'toys' does not exist"):
        hepnb.hypotest(1.0, None, model, calctype="toys")
    with pytest.raises(ModelError, match="'n_toys' is for toys"):
        hepnb.hypotest(1.0, None, model, n_toys=5)
    with pytest.raises(ModelError, match="n_toys is 0"):
        hepnb.hypotest(1.0, None, model, calctype="toybased", n_toys=0)
    with pytest.raises(ModelError, match="the POI cannot be tested at nan"):
        hepnb.hypotest(float("nan"), None, model)
    spec = dict(model.workspace.spec)
    spec["measurements"] = [{"name": "m", "config": {"poi": "", "parameters": []}}]
    with pytest.raises(ModelError, match="measurement 'm' has no POI"):
        hepnb.hypotest(1.0, None, hepnb.Model(spec))
