"""Rates, likelihoods, tests and limits against pyhf and against published numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hepnb
from hepnb.fits.exploring import one_start

SMALL = [
    "1bin_shapesys",
    "1bin_lumi",
    "1bin_normsys",
    "2bin_histosys",
    "2bin_2channel",
    "couplednorm",
    "coupledshapefactor",
    "2bin_staterror",
]
REAL = ["susy-2018-04", "tutorial", "sbottom_1300_205_60", "sbottom_1100_550_60"]
CODES = [("code4", "code4p"), ("code1", "code0"), ("code4", "code2"), ("code1", "code4p")]


def both(pyhf: Any, spec: Any, patches: Any = (), norm: str = "code4", shape: str = "code4p") -> Any:
    workspace = pyhf.Workspace(spec)
    settings = {"normsys": {"interpcode": norm}, "histosys": {"interpcode": shape}}
    theirs = workspace.model(patches=patches, modifier_settings=settings)
    ours = hepnb.Model(spec, patches=patches, interpolation={"normsys": norm, "histosys": shape})
    return ours, theirs, np.array(workspace.data(theirs))


def points(model: hepnb.Model, count: int, seed: int) -> np.ndarray:
    """Parameter points around the start, some beyond one standard deviation, within the bounds."""
    rng = np.random.default_rng(seed)
    width = np.where(model.init == 0, 1.3, 0.12 * np.abs(model.init))
    x = model.init + width * rng.normal(size=(count, model.n_parameters))
    x[0] = model.init
    return np.clip(x, *model.bounds.T)


def compare(pyhf: Any, spec: Any, patches: Any, norm: str, shape: str, count: int) -> None:
    ours, theirs, data = both(pyhf, spec, patches, norm, shape)
    assert list(ours.parameter_names) == theirs.config.par_names
    np.testing.assert_array_equal(ours.init, theirs.config.suggested_init())
    np.testing.assert_array_equal(ours.bounds, theirs.config.suggested_bounds())
    assert list(ours.fixed) == list(theirs.config.suggested_fixed())
    np.testing.assert_array_equal(ours.data, data)
    x = points(ours, count, seed=7)
    expected = np.array([theirs.expected_data(p) for p in x])
    np.testing.assert_allclose(ours.expected_data(x), expected, rtol=1e-12)
    by_sample = np.array([theirs.main_model.expected_data(p, return_by_sample=True) for p in x])
    np.testing.assert_allclose(ours.expected_by_sample(x), by_sample, rtol=1e-12, atol=1e-12)
    nll = np.array([-2 * theirs.logpdf(p, data)[0] for p in x])
    np.testing.assert_allclose(ours.twice_nll(x), nll, rtol=1e-9)


@pytest.mark.parametrize("codes", CODES, ids="-".join)
@pytest.mark.parametrize("name", SMALL)
def test_rates_and_likelihood_equal_pyhf(name: str, codes: Any, validation: Any, tight_pyhf: Any) -> None:
    compare(tight_pyhf, validation(name)[0], [], *codes, count=25)


@pytest.mark.parametrize("name", REAL)
def test_rates_and_likelihood_of_real_analyses_equal_pyhf(name: str, real: Any, tight_pyhf: Any) -> None:
    spec, patches = real(name)
    compare(tight_pyhf, spec, patches, "code4", "code4p", count=6)


@pytest.mark.parametrize("name", SMALL[:-1])
def test_published_validation_numbers(name: str, validation: Any) -> None:
    spec, published = validation(name)
    # The suite these come from tests with q, not qtilde; they differ where data lie far below background.
    result = hepnb.hypotest(1.0, None, hepnb.Model(spec, interpolation="legacy"), test_stat="q")
    assert result.ok
    # The published value of the two-bin histosys comes from a fit that stopped 1e-4 away from the minimum.
    assert pytest.approx(published, rel=2e-4) == result.CLs_obs


@pytest.mark.parametrize("stat", ["qtilde", "q"])
@pytest.mark.parametrize("name", SMALL)
def test_hypotest_equals_pyhf(name: str, stat: str, validation: Any, tight_pyhf: Any) -> None:
    ours, theirs, data = both(tight_pyhf, validation(name)[0])
    for mu in (0.4, 1.0, 1.7):
        result = hepnb.hypotest(mu, None, ours, test_stat=stat)
        observed, tails, band = tight_pyhf.infer.hypotest(
            mu, data, theirs, test_stat=stat, return_tail_probs=True, return_expected_set=True
        )
        assert result.ok
        np.testing.assert_allclose(result.CLs_obs, observed, rtol=1e-4, atol=1e-12)
        np.testing.assert_allclose([result.CLsb, result.CLb], np.ravel(tails), rtol=1e-4, atol=1e-12)
        np.testing.assert_allclose(result.CLs_exp, np.ravel(band), rtol=1e-4, atol=1e-12)


@pytest.mark.parametrize("name", ["1bin_shapesys", "couplednorm", "2bin_staterror"])
def test_discovery_equals_pyhf(name: str, validation: Any, tight_pyhf: Any) -> None:
    ours, theirs, data = both(tight_pyhf, validation(name)[0])
    result = hepnb.hypotest(0.0, None, ours, test_stat="q0")
    observed, band = tight_pyhf.infer.hypotest(0.0, data, theirs, test_stat="q0", return_expected_set=True)
    np.testing.assert_allclose(result.CLs_obs, observed, rtol=1e-4)
    np.testing.assert_allclose(result.CLs_exp, np.ravel(band), rtol=1e-4)
    assert pytest.approx(result.CLs_obs) == hepnb.significance(None, ours).observed_p_value


def test_susy_2018_04_one_start(real: Any) -> None:
    """What pyhf and RooFit give: their fits start once, and fall into minima that are not the lowest."""
    spec, _ = real("susy-2018-04")
    model = hepnb.Model(spec)
    with one_start():
        result = hepnb.hypotest(1.0, None, model)
        grid = hepnb.upper_limit(None, model, mu=np.linspace(0.05, 5, 41))
    assert pytest.approx(0.034948, rel=1e-4) == result.CLs_obs
    np.testing.assert_allclose(result.CLs_exp, [0.000524, 0.003962, 0.026044, 0.13096, 0.42034], rtol=4e-4)
    assert pytest.approx(0.0590, abs=2e-4) == result.mu_hat
    assert pytest.approx(4.23485, rel=1e-4) == result.q
    assert pytest.approx(0.93108, rel=1e-4) == grid.observed
    assert pytest.approx(0.8819, rel=1e-4) == grid.expected[2]


def test_susy_2018_04_at_its_lowest_minima(real: Any) -> None:
    """Known from 1,500 random starts of each fit.

    At mu = 0 a minimum lies 0.086 lower, with TopSystHardCodeSR1 at 1.17, and the best value is 0; in the
    Asimov data at mu = 1 one lies 0.8 lower, with the same parameter at 0.76. At mu = 1 one lies 0.18 lower,
    with a sample at -8 events in a bin; at mu = 2 it is 8.3 lower, and the limit of the upper band is there.
    """
    spec, _ = real("susy-2018-04")
    model = hepnb.Model(spec)
    result = hepnb.hypotest(1.0, None, model)
    assert pytest.approx(0.0436407, rel=1e-4) == result.CLs_obs
    np.testing.assert_allclose(result.CLs_exp, [0.001449, 0.008777, 0.04653, 0.1913, 0.5155], rtol=4e-4)
    assert (result.mu_hat, pytest.approx(4.12470, rel=1e-4)) == (0.0, result.q)
    assert "'Z_Staus' has -8.35 events in channel 'SR2cut_cuts' bin 0" in result.message
    assert "positivity='root'" in result.message
    thorough = hepnb.hypotest(1.0, None, model.thoroughly())
    assert pytest.approx(thorough.CLs_obs, rel=1e-6) == result.CLs_obs
    limit = hepnb.upper_limit(None, model)
    assert pytest.approx(2.4125, rel=1e-3) == limit.expected[4]


def test_region_a(real: Any) -> None:
    spec, patches = real("sbottom_1300_205_60")
    result = hepnb.hypotest(1.0, None, hepnb.Model(spec, patches=patches))
    assert pytest.approx(0.24443628, rel=1e-4) == result.CLs_obs


def two_bins() -> hepnb.Model:
    from hepnb.workspace import uncorrelated_background

    return hepnb.Model(
        uncorrelated_background(
            signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[51, 48]
        )
    )


def test_two_bin_example_published() -> None:
    model = two_bins()
    result = hepnb.hypotest(1.0, None, model)
    assert pytest.approx(0.05251497, rel=1e-4) == result.CLs_obs
    band = [0.00260626, 0.01382005, 0.06445321, 0.23525644, 0.57303621]
    np.testing.assert_allclose(result.CLs_exp, band, rtol=1e-4)
    assert pytest.approx(3.93824492, rel=1e-8) == result.q
    assert pytest.approx(24.98393521, abs=1e-7) == hepnb.fit(None, model).twice_nll
    limit = hepnb.upper_limit(None, model)
    assert pytest.approx(1.01156939, rel=1e-4) == limit.observed
    # The published expected limits carry the convergence of their fits, 4e-4 at the lower edge.
    expected = [0.5600747, 0.75702605, 1.06234693, 1.50116923, 2.05078912]
    np.testing.assert_allclose(limit.expected, expected, rtol=5e-4)
    grid = hepnb.upper_limit(None, model, mu=np.linspace(0, 5, 21))
    assert pytest.approx(1.01764089, rel=1e-5) == grid.observed


def test_limits_are_where_a_tightly_converged_pyhf_has_them(tight_pyhf: Any) -> None:
    model = two_bins()
    theirs = tight_pyhf.simplemodels.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0])
    data = [51, 48, *theirs.config.auxdata]
    limit = hepnb.upper_limit(None, model)
    at_observed = tight_pyhf.infer.hypotest(limit.observed, data, theirs)
    assert pytest.approx(0.05, rel=1e-5) == float(at_observed)
    for i, mu in enumerate(limit.expected):
        _, band = tight_pyhf.infer.hypotest(mu, data, theirs, return_expected_set=True)
        assert pytest.approx(0.05, rel=1e-5) == float(band[i])


def test_fits_reach_the_minimum_of_pyhf(validation: Any, tight_pyhf: Any) -> None:
    for name in SMALL:
        ours, theirs, data = both(tight_pyhf, validation(name)[0])
        result = hepnb.fit(None, ours)
        pars, value = tight_pyhf.infer.mle.fit(data, theirs, return_fitted_val=True)
        assert result.report.ok, name
        assert result.twice_nll <= float(value) + 1e-6, name
        sigma = np.where(result.curvature_uncertainty > 0, result.curvature_uncertainty, 1.0)
        np.testing.assert_allclose((result.bestfit - np.array(pars)) / sigma, 0, atol=2e-3, err_msg=name)


def test_a_pyhf_model_and_a_pyhf_workspace_are_taken_as_they_are(validation: Any, tight_pyhf: Any) -> None:
    spec, _ = validation("2bin_staterror")
    workspace = tight_pyhf.Workspace(spec)
    theirs = workspace.model()
    data = np.array(workspace.data(theirs))
    from_workspace, from_model = hepnb.Model(workspace), hepnb.Model(theirs)
    np.testing.assert_array_equal(from_workspace.data, data)
    assert from_model.parameter_names == from_workspace.parameter_names
    assert hepnb.hypotest(1.0, data, from_model).CLs_obs == hepnb.hypotest(1.0, None, from_workspace).CLs_obs
