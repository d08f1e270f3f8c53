"""Gradients backwards through the rates, and curvatures by blocks, equal differences and the whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from growing import combination  # beside the tests

import hepnb
from hepnb.model.blocks import blocks

Spec = dict[str, Any]


def every_modifier() -> Spec:
    """Three channels with all types of modifiers, names in common, and a cell without any."""

    def modifier(name: str, kind: str, data: Any = None) -> Spec:
        return {"name": name, "type": kind, "data": data}

    def channel(name: str, scale: float) -> Spec:
        signal = [modifier("mu", "normfactor"), modifier("lumi", "lumi")]
        signal.append(modifier("slope", "histosys", {"hi_data": [4.0, 6.0, 9.0], "lo_data": [3.5, 7.0, 8.0]}))
        top = [modifier("lumi", "lumi"), modifier("k", "normfactor")]
        top.append(modifier("scale", "normsys", {"hi": 1.2, "lo": 0.9}))
        top.append(modifier("slope", "normsys", {"hi": 0.95, "lo": 1.04}))
        top.append(modifier(f"mc_{name}", "staterror", [2.0, 2.5, 3.0]))
        up, down = [44.0 * scale, 52.0 * scale, 61.0 * scale], [39.0 * scale, 50.0 * scale, 64.0 * scale]
        top.append(modifier(f"tilt_{name}", "histosys", {"hi_data": up, "lo_data": down}))
        fakes = [modifier("scale", "normsys", {"hi": 1.3, "lo": 0.8})]
        fakes.append(modifier(f"cr_{name}", "shapesys", [1.0, 0.0, 2.0]))
        free = [modifier(f"any_{name}", "shapefactor")]
        yields = [
            ("signal", [4.0, 6.5, 8.5], signal),
            ("top", [40.0 * scale, 50.0 * scale, 60.0 * scale], top),
            ("fakes", [6.0, 5.0, 7.0], fakes),
            ("free", [3.0, 2.0, 1.0], free),
            ("bare", [1.0, 2.0, 1.5], []),
        ]
        samples = [{"name": n, "data": d, "modifiers": m} for n, d, m in yields]
        return {"name": name, "samples": samples}

    channels = [channel("a", 1.0), channel("b", 1.3), channel("c", 0.7)]
    counts = [[60.0, 61.0, 80.0], [70.0, 90.0, 88.0], [41.0, 0.0, 60.0]]
    lumi = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "bounds": [[0.5, 1.5]], "inits": [1.0]}
    return {
        "channels": channels,
        "observations": [{"name": c["name"], "data": d} for c, d in zip(channels, counts, strict=True)],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": [lumi]}}],
        "version": "1.0.0",
    }


def some_points(model: hepnb.Model, count: int) -> np.ndarray:
    """Points inside and outside of one standard deviation, one with factors of exactly 0."""
    rng = np.random.default_rng(8)
    spread = np.where(model.init == 0, 0.9, 0.15)
    points = np.clip(model.init + spread * rng.normal(size=(count, model.n_parameters)), *model.bounds.T)
    points[1, model.require_poi()] = 0.0
    return points


CODES = [("code4", "code4p"), ("code1", "code0"), ("code4", "code2")]


@pytest.mark.parametrize("codes", CODES)
@pytest.mark.parametrize("positivity", ["pyhf", "root"])
@pytest.mark.parametrize("laws", [{}, {"scale": ("lognormal", 0.2), "slope": ("gamma", 0.3)}])
def test_the_gradient_is_that_of_the_value(codes: tuple[str, str], positivity: str, laws: Any) -> None:
    interpolation = {"normsys": codes[0], "histosys": codes[1]}
    model = hepnb.Model(
        every_modifier(), interpolation=interpolation, positivity=positivity, constraints=laws
    )
    steps = 1e-6 * np.eye(model.n_parameters)
    for point in some_points(model, 5):
        slope = (model.twice_nll(point + steps) - model.twice_nll(point - steps)) / 2e-6
        inside = np.isfinite(slope)
        assert inside.sum() > model.n_parameters - 4
        scale = np.abs(slope[inside]).max()
        np.testing.assert_allclose(model.gradient(point)[inside], slope[inside], rtol=1e-6, atol=1e-7 * scale)


@pytest.mark.parametrize("codes", CODES)
def test_value_and_gradient_come_with_and_without_curvature(codes: tuple[str, str]) -> None:
    model = hepnb.Model(every_modifier(), interpolation={"normsys": codes[0], "histosys": codes[1]})
    points, data = some_points(model, 70), model.data[None]
    whole = model.likelihood.objective(points, data, 2)
    slope = model.likelihood.objective(points, data, 1)
    np.testing.assert_allclose(slope.value, whole.value, rtol=1e-12)
    np.testing.assert_allclose(model.likelihood.objective(points, data).value, whole.value, rtol=1e-12)
    scale = np.abs(whole.gradient).max()
    np.testing.assert_allclose(slope.gradient, whole.gradient, rtol=1e-9, atol=1e-12 * scale)


@pytest.mark.parametrize("positivity", ["pyhf", "root"])
@pytest.mark.parametrize("exact", [True, False])
def test_blocks_add_up_to_the_curvature_of_the_whole(
    positivity: str, exact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = every_modifier()
    model = hepnb.Model(spec, positivity=positivity, constraints={"scale": ("lognormal", 0.2)})
    assert len(blocks(model.likelihood.compiled)) == 1
    points, data = some_points(model, 6), model.data[None]
    whole = model.likelihood.objective(points, data, 2, exact=exact)
    monkeypatch.setattr("hepnb.model.blocks._CALLS", 0)
    parts = blocks(model.likelihood.compiled)
    assert [part.bins for part in parts] == [slice(0, 3), slice(3, 6), slice(6, 9)]
    assert all(part.parameters.size < model.n_parameters for part in parts)
    split = replace(model.likelihood)
    by_block = split.objective(points, data, 2, exact=exact)
    np.testing.assert_allclose(by_block.value, whole.value, rtol=1e-12)
    np.testing.assert_allclose(by_block.gradient, whole.gradient, rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(by_block.curvature, whole.curvature, rtol=1e-10, atol=1e-9)


def test_the_cost_of_a_curvature_grows_with_the_channels() -> None:
    small, large = (hepnb.Model(combination(n)).likelihood for n in (4, 16))
    assert len(blocks(large.compiled)) > len(blocks(small.compiled))
    # With one table for all channels it would be 16 times 5 times 5 as much.
    assert large.costs[1] < 6 * small.costs[1]
    assert large.costs[0] < 5 * small.costs[0]


def test_a_curvature_by_blocks_is_that_of_differences() -> None:
    model = hepnb.Model(combination(5))
    assert len(blocks(model.likelihood.compiled)) > 1
    point = some_points(model, 2)[0]
    steps = 1e-6 * np.eye(model.n_parameters)
    bend = (model.gradient(point + steps) - model.gradient(point - steps)) / 2e-6
    np.testing.assert_allclose(model.curvature(point), bend, rtol=1e-5, atol=1e-4)
