"""Negative rates: undefined as in pyhf, or clipped as HistFactory does in ROOT."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyhf
import pytest

import hepnb
from hepnb.errors import ModelError
from hepnb.interpolation import CODES

HIGH, LOW = 40.0, 0.01


def spec(observed: tuple[float, ...] = (5.0, 4.0, 11.0)) -> dict[str, Any]:
    """A normsys whose polynomial goes below 0, and a histosys that takes two bins below 0."""
    steep = {"name": "steep", "type": "normsys", "data": {"hi": HIGH, "lo": LOW}}
    tilt = {
        "name": "tilt",
        "type": "histosys",
        "data": {"hi_data": [7.0, 9.0, 10.0], "lo_data": [5.0, 1.0, 10.0]},
    }
    return {
        "channels": [
            {
                "name": "SR",
                "samples": [
                    {
                        "name": "signal",
                        "data": [2.0, 1.0, 3.0],
                        "modifiers": [{"name": "mu", "type": "normfactor", "data": None}, steep],
                    },
                    {"name": "bkg", "data": [6.0, 5.0, 10.0], "modifiers": [tilt]},
                    {"name": "other", "data": [0.5, 0.5, -0.5], "modifiers": []},
                ],
            }
        ],
        "observations": [{"name": "SR", "data": list(observed)}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }


def point(model: hepnb.Model, **values: float) -> np.ndarray[Any, Any]:
    result = model.init.copy()
    for name, value in values.items():
        result[model.index(name)] = value
    return result


@pytest.fixture
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_pyhf_leaves_a_negative_rate_and_its_likelihood_is_undefined() -> None:
    model = hepnb.Model(spec())
    theirs = pyhf.Workspace(spec()).model(
        modifier_settings={"normsys": {"interpcode": "code4"}, "histosys": {"interpcode": "code4p"}}
    )
    assert model.positivity == "pyhf"
    for values in ({"tilt": -1.8, "mu": 0.0}, {"steep": -0.45, "mu": 9.0, "tilt": 0.3}):
        here = point(model, **values)
        rates = theirs.expected_data(here, include_auxdata=False)
        assert rates.min() < 0
        np.testing.assert_allclose(model.expected(here), rates, rtol=1e-12, atol=1e-12)
        assert np.isnan(model.twice_nll(here))


def test_root_clips_the_sum_of_a_sample_s_histosys() -> None:
    model = hepnb.Model(spec(), positivity="root")
    here = point(model, tilt=-1.8, mu=1.0)
    assert model.expected_by_sample(here)[0, 1] == 0.0
    # The third bin's 'other' has no histosys: its negative yield stays.
    np.testing.assert_allclose(model.expected_by_sample(here)[1], [0.5, 0.5, -0.5])
    assert model.nonpositive_bins(here) == ("channel 'SR' bin 1",)
    assert np.isfinite(model.twice_nll(here))
    # Without negative rates the two are one.
    plain = hepnb.Model(spec())
    for values in ({}, {"tilt": 0.7, "steep": 0.5}, {"tilt": -1.0, "mu": 3.0}):
        assert model.twice_nll(point(model, **values)) == plain.twice_nll(point(model, **values))


def test_root_clips_the_polynomial_of_a_steep_normsys() -> None:
    alpha = np.linspace(-1, 0, 201)
    factor = CODES["code4"].interpolate([LOW], [1.0], [HIGH], alpha).ravel()
    assert factor.min() < -0.4
    model = hepnb.Model(spec(), positivity="root")
    points = np.tile(model.init, (alpha.size, 1))
    points[:, model.index("steep")] = alpha
    signal = model.expected_by_sample(points)[:, model.samples.index("signal"), 0]
    np.testing.assert_allclose(signal, 2.0 * np.maximum(factor, 0.0), rtol=1e-12)
    middle = point(model, steep=float(alpha[np.argmin(factor)]))
    assert model.nonpositive_bins(middle) == tuple(f"channel 'SR' bin {i}" for i in range(3))


@pytest.mark.usefixtures("_quiet")
def test_rates_agree_with_pyhf_clipping_where_it_clips_the_same() -> None:
    """pyhf clips samples and bins after all factors: the same unless a sample is negative by itself."""
    content = spec()
    content["channels"][0]["samples"].pop()
    theirs = pyhf.Workspace(content).model(
        modifier_settings={"normsys": {"interpcode": "code4"}, "histosys": {"interpcode": "code4p"}},
        clip_sample_data=0.0,
        clip_bin_data=0.0,
    )
    model = hepnb.Model(content, positivity="root")
    dice = np.random.default_rng(3)
    points = np.stack(
        [dice.uniform(*((0, 4) if name == "mu" else (-3, 3)), size=60) for name in model.parameter_names],
        axis=1,
    )
    rates = np.array([theirs.expected_data(p, include_auxdata=False) for p in points])
    assert (rates == 0).any()
    np.testing.assert_allclose(model.expected(points), rates, rtol=1e-12, atol=1e-12)


def test_a_total_below_zero_is_zero() -> None:
    model = hepnb.Model(spec((0.0, 0.0, 0.0)), positivity="root")
    here = point(model, mu=-9.0)
    np.testing.assert_array_equal(model.expected(here), 0.0)
    # With no data there is nothing to contradict: only the constraints are left.
    constraints = 2 * np.log(2 * np.pi)
    assert model.twice_nll(here) == pytest.approx(constraints)
    assert np.isnan(hepnb.Model(spec((0.0, 1.0, 0.0)), positivity="root").twice_nll(here))


@pytest.mark.parametrize(
    "values",
    [
        {"tilt": -1.8, "mu": 1.0},
        {"tilt": -1.8, "steep": -0.4, "mu": 1.2},
        {"steep": -0.4, "tilt": 0.5},
        {"steep": 0.4, "tilt": 0.5},
    ],
)
def test_derivatives_of_what_is_clipped(values: dict[str, float]) -> None:
    model = hepnb.Model(spec(), positivity="root")
    here, step = point(model, **values), 1e-6 * np.eye(model.n_parameters)
    gradient = (model.twice_nll(here + step) - model.twice_nll(here - step)) / 2e-6
    np.testing.assert_allclose(model.gradient(here), gradient, rtol=1e-6, atol=1e-6)
    curvature = (model.gradient(here + step) - model.gradient(here - step)) / 2e-6
    np.testing.assert_allclose(model.curvature(here), curvature, rtol=1e-5, atol=1e-5)
    operator = model.likelihood.operator(here[None], model.data[None])
    np.testing.assert_allclose(operator.gradient[0], model.gradient(here), rtol=1e-9, atol=1e-9)
    for direction in np.eye(model.n_parameters):
        product = operator.product(direction[None])[0]
        np.testing.assert_allclose(product, model.curvature(here) @ direction, rtol=1e-9, atol=1e-9)


def test_a_wrong_word_is_refused() -> None:
    with pytest.raises(ModelError, match=r"positivity 'rooot' does not exist. Did you mean 'root'"):
        hepnb.Model(spec(), positivity="rooot")
