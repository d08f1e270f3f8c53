"""What must change nothing: the order of channels, samples, bins and modifiers, halves of samples, batches.

The workspace has all seven types of modifiers, names shared across channels and across types; the fits and
tests are those of the public interface.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hepnb

Spec = dict[str, Any]
CODES = ("pyhf", "legacy")


def modifier(name: str, kind: str, data: Any = None) -> Spec:
    return {"name": name, "type": kind, "data": data}


def shape(up: list[float], down: list[float]) -> Spec:
    return {"hi_data": up, "lo_data": down}


def spec() -> Spec:
    mu, lumi = modifier("mu", "normfactor"), modifier("lumi", "lumi")
    ttbar = [
        modifier("scale", "histosys", shape([56.0, 63.0, 31.0], [45.0, 52.0, 30.0])),
        modifier("scale", "normsys", {"lo": 0.92, "hi": 1.07}),
        modifier("stat_SR", "staterror", [3.0, 2.5, 2.0]),
        lumi,
    ]
    fakes = [
        modifier("fakes", "shapesys", [2.0, 1.0, 1.5]),
        modifier("stat_SR", "staterror", [1.0, 0.5, 0.8]),
    ]
    control = [
        modifier("scale", "normsys", {"lo": 0.8, "hi": 1.3}),
        modifier("tilt", "histosys", shape([210.0, 138.0], [190.0, 141.0])),
        lumi,
    ]
    samples = {
        "SR": [
            ("signal", [6.0, 9.0, 12.0], [mu, lumi, modifier("rate", "normsys", {"lo": 0.95, "hi": 1.1})]),
            ("ttbar", [50.0, 60.0, 30.0], ttbar),
            ("fakes", [11.0, 4.0, 6.0], fakes),
        ],
        "CR": [
            ("ttbar", [200.0, 140.0], control),
            ("fakes", [20.0, 10.0], [modifier("free", "shapefactor")]),
        ],
    }
    width = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "bounds": [[0.9, 1.1]], "inits": [1.0]}
    return {
        "channels": [
            {
                "name": channel,
                "samples": [{"name": n, "data": d, "modifiers": m} for n, d, m in rows],
            }
            for channel, rows in samples.items()
        ],
        "observations": [{"name": "SR", "data": [70, 81, 55]}, {"name": "CR", "data": [227, 153]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": [width]}}],
        "version": "1.0.0",
    }


def same_inference(one: hepnb.Model, other: hepnb.Model, rename: dict[str, str] | None = None) -> None:
    """Compare likelihood, fits, test and limit, parameter by parameter."""
    names = {name: (rename or {}).get(name, name) for name in one.parameter_names}
    place = [other.index(names[name]) for name in one.parameter_names]
    dice = np.random.default_rng(4)
    x = one.init + dice.normal(size=(5, one.n_parameters)) * np.where(one.init == 0, 1.0, 0.05)
    x = np.clip(x, *one.bounds.T)
    y = np.empty_like(x)
    y[:, place] = x
    np.testing.assert_allclose(other.twice_nll(y), one.twice_nll(x), rtol=1e-12)
    for fitted in (hepnb.fit, lambda data, model: hepnb.fixed_poi_fit(0.7, data, model)):
        a, b = fitted(None, one), fitted(None, other)
        assert a.report.ok
        assert b.report.ok
        assert pytest.approx(a.twice_nll, abs=1e-8) == b.twice_nll
        sigma = np.where(a.curvature_uncertainty > 0, a.curvature_uncertainty, 1.0)
        np.testing.assert_allclose((b.bestfit[place] - a.bestfit) / sigma, 0, atol=1e-4)
        np.testing.assert_allclose(b.uncertainty[place], a.uncertainty, rtol=1e-3, atol=1e-9)
    first, second = hepnb.hypotest(1.0, None, one), hepnb.hypotest(1.0, None, other)
    assert pytest.approx(first.CLs_obs, rel=1e-6) == second.CLs_obs
    np.testing.assert_allclose(second.CLs_exp, first.CLs_exp, rtol=1e-6)


@settings(max_examples=6, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from(CODES))
def test_the_order_in_a_file_changes_nothing(random: Any, codes: str) -> None:
    shuffled = spec()
    random.shuffle(shuffled["channels"])
    random.shuffle(shuffled["observations"])
    for channel in shuffled["channels"]:
        random.shuffle(channel["samples"])
        for each in channel["samples"]:
            random.shuffle(each["modifiers"])
    one, other = (hepnb.Model(s, interpolation=codes) for s in (spec(), shuffled))
    assert one.parameter_names == other.parameter_names
    same_inference(one, other)


@settings(max_examples=6, deadline=None)
@given(st.permutations(range(3)), st.permutations(range(2)), st.sampled_from(CODES))
def test_the_order_of_bins_changes_nothing(signal: list[int], control: list[int], codes: str) -> None:
    """All arrays of a channel alike; parameters per bin go with their bins."""
    moved = spec()
    order = {"SR": signal, "CR": control}

    def permuted(values: Any, places: list[int]) -> Any:
        return [values[i] for i in places] if isinstance(values, list) else values

    for channel in moved["channels"]:
        places = order[channel["name"]]
        for each in channel["samples"]:
            each["data"] = permuted(each["data"], places)
            for m in each["modifiers"]:
                data = m["data"]
                if isinstance(data, dict):
                    m["data"] = {key: permuted(value, places) for key, value in data.items()}
                else:
                    m["data"] = permuted(data, places)
    for observation in moved["observations"]:
        observation["data"] = permuted(observation["data"], order[observation["name"]])
    names = {"fakes": signal, "stat_SR": signal, "free": control}
    rename = {
        f"{name}[{old}]": f"{name}[{new}]" for name, places in names.items() for new, old in enumerate(places)
    }
    one, other = (hepnb.Model(s, interpolation=codes) for s in (spec(), moved))
    same_inference(one, other, rename)


@pytest.mark.parametrize("codes", CODES)
def test_the_order_of_parameters_changes_nothing(codes: str) -> None:
    """It is that of the channels, in alphabetical order: with another name a channel stands elsewhere."""
    renamed = spec()
    for entry in (*renamed["channels"], *renamed["observations"]):
        entry["name"] = {"SR": "A"}.get(entry["name"], entry["name"])
    one, other = (hepnb.Model(s, interpolation=codes) for s in (spec(), renamed))
    assert set(one.parameter_names) == set(other.parameter_names)
    assert one.parameter_names != other.parameter_names
    same_inference(one, other)


@pytest.mark.parametrize("codes", CODES)
@pytest.mark.parametrize("share", [0.5, 0.2])
def test_halves_of_a_sample_are_the_sample(share: float, codes: str) -> None:
    """With the same modifiers; shapes are shared out, and bin-wise uncertainties are left out."""
    whole = spec()
    for channel in whole["channels"]:
        for each in channel["samples"]:
            each["modifiers"] = [m for m in each["modifiers"] if m["type"] not in {"staterror", "shapesys"}]
    parts = copy.deepcopy(whole)

    def scaled(each: Spec, factor: float, name: str) -> Spec:
        other = copy.deepcopy(each)
        other["name"], other["data"] = name, [factor * value for value in each["data"]]
        for m in other["modifiers"]:
            if m["type"] == "histosys":
                m["data"] = {key: [factor * v for v in values] for key, values in m["data"].items()}
        return other

    for channel in parts["channels"]:
        channel["samples"] = [
            scaled(each, factor, f"{each['name']}{suffix}")
            for each in channel["samples"]
            for factor, suffix in ((share, ""), (1 - share, " rest"))
        ]
    same_inference(*(hepnb.Model(s, interpolation=codes) for s in (whole, parts)))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(CODES))
def test_no_conditional_fit_is_below_the_free_one(seed: int, codes: str) -> None:
    model = hepnb.Model(spec(), interpolation=codes)
    dice = np.random.default_rng(seed)
    truth = model.init + dice.normal(size=model.n_parameters) * np.where(model.init == 0, 1.0, 0.1)
    data = dice.poisson(np.maximum(model.expected(np.clip(truth, *model.bounds.T)), 0.1)).astype(float)
    free = hepnb.fit(data, model)
    assert free.report.ok
    for name in ("mu", "scale", "tilt"):
        for value in dice.uniform(0, 2, 2):
            held = hepnb.fit(data, model, fixed={name: value})
            assert held.twice_nll >= free.twice_nll - 1e-7


@pytest.mark.parametrize("codes", CODES)
def test_a_batch_equals_its_loop(codes: str) -> None:
    model = hepnb.Model(spec(), interpolation=codes)
    dice = np.random.default_rng(8)
    x = model.init + dice.normal(size=(24, model.n_parameters)) * np.where(model.init == 0, 1.2, 0.1)
    x = np.clip(x, *model.bounds.T)
    data = np.tile(model.data, (24, 1))
    data[:, : model.n_bins] = dice.poisson(model.expected(x))
    for evaluate in (model.expected_data, model.expected_by_sample):
        loop = np.array([evaluate(point) for point in x])
        np.testing.assert_allclose(evaluate(x), loop, rtol=1e-12, atol=1e-12)
    for evaluate in (model.twice_nll, model.logpdf, model.gradient, model.curvature):
        loop = np.array([evaluate(point, counts) for point, counts in zip(x, data, strict=True)])
        scale = np.abs(loop).max()
        np.testing.assert_allclose(evaluate(x, data), loop, rtol=1e-12, atol=1e-12 * scale)
        # One set of data for all points, one point for all data.
        same = np.array([evaluate(point, data[0]) for point in x])
        np.testing.assert_allclose(evaluate(x, data[0]), same, rtol=1e-12, atol=1e-12 * scale)


@pytest.mark.parametrize("codes", CODES)
def test_tests_of_many_values_equal_their_loop(codes: str) -> None:
    model = hepnb.Model(spec(), interpolation=codes)
    values = np.array([0.1, 0.8, 1.7, 3.0])
    scan = hepnb.scan(None, model, values)
    loop = [hepnb.hypotest(value, None, model) for value in values]
    np.testing.assert_allclose(scan.q, [one.q for one in loop], atol=1e-7)
    np.testing.assert_allclose(scan.CLs_obs, [one.CLs_obs for one in loop], rtol=1e-6)
    np.testing.assert_allclose(scan.CLs_exp, [one.CLs_exp for one in loop], rtol=1e-6)
