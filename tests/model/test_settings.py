"""A model's settings describe it: code, files and other workspaces get all of them."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hepnb
from hepnb.errors import ModelError
from hepnb.limits import limit_grid
from hepnb.model import ModelSettings
from hepnb.workspace import uncorrelated_background

SPEC: dict[str, Any] = {
    "channels": [
        {
            "name": "c",
            "samples": [
                {
                    "name": "s",
                    "data": [6.0, 4.0],
                    "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
                },
                {
                    "name": "b",
                    "data": [50.0, 40.0],
                    "modifiers": [
                        {"name": "k", "type": "normfactor", "data": None},
                        {"name": "sys", "type": "normsys", "data": {"hi": 1.3, "lo": 0.8}},
                        {"name": "stat", "type": "staterror", "data": [5.0, 4.0]},
                    ],
                },
            ],
        }
    ],
    "observations": [{"name": "c", "data": [66.0, 45.0]}],
    "measurements": [
        {
            "name": "loose",
            "config": {"poi": "mu", "parameters": [{"name": "k", "inits": [1.0], "bounds": [[0.5, 2.0]]}]},
        },
        {
            "name": "tight",
            "config": {"poi": "k", "parameters": [{"name": "k", "inits": [1.0], "bounds": [[0.9, 1.1]]}]},
        },
    ],
    "version": "1.0.0",
}
PATCH = [{"op": "replace", "path": "/channels/0/samples/0/data", "value": [12.0, 3.0]}]
CHOICES: list[dict[str, Any]] = [
    {},
    {"measurement": "tight"},
    {"interpolation": "legacy"},
    {"interpolation": {"normsys": "code1", "histosys": "code2"}},
    {"constraints": "pyhf"},
    {"constraints": {"stat": "poisson"}},
    {"positivity": "root"},
    {"poi": ""},
    {"poi": ()},
    {"poi": "sys"},
    {"poi": ["k", "mu"]},
    {"poi": 0, "measurement": "tight", "interpolation": "legacy", "positivity": "root"},
]


@pytest.fixture
def workspace() -> hepnb.Workspace:
    return hepnb.Workspace(
        SPEC, constraints={"stat": "gaussian"}, edges={"c": [0, 1, 2]}, labels={"c": 'a "b"'}
    )


def same(one: hepnb.Model, other: hepnb.Model) -> bool:
    """Tell whether two models have the same parameters, likelihood and POI."""
    points = np.random.default_rng(1).uniform(0.7, 1.3, size=(5, one.n_parameters))
    return (
        one.parameter_names == other.parameter_names
        and one.poi_names == other.poi_names
        and np.array_equal(one.bounds, other.bounds)
        and np.array_equal(one.twice_nll(points), other.twice_nll(points))
    )


@pytest.mark.parametrize("options", CHOICES)
def test_the_code_makes_the_same_model(workspace: hepnb.Workspace, options: dict[str, Any]) -> None:
    model = hepnb.Model(workspace, **options)
    again = eval(model.code, {"hepnb": hepnb})
    assert same(model, again)
    assert again.settings == model.settings
    assert again.workspace.about == workspace.about
    json.dumps(model.settings.document())
    assert pickle.loads(pickle.dumps(model)).settings == model.settings


@pytest.mark.parametrize("options", CHOICES)
def test_another_workspace_gets_the_same_settings(
    workspace: hepnb.Workspace, options: dict[str, Any]
) -> None:
    model = hepnb.Model(workspace, **options).thoroughly()
    scaled = model.on(workspace.scale_luminosity(3.0))
    assert scaled.settings == model.settings
    assert scaled.thorough
    assert same(scaled, hepnb.Model(workspace.scale_luminosity(3.0), **options))
    np.testing.assert_allclose(scaled.expected(model.init), 3 * model.expected(model.init), rtol=1e-12)


def test_changes_are_part_of_the_settings(workspace: hepnb.Workspace) -> None:
    model = hepnb.Model(workspace, measurement="tight", positivity="root")
    chosen = model.with_poi(["mu", "k"]).thoroughly()
    assert (chosen.settings.poi, chosen.settings.thorough) == (("mu", "k"), True)
    assert (model.settings.poi, model.thorough) == (None, False)
    again = eval(chosen.code, {"hepnb": hepnb})
    assert again.settings == chosen.settings
    assert same(again, chosen)


def test_no_poi_is_an_empty_text_as_in_pyhf(workspace: hepnb.Workspace) -> None:
    for none in ("", (), []):
        model = hepnb.Model(workspace, poi=none)
        assert (model.poi_name, model.poi_names, model.settings.poi) == (None, (), ())
    assert hepnb.Model(workspace).poi_name == "mu"


def test_a_poi_may_be_an_integer_of_numpy(workspace: hepnb.Workspace) -> None:
    model = hepnb.Model(workspace)
    assert model.with_poi(np.int64(1)).poi_names == model.with_poi(1).poi_names == (model.parameter_names[1],)


def test_files_and_patches_are_kept(tmp_path: Path, workspace: hepnb.Workspace) -> None:
    path, patch, patches = tmp_path / "it's a.json", tmp_path / "p.json", tmp_path / "set.json"
    path.write_text(json.dumps(SPEC))
    patch.write_text(json.dumps(PATCH))
    loaded = hepnb.load(path)
    in_set = {"metadata": {"name": "the_one", "values": [1]}, "patch": PATCH}
    digest = __import__("pyhf").utils.digest(SPEC)
    about = {
        "references": {"hepdata": "ins1234567"},
        "description": "d",
        "digests": {"sha256": digest},
        "labels": ["m"],
    }
    patches.write_text(json.dumps({"metadata": about, "patches": [in_set], "version": "1.0.0"}))
    for given in ([patch], str(patch), [PATCH]):
        model = hepnb.Model(path, patches=given, measurement="tight")
        assert repr(str(path)) in model.code or str(path) in model.code
        again = eval(model.code, {"hepnb": hepnb})
        assert same(model, again)
        assert again.settings == model.settings
        assert len(model.settings.patches) == 1
    named = loaded.patch(patches, "the_one")
    assert named.patches == ((str(patches), "the_one"),)
    assert eval(named.code, {"hepnb": hepnb}) == named == loaded.patch(PATCH)
    scaled = named.scale_luminosity(2.0)
    assert eval(scaled.code, {"hepnb": hepnb}) == scaled
    assert str(path) in scaled.code.replace("\\'", "'")
    # A patch is part of the workspace: nothing applies it a second time.
    model = hepnb.Model(loaded, patches=[patch])
    assert same(model.on(model.workspace), model)
    assert model.on(loaded).settings.patches == ()
    # A patch that is no longer what it was cannot make the workspace again.
    patch.write_text(json.dumps([*PATCH, *copy.deepcopy(PATCH)]))
    assert eval(model.workspace.code, {"hepnb": hepnb}) == model.workspace


def test_a_pyhf_model_keeps_its_codes() -> None:
    pyhf = pytest.importorskip("pyhf")
    old = {"normsys": {"interpcode": "code1"}, "histosys": {"interpcode": "code0"}}
    model = hepnb.Model(pyhf.Workspace(SPEC).model(modifier_settings=old))
    assert model.settings.interpolation == {"normsys": "code1", "histosys": "code0"}
    assert same(eval(model.code, {"hepnb": hepnb}), model)


def test_a_grid_takes_settings(workspace: hepnb.Workspace) -> None:
    model = hepnb.Model(workspace, measurement="tight", interpolation="legacy", poi="mu", positivity="root")
    one = limit_grid(workspace, {"m1": PATCH}, model=model.settings)
    other = hepnb.upper_limit(None, model.on(workspace.patch(PATCH)))
    assert one.observed[0] == pytest.approx(other.observed, rel=1e-12)
    assert other.observed != pytest.approx(
        hepnb.upper_limit(None, hepnb.Model(workspace.patch(PATCH))).observed
    )


def test_options_that_do_not_exist_are_named() -> None:
    with pytest.raises(ModelError, match="measurment"):
        ModelSettings.of(measurment="tight")
    with pytest.raises(ModelError, match="shapesys"):
        ModelSettings.of(interpolation={"shapesys": "code1"})
    with pytest.raises(ModelError, match="rot"):
        ModelSettings.of(positivity="rot")


def test_data_that_are_given_are_part_of_the_settings() -> None:
    model = hepnb.Model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48]))
    other = model.with_data([60, 65.5])
    assert other.settings.data == (60.0, 65.5)
    assert model.settings.data is None
    again = eval(other.code)
    assert again.settings == other.settings
    np.testing.assert_array_equal(again.data, other.data)
    assert hepnb.fit(None, again)["mu"] == hepnb.fit([60, 65.5], model)["mu"]
    assert other.with_data(None).settings == model.settings
    np.testing.assert_array_equal(other.with_data(None).data, model.data)
    assert other.settings.document()["data"] == [60.0, 65.5]
    assert model.settings.document()["data"] == "observed"


def test_data_that_are_given_follow_the_luminosity() -> None:
    model = hepnb.Model(uncorrelated_background([12.0], [50.0], [3.0], observed=[51])).with_data([60.0])
    twice = model.workspace.scale_luminosity(2.0)
    assert twice.luminosity_scale == 2.0
    scaled = model.on(twice)
    assert scaled.data[0] == 120.0
    assert scaled.on(twice.scale_luminosity(0.5)).data[0] == 60.0
    # Auxiliary data are measurements of their own.
    complete = model.with_data(model.expected_data(model.init))
    np.testing.assert_array_equal(complete.on(twice).data, [124.0, complete.data[1]])
    np.testing.assert_array_equal(eval(scaled.code).data, scaled.data)


@pytest.mark.parametrize("data", [[1.0], [1.0, -2.0], [[1.0, 2.0]], ["a", "b"]])
def test_data_that_do_not_fit_are_refused(data: Any) -> None:
    model = hepnb.Model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48]))
    with pytest.raises(ModelError, match="data"):
        model.with_data(data)


def test_settings_with_data_make_other_models() -> None:
    workspace = uncorrelated_background([12.0], [50.0], [3.0], observed=[51])
    settings = ModelSettings.of(data=[70.0])
    assert hepnb.Model.of(workspace, settings).data[0] == 70.0
    patches = {"s": [{"op": "replace", "path": "/channels/0/samples/0/data", "value": [20.0]}]}
    grid = hepnb.limit_grid(workspace, patches, limits=False, model={"data": [70.0]})
    alone = hepnb.hypotest(1.0, [70.0], hepnb.Model(workspace, patches=[patches["s"]]))
    assert grid.CLs_obs[0] == pytest.approx(alone.CLs_obs, rel=1e-9)
