"""The limit panel tests many signals: limits against mass, contours, local p-values."""

from __future__ import annotations

import json

import numpy as np
import pytest

import hepnb
from hepnb.errors import HepnbError
from hepnb.widgets.brazil_band import signals as signals_module
from hepnb.widgets.brazil_band.signal_grid import axes_of
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
    "observations": [{"name": "SR", "data": [61, 58]}],
    "measurements": [{"name": "m", "config": {"poi": "mu_SIG", "parameters": []}}],
    "version": "1.0.0",
}
PLANE = {(a, b): 60.0 * np.exp(-(a - 300) / 150 - b / 300) for a in (300, 400, 500) for b in (0, 100)}
LINE = {(a,): 60.0 * np.exp(-(a - 300) / 150) for a in (300, 400, 500)}


def signal(size):
    factor = {"name": "mu_SIG", "type": "normfactor", "data": None}
    sample = {"name": "signal", "data": [size, size / 2], "modifiers": [factor]}
    return [{"op": "add", "path": "/channels/0/samples/0", "value": sample}]


def patch_set(sizes, labels):
    metadata = {
        "references": {"hepdata": "ins1234567"}, "description": "signals", "labels": list(labels),
        "digests": {"sha256": digest(BACKGROUND)},
    }  # fmt: skip
    patches = [
        {"metadata": {"name": "_".join(["s", *map(str, values)]), "values": list(values)}, "patch": signal(s)}
        for values, s in sizes.items()
    ]
    return {"metadata": metadata, "patches": patches, "version": "1.0.0"}


@pytest.fixture
def folder(tmp_path):
    files = {
        "background.json": BACKGROUND,
        "plane.json": patch_set(PLANE, ("m_g", "m_X")),
        "line.json": patch_set(LINE, ("m_g",)),
    }
    for name, document in files.items():
        (tmp_path / name).write_text(json.dumps(document))
    return tmp_path


def run_signals(folder, patches="plane.json", **inputs):
    panel = hepnb.BrazilBand(
        workspace=str(folder / "background.json"), signals=str(folder / patches), **inputs
    )
    assert panel.error == ""
    assert panel.view == "signals"
    panel.run(wait=True)
    assert panel.error == ""
    return panel


def alike(found, expected):
    assert found.names == expected.names
    for name in ("coordinates", "CLs_obs", "CLs_exp", "observed", "expected", "p0", "p0_exp"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-9)


def run_code(code):
    namespace = {}
    exec(code, namespace)
    return namespace


def test_the_panel_finds_what_the_library_finds(folder):
    panel = run_signals(folder, cl=0.9, test_stat="q", held={"norm": 0.5})
    expected = hepnb.limit_grid(
        folder / "background.json", folder / "plane.json", cl=0.9, test_stat="q", fixed={"norm": 0.5},
        discovery=True,
    )  # fmt: skip
    alike(panel.grid, expected)
    assert panel.table()[0] == expected.table()[0]
    assert panel._headline()[0] == f"{int(expected.excluded.sum())} of 6 signals excluded at 90 % CL"
    space = run_code(panel.to_code())
    alike(space["grid"], expected)


def test_its_codes_and_measurement_are_those_of_its_model(folder):
    model = hepnb.Model(str(folder / "background.json"), poi="", interpolation="legacy")
    panel = hepnb.BrazilBand(model=model, signals=patch_set(LINE, ["m"]))
    panel.run(wait=True)
    expected = hepnb.limit_grid(
        model.workspace, patch_set(LINE, ["m"]), model={"interpolation": "legacy"}, discovery=True
    )
    alike(panel.grid, expected)
    space = run_code(panel.to_code())  # the patches are written out
    alike(space["grid"], expected)
    assert space["grid"].labels == ("m",)


def test_the_pictures(folder):
    panel = run_signals(folder)
    axes = panel.figure.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("m_g", "m_X")
    panel.view = "p0"
    # Two signals lie at each place of the first coordinate: the picture needs another, and says so.
    assert "signals lie at" in panel.error
    panel.view = "signals"
    assert panel.error == ""
    line = run_signals(folder, "line.json", log_y=True)
    axes = line.figure.axes[0]
    assert axes.get_yscale() == "log"
    assert axes.get_ylabel() == "Upper limit on the signal strength"
    line.cross_section = {f"s_{mass}": 2.0 for mass in (300, 400, 500)}
    assert line.figure.axes[0].get_ylabel() == "Upper limit on the cross-section"
    line.view = "p0"
    assert line.figure.axes[0].get_ylabel() == "Local p-value"
    assert line.error == ""


def test_a_cross_section_that_is_missing_or_wrong_is_said(folder):
    line = run_signals(folder, "line.json")
    line.cross_section = {"s_300": 1.0}
    assert "'s_400' has no cross-section" in line.error
    with pytest.raises(HepnbError, match="s_300"):
        line.cross_section = {"s_300": -1.0}


def test_other_settings_make_the_picture_stale(folder):
    panel = run_signals(folder, "line.json")
    for name, value in (("cl", 0.9), ("test_stat", "q"), ("held", {"norm": 0.1})):
        before = getattr(panel, name)
        setattr(panel, name, value)
        assert panel.state == "stale", name
        setattr(panel, name, before)
        assert panel.state == "current", name
    panel.signals = str(folder / "plane.json")
    assert panel.state == "stale"
    panel.run(wait=True)
    assert panel.state == "current"
    assert len(panel.grid) == 6


@pytest.mark.parametrize(("name", "value"), [("luminosity", 2.0), ("n_toys", 100), ("data", [60.0, 50.0])])
def test_what_a_grid_does_not_do_is_refused(folder, name, value):
    panel = run_signals(folder, "line.json")
    setattr(panel, name, value)
    panel.run(wait=True)
    assert "limits on many signals are" in panel.error


def test_wrong_signals_are_refused_where_they_are_given(folder):
    panel = hepnb.BrazilBand(workspace=str(folder / "background.json"))
    with pytest.raises(HepnbError, match="none"):
        panel.signals = str(folder / "none.json")
    panel.view = "signals"
    panel.run(wait=True)
    assert "no signals to test" in panel.error
    panel.view = "limit"
    panel.run(wait=True)
    assert "mu_SIG" in panel.error


def test_a_run_that_is_stopped_keeps_the_signals_that_it_has(folder, monkeypatch):
    find = signals_module.limit_grid

    def stops(*args, partial, **options):
        def after_two(grid):
            partial(grid)
            if np.isfinite(grid.CLs_obs).sum() == 2:
                panel.cancel()

        return find(*args, partial=after_two, **options)

    monkeypatch.setattr(signals_module, "limit_grid", stops)
    panel = hepnb.BrazilBand(workspace=str(folder / "background.json"), signals=str(folder / "line.json"))
    panel.run(wait=True)
    assert panel.grid.cancelled
    assert 0 < np.isfinite(panel.grid.CLs_obs).sum() < 3
    assert any(line.startswith("not reached") for line in panel._headline())
    assert not panel.running


def test_partial_pictures_do_not_change_while_they_are_drawn(folder, monkeypatch):
    seen = []
    monkeypatch.setattr(signals_module, "_PAUSE", 0.0)
    copy = signals_module.copy_of
    monkeypatch.setattr(signals_module, "copy_of", lambda grid: seen.append(copy(grid)) or seen[-1])
    panel = run_signals(folder, "line.json")
    counts = [int(np.isfinite(grid.CLs_obs).sum()) for grid in seen]
    assert counts == [1, 2, 3]
    assert panel._grid_partial is None


def test_files(folder, tmp_path):
    panel = run_signals(folder, "line.json")
    document = json.loads(panel.export(tmp_path / "a.json").read_text())
    assert [row["limit_obs"] for row in document["signals"]] == pytest.approx(panel.grid.observed.tolist())
    assert panel.export(tmp_path / "a.csv").read_text().splitlines()[0].startswith("name,m_g,status")
    written = {path.name for path in panel.save(tmp_path / "paper")}
    assert {"signals.pdf", "signals.png", "signals.csv", "code.py", "versions.json"} <= written
    with pytest.raises(HepnbError, match=r"a\.txt"):
        panel.export(tmp_path / "a.txt")


def test_every_signal_by_the_boxes(folder):
    """Path, patch set, every signal, Run."""
    panel = hepnb.BrazilBand()
    panel._opener.path.value = str(folder / "background.json")
    panel._opener.patch.value = str(folder / "plane.json")
    panel._opener.signal.label = "every signal"
    assert (panel.view, panel.signals) == ("signals", str(folder / "plane.json"))
    panel._controls.run.click()
    panel.flush()
    assert panel.error == ""
    assert panel._controls.axes["y"].options[1:] == (("m_g",) * 2, ("m_X",) * 2)
    panel._controls.axes["x"].value = "m_X"
    panel._controls.axes["y"].value = "m_g"
    assert panel.figure.axes[0].get_xlabel() == "m_X"
    # One signal again, with the limit that the grid has.
    panel._opener.signal.value = "s_400_100"
    panel.view = "limit"
    limits = panel.run(wait=True)
    assert limits.observed == pytest.approx(hepnb.upper_limit(None, panel.model).observed)


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([(1, 60), (2, 60), (3, 60)], ("a", "")),
        ([(1, 1), (2, 2), (3, 3)], ("a", "")),
        ([(1, 5), (2, 5), (1, 7)], ("a", "b")),
        ([(1, 5, 60), (2, 5, 60), (1, 7, 60)], ("a", "b")),
        ([(60, 1, 5), (60, 2, 5), (60, 1, 7)], ("b", "c")),
    ],
)
def test_the_coordinates_that_suit(folder, places, expected):
    coordinates = {f"p{k}": place for k, place in enumerate(places)}
    grid = hepnb.limit_grid(
        BACKGROUND, {name: signal(10.0) for name in coordinates}, coordinates=coordinates,
        labels="abc"[: len(places[0])], limits=False,
    )  # fmt: skip
    assert axes_of(grid) == expected
