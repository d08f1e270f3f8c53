"""Columns of another tree beside those of a tree."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import uproot

import hepnb.events
from hepnb.errors import BranchError


def _write(path, **columns):
    with uproot.recreate(path) as file:
        file.mktree("t", {name: np.asarray(column).dtype for name, column in columns.items()}).extend(columns)
    return hepnb.events.open(path)["t"]


@pytest.fixture
def events(tmp_path):
    return _write(tmp_path / "events.root", x=np.arange(100.0), n=np.arange(100) % 3)


@pytest.fixture
def weights(tmp_path):
    return _write(tmp_path / "weights.root", x=np.arange(100.0) / 10, w=np.full(100, 0.5))


def test_columns_of_both(events, weights):
    both = events.with_friend(weights, prefix="f_")
    assert [branch.name for branch in both.branches] == ["x", "n", "f_x", "f_w"]
    assert (both.name, both.n_entries, both.file) == ("t", 100, events.file)
    histogram = both.hist("x - 10 * f_x", (2, -1, 1), cut="n == 1", weight="f_w")
    assert histogram.values().tolist() == [0, 16.5]
    assert both.cutflow({"some": "f_x > 5"}, weight="f_w")["some"].sumw == 0.5 * 49
    found = both.arrays(["f_x", "x"], cut="f_w > 0", entry_start=20, entry_stop=22)
    assert {name: column.tolist() for name, column in found.items()} == {"f_x": [2.0, 2.1], "x": [20, 21]}
    cube = both.cube("x", (10, 0, 100), {"f_x": (10, 0, 10)}, weight="f_w")
    assert cube.slice(f_x=(5, 10)).values().sum() == 25


def test_a_friend_is_a_value(events, weights):
    both = events.with_friend(weights, prefix="f_")
    copy = pickle.loads(pickle.dumps(both))
    assert copy == both
    assert copy != events
    assert hash(copy) == hash(both)
    assert copy.hist("f_x", (1, 0, 10)).values()[0] == 100
    again = eval(both.code, {"hepnb": hepnb})
    assert again == both


def test_friends_of_friends_and_of_chains(tmp_path, weights):
    _write(tmp_path / "part0.root", x=np.arange(30.0))
    _write(tmp_path / "part1.root", x=np.arange(30.0, 100.0))
    chain = hepnb.events.open(tmp_path / "part*.root")["t"]
    both = chain.with_friend(weights, "f_").with_friend(weights, "g_")
    assert both.arrays("f_x + g_x - x / 5")["f_x + g_x - x / 5"].tolist() == pytest.approx([0] * 100)
    assert [chunk.start for chunk in both.stream("g_x", step_size=50)] == [0, 30, 80]
    turned = weights.with_friend(chain, "c_")
    assert turned.hist("c_x", (10, 0, 100)).values().tolist() == [10.0] * 10


def test_friends_that_do_not_fit(events, weights, tmp_path):
    with pytest.raises(
        BranchError, match=r"both have 'x'\. Give a prefix: with_friend\(other, prefix='t_'\)"
    ):
        events.with_friend(weights)
    short = _write(tmp_path / "short.root", y=np.zeros(90))
    with pytest.raises(BranchError, match=r"has 100 entries, its friend 't' of .*short\.root' has 90"):
        events.with_friend(short)
    with pytest.raises(BranchError, match=r"a friend is a tree, not 'weights\.root'"):
        events.with_friend("weights.root")
    (tmp_path / "bad.root").write_bytes(b"root")
    with pytest.warns(UserWarning, match="left out"):
        partial = hepnb.events.open([short.file, tmp_path / "bad.root"], on_error="skip")["t"]
    same = _write(tmp_path / "same.root", z=np.zeros(90))
    with pytest.raises(BranchError, match=r"files are left out of the tree 't' \(left out: .*bad\.root' "):
        same.with_friend(partial)


def test_a_friend_that_is_written_again(events, weights, tmp_path):
    both = events.with_friend(weights, "f_")
    assert both.hist("f_w", (1, 0, 1)).values()[0] == 100
    _write(tmp_path / "weights.root", w=np.zeros(99))
    with pytest.raises(BranchError, match=r"has 100 entries, its friend 't' of .*weights\.root' has 99"):
        both.hist("x", (1, 0, 1000))


def test_unreadable_branches_of_a_friend(events, data_dir):
    other = hepnb.events.open(data_dir / "root" / "uproot-stl_containers.root")["tree"]
    both = _write_like(events, other.n_entries).with_friend(other, "f_")
    with pytest.raises(BranchError, match=r"branch 'f_vector_string' of tree 't' cannot be used"):
        both.hist("count(f_vector_string)", 10)


def _write_like(events, n):
    return _write(events.file.replace("events", "few"), x=np.arange(float(n)))
