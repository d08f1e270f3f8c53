"""The reading and writing of the HEP Python workshop, item by item, with the numbers it prints.

The items are numbered as in the workshop's list: A3 to A12 are rootpy's slides, A13 to A32 are uproot's.
Where the old interface is gone, the item is done as it is done now. (A1 and A2 are a plot and a fit.)
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import awkward as ak
import hist
import numpy as np
import pytest
import uproot

import hepnb
from hepnb.events.sources.column_cache import COLUMNS
from hepnb.events.units import memory_bytes
from hepnb.histograms import axis, empty, fill_into

MASS = "sqrt((E1 + E2)**2 - (px1 + px2)**2 - (py1 + py2)**2 - (pz1 + pz2)**2)"


@pytest.fixture
def zmumu(data_dir: Path) -> hepnb.Tree:
    tree = hepnb.open(data_dir / "root" / "uproot-Zmumu.root")["events"]
    assert isinstance(tree, hepnb.Tree)
    return tree


# --- histograms and files (rootpy's slides) ---------------------------------------------------------------


@pytest.fixture
def pairs(generated_dir: Path) -> hepnb.Tree:
    tree = hepnb.open(generated_dir / "pairs.root")["events"]
    assert isinstance(tree, hepnb.Tree)
    return tree


def test_a3_a5_name_and_title_of_a_histogram_survive_the_file(tmp_path: Path) -> None:
    """A3 and A5: ten bins from 0 to 1 with a name and a title, which are optional."""
    h = hist.Hist.new.Reg(10, 0, 1, name="x").Double()
    named = hist.Hist(hist.axis.Regular(10, 0, 1), name="some_name", label="some_title")
    path = hepnb.write(tmp_path / "h.root", {"some_name": named, "other": h})
    with uproot.open(path) as file:
        assert (file["some_name"].name, file["some_name"].title) == ("some_name", "some_title")
        assert (file["other"].name, file["other"].title) == ("other", "")


def test_a4_storages_become_double_precision(tmp_path: Path) -> None:
    """A4: histograms of several number types; what is written is TH2D, whatever they were."""
    axes = [hist.axis.Regular(10, 0, 1), hist.axis.Regular(5, 0, 1)]
    storages = {"D": hist.storage.Double(), "I": hist.storage.Int64(), "W": hist.storage.Weight()}
    filled = {
        name: hist.Hist(*axes, storage=storage).fill([0.5], [0.5]) for name, storage in storages.items()
    }
    with uproot.open(hepnb.write(tmp_path / "h.root", filled)) as file:
        assert set(file.classnames().values()) == {"TH2D"}
        assert {name: file[name].values().sum() for name in storages} == {"D": 1, "I": 1, "W": 1}


def test_a6_fixed_and_variable_bins_mixed(tmp_path: Path) -> None:
    """A6: equal and unequal bins on the axes of one histogram, in two and three dimensions."""
    mixed = [hist.axis.Regular(10, 0, 1), hist.axis.Variable([0, 1, 5, 10]), hist.axis.Regular(2, -1, 1)]
    objects = {"two": hist.Hist(*mixed[:2]), "three": hist.Hist(*mixed)}
    file = hepnb.open(hepnb.write(tmp_path / "h.root", objects))
    for name in objects:
        for own, made in zip(file[name].axes, mixed, strict=False):
            np.testing.assert_allclose(own.edges, made.edges)


def test_a7_bins_by_index_slice_and_assignment(tmp_path: Path) -> None:
    """A7: value 2.0 and error 1.5 of a bin; all bins set to 2, a slice merged: axes (2, 5, 10), total 400."""
    h = hist.Hist(hist.axis.Regular(10, 0, 1), storage=hist.storage.Weight())
    h[1] = (2.0, 1.5**2)
    h = hepnb.open(hepnb.write(tmp_path / "h.root", {"h": h}))["h"]
    assert (h[1].value, math.sqrt(h[1].variance)) == (2.0, 1.5)
    a = hist.Hist(*[hist.axis.Regular(10, 0, 1) for _ in range(3)], storage=hist.storage.Weight())
    a[...] = np.stack([np.full((10, 10, 10), 2.0), np.full((10, 10, 10), 4.0)], axis=-1)
    part = hepnb.open(hepnb.write(tmp_path / "a.root", {"a": a}))["a"][3:5, :: hist.rebin(2), :]
    assert part.axes.size == (2, 5, 10)
    assert part.values().sum() == 400


def test_a8_cuts_are_combined_as_text(tmp_path: Path) -> None:
    """A8: (a < 10) & (b even), 10 < a < 20, and one or the negation of the other."""
    rng = np.random.default_rng(8)
    a, b = rng.integers(0, 30, 1000), rng.integers(0, 10, 1000)
    tree = hepnb.open(hepnb.write(tmp_path / "t.root", {"t": {"a": a, "b": b}}))["t"]
    one, other = "(a < 10) & (b % 2 == 0)", "(10 < a) & (a < 20)"
    first, second = (a < 10) & (b % 2 == 0), (a > 10) & (a < 20)
    for cut, expected in [
        (one, first),
        (other, second),
        ("10 < a < 20", second),
        (f"({one}) | ~({other})", first | ~second),
        (f"where({other}, {one}, 1)", ~second | first),
    ]:
        np.testing.assert_array_equal(tree.arrays("a", cut=cut)["a"], a[expected])


def test_a9_a_tree_of_gaussian_numbers(tmp_path: Path) -> None:
    """A9: tree 'test' with x, y, z in single precision and i, 10,000 entries, read back by another reader."""
    rng = np.random.default_rng(9)
    columns: dict[str, Any] = {name: rng.normal(size=10_000).astype(np.float32) for name in "xyz"}
    columns["i"] = np.arange(10_000, dtype=np.int32)
    with uproot.open(hepnb.write(tmp_path / "test.root", {"test": columns})) as file:
        tree = file["test"]
        assert tree.num_entries == 10_000
        assert {name: tree[name].typename for name in tree.keys()} == {  # noqa: SIM118
            "x": "float", "y": "float", "z": "float", "i": "int32_t"
        }  # fmt: skip
        for name, column in columns.items():
            np.testing.assert_array_equal(tree[name].array(library="np"), column)


def test_a10_a_histogram_drawn_from_an_expression_and_a_cut(pairs: hepnb.Tree) -> None:
    """A10: what TTree::Draw did with "expression" and "cut"."""
    drawn = pairs.hist("hypot(px1, py1)", (50, 0, 100), cut="Q1 * Q2 < 0")
    with uproot.open(pairs.file) as file:
        theirs = file["events"].arrays(["px1", "py1", "Q1", "Q2"], library="np")
    keep = theirs["Q1"] * theirs["Q2"] < 0
    expected = np.histogram(np.hypot(theirs["px1"], theirs["py1"])[keep], 50, (0, 100))[0]
    np.testing.assert_array_equal(drawn.values(), expected)


def test_a11_objects_in_folders_of_a_new_file(data_dir: Path, tmp_path: Path) -> None:
    """A11: a histogram in somedirectory, written, found by its path, and copied to another file."""
    original = hepnb.open(data_dir / "root" / "test_file.root")["dimensions/hist2d"]
    path = hepnb.write(tmp_path / "some_file.root", {"somedirectory/hist2d": original})
    with hepnb.open(path) as file:
        assert file["somedirectory"].keys() == ["hist2d;1"]
        copy = file["somedirectory"]["hist2d"]
    assert len(copy.axes) == 2
    np.testing.assert_array_equal(copy.values(flow=True), original.values(flow=True))
    np.testing.assert_array_equal(copy.variances(flow=True), original.variances(flow=True))


def test_a12_walking_through_a_file(data_dir: Path) -> None:
    """A12: 36 objects in six folders of one file; a deeper one of another."""
    entries = hepnb.open(data_dir / "root" / "test_file.root").walk()
    assert len(entries) == 36
    assert [entry.path for entry in entries if entry.kind == "directory"] == [
        "means", "scales", "gaps", "efficiencies", "dimensions", "graphs"
    ]  # fmt: skip
    deep = hepnb.open(data_dir / "root" / "uproot-issue64.root").walk()
    with uproot.open(data_dir / "root" / "uproot-issue64.root") as file:
        assert [entry.key for entry in deep] == file.keys(recursive=True)
    assert max(entry.depth for entry in deep) == 3


# --- reading (uproot's slides) ----------------------------------------------------------------------------


def test_a13_a14_a_path_or_step_by_step(data_dir: Path) -> None:
    """A13 and A14: f["one"]["two"]["tree"] is f["one/two/tree"], 100 entries both."""
    file = hepnb.open(data_dir / "root" / "uproot-nesteddirs.root")
    assert file["one"]["two"]["tree"] == file["one/two/tree"]
    assert file["one"]["two"]["tree"].n_entries == file["one/two/tree"].n_entries == 100


def test_a15_all_trees_by_kind_and_by_name(data_dir: Path) -> None:
    """A15: one/two/tree, one/tree and three/tree."""
    file = hepnb.open(data_dir / "root" / "uproot-nesteddirs.root")
    trees = ["one/two/tree;1", "one/tree;1", "three/tree;1"]
    assert file.keys("tree") == trees
    assert file.keys(match="*tree") == trees
    assert {type(file[key]) for key in trees} == {hepnb.Tree}


def test_a16_a17_name_title_entries_and_branches(zmumu: hepnb.Tree) -> None:
    """A16 and A17: 'events', 2304 entries, 20 branches from Type (a text) and Run on."""
    assert (zmumu.name, zmumu.title, zmumu.n_entries) == ("events", "Z -> mumu events", 2304)
    assert len(zmumu.branches) == 20
    listed = [(branch.name, branch.typename) for branch in zmumu.branches[:5]]
    assert listed == [
        ("Type", "char*"),
        ("Run", "int32_t"),
        ("Event", "int32_t"),
        ("E1", "double"),
        ("px1", "double"),
    ]


def test_a18_every_way_of_reading_gives_the_same(pairs: hepnb.Tree) -> None:
    """A18: one branch, several, chunk by chunk."""
    with uproot.open(pairs.file) as file:
        theirs = file["events"].arrays(["E1", "px1"], library="np")
    one, both = pairs.arrays("E1"), pairs.arrays(["E1", "px1"])
    chunks = list(pairs.stream(["E1", "px1"], step_size=1000))
    for name in both:
        np.testing.assert_array_equal(both[name], theirs[name])
        np.testing.assert_array_equal(np.concatenate([chunk.arrays[name] for chunk in chunks]), theirs[name])
    np.testing.assert_array_equal(one["E1"], theirs["E1"])


def test_a19_branches_by_list_wildcard_and_regular_expression(pairs: hepnb.Tree) -> None:
    """A19: "p[xyz]1" and "/p[xyz]1/" are px1, py1, pz1; so they are when a file is written."""
    assert pairs.match("p[xyz]1") == pairs.match("/p[xyz]1/") == ("px1", "py1", "pz1")


def test_a20_the_invariant_mass(zmumu: hepnb.Tree) -> None:
    """A20: 120 bins to 120: 2300 of 2304 in range, 311 in [90, 91), mean 80.206, equal to M."""
    mass = zmumu.hist(MASS, (120, 0, 120))
    assert (mass.values().sum(), mass.values().max(), int(mass.values().argmax())) == (2300, 311, 90)
    arrays = zmumu.arrays({"mass": MASS, "M": "M"})
    assert arrays["mass"].mean() == pytest.approx(80.206, abs=5e-4)
    np.testing.assert_allclose(arrays["mass"], arrays["M"], rtol=3e-8)


def test_a21_a22_columns_as_one_likes(pairs: hepnb.Tree) -> None:
    """A21 and A22: as a tuple, a named tuple, through a function of one's own; mag2 = px^2 + py^2 + pz^2."""

    class Momentum(NamedTuple):
        px1: Any
        py1: Any
        pz1: Any

    arrays = pairs.arrays(pairs.match("p[xyz]1"))
    px, py, pz = arrays.values()
    named = Momentum(**arrays)
    np.testing.assert_array_equal(named.py1, py)
    np.testing.assert_array_equal(
        pairs.arrays({"mag2": "px1**2 + py1**2 + pz1**2"})["mag2"], px**2 + py**2 + pz**2
    )
    largest = {name: float(column.max()) for name, column in arrays.items()}
    assert largest["px1"] == px.max()


def test_a23_a_cache_of_100_kb(pairs: hepnb.Tree) -> None:
    """A23: 1 kB is 1024 bytes; what is in the cache is not read again, and it never holds more."""
    assert memory_bytes("100 kB") == 102_400
    before = COLUMNS.budget
    try:
        COLUMNS.clear()
        COLUMNS.budget = memory_bytes("100 kB")
        first = pairs.arrays("E1")["E1"]
        used = COLUMNS.used
        assert used == 2304 * 8
        np.testing.assert_array_equal(pairs.arrays("E1")["E1"], first)
        assert COLUMNS.used == used
        pairs.arrays([branch.expression for branch in pairs.branches])
        assert used < COLUMNS.used <= 102_400
    finally:
        COLUMNS.budget = before
        COLUMNS.clear()


def test_a24_only_what_is_needed_is_read(pairs: hepnb.Tree) -> None:
    """A24: of a formula only its branches, of a range only its entries."""
    COLUMNS.clear()
    pairs.arrays("px1 + py1", entry_stop=100)
    assert COLUMNS.used == 2 * 100 * 8


@pytest.mark.parametrize("name", ["data.root", "data.parquet"])
def test_a25_derived_columns_with_references_to_the_rest(
    pairs: hepnb.Tree, tmp_path: Path, name: str
) -> None:
    """A25: the mass is stored, the other columns are found where they were: data2["mass"], data2["E1"]."""
    pairs.skim(tmp_path / name, {"mass": MASS}, references=True)
    data2 = hepnb.open_skim(tmp_path / name)
    arrays, straight = data2.arrays(["mass", "E1"]), pairs.arrays({"mass": MASS, "E1": "E1"})
    for column in ("mass", "E1"):
        np.testing.assert_array_equal(arrays[column], straight[column])
    assert (tmp_path / name).stat().st_size < Path(pairs.file).stat().st_size / 3


@pytest.mark.parametrize("references", [True, False])
def test_a26_a_selection_saved_and_loaded(zmumu: hepnb.Tree, tmp_path: Path, references: bool) -> None:
    """A26: 469 of 2304 events have a mass below 80; 2008 are between 60 and 120."""
    columns = {"mass": MASS} if references else ["*", {"mass": MASS}]
    written = zmumu.skim(tmp_path / "selected.root", columns, cut="M < 80", references=references)
    selected = hepnb.open_skim(written.path) if references else hepnb.open(written.path)["events"]
    assert selected.n_entries == written.n_written == 469
    assert selected.arrays(["mass", "E1"])["mass"].max() < 80
    np.testing.assert_array_equal(selected.arrays("E1")["E1"], zmumu.arrays("E1", cut="M < 80")["E1"])
    assert zmumu.arrays("M", cut="60 < M < 120")["M"].size == 2008


def test_a27_a_histogram_grows_chunk_by_chunk(pairs: hepnb.Tree) -> None:
    """A27: chunks of 50 kB, added up, are the histogram of A20 bin by bin."""
    parts = empty(axis((120, 0, 120)))
    chunks = list(pairs.stream({"m": MASS}, step_size="50 kB"))
    assert len(chunks) > 1
    for chunk in chunks:
        fill_into(parts, chunk.arrays["m"])
    np.testing.assert_array_equal(parts.view(flow=True), pairs.hist(MASS, (120, 0, 120)).view(flow=True))


def test_a28_many_files_as_one_tree(data_dir: Path) -> None:
    """A28: what TChain did: two files of five entries each, by list and by wildcard."""
    files = [str(data_dir / "root" / f"chain.flat.{number}.root") for number in (1, 2)]
    for tree in (hepnb.open(files)["tree"], hepnb.open(str(data_dir / "root" / "chain.flat.*.root"))["tree"]):
        assert tree.n_entries == 10
        assert tree.arrays("I32")["I32"].tolist() == [0, -1, -2, -3, -4, -5, -6, -7, -8, -9]
        assert [(chunk.start, chunk.stop) for chunk in tree.stream("I32")] == [(0, 5), (5, 10)]


def test_a29_a_range_of_entries(pairs: hepnb.Tree) -> None:
    """A29: entries 100 to 300 are 200; negative numbers count from the end."""
    assert pairs.arrays("M", entry_start=100, entry_stop=300)["M"].size == 200
    np.testing.assert_array_equal(pairs.arrays("M", entry_start=-200)["M"], pairs.arrays("M")["M"][-200:])


def test_a30_chunks_of_500(pairs: hepnb.Tree) -> None:
    """A30: [500, 500, 500, 500, 304]; all at once with infinity."""
    assert [chunk.arrays["M"].size for chunk in pairs.stream("M", step_size=500)] == [500, 500, 500, 500, 304]
    assert [chunk.arrays["M"].size for chunk in pairs.stream("M", step_size=math.inf)] == [2304]


# --- writing ----------------------------------------------------------------------------------------------


def test_a31_numpy_histograms_are_written(tmp_path: Path) -> None:
    """A31: one and two dimensions of 10,000 normal numbers; the first is a TH1D now (TH1I then)."""
    rng = np.random.default_rng(31)
    x, y = rng.normal(size=(2, 10_000))
    objects = {"numpy": np.histogram(x), "numpy2d": np.histogram2d(x, y)}
    path = hepnb.write(tmp_path / "numpy.root", objects)
    with uproot.open(path) as file:
        assert file.classnames() == {"numpy;1": "TH1D", "numpy2d;1": "TH2D"}
    back = hepnb.open(path)
    np.testing.assert_array_equal(back["numpy"].values(), objects["numpy"][0])
    np.testing.assert_array_equal(back["numpy2d"].values(), objects["numpy2d"][0])
    np.testing.assert_allclose(back["numpy"].axes[0].edges, objects["numpy"][1])


def test_a32_a_tree_written_in_two_pieces(tmp_path: Path) -> None:
    """A32: five rows and one more: branch1 and branch2 whole numbers of 32 bits, branch3 numbers."""
    first = {
        "branch1": np.arange(1, 6, dtype="i4"),
        "branch2": np.arange(6, 11, dtype="i4"),
        "branch3": np.arange(1.0, 6.0),
    }
    last = {
        "branch1": np.array([1], dtype="i4"),
        "branch2": np.array([2], dtype="i4"),
        "branch3": np.array([7.0]),
    }
    pieces = [hepnb.write(tmp_path / f"{i}.root", {"tree": part}) for i, part in enumerate((first, last))]
    written = hepnb.open([str(piece) for piece in pieces])["tree"].skim(tmp_path / "whole.root")
    with uproot.open(written.path) as file:
        assert [(name, file["tree"][name].typename) for name in file["tree"].keys()] == [  # noqa: SIM118
            ("branch1", "int32_t"), ("branch2", "int32_t"), ("branch3", "double")
        ]  # fmt: skip
        rows = ak.to_list(file["tree"].arrays())
    assert [row["branch1"] for row in rows] == [1, 2, 3, 4, 5, 1]
    assert [row["branch2"] for row in rows] == [6, 7, 8, 9, 10, 2]
    assert [row["branch3"] for row in rows] == [1.0, 2.0, 3.0, 4.0, 5.0, 7.0]
