"""Measurement settings of every parameter type, and models that come from pyhf, against pyhf itself."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pyhf
import pytest

import hepnb
from hepnb.errors import HepnbError, ModelError

SIZES = {"mu": 1, "lumi": 1, "ns": 1, "both": 1, "stat": 2, "hs": 1, "ss": 2, "sf": 2, "k": 1}
SETTINGS: dict[str, Any] = {
    "inits": [1.1, 0.9],
    "bounds": [[0.1, 3.0], [0.2, 4.0]],
    "auxdata": [0.8, 1.2],
    "sigmas": [0.3, 0.15],
    "factors": [23.0, 9.5],
    "fixed": True,
}
LUMI = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.03], "inits": [1.0], "bounds": [[0.5, 1.5]]}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def modifier(name: str, kind: str, data: Any = None) -> dict[str, Any]:
    return {"name": name, "type": kind, "data": data}


def spec(*parameters: dict[str, Any]) -> dict[str, Any]:
    """One of each modifier, some shared between samples, channels and types."""
    shape = {"hi_data": [12.0, 12.0], "lo_data": [9.0, 11.0]}
    first = [
        modifier("ns", "normsys", {"lo": 0.9, "hi": 1.1}),
        modifier("both", "normsys", {"lo": 0.9, "hi": 1.2}),
        modifier("stat", "staterror", [2.0, 0.0]),
        modifier("lumi", "lumi"),
    ]
    second = [
        modifier("hs", "histosys", shape),
        modifier("both", "histosys", shape),
        modifier("ss", "shapesys", [2.0, 3.0]),
        modifier("sf", "shapefactor"),
    ]
    control = [
        modifier("sf", "shapefactor"),
        modifier("ns", "normsys", {"lo": 0.95, "hi": 1.1}),
        modifier("k", "normfactor"),
    ]
    signal = [modifier("mu", "normfactor"), modifier("lumi", "lumi")]
    named = [entry["name"] for entry in parameters]
    return {
        "channels": [
            {
                "name": "A",
                "samples": [
                    {"name": "signal", "data": [3.0, 5.0], "modifiers": signal},
                    {"name": "first", "data": [30.0, 25.0], "modifiers": first},
                    {"name": "second", "data": [10.0, 12.0], "modifiers": second},
                ],
            },
            {"name": "B", "samples": [{"name": "second", "data": [100.0, 50.0], "modifiers": control}]},
        ],
        "observations": [{"name": "A", "data": [45.0, 40.0]}, {"name": "B", "data": [101.0, 55.0]}],
        "measurements": [
            {
                "name": "m",
                "config": {"poi": "mu", "parameters": [*parameters, *([] if "lumi" in named else [LUMI])]},
            }
        ],
        "version": "1.0.0",
    }


def same(ours: hepnb.Model, theirs: Any, data: Any) -> None:
    assert list(ours.parameter_names) == list(theirs.config.par_names)
    np.testing.assert_array_equal(ours.init, theirs.config.suggested_init())
    np.testing.assert_array_equal(ours.bounds, theirs.config.suggested_bounds())
    assert list(ours.fixed) == list(theirs.config.suggested_fixed())
    np.testing.assert_allclose(ours.data[ours.n_bins :], data[ours.n_bins :])
    point = ours.init * np.linspace(0.9, 1.1, ours.n_parameters) + np.where(ours.init == 0, 0.2, 0.0)
    assert ours.logpdf(point, data) == pytest.approx(float(np.ravel(theirs.logpdf(point, data))[0]), rel=1e-9)
    np.testing.assert_allclose(ours.expected_data(point), theirs.expected_data(point), rtol=1e-12)


@pytest.mark.parametrize("name", SIZES)
def test_settings_are_taken_or_refused_as_pyhf_does(name: str) -> None:
    taken = 0
    choices = [*combinations(SETTINGS, 1), ("inits", "bounds", "fixed"), tuple(SETTINGS)]
    for keys in choices:
        setting = dict(LUMI) if name == "lumi" else {"name": name}
        for key in keys:
            value = SETTINGS[key]
            setting[key] = value if key == "fixed" else value[: SIZES[name]]
        content = spec(setting)
        try:
            workspace = pyhf.Workspace(content, validate=False)
            theirs = workspace.model(validate=False)
        except pyhf.exceptions.InvalidModel:
            with pytest.raises(HepnbError, match=rf"'{name}'.* has no|has no .*Remove"):
                hepnb.Model(content)
            continue
        same(hepnb.Model(content), theirs, np.array(workspace.data(theirs)))
        taken += 1
    # Every parameter takes at least inits, bounds and fixed, alone and together.
    assert taken >= 4


@pytest.mark.parametrize("codes", [None, ("code1", "code0"), ("code4", "code2")])
def test_a_pyhf_model_brings_its_codes_and_settings(codes: tuple[str, str] | None) -> None:
    content = spec({"name": "sf", "fixed": True, "inits": [1.1, 0.9]}, {"name": "ns", "auxdata": [0.4]})
    options: dict[str, Any] = {}
    if codes:
        options["modifier_settings"] = {
            "normsys": {"interpcode": codes[0]},
            "histosys": {"interpcode": codes[1]},
        }
    theirs = pyhf.Workspace(content).model(**options)
    ours = hepnb.Model(theirs)
    same(ours, theirs, np.array(pyhf.Workspace(content).data(theirs)))
    normsys, histosys = codes or ("code4", "code4p")
    assert ours.interpolation == {"normsys": normsys, "histosys": histosys}
    assert hepnb.Model(theirs, interpolation="legacy").interpolation["histosys"] == "code0"


def test_a_pyhf_model_without_a_poi() -> None:
    theirs = pyhf.Workspace(spec()).model(poi_name=None)
    ours = hepnb.Model(theirs)
    assert ours.poi_name is None
    with pytest.raises(ModelError, match="has no POI, so there is nothing to test"):
        hepnb.hypotest(1.0, None, ours)


def test_a_pyhf_model_that_clips_is_refused() -> None:
    theirs = pyhf.Workspace(spec()).model(clip_bin_data=0.0)
    with pytest.raises(ModelError, match=r"clip_bin_data=0.0, which hepnb does not know"):
        hepnb.Model(theirs)


def test_one_of_several_measurements() -> None:
    content = spec({"name": "ns", "fixed": True})
    other = spec({"name": "hs", "inits": [0.3]})["measurements"][0]
    content["measurements"].append({**other, "name": "other", "config": {**other["config"], "poi": "k"}})
    for name in ("m", "other"):
        workspace = pyhf.Workspace(content)
        theirs = workspace.model(measurement_name=name)
        ours = hepnb.Model(workspace, measurement=name)
        same(ours, theirs, np.array(workspace.data(theirs)))
        assert ours.poi_name == theirs.config.poi_name
        assert ours.measurement == name


def test_every_way_to_give_a_patch(tmp_path: Any) -> None:
    operations = [{"op": "replace", "path": "/channels/0/samples/0/data", "value": [4.0, 7.0]}]
    file = tmp_path / "patch.json"
    file.write_text('[{"op": "replace", "path": "/channels/0/samples/0/data", "value": [4.0, 7.0]}]')
    patch = pyhf.PatchSet(
        {
            "metadata": {
                "references": {"hepdata": "ins1234567"},
                "digests": {"sha256": pyhf.utils.digest(spec())},
                "labels": ["x"],
                "description": "none",
            },
            "patches": [{"metadata": {"name": "only", "values": [1]}, "patch": operations}],
            "version": "1.0.0",
        }
    )
    expected = pyhf.Workspace(spec()).model(patches=[operations]).expected_data(hepnb.Model(spec()).init)
    for given in (operations, file, patch["only"]):
        model = hepnb.Model(spec(), patches=[given])
        np.testing.assert_allclose(model.expected_data(model.init), expected, rtol=1e-12)
    single = hepnb.Model(spec(), patches=file)
    np.testing.assert_allclose(single.expected_data(single.init), expected, rtol=1e-12)
