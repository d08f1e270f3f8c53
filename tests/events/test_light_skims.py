"""Light skims lead to their originals and to nothing else; remote files that change are told."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

import hepnb
from hepnb.errors import FileError
from hepnb.events.sources import originals
from hepnb.events.sources.column_cache import COLUMNS
from hepnb.events.writing.write import write_trees

N = 2000
ORIGINAL = [field.name for field in dataclasses.fields(originals.Original)]
X = np.arange(float(N))


def write(path: Path, x: Any = X, **more: Any) -> Path:
    COLUMNS.clear()
    return write_trees(path, {"t": {"x": x, "z": 2 * x, **more}})


@pytest.fixture(params=["root", "parquet"])
def suffix(request: pytest.FixtureRequest) -> str:
    if request.param == "parquet":
        pytest.importorskip("pyarrow")
    return str(request.param)


def light(original: Path, path: Path) -> Path:
    tree = hepnb.open(original)["t"]
    method = tree.to_parquet if path.suffix == ".parquet" else tree.skim
    method(path, {"x": "x"}, cut="x > 1500", references=True, overwrite=True)
    return path


def opened(path: Path, **options: Any) -> np.ndarray:
    COLUMNS.clear()
    got = hepnb.open_skim(path, **options).arrays(["x", "z"])
    np.testing.assert_array_equal(got["z"], 2 * got["x"])
    return got["z"]


@pytest.mark.parametrize("other", [X[::-1], np.roll(X, 1), X + 1, X * 1.0])
def test_an_original_that_was_written_again_is_another_file(tmp_path: Path, suffix: str, other: Any) -> None:
    skim = light(write(tmp_path / "a.root"), tmp_path / f"light.{suffix}")
    assert opened(skim).size == 499
    write(tmp_path / "a.root", other)
    with pytest.raises(FileError, match=r"a\.root' .* when .*light|a\.root' is another file than the one"):
        opened(skim)


def test_an_original_that_changes_while_its_skim_is_open(tmp_path: Path) -> None:
    tree = hepnb.open_skim(light(write(tmp_path / "a.root"), tmp_path / "light.root"))
    assert tree.arrays("z")["z"].size == 499
    write(tmp_path / "a.root", X[::-1])
    with pytest.raises(FileError, match=r"a\.root'"):
        tree.arrays("z")


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_a_byte_that_was_changed_in_place(tmp_path: Path, suffix: str) -> None:
    skim = light(write(tmp_path / "a.root"), tmp_path / f"light.{suffix}")
    flip(tmp_path / "a.root", 1000)
    with pytest.raises(FileError, match=r"a\.root' was changed after"):
        opened(skim)


def test_of_a_large_file_blocks_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(originals, "_MOST_READ", 0)
    monkeypatch.setattr(originals, "_BLOCK", 64)
    original = write(tmp_path / "a.root", np.random.default_rng(1).normal(2000, 100, N))
    assert original.stat().st_size > 64 * 16
    skim = light(original, tmp_path / "light.root")
    with uproot.open(skim) as file:
        assert file["t_sources"]["digest"].array()[0].startswith("16:")
    os.utime(original, ns=(1, 1))
    opened(skim)
    flip(original, original.stat().st_size - 5)
    with pytest.raises(FileError, match=r"a\.root' was changed after"):
        opened(skim)


def test_a_copy_is_the_original(tmp_path: Path, suffix: str) -> None:
    """Wherever it lies and whenever it was made."""
    original = write(tmp_path / "a.root")
    skim = light(original, tmp_path / f"light.{suffix}")
    there = tmp_path / "there"
    there.mkdir()
    shutil.copyfile(original, there / "a.root")
    shutil.copyfile(original, there / "renamed.root")
    original.unlink()
    assert opened(skim, folder=there).size == 499
    assert opened(skim, folder={str(original): there / "renamed.root"}).size == 499
    tree = hepnb.open_skim(skim, folder={str(original): there / "renamed.root"})
    assert eval(str(tree.code), {"hepnb": hepnb}) == tree
    with pytest.raises(FileError, match=r"names no file for the original '.*a\.root'"):
        opened(skim, folder={"b.root": there / "a.root"})
    shutil.copyfile(there / "a.root", original)
    assert opened(skim).size == 499


def changed(skim: Path, to: Path, sources: bool = False, **columns: Any) -> Path:
    """Write a skim with other columns, as somebody who wants to harm might."""
    with uproot.open(skim) as file:
        rows = {name: file["t"][name].array(library="np") for name in ("x", "source_file", "source_entry")}
        listed = {name: file["t_sources"][name].array() for name in ORIGINAL}
    (listed if sources else rows).update(columns)
    listed = {name: column for name, column in listed.items() if column is not None}
    with uproot.recreate(to) as out:
        out.mktree("t", {name: column.dtype for name, column in rows.items()})
        out["t"].extend(rows)
        types = {name: "string" if name in ("file", "tree", "uuid", "digest") else "int64" for name in listed}
        out.mktree("t_sources", types)
        out["t_sources"].extend(listed)
    return to


@pytest.mark.parametrize(
    ("column", "row", "value"),
    [
        ("source_entry", 0, N),
        ("source_entry", 498, 10**15),
        ("source_entry", 3, -1),
        ("source_entry", 3, -(2**63)),
        ("source_file", 0, 1),
        ("source_file", 498, -1),
    ],
)
def test_references_that_lead_out_of_the_file(tmp_path: Path, column: str, row: int, value: int) -> None:
    skim = light(write(tmp_path / "a.root"), tmp_path / "light.root")
    with uproot.open(skim) as file:
        values = file["t"][column].array(library="np").copy()
    values[row] = value
    harmful = changed(skim, tmp_path / "harmful.root", **{column: values})
    with pytest.raises(FileError, match=rf"harmful\.root': row {row} refers to entry"):
        opened(harmful)


def test_references_do_not_lead_into_the_next_file(tmp_path: Path) -> None:
    files = [write(tmp_path / f"{name}.root") for name in "ab"]
    tree = hepnb.open([str(file) for file in files])["t"]
    tree.skim(tmp_path / "light.root", {"x": "x"}, cut="x > 1500", references=True)
    assert opened(tmp_path / "light.root").size == 2 * 499
    with uproot.open(tmp_path / "light.root") as file:
        entries = file["t"]["source_entry"].array(library="np").copy()
    entries[0] += N
    with pytest.raises(FileError, match="row 0 refers to entry"):
        opened(changed(tmp_path / "light.root", tmp_path / "harmful.root", source_entry=entries))


def test_no_address_is_contacted_unasked(tmp_path: Path, serving: Any) -> None:
    (tmp_path / "www").mkdir()
    write(tmp_path / "www" / "a.root")
    with serving(tmp_path / "www") as server:
        url = server.url("a.root")
        hepnb.open(url)["t"].skim(tmp_path / "light.root", {"x": "x"}, cut="x > 1500", references=True)
        hepnb.open(url).close()
        n_requests = server.n_requests
        host = url.split("/")[2]
        with pytest.raises(
            FileError, match=rf"is on '{host}', which is not contacted unasked.*allow_remote=True"
        ):
            hepnb.open_skim(tmp_path / "light.root")
        assert server.n_requests == n_requests
        assert opened(tmp_path / "light.root", allow_remote=True).size == 499
        tree = hepnb.open_skim(tmp_path / "light.root", allow_remote=True)
        assert eval(str(tree.code), {"hepnb": hepnb}) == tree
        assert opened(tmp_path / "light.root", folder=tmp_path / "www").size == 499
        write(tmp_path / "www" / "a.root", X[::-1])
        hepnb.open(url).close()
        with pytest.raises(FileError, match=r"UUID differs|bytes, it had"):
            opened(tmp_path / "light.root", allow_remote=True)


@pytest.mark.parametrize(
    "address", ["http://evil.example/a.root", "simplecache::https://evil.example/a.root"]
)
def test_addresses_that_somebody_put_into_a_skim(tmp_path: Path, address: str) -> None:
    skim = light(write(tmp_path / "a.root"), tmp_path / "light.root")
    harmful = changed(skim, tmp_path / "harmful.root", sources=True, file=ak.Array([address]))
    with pytest.raises(FileError, match=r"'evil\.example', which is not contacted unasked"):
        hepnb.open_skim(harmful)


def test_a_path_to_a_file_that_is_not_the_original(tmp_path: Path) -> None:
    skim = light(write(tmp_path / "a.root"), tmp_path / "light.root")
    private = write(tmp_path / "private.root", X + 7)
    harmful = changed(skim, tmp_path / "harmful.root", sources=True, file=ak.Array([str(private)]))
    with pytest.raises(FileError, match=r"private\.root'"):
        hepnb.open_skim(harmful)


def test_a_skim_of_an_earlier_version_says_less_and_is_read(tmp_path: Path) -> None:
    skim = light(write(tmp_path / "a.root"), tmp_path / "light.root")
    old = changed(skim, tmp_path / "old.root", sources=True, uuid=None, size=None, modified=None, digest=None)
    assert opened(old).size == 499


@pytest.mark.parametrize(
    "noted", ["{}", "[]", "[3]", '[{"file": 3, "tree": "t", "n_entries": 1}]', '[{"file": "a"}]']
)
def test_a_damaged_list_of_originals(tmp_path: Path, noted: str) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    skim = light(write(tmp_path / "a.root"), tmp_path / "light.parquet")
    table = parquet.read_table(skim)
    json.loads(noted)
    parquet.write_table(table.replace_schema_metadata({"hepnb.originals": noted}), skim)
    with pytest.raises(FileError, match="list of original files is"):
        hepnb.open_skim(skim)


@pytest.mark.parametrize("validator", ["etags", "times", "size"])
def test_a_remote_file_that_changes_between_two_reads(tmp_path: Path, serving: Any, validator: str) -> None:
    path = write(tmp_path / "a.root", y=-X)
    with serving(tmp_path) as server:
        if validator != "size":
            setattr(server, validator, True)
        tree = hepnb.open(server.url("a.root"))["t"]
        assert tree.arrays("x")["x"][1] == 1
        other = np.append(X, 1.0) if validator == "size" else X[::-1]
        write(path, other, y=-other)
        os.utime(path, (10**9, 10**9))
        with pytest.raises(FileError, match=r"a\.root' changed on its server|a\.root' cannot be read"):
            tree.arrays("y")
        got = tree.arrays(["x", "y"])
        np.testing.assert_array_equal(got["x"], other)
        np.testing.assert_array_equal(got["y"], -other)


def test_a_remote_file_that_stays_is_asked_for_no_more(tmp_path: Path, serving: Any) -> None:
    write(tmp_path / "a.root", y=-X)
    counts = []
    with serving(tmp_path) as server:
        for etags in (False, True):
            server.etags = etags
            COLUMNS.clear()
            file = hepnb.open(server.url("a.root"))
            before = server.n_requests
            file["t"].arrays(["x", "y", "z"])
            counts.append(server.n_requests - before)
            file.close()
    assert counts[0] == counts[1]
