"""What is written is what is read again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import hist
import numpy as np
import pytest
import uproot

import hepnb
from hepnb.errors import BinningError, BranchError, FileError
from hepnb.events.writing.write import write_trees


def test_columns_come_back(tmp_path: Path) -> None:
    columns = {
        "x": np.array([1.5, -2.5, 3.5], dtype=np.float32),
        "n": np.array([1, 2, 3], dtype=np.int64),
        "Muon_pt": ([2, 0, 1], [30.0, 20.0, 10.0]),
        "Jet": {"pt": ([1, 2, 0], [50.0, 40.0, 30.0]), "eta": ([1, 2, 0], [0.5, -0.5, 1.5])},
    }
    path = write_trees(
        tmp_path / "new" / "a.root", {"events": columns, "empty": {"x": np.zeros(0)}}, title="made up"
    )
    file = hepnb.open(path)
    tree = file["events"]
    assert {entry.path: entry.n_entries for entry in file.walk()} == {"events": 3, "empty": 0}
    assert tree.title == "made up"
    assert {"x", "n", "nMuon_pt", "Muon_pt", "nJet", "Jet_pt", "Jet_eta"} == {
        branch.name for branch in tree.branches
    }
    read = tree.arrays({"x": "x", "n": "n", "muons": "sum(Muon_pt)", "jets": "nJet", "eta": "sum(Jet_eta)"})
    assert {name: column.tolist() for name, column in read.items()} == {
        "x": [1.5, -2.5, 3.5],
        "n": [1, 2, 3],
        "muons": [50.0, 0.0, 10.0],
        "jets": [1, 2, 0],
        "eta": [0.5, 1.0, 0.0],
    }


def test_columns_of_different_length_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(BranchError, match=r"tree 't': its columns differ in length, \{'x': 2, 'y': 3\}"):
        write_trees(tmp_path / "a.root", {"t": {"x": [1.0, 2.0], "y": [1.0, 2.0, 3.0]}})
    with pytest.raises(BranchError, match=r"branch 'Jet_pt': the counts add up to 3, there are 2 values"):
        write_trees(tmp_path / "a.root", {"t": {"Jet": {"pt": ([1, 2], [1.0, 2.0])}}})
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot be written"):
        write_trees(tmp_path / "file" / "a.root", {"t": {"x": [1.0]}})


# --- histograms and trees by hand -----------------------------------------------------------------------


def weighted(*axes: Any, seed: int = 1) -> hist.Hist[Any]:
    """Filled beyond its ends, so that the flow bins have something."""
    rng = np.random.default_rng(seed)
    columns = [rng.uniform(-0.5, 1.5, 500) for _ in axes]
    made: hist.Hist[Any] = hist.Hist(*axes, storage=hist.storage.Weight(), label="a title")
    return made.fill(*columns, weight=rng.normal(1, 0.5, 500))


REGULAR = hist.axis.Regular(5, 0, 1, name="x", label="m [GeV]")
VARIABLE = hist.axis.Variable([0, 0.2, 1], name="y", label="pT [GeV]")


@pytest.mark.parametrize(
    "axes", [(REGULAR,), (REGULAR, VARIABLE), (REGULAR, VARIABLE, hist.axis.Regular(3, 0, 1))]
)
def test_histograms_come_back_with_their_errors_and_flow(tmp_path: Path, axes: Any) -> None:
    written = weighted(*axes)
    path = hepnb.write(tmp_path / "h.root", {"SR/deep/mass": written})
    with uproot.open(path) as file:
        theirs = file["SR/deep/mass"]
        assert theirs.classname == f"TH{len(axes)}D"
        assert theirs.title == "a title"
        np.testing.assert_array_equal(theirs.values(flow=True), written.values(flow=True))
        np.testing.assert_array_equal(theirs.variances(flow=True), written.variances(flow=True))
        assert [axis.member("fTitle") for axis in theirs.axes][:1] == ["m [GeV]"]
    ours = hepnb.open(path)["SR/deep/mass"]
    np.testing.assert_array_equal(ours.view(flow=True), written.view(flow=True))
    for axis, own in zip(ours.axes, axes, strict=True):
        np.testing.assert_allclose(axis.edges, own.edges, rtol=1e-15)


@pytest.mark.parametrize(
    ("made", "values"),
    [
        (
            hist.Hist(hist.axis.Integer(0, 3, flow=False), storage=hist.storage.Int64()).fill([0, 1, 1]),
            [0, 1, 2, 0, 0],
        ),
        (hist.Hist(hist.axis.Regular(2, 0, 2, underflow=False)).fill([1, 5, 5]), [0, 0, 1, 2]),
        (hist.Hist(hist.axis.Boolean(), storage=hist.storage.Weight()).fill([True, True]), [0, 0, 2, 0]),
        (
            hist.Hist(hist.axis.Regular(2, 1, 100, transform=hist.axis.transform.log)).fill([5, 50]),
            [0, 1, 1, 0],
        ),
    ],
)
def test_every_axis_of_numbers(tmp_path: Path, made: Any, values: list[float]) -> None:
    path = hepnb.write(tmp_path / "h.root", {"h": made})
    back = hepnb.open(path)["h"]
    assert back.values(flow=True).tolist() == values
    assert back.variances(flow=True).tolist() == values
    np.testing.assert_allclose(back.axes[0].edges, made.axes[0].edges)


def test_categories_keep_their_names(tmp_path: Path) -> None:
    made = hist.Hist(hist.axis.StrCategory(["ee", "mm"]), REGULAR, storage=hist.storage.Weight())
    made.fill(["ee", "mm", "mm"], [0.1, 0.1, 0.9], weight=[1, 2, 3])
    back = hepnb.open(hepnb.write(tmp_path / "h.root", {"h": made}))["h"]
    assert list(back.axes[0]) == ["ee", "mm"]
    assert back["mm", :].values().tolist() == [2, 0, 0, 0, 3]


def test_what_a_tree_gave_goes_back(data_dir: Path, tmp_path: Path) -> None:
    """A histogram filled from a tree, one read from a file, numpy's, and columns, in one file."""
    tree = hepnb.open(data_dir / "root" / "uproot-Zmumu.root")["events"]
    mass = tree.hist("M", (60, 60, 120), weight="1 + px1 / 1000", label="m [GeV]")
    first = hepnb.write(tmp_path / "a.root", {"mass": mass})
    columns = {"M": tree.arrays("M")["M"], "p": np.ones((2304, 3), np.float32), "s": np.array(["a"] * 2304)}
    columns["l"] = [[1.0, 2.0], []] * 1152
    objects = {"again": hepnb.open(first)["mass"], "n": np.histogram(columns["M"], 10), "/t/": columns}
    second = hepnb.open(hepnb.write(tmp_path / "b.root", objects))
    np.testing.assert_array_equal(second["again"].view(flow=True), mass.view(flow=True))
    assert second["n"].values().sum() == 2304
    assert {branch.name: branch.kind for branch in second["t"].branches} == {
        "M": "number", "p": "array", "s": "string", "nl": "number", "l": "list"
    }  # fmt: skip
    assert second["t"].arrays({"n": "sum(l)", "p": "sum(p)"})["n"].tolist() == [3.0, 0.0] * 1152


@pytest.mark.parametrize(
    ("objects", "error", "said"),
    [
        (
            {"h": hist.Hist(*[hist.axis.Regular(2, 0, 1)] * 4)},
            BinningError,
            "'h' has 4 axes, ROOT's histograms have one to three",
        ),
        ({"h": hist.Hist(REGULAR, storage=hist.storage.Mean())}, BinningError, "'h' holds means"),
        (
            {"h": hist.Hist(hist.axis.Regular(3, 0, 1, circular=True))},
            BinningError,
            "no axis that goes round",
        ),
        ({"h": 3}, BinningError, "'h' is neither a histogram nor a mapping of columns, but int"),
        ({"t": {}}, BranchError, "tree 't' has no columns"),
        ({"t": {"x": [1, 2], "y": [1]}}, BranchError, "its columns differ in length"),
        ({"t": {"x": ak.Array([[[1]], [[2], [3]]])}}, BranchError, "'t' cannot be written to a ROOT file"),
        ({"t": {"x": [None, 1]}}, BranchError, r"tree 't', branch 'x': \[None, 1\] is no column"),
        ({"t": {"x": 3.0}}, BranchError, "tree 't', branch 'x': 3.0 is no column"),
        ({"t": {"x": [1 + 2j]}}, BranchError, "is no column. Give an array of numbers or texts"),
        ({" ": REGULAR}, FileError, "an object is named ' '"),
        ({}, FileError, "give a mapping of names"),
        ([1], FileError, "give a mapping of names"),
    ],
)
def test_what_cannot_be_written_is_refused(
    tmp_path: Path, objects: Any, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        hepnb.write(tmp_path / "a.root", objects)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_replaced(tmp_path: Path) -> None:
    path = hepnb.write(tmp_path / "a.root", {"t": {"x": [1.0]}})
    with pytest.raises(FileError, match="exists already"):
        hepnb.write(path, {"t": {"x": [2.0]}})
    assert hepnb.open(path)["t"].arrays("x")["x"].tolist() == [1.0]
    hepnb.write(path, {"t": {"x": [2.0]}}, overwrite=True)
    assert hepnb.open(path)["t"].arrays("x")["x"].tolist() == [2.0]
