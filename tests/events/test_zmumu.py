"""The dimuon file of the workshop: facts that any reader of it must reproduce."""

from __future__ import annotations

import math

import numpy as np
import pytest

import hepnb.events
from hepnb.events.sources.column_cache import COLUMNS
from hepnb.histograms import axis, empty, fill_into

MASS = "sqrt((E1 + E2)**2 - (px1 + px2)**2 - (py1 + py2)**2 - (pz1 + pz2)**2)"
COMPRESSIONS = ["", "-zlib", "-lz4", "-lzma", "-zstd", "-uncompressed"]


@pytest.fixture
def tree(data_dir):
    return hepnb.events.open(data_dir / "root" / "uproot-Zmumu.root")["events"]


def test_name_title_and_entries(tree):
    assert (tree.name, tree.title, tree.n_entries) == ("events", "Z -> mumu events", 2304)


def test_branches(tree):
    assert len(tree.branches) == 20
    names = [branch.name for branch in tree.branches]
    assert names[:5] == ["Type", "Run", "Event", "E1", "px1"]
    assert tree.branch("Type").kind == "string"
    assert tree.branch("Type").typename == "char*"
    assert (tree.branch("E1").kind, tree.branch("E1").dtype) == ("number", "float64")
    assert (tree.branch("Run").kind, tree.branch("Run").dtype) == ("number", "int32")


def test_selecting_branches(tree):
    assert tree.match("p[xyz]1") == ("px1", "py1", "pz1")
    assert tree.match("/p[xyz]1/") == ("px1", "py1", "pz1")
    assert tree.match("*") == tuple(branch.name for branch in tree.branches)


def test_reading(tree):
    arrays = tree.arrays(["px1", "py1"])
    assert {name: column.shape for name, column in arrays.items()} == {"px1": (2304,), "py1": (2304,)}
    named = tree.arrays({"mag2": "px1**2 + py1**2 + pz1**2"})
    px, py, pz = tree.arrays(["px1", "py1", "pz1"]).values()
    np.testing.assert_array_equal(named["mag2"], px**2 + py**2 + pz**2)
    # The muon's mass is small beside its energy.
    np.testing.assert_allclose(np.sqrt(named["mag2"]), tree.arrays("E1")["E1"], rtol=2e-3)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_invariant_mass(data_dir, compression):
    tree = hepnb.events.open(data_dir / "root" / f"uproot-Zmumu{compression}.root")["events"]
    arrays = tree.arrays({"mass": MASS, "M": "M"})
    np.testing.assert_allclose(arrays["mass"], arrays["M"], rtol=3e-8)
    histogram = tree.hist(MASS, bins=(120, 0, 120))
    values = histogram.values()
    assert values.sum() == 2300
    assert values.max() == 311
    assert histogram.axes[0].edges[values.argmax()] == 90
    assert round(float(arrays["mass"].mean()), 3) == 80.206
    np.testing.assert_array_equal(values, np.histogram(arrays["mass"], 120, (0, 120))[0])
    np.testing.assert_array_equal(histogram.variances(), values)


def test_selection(tree):
    assert tree.arrays("M", cut="M < 80")["M"].size == 469
    assert tree.arrays("M", cut="60 < M < 120")["M"].size == 2008


def test_a_histogram_from_chunks_is_the_same(tree):
    whole = tree.hist(MASS, bins=(120, 0, 120), weight="1 + px1 / 1000")
    parts = empty(axis((120, 0, 120)))
    chunks = list(tree.stream({"m": MASS, "w": "1 + px1 / 1000"}, step_size="50 kB"))
    assert len(chunks) > 1
    for chunk in chunks:
        fill_into(parts, chunk.arrays["m"], chunk.arrays["w"])
    np.testing.assert_array_equal(parts.view(flow=True), whole.view(flow=True))


def test_entry_ranges(tree):
    assert tree.arrays("M", entry_start=100, entry_stop=300)["M"].size == 200
    assert tree.arrays("M", entry_start=-200)["M"].size == 200
    np.testing.assert_array_equal(
        tree.arrays("M", entry_start=100, entry_stop=300)["M"], tree.arrays("M")["M"][100:300]
    )
    assert tree.arrays("M", entry_start=300, entry_stop=100)["M"].size == 0


@pytest.mark.parametrize("cached", [True, False])
def test_chunks(tree, cached):
    if not cached:
        COLUMNS.clear()
    sizes = [chunk.stop - chunk.start for chunk in tree.stream("M", step_size=500)]
    assert sizes == [500, 500, 500, 500, 304]
    assert [chunk.stop for chunk in tree.stream("M", step_size=math.inf)] == [2304]
    joined = np.concatenate([chunk.arrays["M"] for chunk in tree.stream("M", step_size="1 kB")])
    np.testing.assert_array_equal(joined, tree.arrays("M")["M"])


def test_several_files(data_dir):
    """Two files of one chain, read after each other."""
    columns = []
    for number in (1, 2):
        tree = hepnb.events.open(data_dir / "root" / f"chain.flat.{number}.root")["tree"]
        columns.append(tree.arrays(["I32", "F64", "sum(ArrF32)", "Str"]))
    assert [column["I32"].tolist() for column in columns] == [[0, -1, -2, -3, -4], [-5, -6, -7, -8, -9]]
    assert columns[1]["Str"].tolist() == [f"str-{i}" for i in range(5, 10)]
    np.testing.assert_array_equal(columns[1]["sum(ArrF32)"], 10 * columns[1]["F64"])
