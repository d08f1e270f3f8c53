"""Damaged files: an error of ours or what is right, never a crash, a hang, or invented numbers.

The damage is done, and the files are read, in a process of its own with a limit on its memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import uproot
import xxhash

import hepnb.events
from hepnb.errors import BranchError, FileError, HepnbError
from hepnb.events import Tree
from hepnb.events.sources.column_cache import COLUMNS

SECONDS = 10.0
MEMORY = 1 << 30
CHILD = Path(__file__).with_name("damage.py")


def _damage(source, first, last, folder):
    """Run the seeds in a child; give what it said of each."""
    command = [sys.executable, str(CHILD), str(source), str(first), str(last), str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=270, check=False)
        printed, ended = done.stdout, f"ended with {done.returncode}: {done.stderr[-800:]}"
    except subprocess.TimeoutExpired as error:
        printed, ended = (error.stdout or b"").decode(), "hangs"
    lines = [json.loads(line) for line in printed.splitlines()]
    begun = [line["begins"] for line in lines if "begins" in line]
    said = {line["seed"]: line for line in lines if "seed" in line}
    assert set(said) == set(range(first, last)), f"seed {begun[-1] if begun else first} {ended}"
    assert lines[-1]["peak"] < MEMORY
    return said


@pytest.mark.parametrize(
    ("name", "n_seeds", "n_told"),
    [
        ("uproot-Zmumu.root", 150, 90),
        ("ntpl001_staff_rntuple_v1-0-1-0.root", 100, 75),
        ("Run2012BC_DoubleMuParked_Muons_1000evts_rntuple_v1-0-0-0.root", 30, 25),
    ],
)
def test_every_damage_is_told_or_harmless(name, n_seeds, n_told, data_dir, tmp_path):
    """All of these files' data are behind checksums: what is read is right, or somebody said why not."""
    _check_damage(data_dir / "root" / name, n_seeds, n_told, tmp_path)


@pytest.mark.parametrize(("name", "n_seeds", "n_told"), [("pairs.root", 80, 40), ("texts.root", 40, 25)])
def test_every_damage_of_our_files_is_told_or_harmless(name, n_seeds, n_told, generated_dir, tmp_path):
    _check_damage(generated_dir / name, n_seeds, n_told, tmp_path)


def _check_damage(source, n_seeds, n_told, folder):
    said = _damage(source, 0, n_seeds, folder)
    for seed, one in said.items():
        assert one["outcome"] in ("error", "partial", "same"), f"seed {seed}: {one}"
        assert one["seconds"] < SECONDS, f"seed {seed}: {one}"
    assert sum(one["outcome"] in ("error", "partial") for one in said.values()) >= n_told


def test_lists_and_text_without_checksums_do_not_crash(data_dir, tmp_path):
    said = _damage(data_dir / "root" / "uproot-stl_containers.root", 0, 25, tmp_path)
    for seed, one in said.items():
        assert one["outcome"] != "raised", f"seed {seed}: {one}"
        assert one["seconds"] < SECONDS, f"seed {seed}: {one}"


def _patched(path, old, new):
    data = path.read_bytes()
    assert data.count(old) >= 1
    path.write_bytes(data.replace(old, new))
    return path


@pytest.fixture
def small(tmp_path):
    """Twenty entries in a few kilobytes, not compressed: their number is easily found."""
    path = tmp_path / "small.root"
    with uproot.recreate(path, compression=None) as file:
        file.mktree("t", {"x": "float64", "n": "int32"}).extend(
            {"x": np.arange(20.0), "n": np.arange(20, dtype=np.int32)}
        )
    return path


def _reading(file, name):
    try:
        return file["t"].arrays(name)[name].tolist()
    except HepnbError as error:
        return str(error)


def test_a_file_that_claims_a_hundred_million_entries(small):
    assert small.stat().st_size < 25_000
    true, false = (20).to_bytes(8, "big"), (100_000_000).to_bytes(8, "big")
    data = small.read_bytes()
    places = [at for at in range(len(data)) if data.startswith(true, at)]
    with uproot.open(small) as file:
        tree = file["t"]
        keys = {"tree": tree.num_entries, "branches": [branch.num_entries for branch in tree.branches]}
    assert keys == {"tree": 20, "branches": [20, 20]}
    found = 0
    # Each place where the number of entries is written, alone, and all of them together.
    for chosen in [*([place] for place in places), places]:
        changed = bytearray(data)
        for place in chosen:
            changed[place : place + 8] = false
        small.write_bytes(changed)
        file = hepnb.events.open(small)
        said = [_reading(file, name) for name in ("x", "n")]
        assert all(one == list(range(20)) or "entries" in one for one in said)
        found += any("entries" in one for one in said)
        file.close()
    assert found >= 6


def test_all_numbers_of_entries_agree_on_nonsense(small):
    """The tree, its branches and their baskets say 1e8: the bytes that there are do not."""
    with uproot.open(small) as file:
        seek = int(file["t"]["x"].member("fBasketSeek")[0])
        n_key = int(file["t"]["x"].basket_key(0).fKeylen)
    true, false = (20).to_bytes(8, "big"), (100_000_000).to_bytes(8, "big")
    _patched(small, true, false)
    data = bytearray(small.read_bytes())
    data[seek + n_key - 9 : seek + n_key - 5] = (100_000_000).to_bytes(4, "big")
    small.write_bytes(data)
    tree = hepnb.events.open(small)["t"]
    words = r"branch 'x' of tree 't' .* its basket 0 says 100,000,000 entries in 2\d\d bytes: the file may be"
    with pytest.raises(BranchError, match=words):
        tree.hist("x", 10)
    with pytest.raises(BranchError, match=words):
        tree.arrays("x", entry_stop=10)


def test_three_kilobytes_that_claim_a_hundred_million_entries(tmp_path):
    """An RNTuple whose checksums are all right: whoever made it wanted to deceive."""
    path = tmp_path / "claims.root"
    with uproot.recreate(path, compression=None) as file:
        file.mkrntuple("t", {"x": np.arange(20.0), "n": np.arange(20)})
    with uproot.open(path) as file:
        ntuple = file["t"]
        locator = ntuple.footer.cluster_group_records[0].page_list_link.locator
        footer = ntuple.members["fSeekFooter"], ntuple.members["fNBytesFooter"]
    data = bytearray(path.read_bytes())
    assert len(data) < 3500
    for start, size in (locator.offset, locator.num_bytes), footer:
        envelope = bytes(data[start : start + size - 8])
        assert envelope.count((20).to_bytes(8, "little")) == 1
        envelope = envelope.replace((20).to_bytes(8, "little"), (10**8).to_bytes(8, "little"))
        data[start : start + size - 8] = envelope
        data[start + size - 8 : start + size] = xxhash.xxh3_64_intdigest(envelope).to_bytes(8, "little")
    path.write_bytes(data)
    file = hepnb.events.open(path)
    with pytest.raises(FileError, match=r"cluster 0 says 100,000,000 entries, its columns have at most 20\."):
        file["t"]
    with pytest.raises(FileError, match=r"cluster 0 says 100,000,000 entries, its columns have at most 20\."):
        Tree(str(path), "t").hist("x", 10)


def test_a_basket_that_claims_gigabytes(small):
    with uproot.open(small) as file:
        seek = int(file["t"]["x"].member("fBasketSeek")[0])
    data = bytearray(small.read_bytes())
    data[seek + 6 : seek + 10] = (2**31 - 1).to_bytes(4, "big")
    small.write_bytes(data)
    with pytest.raises(
        BranchError, match=r"basket 0 claims 2,147,483,647 bytes in \d+\. The file is damaged"
    ):
        hepnb.events.open(small)["t"].hist("x", 10)


def test_a_list_of_objects_that_is_cut_short(tmp_path):
    path = tmp_path / "objects.root"
    with uproot.recreate(path) as file:
        for name in ("first", "second", "third"):
            file[name] = np.histogram([1.0, 2.0])
    data = bytearray(path.read_bytes())
    with uproot.open(path) as file:
        start = int(file._fSeekKeys) + int(data[int(file._fSeekKeys) + 15])
    assert int.from_bytes(data[start : start + 4], "big") == 3
    data[start : start + 4] = (1).to_bytes(4, "big")
    path.write_bytes(data)
    with pytest.raises(FileError, match=r"list of objects .* it says 1 objects, but there are more in it"):
        hepnb.events.open(path).keys()


def test_an_object_whose_list_and_record_differ(tmp_path):
    path = tmp_path / "objects.root"
    with uproot.recreate(path) as file:
        file["histogram"] = np.histogram([1.0, 2.0])
    with uproot.open(path) as file:
        key = file.key("histogram")
        seek, listed = int(key.fSeekKey), int(file._fSeekKeys)
    data = bytearray(path.read_bytes())
    at = data.index(b"histogram", listed)
    data[at : at + 9] = b"hxstogram"
    path.write_bytes(data)
    with pytest.raises(
        FileError, match=r"list of objects has 'hxstogram', a TH1D, where 'histogram', a TH1D"
    ):
        hepnb.events.open(path)["hxstogram"]
    data[at : at + 9] = b"histogram"
    data[seek + 6 : seek + 10] = (7).to_bytes(4, "big")
    path.write_bytes(data)
    with pytest.raises(FileError, match=r"the list of objects says of 'histogram' .* its record .*, 7, "):
        hepnb.events.open(path)["histogram"]


def _read_all(path):
    tree = hepnb.events.open(path)["Staff"]
    for branch in tree.branches:
        tree.arrays(branch.expression)


def test_pages_and_page_lists_are_verified(data_dir, tmp_path):
    source = data_dir / "root" / "ntpl001_staff_rntuple_v1-0-1-0.root"
    data = source.read_bytes()
    with uproot.open(source) as file:
        ntuple = file["Staff"]
        page = ntuple.page_link_list[0][0].pages[0].locator
        envelope = ntuple.footer.cluster_group_records[0].page_list_link.locator
    path = tmp_path / "page.root"
    for locator, words in (
        (page, r"the checksum of the page at byte \d.* differs\. The file is damaged"),
        (envelope, r"cannot be read: .*(checksum of page list 0 differs|compressed bytes)"),
    ):
        changed = bytearray(data)
        changed[locator.offset + locator.num_bytes // 2] ^= 1
        path.write_bytes(changed)
        with pytest.raises(HepnbError, match=words):
            _read_all(path)


def _written(path, n, offset):
    with uproot.recreate(path) as file:
        file.mktree("t", {"x": "float64"}).extend({"x": np.arange(float(n)) + offset})


USES = {
    "hist": lambda tree, progress: tree.hist("x", (10, 0, 1000), progress=progress, threads=1),
    "cutflow": lambda tree, progress: tree.cutflow({"a": "x > 3"}, progress=progress, threads=1),
    "stream": lambda tree, progress: list(tree.stream("x", step_size=500, progress=progress)),
}


@pytest.mark.parametrize("how", USES)
@pytest.mark.parametrize("cached", [False, True])
def test_a_file_that_changes_while_it_is_read(tmp_path, how, cached):
    for number in range(2):
        _written(tmp_path / f"{number}.root", 1000, 0)
    tree = hepnb.events.open(tmp_path / "?.root")["t"]
    COLUMNS.clear()
    if cached:
        tree.arrays("x")
    changed = []

    def change(done, total):
        if not changed and done < total:
            changed.append(done)
            _written(tmp_path / "1.root", 900, 7)

    words = r"1\.root' changed while it was being read: it was [\d,]+ bytes of .*, it is .* Wait until"
    with pytest.raises(FileError, match=words):
        USES[how](tree, change)
    assert changed
    # Whoever asks again gets what the files hold now.
    assert tree.arrays("x")["x"][1000] == 7
    assert tree.n_entries == 1900


@pytest.mark.parametrize(
    "name",
    [
        "a/b/c",
        "größe [GeV]",
        "two words",
        "x;1",
        "x:y",
        "été",
        "日本",
        "a.b",
        "1st",
        "np",
        "sum",
        "'q\"",
        " ",
    ],
)
def test_names_of_objects_and_branches(tmp_path, name):
    stand_in = "Q" * len(name.encode())
    path = tmp_path / "names.root"
    with uproot.recreate(path, compression=None) as file:
        file.mktree(stand_in, {stand_in: "float64", "other": "float64"}).extend(
            {stand_in: np.arange(4.0), "other": np.ones(4)}
        )
        file[f"in/{stand_in}"] = np.histogram([1.0, 2.0])
    path.write_bytes(path.read_bytes().replace(stand_in.encode(), name.encode()))
    file = hepnb.events.open(path)
    entries = {entry.path: entry for entry in file.walk()}
    assert {name, f"in/{name}", "in"} == set(entries)
    assert file[entries[f"in/{name}"].key].sum() == 2
    tree = file[entries[name].key]
    assert isinstance(tree, Tree)
    assert tree.name == name
    branch = tree.branches[0]
    assert branch.name == name
    assert tree.arrays({"value": branch.expression})["value"].tolist() == [0, 1, 2, 3]
    assert tree.hist(branch.expression, (4, 0, 4), cut=f"{branch.expression} > 1").values().sum() == 2
    assert eval(tree.code, {"hepnb": hepnb}) == tree
