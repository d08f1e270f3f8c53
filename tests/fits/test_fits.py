"""Fits: the minimum, its report, and what happens when there is none."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

import hepnb
from hepnb.errors import ModelError
from hepnb.fits import minimize, solve
from hepnb.fits.minuit import run_minuit
from hepnb.fits.report import bounded_uncertainty
from hepnb.fits.threads import one_blas_thread
from hepnb.workspace import correlated_background, uncorrelated_background


def counting(observed: list[float]) -> hepnb.Model:
    return hepnb.Model(
        uncorrelated_background(
            signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=observed
        )
    )


@pytest.fixture(scope="module")
def susy(generated_dir: Path) -> hepnb.Model:
    return hepnb.Model(generated_dir / "likelihoods" / "large.json")


def test_the_gradient_vanishes_at_the_minimum(susy: hepnb.Model) -> None:
    result = hepnb.fit(None, susy)
    assert result.report.ok
    assert result.report.gradient_norm < 1e-3
    free = result.curvature_uncertainty > 0
    slope = susy.gradient(result.bestfit)
    # In units of standard deviations the remaining distance is negligible.
    assert np.abs(slope * result.curvature_uncertainty)[free].max() < 2e-4


def test_iminuit_finds_nothing_lower(susy: hepnb.Model) -> None:
    result = hepnb.fit(None, susy)
    minuit = run_minuit(susy.likelihood, susy.data, result.bestfit + 0.05, susy.bounds, susy.fixed)
    constant = float(susy.likelihood.constant(susy.data))
    assert result.twice_nll <= minuit.fval + constant + 1e-6
    distance = (result.bestfit - np.array(minuit.values)) / np.where(
        result.curvature_uncertainty > 0, result.curvature_uncertainty, 1.0
    )
    assert np.abs(distance).max() < 5e-3


def test_uncertainties_are_those_of_minuit() -> None:
    model = counting([60, 66])
    result = hepnb.fit(None, model)
    minuit = run_minuit(model.likelihood, model.data, result.bestfit, model.bounds, model.fixed)
    np.testing.assert_allclose(result.uncertainty, np.array(minuit.errors), rtol=5e-3)
    covariance = np.array(minuit.covariance)
    sigma = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(result.correlation, covariance / np.outer(sigma, sigma), atol=5e-3)


def test_far_bounds_leave_the_uncertainty_alone() -> None:
    point, sigma = np.array([0.3, 2.0, 1.0]), np.array([1.0, 0.5, 0.0])
    bounds = np.array([[-1e4, 1e4], [-np.inf, np.inf], [0.0, 10.0]])
    np.testing.assert_allclose(bounded_uncertainty(point, sigma, bounds), sigma, rtol=1e-6)


def test_one_bin_counting_has_the_closed_form() -> None:
    """One bin without nuisance parameters: mu = (n - b) / s, sigma = sqrt(n) / s."""
    spec = uncorrelated_background(signal=[10.0], bkg=[50.0], bkg_uncertainty=[0.0], observed=[63])
    result = hepnb.fit(None, hepnb.Model(spec))
    assert pytest.approx(1.3, rel=1e-7) == result["mu"][0]
    assert pytest.approx(np.sqrt(63) / 10, rel=1e-7) == result.curvature_uncertainty[0]


def test_minuit_on_request_agrees() -> None:
    model = counting([60, 66])
    ours, theirs = hepnb.fit(None, model), hepnb.fit(None, model, minimizer="minuit")
    assert theirs.report.minimizer == "minuit"
    assert theirs.report.ok
    np.testing.assert_allclose(ours.bestfit, theirs.bestfit, atol=2e-3)


def test_a_parameter_at_its_bound_is_named() -> None:
    result = hepnb.fit(None, counting([30, 33]))
    assert result["mu"] == (0.0, 0.0)
    assert result.report.ok
    assert result.report.at_bound == ("mu",)
    assert "At a bound: mu = 0 of [0, 10]" in result.report.message


def test_start_bounds_and_fixed_parameters_by_name() -> None:
    model = counting([60, 66])
    free = hepnb.fit(None, model)
    moved = hepnb.fit(None, model, init={"mu": 7.0})
    np.testing.assert_allclose(free.bestfit, moved.bestfit, atol=1e-4)
    held = hepnb.fit(None, model, fixed={"mu": 0.25})
    assert held["mu"] == (0.25, 0.0)
    assert held.twice_nll > free.twice_nll
    np.testing.assert_array_equal(held.bestfit, hepnb.fixed_poi_fit(0.25, None, model).bestfit)
    limited = hepnb.fit(None, model, bounds={"mu": (0.0, 0.5)})
    assert limited["mu"][0] == 0.5
    assert limited.report.at_bound == ("mu",)


def test_a_poi_may_leave_its_bounds_when_asked() -> None:
    result = hepnb.fit(None, counting([30, 33]), bounds={"mu": (-5.0, 10.0)})
    assert -5 < result["mu"][0] < -1
    assert result.report.at_bound == ()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fixed": {"muu": 1.0}}, "parameter 'muu' does not exist in the model. Did you mean 'mu'"),
        ({"bounds": {"mu": (3.0, 1.0)}}, r"bounds of 'mu' are \(3.0, 1.0\)"),
        ({"init": [1.0]}, r"init has shape \(1,\), the model 3 parameters"),
        ({"minimizer": "simplex"}, "minimizer 'simplex' does not exist"),
    ],
)
def test_wrong_options_are_refused(options: Any, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        hepnb.fit(None, counting([60, 66]), **options)


def test_a_fit_without_a_valid_start_says_which_bin() -> None:
    spec = uncorrelated_background(
        signal=[0.0, 5.0], bkg=[0.0, 50.0], bkg_uncertainty=[0.0, 5.0], observed=[3, 55]
    )
    result = hepnb.fit(None, hepnb.Model(spec))
    assert not result.report.ok
    assert result.report.status == "invalid start"
    assert "channel 'singlechannel' bin 0" in result.report.message


def test_one_bad_lane_does_not_harm_the_others() -> None:
    model = counting([60, 66])
    start = np.tile(model.init, (3, 1))
    data = np.tile(model.data, (3, 1))
    start[1, 1] = -1.0  # a rate below zero, and no parameter free to change it
    fixed = np.zeros((3, 3), dtype=bool)
    fixed[1] = True
    found = solve(model, data, start, fixed)
    assert list(found.ok) == [True, False, True]
    np.testing.assert_array_equal(found.points[0], found.points[2])


def test_a_batch_equals_its_loop(susy: hepnb.Model) -> None:
    rng = np.random.default_rng(5)
    batch = 6
    data = np.tile(susy.data, (batch, 1))
    data[:, : susy.n_bins] = rng.poisson(susy.expected(susy.init), size=(batch, susy.n_bins))
    start = np.tile(susy.init, (batch, 1))
    fixed = np.tile(susy.fixed, (batch, 1))
    lower, upper = susy.bounds.T
    together = minimize(susy.likelihood, data, start, lower, upper, fixed)
    assert together.ok.all()
    for lane in range(batch):
        alone = minimize(susy.likelihood, data[[lane]], start[[lane]], lower, upper, fixed[[lane]])
        # Both are within the estimated distance to the minimum at which a lane stops, 1e-10.
        np.testing.assert_allclose(alone.value[0], together.value[lane], rtol=0, atol=2e-10)


@settings(max_examples=60, deadline=None)
@given(
    bkg=st.lists(st.floats(5, 500), min_size=1, max_size=4),
    fraction=st.floats(0.02, 0.6),
    tilt=st.floats(0.02, 0.4),
    pull=st.floats(-2.5, 2.5),
    mu=st.floats(0, 4),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_conditional_fit_lies_below_the_free_one(
    bkg: list[float], fraction: float, tilt: float, pull: float, mu: float, seed: int
) -> None:
    background = np.array(bkg)
    rng = np.random.default_rng(seed)
    change = (
        tilt * np.linspace(-1, 1, background.size) * background if background.size > 1 else tilt * background
    )
    observed = rng.poisson(np.maximum(background + pull * change + mu * fraction * background, 0.1))
    model = hepnb.Model(
        correlated_background(
            signal=(fraction * background).tolist(),
            bkg=bkg,
            bkg_up=(background + change).tolist(),
            bkg_down=(background - change).tolist(),
            observed=observed.tolist(),
        )
    )
    free = hepnb.fit(None, model)
    assert free.report.ok
    for value in (0.0, 0.5, 1.0, 3.0):
        held = hepnb.fixed_poi_fit(value, None, model)
        assert held.twice_nll >= free.twice_nll - 1e-6


def blas_threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_the_number_of_threads_is_restored_whatever_the_order() -> None:
    before = blas_threads()
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with one_blas_thread():
            inside.set()
            leave.wait(10)

    worker = threading.Thread(target=other)
    with one_blas_thread():
        assert blas_threads() == {1}
        worker.start()
        assert inside.wait(10)
    leave.set()
    worker.join()
    assert blas_threads() == before


def test_results_speak(susy: hepnb.Model) -> None:
    result = hepnb.fit(None, susy)
    assert "converged" in repr(result)
    assert str(result.report).startswith("converged in ")
    assert result.report.interpolation == {"normsys": "code4", "histosys": "code4p"}
    assert result.report.condition > 1


def test_a_minimum_at_the_edge_of_the_physical_domain_is_reached() -> None:
    """No events seen, and a shape that would take the rate below zero: the best rate is 0, not less."""
    model = hepnb.Model(correlated_background([3.5], [7.0], [9.734375], [4.265625], observed=[0]))
    result = hepnb.fit(None, model)
    assert result.report.ok
    assert pytest.approx(0.0, abs=1e-9) == model.expected(result.bestfit)[0]
    # 7 + 2.734375 alpha = 0: all that is left is the constraint.
    alpha = -7.0 / 2.734375
    assert pytest.approx(alpha**2 + np.log(2 * np.pi), abs=1e-8) == result.twice_nll
