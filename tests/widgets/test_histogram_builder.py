from __future__ import annotations

import hist
import numpy as np
import pytest
from matplotlib.text import Text

import hepnb
from hepnb.errors import HepnbError
from hepnb.figures.steps import step_data
from hepnb.widgets import HistogramBuilder


@pytest.fixture(scope="module")
def tree(generated_dir):
    return hepnb.open(generated_dir / "pairs.root")["events"]


@pytest.fixture(scope="module")
def files(generated_dir):
    directory = generated_dir / "multisample"
    return hepnb.open(directory / "data.root"), hepnb.open(directory / "prediction.root")


@pytest.fixture(scope="module")
def analysis(files):
    """The analysis of the generated configuration config_ntuples.yml."""
    data, prediction = files
    return {
        "channels": (
            hepnb.Channel(
                "Signal_region", "jet_pt", [200, 300, 400, 500, 600], "lep_charge > 0", "jet pT [GeV]"
            ),
        ),
        "samples": (
            hepnb.Sample("Data", "data", data["pseudodata"]),
            hepnb.Sample(
                "Signal",
                "signal",
                prediction["signal"],
                weight="weight",
                staterror=False,
                normfactor="Signal_norm",
            ),
            hepnb.Sample("Background", "background", prediction["background"], weight="weight"),
        ),
        "systematics": (
            hepnb.Systematic("Luminosity", "normalization", up=0.05, down=-0.05),
            hepnb.Systematic("Modeling", "tree", up=prediction["background_varied"], samples="Background"),
            hepnb.Systematic(
                "WeightBasedModeling", "weight", up="weight_up", down="0.7*weight", samples="Background"
            ),
        ),
        "poi": "Signal_norm",
    }


def run(panel):
    """Execute the panel's code and give its names back."""
    names = {}
    exec(panel.to_code(), names)
    return names


# -- one histogram


def test_the_histogram_is_the_headless_one(tree):
    builder = HistogramBuilder(tree=tree, expression="M", n_bins=60, range=(60, 120), weight="pt1/40")
    assert builder.error == ""
    assert builder.histogram == tree.hist("M", (60, 60, 120), weight="pt1/40")
    assert builder.result is builder.histogram
    assert step_data(builder._picture._artists.steps[0])[0].tolist() == builder.histogram.values().tolist()
    assert run(builder)["histogram"] == builder.histogram


def test_the_range_comes_from_the_values_where_it_is_not_given(tree):
    builder = HistogramBuilder(tree=tree, expression="sqrt(px1**2 + py1**2)", n_bins=40)
    # All values, with round ends.
    low, high = builder.histogram.axes[0].edges[[0, -1]]
    assert (low, high) == (0, 165)
    assert builder.histogram == tree.hist("sqrt(px1**2 + py1**2)", (40, 0, 165))
    assert run(builder)["histogram"] == builder.histogram
    builder.range = (0, 50)
    assert builder.histogram == tree.hist("sqrt(px1**2 + py1**2)", (40, 0, 50))


@pytest.mark.parametrize("bins", [[60, 80, 90, 100, 120], "auto", ("log", 20, 10, 200)])
def test_other_bins(tree, bins):
    builder = HistogramBuilder(tree=tree, expression="M", bins=bins)
    expected = tree.hist("M", bins)
    assert builder.histogram.axes[0].edges.tolist() == expected.axes[0].edges.tolist()
    assert builder.histogram.values().tolist() == expected.values().tolist()
    assert run(builder)["histogram"] == builder.histogram


def test_bins_can_be_typed(tree):
    builder = HistogramBuilder(tree=tree, expression="M")
    builder._controls.edges.value = "60, 80, 120"
    assert builder.histogram == tree.hist("M", [60, 80, 120])
    builder._controls.edges.value = "sixty"
    assert builder.error.startswith("bins 'sixty': write edges as 200, 300, 600")
    builder._controls.edges.value = ""
    assert builder.error == ""
    assert builder.histogram.axes[0].size == builder.n_bins


def test_dragging_the_bins_ends_at_the_headless_histogram(tree):
    builder = HistogramBuilder(tree=tree, expression="M", n_bins=60, range=(60, 120))
    slider = builder._controls.n_bins
    for n in (61, 64, 75, 100, 37):
        slider.value = n
        assert builder.n_bins == n
        assert builder.histogram == tree.hist("M", (n, 60, 120))
    assert step_data(builder._picture._artists.steps[0])[0].size == 37


def test_while_it_is_dragged_only_artists_move(tree, monkeypatch):
    """Neighbouring numbers of bins: no text is drawn, no event is read, and each step is a frame."""
    builder = HistogramBuilder(tree=tree, expression="M", n_bins=60, range=(60, 120))
    monkeypatch.setattr(builder, "_settle", lambda move: None)
    builder._controls.n_bins.value = 61
    monkeypatch.setattr(
        "hepnb.events.sources.root_tree.check_unchanged", lambda *_: pytest.fail("a column was asked for")
    )
    monkeypatch.setattr(builder.live, "restructure", lambda draw: pytest.fail("text was drawn"))
    before = builder.live.frames
    for n in range(62, 70):
        builder._controls.n_bins.value = n
    assert builder.error == ""
    assert builder.live.frames == before + 8
    drawn = step_data(builder._picture._artists.steps[0])[0]
    monkeypatch.undo()
    assert drawn.tolist() == tree.hist("M", (69, 60, 120)).values().tolist()


def test_a_cut_on_the_slider(tree):
    builder = HistogramBuilder(
        tree=tree, expression="M", n_bins=60, range=(60, 120), cut="Q1*Q2 < 0", cut_variable="pt1"
    )
    slider = builder._controls.cut_value
    assert not slider.disabled
    assert (slider.min, slider.step) == (0.0, 2.0)
    slider.value = 30.0
    expected = tree.hist("M", (60, 60, 120), cut="(Q1*Q2 < 0) & (pt1 >= 30.0)")
    assert builder.histogram == expected
    assert run(builder)["histogram"] == expected
    builder.cut_side = "<"
    assert builder.histogram == tree.hist("M", (60, 60, 120), cut="(Q1*Q2 < 0) & (pt1 < 30.0)")
    builder._controls.no_cut.click()
    assert builder.cut_value is None
    assert builder.histogram == tree.hist("M", (60, 60, 120), cut="Q1*Q2 < 0")


def test_the_slider_can_cut_on_a_formula(tree):
    builder = HistogramBuilder(tree=tree, expression="M", range=(60, 120), cut_variable="abs(eta1)")
    builder._controls.cut_value.value = 1.0
    assert builder.histogram == tree.hist("M", (50, 60, 120), cut="(abs(eta1)) >= 1.0")


def test_dragging_goes_on_with_many_bins(tree):
    builder = HistogramBuilder(tree=tree, expression="M", n_bins=500, range=(60, 120), cut_variable="pt1")
    assert builder._controls.n_bins.max == 500
    builder._controls.cut_value.value = 40.0
    assert builder.histogram == tree.hist("M", (500, 60, 120), cut="pt1 >= 40.0")


def test_the_log_axis_keeps_the_numbers(tree):
    builder = HistogramBuilder(tree=tree, expression="M", log_y=True)
    before = builder.histogram
    assert builder.figure.axes[0].get_yscale() == "log"
    builder._controls.log_y.value = False
    assert builder.figure.axes[0].get_yscale() == "linear"
    assert builder.histogram is before


def test_the_table_is_the_histogram(tree):
    builder = HistogramBuilder(tree=tree, expression="M", n_bins=3, range=(60, 120))
    values, errors = builder.histogram.values(), np.sqrt(builder.histogram.variances())
    assert builder.table() == [
        {"low": 60.0 + 20 * i, "high": 80.0 + 20 * i, "value": values[i], "error": errors[i]}
        for i in range(3)
    ]


def test_errors_are_in_words_and_the_last_good_picture_stays(tree):
    builder = HistogramBuilder(tree=tree, expression="M", range=(60, 120))
    good, picture = builder.histogram, builder.live.png
    for name, value, words in [
        ("expression", "mass", "no branch 'mass'"),
        ("expression", "__import__('os')", "__import__"),
        ("cut", "pt1 >", "pt1 >"),
    ]:
        before = getattr(builder, name)
        setattr(builder, name, value)
        assert words in builder.error
        assert builder.histogram is good
        assert builder.live.png == picture
        setattr(builder, name, before)
        assert builder.error == ""
        good, picture = builder.histogram, builder.live.png


def test_where_nothing_passes_an_empty_histogram_is_drawn_with_words(tree):
    builder = HistogramBuilder(tree=tree, expression="M", range=(60, 120), cut="pt1 > 1e9")
    assert builder.error == ""
    assert builder.histogram.sum(flow=True).value == 0
    assert builder.histogram.axes[0].edges[[0, -1]].tolist() == [60, 120]
    assert "no entries pass" in _texts(builder)
    builder.cut = ""
    assert builder.histogram.sum().value > 1000
    assert "no entries pass" not in _texts(builder)
    builder.cut_variable = "pt1"
    builder.cut_value = 1e9
    assert builder.error == ""


def _texts(builder):
    return " ".join(text.get_text() for text in builder.figure.findobj(Text))


def test_a_range_that_is_not_given_is_that_of_all_values_where_none_passes(tree):
    builder = HistogramBuilder(tree=tree, expression="M", cut="pt1 > 1e9")
    whole = HistogramBuilder(tree=tree, expression="M")
    assert builder.histogram.sum(flow=True).value == 0
    np.testing.assert_array_equal(builder.histogram.axes[0].edges, whole.histogram.axes[0].edges)


def test_a_range_the_wrong_way_round(tree):
    builder = HistogramBuilder(tree=tree, expression="M", range=(60, 120))
    with pytest.raises(HepnbError, match=r"range \(5, 1\) is empty"):
        builder.range = (5, 1)
    builder._controls.low.value = "500"
    assert builder.error == "range (500, 120) is empty. Give (low, high) with low below high."
    builder._controls.high.value = "five"
    assert builder.error == "range ('500', 'five') is not two numbers. Give (low, high)."


def test_nothing_is_drawn_before_there_is_something(tree):
    builder = HistogramBuilder()
    with pytest.raises(HepnbError, match="nothing is drawn yet"):
        builder.to_code()
    builder.tree = tree
    assert builder.error == ""
    assert "px1" in builder._controls.expression.options
    assert builder.table() == []


def test_misspelt_inputs_are_refused(tree):
    with pytest.raises(HepnbError, match=r"no input 'nbins'. Did you mean .*'n_bins'"):
        HistogramBuilder(tree=tree, nbins=20)


# -- the analysis


def test_an_analysis_given_by_code_is_built_and_drawn(analysis):
    builder = HistogramBuilder(**analysis)
    assert builder.error == ""
    assert builder.workspace == hepnb.build(*analysis.values())
    assert builder.channel == "Signal_region"
    assert (builder.expression, builder.n_bins, builder.range) == ("jet_pt", 4, (200.0, 600.0))
    artists = builder._picture._artists
    assert list(artists.samples) == ["Background", "Signal"]
    spec = builder.workspace.spec["channels"][0]["samples"]
    total = np.sum([sample["data"] for sample in spec], axis=0)
    assert np.allclose(step_data(artists.total)[0], total, rtol=1e-12)
    assert artists.data.markers.get_ydata().tolist() == builder.workspace.observed["Signal_region"]
    assert builder.figure.axes[1].get_xlabel() == "jet pT [GeV]"


def test_its_code_gives_the_same_workspace(analysis):
    builder = HistogramBuilder(**analysis)
    names = run(builder)
    assert names["workspace"] == builder.workspace
    assert names["histogram"] == builder.histogram


def test_the_tables_hold_the_analysis(analysis):
    builder = HistogramBuilder(**analysis)
    controls = builder._tables
    assert controls.samples.items() == analysis["samples"]
    assert controls.systematics.items() == analysis["systematics"]
    assert controls.channels.items() == analysis["channels"]
    assert [row["source"] for row in controls.samples.table.rows] == [
        "data.root:pseudodata", "prediction.root:signal", "prediction.root:background",
    ]  # fmt: skip


def test_dragging_moves_the_stack(analysis, files):
    builder = HistogramBuilder(**analysis)
    workspace = builder.workspace
    for n in (5, 8, 16, 25):
        builder._controls.n_bins.value = n
    assert builder.error == ""
    data, prediction = files
    background = prediction["background"].hist(
        "jet_pt", (25, 200, 600), cut="lep_charge > 0", weight="weight"
    )
    signal = prediction["signal"].hist("jet_pt", (25, 200, 600), cut="lep_charge > 0", weight="weight")
    artists = builder._picture._artists
    assert np.allclose(step_data(artists.total)[0], background.values() + signal.values())
    assert builder.histogram == data["pseudodata"].hist("jet_pt", (25, 200, 600), cut="lep_charge > 0")
    # Looking at other bins is not changing the analysis.
    assert builder.workspace is workspace


def test_the_whole_analysis_by_hand(files):
    """What a person does: choose trees, add them, write into the tables, save a channel, press the button."""
    data, prediction = files
    builder = HistogramBuilder()
    controls = builder._tables
    for tree in (data["pseudodata"], prediction["signal"], prediction["background"]):
        builder.tree = tree
        controls.samples.add_button.click()
    assert [(sample.name, sample.role, sample.normfactor) for sample in builder.samples] == [
        ("pseudodata", "data", None), ("signal", "signal", "mu"), ("background", "background", None),
    ]  # fmt: skip
    for row in ("sample-2", "sample-3"):
        controls.samples.table.edit(row, "weight", "weight")
    builder._controls.expression.value = "jet_pt"
    builder._controls.cut.value = "lep_charge > 0"
    builder._controls.low.value, builder._controls.high.value = "200", "600"
    builder._controls.n_bins.value = 4
    controls.systematics.add_button.click()
    controls.systematics.table.edit("systematic-1", "name", "Luminosity")
    controls.systematics.add_button.click()
    for key, value in {
        "kind": "tree",
        "up": "prediction.root:background_varied",
        "down": "symmetrise",
    }.items():
        controls.systematics.table.edit("systematic-2", key, value)
    controls.systematics.table.edit("systematic-2", "samples", "background")
    assert builder.error == ""
    controls.channel_name.value = "Signal_region"
    controls.channels.add_button.click()
    assert builder.error == ""
    assert builder.workspace is None
    controls.build.click()
    builder.flush()
    assert builder.error == ""
    modifiers = builder.workspace.modifiers
    assert modifiers["Luminosity"] == ("normsys",)
    assert modifiers["systematic_2"] == ("normsys", "histosys")
    assert builder.workspace.poi == "mu"
    assert builder.workspace.observed == {"Signal_region": [112.0, 112.0, 124.0, 66.0]}
    assert run(builder)["workspace"] == builder.workspace


def test_what_a_person_writes_waits_for_the_button(analysis):
    builder = HistogramBuilder(**analysis)
    before = builder.workspace
    builder._tables.systematics.table.edit("systematic-1", "up", "10%")
    assert builder.systematics[0].up == 0.1
    assert builder.workspace is before
    assert builder._tables.status.value == "Ready: build the workspace again."
    made = builder.build_workspace()
    assert made is builder.workspace
    assert made != before


@pytest.mark.parametrize(
    ("table", "row", "key", "value", "words"),
    [
        ("samples", "sample-2", "scale", "two", "Sample 'Signal': scale 'two' is not a number"),
        ("samples", "sample-2", "source", "nothing.root:tree", "source 'nothing.root:tree' is not known"),
        ("samples", "sample-2", "name", "", "a Sample needs a name"),
        ("systematics", "systematic-1", "up", "five", "'five' is not a relative change. Write 0.05 or 5%."),
        ("systematics", "systematic-3", "up", "", "must be the expression of the varied weight"),
        ("channels", "channel-1", "bins", "4..5", "bins '4..5': write edges as"),
    ],
)
def test_a_wrong_cell_is_said_and_the_analysis_stays(analysis, table, row, key, value, words):
    builder = HistogramBuilder(**analysis)
    getattr(builder._tables, table).table.edit(row, key, value)
    assert words in builder.error
    assert getattr(builder, table) == analysis[table]


def test_a_sample_can_be_taken_away(analysis):
    builder = HistogramBuilder(**analysis)
    table = builder._tables.samples
    table.table.selected = ["sample-2"]
    table.remove_button.click()
    assert [sample.name for sample in builder.samples] == ["Data", "Background"]
    assert builder.build_workspace() is None
    assert "no sample has a norm factor" in builder.error


def test_a_channel_can_be_chosen_and_saved(analysis):
    builder = HistogramBuilder(**analysis)
    builder.n_bins = 8
    builder.save_channel("fine")
    assert builder.channel == "fine"
    assert builder.channels[1].bins == (8, 200.0, 600.0)
    assert builder.channels[1].cut == "lep_charge > 0"
    builder._tables.channel.value = "Signal_region"
    assert builder.n_bins == 4
    with pytest.raises(HepnbError, match=r"no channel 'Fine'. Did you mean 'fine'\?"):
        builder.channel = "Fine"


def test_the_button_builds_what_is_shown(analysis):
    panel = HistogramBuilder(**analysis)
    before = panel.workspace
    panel.press_build()
    panel.flush()
    assert panel.channels == analysis["channels"], "the same edges in other words are no change"
    assert panel.workspace == before
    panel.n_bins = 8
    panel.cut = "lep_charge < 0"
    panel.press_build()
    panel.flush()
    assert panel.error == ""
    assert panel.workspace.channel_bins == {"Signal_region": 8}
    assert panel.channels[0].cut == "lep_charge < 0"
    assert panel.channels[0].label == "jet pT [GeV]"
    assert run(panel)["workspace"] == panel.workspace
    panel.close()


def test_the_view_can_be_switched(analysis, files):
    builder = HistogramBuilder(tree=files[1]["background"], **analysis)
    assert builder.show == "samples"
    builder._controls.show.value = "tree"
    assert builder.histogram == files[1]["background"].hist("jet_pt", (4, 200, 600), cut="lep_charge > 0")


def test_an_incomplete_analysis_says_what_is_missing(tree):
    builder = HistogramBuilder(tree=tree, expression="M")
    assert builder.build_workspace() is None
    assert builder.error == "the analysis has no channel yet. Press 'Save as channel'."
    builder.save_channel("SR")
    assert builder.build_workspace() is None
    assert builder.error == "the analysis has no signal or background yet. Press 'Add sample'."


def test_ready_histograms_make_a_workspace_too():
    axis = hist.axis.Regular(2, 0, 2, label="m [GeV]")

    def ready(*values):
        return hist.Hist(axis, storage=hist.storage.Weight()).fill([0.5, 1.5], weight=values)

    builder = HistogramBuilder(
        channels=[hepnb.Channel("SR", label="m [GeV]")],
        samples=[
            hepnb.Sample("data", "data", ready(51, 48)),
            hepnb.Sample("signal", "signal", ready(12, 11), normfactor="mu", staterror=False),
            hepnb.Sample("background", source=ready(50, 52), scale=1.1),
        ],
    )
    assert builder.error == ""
    assert builder.workspace.observed == {"SR": [51.0, 48.0]}
    assert np.allclose(step_data(builder._picture._artists.total)[0], [67.0, 68.2])
    assert run(builder)["workspace"] == builder.workspace


def test_without_data_the_asimov_set_is_observed(analysis):
    builder = HistogramBuilder(**(analysis | {"samples": analysis["samples"][1:]}))
    assert builder.error == ""
    assert builder.workspace == hepnb.build(
        analysis["channels"],
        analysis["samples"][1:],
        analysis["systematics"],
        "Signal_norm",
        observed="asimov",
    )
    assert run(builder)["workspace"] == builder.workspace


def test_only_the_right_objects_are_taken(tree):
    builder = HistogramBuilder(tree=tree)
    with pytest.raises(HepnbError, match=r"samples takes hepnb.Sample objects, not str"):
        builder.samples = ["ttbar"]
