"""Maps, profiles, overlays and looks of the builder: headless calls, code and drawn artists agree."""

from __future__ import annotations

import itertools

import awkward as ak
import hist
import numpy as np
import pytest
import uproot

import hepnb
from hepnb import Channel, Sample
from hepnb.errors import HepnbError
from hepnb.figures.steps import step_data
from hepnb.widgets import HistogramBuilder
from hepnb.widgets.toolkit.branch_histogram import suitable_bins

N = 400


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    folder = tmp_path_factory.mktemp("builder")
    rng = np.random.default_rng(5)
    for name, shift in (("one", 0.0), ("two", 3.0)):
        counts = rng.integers(0, 4, N)
        x = rng.normal(90 + shift, 5, N)
        with uproot.recreate(folder / f"{name}.root") as file:
            file["t"] = {
                "x": x, "y": 0.5 * x + rng.normal(0, 2, N), "njet": rng.integers(0, 7, N).astype(np.int32),
                "w": rng.uniform(0.5, 1.5, N),
                "kind": ak.Array([("ee", "mm", "em")[i % 3] for i in range(N)]),
                "pt": ak.unflatten(rng.exponential(30, counts.sum()), counts),
                "eta": ak.unflatten(rng.normal(0, 1, counts.sum()), counts),
            }  # fmt: skip
    return tuple(hepnb.open(folder / f"{name}.root")["t"] for name in ("one", "two"))


def run(panel):
    scope = {}
    exec(panel.to_code(), scope)
    return scope


def same(one, other):
    assert [list(axis) for axis in one.axes] == [list(axis) for axis in other.axes]
    np.testing.assert_allclose(one.values(flow=True), other.values(flow=True), rtol=1e-12)
    np.testing.assert_allclose(one.variances(flow=True), other.variances(flow=True), rtol=1e-9)


def artists(figure):
    """Everything that is drawn, as numbers and words."""
    found = []
    for ax in figure.axes:
        steps = [step_data(patch) for patch in ax.patches if hasattr(patch, "get_data")]
        found.append(
            (
                ax.get_xlabel(), ax.get_ylabel(), ax.get_xscale(), ax.get_yscale(), ax.get_xlim(),
                [np.nan_to_num(values).tolist() for values, _ in steps],
                [np.nan_to_num(np.asarray(line.get_ydata(), dtype=float)).tolist() for line in ax.lines],
                [text.get_text() for text in (ax.get_legend().get_texts() if ax.get_legend() else [])],
                [patch.get_facecolor() for patch in ax.patches],
            )
        )  # fmt: skip
    return found


def agrees(panel):
    """The code gives the numbers and the picture of the panel."""
    assert panel.error == ""
    scope = run(panel)
    same(scope["histogram"], panel.histogram)
    drawn, again = artists(panel.figure), artists(scope["figure"])
    assert len(drawn) == len(again)
    for one, other in zip(drawn, again, strict=True):
        assert one[:4] == other[:4]
        assert one[7] == other[7]
        assert one[8] == other[8]
        for mine, yours in zip(one[5] + one[6], other[5] + other[6], strict=True):
            np.testing.assert_allclose(mine, yours, rtol=1e-9, atol=1e-12)
    return scope


# -- bins and elements --------------------------------------------------------------------------------------


def test_whole_numbers_have_a_bin_each_and_the_controls_say_so(trees):
    builder = HistogramBuilder(tree=trees[0], expression="njet")
    assert (builder.n_bins, builder._controls.n_bins.value) == (7, 7)
    same(builder.histogram, trees[0].hist("njet", (7, -0.5, 6.5)))
    assert builder._controls.range_words.value == "auto: -0.5 to 6.5"
    agrees(builder)
    builder.n_bins = 14
    same(builder.histogram, trees[0].hist("njet", (14, -0.5, 6.5)))
    builder.expression = "x"
    number, low, high = suitable_bins(trees[0], "x")
    assert builder.n_bins == number
    same(builder.histogram, trees[0].hist("x", (number, low, high)))


def test_a_number_of_bins_that_was_given_is_kept(trees):
    same(
        HistogramBuilder(tree=trees[0], expression="njet", n_bins=50).histogram,
        trees[0].hist("njet", (50, -0.5, 6.5)),
    )


def test_texts_are_categories(trees):
    builder = HistogramBuilder(tree=trees[0], expression="kind")
    assert list(builder.histogram.axes[0]) == ["ee", "em", "mm"]
    assert builder.histogram.values().sum() == N
    agrees(builder)
    assert [row["category"] for row in builder.table()] == ["ee", "em", "mm"]


@pytest.mark.parametrize(
    ("elements", "filled"),
    [("all", "flatten(pt)"), ("leading", "first(pt)"), ("max", "max(pt)"), ("sum", "sum(pt)"),
     ("mean", "mean(pt)"), ("count", "count(pt)"), ("1", "pt[:, 1]")],
)  # fmt: skip
def test_a_list_is_filled_as_the_elements_say(trees, elements, filled):
    builder = HistogramBuilder(tree=trees[0], expression="pt", elements=elements, cut="njet > 1")
    bins = suitable_bins(trees[0], filled, cut="njet > 1")
    same(builder.histogram, trees[0].hist(filled, bins, cut="njet > 1"))
    assert builder._controls.elements.layout.display is None
    agrees(builder)
    builder.expression = "x"
    assert builder._controls.elements.layout.display == "none"


def test_dragging_bins_of_a_list(trees):
    builder = HistogramBuilder(tree=trees[0], expression="pt", range=(0, 100), cut_variable="njet")
    builder._controls.n_bins.value = 31
    same(builder.histogram, trees[0].hist("flatten(pt)", (31, 0, 100)))
    builder._controls.cut_value.value = 3.0
    same(builder.histogram, trees[0].hist("flatten(pt)", (31, 0, 100), cut="njet >= 3.0"))


# -- two dimensions -----------------------------------------------------------------------------------------


def test_a_map_typed_as_in_root(trees):
    builder = HistogramBuilder(tree=trees[0])
    builder._controls.expression.value = "y:x"
    assert (builder.expression, builder.y) == ("x", "y")
    assert (builder._controls.expression.value, builder._controls.y.value) == ("x", "y")
    bins = suitable_bins(trees[0], "x"), suitable_bins(trees[0], "y", most=40)
    same(builder.histogram, trees[0].hist(("x", "y"), bins))
    scope = agrees(builder)
    assert scope["ax"].get_ylabel() == "y"
    assert builder.figure.axes[0].collections[0].get_array().sum() == N
    assert sum(row["value"] for row in builder.table()) == N
    builder._controls.y.value = ""
    same(builder.histogram, trees[0].hist("x", suitable_bins(trees[0], "x")))


@pytest.mark.parametrize(
    "options", [{}, {"projections": True}, {"log_z": True}, {"y_bins": [30, 45, 50, 70]}]
)
def test_maps_of_any_kind(trees, options):
    builder = HistogramBuilder(
        tree=trees[0], expression="y:x", range=(70, 110), n_bins=8, cut="njet > 2", weight="w", **options
    )
    agrees(builder)
    expected = options.get("y_bins") or suitable_bins(trees[0], "y", cut="njet > 2", most=40)
    same(
        builder.histogram,
        trees[0].hist(("x", "y"), ((8, 70, 110), expected), cut="njet > 2", weight="w"),
    )


def test_a_map_of_lists(trees):
    builder = HistogramBuilder(tree=trees[0], expression="eta:pt", bins=(5, 0, 100), y_bins=(4, -2, 2))
    agrees(builder)
    same(builder.histogram, trees[0].hist(("flatten(pt)", "flatten(eta)"), ((5, 0, 100), (4, -2, 2))))


@pytest.mark.parametrize("weight", ["", "w"])
def test_a_profile_is_of_means(trees, weight):
    builder = HistogramBuilder(
        tree=trees[0], expression="y:x", profile=True, bins=(6, 75, 105), weight=weight, cut="njet > 1"
    )
    same(
        builder.histogram,
        trees[0].profile("x", "y", (6, 75, 105), cut="njet > 1", weight=weight or None),
    )
    agrees(builder)
    assert builder.figure.axes[0].get_ylabel() == "Mean of y"
    builder._controls.profile.value = False
    assert len(builder.histogram.axes) == 2


def test_profiles_of_cuts_are_overlaid(trees):
    builder = HistogramBuilder(
        tree=trees[0],
        expression="y:x",
        profile=True,
        bins=(4, 80, 100),
        cuts={"few": "njet < 3", "many": "~few"},
    )
    scope = agrees(builder)
    same(scope["histograms"]["many"], trees[0].profile("x", "y", (4, 80, 100), cut="~(njet < 3)"))
    builder.profile = False
    assert "one tree" in builder.error


@pytest.mark.parametrize("text", ["a:b:c", ":x", "y:"])
def test_axes_that_are_none_are_refused(trees, text):
    builder = HistogramBuilder(tree=trees[0], expression="x")
    builder._controls.expression.value = text
    assert repr(text) in builder.error
    assert (builder.expression, builder.y) == ("x", "")


# -- overlays -----------------------------------------------------------------------------------------------

CUTS = {"all": "", "tight": "njet > 2", "loose": "~tight & (x > 85)"}


def test_named_cuts_beside_each_other(trees):
    builder = HistogramBuilder(tree=trees[0], expression="x", bins=(10, 70, 110), cut="w > 0.6", cuts=CUTS)
    assert builder.show == "cuts"
    scope = agrees(builder)
    texts = {
        "all": "w > 0.6",
        "tight": "(w > 0.6) & (njet > 2)",
        "loose": "(w > 0.6) & ~(njet > 2) & (x > 85)",
    }
    for name, cut in texts.items():
        same(scope["histograms"][name], trees[0].hist("x", (10, 70, 110), cut=cut))
    assert builder.result is builder.histogram
    builder.hidden = ("all",)
    same(builder.histogram, trees[0].hist("x", (10, 70, 110), cut=texts["tight"]))
    agrees(builder)
    builder._overlays.cuts.edit("all", "drawn", True)
    assert builder.hidden == ()


def test_cuts_are_added_edited_and_moved_in_their_table(trees):
    builder = HistogramBuilder(tree=trees[0], expression="x", bins=(4, 80, 100))
    table = builder._overlays
    table.new_cut.submit("hard = njet > 2")
    table.new_cut.submit("x > 90")
    assert builder.cuts == {"hard": "njet > 2", "x > 90": "x > 90"}
    assert builder.show == "cuts"
    table.new_cut.submit("bad = njett > 2")
    assert "Did you mean 'njet'" in builder.error
    table.new_cut.submit("soft = ~hard")
    assert (builder.error, list(builder.cuts)) == ("", ["hard", "x > 90", "soft"])
    table.cuts.edit("soft", "earlier", True)
    assert list(builder._picture.contents) == ["hard", "soft", "x > 90"]
    agrees(builder)
    table.cuts.edit("soft", "remove", True)
    table.cuts.edit("hard", "name", "high")
    assert list(builder.cuts) == ["high", "x > 90"]
    table.cuts.edit("high", "text", "njet > 3")
    same(builder.histogram, trees[0].hist("x", (4, 80, 100), cut="njet > 3"))
    builder.cuts = {}
    assert builder.show == "tree"


def test_files_beside_each_other(trees):
    one, two = trees
    builder = HistogramBuilder(
        tree=one, expression="x", bins=(10, 70, 110), weight="w", trees={"a": one, "b": two}
    )
    assert builder.show == "files"
    scope = agrees(builder)
    for name, tree in (("a", one), ("b", two)):
        same(scope["histograms"][name], tree.hist("x", (10, 70, 110), weight="w"))
    builder.trees = {"a": 3}
    assert "'a' is 3" in builder.error
    builder.trees = {}
    builder._overlays.add_present.click()
    builder._overlays.new_file.submit("second = two.root:t")
    assert list(builder.trees.values()) == [one, two]
    assert list(builder.trees) == ["one.root:t", "second"]
    builder._overlays.new_file.submit("third = missing.root:t")
    assert "'missing.root:t'" in builder.error
    builder._overlays.new_file.submit("two.root:t")
    assert list(builder.trees)[2] == "two.root:t"
    agrees(builder)


def test_dragging_moves_every_line(trees, monkeypatch):
    builder = HistogramBuilder(tree=trees[0], expression="x", range=(70, 110), cuts=CUTS, below="ratio")
    builder._controls.n_bins.value = 31
    monkeypatch.setattr(builder, "_settle", lambda move: None)
    monkeypatch.setattr(builder.live, "restructure", lambda draw: pytest.fail("text was drawn"))
    for n in (32, 33, 34):
        builder._controls.n_bins.value = n
    assert builder.error == ""
    drawn = [step_data(step)[0] for step in builder._picture._artists.steps]
    for values, cut in zip(drawn, (None, "njet > 2", "~(njet > 2) & (x > 85)"), strict=True):
        assert values.tolist() == trees[0].hist("x", (34, 70, 110), cut=cut).values().tolist()


LOOKS = [
    {"arrangement": arrangement, "below": below} for arrangement, below in itertools.product(
        ("auto", "overlaid", "stacked", "normalized"), ("auto", "none", "ratio", "pull")
    )
] + [{"log_x": True}, {"log_y": True}, {"density": True}, {"style": "ATLAS"},
     {"style": "CMS", "label": "CMS Open Data", "luminosity": 5.3, "energy": 8}, {"energy": 13}]  # fmt: skip


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_every_look_is_in_the_code(trees, look):
    builder = HistogramBuilder(tree=trees[0], expression="x", bins=[70, 80, 95, 110], cuts=CUTS, **look)
    agrees(builder)
    samples = (
        Sample("obs", "data", trees[0]), Sample("sig", "signal", trees[1], scale=0.5, normfactor="mu"),
        Sample("bkg", "background", trees[1], cut="njet > 1", color="#123456"),
    )  # fmt: skip
    stacked = HistogramBuilder(samples=samples, expression="x", bins=[70, 80, 95, 110], **look)
    agrees(stacked)


def test_what_a_look_does(trees):
    builder = HistogramBuilder(tree=trees[0], expression="x", bins=[70, 80, 95, 110], cuts=CUTS)
    assert len(builder.figure.axes) == 1
    builder.below = "ratio"
    assert builder.figure.axes[1].get_ylabel() == "Ratio"
    builder.arrangement = "normalized"
    for step in builder._picture._artists.steps:
        assert step_data(step)[0].sum() == pytest.approx(1)
    before = builder.histogram
    builder.log_x = True
    assert builder.figure.axes[0].get_xscale() == "log"
    assert builder.histogram is before
    with pytest.raises(HepnbError, match="'many'"):
        builder.luminosity = "many"
    builder.typed("luminosity", "many")
    assert "'many'" in builder.error
    builder.typed("luminosity", "139")
    assert builder.luminosity == 139


def test_categories_of_ready_histograms_are_picked(trees):
    axes = [hist.axis.StrCategory(["tt", "w"], name="process"), hist.axis.Regular(3, 0, 3, name="m")]
    ready = hist.Hist(*axes, storage=hist.storage.Weight())
    ready.fill(["tt", "w", "w", "w"], [0.5, 1.5, 1.5, 2.5], weight=[1, 2, 3, 4])
    data = hist.Hist(hist.axis.Regular(3, 0, 3, name="m")).fill([0.5, 1.5])
    samples = (
        Sample("data", "data", data),
        Sample("tt", "signal", ready, select={"process": "tt"}, normfactor="mu"),
        Sample("w", "background", ready, select={"process": "w"}, scale=2.0),
    )  # fmt: skip
    builder = HistogramBuilder(channels=(Channel("SR"),), samples=samples)
    assert builder.error == ""
    assert [row["w"] for row in builder.table()] == [0, 10, 8]
    assert [row["tt"] for row in builder.table()] == [1, 0, 0]
    scope = run(builder)
    assert scope["histograms"]["w"].values().tolist() == [0, 10, 8]
    assert scope["workspace"] == builder.workspace
    # An edit of another cell keeps what has no cell.
    builder._tables.samples.table.edit("sample-3", "scale", 1.0)
    assert builder.samples[2].select == {"process": "w"}
    assert [row["w"] for row in builder.table()] == [0, 5, 4]
    builder.samples = (*samples[:2], Sample("w", "background", ready, select={"process": "z"}))
    assert "'z'" in builder.error


def test_a_ready_histogram_has_no_second_axis(trees):
    data = hist.Hist(hist.axis.Regular(3, 0, 3)).fill([0.5])
    builder = HistogramBuilder(
        samples=(Sample("d", "data", data), Sample("b", "background", trees[0])),
        expression="y:x",
        profile=True,
    )
    assert "'d'" in builder.error


def test_a_hundred_thousand_bins_are_merged_on_the_screen(trees):
    builder = HistogramBuilder(tree=trees[0], expression="x", bins=(100_000, 70, 110))
    assert len(builder.histogram.axes[0]) == 100_000
    assert step_data(builder._picture._artists.steps[0])[0].size == 1000
    assert len(builder.table()) == 100_000
    agrees(builder)


def test_a_line_keeps_its_colour_when_another_is_hidden(trees):
    builder = HistogramBuilder(tree=trees[0], expression="x", bins=(5, 80, 100), cuts=CUTS)
    before = builder._picture._artists.steps[1].get_edgecolor()
    builder.hidden = ("all",)
    assert builder._picture._artists.steps[0].get_edgecolor() == before
    agrees(builder)
