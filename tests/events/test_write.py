"""What is written is what is read again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hepnb
from hepnb.errors import BranchError, FileError
from hepnb.events.write import write_trees


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
