"""The model: derivatives, batches, order of things, and input that is refused."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hepnb
from hepnb.errors import HepnbError, ModelError
from hepnb.model import Model


def every_modifier() -> dict[str, Any]:
    """A workspace with all seven types, shared names, and a name shared across types."""
    mu = {"name": "mu", "type": "normfactor", "data": None}
    lumi = {"name": "lumi", "type": "lumi", "data": None}
    scale = {"name": "scale", "type": "histosys", "data": {"lo_data": [45.0, 52.0], "hi_data": [56.0, 63.0]}}
    rate = {"name": "scale", "type": "normsys", "data": {"lo": 0.92, "hi": 1.07}}
    return {
        "channels": [
            {
                "name": "SR",
                "samples": [
                    {"name": "signal", "data": [6.0, 9.0], "modifiers": [mu, lumi]},
                    {
                        "name": "ttbar",
                        "data": [50.0, 60.0],
                        "modifiers": [
                            scale,
                            rate,
                            lumi,
                            {"name": "stat_SR", "type": "staterror", "data": [3.0, 2.5]},
                        ],
                    },
                    {
                        "name": "fakes",
                        "data": [11.0, 4.0],
                        "modifiers": [
                            {"name": "fakes", "type": "shapesys", "data": [2.0, 1.0]},
                            {"name": "stat_SR", "type": "staterror", "data": [1.0, 0.5]},
                        ],
                    },
                ],
            },
            {
                "name": "CR",
                "samples": [
                    {
                        "name": "ttbar",
                        "data": [200.0, 140.0, 80.0],
                        "modifiers": [
                            {"name": "free", "type": "shapefactor", "data": None},
                            {"name": "scale", "type": "normsys", "data": {"lo": 0.8, "hi": 1.3}},
                            lumi,
                        ],
                    }
                ],
            },
        ],
        "observations": [{"name": "SR", "data": [70, 71]}, {"name": "CR", "data": [207, 133, 88]}],
        "measurements": [
            {
                "name": "m",
                "config": {
                    "poi": "mu",
                    "parameters": [
                        {
                            "name": "lumi",
                            "auxdata": [1.0],
                            "sigmas": [0.02],
                            "bounds": [[0.9, 1.1]],
                            "inits": [1.0],
                        }
                    ],
                },
            }
        ],
        "version": "1.0.0",
    }


@pytest.fixture
def model() -> Model:
    return Model(every_modifier())


def around(model: Model, count: int, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = model.init + rng.normal(size=(count, model.n_parameters)) * np.where(model.init == 0, 1.2, 0.15)
    return np.clip(x, *model.bounds.T)


@pytest.mark.parametrize("codes", [("code4", "code4p"), ("code1", "code0"), ("code4", "code2")])
def test_gradient_and_curvature_are_those_of_the_likelihood(codes: tuple[str, str]) -> None:
    model = Model(every_modifier(), interpolation=dict(zip(("normsys", "histosys"), codes, strict=True)))
    step = 1e-5
    for x in around(model, 12):
        shifts = step * np.eye(model.n_parameters)
        slope = (model.twice_nll(x + shifts) - model.twice_nll(x - shifts)) / (2 * step)
        np.testing.assert_allclose(model.gradient(x), slope, rtol=1e-6, atol=2e-5)
        bend = (model.gradient(x + shifts) - model.gradient(x - shifts)) / (2 * step)
        np.testing.assert_allclose(model.curvature(x), bend, rtol=1e-6, atol=1e-4)


def test_derivatives_are_finite_and_right_where_a_factor_is_exactly_zero(model: Model) -> None:
    x = model.init.copy()
    mu = model.require_poi()
    x[mu] = 0.0
    step = 1e-6
    up, down = x.copy(), x.copy()
    up[mu], down[mu] = step, -step
    slope = (model.twice_nll(up) - model.twice_nll(down)) / (2 * step)
    assert pytest.approx(slope, rel=1e-6) == model.gradient(x)[mu]
    bend = (model.gradient(up) - model.gradient(down)) / (2 * step)
    np.testing.assert_allclose(model.curvature(x)[mu], bend, rtol=1e-6, atol=1e-6)


def test_the_expected_curvature_is_never_indefinite(model: Model) -> None:
    likelihood = model.likelihood
    for x in around(model, 20, seed=8):
        curvature = likelihood.objective(x[None], model.data[None], 2, exact=False).curvature[0]
        assert np.linalg.eigvalsh(curvature)[0] > -1e-9


def test_a_batch_equals_its_loop(model: Model) -> None:
    x = around(model, 40)
    for evaluate in (model.expected, model.expected_by_sample, model.twice_nll, model.gradient):
        loop = np.array([evaluate(point) for point in x])
        np.testing.assert_allclose(evaluate(x), loop, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(evaluate(x.reshape(8, 5, -1)).reshape(loop.shape), loop, rtol=1e-12)


def test_large_batches_are_sliced_without_a_seam(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    x = around(model, 30)
    whole = model.curvature(x)
    monkeypatch.setattr("hepnb.model.likelihood._SLICE_BYTES", 20_000)
    np.testing.assert_array_equal(model.curvature(x), whole)


def test_samples_add_up_to_the_bins(model: Model) -> None:
    x = around(model, 5)
    np.testing.assert_allclose(model.expected_by_sample(x).sum(axis=-2), model.expected(x), rtol=1e-13)


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_in_a_file_changes_nothing(random: Any) -> None:
    spec = every_modifier()
    shuffled = copy.deepcopy(spec)
    random.shuffle(shuffled["channels"])
    random.shuffle(shuffled["observations"])
    for channel in shuffled["channels"]:
        random.shuffle(channel["samples"])
        for sample in channel["samples"]:
            random.shuffle(sample["modifiers"])
    one, other = Model(spec), Model(shuffled)
    assert one.parameter_names == other.parameter_names
    x = around(one, 3)
    np.testing.assert_array_equal(one.twice_nll(x), other.twice_nll(x))


def test_splitting_a_sample_changes_nothing() -> None:
    spec = every_modifier()
    halves = copy.deepcopy(spec)
    signal = halves["channels"][0]["samples"][0]
    other = copy.deepcopy(signal)
    signal["data"], other["data"], other["name"] = [2.0, 4.0], [4.0, 5.0], "signal2"
    halves["channels"][0]["samples"].append(other)
    one, two = Model(spec), Model(halves)
    x = around(one, 5)
    np.testing.assert_allclose(one.expected(x), two.expected(x), rtol=1e-13)
    np.testing.assert_allclose(one.twice_nll(x), two.twice_nll(x), rtol=1e-12)


def test_a_negative_rate_gives_nan_not_a_number() -> None:
    model = Model(every_modifier())
    x = model.init.copy()
    x[model.require_poi()] = -30.0
    assert (model.expected(x) < 0).any()
    assert np.isnan(model.twice_nll(x))


def change(path: list[Any], value: Any) -> dict[str, Any]:
    spec = every_modifier()
    place: Any = spec
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return spec


def test_a_poi_that_does_not_exist() -> None:
    with pytest.raises(HepnbError, match=r"(?s)'mu_'.*mu"):
        Model(change(["measurements", 0, "config", "poi"], "mu_"))


def test_a_measurement_that_does_not_exist() -> None:
    with pytest.raises(ModelError, match=r"measurement 'n' does not exist.*There are: 'm'"):
        Model(every_modifier(), measurement="n")


def test_an_interpolation_of_the_wrong_kind() -> None:
    with pytest.raises(ModelError, match=r"normsys cannot be 'code0'. Use one of 'code1', 'code4'"):
        Model(every_modifier(), interpolation={"normsys": "code0"})
    with pytest.raises(ModelError, match=r"'rooot' does not exist. Did you mean 'root'"):
        Model(every_modifier(), interpolation="rooot")


def test_a_luminosity_without_its_measurement() -> None:
    with pytest.raises(HepnbError, match="lumi"):
        Model(change(["measurements", 0, "config", "parameters"], []))


def test_parameters_and_data_of_the_wrong_length(model: Model) -> None:
    with pytest.raises(ModelError, match=r"parameters: 3 values for a model of 10"):
        model.expected([1.0, 2.0, 3.0])
    with pytest.raises(ModelError, match=r"data have 2 entries, the model 5 bins and 6 auxiliary data"):
        model.twice_nll(model.init, [1.0, 2.0])
    with pytest.raises(ModelError, match=r"bin 1 is -3.0"):
        model.check_data([1.0, -3.0, 2.0, 3.0, 4.0])
    with pytest.raises(ModelError, match=r"bin 0 is nan"):
        model.check_data([np.nan, 3.0, 2.0, 3.0, 4.0])


def test_data_without_auxiliary_part_are_completed(model: Model) -> None:
    counts = model.check_data([70, 71, 207, 133, 88])
    np.testing.assert_array_equal(counts[5:], model.data[5:])


def test_a_parameter_is_found_by_name_or_place(model: Model) -> None:
    assert model.index("mu") == model.poi_index
    assert model.index(-1) == model.n_parameters - 1
    with pytest.raises(ModelError, match=r"'scalle' does not exist in the model. Did you mean 'scale'"):
        model.index("scalle")


def empty_bin(observed: list[float]) -> dict[str, Any]:
    free = {"name": "free", "type": "shapefactor", "data": None}
    tilt = {"name": "tilt", "type": "normsys", "data": {"lo": 0.8, "hi": 1.3}}
    mu = {"name": "mu", "type": "normfactor", "data": None}
    samples = [
        {"name": "signal", "data": [2.0, 1.0], "modifiers": [mu]},
        {"name": "bkg", "data": [10.0, 5.0], "modifiers": [free, tilt]},
    ]
    return {
        "channels": [{"name": "SR", "samples": samples}],
        "observations": [{"name": "SR", "data": observed}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }


def test_a_factor_of_exactly_zero_leaves_no_rate() -> None:
    model = Model(empty_bin([8.0, 3.0]))
    point = model.init.copy()
    point[[model.index("mu"), model.index("free[1]")]] = 0.0
    assert model.expected(point)[1] == 0.0
    # Three events where none are expected.
    assert np.isnan(model.twice_nll(point))
    empty = Model(empty_bin([8.0, 0.0]))
    assert np.isfinite(empty.twice_nll(point))
    assert np.abs(empty.gradient(point)).max() < 100


def test_an_empty_bin_does_not_stop_a_fit_above_its_minimum() -> None:
    """No events in a bin whose rate can be 0: all that is left there is nothing."""
    result = hepnb.fit(None, Model(empty_bin([8.0, 0.0])))
    assert result.report.edm >= 0
    best = 2 * (8 - 8 * np.log(8) + math.lgamma(9)) + np.log(2 * np.pi)
    assert pytest.approx(best, abs=1e-6) == result.twice_nll
    assert result["free[1]"][0] == pytest.approx(0.0, abs=1e-6)
