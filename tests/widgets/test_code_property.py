"""What a panel with a model shows is what its code computes, whatever it was given and whatever was set."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import hepnb
from hepnb.widgets import BrazilBand, FitPanel, InterpolationExplorer, Workbench

numbers = st.floats(2.0, 60.0).map(lambda number: round(number, 3))
NAMES = st.sampled_from(["k", "it's", 'a "b"', "100% {x}", "back\\slash", "a\nb", "'''", "import os", "μ"])


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """A workspace with two measurements that differ in everything a measurement holds."""
    free = draw(NAMES)
    channels = []
    for place in range(draw(st.integers(1, 2))):
        n = draw(st.integers(1, 3))
        background = draw(st.lists(numbers, min_size=n, max_size=n))
        modifiers: list[dict[str, Any]] = [
            {"name": free, "type": "normfactor", "data": None},
            {"name": "norm", "type": "normsys", "data": {"hi": draw(st.floats(1.05, 1.3)), "lo": 0.85}},
            {
                "name": "shape",
                "type": "histosys",
                "data": {
                    "hi_data": [1.1 * b + 0.5 for b in background],
                    "lo_data": [0.95 * b for b in background],
                },
            },
        ]
        kind = draw(st.sampled_from(["staterror", "shapesys", "none"]))
        if kind != "none":
            modifiers.append({"name": f"{kind}_{place}", "type": kind, "data": [0.2 * b for b in background]})
        signal = [{"name": "mu", "type": "normfactor", "data": None}]
        channels.append(
            {
                "name": f"c{place}",
                "samples": [
                    {"name": "s", "data": [0.3 * b + 1 for b in background], "modifiers": signal},
                    {"name": "b", "data": background, "modifiers": modifiers},
                ],
            }
        )
    observed = [
        {
            "name": c["name"],
            "data": [float(round(draw(st.floats(0.7, 1.6)) * b)) for b in c["samples"][1]["data"]],
        }
        for c in channels
    ]
    width = draw(st.sampled_from([0.1, 0.5, 0.9]))
    measurements = [
        {"name": "first", "config": {"poi": "mu", "parameters": []}},
        {
            "name": "second",
            "config": {
                "poi": draw(st.sampled_from(["mu", free, ""])),
                "parameters": [
                    {"name": free, "inits": [1.05], "bounds": [[1 - width, 1 + width]]},
                    {"name": "norm", "fixed": draw(st.booleans()), "inits": [0.2]},
                    {"name": "mu", "inits": [0.8], "bounds": [[0.0, 8.0]]},
                ],
            },
        },
    ]
    return {"channels": channels, "observations": observed, "measurements": measurements, "version": "1.0.0"}


@st.composite
def models(draw: st.DrawFn, folder: Path) -> hepnb.Model:
    """A model of a random workspace: of an object or a file, patched or not, with random options."""
    spec = draw(specs())
    free = spec["channels"][0]["samples"][1]["modifiers"][0]["name"]
    names = [m["name"] for c in spec["channels"] for s in c["samples"] for m in s["modifiers"]]
    bins = [name for name in names if name.startswith(("staterror", "shapesys"))]
    laws = {name: draw(st.sampled_from(["gaussian", "poisson"])) for name in bins if draw(st.booleans())}
    options: dict[str, Any] = {
        "measurement": draw(st.sampled_from([None, "first", "second"])),
        "interpolation": draw(st.sampled_from([None, "root", "legacy", {"histosys": "code2"}])),
        "constraints": draw(st.sampled_from(["workspace", "pyhf", laws])),
        "positivity": draw(st.sampled_from(["pyhf", "root"])),
        "poi": draw(st.sampled_from([None, "mu", free, ["norm", "mu"], ""])),
    }
    workspace: Any = spec
    how = draw(st.sampled_from(["dict", "path", "laws"]))
    if how == "path":
        workspace = folder / draw(st.sampled_from(["ws.json", 'it\'s a "ws" 100%.json']))
        workspace.write_text(json.dumps(spec))
    elif how == "laws":
        workspace = hepnb.Workspace(spec, constraints=laws, labels={"c0": free})
    yields = spec["channels"][0]["samples"][0]["data"]
    patch: Any = [{"op": "replace", "path": "/channels/0/samples/0/data", "value": [1.5 * y for y in yields]}]
    patched = draw(st.sampled_from(["no", "operations", "path"]))
    if patched == "path":
        (folder / "patch.json").write_text(json.dumps(patch))
        patch = folder / "patch.json"
    if patched != "no":
        options["patches"] = [patch]
    return hepnb.Model(workspace, **options)


def run(code: str) -> dict[str, Any]:
    scope: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(code, scope)
    return scope


def drawn_model(data: st.DataObject) -> hepnb.Model:
    # Files of one example must outlive it: code of the panel is run while they are there.
    folder = Path(tempfile.mkdtemp(prefix="hepnb-code-"))
    return data.draw(models(folder))


few = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


@few
@given(st.data())
def test_fits(data: st.DataObject) -> None:
    model = drawn_model(data)
    observed = data.draw(st.sampled_from([None, (model.data[: model.n_bins] * 1.1 + 1).tolist()]))
    panel = FitPanel(model=model, data=observed)
    name = data.draw(st.sampled_from(model.parameter_names))
    low, high = model.bounds[model.index(name)]
    panel.values = {name: data.draw(st.floats(max(low, 0.5), min(high, 1.5)))}
    if data.draw(st.booleans()) and model.n_parameters > 2:
        panel.fixed = (*panel.fixed, name)
    if data.draw(st.booleans()):
        result = panel.fit()
        assume(not panel.error and result is not None)
        best = run(panel.to_code())["best"]
        np.testing.assert_allclose(best.bestfit, result.bestfit, rtol=1e-9, atol=1e-9)
        assert best.twice_nll == pytest.approx(result.twice_nll, rel=1e-9)
        np.testing.assert_allclose(best.uncertainty, result.uncertainty, rtol=1e-9, atol=1e-12)
    other = data.draw(st.sampled_from(model.parameter_names))
    panel.values = {other: float(np.clip(1.1, *model.bounds[model.index(other)]))}
    scope = run(panel.to_code())
    if "values" in scope:
        np.testing.assert_allclose(scope["values"], list(panel.values.values()), rtol=1e-9, atol=1e-12)
    assert scope["model"].settings.but(patches=()) == model.settings.but(patches=())


@settings(few, max_examples=5)
@given(st.data())
def test_limits(data: st.DataObject) -> None:
    model = drawn_model(data)
    assume(model.poi_name is not None and model.bounds[model.poi_index][0] == 0 if model.poi_name else False)
    observed = data.draw(st.sampled_from([None, (model.data[: model.n_bins] * 1.1 + 1).tolist()]))
    band = BrazilBand(
        model=model, data=observed, n_points=5, cl=data.draw(st.sampled_from([0.95, 0.9])),
        test_stat=data.draw(st.sampled_from(["qtilde", "q"])), mu_max=data.draw(st.sampled_from([None, 4.0])),
        luminosity=data.draw(st.sampled_from([1.0, 2.5])),
    )  # fmt: skip
    limits = band.run(wait=True)
    assume(limits is not None and not band.error)
    scope = run(band.to_code())
    np.testing.assert_allclose(scope["limit"].observed, limits.observed, rtol=1e-9)
    np.testing.assert_allclose(scope["limit"].expected, limits.expected, rtol=1e-9)
    np.testing.assert_allclose(scope["scan"].CLs_obs, band.scan.CLs_obs, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(scope["scan"].mu, band.scan.mu, rtol=1e-12)


@settings(few, max_examples=6)
@given(st.data())
def test_interpolations(data: st.DataObject) -> None:
    explorer = InterpolationExplorer(workspace=drawn_model(data).workspace)
    explorer.systematic = data.draw(st.sampled_from(["norm", "shape"]))
    explorer.code = data.draw(st.sampled_from(["pyhf", "legacy"]))
    explorer.alpha = data.draw(st.floats(-3.0, 3.0))
    np.testing.assert_allclose(run(explorer.to_code())["interpolated"], explorer.result, rtol=1e-12)


@settings(few, max_examples=3)
@given(st.data())
def test_workbenches(data: st.DataObject) -> None:
    model = drawn_model(data)
    bench = Workbench(workspace=model.workspace)
    if data.draw(st.booleans()):
        bench.fit_panel.model = model
    result = bench.fit_panel.fit()
    assume(result is not None and not bench.fit_panel.error)
    best = run(bench.to_code())["best"]
    np.testing.assert_allclose(best.bestfit, result.bestfit, rtol=1e-9, atol=1e-9)
