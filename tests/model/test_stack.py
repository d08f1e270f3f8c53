"""Several models in one batch: each lane is evaluated as its own model does."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from signal_grid import signal_grid

import hepnb
from hepnb.model.stack import Stack, alike, stack
from hepnb.workspace import Workspace

N = 4


@pytest.fixture(scope="module", params=["plain", "staterror", "legacy"])
def models(request: pytest.FixtureRequest) -> list[hepnb.Model]:
    background, patches = signal_grid(
        N, bins=(2, 1, 3), n_shapes=6, n_norms=7, staterror=request.param == "staterror", seed=5
    )
    base = Workspace(background)
    codes = "legacy" if request.param == "legacy" else "pyhf"
    return [hepnb.Model(base.patch(patch), interpolation=codes) for patch in patches.values()]


def lanes(models: list[hepnb.Model], count: int = 12) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which model each lane is of, its point, and its data with the place of its model."""
    rng = np.random.default_rng(7)
    which = rng.integers(0, len(models), count)
    sigma = np.nan_to_num([parameter.sigma for parameter in models[0].parameters], nan=0.4)
    points = np.clip(models[0].init + 0.8 * sigma * rng.normal(size=(count, sigma.size)), *models[0].bounds.T)
    points[3, models[0].poi_index] = 0.0
    data = np.array([[*models[place].data, place] for place in which])
    data[:, : models[0].n_bins] += rng.poisson(3.0, size=(count, models[0].n_bins))
    return which, points, data


def made(models: list[hepnb.Model]) -> Stack:
    return stack([model.likelihood for model in models])


def test_models_on_one_background_are_alike(models: list[hepnb.Model]) -> None:
    assert len({alike(model.likelihood) for model in models}) == 1
    other = hepnb.Model(models[0].workspace, positivity="root")
    assert alike(other.likelihood) is None
    spec = copy.deepcopy(models[0].workspace.spec)
    spec["channels"][0]["samples"][0]["modifiers"].pop()
    assert alike(hepnb.Model(spec).likelihood) != alike(models[0].likelihood)


def test_each_lane_is_its_own_model(models: list[hepnb.Model]) -> None:
    which, points, data = lanes(models)
    whole = made(models).operator(points, data)
    vectors = np.random.default_rng(8).normal(size=points.shape)
    products = whole.product(vectors)
    for lane, place in enumerate(which):
        one = models[place].likelihood.operator(points[[lane]], data[[lane], :-1])
        assert whole.value[lane] == pytest.approx(one.value[0], rel=1e-12)
        for name in ("gradient", "jacobian"):
            np.testing.assert_allclose(
                getattr(whole, name)[lane],
                getattr(one, name)[0],
                rtol=1e-9,
                atol=1e-9 * np.abs(one.gradient).max(),
            )
        np.testing.assert_allclose(whole.nu[:, lane], one.nu[:, 0], rtol=1e-12)
        product = one.product(vectors[[lane]])[0]
        np.testing.assert_allclose(products[lane], product, rtol=1e-7, atol=1e-9 * np.abs(product).max())


def test_lanes_are_taken_and_joined(models: list[hepnb.Model]) -> None:
    _, points, data = lanes(models)
    whole = made(models).operator(points, data)
    some, rest = whole.take(np.array([1, 4])), whole.take(np.array([0, 2]))
    np.testing.assert_allclose(some.gradient, whole.gradient[[1, 4]], rtol=1e-12)
    joined = some.join(rest)
    np.testing.assert_allclose(joined.gradient, whole.gradient[[1, 4, 0, 2]], rtol=1e-12)
    vectors = np.random.default_rng(9).normal(size=joined.points.shape)
    taken = joined.product.take(np.array([2]))(vectors[[2]])
    np.testing.assert_allclose(taken, joined.product(vectors)[[2]], rtol=1e-9)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_the_objective_is_that_of_each_model(models: list[hepnb.Model], order: Any) -> None:
    which, points, data = lanes(models)
    found = made(models).objective(points, data, order)
    for lane, place in enumerate(which):
        one = models[place].likelihood.objective(points[[lane]], data[[lane], :-1], order)
        for name in ("value", "gradient", "curvature"):
            expected = getattr(one, name)[0]
            close = {"rtol": 1e-10, "atol": 1e-12 * np.abs(expected).max(initial=1.0)}
            np.testing.assert_allclose(getattr(found, name)[lane], expected, **close)


def test_what_switches_the_signal_off_makes_models_equal(models: list[hepnb.Model]) -> None:
    whole = made(models)
    names = {models[0].parameter_names[place] for place in whole.switches}
    if whole.excess is not None:
        # The signal's simulation is part of the statistical uncertainties, whatever its strength.
        assert not names
        return
    assert "mu_sig" in names
    point = models[0].init.copy()
    point[models[0].poi_index] = 0.0
    values = [model.likelihood.objective(point[None], models[0].data[None]).value[0] for model in models]
    np.testing.assert_allclose(values, values[0], rtol=1e-12)
