"""Opening and walking files: every object is listed, and nothing but our errors comes out."""

from __future__ import annotations

import contextlib
import os
import pickle
import random
import shutil
import struct
from pathlib import Path

import hist
import numpy as np
import pytest

import hepnb.events
from hepnb.errors import BranchError, EmptySelectionWarning, FileError, HepnbError, SelectionError
from hepnb.events import RootFile, Table, Tree
from hepnb.events.rootio.branches import readers_of
from hepnb.events.rootio.open_files import acquire

DATA = Path(os.environ.get("HEPNB_DATA_DIR") or Path(__file__).parents[4] / "shared" / "data")
FILES = sorted(path.name for path in (DATA / "root").glob("*.root"))
# Branches that uproot itself cannot read, each with a word of its error.
UNREADABLE = {
    ("uproot-issue513.root", "Particle/Particle.fBits"): "basket",
}

WANTED = {
    "directory": RootFile,
    "tree": Tree,
    "rntuple": Tree,
    "histogram": hist.Hist,
    "graph": Table,
    "other": (int, float, str, np.ndarray),
}


@pytest.fixture
def zmumu(generated_dir):
    return generated_dir / "pairs.root"


@pytest.mark.public_data
def test_there_are_files():
    assert len(FILES) > 50


@pytest.mark.parametrize("name", FILES)
def test_every_object_is_listed_and_readable_or_has_a_reason(name, data_dir):
    import uproot

    path = data_dir / "root" / name
    file = hepnb.events.open(path)
    entries = file.walk()
    with uproot.open(path) as oracle:
        expected = oracle.classnames(recursive=True, cycle=True)
    assert {entry.key: entry.classname for entry in entries} == expected
    for entry in entries:
        assert entry.name == entry.path.rpartition("/")[2]
        assert entry.depth == entry.path.count("/")
        assert entry.kind in ("directory", "tree", "rntuple", "histogram", "graph", "other")
        assert bool(entry.reason) != entry.readable
        if not entry.readable:
            with pytest.raises(FileError, match="cannot be read"):
                file[entry.key]
            continue
        found = file[entry.key]
        assert isinstance(found, WANTED[entry.kind])
        if isinstance(found, Tree):
            assert entry.n_entries == found.n_entries


def _branches(oracle):
    if "RNTuple" in oracle.classname:
        if len(oracle.field_records) > 300:
            # uproot looks through all fields for the members of each: seconds, that ours knows to avoid.
            readers_of(oracle)
        return [(key, oracle[key]) for key in oracle.keys(recursive=True)]
    return oracle.items(recursive=True, full_paths=True)


@pytest.mark.parametrize("name", FILES)
def test_every_branch_is_listed_and_read_as_uproot_reads_it(name, data_dir):
    import awkward as ak
    import uproot

    path = data_dir / "root" / name
    file = hepnb.events.open(path)
    for entry in file.walk():
        if entry.kind not in ("tree", "rntuple"):
            continue
        tree = file[entry.key]
        oracle = uproot.open(path)[entry.key]
        listed = {branch.path for branch in tree.branches}
        readers = {}
        for key, reader in _branches(oracle):
            readers.setdefault(key, reader)
        assert listed == set(readers)
        names = [branch.name for branch in tree.branches if branch.readable]
        assert len(names) == len(set(names))
        texts = {}
        for branch in tree.branches:
            assert branch.typename
            assert bool(branch.reason) != branch.readable
            if not branch.readable or branch.kind == "string":
                continue
            text = branch.expression if branch.kind in ("number", "bool") else f"flatten({branch.expression})"
            known = UNREADABLE.get((name, branch.name))
            if known is None:
                texts[branch] = text
                continue
            with pytest.raises(BranchError, match=known):
                tree.arrays([text])
        columns = tree.arrays(list(texts.values())) if texts else {}
        for branch, text in texts.items():
            if not branch.fields and branch.typename.startswith(("Double32_t", "Float16_t")):
                # uproot divides a range of 32 bits by 2**32, ROOT by 2**32 - 1; of lists it knows no arrays.
                if branch.kind != "list":
                    array = ak.flatten(readers[branch.path].array(library="ak"), axis=None)
                    np.testing.assert_allclose(columns[text], array, rtol=0, atol=1e-6)
            elif not branch.fields:
                array = readers[branch.path].array(library="ak")
                expected = ak.to_numpy(ak.flatten(array, axis=None) if array.ndim > 1 else array)
                np.testing.assert_array_equal(columns[text], expected)
                assert np.dtype(branch.dtype) == expected.dtype or expected.size == 0
        oracle.file.close()


@pytest.mark.parametrize("name", FILES)
def test_every_number_can_be_histogrammed(name, data_dir):
    file = hepnb.events.open(data_dir / "root" / name)
    for entry in file.walk():
        if entry.kind not in ("tree", "rntuple"):
            continue
        tree = file[entry.key]
        for branch in tree.branches[:60]:
            try:
                histogram = tree.hist(branch.expression, bins=10)
            except (BranchError, SelectionError, EmptySelectionWarning):
                continue
            assert branch.kind in ("number", "bool")
            assert 0 < histogram.sum(flow=True).value <= tree.n_entries


def test_lists_of_arrays_of_packed_numbers(data_dir):
    """What is packed is what its neighbours hold: f[0,0,16] keeps 12 bits, d[0,0,32] is a float32."""
    tree = hepnb.events.open(data_dir / "root" / "ndim-slice.root")["tree"]
    expected = tree.arrays("flatten(SliF64)")["flatten(SliF64)"]
    for name in ("SliD16", "SliD32"):
        assert tree.branch(name).ndim == tree.branch("SliF64").ndim
        assert tree.arrays([f"flatten({name})"])[f"flatten({name})"].tolist() == expected.tolist()


def test_folders_and_cycles(data_dir):
    file = hepnb.events.open(data_dir / "root" / "uproot-nesteddirs.root")
    assert file["one"]["two"]["tree"] == file["one/two/tree"] == file["/one//two/tree;1"]
    assert file["one/two/tree"].n_entries == 100
    assert file.keys(kind="tree") == ["one/two/tree;1", "one/tree;1", "three/tree;1"]
    assert file.keys(match="one/*", kind="tree") == ["one/two/tree;1", "one/tree;1"]
    assert file["one"].keys() == ["two;1", "two/tree;1", "tree;1"]
    assert [entry.depth for entry in file["one"].walk()] == [0, 1, 0]
    assert "one/two" in file
    assert "one/three" not in file
    assert list(file["one"]) == file["one"].keys()
    assert len(file) == len(file.walk())


def test_the_newest_cycle_comes_first(generated_dir):
    file = hepnb.events.open(generated_dir / "objects.root")
    cycles = {}
    for entry in file.walk():
        cycles.setdefault(entry.path, []).append(entry.cycle)
    several = [path for path, numbers in cycles.items() if len(numbers) > 1]
    assert several
    for path in several:
        newest, oldest = max(cycles[path]), min(cycles[path])
        if isinstance(file[path], Tree):
            assert file[path] == file[f"{path};{newest}"]
            assert file[path] != file[f"{path};{oldest}"]


def test_no_such_object(zmumu):
    file = hepnb.events.open(zmumu)
    with pytest.raises(FileError, match=r"has no object 'event'\. Did you mean 'events'"):
        file["event"]
    with pytest.raises(FileError, match=r"'events' is a tree: .* file\['events'\]\.arrays\('px1'\)"):
        file["events/px1"]


def test_missing_file(tmp_path, zmumu):
    with pytest.raises(
        FileError, match=r"there is no file .*nothing\.root'\. The folder holds no \.root files"
    ):
        hepnb.events.open(tmp_path / "nothing.root")
    with pytest.raises(FileError, match=r"its folder .* does not exist"):
        hepnb.events.open(tmp_path / "no" / "nothing.root")
    with pytest.raises(FileError, match=r"Did you mean 'pairs\.root'"):
        hepnb.events.open(zmumu.with_name("pair.root"))
    with pytest.raises(FileError, match="is a folder"):
        hepnb.events.open(tmp_path)
    with pytest.raises(FileError, match="not a path"):
        hepnb.events.open(3)
    with pytest.raises(FileError, match="cannot be read"):
        hepnb.events.open("nul\0byte.root")


def test_a_server_that_is_not_there():
    with pytest.raises(FileError):
        hepnb.events.open("http://127.0.0.1:9/none.root")


@pytest.mark.parametrize(
    "text", ["hello world\n" * 20, "r", "rootbeer", "root", "{}", "PK\x03\x04", "\x00" * 100]
)
def test_text_named_root(tmp_path, text):
    path = tmp_path / "text.root"
    path.write_text(text)
    said = "is truncated" if text in ("r", "root") else "is not a ROOT file|cannot be read|is truncated"
    with pytest.raises(FileError, match=said):
        hepnb.events.open(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<!DOCTYPE html><html>", "It is a web page"),
        (b"  <html><body>", "It is a web page"),
        (b"version https://git-lfs.github.com/spec/v1", "It is a Git LFS pointer"),
        (b"\x1f\x8b\x08", "It is compressed"),
        (b"PK\x03\x04", "It is a zip archive"),
        (b"PAR1", "It is a Parquet file"),
        (b"\x89HDF\r\n", "It is an HDF5 file"),
        (b"PDF", "something else may stand in its place"),
    ],
)
def test_what_stands_in_the_place_of_a_file(tmp_path, content, words):
    path = tmp_path / "file.root"
    path.write_bytes(content + b"." * 100)
    with pytest.raises(FileError, match=rf"file\.root' is not a ROOT file: it starts with .* {words}"):
        hepnb.events.open(path)


def test_words_for_a_text_file(tmp_path):
    path = tmp_path / "text.root"
    path.write_text("jet_pt,weight\n1,2\n" * 10)
    with pytest.raises(FileError, match="is not a ROOT file: it starts with the text 'jet_pt,weight"):
        hepnb.events.open(path)
    path.write_bytes(b"")
    with pytest.raises(FileError, match="is empty"):
        hepnb.events.open(path)


TRUNCATED = ["pairs.root", "jagged.root", "texts.root", "objects.root"]


@pytest.mark.parametrize("name", TRUNCATED)
def test_truncated_file(tmp_path, generated_dir, name):
    data = (generated_dir / name).read_bytes()
    size = len(data)
    for length in (0, 1, 4, 20, 63, 64, 100, 403, 1000, size // 4, size // 2, size - 1000, size - 1):
        path = tmp_path / f"cut{length}.root"
        path.write_bytes(data[:length])
        with pytest.raises(FileError, match=r"is truncated|is empty") as caught:
            hepnb.events.open(path)
        assert path.name in str(caught.value)
        if length >= 64:
            assert f"{size:,} bytes" in str(caught.value)


def touch_everything(path):
    """Open, walk and read all of it: our errors are caught, any other one fails the test."""
    try:
        file = hepnb.events.open(path)
        entries = file.walk()
    except FileError:
        return
    for entry in entries:
        try:
            found = file[entry.key]
            for branch in found.branches[:8] if isinstance(found, Tree) else ():
                with contextlib.suppress(HepnbError):
                    found.hist(branch.expression, bins=5)
        except FileError:
            pass


@pytest.mark.parametrize("name", TRUNCATED)
def test_truncated_file_whose_header_does_not_know(tmp_path, generated_dir, name):
    data = (generated_dir / name).read_bytes()
    for length in (64, 200, 403, 1000, len(data) // 2, len(data) - 1000, len(data) - 1):
        path = tmp_path / f"cut{length}.root"
        path.write_bytes(data[:12] + struct.pack(">i", length) + data[16:length])
        touch_everything(path)


@pytest.mark.parametrize("name", TRUNCATED)
def test_damaged_file(tmp_path, generated_dir, name):
    generator = random.Random(name)
    data = (generated_dir / name).read_bytes()
    for trial in range(12):
        damaged = bytearray(data)
        end = len(data) if trial % 2 else 1000
        for _ in range(generator.choice([1, 5, 50])):
            damaged[generator.randrange(8, end)] = generator.randrange(256)
        path = tmp_path / f"damaged{trial}.root"
        path.write_bytes(damaged)
        touch_everything(path)


def test_a_file_cut_short_while_it_is_open(tmp_path, zmumu):
    path = tmp_path / "events.root"
    path.write_bytes(zmumu.read_bytes())
    tree = hepnb.events.open(path)["events"]
    assert tree.hist("px1", 10).sum(flow=True).value == 2304
    path.write_bytes(zmumu.read_bytes()[:50_000])
    with pytest.raises(FileError, match="is truncated"):
        tree.hist("px1", 10)
    path.unlink()
    with pytest.raises(FileError, match="there is no file"):
        tree.hist("px1", 10)


def test_a_file_that_is_written_again_is_read_again(tmp_path):
    import uproot

    path = tmp_path / "again.root"
    for n in (10, 20):
        with uproot.recreate(path) as file:
            file.mktree("t", {"x": "float64"}).extend({"x": np.arange(float(n))})
        tree = hepnb.events.open(path)["t"]
        assert tree.n_entries == n
        assert tree.arrays("x")["x"].sum() == sum(range(n))


def test_files_are_values_without_handles(zmumu):
    file = hepnb.events.open(zmumu)
    assert pickle.loads(pickle.dumps(file)) == file
    assert hash(file) == hash(hepnb.events.open(zmumu))
    assert "pairs.root" in repr(file)
    with file as same:
        assert same is file
    assert file["events"].n_entries == 2304
    with acquire(file.path) as handle:
        assert not handle.closed
    file.close()
    assert handle.closed


def test_many_files_do_not_stay_open(generated_dir, tmp_path):
    handles = []
    for number in range(25):
        path = str(shutil.copy(generated_dir / "objects.root", tmp_path / f"{number}.root"))
        hepnb.events.open(path)
        with acquire(path) as handle:
            handles.append(handle)
    assert handles[0].closed
    assert not handles[-1].closed
    assert sum(not handle.closed for handle in handles) <= 16
