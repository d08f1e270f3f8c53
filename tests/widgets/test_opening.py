"""A path, a patch and a choice of signals open a workspace in the panels."""

from __future__ import annotations

import json

import numpy as np
import pytest

import hepnb
from hepnb.errors import WorkspaceError
from hepnb.widgets.toolkit.opening import Opened
from hepnb.workspace.likelihoods import digest

BACKGROUND = {
    "channels": [
        {
            "name": "SR",
            "samples": [
                {
                    "name": "bkg",
                    "data": [50.0, 52.0],
                    "modifiers": [{"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}],
                }
            ],
        }
    ],
    "observations": [{"name": "SR", "data": [51, 48]}],
    "measurements": [{"name": "m", "config": {"poi": "mu_SIG", "parameters": []}}],
    "version": "1.0.0",
}


def signal(size):
    factor = {"name": "mu_SIG", "type": "normfactor", "data": None}
    sample = {"name": "signal", "data": [size, size / 2], "modifiers": [factor]}
    return [{"op": "add", "path": "/channels/0/samples/0", "value": sample}]


@pytest.fixture
def folder(tmp_path):
    patches = [
        {"metadata": {"name": f"m{mass}", "values": [mass]}, "patch": signal(size)}
        for mass, size in ((300, 20.0), (400, 10.0))
    ]
    metadata = {
        "references": {"hepdata": "ins1234567"}, "description": "signals", "labels": ["mass"],
        "digests": {"sha256": digest(BACKGROUND)},
    }  # fmt: skip
    files = {
        "background.json": BACKGROUND,
        "patch.m300.json": signal(20.0),
        "patch.m400.json": signal(10.0),
        "patchset.json": {"metadata": metadata, "patches": patches, "version": "1.0.0"},
    }
    for name, document in files.items():
        (tmp_path / name).write_text(json.dumps(document))
    return tmp_path


def run_code(code):
    namespace = {}
    exec(code, namespace)
    return namespace


def test_background_and_patch_give_a_limit(folder):
    band = hepnb.BrazilBand(mu_max=3.0, n_points=9)
    opener = band._opener
    opener.path.value = str(folder / "background.json")
    assert "'mu_SIG' does not exist" in band.error
    opener.patch.value = str(folder / "patch.m300.json")
    assert band.error == ""
    limits = band.run(wait=True)
    patched = hepnb.Model(BACKGROUND, patches=[signal(20.0)])
    assert limits.observed == pytest.approx(hepnb.upper_limit(None, patched).observed, rel=1e-9)
    code = band.to_code()
    assert "background.json" in code
    assert "patch.m300.json" in code
    assert run_code(code)["limit"].observed == pytest.approx(limits.observed, rel=1e-9)


@pytest.mark.parametrize("patch", ["patchset.json", "patch.*.json"])
def test_of_several_signals_one_is_chosen(folder, patch):
    panel = hepnb.FitPanel()
    opener = panel._opener
    opener.patch.value = str(folder / patch)
    assert panel.error == ""
    opener.path.value = str(folder / "background.json")
    assert panel.model is None
    assert opener.signal.layout.display is None
    name = next(value for _, value in opener.signal.options if "m400" in value)
    opener.signal.value = name
    assert panel.error == ""
    fitted = panel.fit()
    wanted = hepnb.fit(None, hepnb.Model(BACKGROUND, patches=[signal(10.0)]))
    np.testing.assert_allclose(fitted.bestfit, wanted.bestfit, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(
        run_code(panel.to_code())["best"].bestfit, fitted.bestfit, rtol=1e-9, atol=1e-12
    )


def test_a_background_alone_is_fitted_without_a_poi(folder):
    panel = hepnb.FitPanel()
    panel._opener.path.value = str(folder / "background.json")
    assert panel.error == ""
    assert panel.model.poi_name is None
    assert panel.fit().labels == ("norm",)
    assert run_code(panel.to_code())["best"]["norm"] == panel.result["norm"]
    panel._opener.patch.value = str(folder / "patchset.json")
    first, second = (value for _, value in panel._opener.signal.options if value.startswith("m"))
    panel._opener.signal.value = first
    assert panel.model.poi_name == "mu_SIG"
    panel._opener.signal.value = second
    assert panel.workspace.spec["channels"][0]["samples"][0]["data"] == [10.0, 5.0]
    alone = next(value for words, value in panel._opener.signal.options if words == "background alone")
    panel._opener.signal.value = alone
    assert panel.model.poi_name is None


def test_an_archive_has_regions_and_signals(folder):
    import zipfile

    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        for region in ("SRA", "SRB"):
            other = json.loads(json.dumps(BACKGROUND))
            other["observations"][0]["data"] = [60, 50] if region == "SRB" else [51, 48]
            archive.writestr(f"{region}/background.json", json.dumps(other))
            archive.writestr(f"{region}/patch.m300.json", json.dumps(signal(20.0)))
    panel = hepnb.FitPanel()
    opener = panel._opener
    opener.path.value = str(folder / "all.zip")
    assert panel.error == ""
    opener.signal.value = opener.signal.options[-1][1]
    assert "regions have it" in panel.error
    opener.region.value = "SRB"
    assert panel.error == ""
    assert panel.workspace.observed["SR"] == [60, 50]


def test_what_cannot_be_opened_is_said_and_the_last_workspace_stays(folder):
    panel = hepnb.FitPanel()
    panel._opener.path.value = str(folder / "background.json")
    before = panel.workspace
    panel._opener.path.value = str(folder / "nothing.json")
    assert "nothing.json" in panel.error
    assert panel.workspace is before
    panel._opener.path.value = str(folder / "background.json")
    assert panel.error == ""
    panel._opener.patch.value = str(folder / "none.*.json")
    assert panel.error
    with pytest.raises(WorkspaceError, match="no signal 'm500'"):
        Opened(str(folder / "background.json"), str(folder / "patchset.json")).choose("m500")
