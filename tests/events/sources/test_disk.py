"""Columns on disk: read once, mapped from then on, never wrong."""

from __future__ import annotations

import os

import awkward as ak
import numpy as np
import pytest
import uproot

import hepnb
from hepnb.errors import BranchError, FileError, SelectionError
from hepnb.events import COLUMNS, DiskColumns

KEY = (("a.root", 1, 2), "events", "x")


@pytest.fixture
def disk(tmp_path):
    COLUMNS.clear()
    COLUMNS.disk = DiskColumns(tmp_path / "columns")
    yield COLUMNS.disk
    COLUMNS.disk = None
    COLUMNS.clear()


@pytest.mark.parametrize(
    "column",
    [
        np.arange(50.0),
        np.arange(50) - 25,
        np.arange(50) > 20,
        ak.unflatten(np.arange(100.0), [0, 1, 2, 3, 4] * 10),
        ak.unflatten(np.arange(0), np.zeros(50, dtype=int)),
    ],
)
def test_what_comes_back_is_what_was_put(tmp_path, column):
    DiskColumns(tmp_path).put(KEY, 100, 150, column)
    other = DiskColumns(tmp_path)
    for start, stop in ((100, 150), (110, 120), (149, 150)):
        found = other.get(KEY, start, stop)
        expected = column[start - 100 : stop - 100]
        assert ak.almost_equal(ak.Array(found), ak.Array(expected), rtol=0, atol=0)
        assert ak.Array(found).type == ak.Array(expected).type
    assert other.get(KEY, 90, 110) is None
    assert other.get((("a.root", 1, 3), "events", "x"), 100, 150) is None
    other.clear()
    assert other.used == 0
    assert other.get(KEY, 100, 150) is None


def test_what_is_not_kept(tmp_path):
    disk = DiskColumns(tmp_path, budget="1 kB")
    for column in (np.array(["a", "b"]), ak.Array([[[1.0]], [[2.0]]]), np.zeros(1000)):
        disk.put(KEY, 0, len(column), column)
    assert disk.used == 0


def test_the_least_recently_used_go(tmp_path):
    disk = DiskColumns(tmp_path, budget="5 kB")
    for number in range(4):
        disk.put((KEY[0], "t", f"x{number}"), 0, 100, np.zeros(100))
        for path in tmp_path.glob("*/*.npy"):
            os.utime(path, ns=(path.stat().st_mtime_ns - 10**9,) * 2)
    disk.get((KEY[0], "t", "x0"), 0, 100)
    for number in range(4, 7):
        disk.put((KEY[0], "t", f"x{number}"), 0, 100, np.zeros(100))
    assert disk.used <= 5 * 1024
    assert disk.get((KEY[0], "t", "x0"), 0, 100) is not None
    assert disk.get((KEY[0], "t", "x1"), 0, 100) is None


@pytest.mark.parametrize("part", ["numbers", "lists", "content"])
def test_damaged_columns_are_read_anew(tmp_path, part):
    disk = DiskColumns(tmp_path)
    for column in (np.arange(50.0), ak.unflatten(np.arange(100.0), [2] * 50)):
        disk.put((KEY[0], "t", str(type(column))), 0, 50, column)
    (path,) = tmp_path.glob(f"*/*.{part}.npy")
    for damage in (lambda data: data[:-8], lambda data: b"", lambda data: b"x" + data[1:]):
        data = path.read_bytes()
        path.write_bytes(damage(data))
        key = next(
            (KEY[0], "t", str(kind))
            for kind in (np.ndarray, ak.Array)
            if (kind is ak.Array) == (part != "numbers")
        )
        assert disk.get(key, 0, 50) is None
        path.write_bytes(data)
        column = ak.unflatten(np.arange(100.0), [2] * 50) if part != "numbers" else np.arange(50.0)
        disk.put(key, 0, 50, column)
        assert disk.get(key, 0, 50) is not None


def test_a_pass_reads_its_file_once(disk, tmp_path, monkeypatch):
    path = tmp_path / "made.root"
    generator = np.random.default_rng(3)
    counts = generator.integers(0, 4, 20_000)
    with uproot.recreate(path) as file:
        file.mktree("t", {"x": "float32", "jets": "var * float32"}).extend(
            {
                "x": generator.normal(size=20_000).astype(np.float32),
                "jets": ak.unflatten(generator.normal(size=counts.sum()).astype(np.float32), counts),
            }
        )
    tree = hepnb.open(path)["t"]
    fills = {"x": ("x + count(jets)", (20, -3, 6), "x > -1"), "jets": ("flatten(jets)", (20, -3, 3))}
    expected = tree.fill(fills)
    assert disk.used > 20_000 * 8
    COLUMNS.clear()
    monkeypatch.setattr("hepnb.events.passes.memory_plan._SMALL", 0)
    monkeypatch.setattr(COLUMNS, "_budget", 0)

    def nothing(*_):
        raise AssertionError("the column is on the disk")

    monkeypatch.setattr("hepnb.events.sources.root_tree.to_column", nothing)
    again = tree.fill(fills)
    for name, histogram in expected.histograms.items():
        np.testing.assert_array_equal(again[name].view(flow=True), histogram.view(flow=True))
    # Another state of the file is another column.
    os.utime(path, ns=(0, 10**18))
    with pytest.raises(BranchError, match="on the disk"):
        hepnb.open(path)["t"].fill(fills)


def test_folders_and_budgets_that_are_none(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot be made"):
        DiskColumns(tmp_path / "file" / "columns")
    with pytest.raises(SelectionError, match="budget='much' is not a memory size"):
        DiskColumns(tmp_path, budget="much")
