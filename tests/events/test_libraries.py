"""Columns out to other libraries and in from them, compared with what these make of the same numbers."""

from __future__ import annotations

import io
import pickle

import awkward as ak
import numpy as np
import pandas
import pyarrow as pa
import pytest
import uproot

import hepnb
from hepnb.errors import BranchError, MissingBranchError, OptionError, SelectionError

JETS = ak.Array([[30.0, 20.0], [], [50.0], [60.0, 45.0]])
MET = np.array([5.0, 15.0, 25.0, 35.0])
NAMES = np.array(["a", "", "b", "a"])


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    path = tmp_path_factory.mktemp("libraries") / "events.root"
    with uproot.recreate(path) as file:
        file.mktree("t", {"jet": "var * float64", "met": "float64", "n": "int32", "name": "string"})
        for part in (slice(0, 2), slice(2, 4)):
            number = np.arange(4, dtype=np.int32)[part]
            file["t"].extend(
                {"jet": JETS[part], "met": MET[part], "n": number, "name": ak.Array(list(NAMES))[part]}
            )
    return hepnb.open(path)["t"]


COLUMNS = {"jet": "jet", "met": "met", "twice": "2 * jet", "hard": "jet > 25", "name": "name"}


def test_awkward(tree):
    found = tree.arrays(COLUMNS, cut="met > 10", library="ak")
    wanted = {
        "jet": JETS[1:],
        "met": MET[1:],
        "twice": 2 * JETS[1:],
        "hard": JETS[1:] > 25,
        "name": NAMES[1:],
    }
    assert found.fields == list(wanted)
    for name, column in wanted.items():
        assert found[name].to_list() == column.tolist()


def test_numpy(tree):
    found = tree.arrays(["jet", "met", "name"], library="np")
    assert found["jet"].dtype == object
    assert [jets.tolist() for jets in found["jet"]] == JETS.to_list()
    assert found["jet"][0].dtype == np.float64
    same = hepnb.tree({"x": np.arange(6).reshape(3, 2)}).arrays("x", library="np")["x"]
    assert same.shape == (3,)
    assert [one.tolist() for one in same] == [[0, 1], [2, 3], [4, 5]]
    assert found["name"].tolist() == NAMES.tolist()


def test_pandas(tree):
    found = tree.arrays(["met", "n", "name", "jet"], cut="n > 0", library="pd")
    assert list(found.columns) == ["met", "n", "name", "jet"]
    assert found["met"].tolist() == MET[1:].tolist()
    assert found["name"].tolist() == NAMES[1:].tolist()
    assert [jets.tolist() for jets in found["jet"]] == JETS[1:].to_list()


def test_arrow(tree):
    found = tree.arrays(["met", "jet", "name"], library="pa")
    assert found.column("jet").type.value_type == pa.float64()
    assert found.to_pydict() == {"met": MET.tolist(), "jet": JETS.to_list(), "name": NAMES.tolist()}


@pytest.mark.parametrize("library", ["np", "ak", "pd", "pa"])
def test_chunks(tree, library):
    chunks = [chunk.arrays for chunk in tree.stream(["met", "jet"], step_size=3, library=library)]
    assert [len(chunk["met"]) for chunk in chunks] == [3, 1]
    for chunk in chunks:
        assert type(chunk) is type(tree.arrays(["met", "jet"], library=library))
    empty = tree.arrays(["met", "jet"], cut="met > 99", library=library)
    assert len(empty["met"]) == len(empty["jet"]) == 0


def test_flat_columns_have_a_length_of_their_own(tree):
    found = tree.arrays(["met", "flatten(jet)"], library="np")
    assert found["flatten(jet)"].tolist() == ak.flatten(JETS).to_list()
    for library in ("ak", "pd", "pa"):
        with pytest.raises(SelectionError, match="flatten"):
            tree.arrays(["met", "flatten(jet)"], library=library)
        assert len(tree.arrays("flatten(jet)", library=library)) == 5


def test_a_library_that_is_none(tree):
    for call in (tree.arrays, tree.stream):
        with pytest.raises(OptionError, match="polars"):
            call("met", library="polars")
    with pytest.raises(BranchError, match="jet"):
        tree.arrays("jet")


def test_show(tree):
    text = io.StringIO()
    tree.with_columns(lead="max(jet)").show(file=text)
    lines = [line.split() for line in text.getvalue().splitlines()]
    assert lines[0] == ["t:", "4", "entries"]
    assert ["met", "double", "number"] in lines
    assert ["lead", "=", "max(jet)", "column"] in lines
    text = io.StringIO()
    tree.show("n*", file=text)
    assert [line.split()[0] for line in text.getvalue().splitlines()[2:]] == ["njet", "n", "name"]
    with pytest.raises(MissingBranchError, match="mett"):
        tree.show("mett")


def sources():
    frame = pandas.DataFrame({"met": MET, "name": list(NAMES), "jet": JETS.to_list()})
    return {
        "dict": {"met": MET, "name": NAMES, "jet": JETS},
        "lists": {"met": MET.tolist(), "name": NAMES.tolist(), "jet": JETS.to_list()},
        "awkward": ak.zip({"met": MET, "name": ak.Array(list(NAMES)), "jet": JETS}, depth_limit=1),
        "frame": frame,
        "arrow": pa.table({"met": MET, "name": NAMES, "jet": JETS.to_list()}),
    }


@pytest.mark.parametrize("kind", list(sources()))
def test_a_tree_of_columns_in_memory(kind):
    tree = hepnb.tree(sources()[kind])
    assert tree.n_entries == 4
    assert [tree.branch(name).kind for name in ("met", "name", "jet")] == ["number", "string", "list"]
    histogram = tree.hist("flatten(jet)", (4, 0, 80), cut="name == 'a' and met > 1", weight="met")
    assert histogram.values().tolist() == [0, 2 * 5, 35, 35]
    assert tree.arrays(["met", "jet", "name"], library="ak").to_list() == [
        {"met": met, "jet": jets, "name": name}
        for met, jets, name in zip(MET.tolist(), JETS.to_list(), NAMES.tolist(), strict=True)
    ]


def test_types_and_what_is_missing():
    frame = pandas.DataFrame(
        {
            "whole": pandas.array([1, None, 3], dtype="Int64"),
            "truth": pandas.array([True, None, False], dtype="boolean"),
            "kind": pandas.Categorical(["u", "v", "u"]),
            "day": pandas.to_datetime(["2020-01-01", "2021-01-01", None]),
            "text": ["a", None, "b"],
        }
    )
    tree = hepnb.tree(frame)
    np.testing.assert_array_equal(tree.arrays("whole")["whole"], [1, np.nan, 3])
    np.testing.assert_array_equal(tree.arrays("truth")["truth"], [1, np.nan, 0])
    assert tree.arrays("kind == 'u'")["kind == 'u'"].tolist() == [True, False, True]
    assert not tree.branch("day").readable
    with pytest.raises(BranchError, match="'text'"):
        tree.arrays("text")
    numbers = hepnb.tree(
        {
            "big": np.array([2**64 - 1], np.uint64),
            "swapped": np.array([1.5], ">f4"),
            "huge": [2**70],
            "c": [1j],
        }
    )
    assert numbers.arrays("big")["big"].tolist() == [2**64 - 1]
    assert numbers.arrays("swapped")["swapped"].tolist() == [1.5]
    assert [numbers.branch(name).readable for name in ("huge", "c")] == [False, False]
    masked = hepnb.tree({"x": np.ma.array([1.0, 2.0], mask=[False, True])})
    np.testing.assert_array_equal(masked.arrays("x")["x"], [1, np.nan])


def test_records_have_their_members():
    muons = ak.Array([[{"pt": 30.0, "charge": 1}, {"pt": 20.0, "charge": -1}], []])
    tree = hepnb.tree(ak.zip({"Muon": muons, "n": [2, 0]}, depth_limit=1))
    assert tree.arrays("sum(Muon.pt * Muon.charge)")["sum(Muon.pt * Muon.charge)"].tolist() == [10, 0]


def test_what_is_changed_afterwards_does_not_matter():
    columns = {"x": np.arange(3.0)}
    tree = hepnb.tree(columns, "mine")
    columns["x"][:] = 7
    columns["y"] = columns["x"]
    assert tree.arrays("x")["x"].tolist() == [0, 1, 2]
    assert repr(tree) == "<Tree 'mine' of 'memory'>"


def test_it_is_a_tree_like_others(tmp_path):
    tree = hepnb.tree({"x": np.arange(5.0), "y": [[1, 2], [], [3], [], [4]]})
    assert eval(tree.code, {"hepnb": hepnb, "columns": {"x": np.arange(5.0)}}).n_entries == 5
    assert tree != hepnb.tree({"x": np.arange(5.0)})
    again = pickle.loads(pickle.dumps(tree.with_columns(z="x + sum(y)")))
    assert again.arrays("z")["z"].tolist() == [3, 1, 5, 3, 8]
    tree.skim(tmp_path / "new.root", cut="x > 1")
    assert hepnb.open(tmp_path / "new.root")["tree"].arrays("y", library="ak").y.to_list() == [
        [3],
        [],
        [4],
    ]
    both = tree.with_friend(hepnb.tree({"f": np.arange(5)}))
    assert both.arrays("x + f")["x + f"].tolist() == [0, 2, 4, 6, 8]


@pytest.mark.parametrize(
    "columns", [{}, [1, 2], {"a": 1}, {"a": [1], "b": [1, 2]}, {1: [2]}, "a", np.arange(3), ak.Array([1, 2])]
)
def test_what_is_no_set_of_columns(columns):
    with pytest.raises(BranchError):
        hepnb.tree(columns)
