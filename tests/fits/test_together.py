"""Fits in the metric of one curvature end where each would end with a curvature of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from growing import combination  # beside the tests
from iminuit import Minuit

import hepnb
from hepnb.fits import batched, minimize
from hepnb.fits.batched import CONVERGED, INVALID_START
from hepnb.fits.likelihood import Bounds
from hepnb.fits.metric import Metric
from hepnb.fits.quasi_newton import descend_together, suspicious

GOAL = 1e-10


@pytest.fixture(scope="module", params=[0.0, 0.3], ids=["symmetric", "one-sided"])
def model(request: pytest.FixtureRequest) -> hepnb.Model:
    return hepnb.Model(combination(4, request.param))


def alone(monkeypatch: pytest.MonkeyPatch, *arguments: Any) -> Any:
    with monkeypatch.context() as patch:
        patch.setattr(batched, "shares_curvature", lambda *_: False)
        return minimize(*arguments)


def scan(model: hepnb.Model, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    start, fixed = np.tile(model.init, (values.size, 1)), np.tile(model.fixed, (values.size, 1))
    start[:, model.require_poi()], fixed[:, model.require_poi()] = values, True
    return start, fixed


def test_a_scan_ends_at_the_same_minima(model: hepnb.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    start, fixed = scan(model, np.linspace(0, 4, 12))
    arguments = (model.likelihood, model.data[None], start, *model.bounds.T, fixed)
    assert batched.shares_curvature(model.likelihood, len(start))
    found, own = minimize(*arguments), alone(monkeypatch, *arguments)
    assert found.ok.all()
    np.testing.assert_allclose(found.value, own.value, rtol=0, atol=1e-8)
    gradient = model.likelihood.objective(found.points, model.data[None], 1).gradient
    assert np.linalg.norm(np.where(found.held | fixed, 0.0, gradient), axis=1).max() < 1e-3
    np.testing.assert_array_equal(found.points[:, model.require_poi()], start[:, model.require_poi()])


def test_the_distance_told_is_not_shorter_than_the_true_one(
    model: hepnb.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(4)
    data = np.concatenate(
        [
            rng.poisson(model.data[: model.n_bins], (30, model.n_bins)),
            np.tile(model.data[model.n_bins :], (30, 1)),
        ],
        axis=1,
    )
    start, fixed = np.tile(model.init, (30, 1)), np.tile(model.fixed, (30, 1))
    found = minimize(model.likelihood, data, start, *model.bounds.T, fixed)
    curvature = model.likelihood.objective(found.points, data, 2)
    for row in np.flatnonzero(found.ok):
        free = ~(found.held[row] | fixed[row])
        slope = curvature.gradient[row][free]
        edm = 0.5 * slope @ np.linalg.solve(curvature.curvature[row][np.ix_(free, free)], slope)
        assert edm < 3 * GOAL
    assert found.ok.mean() > 0.9


def test_parameters_held_by_some_fits_only(model: hepnb.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a ranking: every fit holds another parameter, up or down."""
    count = model.n_parameters - 1
    fixed = np.tile(model.fixed, (count, 1))
    start = np.tile(model.init, (count, 1))
    others = np.delete(np.arange(model.n_parameters), model.require_poi())
    fixed[np.arange(count), others] = True
    start[np.arange(count), others] += np.where(np.arange(count) % 2, 0.02, -0.02)
    arguments = (model.likelihood, model.data[None], start, *model.bounds.T, fixed)
    found, own = minimize(*arguments), alone(monkeypatch, *arguments)
    assert found.ok.all()
    np.testing.assert_allclose(found.value, own.value, rtol=0, atol=1e-8)


def test_minima_at_bounds(model: hepnb.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    lower, upper = model.bounds.T.copy()
    names = model.parameter_names
    for name in ("norm_1", "norm_4", "shape_2", "mc_0[3]", "mc_2[7]"):
        middle = model.init[names.index(name)]
        lower[names.index(name)], upper[names.index(name)] = middle - 0.005, middle + 0.005
    start, fixed = scan(model, np.linspace(0, 4, 9))
    arguments = (model.likelihood, model.data[None], start, lower, upper, fixed)
    found, own = minimize(*arguments), alone(monkeypatch, *arguments)
    assert found.ok.all()
    assert found.held.sum() > 9
    np.testing.assert_allclose(found.value, own.value, rtol=0, atol=1e-8)
    np.testing.assert_array_equal(found.held, own.held)
    inside = (found.points >= lower) & (found.points <= upper) | fixed
    assert inside.all()


def test_minuit_finds_nothing_lower(model: hepnb.Model) -> None:
    start, fixed = scan(model, np.array([0.0, 1.5, 4.0]))
    found = minimize(model.likelihood, model.data[None], start, *model.bounds.T, fixed)
    for row in range(3):

        def value(point: np.ndarray) -> float:
            result = float(model.likelihood.objective(np.asarray(point)[None], model.data[None]).value[0])
            return result if np.isfinite(result) else 1e9

        def gradient(point: np.ndarray) -> np.ndarray:
            return model.likelihood.objective(np.asarray(point)[None], model.data[None], 1).gradient[0]

        minuit = Minuit(value, found.points[row], grad=gradient)
        minuit.errordef, minuit.strategy, minuit.limits = 1.0, 0, list(map(tuple, model.bounds))
        minuit.fixed[model.require_poi()] = True
        minuit.migrad()
        assert found.value[row] <= minuit.fval + 1e-7


def test_a_start_outside_the_domain_is_told(model: hepnb.Model) -> None:
    start, fixed = scan(model, np.linspace(0, 1, 30))
    bounds = model.bounds.copy()
    bounds[model.require_poi(), 0] = -1e6
    start[7, model.require_poi()] = -1e5
    found = minimize(model.likelihood, model.data[None], start, *bounds.T, fixed)
    assert found.status[7] == INVALID_START
    assert (np.delete(found.status, 7) == CONVERGED).all()


def test_a_saddle_point_is_suspicious_and_left() -> None:
    """Both signs of the systematic move the rate up, so that 0 is a saddle point where data ask for more."""
    shape = {"hi_data": [60.0, 55.0], "lo_data": [60.0, 55.0]}
    background = {
        "name": "background",
        "data": [50.0, 50.0],
        "modifiers": [{"name": "both_ways", "type": "histosys", "data": shape}],
    }
    signal = {
        "name": "s",
        "data": [1.0, 2.0],
        "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
    }
    spec = {
        "channels": [{"name": "c", "samples": [background, signal]}],
        "observations": [{"name": "c", "data": [90.0, 75.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }
    model = hepnb.Model(spec)
    start, fixed = scan(model, np.array([0.0, 0.5]))
    bounds = Bounds(*(bound[None] for bound in model.bounds.T), fixed)
    data = np.tile(model.data, (2, 1))
    expected = hepnb.Model(spec).expected_data(model.init)
    metric = Metric.at(model.likelihood, model.init, expected, fixed[0])
    assert metric is not None
    found = descend_together(model.likelihood, data, start, bounds, metric, 40, GOAL)
    # By symmetry the gradient is 0 there.
    assert found.arrived.all()
    assert suspicious(model.likelihood, data, found, np.arange(2), metric).all()
    end = minimize(model.likelihood, data, start, *model.bounds.T, fixed)
    assert end.ok.all()
    both_ways = model.parameter_names.index("both_ways")
    assert (np.abs(end.points[:, both_ways]) > 0.5).all()


def test_the_metric_divides_in_the_subspace_of_each_fit(model: hepnb.Model) -> None:
    fixed = model.fixed.copy()
    fixed[model.require_poi()] = True
    metric = Metric.at(model.likelihood, model.init, model.data, fixed)
    assert metric is not None
    rng = np.random.default_rng(2)
    held = fixed | (rng.random((6, model.n_parameters)) < np.array([0, 0.02, 0.1, 0.3, 0.6, 1.0])[:, None])
    right = np.where(held, 0.0, rng.normal(size=held.shape))
    answer = metric.solve(right, held)
    assert (answer[held] == 0).all()
    for row in range(6):
        free = ~held[row]
        expected = np.linalg.solve(metric.curvature[np.ix_(free, free)], right[row][free])
        np.testing.assert_allclose(answer[row][free], expected, rtol=1e-5, atol=1e-7)


def test_batches_of_any_size_give_the_same(model: hepnb.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    start, fixed = scan(model, np.linspace(0, 3, 20))
    arguments = (model.likelihood, model.data[None], start, *model.bounds.T, fixed)
    whole = minimize(*arguments)
    monkeypatch.setattr(batched, "_ROUND", 3)
    parts = minimize(*arguments)
    assert parts.ok.all()
    np.testing.assert_allclose(parts.value, whole.value, rtol=0, atol=1e-9)
