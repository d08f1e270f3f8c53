"""Histograms of a tree: every kind of axis, values at edges, and the same bins in hist, fill and cube."""

from __future__ import annotations

import awkward as ak
import hist
import numpy as np
import pytest
import uproot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hepnb
from hepnb.errors import BinningError, BranchError, EmptySelectionWarning, SelectionError
from hepnb.histograms import fill

N = 3000
WORDS = np.array(["e", "mu", "tau", "jet"])


@pytest.fixture(scope="module")
def columns():
    random = np.random.default_rng(11)
    return {
        "k": random.integers(-2, 6, N, dtype=np.int32),
        "b": random.integers(0, 2, N).astype(bool),
        "x": random.integers(-3, 14, N) / 10,
        "f": (random.integers(-3, 14, N) / 10).astype(np.float32),
        "y": np.where(random.integers(0, 9, N) == 0, np.nan, random.normal(size=N)),
        "word": WORDS[random.integers(0, 4, N)],
    }


@pytest.fixture(scope="module")
def tree(columns, tmp_path_factory):
    path = tmp_path_factory.mktemp("bins") / "t.root"
    hepnb.write(path, {"t": {name: column for name, column in columns.items() if name != "word"}})
    return hepnb.open(path)["t"]


@pytest.fixture(scope="module")
def texts(columns, tmp_path_factory):
    path = tmp_path_factory.mktemp("texts") / "t.root"
    with uproot.recreate(path) as file:
        file.mktree("t", {"word": "string", "x": "float64"})
        file["t"].extend({"word": list(columns["word"]), "x": columns["x"]})
    return hepnb.open(path)["t"]


AXES = [
    hist.axis.Integer(0, 4),
    hist.axis.Integer(0, 4, flow=False),
    hist.axis.Integer(0, 4, growth=True),
    hist.axis.IntCategory([3, 0, 1]),
    hist.axis.IntCategory([], growth=True),
    hist.axis.Boolean(),
]


@pytest.mark.parametrize("axis", AXES, ids=repr)
def test_axes_of_whole_numbers(tree, columns, axis):
    expected = hist.Hist(axis).fill(columns["k"] if not isinstance(axis, hist.axis.Boolean) else columns["b"])
    expression = "b" if isinstance(axis, hist.axis.Boolean) else "k"
    for found in (
        tree.hist(expression, axis),
        tree.fill({"h": (expression, axis)})["h"],
        tree.hist(expression, axis, weight="1 + 0 * x"),
        tree.fill({"h": (expression, axis)}, memory="300 kB", threads=2)["h"],
    ):
        assert list(found.axes[0]) == list(expected.axes[0])
        np.testing.assert_array_equal(found.values(flow=True), expected.values(flow=True))
    assert axis.size == len(list(axis))


def test_a_mixed_histogram_of_two_axes(tree, columns):
    axes = (hist.axis.IntCategory([], growth=True), hist.axis.Regular(10, 0, 1))
    found = tree.hist(("k", "x"), axes, cut="b")
    for i, number in enumerate(found.axes[0]):
        alone = tree.hist("x", (10, 0, 1), cut=f"b & (k == {number})")
        np.testing.assert_array_equal(found.values(flow=True)[i], alone.values(flow=True))


def test_texts(texts, columns):
    fixed = texts.hist("word", hist.axis.StrCategory(["mu", "e"]), cut="x > 0.3")
    kept = columns["word"][columns["x"] > 0.3]
    assert fixed.values(flow=True).tolist() == [
        (kept == "mu").sum(), (kept == "e").sum(), ((kept != "mu") & (kept != "e")).sum()
    ]  # fmt: skip
    for options in ({}, {"weight": "1 + 0 * x"}, {"memory": "1 MB"}):
        grown = texts.hist("word", hist.axis.StrCategory([], growth=True, name="w"), **options)
        words, counts = np.unique(columns["word"], return_counts=True)
        found = dict(zip(grown.axes[0], grown.values().tolist(), strict=True))
        assert found == dict(zip(words.tolist(), counts.tolist(), strict=True))
        assert grown.axes[0].name == "w"
    both = texts.hist(("word", "x"), (hist.axis.StrCategory(list(WORDS)), (10, 0, 1)))
    np.testing.assert_array_equal(
        both.values(flow=True)[1], texts.hist("x", (10, 0, 1), cut="word == 'mu'").values(flow=True)
    )


def test_what_an_axis_does_not_take_is_refused(tree, texts):
    with pytest.raises(BranchError, match="gives numbers"):
        tree.hist("k", hist.axis.StrCategory(["a"]))
    with pytest.raises(BranchError, match="StrCategory"):
        texts.hist("word", (10, 0, 1))
    with pytest.raises(BinningError, match="no whole number"):
        tree.hist("x", hist.axis.Integer(0, 4))
    with pytest.raises(BinningError, match="grows"):
        tree.hist("x", hist.axis.Regular(4, 0, 1, growth=True))
    with pytest.raises(BinningError, match="flow bins"):
        tree.cube("k", hist.axis.IntCategory([1, 2]), {"x": (3, 0, 1)})


def test_values_that_are_not_there_on_whole_axes(tree, columns):
    found = tree.hist("where(y > 0, k, nan)", hist.axis.Integer(-2, 6))
    assert found.metadata["n_nan"] == np.count_nonzero(~(columns["y"] > 0))
    assert found.sum(flow=True).value == np.count_nonzero(columns["y"] > 0)


@pytest.mark.parametrize("name", ["x", "f"])
def test_hist_fill_cube_and_cuts_agree_at_edges(tree, columns, name):
    values = columns[name].astype(float)
    histogram = tree.hist(name, (10, 0, 1))
    np.testing.assert_array_equal(
        histogram.values(flow=True), fill(hist.axis.Regular(10, 0, 1), values).values(flow=True)
    )
    cube = tree.cube(name, (10, 0, 1), by={name: (10, 0, 1)})
    np.testing.assert_array_equal(cube.slice().values(flow=True), histogram.values(flow=True))
    for i in range(10):
        low, high = i / 10, (i + 1) / 10
        passed = tree.cutflow([f"{name} >= {low}", f"{name} < {high}"]).rows[-1].n_passed
        assert histogram.values()[i] == passed == cube.slice({name: (low, high)}).sum(flow=True).value


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(n=st.integers(1, 30), low=st.integers(-5, 5), width=st.sampled_from([1, 2, 5, 10]))
@pytest.mark.filterwarnings("ignore::hepnb.errors.EmptySelectionWarning")
def test_a_slice_of_a_cube_is_the_cut_at_every_edge(tree, n, low, width):
    binning = (n, low / 10, (low + n * width) / 10)
    cube = tree.cube("k", (4, 0, 4), by={"x": binning}, weight="1 + b")
    for i in range(n + 1):
        edge = (low + i * width) / 10
        assert cube.snap("x", edge) == edge
        for limits, cut in (((edge, None), f"x >= {edge}"), ((None, edge), f"x < {edge}")):
            direct = tree.hist("k", (4, 0, 4), cut=cut, weight="1 + b")
            np.testing.assert_array_equal(cube.slice(x=limits).view(flow=True), direct.view(flow=True))


@pytest.mark.parametrize("bins", [(5, 0, 1), 10, "auto", "integer", [0, 1, 2], hist.axis.Integer(0, 2)])
def test_an_empty_selection_is_an_empty_histogram_everywhere(tree, bins):
    acts = [
        lambda: tree.hist("k", bins, cut="x > 99"),
        lambda: tree.fill({"h": ("k", bins, "x > 99")})["h"],
        lambda: tree.hist("k", bins, cut="x > 99", weight="y"),
        lambda: tree.hist("k / 0 - k / 0", bins),
    ]
    for act in acts:
        with pytest.warns(EmptySelectionWarning):
            empty = act()
        assert not empty.values(flow=True).any()
        assert not empty.variances(flow=True).any()
    with pytest.warns(EmptySelectionWarning):
        cube = tree.cube("k", bins, {"x": (3, 0, 1)}, cut="x > 99")
    assert not cube.slice(x=(0, None)).values(flow=True).any()


def test_an_empty_selection_elsewhere(tree):
    assert tree.arrays("k", cut="x > 99")["k"].size == 0
    assert sum(chunk.arrays["k"].size for chunk in tree.stream("k", cut="x > 99")) == 0
    flow = tree.cutflow(["x > 99", "k > 0"])
    assert [row.n_passed for row in flow] == [N, 0, 0]
    growing = hist.axis.IntCategory([], growth=True)
    with pytest.warns(EmptySelectionWarning):
        assert tree.hist("k", growing, cut="x > 99").axes[0].size == 0


@pytest.mark.parametrize(("n", "each"), [(1, 100_000), (2, 30_000), (40, 30_000)])
def test_few_entries_of_very_many_numbers_fit(n, each, tmp_path):
    numbers = np.arange(n * each, dtype=np.float32)
    with uproot.recreate(tmp_path / "wide.root") as file:
        file.mktree("t", {"w": "var * float32"})
        file["t"].extend({"w": ak.unflatten(numbers, [each] * n)})
    wide = hepnb.open(tmp_path / "wide.root")["t"]
    for memory in ("500 MB", "40 MB"):
        assert wide.hist("max(w)", (10, 0, n * each), memory=memory).sum().value == n
    with pytest.raises(SelectionError, match=r"memory='2 MB' is too small: .* a block of 1 entr"):
        wide.hist("max(w)", (10, 0, 1), memory="2 MB")


def test_missing_lists_have_no_elements(tmp_path):
    lists = ak.Array([[[1.0, 2.0], [3.0]], [], [[], [4.0]], None])
    ak.to_parquet(ak.zip({"x": lists, "w": [1.0, 2.0, 3.0, 4.0]}, depth_limit=1), tmp_path / "a.parquet")
    tree = hepnb.open(tmp_path / "a.parquet")
    # The last element of no elements is a missing list, and so is the last event.
    for text, expected in (("flatten(x[:, -1])", [0, 0, 0, 1, 3]), ("flatten(x)", [0, 1, 1, 1, 3])):
        np.testing.assert_array_equal(tree.hist(text, (5, 0, 5), weight="w").values(), expected)
        both = tree.hist((text, text), ((5, 0, 5), (5, 0, 5)), weight="w")
        np.testing.assert_array_equal(np.diag(both.values()), expected)
