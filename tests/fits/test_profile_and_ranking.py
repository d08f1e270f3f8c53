"""Profiles, MINOS, contours, ranking and goodness of fit against iminuit, cabinetry and closed forms."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import cabinetry
import numpy as np
import pyhf
import pytest
from matplotlib.figure import Figure

import hepnb
from hepnb.errors import HepnbError, ModelError
from hepnb.figures import draw_ranking
from hepnb.fits import contour, goodness_of_fit, minos, profile, ranking
from hepnb.fits.minuit import run_minuit
from hepnb.workspace import uncorrelated_background


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    """Two channels with shapes, norms and statistical uncertainties."""
    shape = {"lo_data": [27.0, 33.0, 38.0], "hi_data": [34.0, 35.5, 43.0]}
    return {
        "channels": [
            {
                "name": "SR",
                "samples": [
                    {
                        "name": "signal",
                        "data": [2.0, 6.0, 11.0],
                        "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
                    },
                    {
                        "name": "bkg",
                        "data": [30.0, 34.0, 40.0],
                        "modifiers": [
                            {"name": "shape", "type": "histosys", "data": shape},
                            {"name": "rate", "type": "normsys", "data": {"lo": 0.88, "hi": 1.1}},
                            {"name": "stat", "type": "staterror", "data": [2.0, 1.5, 2.5]},
                        ],
                    },
                ],
            },
            {
                "name": "CR",
                "samples": [
                    {
                        "name": "bkg",
                        "data": [200.0],
                        "modifiers": [{"name": "rate", "type": "normsys", "data": {"lo": 0.9, "hi": 1.12}}],
                    }
                ],
            },
        ],
        "observations": [{"name": "SR", "data": [33, 43, 50]}, {"name": "CR", "data": [204]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }


@pytest.fixture
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-4))
    yield
    pyhf.set_backend("numpy")
    logging.disable(logging.NOTSET)


def counting(observed: float) -> hepnb.Model:
    return hepnb.Model(
        uncorrelated_background(signal=[10.0], bkg=[50.0], bkg_uncertainty=[0.0], observed=[observed])
    )


def test_a_profile_in_one_bin_has_the_closed_form() -> None:
    values = np.array([0.0, 0.7, 1.3, 2.0])
    nu, n = 50 + 10 * values, 63.0
    expected = 2 * (nu - n + n * np.log(n / nu))
    result = profile("mu", None, counting(n), values)
    np.testing.assert_allclose(result.delta, expected, atol=1e-9)
    assert result.ok.all()


def test_minos_in_one_bin_solves_the_closed_form() -> None:
    result = minos(None, counting(63.0))
    for side in (result.lower[0], result.upper[0]):
        nu = 50 + 10 * (1.3 + side)
        assert pytest.approx(1.0, abs=2e-4) == 2 * (nu - 63 + 63 * np.log(63 / nu))
    assert result.lower[0] < 0 < result.upper[0]


def test_minos_equals_iminuit(spec: dict[str, Any]) -> None:
    model = hepnb.Model(spec)
    free = hepnb.fit(None, model)
    result = minos(None, model, result=free)
    minuit = run_minuit(
        model.likelihood, model.data, free.bestfit, model.bounds, model.fixed, model.parameter_names
    )
    minuit.minos()
    theirs = [minuit.merrors[name] for name in model.parameter_names]
    np.testing.assert_allclose(result.lower, [error.lower for error in theirs], rtol=2e-3)
    np.testing.assert_allclose(result.upper, [error.upper for error in theirs], rtol=2e-3)


def test_minos_stops_at_a_bound() -> None:
    result = minos(None, counting(53.0))
    assert np.isnan(result.lower[0])
    assert result.upper[0] > 0


def test_profiles_equal_cabinetry(spec: dict[str, Any], quiet: None) -> None:
    model = hepnb.Model(spec)
    theirs, data = cabinetry.model_utils.model_and_data(spec)
    scan = cabinetry.fit.scan(theirs, data, "rate", par_range=(-1.5, 1.5), n_steps=5)
    ours = profile("rate", None, model, scan.parameter_values)
    np.testing.assert_allclose(ours.delta, scan.delta_nlls, atol=2e-3)


def test_ranking_equals_cabinetry(spec: dict[str, Any], quiet: None) -> None:
    theirs, data = cabinetry.model_utils.model_and_data(spec)
    expected = cabinetry.fit.ranking(theirs, data, tolerance=1e-4, strategy=2)
    ours = ranking(None, hepnb.Model(spec))
    assert list(ours.labels) == list(expected.labels)
    for name in ("prefit_up", "prefit_down", "postfit_up", "postfit_down"):
        np.testing.assert_allclose(getattr(ours, name), getattr(expected, name), atol=2e-3, err_msg=name)
    impacts = np.abs(ours.postfit_up)[ours.order()]
    assert impacts[0] >= impacts[-1]


def test_goodness_of_fit_equals_cabinetry(spec: dict[str, Any], quiet: None) -> None:
    theirs, data = cabinetry.model_utils.model_and_data(spec)
    expected = cabinetry.fit.fit(theirs, data, goodness_of_fit=True).goodness_of_fit
    ours = goodness_of_fit(None, hepnb.Model(spec))
    assert pytest.approx(expected, rel=1e-3) == ours.p_value
    assert ours.n_dof == 3


def test_a_perfect_fit_has_nothing_left() -> None:
    result = goodness_of_fit(None, counting(63.0))
    assert pytest.approx(0.0, abs=1e-9) == result.statistic
    assert np.isnan(result.p_value)


def test_a_contour_contains_the_profile(spec: dict[str, Any]) -> None:
    model = hepnb.Model(spec)
    result = contour("mu", "rate", None, model, size=9)
    assert result.delta.shape == (9, 9)
    assert result.delta.min() >= -1e-6
    along = profile("mu", None, model, result.x)
    # The profile over the second parameter is the floor of every column.
    assert (result.delta.min(axis=0) >= along.delta - 1e-6).all()
    x, y = result.bestfit
    assert result.x[0] < x < result.x[-1]
    assert result.y[0] < y < result.y[-1]


def test_what_has_no_profile_is_refused(spec: dict[str, Any]) -> None:
    model = hepnb.Model(spec)
    with pytest.raises(ModelError, match=r"'rat' does not exist in the model. Did you mean 'rate'"):
        profile("rat", None, model)
    with pytest.raises(ModelError, match="'mu' is named twice"):
        contour("mu", "mu", None, model)
    held = uncorrelated_background(signal=[1.0], bkg=[5.0], bkg_uncertainty=[0.0], observed=[5])
    with pytest.raises(ModelError, match="is fixed; it has no profile"):
        profile(1, None, hepnb.Model(held))


def counts(observed: list[int]) -> hepnb.Model:
    return hepnb.Model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=observed))


def test_an_impact_that_a_bound_of_the_poi_cuts_off_is_no_number() -> None:
    """With the POI free to be negative the same impacts are numbers."""
    few = counts([30, 30])
    result = hepnb.ranking(None, few)
    assert np.isnan([result.prefit_up, result.prefit_down, result.postfit_up, result.postfit_down]).all()
    assert result.reasons == dict.fromkeys(result.labels, "mu stays at its bound 0")
    assert "mu stays at its bound 0" in repr(result)
    free = hepnb.ranking(None, few, bounds=(-10, 10))
    assert free.reasons == {}
    assert (np.abs(free.postfit_up) > 0.05).all()
    with pytest.raises(HepnbError, match="mu stays at its bound 0"):
        draw_ranking(result, Figure().add_subplot())


def test_one_side_of_an_impact_may_be_known() -> None:
    few = counts([48, 53])
    result = hepnb.ranking(None, few)
    assert np.isnan(result.postfit_up).all()
    for place, label in enumerate(result.labels):
        held = {label: result.bestfit[place] - result.widths[place]}
        expected = hepnb.fit(None, few, fixed=held)["mu"][0]
        assert result.prefit_down[place] == pytest.approx(expected, rel=1e-4)
    assert [result.labels[i] for i in result.order()] == ["uncorr_bkguncrt[1]", "uncorr_bkguncrt[0]"]


def test_an_impact_that_ends_at_a_bound_says_so() -> None:
    result = hepnb.ranking(None, counts([56, 60]), bounds=(0, 0.6))
    assert result.reasons == dict.fromkeys(result.labels, "mu reaches its bound 0.6")
    assert np.isfinite(result.postfit_down).all()


def test_a_parameter_at_its_bound_has_no_impact_that_is_known() -> None:
    name = "uncorr_bkguncrt[0]"
    result = hepnb.ranking(None, counts([56, 60]), bounds={name: (1.02, 2.0)})
    place = result.labels.index(name)
    assert np.isnan([result.prefit_down[place], result.postfit_up[place], result.postfit_down[place]]).all()
    assert result.prefit_up[place] < -0.1
    assert result.reasons == {name: "at its bound 1.02: no uncertainty after the fit"}


def test_a_parameter_that_is_held_has_no_impact() -> None:
    name = "uncorr_bkguncrt[0]"
    result = hepnb.ranking(None, counts([56, 60]), fixed={name: 1.0})
    assert result.postfit_up[result.labels.index(name)] == 0
    assert result.reasons == {}
