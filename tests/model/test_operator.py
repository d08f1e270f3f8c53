"""The curvature as an operator equals the curvature as a matrix, and leads to the same minima."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hepnb.fits import batched, minimize
from hepnb.model import Model

NAMES = ["large", "signal patch", "small"]


@pytest.fixture(scope="module", params=NAMES)
def model(request: pytest.FixtureRequest, generated_dir: Path) -> Model:
    likelihoods = generated_dir / "likelihoods"
    if request.param != "signal patch":
        return Model(likelihoods / f"{request.param}.json")
    patch = json.loads((likelihoods / "patch.sbottom_1300_205_60.json").read_text())
    return Model(likelihoods / "BkgOnly.json", patches=[patch])


def points(model: Model, count: int) -> np.ndarray:
    rng = np.random.default_rng(12)
    x = model.init + rng.normal(size=(count, model.n_parameters)) * np.where(model.init == 0, 1.2, 0.1)
    x = np.clip(x, *model.bounds.T)
    x[1, model.require_poi()] = 0.0
    return x


def test_gradient_and_products(model: Model) -> None:
    x = points(model, 9)
    data = np.tile(model.data, (9, 1))
    operator = model.likelihood.operator(x, data)
    dense = model.likelihood.objective(x, data, 2)
    scale = np.abs(dense.gradient).max()
    np.testing.assert_allclose(operator.gradient, dense.gradient, rtol=1e-6, atol=1e-9 * scale)
    vector = np.random.default_rng(3).normal(size=x.shape)
    expected = np.einsum("bij,bj->bi", dense.curvature, vector)
    np.testing.assert_allclose(
        operator.product(vector), expected, rtol=1e-6, atol=1e-7 * np.abs(expected).max()
    )


def test_the_preconditioner_inverts_the_expected_curvature(model: Model) -> None:
    x = points(model, 4)
    data = np.tile(model.data, (4, 1))
    held = np.tile(model.fixed, (4, 1))
    held[:, model.require_poi()] = True
    expected = model.likelihood.objective(x, data, 2, exact=False).curvature
    vector = np.where(held, 0.0, np.random.default_rng(3).normal(size=x.shape))
    answer = model.likelihood.operator(x, data).preconditioner(held)(vector)
    assert (answer[held] == 0).all()
    for lane in range(4):
        free = ~held[lane]
        back = expected[lane][np.ix_(free, free)] @ answer[lane][free]
        # Parameters that nothing constrains are given a little curvature.
        np.testing.assert_allclose(back, vector[lane][free], rtol=2e-3, atol=2e-3)


def test_both_ways_lead_to_the_same_minimum(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 12
    start = np.tile(model.init, (count, 1))
    start[:, model.require_poi()] = np.linspace(0.1, 3, count)
    fixed = np.tile(model.fixed, (count, 1))
    fixed[:, model.require_poi()] = True
    lower, upper = model.bounds.T
    ends = []
    for few_lanes in (0, 10_000):
        monkeypatch.setattr(batched, "_FEW_FITS", few_lanes)
        ends.append(minimize(model.likelihood, model.data[None], start, lower, upper, fixed))
    assert ends[0].ok.all()
    assert ends[1].ok.all()
    np.testing.assert_allclose(ends[0].value, ends[1].value, atol=1e-9)


def test_lanes_that_enter_late_reach_the_same_minimum(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 30
    start = np.tile(model.init, (count, 1))
    start[:, model.require_poi()] = np.linspace(0.1, 3, count)
    fixed = np.tile(model.fixed, (count, 1))
    fixed[:, model.require_poi()] = True
    lower, upper = model.bounds.T
    whole = minimize(model.likelihood, model.data[None], start, lower, upper, fixed)
    monkeypatch.setattr(batched, "_FEWEST", 8)
    monkeypatch.setattr(batched, "_CACHE_BYTES", 1)
    parts = minimize(model.likelihood, model.data[None], start, lower, upper, fixed)
    assert parts.ok.all()
    np.testing.assert_allclose(parts.value, whole.value, atol=1e-9)


def test_lanes_are_taken_and_joined(model: Model) -> None:
    x = points(model, 9)
    data = np.tile(model.data, (9, 1))
    whole = model.likelihood.operator(x, data)
    np.testing.assert_allclose(whole.value, model.likelihood.objective(x, data).value, rtol=1e-12)
    parts = whole.take(np.arange(4)).join(model.likelihood.operator(x[4:], data[4:]))
    vector = np.random.default_rng(3).normal(size=x.shape)
    for name in ("points", "data", "value", "gradient"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-9, atol=1e-9)
    scale = np.abs(whole.product(vector)).max()
    np.testing.assert_allclose(parts.product(vector), whole.product(vector), rtol=1e-9, atol=1e-9 * scale)
