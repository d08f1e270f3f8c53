from __future__ import annotations

import numpy as np
import pytest

import hepnb
from hepnb.errors import HepnbError
from hepnb.figures.steps import step_data
from hepnb.interpolation import CODES
from hepnb.interpolation.response import read_response
from hepnb.widgets import InterpolationExplorer


@pytest.fixture(scope="module")
def path(generated_dir):
    return generated_dir / "likelihoods" / "large.json"


@pytest.fixture(scope="module")
def workspace(path):
    return hepnb.load(path)


def run(panel):
    names = {}
    exec(panel.to_code(), names)
    return names


def typed():
    return InterpolationExplorer(
        templates=([8.0, 9.0, 0.5], [10.0, 10.0, 2.0], [15.0, 12.0, 3.0]), code="code0"
    )


def test_three_histograms_and_the_source_notebooks_numbers():
    """pyhf's interpolation notebook: down 8, nominal 10, up 15 with 50 alphas; the first deltas it prints."""
    explorer = InterpolationExplorer(templates=([8], [10], [15]), code="code0")
    deltas = []
    for alpha in np.linspace(-1, 1, 50)[:5]:
        explorer.alpha = alpha
        deltas.append(float(explorer.result[0]) - 10)
    assert np.allclose(deltas, [-2.0, -1.91836735, -1.83673469, -1.75510204, -1.67346939], atol=5e-9)


def test_they_can_be_typed_in():
    explorer = InterpolationExplorer(code="legacy")
    for name, text in (("down", "8, 9"), ("nominal", "10 10"), ("up", "[15, 12]")):
        explorer._controls.templates[name].value = text
    assert explorer.error == ""
    assert explorer.templates == ((8.0, 9.0), (10.0, 10.0), (15.0, 12.0))
    explorer._controls.slider.value = 0.5
    assert explorer.result.tolist() == [12.5, 11.0]
    explorer._controls.templates["up"].value = "15, twelve"
    assert explorer.error == "'15, twelve' is not a list of numbers. Write them as 8, 9.5, 10."
    explorer._controls.templates["up"].value = "15"
    assert (
        explorer.error == "down, nominal and up have 2, 2, 1 bins. Give them the same number, at least one."
    )
    assert explorer.result.tolist() == [12.5, 11.0]


def test_a_workspace_opens_on_the_first_systematic(workspace):
    explorer = InterpolationExplorer(workspace=workspace)
    assert explorer.error == ""
    assert explorer.channel in workspace.channels
    response = read_response(workspace, explorer.channel, explorer.sample, explorer.systematic)
    assert explorer.result.tolist() == response.nominal.tolist()
    explorer.alpha = 0.8
    assert explorer.result.tolist() == response.at(0.8, "pyhf").tolist()
    explorer.code = "root"
    assert explorer.result.tolist() == response.at(0.8, "root").tolist()


def test_a_path_will_do_and_the_code_names_it(path):
    explorer = InterpolationExplorer(workspace=str(path), alpha=-1.5)
    assert f"hepnb.load({str(path)!r})" in explorer.to_code()
    assert run(explorer)["interpolated"].tolist() == explorer.result.tolist()


def test_the_code_of_a_small_workspace_and_of_typed_histograms():
    made = hepnb.workspace.correlated_background([5.0, 6.0], [50.0, 60.0], [55.0, 63.0], [46.0, 56.0])
    for explorer in (InterpolationExplorer(workspace=made, alpha=1.2), typed()):
        assert run(explorer)["interpolated"].tolist() == explorer.result.tolist()


def test_the_picture_follows_the_slider_without_text(monkeypatch):
    explorer = typed()
    monkeypatch.setattr(explorer.live, "restructure", lambda draw: pytest.fail("text was drawn"))
    before = explorer.live.frames
    for alpha in (0.5, -1.0, 2.5):
        explorer._controls.slider.value = alpha
        left, right = explorer._picture._artists
        assert step_data(left.between)[0].tolist() == explorer.result.tolist()
        assert right.marker.get_data()[1] == [explorer.result.sum()]
        assert right.cursor.get_xdata() == [alpha, alpha]
    assert explorer.live.frames == before + 3


def test_every_code_is_drawn_with_the_kinks_of_the_one_in_use(workspace):
    explorer = InterpolationExplorer(workspace=workspace, code="code4p")
    right = explorer.figure.axes[2]
    labels = [line.get_label() for line in right.lines]
    assert set(CODES) <= set(labels)
    kinks = next(line for line in right.lines if line.get_label() == "kinks of code4p")
    assert list(kinks.get_xdata()) == [-1.0, 1.0]


def test_negative_yields_are_named():
    explorer = typed()
    assert "Negative yield in these templates: bin 3 for α below -1.35" in explorer._controls.words.value
    assert "Negative now" not in explorer._controls.words.value
    explorer.alpha = -2.0
    assert explorer.result[2] < 0
    assert "<b>Negative now: bin 3.</b>" in explorer._controls.words.value
    explorer.code = "code1"
    assert explorer._controls.words.value == ""


def test_names_are_not_taken_for_html():
    spec = hepnb.workspace.correlated_background([5.0], [1.0], [5.0], [0.1]).spec
    spec = __import__("copy").deepcopy(spec)
    spec["channels"][0]["samples"][1]["name"] = "<img src=x>"
    explorer = InterpolationExplorer(workspace=spec)
    assert "&lt;img src=x&gt;" in explorer._controls.words.value


def test_the_table_lists_the_systematics_of_the_sample(workspace):
    explorer = InterpolationExplorer(workspace=workspace)
    rows = explorer._controls.table.rows
    assert [row["id"] for row in rows] == list(explorer._responses)
    response = explorer._responses[explorer.systematic]
    row = next(row for row in rows if row["id"] == explorer.systematic)
    assert row["up"] == pytest.approx(100 * (response.up.sum() / response.nominal.sum() - 1))
    assert explorer._controls.table.selected == [explorer.systematic]


def test_each_nuisance_has_its_own_slider(workspace):
    explorer = InterpolationExplorer(workspace=workspace)
    first, second = list(explorer._responses)[:2]
    explorer.alpha = 1.0
    explorer._controls.table.edit(second, "alpha", -0.5)
    assert (explorer.systematic, explorer.alpha) == (second, -0.5)
    assert explorer._controls.slider.value == -0.5
    explorer._controls.table.selected = [first]
    assert (explorer.systematic, explorer.alpha) == (first, 1.0)
    assert explorer._controls.table.row(second)["alpha"] == -0.5


def test_another_channel_or_sample_keeps_the_systematic_where_it_can(workspace):
    explorer = InterpolationExplorer(workspace=workspace)
    for channel in workspace.channels:
        explorer.channel = channel
        assert explorer.error == ""
        for sample in explorer._samples_of(channel):
            explorer._controls.choices["sample"].value = sample
            assert explorer.sample == sample
            assert explorer.error == ""
            if explorer.systematic:
                assert explorer.systematic in explorer._responses


def test_what_is_not_there_is_refused_with_the_nearest(workspace):
    explorer = InterpolationExplorer(workspace=workspace)
    with pytest.raises(HepnbError, match=r"no code 'code3'. Did you mean"):
        explorer.code = "code3"
    with pytest.raises(HepnbError, match=r"no channel "):
        explorer.channel = "nowhere"
    with pytest.raises(HepnbError, match="alpha = 4 is outside the slider's range"):
        explorer.alpha = 4.0


def test_a_workspace_replaces_typed_histograms_and_the_other_way_round(workspace):
    explorer = typed()
    explorer.workspace = workspace
    assert explorer.templates is None
    assert explorer.systematic
    explorer.templates = ([1.0], [2.0], [3.0])
    assert explorer.workspace is None
    assert explorer._controls.table.rows == []
    assert explorer.result.tolist() == [2.0]


def test_a_missing_file_is_said_in_the_panel(tmp_path):
    explorer = typed()
    explorer._controls.file.value = str(tmp_path / "none.json")
    assert "none.json" in explorer.error
    assert explorer.templates is not None


def test_nothing_to_show():
    explorer = InterpolationExplorer()
    with pytest.raises(HepnbError, match="open a workspace, or write three histograms"):
        explorer.to_code()
    assert explorer.table() == []
    signal_only = hepnb.workspace.uncorrelated_background([5.0], [50.0], [7.0])
    explorer.workspace = signal_only
    assert explorer.error == ""
    assert explorer._controls.words.value == "No normsys or histosys acts on this sample."


def test_the_edges_of_a_built_workspace_are_on_the_axis(generated_dir):
    directory = generated_dir / "multisample"
    data, prediction = (hepnb.open(directory / name) for name in ("data.root", "prediction.root"))
    built = hepnb.build(
        [hepnb.Channel("SR", "jet_pt", [200, 300, 400, 600], "lep_charge > 0", "jet pT [GeV]")],
        [
            hepnb.Sample("data", "data", data["pseudodata"]),
            hepnb.Sample("signal", "signal", prediction["signal"], weight="weight", normfactor="mu"),
            hepnb.Sample("background", source=prediction["background"], weight="weight"),
        ],
        [hepnb.Systematic("Modeling", "tree", up=prediction["background_varied"], samples="background")],
    )
    explorer = InterpolationExplorer(workspace=built)
    assert (explorer.sample, explorer.systematic) == ("background", "Modeling")
    assert explorer.figure.axes[0].get_xlim() == (200.0, 600.0)
    assert explorer.figure.axes[1].get_xlabel() == "jet pT [GeV]"
    rows = explorer.table()
    assert [row["interpolated"] for row in rows] == explorer.result.tolist()
