"""The first look at a file reads what is asked for and no more, and gives what a look at everything gives."""

from __future__ import annotations

import re
import shutil
import threading

import hist
import numpy as np
import pytest
import uproot

import hepnb
from hepnb.errors import BinningError, FileError
from hepnb.events.rootio import directory
from hepnb.events.rootio.directory import listing_of
from hepnb.events.rootio.open_files import acquire
from hepnb.events.sources import root_tree
from hepnb.events.sources.column_cache import COLUMNS

TYPES = {"f4": ">f4", "f8": ">f8", "i1": ">i1", "u4": ">u4", "i8": ">i8", "b": "?"}


@pytest.fixture
def path(tmp_path):
    """Trees and histograms in folders, with names that look like paths and cycles."""
    path = tmp_path / "events.root"
    one = np.histogram([1.0, 2.0])
    with uproot.recreate(path, compression=None) as file:
        for name in ("h", "d/h", "d/e/h", "d_h", "d/e_h", "x", "x_1", "z/x"):
            file[name] = one
        file["h"] = np.histogram([1.0, 2.0, 3.0])
        file.mktree("d/t", {"x": "float64"})
        file["d/t"].extend({"x": np.arange(7.0)})
        file.mkrntuple("d/n", {"x": np.arange(5.0)})
    data = path.read_bytes()
    for name, odd in ((b"d_h", b"d/h"), (b"e_h", b"e/h"), (b"x_1", b"x;1")):
        data = data.replace(b"\x03" + name, b"\x03" + odd)
    path.write_bytes(data)
    return path


def _linear(entries, wanted):
    """The lookup written down once more: over all objects."""
    found = [entry for entry in entries if wanted in (entry.path, entry.key)]
    return max(found, key=lambda entry: (entry.path == wanted, entry.cycle)) if found else None


@pytest.mark.parametrize("listed_first", [False, True])
def test_an_object_is_found_as_in_the_list_of_all(path, listed_first):
    file = hepnb.open(path)
    entries = file.walk()
    assert {"d/h;1", "x;1;1", "x;1", "d/e/h;1", "h;2"} <= {entry.key for entry in entries}
    names = {name for entry in entries for name in (entry.path, entry.key)}
    for name in (*sorted(names), "h;3", "d/none", "none/h", "d;1", "x;1;2", "d/", "/d//h"):
        if not listed_first:
            file.close()
        expected = _linear(entries, name) or _linear(entries, re.sub(r"/+", "/", name.strip("/")))
        assert hepnb.open(path).entry(name) == expected
        assert (name in file) == (expected is not None)
    inside = file["d"]
    assert [inside.entry(entry.key) for entry in inside.walk()] == [
        _linear(inside.walk(), entry.key) for entry in inside.walk()
    ]
    assert inside.keys() == [entry.key for entry in inside.walk()]
    assert file.keys() == [entry.key for entry in entries]


def test_a_cycle_of_a_folder_may_be_named(path):
    assert hepnb.open(path)["d;1/t"].arrays("x")["x"].tolist() == list(range(7))


def test_one_object_opens_the_folders_of_its_path(path, monkeypatch):
    listed = []
    known = directory._listed
    monkeypatch.setattr(
        directory, "_listed", lambda handle, folder, prefix, *rest: (
            listed.append(prefix),
            known(handle, folder, prefix, *rest),
        )[1],
    )  # fmt: skip
    file = hepnb.open(path)
    assert file["x"].sum() == 2
    assert file["z/x"].sum() == 2
    assert listed == ["", "z/"]


def test_lists_of_objects_read_no_tree(path, monkeypatch):
    """Paths need none; the entries of an RNTuple are in its footer."""
    monkeypatch.setattr(directory, "check_ntuple", None)
    file = hepnb.open(path)
    entries = {entry.key: entry.n_entries for entry in file.walk()}
    assert (entries["d/n;1"], entries["d/t;1"]) == (5, 7)
    file.close()
    monkeypatch.setattr(directory, "check_tree", None)
    assert {"d/n;1", "d/t;1"} <= set(file.keys())
    assert file.keys("tree") == ["d/t;1"]


def test_columns_that_are_kept_come_from_their_baskets(tmp_path, monkeypatch):
    path = tmp_path / "plain.root"
    generator = np.random.default_rng(4)
    with uproot.recreate(path, compression=uproot.ZSTD(1)) as file:
        file.mktree("t", {**TYPES, "v": "(2,)float64"})
        for n in (3000, 1, 2000):
            columns = {name: (100 * generator.random(n)).astype(kind) for name, kind in TYPES.items()}
            file["t"].extend({**columns, "v": np.ones((n, 2))})
    with uproot.open(path) as file:
        expected = file["t"].arrays([*TYPES], library="np")
    tree = hepnb.open(path)["t"]
    # uproot is not asked: what cannot be read without it would be an error.
    monkeypatch.setattr(root_tree, "_read", None)
    for start, stop in ((0, None), (2999, 3002), (5, 5), (4000, 9000)):
        COLUMNS.clear()
        found = tree.arrays([*TYPES], entry_start=start, entry_stop=stop)
        for name, column in found.items():
            assert column.dtype == {"f": np.float64, "b": np.bool_}.get(np.dtype(TYPES[name]).kind, np.int64)
            np.testing.assert_array_equal(column, expected[name][start:stop])
    COLUMNS.clear()
    filled = tree.hist("f4", (10, 0, 100), cut="i1 > 30", weight="f8")
    chosen = expected["i1"] > 30
    sums, _ = np.histogram(expected["f4"][chosen], 10, (0, 100), weights=expected["f8"][chosen])
    np.testing.assert_allclose(filled.values(), sums, rtol=1e-12)
    assert COLUMNS.used > 0
    with pytest.raises(TypeError):
        tree.arrays("sum(v)")


def test_files_of_a_chain_that_were_closed_again_are_read_from_their_baskets(tmp_path, monkeypatch):
    """More files than are kept open."""
    path = tmp_path / "0.root"
    with uproot.recreate(path) as file:
        file.mktree("t", {"x": "int32"})
        file["t"].extend({"x": np.arange(100)})
    for number in range(1, 20):
        shutil.copy(path, tmp_path / f"{number}.root")
    tree = hepnb.open([str(tmp_path / f"{number}.root") for number in range(20)])["t"]
    monkeypatch.setattr(root_tree, "_read", None)
    assert tree.hist("x", (2, 0, 100)).values().tolist() == [1000, 1000]


@pytest.fixture
def many(tmp_path):
    """Thirty files of one entry each."""
    files = [str(tmp_path / f"{number:02}.root") for number in range(30)]
    for number, name in enumerate(files):
        with uproot.recreate(name) as file:
            file.mktree("t", {"x": "int64"})
            file["t"].extend({"x": np.array([number])})
    return files


def test_a_chain_is_in_the_order_of_its_files(many):
    done = []
    tree = hepnb.open(many).tree("t", progress=lambda *told: done.append(told))
    assert tree.arrays("x")["x"].tolist() == list(range(30))
    assert tree.files == tuple(many)
    assert done == [(number, 30) for number in range(31)]
    assert [entry.n_entries for entry in hepnb.open(many).walk()] == [30]


def test_the_first_file_that_fails_is_named(many):
    for number in (7, 25):
        with uproot.recreate(many[number]) as file:
            file["other"] = np.histogram([1.0])
    files = hepnb.open(many)
    for _ in range(3):
        with pytest.raises(FileError, match=r"07\.root"):
            files["t"]
    with pytest.warns(UserWarning, match="left out") as said:
        tree = hepnb.open(many, on_error="skip")["t"]
    assert [str(one.message).count(".root") > 0 for one in said] == [True, True]
    assert [skipped.file for skipped in tree.skipped] == [many[7], many[25]]
    assert tree.n_entries == 28


def test_files_that_are_no_files_are_named_in_order(many):
    for number in (3, 4):
        with open(many[number], "wb") as file:  # noqa: PTH123
            file.write(b"text")
    with pytest.raises(FileError, match=r"03\.root"):
        hepnb.open(many)


def test_opening_a_chain_is_cancelled(many):
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(FileError, match="cancelled after 0 of 30 files"):
        hepnb.open(many).tree("t", cancel=cancel)


def test_a_file_that_cannot_be_opened_is_tried_again(tmp_path, many):
    path = tmp_path / "late.root"
    path.write_bytes(b"something else")
    with pytest.raises(FileError):
        hepnb.open(path)
    shutil.copy(many[0], path)
    assert hepnb.open(path)["t"].n_entries == 1
    with acquire(str(path)) as handle:
        assert [entry.path for entry in listing_of(handle)] == ["t"]


def test_axes_of_one_name_are_refused(many):
    tree = hepnb.open(many[0])["t"]
    same = hist.axis.Regular(2, 0, 1, name="same")
    with pytest.raises(BinningError, match="same"):
        tree.hist(("x", "x"), (same, same))
    alone = hist.axis.Regular(2, 0, 2)
    assert tree.hist(("x", "x"), (alone, alone)).sum().value == 1
