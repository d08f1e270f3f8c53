"""Any branch is seen in the browser and in the selector, and the code gives the same histogram."""

from __future__ import annotations

import awkward as ak
import hist
import numpy as np
import pytest
import uproot

import hepnb
from hepnb.errors import BranchError
from hepnb.histograms.rounding import are_whole, nice_range, whole_bins
from hepnb.widgets import BranchSelector, FileBrowser
from hepnb.widgets.toolkit.branch_histogram import element_expression, suitable_bins

N = 300


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("branches")
    rng = np.random.default_rng(11)
    counts = rng.integers(0, 4, N)
    plane = hist.Hist(
        hist.axis.Regular(4, 0, 4, name="xaxis", label="#eta"), hist.axis.Regular(3, 0, 3, name="yaxis"),
        storage=hist.storage.Weight(),
    )  # fmt: skip
    plane.fill(rng.uniform(0, 4, 50), rng.uniform(0, 3, 50))
    cube = hist.Hist(
        *(hist.axis.Regular(n, 0, n, name=f"{a}axis") for n, a in ((4, "x"), (3, "y"), (2, "z")))
    )
    cube.fill(*rng.uniform(0, 2, (3, 40)))
    with uproot.recreate(made / "all.root") as file:
        file["dir/t"] = {
            "x": rng.normal(90, 4, N),
            "n": counts.astype(np.int32),
            "whole": rng.integers(0, 6, N).astype(np.float64),
            "flag": rng.random(N) > 0.5,
            "pt": ak.unflatten(rng.exponential(30, counts.sum()), counts),
            "charge": ak.unflatten(rng.choice([-1, 1], counts.sum()), counts),
            "w": rng.uniform(0.5, 1.5, N),
            "two|words": np.arange(N) % 3,
        }
        file["empty"] = {"x": np.array([], dtype=np.float64)}
        file["plane"], file["cube"] = plane, cube
    return made


@pytest.fixture(scope="module")
def tree(folder):
    return hepnb.open(folder / "all.root")["dir/t"]


def run(code):
    scope = {}
    exec(code, scope)
    return scope


def same(one, other):
    assert [list(axis) for axis in one.axes] == [list(axis) for axis in other.axes]
    np.testing.assert_array_equal(one.values(flow=True), other.values(flow=True))
    np.testing.assert_array_equal(one.variances(flow=True), other.variances(flow=True))


EXPRESSIONS = {
    "x": "x", "n": "n", "whole": "whole", "flag": "flag", "pt": "flatten(pt)", "charge": "flatten(charge)",
    "two|words": "`two|words`",
}  # fmt: skip


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_a_branch_of_any_kind_is_drawn_in_the_browser(folder, tree, name):
    browser = FileBrowser(root=folder, file="all.root", path="dir/t", branch=name)
    assert browser.error == ""
    expression = EXPRESSIONS[name]
    same(browser.histogram, tree.hist(expression, suitable_bins(tree, expression)))
    assert browser.histogram.sum(flow=True).value == browser.histogram.sum().value
    scope = run(browser.to_code())
    same(scope["histogram"], browser.histogram)
    assert scope["ax"].get_xlabel() == browser.figure.axes[0].get_xlabel()
    assert browser.selected == tree
    assert browser.live.alt == f"Histogram of the branch {name}"
    [row] = browser._files.selected
    assert browser._files.row(row)["name"] == name


def test_text_becomes_categories_with_the_rest_as_others(tmp_path):
    names = [f"kind {number:02d}" for number in range(60) for _ in range(number + 1)]
    with uproot.recreate(tmp_path / "text.root") as file:
        file["t"] = {"name": ak.Array(names)}
    tree = hepnb.open(tmp_path / "text.root")["t"]
    bins = suitable_bins(tree, "name")
    kept = [f"kind {number:02d}" for number in range(20, 60)]
    assert list(bins) == kept
    browser = FileBrowser(root=tmp_path, file="text.root", path="t", branch="name")
    assert browser.error == ""
    assert browser.histogram.values(flow=True)[-1] == sum(range(1, 21))
    assert "of others" in browser._controls.summary.value
    same(run(browser.to_code())["histogram"], browser.histogram)
    selector = BranchSelector(tree=tree, shown="name")
    same(run(selector.to_code())["histogram"], selector.histogram)


@pytest.mark.parametrize(
    ("elements", "expression"),
    [
        ("all", "flatten(pt)"), ("leading", "first(pt)"), ("max", "max(pt)"), ("min", "min(pt)"),
        ("sum", "sum(pt)"), ("mean", "mean(pt)"), ("count", "count(pt)"), ("1", "pt[:, 1]"),
        ("-1", "pt[:, -1]"),
    ],
)  # fmt: skip
def test_what_is_taken_of_a_list(folder, tree, elements, expression):
    browser = FileBrowser(root=folder, file="all.root", path="dir/t", branch="pt", elements=elements)
    assert browser.error == ""
    same(browser.histogram, tree.hist(expression, suitable_bins(tree, expression)))
    same(run(browser.to_code())["histogram"], browser.histogram)
    selector = BranchSelector(
        tree=tree, branches=("pt",), elements={"pt": elements}, shown="pt", cuts={"some": "n > 0"}, weight="w"
    )
    assert selector.error == ""
    assert selector.columns == {"pt": expression}
    scope = run(selector.to_code())
    same(scope["histogram"], selector.histogram)
    np.testing.assert_array_equal(scope["arrays"]["pt"], tree.arrays({"pt": expression}, cut="n > 0")["pt"])


def test_elements_that_are_none_are_refused_by_name(tree):
    with pytest.raises(BranchError, match="'third'"):
        element_expression("pt", "third")
    assert "'third'" in BranchSelector(tree=tree, branches=("pt",), elements={"pt": "third"}).error


def test_a_branch_that_is_not_there_gets_the_nearest_and_no_histogram(folder):
    browser = FileBrowser(root=folder, file="all.root", path="dir/t", branch="x")
    browser.branch = "flg"
    assert "Did you mean 'flag'" in browser.error
    assert browser.histogram is None
    assert "hist(" not in browser.to_code()
    assert browser.state == "stale"
    browser.path = ""
    assert (browser.error, browser.state) == ("", "current")


def test_a_branch_without_its_tree_is_refused(folder):
    assert "'x'" in FileBrowser(root=folder, file="all.root", branch="x").error
    assert "'x'" in FileBrowser(root=folder, file="all.root", path="plane", branch="x").error


def test_a_tree_without_entries_is_drawn_empty(folder):
    browser = FileBrowser(root=folder, file="all.root", path="empty", branch="x")
    assert browser.error == ""
    assert browser.histogram.sum(flow=True).value == 0


def test_rows_of_branches_unfold_and_choose(folder, tree):
    browser = FileBrowser(root=folder)
    browser._files.expand("f:all.root")
    browser._files.expand("o:all.root|dir/t;1")
    rows = [row for row in browser._files.rows if row.get("parent") == "o:all.root|dir/t;1"]
    assert [row["name"] for row in rows] == [branch.name for branch in tree.branches]
    chosen = next(row["id"] for row in rows if row["name"] == "two|words")
    browser._files.selected = [chosen]
    assert (browser.file, browser.path, browser.branch) == ("all.root", "dir/t;1", "two|words")
    assert browser.selected == tree
    browser._files.selected = ["o:all.root|dir/t;1"]
    assert (browser.branch, browser.histogram) == ("", None)
    browser._files.expand("o:all.root|dir;1")
    assert browser.error == ""


@pytest.mark.parametrize(
    ("path", "axes", "places"),
    [("plane", "", (0, 1)), ("plane", "x", (0,)), ("plane", "y", (1,)), ("plane", "yx", (1, 0)),
     ("cube", "", (0,)), ("cube", "xz", (0, 2)), ("cube", "zy", (2, 1)), ("cube", "y", (1,))],
)  # fmt: skip
def test_the_axes_of_a_histogram_are_chosen(folder, path, axes, places):
    browser = FileBrowser(root=folder, file="all.root", path=path, axes=axes)
    assert browser.error == ""
    whole = hepnb.open(folder / "all.root")[path]
    wanted = whole.project(*places)
    np.testing.assert_array_equal(browser.histogram.values(), wanted.values())
    scope = run(browser.to_code())
    np.testing.assert_array_equal(scope["histogram"].values(), wanted.values())
    assert scope["ax"].get_xlabel() == browser.figure.axes[0].get_xlabel()
    assert browser.selected == whole


@pytest.mark.parametrize("axes", ["z", "xx", "w", "xyz"])
def test_axes_that_are_not_there_are_refused_by_name(folder, axes):
    browser = FileBrowser(root=folder, file="all.root", path="plane")
    browser.axes = axes
    assert repr(axes) in browser.error


def test_a_control_chooses_axes_and_follows(folder):
    browser = FileBrowser(root=folder, file="all.root", path="cube")
    control = browser._controls.axes
    assert control.layout.display is None
    control.value = "xz"
    assert (browser.axes, len(browser.histogram.axes)) == ("xz", 2)
    browser.path = "plane"
    assert (browser.axes, browser.error) == ("", "")
    assert control.options[0][0] == "all"
    browser.path = "dir/t"
    assert control.layout.display == "none"


def test_the_selector_shows_what_was_chosen_last_with_its_cuts(tree):
    selector = BranchSelector(tree=tree, cuts={"hard": "x > 88", "more": "n > 1"}, weight="w")
    assert selector.histogram is None
    selector._list.selected = ["x"]
    assert selector.shown == "x"
    cut = "(x > 88) & (n > 1)"
    same(selector.histogram, tree.hist("x", suitable_bins(tree, "x", cut=cut), cut=cut, weight="w"))
    selector._list.activate("n")
    assert (selector.shown, selector.branches) == ("n", ("x",))
    selector.expressions = {"twice": "2 * pt"}
    selector._expressions.activate("twice")
    same(selector.histogram, tree.hist("flatten(2 * pt)", selector.histogram.axes[0], cut=cut, weight="w"))
    selector.tree = None
    assert (selector.histogram, selector.shown) == (None, "twice")


def test_a_cut_may_use_names_of_others(tree):
    selector = BranchSelector(tree=tree, shown="x", branches=("x",))
    assert selector.add_cut("SR = n >= 2")
    assert selector.add_cut("CR = ~SR & flag")
    assert selector.error == ""
    assert [row.n_passed for row in selector.result.rows] == [
        N, *(len(tree.arrays("x", cut=cut)["x"]) for cut in ("n >= 2", "(n >= 2) & ~(n >= 2) & flag")),
    ]  # fmt: skip
    selector.switched_off = ("SR",)
    wanted = tree.arrays("x", cut="~(n >= 2) & flag")["x"]
    assert selector.result.rows[-1].n_passed == len(wanted)
    scope = run(selector.to_code())
    assert scope["cutflow"] == selector.result
    np.testing.assert_array_equal(scope["arrays"]["x"], wanted)
    same(scope["histogram"], selector.histogram)
    assert not selector.add_cut("VR = SRR & flag")
    assert "SRR" in selector.error


def test_cuts_are_switched_off_and_moved(tree):
    selector = BranchSelector(tree=tree, cuts={"a": "n > 1", "b": "flag"})
    selector._cuts.edit("a", "on", False)
    assert selector.switched_off == ("a",)
    assert selector.result == tree.cutflow({"b": "flag"})
    assert (selector._cuts.row("a")["muted"], "n_passed" in selector._cuts.row("a")) == (True, False)
    selector._cuts.edit("a", "on", True)
    selector._cuts.edit("b", "earlier", True)
    assert list(selector.cuts) == ["b", "a"]
    selector._cuts.edit("b", "earlier", True)
    assert list(selector.cuts) == ["b", "a"]
    flow = selector.result
    row = selector._cuts.row("a")
    assert (row["n_alone"], row["n_passed"]) == (flow["a"].n_alone, flow["a"].n_passed)
    assert f"{100 * flow['a'].efficiency:.1f} ± {100 * flow['a'].efficiency_error:.1f}" == row["total"]


def test_a_range_of_entries(tree):
    selector = BranchSelector(tree=tree, branches=("x",), cuts={"a": "n > 1"}, shown="x")
    selector._controls.range.start.value, selector._controls.range.stop.value = "20", "120"
    assert (selector.entry_start, selector.entry_stop) == (20, 120)
    assert selector.result == tree.cutflow(selector.cuts, entry_start=20, entry_stop=120)
    for reading in ("arrays", "stream"):
        selector.reading = reading
        scope = run(selector.to_code())
        assert scope["cutflow"] == selector.result
        assert len(scope["arrays"]["x"]) == selector.result["a"].n_passed
        same(scope["histogram"], selector.histogram)
    assert "tree.stream" in selector.to_code()
    selector._controls.range.stop.value = "many"
    assert "'many'" in selector.error
    selector._controls.range.stop.value = ""
    assert (selector.error, selector.entry_stop) == ("", None)


def test_ranges_have_round_ends():
    assert nice_range(0.3, 97.2, 20) == (20, 0.0, 100.0)
    assert whole_bins(0, 8) == (9, -0.5, 8.5)
    number, low, high = whole_bins(-3, 1234)
    width = (high - low) / number
    assert (number <= 100, width % 1, low % 1) == (True, 0.0, 0.5)
    assert low < -3 < 1234 < high
    assert not are_whole([])
    assert not are_whole([np.nan])
