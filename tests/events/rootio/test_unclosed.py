"""Files that were not closed: what is there is found, and that something is missing is said."""

from __future__ import annotations

import struct
import warnings

import awkward as ak
import numpy as np
import pytest
import uproot

import hepnb.events
from hepnb.errors import FileError, HepnbError
from hepnb.events.rootio.headers import check_header


@pytest.fixture
def path(tmp_path):
    """A file with everything in it, closed."""
    path = tmp_path / "events.root"
    with uproot.recreate(path) as file:
        file["gone"] = np.histogram([1.0, 2.0])
        file["h"] = np.histogram([1.0, 2.0, 3.0], bins=3)
        file.mktree("t", {"x": "float64", "v": "var * int32"})
        for _ in range(12):
            file["t"].extend({"x": np.arange(5.0), "v": ak.Array([[1], [2, 3], [], [4], [5]])})
        file["in/h"] = np.histogram([1.0, 2.0], bins=3)
        file.mkrntuple("in/deeper/n", {"x": np.arange(5.0)})
    return path


def _changed(path, *, folders=(), **header):
    """Change the header, and let folders have no list of objects: the file as it is until it is closed."""
    with uproot.open(path) as file:
        places = [int(file.file.fBEGIN) + int(file.file.fNbytesName)]
        places += [int(file.key(name).fSeekKey) + int(file.key(name).fKeylen) for name in folders]
    data = bytearray(path.read_bytes())
    for place in places if header.pop("lists", True) else ():
        # The number of bytes of the list, and where it is.
        data[place + 10 : place + 14] = data[place + 26 : place + 30] = bytes(4)
    for name, value in header.items():
        at = {"end": 12, "free": 16, "n_free": 20, "info": 37, "n_info": 41}[name]
        data[at : at + 4] = value.to_bytes(4, "big")
    path.write_bytes(data)
    return hepnb.events.open(path)


def _walk(file):
    with pytest.warns(UserWarning, match="was not closed"):
        return {entry.key: entry for entry in file.walk()}


@pytest.mark.parametrize("end", [300, None])
@pytest.mark.parametrize("folders", [(), ("in", "in/deeper")])
def test_objects_are_found_without_a_list_of_them(path, folders, end):
    """As ROOT leaves a file until it is closed; the header has the end of it after an AutoSave."""
    end = path.stat().st_size if end is None else end
    file = _changed(path, folders=folders, end=end, free=0, n_free=0, info=0, n_info=0)
    entries = _walk(file)
    assert {"h;1", "t;1", "in;1", "in/h;1", "in/deeper;1", "in/deeper/n;1"} <= set(entries)
    assert all(entry.readable for entry in entries.values())
    assert file["h"].values().tolist() == [1, 1, 1]
    assert file["in/h"].sum() == 2
    assert file["t"].arrays("x")["x"].tolist() == [0, 1, 2, 3, 4] * 12
    assert file["t"].arrays({"n": "count(v)"})["n"].tolist() == [1, 2, 0, 1, 1] * 12
    assert file["in/deeper/n"].arrays("x")["x"].tolist() == [0, 1, 2, 3, 4]


def test_a_file_that_ends_in_the_middle_of_a_record(path):
    data = path.read_bytes()
    with uproot.open(path) as file:
        cut = int(file.key("t").fSeekKey) + 100
    path.write_bytes(data[:cut])
    with pytest.raises(FileError, match=r"is truncated.*not close it"):
        hepnb.events.open(path)
    path.write_bytes(data)
    file = _changed(path, end=300, free=0, n_free=0, info=0, n_info=0)
    path.write_bytes(path.read_bytes()[:cut])
    entries = _walk(file)
    assert "h;1" in entries
    assert "t;1" not in entries
    assert file["h"].values().tolist() == [1, 1, 1]


def test_a_file_that_was_not_closed_and_ends_before_the_end_it_says(path):
    """What the system had in memory when the machine stopped is not there."""
    size = path.stat().st_size
    with uproot.open(path) as file:
        cut = int(file.key("t").fSeekKey) + 100
    file = _changed(path, end=size, free=0, n_free=0, info=0, n_info=0)
    path.write_bytes(path.read_bytes()[:cut])
    file = hepnb.events.open(path)
    entries = _walk(file)
    assert "h;1" in entries
    assert "t;1" not in entries
    assert file["h"].values().tolist() == [1, 1, 1]


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("closed", [False, True])
def test_a_header_that_says_more_than_there_is(tmp_path, large, closed):
    """In files of more than 2 GB places take 8 bytes each; the folder at the top says where its list is."""
    wide, n = ("q", 8) if large else ("i", 4)
    version, folder_version = (1_062_400, 1005) if large else (62_400, 5)
    header = struct.pack(f">4sii{wide}{wide}iii", b"root", version, 100, 10**6, 0, 0, 0, 60)
    places = struct.pack(f">{wide}{wide}{wide}", 100, 0, 500 if closed else 0)
    folder = struct.pack(">hIIii", folder_version, 0, 0, 40, 60) + places
    path = tmp_path / "header.root"
    path.write_bytes(header.ljust(160, b"\0") + folder.ljust(200, b"\0"))
    assert len(header) == 24 + 2 * n
    if closed:
        with pytest.raises(FileError, match="is truncated"):
            check_header(str(path))
    else:
        check_header(str(path))


def test_a_list_that_was_written_before_there_were_objects(tmp_path):
    """As after a first save of an empty file: the list is there, and empty; objects come behind the end."""
    path = tmp_path / "early.root"
    with uproot.recreate(path):
        pass
    early = path.read_bytes()
    with uproot.open(path) as file:
        n_list = int(file.file.fEND) - int(file._fSeekKeys)
    with uproot.update(path) as file:
        file["h"] = np.histogram([1.0, 2.0, 3.0], bins=3)
    late = path.read_bytes()
    with uproot.open(path) as file:
        key = file.key("h")
        record = late[int(key.fSeekKey) : int(key.fSeekKey) + int(key.fNbytes)]
    # The record at a place of its own behind the empty list.
    place = len(early)
    record = record[:18] + place.to_bytes(4, "big") + record[22:]
    assert n_list > 0
    path.write_bytes(early + record + bytes(100))
    file = hepnb.events.open(path)
    entries = _walk(file)
    assert set(entries) == {"h;1"}
    assert file["h"].values().tolist() == [1, 1, 1]


def test_left_over_bytes_behind_an_empty_file_are_nothing(tmp_path):
    path = tmp_path / "padded.root"
    with uproot.recreate(path):
        pass
    path.write_bytes(path.read_bytes() + bytes(5000))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert hepnb.events.open(path).keys() == []


def test_nothing_is_found(tmp_path):
    path = tmp_path / "empty.root"
    with uproot.recreate(path) as file:
        file["h"] = np.histogram([1.0])
    file = _changed(path, end=300, free=0, n_free=0, info=0, n_info=0)
    data = path.read_bytes()
    # The first record, which is the file itself, begins at byte 100.
    n_bytes = int.from_bytes(data[100:104], "big")
    path.write_bytes(data[: 100 + n_bytes] + bytes(500))
    with pytest.raises(FileError, match="was not closed"):
        file.keys()


def test_a_file_to_which_nothing_was_written_is_empty(tmp_path):
    path = tmp_path / "new.root"
    with uproot.recreate(path):
        pass
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert hepnb.events.open(path).keys() == []


@pytest.mark.parametrize("place", [0, 200, 2**31 - 9])
def test_descriptions_of_classes_that_are_not_where_the_header_says(path, place):
    file = _changed(path, lists=False, info=place)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert file["h"].values().tolist() == [1, 1, 1]
        assert file["t"].arrays("x")["x"].tolist() == [0, 1, 2, 3, 4] * 12
    assert any("classes" in str(one.message) for one in said) == bool(place)


def test_one_branch_that_contradicts_itself_leaves_the_others(tmp_path):
    """Its baskets in the file and in the tree do not add up; the other branches are whole."""
    path = tmp_path / "tree.root"
    with uproot.recreate(path, compression=None) as file:
        file.mktree("t", {"good": "float64", "bad": "float64"})
        file["t"].extend({"good": np.arange(321.0), "bad": np.arange(321.0)})
    with uproot.open(path) as file:
        key = file.key("t")
        low, high = int(key.fSeekKey), int(key.fSeekKey) + int(key.fNbytes)
    data = bytearray(path.read_bytes())
    at = data.index(b"\x03bad", low, high)
    entries = (321).to_bytes(8, "big")
    # The first is the number of the next entry, the second how many there are.
    place = data.index(entries, data.index(entries, at, high) + 8, high)
    data[place : place + 8] = (322).to_bytes(8, "big")
    path.write_bytes(data)
    file = hepnb.events.open(path)
    assert [entry.readable for entry in file.walk()] == [True]
    tree = file["t"]
    assert {branch.name: branch.readable for branch in tree.branches} == {"good": True, "bad": False}
    assert "damaged" not in tree.branch("bad").reason
    assert tree.arrays("good")["good"].tolist() == list(range(321))
    with pytest.raises(HepnbError, match="bad"):
        tree.arrays("bad")
