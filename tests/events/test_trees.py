"""Trees: histograms, streams, cutflows, and what is said where an expression does not fit."""

from __future__ import annotations

import pickle
import re
import threading

import awkward as ak
import numpy as np
import pytest
import uproot

import hepnb.events
from hepnb.errors import BinningError, BranchError, EmptySelectionWarning, ExpressionError, SelectionError
from hepnb.events import Tree
from hepnb.events.sources.column_cache import COLUMNS, ColumnCache


@pytest.fixture
def zmumu(generated_dir):
    return hepnb.events.open(generated_dir / "pairs.root")["events"]


@pytest.fixture
def hzz(generated_dir):
    return hepnb.events.open(generated_dir / "jagged.root")["events"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A tree with everything that can go wrong in it."""
    path = tmp_path_factory.mktemp("made") / "made.root"
    generator = np.random.default_rng(5)
    n = 10_000
    x = generator.normal(size=n)
    with uproot.recreate(path) as file:
        file.mktree(
            "t",
            {
                "x": "float64",
                "w": "float64",
                "bad": "float64",
                "y": "float32",
                "flag": "bool",
                "big": "int64",
            },
        ).extend(
            {
                "x": x,
                "w": generator.normal(1, 0.5, size=n),
                "bad": np.where(np.arange(n) % 10 == 0, np.nan, x),
                "y": generator.normal(size=n).astype(np.float32),
                "flag": x > 0,
                "big": np.arange(n) + 2**60,
            }
        )
        file.mktree("empty", {"x": "float64"}).extend({"x": np.zeros(0)})
    return hepnb.events.open(path)["t"]


def test_a_tree_is_a_value(zmumu):
    copy = pickle.loads(pickle.dumps(zmumu))
    assert copy == zmumu
    assert hash(copy) == hash(zmumu)
    assert copy.n_entries == 2304
    assert repr(zmumu).startswith("<Tree 'events' of ")
    assert zmumu != hepnb.events.open(zmumu.file)
    assert Tree(zmumu.file, "events") == zmumu


def test_weights(made):
    arrays = made.arrays(["x", "w"])
    histogram = made.hist("x", (20, -2, 2), weight="w", cut="w > 0.2")
    kept = arrays["w"] > 0.2
    weights = arrays["w"][kept]
    expected, _ = np.histogram(arrays["x"][kept], 20, (-2, 2), weights=weights)
    squares, _ = np.histogram(arrays["x"][kept], 20, (-2, 2), weights=weights**2)
    # numpy puts the upper edge into the last bin: no value lies there.
    np.testing.assert_allclose(histogram.values(), expected, rtol=1e-12)
    np.testing.assert_allclose(histogram.variances(), squares, rtol=1e-12)
    np.testing.assert_allclose(histogram.values(flow=True).sum(), weights.sum(), rtol=1e-12)


def test_a_constant_weight(made):
    assert made.hist("x", (1, -100, 100), weight="0.25").values()[0] == 2500


def test_chunks_sum_to_the_whole(made, monkeypatch):
    whole = made.hist("x + y", (50, -5, 5), cut="flag", weight="w")
    monkeypatch.setattr("hepnb.events.passes.memory_plan.BLOCK", 777)
    np.testing.assert_array_equal(
        made.hist("x + y", (50, -5, 5), cut="flag", weight="w").view(flow=True), whole.view(flow=True)
    )


def test_not_a_number_goes_nowhere_and_is_counted(made):
    histogram = made.hist("bad", (10, -1, 1))
    assert histogram.metadata["n_nan"] == 1000
    assert histogram.values(flow=True).sum() == 9000
    automatic = made.hist("bad", 10)
    assert automatic.metadata["n_nan"] == 1000
    assert automatic.values().sum() == pytest.approx(9000, abs=100)
    infinite = made.hist("1 / (big - big)", (10, -1, 1))
    assert infinite.values(flow=True)[-1] == 10_000


def test_a_weight_that_is_not_finite(made):
    with pytest.raises(SelectionError, match=r"the weight 'bad' .* 1000 of 10000 weights are not finite"):
        made.hist("x", (10, -1, 1), weight="bad")
    assert made.hist("x", (10, -1, 1), weight="bad", cut="bad == bad").metadata["n_nan"] == 0


@pytest.mark.parametrize("bins", [30, "auto"])
def test_automatic_bins_hold_what_passes(made, bins):
    histogram = made.hist("x", bins, cut="x > 1")
    assert histogram.axes[0].edges[0] > 0.99
    assert histogram.values().sum() >= 0.98 * histogram.values(flow=True).sum()


def test_whole_number_bins(zmumu):
    histogram = zmumu.hist("Q1", "integer")
    assert histogram.axes[0].edges.tolist() == [-1.5, -0.5, 0.5, 1.5]
    assert histogram.values().sum() == 2304


def test_names_and_labels(made):
    histogram = made.hist("x", (10, -1, 1), name="nominal", label="x [cm]")
    assert (histogram.name, histogram.axes[0].label) == ("nominal", "x [cm]")
    assert made.hist("x", (10, -1, 1)).axes[0].label == "x"


def test_whole_numbers_are_read_exactly(made):
    column = made.arrays("big")["big"]
    assert column.dtype == np.int64
    assert column[-1] == 2**60 + 9999
    assert made.arrays("big", cut=f"big == {2**60 + 17}")["big"].tolist() == [2**60 + 17]


def test_lists(hzz):
    with uproot.open(hzz.file) as file:
        jets = file["events"]["Jet_Px"].array()
        met = file["events"]["MET_px"].array(library="np")
    flat = ak.to_numpy(ak.flatten(jets)).astype(float)
    histogram = hzz.hist("flatten(Jet_Px)", (50, -200, 200))
    np.testing.assert_array_equal(histogram.values(), np.histogram(flat, 50, (-200, 200))[0])
    # The weight of an event counts for each of its elements, a cut is on events.
    weighted = hzz.hist("flatten(Jet_Px)", (50, -200, 200), cut="count(Jet_Px) > 1", weight="MET_px")
    counts = ak.to_numpy(ak.num(jets))
    kept = counts > 1
    elements = ak.to_numpy(ak.flatten(jets[kept])).astype(float)
    weights = np.repeat(met[kept].astype(float), counts[kept])
    np.testing.assert_allclose(
        weighted.values(), np.histogram(elements, 50, (-200, 200), weights=weights)[0], rtol=1e-11, atol=1e-9
    )
    leading = hzz.arrays("max(Jet_Px)", cut="count(Jet_Px) > 0")["max(Jet_Px)"]
    np.testing.assert_array_equal(leading, ak.to_numpy(ak.max(jets[counts > 0], axis=1)).astype(float))


@pytest.mark.parametrize(
    ("text", "before"), [("Jet_Px", "Jet_Px"), ("`Jet_Px`", "`Jet_Px`"), ("2 * Jet_Px", "(2 * Jet_Px)")]
)
def test_a_list_where_a_number_is_wanted(hzz, text, before):
    choices = f"an index ({before}[:, 0]), a reduction (max({text})), or flatten({text})"
    words = re.escape(f"is a list per event: choose {choices}")
    with pytest.raises(BranchError, match=words) as caught:
        hzz.hist(text, 10)
    assert "branch 'Jet_Px'" in str(caught.value)
    with pytest.raises(BranchError, match=words):
        hzz.arrays([text])
    for arguments in ({"cut": f"({text}) > 1"}, {"weight": text}):
        with pytest.raises(BranchError, match=r"is a list per event.* (an index|any\(|choose one weight)"):
            hzz.hist("MET_px", 10, **arguments)


def test_text(generated_dir):
    zmumu = hepnb.events.open(generated_dir / "texts.root")["events"]
    assert set(zmumu.arrays("Type")["Type"]) == {"GG", "GT", "TT"}
    assert (
        zmumu.hist("M", (1, 0, 1000), cut="Type == 'GT'").values()[0]
        == (zmumu.arrays("Type")["Type"] == "GT").sum()
    )
    with pytest.raises(BranchError, match="branch 'Type' holds text"):
        zmumu.hist("Type + 1", 10)
    with pytest.raises(BranchError, match="branch 'Type' holds text: a histogram needs numbers"):
        zmumu.hist("Type", 10)
    with pytest.raises(BranchError, match="gives text"):
        zmumu.hist("M", 10, cut="Type")
    with pytest.raises(BranchError, match="holds text"):
        zmumu.hist("M", 10, weight="Type")


def test_branches_that_are_not_there(zmumu):
    with pytest.raises(BranchError, match=r"there is no branch 'pxx1'\. Did you mean 'px1'"):
        zmumu.hist("pxx1", 10)
    with pytest.raises(BranchError, match=r"tree 'events' has no branch 'pxx1'\. Did you mean 'px1'"):
        zmumu.branch("pxx1")
    with pytest.raises(BranchError, match="is not a regular expression"):
        zmumu.match("/(/")


def test_a_branch_that_cannot_be_read(data_dir):
    tree = hepnb.events.open(data_dir / "root" / "uproot-stl_containers.root")["tree"]
    with pytest.raises(
        BranchError, match=r"branch 'vector_string' of tree 'tree' cannot be used .* not made of numbers"
    ):
        tree.hist("count(vector_string)", 10)


def test_cuts_that_are_not_cuts(zmumu):
    with pytest.raises(ExpressionError, match="position 5") as caught:
        zmumu.hist("M", 10, cut="M > > 3")
    assert caught.value.args[0].splitlines()[1:] == ["    M > > 3", "        ^"]
    for text in ("__import__('os')", "import os"):
        with pytest.raises(ExpressionError, match="import"):
            zmumu.hist("M", 10, cut=text)


def test_nothing_is_left(zmumu, made):
    for bins in (10, (10, 0, 100)):
        for tree, expression, cut, why in (
            (zmumu, "M", "M > 1e6", "the cut 'M > 1e6' leaves none of the 2,304 entries of tree 'events'"),
            (made, "sqrt(-1 - x**2)", None, "is not a number for any of the entries"),
            (Tree(made.file, "empty"), "x", None, "has no entries"),
        ):
            with pytest.warns(EmptySelectionWarning, match=why):
                empty = tree.hist(expression, bins, cut=cut)
            assert empty.axes[0].size == 10
            assert not empty.values(flow=True).any()
    assert Tree(made.file, "empty").arrays("x")["x"].shape == (0,)


def test_bins_that_are_none(zmumu):
    with pytest.raises(BinningError, match="the range is empty"):
        zmumu.hist("M", (10, 5, 5))
    with pytest.raises(SelectionError, match="no expressions"):
        zmumu.stream([])
    for step in (0, -1, "fifty", "5 parsecs", True, 2.5):
        with pytest.raises(SelectionError, match="step_size"):
            list(zmumu.stream("M", step_size=step))


def test_progress_and_cancel(made, monkeypatch):
    monkeypatch.setattr("hepnb.events.passes.tasks.TASK_ENTRIES", 1000)
    monkeypatch.setattr("hepnb.events.passes.tasks.coarsest", lambda *_: None)
    told = []
    made.hist("x", (10, -1, 1), progress=lambda done, total: told.append((done, total)))
    assert told == [(1000 * i, 10_000) for i in range(1, 11)]
    stop = threading.Event()

    def after_three(done, total):
        if done >= 3000:
            stop.set()

    partial = made.hist("x", (10, -100, 100), threads=1, progress=after_three, cancel=stop)
    assert partial.values().sum() == 3000
    chunks = list(made.stream("x", step_size=1000, cancel=stop))
    assert chunks == []
    assert made.hist("x", 10, cancel=stop).values(flow=True).sum() == 0


def test_cutflow(zmumu):
    flow = zmumu.cutflow(
        {"window": "(M > 60) & (M < 120)", "opposite": "Q1 * Q2 < 0", "fast": "E1 > 50"}, weight="2.0"
    )
    assert [row.name for row in flow] == ["all", "window", "opposite", "fast"]
    mass, charge, energy = (zmumu.arrays(text)[text] for text in ("M", "Q1 * Q2", "E1"))
    window = (mass > 60) & (mass < 120)
    fast = window & (charge < 0) & (energy > 50)
    assert [flow[name].n_passed for name in ("all", "window", "fast")] == [2304, window.sum(), fast.sum()]
    assert flow["window"].sumw == 2 * window.sum()
    assert flow["window"].sumw2 == 4 * window.sum()
    assert flow["fast"].n_alone == (energy > 50).sum()
    assert flow["fast"].efficiency == fast.sum() / 2304
    assert flow["fast"].efficiency_step == fast.sum() / flow["opposite"].n_passed
    assert "window" in str(flow)
    assert "<table>" in flow._repr_html_()
    assert [row["name"] for row in flow.table()] == [row.name for row in flow]
    assert pickle.loads(pickle.dumps(flow)) == flow
    nothing = zmumu.cutflow({"none": "M > 1e9", "after": "M > 0"})
    assert nothing["none"].n_passed == 0
    assert np.isnan(nothing["after"].efficiency_step)
    with pytest.raises(SelectionError, match="no row 'fst'"):
        flow["fst"]
    with pytest.raises(SelectionError, match="is called 'all'"):
        zmumu.cutflow({"all": "M > 0"})
    with pytest.raises(ExpressionError):
        zmumu.cutflow({"bad": "M >"})


def test_members_of_records(data_dir):
    objects = hepnb.events.open(data_dir / "root" / "uproot-HZZ-objects.root")["events"]
    plain = hepnb.events.open(data_dir / "root" / "uproot-HZZ.root")["events"]
    np.testing.assert_allclose(
        objects.arrays("MET.fX")["MET.fX"], plain.arrays("MET_px")["MET_px"], rtol=1e-6
    )
    np.testing.assert_allclose(
        objects.arrays("sum(jetp4.fP.fX)")["sum(jetp4.fP.fX)"],
        plain.arrays("sum(Jet_Px)")["sum(Jet_Px)"],
        rtol=1e-6,
        atol=1e-4,
    )
    leaves = hepnb.events.open(data_dir / "root" / "uproot-leaflist.root")["tree"]
    assert leaves.arrays("leaflist.y")["leaflist.y"].tolist() == [1, 2, 3, 4, 5]


def test_rntuple(data_dir):
    path = data_dir / "root" / "Run2012BC_DoubleMuParked_Muons_1000evts_rntuple_v1-0-0-0.root"
    tree = hepnb.events.open(path)["Events"]
    assert tree.n_entries == 1000
    assert tree.branch("Muon_pt").kind == "list"
    assert tree.hist("nMuon", "integer").values().sum() == 1000
    counted = tree.arrays({"n": "count(Muon_pt)", "nMuon": "nMuon"})
    np.testing.assert_array_equal(counted["n"], counted["nMuon"])
    angles = "cosh(Muon_eta[:,0] - Muon_eta[:,1]) - cos(deltaphi(Muon_phi[:,0], Muon_phi[:,1]))"
    mass = f"sqrt(2 * Muon_pt[:,0] * Muon_pt[:,1] * ({angles}))"
    histogram = tree.hist(mass, (60, 60, 120), cut="nMuon == 2 and Muon_charge[:,0] != Muon_charge[:,1]")
    assert 88 < histogram.axes[0].centers[histogram.values().argmax()] < 94


def test_the_disk_is_read_once(made, monkeypatch):
    COLUMNS.clear()
    made.hist("x", (10, -1, 1), cut="y > 0")
    used = COLUMNS.used
    assert used == 2 * 8 * 10_000

    def nothing(*_):
        raise AssertionError("the column is in memory")

    monkeypatch.setattr("hepnb.events.sources.root_tree.to_column", nothing)
    made.hist("x**2", (10, -1, 1), cut="y < 0")
    made.arrays(["x", "y"], entry_start=100, entry_stop=200)
    assert COLUMNS.used == used


def test_what_is_handed_out_can_be_changed(made):
    first = made.arrays("x")["x"]
    before = first.copy()
    first[:] = 0
    np.testing.assert_array_equal(made.arrays("x")["x"], before)


def test_cache_keeps_to_its_budget():
    cache = ColumnCache(budget=1000)
    key = (("a.root", 1, 1), "t", "x")
    for start in range(0, 1000, 50):
        cache.put(key, start, start + 50, np.zeros(50))
        assert cache.used <= 1000
    assert cache.get(key, 950, 1000) is not None
    assert cache.get(key, 0, 50) is None
    assert cache.get((("a.root", 2, 1), "t", "x"), 950, 1000) is None
    cache.put(key, 0, 1000, np.zeros(1000))
    assert cache.get(key, 0, 1000) is None
    cache.budget = 100
    assert cache.used <= 100
    cache.clear()
    assert cache.used == 0


def test_many_threads(generated_dir):
    """Eight threads, three files, no cache: every thread sees what one thread sees."""
    names = [
        ("pairs.root", "events", "M"),
        ("jagged.root", "events", "max(Jet_Px)"),
        ("texts.root", "events", "E1"),
    ]
    files = [(hepnb.events.open(generated_dir / name), tree, text) for name, tree, text in names]
    expected = [file[tree].hist(text, (20, -100, 200)).view(flow=True).copy() for file, tree, text in files]
    faults = []

    def work(number):
        try:
            for turn in range(15):
                which = (number + turn) % 3
                file, tree, text = files[which]
                if turn % 4 == 0:
                    COLUMNS.clear()
                if turn % 7 == 0:
                    file.close()
                found = file[tree].hist(text, (20, -100, 200)).view(flow=True)
                np.testing.assert_array_equal(found, expected[which])
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not faults
